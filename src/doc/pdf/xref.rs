//! Cross-reference sections (ISO 32000-2 sections 7.5.4 to 7.5.8): tables, streams, and the hybrid of both.

use super::filter::decode;
use super::input::{Input, PdfError};
use super::lexer::{Lexer, SyntaxError};
use super::object::{Dictionary, Id, Object, Stream};

/// Highest object number a document may use (annex C).
pub const MAX_NUMBER: u32 = 8_388_607;

/// Where an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Nowhere.
    Free,
    /// At an offset in the file.
    At {
        /// First octet of `12 0 obj`.
        offset: u64,
        /// Generation number.
        generation: u16,
    },
    /// In an object stream.
    In {
        /// Number of the object stream.
        stream: u32,
        /// Position in it.
        index: u32,
    },
}

/// How a section is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `xref … trailer`.
    Table,
    /// A table whose trailer names a stream too.
    Hybrid {
        /// Where that stream stands.
        stream: u64,
    },
    /// A stream object.
    Stream,
}

/// One section with its trailer.
#[derive(Debug, Clone)]
pub struct Section {
    /// Where it starts.
    pub offset: u64,
    /// First octet after its trailer dictionary or `endobj`.
    pub end: u64,
    /// How it is written.
    pub form: Form,
    /// Entries by object number, each number once.
    pub entries: Vec<(u32, Entry)>,
    /// The highest offset among them.
    pub reach: u64,
    /// Trailer dictionary (of a stream: the stream dictionary).
    pub trailer: Dictionary,
    /// Where the section before it starts.
    pub previous: Option<u64>,
}

/// Reads the section at `offset`, with the stream of a hybrid one merged in.
pub fn section(input: &Input<'_>, offset: u64) -> Result<Section, PdfError> {
    if offset >= input.len() {
        return Err(PdfError::Structure(("交叉引用偏移超出文件", "a cross-reference offset lies outside the file")));
    }
    let is_table = input.read(offset, input.len(), |lexer| {
        lexer.skip_white();
        Ok(lexer.keyword(b"xref"))
    })?;
    if !is_table {
        return stream_section(input, offset);
    }
    let mut section = input.read(offset, input.len(), |lexer| table(lexer, offset))?;
    section.entries = sorted(section.entries)?;
    section.previous = offset_of(&section.trailer, "Prev")?;
    if let Some(stream) = offset_of(&section.trailer, "XRefStm")? {
        let hidden = stream_section(input, stream)?;
        // The stream fills in what the table calls free or does not name (section 7.5.8.4).
        let visible: std::collections::BTreeMap<u32, Entry> = section.entries.iter().copied().collect();
        let added = hidden.entries.into_iter().filter(|(number, _)| visible.get(number).is_none_or(|entry| *entry == Entry::Free));
        let mut merged = visible.clone();
        merged.extend(added);
        section.entries = merged.into_iter().collect();
        section.form = Form::Hybrid { stream };
    }
    section.reach = reach(&section.entries);
    Ok(section)
}

fn reach(entries: &[(u32, Entry)]) -> u64 {
    let offsets = entries.iter().filter_map(|(_, entry)| if let Entry::At { offset, .. } = entry { Some(*offset) } else { None });
    offsets.max().unwrap_or(0)
}

fn offset_of(trailer: &Dictionary, key: &str) -> Result<Option<u64>, PdfError> {
    match trailer.get(key) {
        None => Ok(None),
        Some(value) => match value.as_integer().and_then(|number| u64::try_from(number).ok()) {
            Some(offset) => Ok(Some(offset)),
            // Some writers store offsets with a point ("116.0"); the strict reading has none.
            None => Err(PdfError::Structure(("交叉引用偏移不是整数", "a cross-reference offset is no whole number"))),
        },
    }
}

fn table(lexer: &mut Lexer<'_>, offset: u64) -> Result<Section, SyntaxError> {
    lexer.skip_white();
    if !lexer.keyword(b"xref") {
        return Err(SyntaxError::Unexpected);
    }
    let mut entries = Vec::new();
    loop {
        lexer.skip_space();
        if lexer.keyword(b"trailer") {
            break;
        }
        let first = lexer.unsigned().ok_or(SyntaxError::Unexpected)?;
        lexer.skip_space();
        let count = lexer.unsigned().ok_or(SyntaxError::Unexpected)?;
        for index in 0..count {
            let number = first.checked_add(index).and_then(|number| u32::try_from(number).ok()).ok_or(SyntaxError::Unexpected)?;
            if number > MAX_NUMBER {
                return Err(SyntaxError::Unexpected);
            }
            lexer.skip_space();
            let offset = lexer.unsigned().ok_or(SyntaxError::Unexpected)?;
            lexer.skip_space();
            let generation = lexer.unsigned().ok_or(SyntaxError::Unexpected)?;
            lexer.skip_space();
            let in_use = lexer.keyword(b"n");
            if !in_use && !lexer.keyword(b"f") {
                return Err(SyntaxError::Unexpected);
            }
            // An entry in use at offset 0 is a known way to say "nowhere": the header stands there.
            let entry = match u16::try_from(generation) {
                Ok(generation) if in_use && offset > 0 => Entry::At { offset, generation },
                _ => Entry::Free,
            };
            entries.push((number, entry));
        }
    }
    let trailer = lexer.object()?;
    let Object::Dictionary(trailer) = trailer else { return Err(SyntaxError::Unexpected) };
    Ok(Section { offset, end: lexer.position(), form: Form::Table, entries, reach: 0, trailer, previous: None })
}

/// Sorts by object number and refuses numbers that stand twice with different entries: readers would disagree.
fn sorted(mut entries: Vec<(u32, Entry)>) -> Result<Vec<(u32, Entry)>, PdfError> {
    entries.sort_by_key(|(number, _)| *number);
    let clash = |pair: &[(u32, Entry)]| matches!(pair, [(a, left), (b, right)] if a == b && left != right);
    if entries.windows(2).any(clash) {
        return Err(PdfError::Structure(("同一交叉引用段两次列出同一对象", "a cross-reference section names an object twice")));
    }
    entries.dedup_by_key(|(number, _)| *number);
    Ok(entries)
}

fn stream_section(input: &Input<'_>, offset: u64) -> Result<Section, PdfError> {
    let (_, stream) = stream_at(input, offset)?;
    let dictionary = &stream.dictionary;
    if dictionary.name("Type") != Some(b"XRef") {
        return Err(PdfError::Structure(("所指位置没有交叉引用段", "no cross-reference section where one is announced")));
    }
    let length = dictionary.integer("Length").and_then(|length| u64::try_from(length).ok());
    let length = length.ok_or(PdfError::Structure(("交叉引用流没有直接写明长度", "a cross-reference stream without a plain length")))?;
    let raw = input.exactly(stream.start, length)?;
    let data = decode(dictionary, &raw)?;
    input.spend(data.len() as u64)?;
    let end = stream_end(input, stream.start.saturating_add(length))?;
    let entries = sorted(stream_entries(dictionary, &data)?)?;
    let previous = offset_of(dictionary, "Prev")?;
    Ok(Section { offset, end, form: Form::Stream, reach: reach(&entries), entries, trailer: stream.dictionary, previous })
}

/// The stream object at `offset`.
pub fn stream_at(input: &Input<'_>, offset: u64) -> Result<(Id, Stream), PdfError> {
    let (id, object) = input.read(offset, input.len(), |lexer| {
        lexer.skip_white();
        let id = lexer.object_header().ok_or(SyntaxError::Unexpected)?;
        let value = lexer.object()?;
        Ok((id, lexer.finish_object(value)?))
    })?;
    match object {
        Object::Stream(stream) => Ok((id, stream)),
        _ => Err(PdfError::Structure(("所指位置没有流", "no stream where one is announced"))),
    }
}

/// Checks that `endstream endobj` follows a stream's data and returns where it ends.
pub fn stream_end(input: &Input<'_>, data_end: u64) -> Result<u64, PdfError> {
    input.read(data_end, input.len(), |lexer| {
        lexer.end_of_line();
        let ended = lexer.keyword(b"endstream");
        lexer.skip_space();
        if ended && lexer.keyword(b"endobj") { Ok(lexer.position()) } else { Err(SyntaxError::Unexpected) }
    })
}

fn stream_entries(dictionary: &Dictionary, data: &[u8]) -> Result<Vec<(u32, Entry)>, PdfError> {
    const BROKEN: PdfError = PdfError::Structure(("交叉引用流与自身描述不符", "a cross-reference stream breaks its own description"));
    let widths: Vec<usize> = match dictionary.get("W").and_then(Object::as_array) {
        Some([a, b, c]) => {
            [a, b, c].iter().filter_map(|width| usize::try_from(width.as_integer()?).ok().filter(|width| *width <= 8)).collect()
        }
        _ => return Err(BROKEN),
    };
    let &[kind_width, second_width, third_width] = widths.as_slice() else { return Err(BROKEN) };
    let width = kind_width + second_width + third_width;
    if width == 0 {
        return Err(BROKEN);
    }
    let size = dictionary.integer("Size").ok_or(BROKEN)?;
    let index: Vec<i64> = match dictionary.get("Index").and_then(Object::as_array) {
        Some(items) => items.iter().map(|item| item.as_integer().ok_or(BROKEN)).collect::<Result<_, _>>()?,
        None => vec![0, size],
    };
    let mut rows = data.chunks_exact(width);
    let mut entries = Vec::with_capacity(data.len() / width);
    for pair in index.chunks(2) {
        let &[first, count] = pair else { return Err(BROKEN) };
        let (first, count) = u32::try_from(first).ok().zip(u32::try_from(count).ok()).ok_or(BROKEN)?;
        for step in 0..count {
            let number = first.checked_add(step).filter(|number| *number <= MAX_NUMBER).ok_or(BROKEN)?;
            let row = rows.next().ok_or(BROKEN)?;
            let (kind, rest) = row.split_at(kind_width);
            let (second, third) = rest.split_at(second_width);
            let kind = if kind_width == 0 { 1 } else { number_of(kind) };
            let entry = match kind {
                1 => match u16::try_from(number_of(third)) {
                    Ok(generation) if number_of(second) > 0 => Entry::At { offset: number_of(second), generation },
                    _ => Entry::Free,
                },
                2 => {
                    let stream = u32::try_from(number_of(second)).map_err(|_| BROKEN)?;
                    let index = u32::try_from(number_of(third)).map_err(|_| BROKEN)?;
                    Entry::In { stream, index }
                }
                // Type 0 is free; unknown types count as the null object (table 18).
                _ => Entry::Free,
            };
            entries.push((number, entry));
        }
    }
    Ok(entries)
}

fn number_of(octets: &[u8]) -> u64 {
    octets.iter().fold(0, |sum, octet| sum << 8 | u64::from(*octet))
}
