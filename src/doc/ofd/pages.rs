//! Pages of a document and where words stand on them: for marks that are put on a page. GB/T 33190-2016 §7.5, §7.7, §11.
//!
//! Lengths are millimetres from the upper left corner of the page.

use super::{
    location::Locator,
    xml::{self, children, content, only},
};
use crate::doc::zip::{EntryError, Package};
use std::collections::HashMap;

/// Most pages that are read.
const MAX_PAGES: usize = 10_000;
/// Most characters of a page that are looked through.
const MAX_GLYPHS: usize = 1_000_000;
/// How much of pages is read at once.
const MAX_HELD: u64 = 256 * 1024 * 1024;
/// A4, where a document names no size.
const A4: (f64, f64) = (210.0, 297.0);

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Page {
    /// Its identifier, which marks refer to.
    pub id: String,
    /// Width and height.
    pub size: (f64, f64),
    /// Its own contents and those of its templates: entries of the package.
    pub contents: Vec<usize>,
}

#[cfg(test)]
impl Page {
    pub fn sized(id: &str, width: f64, height: f64) -> Self {
        Self { id: id.into(), size: (width, height), contents: Vec::new() }
    }
}

/// A character on a page: the middle of its square.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Glyph {
    pub letter: char,
    pub x: f64,
    pub y: f64,
    /// Size of the font.
    pub size: f64,
}

/// Reads pages of one document.
pub(crate) struct Pages<'p, 's> {
    package: &'p Package<'s>,
    left: u64,
    pub list: Vec<Page>,
}

impl<'p, 's> Pages<'p, 's> {
    /// The pages that the document's root lists, in their order.
    pub fn read(package: &'p Package<'s>, locator: &Locator<'p, 's>, root: usize) -> Result<Self, &'static str> {
        let mut pages = Self { package, left: MAX_HELD, list: Vec::new() };
        let octets = pages.entry(root)?;
        let text = xml::text(&octets)?;
        let tree = xml::tree(&text)?;
        let document = tree.root_element();
        let common = only(document, "CommonData")?;
        let size = |area: Option<roxmltree::Node<'_, '_>>| {
            let boxed = area.and_then(|area| children(area, "PhysicalBox").next()).and_then(|node| numbers::<4>(&content(node)));
            boxed.map(|[_, _, width, height]| (width, height)).filter(|(width, height)| *width > 0.0 && *height > 0.0)
        };
        let usual = size(match common {
            Some(common) => only(common, "PageArea")?,
            None => None,
        });
        let own = locator.name(root);
        let mut templates = HashMap::new();
        for node in common.into_iter().flat_map(|common| children(common, "TemplatePage")) {
            if let (Some(id), Some(location)) = (node.attribute("ID"), node.attribute("BaseLoc")) {
                templates.insert(id.trim().to_owned(), locator.find(own, location).map(|found| found.entry));
            }
        }
        let list = only(document, "Pages")?.ok_or("the document lists no pages")?;
        for node in children(list, "Page") {
            if pages.list.len() >= MAX_PAGES {
                return Err("more pages than are read");
            }
            let (Some(id), Some(location)) = (node.attribute("ID"), node.attribute("BaseLoc")) else {
                return Err("a page has no ID or no BaseLoc");
            };
            let entry = locator.find(own, location).ok_or("a page is not there")?.entry;
            let octets = pages.entry(entry)?;
            let text = xml::text(&octets)?;
            let tree = xml::tree(&text)?;
            let page = tree.root_element();
            let mut contents: Vec<usize> = children(page, "Template")
                .filter_map(|node| templates.get(node.attribute("TemplateID")?.trim()).copied().flatten())
                .take(16)
                .collect();
            contents.push(entry);
            let size = size(only(page, "Area")?).or(usual).unwrap_or(A4);
            pages.list.push(Page { id: id.trim().to_owned(), size, contents });
        }
        if pages.list.is_empty() { Err("the document has no page") } else { Ok(pages) }
    }

    /// The characters of a page in the order in which they are drawn.
    pub fn glyphs(&mut self, page: usize) -> Result<Vec<Glyph>, &'static str> {
        let contents = self.list.get(page).map(|page| page.contents.clone()).unwrap_or_default();
        let mut glyphs = Vec::new();
        for entry in contents {
            let octets = self.entry(entry)?;
            let text = xml::text(&octets)?;
            let tree = xml::tree(&text)?;
            for node in tree.root_element().descendants().filter(|node| node.is_element() && node.tag_name().name() == "TextObject") {
                object(node, &mut glyphs);
                if glyphs.len() > MAX_GLYPHS {
                    return Err("more characters on a page than are looked through");
                }
            }
        }
        Ok(glyphs)
    }

    fn entry(&mut self, entry: usize) -> Result<Vec<u8>, &'static str> {
        let octets = self.package.read(entry, self.left.min(xml::MAX_XML)).map_err(|error| match error {
            EntryError::TooLarge => "a page is larger than is read",
            _ => "a page cannot be read",
        })?;
        self.left = self.left.saturating_sub(octets.len() as u64);
        Ok(octets)
    }
}

/// The characters of a text object (§11.3): `DeltaX` and `DeltaY` say how far each stands from the one before.
fn object(node: roxmltree::Node<'_, '_>, glyphs: &mut Vec<Glyph>) {
    let attribute = |name| node.attribute(name).unwrap_or_default();
    let [left, top, ..] = numbers::<4>(attribute("Boundary")).unwrap_or([0.0; 4]);
    let size = number(attribute("Size")).filter(|size| *size > 0.0).unwrap_or(3.5);
    let [a, b, c, d, e, f] = numbers::<6>(attribute("CTM")).unwrap_or([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    for code in children(node, "TextCode") {
        let (mut x, mut y) =
            (number(code.attribute("X").unwrap_or("0")).unwrap_or(0.0), number(code.attribute("Y").unwrap_or("0")).unwrap_or(0.0));
        let mut across = Deltas::new(code.attribute("DeltaX"));
        let mut down = Deltas::new(code.attribute("DeltaY"));
        let text: String = code.children().filter(roxmltree::Node::is_text).filter_map(|piece| piece.text()).collect();
        for letter in text.chars().filter(|letter| !letter.is_control()) {
            if glyphs.len() > MAX_GLYPHS {
                return;
            }
            // The reference point stands on the base line; a character fills about its square above it.
            let wide = if letter.is_ascii() { size * 0.5 } else { size };
            let (middle, height) = (x + wide / 2.0, y - size * 0.38);
            glyphs.push(Glyph { letter, x: left + a * middle + c * height + e, y: top + b * middle + d * height + f, size });
            // Without deltas a reader goes on by the width of the character.
            let usual = if across.is_given || down.is_given { 0.0 } else { wide };
            x += across.next().unwrap_or(usual);
            y += down.next().unwrap_or(0.0);
        }
    }
}

/// `d1 d2 g n d …`: numbers, and `g n d` for n times d.
pub(crate) struct Deltas<'a> {
    words: std::str::SplitAsciiWhitespace<'a>,
    again: (usize, f64),
    pub is_given: bool,
}

impl<'a> Deltas<'a> {
    pub fn new(text: Option<&'a str>) -> Self {
        let text = text.unwrap_or_default();
        Self { words: text.split_ascii_whitespace(), again: (0, 0.0), is_given: !text.trim().is_empty() }
    }

    pub fn next(&mut self) -> Option<f64> {
        loop {
            if let (left @ 1.., value) = self.again {
                self.again = (left.saturating_sub(1), value);
                return Some(value);
            }
            let word = self.words.next()?;
            if word != "g" {
                return number(word);
            }
            let times = self.words.next()?.parse::<usize>().ok()?;
            self.again = (times, number(self.words.next()?)?);
        }
    }
}

pub(crate) fn number(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite() && number.abs() < 1e6)
}

pub(crate) fn numbers<const N: usize>(text: &str) -> Option<[f64; N]> {
    let list: Option<Vec<f64>> = text.split_ascii_whitespace().take(N.saturating_add(1)).map(number).collect();
    list?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_repeat() {
        let mut deltas = Deltas::new(Some("1 g 3 2.5 4"));
        let all: Vec<f64> = std::iter::from_fn(|| deltas.next()).collect();
        assert_eq!(all, [1.0, 2.5, 2.5, 2.5, 4.0]);
        assert!(Deltas::new(Some("g 99999999999999999999999 1")).next().is_none());
        assert!(Deltas::new(Some("g")).next().is_none());
    }

    #[test]
    fn characters_have_their_places() {
        let text = "<a><TextObject Boundary='10 20 100 10' Size='4' CTM='2 0 0 2 0 0'><TextCode X='1' Y='4' DeltaX='g 1 5'>盖章</TextCode></TextObject></a>";
        let tree = xml::tree(text).unwrap();
        let mut glyphs = Vec::new();
        object(tree.root_element().first_child().unwrap(), &mut glyphs);
        let [first, second] = glyphs[..] else { panic!("two") };
        assert_eq!((first.letter, first.x, second.x - first.x), ('盖', 10.0 + 2.0 * 3.0, 10.0));
        assert!((first.y - (20.0 + 2.0 * (4.0 - 1.52))).abs() < 1e-9);
    }
}
