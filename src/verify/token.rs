//! Judging a time-stamp token (EN 319 102-1 §5.4, §5.6.2.4): only one that passes proves anything.

use super::{
    Context, algorithms,
    chain::Use,
    findings::{Detail, Findings},
    poe::{Poes, Proof},
    policy::row,
    reach::Clock,
    signer::{Role, SKEW, Standing, Times, arithmetic, shown, standing},
    verdict::{Conclusion, Indication, TimestampVerdict},
};
use crate::doc::facts::{CertificateReference, Imprint, TimestampFacts, TimestampKind};

/// A judged token.
#[derive(Clone)]
pub(super) struct JudgedToken {
    pub kind: TimestampKind,
    pub verdict: TimestampVerdict,
    /// When it was made; only if it passed.
    pub proof: Option<Proof>,
    /// It could not even be read: the format check of the whole signature fails.
    pub malformed: bool,
    /// Whether the authority's certificate is at hand.
    pub certified: bool,
    /// State of the authority's certificate when the token is proven to exist.
    pub at_signing: &'static str,
    /// Its state at the time of the verdict.
    pub now: &'static str,
}

/// Judges a token by what is proven so far. `own_time`: the token is a file of its own and is judged at its own time.
pub(super) fn judge(context: &Context<'_>, poes: &Poes, signature: Option<&str>, facts: &TimestampFacts, own_time: bool) -> JudgedToken {
    let mut findings = Findings::new(context.policy);
    let signer = &facts.signer;
    let at = context.options.at;
    let proven = match &facts.token {
        Some(token) if own_time => token.time,
        Some(token) => poes.by(&token.id, at),
        None => at,
    };
    let chain = context.chain(signer, Use::Timestamp, proven);
    let certified = chain.is_some();
    let mut states = ("unknown", "unknown");
    arithmetic(&mut findings, signer, certified, &[]);
    let malformed = facts.token.is_none();
    if let Some(token) = &facts.token {
        imprint(&mut findings, token.imprint);
        if token.critical_extension {
            let detail = Detail::new("时间戳含有不认识的关键扩展", "the token holds a critical extension that is not known");
            findings.unmet(row::FORMAT, Conclusion::failed("FORMAT_FAILURE"), detail);
        }
        if token.time > at.plus(SKEW) {
            let detail =
                Detail::new(format!("时间 {} 晚于核验时间", token.time), format!("its time {} is later than the verdict", token.time));
            findings.unmet(row::ORDER, Conclusion::indeterminate("TIMESTAMP_ORDER_FAILURE"), detail);
        } else if !own_time && token.time > proven.plus(token.accuracy.unwrap_or_default()).plus(SKEW) {
            let detail = Detail::new(
                format!("时间 {} 晚于其存在证明", token.time),
                format!("its time {} is later than the proof that it existed", token.time),
            );
            findings.unmet(row::ORDER, Conclusion::indeterminate("TIMESTAMP_ORDER_FAILURE"), detail);
        }
        // RFC 3161 §2.4.2: the token's signer must be named by a signing-certificate attribute.
        if signer.certificate_reference == CertificateReference::Absent {
            let detail = Detail::new("时间戳没有记载其签名证书", "the token does not name its signing certificate");
            findings.unmet(row::CONSTRAINTS, Conclusion::indeterminate("SIG_CONSTRAINTS_FAILURE"), detail);
        }
    }
    if let Some(chain) = chain {
        let begun = chain.links.first().map(|leaf| leaf.not_before);
        if let (Some(token), Some(begun)) = (&facts.token, begun)
            && token.time.plus(token.accuracy.unwrap_or_default()) < begun
        {
            let detail = Detail::new("时间早于时间戳证书的起始时间", "its time is before the authority's certificate began");
            findings.unmet(row::VALIDITY, Conclusion::failed("NOT_YET_VALID"), detail);
        }
        let clock = Clock { poes, looking: if own_time { proven } else { at }, proven, independent: false };
        let times = Times { at, proven: (proven < at).then_some(proven), after: None };
        let role = if own_time { Role::OwnTime } else { Role::Authority };
        let standing: Standing = standing(&mut findings, context, chain, &clock, &times, role);
        states = (standing.at_signing, standing.now);
        // A weak algorithm lets anybody make a token with any time in it: its own time proves nothing about that.
        let protected = if own_time { at } else { proven };
        let own = super::reach::weak(None, standing.key, protected);
        let weak: Vec<_> = own.into_iter().chain(standing.weak).collect();
        algorithms::check(&mut findings, signer, &weak, protected, facts.token.as_ref().map(|token| token.time));
    }
    let conclusion = findings.conclusion();
    let proof = facts.token.as_ref().filter(|_| conclusion.indication == Indication::Passed).map(|token| Proof {
        time: token.time,
        latest: token.time.plus(token.accuracy.unwrap_or_default()),
        source: match facts.kind {
            TimestampKind::Document => "document-timestamp",
            TimestampKind::Archive => "archive",
            TimestampKind::Signature | TimestampKind::Content | TimestampKind::Reference => "signature-timestamp",
        },
    });
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
    JudgedToken { kind: facts.kind, verdict, proof, malformed, certified, at_signing: states.0, now: states.1 }
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
