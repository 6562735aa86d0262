//! The verdict as its JSON says it: read back, so that kept verdicts report like fresh ones.

use super::ReportError;
use crate::moment::Moment;
use crate::verify::{AnchorRow, Verdict};
use serde::Deserialize;

/// A verdict. The fields are those of [`Verdict`]; what an older one lacks is empty.
#[derive(Debug, Clone, Deserialize)]
#[expect(missing_docs, reason = "described at verify::verdict")]
pub struct Report {
    pub file: String,
    pub sha256: String,
    pub format: String,
    pub indication: String,
    pub sub_indication: Option<String>,
    pub verdict: String,
    pub policy: Policy,
    pub at: Moment,
    pub signatures: Vec<Signature>,
    pub timestamps: Vec<Timestamp>,
    #[serde(default)]
    pub legal: Legal,
    pub defects: Vec<Defect>,
}

impl Report {
    /// Reads a verdict's JSON.
    ///
    /// # Errors
    /// [`ReportError::Verdict`] if it is none.
    pub fn from_json(octets: &[u8]) -> Result<Self, ReportError> {
        Ok(serde_json::from_slice(octets)?)
    }

    /// From a verdict, by way of its JSON.
    ///
    /// # Errors
    /// None that a verdict of this program could give.
    pub fn new(verdict: &Verdict) -> Result<Self, ReportError> {
        Self::from_json(&serde_json::to_vec(verdict)?)
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Policy {
    pub id: String,
    pub digest: String,
    #[serde(default)]
    pub revocation: String,
    #[serde(default)]
    pub relaxed: Vec<String>,
    /// Absent on verdicts from before choices were told: then nobody knows that there were none.
    pub choices: Option<Vec<String>>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Signature {
    pub id: String,
    pub kind: String,
    pub indication: String,
    pub sub_indication: Option<String>,
    pub level: Option<String>,
    pub signature_algorithm: String,
    pub digest_algorithm: String,
    pub signer: Option<Signer>,
    #[serde(default)]
    pub anchor: Option<Anchor>,
    pub claimed_time: Option<Moment>,
    pub best_time: Option<Moment>,
    pub best_time_source: String,
    pub at_signing: String,
    pub now: String,
    pub covers: String,
    pub changes_after: String,
    pub checks: Vec<Check>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Signer {
    pub subject: String,
    pub kind: String,
    pub name: Option<String>,
    pub id_masked: Option<String>,
    pub uscc: Option<String>,
    pub issuer: String,
    pub serial: String,
    pub cert_sha256: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Anchor {
    pub subject: String,
    pub cert_sha256: String,
    #[serde(default)]
    pub rows: Vec<AnchorRow>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Check {
    pub id: String,
    pub status: String,
    pub clause: String,
    pub question: String,
    pub answer: String,
    #[serde(default)]
    pub question_en: String,
    #[serde(default)]
    pub answer_en: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Timestamp {
    pub signature: Option<String>,
    pub kind: String,
    pub indication: String,
    pub sub_indication: Option<String>,
    pub time: Option<Moment>,
    pub serial: Option<String>,
    pub authority: Option<Signer>,
    pub checks: Vec<Check>,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct Legal {
    pub law: String,
    pub signatures: Vec<LegalSignature>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct LegalSignature {
    pub id: String,
    pub articles: Vec<Article>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Article {
    pub article: String,
    pub question: String,
    pub answer: String,
    pub evidence: String,
    #[serde(default)]
    pub checks: Vec<String>,
    pub question_en: String,
    pub evidence_en: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Defect {
    pub signature: Option<String>,
    pub id: String,
    #[serde(default)]
    pub clause: String,
    pub what: String,
    pub fix: String,
    pub what_en: String,
    pub fix_en: String,
}
