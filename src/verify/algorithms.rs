//! Whether algorithms were still trusted when the signature is proven to have existed (EN 319 102-1 §5.2.8.4.2).

use super::{
    findings::{Detail, Findings},
    policy::{hash_ended, key_ended, row},
    verdict::Conclusion,
};
use crate::{
    crypto::{Hash, KeyKind},
    doc::facts::{ProblemKind, SignerFacts},
    moment::Moment,
    pki::Certificate,
};

/// One algorithm at work.
struct Use {
    name: String,
    ended: Option<Moment>,
}

/// Checks everything that protects the signature: its digests, the signer's key, the keys and digests of the chain (the anchor's
/// own signature protects nothing). `proven` is when the signature existed at the latest; `made` when it was made, if known.
/// Returns whether all are strong.
pub(super) fn check(findings: &mut Findings<'_>, signer: &SignerFacts, path: &[Certificate], proven: Moment, made: Option<Moment>) -> bool {
    let mut strong = true;
    for problem in signer.problems.iter().filter(|problem| problem.kind == ProblemKind::Algorithm) {
        strong = false;
        let detail = Detail::new(problem.zh.clone(), problem.en.clone());
        findings.unmet(row::ALGORITHMS, Conclusion::indeterminate("CRYPTO_CONSTRAINTS_FAILURE"), detail);
    }
    let mut weak: Option<Use> = None;
    for used in uses(signer, path) {
        let earlier = weak.as_ref().and_then(|weak| weak.ended);
        if used.ended.is_some_and(|ended| ended <= proven && earlier.is_none_or(|earlier| ended < earlier)) {
            weak = Some(used);
        }
    }
    let Some((used, ended)) = weak.and_then(|weak| weak.ended.map(|ended| (weak.name, ended))) else {
        if strong {
            findings.met(row::ALGORITHMS);
        }
        return strong;
    };
    // Known to be made after the end: no earlier proof of existence could help.
    let sub = if made.is_some_and(|made| made >= ended) { "CRYPTO_CONSTRAINTS_FAILURE" } else { "CRYPTO_CONSTRAINTS_FAILURE_NO_POE" };
    let detail = Detail::new(format!("{used}，自 {ended} 起不再可靠"), format!("{used}, no longer trusted since {ended}"));
    findings.unmet(row::ALGORITHMS, Conclusion::indeterminate(sub), detail);
    false
}

fn uses(signer: &SignerFacts, path: &[Certificate]) -> Vec<Use> {
    let mut uses = Vec::new();
    uses.extend(signer.digest.map(of_hash));
    uses.extend(signer.signature_digest.map(of_hash));
    let leaf = path.first().or(signer.certificate.as_ref());
    uses.extend(leaf.and_then(of_key));
    for pair in path.windows(2) {
        if let [certificate, issuer] = pair {
            uses.extend(of_key(issuer));
            if let Ok(key) = issuer.public_key() {
                uses.extend(certificate.signature_algorithm(key).ok().and_then(|algorithm| algorithm.hash()).map(of_hash));
            }
        }
    }
    uses
}

fn of_hash(hash: Hash) -> Use {
    Use { name: hash.name().into(), ended: hash_ended(hash) }
}

fn of_key(certificate: &Certificate) -> Option<Use> {
    let kind = certificate.public_key().ok()?.kind();
    let ended = match kind {
        KeyKind::Rsa(bits) => key_ended("rsa", bits),
        KeyKind::Dsa(bits) => key_ended("dsa", bits),
        _ => None,
    };
    Some(Use { name: kind.to_string(), ended })
}
