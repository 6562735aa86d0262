//! What a path validation answers.

use crate::{
    crypto::{Hash, KeyKind, Oid},
    moment::Moment,
    pki::{Certificate, Crl, OcspResponse, Reason, crl::Revoked, extensions::Reasons},
};
use std::fmt;

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Good: every check passed.
    Accepted,
    /// Definitely not.
    Rejected,
    /// Something needed is missing: a chain, a revocation status, an algorithm.
    Undecided,
}

impl Outcome {
    /// `accepted`, `rejected`, `undecided`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Undecided => "undecided",
        }
    }
}

/// What is wrong, or missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FaultKind {
    /// Revoked at or before the moment in question (RFC 5280 §6.1.3 (a)(3)).
    Revoked,
    /// After notAfter (§6.1.3 (a)(2)).
    Expired,
    /// Before notBefore (§6.1.3 (a)(2)).
    NotYetValid,
    /// The issuer's signature does not verify (§6.1.3 (a)(1)).
    Signature,
    /// The certificate's form is defective, or violates a rule of its profile (§4.1, §4.2).
    Malformed,
    /// A critical extension that is not understood (§4.2).
    UnknownCritical,
    /// An issuer that is no certification authority (§6.1.4 (k)).
    NotAuthority,
    /// More intermediates than a path length or the caller allows (§6.1.4 (l), (m)).
    PathLength,
    /// Key usage forbids this use (§6.1.4 (n), §4.2.1.3).
    KeyUsage,
    /// Extended key usage forbids this use (§4.2.1.12).
    ExtendedKeyUsage,
    /// A name outside its permitted or inside an excluded subtree, or of a form that cannot be compared (§6.1.3 (b), (c)).
    NameConstraints,
    /// No acceptable policy (§6.1.3 (f), §6.1.5 (g); RFC 9618).
    Policy,
    /// The leaf does not bear the name asked for (RFC 9525).
    Host,
    /// A key or signature algorithm that is not supported: nothing was verified.
    UnsupportedAlgorithm,
    /// No revocation status is known.
    RevocationUnknown,
    /// No chain to any anchor.
    NoChain,
    /// The search was given up at its bounds.
    Limit,
}

impl FaultKind {
    /// Whether more or newer evidence might still lead to acceptance.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::UnsupportedAlgorithm | Self::RevocationUnknown | Self::NoChain | Self::Limit)
    }

    /// Stable word, as in `revocation-unknown`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::Signature => "signature",
            Self::Malformed => "malformed",
            Self::UnknownCritical => "unknown-critical-extension",
            Self::NotAuthority => "not-an-authority",
            Self::PathLength => "path-length",
            Self::KeyUsage => "key-usage",
            Self::ExtendedKeyUsage => "extended-key-usage",
            Self::NameConstraints => "name-constraints",
            Self::Policy => "policy",
            Self::Host => "name",
            Self::UnsupportedAlgorithm => "unsupported-algorithm",
            Self::RevocationUnknown => "revocation-unknown",
            Self::NoChain => "no-chain",
            Self::Limit => "limit",
        }
    }
}

/// One thing wrong, with the certificate it concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathFault {
    /// What.
    pub kind: FaultKind,
    /// Index into [`PathResult::path`]: 0 is the leaf. `None` concerns the path as a whole.
    pub certificate: Option<usize>,
    /// In words.
    pub detail: String,
}

impl PathFault {
    /// The sub-indication of ETSI EN 319 102-1 (tables 5 and 6) for a signing certificate's path.
    pub const fn sub_indication(&self) -> &'static str {
        let leaf = matches!(self.certificate, Some(0));
        match self.kind {
            FaultKind::Revoked if leaf => "REVOKED",
            FaultKind::Revoked => "REVOKED_CA_NO_POE",
            FaultKind::Expired if leaf => "EXPIRED",
            FaultKind::NotYetValid if leaf => "NOT_YET_VALID",
            FaultKind::NoChain | FaultKind::Limit => "NO_CERTIFICATE_CHAIN_FOUND",
            FaultKind::RevocationUnknown => "TRY_LATER",
            FaultKind::KeyUsage
            | FaultKind::ExtendedKeyUsage
            | FaultKind::NameConstraints
            | FaultKind::Policy
            | FaultKind::PathLength
            | FaultKind::NotAuthority
            | FaultKind::UnknownCritical
            | FaultKind::Host => "CHAIN_CONSTRAINTS_FAILURE",
            FaultKind::Expired | FaultKind::NotYetValid | FaultKind::Signature | FaultKind::Malformed | FaultKind::UnsupportedAlgorithm => {
                "CERTIFICATE_CHAIN_GENERAL_FAILURE"
            }
        }
    }
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.certificate {
            Some(0) => write!(f, "{} (leaf): {}", self.kind.name(), self.detail),
            Some(at) => write!(f, "{} (issuer {at}): {}", self.kind.name(), self.detail),
            None => write!(f, "{}: {}", self.kind.name(), self.detail),
        }
    }
}

/// What is known about one certificate's revocation, whatever the moment in question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Not revoked, as of the evidence.
    Good,
    /// Revoked; compare `at` with the moment in question.
    Revoked {
        /// When.
        at: Moment,
        /// Why.
        reason: Reason,
    },
    /// Not known, and why.
    Unknown(String),
    /// Nothing was looked up: anchors, responders with ocsp-nocheck, revocation off.
    NotChecked,
}

/// The evidence on which a status rests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevocationEvidence {
    /// A list, with the delta list that brought it up to date.
    Crl {
        /// The complete list.
        base: Crl,
        /// The delta list.
        delta: Option<Crl>,
    },
    /// An OCSP response.
    Ocsp(OcspResponse),
}

/// Which part of the question a statement was read from: positions in [`super::PathInput::crls`] and [`super::PathInput::ocsps`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatementSource {
    /// A list, with the delta list that brought it up to date.
    Crl {
        /// The complete list.
        base: usize,
        /// The delta list.
        delta: Option<usize>,
    },
    /// An OCSP response.
    Ocsp(usize),
}

/// One authentic statement about a certificate's revocation, whatever the moment in question: who judges the past weighs it by
/// when it is proven to have existed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementFact {
    /// Where it stands.
    pub source: StatementSource,
    /// The revocation, if it tells of one.
    pub revoked: Option<Revoked>,
    /// The reasons it speaks about.
    pub reasons: Reasons,
    /// As of when it speaks.
    pub this_update: Moment,
    /// When newer information is due; without it, as far as the question's `max_age` reaches.
    pub next_update: Option<Moment>,
    /// How far back it remembers expired certificates (RFC 6960 §4.4.4).
    pub archive_cutoff: Option<Moment>,
    /// Whose key signed it.
    pub signer: Certificate,
    /// When that certificate was revoked, if it was.
    pub signer_revoked: Option<Moment>,
    /// Digest of its signature, where the algorithm has one.
    pub digest: Option<Hash>,
}

/// Revocation of one certificate of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevocationFact {
    /// The status.
    pub status: Status,
    /// On what it rests.
    pub evidence: Option<RevocationEvidence>,
    /// Since when the key may have been in wrong hands, where a list says so (invalidityDate).
    pub invalid_since: Option<Moment>,
    /// As of when the evidence speaks.
    pub this_update: Option<Moment>,
    /// When newer evidence is due.
    pub next_update: Option<Moment>,
    /// Everything authentic that speaks about it.
    pub statements: Vec<StatementFact>,
}

impl RevocationFact {
    /// Nothing was looked up.
    pub const NOT_CHECKED: Self = Self {
        status: Status::NotChecked,
        evidence: None,
        invalid_since: None,
        this_update: None,
        next_update: None,
        statements: Vec::new(),
    };

    /// Whether the certificate was revoked at or before `at`.
    pub fn revoked_by(&self, moment: Moment) -> Option<(Moment, Reason)> {
        match self.status {
            Status::Revoked { at, reason } if at <= moment => Some((at, reason)),
            _ => None,
        }
    }
}

/// How one certificate of the path is signed, for the judge's policy on algorithms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkFact {
    /// Name of the signature algorithm, as in `sm2-with-sm3`.
    pub algorithm: String,
    /// The subject's key.
    pub key: Option<KeyKind>,
}

/// The answer.
#[derive(Debug, Clone)]
pub struct PathResult {
    /// In one word.
    pub outcome: Outcome,
    /// Why not accepted: the most telling of `faults`.
    pub reason: Option<PathFault>,
    /// The path found, from the leaf to the anchor; only the leaf where there is none.
    pub path: Vec<Certificate>,
    /// How each certificate of the path is signed.
    pub links: Vec<LinkFact>,
    /// Revocation of each certificate of the path.
    pub revocation: Vec<RevocationFact>,
    /// Everything found wrong with the path.
    pub faults: Vec<PathFault>,
    /// What is odd and does not count against it.
    pub warnings: Vec<PathFault>,
    /// The user-constrained policy set (RFC 5280 §6.1.6); contains any-policy where nothing constrains it.
    pub policies: Vec<Oid>,
}

impl PathResult {
    /// The anchor the path ends in, if it reached one.
    pub fn anchor(&self) -> Option<&Certificate> {
        self.path.last().filter(|_| !self.faults.iter().any(|fault| matches!(fault.kind, FaultKind::NoChain)))
    }
}
