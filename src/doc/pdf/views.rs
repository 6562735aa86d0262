//! What lets one reader show something else than another, although nothing was changed: forms in XFA, layers, and octets that make
//! the file a document of another kind too.

use super::document::Revision;
use super::input::PdfError;
use super::object::Object;
use crate::doc::facts::Problem;
use crate::doc::source::ByteSource;
use std::io::BufRead as _;

/// Notes on a document that bears signatures.
pub(super) fn notes(revision: Revision<'_, '_>) -> Result<Vec<Problem>, PdfError> {
    let catalog = revision.catalog()?;
    let form = revision.dictionary(&catalog, "AcroForm")?.unwrap_or_default();
    let mut notes = Vec::new();
    let rendered = matches!(revision.value(&catalog, "NeedsRendering")?, Object::Boolean(true));
    if form.get("XFA").is_some() {
        // ISO 32000-1 section 12.7.8, annex K: a dynamic form is drawn from its XFA alone, and the pages say "please wait". Most readers
        // know no XFA (ISO 32000-2 has dropped it).
        notes.push(if rendered {
            Problem::unsupported(
                "XFA_UNSUPPORTED",
                "页面由 XFA 动态表单绘出，未作判断",
                "its pages are drawn from a dynamic XFA form, which is not judged".to_owned(),
            )
        } else {
            Problem::notice("文件带有 XFA 表单；判断的是其页面", "the document carries an XFA form; what is judged are its pages")
        });
    }
    if catalog.get("OCProperties").is_some() {
        let en = "the document has layers: what is shown depends on those that the reader switches on";
        notes.push(Problem::notice("文件含有图层，显示的内容取决于阅读器打开了哪些图层", en));
    }
    Ok(notes)
}

/// Longest end of a ZIP archive: its end record, and a comment.
const ZIP_END: usize = 22 + 0xffff;

/// What a file is beside a PDF: one that begins as something else, or ends as a ZIP archive, shows another document to programs that
/// look there. A PDF begins with its header (ISO 32000-2 section 7.5.2); readers look for it further on (ISO 32000-1 annex H.3).
pub(super) fn other_kinds(source: &dyn ByteSource) -> std::io::Result<Vec<Problem>> {
    let head = source.head(usize::try_from(source.len().min(1024 + 5)).unwrap_or(0))?;
    let before = head.windows(5).position(|window| window == b"%PDF-").and_then(|at| head.get(..at)).unwrap_or_default();
    let blank = before.strip_prefix(b"\xef\xbb\xbf").unwrap_or(before).iter().all(|octet| octet.is_ascii_whitespace() || *octet == 0);
    let mut notes = Vec::new();
    if !blank {
        notes.push(Problem::unsupported(
            "POLYGLOT_UNSUPPORTED",
            "文件开头在 PDF 之前另有内容，其他程序可能把它当作别的文件打开",
            "the file begins with something else than a PDF; other programs may open it as that",
        ));
    } else if !before.is_empty() {
        notes.push(Problem::notice("文件开头有空白", "white space stands before the header of the PDF"));
    }
    let tail = source.tail(ZIP_END)?;
    let ends_here = |at: usize| {
        let comment = tail.get(at + 20..at + 22).and_then(|size| size.try_into().ok()).map(u16::from_le_bytes);
        comment.is_some_and(|comment| at + 22 + usize::from(comment) == tail.len())
    };
    if places(&tail, b"PK\x05\x06").any(ends_here) {
        notes.push(Problem::unsupported(
            "POLYGLOT_UNSUPPORTED",
            "文件同时是 ZIP 压缩包，其他程序可能打开其中的内容",
            "the file is a ZIP archive too; other programs may open what is in there",
        ));
    }
    Ok(notes)
}

/// Where the word stands. (Reading from a slice cannot fail; `skip_until` finds the next candidate faster than a loop over octets.)
fn places(octets: &[u8], word: &[u8; 4]) -> impl Iterator<Item = usize> {
    let mut rest = octets;
    std::iter::from_fn(move || {
        while rest.skip_until(word[0]).is_ok_and(|skipped| skipped > 0) {
            if rest.starts_with(&word[1..]) {
                return octets.len().checked_sub(rest.len() + 1);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a loop over all windows finds them, at both ends and one within another too.
    #[test]
    fn words_are_found_wherever_they_stand() {
        let word = b"PK\x05\x06";
        for octets in [&b"PK\x05\x06"[..], b"", b"P", b"PPK\x05\x06", b"PK\x05PK\x05\x06xPK\x05\x06", b"xxPK\x05", b"PK\x05\x06PK\x05\x06P"]
        {
            let plain = octets.windows(4).enumerate().filter(|(_, window)| window == word).map(|(at, _)| at);
            assert_eq!(places(octets, word).collect::<Vec<_>>(), plain.collect::<Vec<_>>(), "{octets:x?}");
        }
    }

    #[test]
    fn an_archive_at_the_end_is_told_from_memory_and_from_pieces() {
        struct Pieces(Vec<u8>);
        impl ByteSource for Pieces {
            fn len(&self) -> u64 {
                self.0.len() as u64
            }
            fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
                self.0.read_at(offset, buffer)
            }
        }
        let end = [&b"PK\x05\x06"[..], &[0; 16], &[3, 0], b"abc"].concat();
        for (length, extra, told) in [(100, &b""[..], true), (100, b"x", false), (200_000, b"", true), (0, b"", true)] {
            let file = [&b"%PDF-1.7\n"[..], &vec![b'P'; length], &end, extra].concat();
            for source in [&file as &dyn ByteSource, &Pieces(file.clone())] {
                assert_eq!(other_kinds(source).unwrap().len(), usize::from(told), "{length} {extra:?}");
            }
        }
    }
}
