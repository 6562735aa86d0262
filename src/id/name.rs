//! Names of persons and organisations, brought to one form for comparison. What is shown stays as it was written.

use unicode_normalization::UnicodeNormalization;

/// The one dot of a transliterated name after normalisation (GB 18030 A1A4).
pub const DOT: char = '\u{b7}';

/// Longest name compared, in characters; what is longer is cut, and a cut name equals only another cut at the same place.
const LONGEST: usize = 256;

/// The form in which names are compared: NFC, full-width letters and brackets to ASCII, every dot that keyboards and systems
/// write inside a name to `·`, letters upper-case, spaces dropped between Chinese characters and collapsed elsewhere.
///
/// Rare characters of planes 2 and 3 stay themselves: 𠮷 is not 吉.
pub fn comparable(name: &str) -> String {
    let mut form = comparable_once(name);
    // Composing and upper case can each make work for the other; a few rounds reach the form that stays.
    for _ in 0..4 {
        let again = comparable_once(&form);
        if again == form {
            break;
        }
        form = again;
    }
    form
}

fn comparable_once(name: &str) -> String {
    let mut plain = String::with_capacity(name.len().min(4 * LONGEST));
    let mut space = false;
    for c in name.nfc().map(narrow).take(LONGEST) {
        if c.is_whitespace() || is_invisible(c) {
            space |= c.is_whitespace();
            continue;
        }
        let c = if is_dot(c) { DOT } else { c };
        let last = plain.chars().next_back();
        if space && last.is_some_and(|last| last.is_ascii_alphanumeric() && c.is_ascii_alphanumeric()) {
            plain.push(' ');
        }
        space = false;
        plain.extend(c.to_uppercase());
    }
    // Upper case may come apart into letters and marks; composed again, the form is its own form.
    plain.nfc().collect()
}

/// Whether two names are the same after [`comparable`]; an empty name equals none.
pub fn same(one: &str, other: &str) -> bool {
    let one = comparable(one);
    !one.is_empty() && one == comparable(other)
}

/// For pages and logs: the first character and a star for each other, `张*`, `阿******·***` keeps its dots.
pub fn mask(name: &str) -> String {
    name.trim().chars().enumerate().map(|(at, c)| if at == 0 || is_dot(c) || c == ' ' { c } else { '*' }).collect()
}

/// Full-width forms of ASCII to ASCII. NFKC would do more than names bear (it changes characters that people chose).
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    }
}

/// · • ・ ．and their relatives.
fn is_dot(c: char) -> bool {
    matches!(
        c,
        '.' | '\u{b7}'
            | '\u{387}'
            | '\u{2022}'
            | '\u{2024}'
            | '\u{2027}'
            | '\u{2219}'
            | '\u{22c5}'
            | '\u{25cf}'
            | '\u{30fb}'
            | '\u{ff65}'
            | '\u{ff0e}'
            | '\u{fe52}'
            | '\u{16eb}'
    )
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
}
