//! A strict reader of ZIP packages (PKWARE APPNOTE 6.3), for documents whose octets are judged.
//!
//! What the central directory says is compared with every local header, and every octet of the file has to belong to something:
//! where two readers could see two different packages, that is a [`Problem`] of its own and the package is refused. Entries are
//! read as streams from the original octets and checked by length and CRC-32; nothing is unpacked to anywhere.

mod directory;
mod inflate;
mod layout;
mod wide;
mod write;

pub use write::PackageWriter;

use super::{facts::Problem, source::ByteSource};
use std::{collections::HashMap, io};

/// Most entries of a package.
pub const MAX_ENTRIES: usize = 50_000;
/// Largest central directory.
pub const MAX_DIRECTORY: u64 = 32 * 1024 * 1024;
/// A package may unpack to this much whatever its size …
const FREE_SIZE: u64 = 256 * 1024 * 1024;
/// … and to this many times its own size.
const MAX_RATIO: u64 = 100;

/// One entry as the central directory describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Name with `/` between folders and none at the start.
    pub name: String,
    /// Whether it is a folder.
    pub folder: bool,
    /// Length unpacked.
    pub size: u64,
    /// Length as stored.
    pub packed: u64,
    /// CRC-32 of the unpacked octets.
    pub crc: u32,
    /// 0 stored, 8 deflated.
    method: u16,
    flags: u16,
    /// The name as stored.
    raw_name: Vec<u8>,
    /// Where its local header stands, as the directory says.
    header: u64,
    /// Where it stands in the file.
    start: u64,
    /// Where its stored octets start; `None` if the local header could not be read.
    data: Option<u64>,
    /// Where its local header, stored octets and data descriptor end.
    stop: u64,
    /// Its record in the central directory: where in the file, and how long.
    record: (u64, usize),
}

/// An entry as stored: what a copy of the package takes over octet for octet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Local header, packed octets and data descriptor: from where to where in the file.
    pub local: std::ops::Range<u64>,
    /// The record in the central directory.
    pub record: Vec<u8>,
}

/// Why an entry cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// The source failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The stored octets are not what the directory says.
    #[error("{0}")]
    Broken(&'static str),
    /// It is larger than the caller reads.
    #[error("larger than is read")]
    TooLarge,
    /// A method of packing or encryption that is not known.
    #[error("packed in an unsupported way")]
    Unsupported,
}

/// A package.
pub struct Package<'a> {
    source: &'a dyn ByteSource,
    entries: Vec<Entry>,
    index: HashMap<String, usize>,
    problems: Vec<Problem>,
}

impl<'a> Package<'a> {
    /// Reads the directory and compares it with the whole file. What is wrong stands in [`Package::problems`]; a file without any
    /// directory gives a package without entries. Only a source that fails is an error.
    pub fn open(source: &'a dyn ByteSource) -> io::Result<Self> {
        let mut problems = Vec::new();
        let (mut entries, end) = directory::read(source, &mut problems)?;
        if let Some(end) = end {
            layout::check(source, &mut entries, &end, &mut problems)?;
        }
        let mut index = HashMap::with_capacity(entries.len());
        for (position, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.folder) {
            index.entry(entry.name.clone()).or_insert(position);
        }
        directory::names(&entries, &mut problems);
        let unpacked = entries.iter().fold(0u64, |sum, entry| sum.saturating_add(entry.size));
        if unpacked > FREE_SIZE.max(source.len().saturating_mul(MAX_RATIO)) {
            let zh = format!("文件包展开后有 {unpacked} 字节，疑为压缩炸弹，未展开");
            let en = format!("the package unpacks to {unpacked} octets, a decompression bomb; it was not unpacked");
            problems.push(Problem::unsupported("SIZE_UNSUPPORTED", zh, en));
            index.clear();
        }
        Ok(Self { source, entries, index, problems })
    }

    /// Every entry in the order of the directory.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What is wrong with the package.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Position of the file of this exact name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// An entry as stored; `None` if its local header could not be read.
    pub fn stored(&self, position: usize) -> io::Result<Option<Stored>> {
        let Some((entry, data)) = self.entries.get(position).and_then(|entry| Some((entry, entry.data?))) else { return Ok(None) };
        if data > entry.stop {
            return Ok(None);
        }
        let record = self.source.slice(entry.record.0, entry.record.1)?;
        Ok(Some(Stored { local: entry.start..entry.stop, record }))
    }

    /// Feeds the unpacked octets of an entry to `sink` and checks length and CRC-32.
    pub fn stream(&self, position: usize, sink: &mut dyn FnMut(&[u8])) -> Result<(), EntryError> {
        let entry = self.entries.get(position).ok_or(EntryError::Broken("no such entry"))?;
        inflate::stream(self.source, entry, sink)
    }

    /// The unpacked octets of an entry of at most `limit` octets.
    pub fn read(&self, position: usize, limit: u64) -> Result<Vec<u8>, EntryError> {
        let entry = self.entries.get(position).ok_or(EntryError::Broken("no such entry"))?;
        if entry.size > limit {
            return Err(EntryError::TooLarge);
        }
        let mut octets = Vec::with_capacity(usize::try_from(entry.size.min(1024 * 1024)).unwrap_or(0));
        self.stream(position, &mut |piece| octets.extend_from_slice(piece))?;
        Ok(octets)
    }
}

/// Reads little-endian numbers from a header of fixed length.
fn u16_at(header: &[u8], at: usize) -> u16 {
    header.get(at..at.saturating_add(2)).and_then(|octets| octets.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn u32_at(header: &[u8], at: usize) -> u32 {
    header.get(at..at.saturating_add(4)).and_then(|octets| octets.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn wide_at(header: &[u8], at: usize) -> u64 {
    u64::from(u32_at(header, at))
}
