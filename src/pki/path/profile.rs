//! Rules of the certificate profile that a relying party can see broken (RFC 5280 §4.1, §4.2), as a table. A broken rule
//! refuses the certificate where no authority in use breaks it. Rules that signing certificates in real archives do break
//! bind TLS certificates alone, and are told as warnings elsewhere.

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

/// Where in the path a certificate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Leaf,
    Issuer,
    Anchor,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Fail,
    /// Fails for TLS servers and clients, warns otherwise.
    Tls,
    Warn,
}

struct Rule {
    level: Level,
    text: &'static str,
    broken: fn(&Certificate, Place) -> bool,
}

fn critical(certificate: &Certificate, oid: &Oid) -> Option<bool> {
    certificate.extensions().find(oid).map(|extension| extension.critical)
}

const RULES: &[Rule] = &[
    Rule { level: Level::Fail, text: "the issuer's name is empty (4.1.2.4)", broken: |c, _| c.issuer().is_empty() },
    Rule {
        level: Level::Fail,
        text: "an authority without a name (4.1.2.6)",
        broken: |c, place| (place != Place::Leaf || c.is_ca()) && c.subject().is_empty(),
    },
    Rule {
        level: Level::Fail,
        text: "no subject and no critical subjectAltName (4.2.1.6)",
        broken: |c, _| c.subject().is_empty() && critical(c, &oid::SUBJECT_ALT_NAME) != Some(true),
    },
    Rule { level: Level::Fail, text: "a serial number longer than 20 octets (4.1.2.2)", broken: |c, _| c.serial().len() > 21 },
    Rule {
        level: Level::Tls,
        text: "a serial number that is zero or negative (4.1.2.2)",
        broken: |c, _| c.serial().first().is_none_or(|first| first & 0x80 != 0) || c.serial().iter().all(|octet| *octet == 0),
    },
    Rule {
        level: Level::Fail,
        text: "authorityKeyIdentifier is critical (4.2.1.1)",
        broken: |c, _| critical(c, &oid::AUTHORITY_KEY_ID) == Some(true),
    },
    Rule {
        level: Level::Fail,
        text: "subjectKeyIdentifier is critical (4.2.1.2)",
        broken: |c, _| critical(c, &oid::SUBJECT_KEY_ID) == Some(true),
    },
    Rule {
        level: Level::Fail,
        text: "authorityInfoAccess is critical (4.2.2.1)",
        broken: |c, _| critical(c, &oid::AUTHORITY_INFO_ACCESS) == Some(true),
    },
    Rule {
        level: Level::Tls,
        text: "an authority's basicConstraints are not critical (4.2.1.9)",
        broken: |c, place| place != Place::Leaf && critical(c, &oid::BASIC_CONSTRAINTS) == Some(false),
    },
    Rule {
        level: Level::Fail,
        text: "keyCertSign without being an authority (4.2.1.9)",
        broken: |c, _| c.key_usage().is_some_and(|usage| usage.has(KeyUsage::KEY_CERT_SIGN)) && c.version() == 3 && !c.is_ca(),
    },
    Rule {
        level: Level::Fail,
        text: "a path length without being an authority (4.2.1.9)",
        broken: |c, _| c.basic_constraints().is_some_and(|constraints| constraints.path_len.is_some() && !constraints.ca),
    },
    Rule {
        level: Level::Fail,
        text: "nameConstraints in a certificate of no authority (4.2.1.10)",
        broken: |c, _| c.extensions().name_constraints.is_some() && !c.is_ca(),
    },
    Rule {
        level: Level::Tls,
        text: "nameConstraints are not critical (4.2.1.10)",
        broken: |c, _| critical(c, &oid::NAME_CONSTRAINTS) == Some(false),
    },
    Rule {
        level: Level::Tls,
        text: "policyConstraints are not critical (4.2.1.11)",
        broken: |c, _| critical(c, &oid::POLICY_CONSTRAINTS) == Some(false),
    },
    Rule {
        level: Level::Fail,
        text: "inhibitAnyPolicy is not critical (4.2.1.14)",
        broken: |c, _| critical(c, &oid::INHIBIT_ANY_POLICY) == Some(false),
    },
    Rule { level: Level::Fail, text: "freshestCRL is critical (4.2.1.15)", broken: |c, _| critical(c, &oid::FRESHEST_CRL) == Some(true) },
    Rule {
        level: Level::Tls,
        text: "no authorityKeyIdentifier (4.2.1.1)",
        broken: |c, _| c.authority_key_id().is_none_or(|id| id.key_id.is_none()) && !c.is_self_issued(),
    },
    Rule {
        level: Level::Tls,
        text: "an authority without subjectKeyIdentifier (4.2.1.2)",
        broken: |c, place| place != Place::Leaf && c.subject_key_id().is_none(),
    },
    Rule { level: Level::Warn, text: "version 1 or 2", broken: |c, place| place == Place::Leaf && c.version() < 3 },
];

/// Appends every broken rule to `faults` or `warnings`.
pub(super) fn check(
    certificate: &Certificate,
    at: usize,
    place: Place,
    purpose: Purpose,
    faults: &mut Vec<PathFault>,
    warnings: &mut Vec<PathFault>,
) {
    for rule in RULES.iter().filter(|rule| (rule.broken)(certificate, place)) {
        let fault = PathFault { kind: FaultKind::Malformed, certificate: Some(at), detail: format!("{}, RFC 5280", rule.text) };
        match rule.level {
            Level::Fail => faults.push(fault),
            Level::Tls if purpose.is_tls() => faults.push(fault),
            Level::Tls | Level::Warn => warnings.push(fault),
        }
    }
}
