//! Fonts that bring their own glyphs and say themselves which letter each code stands for (ISO 32000-2 section 9.7, 9.10.3).

use crate::doc::pdf::content::operators;
use crate::doc::pdf::document::Revision;
use crate::doc::pdf::input::PdfError;
use crate::doc::pdf::object::{Dictionary, Object};
use std::collections::HashMap;

/// Most codes of one font that are read.
const MAX_CODES: usize = 70_000;

/// The letters of each code of two octets.
pub(super) type Mapping = HashMap<u16, String>;

/// What a composite font with an embedded program says of its codes; `None` if it is another kind of font or does not say.
pub(super) fn mapping(revision: Revision<'_, '_>, font: &Dictionary) -> Result<Option<Mapping>, PdfError> {
    let identity = matches!(revision.value(font, "Encoding")?, Object::Name(name) if name == b"Identity-H");
    let Object::Stream(stream) = revision.value(font, "ToUnicode")? else { return Ok(None) };
    if !identity || font.is_ambiguous() {
        return Ok(None);
    }
    let octets = match revision.decoded(&stream) {
        Ok(octets) => octets,
        Err(error @ (PdfError::Io | PdfError::Work)) => return Err(error),
        Err(_) => return Ok(None),
    };
    let mut found = Mapping::new();
    let outcome = operators(&octets, |operator, operands| {
        match operator {
            b"endbfchar" => operands.chunks_exact(2).for_each(|pair| {
                if let [code, Object::Text(letters)] = pair {
                    note(&mut found, number(code), 0, &letters.octets);
                }
            }),
            b"endbfrange" => operands.chunks_exact(3).for_each(|range| {
                if let [first, last, target] = range {
                    note_range(&mut found, number(first), number(last), target);
                }
            }),
            _ => (),
        }
        Ok(())
    });
    Ok(outcome.is_ok().then_some(found).filter(|found| !found.is_empty() && found.len() <= MAX_CODES))
}

/// A code of two octets.
fn number(object: &Object) -> Option<u16> {
    object.as_text().and_then(|text| text.octets.as_slice().try_into().ok()).map(u16::from_be_bytes)
}

fn note_range(found: &mut Mapping, first: Option<u16>, last: Option<u16>, target: &Object) {
    let (Some(first), Some(last)) = (first, last) else { return };
    match target {
        Object::Text(letters) => (first..=last).enumerate().for_each(|(step, code)| note(found, Some(code), step, &letters.octets)),
        Object::Array(items) => (first..=last).zip(items).for_each(|(code, item)| {
            if let Object::Text(letters) = item {
                note(found, Some(code), 0, &letters.octets);
            }
        }),
        _ => (),
    }
}

/// UTF-16, the last unit moved on by `step`. A code that is told twice stands for nothing.
fn note(found: &mut Mapping, code: Option<u16>, step: usize, letters: &[u8]) {
    let Some(code) = code else { return };
    let mut units: Vec<u16> = letters.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).map(u16::from_be_bytes).collect();
    if let Some(last) = units.last_mut() {
        *last = last.saturating_add(u16::try_from(step).unwrap_or(u16::MAX));
    }
    let text = String::from_utf16(&units).unwrap_or_default();
    found
        .entry(code)
        .and_modify(|known| {
            if *known != text {
                known.clear()
            }
        })
        .or_insert(text);
}

/// The text of shown octets; `None` where a code stands for nothing.
pub(super) fn text(mapping: &Mapping, octets: &[u8]) -> Option<String> {
    let codes = octets.chunks(2).map(|pair| pair.try_into().ok().map(u16::from_be_bytes));
    codes.map(|code| mapping.get(&code?).filter(|text| !text.is_empty()).map(String::as_str)).collect()
}
