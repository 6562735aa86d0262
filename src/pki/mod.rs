//! Certificates, CRLs, OCSP, time-stamp tokens, path building and validation; building them for the lab and for tests.

pub mod build;
pub mod signed_data;
pub mod timestamp;

pub use crate::crypto::tlv;

pub mod bundle;
pub mod certificate;
pub mod extensions;
pub mod general_name;
pub mod name;

pub use certificate::{Certificate, CertificateError};
pub use name::Name;
