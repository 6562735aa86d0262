//! Signers: a key file (PEM, DER, PKCS#12) or a device (PKCS#11), opened by one call.
//!
//! ```text
//! keys::open("alice.p12", Some(&password))?      // PKCS#12
//! keys::open("alice.pem", None)?                 // PKCS#8, SEC 1 or PKCS#1, with or without certificates behind it
//! keys::open("pkcs11:token=xinyin;object=alice", Some(&pin))?
//! ```
//!
//! A password never stands on a command line: it comes from a file or the environment ([`Password`]).

mod file;
mod password;
mod pbe;
mod pkcs11;
pub mod pkcs12;
mod soft;

pub use file::{from_bytes, read_certificates};
pub use password::{ENVIRONMENT as PASSWORD_ENVIRONMENT, Password};
pub use soft::{SoftKey, SoftKeyError};

use crate::crypto::{PublicKey, Signer};
use crate::fault::{Fault, code};
use std::fmt;

/// Why no key came out. Never holds any octet of a key or password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read.
    #[error("the key file cannot be read: {0}")]
    File(String),
    /// A password is needed and none was given.
    #[error("the key is protected by a password, and none was given")]
    PasswordNeeded,
    /// The password does not open the key.
    #[error("the password is wrong")]
    WrongPassword,
    /// Neither PEM nor DER of a private key, nor PKCS#12.
    #[error("no private key is found here: {0}")]
    Malformed(&'static str),
    /// Well formed, but protected or made in a way not supported.
    #[error("the key container uses something not supported here: {0}")]
    Unsupported(String),
    /// Opening would take more work than any honest container asks for.
    #[error("the key container asks for too many password iterations")]
    TooCostly,
    /// The key itself.
    #[error(transparent)]
    Key(#[from] SoftKeyError),
    /// The device or its driver.
    #[error("the key device: {0}")]
    Device(String),
    /// The URI names no key, or several.
    #[error("the PKCS#11 URI {0}")]
    Uri(&'static str),
}

impl From<KeyError> for Fault {
    fn from(error: KeyError) -> Self {
        let code = match error {
            KeyError::PasswordNeeded | KeyError::WrongPassword => code::KEY_PASSWORD,
            KeyError::Device(_) => code::KEY_DEVICE,
            _ => code::KEY_UNREADABLE,
        };
        Self::new(code).detail(error.to_string())
    }
}

impl From<crate::crypto::tlv::TlvError> for KeyError {
    fn from(_: crate::crypto::tlv::TlvError) -> Self {
        Self::Malformed("not DER")
    }
}

/// A private key that signs, with the certificates found beside it.
pub struct Identity {
    /// The key.
    pub signer: Box<dyn Signer>,
    /// Certificates in DER: the key's own first, if it is there, then the others as they were found.
    pub certificates: Vec<Vec<u8>>,
}

impl Identity {
    /// Puts the key's own certificate first.
    fn new(signer: Box<dyn Signer>, mut certificates: Vec<Vec<u8>>) -> Self {
        if let Some(own) = certificates.iter().position(|der| belongs(der, signer.public_key())) {
            certificates.get_mut(..=own).unwrap_or_default().rotate_right(1);
        }
        Self { signer, certificates }
    }

    /// The same key with further certificates; those that are there already are not taken twice.
    pub fn with_certificates(self, more: Vec<Vec<u8>>) -> Self {
        let mut certificates = self.certificates;
        for der in more {
            if !certificates.contains(&der) {
                certificates.push(der);
            }
        }
        Self::new(self.signer, certificates)
    }

    /// The key's own certificate in DER.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificates.first().filter(|der| belongs(der, self.signer.public_key())).map(Vec::as_slice)
    }
}

/// Shows the public half only.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({:?}, {} certificates)", self.signer.public_key(), self.certificates.len())
    }
}

/// Opens a key: `pkcs11:` URI (RFC 7512), or a file in PEM, DER or PKCS#12.
///
/// # Errors
/// [`KeyError`]; a wrong password is told from a damaged file where the container allows it.
pub fn open(spec: &str, password: Option<&Password>) -> Result<Identity, KeyError> {
    if spec.starts_with("pkcs11:") {
        return pkcs11::open(spec, password);
    }
    let bytes = zeroize::Zeroizing::new(
        crate::files::read(std::path::Path::new(spec)).map_err(|error| KeyError::File(format!("{spec}: {error}")))?,
    );
    from_bytes(&bytes, password)
}

/// Whether a certificate certifies this key.
fn belongs(certificate: &[u8], key: &PublicKey) -> bool {
    spki(certificate).and_then(|spki| PublicKey::from_spki(spki).ok()).is_some_and(|own| own.bits() == key.bits())
}

/// The SubjectPublicKeyInfo of a certificate (RFC 5280 §4.1).
fn spki(certificate: &[u8]) -> Option<&[u8]> {
    use crate::crypto::tlv::{Tlv, tag};
    let mut certificate = Tlv::parse(certificate).ok()?.expect(tag::SEQUENCE).ok()?.children();
    let mut fields = certificate.expect(tag::SEQUENCE).ok()?.children();
    fields.optional(tag::context(0)).ok()?;
    // serialNumber, signature, issuer, validity, subject
    for _ in 0..5 {
        fields.read().ok()?;
    }
    fields.expect(tag::SEQUENCE).ok().map(|spki| spki.raw)
}

#[cfg(test)]
mod tests;
