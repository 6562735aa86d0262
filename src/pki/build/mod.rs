//! Builders: certificates, CRLs, OCSP answers, CMS, time-stamp tokens, electronic seals.

pub mod additions;
pub mod certificate;
pub mod cms;
pub mod crl;
pub mod encode;
pub mod ocsp;
pub mod request;
pub mod seal;
pub mod timestamp;

pub use certificate::{BuildError, CertificateBuilder};
pub use crl::CrlBuilder;
pub use ocsp::OcspBuilder;

#[cfg(all(test, feature = "service"))]
mod tests;
