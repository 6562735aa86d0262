//! Where a document's bytes come from: read by ranges, so that a large file is hashed as a stream and never held whole.

use std::io;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_past_the_end_are_errors() {
        let bytes = vec![1u8, 2, 3];
        assert_eq!(bytes.slice(1, 2).unwrap(), [2, 3]);
        assert!(bytes.slice(2, 2).is_err());
        assert!(bytes.slice(u64::MAX, 2).is_err());
        assert!(bytes.stream(1, u64::MAX, &mut |_| ()).is_err());
    }
}
