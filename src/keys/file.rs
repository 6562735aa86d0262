//! Key files: PEM (several blocks in one file), DER, PKCS#12.

use super::{Identity, KeyError, Password, SoftKey, pbe, pkcs12};
use crate::crypto::tlv::{Tlv, tag};
use crate::crypto::{Oid, oid};
use crate::pki::build::encode;
use zeroize::Zeroizing;

/// Reads a private key, and the certificates beside it, from the octets of a file.
///
/// PEM: `PRIVATE KEY`, `ENCRYPTED PRIVATE KEY`, `EC PRIVATE KEY` (SEC 1), `RSA PRIVATE KEY` (PKCS#1), `CERTIFICATE`; or one of
/// the keys in DER; or PKCS#12.
///
/// # Errors
/// [`KeyError`]. A file with several keys is refused: which one would sign?
pub fn from_bytes(bytes: &[u8], password: Option<&Password>) -> Result<Identity, KeyError> {
    if let Some(blocks) = pem_blocks(bytes)? {
        let mut keys = Vec::new();
        let mut certificates = Vec::new();
        for (label, der) in blocks {
            match label.as_str() {
                "PRIVATE KEY" => keys.push(der),
                "ENCRYPTED PRIVATE KEY" => keys.push(decrypt(&der, password)?),
                "EC PRIVATE KEY" => keys.push(wrap_sec1(&der)?),
                "RSA PRIVATE KEY" => keys.push(wrap_pkcs1(&der)),
                "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => certificates.push(der.to_vec()),
                _ => {}
            }
        }
        return identity(keys, certificates);
    }
    if pkcs12::is_one(bytes) {
        let contents = pkcs12::read(bytes, password.ok_or(KeyError::PasswordNeeded)?)?;
        return identity(contents.keys, contents.certificates);
    }
    identity(vec![plain_der(bytes, password)?], Vec::new())
}

/// Every certificate in a file: PEM blocks or one in DER.
///
/// # Errors
/// [`KeyError::Malformed`] where there is none.
pub fn read_certificates(bytes: &[u8]) -> Result<Vec<Vec<u8>>, KeyError> {
    let certificates: Vec<Vec<u8>> = match pem_blocks(bytes)? {
        Some(blocks) => blocks.into_iter().filter(|(label, _)| label.ends_with("CERTIFICATE")).map(|(_, der)| der.to_vec()).collect(),
        None if super::spki(bytes).is_some() => vec![bytes.to_vec()],
        None => Vec::new(),
    };
    if certificates.is_empty() { Err(KeyError::Malformed("no certificate in the file")) } else { Ok(certificates) }
}

fn identity(keys: Vec<Zeroizing<Vec<u8>>>, certificates: Vec<Vec<u8>>) -> Result<Identity, KeyError> {
    match keys.as_slice() {
        [key] => Ok(Identity::new(Box::new(SoftKey::from_pkcs8_der(key)?), certificates)),
        [] => Err(KeyError::Malformed("no private key in the file")),
        _ => Err(KeyError::Malformed("several private keys in the file")),
    }
}

/// PKCS#8, encrypted PKCS#8, SEC 1 or PKCS#1 without PEM around it, told apart by their first fields.
fn plain_der(bytes: &[u8], password: Option<&Password>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    const NONE: KeyError = KeyError::Malformed("neither PEM, DER nor PKCS#12");
    let mut fields = Tlv::parse(bytes).and_then(|key| key.expect(tag::SEQUENCE)).map_err(|_| NONE)?.children();
    let first = fields.read().map_err(|_| NONE)?;
    if first.tag == tag::SEQUENCE {
        return decrypt(bytes, password);
    }
    let version = first.expect(tag::INTEGER).and_then(|version| version.small_integer()).map_err(|_| NONE)?;
    match (version, fields.read().map_err(|_| NONE)?.tag) {
        (0 | 1, tag::SEQUENCE) => Ok(Zeroizing::new(bytes.to_vec())),
        (1, tag::OCTET_STRING) => wrap_sec1(bytes),
        (0, tag::INTEGER) => Ok(wrap_pkcs1(bytes)),
        _ => Err(NONE),
    }
}

fn decrypt(der: &[u8], password: Option<&Password>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let password = password.ok_or(KeyError::PasswordNeeded)?;
    pkcs12::open_shrouded(&Tlv::parse(der)?, password, &mut pbe::Budget::new())
}

/// An ECPrivateKey (RFC 5915) that names its curve, as PKCS#8.
fn wrap_sec1(der: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let mut fields = Tlv::parse(der)?.expect(tag::SEQUENCE)?.children();
    fields.expect(tag::INTEGER)?;
    fields.expect(tag::OCTET_STRING)?;
    let curve = fields.optional(tag::context(0))?.ok_or(KeyError::Malformed("EC key without its curve"))?.inner()?;
    let algorithm = encode::sequence([encode::oid(&oid::EC_PUBLIC_KEY).as_slice(), curve.raw]);
    Ok(wrap(&algorithm, der))
}

/// An RSAPrivateKey (RFC 8017) as PKCS#8.
fn wrap_pkcs1(der: &[u8]) -> Zeroizing<Vec<u8>> {
    const RSA: Oid = oid::RSA_ENCRYPTION;
    wrap(&encode::sequence([encode::oid(&RSA), encode::null()]), der)
}

fn wrap(algorithm: &[u8], key: &[u8]) -> Zeroizing<Vec<u8>> {
    let key = Zeroizing::new(encode::octet_string(key));
    Zeroizing::new(encode::sequence([&encode::small_integer(0), algorithm, key.as_slice()]))
}

/// A PEM label and the octets under it.
type Block = (String, Zeroizing<Vec<u8>>);

/// The PEM blocks (RFC 7468) of a file in order; `None` if it holds none. Text between blocks is skipped, as OpenSSL writes it.
fn pem_blocks(bytes: &[u8]) -> Result<Option<Vec<Block>>, KeyError> {
    use base64::Engine as _;
    const BEGIN: &str = "-----BEGIN ";
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(None) };
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (label, after) = after.split_once("-----").ok_or(KeyError::Malformed("PEM label"))?;
        let end = format!("-----END {label}-----");
        let (body, after) = after.split_once(&end).ok_or(KeyError::Malformed("PEM block without its end"))?;
        if body.contains("Proc-Type:") {
            return Err(KeyError::Unsupported("OpenSSL's own PEM encryption; convert it with openssl pkcs8 -topk8".into()));
        }
        let body: Zeroizing<String> = body.chars().filter(|c| !c.is_ascii_whitespace()).collect::<String>().into();
        let der = base64::engine::general_purpose::STANDARD.decode(body.as_bytes()).map_err(|_| KeyError::Malformed("PEM block"))?;
        blocks.push((label.to_owned(), Zeroizing::new(der)));
        rest = after;
    }
    Ok((!blocks.is_empty()).then_some(blocks))
}
