//! Bringing typed and pasted numbers to one form before any check.

use super::Refusal;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// Longest text taken for a number, in characters: far above any number with its separators, far below an attack.
const LONGEST: usize = 64;

/// Full width to ASCII (NFKC), lower case to upper, spaces and hyphens of every kind removed.
///
/// # Errors
/// [`Refusal::Empty`]; [`Refusal::TooLong`]; [`Refusal::Character`] (counted from 1 in the given text) for what is neither an
/// ASCII letter or digit after that nor a separator.
pub fn normalise(text: &str) -> Result<Zeroizing<String>, Refusal> {
    let mut plain = Zeroizing::new(String::with_capacity(LONGEST));
    for (index, given) in text.chars().enumerate() {
        if index >= LONGEST {
            return Err(Refusal::TooLong);
        }
        if is_separator(given) {
            continue;
        }
        for mapped in std::iter::once(given).nfkc() {
            match mapped {
                'a'..='z' | 'A'..='Z' | '0'..='9' if plain.len() < LONGEST => plain.push(mapped.to_ascii_uppercase()),
                _ if is_separator(mapped) => {}
                _ => return Err(Refusal::Character { position: index + 1 }),
            }
        }
    }
    if plain.is_empty() { Err(Refusal::Empty) } else { Ok(plain) }
}

/// Spaces, the invisible characters that copying brings along, and hyphens.
fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '-' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2010}'..='\u{2015}' | '\u{2060}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{feff}' | '\u{ff0d}')
}
