//! Certificates, CRLs, OCSP, time-stamp tokens, path building and validation; building them for the lab and for tests.

pub mod build;
pub mod tlv;
