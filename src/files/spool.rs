//! Documents too large for memory: an open file read by ranges, and a nameless file that an upload is written to.

use super::{Access, folder};
use crate::doc::source::ByteSource;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// An open file, read by ranges.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    length: u64,
}

impl FileSource {
    /// Opens a file; its length is taken now. A folder or a device is an error.
    #[expect(clippy::disallowed_methods, reason = "the one door to the file system")]
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::over(File::open(path)?)
    }

    fn over(file: File) -> io::Result<Self> {
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"));
        }
        Ok(Self { length: about.len(), file })
    }
}

impl ByteSource for FileSource {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

/// An upload in the making: in memory while small, then in a file without a name, which is gone when nobody holds it,
/// also after a crash.
#[derive(Debug)]
pub struct Spool {
    memory: Vec<u8>,
    file: Option<File>,
    length: u64,
}

/// Octets kept in memory before a file is made.
const SMALL: usize = 1 << 20;

impl Spool {
    /// An empty one.
    pub fn new() -> Self {
        Self { memory: Vec::new(), file: None, length: 0 }
    }

    /// How much was written.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Appends; `place` is the folder for the file, should one be needed.
    pub fn write(&mut self, bytes: &[u8], place: &Path) -> io::Result<()> {
        self.length = self.length.saturating_add(bytes.len() as u64);
        if let Some(file) = &mut self.file {
            return file.write_all(bytes);
        }
        if self.memory.len() + bytes.len() <= SMALL {
            self.memory.extend_from_slice(bytes);
            return Ok(());
        }
        let mut file = nameless(place)?;
        file.write_all(&self.memory)?;
        file.write_all(bytes)?;
        self.memory = Vec::new();
        self.file = Some(file);
        Ok(())
    }

    /// What was written, to be read.
    pub fn finish(self) -> io::Result<Box<dyn ByteSource>> {
        match self.file {
            Some(file) => Ok(Box::new(FileSource::over(file)?)),
            None => Ok(Box::new(self.memory)),
        }
    }
}

impl Default for Spool {
    fn default() -> Self {
        Self::new()
    }
}

/// A new private file whose name is taken away at once.
fn nameless(place: &Path) -> io::Result<File> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    folder(place, Access::Private)?;
    let name = format!(".upload-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = place.join(name);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o600);
    #[expect(clippy::disallowed_methods, reason = "the one door to the file system")]
    let file = options.open(&path)?;
    #[expect(clippy::disallowed_methods, reason = "the one door to the file system")]
    fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_read_back_and_leave_nothing() {
        let place = tempfile::tempdir().unwrap();
        for size in [0, 10, SMALL, SMALL + 1, 3 * SMALL] {
            let bytes: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let mut spool = Spool::new();
            for piece in bytes.chunks(100_000) {
                spool.write(piece, place.path()).unwrap();
            }
            assert_eq!(spool.len(), size as u64);
            let source = spool.finish().unwrap();
            assert_eq!(source.bytes().is_some(), size <= SMALL);
            assert_eq!(source.slice(0, size).unwrap(), bytes);
            assert!(source.slice(1, size).is_err());
            assert!(crate::files::list(place.path()).unwrap().is_empty());
        }
    }

    #[test]
    fn a_folder_is_no_document() {
        assert!(FileSource::open(Path::new("/")).is_err());
    }
}
