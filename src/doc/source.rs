//! Where a document's bytes come from: read by ranges, so that a large file is hashed as a stream and never held whole.

use crate::crypto::{Hash, Hasher};
use std::{
    borrow::Cow,
    io,
    sync::{Mutex, PoisonError},
};

/// Random access to the original bytes of a document. Implementations never change them.
pub trait ByteSource: Send + Sync {
    /// Total length in octets.
    fn len(&self) -> u64;

    /// Fills `buffer` from `offset`; an error if the range passes the end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// All bytes, where they lie in memory anyway.
    fn bytes(&self) -> Option<&[u8]> {
        None
    }

    /// A hasher that has taken the first `end` octets, from a source that remembers how far it was hashed.
    fn hashed_to(&self, hash: Hash, end: u64) -> io::Result<Option<Hasher>> {
        let _ = (hash, end);
        Ok(None)
    }

    /// Whether there are no bytes at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The octets of `offset..offset + length`; an error if the range passes the end.
    fn slice(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        if offset.checked_add(length as u64).is_none_or(|end| end > self.len()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; length];
        self.read_at(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// The first `length` octets, copied only where they do not lie in memory anyway; an error if there are fewer.
    fn head(&self, length: usize) -> io::Result<Cow<'_, [u8]>> {
        match self.bytes() {
            Some(bytes) => bytes.get(..length).map(Cow::Borrowed).ok_or_else(|| io::ErrorKind::UnexpectedEof.into()),
            None => self.slice(0, length).map(Cow::Owned),
        }
    }

    /// The last octets, at most `length`, likewise.
    fn tail(&self, length: usize) -> io::Result<Cow<'_, [u8]>> {
        match self.bytes() {
            Some(bytes) => Ok(Cow::Borrowed(bytes.get(bytes.len().saturating_sub(length)..).unwrap_or_default())),
            None => {
                let length = self.len().min(length as u64);
                self.slice(self.len().saturating_sub(length), usize::try_from(length).unwrap_or(0)).map(Cow::Owned)
            }
        }
    }

    /// Feeds `offset..offset + length` to `sink` in pieces of at most 64 KiB.
    fn stream(&self, offset: u64, length: u64, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        if offset.checked_add(length).is_none_or(|end| end > self.len()) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut buffer = vec![0; usize::try_from(length.min(64 * 1024)).unwrap_or(64 * 1024)];
        let mut done = 0;
        while done < length {
            let piece = usize::try_from((length - done).min(buffer.len() as u64)).unwrap_or(buffer.len());
            self.read_at(offset + done, &mut buffer[..piece])?;
            sink(&buffer[..piece]);
            done += piece as u64;
        }
        Ok(())
    }
}

impl ByteSource for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(self)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let bytes = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(buffer.len())?))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    fn stream(&self, offset: u64, length: u64, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let range = usize::try_from(offset).ok().zip(usize::try_from(length).ok());
        let bytes = range.and_then(|(start, length)| self.get(start..start.checked_add(length)?));
        sink(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl ByteSource for Vec<u8> {
    fn len(&self) -> u64 {
        ByteSource::len(self.as_slice())
    }

    fn bytes(&self) -> Option<&[u8]> {
        Some(self)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.as_slice().read_at(offset, buffer)
    }

    fn stream(&self, offset: u64, length: u64, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.as_slice().stream(offset, length, sink)
    }
}

/// A document of which many digests are wanted that all begin at its start: those of its signatures, of its revisions, of the
/// whole. Each octet is hashed once, as far as they agree.
pub struct Hashed<'a> {
    source: &'a dyn ByteSource,
    /// Up to where, and the state there; the latest last.
    known: Mutex<Vec<(u64, Hasher)>>,
}

/// States remembered.
const STATES: usize = 16;

impl<'a> Hashed<'a> {
    /// Nothing is hashed yet.
    pub fn new(source: &'a dyn ByteSource) -> Self {
        Self { source, known: Mutex::default() }
    }

    /// The digest of the whole.
    pub fn digest(&self, hash: Hash) -> io::Result<Vec<u8>> {
        Ok(self.to(hash, self.source.len())?.finish())
    }

    fn to(&self, hash: Hash, end: u64) -> io::Result<Hasher> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let nearest = known.iter().filter(|(at, state)| *at <= end && state.hash() == hash).max_by_key(|(at, _)| *at);
        let (start, mut hasher) = nearest.map_or_else(|| (0, hash.hasher()), |(at, state)| (*at, state.clone()));
        if start < end || nearest.is_none() {
            self.source.stream(start, end.saturating_sub(start), &mut |piece| hasher.update(piece))?;
            if known.len() >= STATES {
                known.remove(0);
            }
            known.push((end, hasher.clone()));
        }
        Ok(hasher)
    }
}

impl ByteSource for Hashed<'_> {
    fn len(&self) -> u64 {
        self.source.len()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.source.read_at(offset, buffer)
    }

    fn bytes(&self) -> Option<&[u8]> {
        self.source.bytes()
    }

    fn hashed_to(&self, hash: Hash, end: u64) -> io::Result<Option<Hasher>> {
        self.to(hash, end).map(Some)
    }

    fn slice(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.source.slice(offset, length)
    }

    fn stream(&self, offset: u64, length: u64, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        self.source.stream(offset, length, sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_hash_as_if_each_were_hashed_alone() {
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
        let hashed = Hashed::new(&bytes);
        let ends = [0, 1, 64, 199_999, 63, 65, 100_000, 200_000, 0, 100_001, 99_999];
        for hash in [Hash::Sha256, Hash::Sm3, Hash::Sha512, Hash::Shake256] {
            for end in ends.into_iter().chain(0..2 * STATES) {
                let prefix = hashed.hashed_to(hash, end as u64).unwrap().unwrap().finish();
                assert_eq!(prefix, hash.digest(&bytes[..end]), "{hash} {end}");
            }
            assert_eq!(hashed.digest(hash).unwrap(), hash.digest(&bytes));
        }
        assert!(hashed.known.lock().unwrap().len() <= STATES);
        assert!(hashed.hashed_to(Hash::Sha256, 200_001).is_err());
        assert_eq!(hashed.hashed_to(Hash::Sha256, 3).unwrap().unwrap().finish(), Hash::Sha256.digest(&bytes[..3]));
    }

    #[test]
    fn ranges_past_the_end_are_errors() {
        let bytes = vec![1u8, 2, 3];
        assert_eq!(bytes.slice(1, 2).unwrap(), [2, 3]);
        assert!(bytes.slice(2, 2).is_err());
        assert!(bytes.slice(u64::MAX, 2).is_err());
        assert!(bytes.stream(1, u64::MAX, &mut |_| ()).is_err());
    }
}
