//! Fields that several structures share, read with the tolerance that the field demands.

use super::{Deviation, SealError};
use crate::{
    moment::Moment,
    pki::{
        signed_data::{algorithm_oid, read_oid},
        timestamp::asn1_time,
        tlv::{Reader, Tlv, TlvError, tag},
    },
};
use der::asn1::ObjectIdentifier as Oid;
use std::time::Duration;

/// Deviations met so far, each once.
#[derive(Debug, Default)]
pub(super) struct Deviations(Vec<Deviation>);

impl Deviations {
    pub fn note(&mut self, deviation: Deviation) {
        if !self.0.contains(&deviation) {
            self.0.push(deviation);
        }
    }

    pub fn list(mut self) -> Vec<Deviation> {
        self.0.sort_unstable();
        self.0
    }

    pub fn extend(&mut self, others: &[Deviation]) {
        others.iter().for_each(|other| self.note(*other));
    }
}

/// The next value, whatever it is.
pub(super) fn next<'a>(fields: &mut Reader<'a>, name: &'static str, met: &mut Deviations) -> Result<Tlv<'a>, SealError> {
    let value = fields.read().map_err(|error| SealError::Field(name, error))?;
    if value.indefinite {
        met.note(Deviation::Ber);
    }
    Ok(value)
}

/// The next value, which must carry a tag.
pub(super) fn expect<'a>(fields: &mut Reader<'a>, tag: u8, name: &'static str, met: &mut Deviations) -> Result<Tlv<'a>, SealError> {
    next(fields, name, met)?.expect(tag).map_err(|error| SealError::Field(name, error))
}

/// Nothing may be left.
pub(super) fn end(fields: &Reader<'_>, name: &'static str) -> Result<(), SealError> {
    fields.end().map_err(|error| SealError::Field(name, error))
}

/// A small number.
pub(super) fn number(fields: &mut Reader<'_>, name: &'static str, met: &mut Deviations) -> Result<u64, SealError> {
    expect(fields, tag::INTEGER, name, met)?.small_integer().map_err(|error| SealError::Field(name, error))
}

/// A string of the type that the standard names, or of another one.
pub(super) fn text(fields: &mut Reader<'_>, tag: u8, name: &'static str, met: &mut Deviations) -> Result<String, SealError> {
    let value = next(fields, name, met)?;
    if value.tag != tag {
        if !matches!(value.tag, tag::UTF8_STRING | tag::PRINTABLE_STRING | tag::TELETEX_STRING | tag::IA5_STRING | tag::OCTET_STRING) {
            return Err(SealError::Field(name, TlvError::Unexpected));
        }
        met.note(Deviation::StringType);
    }
    Ok(match std::str::from_utf8(value.value) {
        Ok(text) => text.into(),
        // Old makers write names in GBK under any tag.
        Err(_) => {
            met.note(Deviation::StringType);
            encoding_rs::GB18030.decode_without_bom_handling(value.value).0.into_owned()
        }
    })
}

/// The octets of a BIT STRING without unused bits; an OCTET STRING is read as well.
pub(super) fn bits<'a>(value: Tlv<'a>, name: &'static str, met: &mut Deviations) -> Result<&'a [u8], SealError> {
    match (value.tag, value.bits()) {
        // Raw r‖s without the count of unused bits.
        (tag::BIT_STRING, _) if value.value.len() == 64 && !value.value.starts_with(&[0, tag::SEQUENCE]) => {
            met.note(Deviation::BitString);
            Ok(value.value)
        }
        (tag::BIT_STRING, Ok((0, octets))) => Ok(octets),
        (tag::OCTET_STRING, _) => {
            met.note(Deviation::BitString);
            Ok(value.value)
        }
        _ => Err(SealError::Field(name, TlvError::Contents)),
    }
}

/// A certificate, DER. It is wrapped in an OCTET STRING; bare ones and other strings are met.
pub(super) fn certificate<'a>(value: Tlv<'a>, met: &mut Deviations) -> Result<&'a [u8], SealError> {
    match value.tag {
        tag::OCTET_STRING => Ok(value.value),
        tag::SEQUENCE => {
            met.note(Deviation::CertificateWrapping);
            Ok(value.raw)
        }
        tag::IA5_STRING | tag::UTF8_STRING | tag::PRINTABLE_STRING => {
            met.note(Deviation::CertificateWrapping);
            Ok(value.value)
        }
        tag::BIT_STRING => {
            met.note(Deviation::CertificateWrapping);
            bits(value, "certificate", met)
        }
        _ => Err(SealError::Field("certificate", TlvError::Unexpected)),
    }
}

/// An algorithm: its identifier, and the field as stored.
pub(super) fn algorithm<'a>(fields: &mut Reader<'a>, met: &mut Deviations) -> Result<(Oid, &'a [u8]), SealError> {
    const NAME: &str = "signature algorithm";
    let value = next(fields, NAME, met)?;
    match value.tag {
        tag::OID => Ok((read_oid(value).map_err(|error| SealError::Field(NAME, error))?, value.raw)),
        tag::SEQUENCE => {
            met.note(Deviation::AlgorithmWrapping);
            Ok((algorithm_oid(value.raw).ok_or(SealError::Field(NAME, TlvError::Contents))?, value.raw))
        }
        _ => Err(SealError::Field(NAME, TlvError::Unexpected)),
    }
}

/// A date of the property: the type of the version, or the other one.
pub(super) fn date(fields: &mut Reader<'_>, tag: u8, name: &'static str, met: &mut Deviations) -> Result<Moment, SealError> {
    let value = next(fields, name, met)?;
    if value.tag != tag {
        met.note(Deviation::TimeType);
    }
    time(value, met).ok_or(SealError::Field(name, TlvError::Contents))
}

/// UTCTime or GeneralizedTime, with a zone or without.
pub(super) fn time(value: Tlv<'_>, met: &mut Deviations) -> Option<Moment> {
    if let Ok(at) = asn1_time(value) {
        return Some(at);
    }
    if !matches!(value.tag, tag::UTC_TIME | tag::GENERALIZED_TIME) {
        return None;
    }
    let stored = std::str::from_utf8(value.value).ok()?.trim();
    if let Some(at) = written(stored, met) {
        return Some(at);
    }
    let zoned = format!("{stored}Z");
    let at = asn1_time(Tlv { value: zoned.as_bytes(), ..value }).ok()?;
    met.note(Deviation::TimeWithoutZone);
    Some(at.minus(BEIJING))
}

/// Beijing is eight hours ahead of UTC.
const BEIJING: Duration = Duration::from_secs(8 * 3600);

/// A time as text: RFC 3339, or `2020-07-16 16:04:27`.
pub(super) fn written(text: &str, met: &mut Deviations) -> Option<Moment> {
    let text = text.trim();
    if text.get(4..5) != Some("-") {
        return None;
    }
    met.note(Deviation::TimeText);
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    met.note(Deviation::TimeWithoutZone);
    format!("{}Z", text.replacen(' ', "T", 1)).parse().ok().map(|at: Moment| at.minus(BEIJING))
}
