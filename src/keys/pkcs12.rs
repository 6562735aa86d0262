//! PKCS#12 containers (RFC 7292): reading what Windows, OpenSSL, Java and the Chinese tools write, and writing our own.
//!
//! Only the password-integrity mode is read, and only with its MAC right: a container without one could have had its key
//! exchanged by anybody.

use super::{KeyError, Password, pbe};
use crate::crypto::tlv::{Reader, Tlv, tag};
use crate::crypto::{Hash, Oid};
use hmac::{Hmac, KeyInit as _, Mac as _};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

const DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.6");
const KEY_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.1");
const SHROUDED_KEY_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERT_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.3");
const SAFE_CONTENTS_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.6");
const X509: Oid = Oid::new_unwrap("1.2.840.113549.1.9.22.1");

/// How many bags a container may hold and how deep they may nest.
const BAGS: usize = 256;
const DEPTH: usize = 4;

/// What stood in a container.
pub struct Contents {
    /// Private keys as unencrypted PKCS#8, in order.
    pub keys: Vec<Zeroizing<Vec<u8>>>,
    /// X.509 certificates in DER, in order.
    pub certificates: Vec<Vec<u8>>,
}

/// Whether octets look like a container: `SEQUENCE { INTEGER 3, SEQUENCE …`.
pub fn is_one(bytes: &[u8]) -> bool {
    let version = Tlv::parse(bytes).and_then(|outer| {
        let mut fields = outer.expect(tag::SEQUENCE)?.children();
        let version = fields.expect(tag::INTEGER)?.small_integer()?;
        fields.expect(tag::SEQUENCE).map(|_| version)
    });
    version == Ok(3)
}

/// Checks the MAC and takes everything out.
///
/// # Errors
/// [`KeyError::WrongPassword`] if the MAC does not match.
pub fn read(bytes: &[u8], password: &Password) -> Result<Contents, KeyError> {
    let budget = &mut pbe::Budget::new();
    let mut fields = Tlv::parse(bytes)?.expect(tag::SEQUENCE)?.children();
    if fields.expect(tag::INTEGER)?.small_integer()? != 3 {
        return Err(KeyError::Malformed("not version 3 of PKCS#12"));
    }
    let (kind, contents) = content_info(&fields.read()?)?;
    if kind != DATA {
        return Err(KeyError::Unsupported(format!("PKCS#12 integrity by {kind}")));
    }
    let safe = contents.expect_octets()?;
    if fields.is_empty() {
        return Err(KeyError::Unsupported("PKCS#12 without a MAC".into()));
    }
    let mac = fields.read()?.expect(tag::SEQUENCE)?;
    // An empty password is written as two zero octets by most, as nothing at all by some.
    let secrets = [pbe::bmp(password)?, Zeroizing::new(Vec::new())];
    let tried = if password.expose().is_empty() { 2 } else { 1 };
    let mut right = false;
    for secret in secrets.iter().take(tried) {
        right = right || mac_matches(&mac, secret, password, &safe, budget)?;
    }
    if !right {
        return Err(KeyError::WrongPassword);
    }
    let mut found = Contents { keys: Vec::new(), certificates: Vec::new() };
    let mut bags = 0;
    for info in Tlv::parse(&safe)?.expect(tag::SEQUENCE)?.children() {
        let (kind, contents) = content_info(&info?)?;
        let plain = match kind {
            DATA => Zeroizing::new(contents.expect_octets()?),
            ENCRYPTED_DATA => encrypted_data(&contents, password, budget)?,
            other => return Err(KeyError::Unsupported(format!("PKCS#12 content {other}"))),
        };
        safe_contents(&plain, password, budget, &mut found, &mut bags, 0)?;
    }
    Ok(found)
}

/// `[0]`-wrapped content of a ContentInfo.
struct Content<'a>(Tlv<'a>);

impl Content<'_> {
    fn expect_octets(&self) -> Result<Vec<u8>, KeyError> {
        match self.0.tag & 0xdf {
            tag::OCTET_STRING => Ok(self.0.octets()?.into_owned()),
            _ => Err(KeyError::Malformed("PKCS#12 data")),
        }
    }
}

fn content_info<'a>(info: &Tlv<'a>) -> Result<(Oid, Content<'a>), KeyError> {
    let mut fields = info.expect(tag::SEQUENCE)?.children();
    let kind = read_oid(&mut fields)?;
    Ok((kind, Content(fields.expect(tag::context(0))?.inner()?)))
}

fn read_oid(fields: &mut Reader<'_>) -> Result<Oid, KeyError> {
    Oid::from_bytes(fields.expect(tag::OID)?.value).map_err(|_| KeyError::Malformed("object identifier"))
}

/// MacData: PKCS#12's own HMAC (RFC 7292 appendix B.4) or PBMAC1 (RFC 9579).
fn mac_matches(mac: &Tlv<'_>, secret: &[u8], password: &Password, safe: &[u8], budget: &mut pbe::Budget) -> Result<bool, KeyError> {
    let mut fields = mac.children();
    let mut digest_info = fields.expect(tag::SEQUENCE)?.children();
    let (name, parameters) = pbe::identifier(&digest_info.read()?)?;
    let told = digest_info.expect(tag::OCTET_STRING)?.value;
    let made = if name == pbe::PBMAC1 {
        let mut parts = parameters.ok_or(KeyError::Malformed("PBMAC1 without parameters"))?.expect(tag::SEQUENCE)?.children();
        let kdf = parts.read()?;
        let (prf, _) = pbe::identifier(&parts.read()?)?;
        let hash = pbe::hash_of_hmac(&prf).ok_or_else(|| KeyError::Unsupported(format!("MAC {prf}")))?;
        let key = pbe::derive_pbkdf2(&kdf, password.expose().as_bytes(), hash.len(), budget)?;
        hmac(hash, &key, safe)?
    } else {
        let hash = Hash::from_oid(&name).ok_or_else(|| KeyError::Unsupported(format!("MAC digest {name}")))?;
        let (salt, iterations) = pbe::salt_and_count(&mut fields, budget)?;
        hmac(hash, &pbe::derive(hash, secret, salt, 3, iterations, hash.len()), safe)?
    };
    Ok(bool::from(made.ct_eq(told)))
}

fn hmac(hash: Hash, key: &[u8], message: &[u8]) -> Result<Vec<u8>, KeyError> {
    macro_rules! with {
        ($digest:ty) => {
            Hmac::<$digest>::new_from_slice(key).map(|mac| mac.chain_update(message).finalize().into_bytes().to_vec())
        };
    }
    let made = match hash {
        Hash::Sha1 => with!(sha1::Sha1),
        Hash::Sha224 => with!(sha2::Sha224),
        Hash::Sha256 => with!(sha2::Sha256),
        Hash::Sha384 => with!(sha2::Sha384),
        Hash::Sha512 => with!(sha2::Sha512),
        Hash::Sm3 => with!(sm3::Sm3),
        other => return Err(KeyError::Unsupported(format!("MAC with {other}"))),
    };
    made.map_err(|_| KeyError::Malformed("MAC key"))
}

/// EncryptedData (RFC 5652 §8): version, EncryptedContentInfo.
fn encrypted_data(content: &Content<'_>, password: &Password, budget: &mut pbe::Budget) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut fields = content.0.expect(tag::SEQUENCE)?.children();
    fields.expect(tag::INTEGER)?;
    let mut info = fields.expect(tag::SEQUENCE)?.children();
    if read_oid(&mut info)? != DATA {
        return Err(KeyError::Malformed("encrypted content is not data"));
    }
    let algorithm = info.read()?;
    let ciphertext = info.read()?;
    if ciphertext.tag & 0xdf != tag::context_primitive(0) {
        return Err(KeyError::Malformed("no encrypted content"));
    }
    pbe::decrypt(&algorithm, &ciphertext.octets()?, password, budget)
}

fn safe_contents(
    plain: &[u8],
    password: &Password,
    budget: &mut pbe::Budget,
    found: &mut Contents,
    bags: &mut usize,
    depth: usize,
) -> Result<(), KeyError> {
    for bag in Tlv::parse(plain)?.expect(tag::SEQUENCE)?.children() {
        *bags += 1;
        if *bags > BAGS || depth > DEPTH {
            return Err(KeyError::Malformed("too many bags"));
        }
        let mut fields = bag?.expect(tag::SEQUENCE)?.children();
        let kind = read_oid(&mut fields)?;
        let value = fields.expect(tag::context(0))?.inner()?;
        match kind {
            KEY_BAG => found.keys.push(Zeroizing::new(value.raw.to_vec())),
            SHROUDED_KEY_BAG => found.keys.push(open_shrouded(&value, password, budget)?),
            CERT_BAG => {
                let mut parts = value.expect(tag::SEQUENCE)?.children();
                if read_oid(&mut parts)? == X509 {
                    let certificate = parts.expect(tag::context(0))?.inner()?;
                    found.certificates.push(Content(certificate).expect_octets()?);
                }
            }
            SAFE_CONTENTS_BAG => safe_contents(value.raw, password, budget, found, bags, depth + 1)?,
            // CRLs, secrets and what others may have added hold no key that signs.
            _ => {}
        }
    }
    Ok(())
}

/// EncryptedPrivateKeyInfo (RFC 5958 §3).
pub(super) fn open_shrouded(value: &Tlv<'_>, password: &Password, budget: &mut pbe::Budget) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut parts = value.expect(tag::SEQUENCE)?.children();
    let algorithm = parts.read()?;
    let ciphertext = parts.read()?;
    if ciphertext.tag & 0xdf != tag::OCTET_STRING {
        return Err(KeyError::Malformed("no encrypted key"));
    }
    let plain = pbe::decrypt(&algorithm, &ciphertext.octets()?, password, budget)?;
    // The padding of a wrong password comes out right once in 256 times: what follows then is no DER.
    Tlv::parse(&plain).and_then(|key| key.expect(tag::SEQUENCE)).map_err(|_| KeyError::WrongPassword)?;
    Ok(plain)
}

/// Iterations of key derivation for a container that protects its key.
pub const ITERATIONS: u64 = 100_000;

/// Writes a container: one key, its certificate first, both under PBES2 (AES-256), MAC with SHA-256. `iterations` is
/// [`ITERATIONS`] for real keys.
///
/// # Errors
/// [`KeyError`] where the password is too long.
#[cfg(feature = "service")]
pub fn build(
    pkcs8: &[u8],
    certificates: &[&[u8]],
    name: &str,
    password: &Password,
    iterations: u64,
    dice: &dyn crate::world::Dice,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    use crate::pki::build::encode::{constructed, explicit, null, octet_string, oid, sequence, set_of, small_integer, tlv};
    use crate::world::random;
    const FRIENDLY_NAME: Oid = Oid::new_unwrap("1.2.840.113549.1.9.20");
    const LOCAL_KEY_ID: Oid = Oid::new_unwrap("1.2.840.113549.1.9.21");
    let info = |kind: &Oid, content: Vec<u8>| sequence([oid(kind), explicit(0, &content)]);
    let key_id = certificates.first().map(|own| Hash::Sha1.digest(own)).unwrap_or_default();
    let attributes = set_of([
        sequence([oid(&LOCAL_KEY_ID), set_of([octet_string(&key_id)])]),
        sequence([
            oid(&FRIENDLY_NAME),
            set_of([tlv(tag::BMP_STRING, &name.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<_>>())]),
        ]),
    ]);
    let (algorithm, ciphertext) = pbe::write::encrypt(pkcs8, password, &random(dice), &random(dice), iterations)?;
    let shrouded = sequence([algorithm, octet_string(&ciphertext)]);
    let key_bag = sequence([oid(&SHROUDED_KEY_BAG), explicit(0, &shrouded), attributes.clone()]);
    let cert_bags = certificates.iter().enumerate().map(|(index, der)| {
        let bag = sequence([oid(&X509), explicit(0, &octet_string(der))]);
        let own = if index == 0 { attributes.clone() } else { Vec::new() };
        sequence([oid(&CERT_BAG), explicit(0, &bag), own])
    });
    let (algorithm, ciphertext) = pbe::write::encrypt(&sequence(cert_bags), password, &random(dice), &random(dice), iterations)?;
    let content = sequence([oid(&DATA), algorithm, tlv(tag::context_primitive(0), &ciphertext)]);
    let encrypted = info(&ENCRYPTED_DATA, sequence([small_integer(0), content]));
    let safe = sequence([encrypted, info(&DATA, octet_string(&sequence([key_bag])))]);
    let salt: [u8; 16] = random(dice);
    let mac = hmac(Hash::Sha256, &pbe::derive(Hash::Sha256, &pbe::bmp(password)?, &salt, 3, iterations, 32), &safe)?;
    let digest = sequence([sequence([oid(&Hash::Sha256.oid()), null()]), octet_string(&mac)]);
    let mac_data = sequence([digest, octet_string(&salt), small_integer(iterations)]);
    Ok(Zeroizing::new(constructed(tag::SEQUENCE, [small_integer(3), info(&DATA, octet_string(&safe)), mac_data])))
}
