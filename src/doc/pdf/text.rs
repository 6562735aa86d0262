//! The text of a page (ISO 32000-2 section 9.10): what its show operators mean by the ToUnicode maps of their fonts.
//!
//! Nothing is guessed: a page with a string whose letters cannot be told has no text (`None`).

use super::content::{inherited, operators};
use super::document::Revision;
use super::input::PdfError;
use super::lexer::Lexer;
use super::object::{Dictionary, Object};
use std::collections::{BTreeMap, HashMap};

/// How deep form XObjects are followed.
const MAX_FORMS: usize = 4;
/// Octets of content and of text of one page.
const MAX_CONTENT: usize = 16 << 20;
/// Most entries of one font's map.
const MAX_MAP: usize = 70_000;

/// A font's letters by code; how many octets a code has.
struct Letters {
    width: usize,
    map: HashMap<u32, String>,
    /// Without a map the octets of a simple font are read as Latin.
    latin: bool,
}

/// The text of a page, a line for each text object; `None` where some of it cannot be told.
///
/// # Errors
/// Only those of reading the file.
pub fn page_text(revision: Revision<'_, '_>, page: &Dictionary) -> Result<Option<String>, PdfError> {
    let mut content = Vec::new();
    let parts = match revision.value(page, "Contents")? {
        Object::Array(items) => items,
        Object::Null => return Ok(Some(String::new())),
        one => vec![one],
    };
    for part in &parts {
        if let Object::Stream(stream) = revision.resolve(part)? {
            content.extend_from_slice(&revision.decoded(&stream)?);
            content.push(b'\n');
        }
        if content.len() > MAX_CONTENT {
            return Ok(None);
        }
    }
    let resources = inherited(revision, page, "Resources")?;
    let mut reader = Reader { revision, text: String::new(), told: true, replaced: 0 };
    reader.walk(&content, resources.as_dictionary().unwrap_or(&Dictionary::default()), 0)?;
    Ok(reader.told.then_some(reader.text))
}

struct Reader<'d, 'a> {
    revision: Revision<'d, 'a>,
    text: String,
    told: bool,
    /// How many marked contents with text of their own (`ActualText`) are open.
    replaced: usize,
}

impl Reader<'_, '_> {
    fn walk(&mut self, content: &[u8], resources: &Dictionary, depth: usize) -> Result<(), PdfError> {
        let revision = self.revision;
        let fonts = revision.dictionary(resources, "Font")?.unwrap_or_default();
        let forms = revision.dictionary(resources, "XObject")?.unwrap_or_default();
        let mut known: BTreeMap<Vec<u8>, Option<Letters>> = BTreeMap::new();
        let mut current: Vec<u8> = Vec::new();
        let mut marks: Vec<bool> = Vec::new();
        operators(content, |operator, operands| {
            match (operator, operands) {
                (b"Tf", [name, _]) => {
                    current = name.as_name().unwrap_or_default().to_vec();
                    if !known.contains_key(&current) && known.len() < 256 {
                        let font = std::str::from_utf8(&current).ok().map(|name| revision.dictionary(&fonts, name)).transpose()?.flatten();
                        let letters = font.map(|font| letters(revision, &font)).transpose()?.flatten();
                        known.insert(current.clone(), letters);
                    }
                }
                (b"Tj" | b"'" | b"\"", [.., shown]) => self.show(known.get(&current).and_then(Option::as_ref), shown),
                (b"TJ", [Object::Array(pieces)]) => {
                    pieces.iter().for_each(|piece| self.show(known.get(&current).and_then(Option::as_ref), piece));
                }
                (b"ET", _) => self.text.push('\n'),
                (b"BDC" | b"BMC", _) => {
                    let own = operands.get(1).and_then(Object::as_dictionary).and_then(|own| own.get("ActualText"));
                    if let Some(text) = own.and_then(Object::as_text).filter(|_| self.replaced == 0) {
                        self.text.push_str(&super::object::readable(&text.octets));
                    }
                    marks.push(own.is_some());
                    self.replaced += usize::from(own.is_some());
                }
                (b"EMC", _) => self.replaced = self.replaced.saturating_sub(usize::from(marks.pop().unwrap_or(false))),
                (b"Do", [name]) => {
                    let name = std::str::from_utf8(name.as_name().unwrap_or_default()).unwrap_or_default();
                    if let Object::Stream(stream) = revision.value(&forms, name)?
                        && stream.dictionary.name("Subtype") == Some(b"Form")
                    {
                        if depth >= MAX_FORMS {
                            self.told = false;
                        } else {
                            let own = revision.dictionary(&stream.dictionary, "Resources")?;
                            let inner = revision.decoded(&stream)?;
                            self.walk(&inner, own.as_ref().unwrap_or(resources), depth + 1)?;
                        }
                    }
                }
                _ => {}
            }
            if self.text.len() > MAX_CONTENT { Err(PdfError::Work) } else { Ok(()) }
        })
    }

    fn show(&mut self, letters: Option<&Letters>, shown: &Object) {
        let Some(text) = shown.as_text() else { return };
        if self.replaced > 0 {
            return;
        }
        let Some(letters) = letters else {
            self.told &= text.octets.is_empty();
            return;
        };
        for code in text.octets.chunks(letters.width) {
            let number = code.iter().fold(0u32, |number, octet| (number << 8) | u32::from(*octet));
            match letters.map.get(&number) {
                Some(meant) => self.text.push_str(meant),
                None if letters.latin => self.text.extend(code.iter().map(|octet| char::from(*octet))),
                None => self.told = false,
            }
        }
    }
}

/// What a font's codes mean; none where nobody says.
fn letters(revision: Revision<'_, '_>, font: &Dictionary) -> Result<Option<Letters>, PdfError> {
    let composite = font.name("Subtype") == Some(b"Type0");
    let map = match revision.value(font, "ToUnicode")? {
        Object::Stream(stream) => map(&revision.decoded(&stream)?),
        _ if composite => return Ok(None),
        _ => HashMap::new(),
    };
    let latin = !composite && map.is_empty();
    Ok(Some(Letters { width: if composite { 2 } else { 1 }, map, latin }))
}

/// The `bfchar` and `bfrange` entries of a CMap; what is no entry is passed over.
fn map(octets: &[u8]) -> HashMap<u32, String> {
    let mut found = HashMap::new();
    let mut operands: Vec<Object> = Vec::new();
    let mut rest = octets;
    while !rest.is_empty() && found.len() < MAX_MAP {
        let mut lexer = Lexer::new(rest, 0);
        lexer.skip_space();
        let Some(&first) = lexer.rest().first() else { break };
        if matches!(first, b'<' | b'[' | b'(' | b'/' | b'0'..=b'9' | b'-') {
            match lexer.object() {
                Ok(object) => operands.push(object),
                Err(_) => lexer.advance(1),
            }
        } else {
            let length = lexer.rest().iter().take_while(|octet| octet.is_ascii_alphabetic()).count();
            match lexer.rest().get(..length).unwrap_or_default() {
                b"endbfchar" => pairs(&operands, &mut found),
                b"endbfrange" => ranges(&operands, &mut found),
                _ => {}
            }
            operands.clear();
            lexer.advance(length.max(1));
        }
        operands.truncate(4096);
        rest = lexer.rest();
    }
    found
}

fn code(object: &Object) -> Option<u32> {
    let octets = &object.as_text()?.octets;
    (octets.len() <= 4).then(|| octets.iter().fold(0u32, |number, octet| (number << 8) | u32::from(*octet)))
}

fn meant(object: &Object) -> Option<String> {
    let octets = &object.as_text()?.octets;
    (octets.len() <= 512).then(|| encoding_rs::UTF_16BE.decode_without_bom_handling(octets).0.into_owned())
}

fn pairs(operands: &[Object], found: &mut HashMap<u32, String>) {
    for pair in operands.chunks_exact(2) {
        if let [from, to] = pair
            && let (Some(from), Some(to)) = (code(from), meant(to))
        {
            found.insert(from, to);
        }
    }
}

fn ranges(operands: &[Object], found: &mut HashMap<u32, String>) {
    for triple in operands.chunks_exact(3) {
        let [from, until, to] = triple else { continue };
        let (Some(from), Some(until)) = (code(from), code(until)) else { continue };
        match to {
            Object::Array(list) => {
                for (at, to) in (from..=until).zip(list) {
                    found.extend(meant(to).map(|to| (at, to)));
                }
            }
            to => {
                let Some(first) = meant(to) else { continue };
                let mut letters: Vec<char> = first.chars().collect();
                let Some(last) = letters.pop() else { continue };
                for (step, at) in (from..=until).take(MAX_MAP.saturating_sub(found.len())).enumerate() {
                    let Some(letter) = u32::try_from(step).ok().and_then(|step| char::from_u32(u32::from(last).checked_add(step)?)) else {
                        break;
                    };
                    found.insert(at, letters.iter().chain([&letter]).collect());
                }
            }
        }
    }
}
