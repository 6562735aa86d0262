//! Certification requests (PKCS#10, RFC 2986).

use super::{
    certificate::{BuildError, extensions, signature_algorithm, signed},
    encode::{self, sequence, set_of, tlv},
};
use crate::{
    crypto::Signer,
    pki::{Name, extensions::Extension, request::EXTENSION_REQUEST},
};

/// A request for a certificate over the signer's key, with the extensions wished for.
///
/// # Errors
/// The signer failed.
pub fn request(subject: &Name, wished: &[Extension], signer: &dyn Signer) -> Result<Vec<u8>, BuildError> {
    let attribute = if wished.is_empty() { Vec::new() } else { sequence([encode::oid(&EXTENSION_REQUEST), set_of([extensions(wished)])]) };
    let info = sequence([encode::small_integer(0), subject.der().to_vec(), signer.public_key().spki().to_vec(), tlv(0xa0, &attribute)]);
    Ok(signed(&info, &signature_algorithm(signer, false), signer)?)
}
