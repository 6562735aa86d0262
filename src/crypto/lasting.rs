//! Signatures that come again with every document: of authorities' certificates and revocation lists.
//!
//! What verified once verifies always: the answer depends on key, algorithm, message and signature alone. So good answers are
//! remembered, by a SHA-256 over all four, in two generations of bounded size. Bad ones are not: nobody can push good ones out
//! with garbage, and garbage costs its sender as much as it costs us.

use super::{PublicKey, SignatureAlgorithm, VerifyError, generations::Generations, verify};
use sha2::Digest as _;
use std::sync::{LazyLock, Mutex, PoisonError};

/// Answers in one generation: two megabytes in all at most.
const GENERATION: usize = 16 * 1024;

type Known = Generations<[u8; 32], ()>;

static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(|| Mutex::new(Known::new(GENERATION)));

/// As [`verify()`], for a message that is likely to come again.
pub fn verify_lasting(key: &PublicKey, algorithm: &SignatureAlgorithm, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    let name = name(key, algorithm, message, signature);
    if KNOWN.lock().unwrap_or_else(PoisonError::into_inner).get(&name).is_some() {
        return Ok(());
    }
    verify(key, algorithm, message, signature)?;
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).keep(name, ());
    Ok(())
}

/// Forgets every remembered answer: to measure, and after which everything is verified anew.
pub fn forget_lasting() {
    *KNOWN.lock().unwrap_or_else(PoisonError::into_inner) = Known::new(GENERATION);
}

/// A digest over everything that the answer depends on, each part with its length.
fn name(key: &PublicKey, algorithm: &SignatureAlgorithm, message: &[u8], signature: &[u8]) -> [u8; 32] {
    let mut hasher = sha2::Sha256::new();
    for part in [key.spki(), algorithm.identifier_der(), algorithm.name().as_bytes(), signature, message] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::KeyKind, crypto::Signer as _, keys::SoftKey, world::SystemDice};

    #[test]
    fn a_remembered_answer_is_for_exactly_the_same_question() {
        let key = SoftKey::generate(KeyKind::P256, &SystemDice).unwrap();
        let other = SoftKey::generate(KeyKind::P256, &SystemDice).unwrap();
        let algorithm = key.algorithm();
        let signature = key.sign(b"message").unwrap();
        for _ in 0..3 {
            assert_eq!(verify_lasting(key.public_key(), &algorithm, b"message", &signature), Ok(()));
            assert!(verify_lasting(key.public_key(), &algorithm, b"messagE", &signature).is_err());
            assert!(verify_lasting(other.public_key(), &algorithm, b"message", &signature).is_err());
            assert!(verify_lasting(key.public_key(), &algorithm, b"message", &signature[1..]).is_err());
        }
    }
}
