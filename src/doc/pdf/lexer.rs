//! Reading objects from octets (ISO 32000-2 sections 7.2 and 7.3): bounded in depth, linear in time, never past the end.

use super::object::{Dictionary, Id, Object, Stream, Text};

/// How deep arrays and dictionaries may nest.
pub const MAX_DEPTH: usize = 64;
/// How many values one object may hold.
pub const MAX_VALUES: usize = 1 << 20;

/// Why octets are no object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// The octets end inside the object.
    #[error("ends inside an object")]
    Truncated,
    /// Something else stands where an object should.
    #[error("not an object")]
    Unexpected,
    /// Deeper than [`MAX_DEPTH`], or more values than [`MAX_VALUES`].
    #[error("nested too deeply or too large")]
    Depth,
}

/// Reads from a piece of the file.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    octets: &'a [u8],
    /// Position of the first octet of `octets` in the file.
    base: u64,
    at: usize,
    values: usize,
    /// Whether the reader looked at or beyond the end of the piece: what it read might go on there.
    pub touched_end: bool,
}

/// White space (table 1).
pub const fn is_space(octet: u8) -> bool {
    matches!(octet, 0 | 9 | 10 | 12 | 13 | 32)
}

/// Delimiter (table 2).
pub const fn is_delimiter(octet: u8) -> bool {
    matches!(octet, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

const fn is_regular(octet: u8) -> bool {
    !is_space(octet) && !is_delimiter(octet)
}

const SPACE: u8 = 0xfe;
const NO_DIGIT: u8 = 0xff;

/// The value of every octet as a hexadecimal digit.
static DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut octet = 0u8;
    while octet < 128 {
        let value = match octet {
            b'0'..=b'9' => octet - b'0',
            b'a'..=b'f' => octet - b'a' + 10,
            b'A'..=b'F' => octet - b'A' + 10,
            _ if is_space(octet) => SPACE,
            _ => NO_DIGIT,
        };
        digits[octet as usize] = value;
        octet += 1;
    }
    digits
};

impl<'a> Lexer<'a> {
    /// Reader of `octets`, which start at `base` in the file.
    pub const fn new(octets: &'a [u8], base: u64) -> Self {
        Self { octets, base, at: 0, values: 0, touched_end: false }
    }

    /// Where the reader stands in the file.
    pub const fn position(&self) -> u64 {
        self.base + self.at as u64
    }

    /// How many octets were read.
    pub const fn consumed(&self) -> usize {
        self.at
    }

    /// The octets not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.octets.get(self.at..).unwrap_or_default()
    }

    fn peek(&mut self) -> Option<u8> {
        let octet = self.octets.get(self.at).copied();
        self.touched_end |= octet.is_none();
        octet
    }

    fn ahead(&mut self, by: usize) -> Option<u8> {
        let octet = self.at.checked_add(by).and_then(|at| self.octets.get(at)).copied();
        self.touched_end |= octet.is_none();
        octet
    }

    /// Moves on by `count` octets, at most to the end.
    pub fn advance(&mut self, count: usize) {
        self.at = self.at.saturating_add(count).min(self.octets.len());
    }

    /// Skips white space, but no comments.
    pub fn skip_white(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    /// Skips white space and comments.
    pub fn skip_space(&mut self) {
        while let Some(octet) = self.peek() {
            if is_space(octet) {
                self.at += 1;
            } else if octet == b'%' {
                while self.peek().is_some_and(|octet| octet != b'\n' && octet != b'\r') {
                    self.at += 1;
                }
            } else {
                break;
            }
        }
    }

    /// Whether the next octets are exactly the keyword `word`, followed by no regular character; consumes it if so.
    pub fn keyword(&mut self, word: &[u8]) -> bool {
        self.touched_end |= self.rest().len() <= word.len();
        let found = self.rest().starts_with(word) && self.rest().get(word.len()).is_none_or(|next| !is_regular(*next));
        if found {
            self.at += word.len();
        }
        found
    }

    /// Whether the next octets are exactly `word`, whatever follows; consumes it if so.
    pub fn literal(&mut self, word: &[u8]) -> bool {
        self.touched_end |= self.rest().len() < word.len();
        let found = self.rest().starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// Skips one end of line: CR LF, LF or CR. Whether there was one.
    pub fn end_of_line(&mut self) -> bool {
        self.literal(b"\r\n") || self.literal(b"\n") || self.literal(b"\r")
    }

    /// An unsigned whole number of plain digits.
    pub fn unsigned(&mut self) -> Option<u64> {
        let start = self.at;
        let mut number = 0u64;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            let next = number.checked_mul(10).and_then(|tens| tens.checked_add(u64::from(digit - b'0')));
            let Some(next) = next else {
                self.at = start;
                return None;
            };
            number = next;
            self.at += 1;
        }
        if self.at == start { None } else { Some(number) }
    }

    /// `12 0 obj`: the header of an indirect object. Nothing is consumed if it is none.
    pub fn object_header(&mut self) -> Option<Id> {
        let start = self.at;
        let id = self.header_of(b"obj");
        if id.is_none() {
            self.at = start;
        }
        id
    }

    fn header_of(&mut self, word: &[u8]) -> Option<Id> {
        let number = u32::try_from(self.unsigned()?).ok()?;
        self.required_space()?;
        let generation = u16::try_from(self.unsigned()?).ok()?;
        self.required_space()?;
        self.keyword(word).then_some(Id { number, generation })
    }

    fn required_space(&mut self) -> Option<()> {
        let before = self.at;
        self.skip_space();
        (self.at > before).then_some(())
    }

    /// Reads one object; a stream's data is not read.
    pub fn object(&mut self) -> Result<Object, SyntaxError> {
        self.object_at_depth(0)
    }

    fn object_at_depth(&mut self, depth: usize) -> Result<Object, SyntaxError> {
        self.values += 1;
        if depth > MAX_DEPTH || self.values > MAX_VALUES {
            return Err(SyntaxError::Depth);
        }
        self.skip_space();
        match self.peek().ok_or(SyntaxError::Truncated)? {
            b'/' => Ok(Object::Name(self.name()?)),
            b'(' => self.literal_string(),
            b'<' if self.ahead(1) == Some(b'<') => self.dictionary(depth).map(Object::Dictionary),
            b'<' => self.hexadecimal_string(),
            b'[' => self.array(depth),
            b'0'..=b'9' | b'+' | b'-' | b'.' => self.number_or_reference(),
            b't' if self.keyword(b"true") => Ok(Object::Boolean(true)),
            b'f' if self.keyword(b"false") => Ok(Object::Boolean(false)),
            b'n' if self.keyword(b"null") => Ok(Object::Null),
            _ => Err(SyntaxError::Unexpected),
        }
    }

    fn name(&mut self) -> Result<Vec<u8>, SyntaxError> {
        self.at += 1;
        let mut name = Vec::new();
        while let Some(octet) = self.peek().filter(|octet| is_regular(*octet)) {
            self.at += 1;
            let escaped = if octet == b'#' { self.ahead(0).and_then(hex_digit).zip(self.ahead(1).and_then(hex_digit)) } else { None };
            match escaped {
                Some((high, low)) => {
                    name.push(high << 4 | low);
                    self.at += 2;
                }
                None => name.push(octet),
            }
        }
        Ok(name)
    }

    fn literal_string(&mut self) -> Result<Object, SyntaxError> {
        let start = self.position();
        self.at += 1;
        let mut open = 1usize;
        let mut octets = Vec::new();
        loop {
            let octet = self.peek().ok_or(SyntaxError::Truncated)?;
            self.at += 1;
            match octet {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        break;
                    }
                }
                b'\\' => {
                    self.escape(&mut octets)?;
                    continue;
                }
                b'\r' => {
                    // Any end of line inside a string means LF (section 7.3.4.2).
                    if self.peek() == Some(b'\n') {
                        self.at += 1;
                    }
                    octets.push(b'\n');
                    continue;
                }
                _ => (),
            }
            octets.push(octet);
        }
        Ok(Object::Text(Text { octets, hexadecimal: false, span: (start, self.position()) }))
    }

    fn escape(&mut self, octets: &mut Vec<u8>) -> Result<(), SyntaxError> {
        let octet = self.peek().ok_or(SyntaxError::Truncated)?;
        self.at += 1;
        match octet {
            b'n' => octets.push(b'\n'),
            b'r' => octets.push(b'\r'),
            b't' => octets.push(b'\t'),
            b'b' => octets.push(8),
            b'f' => octets.push(12),
            b'\n' => (),
            b'\r' => {
                if self.peek() == Some(b'\n') {
                    self.at += 1;
                }
            }
            b'0'..=b'7' => {
                let mut value = u32::from(octet - b'0');
                for _ in 0..2 {
                    let Some(digit) = self.peek().filter(|digit| matches!(digit, b'0'..=b'7')) else { break };
                    value = value * 8 + u32::from(digit - b'0');
                    self.at += 1;
                }
                // High-order overflow is ignored (table 3).
                octets.push(u8::try_from(value & 0xff).unwrap_or_default());
            }
            other => octets.push(other),
        }
        Ok(())
    }

    fn hexadecimal_string(&mut self) -> Result<Object, SyntaxError> {
        let start = self.position();
        self.at += 1;
        let rest = self.rest();
        let Some(length) = find(rest, b'>') else {
            self.touched_end = true;
            return Err(SyntaxError::Truncated);
        };
        // The hexadecimal string of a signature is the longest thing in most files: digits alone are taken many at a time.
        let digits = rest.get(..length).unwrap_or_default();
        let mut octets = Vec::with_capacity(length / 2 + 1);
        let mut done = 0;
        for chunk in digits.as_chunks::<32>().0 {
            let Some(decoded) = sixteen(chunk) else { break };
            octets.extend_from_slice(&decoded);
            done += chunk.len();
        }
        let mut high = None;
        for octet in digits.get(done..).unwrap_or_default() {
            match DIGITS.get(usize::from(*octet)).copied().unwrap_or(NO_DIGIT) {
                SPACE => (),
                NO_DIGIT => return Err(SyntaxError::Unexpected),
                digit => match high.take() {
                    None => high = Some(digit),
                    Some(high) => octets.push(high << 4 | digit),
                },
            }
        }
        self.at += length + 1;
        // A missing last digit counts as 0 (section 7.3.4.3).
        octets.extend(high.map(|high| high << 4));
        Ok(Object::Text(Text { octets, hexadecimal: true, span: (start, self.position()) }))
    }

    fn array(&mut self, depth: usize) -> Result<Object, SyntaxError> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_space();
            if self.peek().ok_or(SyntaxError::Truncated)? == b']' {
                self.at += 1;
                return Ok(Object::Array(items));
            }
            items.push(self.object_at_depth(depth + 1)?);
        }
    }

    fn dictionary(&mut self, depth: usize) -> Result<Dictionary, SyntaxError> {
        self.at += 2;
        let mut dictionary = Dictionary::default();
        loop {
            self.skip_space();
            match self.peek().ok_or(SyntaxError::Truncated)? {
                b'>' if self.ahead(1) == Some(b'>') => {
                    self.at += 2;
                    return Ok(dictionary);
                }
                b'/' => {
                    let key = self.name()?;
                    let value = self.object_at_depth(depth + 1)?;
                    dictionary.insert(key, value);
                }
                _ => return Err(if self.rest().len() < 2 { SyntaxError::Truncated } else { SyntaxError::Unexpected }),
            }
        }
    }

    fn number_or_reference(&mut self) -> Result<Object, SyntaxError> {
        let start = self.at;
        while self.peek().is_some_and(|octet| matches!(octet, b'0'..=b'9' | b'+' | b'-' | b'.')) {
            self.at += 1;
        }
        let end = self.at;
        let digits = self.octets.get(start..end).unwrap_or_default();
        if self.peek().is_some_and(is_regular) {
            return Err(SyntaxError::Unexpected);
        }
        if digits.contains(&b'.') {
            let numeric = digits.iter().any(u8::is_ascii_digit) && digits.iter().filter(|octet| **octet == b'.').count() == 1;
            return if numeric { Ok(Object::Real(digits.to_vec())) } else { Err(SyntaxError::Unexpected) };
        }
        if digits.first().is_some_and(u8::is_ascii_digit) {
            self.at = start;
            if let Some(id) = self.header_of(b"R") {
                return Ok(Object::Reference(id));
            }
            self.at = end;
        }
        let text = std::str::from_utf8(digits).map_err(|_| SyntaxError::Unexpected)?;
        text.parse().map(Object::Integer).map_err(|_| SyntaxError::Unexpected)
    }

    /// What follows the value of an indirect object: `endobj`, or `stream` and an end of line.
    pub fn finish_object(&mut self, value: Object) -> Result<Object, SyntaxError> {
        self.skip_space();
        match value {
            Object::Dictionary(dictionary) if self.keyword(b"stream") => {
                // CR alone is not an end of line here: the data would start at different octets for different readers.
                if self.literal(b"\r\n") || self.literal(b"\n") {
                    Ok(Object::Stream(Stream { dictionary, start: self.position() }))
                } else {
                    Err(if self.rest().len() < 2 { SyntaxError::Truncated } else { SyntaxError::Unexpected })
                }
            }
            value if self.keyword(b"endobj") => Ok(value),
            _ => Err(if self.rest().len() < 7 { SyntaxError::Truncated } else { SyntaxError::Unexpected }),
        }
    }
}

/// Where the octet stands first. (Reading from a slice cannot fail; `skip_until` is faster than a loop over octets.)
fn find(octets: &[u8], wanted: u8) -> Option<usize> {
    use std::io::BufRead as _;
    let mut rest = octets;
    let last = rest.skip_until(wanted).ok()?.checked_sub(1)?;
    (octets.get(last) == Some(&wanted)).then_some(last)
}

/// Thirty-two hexadecimal digits; `None` if something else is among them. Without tables or branches, so that it is done on
/// many octets at once.
fn sixteen(digits: &[u8; 32]) -> Option<[u8; 16]> {
    let mut odd = 0;
    let values = digits.map(|octet| {
        let number = octet.wrapping_sub(b'0');
        let letter = (octet | 0x20).wrapping_sub(b'a');
        let value = if number < 10 { number } else { letter.wrapping_add(10) };
        odd |= u8::from(number >= 10 && letter >= 6);
        value
    });
    let mut octets = [0; 16];
    for (octet, [high, low]) in octets.iter_mut().zip(values.as_chunks::<2>().0) {
        *octet = high << 4 | low;
    }
    (odd == 0).then_some(octets)
}

fn hex_digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Object, SyntaxError> {
        Lexer::new(text.as_bytes(), 0).object()
    }

    #[test]
    fn objects_of_every_kind() {
        let object = read("<</A#42 [1 -2 3.5 true null 7 0 R]/S(a\\(b\\051\\)c(d))/H<4 1 4>/D<</X/Y>>>>").unwrap();
        let dictionary = object.as_dictionary().unwrap();
        let items = dictionary.get("AB").unwrap().as_array().unwrap();
        assert_eq!(items.len(), 6);
        assert_eq!(items[5].as_reference(), Some(Id { number: 7, generation: 0 }));
        assert_eq!(dictionary.get("S").unwrap().as_text().unwrap().octets, b"a(b))c(d)");
        let hexadecimal = dictionary.get("H").unwrap().as_text().unwrap();
        assert_eq!((hexadecimal.octets.as_slice(), hexadecimal.span), (&b"A@"[..], (54, 61)));
    }

    #[test]
    fn a_key_that_stands_twice_is_noticed() {
        assert!(read("<</A 1/A 2>>").unwrap().as_dictionary().unwrap().is_ambiguous());
    }

    #[test]
    fn depth_is_bounded() {
        assert_eq!(read(&"[".repeat(100_000)), Err(SyntaxError::Depth));
        assert_eq!(read(&"<</A".repeat(100_000)), Err(SyntaxError::Depth));
    }

    proptest! {
        #[test]
        fn any_octets_give_an_answer(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Lexer::new(&octets, 0).object();
        }

        #[test]
        fn hexadecimal_strings_mean_what_their_digits_say(text in "[0-9a-fA-F]{0,300}", at in 0..300_usize, other in any::<char>()) {
            let octets = |text: &str| read(&format!("<{text}>")).map(|object| object.as_text().unwrap().octets.clone());
            let even = if text.len() % 2 == 0 { text.clone() } else { format!("{text}0") };
            assert_eq!(octets(&text), Ok(hex::decode(even).unwrap()));
            prop_assume!(other != '<');
            let mut broken = text.clone();
            broken.insert(at.min(text.len()), other);
            match other {
                '>' | '0'..='9' | 'a'..='f' | 'A'..='F' => prop_assert!(octets(&broken).is_ok()),
                '\0' | '\t' | '\n' | '\x0c' | '\r' | ' ' => prop_assert_eq!(octets(&broken), octets(&text)),
                _ => prop_assert_eq!(octets(&broken), Err(SyntaxError::Unexpected)),
            }
        }

        #[test]
        fn any_pdf_like_text_gives_an_answer(text in "[\\[\\]<>/()0-9 a-fnrtuR.#\\\\-]{0,80}") {
            let _ = read(&text);
        }
    }
}
