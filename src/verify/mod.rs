//! Facts, evidence, policy → verdict.
//!
//! [`judge`] is pure: equal facts, evidence, policy and options give equal verdicts, to the byte. It follows the building
//! blocks of ETSI EN 319 102-1: format, signer, arithmetic, chain, revocation, constraints, and the times that time-stamps
//! prove. What it cannot judge is INDETERMINATE and named; nothing is passed over.

pub mod anchor;
pub mod evidence;
pub mod legal;
pub mod policy;
pub mod text;
pub mod verdict;

mod algorithms;
mod chain;
mod findings;
mod needs;
mod signature;
mod signer;
mod token;

pub use anchor::{AnchorRow, RowKind};
pub use evidence::{Evidence, Purpose, TrustAnchor};
pub use needs::{Need, needs, path_needs};
pub use policy::Policy;
pub use text::render_text;
pub use verdict::{Indication, Verdict};

use crate::{
    doc::{
        Facts,
        facts::{Format, ProblemKind, SignatureKind},
    },
    moment::Moment,
};
use evidence::Pool;
use findings::{Detail, Findings};
use legal::Legal;
use policy::row;
use verdict::{Conclusion, PolicyRef, SignatureVerdict, TimestampVerdict};

/// What an unknown revocation status does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Revocation {
    /// It leaves the verdict undecided.
    #[default]
    Hard,
    /// It is a warning.
    Soft,
}

impl Revocation {
    /// As the command line spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hard => "hard",
            Self::Soft => "soft",
        }
    }
}

/// The caller's choices; they are printed on the verdict.
#[derive(Debug, Clone)]
pub struct Options {
    /// Base name of the file, for the verdict alone.
    pub file: String,
    /// The time for which the verdict is asked.
    pub at: Moment,
    /// Whether the caller chose it; a time-stamp file is otherwise judged at its own time.
    pub at_given: bool,
    /// What an unknown revocation status does.
    pub revocation: Revocation,
}

/// What every part of a judgement sees.
struct Context<'a> {
    evidence: &'a Evidence,
    pool: Pool,
    policy: &'a Policy,
    options: &'a Options,
}

impl Context<'_> {
    fn soft(&self) -> bool {
        self.options.revocation == Revocation::Soft
    }
}

/// Judges a document.
pub fn judge(facts: &Facts, evidence: &Evidence, policy: &Policy, options: &Options) -> Verdict {
    let context = Context { evidence, pool: Pool::new(facts, evidence), policy, options };
    let (at, conclusion, signatures, timestamps, legal, defects) = match &facts.timestamp {
        Some(stamp) => judge_timestamp_file(&context, facts, stamp),
        None => judge_signatures(&context, facts),
    };
    Verdict {
        file: options.file.clone(),
        sha256: hex::encode(facts.sha256),
        format: facts.format.name().into(),
        indication: conclusion.indication,
        sub_indication: conclusion.sub_indication(),
        verdict: conclusion.indication.word(),
        policy: PolicyRef {
            id: policy.id.clone(),
            digest: policy.digest().into(),
            revocation: options.revocation.name(),
            at_given: options.at_given,
            relaxed: policy.relaxed(),
            choices: choices(policy, options),
        },
        at,
        signatures,
        timestamps,
        legal: Legal::new(legal),
        defects,
    }
}

/// What the caller chose, as the verdict prints it: with a choice there is no receipt.
fn choices(policy: &Policy, options: &Options) -> Vec<&'static str> {
    let made = [("policy", !policy.is_own()), ("at", options.at_given), ("revocation", options.revocation == Revocation::Soft)];
    made.into_iter().filter_map(|(name, chosen)| chosen.then_some(name)).collect()
}

type Parts = (Moment, Conclusion, Vec<SignatureVerdict>, Vec<TimestampVerdict>, Vec<legal::LegalSignature>, Vec<verdict::Defect>);

fn judge_timestamp_file(context: &Context<'_>, facts: &Facts, stamp: &crate::doc::facts::TimestampFacts) -> Parts {
    let own_time = !context.options.at_given;
    let judged = token::judge(context, None, stamp, own_time);
    let at = stamp.token.as_ref().filter(|_| own_time).map_or(context.options.at, |token| token.time);
    let (mut conclusion, mut defects) = document(context, facts);
    let own = Conclusion { indication: judged.verdict.indication, sub: judged.verdict.sub_indication.clone().unwrap_or_default() };
    if own.indication >= conclusion.indication {
        conclusion = own;
    }
    defects.extend(findings::defects(None, &judged.verdict.checks));
    (at, conclusion, Vec::new(), vec![judged.verdict], Vec::new(), defects)
}

fn judge_signatures(context: &Context<'_>, facts: &Facts) -> Parts {
    let (whole, mut defects) = document(context, facts);
    let mut conclusions = vec![whole];
    let mut timestamps = Vec::new();
    let mut legal = Vec::new();
    // Document time-stamps first: they prove what they cover.
    let mut documents = Vec::new();
    let mut judged = Vec::with_capacity(facts.signatures.len());
    for entry in &facts.signatures {
        judged.push((entry.kind == SignatureKind::DocumentTimestamp).then(|| {
            let (verdict, stamp, proof) = signature::judge_document_timestamp(context, entry);
            documents.extend(proof);
            (verdict, stamp)
        }));
    }
    let only_documents = judged.iter().all(Option::is_some);
    let mut signatures = Vec::with_capacity(facts.signatures.len());
    for (entry, document) in facts.signatures.iter().zip(judged) {
        if let Some((verdict, stamp)) = document {
            if only_documents {
                conclusions.push(of(&verdict));
            }
            timestamps.push(stamp);
            signatures.push(verdict);
        } else {
            let judged = signature::judge(context, entry, &documents);
            conclusions.push(of(&judged.verdict));
            legal.push(legal::articles(facts.format.name(), &judged.verdict, context.options.at));
            timestamps.extend(judged.timestamps);
            signatures.push(judged.verdict);
        }
    }
    for signature in &signatures {
        defects.extend(findings::defects(Some(&signature.id), &signature.checks));
    }
    // Among equals the first in document order gives the reason.
    let worst = conclusions.iter().map(|conclusion| conclusion.indication).max();
    let conclusion = conclusions.into_iter().find(|conclusion| Some(conclusion.indication) == worst);
    (context.options.at, conclusion.unwrap_or(Conclusion::PASSED), signatures, timestamps, legal, defects)
}

fn of(verdict: &SignatureVerdict) -> Conclusion {
    Conclusion { indication: verdict.indication, sub: verdict.sub_indication.clone().unwrap_or_default() }
}

/// What is to be said of the document as a whole.
fn document(context: &Context<'_>, facts: &Facts) -> (Conclusion, Vec<verdict::Defect>) {
    let mut findings = Findings::new(context.policy);
    if let Format::Unsupported { name, sub_indication } = facts.format {
        findings.unmet(row::SUPPORTED, Conclusion::indeterminate(sub_indication), Detail::new(name, name));
    }
    for problem in &facts.problems {
        let detail = Detail::new(problem.zh.clone(), problem.en.clone());
        match problem.kind {
            ProblemKind::Malformed => findings.unmet(row::FORMAT, Conclusion::failed("FORMAT_FAILURE"), detail),
            ProblemKind::Constraint => {
                findings.unmet(row::CONSTRAINTS, Conclusion::indeterminate("SIG_CONSTRAINTS_FAILURE"), detail);
            }
            ProblemKind::Unsupported(name) => findings.unmet(row::SUPPORTED, Conclusion::indeterminate(name), detail),
            ProblemKind::Algorithm => findings.unmet(row::ALGORITHMS, Conclusion::indeterminate("CRYPTO_CONSTRAINTS_FAILURE"), detail),
            ProblemKind::Notice => findings.unmet(row::DEVIATIONS, Conclusion::PASSED, detail),
        }
    }
    let pass_so_far = findings.conclusion().indication == Indication::Passed;
    if pass_so_far && facts.signatures.is_empty() && facts.timestamp.is_none() {
        findings.unmet(row::PRESENT, Conclusion::indeterminate("NO_SIGNATURE"), Detail::default());
    }
    for unjudged in &facts.unjudged {
        let (sub, zh, en) = signature::named(*unjudged);
        findings.unmet(row::JUDGED, Conclusion::indeterminate(sub), Detail::new(zh, en));
    }
    let conclusion = findings.conclusion();
    (conclusion, findings::defects(None, &findings.checks()))
}
