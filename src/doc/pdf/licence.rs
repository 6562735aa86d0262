//! What a PDF says of the licence that it is: an embedded file with the metadata, or entries of the information dictionary; and
//! the text of its pages.

use super::document::Revision;
use super::input::PdfError;
use super::object::{Dictionary, Object, readable};
use super::pages::Pages;
use super::text::page_text;
use crate::doc::licence::{LicenceFacts, MAX_TEXT, Metadata};

/// Name of the embedded file that holds the metadata.
pub const FILE: &str = "licence-metadata.json";
/// Most embedded files that are looked at.
const MAX_FILES: usize = 100;
/// Most pages whose text is read.
const MAX_PAGES: usize = 500;

/// The licence, where the file says that it is one.
pub(super) fn read(revision: Revision<'_, '_>, pages: &Pages) -> Option<Box<LicenceFacts>> {
    let metadata = match embedded(revision) {
        Ok(Some(metadata)) if metadata.is_licence() => metadata,
        _ => information(revision).ok().filter(Metadata::is_licence)?,
    };
    let mut all = String::new();
    let mut read_all = true;
    for (_, id) in pages.in_order().take(MAX_PAGES) {
        let page = revision.object(id).ok();
        let text = page.as_ref().and_then(Object::as_dictionary).and_then(|page| page_text(revision, page).ok().flatten());
        match text {
            Some(text) if all.len() + text.len() <= MAX_TEXT => all.push_str(&text),
            _ => read_all = false,
        }
    }
    let page = Some(all).filter(|all| read_all && !all.trim().is_empty());
    Some(Box::new(LicenceFacts { metadata, page, others: false }))
}

/// The embedded file (ISO 32000-2 §7.11.4). Only a tree of names with one leaf is read, as our own files have it.
fn embedded(revision: Revision<'_, '_>) -> Result<Option<Metadata>, PdfError> {
    let Some(names) = revision.dictionary(&revision.catalog()?, "Names")? else { return Ok(None) };
    let Some(mut node) = revision.dictionary(&names, "EmbeddedFiles")? else { return Ok(None) };
    for _ in 0..4 {
        let Object::Array(kids) = revision.value(&node, "Kids")? else { break };
        let Some(Object::Dictionary(first)) = kids.first().map(|kid| revision.resolve(kid)).transpose()? else { return Ok(None) };
        node = first;
    }
    let Object::Array(list) = revision.value(&node, "Names")? else { return Ok(None) };
    for pair in list.chunks_exact(2).take(MAX_FILES) {
        let [_, described] = pair else { continue };
        let Object::Dictionary(described) = revision.resolve(described)? else { continue };
        let called = revision.value(&described, "UF")?;
        let called = called.as_text().map(|text| readable(&text.octets)).unwrap_or_default();
        if called != FILE {
            continue;
        }
        let Some(file) = revision.dictionary(&described, "EF")? else { continue };
        if let Object::Stream(stream) = revision.value(&file, "F")? {
            return Ok(entries(&revision.decoded(&stream)?));
        }
    }
    Ok(None)
}

/// A list of pairs, JSON: `[["ZZBS", "1.2.156…"], …]`.
fn entries(octets: &[u8]) -> Option<Metadata> {
    let pairs: Vec<(String, String)> = serde_json::from_slice(octets.get(..octets.len().min(MAX_TEXT))?).ok()?;
    let mut metadata = Metadata::default();
    pairs.iter().for_each(|(name, value)| metadata.take(name, value));
    Some(metadata)
}

/// Entries of the information dictionary, under the short names themselves.
fn information(revision: Revision<'_, '_>) -> Result<Metadata, PdfError> {
    let mut metadata = Metadata::default();
    let trailer = revision.trailer().cloned().unwrap_or_default();
    let Some(info): Option<Dictionary> = revision.dictionary(&trailer, "Info")? else { return Ok(metadata) };
    for (key, value) in info.iter() {
        if let (Ok(key), Some(text)) = (std::str::from_utf8(key), revision.resolve(value)?.as_text()) {
            metadata.take(key, &readable(&text.octets));
        }
    }
    Ok(metadata)
}
