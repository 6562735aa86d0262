//! The only file system.

use crate::doc::source::ByteSource;
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

pub mod fonts;
mod spool;

pub use spool::{FileSource, Spool};

/// Who may read what is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// The owner alone (0600, folders 0700): keys, registers, anything about people.
    Private,
    /// Everybody on this machine (0644, folders 0755).
    Public,
}

/// Makes a folder and those above it, where they are missing.
pub fn folder(path: &Path, access: Access) -> io::Result<()> {
    let mode = if access == Access::Private { 0o700 } else { 0o755 };
    fs::DirBuilder::new().recursive(true).mode(mode).create(path)
}

/// The whole of a file.
#[expect(clippy::disallowed_methods, reason = "the one door to the file system")]
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// The whole of a file; none where there is no such file.
pub fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A file read by ranges, so that a large document is never held whole.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    length: u64,
}

impl OpenFile {
    /// Opens a regular file.
    #[expect(clippy::disallowed_methods, reason = "the one door to the file system")]
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let about = file.metadata()?;
        if !about.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(Self { file, length: about.len() })
    }
}

impl ByteSource for OpenFile {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)
    }
}

/// A regular file, to be read from its start and again.
#[expect(clippy::disallowed_methods, reason = "the one door to the file system")]
pub fn open_to_read(path: &Path) -> io::Result<io::BufReader<File>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(io::BufReader::new(file))
}

/// The regular files in a folder, by name; of a file, itself.
#[expect(clippy::disallowed_methods, reason = "the one door to the file system")]
pub fn list(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path)? {
        let path = entry?.path();
        if fs::metadata(&path)?.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Takes a folder for this process alone, until the value is dropped or the process ends; none where another has it.
#[expect(clippy::disallowed_methods, reason = "the one door to the file system")]
pub fn claim(folder: &Path) -> io::Result<Option<File>> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join(".lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Writes a file whole or not at all: beside it first, flushed to the disk, then put in its place.
pub fn write_atomic(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    atomically(path, access, |file| file.write_all(bytes))
}

/// The same from a source that is read in pieces and never held whole.
pub fn write_atomic_from(path: &Path, source: &dyn ByteSource, access: Access) -> io::Result<()> {
    atomically(path, access, |file| {
        let mut written = Ok(());
        source.stream(0, source.len(), &mut |piece| {
            if written.is_ok() {
                written = file.write_all(piece);
            }
        })?;
        written
    })
}

#[expect(clippy::disallowed_methods, reason = "the one door to the file system")]
fn atomically(path: &Path, access: Access, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mode = if access == Access::Private { 0o600 } else { 0o644 };
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a file name"))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside).and_then(|mut file| {
        fill(&mut file)?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| fs::rename(&beside, path)) {
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    // The new name itself lives in the folder.
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// Whether there is a file or folder of this name.
pub fn is_there(path: &Path) -> bool {
    path.exists()
}

/// Whether nobody but the owner may read or write the file.
pub fn is_private(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 == 0)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "looks at what the door left behind")]
mod tests {
    use super::*;

    #[test]
    fn writing_is_whole_and_private() {
        let folder_of_test = tempfile::tempdir().unwrap();
        let path = folder_of_test.path().join("a/b/key.pem");
        assert!(write_atomic(&path, b"x", Access::Private).is_err());
        folder(path.parent().unwrap(), Access::Private).unwrap();
        write_atomic(&path, b"one", Access::Private).unwrap();
        write_atomic(&path, b"two", Access::Private).unwrap();
        assert_eq!(read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing is left beside it");
        let first = claim(path.parent().unwrap()).unwrap();
        assert!(first.is_some() && claim(path.parent().unwrap()).unwrap().is_none(), "one process alone");
        drop(first);
        assert!(claim(path.parent().unwrap()).unwrap().is_some());
        assert_eq!(read_if_there(Path::new("/nowhere/at/all")).unwrap(), None);
    }
}
