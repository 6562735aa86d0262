//! Building CMS SignedData for one signer (RFC 5652, GB/T 35275-2017), in two steps, so that the key may live elsewhere.
//!
//! [`prepare`] fixes everything the signature covers and gives the octets to sign; [`ToBeSigned::finish`] takes the signature
//! value; [`Signed::encode`] adds unsigned attributes (a time-stamp over that value) and writes the ContentInfo.
//!
//! Two dialects exist for SM2: the PKCS#7 object identifiers (what BouncyCastle writes) and those of GB/T 35275 (what Chinese
//! seal and PDF products write). They differ in content types, versions and the name of the signature algorithm.

use super::encode::{algorithm, constructed, explicit, octet_string, oid, sequence, set_of, small_integer, time, tlv};
use crate::crypto::{Hash, Oid, SignError, SignatureAlgorithm, Signer};
use crate::moment::Moment;
pub use crate::pki::signed_data::Dialect;
use crate::pki::signed_data::oid as oids;
use crate::pki::tlv::{Tlv, TlvError, tag};

/// SM2 for signing, as GB/T 35275 names a signature algorithm: by the key's use, not by the pair of algorithms.
const GM_SM2_SIGN: Oid = Oid::new_unwrap("1.2.156.10197.1.301.1");

/// What is signed.
#[derive(Debug, Clone)]
pub enum Content<'a> {
    /// Carried inside.
    Attached(&'a [u8]),
    /// Kept elsewhere; its digest under [`SignedDataSpec::digest`].
    Detached(Vec<u8>),
}

/// Everything a signature will say.
#[derive(Debug, Clone)]
pub struct SignedDataSpec<'a> {
    /// Object identifiers written.
    pub dialect: Dialect,
    /// Type of the content; `None` for plain data in the dialect's own name.
    pub content_type: Option<Oid>,
    /// The content or its digest.
    pub content: Content<'a>,
    /// Digest of the content and of the signing certificate's reference.
    pub digest: Hash,
    /// How the key signs.
    pub algorithm: &'a SignatureAlgorithm,
    /// The signer's certificate, DER.
    pub certificate: &'a [u8],
    /// Further certificates stored for the verifier's path, DER.
    pub chain: &'a [Vec<u8>],
    /// Whether any certificate is stored.
    pub embed: bool,
    /// The signing-time attribute (CAdES wants it, PAdES forbids it: EN 319 142-1 section 6.3).
    pub signing_time: Option<Moment>,
    /// ESS signing-certificate-v2 (RFC 5035), with issuer and serial if the flag is true.
    pub signing_certificate: Option<IssuerSerial>,
    /// More signed attributes, encoded.
    pub attributes: Vec<Vec<u8>>,
}

/// Whether the signing-certificate reference also names issuer and serial number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IssuerSerial {
    /// Digest alone.
    Omitted,
    /// With issuer and serial number.
    Included,
}

impl<'a> SignedDataSpec<'a> {
    /// A CAdES-like signature over `content`: signing-certificate-v2 present, no signing time.
    pub fn new(algorithm: &'a SignatureAlgorithm, certificate: &'a [u8], content: Content<'a>) -> Self {
        Self {
            dialect: Dialect::Cms,
            content_type: None,
            content,
            digest: digest_for(algorithm),
            algorithm,
            certificate,
            chain: &[],
            embed: true,
            signing_time: None,
            signing_certificate: Some(IssuerSerial::Omitted),
            attributes: Vec::new(),
        }
    }
}

/// The digest that goes with a signature algorithm: its own, or SHA-512 for Ed25519 (RFC 8419 section 3).
pub fn digest_for(algorithm: &SignatureAlgorithm) -> Hash {
    algorithm.hash().unwrap_or(Hash::Sha512)
}

/// An attribute with one value.
pub fn attribute(kind: &Oid, value: &[u8]) -> Vec<u8> {
    sequence([oid(kind), tlv(tag::SET, value)])
}

/// A signature fixed but for its value.
#[derive(Debug, Clone)]
pub struct ToBeSigned {
    message: Vec<u8>,
    dialect: Dialect,
    content_type: Oid,
    attached: Option<Vec<u8>>,
    digest: Vec<u8>,
    signature_algorithm: Vec<u8>,
    identifier: Vec<u8>,
    certificates: Vec<Vec<u8>>,
}

/// Fixes what the signature covers (RFC 5652 section 5.4). An error if the certificate cannot be read.
pub fn prepare(spec: &SignedDataSpec<'_>) -> Result<ToBeSigned, TlvError> {
    let (issuer, serial) = issuer_and_serial(spec.certificate)?;
    let content_type = spec.content_type.unwrap_or(match spec.dialect {
        Dialect::Cms => oids::DATA,
        Dialect::Gm => oids::GM_DATA,
    });
    let (attached, digest) = match &spec.content {
        Content::Attached(bytes) => (Some(bytes.to_vec()), spec.digest.digest(bytes)),
        Content::Detached(digest) => (None, digest.clone()),
    };
    let mut attributes =
        vec![attribute(&oids::CONTENT_TYPE, &oid(&content_type)), attribute(&oids::MESSAGE_DIGEST, &octet_string(&digest))];
    attributes.extend(spec.signing_time.map(|at| attribute(&oids::SIGNING_TIME, &time(at))));
    attributes.extend(spec.signing_certificate.map(|form| signing_certificate(spec.certificate, issuer, serial, spec.digest, form)));
    attributes.extend(spec.attributes.iter().cloned());
    let mut certificates = Vec::new();
    if spec.embed {
        for certificate in std::iter::once(spec.certificate).chain(spec.chain.iter().map(Vec::as_slice)) {
            if !certificates.iter().any(|stored: &Vec<u8>| stored == certificate) {
                certificates.push(certificate.to_vec());
            }
        }
    }
    Ok(ToBeSigned {
        message: set_of(attributes),
        dialect: spec.dialect,
        content_type,
        attached,
        digest: algorithm(&spec.digest.oid()),
        signature_algorithm: match spec.dialect {
            Dialect::Cms => spec.algorithm.identifier_der().to_vec(),
            Dialect::Gm => algorithm(&GM_SM2_SIGN),
        },
        identifier: sequence([issuer, serial]),
        certificates,
    })
}

/// Issuer and serial number of a certificate, as stored (RFC 5280 section 4.1).
fn issuer_and_serial(certificate: &[u8]) -> Result<(&[u8], &[u8]), TlvError> {
    let mut fields = Tlv::parse(certificate)?.expect(tag::SEQUENCE)?.children().expect(tag::SEQUENCE)?.children();
    fields.optional(tag::context(0))?;
    let serial = fields.expect(tag::INTEGER)?.raw;
    fields.expect(tag::SEQUENCE)?;
    Ok((fields.expect(tag::SEQUENCE)?.raw, serial))
}

/// RFC 5035 section 4: the digest algorithm is left out when it is SHA-256, its DEFAULT.
fn signing_certificate(certificate: &[u8], issuer: &[u8], serial: &[u8], digest: Hash, form: IssuerSerial) -> Vec<u8> {
    let mut id = Vec::new();
    if digest != Hash::Sha256 {
        id.push(algorithm(&digest.oid()));
    }
    id.push(octet_string(&digest.digest(certificate)));
    if form == IssuerSerial::Included {
        id.push(sequence([sequence([explicit(4, issuer)]), serial.to_vec()]));
    }
    attribute(&oids::SIGNING_CERTIFICATE_V2, &sequence([sequence([sequence(id)])]))
}

impl ToBeSigned {
    /// The octets to sign: DER of the signed attributes as SET OF.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Takes the signature value over [`Self::message`], as it stands in CMS (DER pair for SM2 and ECDSA).
    pub fn finish(self, signature: Vec<u8>) -> Signed {
        Signed { fixed: self, signature }
    }

    /// Signs with a key at hand.
    pub fn sign(self, signer: &dyn Signer) -> Result<Signed, SignError> {
        let signature = signer.sign(&self.message)?;
        Ok(self.finish(signature))
    }
}

/// A signature complete but for unsigned attributes.
#[derive(Debug)]
pub struct Signed {
    fixed: ToBeSigned,
    signature: Vec<u8>,
}

impl Signed {
    /// The signature value: what a signature time-stamp is asked for (EN 319 122-1 section 5.3).
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// ContentInfo, with a signature time-stamp token if there is one.
    pub fn encode(&self, time_stamp: Option<&[u8]>) -> Vec<u8> {
        let unsigned: Vec<_> = time_stamp.map(|token| attribute(&oids::SIGNATURE_TIMESTAMP, token)).into_iter().collect();
        self.encode_with(unsigned)
    }

    /// ContentInfo with unsigned attributes, each encoded.
    pub fn encode_with(&self, unsigned: Vec<Vec<u8>>) -> Vec<u8> {
        let fixed = &self.fixed;
        let mut content = vec![oid(&fixed.content_type)];
        content.extend(fixed.attached.as_ref().map(|bytes| explicit(0, &octet_string(bytes))));
        // The signed attributes stand under [0] IMPLICIT with the contents of the SET that was signed.
        let mut signed_attributes = fixed.message.clone();
        if let Some(first) = signed_attributes.first_mut() {
            *first = tag::context(0);
        }
        let mut signer = vec![
            small_integer(1),
            fixed.identifier.clone(),
            fixed.digest.clone(),
            signed_attributes,
            fixed.signature_algorithm.clone(),
            octet_string(&self.signature),
        ];
        if !unsigned.is_empty() {
            let mut set = set_of(unsigned);
            if let Some(first) = set.first_mut() {
                *first = tag::context(1);
            }
            signer.push(set);
        }
        // RFC 5652 section 5.1: version 3 for any content but plain data; GB/T 35275 knows version 1 alone.
        let version = if fixed.dialect == Dialect::Cms && fixed.content_type != oids::DATA { 3 } else { 1 };
        let mut data = vec![small_integer(version), set_of([fixed.digest.clone()]), sequence(content)];
        if !fixed.certificates.is_empty() {
            data.push(constructed(tag::context(0), &fixed.certificates));
        }
        data.push(set_of([sequence(signer)]));
        let outer = match fixed.dialect {
            Dialect::Cms => oids::SIGNED_DATA,
            Dialect::Gm => oids::GM_SIGNED_DATA,
        };
        sequence([oid(&outer), explicit(0, &sequence(data))])
    }
}
