//! Identifiers: random for what we make (a Party, a proof, a session), chosen for what an operator names (an agency, a portal).
//!
//! No identifier says anything about a person; the verified number lives in a sealed attribute, found by keyed hash.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! random_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// From 16 random octets (UUID version 4, RFC 9562 §5.4).
            pub const fn from_random(octets: [u8; 16]) -> Self {
                Self(uuid::Builder::from_random_bytes(octets).into_uuid())
            }

            /// The UUID's 16 octets.
            pub const fn octets(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                // Only the canonical form: one identifier has one spelling.
                Uuid::try_parse(text).ok().filter(|id| id.to_string() == text).map(Self).ok_or(NotAnId)
            }
        }
    )* };
}

macro_rules! named_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;

            fn try_from(text: String) -> Result<Self, NotAnId> {
                let fits = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
                if fits { Ok(Self(text)) } else { Err(NotAnId) }
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )* };
}

random_ids! {
    /// A person or an organisation, as we know it inside; never shown to a portal (see pairwise `sub`).
    PartyId;
    /// One [`crate::login::Proof`].
    ProofId;
    /// One kept piece of evidence.
    EvidenceId;
    /// One session of a browser; not the cookie's secret.
    SessionId;
}

named_ids! {
    /// An agency that owns portals, cases and receipts.
    AgencyId;
    /// A portal (relying party): the `client_id` of RFC 6749 §2.2.
    ClientId;
}

/// The text is not an identifier of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier")]
pub struct NotAnId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_only() {
        let id = PartyId::from_random([0xab; 16]);
        assert_eq!(id.to_string().parse::<PartyId>().unwrap(), id);
        assert!(id.to_string().to_uppercase().parse::<PartyId>().is_err());
        assert!(id.to_string().replace('-', "").parse::<PartyId>().is_err());
        assert!("portal one".parse::<ClientId>().is_err());
        assert!("".parse::<ClientId>().is_err());
        assert!("portal-1.example".parse::<ClientId>().is_ok());
    }
}
