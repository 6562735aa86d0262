//! The rules for the document as a whole: trailer, information, catalogue, metadata. Each rule knows one place in a document
//! and what may change there.

use super::Level;
use super::roles::Role;
use super::step::{Change, Comparison};
use crate::doc::pdf::input::PdfError;
use crate::doc::pdf::object::{Dictionary, Id, Object};

/// Keys of a trailer or cross-reference stream that belong to each revision of its own (tables 15, 17 and 5).
const TRAILER_KEYS: &[&str] = &[
    "Size",
    "Prev",
    "Root",
    "Encrypt",
    "Info",
    "ID",
    "XRefStm",
    "Type",
    "Index",
    "W",
    "Length",
    "Filter",
    "DecodeParms",
    "DL",
    "F",
    "FFilter",
    "FDecodeParms",
    "DocChecksum",
];

impl Comparison<'_, '_, '_> {
    /// Runs every rule.
    pub(super) fn claim_all(&mut self) -> Result<(), PdfError> {
        self.claim_containers();
        self.claim_trailer()?;
        let (old, new) = (self.old.catalog()?, self.new.catalog()?);
        self.claim_catalog(&old, &new)?;
        self.claim_metadata(&new)?;
        self.claim_store(&old, &new)?;
        self.claim_form(&old, &new)?;
        self.claim_pages()?;
        self.claim_structure(&new)
    }

    /// New object streams and cross-reference streams.
    fn claim_containers(&mut self) {
        let is_container = |change: &Change| match &change.new {
            Object::Stream(stream) => matches!(stream.dictionary.name("Type"), Some(b"XRef" | b"ObjStm")),
            _ => false,
        };
        let found: Vec<Id> =
            self.changes.values().filter(|change| change.old.is_none() && is_container(change)).map(|change| change.id).collect();
        found.into_iter().for_each(|id| self.claim(id, Role::Container));
    }

    /// The trailer must keep its catalogue and encryption, and name nothing unheard of; the information dictionary may change its texts.
    fn claim_trailer(&mut self) -> Result<(), PdfError> {
        let (Some(old), Some(new)) = (self.old.trailer(), self.new.trailer()) else { return Ok(()) };
        // The catalogue may move to a new object; what it says is compared as ever.
        if old.get("Root") != new.get("Root") && !new.reference("Root").is_some_and(|id| self.is_new(id)) {
            self.items.suspect("签名之后换了文件目录", "the document catalogue was replaced after signing");
        }
        if old.get("Encrypt") != new.get("Encrypt") {
            self.items.suspect("签名之后改了加密", "the encryption was changed after signing");
        }
        if !old.same_but(new, TRAILER_KEYS) {
            self.items.doubt("签名之后文件尾增改了不认识的条目", "unknown entries of the trailer were changed after signing");
        }
        let Some(id) = new.reference("Info") else { return Ok(()) };
        let plain = |change: &Change| match &change.new {
            Object::Dictionary(info) => {
                info.iter().all(|(_, value)| matches!(value, Object::Text(_) | Object::Name(_) | Object::Boolean(_)))
            }
            _ => false,
        };
        if self.changed(id).is_some_and(|change| plain(change) && (change.old.is_none() || old.reference("Info") == Some(id))) {
            self.claim(id, Role::Information);
            self.items.permit(Level::Preservation, "更新了文档信息", "the document information was updated");
        }
        Ok(())
    }

    /// The catalogue may gain a form, a security store, extensions, a later version and metadata; all else must mean the same.
    fn claim_catalog(&mut self, old: &Dictionary, new: &Dictionary) -> Result<(), PdfError> {
        let Some(id) = self.new.trailer().and_then(|trailer| trailer.reference("Root")) else { return Ok(()) };
        if self.changed(id).is_none() {
            return Ok(());
        }
        let free = ["AcroForm", "DSS", "Extensions", "Version", "Metadata"];
        if self.alike_but(old, new, &free)? {
            self.claim(id, Role::Catalog);
            self.claim_copies();
        } else {
            self.copies.take();
            let keys = self.differing(old, new, &free)?;
            self.items
                .suspect(format!("签名之后改动了文件目录：{keys}"), format!("the document catalogue was changed after signing: {keys}"));
        }
        if let Some(extensions) = new.reference("Extensions")
            && (self.is_new(extensions) || old.reference("Extensions") == Some(extensions))
        {
            self.claim(extensions, Role::Extensions);
        }
        Ok(())
    }

    /// The names of the keys under which two dictionaries differ.
    pub(super) fn differing(&self, old: &Dictionary, new: &Dictionary, except: &[&str]) -> Result<String, PdfError> {
        let mut names = Vec::new();
        let keys: std::collections::BTreeSet<&[u8]> = old.iter().chain(new.iter()).map(|(key, _)| key).collect();
        for key in keys {
            let name = String::from_utf8_lossy(key).into_owned();
            if except.contains(&name.as_str()) {
                continue;
            }
            let same = match (old.get(&name), new.get(&name)) {
                (Some(old), Some(new)) => self.alike(old, new)?,
                _ => false,
            };
            if !same && names.len() < 8 {
                names.push(format!("/{}", name.chars().take(40).filter(|letter| !letter.is_control()).collect::<String>()));
            }
        }
        self.copies.take();
        Ok(names.join(", "))
    }

    /// The metadata of the document may be exchanged for other plain metadata: XML without a document type, since entities
    /// would let one text show as another, or as nothing.
    fn claim_metadata(&mut self, new: &Dictionary) -> Result<(), PdfError> {
        let Some(id) = new.reference("Metadata") else { return Ok(()) };
        let Some(Change { old, new: Object::Stream(stream), .. }) = self.changed(id).cloned() else { return Ok(()) };
        let is_metadata = |object: &Object| matches!(object, Object::Stream(stream) if stream.dictionary.name("Type") == Some(b"Metadata"));
        if stream.dictionary.name("Type") != Some(b"Metadata") || !old.as_ref().is_none_or(is_metadata) {
            return Ok(());
        }
        let octets = self.new.decoded(&stream)?;
        let mentions = |word: &[u8]| octets.windows(word.len()).any(|window| window == word);
        let wide = octets.starts_with(&[0xfe, 0xff]) || octets.starts_with(&[0xff, 0xfe]);
        if !wide && (!octets.contains(&b'<') || mentions(b"<!DOCTYPE") || mentions(b"<!ENTITY")) {
            self.items.suspect("签名之后换上的元数据不是普通的 XML", "the metadata put there after signing is no plain XML");
        }
        self.claim(id, Role::Metadata);
        self.items.permit(Level::Preservation, "更新了元数据", "the metadata was updated");
        Ok(())
    }

    /// New objects that a claimed one needs, and what they need.
    pub(super) fn claim_parts(&mut self, from: Option<&Object>) {
        let mut todo: Vec<Object> = from.cloned().into_iter().collect();
        while let Some(node) = todo.pop() {
            for id in references(&node) {
                if self.is_new(id) && !self.roles.contains_key(&id.number) {
                    self.claim(id, Role::Part);
                    todo.extend(self.changed(id).map(|change| change.new.clone()));
                }
            }
        }
    }

    /// Whether the dictionary refers to a changed object under other keys than `except`: then a reference that led nowhere when
    /// the document was signed leads somewhere now.
    pub(super) fn mentions(&self, dictionary: &Dictionary, except: &[&str]) -> bool {
        let others = dictionary.iter().filter(|(key, _)| !except.iter().any(|name| name.as_bytes() == *key));
        others.flat_map(|(_, value)| references(value)).any(|id| self.is_new(id))
    }
}

/// Whether the dictionary has no other keys than these.
pub(super) fn only(dictionary: &Dictionary, keys: &[&str]) -> bool {
    dictionary.iter().all(|(key, _)| keys.iter().any(|name| name.as_bytes() == key))
}

/// The references in a value, those in nested arrays and dictionaries included.
pub(super) fn references(value: &Object) -> Vec<Id> {
    let mut found = Vec::new();
    let mut todo = vec![value];
    while let Some(object) = todo.pop() {
        match object {
            Object::Reference(id) => found.push(*id),
            Object::Array(items) => todo.extend(items),
            Object::Dictionary(dictionary) => todo.extend(dictionary.iter().map(|(_, value)| value)),
            Object::Stream(stream) => todo.extend(stream.dictionary.iter().map(|(_, value)| value)),
            _ => (),
        }
    }
    found
}
