//! The parts of a judgement that signatures and time-stamp tokens share: arithmetic, certificate, chain, revocation.

use super::{
    Context,
    chain::{Chain, ChainFault, Revoked},
    findings::{Detail, Findings},
    poe::{Id, Poes},
    policy::row,
    reach::{Bounds, Clock, Reach, Status, Weak, weigh},
    verdict::{AnchorVerdict, Conclusion, SignerVerdict},
};
use crate::{
    crypto::KeyKind,
    doc::facts::{CertificateReference, Integrity, Problem, ProblemKind, Quirk, SignerFacts},
    id::mask_text,
    moment::Moment,
    pki::{
        Certificate, Reason,
        holder::{Holder, HolderKind},
    },
};
use std::time::Duration;

/// Format, support, certificate (`known`: it is at hand), digests, value.
pub(super) fn arithmetic(findings: &mut Findings<'_>, signer: &SignerFacts, known: bool, problems: &[Problem]) {
    let all = || signer.problems.iter().chain(problems);
    format(findings, signer, all().filter(|problem| problem.kind == ProblemKind::Malformed));
    support(findings, signer, all());
    if known {
        findings.met(row::SIGNER_FOUND);
        reference(findings, signer);
    } else if matches!(signer.integrity, Integrity::CertificateMissing | Integrity::Intact | Integrity::BadSignature) {
        findings.unmet(row::SIGNER_FOUND, Conclusion::indeterminate("NO_SIGNING_CERTIFICATE_FOUND"), Detail::default());
    }
    match signer.integrity {
        Integrity::ContentMissing => {
            findings.unmet(row::CONTENT_AT_HAND, Conclusion::indeterminate("SIGNED_DATA_NOT_FOUND"), Detail::default());
        }
        Integrity::HashMismatch => findings.unmet(row::CONTENT, Conclusion::failed("HASH_FAILURE"), Detail::default()),
        Integrity::BadSignature => findings.unmet(row::VALUE, Conclusion::failed("SIG_CRYPTO_FAILURE"), Detail::default()),
        Integrity::Intact => {
            findings.met(row::CONTENT_AT_HAND);
            findings.met(row::CONTENT);
            findings.met(row::VALUE);
        }
        _ => {}
    }
    if !signer.quirks.is_empty() {
        let (zh, en) = signer.quirks.iter().map(|quirk| quirk_text(*quirk)).unzip::<_, _, Vec<_>, Vec<_>>();
        findings.unmet(row::DEVIATIONS, Conclusion::PASSED, Detail::new(zh.join("；"), en.join("; ")));
    }
    for notice in all().filter(|problem| problem.kind == ProblemKind::Notice) {
        findings.unmet(row::DEVIATIONS, Conclusion::PASSED, Detail::new(notice.zh.clone(), notice.en.clone()));
    }
}

fn format<'p>(findings: &mut Findings<'_>, signer: &SignerFacts, malformed: impl Iterator<Item = &'p Problem>) {
    let mut broken = false;
    if let Integrity::Malformed(why) = &signer.integrity {
        broken = true;
        findings.unmet(row::FORMAT, Conclusion::failed("FORMAT_FAILURE"), Detail::new("签名结构无法读取或自相矛盾", why.clone()));
    }
    for problem in malformed {
        broken = true;
        findings.unmet(row::FORMAT, Conclusion::failed("FORMAT_FAILURE"), Detail::new(problem.zh.clone(), problem.en.clone()));
    }
    if !broken {
        findings.met(row::FORMAT);
    }
}

fn support<'p>(findings: &mut Findings<'_>, signer: &SignerFacts, problems: impl Iterator<Item = &'p Problem>) {
    if let Integrity::Unsupported(what) = &signer.integrity {
        let detail = Detail::new(what.clone(), what.clone());
        findings.unmet(row::SUPPORTED, Conclusion::indeterminate("ALGORITHM_UNSUPPORTED"), detail);
    }
    for problem in problems {
        if let ProblemKind::Unsupported(name) = problem.kind {
            findings.unmet(row::SUPPORTED, Conclusion::indeterminate(name), Detail::new(problem.zh.clone(), problem.en.clone()));
        }
    }
}

fn reference(findings: &mut Findings<'_>, signer: &SignerFacts) {
    match signer.certificate_reference {
        CertificateReference::Matches(_) => findings.met(row::REFERENCE),
        CertificateReference::Absent => {
            let detail = Detail::new("签名未作记载", "the signature names none");
            findings.met_with(row::REFERENCE, detail);
        }
        // Substitution: somebody put another certificate with the same key or name in place (RFC 2634 §5).
        CertificateReference::Differs => findings.unmet(row::REFERENCE, Conclusion::failed("FORMAT_FAILURE"), Detail::default()),
        CertificateReference::Unsupported => {
            let detail = Detail::new("所用摘要算法不受支持", "it uses a digest that is not supported");
            findings.unmet(row::REFERENCE, Conclusion::indeterminate("ALGORITHM_UNSUPPORTED"), detail);
        }
    }
}

const fn quirk_text(quirk: Quirk) -> (&'static str, &'static str) {
    match quirk {
        Quirk::Ber => ("用 BER 而非 DER 编码", "BER instead of DER"),
        Quirk::AttributesNotSorted => ("签名属性未按 DER 排序存放", "signed attributes are not stored in DER order"),
        Quirk::DialectMixed => ("内容类型在 PKCS#7 与 GB/T 35275 之间混用", "content types of PKCS#7 and GB/T 35275 are mixed"),
        Quirk::AlgorithmFieldLoose => ("签名算法字段未写签名算法", "the signature algorithm field names no signature algorithm"),
        Quirk::NoSignedAttributes => ("没有签名属性", "no signed attributes"),
        Quirk::TrailingOctets => ("结构之后有多余数据", "octets after the structure"),
    }
}

/// When the signature existed and was made, as far as it is proven.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// The time for which the verdict holds.
    pub at: Moment,
    /// Proven to have existed by then.
    pub proven: Option<Moment>,
    /// Proven to be made after then (content time-stamp).
    pub after: Option<Moment>,
}

impl Times {
    /// The time at which the certificate has to have been in force.
    pub fn validity(&self) -> Moment {
        self.proven.unwrap_or(self.at)
    }
}

/// What the certificate's checks came to.
pub(super) struct Standing {
    pub trusted: bool,
    pub at_signing: &'static str,
    pub now: &'static str,
    pub path: Vec<Certificate>,
    /// What the judgement of the chain rests on: its certificates but the anchor, the statements on their revocation. `None` where
    /// a status is not known.
    pub material: Option<Vec<Id>>,
    /// Algorithms of the chain that were too weak.
    pub weak: Vec<Weak>,
    /// The signer's key.
    pub key: Option<KeyKind>,
}

impl Standing {
    /// Of a signer whose chain is not at hand.
    pub const UNKNOWN: Self =
        Self { trusted: false, at_signing: "unknown", now: "unknown", path: Vec::new(), material: None, weak: Vec::new(), key: None };
}

/// How revocation after the proven time is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A signer: what was proven to exist before the revocation stands.
    Signer,
    /// A time-stamping authority: likewise, but what is proven only later is not known to be forged.
    Authority,
    /// A time-stamp file judged at the time it names itself: that counts only after a harmless reason (RFC 3161 §4 item 1).
    OwnTime,
}

/// Chain, key use, validity, revocation (EN 319 102-1 §5.2.6, §5.5.4, §5.6.2).
pub(super) fn standing(
    findings: &mut Findings<'_>,
    context: &Context<'_>,
    chain: Chain,
    clock: &Clock<'_>,
    times: &Times,
    role: Role,
) -> Standing {
    key_use(findings, &chain, role);
    let trusted = trust(findings, &chain, times.proven.is_some());
    let key = chain.links.first().and_then(|leaf| leaf.key);
    if !trusted {
        return Standing { path: chain.path, key, ..Standing::UNKNOWN };
    }
    let reach = weigh(&chain, clock);
    let believed = believed(findings, &chain, &reach, clock);
    // A revocation tells more than an expiry, an expiry more than a status that is not known.
    let revoked = reach.status.iter().any(|status| matches!(status, Status::Revoked(_)));
    let mut validity_first = None;
    if !revoked {
        validity_first = Some(validity(findings, &chain, &reach, times, role));
    }
    let revocation = revocations(findings, context, &chain, &reach, times, role).filter(|_| believed);
    let validity = validity_first.unwrap_or_else(|| validity(findings, &chain, &reach, times, role));
    let at_signing = match (validity, revocation) {
        (Some(false), _) => "expired",
        (_, Some(false)) => "revoked",
        (Some(true), Some(true)) => "valid",
        _ => "unknown",
    };
    let material = material(&chain, &reach);
    Standing { trusted, at_signing, now: now(&chain, times.at), path: chain.path, material, weak: reach.weak, key }
}

/// The state of the certificate at the time of the verdict. What the document itself brings tells of the past only.
fn now(chain: &Chain, at: Moment) -> &'static str {
    let poes = Poes::default();
    let reach = weigh(chain, &Clock { poes: &poes, looking: at, proven: at, independent: true });
    match (reach.status.first(), reach.bounds) {
        (Some(Status::Revoked(revoked)), _) if revoked.at <= at && revoked.reason != Reason::CertificateHold => "revoked",
        (_, Bounds::TooLate) => "expired",
        (Some(Status::Good), Bounds::Inside) if in_force_above(chain, &reach) => "valid",
        _ => "unknown",
    }
}

fn in_force_above(chain: &Chain, reach: &Reach) -> bool {
    let mut above = reach.status.iter().zip(&chain.links).skip(1);
    reach.broken.is_none() && above.all(|(status, link)| matches!(status, Status::Good) || link.unlisted)
}

/// The certificates but the anchor, and the good statements.
fn material(chain: &Chain, reach: &Reach) -> Option<Vec<Id>> {
    let mut material = Vec::new();
    for ((link, status), relied) in chain.links.iter().zip(&reach.status).zip(&reach.relied) {
        material.push(link.id);
        match (status, relied) {
            (Status::Unknown(..), _) if !link.unlisted => return None,
            (_, relied) => material.extend(*relied),
        }
    }
    Some(material)
}

/// Whether every certificate is proven to be from a time when its issuer's word counted, and every issuer was in force.
fn believed(findings: &mut Findings<'_>, chain: &Chain, reach: &Reach, clock: &Clock<'_>) -> bool {
    let Some((position, detail, sub)) = &reach.broken else { return true };
    // Where the leaf itself is out of its bounds, that its issuers are too is the same finding.
    let expired = chain.links.first().is_some_and(|leaf| clock.looking > leaf.not_after);
    let sub = if *sub == "REVOKED_CA_NO_POE" {
        if matches!(reach.status.first(), Some(Status::Revoked(_))) { "REVOKED_NO_POE" } else { sub }
    } else if expired {
        "OUT_OF_BOUNDS_NO_POE"
    } else {
        "CERTIFICATE_CHAIN_GENERAL_FAILURE"
    };
    findings.unmet(row::CHAIN_VALID, Conclusion::indeterminate(sub), of_certificate(chain, *position, detail));
    false
}

fn key_use(findings: &mut Findings<'_>, chain: &Chain, role: Role) {
    // RFC 5280 §6.1: an anchor is not part of the path, so that its usage binds nobody who trusts this very certificate. The
    // authority holds a copy of an SM2 encryption key (GM/T 0034): there the signer is not known, whatever was trusted.
    let named = matches!(role, Role::Signer) && chain.anchored && chain.links.len() == 1;
    let escrowed = chain.links.first().is_none_or(|leaf| leaf.key.is_none_or(|key| key == KeyKind::Sm2));
    match &chain.key_use {
        Ok(()) => findings.met(row::KEY_USE),
        Err(detail) if named && !escrowed => findings.warned(row::KEY_USE, detail.clone()),
        Err(detail) => findings.unmet(row::KEY_USE, Conclusion::failed("CHAIN_CONSTRAINTS_FAILURE"), detail.clone()),
    }
}

fn trust(findings: &mut Findings<'_>, chain: &Chain, proven: bool) -> bool {
    match &chain.fault {
        None => {
            findings.met(row::CHAIN);
            findings.met(row::CHAIN_VALID);
            findings.met(row::ANCHOR);
            true
        }
        Some(ChainFault::NotFound(detail)) => {
            findings.unmet(row::CHAIN, Conclusion::indeterminate("NO_CERTIFICATE_CHAIN_FOUND"), detail.clone());
            false
        }
        // EN 319 102-1 §5.2.6: an anchor past its sunset; an earlier proof of existence may still be found.
        Some(ChainFault::Lapsed(detail)) => {
            let sub = if proven { "NO_CERTIFICATE_CHAIN_FOUND" } else { "NO_CERTIFICATE_CHAIN_FOUND_NO_POE" };
            findings.unmet(row::ANCHOR, Conclusion::indeterminate(sub), detail.clone());
            false
        }
        Some(ChainFault::General(detail)) => {
            findings.unmet(row::CHAIN_VALID, Conclusion::indeterminate("CERTIFICATE_CHAIN_GENERAL_FAILURE"), detail.clone());
            false
        }
        Some(ChainFault::Constraints(detail)) => {
            findings.unmet(row::CHAIN_VALID, Conclusion::indeterminate("CHAIN_CONSTRAINTS_FAILURE"), detail.clone());
            false
        }
    }
}

/// Whether the certificate was within its validity when the signature was made: yes, proven no, or not known.
fn validity(findings: &mut Findings<'_>, chain: &Chain, reach: &Reach, times: &Times, role: Role) -> Option<bool> {
    let leaf = chain.links.first();
    let bounds = |zh: &str, en: &str| {
        let limits = leaf.map(|leaf| (leaf.not_before, leaf.not_after));
        let (from, to) = limits.map_or_else(Default::default, |(from, to)| (from.to_string(), to.to_string()));
        Detail::new(format!("{zh}（有效期 {from} 至 {to}）"), format!("{en} (valid from {from} to {to})"))
    };
    match reach.bounds {
        Bounds::Inside => {
            if leaf.is_some_and(|leaf| times.at > leaf.not_after) {
                findings.met_with(row::VALIDITY, bounds("签署时有效，现已过期", "valid at signing, expired since"));
            } else {
                findings.met(row::VALIDITY);
            }
            Some(true)
        }
        // That the signature is at hand proves that it existed: before the certificate began, so the certificate cannot stand for it.
        Bounds::TooEarly => {
            findings.unmet(
                row::VALIDITY,
                Conclusion::failed("NOT_YET_VALID"),
                bounds("签署时证书尚未生效", "the certificate had not begun"),
            );
            None
        }
        Bounds::TooLate => {
            let late = leaf.is_some_and(|leaf| times.after.is_some_and(|after| after > leaf.not_after));
            if late && role == Role::Signer {
                findings.unmet(
                    row::VALIDITY,
                    Conclusion::failed("EXPIRED"),
                    bounds("签署于证书过期之后", "it was made after the certificate expired"),
                );
                return Some(false);
            }
            let good = matches!(reach.status.first(), Some(Status::Good));
            let sub = if good { "OUT_OF_BOUNDS_NOT_REVOKED" } else { "OUT_OF_BOUNDS_NO_POE" };
            findings.unmet(
                row::VALIDITY,
                Conclusion::indeterminate(sub),
                bounds("证书已过期，且没有过期前的时间证明", "the certificate has expired and nothing proves an earlier time"),
            );
            None
        }
    }
}

/// Whether the certificates were unrevoked when the signature was made: yes, proven no, or not known.
fn revocations(
    findings: &mut Findings<'_>,
    context: &Context<'_>,
    chain: &Chain,
    reach: &Reach,
    times: &Times,
    role: Role,
) -> Option<bool> {
    let mut answer = Some(true);
    let mut good = true;
    for (position, status) in reach.status.iter().enumerate() {
        match status {
            Status::Good => {}
            Status::Unknown(why, sub) => {
                good = false;
                answer = answer.filter(|known| !known);
                let detail = of_certificate(chain, position, why);
                let unlisted = chain.links.get(position).is_some_and(|link| link.unlisted);
                if context.soft() || unlisted {
                    findings.warned(row::STATUS_KNOWN, detail);
                } else {
                    findings.unmet(row::STATUS_KNOWN, Conclusion::indeterminate(*sub), detail);
                }
            }
            Status::Revoked(revoked) => {
                good = false;
                let when = format!("{}（{}）", revoked.at, revoked.reason);
                let when_en = format!("{} ({})", revoked.at, revoked.reason);
                let (decided, zh, en) = revoked_when(revoked, position, times, role);
                let detail = of_certificate(chain, position, &Detail::new(format!("{when}，{zh}"), format!("{when_en}, {en}")));
                match decided {
                    None => findings.met_with(row::REVOKED, detail),
                    Some(conclusion) => {
                        let failed = conclusion == Conclusion::failed("REVOKED");
                        answer = if failed { Some(false) } else { answer.filter(|known| !known) };
                        findings.unmet(row::REVOKED, conclusion, detail);
                    }
                }
            }
        }
    }
    if good {
        findings.met(row::REVOKED);
        findings.met(row::STATUS_KNOWN);
    }
    answer
}

/// What a revocation means for something proven to exist at a time; `None` if nothing. What the certificate itself issued is
/// believed only from before, which [`super::reach`] sees to.
fn revoked_when(revoked: &Revoked, position: usize, times: &Times, role: Role) -> (Option<Conclusion>, &'static str, &'static str) {
    let since = revoked.since();
    let harmless = matches!(revoked.reason, Reason::AffiliationChanged | Reason::Superseded | Reason::CessationOfOperation);
    let before = times.validity() < since && (role != Role::OwnTime || harmless || times.at < since);
    if revoked.reason == Reason::CertificateHold {
        (Some(Conclusion::indeterminate("TRY_LATER")), "证书被暂停使用", "the certificate is on hold")
    } else if position > 0 && before {
        (None, "其后吊销", "revoked only later")
    } else if position > 0 {
        (Some(Conclusion::indeterminate("REVOKED_CA_NO_POE")), "上级证书已吊销", "an authority's certificate is revoked")
    } else if times.after.is_some_and(|after| after >= revoked.at) && role == Role::Signer {
        (Some(Conclusion::failed("REVOKED")), "签署于吊销之后", "it was made after the revocation")
    } else if before {
        (None, "其后吊销，签署在先", "revoked only after the proven time")
    } else if role != Role::Signer {
        (Some(Conclusion::indeterminate("REVOKED_NO_POE")), "时间戳机构证书已吊销", "the authority's certificate is revoked")
    } else if times.proven.is_some_and(|proven| proven >= revoked.at) {
        // docs/divergences.md: the earliest proof there is lies after the revocation.
        (Some(Conclusion::failed("REVOKED")), "时间证明晚于吊销", "the proof of time is later than the revocation")
    } else {
        (Some(Conclusion::indeterminate("REVOKED_NO_POE")), "没有吊销前的时间证明", "nothing proves an earlier time")
    }
}

fn of_certificate(chain: &Chain, position: usize, detail: &Detail) -> Detail {
    let name = chain.links.get(position).map(|link| link.name.as_str()).unwrap_or_default();
    Detail { zh: format!("{name}：{}", detail.zh), en: format!("{name}: {}", detail.en), remedy: detail.remedy }
}

/// The trust anchor that a chain ends at, with what is recorded of it.
pub(super) fn anchor(context: &Context<'_>, path: &[Certificate]) -> Option<AnchorVerdict> {
    let last = path.last()?;
    let mut found = context.evidence.anchors.iter().filter(|anchor| anchor.certificate == *last).peekable();
    found.peek()?;
    let mut rows: Vec<_> = found.flat_map(|anchor| anchor.rows.iter().cloned()).collect();
    rows.sort();
    rows.dedup();
    Some(AnchorVerdict { subject: mask_text(&last.subject().display()), cert_sha256: hex::encode(last.fingerprint_sha256()), rows })
}

/// The signer as a verdict shows it: numbers of persons masked everywhere.
pub(super) fn shown(certificate: &Certificate) -> SignerVerdict {
    shown_as(certificate, certificate.holder())
}

/// The same where it is known already whom the certificate names.
pub(super) fn shown_as(certificate: &Certificate, holder: Holder) -> SignerVerdict {
    SignerVerdict {
        subject: mask_text(&certificate.subject().display()),
        kind: match holder.kind {
            HolderKind::Person => "person",
            HolderKind::Organisation => "organisation",
            HolderKind::Unknown => "unknown",
        },
        name: (!holder.name.is_empty()).then(|| mask_text(&holder.name)),
        id_masked: holder.citizen_number.as_deref().map(crate::id::mask),
        uscc: holder.uscc,
        issuer: mask_text(&certificate.issuer().display()),
        serial: certificate.serial_hex(),
        cert_sha256: hex::encode(certificate.fingerprint_sha256()),
    }
}

/// How far clocks may differ before a time counts as lying in the future.
pub(super) const SKEW: Duration = Duration::from_secs(5 * 60);
