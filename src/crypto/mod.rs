//! Algorithms: digests, public keys, signatures, one registry of object identifiers.
//!
//! Everything here is pure. ring verifies RSA, P-256 and P-384 (it is several times faster), RustCrypto the rest: SM2, P-521,
//! unusual digests, and every signature whose message arrives as a stream; keys of P-256 and SM2 that come again and again have
//! tables of their own (`known`). Whether an algorithm is strong enough is the
//! judge's policy, not decided here: a signature made with SHA-1 or RSA-1024 verifies and says so in its name.

mod algorithm;
mod dsa;
mod generations;
mod hash;
mod key;
mod known;
mod lasting;
pub mod oid;
mod rsa_verify;
mod signer;
pub mod sm2;
pub mod tlv;
mod verify;

pub use algorithm::{Scheme, SignatureAlgorithm};
pub use der::asn1::ObjectIdentifier as Oid;
pub(crate) use generations::Generations;
pub use hash::{Hash, Hasher};
pub use key::{KeyError, KeyKind, PublicKey};
pub use lasting::{forget_lasting, verify_lasting};
pub use signer::{SignError, Signer};
pub use verify::{MessageVerifier, VerifyError, verify, verify_fixed};

/// The first line of every login challenge ([`crate::login::challenge`]). It stands here because two rooms must agree on it: a
/// document that begins with it is no document, however well it is signed.
pub const LOGIN_CHALLENGE: &str = "xinyin login challenge v1 / 信印登录质询";
