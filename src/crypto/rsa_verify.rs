//! RSA signatures over a digest: sizes, digests and salts that ring does not verify, and messages that arrive as a stream.

use super::{Hash, VerifyError, oid};
use digest::{Digest, FixedOutputReset};
use rsa::{BoxedUint, Pkcs1v15Sign, Pss, RsaPublicKey};

fn key(n: &[u8], e: &[u8]) -> Result<RsaPublicKey, VerifyError> {
    let modulus = BoxedUint::from_be_slice_vartime(n);
    let exponent = BoxedUint::from_be_slice_vartime(e);
    RsaPublicKey::new(modulus, exponent)
        .map_err(|_| VerifyError::Unsupported(format!("RSA key of {} bits or its exponent", n.len().saturating_mul(8))))
}

/// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2).
pub(super) fn pkcs1(n: &[u8], e: &[u8], hash: Hash, digest: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    let scheme = Pkcs1v15Sign { hash_len: Some(hash.len()), prefix: prefix(hash).into() };
    key(n, e)?.verify(scheme, digest, signature).map_err(|_| VerifyError::BadSignature)
}

/// RSASSA-PSS (RFC 8017 §8.1.2) with the salt length that the parameters declare.
pub(super) fn pss(n: &[u8], e: &[u8], hash: Hash, salt: usize, digest: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    fn check<D: Digest + FixedOutputReset>(key: &RsaPublicKey, salt: usize, digest: &[u8], signature: &[u8]) -> rsa::Result<()> {
        key.verify(Pss::<D>::new_with_salt(salt), digest, signature)
    }
    let key = key(n, e)?;
    // A salt that cannot fit the modulus is no signature (RFC 8017 §9.1.2 step 3).
    if salt.saturating_add(hash.len()).saturating_add(2) > n.len() {
        return Err(VerifyError::BadSignature);
    }
    match hash {
        Hash::Md5 => check::<md5::Md5>(&key, salt, digest, signature),
        Hash::Sha1 => check::<sha1::Sha1>(&key, salt, digest, signature),
        Hash::Sha224 => check::<sha2::Sha224>(&key, salt, digest, signature),
        Hash::Sha256 => check::<sha2::Sha256>(&key, salt, digest, signature),
        Hash::Sha384 => check::<sha2::Sha384>(&key, salt, digest, signature),
        Hash::Sha512 => check::<sha2::Sha512>(&key, salt, digest, signature),
        Hash::Sha3_224 => check::<sha3::Sha3_224>(&key, salt, digest, signature),
        Hash::Sha3_256 => check::<sha3::Sha3_256>(&key, salt, digest, signature),
        Hash::Sha3_384 => check::<sha3::Sha3_384>(&key, salt, digest, signature),
        Hash::Sha3_512 => check::<sha3::Sha3_512>(&key, salt, digest, signature),
        Hash::Sm3 => check::<sm3::Sm3>(&key, salt, digest, signature),
        // RFC 8702 has a mask generation of its own.
        Hash::Shake256 => return Err(VerifyError::Unsupported("RSA-PSS with shake256".into())),
    }
    .map_err(|_| VerifyError::BadSignature)
}

/// DigestInfo up to the digest itself (RFC 8017 §9.2, parameters NULL).
fn prefix(hash: Hash) -> Vec<u8> {
    let name = if hash == Hash::Sm3 { oid::SM3 } else { hash.oid() };
    let (oid_len, digest_len) = (name.as_bytes().len() as u8, hash.len() as u8);
    let mut prefix = vec![0x30, 8 + oid_len + digest_len, 0x30, 4 + oid_len, 0x06, oid_len];
    prefix.extend_from_slice(name.as_bytes());
    prefix.extend_from_slice(&[0x05, 0x00, 0x04, digest_len]);
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_as_printed_in_rfc_8017() {
        assert_eq!(hex::encode(prefix(Hash::Sha1)), "3021300906052b0e03021a05000414");
        assert_eq!(hex::encode(prefix(Hash::Sha256)), "3031300d060960864801650304020105000420");
    }
}
