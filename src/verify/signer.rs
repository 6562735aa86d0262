//! The parts of a judgement that signatures and time-stamp tokens share: arithmetic, certificate, chain, revocation.

use super::{
    Context,
    chain::{Bounds, Chain, ChainFault, Status},
    findings::{Detail, Findings},
    policy::row,
    verdict::{AnchorVerdict, Conclusion, SignerVerdict},
};
use crate::{
    doc::facts::{CertificateReference, Integrity, Problem, ProblemKind, Quirk, SignerFacts},
    id::mask_text,
    moment::Moment,
    pki::{
        Certificate,
        holder::HolderKind,
        revocation::{Reason, minimal_integer},
    },
};
use std::time::Duration;

/// Format, support, certificate, digests, value.
pub(super) fn arithmetic(findings: &mut Findings<'_>, signer: &SignerFacts, problems: &[Problem]) {
    let all = || signer.problems.iter().chain(problems);
    format(findings, signer, all().filter(|problem| problem.kind == ProblemKind::Malformed));
    support(findings, signer, all());
    if signer.certificate.is_some() {
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
}

/// How revocation after the proven time is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A signer: what was proven to exist before the revocation stands.
    Signer,
    /// A time-stamping authority: its earlier tokens stand only after a harmless reason (RFC 3161 §4 item 1).
    Authority,
}

/// Chain, key use, validity, revocation (EN 319 102-1 §5.2.6, §5.5.4).
pub(super) fn standing(findings: &mut Findings<'_>, context: &Context<'_>, chain: Chain, times: &Times, role: Role) -> Standing {
    key_use(findings, &chain);
    let trusted = trust(findings, &chain, times.proven.is_some());
    if !trusted {
        return Standing { trusted, at_signing: "unknown", now: "unknown", path: chain.path };
    }
    let leaf = chain.status.first();
    let revocation = revocations(findings, context, &chain, times, role);
    let validity = validity(findings, &chain, times, leaf);
    let now = match (leaf, chain.path.first()) {
        (Some(Status::Revoked(revoked)), _) if revoked.at <= times.at => "revoked",
        (_, Some(certificate)) if times.at > certificate.not_after() => "expired",
        (Some(Status::Good), Some(certificate)) if times.at >= certificate.not_before() => "valid",
        _ => "unknown",
    };
    let at_signing = match (validity, revocation) {
        (Some(false), _) => "expired",
        (_, Some(false)) => "revoked",
        (Some(true), Some(true)) => "valid",
        _ => "unknown",
    };
    Standing { trusted, at_signing, now, path: chain.path }
}

fn key_use(findings: &mut Findings<'_>, chain: &Chain) {
    match &chain.key_use {
        Ok(()) => findings.met(row::KEY_USE),
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
fn validity(findings: &mut Findings<'_>, chain: &Chain, times: &Times, leaf: Option<&Status>) -> Option<bool> {
    let bounds = |zh: &str, en: &str| {
        let limits = chain.path.first().map(|leaf| (leaf.not_before(), leaf.not_after()));
        let (from, to) = limits.map_or_else(Default::default, |(from, to)| (from.to_string(), to.to_string()));
        Detail::new(format!("{zh}（有效期 {from} 至 {to}）"), format!("{en} (valid from {from} to {to})"))
    };
    match chain.bounds {
        Bounds::Inside => {
            if chain.path.first().is_some_and(|leaf| times.at > leaf.not_after()) {
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
            let late = chain.path.first().is_some_and(|leaf| times.after.is_some_and(|after| after > leaf.not_after()));
            if late {
                findings.unmet(
                    row::VALIDITY,
                    Conclusion::failed("EXPIRED"),
                    bounds("签署于证书过期之后", "it was made after the certificate expired"),
                );
                return Some(false);
            }
            let sub = if matches!(leaf, Some(Status::Good)) { "OUT_OF_BOUNDS_NOT_REVOKED" } else { "OUT_OF_BOUNDS_NO_POE" };
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
fn revocations(findings: &mut Findings<'_>, context: &Context<'_>, chain: &Chain, times: &Times, role: Role) -> Option<bool> {
    let mut answer = Some(true);
    let mut good = true;
    for (position, status) in chain.status.iter().enumerate() {
        match status {
            Status::Good => {}
            Status::Unknown(why) => {
                good = false;
                answer = answer.and(None);
                let detail = of_certificate(chain, position, why);
                if context.soft() || unlisted(context, chain, position) {
                    findings.warned(row::STATUS_KNOWN, detail);
                } else {
                    findings.unmet(row::STATUS_KNOWN, Conclusion::indeterminate("TRY_LATER"), detail);
                }
            }
            Status::Revoked(revoked) => {
                let when = format!("{}（{}）", revoked.at, revoked.reason);
                let when_en = format!("{} ({})", revoked.at, revoked.reason);
                let told =
                    |zh: &str, en: &str| of_certificate(chain, position, &Detail::new(format!("{when}，{zh}"), format!("{when_en}, {en}")));
                let compromise = matches!(revoked.reason, Reason::KeyCompromise | Reason::CaCompromise | Reason::AaCompromise);
                let since = revoked.invalid_since.filter(|_| compromise).map_or(revoked.at, |since| since.min(revoked.at));
                let after = times.after.is_some_and(|after| after >= revoked.at);
                let proven_before = times.proven.is_some_and(|proven| proven < since);
                let harmless = matches!(revoked.reason, Reason::AffiliationChanged | Reason::Superseded | Reason::CessationOfOperation);
                let verdict = if revoked.reason == Reason::CertificateHold {
                    Err((Conclusion::indeterminate("TRY_LATER"), told("证书被暂停使用", "the certificate is on hold")))
                } else if position > 0 {
                    if proven_before && !compromise || times.proven.is_none() && times.at < since {
                        Ok(told("其后吊销", "revoked only later"))
                    } else {
                        Err((
                            Conclusion::indeterminate("REVOKED_CA_NO_POE"),
                            told("上级证书已吊销", "an authority's certificate is revoked"),
                        ))
                    }
                } else if after {
                    Err((Conclusion::failed("REVOKED"), told("签署于吊销之后", "it was made after the revocation")))
                } else if role == Role::Authority && !harmless {
                    Err((
                        Conclusion::indeterminate("REVOKED_NO_POE"),
                        told("时间戳机构证书已吊销", "the authority's certificate is revoked"),
                    ))
                } else if proven_before {
                    Ok(told("其后吊销，签署在先", "revoked only after the proven time"))
                } else if times.proven.is_some_and(|proven| proven >= revoked.at) {
                    // docs/divergences.md: the earliest proof there is lies after the revocation.
                    Err((Conclusion::failed("REVOKED"), told("时间证明晚于吊销", "the proof of time is later than the revocation")))
                } else if times.proven.is_none() && times.at < since {
                    Ok(told("其后吊销", "revoked only later"))
                } else {
                    Err((Conclusion::indeterminate("REVOKED_NO_POE"), told("没有吊销前的时间证明", "nothing proves an earlier time")))
                };
                match verdict {
                    Ok(detail) => findings.met_with(row::REVOKED, detail),
                    Err((conclusion, detail)) => {
                        let failed = conclusion == Conclusion::failed("REVOKED");
                        answer = if failed { Some(false) } else { None };
                        findings.unmet(row::REVOKED, conclusion, detail);
                    }
                }
                good = false;
            }
        }
    }
    if good {
        findings.met(row::REVOKED);
        findings.met(row::STATUS_KNOWN);
    }
    answer
}

/// Whether an authority stands directly below the trust anchor and nothing shows that the anchor publishes the status of what it
/// issues: no list of it, current or not, no answer about it, and no certificate of it that names a place to ask. Who trusts such
/// an anchor withdraws its authorities by other means (RFC 5280 §6.1.3 (a)(3), docs/divergences.md).
fn unlisted(context: &Context<'_>, chain: &Chain, position: usize) -> bool {
    let (Some(authority), Some(anchor)) = (chain.path.get(position), chain.path.get(position + 1)) else { return false };
    if position == 0 || chain.path.len() != position + 2 {
        return false;
    }
    let pool = &context.pool;
    let issued = |certificate: &&Certificate| certificate.issuer() == anchor.subject();
    let known = pool.certificates.iter().chain(context.evidence.anchors.iter().map(|anchor| &anchor.certificate)).chain(&chain.path);
    let lists = pool.crls.iter().any(|list| list.issuer() == anchor.subject());
    let answers = pool.ocsps.iter().flat_map(|answer| answer.responses());
    let serial = minimal_integer(authority.serial());
    let answered = answers.into_iter().any(|single| minimal_integer(&single.id.serial) == serial);
    !lists && !answered && !known.into_iter().filter(issued).any(names_a_place)
}

fn names_a_place(certificate: &Certificate) -> bool {
    let extensions = certificate.extensions();
    extensions.crl_distribution_points.is_some() || extensions.freshest_crl.is_some() || certificate.ocsp_urls().next().is_some()
}

fn of_certificate(chain: &Chain, position: usize, detail: &Detail) -> Detail {
    let name = chain.path.get(position).map(|certificate| mask_text(&certificate.subject().display())).unwrap_or_default();
    Detail::new(format!("{name}：{}", detail.zh), format!("{name}: {}", detail.en))
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
    let holder = certificate.holder();
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
