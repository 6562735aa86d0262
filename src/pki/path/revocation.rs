//! What is known about one certificate's revocation (RFC 5280 §6.3, RFC 6960 §3.2).
//!
//! Every list and answer that is authentic and in scope counts. A revocation other than a hold is final, so that one old
//! list that shows it outweighs any newer silence; a hold is undone by newer information. Silence counts only while fresh:
//! current at the moment in question, or newer than it and made before the certificate expired (later, authorities drop it).

use super::{
    input::{PathInput, Purpose, Revocation},
    result::{Outcome, RevocationEvidence, RevocationFact, StatementFact, StatementSource, Status},
    scope, search,
    work::{Signed, Work},
};
use crate::{
    crypto::{Hash, SignatureAlgorithm},
    moment::Moment,
    pki::{
        Certificate, Crl, Reason,
        crl::Revoked,
        extensions::{KeyUsage, Reasons, oid},
        ocsp::CertStatus,
    },
};

/// How deep the status of a list's or answer's signer may depend on further signers.
const MAX_DEPTH: usize = 4;

/// One authentic statement about the certificate.
struct Statement {
    said: Said,
    reasons: Reasons,
    fresh: bool,
    /// Its silence tells nothing here: the list breaks the profile of TLS.
    irregular: bool,
    this_update: Moment,
    next_update: Option<Moment>,
    evidence: RevocationEvidence,
    fact: StatementFact,
}

#[derive(Clone, Copy)]
enum Said {
    Good,
    Revoked(Revoked),
}

/// The question about one certificate.
struct Asked<'c> {
    certificate: &'c Certificate,
    issuer: &'c Certificate,
    anchor: &'c Certificate,
    /// The path in which the certificate stands, from the leaf to the anchor.
    path: &'c [Certificate],
}

/// The status of `certificate`, issued by `issuer` on the path to `anchor`.
pub(super) fn status(
    work: &mut Work,
    input: &PathInput<'_>,
    certificate: &Certificate,
    issuer: &Certificate,
    path: &[Certificate],
) -> RevocationFact {
    let Some(anchor) = path.last() else { return RevocationFact::NOT_CHECKED };
    let id = certificate.fingerprint_sha256();
    let key = (id, issuer.fingerprint_sha256(), anchor.fingerprint_sha256());
    if let Some(known) = work.statuses.get(&key) {
        return known.clone();
    }
    if work.pending.contains(&id) || work.pending.len() >= MAX_DEPTH {
        return unknown("its status depends on itself");
    }
    work.pending.push(id);
    let fact = decide(work, input, &Asked { certificate, issuer, anchor, path });
    work.pending.pop();
    // Inside another question the answer may be coloured by what is pending there.
    if work.pending.is_empty() {
        work.statuses.insert(key, fact.clone());
    }
    fact
}

fn unknown(why: &str) -> RevocationFact {
    RevocationFact { status: Status::Unknown(why.into()), ..RevocationFact::NOT_CHECKED }
}

fn decide(work: &mut Work, input: &PathInput<'_>, asked: &Asked<'_>) -> RevocationFact {
    let mut statements = Vec::new();
    let mut why = "no CRL or OCSP response speaks about it";
    lists(work, input, asked, &mut statements, &mut why);
    answers(work, input, asked, &mut statements, &mut why);
    // The newest first; of equally new ones the worse.
    statements.sort_by_key(|statement| (std::cmp::Reverse(statement.this_update), matches!(statement.said, Said::Good)));

    let all: Vec<StatementFact> = statements.iter().map(|statement| statement.fact.clone()).collect();
    let fact = |statement: &Statement, status: Status, invalid_since: Option<Moment>| RevocationFact {
        statements: all.clone(),
        status,
        evidence: Some(statement.evidence.clone()),
        invalid_since,
        this_update: Some(statement.this_update),
        next_update: statement.next_update,
    };
    let revoked = |statement: &Statement, revoked: Revoked| {
        fact(statement, Status::Revoked { at: revoked.at, reason: revoked.reason }, revoked.invalid_since)
    };
    let last = statements.iter().filter_map(|statement| match statement.said {
        Said::Revoked(found) if found.reason != Reason::CertificateHold => Some((found.at, statement, found)),
        _ => None,
    });
    if let Some((_, statement, found)) = last.min_by_key(|(at, _, _)| *at) {
        return revoked(statement, found);
    }
    let newest_good = statements.iter().find(|statement| statement.fresh && matches!(statement.said, Said::Good));
    for statement in &statements {
        if let Said::Revoked(found) = statement.said
            && newest_good.is_none_or(|good| good.this_update <= statement.this_update)
        {
            return revoked(statement, found);
        }
    }
    // §6.3.3: every reason must be covered by fresh information.
    let covered = statements.iter().filter(|statement| statement.fresh).fold(0, |all, statement| all | statement.reasons.0);
    match newest_good {
        Some(good) if covered == Reasons::ALL.0 => fact(good, Status::Good, None),
        Some(good) => fact(good, Status::Unknown("the CRLs do not cover every reason of revocation".into()), None),
        None => match statements.first() {
            Some(list) if list.irregular => fact(list, Status::Unknown("the CRL breaks the profile of TLS certificates".into()), None),
            Some(stale) => fact(stale, Status::Unknown("the CRL or OCSP response is not current at this time".into()), None),
            None => unknown(why),
        },
    }
}

/// Whether silence from `this_update` on tells that the certificate was not revoked at the moment in question.
fn is_fresh(input: &PathInput<'_>, certificate: &Certificate, this_update: Moment, next_update: Option<Moment>) -> bool {
    if this_update > input.at {
        return this_update.secs() <= certificate.not_after().secs();
    }
    next_update.unwrap_or_else(|| this_update.plus(input.max_age)) >= input.at
}

/// Who says "revoked" does not mean later: a date after the statement itself counts from the statement on.
fn by_then(revoked: Revoked, said: Moment) -> Revoked {
    Revoked { at: revoked.at.min(said), ..revoked }
}

/// What the lists say.
fn lists(work: &mut Work, input: &PathInput<'_>, asked: &Asked<'_>, found: &mut Vec<Statement>, why: &mut &'static str) {
    for (at, base) in input.crls.iter().enumerate() {
        if base.is_delta() || base.this_update() > input.now {
            continue;
        }
        let Some(reasons) = scope::covered(asked.certificate, base) else { continue };
        if !base.defects().is_empty() {
            *why = "the CRL has critical parts that are not understood, or is malformed";
            continue;
        }
        let Some(signer) = list_signer(work, input, asked, at, base) else {
            *why = "the CRL's signature cannot be traced to its issuer";
            continue;
        };
        // Everything that changed since: the newest applicable delta tells what is current, older ones still revoke.
        let mut newest: Option<&Crl> = None;
        for (delta_at, delta) in input.crls.iter().enumerate() {
            if !applies(delta, base) || delta.this_update() > input.now || !delta.defects().is_empty() {
                continue;
            }
            if work.list_signed(delta_at, delta, &signer) != Signed::Good {
                continue;
            }
            if newest.is_none_or(|newest| delta.this_update() > newest.this_update()) {
                newest = Some(delta);
            }
        }
        let newest_at = newest.and_then(|newest| input.crls.iter().position(|crl| crl == newest));
        let entry = match newest.and_then(|delta| delta.find(asked.certificate)) {
            Some(entry) if entry.reason == Reason::RemoveFromCrl => None,
            Some(entry) => Some(entry),
            None => base.find(asked.certificate),
        };
        let current = newest.unwrap_or(base);
        let entry = entry.filter(|entry| entry.reason != Reason::RemoveFromCrl);
        let said = entry.map_or(Said::Good, |entry| Said::Revoked(by_then(entry, current.this_update())));
        // CA/Browser Forum BR §7.2.2.1: no indirect lists. What an irregular list revokes is revoked all the same.
        let indirect = base.distribution_point().is_some_and(|point| point.indirect);
        let irregular = input.purpose.is_tls() && (base.is_irregular() || indirect);
        found.push(Statement {
            said,
            reasons,
            fresh: !irregular && is_fresh(input, asked.certificate, current.this_update(), current.next_update()),
            irregular,
            this_update: current.this_update(),
            next_update: current.next_update(),
            evidence: RevocationEvidence::Crl { base: base.clone(), delta: newest.cloned() },
            fact: StatementFact {
                source: StatementSource::Crl { base: at, delta: newest_at },
                revoked: entry.map(|entry| by_then(entry, current.this_update())),
                reasons,
                this_update: current.this_update(),
                next_update: Some(current.next_update().unwrap_or_else(|| current.this_update().plus(input.max_age))),
                archive_cutoff: None,
                digest: digest(current.signature_algorithm_der(), &signer),
                signer,
                signer_revoked: None,
            },
        });
    }
}

/// RFC 5280 §6.3.3 (c), §5.2.4: same issuer, same scope, based on this list or an older one, and not older than it.
fn applies(delta: &Crl, base: &Crl) -> bool {
    let order = |number: &[u8]| (number.len(), number.to_vec());
    let (Some(from), Some(number), Some(own)) = (delta.delta_base(), delta.number(), base.number()) else { return false };
    delta.issuer() == base.issuer()
        && delta.distribution_point() == base.distribution_point()
        && order(from) <= order(own)
        && order(number) >= order(own)
}

/// The certificate whose key signed the list and may (§6.3.3 (f), (g)): the certificate's issuer, another of the path, or one
/// with a path of its own to the same anchor.
fn list_signer(work: &mut Work, input: &PathInput<'_>, asked: &Asked<'_>, at: usize, crl: &Crl) -> Option<Certificate> {
    let may =
        |signer: &Certificate| signer.subject() == crl.issuer() && signer.key_usage().is_none_or(|usage| usage.has(KeyUsage::CRL_SIGN));
    let on_path = std::iter::once(asked.issuer).chain(asked.path.iter().rev());
    for signer in on_path.filter(|signer| may(signer) && *signer != asked.certificate) {
        if work.list_signed(at, crl, signer) == Signed::Good {
            return Some(signer.clone());
        }
    }
    // A list's issuer whose certificate names itself as the one who lists its revocation: there is nobody else to ask.
    if may(asked.certificate) && scope::names_itself(asked.certificate) && work.list_signed(at, crl, asked.certificate) == Signed::Good {
        return Some(asked.certificate.clone());
    }
    for signer in work.named(crl.issuer()) {
        if !may(&signer) || work.list_signed(at, crl, &signer) != Signed::Good {
            continue;
        }
        let anchors = [asked.anchor.clone().into()];
        if has_path(work, input, &signer, &anchors, Purpose::CrlSign) {
            return Some(signer);
        }
    }
    None
}

/// Whether a helper certificate has an accepted path of its own.
fn has_path(work: &mut Work, input: &PathInput<'_>, leaf: &Certificate, anchors: &[super::Anchor], purpose: Purpose) -> bool {
    let question = PathInput {
        leaf,
        anchors,
        intermediates: input.intermediates,
        crls: input.crls,
        ocsps: input.ocsps,
        trusted_responders: input.trusted_responders,
        policies: Default::default(),
        host: None,
        purpose,
        ..*input
    };
    search::search(work, &question).outcome == Outcome::Accepted
}

fn answers(work: &mut Work, input: &PathInput<'_>, asked: &Asked<'_>, found: &mut Vec<Statement>, why: &mut &'static str) {
    let Ok(issuer_key) = asked.issuer.public_key() else { return };
    for (at, response) in input.ocsps.iter().enumerate() {
        let single = response.responses().iter().filter(|single| {
            single.id.matches(asked.certificate.serial(), asked.certificate.issuer(), issuer_key)
                || single.id.matches(asked.certificate.serial(), asked.issuer.subject(), issuer_key)
        });
        for single in single {
            if response.unknown_critical() || single.unknown_critical {
                *why = "the OCSP response has critical extensions that are not understood";
                continue;
            }
            if single.this_update > input.now || response.produced_at() > input.now {
                *why = "the OCSP response is from the future";
                continue;
            }
            let said = match single.status {
                CertStatus::Good => Said::Good,
                CertStatus::Revoked { at, reason } => {
                    Said::Revoked(by_then(Revoked { at, reason, invalid_since: None }, single.this_update))
                }
                CertStatus::Unknown => {
                    *why = "the OCSP responder does not know the certificate";
                    continue;
                }
            };
            let Some((signer, signer_revoked)) = authorised(work, input, asked, at) else {
                *why = "the OCSP response is not signed by a responder that the issuer authorised";
                continue;
            };
            found.push(Statement {
                said,
                reasons: Reasons::ALL,
                fresh: is_fresh(input, asked.certificate, single.this_update, single.next_update),
                irregular: false,
                this_update: single.this_update,
                next_update: single.next_update,
                evidence: RevocationEvidence::Ocsp(response.clone()),
                fact: StatementFact {
                    source: StatementSource::Ocsp(at),
                    revoked: match said {
                        Said::Good => None,
                        Said::Revoked(revoked) => Some(revoked),
                    },
                    reasons: Reasons::ALL,
                    this_update: single.this_update,
                    next_update: Some(single.next_update.unwrap_or_else(|| single.this_update.plus(input.max_age))),
                    archive_cutoff: single.archive_cutoff,
                    digest: digest(response.signature_algorithm_der(), &signer),
                    signer,
                    signer_revoked,
                },
            });
        }
    }
}

/// Digest of a signature made with the signer's key.
fn digest(algorithm: &[u8], signer: &Certificate) -> Option<Hash> {
    SignatureAlgorithm::from_der(algorithm, None, signer.public_key().ok()?).ok()?.hash()
}

/// RFC 6960 §4.2.2.2: signed by the issuer itself, by a responder the caller trusts, or by one whose certificate the issuer
/// signed with the OCSP purpose in it. Tells whose key that was, and when that certificate was revoked later, if it was.
fn authorised(work: &mut Work, input: &PathInput<'_>, asked: &Asked<'_>, at: usize) -> Option<(Certificate, Option<Moment>)> {
    let response = input.ocsps.get(at)?;
    let by = |work: &mut Work, signer: &Certificate| {
        let Ok(key) = signer.public_key() else { return false };
        let id = signer.fingerprint_sha256();
        response.is_by(signer) && work.answer_signed(at, id, || response.verify_signed_by(key).map(drop)) == Signed::Good
    };
    if by(work, asked.issuer) {
        return Some((asked.issuer.clone(), None));
    }
    if let Some(responder) = input.trusted_responders.iter().find(|responder| by(work, responder)) {
        return Some((responder.clone(), None));
    }
    let named = match response.responder() {
        crate::pki::ocsp::ResponderId::Name(name) => work.named(name),
        crate::pki::ocsp::ResponderId::KeyHash(_) => Vec::new(),
    };
    for delegate in response.certificates().iter().chain(&named).take(16) {
        let purposes = delegate.extended_key_usage().unwrap_or_default();
        let fit = purposes.contains(&oid::OCSP_SIGNING)
            && delegate.issuer() == asked.issuer.subject()
            && delegate.key_usage().is_none_or(KeyUsage::signs)
            && delegate.is_valid_at(response.produced_at())
            && delegate.defects().is_empty()
            && delegate.extensions().unknown_critical().next().is_none();
        if fit
            && by(work, delegate)
            && work.signed(delegate, asked.issuer) == Signed::Good
            && let Some(revoked) = delegate_in_force(work, input, asked, delegate)
        {
            return Some((delegate.clone(), revoked));
        }
    }
    None
}

/// Whether the responder's own certificate still counts (RFC 6960 §4.2.2.2.1): ocsp-nocheck, or not revoked; and when it was
/// revoked later, if it was. Where its authority names no place to ask, not being listed as revoked is enough.
fn delegate_in_force(work: &mut Work, input: &PathInput<'_>, asked: &Asked<'_>, delegate: &Certificate) -> Option<Option<Moment>> {
    if delegate.extensions().ocsp_no_check {
        return Some(None);
    }
    let places = delegate.extensions().crl_distribution_points.is_some() || delegate.ocsp_urls().next().is_some();
    let counts = match status(work, input, delegate, asked.issuer, asked.path).status {
        Status::Good | Status::NotChecked => true,
        Status::Revoked { at, .. } => return (at > input.at).then_some(Some(at)),
        Status::Unknown(_) => !places || input.revocation != Revocation::Hard,
    };
    counts.then_some(None)
}
