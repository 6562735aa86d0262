//! Writing DER: the few shapes the builders need (X.690 sections 10 and 11).

use crate::moment::Moment;
use crate::pki::tlv::tag;
use time::macros::format_description;

/// One value: tag, definite length, contents.
pub fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(contents.len() + 10);
    out.push(tag);
    match u8::try_from(contents.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let octets = contents.len().to_be_bytes();
            let significant = &octets[octets.iter().take_while(|octet| **octet == 0).count()..];
            // At most eight length octets follow, so the count fits.
            out.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
            out.extend_from_slice(significant);
        }
    }
    out.extend_from_slice(contents);
    out
}

/// A constructed value whose members are already encoded.
pub fn constructed<T: AsRef<[u8]>>(tag: u8, members: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut contents = Vec::new();
    members.into_iter().for_each(|member| contents.extend_from_slice(member.as_ref()));
    tlv(tag, &contents)
}

/// SEQUENCE of encoded members.
pub fn sequence<T: AsRef<[u8]>>(members: impl IntoIterator<Item = T>) -> Vec<u8> {
    constructed(tag::SEQUENCE, members)
}

/// SET OF encoded members in DER order (X.690 section 11.6).
pub fn set_of(members: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut members: Vec<_> = members.into_iter().collect();
    members.sort();
    constructed(tag::SET, members)
}

/// `[n]` EXPLICIT.
pub fn explicit(n: u8, inner: &[u8]) -> Vec<u8> {
    tlv(tag::context(n), inner)
}

/// OCTET STRING.
pub fn octet_string(octets: &[u8]) -> Vec<u8> {
    tlv(tag::OCTET_STRING, octets)
}

/// BIT STRING of whole octets.
pub fn bit_string(octets: &[u8]) -> Vec<u8> {
    constructed_bits(0, octets)
}

/// BIT STRING that names single bits (bit 0 is the most significant one), without trailing zero bits (X.690 section 11.2.2).
pub fn named_bits(set: &[u8]) -> Vec<u8> {
    let Some(&last) = set.iter().max() else { return constructed_bits(0, &[]) };
    let mut octets = vec![0u8; usize::from(last / 8) + 1];
    for bit in set {
        if let Some(octet) = octets.get_mut(usize::from(bit / 8)) {
            *octet |= 0x80 >> (bit % 8);
        }
    }
    constructed_bits(7 - last % 8, &octets)
}

fn constructed_bits(unused: u8, octets: &[u8]) -> Vec<u8> {
    let mut contents = vec![unused];
    contents.extend_from_slice(octets);
    tlv(tag::BIT_STRING, &contents)
}

/// INTEGER from an unsigned big-endian magnitude.
pub fn integer(magnitude: &[u8]) -> Vec<u8> {
    let significant = &magnitude[magnitude.iter().take_while(|octet| **octet == 0).count()..];
    let mut contents = Vec::with_capacity(significant.len() + 1);
    if significant.first().is_none_or(|octet| octet & 0x80 != 0) {
        contents.push(0);
    }
    contents.extend_from_slice(significant);
    tlv(tag::INTEGER, &contents)
}

/// INTEGER of a small non-negative number.
pub fn small_integer(number: u64) -> Vec<u8> {
    integer(&number.to_be_bytes())
}

/// OBJECT IDENTIFIER.
pub fn oid(oid: &der::asn1::ObjectIdentifier) -> Vec<u8> {
    tlv(tag::OID, oid.as_bytes())
}

/// AlgorithmIdentifier without parameters.
pub fn algorithm(algorithm: &der::asn1::ObjectIdentifier) -> Vec<u8> {
    sequence([oid(algorithm)])
}

/// BOOLEAN.
pub fn boolean(value: bool) -> Vec<u8> {
    tlv(tag::BOOLEAN, &[if value { 0xff } else { 0 }])
}

/// NULL.
pub fn null() -> Vec<u8> {
    tlv(tag::NULL, &[])
}

/// UTF8String.
pub fn utf8(text: &str) -> Vec<u8> {
    tlv(tag::UTF8_STRING, text.as_bytes())
}

/// GeneralizedTime in UTC with a `Z`; fractions down to the millisecond only where there are any, without trailing zeros
/// (RFC 3161 section 2.4.2, X.690 section 11.7).
pub fn generalized_time(at: Moment) -> Vec<u8> {
    let whole = format_description!("[year][month][day][hour][minute][second]");
    let mut text = at.date_time().format(whole).unwrap_or_default();
    let millis = at.millis().rem_euclid(1000);
    if millis != 0 {
        text.push_str(format!(".{millis:03}").trim_end_matches('0'));
    }
    text.push('Z');
    tlv(tag::GENERALIZED_TIME, text.as_bytes())
}

/// Time as RFC 5280 section 4.1.2.5 and RFC 5652 section 11.3 want it: UTCTime from 1950 to 2049, otherwise GeneralizedTime;
/// whole seconds.
pub fn time(at: Moment) -> Vec<u8> {
    let whole = Moment::from_secs(at.secs());
    if !(1950..2050).contains(&whole.date_time().year()) {
        return generalized_time(whole);
    }
    let form = format_description!("[year repr:last_two][month][day][hour][minute][second]Z");
    tlv(tag::UTC_TIME, whole.date_time().format(form).unwrap_or_default().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::tlv::Tlv;
    use proptest::prelude::*;

    #[test]
    fn times_take_their_two_forms() {
        let at: Moment = "2026-11-23T08:00:00.120Z".parse().unwrap();
        assert_eq!(&time(at)[2..], b"261123080000Z");
        assert_eq!(&generalized_time(at)[2..], b"20261123080000.12Z");
        assert_eq!(&time("2050-01-01T00:00:00Z".parse().unwrap())[2..], b"20500101000000Z");
    }

    #[test]
    fn bits_are_named_from_the_left() {
        assert_eq!(named_bits(&[0, 2]), [0x03, 0x02, 0x05, 0xa0]);
        assert_eq!(named_bits(&[25]), [0x03, 0x05, 0x06, 0, 0, 0, 0x40]);
        assert_eq!(named_bits(&[]), [0x03, 0x01, 0x00]);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(octets in proptest::collection::vec(any::<u8>(), 0..700), number: u64) {
            let written = octet_string(&octets);
            let read = Tlv::parse(&written).unwrap();
            prop_assert!(!read.indefinite && read.value == octets);
            prop_assert_eq!(Tlv::parse(&small_integer(number)).unwrap().small_integer().unwrap(), number);
        }
    }
}
