//! Judging one signature: basic validation, then with the times that its time-stamps prove (EN 319 102-1 §5.3, §5.5).

use super::{
    Context, algorithms,
    anchor::{Recorded, RowKind, recorded},
    chain::{self, Use},
    findings::{Detail, Findings},
    policy::row,
    signer::{Role, SKEW, Standing, Times, anchor, arithmetic, shown, standing},
    token::{self, JudgedToken},
    verdict::{Conclusion, Indication, SignatureVerdict, TimestampVerdict},
};
use crate::{
    doc::facts::{Changes, Coverage, Problem, ProblemKind, SignatureFacts, SignatureKind, TimestampFacts, TimestampKind, Unjudged},
    moment::Moment,
};

/// A proof of existence from outside the signature: when, its latest moment, its name on the verdict.
#[derive(Debug, Clone, Copy)]
pub(super) struct Proof {
    pub time: Moment,
    pub latest: Moment,
    pub source: &'static str,
    /// How far into the file it reaches: it proves only what ends before.
    pub end: u64,
}

/// A judged signature.
pub(super) struct Judged {
    pub verdict: SignatureVerdict,
    pub timestamps: Vec<TimestampVerdict>,
}

/// Judges a signature or seal; `documents` are proofs from the document's time-stamps, of which those count that cover it.
pub(super) fn judge(context: &Context<'_>, entry: &SignatureFacts, documents: &[Proof]) -> Judged {
    let documents: Vec<Proof> = documents.iter().copied().filter(|proof| proof.end > entry.end).collect();
    let mut findings = Findings::new(context.policy);
    let signer = &entry.signer;
    let tokens: Vec<JudgedToken> = signer.timestamps.iter().map(|stamp| token::judge(context, Some(&entry.id), stamp, false)).collect();
    let mut problems = entry.problems.clone();
    if tokens.iter().any(|token| token.malformed) {
        let text = ("所附时间戳不是 RFC 3161 时间戳", "an attached time-stamp is no RFC 3161 token");
        problems.push(Problem::malformed(text.0, text.1));
    }
    arithmetic(&mut findings, signer, &problems);

    let proof = best_proof(&signer.timestamps, &tokens, &documents);
    let claimed = entry.claimed_time.or(signer.signing_time);
    let after = signer.timestamps.iter().zip(&tokens).filter(|(stamp, _)| stamp.kind == TimestampKind::Content);
    let after = after.filter_map(|(_, token)| token.proof).map(|(time, _)| time).max();
    let times = Times { at: context.options.at, proven: proof.map(|proof| proof.latest.min(context.options.at)), after };
    time_checks(&mut findings, &tokens, &times, proof, claimed);

    let standing = match &signer.certificate {
        Some(certificate) => {
            let role = if entry.kind == SignatureKind::Seal { Use::Seal } else { Use::Sign };
            let chain = match times.proven {
                Some(proven) => chain::find(context, certificate, proven, role),
                None => chain::find_now(context, certificate, role),
            };
            let standing = standing(&mut findings, context, chain, &times, Role::Signer);
            algorithms::check(&mut findings, signer, &standing.path, times.validity(), after.or(claimed));
            identity(&mut findings, certificate);
            licence(&mut findings, context, &standing, times.validity());
            standing
        }
        None => {
            algorithms::check(&mut findings, signer, &[], times.validity(), after.or(claimed));
            Standing::unknown()
        }
    };
    coverage(&mut findings, entry);

    let conclusion = findings.conclusion();
    let stamped = proof.is_some_and(|proof| proof.source == "signature-timestamp");
    let verdict = SignatureVerdict {
        id: entry.id.clone(),
        kind: entry.kind.name(),
        indication: conclusion.indication,
        sub_indication: conclusion.sub_indication(),
        level: signer.baseline.then_some(if stamped { "B-T" } else { "B-B" }),
        signature_algorithm: signer.signature_algorithm.clone(),
        digest_algorithm: signer.digest_algorithm.clone(),
        signer: signer.certificate.as_ref().map(shown),
        anchor: anchor(context, &standing.path),
        claimed_time: claimed,
        best_time: proof.map(|proof| proof.time).or(claimed),
        best_time_source: proof.map_or("claimed", |proof| proof.source),
        at_signing: standing.at_signing,
        now: standing.now,
        covers: entry.coverage.name(),
        changes_after: entry.changes.name(),
        checks: findings.checks(),
    };
    Judged { verdict, timestamps: tokens.into_iter().map(|token| token.verdict).collect() }
}

impl Standing {
    fn unknown() -> Self {
        Self { trusted: false, at_signing: "unknown", now: "unknown", path: Vec::new() }
    }
}

/// The earliest proof of existence: signature time-stamps that passed, and what the document proves.
fn best_proof(stamps: &[TimestampFacts], tokens: &[JudgedToken], documents: &[Proof]) -> Option<Proof> {
    let own = stamps.iter().zip(tokens).filter(|(stamp, _)| stamp.kind == TimestampKind::Signature);
    let own = own.filter_map(|(_, token)| token.proof).map(|(time, latest)| Proof { time, latest, source: "signature-timestamp", end: 0 });
    own.chain(documents.iter().copied()).min_by_key(|proof| proof.latest)
}

fn time_checks(findings: &mut Findings<'_>, tokens: &[JudgedToken], times: &Times, proof: Option<Proof>, claimed: Option<Moment>) {
    match proof {
        Some(proof) => findings.met_with(row::TIME_PROVEN, Detail::new(proof.time.to_string(), proof.time.to_string())),
        None => findings.unmet(row::TIME_PROVEN, Conclusion::PASSED, Detail::default()),
    }
    for token in tokens {
        let name = token.verdict.kind;
        match &token.verdict.sub_indication {
            None => findings.met_with(row::TIMESTAMP, Detail::new(name, name)),
            Some(why) => {
                let detail = format!("{name} {} {why}", token.verdict.indication.name());
                findings.unmet(row::TIMESTAMP, Conclusion::indeterminate(why.clone()), Detail::new(detail.clone(), detail));
            }
        }
    }
    if let (Some(after), Some(proof)) = (times.after, proof)
        && after > proof.latest
    {
        let detail = Detail::new("内容时间戳晚于签名时间戳", "the content time-stamp is later than the signature time-stamp");
        findings.unmet(row::ORDER, Conclusion::indeterminate("TIMESTAMP_ORDER_FAILURE"), detail);
    }
    let contradicted = claimed.is_some_and(|claimed| {
        let limit = proof.map_or(times.at, |proof| proof.latest);
        claimed > limit.plus(SKEW) || times.after.is_some_and(|after| claimed.plus(SKEW) < after)
    });
    if contradicted {
        findings.unmet(row::CLAIM, Conclusion::PASSED, Detail::default());
    } else {
        findings.met(row::CLAIM);
    }
}

fn identity(findings: &mut Findings<'_>, certificate: &crate::pki::Certificate) {
    let holder = certificate.holder();
    if holder.citizen_number.is_some() || holder.uscc.is_some() {
        findings.met(row::IDENTITY);
    } else {
        findings.unmet(row::IDENTITY, Conclusion::PASSED, Detail::default());
    }
}

/// Whether the authority is recorded as licensed at the best time. What the signer claims proves nothing here.
fn licence(findings: &mut Findings<'_>, context: &Context<'_>, standing: &Standing, best: Moment) {
    let rows = anchor(context, &standing.path).map(|anchor| anchor.rows).unwrap_or_default();
    match recorded(&rows, RowKind::Licence, best) {
        Recorded::Covered(row) if standing.trusted => {
            let number = row.what.as_deref().unwrap_or_default();
            findings.met_with(row::LICENCE, Detail::new(number, number));
        }
        _ => findings.unmet(row::LICENCE, Conclusion::PASSED, Detail::default()),
    }
}

/// How much is signed, what changed since, what nobody judged (EN 319 102-1 §5.2.8).
fn coverage(findings: &mut Findings<'_>, entry: &SignatureFacts) {
    match entry.coverage {
        Coverage::WholeDocument => findings.met(row::COVERAGE),
        Coverage::EarlierRevision => {
            findings.met_with(row::COVERAGE, Detail::new("签署时的全文，其后另有版本", "the whole of the signed revision; others follow"));
        }
        Coverage::Partial => {
            findings.unmet(row::COVERAGE, Conclusion::indeterminate("SIG_CONSTRAINTS_FAILURE"), Detail::default());
        }
    }
    let listed = |list: &[(String, String)]| {
        let (zh, en): (Vec<_>, Vec<_>) = list.iter().map(|(zh, en)| (zh.as_str(), en.as_str())).unzip();
        Detail::new(zh.join("；"), en.join("; "))
    };
    match &entry.changes {
        Changes::None => findings.met(row::CHANGES),
        Changes::Permitted(list) => findings.met_with(row::CHANGES, listed(list)),
        Changes::Suspicious(list) => findings.unmet(row::CHANGES, Conclusion::failed("FORMAT_FAILURE"), listed(list)),
        Changes::Unjudged => {
            let detail = Detail::new("签署后的改动尚未分析", "what changed after signing is not analysed yet");
            findings.unmet(row::JUDGED, Conclusion::indeterminate("SIG_CONSTRAINTS_FAILURE"), detail);
        }
    }
    for problem in entry.problems.iter().chain(&entry.signer.problems).filter(|problem| problem.kind == ProblemKind::Constraint) {
        let detail = Detail::new(problem.zh.clone(), problem.en.clone());
        findings.unmet(row::CONSTRAINTS, Conclusion::indeterminate("SIG_CONSTRAINTS_FAILURE"), detail);
    }
    if let Some(policy) = entry.signer.policy {
        findings.unmet(row::SIGNATURE_POLICY, Conclusion::PASSED, Detail::new(policy.to_string(), policy.to_string()));
    }
    let mut pending: Vec<Unjudged> = entry.unjudged.iter().chain(&entry.signer.unjudged).copied().collect();
    pending.sort_unstable();
    pending.dedup();
    for unjudged in pending {
        let (sub, zh, en) = named(unjudged);
        findings.unmet(row::JUDGED, Conclusion::indeterminate(sub), Detail::new(zh, en));
    }
}

/// What is not judged yet, by name: the sub-indication and the words.
pub(super) const fn named(unjudged: Unjudged) -> (&'static str, &'static str, &'static str) {
    const SUB: &str = "SIG_CONSTRAINTS_FAILURE";
    match unjudged {
        Unjudged::LaterRevisions => (SUB, "签署之后的版本", "revisions after the signed one"),
        Unjudged::SecurityStore => (SUB, "文档安全存储（DSS）", "the document security store (DSS)"),
        Unjudged::SeedValues => (SUB, "表单对签名的要求（种子值）", "what the form demands of the signature (seed values)"),
        Unjudged::Permissions => {
            (SUB, "认证或锁定的修改权限（DocMDP、FieldMDP）", "permissions of a certification or lock (DocMDP, FieldMDP)")
        }
        Unjudged::ArchiveTimestamp => (SUB, "归档时间戳", "archive time-stamps"),
        Unjudged::ReferenceTimestamp => (SUB, "引用时间戳", "time-stamps over references"),
        Unjudged::CounterSignature => (SUB, "副署（会签）", "counter-signatures"),
        Unjudged::EvidenceRecord => (SUB, "证据记录", "evidence records"),
        Unjudged::ExternalContent => (SUB, "文件之外的内容", "content outside what a reader shows"),
    }
}

/// Judges a document time-stamp as an entry of its own.
pub(super) fn judge_document_timestamp(
    context: &Context<'_>,
    entry: &SignatureFacts,
) -> (SignatureVerdict, TimestampVerdict, Option<Proof>) {
    let facts = TimestampFacts { kind: TimestampKind::Document, token: entry.token.clone(), signer: entry.signer.clone() };
    let judged = token::judge(context, Some(&entry.id), &facts, false);
    let mut findings = Findings::new(context.policy);
    arithmetic(&mut findings, &entry.signer, &entry.problems);
    coverage(&mut findings, entry);
    let outside = findings.conclusion();
    let inside = Conclusion { indication: judged.verdict.indication, sub: judged.verdict.sub_indication.clone().unwrap_or_default() };
    let conclusion = if outside.indication > inside.indication { outside } else { inside };
    let proof = judged.proof.filter(|_| conclusion.indication == Indication::Passed);
    let proof = proof.map(|(time, latest)| Proof { time, latest, source: "document-timestamp", end: entry.end });
    let proof = proof.filter(|_| entry.coverage != Coverage::Partial);
    let mut checks = judged.verdict.checks.clone();
    let known: Vec<&str> = checks.iter().map(|check| check.id).collect();
    let more: Vec<_> = findings.checks().into_iter().filter(|check| !known.contains(&check.id) || check.status != "pass").collect();
    for check in more {
        if !checks.contains(&check) {
            checks.push(check);
        }
    }
    let verdict = SignatureVerdict {
        id: entry.id.clone(),
        kind: entry.kind.name(),
        indication: conclusion.indication,
        sub_indication: conclusion.sub_indication(),
        level: None,
        signature_algorithm: entry.signer.signature_algorithm.clone(),
        digest_algorithm: entry.signer.digest_algorithm.clone(),
        signer: entry.signer.certificate.as_ref().map(shown),
        anchor: None,
        claimed_time: entry.claimed_time,
        best_time: judged.verdict.time,
        best_time_source: "document-timestamp",
        at_signing: "unknown",
        now: "unknown",
        covers: entry.coverage.name(),
        changes_after: entry.changes.name(),
        checks,
    };
    (verdict, judged.verdict, proof)
}
