//! Keys held in memory: read from PKCS#8, or new.
//!
//! Elliptic-curve signatures are deterministic (RFC 6979), so that a weak random source can never leak a key; RSA signing is
//! ring's, which is constant-time. Key octets are wiped when the key is dropped and never shown by `Debug`.

#[cfg(feature = "service")]
use crate::crypto::KeyKind;
use crate::crypto::{Hash, PublicKey, Scheme, SignError, SignatureAlgorithm, Signer, sm2::DISTINGUISHING_ID};
#[cfg(feature = "service")]
use pkcs8::EncodePrivateKey as _;
use pkcs8::{DecodePrivateKey as _, EncodePublicKey as _, LineEnding, PrivateKeyInfoRef};
use ring::signature as rs;
use std::fmt;
use zeroize::Zeroizing;

/// Why octets are no usable private key. Never holds any of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SoftKeyError {
    /// Not PKCS#8, or the password is wrong.
    #[error("not a readable PKCS#8 private key (or the password is wrong)")]
    Malformed,
    /// A kind of key that this program does not sign with.
    #[error("a key of this kind ({0}) cannot be used here")]
    Unsupported(String),
    /// A number out of range, such as an SM2 key of n−1, or halves that do not belong together.
    #[error("the private key is invalid: {0}")]
    Invalid(&'static str),
}

/// A private key in memory.
pub struct SoftKey {
    pkcs8: Zeroizing<Vec<u8>>,
    public: PublicKey,
    secret: Secret,
    scheme: Scheme,
}

enum Secret {
    /// Kept as the secret key, which is wiped on drop; `SigningKey` is not.
    Sm2(Box<sm2::SecretKey>),
    P256(Box<p256::ecdsa::SigningKey>),
    P384(Box<p384::ecdsa::SigningKey>),
    P521(Box<p521::ecdsa::SigningKey>),
    Rsa(Box<rs::RsaKeyPair>),
    Ed25519(Box<rs::Ed25519KeyPair>),
}

/// n−1 of the SM2 curve: 1+d would have no inverse (GB/T 32918.2 §6.1 wants d ≤ n−2).
const SM2_ORDER_MINUS_ONE: [u8; 32] = [
    0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x72, 0x03, 0xdf, 0x6b, 0x21, 0xc6,
    0x05, 0x2b, 0x53, 0xbb, 0xf4, 0x09, 0x39, 0xd5, 0x41, 0x22,
];

impl SoftKey {
    /// A new key. RSA sizes below 2048 bits are refused.
    #[cfg(feature = "service")]
    pub fn generate(kind: KeyKind, dice: &dyn crate::world::Dice) -> Result<Self, SoftKeyError> {
        use p256::elliptic_curve::Generate as _;
        const INVALID: SoftKeyError = SoftKeyError::Invalid("a new key cannot be encoded");
        let dice = &mut DiceRng(dice);
        let pkcs8 = match kind {
            KeyKind::Sm2 => sm2::SecretKey::generate_from_rng(dice).to_pkcs8_der().map_err(|_| INVALID)?,
            KeyKind::P256 => p256::SecretKey::generate_from_rng(dice).to_pkcs8_der().map_err(|_| INVALID)?,
            KeyKind::P384 => p384::SecretKey::generate_from_rng(dice).to_pkcs8_der().map_err(|_| INVALID)?,
            KeyKind::P521 => p521::SecretKey::generate_from_rng(dice).to_pkcs8_der().map_err(|_| INVALID)?,
            KeyKind::Rsa(bits @ 2048..=8192) => {
                let key = rsa::RsaPrivateKey::new(dice, bits).map_err(|_| INVALID)?;
                key.to_pkcs8_der().map_err(|_| INVALID)?
            }
            other => return Err(SoftKeyError::Unsupported(other.to_string())),
        };
        Self::from_pkcs8_der(pkcs8.as_bytes())
    }

    /// Reads an unencrypted PKCS#8 key (RFC 5958).
    pub fn from_pkcs8_der(pkcs8: &[u8]) -> Result<Self, SoftKeyError> {
        use crate::crypto::oid;
        let info = PrivateKeyInfoRef::try_from(pkcs8).map_err(|_| SoftKeyError::Malformed)?;
        let (secret, public, scheme) = match (info.algorithm.oid, info.algorithm.parameters_oid().ok()) {
            (oid::EC_PUBLIC_KEY, Some(oid::SM2)) => {
                let key = sm2::SecretKey::from_pkcs8_der(pkcs8).map_err(|_| SoftKeyError::Malformed)?;
                if Zeroizing::new(key.to_bytes()).as_slice() == SM2_ORDER_MINUS_ONE {
                    return Err(SoftKeyError::Invalid("SM2 key n-1"));
                }
                let public = key.public_key().to_public_key_der();
                (Secret::Sm2(Box::new(key)), public, Scheme::Sm2)
            }
            (oid::EC_PUBLIC_KEY, Some(oid::P256)) => {
                let key = p256::SecretKey::from_pkcs8_der(pkcs8).map_err(|_| SoftKeyError::Malformed)?;
                (Secret::P256(Box::new((&key).into())), key.public_key().to_public_key_der(), Scheme::Ecdsa(Hash::Sha256))
            }
            (oid::EC_PUBLIC_KEY, Some(oid::P384)) => {
                let key = p384::SecretKey::from_pkcs8_der(pkcs8).map_err(|_| SoftKeyError::Malformed)?;
                (Secret::P384(Box::new((&key).into())), key.public_key().to_public_key_der(), Scheme::Ecdsa(Hash::Sha384))
            }
            (oid::EC_PUBLIC_KEY, Some(oid::P521)) => {
                let key = p521::SecretKey::from_pkcs8_der(pkcs8).map_err(|_| SoftKeyError::Malformed)?;
                (Secret::P521(Box::new((&key).into())), key.public_key().to_public_key_der(), Scheme::Ecdsa(Hash::Sha512))
            }
            (oid::RSA_ENCRYPTION, _) => {
                let key = rs::RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| SoftKeyError::Invalid("RSA key refused (2048 to 4096 bits)"))?;
                let public = spki::SubjectPublicKeyInfoRef {
                    algorithm: spki::AlgorithmIdentifierRef { oid: oid::RSA_ENCRYPTION, parameters: Some(der::asn1::AnyRef::NULL) },
                    subject_public_key: der::asn1::BitStringRef::from_bytes(key.public().as_ref()).map_err(|_| SoftKeyError::Malformed)?,
                };
                let public = der::Document::try_from(public).map_err(|_| SoftKeyError::Malformed)?;
                (Secret::Rsa(Box::new(key)), Ok(public), Scheme::RsaPkcs1(Hash::Sha256))
            }
            (oid::ED25519, _) => {
                use rs::KeyPair as _;
                let key = rs::Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| SoftKeyError::Malformed)?;
                let public = spki::SubjectPublicKeyInfoRef {
                    algorithm: spki::AlgorithmIdentifierRef { oid: oid::ED25519, parameters: None },
                    subject_public_key: der::asn1::BitStringRef::from_bytes(key.public_key().as_ref())
                        .map_err(|_| SoftKeyError::Malformed)?,
                };
                let public = der::Document::try_from(public).map_err(|_| SoftKeyError::Malformed)?;
                (Secret::Ed25519(Box::new(key)), Ok(public), Scheme::Ed25519)
            }
            (other, curve) => return Err(SoftKeyError::Unsupported(curve.unwrap_or(other).to_string())),
        };
        let public = public.map_err(|_| SoftKeyError::Malformed)?;
        let public = PublicKey::from_spki(public.as_bytes()).map_err(|_| SoftKeyError::Invalid("public half"))?;
        Ok(Self { pkcs8: Zeroizing::new(pkcs8.to_vec()), public, secret, scheme })
    }

    /// Reads a PEM file `PRIVATE KEY`.
    pub fn from_pkcs8_pem(pem: &str) -> Result<Self, SoftKeyError> {
        let (_, document) = der::SecretDocument::from_pem(pem).map_err(|_| SoftKeyError::Malformed)?;
        Self::from_pkcs8_der(document.as_bytes())
    }

    /// Reads a PEM file `ENCRYPTED PRIVATE KEY` (PBES2).
    pub fn from_encrypted_pem(pem: &str, password: &[u8]) -> Result<Self, SoftKeyError> {
        let (_, document) = der::SecretDocument::from_pem(pem).map_err(|_| SoftKeyError::Malformed)?;
        let sealed = pkcs8::EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).map_err(|_| SoftKeyError::Malformed)?;
        let opened = sealed.decrypt(password).map_err(|_| SoftKeyError::Malformed)?;
        Self::from_pkcs8_der(opened.as_bytes())
    }

    /// The key as PKCS#8, unencrypted.
    pub fn to_pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        self.pkcs8.clone()
    }

    /// The key as a PEM file `PRIVATE KEY`, unencrypted.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        let pem = der::pem::encode_string("PRIVATE KEY", LineEnding::LF, &self.pkcs8);
        Zeroizing::new(pem.unwrap_or_default())
    }

    /// The same RSA key signing with RSASSA-PSS (SHA-256, salt of 32 octets); other keys are left as they are.
    pub fn with_pss(mut self) -> Self {
        if matches!(self.secret, Secret::Rsa(_)) {
            self.scheme = Scheme::RsaPss(Hash::Sha256, Hash::Sha256, 32);
        }
        self
    }
}

impl Signer for SoftKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::new(self.scheme)
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let failed = |_| SignError::Key("signing failed".into());
        match &self.secret {
            Secret::Sm2(key) => {
                use sm2::dsa::signature::Signer as _;
                let key = sm2::dsa::SigningKey::new(DISTINGUISHING_ID, key).map_err(failed)?;
                let signature: sm2::dsa::Signature = key.try_sign(message).map_err(failed)?;
                Ok(signature.to_der().to_vec())
            }
            Secret::P256(key) => {
                use p256::ecdsa::signature::Signer as _;
                let signature: p256::ecdsa::DerSignature = key.try_sign(message).map_err(failed)?;
                Ok(signature.to_bytes().into_vec())
            }
            Secret::P384(key) => {
                use p384::ecdsa::signature::Signer as _;
                let signature: p384::ecdsa::DerSignature = key.try_sign(message).map_err(failed)?;
                Ok(signature.to_bytes().into_vec())
            }
            Secret::P521(key) => {
                use p521::ecdsa::signature::Signer as _;
                let signature: p521::ecdsa::DerSignature = key.try_sign(message).map_err(failed)?;
                Ok(signature.to_bytes().into_vec())
            }
            Secret::Rsa(key) => {
                let padding: &'static dyn rs::RsaEncoding =
                    if matches!(self.scheme, Scheme::RsaPss(..)) { &rs::RSA_PSS_SHA256 } else { &rs::RSA_PKCS1_SHA256 };
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(padding, &ring::rand::SystemRandom::new(), message, &mut signature)
                    .map_err(|_| SignError::Key("RSA signing failed".into()))?;
                Ok(signature)
            }
            Secret::Ed25519(key) => Ok(key.sign(message).as_ref().to_vec()),
        }
    }
}

impl fmt::Debug for SoftKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SoftKey({})", self.public.kind())
    }
}

/// The house's dice as the generators of RustCrypto want them.
#[cfg(feature = "service")]
struct DiceRng<'a>(&'a dyn crate::world::Dice);

#[cfg(feature = "service")]
mod dice_rng {
    use super::DiceRng;
    use rsa::rand_core::{TryCryptoRng, TryRng};
    use std::convert::Infallible;

    impl TryRng for DiceRng<'_> {
        type Error = Infallible;

        fn try_next_u32(&mut self) -> Result<u32, Infallible> {
            Ok(u32::from_ne_bytes(crate::world::random(self.0)))
        }

        fn try_next_u64(&mut self) -> Result<u64, Infallible> {
            Ok(u64::from_ne_bytes(crate::world::random(self.0)))
        }

        fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> Result<(), Infallible> {
            self.0.fill(buffer);
            Ok(())
        }
    }

    impl TryCryptoRng for DiceRng<'_> {}
}

#[cfg(all(test, feature = "service"))]
mod tests {
    use super::*;
    use crate::{crypto::verify, world::SystemDice};

    #[test]
    fn every_kind_signs_what_verifies_and_survives_its_file() {
        for kind in [KeyKind::Sm2, KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa(2048)] {
            let key = SoftKey::generate(kind, &SystemDice).unwrap();
            let again = SoftKey::from_pkcs8_pem(&key.to_pkcs8_pem()).unwrap();
            assert_eq!(again.public_key(), key.public_key());
            assert_eq!(key.public_key().kind(), kind);
            let signature = again.sign(b"message").unwrap();
            assert_eq!(verify(key.public_key(), &key.algorithm(), b"message", &signature), Ok(()), "{kind}");
            assert!(verify(key.public_key(), &key.algorithm(), b"Message", &signature).is_err(), "{kind}");
            if matches!(kind, KeyKind::Rsa(_)) {
                let key = again.with_pss();
                let signature = key.sign(b"message").unwrap();
                assert_eq!(verify(key.public_key(), &key.algorithm(), b"message", &signature), Ok(()));
                assert_eq!(key.algorithm().name(), "rsa-pss-with-sha256");
            }
        }
    }

    #[test]
    fn the_sm2_key_n_minus_one_is_refused() {
        let template = SoftKey::generate(KeyKind::Sm2, &SystemDice).unwrap().to_pkcs8_der();
        let bad = sm2::SecretKey::from_slice(&SM2_ORDER_MINUS_ONE).unwrap().to_pkcs8_der().unwrap();
        assert_eq!(bad.as_bytes().len(), template.len());
        assert_eq!(SoftKey::from_pkcs8_der(bad.as_bytes()).unwrap_err(), SoftKeyError::Invalid("SM2 key n-1"));
    }

    #[test]
    fn nothing_of_the_key_is_shown() {
        let key = SoftKey::generate(KeyKind::P256, &SystemDice).unwrap();
        assert_eq!(format!("{key:?}"), "SoftKey(p-256)");
    }
}
