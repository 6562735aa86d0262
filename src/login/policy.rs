//! What a portal may and must use of the protocol, as registered.

use super::client::{BadRegistration, Registration};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// `grant_types` (RFC 7591 §2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// The code flow (RFC 6749 §4.1).
    AuthorizationCode,
    /// Refresh tokens (RFC 6749 §6), with the scope `offline_access`.
    RefreshToken,
}

/// What a portal may and must use.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Policy {
    /// The grants that it may use.
    pub grant_types: BTreeSet<GrantType>,
}

impl Policy {
    /// From a registration, checked.
    pub fn new(registration: &Registration) -> Result<Self, BadRegistration> {
        let grant_types = registration.grant_types.clone();
        if !grant_types.contains(&GrantType::AuthorizationCode) {
            return Err(BadRegistration::Policy("grant_types must contain authorization_code"));
        }
        Ok(Self { grant_types })
    }

    /// Whether it may have refresh tokens.
    pub fn may_refresh(&self) -> bool {
        self.grant_types.contains(&GrantType::RefreshToken)
    }
}
