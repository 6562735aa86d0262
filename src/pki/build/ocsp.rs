//! OCSP requests and responses (RFC 6960 §4).

use super::{
    certificate::{BuildError, extensions, key_id, signature_algorithm, signed},
    encode::{self, explicit, sequence, tlv},
};
use crate::{
    crypto::{Hash, PublicKey, Signer},
    moment::Moment,
    pki::{
        Certificate, Name, OcspResponse,
        extensions::{Extension, oid},
        ocsp::{BASIC, CertId, CertStatus},
        tlv::{Tlv, tag},
    },
};

/// CertID of the certificate with this serial number (contents octets) of this issuer.
pub fn cert_id(hash: Hash, issuer: &Name, issuer_key: &PublicKey, serial: &[u8]) -> Vec<u8> {
    // The digest's NULL parameters are what most responders compare with, SM3 included.
    let algorithm = sequence([encode::oid(&hash.oid()), encode::null()]);
    sequence([
        algorithm,
        encode::octet_string(&hash.digest(issuer.der())),
        encode::octet_string(&hash.digest(issuer_key.bits())),
        tlv(tag::INTEGER, serial),
    ])
}

fn nonce_extension(nonce: &[u8]) -> Extension {
    Extension { oid: oid::OCSP_NONCE, critical: false, value: nonce.to_vec() }
}

/// A request about certificates by their encoded CertIDs. `nonce` is 16 to 32 octets or empty for none (RFC 9654).
pub fn request(ids: &[Vec<u8>], nonce: &[u8]) -> Vec<u8> {
    let list = sequence(ids.iter().map(|id| sequence([id])));
    let nonce = if nonce.is_empty() { Vec::new() } else { explicit(2, &extensions(&[nonce_extension(&encode::octet_string(nonce))])) };
    sequence([sequence([list, nonce])])
}

/// A response that tells only why there is no answer: 1 malformedRequest, 2 internalError, 3 tryLater, 6 unauthorized.
pub fn refusal(status: u8) -> Vec<u8> {
    sequence([tlv(tag::ENUMERATED, &[status])])
}

/// A response in the making.
#[derive(Debug, Clone)]
pub struct OcspBuilder {
    produced_at: Moment,
    answers: Vec<Vec<u8>>,
    nonce: Option<Vec<u8>>,
    certificates: Vec<Certificate>,
    by_name: Option<Name>,
    null_parameters: bool,
}

impl OcspBuilder {
    /// A response without answers. The responder names itself by its key unless told otherwise.
    pub fn new(produced_at: Moment) -> Self {
        Self { produced_at, answers: Vec::new(), nonce: None, certificates: Vec::new(), by_name: None, null_parameters: false }
    }

    /// Adds an answer for a CertID as the request wrote it.
    pub fn answer(mut self, id: &CertId, status: CertStatus, this_update: Moment, next_update: Option<Moment>) -> Self {
        let status = match status {
            CertStatus::Good => tlv(0x80, &[]),
            CertStatus::Unknown => tlv(0x82, &[]),
            CertStatus::Revoked { at, reason } => {
                let at = encode::generalized_time(Moment::from_secs(at.secs()));
                let reason = explicit(0, &tlv(tag::ENUMERATED, &[reason.number()]));
                encode::constructed(0xa1, [at, reason])
            }
        };
        let whole = |at: Moment| encode::generalized_time(Moment::from_secs(at.secs()));
        let next = next_update.map_or_else(Vec::new, |next| explicit(0, &whole(next)));
        self.answers.push(sequence([id.raw.clone(), status, whole(this_update), next]));
        self
    }

    /// Echoes the request's nonce (its extension contents as read).
    pub fn nonce(mut self, nonce: Option<&[u8]>) -> Self {
        self.nonce = nonce.map(<[u8]>::to_vec);
        self
    }

    /// Sends a certificate along, usually the responder's own.
    pub fn certificate(mut self, certificate: &Certificate) -> Self {
        self.certificates.push(certificate.clone());
        self
    }

    /// Lets the responder name itself by its subject.
    pub fn by_name(mut self, responder: &Name) -> Self {
        self.by_name = Some(responder.clone());
        self
    }

    /// Writes NULL parameters into SM2's AlgorithmIdentifier; absent is the default.
    pub fn with_null_parameters(mut self) -> Self {
        self.null_parameters = true;
        self
    }

    /// Signs; the result is a whole OCSPResponse.
    ///
    /// # Errors
    /// The signer failed, or a value given is such that the response cannot be read back.
    pub fn sign(self, signer: &dyn Signer) -> Result<OcspResponse, BuildError> {
        let responder = match &self.by_name {
            Some(name) => tlv(0xa1, name.der()),
            None => explicit(2, &encode::octet_string(&key_id(signer.public_key()))),
        };
        let nonce = self.nonce.as_deref().map_or_else(Vec::new, |nonce| explicit(1, &extensions(&[nonce_extension(nonce)])));
        let tbs =
            sequence([responder, encode::generalized_time(Moment::from_secs(self.produced_at.secs())), sequence(&self.answers), nonce]);
        let algorithm = signature_algorithm(signer, self.null_parameters);
        let basic = signed(&tbs, &algorithm, signer)?;
        let basic = if self.certificates.is_empty() {
            basic
        } else {
            let own = Tlv::parse(&basic).map_or(&[][..], |value| value.value);
            let list = explicit(0, &sequence(self.certificates.iter().map(Certificate::der)));
            tlv(tag::SEQUENCE, &[own, &list].concat())
        };
        let bytes = sequence([encode::oid(&BASIC), encode::octet_string(&basic)]);
        let response = sequence([tlv(tag::ENUMERATED, &[0]), explicit(0, &bytes)]);
        OcspResponse::from_der(&response).map_err(|error| BuildError::Unreadable(error.to_string()))
    }
}
