//! Every octet after a signature must be one that the cross-reference sections account for.
//!
//! A reader that repairs files looks for `12 0 obj` anywhere; what only such a reader finds would be content that this judge
//! never saw (incremental saving attacks). So nothing but accounted objects, sections and white space may follow.

use super::Border;
use crate::doc::pdf::document::Document;
use crate::doc::pdf::input::PdfError;
use crate::doc::pdf::lexer::{Lexer, SyntaxError};
use crate::doc::pdf::object::{Id, Object};
use crate::doc::pdf::xref::{Entry, Form, stream_end};
use std::collections::{HashMap, HashSet};

/// The first octet between the borders that nothing accounts for; `None` if all are.
pub fn unaccounted(document: &Document<'_>, from: Border, to: Border) -> Result<Option<u64>, PdfError> {
    let later = document.sections_between(from.0, to.0);
    let mut objects: HashSet<(u32, u64)> = HashSet::new();
    let mut sections: HashMap<u64, u64> = HashMap::new();
    for section in later {
        sections.insert(section.offset, section.end);
        if let Form::Hybrid { stream } = section.form {
            sections.insert(stream, 0);
        }
        for (number, entry) in &section.entries {
            if let Entry::At { offset, .. } = entry {
                objects.insert((*number, *offset));
            }
        }
    }
    let input = &document.input;
    let (mut at, mut blank) = (from.1, from.1);
    while at < to.1 {
        let tile = input.read(at, to.1, tile)?;
        let is_blank = matches!(tile, Tile::Blank(_));
        // An entry may point at the white space before what it means.
        let places = blank.max(at.saturating_sub(16))..=at;
        let listed = |number: u32| places.clone().any(|place| objects.contains(&(number, place)));
        let section = places.clone().find_map(|place| sections.get(&place).copied());
        let next = match tile {
            Tile::Blank(end) => Some(end),
            Tile::Table => section.filter(|end| *end > at),
            Tile::Object(id, end, None) => listed(id.number).then_some(end),
            Tile::Object(id, end, Some(length)) if listed(id.number) || section.is_some() => {
                let length = match length {
                    Object::Reference(id) => document.latest().object(id)?,
                    other => other,
                };
                let length = length.as_integer().and_then(|length| u64::try_from(length).ok());
                length.map(|length| stream_end(input, end.saturating_add(length))).transpose()?
            }
            _ => None,
        };
        match next {
            Some(next) if next > at => {
                if !is_blank {
                    blank = next;
                }
                at = next;
            }
            _ => return Ok(Some(at)),
        }
    }
    Ok(None)
}

enum Tile {
    /// White space, `%%EOF`, `startxref`, up to here.
    Blank(u64),
    /// `xref`.
    Table,
    /// An object: its header, where it or its data's start is, and of a stream its length.
    Object(Id, u64, Option<Object>),
    /// Anything else.
    Unknown,
}

fn tile(lexer: &mut Lexer<'_>) -> Result<Tile, SyntaxError> {
    let start = lexer.position();
    lexer.skip_white();
    if lexer.position() > start {
        return Ok(Tile::Blank(lexer.position()));
    }
    if lexer.rest().first() == Some(&b'%') {
        return Ok(comment(lexer));
    }
    if lexer.keyword(b"startxref") {
        lexer.skip_white();
        return Ok(lexer.unsigned().map_or(Tile::Unknown, |_| Tile::Blank(lexer.position())));
    }
    if lexer.keyword(b"xref") {
        return Ok(Tile::Table);
    }
    let Some(id) = lexer.object_header() else { return Ok(Tile::Unknown) };
    let value = lexer.object()?;
    Ok(match lexer.finish_object(value)? {
        Object::Stream(stream) => {
            Tile::Object(id, lexer.position(), Some(stream.dictionary.get("Length").cloned().unwrap_or(Object::Null)))
        }
        _ => Tile::Object(id, lexer.position(), None),
    })
}

/// A comment, `%%EOF` among them: a short line of text without a word that a repairing reader looks for. Other octets in it could be
/// parts of a file of another format, which other programs would find (ZIP readers start at the end).
fn comment(lexer: &mut Lexer<'_>) -> Tile {
    const LONGEST: usize = 256;
    let line: Vec<u8> = lexer.rest().iter().take(LONGEST).copied().take_while(|octet| !matches!(octet, b'\r' | b'\n')).collect();
    lexer.advance(line.len());
    lexer.touched_end |= line.len() < LONGEST && lexer.rest().is_empty();
    let speaks = |word: &[u8]| line.windows(word.len()).any(|window| window == word);
    let words: [&[u8]; 5] = [b"obj", b"xref", b"trailer", b"stream", b"PDF-"];
    let control = line.iter().any(|octet| octet.is_ascii_control() && *octet != b'\t');
    if line.len() == LONGEST || control || words.into_iter().any(speaks) { Tile::Unknown } else { Tile::Blank(lexer.position()) }
}
