//! SES_Signature: a document signed with a seal.

use super::{
    Deviation, Extension, Seal, SealError, Version,
    fields::{Deviations, algorithm, bits, certificate, end, expect, next, number, text, time, written},
    ses::{extensions, timestamp},
};
use crate::{
    moment::Moment,
    pki::tlv::{Tlv, TlvError, tag},
};
use der::asn1::ObjectIdentifier as Oid;

/// A signature made with a seal (SES_Signature, `SignedValue.dat`). GB/T 38540-2020 §7, GM/T 0031-2014 §6.
#[derive(Debug, Clone)]
pub struct SealSignature<'a> {
    /// The structure as stored, without what follows it.
    pub raw: &'a [u8],
    /// What follows it.
    pub trailing: &'a [u8],
    /// By its shape and, where that leaves a choice, the seal's.
    pub version: Version,
    /// TBS_Sign as stored: the octets that are signed.
    pub to_be_signed: &'a [u8],
    /// The number that TBS_Sign names.
    pub number: u64,
    /// The seal inside.
    pub seal: Seal<'a>,
    /// When it was made, by the signer's own word or a token.
    pub time: SigningTime<'a>,
    /// Digest of the protected document: of `Signature.xml` in OFD, of the signed ranges in PDF.
    pub data_hash: &'a [u8],
    /// What is protected: the path of `Signature.xml` in the package; in PDF any text.
    pub property: String,
    /// Extensions of version 4 and 5.
    pub extensions: Vec<Extension<'a>>,
    /// The signer's certificate, DER.
    pub certificate: &'a [u8],
    /// The signature algorithm.
    pub algorithm: Oid,
    /// The signature value.
    pub signature: &'a [u8],
    /// Time-stamp token over the signature value, versions 4 and 5.
    pub timestamp: Option<&'a [u8]>,
    /// What departs from the letter here; those of the seal stand in the seal.
    pub deviations: Vec<Deviation>,
}

/// timeInfo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningTime<'a> {
    /// What the signer says.
    Claimed(Moment),
    /// A time-stamp token (version 1).
    Token(&'a [u8]),
    /// Something else; it is no time.
    Unreadable,
}

impl<'a> SealSignature<'a> {
    /// Reads a signature at the start of `input`; what follows is kept apart.
    pub fn parse(input: &'a [u8]) -> Result<Self, SealError> {
        const NAME: &str = "SES_Signature";
        let (whole, trailing) = Tlv::split(input).map_err(|error| SealError::Field(NAME, error))?;
        let whole = whole.expect(tag::SEQUENCE).map_err(|error| SealError::Field(NAME, error))?;
        let mut met = Deviations::default();
        if whole.indefinite {
            met.note(Deviation::Ber);
        }
        if !trailing.is_empty() {
            met.note(Deviation::TrailingOctets);
        }
        let mut fields = whole.children();
        let signed = expect(&mut fields, tag::SEQUENCE, "toSign", &mut met)?;
        let second = next(&mut fields, NAME, &mut met)?;
        let mut inner = signed.children();
        let number = number(&mut inner, "toSign.version", &mut met)?;
        let seal = seal(next(&mut inner, "toSign.eseal", &mut met)?, &mut met)?;
        let time_info = next(&mut inner, "toSign.timeInfo", &mut met)?;
        let hash = next(&mut inner, "toSign.dataHash", &mut met)?;
        let data_hash = bits(hash, "toSign.dataHash", &mut met)?;
        let property = text(&mut inner, tag::IA5_STRING, "toSign.propertyInfo", &mut met)?;
        // Version 1 has certificate and algorithm among what is signed; the others have them outside.
        if fields.is_empty() {
            let stored = next(&mut inner, "toSign.cert", &mut met)?;
            let certificate = certificate(stored, &mut met)?;
            let (algorithm, _) = algorithm(&mut inner, &mut met)?;
            end(&inner, "toSign")?;
            let signature = bits(second, "signature", &mut met)?;
            if seal.version != Version::V1 {
                met.note(Deviation::VersionMixed);
            }
            let time = in_bits(time_info, &mut met);
            return Ok(Self {
                raw: whole.raw,
                trailing,
                version: Version::V1,
                to_be_signed: signed.raw,
                number,
                seal,
                time,
                data_hash,
                property,
                extensions: Vec::new(),
                certificate,
                algorithm,
                signature,
                timestamp: None,
                deviations: met.list(),
            });
        }
        let extensions = extensions(&mut inner, &mut met)?;
        end(&inner, "toSign")?;
        let certificate = certificate(second, &mut met)?;
        let (algorithm, _) = algorithm(&mut fields, &mut met)?;
        let value = next(&mut fields, "signature", &mut met)?;
        let signature = bits(value, "signature", &mut met)?;
        let timestamp = timestamp(&mut fields, &mut met)?;
        end(&fields, NAME)?;
        let version = if seal.version == Version::V5 { Version::V5 } else { Version::V4 };
        if seal.version == Version::V1 || number != version.number() {
            met.note(Deviation::VersionMixed);
        }
        let time = if time_info.tag == tag::BIT_STRING || time_info.tag == tag::OCTET_STRING {
            met.note(Deviation::TimeType);
            in_bits(time_info, &mut met)
        } else {
            if time_info.tag != tag::GENERALIZED_TIME {
                met.note(Deviation::TimeType);
            }
            time(time_info, &mut met).map_or(SigningTime::Unreadable, SigningTime::Claimed)
        };
        Ok(Self {
            raw: whole.raw,
            trailing,
            version,
            to_be_signed: signed.raw,
            number,
            seal,
            time,
            data_hash,
            property,
            extensions,
            certificate,
            algorithm,
            signature,
            timestamp,
            deviations: met.list(),
        })
    }

    /// Every deviation, of the signature and of the seal inside.
    pub fn all_deviations(&self) -> Vec<Deviation> {
        let mut all = Deviations::default();
        all.extend(&self.deviations);
        all.extend(&self.seal.deviations);
        all.list()
    }
}

fn seal<'a>(value: Tlv<'a>, met: &mut Deviations) -> Result<Seal<'a>, SealError> {
    match value.tag {
        tag::OCTET_STRING => {
            met.note(Deviation::SealWrapped);
            let inside = Tlv::parse(value.value).map_err(|error| SealError::Field("toSign.eseal", error))?;
            Seal::read(inside)
        }
        tag::SEQUENCE => Seal::read(value),
        _ => Err(SealError::Field("toSign.eseal", TlvError::Unexpected)),
    }
}

/// timeInfo of version 1: a token or a UTCTime inside a BIT STRING; text is met.
fn in_bits<'a>(value: Tlv<'a>, met: &mut Deviations) -> SigningTime<'a> {
    if matches!(value.tag, tag::UTC_TIME | tag::GENERALIZED_TIME) {
        met.note(Deviation::TimeType);
        return time(value, met).map_or(SigningTime::Unreadable, SigningTime::Claimed);
    }
    let Ok(octets) = bits(value, "toSign.timeInfo", met) else { return SigningTime::Unreadable };
    match (octets.first(), Tlv::parse(octets)) {
        (Some(&tag::SEQUENCE), _) => SigningTime::Token(octets),
        (Some(&(tag::UTC_TIME | tag::GENERALIZED_TIME)), Ok(inside)) => {
            time(inside, met).map_or(SigningTime::Unreadable, SigningTime::Claimed)
        }
        _ => {
            let text = std::str::from_utf8(octets).unwrap_or_default();
            written(text, met)
                .or_else(|| {
                    // The digits of a UTCTime or GeneralizedTime without their tag.
                    met.note(Deviation::TimeText);
                    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
                    let tag = if digits == 14 { tag::GENERALIZED_TIME } else { tag::UTC_TIME };
                    time(Tlv { tag, value: octets, raw: octets, indefinite: false }, met)
                })
                .map_or(SigningTime::Unreadable, SigningTime::Claimed)
        }
    }
}
