//! Candidate paths from the leaf upwards (RFC 4158): anchors and certificates by name, the likeliest first, each signature
//! verified before the search goes on.

use super::{
    check,
    input::PathInput,
    result::{FaultKind, LinkFact, Outcome, PathFault, PathResult, RevocationFact, Status},
    work::{Signed, Work, same_entity},
};
use crate::pki::{Certificate, Name};
use std::collections::HashMap;

/// The longest path searched for, whatever is asked.
const MAX_DEPTH: usize = 256;

/// Finds and examines paths; the first accepted one answers, else the one that came closest.
pub(super) fn search(work: &mut Work, input: &PathInput<'_>) -> PathResult {
    let mut state = Search { best: None, forged: false, too_long: false, distance: distances(input) };
    state.extend(work, input, &mut vec![input.leaf.clone()]);
    let Search { best, forged, too_long, .. } = state;
    if let Some(result) = best {
        return result;
    }
    let (kind, detail) = if work.spent {
        (FaultKind::Limit, "the search for a chain was given up at its bounds")
    } else if forged {
        (FaultKind::Signature, "the issuer it names, by name and key identifier, did not sign it (RFC 5280 6.1.3 (a)(1))")
    } else if too_long {
        (FaultKind::PathLength, "every chain has more intermediates than allowed")
    } else {
        (FaultKind::NoChain, "no chain leads from the certificate to a trust anchor")
    };
    without_path(input.leaf, PathFault { kind, certificate: (kind == FaultKind::Signature).then_some(0), detail: detail.into() })
}

/// The answer where there is no path.
fn without_path(leaf: &Certificate, fault: PathFault) -> PathResult {
    let unknown = Status::Unknown("no chain".into());
    PathResult {
        outcome: if fault.kind.is_open() { Outcome::Undecided } else { Outcome::Rejected },
        reason: Some(fault.clone()),
        path: vec![leaf.clone()],
        links: vec![LinkFact { algorithm: String::new(), key: leaf.public_key().ok().map(crate::crypto::PublicKey::kind) }],
        revocation: vec![RevocationFact { status: unknown, ..RevocationFact::NOT_CHECKED }],
        faults: vec![fault],
        warnings: Vec::new(),
        policies: Vec::new(),
    }
}

struct Search {
    best: Option<PathResult>,
    /// The leaf's issuer by name and key identifier is there and did not sign it.
    forged: bool,
    too_long: bool,
    /// How many certificates lie at least between a subject and an anchor; subjects that lead to none are missing.
    distance: HashMap<Name, usize>,
}

impl Search {
    /// Extends `path` by every possible issuer; true when the search is over.
    fn extend(&mut self, work: &mut Work, input: &PathInput<'_>, path: &mut Vec<Certificate>) -> bool {
        let Some(last) = path.last().cloned() else { return true };
        if path.len() == 1 && input.anchors.iter().any(|anchor| anchor.certificate == last) {
            return self.examine(work, input, path);
        }
        for (issuer, is_anchor) in self.candidates(work, input, &last) {
            match work.steps.checked_sub(1) {
                Some(left) => work.steps = left,
                None => {
                    work.spent = true;
                    return true;
                }
            }
            // RFC 5280 §6.1: no certificate twice; the same entity twice leads nowhere either (RFC 4158 §2.4.2).
            if path.iter().any(|member| same_entity(member, &issuer)) && !(is_anchor && path.len() == 1) {
                continue;
            }
            if !is_anchor && path.len() > input.limits.max_intermediates.min(MAX_DEPTH) {
                self.too_long = true;
                continue;
            }
            match work.signed(&last, &issuer) {
                Signed::Good | Signed::Unsupported(_) => {}
                Signed::Bad => {
                    self.forged |= path.len() == 1 && names_key(&last, &issuer) == Some(true);
                    continue;
                }
                Signed::Spent => return true,
            }
            path.push(issuer);
            let over = if is_anchor { self.examine(work, input, path) } else { self.extend(work, input, path) };
            path.pop();
            if over {
                return true;
            }
        }
        false
    }

    /// Possible issuers by name, the likeliest first: the key that is named, an authority valid now, nearest to an anchor, the
    /// longest valid.
    fn candidates(&self, work: &Work, input: &PathInput<'_>, certificate: &Certificate) -> Vec<(Certificate, bool)> {
        let anchors = input.anchors.iter().map(|anchor| &anchor.certificate).filter(|anchor| anchor.subject() == certificate.issuer());
        let mut found: Vec<(Certificate, bool)> = anchors.map(|anchor| (anchor.clone(), true)).collect();
        found.extend(work.named(certificate.issuer()).into_iter().map(|issuer| (issuer, false)));
        // An issuer is as near as whoever issued it.
        let distance = |issuer: &Certificate, is_anchor: bool| match is_anchor {
            true => Some(0),
            false => self.distance.get(issuer.issuer()).map(|beyond| beyond.saturating_add(1)),
        };
        found.retain(|(issuer, is_anchor)| distance(issuer, *is_anchor).is_some());
        found.sort_by_cached_key(|(issuer, is_anchor)| {
            let mismatched = names_key(certificate, issuer) == Some(false);
            let unfit = !issuer.is_valid_at(input.at) || !(issuer.is_ca() || *is_anchor);
            (mismatched, unfit, distance(issuer, *is_anchor), std::cmp::Reverse(issuer.not_after()), issuer.fingerprint_sha256())
        });
        found
    }

    fn examine(&mut self, work: &mut Work, input: &PathInput<'_>, path: &[Certificate]) -> bool {
        let Some(left) = work.paths.checked_sub(1) else {
            work.spent = true;
            return true;
        };
        work.paths = left;
        let result = check::examine(work, input, path);
        let accepted = result.outcome == Outcome::Accepted;
        if self.best.as_ref().is_none_or(|best| rank(&result) > rank(best)) {
            self.best = Some(result);
        }
        accepted || work.spent
    }
}

/// How much a result tells: accepted; then the leaf's own revocation, which no other path undoes; then what is only open;
/// then the path with the fewest faults.
fn rank(result: &PathResult) -> (u8, std::cmp::Reverse<usize>) {
    let leaf_revoked = result.faults.iter().any(|fault| fault.kind == FaultKind::Revoked && fault.certificate == Some(0));
    let class = match result.outcome {
        Outcome::Accepted => 3,
        Outcome::Rejected if leaf_revoked => 2,
        Outcome::Undecided => 1,
        Outcome::Rejected => 0,
    };
    (class, std::cmp::Reverse(result.faults.len()))
}

/// Whether the certificate's authorityKeyIdentifier names the candidate's key; `None` where either says nothing.
fn names_key(certificate: &Certificate, issuer: &Certificate) -> Option<bool> {
    let wanted = certificate.authority_key_id()?.key_id.as_deref()?;
    Some(wanted == issuer.subject_key_id()?)
}

/// Distances by names alone, from the anchors downwards: what the search then tries first is nearest to an anchor, and what
/// leads to none is not tried at all. A pool of certificates that all certify one another costs no more than an honest one.
fn distances(input: &PathInput<'_>) -> HashMap<Name, usize> {
    let mut by_issuer: HashMap<&Name, Vec<&Name>> = HashMap::new();
    for certificate in input.intermediates {
        by_issuer.entry(certificate.issuer()).or_default().push(certificate.subject());
    }
    let mut found: HashMap<Name, usize> = HashMap::new();
    let mut next: Vec<&Name> = input.anchors.iter().map(|anchor| anchor.certificate.subject()).collect();
    for distance in 0..=MAX_DEPTH {
        let mut further = Vec::new();
        for name in std::mem::take(&mut next) {
            if !found.contains_key(name) {
                found.insert(name.clone(), distance);
                further.extend(by_issuer.get(name).into_iter().flatten());
            }
        }
        next = further;
    }
    found
}
