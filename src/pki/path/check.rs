//! One candidate path, from the anchor down to the leaf (RFC 5280 §6.1).

use super::{
    input::{PathInput, Revocation},
    names::{self, NameFault},
    policy::{Policies, PolicyFault},
    profile::{self, Place},
    purpose,
    result::{FaultKind, LinkFact, Outcome, PathFault, PathResult, RevocationFact, Status},
    revocation,
    work::{Signed, Work},
};
use crate::{
    crypto::{KeyError, PublicKey},
    pki::{Certificate, extensions::NameConstraints, extensions::oid::ANY_POLICY},
};

/// Faults and warnings in the making.
#[derive(Default)]
struct Findings {
    faults: Vec<PathFault>,
    warnings: Vec<PathFault>,
}

impl Findings {
    fn fault(&mut self, kind: FaultKind, at: usize, detail: impl Into<String>) {
        self.faults.push(PathFault { kind, certificate: Some(at), detail: detail.into() });
    }

    fn warn(&mut self, kind: FaultKind, at: usize, detail: impl Into<String>) {
        self.warnings.push(PathFault { kind, certificate: Some(at), detail: detail.into() });
    }
}

/// Examines `path`, from the leaf to the anchor; every signature in it was already verified or found unsupported.
pub(super) fn examine(work: &mut Work, input: &PathInput<'_>, path: &[Certificate]) -> PathResult {
    let completed = complete(work, path);
    let path = completed.as_deref().unwrap_or(path);
    let mut findings = Findings::default();
    // §6.1: n certificates, the anchor not counted; a leaf that is itself the anchor is only looked at as a leaf.
    let n = path.len().saturating_sub(1);
    let mut policies = Policies::new(&input.policies, n);
    let mut above: Vec<&NameConstraints> = Vec::new();
    let mut room = u64::try_from(input.limits.max_intermediates).unwrap_or(u64::MAX);
    let mut revocations = vec![RevocationFact::NOT_CHECKED; path.len()];
    let mut policy_failed = false;

    if let Some(anchor) = path.last().filter(|_| n > 0) {
        check_anchor(anchor, n, input, &mut findings);
        above.extend(&anchor.extensions().name_constraints);
        if let Some(path_len) = anchor.basic_constraints().and_then(|constraints| constraints.path_len) {
            room = room.min(path_len);
        }
    }
    for at in (0..n).rev() {
        let (Some(certificate), Some(issuer)) = (path.get(at), path.get(at + 1)) else { break };
        let leaf = at == 0;
        match work.signed(certificate, issuer) {
            Signed::Good => {}
            Signed::Bad => findings.fault(FaultKind::Signature, at, "its issuer did not sign it (RFC 5280 6.1.3 (a)(1))"),
            Signed::Unsupported(what) => {
                findings.fault(FaultKind::UnsupportedAlgorithm, at, format!("its signature was not verified: {what}"));
            }
            Signed::Spent => findings.fault(FaultKind::Limit, at, "its signature was not verified: too many signatures"),
        }
        basics(certificate, at, if leaf { Place::Leaf } else { Place::Issuer }, input, &mut findings);
        if input.revocation != Revocation::Off {
            let fact = revocation::status(work, input, certificate, issuer, path);
            tell_revocation(&fact, at, input, &mut findings);
            if let Some(slot) = revocations.get_mut(at) {
                *slot = fact;
            }
        }
        // §6.1.3 (b), (c)
        if leaf || !certificate.is_self_issued() {
            match names::check(certificate, &above, &mut work.names) {
                Ok(()) => {}
                Err(NameFault::TooMany) => findings.fault(FaultKind::Limit, at, NameFault::TooMany.detail()),
                Err(fault) => findings.fault(FaultKind::NameConstraints, at, fault.detail()),
            }
        }
        let mut policy = policies.process(certificate, leaf);
        if !leaf {
            check_issuer(certificate, at, &mut room, input, &mut findings);
            policy = policy.and_then(|()| policies.prepare_next(certificate));
            if let Some(constraints) = &certificate.extensions().name_constraints {
                if constraints.has_distances {
                    findings.fault(
                        FaultKind::NameConstraints,
                        at,
                        "constraints with minimum or maximum are not processed (RFC 5280 4.2.1.10)",
                    );
                }
                above.push(constraints);
            }
        }
        if let Err(fault) = policy
            && !policy_failed
        {
            policy_failed = true;
            tell_policy(fault, at, &mut findings);
        }
    }
    let Some(leaf) = path.first() else { return finish(path, findings, revocations, Vec::new()) };
    if n == 0 {
        basics(leaf, 0, Place::Leaf, input, &mut findings);
    }
    purpose::leaf(leaf, input.purpose, &mut findings.faults);
    if input.host.is_some_and(|wanted| !names::bears(leaf, wanted)) {
        findings.fault(FaultKind::Host, 0, "it does not bear the name asked for (RFC 9525)");
    }
    let mut set = vec![ANY_POLICY];
    if n > 0 && !policy_failed {
        match policies.wrap_up(leaf, &input.policies) {
            Ok(valid) => set = valid,
            Err(fault) => tell_policy(fault, 0, &mut findings),
        }
    }
    finish(path, findings, revocations, set)
}

/// §6.1.4 (f): a key without parameters takes those of the key above it.
fn complete(work: &mut Work, path: &[Certificate]) -> Option<Vec<Certificate>> {
    path.iter().find(|certificate| certificate.public_key().is_ok_and(PublicKey::inherits))?;
    let mut completed: Vec<Certificate> = Vec::with_capacity(path.len());
    for certificate in path.iter().rev() {
        let own = completed.last().map_or_else(|| certificate.clone(), |issuer| certificate.completed_by(issuer));
        if certificate.public_key().is_ok_and(PublicKey::inherits) {
            work.forget(&own);
        }
        completed.push(own);
    }
    completed.reverse();
    Some(completed)
}

fn finish(path: &[Certificate], findings: Findings, revocation: Vec<RevocationFact>, policies: Vec<crate::crypto::Oid>) -> PathResult {
    let Findings { faults, warnings } = findings;
    let outcome = if faults.is_empty() {
        Outcome::Accepted
    } else if faults.iter().all(|fault| fault.kind.is_open()) {
        Outcome::Undecided
    } else {
        Outcome::Rejected
    };
    // Definite before open; then by kind, worst first; then nearest to the leaf.
    let reason = faults.iter().min_by_key(|fault| (fault.kind.is_open(), fault.kind, fault.certificate)).cloned();
    let links = path.iter().enumerate().map(|(at, certificate)| {
        let issuer_key = path.get(at + 1).unwrap_or(certificate).public_key().ok();
        let algorithm = issuer_key.and_then(|key| certificate.signature_algorithm(key).ok());
        LinkFact {
            algorithm: algorithm.map(|algorithm| algorithm.name()).unwrap_or_default(),
            key: certificate.public_key().ok().map(PublicKey::kind),
        }
    });
    let links = links.collect();
    PathResult { outcome, reason, path: path.to_vec(), links, revocation, faults, warnings, policies }
}

/// §6.1.3 (a)(2), §4.1, §4.2: what every certificate of the path must fulfil by itself.
fn basics(certificate: &Certificate, at: usize, place: Place, input: &PathInput<'_>, findings: &mut Findings) {
    for defect in certificate.defects().iter().take(4) {
        findings.fault(FaultKind::Malformed, at, defect.clone());
    }
    if let Some(unknown) = certificate.extensions().unknown_critical().next() {
        findings.fault(FaultKind::UnknownCritical, at, format!("critical extension {unknown} is not understood (RFC 5280 4.2)"));
    }
    profile::check(certificate, at, place, input.purpose, &mut findings.faults, &mut findings.warnings);
    validity(certificate, at, input, findings);
    match certificate.public_key() {
        Ok(_) => {}
        Err(KeyError::Unsupported(what)) => {
            findings.fault(FaultKind::UnsupportedAlgorithm, at, format!("its public key algorithm {what} is not supported"));
        }
        Err(error) => findings.fault(FaultKind::Malformed, at, error.to_string()),
    }
}

fn validity(certificate: &Certificate, at: usize, input: &PathInput<'_>, findings: &mut Findings) {
    if input.at < certificate.not_before() {
        findings.fault(FaultKind::NotYetValid, at, format!("not valid before {} (RFC 5280 6.1.3 (a)(2))", certificate.not_before()));
    } else if !certificate.is_valid_at(input.at) {
        findings.fault(FaultKind::Expired, at, format!("not valid after {} (RFC 5280 6.1.3 (a)(2))", certificate.not_after()));
    }
}

/// An anchor is believed as it is, but not against its own word (RFC 5937): its form, its validity and its constraints hold.
fn check_anchor(anchor: &Certificate, at: usize, input: &PathInput<'_>, findings: &mut Findings) {
    basics(anchor, at, Place::Anchor, input, findings);
    // RFC 5280 §4.2.1.9: without basicConstraints a key of a version 3 certificate must not verify certificate signatures.
    if anchor.version() == 3 && !anchor.is_ca() {
        findings.fault(FaultKind::NotAuthority, at, "the trust anchor is no certification authority (RFC 5280 4.2.1.9)");
    }
    if anchor.version() < 3 {
        findings.warn(FaultKind::NotAuthority, at, "the trust anchor is a certificate of version 1 or 2");
    }
    purpose::issuer(anchor, at, super::Purpose::Any, &mut findings.faults);
    if anchor.extensions().name_constraints.as_ref().is_some_and(|constraints| constraints.has_distances) {
        findings.fault(FaultKind::NameConstraints, at, "constraints with minimum or maximum are not processed (RFC 5280 4.2.1.10)");
    }
}

/// §6.1.4 (k)–(n).
fn check_issuer(certificate: &Certificate, at: usize, room: &mut u64, input: &PathInput<'_>, findings: &mut Findings) {
    if certificate.version() < 3 || !certificate.is_ca() {
        findings.fault(FaultKind::NotAuthority, at, "it issued a certificate and is no certification authority (RFC 5280 6.1.4 (k))");
    }
    if !certificate.is_self_issued() {
        match room.checked_sub(1) {
            Some(left) => *room = left,
            None => findings.fault(FaultKind::PathLength, at, "more intermediates than the path length above allows (RFC 5280 6.1.4 (l))"),
        }
    }
    if let Some(path_len) = certificate.basic_constraints().and_then(|constraints| constraints.path_len) {
        *room = path_len.min(*room);
    }
    purpose::issuer(certificate, at, input.purpose, &mut findings.faults);
}

fn tell_revocation(fact: &RevocationFact, at: usize, input: &PathInput<'_>, findings: &mut Findings) {
    if let Some((moment, reason)) = fact.revoked_by(input.at) {
        findings.fault(FaultKind::Revoked, at, format!("revoked at {moment}, reason {reason} (RFC 5280 6.1.3 (a)(3))"));
    }
    if let Status::Unknown(why) = &fact.status {
        let detail = format!("revocation status unknown: {why} (RFC 5280 6.3)");
        match input.revocation {
            Revocation::Hard => findings.fault(FaultKind::RevocationUnknown, at, detail),
            Revocation::Soft | Revocation::Off => findings.warn(FaultKind::RevocationUnknown, at, detail),
        }
    }
}

fn tell_policy(fault: PolicyFault, at: usize, findings: &mut Findings) {
    let kind = if fault == PolicyFault::TooMany { FaultKind::Limit } else { FaultKind::Policy };
    findings.fault(kind, at, fault.detail());
}
