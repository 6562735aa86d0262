//! Name constraints (RFC 5280 §4.2.1.10) and the name a peer is asked for (RFC 9525).
//!
//! Constraints of every authority above are kept as they stand and each name is compared with all of them; a constraint of a
//! form that cannot be compared refuses every name of that form.

use crate::pki::{Certificate, Name, extensions::NameConstraints, general_name::GeneralName, name::attribute};
use std::net::IpAddr;

/// Why names do not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameFault {
    NotPermitted(&'static str),
    Excluded(&'static str),
    Uncomparable(&'static str),
    TooMany,
}

impl NameFault {
    pub(super) fn detail(self) -> String {
        match self {
            Self::NotPermitted(form) => format!("a {form} lies in no permitted subtree (RFC 5280 6.1.3 (b))"),
            Self::Excluded(form) => format!("a {form} lies in an excluded subtree (RFC 5280 6.1.3 (c))"),
            Self::Uncomparable(form) => format!("a {form} cannot be compared with the constraints above it (RFC 5280 4.2.1.10)"),
            Self::TooMany => "more names and constraints than are compared".into(),
        }
    }
}

/// How a name lies to a subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lies {
    Inside,
    Outside,
    Uncomparable,
}

const fn lies(inside: bool) -> Lies {
    if inside { Lies::Inside } else { Lies::Outside }
}

const fn form(name: &GeneralName) -> &'static str {
    match name {
        GeneralName::Other(..) => "otherName",
        GeneralName::Email(_) => "mail address",
        GeneralName::Dns(_) => "DNS name",
        GeneralName::X400(_) => "x400Address",
        GeneralName::Directory(_) => "directory name",
        GeneralName::EdiParty(_) => "ediPartyName",
        GeneralName::Uri(_) => "URI",
        GeneralName::Ip(_) => "IP address",
        GeneralName::Registered(_) => "registeredID",
    }
}

fn same_form(name: &GeneralName, base: &GeneralName) -> bool {
    match (name, base) {
        // otherName forms are told apart by their type.
        (GeneralName::Other(name, _), GeneralName::Other(base, _)) => name == base,
        _ => std::mem::discriminant(name) == std::mem::discriminant(base),
    }
}

/// Checks every name of a certificate against the constraints above it. `budget` counts comparisons down.
pub(super) fn check(certificate: &Certificate, above: &[&NameConstraints], budget: &mut usize) -> Result<(), NameFault> {
    if above.is_empty() {
        return Ok(());
    }
    let subject = certificate.subject();
    if !subject.is_empty() {
        check_one(&GeneralName::Directory(subject.clone()), above, budget)?;
    }
    let names = certificate.subject_alt_names();
    // Mail addresses in the subject count where subjectAltName has none (RFC 5280 §4.2.1.10).
    if !names.iter().any(|name| matches!(name, GeneralName::Email(_))) {
        for mail in subject.attributes().iter().filter(|found| found.oid == attribute::EMAIL) {
            check_one(&GeneralName::Email(mail.text.clone().unwrap_or_default()), above, budget)?;
        }
    }
    names.iter().try_for_each(|name| check_one(name, above, budget))
}

fn check_one(name: &GeneralName, above: &[&NameConstraints], budget: &mut usize) -> Result<(), NameFault> {
    for constraints in above {
        let mut permitted = None;
        let trees = constraints.permitted.iter().map(|base| (base, true)).chain(constraints.excluded.iter().map(|base| (base, false)));
        for (base, permits) in trees.filter(|(base, _)| same_form(name, base)) {
            *budget = budget.checked_sub(1).ok_or(NameFault::TooMany)?;
            match (compare(name, base, permits), permits) {
                (Lies::Uncomparable, _) => return Err(NameFault::Uncomparable(form(name))),
                (Lies::Inside, false) => return Err(NameFault::Excluded(form(name))),
                (Lies::Inside, true) => permitted = Some(true),
                (Lies::Outside, true) => permitted = permitted.or(Some(false)),
                (Lies::Outside, false) => {}
            }
        }
        if permitted == Some(false) {
            return Err(NameFault::NotPermitted(form(name)));
        }
    }
    Ok(())
}

fn compare(name: &GeneralName, base: &GeneralName, permits: bool) -> Lies {
    match (name, base) {
        (GeneralName::Directory(name), GeneralName::Directory(base)) => lies(Name::is_within(name, base)),
        (GeneralName::Dns(name), GeneralName::Dns(base)) => dns(name, base, permits),
        (GeneralName::Email(name), GeneralName::Email(base)) => email(name, base),
        (GeneralName::Uri(name), GeneralName::Uri(base)) => uri(name, base),
        (GeneralName::Ip(name), GeneralName::Ip(base)) => ip(name, base),
        _ => Lies::Uncomparable,
    }
}

/// Letters, digits, hyphens and underscores in labels of at most 63 octets; `wild` allows `*` as the first label.
fn is_dns(name: &str, wild: bool) -> bool {
    let rest = if wild { name.strip_prefix("*.").unwrap_or(name) } else { name };
    !rest.is_empty()
        && rest.len() <= 253
        && rest.split('.').all(|label| {
            (1..=63).contains(&label.len()) && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_')
        })
}

fn dns(name: &str, base: &str, permits: bool) -> Lies {
    let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
    if !is_dns(&name, true) || !(base.is_empty() || is_dns(&base, false)) {
        return Lies::Uncomparable;
    }
    let below = |name: &str, base: &str| base.is_empty() || name == base || name.strip_suffix(base).is_some_and(|rest| rest.ends_with('.'));
    // A wildcard stands for names that an excluded subtree may hold although the wildcard's own text lies above it.
    let covers = !permits && name.strip_prefix("*.").is_some_and(|parent| below(&base, parent));
    lies(below(&name, &base) || covers)
}

/// A host against a constraint of mail and URI names: a leading period means any host below, else this host alone.
fn host(host: &str, base: &str) -> Lies {
    let (host, base) = (host.to_ascii_lowercase(), base.to_ascii_lowercase());
    let plain = base.strip_prefix('.').unwrap_or(&base);
    if !is_dns(&host, false) || !is_dns(plain, false) {
        return Lies::Uncomparable;
    }
    lies(if base.starts_with('.') { host.ends_with(&base) && host.len() > base.len() } else { host == base })
}

fn email(name: &str, base: &str) -> Lies {
    // Quoted local parts may hold further signs; nobody issues them, and comparing them wrongly would be worse than not at all.
    let mailbox = |text: &'_ str| text.matches('@').count() <= 1 && !text.starts_with('@');
    if !mailbox(name) || !mailbox(base) {
        return Lies::Uncomparable;
    }
    let Some((local, domain)) = name.rsplit_once('@') else { return Lies::Uncomparable };
    match base.rsplit_once('@') {
        Some((base_local, base_domain)) => match host(domain, base_domain) {
            Lies::Inside if base_domain.starts_with('.') => Lies::Uncomparable,
            Lies::Inside => lies(local == base_local),
            other => other,
        },
        None => host(domain, base),
    }
}

/// The constraint applies to the host; a URI whose host is no fully qualified name is refused (RFC 5280 §4.2.1.10).
fn uri(name: &str, base: &str) -> Lies {
    let Some((_, rest)) = name.split_once("://") else { return Lies::Uncomparable };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let without_port = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => host,
        _ => authority,
    };
    if without_port.parse::<IpAddr>().is_ok() || without_port.starts_with('[') {
        return Lies::Uncomparable;
    }
    host(without_port, base)
}

fn ip(name: &[u8], base: &[u8]) -> Lies {
    if !matches!(name.len(), 4 | 16) || !matches!(base.len(), 8 | 32) {
        return Lies::Uncomparable;
    }
    let (address, mask) = base.split_at(base.len() / 2);
    // Only masks of leading ones (RFC 4632 style).
    let ones: u32 = mask.iter().map(|octet| octet.count_ones()).sum();
    let leading: u32 = mask
        .iter()
        .scan(true, |open, octet| {
            let counted = if *open { octet.leading_ones() } else { 0 };
            *open &= *octet == 0xff;
            Some(counted)
        })
        .sum();
    if ones != leading {
        return Lies::Uncomparable;
    }
    if name.len() != address.len() {
        return Lies::Outside;
    }
    lies(name.iter().zip(address).zip(mask).all(|((name, address), mask)| name & mask == address & mask))
}

/// A host in lower case, an internationalised one in its A-labels (RFC 5890), as certificates hold it.
fn ascii(host: &str) -> Option<String> {
    if host.is_ascii() {
        return Some(host.to_ascii_lowercase());
    }
    match url::Host::parse(host) {
        Ok(url::Host::Domain(name)) => Some(name),
        _ => None,
    }
}

/// Whether the certificate bears the DNS name, IP address or mail address, by subjectAltName alone (RFC 9525 §6: the common name
/// never counts).
pub(super) fn bears(certificate: &Certificate, wanted: &str) -> bool {
    if let Ok(address) = wanted.parse::<IpAddr>() {
        let octets = match address {
            IpAddr::V4(four) => four.octets().to_vec(),
            IpAddr::V6(six) => six.octets().to_vec(),
        };
        return certificate.subject_alt_names().iter().any(|name| matches!(name, GeneralName::Ip(own) if *own == octets));
    }
    if let Some((local, domain)) = wanted.rsplit_once('@') {
        let Some(domain) = ascii(domain) else { return false };
        return certificate.subject_alt_names().iter().any(|name| match name {
            // RFC 5280 §7.5: the local part exactly, the host whatever its case.
            GeneralName::Email(own) => own.rsplit_once('@').is_some_and(|(left, host)| {
                left == local && !left.is_empty() && !left.contains('@') && is_dns(host, false) && host.eq_ignore_ascii_case(&domain)
            }),
            _ => false,
        });
    }
    let Some(wanted) = ascii(wanted.strip_suffix('.').unwrap_or(wanted)) else { return false };
    if !is_dns(&wanted, false) {
        return false;
    }
    certificate.subject_alt_names().iter().any(|name| match name {
        GeneralName::Dns(own) => {
            let own = own.to_ascii_lowercase();
            // A wildcard is the whole leftmost label and stands for exactly one label, never directly below the root.
            match own.strip_prefix("*.") {
                Some(parent) => {
                    parent.contains('.') && is_dns(parent, false) && wanted.split_once('.').is_some_and(|(_, above)| above == parent)
                }
                None => is_dns(&own, false) && own == wanted,
            }
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Lies::{Inside, Outside, Uncomparable};

    #[test]
    fn dns_subtrees() {
        assert_eq!(dns("a.Example.com", "example.com", true), Inside);
        assert_eq!(dns("example.com", "example.com", true), Inside);
        assert_eq!(dns("badexample.com", "example.com", true), Outside);
        assert_eq!(dns("anything.cn", "", true), Inside);
        assert_eq!(dns("a.example.com", ".example.com", true), Uncomparable);
        // A wildcard is permitted only if all it stands for is, and excluded if anything it stands for is.
        assert_eq!(dns("*.example.com", "a.example.com", true), Outside);
        assert_eq!(dns("*.example.com", "a.example.com", false), Inside);
        assert_eq!(dns("*.example.com", "example.com", true), Inside);
    }

    #[test]
    fn mail_hosts_and_addresses() {
        assert_eq!(email("a@b.com", "b.com"), Inside);
        assert_eq!(email("a@x.b.com", "b.com"), Outside);
        assert_eq!(email("a@x.b.com", ".b.com"), Inside);
        assert_eq!(email("a@b.com", ".b.com"), Outside);
        assert_eq!(email("a@B.com", "a@b.com"), Inside);
        assert_eq!(email("A@b.com", "a@b.com"), Outside);
        for bad in ["no-at-sign", "@b.com", "a@x@b.com", "\"a@x\"@b.com"] {
            assert_eq!(email(bad, "b.com"), Uncomparable);
        }
        assert_eq!(email("a@b.com", "a@x@b.com"), Uncomparable);
    }

    #[test]
    fn uri_hosts() {
        assert_eq!(uri("https://u@h.b.com:8080/x?y", ".b.com"), Inside);
        assert_eq!(uri("https://b.com", "b.com"), Inside);
        assert_eq!(uri("https://x.b.com", "b.com"), Outside);
        assert_eq!(uri("https://10.0.0.1/", "b.com"), Uncomparable);
        assert_eq!(uri("urn:x", "b.com"), Uncomparable);
    }

    #[test]
    fn addresses_and_masks() {
        assert_eq!(ip(&[10, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]), Inside);
        assert_eq!(ip(&[11, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 0, 0]), Outside);
        assert_eq!(ip(&[10, 1, 2, 3], &[10, 0, 0, 0, 255, 0, 255, 0]), Uncomparable);
        assert_eq!(ip(&[0; 16], &[10, 0, 0, 0, 255, 0, 0, 0]), Outside);
        assert_eq!(ip(&[0; 5], &[10, 0, 0, 0, 255, 0, 0, 0]), Uncomparable);
    }
}
