//! The log: JSON lines on stderr, one for an event, with the request's case number; nothing that looks like a person's number.
//!
//! Rooms never log numbers, names or keys. This is the second line: whatever a library or a certificate's name brings along is
//! masked before it is written. `RUST_LOG` chooses what is logged (default `info`).

use std::io::{self, Write};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Starts the log of this process; a second call does nothing.
pub fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,hyper=warn,rustls=warn"));
    let _ =
        tracing_subscriber::fmt().json().flatten_event(true).with_span_list(false).with_env_filter(filter).with_writer(Masked).try_init();
    // The text of a panic may quote what was being handled; where it happened says enough.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}

/// Writes lines to stderr with numbers masked; every command that logs writes through it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Masked;

impl<'a> MakeWriter<'a> for Masked {
    type Writer = Line;
    fn make_writer(&'a self) -> Line {
        Line(Vec::with_capacity(256))
    }
}

/// One event: collected whole, so that a number is never cut between two writes.
pub(super) struct Line(Vec<u8>);

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        mask(&mut self.0);
        let _ = io::stderr().lock().write_all(&self.0);
    }
}

/// Masks citizen numbers and residence permits (18 characters, or 15 digits), and mobile numbers, keeping the first and last
/// character. Letters and digits around make a longer word, such as a digest, which is left alone.
fn mask(line: &mut [u8]) {
    let mut start = 0;
    while start < line.len() {
        let word = line[start..].iter().take_while(|octet| octet.is_ascii_alphanumeric()).count();
        let end = start + word;
        if let Some(word) = line.get_mut(start..end).filter(|word| is_number(word)) {
            let last = word.len() - 1;
            word[1..last].fill(b'*');
        }
        start = end + 1;
    }
}

fn is_number(word: &[u8]) -> bool {
    let digits = |part: &[u8]| part.iter().all(u8::is_ascii_digit);
    match word {
        [number @ .., last] if number.len() == 17 => digits(number) && (last.is_ascii_digit() || matches!(last, b'X' | b'x')),
        [b'1', b'3'..=b'9', rest @ ..] if rest.len() == 9 => digits(rest),
        // The country code of China before a mobile number.
        [b'8', b'6', b'1', b'3'..=b'9', rest @ ..] if rest.len() == 9 => digits(rest),
        _ => word.len() == 15 && digits(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let mut line = text.as_bytes().to_vec();
        mask(&mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn numbers_are_masked_wherever_they_stand() {
        for (said, written) in [
            ("CN=赵小明 350899199001010018", "CN=赵小明 3****************8"),
            ("/check/11010519491231002X?x", "/check/1****************X?x"),
            ("\"11010519491231002x\"", "\"1****************x\""),
            ("440524800101001", "4*************1"),
            ("phone=13912345678,", "phone=1*********8,"),
            ("+8613912345678", "+8***********8"),
            ("83000019810715006X", "8****************X"),
            ("350899199001010018", "3****************8"),
            ("a_350899199001010018", "a_3****************8"),
        ] {
            assert_eq!(masked(said), written);
        }
    }

    #[test]
    fn the_rest_is_left_alone() {
        for text in [
            "2026-11-23T08:00:00.123456Z",
            "1790000000123",
            "ms=1790000000",
            "ab350899199001010018",
            "sha256 0123456789012345678901234567890123456789012345678901234567890123",
            "91350100M000100Y43",
            "",
            "审计",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
