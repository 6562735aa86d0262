//! The XML of signatures: what is written anew, and what is put into a file that stands there, at its octet.

use super::super::{Refusal, no};
use super::place::Stamp;
use super::unreadable;
use crate::doc::ofd::xml::{children, content, tree};
use crate::moment::Moment;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use roxmltree::Node;
use std::fmt::Write as _;
use std::ops::Range;

const NAMESPACE: &str = "http://www.ofdspec.org/2016";
const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Identifiers of signatures and their marks: one count for both, written as the package writes it (`s001`, or plain numbers).
pub(super) struct Ids {
    next: u64,
    plain: bool,
}

impl Ids {
    /// Goes on after what a list and the descriptions in it use.
    pub fn new(list: Option<&[u8]>, descriptions: &[Vec<u8>]) -> Result<Self, Refusal> {
        let mut known: Vec<String> = Vec::new();
        if let Some(list) = list {
            let tree = tree(text(list)?).map_err(unreadable)?;
            let root = tree.root_element();
            known.extend(children(root, "Signature").filter_map(|node| node.attribute("ID")).map(str::to_owned));
            known.extend(children(root, "MaxSignId").map(content));
        }
        let plain = !known.is_empty() && known.iter().all(|id| id.trim().parse::<u64>().is_ok());
        for octets in descriptions {
            let Ok(text) = text(octets) else { continue };
            let Ok(tree) = tree(text) else { continue };
            let stamps = tree.root_element().descendants().filter(|node| node.tag_name().name() == "StampAnnot");
            known.extend(stamps.filter_map(|node| node.attribute("ID")).map(str::to_owned));
        }
        let number = |id: &String| {
            let id = id.trim();
            let digits = id.len() - id.bytes().rev().take_while(u8::is_ascii_digit).count();
            id.get(digits..).and_then(|digits| digits.parse::<u64>().ok()).filter(|number| *number < u64::from(u32::MAX))
        };
        Ok(Self { next: known.iter().filter_map(number).max().unwrap_or(0).saturating_add(1), plain })
    }

    fn written(&self, number: u64) -> String {
        if self.plain { number.to_string() } else { format!("s{number:03}") }
    }

    /// The signature's own identifier, and the last one in use when it has so many marks.
    pub fn take(&self, stamps: usize) -> (String, String) {
        (self.written(self.next), self.written(self.next.saturating_add(stamps as u64)))
    }

    fn stamp(&self, position: usize) -> String {
        self.written(self.next.saturating_add(1).saturating_add(position as u64))
    }
}

/// What Signature.xml says.
pub(super) struct Description<'a> {
    pub at: Moment,
    pub references: &'a [(String, Vec<u8>)],
    pub stamps: &'a [Stamp],
    pub ids: &'a Ids,
    pub seal: Option<String>,
    pub value: String,
}

/// Signature.xml (§18.2), its elements in the order of the schema.
pub(super) fn description(spec: &Description<'_>) -> Vec<u8> {
    let mut out = format!("{HEAD}\n<ofd:Signature xmlns:ofd=\"{NAMESPACE}\"><ofd:SignedInfo>");
    let at = spec.at.date_time();
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    let _ = write!(
        out,
        "<ofd:Provider ProviderName=\"xinyin\" Version=\"{}\" Company=\"xinyin\"/><ofd:SignatureMethod>{}</ofd:SignatureMethod>\
         <ofd:SignatureDateTime>{year:04}{:02}{day:02}{hour:02}{minute:02}{second:02}Z</ofd:SignatureDateTime><ofd:References CheckMethod=\"{}\">",
        env!("CARGO_PKG_VERSION"),
        crate::crypto::oid::SM2_WITH_SM3,
        u8::from(month),
        super::DIGEST.oid(),
    );
    for (name, digest) in spec.references {
        let value = BASE64_STANDARD.encode(digest);
        let _ = write!(out, "<ofd:Reference FileRef=\"{}\"><ofd:CheckValue>{value}</ofd:CheckValue></ofd:Reference>", escaped(name));
    }
    out.push_str("</ofd:References>");
    for (position, stamp) in spec.stamps.iter().enumerate() {
        let _ = write!(
            out,
            "<ofd:StampAnnot ID=\"{}\" PageRef=\"{}\" Boundary=\"{}\"",
            spec.ids.stamp(position),
            escaped(&stamp.page),
            boxed(stamp.boundary)
        );
        if let Some(clip) = stamp.clip {
            let _ = write!(out, " Clip=\"{}\"", boxed(clip));
        }
        out.push_str("/>");
    }
    if let Some(seal) = &spec.seal {
        let _ = write!(out, "<ofd:Seal><ofd:BaseLoc>{}</ofd:BaseLoc></ofd:Seal>", escaped(seal));
    }
    let _ = write!(out, "</ofd:SignedInfo><ofd:SignedValue>{}</ofd:SignedValue></ofd:Signature>", escaped(&spec.value));
    out.into_bytes()
}

/// A box in millimetres, to the thousandth.
fn boxed(sides: [f64; 4]) -> String {
    sides.map(|side| format!("{}", (side * 1000.0).round() / 1000.0)).join(" ")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            other => out.push(other),
        }
    }
    out
}

fn line(prefix: &str, id: &str, kind: &str, path: &str) -> String {
    format!("<{prefix}Signature ID=\"{id}\" Type=\"{kind}\" BaseLoc=\"{}\"/>", escaped(path))
}

/// A list with one signature.
pub(super) fn new_list(id: &str, last: &str, kind: &str, path: &str) -> Vec<u8> {
    let line = line("ofd:", id, kind, path);
    format!("{HEAD}\n<ofd:Signatures xmlns:ofd=\"{NAMESPACE}\"><ofd:MaxSignId>{last}</ofd:MaxSignId>{line}</ofd:Signatures>").into_bytes()
}

/// The list with a signature more at its end; every other octet stays.
pub(super) fn listed(octets: &[u8], id: &str, last: &str, kind: &str, path: &str) -> Result<Vec<u8>, Refusal> {
    let text = text(octets)?;
    let tree = tree(text).map_err(unreadable)?;
    let root = tree.root_element();
    let mut edits = vec![at_end(text, root, |prefix| line(prefix, id, kind, path)).ok_or(ODD)?];
    // Where the highest identifier is stated more than once, the last statement is the one that counts.
    if let Some(highest) = children(root, "MaxSignId").last()
        && let Some(node) = highest.children().find(Node::is_text)
    {
        edits.push((node.range(), last.to_owned()));
    }
    apply(octets, edits)
}

/// OFD.xml with the place of a list of signatures in one of its documents.
pub(super) fn with_list(octets: &[u8], document: usize, location: &str) -> Result<Vec<u8>, Refusal> {
    let text = text(octets)?;
    let tree = tree(text).map_err(unreadable)?;
    let body = children(tree.root_element(), "DocBody").nth(document).ok_or(ODD)?;
    let prefix = prefix(text, body);
    let element = format!("<{prefix}Signatures>{}</{prefix}Signatures>", escaped(location));
    let edit = match children(body, "Signatures").next() {
        // It stands there and names nothing.
        Some(empty) => (empty.range(), element),
        None => {
            let after = children(body, "Versions").last().or_else(|| children(body, "DocRoot").last()).ok_or(ODD)?;
            (after.range().end..after.range().end, element)
        }
    };
    apply(octets, vec![edit])
}

const ODD: Refusal = no("签名列表的写法无法续写", "the list of signatures is written in a way that cannot be added to");

type Edit = (Range<usize>, String);

/// The text without the mark of its encoding. Others than UTF-8 are read, but not written into.
fn text(octets: &[u8]) -> Result<&str, Refusal> {
    let octets = octets.strip_prefix(BOM).unwrap_or(octets);
    std::str::from_utf8(octets).map_err(|_| no("签名列表不是 UTF-8 编码，无法续写", "a file that must be added to is not written in UTF-8"))
}

/// The prefix of an element as written, with its colon.
fn prefix<'t>(text: &'t str, node: Node<'_, '_>) -> &'t str {
    let name = text.get(node.range()).and_then(|written| written.strip_prefix('<')).unwrap_or_default();
    let end = name.find(|letter: char| letter.is_ascii_whitespace() || matches!(letter, '/' | '>')).unwrap_or(name.len());
    name.get(..end).and_then(|name| name.find(':').and_then(|colon| name.get(..=colon))).unwrap_or_default()
}

/// Puts something last into an element, which may have been empty.
fn at_end(text: &str, node: Node<'_, '_>, what: impl Fn(&str) -> String) -> Option<Edit> {
    let prefix = prefix(text, node);
    let range = node.range();
    let written = text.get(range.clone())?;
    let inside = what(prefix);
    if written.ends_with("/>") {
        let slash = range.end.checked_sub(2)?;
        return Some((slash..range.end, format!(">{inside}</{prefix}{}>", node.tag_name().name())));
    }
    let close = range.start.checked_add(written.rfind("</")?)?;
    Some((close..close, inside))
}

fn apply(octets: &[u8], mut edits: Vec<Edit>) -> Result<Vec<u8>, Refusal> {
    let mark = if octets.starts_with(BOM) { BOM.len() } else { 0 };
    let mut out = octets.to_vec();
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    for (range, new) in edits {
        let range = range.start.saturating_add(mark)..range.end.saturating_add(mark);
        if range.end > out.len() || range.start > range.end {
            return Err(ODD);
        }
        out.splice(range, new.into_bytes());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_more_and_nothing_else() {
        for (before, after) in [
            (
                "\u{feff}<?xml version='1.0'?><o:Signatures  xmlns:o='http://www.ofdspec.org/2016'><o:MaxSignId>s004</o:MaxSignId><o:MaxSignId>7</o:MaxSignId> <!-- </o:Signatures> --></o:Signatures >\n",
                "\u{feff}<?xml version='1.0'?><o:Signatures  xmlns:o='http://www.ofdspec.org/2016'><o:MaxSignId>s004</o:MaxSignId><o:MaxSignId>s009</o:MaxSignId> <!-- </o:Signatures> --><o:Signature ID=\"s008\" Type=\"Seal\" BaseLoc=\"/a\"/></o:Signatures >\n",
            ),
            ("<Signatures/>", "<Signatures><Signature ID=\"s008\" Type=\"Seal\" BaseLoc=\"/a\"/></Signatures>"),
        ] {
            let edited = listed(before.as_bytes(), "s008", "s009", "Seal", "/a").unwrap();
            assert_eq!(String::from_utf8(edited).unwrap(), after);
        }
    }

    #[test]
    fn identifiers_go_on() {
        let list = b"<Signatures><Signature ID='2' BaseLoc='x'/><MaxSignId>4</MaxSignId></Signatures>";
        assert_eq!(Ids::new(Some(list), &[]).unwrap().take(2), ("5".into(), "7".into()));
        let marks = b"<Signature><StampAnnot ID='s011'/></Signature>".to_vec();
        let list = b"<Signatures><Signature ID='s001' BaseLoc='x'/></Signatures>";
        assert_eq!(Ids::new(Some(list), &[marks]).unwrap().take(0), ("s012".into(), "s012".into()));
        assert_eq!(Ids::new(None, &[]).unwrap().take(1), ("s001".into(), "s002".into()));
        let huge = b"<Signatures><Signature ID='99999999999999999999999999' BaseLoc='x'/></Signatures>";
        assert_eq!(Ids::new(Some(huge), &[]).unwrap().take(0).0, "s001");
    }

    #[test]
    fn a_list_gets_its_place() {
        let main = "<OFD xmlns='http://www.ofdspec.org/2016'><DocBody><DocRoot>a</DocRoot></DocBody><DocBody><DocRoot>b</DocRoot><Versions/></DocBody></OFD>";
        let edited = String::from_utf8(with_list(main.as_bytes(), 1, "/L&L").unwrap()).unwrap();
        assert_eq!(edited, main.replace("<Versions/>", "<Versions/><Signatures>/L&amp;L</Signatures>"));
        let named = "<o:OFD xmlns:o='http://www.ofdspec.org/2016'><o:DocBody><o:DocRoot>a</o:DocRoot><o:Signatures/></o:DocBody></o:OFD>";
        let edited = String::from_utf8(with_list(named.as_bytes(), 0, "/l").unwrap()).unwrap();
        assert_eq!(edited, named.replace("<o:Signatures/>", "<o:Signatures>/l</o:Signatures>"));
        assert!(with_list(b"\xff", 0, "/l").is_err());
    }
}
