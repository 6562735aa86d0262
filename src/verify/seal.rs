//! What a seal adds to the judgement of a signature: the seal itself, its maker, who may use it, when; and the package it stands in.
//!
//! GB/T 38540-2020, GM/T 0031-2014 §6 (seal) and §7 (seal signature), GB/T 33190-2016 §18.

mod status;

use super::{
    Context, algorithms,
    chain::Use,
    findings::{Detail, Findings, defects},
    poe::Poes,
    policy::row,
    reach::{Clock, weak},
    signer::{Role, Standing, Times, anchor, arithmetic, shown, standing},
    token,
    verdict::{Conclusion, Indication, PackageVerdict, SealVerdict, SignatureVerdict},
};
use crate::{
    doc::facts::{PackageFacts, ProblemKind, SealFacts, SignatureFacts},
    moment::Moment,
};

/// The references of a signature into its package.
pub(super) fn package(findings: &mut Findings<'_>, facts: &PackageFacts) {
    let listed = |names: &[String]| {
        let few = names.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
        Detail::new(few.clone(), few)
    };
    if !facts.changed.is_empty() {
        findings.unmet(row::REFERENCES, Conclusion::failed("HASH_FAILURE"), listed(&facts.changed));
    }
    if !facts.missing.is_empty() {
        findings.unmet(row::REFERENCES, Conclusion::indeterminate("SIGNED_DATA_NOT_FOUND"), listed(&facts.missing));
    }
    if facts.changed.is_empty() && facts.missing.is_empty() && facts.covered > 0 {
        findings.met(row::REFERENCES);
    }
}

/// Names of the entries that nobody protects.
pub(super) fn uncovered(entry: &SignatureFacts) -> Detail {
    let Some(package) = &entry.package else { return Detail::default() };
    let few = package.uncovered.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
    Detail::new(few.clone(), few)
}

/// The seal.
pub(super) fn seal(
    findings: &mut Findings<'_>,
    context: &Context<'_>,
    poes: &Poes,
    entry: &SignatureFacts,
    times: &Times,
    claimed: Option<Moment>,
) {
    let Some(seal) = &entry.seal else { return };
    maker(findings, context, poes, seal);
    own_time(findings, context, poes, seal);
    if seal.signer_listed {
        findings.met(row::SEAL_SIGNER);
    } else {
        findings.unmet(row::SEAL_SIGNER, Conclusion::indeterminate("SIG_CONSTRAINTS_FAILURE"), Detail::default());
    }
    in_force(findings, entry, seal, times, claimed);
    status::judge(findings, context, seal, times, claimed);
}

/// Maker's signature, chain, use and status: judged like a signature of its own, as of now; a maker's certificate that has run out
/// since is judged as of the day the seal was made, as the standard has it.
fn maker(findings: &mut Findings<'_>, context: &Context<'_>, poes: &Poes, seal: &SealFacts) -> Standing {
    let mut maker = Standing::UNKNOWN;
    let at = context.options.at;
    let mut own = Findings::new(context.policy);
    let expired = seal.maker.certificate.as_ref().is_some_and(|maker| maker.not_after() < at && maker.is_valid_at(seal.created));
    let moment = if expired { seal.created } else { at };
    let chain = context.chain(&seal.maker, Use::Maker, moment);
    arithmetic(&mut own, &seal.maker, chain.is_some(), &[]);
    if let Some(chain) = chain {
        let clock = Clock { poes, looking: at, proven: moment, independent: true };
        let times = Times { at, proven: expired.then_some(seal.created), after: None };
        let found = standing(&mut own, context, chain, &clock, &times, Role::Signer);
        let ended: Vec<_> = weak(None, found.key, moment).into_iter().chain(found.weak.clone()).collect();
        algorithms::check(&mut own, &seal.maker, &ended, moment, Some(seal.created));
        maker = found;
    }
    let conclusion = own.conclusion();
    let checks = own.checks();
    if conclusion.indication == Indication::Passed {
        findings.met(row::SEAL_MAKER);
    } else {
        let amiss = defects(None, &checks);
        let (zh, en): (Vec<_>, Vec<_>) = amiss.into_iter().map(|defect| (defect.what, defect.what_en)).unzip();
        findings.unmet(row::SEAL_MAKER, conclusion, Detail::new(zh.join("；"), en.join("; ")));
    }
    maker
}

/// The time-stamp that a seal of GM/T 0031-2025 may bear over its maker's signature. The verdict does not rest on it.
fn own_time(findings: &mut Findings<'_>, context: &Context<'_>, poes: &Poes, seal: &SealFacts) {
    let Some(stamp) = &seal.timestamp else { return };
    let judged = token::judge(context, poes, None, stamp, false).verdict;
    match judged.sub_indication {
        None => findings.met(row::SEAL_TIMESTAMP),
        Some(why) => findings.unmet(row::SEAL_TIMESTAMP, Conclusion::PASSED, Detail::new(why.clone(), why)),
    }
}

/// A seal by itself: its maker, and whether it is in force at the time of the verdict (GB/T 38540-2020, GM/T 0031-2014 §6). Whether
/// somebody may sign with it is asked where somebody has.
pub(super) fn alone(context: &Context<'_>, entry: &SignatureFacts, seal: &SealFacts, poes: &Poes) -> SignatureVerdict {
    let mut findings = Findings::new(context.policy);
    for problem in &entry.problems {
        let detail = Detail::new(problem.zh.clone(), problem.en.clone());
        match problem.kind {
            ProblemKind::Notice => findings.unmet(row::DEVIATIONS, Conclusion::PASSED, detail),
            _ => findings.unmet(row::CONSTRAINTS, Conclusion::indeterminate("SIG_CONSTRAINTS_FAILURE"), detail),
        }
    }
    findings.met(row::FORMAT);
    let maker = maker(&mut findings, context, poes, seal);
    own_time(&mut findings, context, poes, seal);
    let times = Times { at: context.options.at, proven: None, after: None };
    in_force(&mut findings, entry, seal, &times, None);
    status::judge(&mut findings, context, seal, &times, None);
    let conclusion = findings.conclusion();
    SignatureVerdict {
        id: entry.id.clone(),
        kind: entry.kind.name(),
        indication: conclusion.indication,
        sub_indication: conclusion.sub_indication(),
        level: None,
        signature_algorithm: entry.signer.signature_algorithm.clone(),
        digest_algorithm: entry.signer.digest_algorithm.clone(),
        signer: entry.signer.certificate.as_ref().map(shown),
        anchor: anchor(context, &maker.path),
        claimed_time: entry.claimed_time,
        best_time: entry.claimed_time,
        best_time_source: "claimed",
        at_signing: maker.at_signing,
        now: maker.now,
        covers: entry.coverage.name(),
        changes_after: entry.changes.name(),
        seal: shown_seal(context, entry, &times, None),
        package: None,
        checks: findings.checks(),
    }
}

/// Whether the seal, and the signer's certificate by the signer's own word, were in force when it was used.
fn in_force(findings: &mut Findings<'_>, entry: &SignatureFacts, seal: &SealFacts, times: &Times, claimed: Option<Moment>) {
    let shown = |zh: &str, en: &str| {
        let (from, until) = (seal.valid_from, seal.valid_until);
        Detail::new(format!("{zh}（印章有效期 {from} 至 {until}）"), format!("{en} (the seal is valid from {from} to {until})"))
    };
    let used = times.validity();
    if used < seal.valid_from {
        return findings.unmet(
            row::SEAL_TIME,
            Conclusion::failed("NOT_YET_VALID"),
            shown("使用时印章尚未生效", "it was used before the seal began"),
        );
    }
    if used > seal.valid_until {
        return findings.unmet(
            row::SEAL_TIME,
            Conclusion::indeterminate("EXPIRED"),
            shown("印章已过期，且没有过期前的时间证明", "the seal has expired and nothing proves an earlier time"),
        );
    }
    if let Some(claimed) = claimed {
        if claimed < seal.valid_from {
            return findings.unmet(
                row::SEAL_TIME,
                Conclusion::indeterminate("NOT_YET_VALID"),
                shown("自述的签章时间早于印章生效", "the claimed time is before the seal began"),
            );
        }
        if claimed > seal.valid_until {
            return findings.unmet(
                row::SEAL_TIME,
                Conclusion::indeterminate("EXPIRED"),
                shown("自述的签章时间晚于印章失效", "the claimed time is after the seal ended"),
            );
        }
        if let Some(certificate) = entry.signer.certificate.as_ref().filter(|certificate| !certificate.is_valid_at(claimed)) {
            let sub = if claimed < certificate.not_before() { "NOT_YET_VALID" } else { "EXPIRED" };
            let detail =
                shown("自述的签章时间不在签章者证书有效期内", "the claimed time is outside the validity of the signer's certificate");
            return findings.unmet(row::SEAL_TIME, Conclusion::indeterminate(sub), detail);
        }
    }
    findings.met(row::SEAL_TIME);
}

/// The seal as the verdict shows it.
pub(super) fn shown_seal(context: &Context<'_>, entry: &SignatureFacts, times: &Times, claimed: Option<Moment>) -> Option<SealVerdict> {
    entry.seal.as_ref().map(|seal| SealVerdict {
        standard: seal.standard,
        id: seal.id.clone(),
        name: seal.name.clone(),
        created: seal.created,
        valid_from: seal.valid_from,
        valid_until: seal.valid_until,
        maker: seal.maker.certificate.as_ref().map(shown),
        signer_listed: seal.signer_listed,
        status: status::of(context, seal, times, claimed).0.name(),
    })
}

/// The package as the verdict shows it.
pub(super) fn shown_package(entry: &SignatureFacts) -> Option<PackageVerdict> {
    entry.package.as_ref().map(|package| PackageVerdict {
        entries: package.entries,
        covered: package.covered,
        uncovered: package.uncovered.clone(),
        changed: package.changed.clone(),
        missing: package.missing.clone(),
        locked: package.locked,
        stamps: package.stamps,
        slices: package.slices,
    })
}
