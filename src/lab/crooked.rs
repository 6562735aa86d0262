//! A signer that can be told to sign wrongly.

use super::chaos::{Mood, Wrong};
use crate::crypto::{PublicKey, SignError, SignatureAlgorithm, Signer};

/// A signer whose signatures do not verify while the mood says so.
pub struct Crooked<'a> {
    signer: &'a dyn Signer,
    wrong: bool,
}

impl<'a> Crooked<'a> {
    /// Over an honest signer.
    pub fn over(signer: &'a dyn Signer, mood: Mood) -> Self {
        Self { signer, wrong: mood.wrong == Some(Wrong::Signature) }
    }
}

impl Signer for Crooked<'_> {
    fn public_key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.signer.algorithm()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut signature = self.signer.sign(message)?;
        if self.wrong {
            super::tamper(&mut signature);
        }
        Ok(signature)
    }
}
