//! Judging a time-stamp token (EN 319 102-1 §5.4): only one that passes proves anything.

use super::{
    Context, algorithms,
    chain::{self, Use},
    findings::{Detail, Findings},
    policy::row,
    signer::{Role, SKEW, Times, arithmetic, shown, standing},
    verdict::{Conclusion, Indication, TimestampVerdict},
};
use crate::{
    doc::facts::{CertificateReference, Imprint, TimestampFacts},
    moment::Moment,
};

/// A judged token.
pub(super) struct JudgedToken {
    pub verdict: TimestampVerdict,
    /// When it was made and the latest moment it may stand for (its accuracy added); only if it passed.
    pub proof: Option<(Moment, Moment)>,
    /// It could not even be read: the format check of the whole signature fails.
    pub malformed: bool,
}

/// Judges a token. `own_time`: the token is a file of its own and is judged at its own time.
pub(super) fn judge(context: &Context<'_>, signature: Option<&str>, facts: &TimestampFacts, own_time: bool) -> JudgedToken {
    let mut findings = Findings::new(context.policy);
    let signer = &facts.signer;
    arithmetic(&mut findings, signer, &[]);
    let malformed = facts.token.is_none();
    let at = match &facts.token {
        Some(token) if own_time => token.time,
        _ => context.options.at,
    };
    if let Some(token) = &facts.token {
        imprint(&mut findings, token.imprint);
        if token.critical_extension {
            let detail = Detail::new("时间戳含有不认识的关键扩展", "the token holds a critical extension that is not known");
            findings.unmet(row::FORMAT, Conclusion::failed("FORMAT_FAILURE"), detail);
        }
        if token.time > context.options.at.plus(SKEW) {
            let detail =
                Detail::new(format!("时间 {} 晚于核验时间", token.time), format!("its time {} is later than the verdict", token.time));
            findings.unmet(row::ORDER, Conclusion::indeterminate("TIMESTAMP_ORDER_FAILURE"), detail);
        }
        // RFC 3161 §2.4.2: the token's signer must be named by a signing-certificate attribute.
        if signer.certificate_reference == CertificateReference::Absent {
            let detail = Detail::new("时间戳没有记载其签名证书", "the token does not name its signing certificate");
            findings.unmet(row::CONSTRAINTS, Conclusion::indeterminate("SIG_CONSTRAINTS_FAILURE"), detail);
        }
    }
    if let Some(certificate) = &signer.certificate {
        let times = Times { at, proven: None, after: None };
        let chain = chain::find(context, certificate, at, Use::Timestamp);
        let standing = standing(&mut findings, context, chain, &times, Role::Authority);
        // A weak algorithm lets anybody make a token with any time in it: its own time proves nothing about that.
        algorithms::check(&mut findings, signer, &standing.path, context.options.at, facts.token.as_ref().map(|token| token.time));
    }
    let conclusion = findings.conclusion();
    let proof = facts
        .token
        .as_ref()
        .filter(|_| conclusion.indication == Indication::Passed)
        .map(|token| (token.time, token.time.plus(token.accuracy.unwrap_or_default())));
    let verdict = TimestampVerdict {
        signature: signature.map(Into::into),
        kind: facts.kind.name(),
        indication: conclusion.indication,
        sub_indication: conclusion.sub_indication(),
        time: facts.token.as_ref().map(|token| token.time),
        accuracy_ms: facts.token.as_ref().and_then(|token| token.accuracy).map(|by| u64::try_from(by.as_millis()).unwrap_or(u64::MAX)),
        serial: facts.token.as_ref().map(|token| token.serial.clone()),
        signature_algorithm: signer.signature_algorithm.clone(),
        digest_algorithm: facts.token.as_ref().and_then(|token| token.imprint_digest).map(crate::crypto::Hash::name),
        authority: signer.certificate.as_ref().map(shown),
        checks: findings.checks(),
    };
    JudgedToken { verdict, proof, malformed }
}

fn imprint(findings: &mut Findings<'_>, imprint: Imprint) {
    match imprint {
        Imprint::Matches => findings.met(row::IMPRINT),
        Imprint::Differs => findings.unmet(row::IMPRINT, Conclusion::failed("HASH_FAILURE"), Detail::default()),
        Imprint::Unsupported => {
            let detail = Detail::new("时间戳所用摘要算法不受支持", "the digest of the time-stamp is not supported");
            findings.unmet(row::SUPPORTED, Conclusion::indeterminate("ALGORITHM_UNSUPPORTED"), detail);
        }
        // A token says when a digest existed, with or without the file; that the file is missing is told.
        Imprint::ContentMissing => {
            let detail = Detail::new("未提供加盖时间戳的文件，未核对", "the stamped file was not supplied; not compared");
            findings.warned(row::IMPRINT, detail);
        }
    }
}
