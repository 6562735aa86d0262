//! Writes a ZIP package (PKWARE APPNOTE 6.3) whose octets depend on its content alone: no times, no extra fields, names in UTF-8.

use flate2::{Compression, Crc, write::DeflateEncoder};
use std::io::Write as _;

/// A package being written.
#[derive(Default)]
pub(super) struct Writer {
    file: Vec<u8>,
    directory: Vec<u8>,
    entries: u16,
}

impl Writer {
    /// Adds a file; `packed` says whether packing is tried.
    pub fn add(&mut self, name: &str, octets: &[u8], packed: bool) -> Option<()> {
        let mut crc = Crc::new();
        crc.update(octets);
        let small = if packed {
            let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
            encoder.write_all(octets).ok()?;
            Some(encoder.finish().ok()?).filter(|small| small.len() < octets.len())
        } else {
            None
        };
        let data = small.as_deref().unwrap_or(octets);
        let start = u32::try_from(self.file.len()).ok()?;
        let method: u16 = if small.is_some() { 8 } else { 0 };
        // Version 2.0, UTF-8 names, 1 January 1980.
        let mut common = Vec::new();
        for field in [20u16, 0x0800, method, 0, 0x0021] {
            common.extend(field.to_le_bytes());
        }
        for field in [crc.sum(), u32::try_from(data.len()).ok()?, u32::try_from(octets.len()).ok()?] {
            common.extend(field.to_le_bytes());
        }
        common.extend(u16::try_from(name.len()).ok()?.to_le_bytes());
        common.extend([0, 0]);
        self.file.extend(b"PK\x03\x04");
        self.file.extend(&common);
        self.file.extend(name.as_bytes());
        self.file.extend(data);
        self.directory.extend(b"PK\x01\x02\x14\x00");
        self.directory.extend(&common);
        // No comment, disk 0, no attributes.
        self.directory.extend([0; 10]);
        self.directory.extend(start.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.entries = self.entries.checked_add(1)?;
        Some(())
    }

    /// The whole package.
    pub fn finish(mut self) -> Option<Vec<u8>> {
        let start = u32::try_from(self.file.len()).ok()?;
        let length = u32::try_from(self.directory.len()).ok()?;
        self.file.append(&mut self.directory);
        self.file.extend(b"PK\x05\x06\0\0\0\0");
        self.file.extend(self.entries.to_le_bytes());
        self.file.extend(self.entries.to_le_bytes());
        self.file.extend(length.to_le_bytes());
        self.file.extend(start.to_le_bytes());
        self.file.extend([0, 0]);
        Some(self.file)
    }
}
