//! Distinguished names: kept as stored, compared as RFC 5280 §7.1 says, shown as RFC 4514 says.

use super::{
    signed_data::read_oid,
    tlv::{Tlv, TlvError, tag},
};
use crate::crypto::Oid;
use std::{fmt, hash, sync::Arc};
use unicode_normalization::UnicodeNormalization as _;

/// Most attributes a name may have; more is refused.
const MAX_ATTRIBUTES: usize = 256;

/// Attribute types with a short name (RFC 4519 and those common in certificates).
pub mod attribute {
    #![allow(missing_docs)]
    use crate::crypto::Oid;

    pub const COMMON_NAME: Oid = Oid::new_unwrap("2.5.4.3");
    pub const SURNAME: Oid = Oid::new_unwrap("2.5.4.4");
    pub const SERIAL_NUMBER: Oid = Oid::new_unwrap("2.5.4.5");
    pub const COUNTRY: Oid = Oid::new_unwrap("2.5.4.6");
    pub const LOCALITY: Oid = Oid::new_unwrap("2.5.4.7");
    pub const STATE: Oid = Oid::new_unwrap("2.5.4.8");
    pub const STREET: Oid = Oid::new_unwrap("2.5.4.9");
    pub const ORGANISATION: Oid = Oid::new_unwrap("2.5.4.10");
    pub const UNIT: Oid = Oid::new_unwrap("2.5.4.11");
    pub const TITLE: Oid = Oid::new_unwrap("2.5.4.12");
    pub const POSTAL_CODE: Oid = Oid::new_unwrap("2.5.4.17");
    pub const GIVEN_NAME: Oid = Oid::new_unwrap("2.5.4.42");
    pub const INITIALS: Oid = Oid::new_unwrap("2.5.4.43");
    pub const GENERATION: Oid = Oid::new_unwrap("2.5.4.44");
    pub const UNIQUE_IDENTIFIER: Oid = Oid::new_unwrap("2.5.4.45");
    pub const DN_QUALIFIER: Oid = Oid::new_unwrap("2.5.4.46");
    pub const PSEUDONYM: Oid = Oid::new_unwrap("2.5.4.65");
    pub const ORGANISATION_IDENTIFIER: Oid = Oid::new_unwrap("2.5.4.97");
    pub const EMAIL: Oid = Oid::new_unwrap("1.2.840.113549.1.9.1");
    pub const DOMAIN_COMPONENT: Oid = Oid::new_unwrap("0.9.2342.19200300.100.1.25");
    pub const USER_ID: Oid = Oid::new_unwrap("0.9.2342.19200300.100.1.1");

    /// The short name of a type.
    pub fn short_name(attribute: &Oid) -> Option<&'static str> {
        Some(match *attribute {
            COMMON_NAME => "CN",
            SURNAME => "SN",
            SERIAL_NUMBER => "serialNumber",
            COUNTRY => "C",
            LOCALITY => "L",
            STATE => "ST",
            STREET => "STREET",
            ORGANISATION => "O",
            UNIT => "OU",
            TITLE => "title",
            POSTAL_CODE => "postalCode",
            GIVEN_NAME => "GN",
            INITIALS => "initials",
            GENERATION => "generationQualifier",
            DN_QUALIFIER => "dnQualifier",
            PSEUDONYM => "pseudonym",
            ORGANISATION_IDENTIFIER => "organizationIdentifier",
            EMAIL => "emailAddress",
            DOMAIN_COMPONENT => "DC",
            USER_ID => "UID",
            _ => return None,
        })
    }
}

/// A distinguished name. Cheap to clone; equality is RFC 5280 §7.1's.
#[derive(Clone)]
pub struct Name(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    attributes: Vec<Attribute>,
    /// One comparable encoding for each relative name, in order.
    comparable: Vec<Vec<u8>>,
}

/// One attribute of a name.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its type.
    pub oid: Oid,
    /// Its text; `None` where the value is no string.
    pub text: Option<String>,
    /// The value's tag octet.
    pub tag: u8,
    /// The value as stored.
    pub raw: Vec<u8>,
    /// Which relative name it belongs to, from the first stored.
    rdn: usize,
}

impl Name {
    /// Reads a Name (RFC 5280 §4.1.2.4) from BER or DER.
    pub fn from_der(der: &[u8]) -> Result<Self, TlvError> {
        let mut attributes = Vec::new();
        let mut comparable = Vec::new();
        for (at, rdn) in Tlv::parse(der)?.expect(tag::SEQUENCE)?.children().enumerate() {
            let mut members = Vec::new();
            for pair in rdn?.expect(tag::SET)?.children() {
                let mut fields = pair?.expect(tag::SEQUENCE)?.children();
                let oid = read_oid(fields.read()?)?;
                let value = fields.read()?;
                fields.end()?;
                let text = text(&value);
                members.push(comparable_attribute(&oid, text.as_deref(), &value));
                attributes.push(Attribute { oid, text, tag: value.tag, raw: value.raw.to_vec(), rdn: at });
                if attributes.len() > MAX_ATTRIBUTES {
                    return Err(TlvError::Length);
                }
            }
            if members.is_empty() {
                return Err(TlvError::Contents);
            }
            members.sort();
            comparable.push(if let [_] = members.as_slice() { members.pop().unwrap_or_default() } else { members.concat() });
        }
        Ok(Self(Arc::new(Inner { der: der.to_vec(), attributes, comparable })))
    }

    /// Builds a name of single attributes, the most general first: PrintableString for countries and serial numbers,
    /// IA5String for mail addresses and domain components, else UTF8String (RFC 5280 §4.1.2.4).
    pub fn build(attributes: &[(Oid, &str)]) -> Result<Self, TlvError> {
        use super::build::encode;
        let rdns = attributes.iter().map(|(oid, text)| {
            let tag = match *oid {
                attribute::COUNTRY | attribute::SERIAL_NUMBER | attribute::DN_QUALIFIER => tag::PRINTABLE_STRING,
                attribute::EMAIL | attribute::DOMAIN_COMPONENT => tag::IA5_STRING,
                _ => tag::UTF8_STRING,
            };
            encode::set_of([encode::sequence([encode::oid(oid), encode::tlv(tag, text.as_bytes())])])
        });
        Self::from_der(&encode::sequence(rdns))
    }

    /// The name as stored.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// Whether there is no relative name at all.
    pub fn is_empty(&self) -> bool {
        self.0.comparable.is_empty()
    }

    /// The attributes in stored order.
    pub fn attributes(&self) -> &[Attribute] {
        &self.0.attributes
    }

    /// The text of the last (most specific) attribute of a type.
    pub fn text_of(&self, oid: &Oid) -> Option<&str> {
        self.0.attributes.iter().rev().find(|attribute| attribute.oid == *oid)?.text.as_deref()
    }

    /// The common name.
    pub fn common_name(&self) -> Option<&str> {
        self.text_of(&attribute::COMMON_NAME)
    }

    /// Whether this name equals `base` or lies below it (directory-name constraints, RFC 5280 §4.2.1.10).
    pub fn is_within(&self, base: &Self) -> bool {
        self.0.comparable.starts_with(&base.0.comparable)
    }

    /// This name with the attributes of one more relative name appended (a CRL distribution point's nameRelativeToCRLIssuer).
    pub fn with_relative(&self, rdn_contents: &[u8]) -> Result<Self, TlvError> {
        use super::build::encode;
        let own = Tlv::parse(self.der())?.value;
        Self::from_der(&encode::tlv(tag::SEQUENCE, &[own, &encode::tlv(tag::SET, rdn_contents)].concat()))
    }

    /// RFC 4514: the most specific part first. Numbers of people in it are not masked.
    pub fn display(&self) -> String {
        self.to_string()
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0.comparable == other.0.comparable
    }
}

impl Eq for Name {}

impl hash::Hash for Name {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.comparable.hash(state);
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last: Option<usize> = None;
        for attribute in self.0.attributes.iter().rev() {
            match last {
                Some(rdn) if rdn == attribute.rdn => f.write_str("+")?,
                Some(_) => f.write_str(",")?,
                None => {}
            }
            last = Some(attribute.rdn);
            match attribute::short_name(&attribute.oid) {
                Some(name) => f.write_str(name)?,
                None => write!(f, "{}", attribute.oid)?,
            }
            f.write_str("=")?;
            match &attribute.text {
                Some(text) => f.write_str(&escape(text))?,
                None => write!(f, "#{}", hex::encode(&attribute.raw))?,
            }
        }
        Ok(())
    }
}

/// Names may hold a person's number, so that only their length is shown.
impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({} attributes)", self.0.attributes.len())
    }
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Attribute({})", self.oid)
    }
}

/// RFC 4514 §2.4.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (at, character) in text.chars().enumerate() {
        match character {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => escaped.extend(['\\', character]),
            '#' if at == 0 => escaped.push_str("\\#"),
            ' ' if at == 0 || at == last => escaped.push_str("\\ "),
            control if control.is_control() => {
                let mut octets = [0; 4];
                control.encode_utf8(&mut octets).bytes().for_each(|octet| escaped.push_str(&format!("\\{octet:02x}")));
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// The text of a string value. Chinese authorities put UTF-8 into IA5String and GB 18030 into T61String; both are read.
pub fn text(value: &Tlv<'_>) -> Option<String> {
    // NumericString, PrintableString, T61String, IA5String, VisibleString, GeneralString, UTF8String.
    const BYTES: [u8; 7] = [0x12, tag::PRINTABLE_STRING, tag::TELETEX_STRING, tag::IA5_STRING, 0x1a, 0x1b, tag::UTF8_STRING];
    match value.tag {
        single if BYTES.contains(&single) => Some(decode(value.value)),
        tag::BMP_STRING => {
            let units = value.value.chunks(2).map(|pair| pair.iter().fold(0u16, |unit, octet| unit << 8 | u16::from(*octet)));
            Some(char::decode_utf16(units).map(|read| read.unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
        }
        tag::UNIVERSAL_STRING => {
            let points = value.value.chunks(4).map(|four| four.iter().fold(0u32, |point, octet| point << 8 | u32::from(*octet)));
            Some(points.map(|point| char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER)).collect())
        }
        _ => None,
    }
}

/// UTF-8, else GB 18030, else Latin-1.
fn decode(octets: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(octets) {
        return text.into();
    }
    let (text, _, broken) = encoding_rs::GB18030.decode(octets);
    if broken { octets.iter().map(|octet| char::from(*octet)).collect() } else { text.into_owned() }
}

/// RFC 5280 §7.1 by way of RFC 4518: strings of any type compare case-insensitively, in NFKC, with inner white space
/// compressed and outer removed; other values compare as stored.
fn comparable_attribute(oid: &Oid, text: Option<&str>, value: &Tlv<'_>) -> Vec<u8> {
    let prepared = match text {
        Some(text) => prepare(text).into_bytes(),
        None => value.raw.to_vec(),
    };
    let mut key = Vec::with_capacity(prepared.len() + 24);
    for part in [oid.as_bytes(), &[u8::from(text.is_some())], &prepared] {
        key.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        key.extend_from_slice(part);
    }
    key
}

/// RFC 4518 string preparation as far as names need it.
pub fn prepare(text: &str) -> String {
    // Most names are plain ASCII; the general way costs ten times as much.
    if text.is_ascii() {
        return prepare_ascii(text);
    }
    let ignored = |character: &char| {
        matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2063}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}')
            || (character.is_control() && !character.is_whitespace())
    };
    let folded: String = text.chars().filter(|character| !ignored(character)).nfkc().flat_map(char::to_lowercase).nfkc().collect();
    let mut prepared = String::with_capacity(folded.len());
    for word in folded.split_whitespace() {
        if !prepared.is_empty() {
            prepared.push(' ');
        }
        prepared.push_str(word);
    }
    prepared
}

/// The same for ASCII, in one pass.
fn prepare_ascii(text: &str) -> String {
    let mut prepared = String::with_capacity(text.len());
    let mut parted = false;
    for octet in text.bytes() {
        // RFC 4518 §2.2 maps the vertical tabulation to a space too.
        if octet.is_ascii_whitespace() || octet == 0x0b {
            parted = !prepared.is_empty();
        } else if !octet.is_ascii_control() {
            if parted {
                prepared.push(' ');
                parted = false;
            }
            prepared.push(char::from(octet.to_ascii_lowercase()));
        }
    }
    prepared
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::build::encode;

    fn name(parts: &[(Oid, u8, &[u8])]) -> Name {
        let rdns = parts.iter().map(|(oid, tag, value)| encode::set_of([encode::sequence([encode::oid(oid), encode::tlv(*tag, value)])]));
        Name::from_der(&encode::sequence(rdns)).unwrap()
    }

    #[test]
    fn equality_ignores_case_spaces_and_string_type() {
        let printable = name(&[(attribute::COUNTRY, 0x13, b"CN"), (attribute::COMMON_NAME, 0x13, b"Test  CA ")]);
        let utf8 = name(&[(attribute::COUNTRY, 0x0c, b"cn"), (attribute::COMMON_NAME, 0x0c, b" test ca")]);
        let bmp = name(&[(attribute::COUNTRY, 0x13, b"CN"), (attribute::COMMON_NAME, 0x1e, b"\0T\0e\0s\0t\0 \0C\0A")]);
        assert_eq!(printable, utf8);
        assert_eq!(printable, bmp);
        assert_ne!(printable, name(&[(attribute::COUNTRY, 0x13, b"CN"), (attribute::COMMON_NAME, 0x13, b"TestCA")]));
        // The same attributes in another order are another name.
        assert_ne!(printable, name(&[(attribute::COMMON_NAME, 0x13, b"Test CA"), (attribute::COUNTRY, 0x13, b"CN")]));
    }

    #[test]
    fn text_of_any_encoding() {
        let gbk = encoding_rs::GB18030.encode("福建").0.into_owned();
        let shown = name(&[(attribute::COMMON_NAME, 0x14, &gbk), (attribute::EMAIL, 0x16, "电子邮箱".as_bytes())]);
        assert_eq!(shown.to_string(), "emailAddress=电子邮箱,CN=福建");
    }

    #[test]
    fn rfc_4514_escapes() {
        let shown = name(&[(attribute::ORGANISATION, 0x0c, b"#a, b+c\n "), (attribute::UNIQUE_IDENTIFIER, 0x03, &[0, 1])]);
        assert_eq!(shown.to_string(), "2.5.4.45=#03020001,O=\\#a\\, b\\+c\\0a\\ ");
    }

    #[test]
    fn subtrees() {
        let base = name(&[(attribute::COUNTRY, 0x13, b"CN")]);
        let below = name(&[(attribute::COUNTRY, 0x0c, b"cn"), (attribute::COMMON_NAME, 0x13, b"x")]);
        assert!(below.is_within(&base) && base.is_within(&base) && !base.is_within(&below));
    }

    proptest::proptest! {
        /// A letter of another script takes the general way: what stands before it must come out the same.
        #[test]
        fn ascii_is_prepared_as_any_text(text in "[\\x00-\\x7f]{0,40}") {
            let alone = format!("{} 福", prepare(&text));
            proptest::prop_assert_eq!(prepare(&format!("{text} 福")), alone.trim_start());
        }

        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            if let Ok(name) = Name::from_der(&bytes) {
                let _ = name.to_string();
            }
            for tag in 0..64 {
                let _ = text(&Tlv { tag, value: &bytes, raw: &bytes, indefinite: false });
            }
        }
    }
}
