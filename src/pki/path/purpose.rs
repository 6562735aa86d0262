//! Whether keys may be used as the question supposes: key usage and extended key usage, of the leaf and of the issuers.

use super::{
    input::Purpose,
    result::{FaultKind, PathFault},
};
use crate::{
    crypto::Oid,
    pki::{
        Certificate,
        extensions::{KeyUsage, oid},
    },
};

fn fault(kind: FaultKind, at: usize, detail: &str) -> PathFault {
    PathFault { kind, certificate: Some(at), detail: detail.into() }
}

/// The extended key usage a purpose asks for.
const fn wanted(purpose: Purpose) -> Option<Oid> {
    match purpose {
        Purpose::Server => Some(oid::SERVER_AUTH),
        Purpose::Client => Some(oid::CLIENT_AUTH),
        Purpose::Timestamp => Some(oid::TIME_STAMPING),
        Purpose::Ocsp => Some(oid::OCSP_SIGNING),
        Purpose::Any | Purpose::Sign | Purpose::CrlSign => None,
    }
}

/// RFC 5280 §4.2.1.3 and §4.2.1.12 for the leaf.
pub(super) fn leaf(certificate: &Certificate, purpose: Purpose, faults: &mut Vec<PathFault>) {
    use KeyUsage as Bits;
    // An authority that serves TLS itself is RFC 5280's business no further: its key usage tells of issuing.
    let serves_itself = certificate.is_ca() && purpose.is_tls();
    if let Some(usage) = certificate.key_usage().filter(|_| !serves_itself) {
        let allowed = match purpose {
            Purpose::Any => true,
            Purpose::Sign | Purpose::Timestamp | Purpose::Ocsp => usage.signs(),
            Purpose::Client => usage.has(Bits::DIGITAL_SIGNATURE) || usage.has(Bits::KEY_AGREEMENT),
            Purpose::Server => [Bits::DIGITAL_SIGNATURE, Bits::KEY_ENCIPHERMENT, Bits::KEY_AGREEMENT].iter().any(|bit| usage.has(*bit)),
            Purpose::CrlSign => usage.has(Bits::CRL_SIGN),
        };
        if !allowed {
            let detail = match purpose {
                Purpose::Sign
                    if usage.has(Bits::KEY_ENCIPHERMENT) || usage.has(Bits::DATA_ENCIPHERMENT) || usage.has(Bits::KEY_AGREEMENT) =>
                {
                    "an encryption certificate: its key usage allows no signatures (RFC 5280 4.2.1.3)"
                }
                _ => "key usage does not allow this use (RFC 5280 4.2.1.3)",
            };
            faults.push(fault(FaultKind::KeyUsage, 0, detail));
        }
    }
    let Some(wanted) = wanted(purpose) else { return };
    let usages = certificate.extended_key_usage();
    let has = |usage: Oid| usages.is_some_and(|usages| usages.contains(&usage));
    let allowed = match purpose {
        // RFC 3161 §2.3 and RFC 6960 §4.2.2.2 want the purpose itself, named.
        Purpose::Timestamp | Purpose::Ocsp => has(wanted),
        _ => usages.is_none() || has(wanted) || has(oid::ANY_PURPOSE),
    };
    if !allowed {
        faults.push(fault(FaultKind::ExtendedKeyUsage, 0, "extended key usage does not allow this use (RFC 5280 4.2.1.12)"));
    }
}

/// The same for an issuer: where an authority's certificate limits its purposes, so are those of what it issues.
pub(super) fn issuer(certificate: &Certificate, at: usize, purpose: Purpose, faults: &mut Vec<PathFault>) {
    if certificate.key_usage().is_some_and(|usage| !usage.has(KeyUsage::KEY_CERT_SIGN)) {
        faults.push(fault(FaultKind::KeyUsage, at, "key usage does not allow issuing certificates (RFC 5280 6.1.4 (n))"));
    }
    // OCSP signing is delegated by authorities that need not have the purpose themselves.
    let Some(wanted) = wanted(purpose).filter(|_| purpose != Purpose::Ocsp) else { return };
    if certificate.extended_key_usage().is_some_and(|usages| !usages.contains(&wanted) && !usages.contains(&oid::ANY_PURPOSE)) {
        faults.push(fault(FaultKind::ExtendedKeyUsage, at, "the issuer's extended key usage excludes this use (RFC 5280 4.2.1.12)"));
    }
}
