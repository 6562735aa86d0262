//! SignedData: the frame of CMS, PKCS#7 and GB/T 35275 signatures, read from BER or DER with the original slices kept.
//!
//! RFC 5652 §5, RFC 2315 §9 (content that is no OCTET STRING), GB/T 35275-2017 §7 (its own content-type identifiers, `digestEncryptionAlgorithm`
//! naming the key instead of the signature). Nothing is verified here and nothing is re-encoded: `doc::cms` does the checks.

use super::tlv::{Reader, Tlv, TlvError, tag};
use der::asn1::ObjectIdentifier as Oid;
use std::borrow::Cow;

/// Object identifiers of the frame and of its attributes.
pub mod oid {
    #![allow(missing_docs)]
    use super::Oid;

    pub const DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.1");
    pub const SIGNED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.2");
    pub const GM_DATA: Oid = Oid::new_unwrap("1.2.156.10197.6.1.4.2.1");
    pub const GM_SIGNED_DATA: Oid = Oid::new_unwrap("1.2.156.10197.6.1.4.2.2");
    pub const TST_INFO: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.1.4");
    pub const CONTENT_TYPE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.3");
    pub const MESSAGE_DIGEST: Oid = Oid::new_unwrap("1.2.840.113549.1.9.4");
    pub const SIGNING_TIME: Oid = Oid::new_unwrap("1.2.840.113549.1.9.5");
    pub const COUNTER_SIGNATURE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.6");
    pub const SIGNING_CERTIFICATE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.12");
    pub const SIGNING_CERTIFICATE_V2: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.47");
    pub const OTHER_SIGNING_CERTIFICATE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.19");
    pub const SIGNATURE_TIMESTAMP: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.14");
    pub const CONTENT_TIMESTAMP: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.20");
    pub const SIGNATURE_POLICY: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.15");
    pub const CERTIFICATE_VALUES: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.23");
    pub const REVOCATION_VALUES: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.24");
    pub const CERT_CRL_TIMESTAMP: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.26");
    pub const ESC_TIMESTAMP: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.25");
    pub const ARCHIVE_TIMESTAMP: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.27");
    pub const ARCHIVE_TIMESTAMP_V2: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.48");
    pub const ARCHIVE_TIMESTAMP_V3: Oid = Oid::new_unwrap("0.4.0.1733.2.4");
    pub const ATS_HASH_INDEX: Oid = Oid::new_unwrap("0.4.0.1733.2.5");
    pub const ATS_HASH_INDEX_V2: Oid = Oid::new_unwrap("0.4.0.19122.1.4");
    pub const ATS_HASH_INDEX_V3: Oid = Oid::new_unwrap("0.4.0.19122.1.5");
    pub const LONG_TERM_VALIDATION: Oid = Oid::new_unwrap("0.4.0.1733.2.2");
    pub const EVIDENCE_RECORD_INTERNAL: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.49");
    pub const EVIDENCE_RECORD_EXTERNAL: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.50");
    pub const SIGNER_ATTRIBUTES_V2: Oid = Oid::new_unwrap("0.4.0.19122.1.1");
    pub const SIGNER_ATTRIBUTES: Oid = Oid::new_unwrap("1.2.840.113549.1.9.16.2.18");
    pub const ALGORITHM_PROTECTION: Oid = Oid::new_unwrap("1.2.840.113549.1.9.52");
    pub const ADOBE_REVOCATION: Oid = Oid::new_unwrap("1.2.840.113583.1.1.8");
    pub const OCSP_RESPONSE: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.16.2");
    pub const OCSP_BASIC: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.48.1.1");
}

/// Most signers one SignedData may carry; more is refused (bounded work).
pub const MAX_SIGNERS: usize = 32;
/// Most certificates, CRLs and OCSP responses of each kind that are read.
pub const MAX_ITEMS: usize = 512;
/// Most attributes of one signer, and values of one attribute.
pub const MAX_ATTRIBUTES: usize = 128;

/// Why bytes are no SignedData.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedDataError {
    /// The ASN.1 itself is broken or shaped otherwise.
    #[error("not a SignedData: {0}")]
    Asn1(#[from] TlvError),
    /// A ContentInfo of another type (enveloped data and so on).
    #[error("the content type {0} is not SignedData")]
    OtherType(Oid),
    /// More signers, certificates or attributes than are read.
    #[error("more {0} than are read")]
    TooMany(&'static str),
    /// A field that the standard demands or forbids.
    #[error("{0}")]
    Shape(&'static str),
}

/// Which family of identifiers the frame uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `1.2.840.113549.1.7.2`: PKCS#7 and CMS.
    Cms,
    /// `1.2.156.10197.6.1.4.2.2`: GB/T 35275 (GM/T 0010).
    Gm,
}

/// A SignedData with slices of the original octets.
#[derive(Debug, Clone)]
pub struct SignedData<'a> {
    /// Which identifiers the outer frame uses.
    pub dialect: Dialect,
    /// The version field.
    pub version: u64,
    /// `eContentType`, or the type of the inner PKCS#7 ContentInfo.
    pub content_type: Oid,
    /// The same as stored.
    pub content_type_raw: &'a [u8],
    /// The contents octets of the encapsulated content, pieces joined; `None` if the signature is detached.
    pub content: Option<Cow<'a, [u8]>>,
    /// Certificates as stored; attribute certificates and other kinds are only counted.
    pub certificates: Vec<&'a [u8]>,
    /// Certificates of kinds that are not X.509 public-key certificates.
    pub other_certificates: usize,
    /// Certificates of all kinds as stored.
    pub certificate_items: Vec<&'a [u8]>,
    /// CRLs and other revocation data of all kinds as stored.
    pub revocation_items: Vec<&'a [u8]>,
    /// CRLs as stored.
    pub crls: Vec<&'a [u8]>,
    /// OCSP responses carried beside the CRLs (RFC 5940), whole or only the basic response.
    pub ocsps: Vec<&'a [u8]>,
    /// One for each signer.
    pub signers: Vec<SignerInfo<'a>>,
}

/// How a signer's certificate is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignerId<'a> {
    /// Issuer name (whole SEQUENCE) and serial number (contents of the INTEGER).
    IssuerAndSerial {
        /// DER of the issuer's Name.
        issuer: &'a [u8],
        /// Contents octets of the serial number.
        serial: &'a [u8],
    },
    /// Subject key identifier.
    KeyId(&'a [u8]),
}

/// One signer.
#[derive(Debug, Clone)]
pub struct SignerInfo<'a> {
    /// Everything from the version to the signature value, as stored.
    pub core: &'a [u8],
    /// The version field.
    pub version: u64,
    /// Which certificate.
    pub id: SignerId<'a>,
    /// AlgorithmIdentifier of the digest, as stored.
    pub digest_algorithm: &'a [u8],
    /// Signed (authenticated) attributes.
    pub signed: Option<Attributes<'a>>,
    /// AlgorithmIdentifier of the signature, as stored.
    pub signature_algorithm: &'a [u8],
    /// The signature value.
    pub signature: Cow<'a, [u8]>,
    /// Unsigned (unauthenticated) attributes.
    pub unsigned: Option<Attributes<'a>>,
}

/// A set of attributes.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    /// The implicitly tagged set as stored, tag and length included.
    pub raw: Tlv<'a>,
    /// The attributes in stored order.
    pub list: Vec<Attribute<'a>>,
}

/// One attribute.
#[derive(Debug, Clone)]
pub struct Attribute<'a> {
    /// The type.
    pub oid: Oid,
    /// The type as stored.
    pub oid_raw: &'a [u8],
    /// The whole attribute as stored.
    pub raw: &'a [u8],
    /// Its values in stored order.
    pub values: Vec<Tlv<'a>>,
}

impl<'a> SignedData<'a> {
    /// Reads a ContentInfo that fills `input`.
    pub fn parse(input: &'a [u8]) -> Result<Self, SignedDataError> {
        Self::from_tlv(Tlv::parse(input)?)
    }

    /// Reads a ContentInfo at the start of `input`; octets after it are returned (a PDF pads `/Contents` with zeros).
    pub fn parse_prefix(input: &'a [u8]) -> Result<(Self, &'a [u8]), SignedDataError> {
        let (tlv, rest) = Tlv::split(input)?;
        Ok((Self::from_tlv(tlv)?, rest))
    }

    /// Reads a file: a ContentInfo, or the SignedData alone as some programs store it, bare or still in the explicit tag of a
    /// ContentInfo. Octets after it are returned.
    pub fn parse_file(input: &'a [u8]) -> Result<(Self, &'a [u8]), SignedDataError> {
        let (outer, rest) = Tlv::split(input)?;
        let body = if outer.tag == tag::context(0) { outer.inner()? } else { outer };
        if body.children().read()?.tag != tag::INTEGER {
            return Ok((Self::from_tlv(outer)?, rest));
        }
        let mut data = Self::body(Dialect::Cms, body.expect(tag::SEQUENCE)?)?;
        if data.content_type == oid::GM_DATA {
            data.dialect = Dialect::Gm;
        }
        Ok((data, rest))
    }

    fn from_tlv(content_info: Tlv<'a>) -> Result<Self, SignedDataError> {
        let mut fields = content_info.expect(tag::SEQUENCE)?.children();
        let content_type = read_oid(fields.expect(tag::OID)?)?;
        let dialect = match content_type {
            oid::SIGNED_DATA => Dialect::Cms,
            oid::GM_SIGNED_DATA => Dialect::Gm,
            other => return Err(SignedDataError::OtherType(other)),
        };
        let body = fields.expect(tag::context(0))?.inner()?.expect(tag::SEQUENCE)?;
        fields.end()?;
        Self::body(dialect, body)
    }

    fn body(dialect: Dialect, body: Tlv<'a>) -> Result<Self, SignedDataError> {
        let mut fields = body.children();
        let version = fields.expect(tag::INTEGER)?.small_integer()?;
        let _digest_algorithms = fields.expect(tag::SET)?;
        let (content_type, content_type_raw, content) = encapsulated(fields.expect(tag::SEQUENCE)?)?;
        let mut data = Self {
            dialect,
            version,
            content_type,
            content_type_raw,
            content,
            certificates: Vec::new(),
            other_certificates: 0,
            certificate_items: Vec::new(),
            revocation_items: Vec::new(),
            crls: Vec::new(),
            ocsps: Vec::new(),
            signers: Vec::new(),
        };
        if let Some(set) = fields.optional(tag::context(0))? {
            data.read_certificates(set)?;
        }
        if let Some(set) = fields.optional(tag::context(1))? {
            data.read_revocations(set)?;
        }
        for signer in fields.expect(tag::SET)?.children() {
            if data.signers.len() >= MAX_SIGNERS {
                return Err(SignedDataError::TooMany("signers"));
            }
            data.signers.push(SignerInfo::parse(signer?)?);
        }
        fields.end()?;
        Ok(data)
    }

    /// RFC 5652 §10.2.2.
    fn read_certificates(&mut self, set: Tlv<'a>) -> Result<(), SignedDataError> {
        for item in set.children() {
            let item = item?;
            if self.certificate_items.len() < 2 * MAX_ITEMS {
                self.certificate_items.push(item.raw);
            }
            if item.tag != tag::SEQUENCE {
                self.other_certificates += 1;
            } else if self.certificates.len() >= MAX_ITEMS {
                return Err(SignedDataError::TooMany("certificates"));
            } else {
                self.certificates.push(item.raw);
            }
        }
        Ok(())
    }

    /// RFC 5652 §10.2.1, RFC 5940 §2.
    fn read_revocations(&mut self, set: Tlv<'a>) -> Result<(), SignedDataError> {
        for item in set.children() {
            let item = item?;
            if self.crls.len() + self.ocsps.len() >= MAX_ITEMS {
                return Err(SignedDataError::TooMany("CRLs"));
            }
            if self.revocation_items.len() < 2 * MAX_ITEMS {
                self.revocation_items.push(item.raw);
            }
            if item.tag == tag::SEQUENCE {
                self.crls.push(item.raw);
            } else if item.tag == tag::context(1) {
                let mut fields = item.children();
                let format = read_oid(fields.expect(tag::OID)?)?;
                let value = fields.read()?;
                if matches!(format, oid::OCSP_RESPONSE | oid::OCSP_BASIC) {
                    self.ocsps.push(value.raw);
                }
            }
        }
        Ok(())
    }
}

/// The type of the content, read and as stored, and its octets if it is inside.
type Encapsulated<'a> = (Oid, &'a [u8], Option<Cow<'a, [u8]>>);

/// EncapsulatedContentInfo, or the ContentInfo of PKCS#7 whose content may be of any type.
fn encapsulated(info: Tlv<'_>) -> Result<Encapsulated<'_>, SignedDataError> {
    let mut fields = info.children();
    let content_type_raw = fields.expect(tag::OID)?;
    let content_type = read_oid(content_type_raw)?;
    let content = match fields.optional(tag::context(0))? {
        None => None,
        Some(explicit) => {
            let inner = explicit.inner()?;
            // Plain data is an OCTET STRING in every dialect; RFC 2315 §9.3 knows other contents, of which the contents octets are digested.
            let octets = inner.tag & 0xdf == tag::OCTET_STRING;
            if !octets && (inner.tag != tag::SEQUENCE || matches!(content_type, oid::DATA | oid::GM_DATA | oid::TST_INFO)) {
                return Err(TlvError::Unexpected.into());
            }
            Some(if octets { inner.octets()? } else { inner.value.into() })
        }
    };
    fields.end()?;
    Ok((content_type, content_type_raw.raw, content))
}

impl<'a> SignerInfo<'a> {
    /// Reads one SignerInfo (also the form a counter-signature takes, RFC 5652 §11.4).
    pub fn parse(info: Tlv<'a>) -> Result<Self, SignedDataError> {
        let mut fields = info.expect(tag::SEQUENCE)?.children();
        let whole = fields.rest();
        let version = fields.expect(tag::INTEGER)?.small_integer()?;
        let sid = fields.read()?;
        let id = match sid.tag {
            tag::SEQUENCE => {
                let mut parts = sid.children();
                let issuer = parts.expect(tag::SEQUENCE)?.raw;
                let serial = parts.expect(tag::INTEGER)?.value;
                parts.end()?;
                SignerId::IssuerAndSerial { issuer, serial }
            }
            tag if tag == tag::context_primitive(0) => SignerId::KeyId(sid.value),
            tag if tag == tag::context(0) => SignerId::KeyId(sid.inner()?.expect(tag::OCTET_STRING)?.value),
            _ => return Err(SignedDataError::Shape("the signer is named in no known way")),
        };
        let digest_algorithm = fields.expect(tag::SEQUENCE)?.raw;
        let signed = fields.optional(tag::context(0))?.map(Attributes::parse).transpose()?;
        let signature_algorithm = fields.expect(tag::SEQUENCE)?.raw;
        let value = fields.read()?;
        if value.tag & 0xdf != tag::OCTET_STRING {
            return Err(SignedDataError::Asn1(TlvError::Unexpected));
        }
        let signature = value.octets()?;
        let core = whole.get(..whole.len().saturating_sub(fields.rest().len())).unwrap_or_default();
        let unsigned = fields.optional(tag::context(1))?.map(Attributes::parse).transpose()?;
        fields.end()?;
        Ok(Self { core, version, id, digest_algorithm, signed, signature_algorithm, signature, unsigned })
    }
}

impl<'a> Attributes<'a> {
    fn parse(raw: Tlv<'a>) -> Result<Self, SignedDataError> {
        let mut list = Vec::new();
        for attribute in raw.children() {
            if list.len() >= MAX_ATTRIBUTES {
                return Err(SignedDataError::TooMany("attributes"));
            }
            let attribute = attribute?.expect(tag::SEQUENCE)?;
            let mut fields = attribute.children();
            let oid_raw = fields.expect(tag::OID)?;
            let oid = read_oid(oid_raw)?;
            let set = fields.expect(tag::SET)?;
            fields.end()?;
            let mut values = Vec::new();
            for value in set.children() {
                if values.len() >= MAX_ATTRIBUTES {
                    return Err(SignedDataError::TooMany("attribute values"));
                }
                values.push(value?);
            }
            list.push(Attribute { oid, oid_raw: oid_raw.raw, raw: attribute.raw, values });
        }
        Ok(Self { raw, list })
    }

    /// Every attribute of this type.
    pub fn all(&self, oid: Oid) -> impl Iterator<Item = &Attribute<'a>> {
        self.list.iter().filter(move |attribute| attribute.oid == oid)
    }

    /// The values of every attribute of this type.
    pub fn values(&self, oid: Oid) -> impl Iterator<Item = Tlv<'a>> {
        self.all(oid).flat_map(|attribute| attribute.values.iter().copied())
    }

    /// The only value of the only attribute of this type; `Err` if it stands more than once (RFC 5652 §11).
    pub fn single(&self, oid: Oid) -> Result<Option<Tlv<'a>>, SignedDataError> {
        let mut found = self.all(oid);
        let Some(attribute) = found.next() else { return Ok(None) };
        match (attribute.values.as_slice(), found.next()) {
            ([value], None) => Ok(Some(*value)),
            _ => Err(SignedDataError::Shape("an attribute that must be single-valued stands more than once")),
        }
    }

    /// The octets that are signed: the set as stored, with the tag of a SET (RFC 5652 §5.4).
    pub fn signed_bytes(&self) -> Vec<u8> {
        if self.raw.indefinite {
            return set_of(self.list.iter().map(|attribute| attribute.raw), self.raw.value.len());
        }
        let mut bytes = self.raw.raw.to_vec();
        if let Some(first) = bytes.first_mut() {
            *first = tag::SET;
        }
        bytes
    }

    /// The same attributes in DER order, if that differs from the stored order: what a signer hashed that sorted the set
    /// for signing and stored it unsorted (X.690 §11.6).
    pub fn sorted_bytes(&self) -> Option<Vec<u8>> {
        let mut sorted: Vec<&[u8]> = self.list.iter().map(|attribute| attribute.raw).collect();
        sorted.sort_unstable();
        let bytes = set_of(sorted.into_iter(), self.raw.value.len());
        (bytes != self.signed_bytes()).then_some(bytes)
    }
}

/// A SET OF with a DER length around elements as stored.
fn set_of<'a>(elements: impl Iterator<Item = &'a [u8]>, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    bytes.push(tag::SET);
    if let (Ok(short), true) = (u8::try_from(length), length < 0x80) {
        bytes.push(short);
    } else {
        let octets = length.to_be_bytes();
        let significant: Vec<u8> = octets.into_iter().skip_while(|octet| *octet == 0).collect();
        bytes.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
        bytes.extend(significant);
    }
    elements.for_each(|element| bytes.extend_from_slice(element));
    bytes
}

/// An OBJECT IDENTIFIER; one that is longer than 39 octets is refused.
pub fn read_oid(value: Tlv<'_>) -> Result<Oid, TlvError> {
    Oid::from_bytes(value.expect(tag::OID)?.value).map_err(|_| TlvError::Contents)
}

/// The OID of an AlgorithmIdentifier.
pub fn algorithm_oid(identifier: &[u8]) -> Option<Oid> {
    let mut fields = Tlv::parse(identifier).ok()?.children();
    read_oid(fields.read().ok()?).ok()
}

/// Certificates of a "certs-only" SignedData or of a bare PKCS#7 bag (`.p7b`).
pub fn bag(input: &[u8]) -> Result<Vec<&[u8]>, SignedDataError> {
    SignedData::parse(input).map(|data| data.certificates)
}

/// Reads concatenated certificates or any other values: one slice for each.
pub fn values(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    Reader::new(input).map_while(Result::ok).map(|value| value.raw)
}
