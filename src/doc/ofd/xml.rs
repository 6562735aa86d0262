//! XML of a package, read under limits: no document type, no entities, bounded depth and size.

use roxmltree::{Document, Node, ParsingOptions};

/// Largest XML file that is read.
pub(crate) const MAX_XML: u64 = 16 * 1024 * 1024;
/// Deepest nesting.
const MAX_DEPTH: usize = 64;
/// Most nodes and attributes.
const MAX_NODES: u32 = 1_000_000;
/// Namespaces in which OFD is written.
const NAMESPACES: [&str; 2] = ["http://www.ofdspec.org/2016", "http://www.ofdspec.org"];

/// The octets as text: UTF-8, or the Chinese encoding that the declaration names.
pub(crate) fn text(octets: &[u8]) -> Result<String, &'static str> {
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    if let Ok(text) = std::str::from_utf8(octets) {
        return Ok(text.into());
    }
    let head = String::from_utf8_lossy(octets.get(..octets.len().min(120)).unwrap_or_default()).to_ascii_lowercase();
    if !["gbk", "gb2312", "gb18030"].iter().any(|name| head.contains(name)) {
        return Err("the XML is not written in UTF-8");
    }
    let (text, _, broken) = encoding_rs::GB18030.decode(octets);
    if broken { Err("the XML is not written in the encoding that it names") } else { Ok(text.into_owned()) }
}

/// The tree of a text.
pub(crate) fn tree(text: &str) -> Result<Document<'_>, &'static str> {
    if !shallow(text) {
        return Err("the XML is nested too deeply");
    }
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected => "the XML has a document type, which is refused",
        roxmltree::Error::NodesLimitReached => "the XML has more nodes than are read",
        _ => "the XML is not well-formed",
    })
}

/// Whether no element stands deeper than [`MAX_DEPTH`]: counted on the text, so that the parser is never led deep.
fn shallow(text: &str) -> bool {
    let mut depth = 0usize;
    let mut rest = text.as_bytes();
    let skip =
        |rest: &[u8], mark: &[u8]| rest.windows(mark.len()).position(|window| window == mark).map_or(rest.len(), |at| at + mark.len());
    while let Some(at) = rest.iter().position(|octet| *octet == b'<') {
        rest = rest.get(at..).unwrap_or_default();
        let length = if rest.starts_with(b"<!--") {
            skip(rest, b"-->")
        } else if rest.starts_with(b"<![CDATA[") {
            skip(rest, b"]]>")
        } else if rest.starts_with(b"<?") || rest.starts_with(b"<!") {
            skip(rest, b">")
        } else if rest.starts_with(b"</") {
            depth = depth.saturating_sub(1);
            skip(rest, b">")
        } else {
            let mut quote = None;
            let end = rest.iter().position(|octet| match (quote, *octet) {
                (None, b'>') => true,
                (None, b'"' | b'\'') => {
                    quote = Some(*octet);
                    false
                }
                (Some(open), octet) if open == octet => {
                    quote = None;
                    false
                }
                _ => false,
            });
            let length = end.map_or(rest.len(), |end| end + 1);
            if rest.get(length.saturating_sub(2)) != Some(&b'/') {
                depth += 1;
            }
            length
        };
        if depth > MAX_DEPTH {
            return false;
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    true
}

/// Children of this local name. Prefixes differ between producers, and some write no namespace.
pub(crate) fn children<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
}

/// The one child of this name: none is `None`, a second is an error, since readers would differ in which one they take.
pub(crate) fn only<'a, 'i>(node: Node<'a, 'i>, name: &'static str) -> Result<Option<Node<'a, 'i>>, &'static str> {
    let mut found = children(node, name);
    let first = found.next();
    if found.next().is_some() { Err("an element that may stand once stands twice") } else { Ok(first) }
}

/// The text of an element, trimmed; pieces are joined.
pub(crate) fn content(node: Node<'_, '_>) -> String {
    node.children().filter(Node::is_text).filter_map(|piece| piece.text()).collect::<String>().trim().to_owned()
}

/// Whether an element stands in a namespace of OFD, or in none.
pub(crate) fn is_ofd(node: Node<'_, '_>) -> bool {
    node.tag_name().namespace().is_none_or(|name| NAMESPACES.contains(&name.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_xml_is_refused() {
        let deep = "<a>".repeat(100_000);
        assert!(tree(&deep).is_err());
        let fine = format!("{}{}", "<a>".repeat(60), "</a>".repeat(60));
        assert!(tree(&fine).is_ok());
        assert!(tree("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").is_err());
        assert!(tree("<a b='1' b='2'/>").is_err());
        assert!(tree("<a/><a/>").is_err());
        assert!(tree("<!-- <a><a> --><a b='>'/>").is_ok());
        assert!(text(b"\xff\xfe<").is_err());
        assert_eq!(text(b"<?xml version=\"1.0\" encoding=\"GBK\"?><a>\xd6\xd0</a>").unwrap().chars().rev().nth(4), Some('中'));
    }
}
