//! Certification requests (PKCS#10, RFC 2986) as an authority reads them.

use super::{
    Name,
    crl::extension,
    extensions::Extension,
    signed_data::read_oid,
    tlv::{Tlv, TlvError, tag},
};
use crate::crypto::{KeyError, Oid, PublicKey, SignatureAlgorithm, VerifyError, verify};

/// extensionRequest (RFC 2985 §5.4.2).
pub const EXTENSION_REQUEST: Oid = Oid::new_unwrap("1.2.840.113549.1.9.14");

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not a CertificationRequest.
    #[error("not a certification request: {0}")]
    Malformed(#[from] TlvError),
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The requester does not hold the key.
    #[error("the request is not signed by its own key: {0}")]
    Signature(#[from] VerifyError),
}

/// A request whose signature proved that the requester holds the key.
#[derive(Debug, Clone)]
pub struct CertificationRequest {
    /// The subject asked for.
    pub subject: Name,
    /// The key.
    pub key: PublicKey,
    /// Extensions asked for.
    pub extensions: Vec<Extension>,
}

impl CertificationRequest {
    /// Reads a request and verifies its signature.
    pub fn from_der(der: &[u8]) -> Result<Self, RequestError> {
        let mut parts = Tlv::parse(der)?.expect(tag::SEQUENCE)?.children();
        let info = parts.expect(tag::SEQUENCE)?;
        let algorithm = parts.expect(tag::SEQUENCE)?;
        let (_, signature) = parts.expect(tag::BIT_STRING)?.bits()?;
        parts.end()?;
        let mut fields = info.children();
        fields.expect(tag::INTEGER)?;
        let subject = Name::from_der(fields.expect(tag::SEQUENCE)?.raw)?;
        let key = PublicKey::from_spki(fields.expect(tag::SEQUENCE)?.raw)?;
        let mut extensions = Vec::new();
        if let Some(attributes) = fields.optional(0xa0)? {
            for attribute in attributes.children() {
                let mut pair = attribute?.expect(tag::SEQUENCE)?.children();
                let (kind, values) = (read_oid(pair.read()?)?, pair.expect(tag::SET)?);
                if kind == EXTENSION_REQUEST {
                    for value in values.children().read()?.expect(tag::SEQUENCE)?.children() {
                        let (oid, critical, contents) = extension(&value?)?;
                        extensions.push(Extension { oid, critical, value: contents.to_vec() });
                    }
                }
            }
        }
        fields.end()?;
        let algorithm = SignatureAlgorithm::from_der(algorithm.raw, None, &key)?;
        verify(&key, &algorithm, info.raw, signature)?;
        Ok(Self { subject, key, extensions })
    }

    /// Reads a request from PEM or DER.
    pub fn from_pem_or_der(bytes: &[u8]) -> Result<Self, RequestError> {
        super::bundle::first(bytes, &["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"])
            .map_or_else(|| Self::from_der(bytes), |der| Self::from_der(&der))
    }
}
