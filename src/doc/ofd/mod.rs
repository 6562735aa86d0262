//! OFD packages (GB/T 33190-2016) and their signatures: every signature of every document, over the original octets.
//!
//! The package is read by `zip`; each protected file is hashed once, as a stream, however many signatures protect it.

mod coverage;
mod integrity;
mod licence;
pub(crate) mod location;
pub(crate) mod pages;
pub(crate) mod structure;
mod value;
pub(crate) mod xml;

use super::{
    ReadOptions,
    facts::{Facts, Integrity, PackageFacts, Problem, ProblemKind, SignatureFacts, SignatureKind, SignerFacts},
    source::ByteSource,
    zip::{EntryError, Package},
};
use crate::crypto::Hash;
use location::Locator;
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};
use structure::{Described, Listed};

/// How much of descriptions, signed values and seals is held at once.
const MAX_HELD: u64 = 128 * 1024 * 1024;

/// A signature that a document lists, with the files that belong to it.
struct Draft {
    id: String,
    listed: Listed,
    /// Which document of the package.
    document: usize,
    /// Entry and octets of Signature.xml.
    xml: Option<(usize, Vec<u8>)>,
    described: Result<Described, &'static str>,
    /// Entry and octets of the signed value.
    value: Option<(usize, Vec<u8>)>,
    /// Protected entries with the digests that they should have.
    references: Vec<(usize, Vec<u8>)>,
    /// Protected files that are not there.
    missing: Vec<String>,
    /// References without a slash at their start that name a file both from here and from the root.
    ambiguous: Vec<String>,
    /// The seal's own file.
    seal: Option<(usize, Vec<u8>)>,
    seal_missing: bool,
    /// A location was written loosely.
    loose: bool,
}

/// One document of the package.
struct DocumentFiles {
    /// Folder of its root, with a slash at the end; empty at the root of the package.
    folder: String,
    /// Its list of signatures.
    list: Option<usize>,
}

/// Digests of entries: `None` where the entry is broken, no item where it is packed in a way that is not read.
type Digests = BTreeMap<(usize, Hash), Option<Vec<u8>>>;

/// Fills the facts of an OFD package.
pub(super) fn read(source: &dyn ByteSource, options: &ReadOptions<'_>, mut facts: Facts) -> io::Result<Facts> {
    let package = Package::open(source)?;
    facts.problems.extend_from_slice(package.problems());
    let locator = Locator::new(&package);
    let mut reader = Reader { package: &package, left: MAX_HELD, problems: Vec::new() };
    let (documents, drafts) = drafts(&locator, &mut reader)?;
    let digests = digests(&drafts, &mut reader)?;
    let hidden = unlisted(&locator, &mut reader, &drafts)?;
    let mut judged: Vec<Vec<SignatureFacts>> = drafts.iter().map(|draft| entries(draft, &locator, options)).collect();
    let accounts = coverage::Accounts::new(&package, &documents, &drafts, &judged);
    let integrity = integrity::check(&locator, &mut reader, &accounts, options.certificates)?;
    facts.licence = licence::read(&locator, &mut reader)?;
    facts.problems.append(&mut reader.problems);
    if locator.find("", "/Encryptions.xml").is_some() {
        let text = ("文件包按 GM/T 0099 加密", "the package is encrypted (GM/T 0099)");
        facts.problems.push(Problem::unsupported("ENCRYPTION_UNSUPPORTED", text.0, text.1));
    }
    let found: Vec<PackageFacts> = (0..drafts.len()).map(|position| accounts.of(position, &digests)).collect();
    for (position, ((entries, draft), package)) in judged.iter_mut().zip(&drafts).zip(found).enumerate() {
        let later = later(&drafts, position);
        let hides = draft.references.iter().find(|(entry, _)| hidden.contains(entry)).map(|(entry, _)| locator.name(*entry));
        for entry in entries {
            let mut package = package.clone();
            package.uncovered.retain(|name| !integrity.is_of(entry, name));
            coverage::settle(entry, &package, &later);
            entry.problems.extend(hides.map(|name| Problem {
                kind: ProblemKind::Constraint,
                zh: format!("它保护的签名“{name}”已不在任何签名列表中"),
                en: format!("a signature that it protects stands in no list of signatures: {name:?}"),
            }));
            entry.package = Some(Box::new(package));
        }
    }
    facts.signatures.extend(judged.into_iter().flatten());
    facts.problems.extend(integrity.problems);
    if facts.signatures.is_empty() {
        facts.signatures.extend(integrity.signature);
    }
    Ok(facts)
}

/// Reads files of the package within one budget.
struct Reader<'p, 's> {
    package: &'p Package<'s>,
    left: u64,
    problems: Vec<Problem>,
}

impl Reader<'_, '_> {
    /// The octets of an entry; what cannot be read is a problem, and only a failing source an error.
    fn read(&mut self, entry: usize) -> io::Result<Option<Vec<u8>>> {
        match self.package.read(entry, self.left.min(xml::MAX_XML)) {
            Ok(octets) => {
                self.left = self.left.saturating_sub(octets.len() as u64);
                Ok(Some(octets))
            }
            Err(error) => self.broken(entry, error).map(|()| None),
        }
    }

    fn broken(&mut self, entry: usize, error: EntryError) -> io::Result<()> {
        let name = self.package.entries().get(entry).map_or("", |entry| entry.name.as_str());
        match error {
            EntryError::Io(error) => return Err(error),
            EntryError::TooLarge => {
                let text = (format!("条目“{name}”过大，未读取"), format!("entry {name:?} is larger than is read"));
                self.problems.push(Problem::unsupported("SIZE_UNSUPPORTED", text.0, text.1));
            }
            EntryError::Unsupported => {}
            EntryError::Broken(why) => {
                let problem = Problem::malformed(format!("条目“{name}”无法展开"), format!("entry {name:?}: {why}"));
                if !self.problems.contains(&problem) {
                    self.problems.push(problem);
                }
            }
        }
        Ok(())
    }

    fn malformed(&mut self, zh: &str, en: &str) {
        self.problems.push(Problem::malformed(zh, en));
    }
}

/// Follows OFD.xml to every signature.
fn drafts(locator: &Locator<'_, '_>, reader: &mut Reader<'_, '_>) -> io::Result<(Vec<DocumentFiles>, Vec<Draft>)> {
    let (mut documents, mut drafts) = (Vec::new(), Vec::new());
    let Some(root) = locator.find("", "/OFD.xml") else {
        if reader.package.problems().iter().all(|problem| problem.kind == ProblemKind::Notice) {
            reader.malformed("文件包没有 OFD.xml", "the package has no OFD.xml");
        }
        return Ok((documents, drafts));
    };
    let Some(octets) = reader.read(root.entry)? else { return Ok((documents, drafts)) };
    let bodies = match structure::bodies(&octets) {
        Ok(bodies) => bodies,
        Err(why) => {
            reader.malformed("OFD.xml 无法读取", why);
            return Ok((documents, drafts));
        }
    };
    for (document, body) in bodies.iter().enumerate() {
        let found = body.root.as_deref().and_then(|root| locator.find("OFD.xml", root));
        if found.is_none() {
            reader.malformed("OFD.xml 所指的文档不存在", "a document that OFD.xml names is not there");
        }
        let name = found.map(|found| locator.name(found.entry)).unwrap_or_default();
        let folder = name.rsplit_once('/').map_or_else(String::new, |(folder, _)| format!("{folder}/"));
        let mut files = DocumentFiles { folder, list: None };
        if let Some(written) = &body.signatures {
            match locator.find("OFD.xml", written) {
                None => reader.malformed("OFD.xml 所指的签名列表不存在", "the list of signatures that OFD.xml names is not there"),
                Some(found) => {
                    files.list = Some(found.entry);
                    if let Some(octets) = reader.read(found.entry)? {
                        match structure::listed(&octets) {
                            Err(why) => reader.malformed("签名列表无法读取", why),
                            Ok(listed) => {
                                for one in listed {
                                    drafts.push(draft(locator, reader, found.entry, document, one)?);
                                }
                            }
                        }
                    }
                }
            }
        }
        documents.push(files);
    }
    // One signature listed twice would look like two.
    let mut described = BTreeSet::new();
    if drafts.iter().filter_map(|draft| draft.xml.as_ref()).any(|(entry, _)| !described.insert(*entry)) {
        reader.malformed("签名列表把同一签名列出不止一次", "a list of signatures names one signature twice");
    }
    // An identifier serves only where it is one.
    let mut seen = BTreeSet::new();
    for draft in &mut drafts {
        if draft.listed.id.is_empty() || !seen.insert(draft.listed.id.clone()) {
            draft.id.clone_from(&draft.listed.location);
        }
    }
    Ok((documents, drafts))
}

/// Gathers what belongs to one signature.
fn draft(locator: &Locator<'_, '_>, reader: &mut Reader<'_, '_>, list: usize, document: usize, listed: Listed) -> io::Result<Draft> {
    let mut draft = Draft {
        id: listed.id.clone(),
        document,
        xml: None,
        described: Err("the description of the signature is not there"),
        value: None,
        references: Vec::new(),
        missing: Vec::new(),
        ambiguous: Vec::new(),
        seal: None,
        seal_missing: false,
        loose: false,
        listed,
    };
    let Some(found) = locator.find(locator.name(list), &draft.listed.location) else { return Ok(draft) };
    draft.loose = found.loose;
    let Some(octets) = reader.read(found.entry)? else { return Ok(draft) };
    draft.described = structure::described(&octets);
    draft.xml = Some((found.entry, octets));
    let Ok(described) = draft.described.clone() else { return Ok(draft) };
    let own = locator.name(found.entry);
    // From the root there is one way to read a location.
    let rooted = described.references.iter().filter(|(written, _)| written.starts_with(['/', '\\']));
    let rooted: BTreeSet<usize> = rooted.filter_map(|(written, _)| locator.find(own, written)).map(|found| found.entry).collect();
    for (written, digest) in described.references {
        match locator.find(own, &written) {
            Some(found) => {
                draft.loose |= found.loose;
                // Readers differ in which of the two they take: the digest has to be that of both.
                if let Some(other) = found.other.filter(|other| !rooted.contains(other)) {
                    draft.ambiguous.push(written.chars().take(256).collect());
                    draft.references.push((other, digest.clone()));
                }
                draft.references.push((found.entry, digest));
            }
            None => draft.missing.push(written.chars().take(256).collect()),
        }
    }
    if let Some(found) = locator.find(own, &described.value) {
        draft.loose |= found.loose;
        draft.value = reader.read(found.entry)?.map(|octets| (found.entry, octets));
    }
    if let Some(seal) = &described.seal {
        match locator.find(own, seal) {
            Some(found) => draft.seal = reader.read(found.entry)?.map(|octets| (found.entry, octets)),
            None => draft.seal_missing = true,
        }
    }
    Ok(draft)
}

/// Hashes every protected file, each once.
fn digests(drafts: &[Draft], reader: &mut Reader<'_, '_>) -> io::Result<Digests> {
    let mut wanted: BTreeMap<usize, BTreeSet<Hash>> = BTreeMap::new();
    for draft in drafts {
        let Ok(Described { digest: Ok(hash), .. }) = &draft.described else { continue };
        for (entry, _) in &draft.references {
            wanted.entry(*entry).or_default().insert(*hash);
        }
    }
    let mut digests = Digests::new();
    for (entry, hashes) in wanted {
        let mut hashers: Vec<_> = hashes.iter().map(|hash| (*hash, hash.hasher())).collect();
        let outcome = reader.package.stream(entry, &mut |piece| hashers.iter_mut().for_each(|(_, hasher)| hasher.update(piece)));
        let readable = outcome.is_ok();
        if let Err(error) = outcome {
            let unread = matches!(error, EntryError::Unsupported);
            reader.broken(entry, error)?;
            if unread {
                continue;
            }
        }
        for (hash, hasher) in hashers {
            digests.insert((entry, hash), readable.then(|| hasher.finish()));
        }
    }
    Ok(digests)
}

/// Signatures that the same document lists after this one.
fn later(drafts: &[Draft], position: usize) -> Vec<String> {
    let Some(own) = drafts.get(position) else { return Vec::new() };
    let after = drafts.iter().skip(position.saturating_add(1)).filter(|draft| draft.document == own.document);
    after.map(|draft| draft.id.clone()).collect()
}

/// Descriptions of signatures that a signature protects and no list names: somebody took them off their list.
fn unlisted(locator: &Locator<'_, '_>, reader: &mut Reader<'_, '_>, drafts: &[Draft]) -> io::Result<BTreeSet<usize>> {
    let listed: BTreeSet<usize> = drafts.iter().filter_map(|draft| draft.xml.as_ref()).map(|(entry, _)| *entry).collect();
    let named: BTreeSet<usize> = drafts.iter().flat_map(|draft| &draft.references).map(|(entry, _)| *entry).collect();
    let mut hidden = BTreeSet::new();
    for entry in named.difference(&listed) {
        let name = locator.name(*entry).to_ascii_lowercase();
        let last = name.rsplit('/').next().unwrap_or_default();
        if last.contains("sign")
            && last.ends_with(".xml")
            && let Some(octets) = reader.read(*entry)?
            && structure::described(&octets).is_ok()
        {
            hidden.insert(*entry);
        }
    }
    Ok(hidden)
}

/// The facts of one listed signature by itself, whatever its references come to; a CMS value may have several signers.
fn entries(draft: &Draft, locator: &Locator<'_, '_>, options: &ReadOptions<'_>) -> Vec<SignatureFacts> {
    let kind = if draft.listed.sign { SignatureKind::Signature } else { SignatureKind::Seal };
    let unreadable = |integrity| vec![SignatureFacts::new(draft.id.clone(), kind, SignerFacts::unreadable(integrity))];
    let mut entries = match (&draft.described, &draft.xml, &draft.value) {
        (_, None, _) => unreadable(Integrity::Malformed("the description of the signature is not there".into())),
        (Err(why), _, _) => unreadable(Integrity::Malformed((*why).into())),
        (Ok(_), _, None) => unreadable(Integrity::Malformed("the signed value is not there".into())),
        (Ok(described), Some((entry, xml)), Some((_, octets))) => {
            value::entries(&draft.id, octets, &value::Protected { xml, path: locator.name(*entry), described, draft }, options.certificates)
        }
    };
    for entry in &mut entries {
        if draft.loose {
            let text = (
                "文件位置的写法不规范（反斜杠、大小写或缺少开头的斜杠）",
                "a location is written loosely (backslashes, case, or no slash at its start)",
            );
            entry.problems.push(Problem::notice(text.0, text.1));
        }
        if let Some(written) = draft.ambiguous.first() {
            entry.problems.push(Problem {
                kind: ProblemKind::Constraint,
                zh: format!("所保护的位置“{written}”可指两个文件，不同软件取法不同"),
                en: format!("the protected location {written:?} may mean two files: readers differ in which they take"),
            });
        }
    }
    entries
}
