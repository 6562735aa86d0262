//! Authorities' certificates come again with every document; they are read once.
//!
//! What is read depends on the octets alone and is known by them: by their SHA-256, and they are compared. Whether a certificate
//! is to be believed is not remembered here. Only authorities' are kept, in bounded number: nobody's own certificate stays in
//! memory because a document was looked at.

use super::certificate::{Certificate, CertificateError};
use crate::crypto::Generations;
use sha2::{Digest as _, Sha256};
use std::sync::{LazyLock, Mutex, PoisonError};

/// The largest certificate that is kept.
const LARGEST: usize = 8 * 1024;
/// Certificates in one generation.
const GENERATION: usize = 256;

type Known = Generations<[u8; 32], Certificate>;

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(|| Mutex::new(Known::new(GENERATION)));

impl Certificate {
    /// As [`Self::from_der`], for a certificate that is likely to come again.
    pub fn familiar(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > LARGEST {
            return Self::from_der(der);
        }
        let name: [u8; 32] = Sha256::digest(der).into();
        let known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(&name);
        if let Some(known) = known.filter(|known| known.der() == der) {
            return Ok(known);
        }
        let read = Self::from_der(der)?;
        read.has_fingerprint(name);
        if read.is_ca() {
            KNOWN.lock().unwrap_or_else(PoisonError::into_inner).keep(name, read.clone());
        }
        Ok(read)
    }
}

/// Forgets every certificate: to measure.
pub fn forget_familiar() {
    *KNOWN.lock().unwrap_or_else(PoisonError::into_inner) = Known::new(GENERATION);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::{KeyKind, Signer as _},
        keys::SoftKey,
        pki::{Name, build::CertificateBuilder, name::attribute},
        world::SystemDice,
    };

    fn certificate(is_authority: bool) -> Vec<u8> {
        let key = SoftKey::generate(KeyKind::P256, &SystemDice).unwrap();
        let name = Name::build(&[(attribute::COMMON_NAME, "Test CA")]).unwrap();
        let (start, end) = ("2026-01-01T00:00:00Z".parse().unwrap(), "2036-01-01T00:00:00Z".parse().unwrap());
        let builder = CertificateBuilder::new(&name, &name, key.public_key(), &[1], start, end).subject_key_id();
        let builder = if is_authority { builder.authority(None) } else { builder };
        builder.sign(&key).unwrap().der().to_vec()
    }

    /// One octet makes another certificate, and what is read the second time is what was read the first.
    #[test]
    fn a_familiar_certificate_is_what_its_octets_say() {
        let der = certificate(true);
        let first = Certificate::familiar(&der).unwrap();
        let again = Certificate::familiar(&der).unwrap();
        assert!(first.is_ca() && first.is_same_reading(&again));
        assert_eq!(first.fingerprint_sha256(), Certificate::from_der(&der).unwrap().fingerprint_sha256());
        for at in 0..der.len() {
            let mut other = der.clone();
            other[at] ^= 1;
            match (Certificate::familiar(&other), Certificate::from_der(&other)) {
                (Ok(familiar), Ok(read)) => {
                    assert_eq!((familiar.der(), familiar.fingerprint_sha256()), (other.as_slice(), read.fingerprint_sha256()));
                    assert!(!familiar.is_same_reading(&first));
                    assert_eq!((familiar.subject(), familiar.defects()), (read.subject(), read.defects()));
                }
                (familiar, read) => assert_eq!(familiar.err(), read.err()),
            }
        }
        forget_familiar();
        assert!(!Certificate::familiar(&der).unwrap().is_same_reading(&first));
    }

    #[test]
    fn nobody_but_authorities_is_kept() {
        let der = certificate(false);
        let (first, again) = (Certificate::familiar(&der).unwrap(), Certificate::familiar(&der).unwrap());
        assert!(first == again && !first.is_same_reading(&again));
    }
}
