//! Certificates, CRLs, OCSP, time-stamp tokens, path building and validation; building them for the lab and for tests.

pub mod build;
pub mod bundle;
pub mod certificate;
pub mod crl;
pub mod extensions;
mod familiar;
pub mod general_name;
pub mod holder;
pub mod name;
pub mod ocsp;
pub mod path;
pub mod request;
pub mod revocation;
pub mod signed_data;
pub mod timestamp;

pub use crate::crypto::tlv;
pub use certificate::{Certificate, CertificateError};
pub use crl::Crl;
pub use familiar::forget_familiar;
pub use holder::{Holder, HolderKind};
pub use name::Name;
pub use ocsp::OcspResponse;
pub use revocation::Reason;
