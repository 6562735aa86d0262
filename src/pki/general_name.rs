//! GeneralName (RFC 5280 §4.2.1.6): the names in subjectAltName, name constraints, distribution points.

use super::{
    name::{Name, text},
    signed_data::read_oid,
    tlv::{Reader, Tlv, TlvError, tag},
};
use crate::crypto::Oid;

/// Most names in one list; more is refused.
pub const MAX_NAMES: usize = 4096;

/// A name of any form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GeneralName {
    /// otherName: its type and the value as stored.
    Other(Oid, Vec<u8>),
    /// rfc822Name.
    Email(String),
    /// dNSName.
    Dns(String),
    /// x400Address, as stored.
    X400(Vec<u8>),
    /// directoryName.
    Directory(Name),
    /// ediPartyName, as stored.
    EdiParty(Vec<u8>),
    /// uniformResourceIdentifier.
    Uri(String),
    /// iPAddress: 4 or 16 octets in a name, 8 or 32 in a constraint.
    Ip(Vec<u8>),
    /// registeredID.
    Registered(Oid),
}

impl GeneralName {
    /// Reads one name by its context tag.
    pub fn from_tlv(value: &Tlv<'_>) -> Result<Self, TlvError> {
        let string = || text(&Tlv { tag: tag::IA5_STRING, ..*value }).ok_or(TlvError::Contents);
        Ok(match value.tag {
            0xa0 => {
                let mut fields = value.children();
                let oid = read_oid(fields.read()?)?;
                let inner = fields.expect(0xa0)?;
                fields.end()?;
                Self::Other(oid, inner.value.to_vec())
            }
            0x81 => Self::Email(string()?),
            0x82 => Self::Dns(string()?),
            0xa3 => Self::X400(value.value.to_vec()),
            0xa4 => Self::Directory(Name::from_der(value.value)?),
            0xa5 => Self::EdiParty(value.value.to_vec()),
            0x86 => Self::Uri(string()?),
            0x87 => Self::Ip(value.value.to_vec()),
            0x88 => Self::Registered(Oid::from_bytes(value.value).map_err(|_| TlvError::Contents)?),
            _ => return Err(TlvError::Unexpected),
        })
    }

    /// Writes the name.
    pub fn to_der(&self) -> Vec<u8> {
        use super::build::encode;
        match self {
            Self::Other(oid, value) => encode::constructed(0xa0, [encode::oid(oid), encode::explicit(0, value)]),
            Self::Email(text) => encode::tlv(0x81, text.as_bytes()),
            Self::Dns(text) => encode::tlv(0x82, text.as_bytes()),
            Self::X400(value) => encode::tlv(0xa3, value),
            Self::Directory(name) => encode::tlv(0xa4, name.der()),
            Self::EdiParty(value) => encode::tlv(0xa5, value),
            Self::Uri(text) => encode::tlv(0x86, text.as_bytes()),
            Self::Ip(octets) => encode::tlv(0x87, octets),
            Self::Registered(oid) => encode::tlv(0x88, oid.as_bytes()),
        }
    }

    /// Reads the names that follow one another in `reader`.
    pub fn list(reader: Reader<'_>) -> Result<Vec<Self>, TlvError> {
        let mut names = Vec::new();
        for value in reader {
            names.push(Self::from_tlv(&value?)?);
            if names.len() > MAX_NAMES {
                return Err(TlvError::Length);
            }
        }
        Ok(names)
    }
}
