//! What an OFD package says of the licence that it is: `CustomDatas` of OFD.xml (GB/T 33190-2016 §7.4) and the text of its pages.

use super::{
    Reader,
    location::Locator,
    xml::{children, content, only, text, tree},
};
use crate::doc::licence::{LicenceFacts, MAX_TEXT, Metadata};
use std::io;

/// Most pages whose text is read.
const MAX_PAGES: usize = 2_000;

/// The licence of the first document that has a licence's metadata. Problems of reading are told by those who read the package for
/// its signatures; here they leave a field unread.
pub(super) fn read(locator: &Locator<'_, '_>, reader: &mut Reader<'_, '_>) -> io::Result<Option<Box<LicenceFacts>>> {
    let Some(root) = locator.find("", "/OFD.xml") else { return Ok(None) };
    let told = reader.problems.len();
    let found = licence(locator, reader, root.entry);
    reader.problems.truncate(told);
    found
}

fn licence(locator: &Locator<'_, '_>, reader: &mut Reader<'_, '_>, root: usize) -> io::Result<Option<Box<LicenceFacts>>> {
    let Some(octets) = reader.read(root)? else { return Ok(None) };
    if !octets.windows(10).any(|window| window == b"CustomData") {
        return Ok(None);
    }
    let Ok(written) = text(&octets) else { return Ok(None) };
    let Ok(parsed) = tree(&written) else { return Ok(None) };
    let bodies: Vec<_> = children(parsed.root_element(), "DocBody").take(256).collect();
    for body in &bodies {
        let mut metadata = Metadata::default();
        for info in children(*body, "DocInfo") {
            for list in children(info, "CustomDatas") {
                children(list, "CustomData").for_each(|data| metadata.take(data.attribute("Name").unwrap_or_default(), &content(data)));
            }
        }
        if metadata.is_licence() {
            let document = only(*body, "DocRoot").ok().flatten().map(content);
            let page = match document.and_then(|document| locator.find("OFD.xml", &document)) {
                Some(document) => pages(locator, reader, document.entry)?,
                None => None,
            };
            return Ok(Some(Box::new(LicenceFacts { metadata, page, others: bodies.len() > 1 })));
        }
    }
    Ok(None)
}

/// The text of all pages and the templates they use; `None` if any of them cannot be read.
fn pages(locator: &Locator<'_, '_>, reader: &mut Reader<'_, '_>, document: usize) -> io::Result<Option<String>> {
    let Some(octets) = reader.read(document)? else { return Ok(None) };
    let Ok(written) = text(&octets) else { return Ok(None) };
    let Ok(parsed) = tree(&written) else { return Ok(None) };
    let root = parsed.root_element();
    let templates = children(root, "CommonData").flat_map(|common| children(common, "TemplatePage"));
    let pages = children(root, "Pages").flat_map(|pages| children(pages, "Page"));
    let mut all = String::new();
    for node in templates.chain(pages).take(MAX_PAGES) {
        let place = node.attribute("BaseLoc").and_then(|written| locator.find(locator.name(document), written));
        let Some(octets) = place.map(|place| reader.read(place.entry)).transpose()?.flatten() else { return Ok(None) };
        let Some(drawn) = drawn(&octets) else { return Ok(None) };
        all.push_str(&drawn);
        if all.len() > MAX_TEXT {
            return Ok(None);
        }
    }
    Ok(Some(all))
}

/// The text of one page: every text object that is not marked as invisible, one line each.
fn drawn(octets: &[u8]) -> Option<String> {
    let written = text(octets).ok()?;
    let parsed = tree(&written).ok()?;
    let mut all = String::new();
    let hidden = |node: roxmltree::Node<'_, '_>| {
        node.ancestors().any(|node| {
            node.attribute("Visible").is_some_and(|value| value.trim() == "false")
                || node.attribute("Alpha").is_some_and(|value| value.trim() == "0")
        })
    };
    for object in parsed.root_element().descendants().filter(|node| node.is_element() && node.tag_name().name() == "TextObject") {
        if hidden(object) {
            continue;
        }
        // The pieces of one object stand in one line; space inside them counts.
        for code in children(object, "TextCode") {
            all.extend(code.children().filter_map(|piece| piece.text().filter(|_| piece.is_text())));
        }
        all.push('\n');
    }
    Some(all)
}
