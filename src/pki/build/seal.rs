//! Building electronic seals and the signatures made with them: GM/T 0031-2014 (version 1), GB/T 38540-2020 (version 4) and
//! GM/T 0031-2025 (version 5). Each in two steps, so that the keys of maker and signer may live elsewhere.
//!
//! The maker signs SealInfo alone in versions 4 and 5; in version 1 SealInfo, the maker's certificate and the algorithm
//! together. The signer always signs TBS_Sign, which holds the whole seal octet for octet. SM2 with SM3 only.

use super::encode::{
    bit_string, boolean, constructed, explicit, generalized_time, octet_string, oid as encode_oid, sequence, small_integer, time, tlv, utf8,
};
use crate::crypto::{Hash, Oid, oid};
use crate::moment::Moment;
use crate::pki::tlv::tag;

/// Which standard a seal follows; the number is the one it states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Version {
    /// GM/T 0031-2014.
    V1 = 1,
    /// GB/T 38540-2020.
    V4 = 4,
    /// GM/T 0031-2025.
    V5 = 5,
}

/// How a seal names those who may use it (GB/T 38540-2020, certListType).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// By their certificates.
    Certificates,
    /// By SM3 digests of their certificates; not in version 1.
    Digests,
}

/// The picture of a seal.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// Kind of data: `PNG`, `JPG`, `OFD`, …
    pub kind: &'a str,
    /// The data.
    pub data: &'a [u8],
    /// Width in millimetres.
    pub width: u32,
    /// Height in millimetres.
    pub height: u32,
}

/// Everything that a seal will say.
#[derive(Debug, Clone)]
pub struct SealSpec<'a> {
    /// Which standard.
    pub version: Version,
    /// Who made the program, `Vid`: ASCII.
    pub vendor: &'a str,
    /// The seal's code, `esID`: ASCII, normally the region's six digits and eight more.
    pub id: &'a str,
    /// Kind of seal: 1 of an organisation, 2 of a person (GM/T 0031-2014); others are agreed locally.
    pub kind: u32,
    /// Name of the seal.
    pub name: &'a str,
    /// How the signers are named.
    pub list: ListKind,
    /// Certificates of those who may use it, DER.
    pub signers: &'a [Vec<u8>],
    /// When it was made.
    pub created: Moment,
    /// Begin of its validity.
    pub from: Moment,
    /// End of its validity.
    pub until: Moment,
    /// What is seen.
    pub picture: Picture<'a>,
    /// Extensions: identifier, critical, value.
    pub extensions: &'a [(Oid, bool, Vec<u8>)],
    /// The maker's certificate, DER.
    pub maker: &'a [u8],
}

/// A seal fixed but for its maker's signature.
#[derive(Debug, Clone)]
pub struct SealToBeSigned {
    version: Version,
    info: Vec<u8>,
    maker: Vec<u8>,
    message: Vec<u8>,
}

/// Fixes what the maker signs.
pub fn prepare_seal(spec: &SealSpec<'_>) -> SealToBeSigned {
    let header = sequence([ia5("ES"), small_integer(spec.version as u64), ia5(spec.vendor)]);
    let mut property = vec![small_integer(spec.kind.into()), utf8(spec.name)];
    let certificates = || sequence(spec.signers.iter().map(|certificate| octet_string(certificate)));
    if spec.version == Version::V1 {
        property.push(certificates());
        property.extend([spec.created, spec.from, spec.until].map(time));
    } else {
        match spec.list {
            ListKind::Certificates => property.extend([small_integer(1), certificates()]),
            ListKind::Digests => {
                property.extend([small_integer(2), sequence(spec.signers.iter().map(|certificate| digest_of(certificate)))])
            }
        }
        property.extend([spec.created, spec.from, spec.until].map(|at| generalized_time(Moment::from_secs(at.secs()))));
    }
    let picture = &spec.picture;
    let picture = sequence([
        ia5(picture.kind),
        octet_string(picture.data),
        small_integer(picture.width.into()),
        small_integer(picture.height.into()),
    ]);
    let mut info = vec![header, ia5(spec.id), sequence(property), picture];
    info.extend(extensions(spec.extensions));
    let info = sequence(info);
    let message = match spec.version {
        Version::V1 => sequence([info.clone(), octet_string(spec.maker), encode_oid(&oid::SM2_WITH_SM3)]),
        Version::V4 | Version::V5 => info.clone(),
    };
    SealToBeSigned { version: spec.version, info, maker: spec.maker.to_vec(), message }
}

/// `CertDigestObj`: the digest's name and its value. The field's programs write the name of the algorithm.
fn digest_of(certificate: &[u8]) -> Vec<u8> {
    sequence([tlv(tag::PRINTABLE_STRING, b"SM3"), octet_string(&Hash::Sm3.digest(certificate))])
}

fn ia5(text: &str) -> Vec<u8> {
    tlv(tag::IA5_STRING, text.as_bytes())
}

/// A plain SEQUENCE OF, as every program writes it; the tag of GM/T 0031-2014 is met nowhere. `critical` is left out when false.
fn extensions(list: &[(Oid, bool, Vec<u8>)]) -> Option<Vec<u8>> {
    let one = |(id, critical, value): &(Oid, bool, Vec<u8>)| {
        let mut parts = vec![encode_oid(id)];
        if *critical {
            parts.push(boolean(true));
        }
        parts.push(octet_string(value));
        sequence(parts)
    };
    (!list.is_empty()).then(|| sequence(list.iter().map(one)))
}

impl SealToBeSigned {
    /// The octets that the maker signs.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The seal, with the maker's signature value over [`Self::message`] (DER pair).
    pub fn finish(self, signature: &[u8]) -> Vec<u8> {
        let tail = [octet_string(&self.maker), encode_oid(&oid::SM2_WITH_SM3), bit_string(signature)];
        match self.version {
            Version::V1 => sequence([self.info, sequence(tail)]),
            Version::V4 | Version::V5 => sequence([vec![self.info], tail.to_vec()].concat()),
        }
    }
}

/// Everything that a signature with a seal will say.
#[derive(Debug, Clone)]
pub struct StampSpec<'a> {
    /// Which standard: that of the seal.
    pub version: Version,
    /// The seal, DER, octet for octet as its maker signed it.
    pub seal: &'a [u8],
    /// The time of signing that is stated.
    pub at: Moment,
    /// SM3 digest of what is protected: for OFD of Signature.xml, for PDF of the signed ranges.
    pub digest: &'a [u8],
    /// Where that stands: for OFD the absolute path of Signature.xml in the package.
    pub property: &'a str,
    /// The signer's certificate, DER.
    pub certificate: &'a [u8],
}

/// A signature with a seal, fixed but for its value.
#[derive(Debug, Clone)]
pub struct StampToBeSigned {
    version: Version,
    message: Vec<u8>,
    certificate: Vec<u8>,
}

/// Fixes what the signer signs: DER of TBS_Sign.
pub fn prepare_stamp(spec: &StampSpec<'_>) -> StampToBeSigned {
    let at = Moment::from_secs(spec.at.secs());
    let mut parts = vec![small_integer(spec.version as u64), spec.seal.to_vec()];
    // Version 1 wraps the time, so that a token may stand in its place.
    parts.push(if spec.version == Version::V1 { bit_string(&time(at)) } else { generalized_time(at) });
    parts.extend([bit_string(spec.digest), ia5(spec.property)]);
    if spec.version == Version::V1 {
        parts.extend([octet_string(spec.certificate), encode_oid(&oid::SM2_WITH_SM3)]);
    }
    StampToBeSigned { version: spec.version, message: sequence(parts), certificate: spec.certificate.to_vec() }
}

impl StampToBeSigned {
    /// The octets that the signer signs.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Takes the signature value over [`Self::message`] (DER pair).
    pub fn finish(self, signature: Vec<u8>) -> Stamped {
        Stamped { fixed: self, signature }
    }
}

/// A signature with a seal, complete but for its time-stamp.
#[derive(Debug, Clone)]
pub struct Stamped {
    fixed: StampToBeSigned,
    signature: Vec<u8>,
}

impl Stamped {
    /// The signature value: what a time-stamp is asked for.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// SES_Signature, with a time-stamp token over the signature value; version 1 has no place for one.
    pub fn encode(&self, token: Option<&[u8]>) -> Vec<u8> {
        let fixed = &self.fixed;
        let mut parts = vec![fixed.message.clone()];
        if fixed.version == Version::V1 {
            parts.push(bit_string(&self.signature));
            return sequence(parts);
        }
        parts.extend([octet_string(&fixed.certificate), encode_oid(&oid::SM2_WITH_SM3), bit_string(&self.signature)]);
        parts.extend(token.map(|token| explicit(0, &bit_string(token))));
        constructed(tag::SEQUENCE, parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::tlv::Tlv;

    fn spec(version: Version, signers: &[Vec<u8>]) -> SealSpec<'_> {
        SealSpec {
            version,
            vendor: "XINYIN",
            id: "35089900000001",
            kind: 1,
            name: "测试局行政审批专用章",
            list: ListKind::Certificates,
            signers,
            created: Moment::from_secs(1_790_000_000),
            from: Moment::from_secs(1_790_000_000),
            until: Moment::from_secs(1_820_000_000),
            picture: Picture { kind: "PNG", data: b"\x89PNG", width: 42, height: 42 },
            extensions: &[],
            maker: &[0x30, 0x00],
        }
    }

    fn count(der: &[u8]) -> usize {
        Tlv::parse(der).unwrap().children().collect::<Result<Vec<_>, _>>().unwrap().len()
    }

    #[test]
    fn shapes_of_the_versions() {
        let signers = [vec![0x30, 0x00]];
        for (version, seal_parts, stamp_parts, tbs_parts) in [(Version::V1, 2, 2, 7), (Version::V4, 4, 4, 5), (Version::V5, 4, 4, 5)] {
            let fixed = prepare_seal(&spec(version, &signers));
            let covered = count(fixed.message());
            assert_eq!(covered, if version == Version::V1 { 3 } else { 4 }, "{version:?}");
            let seal = fixed.finish(b"signature");
            assert_eq!(count(&seal), seal_parts);
            let stamp = StampSpec {
                version,
                seal: &seal,
                at: Moment::from_secs(1_790_000_001),
                digest: &[7; 32],
                property: "/Doc_0/Signs/Sign_0/Signature.xml",
                certificate: &[0x30, 0x00],
            };
            let fixed = prepare_stamp(&stamp);
            assert_eq!(count(fixed.message()), tbs_parts);
            // The seal stands in what is signed, octet for octet.
            assert!(fixed.message().windows(seal.len()).any(|window| window == seal));
            assert_eq!(count(&fixed.finish(b"value".to_vec()).encode(None)), stamp_parts);
        }
    }

    #[test]
    fn a_token_has_its_place() {
        let fixed = StampToBeSigned { version: Version::V4, message: vec![0x30, 0], certificate: vec![0x30, 0] };
        let encoded = fixed.finish(vec![1]).encode(Some(b"\x30\x00"));
        let last = Tlv::parse(&encoded).unwrap().children().map(|child| child.unwrap()).last().unwrap();
        assert_eq!((last.tag, last.inner().unwrap().bits().unwrap()), (tag::context(0), (0, &b"\x30\x00"[..])));
    }
}
