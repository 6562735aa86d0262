//! The Online Certificate Status Protocol (RFC 6960): requests and responses, read from the original bytes.

use super::{
    certificate::Certificate,
    crl::extension,
    extensions::oid,
    name::Name,
    revocation::{Reason, minimal_integer},
    signed_data::read_oid,
    timestamp::asn1_time,
    tlv::{Reader, Tlv, TlvError, tag},
};
use crate::{
    crypto::{Hash, Oid, PublicKey, SignatureAlgorithm, VerifyError, verify},
    moment::Moment,
};
use std::{fmt, sync::Arc};

/// id-pkix-ocsp-basic.
pub const BASIC: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.48.1.1");
/// Most answers, questions or certificates in one message.
pub const MAX_ITEMS: usize = 1024;

/// Why bytes are no usable OCSP message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OcspError {
    /// The ASN.1 is broken or shaped otherwise.
    #[error("not an OCSP message: {0}")]
    Malformed(#[from] TlvError),
    /// The responder refused: 1 malformedRequest, 2 internalError, 3 tryLater, 5 sigRequired, 6 unauthorized.
    #[error("the OCSP responder answered with status {0} and no certificate status")]
    NotSuccessful(u64),
    /// Another response type than basic.
    #[error("OCSP response type {0} is not supported")]
    Type(String),
}

/// Which certificate is asked about (RFC 6960 §4.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertId {
    /// The digest of both hashes; `None` if it is not known here.
    pub hash: Option<Hash>,
    /// Digest of the issuer's name.
    pub issuer_name_hash: Vec<u8>,
    /// Digest of the issuer's key bits.
    pub issuer_key_hash: Vec<u8>,
    /// Contents octets of the serial number.
    pub serial: Vec<u8>,
    /// The CertID as stored.
    pub raw: Vec<u8>,
}

impl CertId {
    /// Reads a CertID.
    pub fn from_tlv(value: &Tlv<'_>) -> Result<Self, TlvError> {
        let mut fields = value.expect(tag::SEQUENCE)?.children();
        let hash = Hash::from_oid(&read_oid(fields.expect(tag::SEQUENCE)?.children().read()?)?);
        let issuer_name_hash = fields.expect(tag::OCTET_STRING)?.value.to_vec();
        let issuer_key_hash = fields.expect(tag::OCTET_STRING)?.value.to_vec();
        let serial = fields.expect(tag::INTEGER)?.value.to_vec();
        fields.end()?;
        Ok(Self { hash, issuer_name_hash, issuer_key_hash, serial, raw: value.raw.to_vec() })
    }

    /// Whether this is the certificate `serial` of the issuer with this name and key. Hashes shorter than 160 bits never match.
    pub fn matches(&self, serial: &[u8], issuer: &Name, key: &PublicKey) -> bool {
        minimal_integer(&self.serial) == minimal_integer(serial) && self.is_of_issuer(issuer, key)
    }

    /// Whether the certificate asked about is of the issuer with this name and key.
    pub fn is_of_issuer(&self, issuer: &Name, key: &PublicKey) -> bool {
        self.hash
            .filter(|hash| hash.len() >= 20)
            .is_some_and(|hash| hash.digest(issuer.der()) == self.issuer_name_hash && hash.digest(key.bits()) == self.issuer_key_hash)
    }
}

/// A request as a responder reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OcspRequest {
    /// The certificates asked about.
    pub ids: Vec<CertId>,
    /// The nonce's extension contents, to be echoed.
    pub nonce: Option<Vec<u8>>,
    /// A critical extension that is not understood.
    pub unknown_critical: bool,
}

impl OcspRequest {
    /// Reads an OCSPRequest; its optional signature is not looked at.
    pub fn from_der(der: &[u8]) -> Result<Self, OcspError> {
        let tbs = Tlv::parse(der)?.expect(tag::SEQUENCE)?.children().expect(tag::SEQUENCE)?;
        let mut fields = tbs.children();
        fields.optional(0xa0)?;
        fields.optional(0xa1)?;
        let mut request = Self { ids: Vec::new(), nonce: None, unknown_critical: false };
        for single in fields.expect(tag::SEQUENCE)?.children() {
            request.ids.push(CertId::from_tlv(&single?.expect(tag::SEQUENCE)?.children().read()?)?);
            if request.ids.len() > MAX_ITEMS {
                return Err(TlvError::Length.into());
            }
        }
        if let Some(extensions) = fields.optional(0xa2)? {
            for value in extensions.inner()?.expect(tag::SEQUENCE)?.children() {
                let (oid, critical, contents) = extension(&value?)?;
                match oid {
                    oid::OCSP_NONCE => request.nonce = Some(contents.to_vec()),
                    _ => request.unknown_critical |= critical,
                }
            }
        }
        fields.end()?;
        Ok(request)
    }
}

/// What the responder says of one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertStatus {
    /// Not revoked.
    Good,
    /// Revoked.
    Revoked {
        /// When.
        at: Moment,
        /// Why.
        reason: Reason,
    },
    /// The responder does not know the certificate.
    Unknown,
}

/// The answer for one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SingleResponse {
    /// Which certificate.
    pub id: CertId,
    /// Its status.
    pub status: CertStatus,
    /// As of when.
    pub this_update: Moment,
    /// When newer information is due.
    pub next_update: Option<Moment>,
    /// Revocation is remembered back to this moment even after expiry (RFC 6960 §4.4.4).
    pub archive_cutoff: Option<Moment>,
    /// A critical extension that is not understood: the answer must not be used.
    pub unknown_critical: bool,
}

/// How the responder names itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponderId {
    /// By its subject name.
    Name(Name),
    /// By SHA-1 of its key bits.
    KeyHash(Vec<u8>),
}

/// A basic OCSP response. Cheap to clone.
#[derive(Clone)]
pub struct OcspResponse(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    tbs: Vec<u8>,
    algorithm: Vec<u8>,
    signature: Vec<u8>,
    responder: ResponderId,
    produced_at: Moment,
    responses: Vec<SingleResponse>,
    nonce: Option<Vec<u8>>,
    certificates: Vec<Certificate>,
    unknown_critical: bool,
}

impl OcspResponse {
    /// Reads an OCSPResponse, or the bare BasicOCSPResponse that signatures embed.
    pub fn from_der(der: &[u8]) -> Result<Self, OcspError> {
        let outer = Tlv::parse(der)?.expect(tag::SEQUENCE)?;
        let mut fields = outer.children();
        if let Some(status) = fields.optional(tag::ENUMERATED)? {
            let status = status.small_integer()?;
            let Some(bytes) = fields.optional(0xa0)? else { return Err(OcspError::NotSuccessful(status)) };
            fields.end()?;
            if status != 0 {
                return Err(OcspError::NotSuccessful(status));
            }
            let mut parts = bytes.inner()?.expect(tag::SEQUENCE)?.children();
            let kind = read_oid(parts.read()?)?;
            if kind != BASIC {
                return Err(OcspError::Type(kind.to_string()));
            }
            let basic = parts.expect(tag::OCTET_STRING)?;
            parts.end()?;
            return Self::basic(&Tlv::parse(basic.value)?, der);
        }
        Self::basic(&outer, der)
    }

    fn basic(value: &Tlv<'_>, der: &[u8]) -> Result<Self, OcspError> {
        let mut parts = value.expect(tag::SEQUENCE)?.children();
        let tbs = parts.expect(tag::SEQUENCE)?;
        let algorithm = parts.expect(tag::SEQUENCE)?;
        let (unused, signature) = parts.expect(tag::BIT_STRING)?.bits()?;
        let mut certificates = Vec::new();
        if let Some(list) = parts.optional(0xa0)? {
            for certificate in list.inner()?.expect(tag::SEQUENCE)?.children().take(MAX_ITEMS) {
                // A certificate that cannot be read cannot help; the signature is then found to lack its key.
                certificates.extend(Certificate::from_der(certificate?.raw).ok());
            }
        }
        parts.end()?;
        if unused != 0 {
            return Err(TlvError::Contents.into());
        }
        let mut inner = Self::data(&tbs)?;
        inner.der = der.to_vec();
        inner.algorithm = algorithm.raw.to_vec();
        inner.signature = signature.to_vec();
        inner.certificates = certificates;
        Ok(Self(Arc::new(inner)))
    }

    /// ResponseData.
    fn data(tbs: &Tlv<'_>) -> Result<Inner, OcspError> {
        let mut fields = tbs.children();
        if let Some(version) = fields.optional(0xa0)?
            && version.inner()?.small_integer()? != 0
        {
            return Err(TlvError::Contents.into());
        }
        let responder = fields.read()?;
        let responder = match responder.tag {
            0xa1 => ResponderId::Name(Name::from_der(responder.value)?),
            0xa2 => ResponderId::KeyHash(responder.inner()?.expect(tag::OCTET_STRING)?.value.to_vec()),
            _ => return Err(TlvError::Unexpected.into()),
        };
        let produced_at = asn1_time(fields.expect(tag::GENERALIZED_TIME)?)?;
        let mut responses = Vec::new();
        for value in fields.expect(tag::SEQUENCE)?.children() {
            responses.push(single(&value?)?);
            if responses.len() > MAX_ITEMS {
                return Err(TlvError::Length.into());
            }
        }
        let (mut nonce, mut unknown_critical) = (None, false);
        if let Some(extensions) = fields.optional(0xa1)? {
            for value in extensions.inner()?.expect(tag::SEQUENCE)?.children() {
                let (oid, critical, contents) = extension(&value?)?;
                match oid {
                    oid::OCSP_NONCE => nonce = Some(contents.to_vec()),
                    _ => unknown_critical |= critical,
                }
            }
        }
        fields.end()?;
        Ok(Inner {
            der: Vec::new(),
            tbs: tbs.raw.to_vec(),
            algorithm: Vec::new(),
            signature: Vec::new(),
            responder,
            produced_at,
            responses,
            nonce,
            certificates: Vec::new(),
            unknown_critical,
        })
    }

    /// The response as it was given.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// ResponseData as stored: what the responder signed.
    pub fn tbs(&self) -> &[u8] {
        &self.0.tbs
    }

    /// The signature's AlgorithmIdentifier as stored.
    pub fn signature_algorithm_der(&self) -> &[u8] {
        &self.0.algorithm
    }

    /// How the responder names itself.
    pub fn responder(&self) -> &ResponderId {
        &self.0.responder
    }

    /// When the response was signed.
    pub fn produced_at(&self) -> Moment {
        self.0.produced_at
    }

    /// The answers.
    pub fn responses(&self) -> &[SingleResponse] {
        &self.0.responses
    }

    /// The nonce's extension contents.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.0.nonce.as_deref()
    }

    /// Certificates that come with the response, usually the responder's.
    pub fn certificates(&self) -> &[Certificate] {
        &self.0.certificates
    }

    /// A critical extension that is not understood: the response must not be used.
    pub fn unknown_critical(&self) -> bool {
        self.0.unknown_critical
    }

    /// Whether the responder's identifier names this certificate.
    pub fn is_by(&self, certificate: &Certificate) -> bool {
        match self.responder() {
            ResponderId::Name(name) => name == certificate.subject(),
            ResponderId::KeyHash(hash) => certificate.key_hash_sha1().is_some_and(|own| own == *hash),
        }
    }

    /// Verifies the signature over the bytes as stored.
    pub fn verify_signed_by(&self, key: &PublicKey) -> Result<SignatureAlgorithm, VerifyError> {
        let algorithm = SignatureAlgorithm::from_der(&self.0.algorithm, None, key)?;
        verify(key, &algorithm, &self.0.tbs, &self.0.signature)?;
        Ok(algorithm)
    }
}

impl PartialEq for OcspResponse {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for OcspResponse {}

impl fmt::Debug for OcspResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OcspResponse({} answers, produced {})", self.0.responses.len(), self.produced_at())
    }
}

fn single(value: &Tlv<'_>) -> Result<SingleResponse, TlvError> {
    let mut fields = value.expect(tag::SEQUENCE)?.children();
    let id = CertId::from_tlv(&fields.read()?)?;
    let status = fields.read()?;
    let status = match status.tag {
        0x80 => CertStatus::Good,
        0xa1 => {
            let mut parts: Reader<'_> = status.children();
            let at = asn1_time(parts.expect(tag::GENERALIZED_TIME)?)?;
            let reason = match parts.optional(0xa0)? {
                Some(reason) => u8::try_from(reason.inner()?.expect(tag::ENUMERATED)?.small_integer()?).unwrap_or(0),
                None => 0,
            };
            CertStatus::Revoked { at, reason: Reason::from_number(reason) }
        }
        0x82 => CertStatus::Unknown,
        _ => return Err(TlvError::Unexpected),
    };
    let this_update = asn1_time(fields.expect(tag::GENERALIZED_TIME)?)?;
    let next_update = fields.optional(0xa0)?.map(|next| asn1_time(next.inner()?)).transpose()?;
    let (mut archive_cutoff, mut unknown_critical) = (None, false);
    if let Some(extensions) = fields.optional(0xa1)? {
        for value in extensions.inner()?.expect(tag::SEQUENCE)?.children() {
            let (oid, critical, contents) = extension(&value?)?;
            match oid {
                oid::ARCHIVE_CUTOFF => archive_cutoff = asn1_time(Tlv::parse(contents)?).ok(),
                _ => unknown_critical |= critical,
            }
        }
    }
    fields.end()?;
    Ok(SingleResponse { id, status, this_update, next_update, archive_cutoff, unknown_critical })
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)) {
            let _ = OcspResponse::from_der(&bytes);
            let _ = OcspRequest::from_der(&bytes);
        }
    }
}
