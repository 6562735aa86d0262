//! Content streams (ISO 32000-2 sections 7.8.2, 8 and 9): operators one after the other, and where a page's text stands.
//!
//! Nothing is drawn. Text places are estimates: glyphs count as wide as half their size (wide ones as their size).

use super::document::Revision;
use super::input::PdfError;
use super::lexer::{Lexer, is_delimiter, is_space};
use super::object::{Dictionary, Id, Object, Stream};

/// How many operators of one stream are looked at.
const MAX_OPERATORS: usize = 2_000_000;
/// An operator has fewer letters (those of character maps included).
const LONGEST: usize = 24;
/// How deep form XObjects are followed.
const MAX_FORMS: usize = 6;
/// How many places of text one page may have before the answer is "everywhere".
const MAX_PLACES: usize = 100_000;
/// Octets of content of one page that are read.
const MAX_CONTENT: usize = 16 << 20;

/// Calls `each` with every operator and its operands. An inline image is one operator, `BI`. What is no content stream is a
/// [`PdfError::Structure`].
pub fn operators(octets: &[u8], mut each: impl FnMut(&[u8], &[Object]) -> Result<(), PdfError>) -> Result<(), PdfError> {
    const BROKEN: PdfError = PdfError::Structure(("内容流无法读取", "a content stream cannot be read"));
    let mut rest = octets;
    let mut operands = Vec::new();
    for _ in 0..MAX_OPERATORS {
        let mut lexer = Lexer::new(rest, 0);
        lexer.skip_space();
        let Some(&first) = lexer.rest().first() else { return Ok(()) };
        let starts_operand = matches!(first, b'/' | b'(' | b'<' | b'[' | b'0'..=b'9' | b'+' | b'-' | b'.');
        let word: Vec<u8> =
            lexer.rest().iter().copied().take_while(|octet| !is_space(*octet) && !is_delimiter(*octet)).take(LONGEST).collect();
        if starts_operand || matches!(word.as_slice(), b"true" | b"false" | b"null") {
            operands.push(lexer.object().map_err(|_| BROKEN)?);
            if operands.len() > 512 {
                return Err(BROKEN);
            }
            rest = lexer.rest();
            continue;
        }
        if word.is_empty() || word.len() == LONGEST {
            return Err(BROKEN);
        }
        lexer.advance(word.len());
        rest = lexer.rest();
        if word == b"BI" {
            rest = after_image(rest).ok_or(BROKEN)?;
        }
        each(&word, &operands)?;
        operands.clear();
    }
    Err(PdfError::Work)
}

/// What follows `EI` of an inline image.
fn after_image(octets: &[u8]) -> Option<&[u8]> {
    let start = octets.windows(3).position(|window| window.starts_with(b"ID") && window.get(2).copied().is_some_and(is_space))?;
    let data = octets.get(start + 3..)?;
    let end = (0..data.len()).find(|at| {
        let word = data.get(*at..).is_some_and(|rest| rest.starts_with(b"EI"));
        let before = at.checked_sub(1).and_then(|at| data.get(at)).copied().is_none_or(is_space);
        word && before && data.get(at + 2).copied().is_none_or(|next| is_space(next) || is_delimiter(next))
    })?;
    data.get(end + 2..)
}

/// A rectangle with its sides in order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Left, bottom, right, top.
    pub sides: [f64; 4],
}

impl Place {
    /// From the array of a `/Rect` or box.
    pub fn of(rectangle: &Object) -> Option<Self> {
        let numbers: Option<Vec<f64>> = rectangle.as_array()?.iter().map(Object::as_number).collect();
        let &[a, b, c, d] = numbers?.as_slice() else { return None };
        let sides = [a.min(c), b.min(d), a.max(c), b.max(d)];
        sides.iter().all(|side| side.is_finite()).then_some(Self { sides })
    }

    /// Its area.
    pub fn area(&self) -> f64 {
        let [left, bottom, right, top] = self.sides;
        (right - left) * (top - bottom)
    }

    /// Whether both have a part in common.
    pub fn meets(&self, other: &Self) -> bool {
        let ([left, bottom, right, top], [l, b, r, t]) = (self.sides, other.sides);
        left < r && l < right && bottom < t && b < top
    }
}

/// A transformation, as `cm` writes it.
type Matrix = [f64; 6];
const UNITY: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

fn times([a, b, c, d, e, f]: Matrix, [p, q, r, s, t, u]: Matrix) -> Matrix {
    [a * p + b * r, a * q + b * s, c * p + d * r, c * q + d * s, e * p + f * r + t, e * q + f * s + u]
}

fn matrix(operands: &[Object]) -> Option<Matrix> {
    let numbers: Option<Vec<f64>> = operands.iter().map(Object::as_number).collect();
    numbers?.try_into().ok()
}

/// Where text stands on a page.
#[derive(Debug, Clone, Default)]
pub struct TextPlaces {
    /// Boxes around pieces of text.
    pub places: Vec<Place>,
    /// Boxes around pictures.
    pub pictures: Vec<Place>,
    /// Whether the page could not be read to its end: text may stand anywhere.
    pub anywhere: bool,
}

impl TextPlaces {
    /// Whether text stands, or may stand, inside `place`.
    pub fn meet(&self, place: &Place) -> bool {
        self.anywhere || self.places.iter().any(|text| text.meets(place))
    }

    /// Whether a picture stands, or may stand, inside `place`.
    pub fn pictured(&self, place: &Place) -> bool {
        self.anywhere || self.pictures.iter().any(|picture| picture.meets(place))
    }
}

/// Reads where the text of `page` stands. What cannot be read counts as text anywhere; only reading errors of the file are errors.
pub fn text_places(revision: Revision<'_, '_>, page: &Dictionary) -> Result<TextPlaces, PdfError> {
    let mut found = TextPlaces::default();
    match page_text(revision, page, &mut found) {
        Err(error @ (PdfError::Io | PdfError::Work)) => return Err(error),
        Err(_) => found.anywhere = true,
        Ok(()) => (),
    }
    Ok(found)
}

fn page_text(revision: Revision<'_, '_>, page: &Dictionary, found: &mut TextPlaces) -> Result<(), PdfError> {
    let mut content = Vec::new();
    let parts = match revision.value(page, "Contents")? {
        Object::Array(items) => items,
        Object::Null => return Ok(()),
        one => vec![one],
    };
    for part in &parts {
        if let Object::Stream(stream) = revision.resolve(part)? {
            content.extend_from_slice(&revision.decoded(&stream)?);
            content.push(b'\n');
        }
        if content.len() > MAX_CONTENT {
            return Err(PdfError::Filter);
        }
    }
    let resources = inherited(revision, page, "Resources")?;
    walk(revision, &content, resources.as_dictionary().unwrap_or(&Dictionary::default()), UNITY, 0, found)
}

/// Where text stands in a form XObject, in its own coordinates.
pub fn stream_places(revision: Revision<'_, '_>, stream: &Stream) -> Result<TextPlaces, PdfError> {
    let mut found = TextPlaces::default();
    let resources = revision.dictionary(&stream.dictionary, "Resources")?.unwrap_or_default();
    match walk(revision, &revision.decoded(stream)?, &resources, UNITY, 0, &mut found) {
        Err(error @ (PdfError::Io | PdfError::Work)) => return Err(error),
        Err(_) => found.anywhere = true,
        Ok(()) => (),
    }
    Ok(found)
}

/// The value of a page attribute, its own or inherited (section 7.7.3.4).
pub fn inherited(revision: Revision<'_, '_>, page: &Dictionary, key: &str) -> Result<Object, PdfError> {
    let mut node = page.clone();
    for _ in 0..64 {
        match revision.value(&node, key)? {
            Object::Null => (),
            found => return Ok(found),
        }
        let Object::Dictionary(parent) = revision.value(&node, "Parent")? else { break };
        node = parent;
    }
    Ok(Object::Null)
}

/// What annotations draw on `page`: who, and where; one that lies nowhere may be anywhere.
pub fn drawn_annotations(revision: Revision<'_, '_>, page: &Dictionary) -> Result<Vec<(Option<Id>, Place)>, PdfError> {
    let Object::Array(list) = revision.value(page, "Annots")? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for item in &list {
        let Object::Dictionary(annotation) = revision.resolve(item)? else { continue };
        // Hidden or not to be viewed (table 167).
        let hidden = annotation.integer("F").unwrap_or(0) & 0b10_0010 != 0;
        if hidden || annotation.get("AP").is_none() || annotation.name("Subtype") == Some(b"Popup") {
            continue;
        }
        let anywhere = Place { sides: [f64::NEG_INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::INFINITY] };
        let place = Place::of(&revision.value(&annotation, "Rect")?).unwrap_or(anywhere);
        if place.area() > 0.0 {
            found.push((item.as_reference(), place));
        }
    }
    Ok(found)
}

struct Pen {
    ctm: Matrix,
    size: f64,
    leading: f64,
}

fn walk(
    revision: Revision<'_, '_>,
    content: &[u8],
    resources: &Dictionary,
    ctm: Matrix,
    depth: usize,
    found: &mut TextPlaces,
) -> Result<(), PdfError> {
    let mut pen = Pen { ctm, size: 1.0, leading: 0.0 };
    let mut saved: Vec<(Matrix, f64, f64)> = Vec::new();
    let (mut line, mut text) = (UNITY, UNITY);
    operators(content, |operator, operands| {
        let number = |at: usize| operands.get(at).and_then(Object::as_number).unwrap_or(0.0);
        match operator {
            b"q" if saved.len() < 4096 => saved.push((pen.ctm, pen.size, pen.leading)),
            b"Q" => {
                if let Some((ctm, size, leading)) = saved.pop() {
                    pen = Pen { ctm, size, leading };
                }
            }
            b"cm" => pen.ctm = matrix(operands).map_or(pen.ctm, |matrix| times(matrix, pen.ctm)),
            b"BT" => (line, text) = (UNITY, UNITY),
            b"Tf" => pen.size = number(1),
            b"TL" => pen.leading = number(0),
            b"Tm" => {
                line = matrix(operands).unwrap_or(line);
                text = line;
            }
            b"Td" | b"TD" => {
                if operator == b"TD" {
                    pen.leading = -number(1);
                }
                line = times([1.0, 0.0, 0.0, 1.0, number(0), number(1)], line);
                text = line;
            }
            b"T*" | b"'" | b"\"" => {
                line = times([1.0, 0.0, 0.0, 1.0, 0.0, -pen.leading], line);
                text = line;
                if let Some(Object::Text(shown)) = operands.last() {
                    text = place(&pen, text, &shown.octets, found);
                }
            }
            b"Tj" => {
                if let Some(Object::Text(shown)) = operands.first() {
                    text = place(&pen, text, &shown.octets, found);
                }
            }
            b"TJ" => {
                for item in operands.first().and_then(Object::as_array).unwrap_or_default() {
                    match item {
                        Object::Text(shown) => text = place(&pen, text, &shown.octets, found),
                        other => {
                            let step = -other.as_number().unwrap_or(0.0) / 1000.0 * pen.size;
                            text = times([1.0, 0.0, 0.0, 1.0, step, 0.0], text);
                        }
                    }
                }
            }
            b"BI" => note(box_of(pen.ctm, [0.0, 0.0, 1.0, 1.0]), &mut found.pictures, &mut found.anywhere),
            b"Do" => {
                let Some(Object::Name(name)) = operands.first() else { return Ok(()) };
                let Some(objects) = revision.dictionary(resources, "XObject")? else { return Ok(()) };
                let name = String::from_utf8_lossy(name);
                if let Object::Stream(stream) = revision.value(&objects, &name)? {
                    if stream.dictionary.name("Subtype") != Some(b"Form") {
                        note(box_of(pen.ctm, [0.0, 0.0, 1.0, 1.0]), &mut found.pictures, &mut found.anywhere);
                        return Ok(());
                    }
                    if depth >= MAX_FORMS {
                        found.anywhere = true;
                        return Ok(());
                    }
                    let own = revision.value(&stream.dictionary, "Matrix")?.as_array().and_then(matrix).unwrap_or(UNITY);
                    let inner = revision.dictionary(&stream.dictionary, "Resources")?;
                    let data = revision.decoded(&stream)?;
                    walk(revision, &data, inner.as_ref().unwrap_or(resources), times(own, pen.ctm), depth + 1, found)?;
                }
            }
            _ => (),
        }
        if found.places.len() + found.pictures.len() > MAX_PLACES {
            found.anywhere = true;
            return Err(PdfError::Filter);
        }
        Ok(())
    })
}

/// Notes a box around text and returns the text matrix after it.
fn place(pen: &Pen, text: Matrix, octets: &[u8], found: &mut TextPlaces) -> Matrix {
    if octets.iter().all(|octet| *octet == b' ') {
        return times([1.0, 0.0, 0.0, 1.0, octets.len() as f64 * pen.size * 0.25, 0.0], text);
    }
    let width = octets.len() as f64 * pen.size * 0.5;
    let own = [0.0, -0.2 * pen.size, width, 0.75 * pen.size];
    note(box_of(times(text, pen.ctm), own), &mut found.places, &mut found.anywhere);
    times([1.0, 0.0, 0.0, 1.0, width, 0.0], text)
}

/// The box around a rectangle that `matrix` moves.
fn box_of(matrix: Matrix, [left, bottom, right, top]: [f64; 4]) -> Place {
    let [a, b, c, d, e, f] = matrix;
    let corners = [(left, bottom), (right, bottom), (left, top), (right, top)].map(|(x, y)| (a * x + c * y + e, b * x + d * y + f));
    let side = |pick: fn(f64, f64) -> f64, which: fn(&(f64, f64)) -> f64, start: f64| corners.iter().map(which).fold(start, pick);
    Place {
        sides: [
            side(f64::min, |corner| corner.0, f64::INFINITY),
            side(f64::min, |corner| corner.1, f64::INFINITY),
            side(f64::max, |corner| corner.0, f64::NEG_INFINITY),
            side(f64::max, |corner| corner.1, f64::NEG_INFINITY),
        ],
    }
}

/// Notes a box; one that lies nowhere may be anywhere.
fn note(place: Place, places: &mut Vec<Place>, anywhere: &mut bool) {
    if place.sides.iter().all(|side| side.is_finite()) {
        places.push(place);
    } else {
        *anywhere = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn operators_come_with_their_operands_and_inline_images_are_passed_over() {
        let mut seen = Vec::new();
        let content = b"q 1 0 0 RG /F1 12 Tf (a)Tj[(b)-20(c)]TJ BI /W 1 ID \x01EI( EI f false BDC";
        operators(content, |operator, operands| {
            seen.push((String::from_utf8_lossy(operator).into_owned(), operands.len()));
            Ok(())
        })
        .unwrap();
        let wanted = [("q", 0), ("RG", 3), ("Tf", 2), ("Tj", 1), ("TJ", 1), ("BI", 0), ("f", 0), ("BDC", 1)];
        assert_eq!(seen, wanted.map(|(name, count)| (name.to_owned(), count)));
    }

    #[test]
    fn rectangles_meet_or_do_not() {
        let at = |sides| Place { sides };
        assert!(at([0.0, 0.0, 2.0, 2.0]).meets(&at([1.0, 1.0, 3.0, 3.0])));
        assert!(!at([0.0, 0.0, 2.0, 2.0]).meets(&at([2.0, 0.0, 3.0, 3.0])));
    }

    proptest! {
        #[test]
        fn any_octets_give_an_answer(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = operators(&octets, |_, _| Ok(()));
        }
    }
}
