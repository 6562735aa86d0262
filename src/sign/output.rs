//! A signed document: the original and what follows it, or a file of its own.

use crate::doc::source::ByteSource;
use std::io;
use std::sync::Arc;

/// A signed document.
#[derive(Debug, Clone)]
pub struct Output {
    /// Whether the original document stands before `octets`, octet for octet.
    pub continues: bool,
    /// The new octets.
    pub octets: Vec<u8>,
}

impl Output {
    /// Nothing was added yet.
    pub const UNCHANGED: Self = Self { continues: true, octets: Vec::new() };

    /// What a further step adds to this output, as one output over the same original.
    pub fn then(mut self, next: Self) -> Self {
        if !next.continues {
            return next;
        }
        self.octets.extend_from_slice(&next.octets);
        self
    }

    /// The whole output as a document of its own.
    pub fn document(&self, original: &Arc<dyn ByteSource>) -> Arc<dyn ByteSource> {
        match (self.continues, self.octets.is_empty()) {
            (true, true) => Arc::clone(original),
            _ => Arc::new(Owned { first: self.continues.then(|| Arc::clone(original)), second: self.octets.clone() }),
        }
    }

    /// The whole output, over the original document.
    pub fn over<'a>(&'a self, original: &'a dyn ByteSource) -> Joined<'a> {
        Joined { first: self.continues.then_some(original), second: &self.octets }
    }
}

/// Two sources one after the other.
pub struct Joined<'a> {
    first: Option<&'a dyn ByteSource>,
    second: &'a [u8],
}

/// The same, holding what it joins.
struct Owned {
    first: Option<Arc<dyn ByteSource>>,
    second: Vec<u8>,
}

impl ByteSource for Owned {
    fn len(&self) -> u64 {
        Joined { first: self.first.as_deref(), second: &self.second }.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        Joined { first: self.first.as_deref(), second: &self.second }.read_at(offset, buffer)
    }
}

impl ByteSource for Joined<'_> {
    fn len(&self) -> u64 {
        self.first.map_or(0, ByteSource::len) + self.second.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let border = self.first.map_or(0, ByteSource::len);
        let before = usize::try_from(border.saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        let (head, tail) = buffer.split_at_mut(before);
        if let (Some(first), false) = (self.first, head.is_empty()) {
            first.read_at(offset, head)?;
        }
        if tail.is_empty() { Ok(()) } else { self.second.read_at((offset + before as u64).saturating_sub(border), tail) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_crosses_the_border() {
        let first = b"abc".to_vec();
        let output = Output { continues: true, octets: b"defg".to_vec() };
        let joined = output.over(&first);
        assert_eq!(joined.len(), 7);
        assert_eq!(joined.slice(0, 7).unwrap(), b"abcdefg");
        assert_eq!(joined.slice(2, 2).unwrap(), b"cd");
        assert_eq!(joined.slice(3, 4).unwrap(), b"defg");
        assert!(joined.slice(4, 4).is_err());
        assert_eq!(Output { continues: false, octets: b"x".to_vec() }.over(&first).slice(0, 1).unwrap(), b"x");
    }
}
