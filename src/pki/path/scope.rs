//! Whether a CRL speaks about a certificate, and for which reasons (RFC 5280 §6.3.3 (b)–(d)).

use crate::pki::{
    Certificate, Crl, Name,
    extensions::{DistributionPoint, DistributionPointName, Reasons},
    general_name::GeneralName,
};

/// The reasons for which `crl` speaks about `certificate`; `None` if it does not at all.
pub(super) fn covered(certificate: &Certificate, crl: &Crl) -> Option<Reasons> {
    // RFC 5280 §6.3.3: the certificate's own distribution points, then one that stands for its issuer.
    let own = certificate.crl_distribution_points().iter().filter_map(|point| serves(certificate, crl, point));
    let implied = serves(certificate, crl, &DistributionPoint::default());
    own.chain(implied).map(|reasons| reasons.0).reduce(|all, more| all | more).map(Reasons).filter(|reasons| reasons.0 != 0)
}

/// Whether a certificate's distribution points name its own subject as the issuer of the list.
pub(super) fn names_itself(certificate: &Certificate) -> bool {
    certificate.crl_distribution_points().iter().any(|point| directories(&point.crl_issuer).any(|issuer| issuer == certificate.subject()))
}

fn serves(certificate: &Certificate, crl: &Crl, point: &DistributionPoint) -> Option<Reasons> {
    let scope = crl.distribution_point();
    // (b)(1): a list by another issuer must be named as such on both sides.
    let by_issuer = if point.crl_issuer.is_empty() {
        crl.issuer() == certificate.issuer()
    } else {
        scope.is_some_and(|scope| scope.indirect) && directories(&point.crl_issuer).any(|issuer| issuer == crl.issuer())
    };
    if !by_issuer {
        return None;
    }
    let all = point.reasons.unwrap_or(Reasons::ALL);
    let Some(scope) = scope else { return Some(all) };
    // (b)(2)
    if scope.only_attribute || (scope.only_user && certificate.is_ca()) || (scope.only_ca && !certificate.is_ca()) {
        return None;
    }
    if [&scope.name, &point.name].into_iter().flatten().any(|name| !names_a_place(name)) {
        return None;
    }
    if let Some(name) = &scope.name {
        let served = full(name, crl.issuer());
        let wanted = match (&point.name, point.crl_issuer.is_empty()) {
            (Some(name), true) => full(name, certificate.issuer()),
            (Some(name), false) => full(name, directories(&point.crl_issuer).next()?),
            (None, false) => point.crl_issuer.clone(),
            (None, true) => vec![GeneralName::Directory(certificate.issuer().clone())],
        };
        if !wanted.iter().any(|name| served.contains(name)) {
            return None;
        }
    }
    // (d)
    Some(Reasons(all.0 & scope.only_reasons.unwrap_or(Reasons::ALL).0))
}

/// RFC 5280 §4.2.1.13: each name is a way to fetch the list, a directory entry or a URI; a host name alone is none.
fn names_a_place(name: &DistributionPointName) -> bool {
    match name {
        DistributionPointName::Relative(_) => true,
        DistributionPointName::Full(names) => names.iter().all(|name| matches!(name, GeneralName::Directory(_) | GeneralName::Uri(_))),
    }
}

fn directories(names: &[GeneralName]) -> impl Iterator<Item = &Name> {
    names.iter().filter_map(|name| match name {
        GeneralName::Directory(name) => Some(name),
        _ => None,
    })
}

/// The point's names in full: a relative one completes its issuer's name.
fn full(name: &DistributionPointName, issuer: &Name) -> Vec<GeneralName> {
    match name {
        DistributionPointName::Full(names) => names.clone(),
        DistributionPointName::Relative(rdn) => issuer.with_relative(rdn).map(GeneralName::Directory).into_iter().collect(),
    }
}
