//! Words for what changed: the page and the part of it, or the object.

use super::step::Comparison;
use super::{Items, Surroundings};
use crate::doc::pdf::input::PdfError;
use crate::doc::pdf::object::{Id, Object};
use std::collections::{HashMap, HashSet};

/// How many objects are looked at to find the page that a change belongs to.
const MAX_VISITS: usize = 50_000;
/// How many changes of one step are named each by itself.
const MAX_NAMED: usize = 60;

/// A text of the document inside a sentence: numbers of people masked, of bounded length, on one line.
pub(super) fn short(text: &str) -> String {
    const LONGEST: usize = 80;
    let hidden = |letter: char| {
        letter.is_control() || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    let plain: String = text.chars().take(4 * LONGEST).map(|letter| if hidden(letter) { ' ' } else { letter }).collect();
    let masked = crate::id::mask::mask_text(plain.trim());
    if masked.chars().count() <= LONGEST { masked } else { masked.chars().take(LONGEST).chain(['…']).collect() }
}

/// Where a changed object was found.
#[derive(Debug, Clone, Copy)]
struct Spot {
    page: u32,
    part: Part,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Page,
    Text,
    Picture,
    Font,
    Annotation,
    Resource,
}

impl Part {
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Page => ("页面设置", "the page itself"),
            Self::Text => ("文字与图形", "text and drawing"),
            Self::Picture => ("图片", "a picture"),
            Self::Font => ("字体", "a font"),
            Self::Annotation => ("批注或表单控件", "an annotation or form control"),
            Self::Resource => ("页面资源", "a resource of the page"),
        }
    }
}

/// Tells every object that no rule claimed, `true` if it was there before.
pub(super) fn name(comparison: &mut Comparison<'_, '_, '_>, unclaimed: &[(u32, bool)]) -> Result<(), PdfError> {
    let wanted: HashSet<u32> = unclaimed.iter().map(|(number, _)| *number).collect();
    let spots = spots(comparison.around, &wanted)?;
    let mut told = HashSet::new();
    for (number, was_there) in unclaimed {
        if told.len() >= MAX_NAMED {
            let more = unclaimed.len() - MAX_NAMED;
            comparison.items.suspect(format!("另有 {more} 个对象有改动"), format!("{more} more objects were changed"));
            break;
        }
        let verb = if *was_there { ("改动", "changed") } else { ("加入", "added") };
        let sentence = match spots.get(number) {
            Some(spot) => {
                let (zh, en) = spot.part.words();
                let page = spot.page;
                (format!("第 {page} 页：{zh}（签名之后{}）", verb.0), format!("page {page}: {en}, {} after signing", verb.1))
            }
            None => {
                let kind = kind(comparison.changes.get(number).map(|change| &change.new));
                let what = if kind.is_empty() { String::new() } else { format!("（/{kind}）") };
                let what_en = if kind.is_empty() { String::new() } else { format!(" (/{kind})") };
                (format!("签名之后{}了对象 {number}{what}", verb.0), format!("object {number}{what_en} was {} after signing", verb.1))
            }
        };
        if told.insert(sentence.clone()) {
            comparison.items.suspect(sentence.0, sentence.1);
        }
    }
    Ok(())
}

fn kind(object: Option<&Object>) -> String {
    let dictionary = object.and_then(Object::as_dictionary);
    let name = dictionary.and_then(|dictionary| dictionary.name("Type").or_else(|| dictionary.name("Subtype"))).unwrap_or_default();
    String::from_utf8_lossy(name).chars().filter(char::is_ascii_alphanumeric).take(30).collect()
}

/// Looks for the objects from the pages downwards.
fn spots(around: &Surroundings<'_, '_, '_>, wanted: &HashSet<u32>) -> Result<HashMap<u32, Spot>, PdfError> {
    let latest = around.document.latest();
    let mut found = HashMap::new();
    let mut seen: HashSet<u32> = HashSet::new();
    for (page, id) in around.pages.in_order() {
        if wanted.contains(&id.number) {
            found.insert(id.number, Spot { page, part: Part::Page });
        }
        if seen.len() > MAX_VISITS || found.len() == wanted.len() {
            break;
        }
        seen.insert(id.number);
        let Object::Dictionary(dictionary) = latest.object(id)? else { continue };
        let mut todo: Vec<(Id, Part)> = Vec::new();
        for (key, value) in dictionary.iter().filter(|(key, _)| !matches!(*key, b"Parent")) {
            let part = match key {
                b"Contents" => Part::Text,
                b"Annots" => Part::Annotation,
                _ => Part::Resource,
            };
            gather(value, part, &mut todo);
        }
        while let Some((id, part)) = todo.pop() {
            if !seen.insert(id.number) || seen.len() > MAX_VISITS {
                continue;
            }
            if wanted.contains(&id.number) {
                found.insert(id.number, Spot { page, part });
            }
            gather(&latest.object(id)?, part, &mut todo);
        }
    }
    Ok(found)
}

/// The references in a value with the part of the page they belong to.
fn gather(value: &Object, part: Part, todo: &mut Vec<(Id, Part)>) {
    match value {
        Object::Reference(id) => todo.push((*id, part)),
        Object::Array(items) => items.iter().for_each(|item| gather(item, part, todo)),
        Object::Dictionary(dictionary) => entries(dictionary, part, todo),
        Object::Stream(stream) => entries(&stream.dictionary, part, todo),
        _ => (),
    }
}

fn entries(dictionary: &crate::doc::pdf::object::Dictionary, part: Part, todo: &mut Vec<(Id, Part)>) {
    for (key, value) in dictionary.iter() {
        let below = match (part, key) {
            (_, b"Parent" | b"P" | b"Dest" | b"StructParent") => continue,
            (Part::Resource, b"XObject") => Part::Picture,
            (Part::Resource, b"Font") => Part::Font,
            (part, _) => part,
        };
        gather(value, below, todo);
    }
}

impl Items {
    /// Something about a page, or about the document where the page is not known.
    pub(super) fn on_page(&mut self, page: Option<u32>, weight: super::Weight, zh: &str, en: &str) {
        match page {
            Some(page) => self.add(weight, format!("第 {page} 页：{zh}"), format!("page {page}: {en}")),
            None => self.add(weight, zh, en),
        }
    }
}
