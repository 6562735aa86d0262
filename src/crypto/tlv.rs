//! A tolerant reader of ASN.1 BER/DER that keeps the original bytes.
//!
//! Real certificates, seals and CMS files break DER in many small ways (indefinite lengths, explicit defaults, long-form
//! lengths). What is signed must be hashed exactly as stored, so this reader never re-encodes: every [`Tlv`] is a slice of
//! the input. It is total: any input gives a value or an error, in time linear in the input, to a bounded depth.
//! X.690 sections 8.1 (BER) and 10 (DER).

/// How deep constructed values may nest before the reader refuses.
pub const MAX_DEPTH: usize = 64;

/// Why bytes are no TLV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlvError {
    /// The value ends before its length says.
    #[error("ASN.1 value is cut short")]
    Truncated,
    /// A length of more than eight octets, or larger than the input.
    #[error("ASN.1 length out of range")]
    Length,
    /// A tag number above 30 in more than five octets.
    #[error("ASN.1 tag out of range")]
    Tag,
    /// Deeper than [`MAX_DEPTH`].
    #[error("ASN.1 nested too deeply")]
    Depth,
    /// Another tag stood where one was required.
    #[error("unexpected ASN.1 tag")]
    Unexpected,
    /// Octets left over after the last value.
    #[error("octets after the end of the ASN.1 value")]
    Trailing,
    /// The contents do not fit the type (an INTEGER too long, a BIT STRING without its first octet, …).
    #[error("ASN.1 contents malformed")]
    Contents,
}

/// Universal tag octets used by the readers.
pub mod tag {
    #![allow(missing_docs)]
    pub const BOOLEAN: u8 = 0x01;
    pub const INTEGER: u8 = 0x02;
    pub const BIT_STRING: u8 = 0x03;
    pub const OCTET_STRING: u8 = 0x04;
    pub const NULL: u8 = 0x05;
    pub const OID: u8 = 0x06;
    pub const ENUMERATED: u8 = 0x0a;
    pub const UTF8_STRING: u8 = 0x0c;
    pub const PRINTABLE_STRING: u8 = 0x13;
    pub const TELETEX_STRING: u8 = 0x14;
    pub const IA5_STRING: u8 = 0x16;
    pub const UTC_TIME: u8 = 0x17;
    pub const GENERALIZED_TIME: u8 = 0x18;
    pub const UNIVERSAL_STRING: u8 = 0x1c;
    pub const BMP_STRING: u8 = 0x1e;
    pub const SEQUENCE: u8 = 0x30;
    pub const SET: u8 = 0x31;
    /// `[n]` constructed, context-specific, for n below 31.
    pub const fn context(n: u8) -> u8 {
        0xa0 | n
    }
    /// `[n]` primitive, context-specific, for n below 31.
    pub const fn context_primitive(n: u8) -> u8 {
        0x80 | n
    }
}

/// One value: its first identifier octet, its contents, and the whole of it as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// First identifier octet (class, constructed bit, low tag number; 0x1f in the low bits marks a long tag).
    pub tag: u8,
    /// Contents octets; of an indefinite-length value without its end-of-contents octets.
    pub value: &'a [u8],
    /// Identifier, length and contents, as stored.
    pub raw: &'a [u8],
    /// Whether the length was indefinite (BER only).
    pub indefinite: bool,
}

impl<'a> Tlv<'a> {
    /// Reads exactly one value that fills `input`.
    pub fn parse(input: &'a [u8]) -> Result<Self, TlvError> {
        let (tlv, rest) = Self::split(input)?;
        if rest.is_empty() { Ok(tlv) } else { Err(TlvError::Trailing) }
    }

    /// Reads one value and returns what follows it.
    pub fn split(input: &'a [u8]) -> Result<(Self, &'a [u8]), TlvError> {
        split_at_depth(input, 0)
    }

    /// Requires this value to carry `tag`.
    pub fn expect(self, tag: u8) -> Result<Self, TlvError> {
        if self.tag == tag { Ok(self) } else { Err(TlvError::Unexpected) }
    }

    /// Whether the constructed bit is set.
    pub fn is_constructed(&self) -> bool {
        self.tag & 0x20 != 0
    }

    /// Reader over the values inside.
    pub fn children(&self) -> Reader<'a> {
        Reader { rest: self.value }
    }

    /// Contents of an OCTET STRING (or an implicitly tagged one), joined if BER split it into pieces.
    pub fn octets(&self) -> Result<std::borrow::Cow<'a, [u8]>, TlvError> {
        if !self.is_constructed() {
            return Ok(self.value.into());
        }
        let mut joined = Vec::new();
        join_octets(self.value, 0, &mut joined)?;
        Ok(joined.into())
    }

    /// Contents of a BIT STRING with whole octets; the number of unused bits must be below eight and is returned first.
    pub fn bits(&self) -> Result<(u8, &'a [u8]), TlvError> {
        match self.value.split_first() {
            Some((&unused, bits)) if unused < 8 && !(bits.is_empty() && unused > 0) && !self.is_constructed() => Ok((unused, bits)),
            _ => Err(TlvError::Contents),
        }
    }

    /// A non-negative INTEGER that fits in 64 bits.
    pub fn small_integer(&self) -> Result<u64, TlvError> {
        let digits = match self.value {
            [] => return Err(TlvError::Contents),
            [first, ..] if first & 0x80 != 0 => return Err(TlvError::Contents),
            [0, rest @ ..] => rest,
            all => all,
        };
        if digits.len() > 8 {
            return Err(TlvError::Contents);
        }
        Ok(digits.iter().fold(0, |sum, octet| sum << 8 | u64::from(*octet)))
    }

    /// The value inside an explicit tag.
    pub fn inner(&self) -> Result<Self, TlvError> {
        Self::parse(self.value)
    }
}

/// Reads the values of a constructed one in order.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reader over concatenated values.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The octets not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether every value was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next value.
    pub fn read(&mut self) -> Result<Tlv<'a>, TlvError> {
        let (tlv, rest) = Tlv::split(self.rest)?;
        self.rest = rest;
        Ok(tlv)
    }

    /// The next value, which must carry `tag`.
    pub fn expect(&mut self, tag: u8) -> Result<Tlv<'a>, TlvError> {
        let (tlv, rest) = Tlv::split(self.rest)?;
        let tlv = tlv.expect(tag)?;
        self.rest = rest;
        Ok(tlv)
    }

    /// The next value if it carries `tag`; otherwise nothing is consumed.
    pub fn optional(&mut self, tag: u8) -> Result<Option<Tlv<'a>>, TlvError> {
        if self.rest.first() == Some(&tag) { self.read().map(Some) } else { Ok(None) }
    }

    /// Requires that nothing is left.
    pub fn end(&self) -> Result<(), TlvError> {
        if self.rest.is_empty() { Ok(()) } else { Err(TlvError::Trailing) }
    }
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<Tlv<'a>, TlvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.rest = &[];
        }
        Some(read)
    }
}

fn join_octets(mut input: &[u8], depth: usize, joined: &mut Vec<u8>) -> Result<(), TlvError> {
    if depth > MAX_DEPTH {
        return Err(TlvError::Depth);
    }
    while !input.is_empty() {
        let (piece, rest) = split_at_depth(input, depth)?;
        if piece.tag & 0xdf != tag::OCTET_STRING {
            return Err(TlvError::Unexpected);
        }
        if piece.is_constructed() {
            join_octets(piece.value, depth + 1, joined)?;
        } else {
            joined.extend_from_slice(piece.value);
        }
        input = rest;
    }
    Ok(())
}

fn split_at_depth(input: &[u8], depth: usize) -> Result<(Tlv<'_>, &[u8]), TlvError> {
    let (tag, header, length) = header(input)?;
    match length {
        Some(length) => {
            let end = header.checked_add(length).ok_or(TlvError::Length)?;
            let raw = input.get(..end).ok_or(TlvError::Truncated)?;
            Ok((Tlv { tag, value: &raw[header..], raw, indefinite: false }, &input[end..]))
        }
        None => {
            let contents = indefinite_contents(&input[header..], depth)?;
            let end = header + contents;
            let tlv = Tlv { tag, value: &input[header..end], raw: &input[..end + 2], indefinite: true };
            Ok((tlv, &input[end + 2..]))
        }
    }
}

/// Length of the contents before the matching end-of-contents octets. One pass with an explicit stack, so that nested
/// indefinite lengths cost no repeated scans.
fn indefinite_contents(input: &[u8], depth: usize) -> Result<usize, TlvError> {
    let mut at = 0;
    let mut open = 1;
    loop {
        let rest = &input[at..];
        if rest.starts_with(&[0, 0]) {
            open -= 1;
            if open == 0 {
                return Ok(at);
            }
            at += 2;
            continue;
        }
        let (_, header, length) = header(rest)?;
        let step = match length {
            Some(length) => header.checked_add(length).ok_or(TlvError::Length)?,
            None => {
                open += 1;
                if open + depth > MAX_DEPTH {
                    return Err(TlvError::Depth);
                }
                header
            }
        };
        if step > rest.len() {
            return Err(TlvError::Truncated);
        }
        at += step;
    }
}

/// First identifier octet, size of identifier and length octets, and the length (`None` if indefinite).
fn header(input: &[u8]) -> Result<(u8, usize, Option<usize>), TlvError> {
    let &tag = input.first().ok_or(TlvError::Truncated)?;
    let mut at = 1;
    if tag & 0x1f == 0x1f {
        loop {
            let &octet = input.get(at).ok_or(TlvError::Truncated)?;
            at += 1;
            if octet & 0x80 == 0 {
                break;
            }
            if at > 6 {
                return Err(TlvError::Tag);
            }
        }
    }
    let &first = input.get(at).ok_or(TlvError::Truncated)?;
    at += 1;
    match first {
        0x00..=0x7f => Ok((tag, at, Some(usize::from(first)))),
        0x80 if tag & 0x20 != 0 => Ok((tag, at, None)),
        0x80 => Err(TlvError::Length),
        _ => {
            let count = usize::from(first & 0x7f);
            let octets = input.get(at..at + count).ok_or(TlvError::Truncated)?;
            let significant: &[u8] = &octets[octets.iter().take_while(|octet| **octet == 0).count()..];
            if significant.len() > 8 {
                return Err(TlvError::Length);
            }
            let length = significant.iter().fold(0u64, |sum, octet| sum << 8 | u64::from(*octet));
            Ok((tag, at + count, Some(usize::try_from(length).map_err(|_| TlvError::Length)?)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn indefinite_lengths_nest() {
        let ber = [0x30, 0x80, 0x24, 0x80, 0x04, 0x01, 0xaa, 0x04, 0x01, 0xbb, 0x00, 0x00, 0x00, 0x00];
        let outer = Tlv::parse(&ber).unwrap();
        let inner = outer.children().read().unwrap();
        assert_eq!(inner.octets().unwrap().as_ref(), [0xaa, 0xbb]);
        assert!(outer.indefinite && outer.raw.len() == ber.len());
    }

    #[test]
    fn a_length_beyond_the_input_is_truncated() {
        assert_eq!(Tlv::parse(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), Err(TlvError::Truncated));
        assert_eq!(Tlv::parse(&[0x30, 0x05, 0x02, 0x01]), Err(TlvError::Truncated));
    }

    #[test]
    fn deep_indefinite_nesting_is_refused_in_linear_time() {
        let bomb = [0x30, 0x80].repeat(1_000_000);
        assert_eq!(Tlv::parse(&bomb), Err(TlvError::Depth));
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((tlv, rest)) = Tlv::split(&bytes) {
                prop_assert_eq!(tlv.raw.len() + rest.len(), bytes.len());
                let _ = (tlv.octets(), tlv.bits(), tlv.small_integer());
                for child in tlv.children() {
                    let _ = child;
                }
            }
        }
    }
}
