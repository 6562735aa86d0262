//! RFC 3161 (GM/T 0033, GB/T 20520) time-stamps: request, response, token contents.
//!
//! Only parsing. The token's signature is a [`super::signed_data::SignedData`] and is verified as such.

use super::signed_data::{SignedData, SignedDataError, oid, read_oid};
use super::tlv::{Tlv, TlvError, tag};
use crate::moment::Moment;
use der::asn1::ObjectIdentifier as Oid;
use std::time::Duration;

/// What was stamped: a digest and its algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imprint {
    /// AlgorithmIdentifier of the digest, as stored.
    pub algorithm: Vec<u8>,
    /// The digest.
    pub digest: Vec<u8>,
}

/// TSTInfo (RFC 3161 §2.4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TstInfo {
    /// The authority's policy.
    pub policy: Oid,
    /// What was stamped.
    pub imprint: Imprint,
    /// Contents octets of the serial number.
    pub serial: Vec<u8>,
    /// When, in UTC.
    pub time: Moment,
    /// How far the time may be off.
    pub accuracy: Option<Duration>,
    /// Whether tokens of this authority are ordered by time alone.
    pub ordering: bool,
    /// The requester's nonce, contents octets of the INTEGER.
    pub nonce: Option<Vec<u8>>,
    /// The `tsa` field (a GeneralName), as stored.
    pub tsa: Option<Vec<u8>>,
    /// Whether an extension is marked critical; none is known, so the token must then be refused.
    pub critical_extension: bool,
}

/// TimeStampReq (RFC 3161 §2.4.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What shall be stamped.
    pub imprint: Imprint,
    /// The policy wished for.
    pub policy: Option<Oid>,
    /// Contents octets of the nonce.
    pub nonce: Option<Vec<u8>>,
    /// Whether the authority shall include its certificate.
    pub certificate: bool,
    /// Whether extensions are asked for; none is known.
    pub extensions: bool,
}

/// TimeStampResp (RFC 3161 §2.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response<'a> {
    /// PKIStatus: 0 granted, 1 granted with modifications, otherwise refused.
    pub status: u64,
    /// Bit numbers of PKIFailureInfo, as the first 32 bits, most significant first.
    pub failure: u32,
    /// The token (a ContentInfo) as stored; present only if granted.
    pub token: Option<&'a [u8]>,
}

impl Response<'_> {
    /// Whether a token was granted.
    pub fn granted(&self) -> bool {
        self.status <= 1 && self.token.is_some()
    }
}

/// Reads a TimeStampResp that fills `input`.
pub fn response(input: &[u8]) -> Result<Response<'_>, TlvError> {
    let mut fields = Tlv::parse(input)?.expect(tag::SEQUENCE)?.children();
    let mut info = fields.expect(tag::SEQUENCE)?.children();
    let status = info.expect(tag::INTEGER)?.small_integer()?;
    info.optional(tag::SEQUENCE)?;
    let failure = match info.optional(tag::BIT_STRING)? {
        None => 0,
        Some(bits) => bits.bits()?.1.iter().take(4).zip([24u32, 16, 8, 0]).fold(0, |sum, (octet, shift)| sum | u32::from(*octet) << shift),
    };
    info.end()?;
    let token = fields.optional(tag::SEQUENCE)?.map(|token| token.raw);
    fields.end()?;
    Ok(Response { status, failure, token })
}

/// Reads a TimeStampReq that fills `input`.
pub fn request(input: &[u8]) -> Result<Request, TlvError> {
    let mut fields = Tlv::parse(input)?.expect(tag::SEQUENCE)?.children();
    if fields.expect(tag::INTEGER)?.small_integer()? != 1 {
        return Err(TlvError::Contents);
    }
    let imprint = imprint(fields.expect(tag::SEQUENCE)?)?;
    let policy = fields.optional(tag::OID)?.map(read_oid).transpose()?;
    let nonce = fields.optional(tag::INTEGER)?.map(|nonce| nonce.value.to_vec());
    let certificate = fields.optional(tag::BOOLEAN)?.is_some_and(is_true);
    let extensions = fields.optional(tag::context(0))?.is_some();
    fields.end()?;
    Ok(Request { imprint, policy, nonce, certificate, extensions })
}

/// Reads the TSTInfo that fills `input`.
pub fn tst_info(input: &[u8]) -> Result<TstInfo, TlvError> {
    let mut fields = Tlv::parse(input)?.expect(tag::SEQUENCE)?.children();
    if fields.expect(tag::INTEGER)?.small_integer()? != 1 {
        return Err(TlvError::Contents);
    }
    let policy = read_oid(fields.expect(tag::OID)?)?;
    let imprint = imprint(fields.expect(tag::SEQUENCE)?)?;
    let serial = fields.expect(tag::INTEGER)?.value.to_vec();
    let time = generalized_time(fields.expect(tag::GENERALIZED_TIME)?.value)?;
    let accuracy = fields.optional(tag::SEQUENCE)?.map(accuracy).transpose()?;
    let ordering = fields.optional(tag::BOOLEAN)?.is_some_and(is_true);
    let nonce = fields.optional(tag::INTEGER)?.map(|nonce| nonce.value.to_vec());
    let tsa = fields.optional(tag::context(0))?.map(|tsa| tsa.value.to_vec());
    let critical_extension = match fields.optional(tag::context(1))? {
        None => false,
        Some(extensions) => has_critical(extensions)?,
    };
    fields.end()?;
    Ok(TstInfo { policy, imprint, serial, time, accuracy, ordering, nonce, tsa, critical_extension })
}

/// The TSTInfo inside a SignedData, or why it carries none.
pub fn of_signed_data(data: &SignedData<'_>) -> Result<TstInfo, SignedDataError> {
    if data.content_type != oid::TST_INFO {
        return Err(SignedDataError::Shape("the content of the token is no TSTInfo"));
    }
    let content = data.content.as_deref().ok_or(SignedDataError::Shape("the token carries no TSTInfo"))?;
    Ok(tst_info(content)?)
}

fn imprint(value: Tlv<'_>) -> Result<Imprint, TlvError> {
    let mut fields = value.children();
    let algorithm = fields.expect(tag::SEQUENCE)?.raw.to_vec();
    let digest = fields.expect(tag::OCTET_STRING)?.value.to_vec();
    fields.end()?;
    Ok(Imprint { algorithm, digest })
}

/// Accuracy: `seconds, millis [0], micros [1]`; microseconds are rounded up.
fn accuracy(value: Tlv<'_>) -> Result<Duration, TlvError> {
    let mut fields = value.children();
    let seconds = fields.optional(tag::INTEGER)?.map_or(Ok(0), |part| part.small_integer())?;
    let millis = fields.optional(tag::context_primitive(0))?.map_or(Ok(0), |part| part.small_integer())?;
    let micros = fields.optional(tag::context_primitive(1))?.map_or(Ok(0), |part| part.small_integer())?;
    fields.end()?;
    let millis = millis.saturating_add(micros.div_ceil(1000));
    Ok(Duration::from_millis(seconds.saturating_mul(1000).saturating_add(millis)))
}

fn is_true(value: Tlv<'_>) -> bool {
    value.value.iter().any(|octet| *octet != 0)
}

fn has_critical(extensions: Tlv<'_>) -> Result<bool, TlvError> {
    // IMPLICIT by the module's default; some producers add an explicit SEQUENCE.
    let list = match extensions.children().optional(tag::SEQUENCE)? {
        Some(inner) if inner.value.first() == Some(&tag::SEQUENCE) => inner,
        _ => extensions,
    };
    for extension in list.children() {
        let mut fields = extension?.expect(tag::SEQUENCE)?.children();
        fields.expect(tag::OID)?;
        if fields.optional(tag::BOOLEAN)?.is_some_and(is_true) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `YYYYMMDDhhmmss[.f…]Z` (RFC 3161 §2.4.2 demands Z; fractions beyond milliseconds are cut off).
pub fn generalized_time(text: &[u8]) -> Result<Moment, TlvError> {
    let text = std::str::from_utf8(text).map_err(|_| TlvError::Contents)?;
    let digits = text.strip_suffix('Z').ok_or(TlvError::Contents)?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    if whole.len() != 14 || !all_digits(whole) || !all_digits(fraction) {
        return Err(TlvError::Contents);
    }
    let part = |range: std::ops::Range<usize>| whole.get(range).and_then(|text| text.parse::<u16>().ok()).ok_or(TlvError::Contents);
    let small = |range| part(range).and_then(|value| u8::try_from(value).map_err(|_| TlvError::Contents));
    let month = time::Month::try_from(small(4..6)?).map_err(|_| TlvError::Contents)?;
    let date = time::Date::from_calendar_date(i32::from(part(0..4)?), month, small(6..8)?).map_err(|_| TlvError::Contents)?;
    let millis = fraction.bytes().chain(*b"000").take(3).fold(0u16, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    let clock = time::Time::from_hms_milli(small(8..10)?, small(10..12)?, small(12..14)?, millis).map_err(|_| TlvError::Contents)?;
    Ok(time::PrimitiveDateTime::new(date, clock).assume_utc().into())
}

/// The time of a signing-time attribute or a certificate field: UTCTime or GeneralizedTime, in `Z` or with an offset.
pub fn asn1_time(value: Tlv<'_>) -> Result<Moment, TlvError> {
    let text = std::str::from_utf8(value.value).map_err(|_| TlvError::Contents)?;
    let century = match value.tag {
        // RFC 5280 §4.1.2.5.1: years 50–99 belong to the twentieth century.
        tag::UTC_TIME => {
            let year = text.get(..2).and_then(|year| year.parse::<u8>().ok()).ok_or(TlvError::Contents)?;
            if year >= 50 { "19" } else { "20" }
        }
        tag::GENERALIZED_TIME => "",
        _ => return Err(TlvError::Unexpected),
    };
    let (stem, offset) = match text.find(['Z', '+', '-']) {
        Some(at) => text.split_at(at),
        None => return Err(TlvError::Contents),
    };
    let digits = stem.split('.').next().unwrap_or(stem);
    // Seconds may be missing in BER.
    let seconds = if digits.len() + century.len() == 12 { "00" } else { "" };
    let at = generalized_time(format!("{century}{digits}{seconds}Z").as_bytes())?;
    if offset == "Z" {
        return Ok(at);
    }
    let (sign, amount) = offset.split_at(1);
    if amount.len() != 4 || !amount.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(TlvError::Contents);
    }
    let number = |range: std::ops::Range<usize>| amount.get(range).and_then(|text| text.parse::<u64>().ok()).ok_or(TlvError::Contents);
    let shift = Duration::from_secs(number(0..2)? * 3600 + number(2..4)? * 60);
    Ok(if sign == "+" { at.minus(shift) } else { at.plus(shift) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times() {
        assert_eq!(generalized_time(b"20261123080000.5Z").unwrap().to_string(), "2026-11-23T08:00:00.5Z");
        for bad in
            ["20261123080000", "20261123080000+0800", "20261323080000Z", "2026112308000Z", "20261123080000.Z", "2026112308000\u{00e9}Z"]
        {
            assert!(generalized_time(bad.as_bytes()).is_err(), "{bad}");
        }
        let utc = |text: &'static str| Tlv { tag: tag::UTC_TIME, value: text.as_bytes(), raw: &[], indefinite: false };
        assert_eq!(asn1_time(utc("500101000000Z")).unwrap().to_string(), "1950-01-01T00:00:00Z");
        assert_eq!(asn1_time(utc("2611230800+0800")).unwrap().to_string(), "2026-11-23T00:00:00Z");
        assert!(asn1_time(utc("261123080000")).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (response(&bytes), request(&bytes), tst_info(&bytes));
            let _ = generalized_time(&bytes);
            for tag in [tag::UTC_TIME, tag::GENERALIZED_TIME] {
                let _ = asn1_time(Tlv { tag, value: &bytes, raw: &[], indefinite: false });
            }
        }
    }
}
