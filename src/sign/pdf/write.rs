//! Writing objects and the cross-reference section of an update, in the form that the file uses already.

use super::no;
use crate::doc::pdf::document::Document;
use crate::doc::pdf::lexer::{is_delimiter, is_space};
use crate::doc::pdf::object::{Dictionary, Id, Object, Text};
use crate::doc::pdf::xref::{Form, MAX_NUMBER};
use crate::sign::Refusal;
use std::collections::BTreeMap;

/// Collects the octets of an update.
pub(super) struct Writer {
    base: u64,
    out: Vec<u8>,
    places: BTreeMap<u32, (u64, u16)>,
    next: u32,
}

impl Writer {
    /// An update that starts at `base`, with an end of line first where the file lacks one.
    pub(super) fn new(pdf: &Document<'_>, base: u64, end_of_line: bool) -> Result<Self, Refusal> {
        let used = pdf.sections.iter().filter_map(|section| section.entries.last().map(|(number, _)| number.saturating_add(1))).max();
        let announced = pdf.latest().trailer().and_then(|trailer| trailer.integer("Size")).and_then(|size| u32::try_from(size).ok());
        let next = used.unwrap_or(1).max(announced.unwrap_or(1));
        Ok(Self { base, out: if end_of_line { b"\n".to_vec() } else { Vec::new() }, places: BTreeMap::new(), next })
    }

    /// A new object number.
    pub(super) fn fresh(&mut self) -> Result<Id, Refusal> {
        let number = self.next;
        if number > MAX_NUMBER {
            return Err(no("PDF 的对象号已用尽", "the PDF has no object numbers left"));
        }
        self.next = number + 1;
        Ok(Id { number, generation: 0 })
    }

    /// How many octets were written.
    pub(super) fn written(&self) -> usize {
        self.out.len()
    }

    /// Octets as they are.
    pub(super) fn raw(&mut self, octets: &[u8]) {
        self.out.extend_from_slice(octets);
    }

    /// Starts an object.
    pub(super) fn begin(&mut self, id: Id) {
        self.places.insert(id.number, (self.base + self.out.len() as u64, id.generation));
        self.raw(format!("{} {} obj\n", id.number, id.generation).as_bytes());
    }

    /// Ends an object.
    pub(super) fn end(&mut self) {
        self.raw(b"\nendobj\n");
    }

    /// A whole object.
    pub(super) fn object(&mut self, id: Id, value: &Object) {
        self.begin(id);
        self.value(value);
        self.end();
    }

    /// A whole stream; `Length` is added.
    pub(super) fn stream(&mut self, id: Id, mut dictionary: Dictionary, data: &[u8]) {
        dictionary.replace("Length", Object::Integer(i64::try_from(data.len()).unwrap_or(i64::MAX)));
        self.begin(id);
        self.value(&Object::Dictionary(dictionary));
        self.raw(b"\nstream\n");
        self.raw(data);
        self.raw(b"\nendstream");
        self.end();
    }

    /// A value.
    pub(super) fn value(&mut self, value: &Object) {
        match value {
            Object::Null => self.raw(b"null"),
            Object::Boolean(true) => self.raw(b"true"),
            Object::Boolean(false) => self.raw(b"false"),
            Object::Integer(number) => self.raw(number.to_string().as_bytes()),
            Object::Real(text) => self.raw(text),
            Object::Name(name) => self.name(name),
            Object::Text(text) => self.text(text),
            Object::Array(items) => {
                self.raw(b"[");
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.raw(b" ");
                    }
                    self.value(item);
                }
                self.raw(b"]");
            }
            Object::Dictionary(dictionary) => self.dictionary(dictionary),
            // A stream is an object of its own and never stands inside another.
            Object::Stream(stream) => self.dictionary(&stream.dictionary),
            Object::Reference(id) => self.raw(format!("{} {} R", id.number, id.generation).as_bytes()),
        }
    }

    fn dictionary(&mut self, dictionary: &Dictionary) {
        self.raw(b"<<");
        for (key, value) in dictionary.iter() {
            self.name(key);
            self.raw(b" ");
            self.value(value);
        }
        self.raw(b">>");
    }

    fn name(&mut self, name: &[u8]) {
        self.raw(b"/");
        for octet in name {
            if octet.is_ascii_graphic() && !is_delimiter(*octet) && !is_space(*octet) && *octet != b'#' {
                self.raw(&[*octet]);
            } else {
                self.raw(format!("#{octet:02X}").as_bytes());
            }
        }
    }

    fn text(&mut self, text: &Text) {
        if text.hexadecimal || !text.octets.iter().all(|octet| octet.is_ascii_graphic() || *octet == b' ') {
            self.raw(format!("<{}>", hex::encode_upper(&text.octets)).as_bytes());
            return;
        }
        self.raw(b"(");
        for octet in &text.octets {
            if matches!(octet, b'(' | b')' | b'\\') {
                self.raw(b"\\");
            }
            self.raw(&[*octet]);
        }
        self.raw(b")");
    }

    /// The cross-reference section and the end of the file.
    pub(super) fn finish(&mut self, pdf: &Document<'_>, nonce: &[u8; 16]) -> Result<(), Refusal> {
        let section = pdf.latest().section().ok_or(no("PDF 没有交叉引用", "the PDF has no cross-reference section"))?;
        let mut trailer = Dictionary::default();
        for key in ["Root", "Info"] {
            if let Some(value) = section.trailer.get(key) {
                trailer.insert(key.into(), value.clone());
            }
        }
        let fresh = Object::Text(Text { octets: nonce.to_vec(), hexadecimal: true, span: (0, 0) });
        let first = section.trailer.get("ID").and_then(Object::as_array).and_then(<[Object]>::first).filter(|id| id.as_text().is_some());
        trailer.insert(b"ID".into(), Object::Array(vec![first.cloned().unwrap_or_else(|| fresh.clone()), fresh]));
        let previous = i64::try_from(pdf.ending.xref).map_err(|_| no("文件过大", "the document is too large"))?;
        trailer.insert(b"Prev".into(), Object::Integer(previous));
        let start = match section.form {
            Form::Stream => self.stream_section(trailer)?,
            Form::Table | Form::Hybrid { .. } => self.table_section(trailer)?,
        };
        self.raw(format!("startxref\n{start}\n%%EOF\n").as_bytes());
        Ok(())
    }

    fn table_section(&mut self, mut trailer: Dictionary) -> Result<u64, Refusal> {
        let start = self.base + self.out.len() as u64;
        self.raw(b"xref\n0 1\n0000000000 65535 f\r\n");
        for (first, run) in self.runs() {
            self.raw(format!("{first} {}\n", run.len()).as_bytes());
            for (offset, generation) in run {
                if offset > 9_999_999_999 {
                    return Err(no("文件过大", "the document is too large"));
                }
                self.raw(format!("{offset:010} {generation:05} n\r\n").as_bytes());
            }
        }
        trailer.insert(b"Size".into(), Object::Integer(self.next.into()));
        self.raw(b"trailer\n");
        self.dictionary(&trailer);
        self.raw(b"\n");
        Ok(start)
    }

    fn stream_section(&mut self, mut dictionary: Dictionary) -> Result<u64, Refusal> {
        let id = self.fresh()?;
        let start = self.base + self.out.len() as u64;
        self.places.insert(id.number, (start, 0));
        let mut index = Vec::new();
        let mut data = Vec::new();
        for (first, run) in self.runs() {
            index.push(Object::Integer(first.into()));
            index.push(Object::Integer(i64::try_from(run.len()).unwrap_or(i64::MAX)));
            for (offset, generation) in run {
                data.push(1);
                data.extend_from_slice(&offset.to_be_bytes());
                data.extend_from_slice(&generation.to_be_bytes());
            }
        }
        dictionary.insert(b"Type".into(), Object::Name(b"XRef".into()));
        dictionary.insert(b"Size".into(), Object::Integer(self.next.into()));
        dictionary.insert(b"W".into(), Object::Array([1, 8, 2].map(Object::Integer).to_vec()));
        dictionary.insert(b"Index".into(), Object::Array(index));
        self.stream(id, dictionary, &data);
        Ok(start)
    }

    /// Places of objects with consecutive numbers.
    fn runs(&self) -> Vec<(u32, Vec<(u64, u16)>)> {
        let mut runs: Vec<(u32, Vec<(u64, u16)>)> = Vec::new();
        let mut expected = None;
        for (number, place) in &self.places {
            match runs.last_mut().filter(|_| expected == Some(*number)) {
                Some((_, run)) => run.push(*place),
                None => runs.push((*number, vec![*place])),
            }
            expected = number.checked_add(1);
        }
        runs
    }

    /// Where the update starts, and its octets.
    pub(super) fn into_octets(self) -> (u64, Vec<u8>) {
        (self.base, self.out)
    }
}
