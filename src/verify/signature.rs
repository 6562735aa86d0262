//! Judging one signature: basic validation, then with what time-stamps prove (EN 319 102-1 §5.3, §5.5, §5.6).

use super::{
    Context, algorithms,
    anchor::{Recorded, RowKind, recorded},
    chain::Use,
    findings::{Detail, Findings},
    poe::{Poes, Proof},
    policy::row,
    proofs::Proofs,
    reach::{Clock, weak},
    seal,
    signer::{Role, SKEW, Standing, Times, anchor, arithmetic, shown, shown_as, standing},
    token::{self, JudgedToken},
    verdict::{AnchorVerdict, Conclusion, Indication, SignatureVerdict},
};
use crate::{
    doc::facts::{Changes, Coverage, Problem, ProblemKind, SignatureFacts, SignatureKind, TimestampFacts, TimestampKind, Unjudged},
    moment::Moment,
    pki::holder::Holder,
};

/// Judges a signature or seal by what is proven of it; `tokens` are its own time-stamps.
pub(super) fn judge(context: &Context<'_>, entry: &SignatureFacts, proofs: &Proofs, tokens: &[JudgedToken]) -> SignatureVerdict {
    if let Some(alone) = entry.seal.as_ref().filter(|seal| seal.alone) {
        return seal::alone(context, entry, alone, &proofs.poes);
    }
    let mut findings = Findings::new(context.policy);
    let signer = &entry.signer;
    let mut problems = entry.problems.clone();
    if tokens.iter().any(|token| token.malformed && token.kind != TimestampKind::Archive) {
        let text = ("所附时间戳不是 RFC 3161 时间戳", "an attached time-stamp is no RFC 3161 token");
        problems.push(Problem::malformed(text.0, text.1));
    }
    let at = context.options.at;
    let proof = proofs.poes.get(&signer.signature_value_sha256);
    let claimed = entry.claimed_time.or(signer.signing_time);
    let after = tokens.iter().filter(|token| token.kind == TimestampKind::Content);
    let after = after.filter_map(|token| token.proof).map(|proof| proof.time).max();
    let times = Times { at, proven: proof.map(|proof| proof.latest.min(at)), after };

    let role = if entry.kind == SignatureKind::Seal { Use::Seal } else { Use::Sign };
    let chain = context.chain(signer, role, times.validity());
    arithmetic(&mut findings, signer, chain.is_some(), &problems);
    time_checks(&mut findings, entry, proofs, tokens, &times, proof, claimed);
    let standing = match chain {
        Some(chain) => {
            // Whoever presents the document chose what it brings: without a proof of time an older list, still current by its own word,
            // hides a revocation.
            let clock = Clock { poes: &proofs.poes, looking: at, proven: times.validity(), independent: times.proven.is_none() };
            standing(&mut findings, context, chain, &clock, &times, Role::Signer)
        }
        None => Standing::UNKNOWN,
    };
    let key = standing.key.or_else(|| Some(signer.certificate.as_ref()?.public_key().ok()?.kind()));
    let weak: Vec<_> = weak(None, key, times.validity()).into_iter().chain(standing.weak.clone()).collect();
    algorithms::check(&mut findings, signer, &weak, times.validity(), after.or(claimed));
    let holder = signer.certificate.as_ref().map(|certificate| (certificate, certificate.holder()));
    let anchor = anchor(context, &standing.path);
    if let Some((_, holder)) = &holder {
        identity(&mut findings, holder);
        licence(&mut findings, anchor.as_ref(), &standing, times.validity());
    }
    if let Some(package) = &entry.package {
        seal::package(&mut findings, package);
    }
    seal::seal(&mut findings, context, &proofs.poes, entry, &times, claimed);
    coverage(&mut findings, entry);

    let conclusion = findings.conclusion();
    SignatureVerdict {
        id: entry.id.clone(),
        kind: entry.kind.name(),
        indication: conclusion.indication,
        sub_indication: conclusion.sub_indication(),
        level: signer.baseline.then(|| level(context, entry, proofs, tokens, &standing)),
        signature_algorithm: signer.signature_algorithm.clone(),
        digest_algorithm: signer.digest_algorithm.clone(),
        signer: holder.map(|(certificate, holder)| shown_as(certificate, holder)),
        anchor,
        claimed_time: claimed,
        best_time: proof.map(|proof| proof.time).or(claimed),
        best_time_source: proof.map_or("claimed", |proof| proof.source),
        at_signing: standing.at_signing,
        now: standing.now,
        covers: entry.coverage.name(),
        changes_after: entry.changes.name(),
        seal: seal::shown_seal(context, entry, &times, claimed),
        package: seal::shown_package(entry),
        checks: findings.checks(),
    }
}

/// The baseline level that is there, not the one that is claimed (EN 319 122-1 §6, EN 319 142-1 §6): a time-stamp that counts; the
/// signer's chain with its revocation data inside the document; a later time-stamp over all of that.
fn level(context: &Context<'_>, entry: &SignatureFacts, proofs: &Proofs, tokens: &[JudgedToken], standing: &Standing) -> &'static str {
    let own = tokens.iter().any(|token| token.kind == TimestampKind::Signature && token.proof.is_some());
    let value = entry.signer.signature_value_sha256;
    if !own && !proofs.cover(&[value]) {
        return "B-B";
    }
    let Some(material) = standing.material.as_ref().filter(|material| material.iter().all(|id| context.pool.is_carried(id))) else {
        return "B-T";
    };
    let all: Vec<_> = material.iter().copied().chain([value]).collect();
    if proofs.cover(&all) { "B-LTA" } else { "B-LT" }
}

fn time_checks(
    findings: &mut Findings<'_>,
    entry: &SignatureFacts,
    proofs: &Proofs,
    tokens: &[JudgedToken],
    times: &Times,
    proof: Option<Proof>,
    claimed: Option<Moment>,
) {
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
    let detail = if times.after.zip(proof).is_some_and(|(after, proof)| after > proof.latest) {
        Some(Detail::new("内容时间戳晚于签名时间戳", "the content time-stamp is later than the signature time-stamp"))
    } else if proofs.contradicted(&entry.signer.signature_value_sha256) {
        Some(Detail::new("时间戳早于其所覆盖的时间戳", "a time-stamp is earlier than one that it covers"))
    } else {
        None
    };
    if let Some(detail) = detail {
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

fn identity(findings: &mut Findings<'_>, holder: &Holder) {
    if holder.citizen_number.is_some() || holder.uscc.is_some() {
        findings.met(row::IDENTITY);
    } else {
        findings.unmet(row::IDENTITY, Conclusion::PASSED, Detail::default());
    }
}

/// Whether the authority is recorded as licensed at the best time. What the signer claims proves nothing here.
fn licence(findings: &mut Findings<'_>, anchor: Option<&AnchorVerdict>, standing: &Standing, best: Moment) {
    let rows = anchor.map(|anchor| anchor.rows.as_slice()).unwrap_or_default();
    match recorded(rows, RowKind::Licence, best) {
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
            findings.unmet(row::COVERAGE, Conclusion::indeterminate("SIG_CONSTRAINTS_FAILURE"), seal::uncovered(entry));
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
        Changes::Unjudged(list) => {
            let told = listed(list);
            let detail = Detail::new(
                format!("签署后的改动不能判定：{}", told.zh),
                format!("changes after signing that cannot be settled: {}", told.en),
            );
            findings.unmet(row::JUDGED, Conclusion::indeterminate("SIG_CONSTRAINTS_FAILURE"), detail);
        }
    }
    for problem in entry.problems.iter().chain(&entry.signer.problems).filter(|problem| problem.kind == ProblemKind::Constraint) {
        let detail = Detail::new(problem.zh.clone(), problem.en.clone());
        findings.unmet(row::CONSTRAINTS, Conclusion::indeterminate("SIG_CONSTRAINTS_FAILURE"), detail);
    }
    if !entry.met.is_empty() && !entry.problems.iter().any(|problem| problem.kind == ProblemKind::Constraint) {
        findings.met_with(row::CONSTRAINTS, listed(&entry.met));
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

/// Judges a document time-stamp as an entry of its own; its proof counts only if the entry passes as a whole.
pub(super) fn judge_document_timestamp(context: &Context<'_>, poes: &Poes, entry: &SignatureFacts) -> (SignatureVerdict, JudgedToken) {
    let facts = TimestampFacts { kind: TimestampKind::Document, token: entry.token.clone(), signer: entry.signer.clone() };
    let mut judged = token::judge(context, poes, Some(&entry.id), &facts, false);
    let mut findings = Findings::new(context.policy);
    arithmetic(&mut findings, &entry.signer, judged.certified, &entry.problems);
    coverage(&mut findings, entry);
    let outside = findings.conclusion();
    let inside = Conclusion { indication: judged.verdict.indication, sub: judged.verdict.sub_indication.clone().unwrap_or_default() };
    let conclusion = if outside.indication > inside.indication { outside } else { inside };
    judged.proof = judged.proof.filter(|_| conclusion.indication == Indication::Passed && entry.coverage != Coverage::Partial);
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
        at_signing: judged.at_signing,
        now: judged.now,
        covers: entry.coverage.name(),
        changes_after: entry.changes.name(),
        seal: None,
        package: None,
        checks,
    };
    (verdict, judged)
}
