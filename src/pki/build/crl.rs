//! Certificate revocation lists, as the lab's authority and the tests issue them (RFC 5280 §5).

use super::{
    certificate::{BuildError, authority_key_id, extensions, signature_algorithm, signed},
    encode::{self, explicit, sequence},
};
use crate::{
    crypto::{Oid, Signer},
    moment::Moment,
    pki::{
        Crl, Name, Reason,
        extensions::{Extension, oid},
    },
};

/// A list in the making.
#[derive(Debug, Clone)]
pub struct CrlBuilder {
    issuer: Name,
    this_update: Moment,
    next_update: Moment,
    entries: Vec<Vec<u8>>,
    extensions: Vec<Extension>,
    null_parameters: bool,
}

impl CrlBuilder {
    /// An empty list with its number (RFC 5280 §5.2.3).
    pub fn new(issuer: &Name, number: u64, this_update: Moment, next_update: Moment) -> Self {
        let number = Extension { oid: oid::CRL_NUMBER, critical: false, value: encode::small_integer(number) };
        Self { issuer: issuer.clone(), this_update, next_update, entries: Vec::new(), extensions: vec![number], null_parameters: false }
    }

    /// Adds a revoked certificate. `serial` is the contents octets of its serial number; an unspecified reason is left out.
    pub fn revoked(self, serial: &[u8], at: Moment, reason: Reason) -> Self {
        self.entry(serial, at, reason, None)
    }

    /// Adds a revoked certificate of another issuer (indirect lists).
    pub fn revoked_of(self, serial: &[u8], at: Moment, reason: Reason, issuer: &Name) -> Self {
        self.entry(serial, at, reason, Some(issuer))
    }

    fn entry(mut self, serial: &[u8], at: Moment, reason: Reason, issuer: Option<&Name>) -> Self {
        let mut list = Vec::new();
        if reason != Reason::Unspecified {
            let value = encode::tlv(crate::pki::tlv::tag::ENUMERATED, &[reason.number()]);
            list.push(Extension { oid: oid::REASON_CODE, critical: false, value });
        }
        if let Some(issuer) = issuer {
            let value = sequence([encode::tlv(0xa4, issuer.der())]);
            list.push(Extension { oid: oid::CERTIFICATE_ISSUER, critical: true, value });
        }
        let list = if list.is_empty() { Vec::new() } else { extensions(&list) };
        let serial = encode::tlv(crate::pki::tlv::tag::INTEGER, serial);
        self.entries.push(sequence([serial, encode::time(at), list]));
        self
    }

    /// Adds any list extension; `value` is the contents of extnValue.
    pub fn extension(mut self, oid: Oid, critical: bool, value: Vec<u8>) -> Self {
        self.extensions.push(Extension { oid, critical, value });
        self
    }

    /// Marks the list as a delta to the list with this number (RFC 5280 §5.2.4).
    pub fn delta_to(self, base: u64) -> Self {
        self.extension(oid::DELTA_CRL, true, encode::small_integer(base))
    }

    /// Writes NULL parameters into SM2's AlgorithmIdentifier; absent is the default.
    pub fn with_null_parameters(mut self) -> Self {
        self.null_parameters = true;
        self
    }

    /// Signs, with the signer's key as authorityKeyIdentifier.
    ///
    /// # Errors
    /// The signer failed, or a value given is such that the list cannot be read back.
    pub fn sign(self, signer: &dyn Signer) -> Result<Crl, BuildError> {
        let this = self.extension(oid::AUTHORITY_KEY_ID, false, authority_key_id(signer.public_key()));
        let algorithm = signature_algorithm(signer, this.null_parameters);
        let entries = if this.entries.is_empty() { Vec::new() } else { sequence(&this.entries) };
        let tbs = sequence([
            encode::small_integer(1),
            algorithm.identifier_der().to_vec(),
            this.issuer.der().to_vec(),
            encode::time(this.this_update),
            encode::time(this.next_update),
            entries,
            explicit(0, &extensions(&this.extensions)),
        ]);
        Crl::from_der(&signed(&tbs, &algorithm, signer)?).map_err(|error| BuildError::Unreadable(error.to_string()))
    }
}
