//! Names of rows: opaque random identifiers, one type for each kind, so that a session can never stand for a grant.
//!
//! They are 128 random bits in lower-case hexadecimal: safe in URLs and logs, and they tell nothing about a person.
//! [`ClientId`] and [`AgencyId`] may also be chosen by the operator.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The text is no identifier: empty, longer than 128 octets, or with a character outside `A-Z a-z 0-9 . _ : -`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier: 1 to 128 of A-Z a-z 0-9 . _ : -")]
pub struct NotAnId;

fn check(text: &str) -> Result<(), NotAnId> {
    let fits = (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b));
    if fits { Ok(()) } else { Err(NotAnId) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// From 128 random bits.
            pub fn from_random(octets: [u8; 16]) -> Self {
                Self(hex::encode(octets))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                check(text).map(|()| Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAnId;
            fn try_from(text: String) -> Result<Self, NotAnId> {
                check(&text).map(|()| Self(text))
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
    )*};
}

ids! {
    /// An agency: the office that a portal, a verdict or a key belongs to.
    AgencyId
    /// A person or an organisation.
    PartyId
    /// One act that showed who a Party is.
    ProofId
    /// One run from Asked to Spent.
    LoginId
    /// A browser's session after a login.
    SessionId
    /// A portal that delegates login, or a program that calls the API.
    ClientId
    /// What a Party granted a portal in one login: the family of its codes and tokens.
    GrantId
    /// A challenge to be signed, once.
    ChallengeId
    /// A one-time code sent to a phone.
    PhoneCodeId
    /// A record that a Party let a portal see something.
    ConsentId
    /// Bytes that the world said: a certificate list, a registry answer, a frozen bundle.
    EvidenceId
    /// A stored verdict; what a receipt names.
    ReceiptId
    /// A signing that was decided on before the key moved.
    IntentionId
    /// An electronic licence: one version of it.
    LicenceId
    /// An entry of the audit log.
    AuditId
    /// A seal in the register.
    SealId
    /// What one asks about a seal and another decides.
    SealRequestId
    /// What a seal may be used on.
    SealGrantId
    /// One use of a seal.
    SealUseId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_text_is_an_identifier() {
        assert_eq!(PartyId::from_random([0xab; 16]).as_str(), "ab".repeat(16));
        for bad in ["", "a b", "名", "a/b", "a\n", &"x".repeat(129)] {
            assert_eq!(bad.parse::<ClientId>(), Err(NotAnId), "{bad:?}");
        }
        assert!(serde_json::from_str::<ClientId>("\"a b\"").is_err());
        assert_eq!(serde_json::from_str::<ClientId>("\"portal-1\"").unwrap().as_str(), "portal-1");
    }
}
