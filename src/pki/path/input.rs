//! What a path validation is asked.

use crate::{
    crypto::Oid,
    moment::Moment,
    pki::{Certificate, Crl, OcspResponse},
};
use std::time::Duration;

/// A trust anchor: a certificate that the caller trusts for the purpose at hand. Its own validity, path length and name
/// constraints are enforced (RFC 5937); who trusts it for what is the caller's choice of anchors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The anchor's certificate, self-signed or not.
    pub certificate: Certificate,
}

impl From<Certificate> for Anchor {
    fn from(certificate: Certificate) -> Self {
        Self { certificate }
    }
}

/// What the leaf's key is to be used for (RFC 5280 §4.2.1.3, §4.2.1.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// No demands on key usage or extended key usage.
    Any,
    /// Signing documents, seals, challenges: digitalSignature or nonRepudiation where keyUsage is there; no demand on
    /// extended key usage, since real seal and signing certificates carry all kinds.
    Sign,
    /// A TLS server.
    Server,
    /// A TLS client.
    Client,
    /// Time-stamps (RFC 3161 §2.3): id-kp-timeStamping must be there.
    Timestamp,
    /// OCSP responses (RFC 6960 §4.2.2.2): id-kp-OCSPSigning must be there.
    Ocsp,
    /// CRLs: cRLSign where keyUsage is there.
    CrlSign,
}

impl Purpose {
    /// Whether the certificate serves TLS, where the profile's every rule is kept by those who issue.
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::Server | Self::Client)
    }
}

/// How much revocation information is demanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Revocation {
    /// An unknown status leaves the path undecided.
    #[default]
    Hard,
    /// An unknown status is a warning.
    Soft,
    /// Nothing is checked.
    Off,
}

/// The policy inputs of RFC 5280 §6.1.1 (c), (e)–(g).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyInput {
    /// user-initial-policy-set; empty is any-policy.
    pub acceptable: Vec<Oid>,
    /// initial-explicit-policy.
    pub explicit: bool,
    /// initial-policy-mapping-inhibit.
    pub inhibit_mapping: bool,
    /// initial-any-policy-inhibit.
    pub inhibit_any: bool,
}

/// Bounds on the work done for one question, so that hostile pools of certificates cost no more than honest ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Intermediates at most between leaf and anchor; never more than 256 whatever is asked for.
    pub max_intermediates: usize,
    /// Signatures verified at most, everything included.
    pub signatures: usize,
    /// Complete candidate paths examined at most.
    pub paths: usize,
    /// Steps of the search at most.
    pub steps: usize,
    /// Comparisons of names with name constraints at most.
    pub name_comparisons: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_intermediates: 12, signatures: 400, paths: 64, steps: 5_000, name_comparisons: 250_000 }
    }
}

/// The question: is this certificate good at this moment for this purpose?
#[derive(Debug, Clone)]
pub struct PathInput<'a> {
    /// The certificate in question.
    pub leaf: &'a Certificate,
    /// Certificates that may help and are not trusted.
    pub intermediates: &'a [Certificate],
    /// Trust anchors.
    pub anchors: &'a [Anchor],
    /// Revocation lists of any issuer.
    pub crls: &'a [Crl],
    /// OCSP responses of any responder.
    pub ocsps: &'a [OcspResponse],
    /// The moment for which the question is asked.
    pub at: Moment,
    /// The moment at which it is asked: revocation information produced later does not exist yet. Equal to `at` unless the
    /// question looks back, when newer information about the past counts.
    pub now: Moment,
    /// What the key is used for.
    pub purpose: Purpose,
    /// DNS name or IP address that the leaf must bear.
    pub host: Option<&'a str>,
    /// Policy inputs.
    pub policies: PolicyInput,
    /// How much revocation information is demanded.
    pub revocation: Revocation,
    /// OCSP responders that the caller trusts besides those the issuers authorise.
    pub trusted_responders: &'a [Certificate],
    /// How old revocation information without nextUpdate may be.
    pub max_age: Duration,
    /// Bounds.
    pub limits: Limits,
}

impl<'a> PathInput<'a> {
    /// A question with the defaults: any purpose, any policy, hard revocation, nothing but the anchors given.
    pub fn new(leaf: &'a Certificate, anchors: &'a [Anchor], at: Moment) -> Self {
        Self {
            leaf,
            intermediates: &[],
            anchors,
            crls: &[],
            ocsps: &[],
            at,
            now: at,
            purpose: Purpose::Any,
            host: None,
            policies: PolicyInput::default(),
            revocation: Revocation::default(),
            trusted_responders: &[],
            max_age: Duration::from_secs(24 * 3600),
            limits: Limits::default(),
        }
    }
}
