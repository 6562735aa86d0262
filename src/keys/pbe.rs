//! Password-based encryption and integrity as key files use them: PBES2 and PBMAC1 (RFC 8018), and PKCS#12's own (RFC 7292
//! appendices B and C). Reading only, but for PBES2 with AES-256, which is what we write.
//!
//! The legacy ciphers (RC2-40, two- and three-key triple DES) protect nothing any more; they are read because the field's
//! containers use them.

use super::{KeyError, Password};
use crate::crypto::tlv::{Reader, Tlv, tag};
use crate::crypto::{Hash, Oid};
use cbc::cipher::{BlockModeDecrypt as _, InnerIvInit as _, KeyInit, KeyIvInit as _, block_padding::Pkcs7};
use hmac::{Hmac, Mac};
use zeroize::Zeroizing;

const PBES2: Oid = Oid::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: Oid = Oid::new_unwrap("1.2.840.113549.1.5.12");
pub(super) const PBMAC1: Oid = Oid::new_unwrap("1.2.840.113549.1.5.14");
const PKCS12_3DES3: Oid = Oid::new_unwrap("1.2.840.113549.1.12.1.3");
const PKCS12_3DES2: Oid = Oid::new_unwrap("1.2.840.113549.1.12.1.4");
const PKCS12_RC2_128: Oid = Oid::new_unwrap("1.2.840.113549.1.12.1.5");
const PKCS12_RC2_40: Oid = Oid::new_unwrap("1.2.840.113549.1.12.1.6");
const AES128: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.1.2");
const AES192: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.1.22");
const AES256: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.1.42");
const DES_EDE3: Oid = Oid::new_unwrap("1.2.840.113549.3.7");
const SM4_CBC: Oid = Oid::new_unwrap("1.2.156.10197.1.104.2");
const HMAC_SHA1: Oid = Oid::new_unwrap("1.2.840.113549.2.7");
const HMAC_SHA224: Oid = Oid::new_unwrap("1.2.840.113549.2.8");
const HMAC_SHA256: Oid = Oid::new_unwrap("1.2.840.113549.2.9");
const HMAC_SHA384: Oid = Oid::new_unwrap("1.2.840.113549.2.10");
const HMAC_SHA512: Oid = Oid::new_unwrap("1.2.840.113549.2.11");
const HMAC_SM3: Oid = Oid::new_unwrap("1.2.156.10197.1.401.2");

/// How many password iterations one container may ask for in all: honest ones ask for a few thousand to a million.
const BUDGET: u64 = 2_000_000;
/// Longest salt and password taken, in octets.
const LONGEST: usize = 1024;

/// Counts the iterations that a container asks for.
pub(super) struct Budget(u64);

impl Budget {
    pub(super) fn new() -> Self {
        Self(BUDGET)
    }

    fn spend(&mut self, iterations: u64) -> Result<u64, KeyError> {
        self.0 = self.0.checked_sub(iterations.max(1)).ok_or(KeyError::TooCostly)?;
        Ok(iterations)
    }
}

/// Decrypts under an AlgorithmIdentifier of PBES2 or PKCS#12.
///
/// # Errors
/// [`KeyError::WrongPassword`] where the padding does not come out right.
pub(super) fn decrypt(
    algorithm: &Tlv<'_>,
    ciphertext: &[u8],
    password: &Password,
    budget: &mut Budget,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (name, parameters) = identifier(algorithm)?;
    let parameters = parameters.ok_or(KeyError::Malformed("encryption without parameters"))?.expect(tag::SEQUENCE)?;
    if name == PBES2 {
        return pbes2(&mut parameters.children(), ciphertext, password, budget);
    }
    let (salt, iterations) = salt_and_count(&mut parameters.children(), budget)?;
    let secret = bmp(password)?;
    let derived = |id, length| derive(Hash::Sha1, &secret, salt, id, iterations, length);
    match name {
        PKCS12_3DES3 => Cipher::Des3.decrypt(&derived(1, 24), &derived(2, 8), ciphertext),
        PKCS12_3DES2 => {
            let mut key = derived(1, 16);
            let first: Zeroizing<Vec<u8>> = key.iter().take(8).copied().collect::<Vec<_>>().into();
            key.extend_from_slice(&first);
            Cipher::Des3.decrypt(&key, &derived(2, 8), ciphertext)
        }
        PKCS12_RC2_128 => Cipher::Rc2.decrypt(&derived(1, 16), &derived(2, 8), ciphertext),
        PKCS12_RC2_40 => Cipher::Rc2.decrypt(&derived(1, 5), &derived(2, 8), ciphertext),
        other => Err(KeyError::Unsupported(format!("encryption {other}"))),
    }
}

/// An AlgorithmIdentifier's name and parameters.
pub(super) fn identifier<'a>(algorithm: &Tlv<'a>) -> Result<(Oid, Option<Tlv<'a>>), KeyError> {
    let mut parts = algorithm.expect(tag::SEQUENCE)?.children();
    let name = Oid::from_bytes(parts.expect(tag::OID)?.value).map_err(|_| KeyError::Malformed("object identifier"))?;
    let parameters = if parts.is_empty() { None } else { Some(parts.read()?) };
    Ok((name, parameters))
}

/// Salt and iteration count, both within bounds.
pub(super) fn salt_and_count<'a>(fields: &mut Reader<'a>, budget: &mut Budget) -> Result<(&'a [u8], u64), KeyError> {
    let salt = fields.expect(tag::OCTET_STRING)?.value;
    // MacData's count has DEFAULT 1 (RFC 7292 §4).
    let iterations = if fields.is_empty() { 1 } else { fields.expect(tag::INTEGER)?.small_integer()? };
    if salt.len() > LONGEST || iterations == 0 {
        return Err(KeyError::Malformed("salt or iteration count"));
    }
    Ok((salt, budget.spend(iterations)?))
}

fn pbes2(fields: &mut Reader<'_>, ciphertext: &[u8], password: &Password, budget: &mut Budget) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let kdf = fields.read()?;
    let (name, parameters) = identifier(&fields.read()?)?;
    let (cipher, key_length) = match name {
        AES128 => (Cipher::Aes128, 16),
        AES192 => (Cipher::Aes192, 24),
        AES256 => (Cipher::Aes256, 32),
        DES_EDE3 => (Cipher::Des3, 24),
        SM4_CBC => (Cipher::Sm4, 16),
        other => return Err(KeyError::Unsupported(format!("encryption {other}"))),
    };
    let iv = parameters.ok_or(KeyError::Malformed("encryption without its initial vector"))?.expect(tag::OCTET_STRING)?.value;
    let key = derive_pbkdf2(&kdf, password.expose().as_bytes(), key_length, budget)?;
    cipher.decrypt(&key, iv, ciphertext)
}

/// Derives `length` octets under an AlgorithmIdentifier of PBKDF2.
pub(super) fn derive_pbkdf2(kdf: &Tlv<'_>, password: &[u8], length: usize, budget: &mut Budget) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let (name, parameters) = identifier(kdf)?;
    if name != PBKDF2 {
        return Err(KeyError::Unsupported(format!("key derivation {name}")));
    }
    let mut fields = parameters.ok_or(KeyError::Malformed("key derivation without parameters"))?.expect(tag::SEQUENCE)?.children();
    let salt = fields.expect(tag::OCTET_STRING)?.value;
    let iterations = fields.expect(tag::INTEGER)?.small_integer()?;
    if salt.len() > LONGEST || password.len() > LONGEST || iterations == 0 {
        return Err(KeyError::Malformed("salt, password or iteration count"));
    }
    if let Some(told) = fields.optional(tag::INTEGER)?
        && told.small_integer()? != length as u64
    {
        return Err(KeyError::Malformed("key length"));
    }
    let prf = if fields.is_empty() { HMAC_SHA1 } else { identifier(&fields.read()?)?.0 };
    pbkdf2(prf, password, salt, budget.spend(iterations)?, length)
}

fn pbkdf2(prf: Oid, password: &[u8], salt: &[u8], iterations: u64, length: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    Ok(match prf {
        HMAC_SHA1 => pbkdf2_with::<Hmac<sha1::Sha1>>(password, salt, iterations, length),
        HMAC_SHA224 => pbkdf2_with::<Hmac<sha2::Sha224>>(password, salt, iterations, length),
        HMAC_SHA256 => pbkdf2_with::<Hmac<sha2::Sha256>>(password, salt, iterations, length),
        HMAC_SHA384 => pbkdf2_with::<Hmac<sha2::Sha384>>(password, salt, iterations, length),
        HMAC_SHA512 => pbkdf2_with::<Hmac<sha2::Sha512>>(password, salt, iterations, length),
        HMAC_SM3 => pbkdf2_with::<Hmac<sm3::Sm3>>(password, salt, iterations, length),
        other => return Err(KeyError::Unsupported(format!("key derivation with {other}"))),
    })
}

/// RFC 8018 §5.2.
fn pbkdf2_with<M: Mac + KeyInit + Clone>(password: &[u8], salt: &[u8], iterations: u64, length: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(length));
    // HMAC takes keys of any length.
    let Ok(keyed) = <M as KeyInit>::new_from_slice(password) else { return key };
    let mut block = 1u32;
    while key.len() < length {
        let mut last = keyed.clone().chain_update(salt).chain_update(block.to_be_bytes()).finalize().into_bytes();
        let mut sum = last.clone();
        for _ in 1..iterations {
            last = keyed.clone().chain_update(&last).finalize().into_bytes();
            sum.iter_mut().zip(&last).for_each(|(sum, octet)| *sum ^= octet);
        }
        let wanted = length - key.len();
        key.extend(sum.iter().take(wanted));
        block = block.saturating_add(1);
    }
    key
}

/// The password as PKCS#12 wants it: BMPString with two zero octets behind (RFC 7292 appendix B.1). Characters beyond the
/// basic plane go in as surrogate pairs, as every implementation does.
pub(super) fn bmp(password: &Password) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    if password.expose().len() > LONGEST {
        return Err(KeyError::Malformed("password too long"));
    }
    let mut octets = Zeroizing::new(Vec::with_capacity(2 * password.expose().len() + 2));
    octets.extend(password.expose().encode_utf16().flat_map(u16::to_be_bytes));
    octets.extend([0, 0]);
    Ok(octets)
}

/// RFC 7292 appendix B.2; `id` 1 makes a key, 2 an initial vector, 3 an integrity key.
pub(super) fn derive(hash: Hash, password: &[u8], salt: &[u8], id: u8, iterations: u64, length: usize) -> Zeroizing<Vec<u8>> {
    let block = if hash.len() > 32 { 128 } else { 64 };
    let fill = |text: &[u8]| -> Vec<u8> { text.iter().copied().cycle().take(text.len().div_ceil(block) * block).collect() };
    let mut input = Zeroizing::new([fill(salt), fill(password)].concat());
    let diversifier = vec![id; block];
    let mut derived = Zeroizing::new(Vec::with_capacity(length + hash.len()));
    loop {
        let mut hasher = hash.hasher();
        hasher.update(&diversifier);
        hasher.update(&input);
        let mut round = Zeroizing::new(hasher.finish());
        for _ in 1..iterations {
            round = Zeroizing::new(hash.digest(&round));
        }
        derived.extend_from_slice(&round);
        if derived.len() >= length {
            derived.truncate(length);
            return derived;
        }
        // Each block of the input grows by the round's octets plus one, modulo the block.
        for piece in input.chunks_exact_mut(block) {
            let mut carry = 1u16;
            for (at, octet) in piece.iter_mut().enumerate().rev() {
                let added = round.get(at % round.len().max(1)).copied().unwrap_or(0);
                carry += u16::from(*octet) + u16::from(added);
                *octet = carry.to_le_bytes()[0];
                carry >>= 8;
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Cipher {
    Aes128,
    Aes192,
    Aes256,
    Des3,
    Rc2,
    Sm4,
}

impl Cipher {
    /// CBC with PKCS#7 padding; lengths come from the file and are checked.
    fn decrypt(self, key: &[u8], iv: &[u8], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        macro_rules! cbc {
            ($cipher:ty) => {
                cbc::Decryptor::<$cipher>::new_from_slices(key, iv).map(|mode| mode.decrypt_padded_vec::<Pkcs7>(ciphertext))
            };
        }
        let opened = match self {
            Self::Aes128 => cbc!(aes::Aes128),
            Self::Aes192 => cbc!(aes::Aes192),
            Self::Aes256 => cbc!(aes::Aes256),
            Self::Des3 => cbc!(des::TdesEde3),
            Self::Sm4 => cbc!(sm4::Sm4),
            Self::Rc2 => {
                // RC2's effective key length is the key's own: 40 or 128 bits (RFC 7292 appendix C).
                let cipher = rc2::Rc2::new_with_eff_key_len(key, key.len() * 8);
                cbc::Decryptor::inner_iv_slice_init(cipher, iv).map(|mode| mode.decrypt_padded_vec::<Pkcs7>(ciphertext))
            }
        };
        match opened.map_err(|_| KeyError::Malformed("initial vector"))? {
            Ok(plain) => Ok(Zeroizing::new(plain)),
            Err(_) => Err(KeyError::WrongPassword),
        }
    }
}

/// How a container that we write is protected: PBES2 with PBKDF2-HMAC-SHA-256 and AES-256-CBC.
#[cfg(feature = "service")]
pub(super) mod write {
    use super::*;
    use crate::pki::build::encode;
    use cbc::cipher::BlockModeEncrypt as _;

    /// The AlgorithmIdentifier and the ciphertext.
    pub(in crate::keys) fn encrypt(
        plain: &[u8],
        password: &Password,
        salt: &[u8; 16],
        iv: &[u8; 16],
        iterations: u64,
    ) -> Result<(Vec<u8>, Vec<u8>), KeyError> {
        let key = pbkdf2(HMAC_SHA256, password.expose().as_bytes(), salt, iterations, 32)?;
        let mode = cbc::Encryptor::<aes::Aes256>::new_from_slices(&key, iv).map_err(|_| KeyError::Malformed("initial vector"))?;
        let prf = encode::sequence([encode::oid(&HMAC_SHA256), encode::null()]);
        let kdf = encode::sequence([
            encode::oid(&PBKDF2),
            encode::sequence([encode::octet_string(salt), encode::small_integer(iterations), prf]),
        ]);
        let cipher = encode::sequence([encode::oid(&AES256), encode::octet_string(iv)]);
        let algorithm = encode::sequence([encode::oid(&PBES2), encode::sequence([kdf, cipher])]);
        Ok((algorithm, mode.encrypt_padded_vec::<Pkcs7>(plain)))
    }
}

/// The digest inside an HMAC's identifier.
pub(super) fn hash_of_hmac(name: &Oid) -> Option<Hash> {
    Some(match *name {
        HMAC_SHA1 => Hash::Sha1,
        HMAC_SHA224 => Hash::Sha224,
        HMAC_SHA256 => Hash::Sha256,
        HMAC_SHA384 => Hash::Sha384,
        HMAC_SHA512 => Hash::Sha512,
        HMAC_SM3 => Hash::Sm3,
        _ => return None,
    })
}
