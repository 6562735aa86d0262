//! The signer's chain: found by [`crate::pki::path`], its faults sorted by what they mean for a signature, and what is said about
//! each certificate, whatever the time.

use super::{
    Context,
    evidence::{Pool, Purpose, TrustAnchor},
    findings::Detail,
    poe::Id,
};
use crate::{
    crypto::{Hash, KeyKind},
    id::mask_text,
    moment::Moment,
    pki::{
        Certificate, Reason,
        extensions::{Reasons, oid},
        path::{self, Anchor, FaultKind, Limits, PathFault, PathInput, PathResult, RevocationFact, StatementFact, StatementSource},
        revocation::minimal_integer,
    },
};

/// What the certificate at the end of the chain was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Signing documents.
    Sign,
    /// Sealing documents.
    Seal,
    /// Making seals.
    Maker,
    /// Time-stamping.
    Timestamp,
}

impl Use {
    /// Anchors with one of these purposes serve it.
    const fn purposes(self) -> &'static [Purpose] {
        match self {
            Self::Sign => &[Purpose::Person, Purpose::Organisation],
            Self::Seal | Self::Maker => &[Purpose::Seal],
            Self::Timestamp => &[Purpose::Timestamp],
        }
    }

    const fn purpose(self) -> path::Purpose {
        match self {
            Self::Sign | Self::Seal | Self::Maker => path::Purpose::Sign,
            Self::Timestamp => path::Purpose::Timestamp,
        }
    }
}

/// Why the chain does not hold, whatever the time.
#[derive(Debug, Clone)]
pub enum ChainFault {
    /// Nothing trusted is reached.
    NotFound(Detail),
    /// An anchor is reached that was withdrawn by then, or does not serve the purpose any more.
    Lapsed(Detail),
    /// A rule of RFC 5280 is broken.
    General(Detail),
    /// A constraint is not met.
    Constraints(Detail),
}

/// A revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revoked {
    /// When.
    pub at: Moment,
    /// Why.
    pub reason: Reason,
    /// When the key was lost, as far as the authority says.
    pub invalid_since: Option<Moment>,
}

impl Revoked {
    /// Whether the key was lost.
    pub const fn compromise(&self) -> bool {
        matches!(self.reason, Reason::KeyCompromise | Reason::CaCompromise | Reason::AaCompromise)
    }

    /// Since when what the key signed is not believed.
    pub fn since(&self) -> Moment {
        self.invalid_since.filter(|_| self.compromise()).map_or(self.at, |since| since.min(self.at))
    }
}

/// Whoever signs statements on revocation for an authority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delegate {
    /// End of its certificate.
    pub not_after: Moment,
    /// When its certificate was revoked, if it was.
    pub revoked: Option<Moment>,
    /// Its key.
    pub key: Option<KeyKind>,
}

/// An authentic statement about a certificate's revocation: a CRL or an OCSP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What it is known by.
    pub id: Id,
    /// The revocation, if it tells of one.
    pub revoked: Option<Revoked>,
    /// The reasons it speaks about.
    pub reasons: Reasons,
    /// As of when it speaks.
    pub this_update: Moment,
    /// Until when it is current.
    pub until: Moment,
    /// How far back it remembers expired certificates.
    pub archive_cutoff: Option<Moment>,
    /// Digest of its signature.
    pub digest: Option<Hash>,
    /// Whose key signed it, unless it is the issuer's own.
    pub delegate: Option<Delegate>,
    /// Whether only the document brings it.
    pub carried: bool,
}

/// One certificate of a chain, as far as time is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it is known by.
    pub id: Id,
    /// Its subject, numbers of persons masked.
    pub name: String,
    /// Start of its validity.
    pub not_before: Moment,
    /// End of its validity.
    pub not_after: Moment,
    /// Its key.
    pub key: Option<KeyKind>,
    /// Digest of the signature on it.
    pub digest: Option<Hash>,
    /// What authentic lists and answers say about it.
    pub statements: Vec<Statement>,
    /// Why there is none.
    pub silence: Detail,
    /// Whether nobody can know its status, so that not knowing is only a warning.
    pub unlisted: bool,
}

/// The chain as found.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The certificates themselves, leaf first; may be empty where the facts came from elsewhere.
    pub path: Vec<Certificate>,
    /// Leaf first, the anchor last.
    pub links: Vec<Link>,
    /// Whether an anchor was reached.
    pub anchored: bool,
    /// What is wrong with it at any time.
    pub fault: Option<ChainFault>,
    /// Whether the leaf's key is meant for this use.
    pub key_use: Result<(), Detail>,
}

/// Finds the chain of `leaf`. `moment` only decides which of several chains is preferred; what holds when is weighed by
/// [`super::reach`].
pub(super) fn find(context: &Context<'_>, pool: &Pool, leaf: &Certificate, moment: Moment, used: Use) -> Chain {
    let mut result = search(context, pool, leaf, moment, used);
    let lapsed = match fault(&result) {
        Some(ChainFault::NotFound(_)) => lapsed(context, leaf, moment, used, pool),
        _ => None,
    };
    let lapsed = lapsed.map(|(reached, detail)| {
        result = reached;
        ChainFault::Lapsed(detail)
    });
    let anchored = result.path.len() > 1 && result.anchor().is_some() || result.path.len() == 1 && fault(&result).is_none();
    let unlisted = |position| unlisted(context, pool, &result.path, position);
    let links = result.path.iter().enumerate().map(|(at, certificate)| Link {
        id: certificate.fingerprint_sha256(),
        name: mask_text(&certificate.subject().display()),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        key: certificate.public_key().ok().map(crate::crypto::PublicKey::kind),
        digest: result.path.get(at.saturating_add(1)).and_then(|issuer| signed_with(certificate, issuer)),
        statements: result.revocation.get(at).map(|fact| statements(pool, &result.path, at, fact)).unwrap_or_default(),
        silence: silence(result.revocation.get(at)),
        unlisted: unlisted(at),
    });
    Chain {
        links: links.collect(),
        anchored,
        fault: lapsed.or_else(|| fault(&result)).or_else(|| misleading(&result.path)),
        key_use: key_use(leaf, used, &result),
        path: result.path,
    }
}

fn signed_with(certificate: &Certificate, issuer: &Certificate) -> Option<Hash> {
    certificate.signature_algorithm(issuer.public_key().ok()?).ok()?.hash()
}

fn silence(fact: Option<&RevocationFact>) -> Detail {
    let why = match fact.map(|fact| &fact.status) {
        Some(path::Status::Unknown(why)) => why.clone(),
        _ => String::from("no CRL or OCSP response speaks about it"),
    };
    Detail::new("没有可用的吊销信息", why)
}

fn statements(pool: &Pool, path: &[Certificate], at: usize, fact: &RevocationFact) -> Vec<Statement> {
    let issuer = path.get(at.saturating_add(1));
    let of = |fact: &StatementFact| {
        let (id, carried) = match fact.source {
            StatementSource::Crl { base, delta } => pool.crl_id(delta.unwrap_or(base)),
            StatementSource::Ocsp(at) => pool.ocsp_id(at),
        };
        Statement {
            id,
            revoked: fact.revoked.map(|found| Revoked { at: found.at, reason: found.reason, invalid_since: found.invalid_since }),
            reasons: fact.reasons,
            this_update: fact.this_update,
            until: fact.next_update.unwrap_or(fact.this_update),
            archive_cutoff: fact.archive_cutoff,
            digest: fact.digest,
            delegate: (Some(&fact.signer) != issuer).then(|| Delegate {
                not_after: fact.signer.not_after(),
                revoked: fact.signer_revoked,
                key: fact.signer.public_key().ok().map(crate::crypto::PublicKey::kind),
            }),
            carried,
        }
    };
    fact.statements.iter().map(of).collect()
}

/// Whether an authority stands directly below the trust anchor and nothing shows that the anchor publishes the status of what it
/// issues: no list of it, current or not, no answer about it, and no certificate of it that names a place to ask. Who trusts such
/// an anchor withdraws its authorities by other means (RFC 5280 §6.1.3 (a)(3), docs/divergences.md).
fn unlisted(context: &Context<'_>, pool: &Pool, path: &[Certificate], position: usize) -> bool {
    let (Some(authority), Some(anchor)) = (path.get(position), path.get(position.saturating_add(1))) else { return false };
    if position == 0 || path.len() != position.saturating_add(2) {
        return false;
    }
    let issued = |certificate: &&Certificate| certificate.issuer() == anchor.subject();
    let known = pool.certificates.iter().chain(context.evidence.anchors.iter().map(|anchor| &anchor.certificate)).chain(path);
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

/// The chain to an anchor that is named for the purpose and was not in force at the moment; why it was not.
fn lapsed(context: &Context<'_>, leaf: &Certificate, moment: Moment, used: Use, pool: &Pool) -> Option<(PathResult, Detail)> {
    let named = |anchor: &&TrustAnchor| used.purposes().iter().any(|purpose| anchor.named_for(*purpose));
    let anchors: Vec<&TrustAnchor> = context.evidence.anchors.iter().filter(|anchor| !anchor.rows.is_empty()).filter(named).collect();
    if anchors.is_empty() {
        return None;
    }
    let reached = search_to(context, pool, leaf, moment, used, &anchors);
    reached.anchor()?;
    let anchor = anchors.into_iter().find(|anchor| Some(&anchor.certificate) == reached.path.last())?;
    let detail = match anchor.withdrawn_by(moment) {
        Some(since) => Detail::new(format!("信任锚自 {since} 起已撤销"), format!("the trust anchor was withdrawn on {since}")),
        None => Detail::new(format!("信任锚在 {moment} 不用于此目的"), format!("the trust anchor does not serve this purpose on {moment}")),
    };
    Some((reached, detail))
}

fn search(context: &Context<'_>, pool: &Pool, leaf: &Certificate, moment: Moment, used: Use) -> PathResult {
    let serves = |anchor: &&TrustAnchor| used.purposes().iter().any(|purpose| anchor.serves(*purpose, moment));
    let anchors: Vec<&TrustAnchor> = context.evidence.anchors.iter().filter(serves).collect();
    search_to(context, pool, leaf, moment, used, &anchors)
}

fn search_to(context: &Context<'_>, pool: &Pool, leaf: &Certificate, moment: Moment, used: Use, anchors: &[&TrustAnchor]) -> PathResult {
    let anchors: Vec<Anchor> = anchors.iter().map(|anchor| Anchor::from(anchor.certificate.clone())).collect();
    let responders = context.evidence.anchors.iter().filter(|anchor| anchor.serves(Purpose::Ocsp, context.options.at));
    // An anchor for every purpose is an authority, not a responder: only those named for OCSP alone answer for others.
    let responders: Vec<Certificate> =
        responders.filter(|anchor| anchor.purposes.len() == 1).map(|anchor| anchor.certificate.clone()).collect();
    // Outside the leaf's validity every path has the same fault; the one that held while the leaf did is to be found.
    let moment = moment.min(leaf.not_after()).max(leaf.not_before());
    path::validate(&PathInput {
        intermediates: &pool.certificates,
        crls: &pool.crls,
        ocsps: &pool.ocsps,
        now: moment.max(context.options.at),
        purpose: used.purpose(),
        revocation: path::Revocation::Hard,
        trusted_responders: &responders,
        // Many signers with hostile pools must still be judged within a second or so.
        limits: Limits { signatures: 120, paths: 16, steps: 1_000, name_comparisons: 20_000, ..Limits::default() },
        ..PathInput::new(leaf, &anchors, moment)
    })
}

/// The fault that decides, by kind: nothing trusted, then a broken rule, then a constraint. Validity and revocation are weighed
/// by time elsewhere.
fn fault(result: &PathResult) -> Option<ChainFault> {
    let leaf = |fault: &PathFault| fault.certificate == Some(0);
    let detail = |fault: &PathFault| Detail::new(fault_zh(fault.kind), fault.to_string());
    let mut constraint = None;
    let mut general = None;
    for fault in &result.faults {
        match fault.kind {
            FaultKind::NoChain | FaultKind::Limit => return Some(ChainFault::NotFound(detail(fault))),
            FaultKind::Revoked | FaultKind::RevocationUnknown | FaultKind::Host => {}
            FaultKind::Expired | FaultKind::NotYetValid => {}
            FaultKind::KeyUsage | FaultKind::ExtendedKeyUsage if leaf(fault) => {}
            FaultKind::NameConstraints | FaultKind::Policy => constraint = constraint.or(Some(fault)),
            FaultKind::Signature
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
        FaultKind::Signature => "签发者的签名不正确",
        FaultKind::Malformed => "证书格式有缺陷",
        FaultKind::UnknownCritical => "证书含有不认识的关键扩展",
        FaultKind::NotAuthority => "签发者不是证书机构",
        FaultKind::PathLength => "证书链超过允许的长度",
        FaultKind::KeyUsage | FaultKind::ExtendedKeyUsage => "上级证书的用途不符",
        FaultKind::NameConstraints => "名称超出上级证书允许的范围",
        FaultKind::Policy => "没有可接受的证书策略",
        FaultKind::UnsupportedAlgorithm => "证书链使用了不受支持的算法",
        FaultKind::Expired | FaultKind::NotYetValid | FaultKind::Revoked | FaultKind::RevocationUnknown | FaultKind::Host => "",
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
    // Makers of seals in the field hold certificates of servers.
    if !matches!(used, Use::Timestamp | Use::Maker)
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
