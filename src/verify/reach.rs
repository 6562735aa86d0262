//! How far the word of each key in a chain reaches: past certificate validation (EN 319 102-1 §5.6.2.1, §5.6.2.2).
//!
//! The standard slides a control time down the chain. Here each certificate gets the moment until which what its key signed is
//! believed: its expiry, its revocation, those of its issuers, the present. What it issued, certificates and statements on
//! revocation, counts if it is proven to have existed by then; what nothing proves to be older counts as made now. At the
//! present, with nothing proven, that is the ordinary validation of RFC 5280; with proofs it is that of the past.

use super::{
    chain::{Chain, Link, Revoked, Statement},
    findings::Detail,
    poe::{Id, Poes},
    policy::{hash_ended, key_ended, remedy},
};
use crate::{
    crypto::{Hash, KeyKind},
    moment::Moment,
    pki::{Reason, extensions::Reasons},
};

/// The times at which a chain is weighed.
pub(super) struct Clock<'a> {
    /// What is proven of the objects.
    pub poes: &'a Poes,
    /// The moment by which what is not proven exists.
    pub looking: Moment,
    /// The moment by which what the leaf signed exists.
    pub proven: Moment,
    /// Whether silence of revocation data counts only if it did not come with the document.
    pub independent: bool,
}

/// Where the moment lies against a certificate's validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bounds {
    Inside,
    TooEarly,
    TooLate,
}

/// What is known of one certificate's revocation.
#[derive(Debug, Clone)]
pub(super) enum Status {
    Good,
    Revoked(Revoked),
    /// Why, and the sub-indication that says so.
    Unknown(Detail, &'static str),
}

/// An algorithm that had ended when what it protects is first proven to exist.
#[derive(Debug, Clone)]
pub(super) struct Weak {
    pub name: String,
    pub ended: Moment,
}

/// A chain weighed.
pub(super) struct Reach {
    /// Of the leaf at the proven moment.
    pub bounds: Bounds,
    /// Of each certificate but the anchor, leaf first.
    pub status: Vec<Status>,
    /// Of each certificate but the anchor: the good statement relied on.
    pub relied: Vec<Option<Id>>,
    /// A certificate that is not believed, or an issuer that was not in force: which, why, the sub-indication.
    pub broken: Option<(usize, Detail, &'static str)>,
    /// Keys and digests that protect the certificates and were too weak.
    pub weak: Vec<Weak>,
}

/// Why a key's word ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Present,
    Expired,
    Revoked,
}

#[derive(Debug, Clone, Copy)]
struct Limit {
    until: Moment,
    end: End,
}

impl Limit {
    fn lower(&mut self, until: Moment, end: End) {
        if until < self.until {
            *self = Self { until, end };
        }
    }
}

/// Weighs a chain.
pub(super) fn weigh(chain: &Chain, clock: &Clock<'_>) -> Reach {
    let bounds = chain.links.first().map_or(Bounds::Inside, |leaf| bounds(leaf, clock.proven));
    let mut reach = Reach { bounds, status: Vec::new(), relied: Vec::new(), broken: None, weak: Vec::new() };
    let mut limit = Limit { until: clock.looking, end: End::Present };
    let below = match chain.links.split_last() {
        Some((anchor, below)) if chain.anchored && !below.is_empty() => {
            issuer_in_force(&mut reach, anchor, below.len(), clock);
            limit.lower(anchor.not_after, End::Expired);
            below
        }
        // The leaf is itself the anchor: it is believed.
        Some((_, below)) if chain.anchored => below,
        _ => &chain.links,
    };
    for (position, link) in below.iter().enumerate().rev() {
        let issuer = chain.links.get(position.saturating_add(1));
        let exists = clock.poes.by(&link.id, clock.looking);
        if exists > limit.until && reach.broken.is_none() {
            reach.broken = Some(unproven(position, limit));
        }
        reach.weak.extend(weak(link.digest, issuer.and_then(|issuer| issuer.key), exists));
        let (status, relied) = status(link, issuer, limit, clock);
        if position > 0 {
            issuer_in_force(&mut reach, link, position, clock);
            limit.lower(link.not_after, End::Expired);
        }
        if let Status::Revoked(revoked) = &status {
            limit.lower(revoked.since(), End::Revoked);
        }
        reach.status.push(status);
        reach.relied.push(relied);
    }
    reach.status.reverse();
    reach.relied.reverse();
    reach
}

fn bounds(link: &Link, moment: Moment) -> Bounds {
    if moment < link.not_before {
        Bounds::TooEarly
    } else if moment.secs() > link.not_after.secs() {
        Bounds::TooLate
    } else {
        Bounds::Inside
    }
}

/// Every certificate above the leaf must have been in force when the leaf's key was used (RFC 5280 §6.1.3 (a)(2)).
fn issuer_in_force(reach: &mut Reach, link: &Link, position: usize, clock: &Clock<'_>) {
    let (zh, en) = match bounds(link, clock.proven) {
        Bounds::Inside => return,
        Bounds::TooEarly => ("上级证书尚未生效", "an authority's certificate had not begun"),
        Bounds::TooLate => ("上级证书已过期", "an authority's certificate has expired"),
    };
    if reach.broken.is_none() {
        reach.broken = Some((position, Detail::new(zh, en), "CERTIFICATE_CHAIN_GENERAL_FAILURE"));
    }
}

fn unproven(position: usize, limit: Limit) -> (usize, Detail, &'static str) {
    match limit.end {
        End::Revoked => {
            let detail = Detail::new(
                format!("没有证明它在签发机构于 {} 被吊销之前已存在", limit.until),
                format!("nothing proves that it existed before its authority was revoked at {}", limit.until),
            );
            (position, detail, "REVOKED_CA_NO_POE")
        }
        End::Expired | End::Present => {
            let detail = Detail::new(
                format!("没有证明它在签发机构的证书于 {} 过期之前已存在", limit.until),
                format!("nothing proves that it existed before its authority's certificate expired at {}", limit.until),
            );
            (position, detail, "OUT_OF_BOUNDS_NO_POE")
        }
    }
}

/// The status of one certificate at the proven moment, and the statement that it rests on.
fn status(link: &Link, issuer: Option<&Link>, limit: Limit, clock: &Clock<'_>) -> (Status, Option<Id>) {
    let revocations = link.statements.iter().filter_map(|statement| Some((statement, statement.revoked?)));
    // A revocation other than a hold is final, whoever shows it and however old the list is.
    let last = revocations.clone().filter(|(_, revoked)| revoked.reason != Reason::CertificateHold);
    if let Some((statement, revoked)) = last.min_by_key(|(_, revoked)| (revoked.since(), revoked.at)) {
        return (Status::Revoked(revoked), Some(statement.id));
    }
    let good = |statement: &&Statement| statement.revoked.is_none() && speaks_at(statement, link, clock.proven);
    let mut fresh: Vec<&Statement> = Vec::new();
    let mut refused = None;
    for statement in link.statements.iter().filter(good) {
        match usable(statement, issuer, limit, clock) {
            Ok(()) => fresh.push(statement),
            Err(why) => refused = refused.or(Some(why)),
        }
    }
    let newest = fresh.iter().max_by_key(|statement| (statement.this_update, statement.id)).copied();
    for (statement, revoked) in revocations {
        if newest.is_none_or(|good| good.this_update <= statement.this_update) {
            return (Status::Revoked(revoked), Some(statement.id));
        }
    }
    let covered = fresh.iter().fold(0, |all, statement| all | statement.reasons.0);
    let open = |zh: &str, en: &str| Status::Unknown(Detail::new(zh, en), "TRY_LATER");
    match (newest, refused) {
        (Some(newest), _) if covered == Reasons::ALL.0 => (Status::Good, Some(newest.id)),
        (Some(_), _) => (open("吊销列表未涵盖全部吊销原因", "the CRLs do not cover every reason of revocation"), None),
        (None, Some((detail, sub))) => (Status::Unknown(detail, sub), None),
        (None, None) if link.statements.iter().any(|statement| statement.this_update.secs() > link.not_after.secs()) => (
            Status::Unknown(
                Detail::new(
                    "吊销信息签发于证书过期之后，可能已不再列出",
                    "the revocation data was issued after the certificate expired and may not list it any more",
                )
                .helped_by(&remedy::STATUS_OF_THEN),
                "TRY_LATER",
            ),
            None,
        ),
        (None, None) if !link.statements.is_empty() => {
            (open("吊销信息已过时", "the CRL or OCSP response is not current at this time"), None)
        }
        (None, None) => (Status::Unknown(link.silence.clone(), "TRY_LATER"), None),
    }
}

/// Whether silence of the statement tells that the certificate was not revoked at the moment: it is current then, or newer and
/// made before the authority may have dropped the expired certificate (RFC 5280 §3.3, RFC 6960 §4.4.4).
fn speaks_at(statement: &Statement, link: &Link, moment: Moment) -> bool {
    let remembered = statement.archive_cutoff.is_some_and(|cutoff| cutoff <= link.not_after);
    let listed = statement.this_update.secs() <= link.not_after.secs() || remembered;
    listed && (statement.this_update > moment || statement.until >= moment)
}

/// Whether the statement is believed: it existed while its signer's word still counted, under an algorithm that still held.
fn usable(statement: &Statement, issuer: Option<&Link>, limit: Limit, clock: &Clock<'_>) -> Result<(), (Detail, &'static str)> {
    let exists = clock.poes.by(&statement.id, clock.looking);
    let mut own = limit;
    let mut key = issuer.and_then(|issuer| issuer.key);
    if let Some(delegate) = &statement.delegate {
        own.lower(delegate.not_after, End::Expired);
        if let Some(revoked) = delegate.revoked {
            own.lower(revoked, End::Revoked);
        }
        key = delegate.key;
    }
    if let Some(weak) = weak(statement.digest, key, exists).into_iter().next() {
        let detail = Detail::new(
            format!("吊销信息所用的 {} 自 {} 起不再可靠", weak.name, weak.ended),
            format!("the revocation data rests on {}, no longer trusted since {}", weak.name, weak.ended),
        );
        return Err((detail.helped_by(&remedy::STATUS_BELIEVED), "CRYPTO_CONSTRAINTS_FAILURE_NO_POE"));
    }
    if exists > own.until {
        let detail = Detail::new(
            format!("没有证明吊销信息在其签发者于 {} 失效之前已存在", own.until),
            format!("nothing proves that the revocation data existed before its signer ended at {}", own.until),
        );
        let sub = if own.end == End::Revoked { "REVOKED_CA_NO_POE" } else { "REVOCATION_OUT_OF_BOUNDS_NO_POE" };
        return Err((detail.helped_by(&remedy::STATUS_BELIEVED), sub));
    }
    if clock.independent && statement.carried {
        let detail = Detail::new(
            "只有文件自带的吊销信息，且没有时间证明",
            "only the document itself brings revocation data, and nothing proves an earlier time",
        );
        return Err((detail, "TRY_LATER"));
    }
    Ok(())
}

/// What had ended by `exists` of the algorithms that protect an object.
pub(super) fn weak(digest: Option<Hash>, key: Option<KeyKind>, exists: Moment) -> Vec<Weak> {
    let of_digest = digest.and_then(|hash| Some(Weak { name: hash.name().into(), ended: hash_ended(hash)? }));
    let of_key = key.and_then(|kind| {
        let ended = match kind {
            KeyKind::Rsa(bits) => key_ended("rsa", bits),
            KeyKind::Dsa(bits) => key_ended("dsa", bits),
            _ => None,
        };
        Some(Weak { name: kind.to_string(), ended: ended? })
    });
    of_digest.into_iter().chain(of_key).filter(|weak| weak.ended <= exists).collect()
}
