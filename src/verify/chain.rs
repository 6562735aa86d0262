//! The signer's chain at a moment: found by [`crate::pki::path`], its faults sorted by what they mean for a signature.

use super::{
    Context,
    evidence::{Purpose, TrustAnchor},
    findings::Detail,
};
use crate::{
    moment::Moment,
    pki::{
        Certificate, Crl, OcspResponse, Reason,
        extensions::oid,
        path::{self, Anchor, FaultKind, Limits, PathFault, PathInput, PathResult, RevocationEvidence, RevocationFact},
    },
};

/// What the certificate at the end of the chain was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Sign,
    Seal,
    Timestamp,
}

impl Use {
    /// Anchors with one of these purposes serve it.
    const fn purposes(self) -> &'static [Purpose] {
        match self {
            Self::Sign => &[Purpose::Person, Purpose::Organisation],
            Self::Seal => &[Purpose::Seal],
            Self::Timestamp => &[Purpose::Timestamp],
        }
    }

    const fn purpose(self) -> path::Purpose {
        match self {
            Self::Sign | Self::Seal => path::Purpose::Sign,
            Self::Timestamp => path::Purpose::Timestamp,
        }
    }
}

/// Where the moment lies against the leaf's validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bounds {
    Inside,
    TooEarly,
    TooLate,
}

/// Why the chain does not hold.
#[derive(Debug, Clone)]
pub(super) enum ChainFault {
    NotFound(Detail),
    /// An anchor is reached that was withdrawn by then, or does not serve the purpose any more.
    Lapsed(Detail),
    General(Detail),
    Constraints(Detail),
}

/// What is known of one certificate's revocation.
#[derive(Debug, Clone)]
pub(super) enum Status {
    Good,
    Revoked(Revoked),
    Unknown(Detail),
}

/// A revocation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Revoked {
    pub at: Moment,
    pub reason: Reason,
    /// When the key was lost, as far as the authority says.
    pub invalid_since: Option<Moment>,
}

/// The chain as found.
pub(super) struct Chain {
    /// Leaf first, anchor last; the leaf alone if no anchor was reached.
    pub path: Vec<Certificate>,
    pub fault: Option<ChainFault>,
    pub key_use: Result<(), Detail>,
    pub bounds: Bounds,
    /// Of each certificate but the anchor, leaf first.
    pub status: Vec<Status>,
}

/// Finds the chain of `leaf` as of the present: nothing proves an earlier time. Silence of revocation data that came with the
/// document then proves nothing, since whoever presents the document chose it: an older list, still current by its own word, hides
/// a revocation. What it says about a revocation counts.
pub(super) fn find_now(context: &Context<'_>, leaf: &Certificate, used: Use) -> Chain {
    let mut chain = find(context, leaf, context.options.at, used);
    if context.pool.has_carried() && chain.status.iter().any(|status| matches!(status, Status::Good)) {
        let independent = search(context, leaf, context.options.at, used, context.pool.supplied());
        let independent = statuses(&independent);
        for (position, status) in chain.status.iter_mut().enumerate() {
            if matches!(status, Status::Good) && !matches!(independent.get(position), Some(Status::Good)) {
                *status = Status::Unknown(Detail::new(
                    "只有文件自带的吊销信息，且没有时间证明",
                    "only the document itself brings revocation data, and nothing proves an earlier time",
                ));
            }
        }
    }
    chain
}

/// Finds the chain of `leaf` as of `moment`; revocation data up to the time of the verdict counts.
pub(super) fn find(context: &Context<'_>, leaf: &Certificate, moment: Moment, used: Use) -> Chain {
    let pool = (context.pool.crls.as_slice(), context.pool.ocsps.as_slice());
    let mut result = search(context, leaf, moment, used, pool);
    let lapsed = match fault(&result) {
        Some(ChainFault::NotFound(_)) => lapsed(context, leaf, moment, used, pool),
        _ => None,
    };
    let lapsed = lapsed.map(|(reached, detail)| {
        result = reached;
        ChainFault::Lapsed(detail)
    });
    Chain {
        fault: lapsed.or_else(|| fault(&result)).or_else(|| misleading(&result.path)),
        key_use: key_use(leaf, used, &result),
        bounds: if moment < leaf.not_before() {
            Bounds::TooEarly
        } else if !leaf.is_valid_at(moment) {
            Bounds::TooLate
        } else {
            Bounds::Inside
        },
        status: statuses(&result),
        path: result.path,
    }
}

/// Of each certificate but the anchor.
fn statuses(result: &PathResult) -> Vec<Status> {
    let without_anchor = result.path.len().saturating_sub(1);
    result.path.iter().zip(&result.revocation).take(without_anchor).map(|(certificate, fact)| status(certificate, fact)).collect()
}

/// The chain to an anchor that is named for the purpose and was not in force at the moment; why it was not.
fn lapsed(
    context: &Context<'_>,
    leaf: &Certificate,
    moment: Moment,
    used: Use,
    pool: (&[Crl], &[OcspResponse]),
) -> Option<(PathResult, Detail)> {
    let named = |anchor: &&TrustAnchor| used.purposes().iter().any(|purpose| anchor.named_for(*purpose));
    let anchors: Vec<&TrustAnchor> = context.evidence.anchors.iter().filter(|anchor| !anchor.rows.is_empty()).filter(named).collect();
    if anchors.is_empty() {
        return None;
    }
    let reached = search_to(context, leaf, moment, used, pool, &anchors);
    reached.anchor()?;
    let anchor = anchors.into_iter().find(|anchor| Some(&anchor.certificate) == reached.path.last())?;
    let detail = match anchor.withdrawn_by(moment) {
        Some(since) => Detail::new(format!("信任锚自 {since} 起已撤销"), format!("the trust anchor was withdrawn on {since}")),
        None => Detail::new(format!("信任锚在 {moment} 不用于此目的"), format!("the trust anchor does not serve this purpose on {moment}")),
    };
    Some((reached, detail))
}

fn search(context: &Context<'_>, leaf: &Certificate, moment: Moment, used: Use, pool: (&[Crl], &[OcspResponse])) -> PathResult {
    let serves = |anchor: &&TrustAnchor| used.purposes().iter().any(|purpose| anchor.serves(*purpose, moment));
    let anchors: Vec<&TrustAnchor> = context.evidence.anchors.iter().filter(serves).collect();
    search_to(context, leaf, moment, used, pool, &anchors)
}

fn search_to(
    context: &Context<'_>,
    leaf: &Certificate,
    moment: Moment,
    used: Use,
    (crls, ocsps): (&[Crl], &[OcspResponse]),
    anchors: &[&TrustAnchor],
) -> PathResult {
    let anchors: Vec<Anchor> = anchors.iter().map(|anchor| Anchor::from(anchor.certificate.clone())).collect();
    let responders = context.evidence.anchors.iter().filter(|anchor| anchor.serves(Purpose::Ocsp, context.options.at));
    // An anchor for every purpose is an authority, not a responder: only those named for OCSP alone answer for others.
    let responders: Vec<Certificate> =
        responders.filter(|anchor| anchor.purposes.len() == 1).map(|anchor| anchor.certificate.clone()).collect();
    path::validate(&PathInput {
        intermediates: &context.pool.certificates,
        crls,
        ocsps,
        now: moment.max(context.options.at),
        purpose: used.purpose(),
        revocation: path::Revocation::Hard,
        trusted_responders: &responders,
        // Many signers with hostile pools must still be judged within a second or so.
        limits: Limits { signatures: 120, paths: 16, steps: 1_000, name_comparisons: 20_000, ..Limits::default() },
        ..PathInput::new(leaf, &anchors, moment)
    })
}

/// The fault that decides, by kind: nothing trusted, then a broken rule, then a constraint. Validity and revocation of the leaf
/// are weighed by time elsewhere.
fn fault(result: &PathResult) -> Option<ChainFault> {
    let leaf = |fault: &PathFault| fault.certificate == Some(0);
    let detail = |fault: &PathFault| Detail::new(fault_zh(fault.kind), fault.to_string());
    let leaf_expired = result.faults.iter().any(|fault| leaf(fault) && fault.kind == FaultKind::Expired);
    let mut constraint = None;
    let mut general = None;
    for fault in &result.faults {
        match fault.kind {
            FaultKind::NoChain | FaultKind::Limit => return Some(ChainFault::NotFound(detail(fault))),
            FaultKind::Revoked | FaultKind::RevocationUnknown | FaultKind::Host => {}
            FaultKind::Expired | FaultKind::NotYetValid | FaultKind::KeyUsage | FaultKind::ExtendedKeyUsage if leaf(fault) => {}
            // Where the leaf itself has expired, that its issuers have too is the same finding.
            FaultKind::Expired if leaf_expired => {}
            FaultKind::NameConstraints | FaultKind::Policy => constraint = constraint.or(Some(fault)),
            FaultKind::Expired
            | FaultKind::NotYetValid
            | FaultKind::Signature
            | FaultKind::Malformed
            | FaultKind::UnknownCritical
            | FaultKind::NotAuthority
            | FaultKind::PathLength
            | FaultKind::KeyUsage
            | FaultKind::ExtendedKeyUsage
            | FaultKind::UnsupportedAlgorithm => general = general.or(Some(fault)),
        }
    }
    general.map(|fault| ChainFault::General(detail(fault))).or_else(|| constraint.map(|fault| ChainFault::Constraints(detail(fault))))
}

/// Names that are shown in another order than they are written: left-to-right and right-to-left letters in one value, or
/// characters that turn the direction (RFC 3454 §5.8, §6). What a clerk reads would not be what was certified.
fn misleading(path: &[Certificate]) -> Option<ChainFault> {
    let shown = path.iter().take(path.len().saturating_sub(1));
    let mut names = shown.flat_map(|certificate| [certificate.subject(), certificate.issuer()]);
    let mixed = names.any(|name| name.attributes().iter().filter_map(|attribute| attribute.text.as_deref()).any(mixes_directions));
    mixed.then(|| {
        ChainFault::General(Detail::new(
            "证书名称混用左右书写方向，显示可能误导",
            "a name in the certificates mixes writing directions and may be shown misleadingly (RFC 3454 6)",
        ))
    })
}

fn mixes_directions(text: &str) -> bool {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let right = |c: char| {
        c.is_alphabetic()
            && matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1eeff}')
    };
    text.contains(turns) || text.contains(right) && text.chars().any(|c| c.is_alphabetic() && !right(c))
}

const fn fault_zh(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::NoChain => "没有通向信任锚的证书链",
        FaultKind::Limit => "证书链过于复杂，已停止查找",
        FaultKind::Expired => "上级证书已过期",
        FaultKind::NotYetValid => "上级证书尚未生效",
        FaultKind::Signature => "签发者的签名不正确",
        FaultKind::Malformed => "证书格式有缺陷",
        FaultKind::UnknownCritical => "证书含有不认识的关键扩展",
        FaultKind::NotAuthority => "签发者不是证书机构",
        FaultKind::PathLength => "证书链超过允许的长度",
        FaultKind::KeyUsage | FaultKind::ExtendedKeyUsage => "上级证书的用途不符",
        FaultKind::NameConstraints => "名称超出上级证书允许的范围",
        FaultKind::Policy => "没有可接受的证书策略",
        FaultKind::UnsupportedAlgorithm => "证书链使用了不受支持的算法",
        FaultKind::Revoked | FaultKind::RevocationUnknown | FaultKind::Host => "",
    }
}

/// Key usage and extended key usage of the leaf.
fn key_use(leaf: &Certificate, used: Use, result: &PathResult) -> Result<(), Detail> {
    let of_leaf =
        |fault: &&PathFault| fault.certificate == Some(0) && matches!(fault.kind, FaultKind::KeyUsage | FaultKind::ExtendedKeyUsage);
    if leaf.key_usage().is_some_and(|usage| !usage.signs()) {
        return Err(Detail::new(
            "密钥用途不含数字签名，例如加密证书",
            "its key usage does not allow signing (an encryption certificate, for example)",
        ));
    }
    if used != Use::Timestamp
        && let Some(uses) = leaf.extended_key_usage()
        && !uses.is_empty()
        && uses.iter().all(|purpose| matches!(*purpose, oid::SERVER_AUTH | oid::CLIENT_AUTH | oid::TIME_STAMPING | oid::OCSP_SIGNING))
        && uses.iter().any(|purpose| *purpose != oid::CLIENT_AUTH)
    {
        return Err(Detail::new("扩展用途只限网站、时间戳或状态查询服务", "its extended key usage is for TLS, time-stamping or OCSP only"));
    }
    match result.faults.iter().find(of_leaf) {
        Some(fault) if used == Use::Timestamp => {
            Err(Detail::new("不是时间戳机构的证书", format!("not a time-stamping certificate: {}", fault.detail)))
        }
        Some(fault) => Err(Detail::new("证书用途不符", fault.detail.clone())),
        None => Ok(()),
    }
}

fn status(certificate: &Certificate, fact: &RevocationFact) -> Status {
    match &fact.status {
        path::Status::Revoked { at, reason } => Status::Revoked(Revoked { at: *at, reason: *reason, invalid_since: fact.invalid_since }),
        path::Status::Good if forgotten(certificate, fact) => Status::Unknown(Detail::new(
            "吊销信息签发于证书过期之后，可能已不再列出",
            "the revocation data was issued after the certificate expired and may not list it any more",
        )),
        path::Status::Good | path::Status::NotChecked => Status::Good,
        path::Status::Unknown(why) => Status::Unknown(Detail::new("没有可用的吊销信息", why.clone())),
    }
}

/// Authorities may drop expired certificates from their lists (RFC 5280 §3.3): what was issued later says nothing, unless the
/// responder says how far back it remembers (RFC 6960 §4.4.4).
fn forgotten(certificate: &Certificate, fact: &RevocationFact) -> bool {
    let late = fact.this_update.is_some_and(|as_of| as_of > certificate.not_after());
    let remembered = match &fact.evidence {
        Some(RevocationEvidence::Ocsp(response)) => {
            let single = response.responses().iter().find(|single| Some(single.this_update) == fact.this_update);
            single.and_then(|single| single.archive_cutoff).is_some_and(|cutoff| cutoff <= certificate.not_after())
        }
        _ => false,
    };
    late && !remembered
}
