//! The file as a chain of cross-reference sections, and any of its revisions as a document of its own.
//!
//! Reading is strict: what needs repair is not judged, because every reader repairs differently. Only `changes::tiles` looks
//! at what a repairing reader would find besides.

use super::filter::decode;
use super::input::{Input, PdfError};
use super::lexer::{Lexer, SyntaxError, is_space};
use super::object::{Dictionary, Id, Object, Stream};
use super::xref::{Entry, Form, Section, section, stream_at, stream_end};
use crate::doc::source::ByteSource;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

/// How many sections one file may have.
const MAX_SECTIONS: usize = 10_000;
/// How many entries all sections together may have.
const MAX_ENTRIES: usize = 10_000_000;
/// How far from the end `startxref` is searched.
const TAIL: u64 = 2048;
/// Octets of decoded object streams kept at a time.
const KEPT: usize = 32 << 20;

/// An opened file.
pub struct Document<'a> {
    /// The octets.
    pub input: Input<'a>,
    /// Cross-reference sections, oldest first.
    pub sections: Vec<Section>,
    /// What ends the file: where `startxref` stands and the first octet after `%%EOF`.
    pub ending: Ending,
    history: HashMap<u32, Vec<(usize, Entry)>>,
    /// For each section, the highest offset that it or one before it points at.
    reach: Vec<u64>,
    streams: RefCell<HashMap<u64, Rc<ObjectStream>>>,
    kept: Cell<usize>,
}

/// The end of a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// Where the keyword `startxref` stands.
    pub keyword: u64,
    /// The offset it names.
    pub xref: u64,
    /// First octet after `%%EOF` (or after the offset, where that is missing).
    pub end: u64,
    /// Whether `%%EOF` is there.
    pub marked: bool,
}

struct ObjectStream {
    data: Vec<u8>,
    /// Object number and position in `data`.
    index: Vec<(u32, usize)>,
}

/// The document as it was after one of its sections.
#[derive(Clone, Copy)]
pub struct Revision<'d, 'a> {
    /// The file.
    pub document: &'d Document<'a>,
    /// Position of its newest section in [`Document::sections`].
    pub newest: usize,
}

/// The last `startxref` in the octets before `end`.
pub fn ending(input: &Input<'_>, end: u64) -> Result<Ending, PdfError> {
    const WORD: &[u8] = b"startxref";
    let start = end.saturating_sub(TAIL);
    let tail = input.exactly(start, end - start)?;
    let at = tail.windows(WORD.len()).rposition(|window| window == WORD);
    let at = at.ok_or(PdfError::Structure(("文件末尾没有 startxref", "the file does not end with startxref")))?;
    let mut lexer = Lexer::new(&tail, start);
    lexer.advance(at);
    let keyword = lexer.position();
    lexer.literal(WORD);
    lexer.skip_white();
    let xref = lexer.unsigned().ok_or(PdfError::Structure(("startxref 没有给出偏移", "startxref names no offset")))?;
    let mut ending = Ending { keyword, xref, end: lexer.position(), marked: false };
    lexer.skip_white();
    if lexer.literal(b"%%EOF") {
        ending.marked = true;
        ending.end = lexer.position();
    }
    Ok(ending)
}

impl<'a> Document<'a> {
    /// Opens a file by its last cross-reference section and all before it.
    pub fn open(source: &'a dyn ByteSource) -> Result<Self, PdfError> {
        let input = Input::new(source)?;
        let ending = ending(&input, input.len())?;
        let mut sections = Vec::new();
        let mut seen = HashSet::new();
        let mut next = Some(ending.xref);
        let mut entries = 0usize;
        while let Some(offset) = next {
            if !seen.insert(offset) || sections.len() >= MAX_SECTIONS {
                return Err(PdfError::Structure(("交叉引用段的链没有终点", "the chain of cross-reference sections does not end")));
            }
            let section = section(&input, offset)?;
            entries = entries.saturating_add(section.entries.len());
            if entries > MAX_ENTRIES {
                return Err(PdfError::Work);
            }
            next = section.previous;
            sections.push(section);
        }
        sections.reverse();
        let mut history: HashMap<u32, Vec<(usize, Entry)>> = HashMap::new();
        for (position, section) in sections.iter().enumerate() {
            for (number, entry) in &section.entries {
                history.entry(*number).or_default().push((position, *entry));
            }
        }
        let mut reach = Vec::with_capacity(sections.len());
        for section in &sections {
            reach.push(section.reach.max(reach.last().copied().unwrap_or(0)));
        }
        Ok(Self { input, sections, ending, history, reach, streams: RefCell::default(), kept: Cell::new(0) })
    }

    /// The document as the file stands.
    pub fn latest(&self) -> Revision<'_, 'a> {
        Revision { document: self, newest: self.sections.len().saturating_sub(1) }
    }

    /// The revision whose last octet stands before `end`: the octets before `end` must be a document that this file goes on
    /// from. `None` if they are not.
    pub fn revision_ending_at(&self, end: u64) -> Option<Revision<'_, 'a>> {
        let ending = ending(&self.input, end).ok().filter(|ending| ending.marked)?;
        let after = self.input.exactly(ending.end, end.checked_sub(ending.end)?).ok()?;
        if !after.iter().all(|octet| is_space(*octet)) {
            return None;
        }
        let newest = self.sections.iter().position(|section| section.offset == ending.xref)?;
        let (signed, later) = self.sections.split_at_checked(newest + 1)?;
        let inside = signed.iter().all(|section| section.end <= end) && later.iter().all(|section| section.offset >= end);
        inside.then_some(Revision { document: self, newest })
    }

    /// Whether the trailer names an encryption dictionary.
    pub fn encrypted(&self) -> bool {
        self.sections.iter().any(|section| section.trailer.get("Encrypt").is_some())
    }

    /// The sections after `newest`, up to `last` and with it.
    pub fn sections_between(&self, newest: usize, last: usize) -> &[Section] {
        let end = last.saturating_add(1).min(self.sections.len());
        self.sections.get(newest.saturating_add(1)..end).unwrap_or_default()
    }

    /// The highest offset that the sections up to `newest`, and with it, point at.
    pub fn reach_up_to(&self, newest: usize) -> u64 {
        self.reach.get(newest).copied().unwrap_or(u64::MAX)
    }

    /// Numbers of objects that the sections after `newest` name, up to `last` and with it.
    pub fn numbers_between(&self, newest: usize, last: usize) -> Vec<u32> {
        let later = self.sections_between(newest, last);
        let mut numbers: Vec<u32> = later.iter().flat_map(|section| section.entries.iter().map(|(number, _)| *number)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn object_stream(&self, revision: Revision<'_, 'a>, number: u32) -> Result<Rc<ObjectStream>, PdfError> {
        const BROKEN: PdfError = PdfError::Structure(("对象流与自身描述不符", "an object stream breaks its own description"));
        let Some(Entry::At { offset, .. }) = revision.entry(number) else { return Err(BROKEN) };
        if let Some(stream) = self.streams.borrow().get(&offset) {
            return Ok(Rc::clone(stream));
        }
        let (id, stream) = stream_at(&self.input, offset)?;
        if id.number != number || stream.dictionary.name("Type") != Some(b"ObjStm") {
            return Err(BROKEN);
        }
        let raw = revision.raw(&stream)?;
        let data = decode(&stream.dictionary, &raw)?;
        self.input.spend(data.len() as u64)?;
        let count = stream.dictionary.integer("N").and_then(|count| usize::try_from(count).ok()).ok_or(BROKEN)?;
        let first = stream.dictionary.integer("First").and_then(|first| usize::try_from(first).ok()).ok_or(BROKEN)?;
        let mut lexer = Lexer::new(data.get(..first).ok_or(BROKEN)?, 0);
        let mut index = Vec::new();
        for _ in 0..count {
            lexer.skip_space();
            let number = lexer.unsigned().and_then(|number| u32::try_from(number).ok()).ok_or(BROKEN)?;
            lexer.skip_space();
            let at = lexer.unsigned().and_then(|at| usize::try_from(at).ok()).and_then(|at| at.checked_add(first)).ok_or(BROKEN)?;
            index.push((number, at));
        }
        let stream = Rc::new(ObjectStream { data, index });
        let mut streams = self.streams.borrow_mut();
        let kept = self.kept.get().saturating_add(stream.data.len());
        if kept > KEPT {
            streams.clear();
        }
        self.kept.set(if kept > KEPT { stream.data.len() } else { kept });
        streams.insert(offset, Rc::clone(&stream));
        Ok(stream)
    }
}

impl<'d, 'a> Revision<'d, 'a> {
    /// Where object `number` stands in this revision.
    pub fn entry(&self, number: u32) -> Option<Entry> {
        let history = self.document.history.get(&number)?;
        let known = history.partition_point(|(section, _)| *section <= self.newest);
        history.get(known.checked_sub(1)?).map(|(_, entry)| *entry)
    }

    /// The full name of object `number`; `None` if it is free or missing.
    pub fn id_of(&self, number: u32) -> Option<Id> {
        match self.entry(number)? {
            Entry::Free => None,
            Entry::At { generation, .. } => Some(Id { number, generation }),
            Entry::In { .. } => Some(Id { number, generation: 0 }),
        }
    }

    /// The trailer dictionary in force.
    pub fn trailer(&self) -> Option<&'d Dictionary> {
        self.document.sections.get(self.newest).map(|section| &section.trailer)
    }

    /// The section that this revision added last.
    pub fn section(&self) -> Option<&'d Section> {
        self.document.sections.get(self.newest)
    }

    /// The object `id`; what is missing or free is `null` (section 7.3.10).
    pub fn object(&self, id: Id) -> Result<Object, PdfError> {
        match self.entry(id.number) {
            Some(Entry::At { offset, generation }) if generation == id.generation => self.object_at(offset, id),
            Some(Entry::In { stream, index }) if id.generation == 0 => {
                let stream = self.document.object_stream(*self, stream)?;
                let slot = usize::try_from(index).ok().and_then(|index| stream.index.get(index));
                let &(number, at) = slot.ok_or(PdfError::Structure(("对象流缺少所指对象", "an object stream lacks an object")))?;
                if number != id.number {
                    return Err(PdfError::Structure(("对象流中的对象与索引不符", "an object stream holds another object than announced")));
                }
                let octets =
                    stream.data.get(at..).ok_or(PdfError::Structure(("对象流缺少所指对象", "an object stream lacks an object")))?;
                let mut lexer = Lexer::new(octets, at as u64);
                let object = lexer.object();
                self.document.input.spend(lexer.consumed() as u64 + 16)?;
                object.map_err(|error| PdfError::Syntax { at: at as u64, error })
            }
            _ => Ok(Object::Null),
        }
    }

    fn object_at(&self, offset: u64, id: Id) -> Result<Object, PdfError> {
        let input = &self.document.input;
        let (found, object) = input.read(offset, input.len(), |lexer| {
            // Some writers point at the end of line before an object; nothing but white space may lie between.
            lexer.skip_white();
            let found = lexer.object_header().ok_or(SyntaxError::Unexpected)?;
            let value = lexer.object()?;
            Ok((found, lexer.finish_object(value)?))
        })?;
        if found == id {
            Ok(object)
        } else {
            Err(PdfError::Structure(("对象不在交叉引用所指的位置", "an object is not where the cross-reference says")))
        }
    }

    /// Follows a reference (references to references at most eight deep).
    pub fn resolve(&self, object: &Object) -> Result<Object, PdfError> {
        let mut current = object.clone();
        for _ in 0..8 {
            match current {
                Object::Reference(id) => current = self.object(id)?,
                other => return Ok(other),
            }
        }
        Err(PdfError::Structure(("引用成环", "references run in a circle")))
    }

    /// The value under `key`, resolved; `null` if missing.
    pub fn value(&self, dictionary: &Dictionary, key: &str) -> Result<Object, PdfError> {
        dictionary.get(key).map_or(Ok(Object::Null), |value| self.resolve(value))
    }

    /// The dictionary under `key`, resolved; of a stream: its dictionary.
    pub fn dictionary(&self, dictionary: &Dictionary, key: &str) -> Result<Option<Dictionary>, PdfError> {
        Ok(match self.value(dictionary, key)? {
            Object::Dictionary(found) => Some(found),
            Object::Stream(stream) => Some(stream.dictionary),
            _ => None,
        })
    }

    /// The document catalogue.
    pub fn catalog(&self) -> Result<Dictionary, PdfError> {
        let trailer = self.trailer().ok_or(PdfError::Structure(("没有文件尾字典", "no trailer")))?;
        let root = trailer.reference("Root").ok_or(PdfError::Structure(("文件尾没有指明目录对象", "the trailer names no catalogue")))?;
        match self.object(root)? {
            Object::Dictionary(catalog) => Ok(catalog),
            _ => Err(PdfError::Structure(("缺少目录对象", "the catalogue is missing"))),
        }
    }

    /// Length of a stream's raw octets.
    pub fn stream_length(&self, stream: &Stream) -> Result<u64, PdfError> {
        let length = match stream.dictionary.get("Length") {
            Some(Object::Reference(id)) => match self.entry(id.number) {
                // A length inside an object stream would need that stream's own length first; none is worth the circle.
                Some(Entry::At { .. }) => self.object(*id)?.as_integer(),
                _ => None,
            },
            Some(other) => other.as_integer(),
            None => None,
        };
        length.and_then(|length| u64::try_from(length).ok()).ok_or(PdfError::Structure(("流没有长度", "a stream without a length")))
    }

    /// Raw octets of a stream, after checking that it ends where its length says.
    pub fn raw(&self, stream: &Stream) -> Result<std::borrow::Cow<'d, [u8]>, PdfError> {
        let length = self.stream_length(stream)?;
        self.document.input.spend(length)?;
        stream_end(&self.document.input, stream.start.saturating_add(length))?;
        self.document.input.exactly(stream.start, length)
    }

    /// Decoded octets of a stream.
    pub fn decoded(&self, stream: &Stream) -> Result<Vec<u8>, PdfError> {
        let data = decode(&stream.dictionary, &self.raw(stream)?)?;
        self.document.input.spend(data.len() as u64)?;
        Ok(data)
    }

    /// Whether this is the newest revision of the file.
    pub fn is_latest(&self) -> bool {
        self.newest + 1 >= self.document.sections.len()
    }

    /// Whether an older reader, which knows no cross-reference streams, would see other objects.
    pub fn is_hybrid(&self) -> bool {
        self.section().is_some_and(|section| matches!(section.form, Form::Hybrid { .. }))
    }
}
