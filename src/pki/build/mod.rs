//! Builders: certificates, CRLs, OCSP answers, CMS, time-stamp tokens.

pub mod cms;
pub mod encode;
pub mod timestamp;
