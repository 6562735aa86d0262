//! Verifying signatures: one call over a message in memory, or a stream.

use super::{Hash, Hasher, KeyKind, PublicKey, Scheme, SignatureAlgorithm, dsa, key::Material, known, rsa_verify, sm2::read_signature};
use ring::signature as rs;
use sm2::dsa::signature::hazmat::PrehashVerifier as _;

/// Why a signature was not found good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The signature does not belong to this message and key.
    #[error("the signature value does not verify")]
    BadSignature,
    /// The algorithm is known by name at most; nothing was verified.
    #[error("{0} is not supported")]
    Unsupported(String),
    /// Key, algorithm and digest do not belong together.
    #[error("key and signature algorithm do not belong together")]
    Mismatch,
    /// The algorithm identifier cannot be read.
    #[error("algorithm identifier malformed")]
    Malformed,
}

/// Verifies `signature` over `message`.
pub fn verify(key: &PublicKey, algorithm: &SignatureAlgorithm, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    if let Some(result) = fast(key, algorithm, message, signature) {
        return result;
    }
    let mut verifier = MessageVerifier::new(key, algorithm)?;
    verifier.update(message);
    verifier.finish(signature)
}

/// Verifies an elliptic-curve signature given as r‖s of fixed width (JOSE, XML signatures) instead of DER.
pub fn verify_fixed(key: &PublicKey, algorithm: &SignatureAlgorithm, message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    let hash = algorithm.hash().ok_or(VerifyError::Mismatch)?;
    match (algorithm.scheme(), key.kind(), key.material()) {
        (Scheme::Sm2, KeyKind::Sm2, _) if signature.len() == 64 => verify(key, algorithm, message, signature),
        (Scheme::Ecdsa(_), kind, Material::Ec(point)) => ecdsa(kind, point, &hash.digest(message), signature, true),
        (Scheme::Sm2, KeyKind::Sm2, _) => Err(VerifyError::BadSignature),
        _ => Err(VerifyError::Mismatch),
    }
}

/// Verifies a signature over a message that arrives in pieces.
pub struct MessageVerifier {
    key: PublicKey,
    scheme: Scheme,
    state: State,
}

enum State {
    Hash(Hasher),
    /// EdDSA hashes the message twice, so that it must be held.
    Whole(Vec<u8>),
}

impl MessageVerifier {
    /// Prepares for the message; for SM2 the digest starts with Z.
    pub fn new(key: &PublicKey, algorithm: &SignatureAlgorithm) -> Result<Self, VerifyError> {
        let scheme = algorithm.scheme();
        match key.kind() {
            _ if key.inherits() => return Err(VerifyError::Unsupported("a DSA key without its parameters".into())),
            kind if !scheme.fits(kind) => return Err(VerifyError::Mismatch),
            _ => {}
        }
        let state = match scheme {
            Scheme::Sm2 => {
                let mut hasher = Hash::Sm3.hasher();
                let Material::Sm2(key) = key.material() else { return Err(VerifyError::Mismatch) };
                hasher.update(&key.z);
                State::Hash(hasher)
            }
            Scheme::Ecdsa(hash) | Scheme::RsaPkcs1(hash) | Scheme::RsaPss(hash, ..) | Scheme::Dsa(hash) => State::Hash(hash.hasher()),
            Scheme::Ed25519 | Scheme::Ed448 => State::Whole(Vec::new()),
        };
        Ok(Self { key: key.clone(), scheme, state })
    }

    /// Takes the next octets of the message.
    pub fn update(&mut self, octets: &[u8]) {
        match &mut self.state {
            State::Hash(hasher) => hasher.update(octets),
            State::Whole(message) => message.extend_from_slice(octets),
        }
    }

    /// Verifies the signature over everything taken.
    pub fn finish(self, signature: &[u8]) -> Result<(), VerifyError> {
        let digest = match self.state {
            State::Hash(hasher) => hasher.finish(),
            State::Whole(message) => {
                return match self.key.material() {
                    Material::Ed25519(point) => ring_verify(&rs::ED25519, point, &message, signature),
                    Material::Ed448(key) => {
                        let signature = ed448_goldilocks::Signature::from_slice(signature).map_err(|_| VerifyError::BadSignature)?;
                        key.verify_raw(&signature, &message).map_err(|_| VerifyError::BadSignature)
                    }
                    _ => Err(VerifyError::Mismatch),
                };
            }
        };
        match (self.scheme, self.key.material()) {
            (Scheme::Sm2, Material::Sm2(key)) => {
                let (signature, _) = read_signature(signature).ok_or(VerifyError::BadSignature)?;
                let fixed = signature.to_bytes();
                if let Some((r, s)) = fixed.split_first_chunk::<32>()
                    && s.try_into().is_ok_and(|s| known::sm2(&key.point, &digest, r, s))
                {
                    return Ok(());
                }
                key.key.verify_prehash(&digest, &signature).map_err(|_| VerifyError::BadSignature)
            }
            (Scheme::Ecdsa(_), Material::Ec(point)) if self.key.kind() == KeyKind::P256 && known::p256(point, &digest, signature) => Ok(()),
            (Scheme::Ecdsa(_), Material::Ec(point)) => ecdsa(self.key.kind(), point, &digest, signature, false),
            (Scheme::RsaPkcs1(hash), Material::Rsa { n, e }) => rsa_verify::pkcs1(n, e, hash, &digest, signature),
            (Scheme::RsaPss(hash, mask, salt), Material::Rsa { n, e }) => rsa_verify::pss(n, e, (hash, mask, salt), &digest, signature),
            (Scheme::Dsa(_), Material::Dsa { y, parameters: Some(parameters) }) => dsa::verify(parameters, y, &digest, signature),
            _ => Err(VerifyError::Mismatch),
        }
    }
}

/// ring, where it knows the combination and the whole message is at hand.
fn fast(key: &PublicKey, algorithm: &SignatureAlgorithm, message: &[u8], signature: &[u8]) -> Option<Result<(), VerifyError>> {
    match (algorithm.scheme(), key.kind(), key.material()) {
        (Scheme::Ecdsa(hash), kind, Material::Ec(point)) => {
            if kind == KeyKind::P256 && known::p256_message(point, hash, message, signature) {
                return Some(Ok(()));
            }
            let ring: &'static dyn rs::VerificationAlgorithm = match (kind, hash) {
                (KeyKind::P256, Hash::Sha256) => &rs::ECDSA_P256_SHA256_ASN1,
                (KeyKind::P256, Hash::Sha384) => &rs::ECDSA_P256_SHA384_ASN1,
                (KeyKind::P384, Hash::Sha256) => &rs::ECDSA_P384_SHA256_ASN1,
                (KeyKind::P384, Hash::Sha384) => &rs::ECDSA_P384_SHA384_ASN1,
                _ => return None,
            };
            Some(ring_verify(ring, point, message, signature))
        }
        (Scheme::RsaPkcs1(hash), KeyKind::Rsa(bits @ 1024..=8192), Material::Rsa { n, e }) => {
            let parameters = match hash {
                Hash::Sha1 => &rs::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
                Hash::Sha256 => &rs::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
                Hash::Sha384 if bits >= 2048 => &rs::RSA_PKCS1_2048_8192_SHA384,
                Hash::Sha512 => &rs::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
                _ => return None,
            };
            rsa_fast(parameters, n, e, message, signature)
        }
        (Scheme::RsaPss(hash, mask, salt), KeyKind::Rsa(2048..=8192), Material::Rsa { n, e }) if salt == hash.len() && mask == hash => {
            let parameters = match hash {
                Hash::Sha256 => &rs::RSA_PSS_2048_8192_SHA256,
                Hash::Sha384 => &rs::RSA_PSS_2048_8192_SHA384,
                Hash::Sha512 => &rs::RSA_PSS_2048_8192_SHA512,
                _ => return None,
            };
            rsa_fast(parameters, n, e, message, signature)
        }
        _ => None,
    }
}

/// ring refuses exponents above 33 bits and small ones that it finds odd; those fall through to the general code.
fn rsa_fast(
    parameters: &'static rs::RsaParameters,
    n: &[u8],
    e: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Option<Result<(), VerifyError>> {
    if e.len() > 4 {
        return None;
    }
    let key = rs::RsaPublicKeyComponents { n, e };
    Some(key.verify(parameters, message, signature).map_err(|_| VerifyError::BadSignature))
}

fn ring_verify(algorithm: &'static dyn rs::VerificationAlgorithm, key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    rs::UnparsedPublicKey::new(algorithm, key).verify(message, signature).map_err(|_| VerifyError::BadSignature)
}

/// ECDSA over a digest (SEC 1 §4.1.4); the digest is truncated or padded to the curve's width.
fn ecdsa(kind: KeyKind, point: &[u8], digest: &[u8], signature: &[u8], fixed: bool) -> Result<(), VerifyError> {
    macro_rules! check {
        ($curve:ident, $width:expr) => {{
            use $curve::ecdsa::{Signature, VerifyingKey, signature::hazmat::PrehashVerifier as _};
            let key = VerifyingKey::from_sec1_bytes(point).map_err(|_| VerifyError::Mismatch)?;
            let read = if fixed { Signature::from_slice(signature) } else { Signature::from_der(signature) };
            let signature = read.map_err(|_| VerifyError::BadSignature)?;
            // The digest is taken as an integer from its left end; shorter ones stand for smaller integers.
            let mut wide = vec![0; usize::saturating_sub($width, digest.len())];
            wide.extend_from_slice(digest);
            key.verify_prehash(&wide, &signature).map_err(|_| VerifyError::BadSignature)
        }};
    }
    match kind {
        KeyKind::P256 => check!(p256, 32),
        KeyKind::P384 => check!(p384, 48),
        KeyKind::P521 => check!(p521, 66),
        _ => Err(VerifyError::Mismatch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GB/T 32918.5-2017: the published signature over "message digest".
    #[test]
    fn sm2_standard_signature() {
        let point = hex::decode(
            "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13",
        )
        .unwrap();
        let key = PublicKey::from_point(KeyKind::Sm2, &point).unwrap();
        let algorithm = SignatureAlgorithm::new(Scheme::Sm2);
        let raw = hex::decode(
            "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa",
        )
        .unwrap();
        let der = sm2::dsa::Signature::from_slice(&raw).unwrap().to_der();
        assert_eq!(verify(&key, &algorithm, b"message digest", der.as_bytes()), Ok(()));
        assert_eq!(verify(&key, &algorithm, b"message digest", &raw), Ok(()));
        assert_eq!(verify_fixed(&key, &algorithm, b"message digest", &raw), Ok(()));
        assert_eq!(verify(&key, &algorithm, b"message digesT", &raw), Err(VerifyError::BadSignature));
        let mut pieces = MessageVerifier::new(&key, &algorithm).unwrap();
        pieces.update(b"message ");
        pieces.update(b"digest");
        assert_eq!(pieces.finish(&raw), Ok(()));
    }

    /// RFC 8032 §7.4, the vector of one octet.
    #[test]
    fn ed448_standard_signature() {
        let point = "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c0866aea01eb00742802b8438ea4cb82169c235160627b4c3a9480";
        let spki = hex::decode(format!("3043300506032b6571033a00{point}")).unwrap();
        let key = PublicKey::from_spki(&spki).unwrap();
        let algorithm = SignatureAlgorithm::new(Scheme::Ed448);
        let mut signature = hex::decode(
            "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f4352541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd779805e\
             0dbcc0aae1cbcee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0ff3348ab21aa4adafd1d234441cf807c03a00",
        )
        .unwrap();
        assert_eq!(verify(&key, &algorithm, &[3], &signature), Ok(()));
        assert_eq!(verify(&key, &algorithm, &[4], &signature), Err(VerifyError::BadSignature));
        signature[0] ^= 1;
        assert_eq!(verify(&key, &algorithm, &[3], &signature), Err(VerifyError::BadSignature));
    }
}
