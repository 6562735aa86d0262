//! Whether algorithms were still trusted when what they protect is proven to have existed (EN 319 102-1 §5.2.8.4.2, §5.6.2.4).

use super::{
    findings::{Detail, Findings},
    policy::row,
    reach::{Weak, weak},
    verdict::Conclusion,
};
use crate::{
    doc::facts::{ProblemKind, SignerFacts},
    moment::Moment,
};

/// Checks everything that protects the signature: its digests, and what was found weak of the signer's key and the chain (`others`;
/// the anchor's own signature protects nothing). `proven` is when the signature existed at the latest; `made` when it was made, if
/// known. Returns whether all are strong.
pub(super) fn check(findings: &mut Findings<'_>, signer: &SignerFacts, others: &[Weak], proven: Moment, made: Option<Moment>) -> bool {
    let mut strong = true;
    for problem in signer.problems.iter().filter(|problem| problem.kind == ProblemKind::Algorithm) {
        strong = false;
        let detail = Detail::new(problem.zh.clone(), problem.en.clone());
        findings.unmet(row::ALGORITHMS, Conclusion::indeterminate("CRYPTO_CONSTRAINTS_FAILURE"), detail);
    }
    let own = weak(signer.digest, None, proven).into_iter().chain(weak(signer.signature_digest, None, proven));
    let Some(first) = own.chain(others.iter().cloned()).min_by_key(|weak| weak.ended) else {
        if strong {
            findings.met(row::ALGORITHMS);
        }
        return strong;
    };
    let Weak { name, ended } = first;
    // Known to be made after the end: no earlier proof of existence could help.
    let sub = if made.is_some_and(|made| made >= ended) { "CRYPTO_CONSTRAINTS_FAILURE" } else { "CRYPTO_CONSTRAINTS_FAILURE_NO_POE" };
    let detail = Detail::new(format!("{name}，自 {ended} 起不再可靠"), format!("{name}, no longer trusted since {ended}"));
    findings.unmet(row::ALGORITHMS, Conclusion::indeterminate(sub), detail);
    false
}
