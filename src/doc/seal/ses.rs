//! SESeal: what a seal says, and what its maker signed.

use super::{
    Deviation, MAX_EXTENSIONS, MAX_SIGNERS, SealError, Version,
    fields::{Deviations, algorithm, bits, certificate, date, end, expect, next, number, text},
    sequence,
};
use crate::{
    crypto::Hash,
    moment::Moment,
    pki::tlv::{Reader, Tlv, TlvError, tag},
};
use der::asn1::ObjectIdentifier as Oid;
use std::borrow::Cow;

/// A seal (SESeal). GB/T 38540-2020 §6, GM/T 0031-2014 §5.
#[derive(Debug, Clone)]
pub struct Seal<'a> {
    /// The whole structure as stored.
    pub raw: &'a [u8],
    /// By shape and header.
    pub version: Version,
    /// The header.
    pub header: Header,
    /// The seal's identifier (esID); normally the fourteen digits of the seal code.
    pub id: String,
    /// Name, kind, signers, dates.
    pub property: Property<'a>,
    /// The picture.
    pub picture: Picture<'a>,
    /// Extensions (extDatas).
    pub extensions: Vec<Extension<'a>>,
    /// eSealInfo as stored.
    pub info: &'a [u8],
    /// Certificate of the seal's maker, DER.
    pub maker: &'a [u8],
    /// The maker's signature algorithm.
    pub algorithm: Oid,
    /// The maker's signature value.
    pub signature: &'a [u8],
    /// Version 5: a time-stamp over the maker's signature value.
    pub timestamp: Option<&'a [u8]>,
    /// What departs from the letter.
    pub deviations: Vec<Deviation>,
    /// Version 1: the fields that the maker signed beside the information, as stored.
    signed_fields: Option<[&'a [u8]; 2]>,
}

/// Header of a seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// "ES".
    pub id: String,
    /// 1, 4 or 5.
    pub version: u64,
    /// The vendor (Vid).
    pub vendor: String,
}

/// Property of a seal (SES_ESPropertyInfo).
#[derive(Debug, Clone)]
pub struct Property<'a> {
    /// The standards' numbers differ from those in use, so that the number stays what it is.
    pub kind: u64,
    /// Name of the seal, for people.
    pub name: String,
    /// Who may sign with it.
    pub signers: CertificateList<'a>,
    /// When it was made.
    pub created: Moment,
    /// From when it may be used.
    pub valid_from: Moment,
    /// Until when.
    pub valid_until: Moment,
}

/// The signers of a seal.
#[derive(Debug, Clone)]
pub enum CertificateList<'a> {
    /// Certificates, DER.
    Certificates(Vec<&'a [u8]>),
    /// Digests of certificates: the name or identifier of the algorithm, and the digest.
    Digests(Vec<(String, &'a [u8])>),
}

impl CertificateList<'_> {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Certificates(list) => list.len(),
            Self::Digests(list) => list.len(),
        }
    }

    /// Whether nobody may sign with it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a certificate is listed: octet for octet, or by a digest that does not let others be made (never MD5 or SHA-1).
    pub fn lists(&self, certificate: &[u8]) -> bool {
        match self {
            Self::Certificates(list) => list.contains(&certificate),
            Self::Digests(list) => list
                .iter()
                .any(|(algorithm, digest)| digest_algorithm(algorithm).is_some_and(|hash| hash.digest(certificate).as_slice() == *digest)),
        }
    }
}

/// The digest of a list of digests, by identifier or name.
fn digest_algorithm(name: &str) -> Option<Hash> {
    const STRONG: [Hash; 4] = [Hash::Sm3, Hash::Sha256, Hash::Sha384, Hash::Sha512];
    let plain = |text: &str| text.trim().replace(['-', '_'], "").to_ascii_lowercase();
    let by_oid = Oid::new(name.trim()).ok().as_ref().and_then(Hash::from_oid);
    by_oid.or_else(|| STRONG.into_iter().find(|hash| plain(hash.name()) == plain(name))).filter(|hash| STRONG.contains(hash))
}

/// Picture of a seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture<'a> {
    /// As the seal says: "PNG", "GIF", "ofd", …
    pub kind: String,
    /// The picture's octets.
    pub data: &'a [u8],
    /// Width in millimetres.
    pub width: u64,
    /// Height in millimetres.
    pub height: u64,
}

/// What a picture is by its first octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    /// PNG.
    Png,
    /// GIF.
    Gif,
    /// JPEG.
    Jpeg,
    /// BMP.
    Bmp,
    /// An OFD package.
    Ofd,
    /// Anything else; never shown.
    Other,
}

impl Picture<'_> {
    /// What it is, whatever it says.
    pub fn sniffed(&self) -> PictureKind {
        match self.data {
            [0x89, b'P', b'N', b'G', ..] => PictureKind::Png,
            [b'G', b'I', b'F', b'8', ..] => PictureKind::Gif,
            [0xff, 0xd8, 0xff, ..] => PictureKind::Jpeg,
            [b'B', b'M', ..] => PictureKind::Bmp,
            [b'P', b'K', 3, 4, ..] => PictureKind::Ofd,
            _ => PictureKind::Other,
        }
    }

    fn check(&self, met: &mut Deviations) {
        let said = match self.kind.trim().to_ascii_lowercase().as_str() {
            "png" => PictureKind::Png,
            "gif" => PictureKind::Gif,
            "jpg" | "jpeg" => PictureKind::Jpeg,
            "bmp" => PictureKind::Bmp,
            "ofd" => PictureKind::Ofd,
            _ => PictureKind::Other,
        };
        if said == PictureKind::Other || said != self.sniffed() {
            met.note(Deviation::PictureType);
        }
        if !(1..=1000).contains(&self.width) || !(1..=1000).contains(&self.height) {
            met.note(Deviation::PictureSize);
        }
    }
}

/// An extension (ExtData).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Which.
    pub id: Oid,
    /// Whether it must be understood.
    pub critical: bool,
    /// Its value.
    pub value: &'a [u8],
}

impl<'a> Seal<'a> {
    /// Reads a seal that fills `input`; octets after it are a deviation.
    pub fn parse(input: &'a [u8]) -> Result<Self, SealError> {
        let (value, rest) = Tlv::split(input).map_err(|error| SealError::Field("SESeal", error))?;
        let mut seal = Self::read(value)?;
        if !rest.is_empty() {
            seal.deviations.push(Deviation::TrailingOctets);
        }
        Ok(seal)
    }

    /// Reads the structure.
    pub(super) fn read(value: Tlv<'a>) -> Result<Self, SealError> {
        let value = value.expect(tag::SEQUENCE).map_err(|error| SealError::Field("SESeal", error))?;
        let mut met = Deviations::default();
        if value.indefinite {
            met.note(Deviation::Ber);
        }
        let mut fields = value.children();
        let info = expect(&mut fields, tag::SEQUENCE, "eSealInfo", &mut met)?;
        let second = next(&mut fields, "certificate of the seal's maker", &mut met)?;
        // Version 1 has one more field that holds three, the others hold them side by side.
        let seal = if fields.is_empty() {
            let (signing, wrapped) = match second.tag {
                tag::SEQUENCE => (second, false),
                tag::BIT_STRING | tag::OCTET_STRING => {
                    let octets = if second.tag == tag::BIT_STRING { bits(second, "signInfo", &mut met)? } else { second.value };
                    let inside = Tlv::parse(octets).and_then(|inside| inside.expect(tag::SEQUENCE));
                    (inside.map_err(|error| SealError::Field("signInfo", error))?, true)
                }
                _ => return Err(SealError::Field("signInfo", TlvError::Unexpected)),
            };
            if wrapped {
                met.note(Deviation::SignInfoWrapped);
            }
            let mut parts = signing.children();
            let stored = next(&mut parts, "certificate of the seal's maker", &mut met)?;
            let maker = certificate(stored, &mut met)?;
            let (algorithm, algorithm_raw) = algorithm(&mut parts, &mut met)?;
            let signature = next(&mut parts, "signature of the seal's maker", &mut met)?;
            let signature = bits(signature, "signature of the seal's maker", &mut met)?;
            end(&parts, "signInfo")?;
            Info::read(info, Version::V1, &mut met)?.seal(
                value,
                info,
                Signed { maker, algorithm, signature, timestamp: None, fields: Some([stored.raw, algorithm_raw]) },
            )
        } else {
            let maker = certificate(second, &mut met)?;
            let (algorithm, _) = algorithm(&mut fields, &mut met)?;
            let signature = next(&mut fields, "signature of the seal's maker", &mut met)?;
            let signature = bits(signature, "signature of the seal's maker", &mut met)?;
            let timestamp = timestamp(&mut fields, &mut met)?;
            end(&fields, "SESeal")?;
            let signed = Signed { maker, algorithm, signature, timestamp, fields: None };
            Info::read(info, Version::V4, &mut met)?.seal(value, info, signed)
        };
        Ok(Self { deviations: met.list(), ..seal })
    }

    /// The octets that the maker signed: eSealInfo as stored; in version 1 a SEQUENCE around eSealInfo, certificate and algorithm,
    /// each as stored. GB/T 38540-2020 §6.1, GM/T 0031-2014 §5.1.
    pub fn to_be_signed(&self) -> Cow<'a, [u8]> {
        match self.signed_fields {
            None => Cow::Borrowed(self.info),
            Some([certificate, algorithm]) => Cow::Owned(sequence(&[self.info, certificate, algorithm])),
        }
    }
}

/// `[0] EXPLICIT BIT STRING` with a time-stamp token.
pub(super) fn timestamp<'a>(fields: &mut Reader<'a>, met: &mut Deviations) -> Result<Option<&'a [u8]>, SealError> {
    const NAME: &str = "timeStamp";
    if fields.is_empty() {
        return Ok(None);
    }
    let outer = next(fields, NAME, met)?;
    let inner = match outer.tag {
        tag if tag == tag::context(0) => outer.inner().map_err(|error| SealError::Field(NAME, error))?,
        tag::BIT_STRING | tag::OCTET_STRING => {
            met.note(Deviation::BitString);
            outer
        }
        _ => return Err(SealError::Field(NAME, TlvError::Unexpected)),
    };
    match inner.tag {
        tag::SEQUENCE => {
            met.note(Deviation::BitString);
            Ok(Some(inner.raw))
        }
        _ => bits(inner, NAME, met).map(Some),
    }
}

/// The outer fields of a seal.
struct Signed<'a> {
    maker: &'a [u8],
    algorithm: Oid,
    signature: &'a [u8],
    timestamp: Option<&'a [u8]>,
    fields: Option<[&'a [u8]; 2]>,
}

/// The fields of eSealInfo.
struct Info<'a> {
    version: Version,
    header: Header,
    id: String,
    property: Property<'a>,
    picture: Picture<'a>,
    extensions: Vec<Extension<'a>>,
}

impl<'a> Info<'a> {
    fn read(info: Tlv<'a>, shape: Version, met: &mut Deviations) -> Result<Self, SealError> {
        let mut fields = info.children();
        let mut head = expect(&mut fields, tag::SEQUENCE, "header", met)?.children();
        let header = Header {
            id: text(&mut head, tag::IA5_STRING, "header.ID", met)?,
            version: number(&mut head, "header.version", met)?,
            vendor: text(&mut head, tag::IA5_STRING, "header.Vid", met)?,
        };
        end(&head, "header")?;
        if header.id != "ES" {
            met.note(Deviation::HeaderUnusual);
        }
        let version = match (shape, header.version) {
            (Version::V1, _) => Version::V1,
            (_, 5) => Version::V5,
            _ => Version::V4,
        };
        if version.number() != header.version {
            met.note(Deviation::VersionUnusual);
        }
        let id = text(&mut fields, tag::IA5_STRING, "esID", met)?;
        let property = property(expect(&mut fields, tag::SEQUENCE, "property", met)?, version, met)?;
        let picture = picture(expect(&mut fields, tag::SEQUENCE, "picture", met)?, met)?;
        let extensions = extensions(&mut fields, met)?;
        end(&fields, "eSealInfo")?;
        Ok(Self { version, header, id, property, picture, extensions })
    }

    fn seal(self, whole: Tlv<'a>, info: Tlv<'a>, signed: Signed<'a>) -> Seal<'a> {
        Seal {
            raw: whole.raw,
            version: self.version,
            header: self.header,
            id: self.id,
            property: self.property,
            picture: self.picture,
            extensions: self.extensions,
            info: info.raw,
            maker: signed.maker,
            algorithm: signed.algorithm,
            signature: signed.signature,
            timestamp: signed.timestamp,
            deviations: Vec::new(),
            signed_fields: signed.fields,
        }
    }
}

fn property<'a>(value: Tlv<'a>, version: Version, met: &mut Deviations) -> Result<Property<'a>, SealError> {
    let mut fields = value.children();
    let kind = number(&mut fields, "property.type", met)?;
    let name = text(&mut fields, tag::UTF8_STRING, "property.name", met)?;
    let named = match (version, fields.rest().first() == Some(&tag::INTEGER)) {
        (_, true) => Some(number(&mut fields, "property.certListType", met)?),
        (Version::V1, false) => Some(1),
        (_, false) => None,
    };
    let signers = signers(expect(&mut fields, tag::SEQUENCE, "property.certList", met)?, named, met)?;
    let usual = if version == Version::V1 { tag::UTC_TIME } else { tag::GENERALIZED_TIME };
    let created = date(&mut fields, usual, "property.createDate", met)?;
    let valid_from = date(&mut fields, usual, "property.validStart", met)?;
    let valid_until = date(&mut fields, usual, "property.validEnd", met)?;
    end(&fields, "property")?;
    Ok(Property { kind, name, signers, created, valid_from, valid_until })
}

fn signers<'a>(list: Tlv<'a>, named: Option<u64>, met: &mut Deviations) -> Result<CertificateList<'a>, SealError> {
    const NAME: &str = "property.certList";
    let mut fields = list.children();
    let mut certificates = Vec::new();
    let mut digests = Vec::new();
    while !fields.is_empty() {
        if certificates.len().saturating_add(digests.len()) >= MAX_SIGNERS {
            return Err(SealError::TooMany("certificates in a seal's list"));
        }
        let entry = next(&mut fields, NAME, met)?;
        match digest_entry(entry, met) {
            Some(digest) => digests.push(digest),
            None => certificates.push(certificate(entry, met)?),
        }
    }
    let (kind, list) = match (certificates.is_empty(), digests.is_empty()) {
        (false, false) => return Err(SealError::Shape("a seal's list mixes certificates and digests")),
        (true, false) => (2, CertificateList::Digests(digests)),
        _ => (1, CertificateList::Certificates(certificates)),
    };
    match named {
        None => met.note(Deviation::ListTypeMissing),
        Some(named) if named != kind && !list.is_empty() => met.note(Deviation::ListTypeWrong),
        Some(_) => {}
    }
    Ok(list)
}

/// `SEQUENCE { type PrintableString, value OCTET STRING }`; a bare certificate starts with a SEQUENCE or an INTEGER.
fn digest_entry<'a>(entry: Tlv<'a>, met: &mut Deviations) -> Option<(String, &'a [u8])> {
    let mut parts = entry.expect(tag::SEQUENCE).ok()?.children();
    let first = parts.read().ok()?;
    let digest = parts.read().ok()?;
    parts.end().ok()?;
    let algorithm = match first.tag {
        tag::PRINTABLE_STRING => String::from_utf8_lossy(first.value).into_owned(),
        tag::UTF8_STRING | tag::IA5_STRING => {
            met.note(Deviation::StringType);
            String::from_utf8_lossy(first.value).into_owned()
        }
        tag::OID => {
            met.note(Deviation::AlgorithmWrapping);
            crate::pki::signed_data::read_oid(first).ok()?.to_string()
        }
        _ => return None,
    };
    Some((algorithm, bits_or_octets(digest)?))
}

fn bits_or_octets(value: Tlv<'_>) -> Option<&[u8]> {
    match value.tag {
        tag::OCTET_STRING => Some(value.value),
        tag::BIT_STRING => value.bits().ok().map(|(_, octets)| octets),
        _ => None,
    }
}

fn picture<'a>(value: Tlv<'a>, met: &mut Deviations) -> Result<Picture<'a>, SealError> {
    let mut fields = value.children();
    let kind = text(&mut fields, tag::IA5_STRING, "picture.type", met)?;
    let data = expect(&mut fields, tag::OCTET_STRING, "picture.data", met)?.value;
    let width = number(&mut fields, "picture.width", met)?;
    let height = number(&mut fields, "picture.height", met)?;
    end(&fields, "picture")?;
    let picture = Picture { kind, data, width, height };
    picture.check(met);
    Ok(picture)
}

/// extDatas: a SEQUENCE OF, or the same in an explicit tag.
pub(super) fn extensions<'a>(fields: &mut Reader<'a>, met: &mut Deviations) -> Result<Vec<Extension<'a>>, SealError> {
    const NAME: &str = "extDatas";
    if fields.is_empty() {
        return Ok(Vec::new());
    }
    let outer = next(fields, NAME, met)?;
    let list = if outer.tag == tag::context(0) {
        let first = outer.children().read().map_err(|error| SealError::Field(NAME, error))?;
        // Implicit tagging puts the extensions themselves inside.
        let implicit = first.children().read().is_ok_and(|first| first.tag == tag::OID);
        if implicit {
            met.note(Deviation::ExtensionWrapping);
            outer
        } else {
            first
        }
    } else {
        outer.expect(tag::SEQUENCE).map_err(|error| SealError::Field(NAME, error))?
    };
    let mut found = Vec::new();
    let mut entries = list.children();
    while !entries.is_empty() {
        if found.len() >= MAX_EXTENSIONS {
            return Err(SealError::TooMany("extensions"));
        }
        let mut parts = expect(&mut entries, tag::SEQUENCE, NAME, met)?.children();
        let id = expect(&mut parts, tag::OID, NAME, met)?;
        let id = crate::pki::signed_data::read_oid(id).map_err(|error| SealError::Field(NAME, error))?;
        let flag = parts.optional(tag::BOOLEAN).map_err(|error| SealError::Field(NAME, error))?;
        let critical = flag.is_some_and(|flag| flag.value.iter().any(|octet| *octet != 0));
        let value = expect(&mut parts, tag::OCTET_STRING, NAME, met)?.value;
        end(&parts, NAME)?;
        found.push(Extension { id, critical, value });
    }
    Ok(found)
}
