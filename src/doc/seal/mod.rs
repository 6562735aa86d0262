//! Electronic seals and the signatures made with them: GB/T 38540-2020 (version 4), GM/T 0031-2025 (version 5), GM/T 0031-2014
//! (version 1).
//!
//! Only reading. Everything that is hashed or shown is a slice of the input as stored; nothing is re-encoded. What departs from
//! the letter and is still read is a [`Deviation`], never passed over in silence. Any input gives a value or an error.

mod deviation;
mod fields;
mod ses;
mod signature;

#[cfg(test)]
mod tests;

pub use deviation::Deviation;
pub use ses::{CertificateList, Extension, Header, Picture, PictureKind, Property, Seal};
pub use signature::{SealSignature, SigningTime};

use crate::pki::tlv::TlvError;

/// Most certificates or digests of certificates that a seal may list.
pub const MAX_SIGNERS: usize = 256;
/// Most extensions of a seal or of a signature.
pub const MAX_EXTENSIONS: usize = 64;

/// Which structure it is, by its shape and the version in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// GM/T 0031-2014.
    V1,
    /// GB/T 38540-2020.
    V4,
    /// GM/T 0031-2025.
    V5,
}

impl Version {
    /// The number in the header of a seal of this version.
    pub const fn number(self) -> u64 {
        match self {
            Self::V1 => 1,
            Self::V4 => 4,
            Self::V5 => 5,
        }
    }

    /// The standard, for people.
    pub const fn standard(self) -> &'static str {
        match self {
            Self::V1 => "GM/T 0031-2014",
            Self::V4 => "GB/T 38540-2020",
            Self::V5 => "GM/T 0031-2025",
        }
    }
}

impl From<Version> for crate::pki::build::seal::Version {
    fn from(version: Version) -> Self {
        match version {
            Version::V1 => Self::V1,
            Version::V4 => Self::V4,
            Version::V5 => Self::V5,
        }
    }
}

/// Why octets are no seal and no seal signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The encoding of a field is broken.
    #[error("{0}: {1}")]
    Field(&'static str, TlvError),
    /// A value that the structure does not allow.
    #[error("{0}")]
    Shape(&'static str),
    /// More of something than is read.
    #[error("more {0} than are read")]
    TooMany(&'static str),
}

/// A SEQUENCE around values as they are stored. GM/T 0031-2014 signs a seal's first fields this way.
pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(length.saturating_add(10));
    out.push(crate::pki::tlv::tag::SEQUENCE);
    if let Some(short) = u8::try_from(length).ok().filter(|length| *length < 0x80) {
        out.push(short);
    } else {
        let octets: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect();
        out.push(0x80 | u8::try_from(octets.len()).unwrap_or(8));
        out.extend(octets);
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}
