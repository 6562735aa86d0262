//! What signs: a key file, a token, a remote device.

use super::{PublicKey, SignatureAlgorithm};

/// Why no signature came out. Never holds key material.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key cannot sign this way.
    #[error("the key cannot sign: {0}")]
    Key(String),
    /// The device or service that holds the key failed.
    #[error("the signing device failed: {0}")]
    Device(String),
}

/// A private key that signs. The signature is as it stands in certificates and CMS: DER for SM2 and ECDSA, the plain value for RSA.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// The algorithm of every signature made here.
    fn algorithm(&self) -> SignatureAlgorithm;

    /// Signs the message itself; hashing (with Z for SM2) happens inside.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}
