//! The verdict: what `docs/interfaces.md` promises, in fixed field order, so that equal inputs give equal bytes.

use crate::moment::Moment;
use serde::Serialize;

/// ETSI EN 319 102-1 §5.1.3, worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Indication {
    /// Every check passed.
    #[serde(rename = "TOTAL-PASSED")]
    Passed,
    /// Nothing contradicts it, but it cannot be decided.
    #[serde(rename = "INDETERMINATE")]
    Indeterminate,
    /// A definite no.
    #[serde(rename = "TOTAL-FAILED")]
    Failed,
}

impl Indication {
    /// As the standard spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "TOTAL-PASSED",
            Self::Indeterminate => "INDETERMINATE",
            Self::Failed => "TOTAL-FAILED",
        }
    }

    /// The same for people.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Passed => "valid",
            Self::Indeterminate => "undecided",
            Self::Failed => "invalid",
        }
    }

    /// The same for people, in Chinese.
    pub const fn word_zh(self) -> &'static str {
        match self {
            Self::Passed => "有效",
            Self::Indeterminate => "暂无法核验",
            Self::Failed => "无效",
        }
    }

    /// Exit status of the command line.
    pub const fn exit(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::Indeterminate => 2,
        }
    }
}

/// An indication with its sub-indication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// The indication.
    pub indication: Indication,
    /// EN 319 102-1's name in capitals with underscores, or `…_UNSUPPORTED`; empty if passed.
    pub sub: String,
}

impl Conclusion {
    /// Passed.
    pub const PASSED: Self = Self { indication: Indication::Passed, sub: String::new() };

    /// A definite no.
    pub fn failed(sub: impl Into<String>) -> Self {
        Self { indication: Indication::Failed, sub: sub.into() }
    }

    /// Cannot be decided.
    pub fn indeterminate(sub: impl Into<String>) -> Self {
        Self { indication: Indication::Indeterminate, sub: sub.into() }
    }

    /// The worse of the two; this one where they are alike (EN 319 102-1 §5.1.3).
    pub fn worst(self, other: Self) -> Self {
        if other.indication > self.indication { other } else { self }
    }

    /// The sub-indication as it stands on a verdict.
    pub fn sub_indication(&self) -> Option<String> {
        (!self.sub.is_empty()).then(|| self.sub.clone())
    }
}

/// The whole verdict over one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Base name of the file.
    pub file: String,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
    /// Kind of document.
    pub format: String,
    /// The worst of its signatures and seals, and of what is to be said of the licence that it is.
    pub indication: Indication,
    /// Why, if not passed.
    pub sub_indication: Option<String>,
    /// `valid`, `invalid`, `undecided`.
    pub verdict: &'static str,
    /// Under which policy and choices.
    pub policy: PolicyRef,
    /// The time for which it holds.
    pub at: Moment,
    /// Signatures, seals and document time-stamps.
    pub signatures: Vec<SignatureVerdict>,
    /// Time-stamps on signatures and content, and the file itself if it is one.
    pub timestamps: Vec<TimestampVerdict>,
    /// What it is worth under the Electronic Signature Law.
    pub legal: super::legal::Legal,
    /// Everything that stands in the way, at once, each with the smallest fix.
    pub defects: Vec<Defect>,
    /// What is to be said of the licence that the file is; absent for other files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<super::licence::LicenceVerdict>,
}

/// Policy and the caller's choices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicyRef {
    /// Name.
    pub id: String,
    /// Digest of the table, `sm3:…`.
    pub digest: String,
    /// `hard` or `soft`: whether an unknown revocation status leaves the verdict undecided.
    pub revocation: &'static str,
    /// Whether the caller chose the time.
    pub at_given: bool,
    /// Rules that this policy weighs less than the table does.
    pub relaxed: Vec<&'static str>,
    /// What the caller chose: `policy`, `at`, `revocation`. A verdict with choices yields no receipt.
    pub choices: Vec<&'static str>,
}

/// A seal as the verdict shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealVerdict {
    /// Standard of its structure.
    pub standard: &'static str,
    /// Identifier (esID).
    pub id: String,
    /// Name.
    pub name: String,
    /// When it was made.
    pub created: Moment,
    /// From when it may be used.
    pub valid_from: Moment,
    /// Until when.
    pub valid_until: Moment,
    /// Who made it.
    pub maker: Option<SignerVerdict>,
    /// Whether it lists the signer's certificate.
    pub signer_listed: bool,
    /// What its register says of the time when it was used: `in-force`, `suspended`, `revoked`, `expired`, `not-shown` (nobody was
    /// asked, or it was not on record then), `unknown` (the register could not be asked).
    pub status: &'static str,
}

/// The entries of a package as one signature sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PackageVerdict {
    /// Files in the package.
    pub entries: usize,
    /// Files that it protects and that are unchanged.
    pub covered: usize,
    /// Files that nothing protects (200 at most).
    pub uncovered: Vec<String>,
    /// Protected files that are changed.
    pub changed: Vec<String>,
    /// Protected files that are missing.
    pub missing: Vec<String>,
    /// Whether it forbids further signatures.
    pub locked: bool,
    /// Places that show its mark.
    pub stamps: usize,
    /// How many of them show a slice of it (骑缝章).
    pub slices: usize,
}

/// The verdict over one signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignatureVerdict {
    /// Stable inside the document.
    pub id: String,
    /// `signature`, `seal`, `document-timestamp`.
    pub kind: &'static str,
    /// This signature's own.
    pub indication: Indication,
    /// Why, if not passed.
    pub sub_indication: Option<String>,
    /// `B-B`, `B-T`, … as shown, not as claimed; none for signatures outside the ETSI baseline.
    pub level: Option<&'static str>,
    /// Name or identifier.
    pub signature_algorithm: String,
    /// Name or identifier.
    pub digest_algorithm: String,
    /// Who signed; absent if no certificate is at hand.
    pub signer: Option<SignerVerdict>,
    /// The trust anchor at the end of the chain; absent if none was reached.
    pub anchor: Option<AnchorVerdict>,
    /// What the signer says.
    pub claimed_time: Option<Moment>,
    /// Earliest time at which the signature is proven to have existed; what the signer claims if nothing proves one.
    pub best_time: Option<Moment>,
    /// Where that comes from.
    pub best_time_source: &'static str,
    /// State of the certificate at signing.
    pub at_signing: &'static str,
    /// State of the certificate at the time of the verdict.
    pub now: &'static str,
    /// `whole-document`, `earlier-revision`, `partial`.
    pub covers: &'static str,
    /// `none`, `permitted`, `suspicious`, `unjudged`.
    pub changes_after: &'static str,
    /// Of a seal signature: the seal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealVerdict>,
    /// Of a signature in a package: its entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<PackageVerdict>,
    /// Every rule that was looked at.
    pub checks: Vec<Check>,
}

/// Who signed. Numbers of persons are masked, also inside names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignerVerdict {
    /// Distinguished name (RFC 4514).
    pub subject: String,
    /// `person`, `organisation`, `unknown`.
    pub kind: &'static str,
    /// Name of the person or organisation.
    pub name: Option<String>,
    /// A person's number, masked.
    pub id_masked: Option<String>,
    /// Unified social credit code of an organisation.
    pub uscc: Option<String>,
    /// Distinguished name of the issuer.
    pub issuer: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// SHA-256 of the certificate.
    pub cert_sha256: String,
}

/// The trust anchor that a chain ends at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AnchorVerdict {
    /// Distinguished name (RFC 4514).
    pub subject: String,
    /// SHA-256 of its certificate.
    pub cert_sha256: String,
    /// What is recorded of it, with dates.
    pub rows: Vec<super::anchor::AnchorRow>,
}

/// One rule and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Rule.
    pub id: &'static str,
    /// `pass`, `fail`, `warn`, `unknown`.
    pub status: &'static str,
    /// Where the rule comes from.
    pub clause: &'static str,
    /// Question, Chinese.
    pub question: &'static str,
    /// Answer, Chinese.
    pub answer: String,
    /// Remedy, Chinese; absent if nothing is amiss.
    pub remedy: Option<&'static str>,
    /// Question, English.
    pub question_en: &'static str,
    /// Answer, English.
    pub answer_en: String,
    /// Remedy, English.
    pub remedy_en: Option<&'static str>,
}

/// The verdict over one time-stamp.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimestampVerdict {
    /// Which signature it belongs to; absent for a time-stamp file.
    pub signature: Option<String>,
    /// `signature-timestamp`, `content-timestamp`, `document-timestamp`.
    pub kind: &'static str,
    /// Its own indication.
    pub indication: Indication,
    /// Why, if not passed.
    pub sub_indication: Option<String>,
    /// When; absent if it could not be read.
    pub time: Option<Moment>,
    /// How far it may be off, in milliseconds.
    pub accuracy_ms: Option<u64>,
    /// Serial number, lower-case hexadecimal.
    pub serial: Option<String>,
    /// Name or identifier.
    pub signature_algorithm: String,
    /// Digest of what was stamped.
    pub digest_algorithm: Option<&'static str>,
    /// The authority.
    pub authority: Option<SignerVerdict>,
    /// Every rule that was looked at.
    pub checks: Vec<Check>,
}

/// Something that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Defect {
    /// Which signature; absent if the whole file is meant.
    pub signature: Option<String>,
    /// Rule.
    pub id: &'static str,
    /// `fail`, `unknown` or `warn`.
    pub status: &'static str,
    /// Where the rule comes from.
    pub clause: &'static str,
    /// What, Chinese.
    pub what: String,
    /// The smallest fix, Chinese.
    pub fix: &'static str,
    /// What, English.
    pub what_en: String,
    /// The smallest fix, English.
    pub fix_en: &'static str,
}
