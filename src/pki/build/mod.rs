//! Builders: certificates, CRLs, OCSP answers, CMS, time-stamp tokens.

pub mod encode;
