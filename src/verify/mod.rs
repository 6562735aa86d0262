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
pub mod chain;

mod findings;
pub mod frozen;
pub mod licence;
mod needs;
mod poe;
mod proofs;
mod reach;
mod record;
pub mod register;
mod seal;
mod signature;
mod signer;
mod token;

pub use anchor::{AnchorRow, RowKind};
pub use evidence::{Evidence, Purpose, TrustAnchor};
pub use findings::Detail;
pub use needs::{Need, needs, path_needs};
pub use policy::Policy;
pub use record::{Record, Statement, members};
pub use text::render_text;
pub use verdict::{Indication, Verdict};

use crate::{
    doc::{
        Facts,
        facts::{Format, ProblemKind, SignatureFacts, SignatureKind, SignerFacts, TimestampFacts},
    },
    moment::Moment,
};
use chain::{Chain, Use};
use evidence::Pool;
use findings::Findings;
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
    chains: Option<&'a dyn Chains>,
}

/// Chains that were found elsewhere: the judge then weighs facts without any certificate at hand.
pub trait Chains {
    /// The chain of a signer; `None` if its certificate is not known.
    fn chain(&self, signer: &SignerFacts, used: Use) -> Option<Chain>;
}

impl Context<'_> {
    /// The chain of a signer, of several the one preferred at `moment`.
    fn chain(&self, signer: &SignerFacts, used: Use, moment: Moment) -> Option<Chain> {
        match self.chains {
            Some(chains) => chains.chain(signer, used),
            None => Some(chain::find(self, &self.pool, signer.certificate.as_ref()?, moment, used)),
        }
    }

    fn soft(&self) -> bool {
        self.options.revocation == Revocation::Soft
    }
}

/// Judges a document.
pub fn judge(facts: &Facts, evidence: &Evidence, policy: &Policy, options: &Options) -> Verdict {
    verdict(facts, &Context { evidence, pool: Pool::new(facts, evidence), policy, options, chains: None })
}

/// Since when octets are proven to have existed by the time-stamps at hand; `None` if nothing proves it.
pub fn proven(facts: &Facts, evidence: &Evidence, policy: &Policy, options: &Options, octets: &[u8]) -> Option<Moment> {
    let context = &Context { evidence, pool: Pool::new(facts, evidence), policy, options, chains: None };
    proofs::collect(context, facts, &evidence::kept(&context.pool, facts)).poes.get(&evidence::id_of(octets)).map(|proof| proof.latest)
}

/// What a document is recognised by when it comes again, whatever was added to it: its own digest and those of its signatures'
/// values.
pub fn identities(facts: &Facts) -> Vec<[u8; 32]> {
    let mut found = vec![facts.sha256];
    let signed = facts.signatures.iter().filter(|entry| entry.kind != SignatureKind::DocumentTimestamp);
    found.extend(signed.map(|entry| entry.signer.signature_value_sha256).filter(|id| *id != [0; 32]));
    found.sort_unstable();
    found.dedup();
    found
}

/// Judges facts whose chains are known already, as [`judge`] does.
pub fn judge_chains(facts: &Facts, chains: &dyn Chains, policy: &Policy, options: &Options) -> Verdict {
    let evidence = &Evidence::default();
    verdict(facts, &Context { evidence, pool: Pool::new(facts, evidence), policy, options, chains: Some(chains) })
}

fn verdict(facts: &Facts, context: &Context<'_>) -> Verdict {
    let facts = &*with_countersignatures(facts);
    let Context { policy, options, .. } = context;
    let (at, conclusion, signatures, timestamps, legal, mut defects) = match &facts.timestamp {
        Some(stamp) => judge_timestamp_file(context, facts, stamp),
        None => judge_signatures(context, facts),
    };
    let licence = facts.licence.as_ref().map(|licence| licence::judge(context, licence, &conclusion, &signatures, at));
    let (licence, conclusion) = licence.map_or((None, conclusion), |(licence, whole)| (Some(licence), whole));
    defects.extend(licence.iter().flat_map(|licence| findings::defects(None, &licence.checks)));
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
        licence,
    }
}

/// What the caller chose, as the verdict prints it: with a choice there is no receipt.
fn choices(policy: &Policy, options: &Options) -> Vec<&'static str> {
    let made = [("policy", !policy.is_own()), ("at", options.at_given), ("revocation", options.revocation == Revocation::Soft)];
    made.into_iter().filter_map(|(name, chosen)| chosen.then_some(name)).collect()
}

type Parts = (Moment, Conclusion, Vec<SignatureVerdict>, Vec<TimestampVerdict>, Vec<legal::LegalSignature>, Vec<verdict::Defect>);

fn judge_timestamp_file(context: &Context<'_>, facts: &Facts, stamp: &TimestampFacts) -> Parts {
    let own_time = !context.options.at_given;
    let poes = proofs::collect(context, facts, &evidence::kept(&context.pool, facts)).poes;
    let judged = token::judge(context, &poes, None, stamp, own_time);
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
    let proofs = proofs::collect(context, facts, &evidence::kept(&context.pool, facts));
    let only_documents = facts.signatures.iter().all(|entry| entry.kind == SignatureKind::DocumentTimestamp);
    let mut signatures = Vec::with_capacity(facts.signatures.len());
    for (entry, found) in facts.signatures.iter().zip(&proofs.entries) {
        match found {
            proofs::Entry::Document(document) => {
                let (verdict, token) = document.as_ref();
                if only_documents {
                    conclusions.push(of(verdict));
                }
                timestamps.push(token.verdict.clone());
                signatures.push(verdict.clone());
            }
            proofs::Entry::Signature(tokens) => {
                let judged = signature::judge(context, entry, &proofs, tokens);
                conclusions.push(of(&judged));
                // A seal by itself signs nothing.
                if !entry.seal.as_ref().is_some_and(|seal| seal.alone) {
                    legal.push(legal::articles(facts.format.name(), &judged, context.options.at));
                }
                timestamps.extend(tokens.iter().map(|token| token.verdict.clone()));
                signatures.push(judged);
            }
        }
    }
    timestamps.extend(proofs.kept.iter().map(|token| token.verdict.clone()));
    for signature in &signatures {
        defects.extend(findings::defects(Some(&signature.id), &signature.checks));
    }
    // Among equals the first in document order gives the reason.
    let worst = conclusions.iter().map(|conclusion| conclusion.indication).max();
    let conclusion = conclusions.into_iter().find(|conclusion| Some(conclusion.indication) == worst);
    (context.options.at, conclusion.unwrap_or(Conclusion::PASSED), signatures, timestamps, legal, defects)
}

/// The document with everybody who countersigned as an entry of its own: what it covers is the signature it stands on.
fn with_countersignatures(facts: &Facts) -> std::borrow::Cow<'_, Facts> {
    if facts.signatures.iter().all(|entry| entry.signer.countersigners.is_empty()) {
        return std::borrow::Cow::Borrowed(facts);
    }
    let mut signatures = Vec::new();
    let mut pending: Vec<SignatureFacts> = facts.signatures.iter().rev().cloned().collect();
    while let Some(entry) = pending.pop() {
        for (at, signer) in entry.signer.countersigners.iter().enumerate().rev() {
            let id = format!("{}/counter-{}", entry.id, at.saturating_add(1));
            let counter = SignatureFacts::new(id, SignatureKind::Signature, signer.clone());
            pending.push(SignatureFacts { end: entry.end, coverage: entry.coverage, changes: entry.changes.clone(), ..counter });
        }
        signatures.push(entry);
    }
    std::borrow::Cow::Owned(Facts { signatures, ..facts.clone() })
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
