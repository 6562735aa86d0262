//! What OFD.xml, Signatures.xml and Signature.xml say. GB/T 33190-2016 §7.4, §18.

use super::xml::{children, content, is_ofd, only, text, tree};
use crate::crypto::{Hash, Oid};
use base64::{Engine as _, prelude::BASE64_STANDARD};

/// Most documents of a package.
const MAX_BODIES: usize = 256;
/// Most signatures of a document.
const MAX_SIGNATURES: usize = 1_000;
/// Most references of a signature.
const MAX_REFERENCES: usize = 50_000;
/// Most stamps of a signature.
const MAX_STAMPS: usize = 10_000;

/// One document of the package (DocBody).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    /// Location of the document's root.
    pub root: Option<String>,
    /// Location of the list of signatures.
    pub signatures: Option<String>,
}

/// One line of Signatures.xml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub id: String,
    /// `Seal` (also where nothing is said) or `Sign`; what the signed value is decides.
    pub sign: bool,
    /// Location of Signature.xml.
    pub location: String,
}

/// Signature.xml.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    /// The digest that the references use, or what was written.
    pub digest: Result<Hash, String>,
    /// Location and digest of each protected file.
    pub references: Vec<(String, Vec<u8>)>,
    /// Pages that bear the mark, and whether each shows only a slice of it.
    pub stamps: Vec<(String, bool)>,
    /// Location of the seal's own file.
    pub seal: Option<String>,
    /// Location of the signed value.
    pub value: String,
    /// Deviations, Chinese and English.
    pub notices: Vec<(&'static str, &'static str)>,
}

const FOREIGN: (&str, &str) = ("元素不在 OFD 的命名空间中", "its elements stand in a namespace that is not OFD's");

/// The documents that OFD.xml lists.
pub(crate) fn bodies(octets: &[u8]) -> Result<Vec<Body>, &'static str> {
    let text = text(octets)?;
    let tree = tree(&text)?;
    let root = tree.root_element();
    if root.tag_name().name() != "OFD" {
        return Err("OFD.xml does not start with the element OFD");
    }
    let mut bodies = Vec::new();
    for body in children(root, "DocBody") {
        if bodies.len() >= MAX_BODIES {
            return Err("more documents than are read");
        }
        let location = |name| only(body, name).map(|node| node.map(content).filter(|text| !text.is_empty()));
        bodies.push(Body { root: location("DocRoot")?, signatures: location("Signatures")? });
    }
    if bodies.is_empty() { Err("OFD.xml lists no document") } else { Ok(bodies) }
}

/// The signatures that Signatures.xml lists, in their order.
pub(crate) fn listed(octets: &[u8]) -> Result<Vec<Listed>, &'static str> {
    let text = text(octets)?;
    let tree = tree(&text)?;
    let root = tree.root_element();
    if root.tag_name().name() != "Signatures" {
        return Err("the list of signatures does not start with the element Signatures");
    }
    let mut list: Vec<Listed> = Vec::new();
    for node in children(root, "Signature") {
        if list.len() >= MAX_SIGNATURES {
            return Err("more signatures than are read");
        }
        let location = node.attribute("BaseLoc").ok_or("a signature in the list has no BaseLoc")?.trim().to_owned();
        let id = node.attribute("ID").unwrap_or_default().trim().to_owned();
        list.push(Listed { id, sign: node.attribute("Type").is_some_and(|kind| kind.trim().eq_ignore_ascii_case("Sign")), location });
    }
    Ok(list)
}

/// What Signature.xml says.
pub(crate) fn described(octets: &[u8]) -> Result<Described, &'static str> {
    let text = text(octets)?;
    let tree = tree(&text)?;
    let root = tree.root_element();
    if root.tag_name().name() != "Signature" {
        return Err("the description of a signature does not start with the element Signature");
    }
    let mut notices = Vec::new();
    if !is_ofd(root) {
        notices.push(FOREIGN);
    }
    let signed = only(root, "SignedInfo")?.ok_or("the description of a signature has no SignedInfo")?;
    let list = only(signed, "References")?.ok_or("the description of a signature has no References")?;
    let mut references = Vec::new();
    for node in children(list, "Reference") {
        if references.len() >= MAX_REFERENCES {
            return Err("more references than are read");
        }
        let location = node.attribute("FileRef").ok_or("a reference names no file")?.trim().to_owned();
        let value = only(node, "CheckValue")?.ok_or("a reference has no CheckValue")?;
        let compact: String = content(value).chars().filter(|c| !c.is_whitespace()).collect();
        let digest = BASE64_STANDARD.decode(compact).map_err(|_| "a CheckValue is not Base64")?;
        references.push((location, digest));
    }
    if references.is_empty() {
        return Err("the signature protects no file");
    }
    let digest = method(list.attribute("CheckMethod"), &references, &mut notices);
    let value = only(root, "SignedValue")?.map(content).filter(|text| !text.is_empty());
    let value = value.ok_or("the description of a signature names no SignedValue")?;
    let seal = match only(signed, "Seal")? {
        Some(seal) => only(seal, "BaseLoc")?.map(content).filter(|text| !text.is_empty()),
        None => None,
    };
    let stamps = children(signed, "StampAnnot").take(MAX_STAMPS);
    let stamps = stamps.map(|stamp| (stamp.attribute("PageRef").unwrap_or_default().to_owned(), stamp.has_attribute("Clip"))).collect();
    Ok(Described { digest, references, stamps, seal, value, notices })
}

/// The digest of the references. Nothing said means MD5 (GB/T 33190-2016 §18.2.3), which no value of 32 octets can be.
fn method(
    written: Option<&str>,
    references: &[(String, Vec<u8>)],
    notices: &mut Vec<(&'static str, &'static str)>,
) -> Result<Hash, String> {
    const KEYED: &str = "1.2.156.10197.1.401.2";
    let Some(written) = written.map(str::trim).filter(|text| !text.is_empty()) else {
        if references.iter().all(|(_, digest)| digest.len() == 32) {
            notices.push(("没有写明摘要算法，按摘要长度认作 SM3", "no digest is named; by their length the values are taken for SM3"));
            return Ok(Hash::Sm3);
        }
        notices.push(("没有写明摘要算法，按标准为 MD5", "no digest is named, which means MD5"));
        return Ok(Hash::Md5);
    };
    if written == KEYED {
        notices.push(("摘要算法写成带密钥的 SM3 标识符", "the digest is written with the identifier of keyed SM3"));
    }
    let by_oid = Oid::new(written).ok().as_ref().and_then(Hash::from_oid);
    let plain = written.replace(['-', '_'], "").to_ascii_lowercase();
    let by_name = Hash::ALL.into_iter().find(|hash| hash.name().replace('-', "") == plain);
    by_oid.or(by_name).ok_or_else(|| written.chars().take(64).collect())
}

/// GM/T 0099-2020 OFDEntries.xml: the names that the package had, and where the signature over the list stands.
pub(crate) fn entries(octets: &[u8]) -> Result<(Vec<String>, Option<String>), &'static str> {
    let text = text(octets)?;
    let tree = tree(&text)?;
    let root = tree.root_element();
    let value = root.descendants().find(|node| node.tag_name().name() == "SignedValueLoc").map(content);
    let value = value.or_else(|| root.attribute("SignedValueLoc").map(Into::into)).filter(|text| !text.is_empty());
    let files = root.descendants().filter(|node| node.is_element() && node.tag_name().name() == "File");
    let name = |node: roxmltree::Node<'_, '_>| {
        let own = node.attribute("FileLoc").map(str::to_owned);
        own.or_else(|| children(node, "FileLoc").next().map(content)).unwrap_or_else(|| content(node))
    };
    let names: Vec<String> = files.map(name).filter(|name| !name.is_empty()).take(MAX_REFERENCES).collect();
    if names.is_empty() { Err("the list of files is empty") } else { Ok((names, value)) }
}
