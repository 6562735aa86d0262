//! A package written anew around the entries of another: what is kept is copied as stored, octet for octet; only offsets change.

use super::{Stored, u16_at, u32_at};
use crate::doc::source::ByteSource;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use std::io;

/// A package in the making.
#[derive(Debug, Default, Clone)]
pub struct PackageWriter {
    octets: Vec<u8>,
    directory: Vec<u8>,
    count: u64,
}

const fn other(why: &'static str) -> impl Fn() -> io::Error {
    move || io::Error::other(why)
}

impl PackageWriter {
    /// A package without entries that will take about `size` octets.
    pub fn with_capacity(size: usize) -> Self {
        Self { octets: Vec::with_capacity(size), ..Self::default() }
    }

    /// Copies an entry of another package as it is stored there.
    ///
    /// # Errors
    /// The source fails, or the entry's record is none.
    pub fn copy(&mut self, source: &dyn ByteSource, entry: &Stored) -> io::Result<()> {
        let offset = self.octets.len() as u64;
        let length = entry.local.end.saturating_sub(entry.local.start);
        source.stream(entry.local.start, length, &mut |piece| self.octets.extend_from_slice(piece))?;
        let mut record = entry.record.clone();
        place(&mut record, offset).ok_or_else(other("the record of an entry cannot be rewritten"))?;
        self.directory.extend(record);
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// Adds a file, deflated where that makes it smaller.
    ///
    /// # Errors
    /// A file or name beyond what a package holds.
    pub fn add(&mut self, name: &str, contents: &[u8]) -> io::Result<()> {
        let large = other("the file is too large for a package");
        let packed = deflated(contents).filter(|packed| packed.len() < contents.len());
        let (method, body) = packed.as_deref().map_or((0u16, contents), |packed| (8, packed));
        let mut crc = Crc::new();
        crc.update(contents);
        let offset = u32::try_from(self.octets.len()).map_err(|_| large())?;
        // Version 2.0; the name is UTF-8; 1980-01-01: no clock shows in what is written.
        let mut common = Vec::with_capacity(26);
        [20u16, 1 << 11, method, 0, 0x21].iter().for_each(|number| common.extend(number.to_le_bytes()));
        common.extend(crc.sum().to_le_bytes());
        for length in [body.len(), contents.len()] {
            common.extend(u32::try_from(length).map_err(|_| large())?.to_le_bytes());
        }
        common.extend(u16::try_from(name.len()).map_err(|_| large())?.to_le_bytes());
        common.extend(0u16.to_le_bytes());
        for (list, start, end) in
            [(&mut self.octets, &b"PK\x03\x04"[..], None), (&mut self.directory, &b"PK\x01\x02\x14\x00"[..], Some(offset))]
        {
            list.extend_from_slice(start);
            list.extend_from_slice(&common);
            if let Some(offset) = end {
                list.extend_from_slice(&[0; 10]);
                list.extend(offset.to_le_bytes());
            }
            list.extend_from_slice(name.as_bytes());
        }
        self.octets.extend_from_slice(body);
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// The package.
    ///
    /// # Errors
    /// More than a package holds.
    pub fn finish(mut self) -> io::Result<Vec<u8>> {
        let large = other("the package is too large");
        let count = u16::try_from(self.count).ok().filter(|count| *count < u16::MAX).ok_or_else(&large)?;
        let start = u32::try_from(self.octets.len()).map_err(|_| large())?;
        let size = u32::try_from(self.directory.len()).map_err(|_| large())?;
        self.octets.append(&mut self.directory);
        self.octets.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        [count, count].iter().for_each(|number| self.octets.extend(number.to_le_bytes()));
        [size, start].iter().for_each(|number| self.octets.extend(number.to_le_bytes()));
        self.octets.extend_from_slice(&[0, 0]);
        Ok(self.octets)
    }
}

/// Writes a new offset into a record of the central directory: its own field, or the ZIP64 extra field where that holds it.
fn place(record: &mut [u8], offset: u64) -> Option<()> {
    if u32_at(record, 42) != u32::MAX {
        record.get_mut(42..46)?.copy_from_slice(&u32::try_from(offset).ok()?.to_le_bytes());
        return Some(());
    }
    let (name, extra) = (usize::from(u16_at(record, 28)), usize::from(u16_at(record, 30)));
    let before = [24, 20].iter().filter(|at| u32_at(record, **at) == u32::MAX).count();
    let mut at = 46usize.checked_add(name)?;
    let end = at.checked_add(extra)?;
    while at < end {
        let (kind, length) = (u16_at(record, at), usize::from(u16_at(record, at.checked_add(2)?)));
        if kind == 1 {
            let field = at.checked_add(4)?.checked_add(before.checked_mul(8)?)?;
            record.get_mut(field..field.checked_add(8)?)?.copy_from_slice(&offset.to_le_bytes());
            return Some(());
        }
        at = at.checked_add(4)?.checked_add(length)?;
    }
    None
}

fn deflated(contents: &[u8]) -> Option<Vec<u8>> {
    let mut packed = Vec::with_capacity(contents.len().saturating_add(64));
    let mut packer = Compress::new(Compression::default(), false);
    matches!(packer.compress_vec(contents, &mut packed, FlushCompress::Finish), Ok(Status::StreamEnd)).then_some(packed)
}
