//! Signers: file, PKCS#11.

mod soft;

pub use soft::{SoftKey, SoftKeyError};
