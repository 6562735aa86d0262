//! Pieces of the file for the lexer, under a budget of work.

use super::lexer::{Lexer, SyntaxError};
use crate::doc::facts::Problem;
use crate::doc::source::ByteSource;
use std::{borrow::Cow, cell::Cell};

/// Files up to this size are held whole; of larger ones only pieces.
const SMALL: u64 = 2 << 20;
/// The largest stream that is read at once.
const LARGEST_PIECE: usize = 32 << 20;
/// The largest object that is read, a signature's hexadecimal string included, the data of a stream not.
const LARGEST_OBJECT: usize = 12 << 20;
/// Octets that may be lexed or inflated for one document.
const BUDGET: u64 = 256 << 20;

/// A sentence in Chinese and in English.
pub type Words = (&'static str, &'static str);

/// Why a PDF, or a part of it, cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PdfError {
    /// The file could not be read.
    #[error("the file could not be read")]
    Io,
    /// More work than is allowed for one document.
    #[error("the document asks for more work than is allowed")]
    Work,
    /// Octets that are no object where one must stand.
    #[error("no object at octet {at}: {error}")]
    Syntax {
        /// Where the piece starts.
        at: u64,
        /// What the lexer met.
        error: SyntaxError,
    },
    /// A rule of the format is broken.
    #[error("{}", .0.1)]
    Structure(Words),
    /// A stream filter that is not supported where it matters.
    #[error("a stream uses a filter that is not supported")]
    Filter,
}

impl PdfError {
    /// What is wrong, as a problem of the document: too much work or an unknown filter leaves it undecided, broken rules fail.
    pub fn problem(self) -> Problem {
        match self {
            Self::Io => Problem::unsupported("READ_UNSUPPORTED", "文件无法读取", self.to_string()),
            Self::Work => Problem::unsupported("WORK_LIMIT_UNSUPPORTED", "文件所需的处理量超出上限", self.to_string()),
            Self::Filter => Problem::unsupported("FILTER_UNSUPPORTED", "关键流使用了不支持的过滤器", self.to_string()),
            Self::Syntax { at, .. } => Problem::malformed(format!("第 {at} 字节处不是 PDF 对象"), self.to_string()),
            Self::Structure((zh, en)) => Problem::malformed(zh, en),
        }
    }
}

/// The file as the reader sees it.
pub struct Input<'a> {
    source: &'a dyn ByteSource,
    whole: Option<Cow<'a, [u8]>>,
    work: Cell<u64>,
}

impl<'a> Input<'a> {
    /// Opens a source; small files are read at once.
    pub fn new(source: &'a dyn ByteSource) -> Result<Self, PdfError> {
        let whole = match source.bytes() {
            Some(bytes) => Some(Cow::Borrowed(bytes)),
            None if source.len() <= SMALL => {
                let length = usize::try_from(source.len()).map_err(|_| PdfError::Io)?;
                Some(Cow::Owned(source.slice(0, length).map_err(|_| PdfError::Io)?))
            }
            None => None,
        };
        Ok(Self { source, whole, work: Cell::new(BUDGET) })
    }

    /// Length of the file.
    pub fn len(&self) -> u64 {
        self.source.len()
    }

    /// Whether the file has no octets.
    pub fn is_empty(&self) -> bool {
        self.source.is_empty()
    }

    /// The file itself.
    pub fn source(&self) -> &'a dyn ByteSource {
        self.source
    }

    /// How many octets were lexed or inflated so far.
    pub fn spent(&self) -> u64 {
        BUDGET.saturating_sub(self.work.get())
    }

    /// Takes `octets` from the budget.
    pub fn spend(&self, octets: u64) -> Result<(), PdfError> {
        let left = self.work.get().checked_sub(octets).ok_or(PdfError::Work)?;
        self.work.set(left);
        Ok(())
    }

    /// At most `wanted` octets from `at`, fewer where the file ends.
    pub fn piece(&self, at: u64, wanted: usize) -> Result<Cow<'_, [u8]>, PdfError> {
        let length = usize::try_from(self.len().saturating_sub(at).min(wanted as u64)).map_err(|_| PdfError::Io)?;
        if let Some(whole) = &self.whole {
            let start = usize::try_from(at).map_err(|_| PdfError::Io)?.min(whole.len());
            let end = start.saturating_add(length).min(whole.len());
            return Ok(Cow::Borrowed(whole.get(start..end).unwrap_or_default()));
        }
        if length == 0 {
            return Ok(Cow::Borrowed(&[]));
        }
        self.source.slice(at, length).map(Cow::Owned).map_err(|_| PdfError::Io)
    }

    /// Exactly `length` octets from `at`.
    pub fn exactly(&self, at: u64, length: u64) -> Result<Cow<'_, [u8]>, PdfError> {
        let wanted = usize::try_from(length).ok().filter(|length| *length <= LARGEST_PIECE).ok_or(PdfError::Work)?;
        let piece = self.piece(at, wanted)?;
        if piece.len() == wanted {
            Ok(piece)
        } else {
            Err(PdfError::Structure(("流超出文件末尾", "a stream runs past the end of the file")))
        }
    }

    /// Runs `read` on the octets from `at` up to `end`; a piece that proves too small is replaced by a larger one.
    pub fn read<T>(&self, at: u64, end: u64, read: impl Fn(&mut Lexer<'_>) -> Result<T, SyntaxError>) -> Result<T, PdfError> {
        let whole = usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX);
        let limit = whole.min(LARGEST_OBJECT);
        let mut size = if self.whole.is_some() { limit } else { limit.min(4096) };
        loop {
            let piece = self.piece(at, size)?;
            let mut lexer = Lexer::new(&piece, at);
            let outcome = read(&mut lexer);
            self.spend(lexer.consumed() as u64 + 16)?;
            if lexer.touched_end && size < limit {
                size = size.saturating_mul(8).min(limit);
                continue;
            }
            if lexer.touched_end && limit < whole {
                return Err(PdfError::Work);
            }
            return outcome.map_err(|error| PdfError::Syntax { at, error });
        }
    }
}
