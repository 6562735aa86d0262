//! Writing PKCS#12 files (RFC 7292): one key with its certificate and chain, PBES2 with AES-256, MAC with SHA-256.

use crate::{
    crypto::{Hash, Oid},
    pki::build::encode::{explicit, null, octet_string, oid, sequence, set_of, small_integer, tlv},
    pki::tlv::tag,
    world::{Dice, random},
};
use hmac::{KeyInit as _, Mac as _};
use pkcs8::{der::Encode as _, pkcs5};
use zeroize::Zeroizing;

const DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.6");
const SHROUDED_KEY_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERT_BAG: Oid = Oid::new_unwrap("1.2.840.113549.1.12.10.1.3");
const X509_CERTIFICATE: Oid = Oid::new_unwrap("1.2.840.113549.1.9.22.1");
const FRIENDLY_NAME: Oid = Oid::new_unwrap("1.2.840.113549.1.9.20");
const LOCAL_KEY_ID: Oid = Oid::new_unwrap("1.2.840.113549.1.9.21");

/// Rounds of key derivation; the lab's keys lie readable beside these files.
const ROUNDS: u16 = 2048;

/// The file did not come about: the key derivation refused its parameters.
#[derive(Debug, thiserror::Error)]
#[error("a PKCS#12 file could not be made")]
pub struct NotMade;

/// A file with one key (PKCS#8), its certificate and the certificates above it.
pub fn write(name: &str, key: &[u8], certificates: &[&[u8]], password: &str, dice: &dyn Dice) -> Result<Zeroizing<Vec<u8>>, NotMade> {
    let leaf = certificates.first().copied().unwrap_or_default();
    let key_id = Hash::Sha1.digest(leaf);
    let attributes = |own: bool| {
        let utf16: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let friendly = sequence([oid(&FRIENDLY_NAME), set_of([tlv(tag::BMP_STRING, &utf16)])]);
        let local = sequence([oid(&LOCAL_KEY_ID), set_of([octet_string(&key_id)])]);
        set_of(if own { vec![friendly, local] } else { Vec::new() })
    };
    let bag = |kind: &Oid, value: &[u8], own: bool| {
        let mut fields = vec![oid(kind), explicit(0, value)];
        fields.extend(own.then(|| attributes(true)));
        sequence(fields)
    };
    let certificate_bags = certificates.iter().enumerate().map(|(index, certificate)| {
        let value = sequence([oid(&X509_CERTIFICATE), explicit(0, &octet_string(certificate))]);
        bag(&CERT_BAG, &value, index == 0)
    });
    let (scheme, sealed) = seal(password, &sequence(certificate_bags), dice)?;
    // EncryptedData: version 0, contents [0] IMPLICIT OCTET STRING.
    let contents = sequence([oid(&DATA), scheme, tlv(tag::context_primitive(0), &sealed)]);
    let certificates = sequence([oid(&ENCRYPTED_DATA), explicit(0, &sequence([small_integer(0), contents]))]);
    let (scheme, sealed) = seal(password, key, dice)?;
    let key_bag = bag(&SHROUDED_KEY_BAG, &sequence([scheme, octet_string(&sealed)]), true);
    let keys = data(&sequence([key_bag]));
    let safe = sequence([certificates, keys]);
    let salt: [u8; 16] = random(dice);
    let mac = sequence([
        sequence([sequence([oid(&Hash::Sha256.oid()), null()]), octet_string(&mac(password, &salt, &safe)?)]),
        octet_string(&salt),
        small_integer(u64::from(ROUNDS)),
    ]);
    Ok(Zeroizing::new(sequence([small_integer(3), data(&safe), mac])))
}

fn data(contents: &[u8]) -> Vec<u8> {
    sequence([oid(&DATA), explicit(0, &octet_string(contents))])
}

/// PBES2: PBKDF2 with HMAC-SHA-256, AES-256-CBC. The encoded AlgorithmIdentifier and the sealed octets.
fn seal(password: &str, plain: &[u8], dice: &dyn Dice) -> Result<(Vec<u8>, Vec<u8>), NotMade> {
    let salt: [u8; 16] = random(dice);
    let parameters =
        pkcs5::pbes2::Parameters::generate_pbkdf2_sha256_aes256cbc(u32::from(ROUNDS), &salt, random(dice)).map_err(|_| NotMade)?;
    let sealed = parameters.encrypt(password.as_bytes(), plain).map_err(|_| NotMade)?;
    let scheme = pkcs5::EncryptionScheme::Pbes2(parameters).to_der().map_err(|_| NotMade)?;
    Ok((scheme, sealed))
}

/// HMAC-SHA-256 under the key that RFC 7292 appendix B.2 derives (identifier 3). One digest's worth of key is asked for, so
/// the derivation is a single iterated hash of the identifier, the salt and the password, each filled up to a block.
fn mac(password: &str, salt: &[u8], message: &[u8]) -> Result<Vec<u8>, NotMade> {
    const BLOCK: usize = 64;
    let password: Zeroizing<Vec<u8>> = Zeroizing::new(password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect());
    let fill = |octets: &[u8]| octets.iter().copied().cycle().take(octets.len().div_ceil(BLOCK) * BLOCK).collect::<Vec<u8>>();
    let mut hasher = Hash::Sha256.hasher();
    hasher.update(&[3; BLOCK]);
    hasher.update(&fill(salt));
    hasher.update(&Zeroizing::new(fill(&password)));
    let mut key = Zeroizing::new(hasher.finish());
    for _ in 1..ROUNDS {
        key = Zeroizing::new(Hash::Sha256.digest(&key));
    }
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(&key).map_err(|_| NotMade)?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().to_vec())
}
