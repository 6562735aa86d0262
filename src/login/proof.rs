//! A Proof: one act that showed who a Party is, with method, time, level and evidence.

use super::Level;
use crate::ids::{EvidenceId, PartyId, ProofId};
use crate::moment::Moment;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How it was shown.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Name and number matched in the registry, then a one-time code to the phone that the registry gives.
    RegistryPhone,
    /// A person's certificate signed our challenge.
    Certificate,
    /// An organisation's certificate signed our challenge: proves the organisation, not whose hand held it.
    OrganisationCertificate,
    /// Credit code whose legal representative, by the registry, is the logged-in person.
    OrganisationRepresentative,
    /// A passkey with user verification, bound to an account that another proof opened.
    Passkey,
    /// A clerk saw the person and the document.
    Counter,
    /// The organisation signed a mandate: the person may act for it in the matters named there.
    Mandate,
}

/// Every method, in the order of the source.
pub const METHODS: [Method; 7] = [
    Method::RegistryPhone,
    Method::Certificate,
    Method::OrganisationCertificate,
    Method::OrganisationRepresentative,
    Method::Passkey,
    Method::Counter,
    Method::Mandate,
];

impl Method {
    /// What the act says about *who the Party is*; `None` if it only recognises somebody known before.
    pub const fn identity_level(self) -> Option<Level> {
        match self {
            Self::RegistryPhone => Some(Level::RealName),
            Self::Certificate | Self::OrganisationCertificate | Self::Counter => Some(Level::RealCredential),
            // As sure as the representative's session was: the proof's `cap` says how sure.
            Self::OrganisationRepresentative => Some(Level::RealCredential),
            // A mandate says who may act, not who the organisation is.
            Self::Passkey | Self::Mandate => None,
        }
    }

    /// What the act says about *who is here now*; `None` if it authenticates nobody.
    pub const fn authenticator_level(self) -> Option<Level> {
        match self {
            // One factor: whoever holds the phone.
            Self::RegistryPhone => Some(Level::RealName),
            // Two factors (device and user verification), resistant to phishing; the key may be a synchronised one.
            Self::Passkey | Self::Counter => Some(Level::RealPerson),
            Self::Certificate | Self::OrganisationCertificate => Some(Level::RealCredential),
            Self::OrganisationRepresentative | Self::Mandate => None,
        }
    }

    /// Authentication method references (RFC 8176 §2) that hold for this act. We cannot see whether a certificate's key sits in
    /// hardware, so neither `hwk` nor `swk` is claimed.
    pub const fn amr(self) -> &'static [&'static str] {
        match self {
            Self::RegistryPhone => &["otp", "sms"],
            Self::Certificate | Self::OrganisationCertificate => &["pop"],
            Self::OrganisationRepresentative | Self::Mandate => &[],
            Self::Passkey => &["mfa", "pop", "user"],
            Self::Counter => &["user"],
        }
    }

    /// The name stored and sent.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RegistryPhone => "registry-phone",
            Self::Certificate => "certificate",
            Self::OrganisationCertificate => "organisation-certificate",
            Self::OrganisationRepresentative => "organisation-representative",
            Self::Passkey => "passkey",
            Self::Counter => "counter",
            Self::Mandate => "mandate",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a method of proof")]
pub struct NotAMethod;

impl FromStr for Method {
    type Err = NotAMethod;

    fn from_str(text: &str) -> Result<Self, NotAMethod> {
        METHODS.into_iter().find(|method| method.name() == text).ok_or(NotAMethod)
    }
}

/// One act that showed who a Party is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Proof {
    /// Our identifier of the act.
    pub id: ProofId,
    /// Whom it shows.
    pub party: PartyId,
    /// How.
    pub method: Method,
    /// When.
    pub at: Moment,
    /// From this moment it counts for nothing: it was revoked, or what it rests on has run out; `None`: no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// No higher than this, whatever the method says: a foreign issuer's cap, the representative's own level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap: Option<Level>,
    /// The evidence kept: registry answer, challenge and signature with the certificate's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<EvidenceId>,
    /// Who checked: the connector or authority, as it may be named to a portal (`verified_claims.verification.verifier`).
    pub verifier: String,
}

impl Proof {
    /// What this act still says at `at` about who the Party is.
    pub fn identity_level(&self, at: Moment) -> Option<Level> {
        let current = self.at <= at && self.until.is_none_or(|until| at < until);
        if current { self.capped(self.method.identity_level()) } else { None }
    }

    /// What this act still says at `at` about who is here, age counted.
    pub fn authenticator_level(&self, at: Moment) -> Option<Level> {
        // An act from the future (a clock set back) supports nothing, nor does one that was revoked since.
        if at < self.at || self.until.is_some_and(|until| until <= at) {
            return None;
        }
        self.capped(self.method.authenticator_level())?.aged(at.since(self.at))
    }

    fn capped(&self, level: Option<Level>) -> Option<Level> {
        level.map(|level| self.cap.map_or(level, |cap| level.min(cap)))
    }
}
