//! PDF objects (ISO 32000-2 section 7.3) as they stand in the file.

use std::collections::BTreeMap;

/// Object and generation number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Object number.
    pub number: u32,
    /// Generation number.
    pub generation: u16,
}

/// A value. Two are equal if they mean the same; where they stand in the file does not count.
#[derive(Debug, Clone, PartialEq)]
pub enum Object {
    /// `null`, and whatever is missing.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number with a point, as written: it is compared, never computed with.
    Real(Vec<u8>),
    /// `/Name`, with `#xx` resolved.
    Name(Vec<u8>),
    /// `(…)` or `<…>`.
    Text(Text),
    /// `[…]`.
    Array(Vec<Object>),
    /// `<<…>>`.
    Dictionary(Dictionary),
    /// `<<…>> stream`.
    Stream(Stream),
    /// `12 0 R`.
    Reference(Id),
}

/// A string with its place.
#[derive(Debug, Clone)]
pub struct Text {
    /// Decoded octets.
    pub octets: Vec<u8>,
    /// Whether it was written in hexadecimal.
    pub hexadecimal: bool,
    /// First octet of `(` or `<` in the file, and the first after `)` or `>`. Of a string in an object stream: in the decoded
    /// stream.
    pub span: (u64, u64),
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.octets == other.octets
    }
}

/// A dictionary.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Dictionary {
    entries: BTreeMap<Vec<u8>, Object>,
    twice: Vec<Vec<u8>>,
}

impl Dictionary {
    /// The value under `key`; `null` values count as missing (section 7.3.7).
    pub fn get(&self, key: &str) -> Option<&Object> {
        self.entries.get(key.as_bytes()).filter(|value| **value != Object::Null)
    }

    /// Adds an entry; a key that stands already with another value makes the dictionary ambiguous, its last value is kept.
    pub fn insert(&mut self, key: Vec<u8>, value: Object) {
        if self.entries.get(&key).is_some_and(|earlier| *earlier != value) {
            self.twice.push(key.clone());
        }
        self.entries.insert(key, value);
    }

    /// Whether a key stands twice with different values: readers then disagree about its value.
    pub fn is_ambiguous(&self) -> bool {
        !self.twice.is_empty()
    }

    /// Whether this key stands twice with different values.
    pub fn is_twice(&self, key: &str) -> bool {
        self.twice.iter().any(|twice| twice == key.as_bytes())
    }

    /// Sets the value under `key`, whatever stood there.
    pub fn replace(&mut self, key: &str, value: Object) {
        self.entries.insert(key.into(), value);
    }

    /// Whether a `null` is written out: the same as nothing, but no writer has a reason for it.
    pub fn has_null(&self) -> bool {
        self.entries.values().any(|value| *value == Object::Null)
    }

    /// Keys and values in the order of the keys; entries with `null` left out.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Object)> {
        self.entries.iter().filter(|(_, value)| **value != Object::Null).map(|(key, value)| (key.as_slice(), value))
    }

    /// The name under `key`.
    pub fn name(&self, key: &str) -> Option<&[u8]> {
        self.get(key)?.as_name()
    }

    /// The whole number under `key`.
    pub fn integer(&self, key: &str) -> Option<i64> {
        self.get(key)?.as_integer()
    }

    /// The reference under `key`.
    pub fn reference(&self, key: &str) -> Option<Id> {
        self.get(key)?.as_reference()
    }

    /// Whether the keys other than `except` hold the same values in both.
    pub fn same_but(&self, other: &Self, except: &[&str]) -> bool {
        let counts = |entry: &(&[u8], &Object)| !except.iter().any(|key| key.as_bytes() == entry.0);
        !self.is_ambiguous() && !other.is_ambiguous() && self.iter().filter(counts).eq(other.iter().filter(counts))
    }
}

/// A stream: its dictionary and where its raw octets start. They end `Length` later.
#[derive(Debug, Clone, PartialEq)]
pub struct Stream {
    /// The stream dictionary.
    pub dictionary: Dictionary,
    /// First raw octet in the file.
    pub start: u64,
}

impl Object {
    /// As a name.
    pub fn as_name(&self) -> Option<&[u8]> {
        if let Self::Name(name) = self { Some(name) } else { None }
    }

    /// As a whole number.
    pub fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// As a reference.
    pub fn as_reference(&self) -> Option<Id> {
        if let Self::Reference(id) = self { Some(*id) } else { None }
    }

    /// As an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// As a dictionary; that of a stream counts.
    pub fn as_dictionary(&self) -> Option<&Dictionary> {
        match self {
            Self::Dictionary(dictionary) => Some(dictionary),
            Self::Stream(stream) => Some(&stream.dictionary),
            _ => None,
        }
    }

    /// As a string.
    pub fn as_text(&self) -> Option<&Text> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// As a boolean.
    pub fn as_boolean(&self) -> Option<bool> {
        if let Self::Boolean(value) = self { Some(*value) } else { None }
    }

    /// A number as a float, for geometry only.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Real(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            _ => None,
        }
    }
}

/// A text string (section 7.9.2.2) for people: UTF-16 and UTF-8 by their marks, otherwise Latin.
pub fn readable(octets: &[u8]) -> String {
    match octets {
        [0xfe, 0xff, rest @ ..] => encoding_rs::UTF_16BE.decode_without_bom_handling(rest).0.into_owned(),
        [0xff, 0xfe, rest @ ..] => encoding_rs::UTF_16LE.decode_without_bom_handling(rest).0.into_owned(),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        all => all.iter().map(|octet| char::from(*octet)).collect(),
    }
}
