//! RSA signatures over a digest: sizes, digests and salts that ring does not verify, and messages that arrive as a stream.

use super::{Hash, VerifyError, oid};
use rsa::{BoxedUint, Pkcs1v15Sign, RsaPublicKey, traits::PublicKeyParts as _};

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

/// RSASSA-PSS (RFC 8017 §8.1.2) with digest, mask digest and salt length as the parameters declare. rsa's own verification knows
/// one digest for both; RFC 4055 §3.1 lets them differ, as devices write.
pub(super) fn pss(n: &[u8], e: &[u8], (hash, mask, salt): (Hash, Hash, usize), digest: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    if hash == Hash::Shake256 || mask == Hash::Shake256 {
        // RFC 8702 has a mask generation of its own.
        return Err(VerifyError::Unsupported("RSA-PSS with shake256".into()));
    }
    // The key's bounds (size, exponent) are rsa's.
    let key = key(n, e)?;
    let bits = usize::try_from(key.n().bit_width()).unwrap_or(usize::MAX);
    let message = (signature.len() == n.len()).then(|| power(&key, signature)).flatten();
    match message.and_then(|message| encoded_right(message, bits, (hash, mask, salt), digest)) {
        Some(true) => Ok(()),
        _ => Err(VerifyError::BadSignature),
    }
}

/// RSAVP1 (RFC 8017 §5.2.2): everything in it is public. The result has the modulus' length.
fn power(key: &RsaPublicKey, signature: &[u8]) -> Option<Vec<u8>> {
    let signature = BoxedUint::from_be_slice(signature, key.n().bits_precision()).ok()?;
    if signature >= **key.n() {
        return None;
    }
    let odd = key.n().as_ref().to_odd().into_option()?;
    let power = signature.pow_mod(key.e(), &odd).to_be_bytes_trimmed_vartime();
    let mut whole = vec![0; key.size().checked_sub(power.len())?];
    whole.extend_from_slice(&power);
    Some(whole)
}

/// EMSA-PSS-VERIFY (RFC 8017 §9.1.2) for a modulus of `bits` bits; `None` and false both say inconsistent.
fn encoded_right(message: Vec<u8>, bits: usize, (hash, mask, salt): (Hash, Hash, usize), digest: &[u8]) -> Option<bool> {
    let em_bits = bits.checked_sub(1)?;
    let em_len = em_bits.div_ceil(8);
    // The encoded message is one octet shorter than the modulus where that has 8k + 1 bits.
    let (surplus, em) = message.split_at_checked(message.len().checked_sub(em_len)?)?;
    let (masked, rest) = em.split_at_checked(em_len.checked_sub(hash.len())?.checked_sub(1)?)?;
    let (h, trailer) = rest.split_at_checked(hash.len())?;
    let free = u32::try_from(em_len.checked_mul(8)?.checked_sub(em_bits)?).ok()?;
    let top = 0xff_u8.checked_shr(free)?;
    if surplus.iter().any(|octet| *octet != 0) || trailer != [0xbc] || masked.first()? & !top != 0 {
        return Some(false);
    }
    let mut db: Vec<u8> = masked.iter().zip(mgf1(mask, h, masked.len())).map(|(octet, mask)| octet ^ mask).collect();
    *db.first_mut()? &= top;
    let (padding, salt) = db.split_at_checked(db.len().checked_sub(salt)?)?;
    let (one, zeros) = padding.split_last()?;
    if *one != 1 || zeros.iter().any(|octet| *octet != 0) || digest.len() != hash.len() {
        return Some(false);
    }
    let mut hasher = hash.hasher();
    for part in [&[0; 8], digest, salt] {
        hasher.update(part);
    }
    Some(hasher.finish() == h)
}

/// MGF1 (RFC 8017 §B.2.1).
fn mgf1(hash: Hash, seed: &[u8], length: usize) -> Vec<u8> {
    let mut mask = Vec::with_capacity(length.saturating_add(hash.len()));
    let mut counter: u32 = 0;
    while mask.len() < length {
        let mut hasher = hash.hasher();
        hasher.update(seed);
        hasher.update(&counter.to_be_bytes());
        mask.extend_from_slice(&hasher.finish());
        counter = counter.saturating_add(1);
    }
    mask.truncate(length);
    mask
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
