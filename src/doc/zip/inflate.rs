//! Unpacking one entry as a stream.

use super::{Entry, EntryError};
use crate::doc::source::ByteSource;
use flate2::{Crc, Decompress, FlushDecompress, Status};

const CUT: EntryError = EntryError::Broken("the packed octets end early");
const MORE: EntryError = EntryError::Broken("it unpacks to more than the directory says");

/// Feeds the unpacked octets to `sink`; never more than the directory says.
pub(super) fn stream(source: &dyn ByteSource, entry: &Entry, sink: &mut dyn FnMut(&[u8])) -> Result<(), EntryError> {
    let data = entry.data.ok_or(EntryError::Broken("its local header cannot be read"))?;
    if entry.flags & 1 != 0 {
        return Err(EntryError::Unsupported);
    }
    let mut crc = Crc::new();
    let mut given = 0u64;
    match entry.method {
        0 if entry.size != entry.packed => return Err(EntryError::Broken("it is stored with two different lengths")),
        0 => {
            source.stream(data, entry.packed, &mut |piece| {
                crc.update(piece);
                given = given.saturating_add(piece.len() as u64);
                sink(piece);
            })?;
        }
        8 => {
            let mut inflater = Inflater::new(entry.size);
            let mut outcome = Ok(());
            // A source may give everything in one piece: it is unpacked through a buffer of fixed size.
            source.stream(data, entry.packed, &mut |piece| {
                if outcome.is_ok() {
                    outcome = inflater.feed(piece, &mut |octets| {
                        crc.update(octets);
                        sink(octets);
                    });
                }
            })?;
            outcome?;
            if !inflater.ended {
                return Err(CUT);
            }
            given = inflater.given;
        }
        _ => return Err(EntryError::Unsupported),
    }
    if given != entry.size {
        return Err(EntryError::Broken("it unpacks to less than the directory says"));
    }
    if crc.sum() != entry.crc {
        return Err(EntryError::Broken("its CRC-32 does not agree"));
    }
    Ok(())
}

struct Inflater {
    inner: Decompress,
    buffer: Vec<u8>,
    given: u64,
    limit: u64,
    ended: bool,
}

impl Inflater {
    fn new(limit: u64) -> Self {
        Self { inner: Decompress::new(false), buffer: vec![0; 64 * 1024], given: 0, limit, ended: false }
    }

    fn feed(&mut self, mut piece: &[u8], sink: &mut dyn FnMut(&[u8])) -> Result<(), EntryError> {
        const AFTER: EntryError = EntryError::Broken("octets follow its packed octets");
        if self.ended && !piece.is_empty() {
            return Err(AFTER);
        }
        loop {
            let (before_in, before_out) = (self.inner.total_in(), self.inner.total_out());
            let status = self.inner.decompress(piece, &mut self.buffer, FlushDecompress::None);
            let status = status.map_err(|_| EntryError::Broken("its packed octets are broken"))?;
            let taken = usize::try_from(self.inner.total_in().saturating_sub(before_in)).unwrap_or(0);
            let made = usize::try_from(self.inner.total_out().saturating_sub(before_out)).unwrap_or(0);
            self.given = self.given.saturating_add(made as u64);
            if self.given > self.limit {
                return Err(MORE);
            }
            sink(self.buffer.get(..made).unwrap_or_default());
            piece = piece.get(taken..).unwrap_or_default();
            match status {
                Status::StreamEnd => {
                    self.ended = true;
                    return if piece.is_empty() { Ok(()) } else { Err(AFTER) };
                }
                // All input taken and the buffer not filled: more input is needed.
                _ if piece.is_empty() && made < self.buffer.len() => return Ok(()),
                _ if taken == 0 && made == 0 => return Err(CUT),
                _ => {}
            }
        }
    }
}
