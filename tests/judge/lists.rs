//! Revocation lists as TLS verifiers meet them, good and odd: only a list that is authentic, in scope, current and regular says
//! by its silence that a certificate is good.

use crate::paths::{Authority, ISSUES, at, name};
use xinyin::{
    crypto::{KeyKind, Oid},
    keys::SoftKey,
    moment::Moment,
    pki::{
        Certificate, Crl, Reason,
        build::{CertificateBuilder, CrlBuilder, encode},
        extensions::{KeyUsage, oid},
        general_name::GeneralName,
        path::{Anchor, Outcome, PathInput, Purpose, Revocation, validate},
    },
    world::SystemDice,
};

const KIND: KeyKind = KeyKind::P256;
const HERE: &str = "http://example.com/partition.crl";

fn leaf(issuer: &Authority, more: impl FnOnce(CertificateBuilder) -> CertificateBuilder) -> Certificate {
    let key = SoftKey::generate(KIND, &SystemDice).unwrap();
    issuer.issue(7, &name("server"), &key, |leaf| {
        let names = [GeneralName::Dns("example.com".into())];
        more(leaf.key_usage(&[KeyUsage::DIGITAL_SIGNATURE]).extended_key_usage(false, &[oid::SERVER_AUTH]).subject_alt_names(&names))
    })
}

fn outcome(leaf: &Certificate, pool: &[Certificate], roots: &[Certificate], crls: &[Crl]) -> Outcome {
    let anchors: Vec<Anchor> = roots.iter().cloned().map(Anchor::from).collect();
    let mut question = PathInput::new(leaf, &anchors, at("2026-06-15"));
    (question.intermediates, question.crls, question.host) = (pool, crls, Some("example.com"));
    (question.purpose, question.revocation) = (Purpose::Server, Revocation::Hard);
    validate(&question).outcome
}

/// The scope of a list: its members as they stand.
fn scope(members: &[Vec<u8>]) -> Vec<u8> {
    encode::sequence(members)
}

fn uri(text: &str) -> Vec<u8> {
    encode::tlv(0x86, text.as_bytes())
}

/// fullName of these names.
fn full(names: &[Vec<u8>]) -> Vec<u8> {
    encode::explicit(0, &encode::tlv(0xa0, &names.concat()))
}

fn points(names: &[Vec<u8>]) -> Vec<u8> {
    encode::sequence([encode::sequence([full(names)])])
}

#[test]
fn lists_by_their_structure_and_time() {
    let (root, other) = (Authority::new(KIND, "根一"), Authority::new(KIND, "根二"));
    let leaf = leaf(&root, |leaf| leaf);
    let roots = [root.root(), other.root()];
    let serial = [0x55, 0x66];
    let says = |list: CrlBuilder, by: &Authority| outcome(&leaf, &[], &roots, &[list.sign(&by.key).unwrap()]);
    let stranger = |list: CrlBuilder| list.revoked(&serial, at("2026-05-01"), Reason::Unspecified);
    let (good, open, bad) = (Outcome::Accepted, Outcome::Undecided, Outcome::Rejected);
    assert_eq!(says(root.list(1), &root), good, "an empty list");
    assert_eq!(says(stranger(root.list(1)), &root), good, "it lists another");
    assert_eq!(says(stranger(root.list(1)), &other), open, "signed with another key");
    assert_eq!(says(stranger(stranger(root.list(1))), &root), open, "one serial number twice");
    let revoked = |when: Moment| root.list(1).revoked(leaf.serial(), when, Reason::Unspecified);
    for when in ["2026-05-01", "2025-01-01", "2026-06-20"] {
        assert_eq!(says(revoked(at(when)), &root), bad, "revoked as of {when}");
    }
    for (from, to, expected) in [
        ("2026-06-16", "2026-07-16", open),
        ("2026-04-01", "2026-05-01", open),
        ("2025-01-01", "2025-06-01", open),
        ("2026-06-14", "2026-06-16", good),
    ] {
        assert_eq!(says(stranger(CrlBuilder::new(&root.name, 1, at(from), at(to))), &root), expected, "{from} to {to}");
    }
    let odd = Oid::new_unwrap("1.3.6.1.4.1.55738.666.1");
    assert_eq!(says(root.list(1).extension(odd, true, vec![5, 0]), &root), open, "an unknown critical extension");
    assert_eq!(says(root.list(1).extension(odd, false, vec![5, 0]), &root), good, "an unknown extension");
    // Another authority's list with the same serial number.
    let lists = [
        root.list(1).sign(&root.key).unwrap(),
        other.list(1).revoked(leaf.serial(), at("2026-05-01"), Reason::KeyCompromise).sign(&other.key).unwrap(),
    ];
    assert_eq!(outcome(&leaf, &[], &roots, &lists), good);
    let many = (0..10_000u32).fold(root.list(1), |list, number| {
        list.revoked(&[&[0x11], &number.to_be_bytes()[..]].concat(), at("2026-05-01"), Reason::Unspecified)
    });
    assert_eq!(says(many, &root), good, "ten thousand entries");
}

#[test]
fn lists_are_signed_by_those_who_may() {
    for (usage, expected) in [(Some(&ISSUES[..]), Outcome::Accepted), (None, Outcome::Accepted), (Some(&ISSUES[..1]), Outcome::Undecided)] {
        let root = Authority::new(KIND, "根");
        let own = root.issue(1, &root.name, &root.key, |ca| match usage {
            Some(usage) => ca.authority(None).key_usage(usage),
            None => ca.authority(None),
        });
        let list = root.list(1).revoked(&[0x55], at("2026-05-01"), Reason::Unspecified).sign(&root.key).unwrap();
        assert_eq!(outcome(&leaf(&root, |leaf| leaf), &[], &[own], &[list]), expected, "{usage:?}");
    }
}

#[test]
fn lists_by_their_scope() {
    let (root, issuing) = (Authority::new(KIND, "根"), Authority::new(KIND, "签发"));
    let roots = [root.root()];
    let flag = |tag: u8| encode::tlv(tag, &[0xff]);
    let dns = encode::tlv(0x82, b"example.com");
    let relative = {
        let value = encode::sequence([encode::oid(&Oid::new_unwrap("2.5.4.3")), encode::utf8("partition")]);
        encode::explicit(0, &encode::tlv(0xa1, &value))
    };
    let none = leaf(&root, |leaf| leaf);
    let named = |names: &[Vec<u8>]| leaf(&root, |leaf| leaf.extension(oid::CRL_DISTRIBUTION_POINTS, false, points(names)));
    let (at_one, with_dns) = (named(&[uri(HERE)]), named(&[uri(HERE), dns.clone()]));
    let escaped = named(&[uri("http://example.com/%70artition.crl")]);
    let says = |leaf: &Certificate, members: &[Vec<u8>]| {
        let list = root.list(1).extension(oid::ISSUING_DISTRIBUTION_POINT, true, scope(members));
        outcome(leaf, &[], &roots, &[list.sign(&root.key).unwrap()])
    };
    let here = full(&[uri(HERE)]);
    assert_eq!(says(&at_one, std::slice::from_ref(&here)), Outcome::Accepted, "its own part");
    for (leaf, members, why) in [
        (&at_one, vec![full(&[uri("http://example.com/other.crl")])], "another part"),
        (&none, vec![here.clone()], "the certificate names no part"),
        (&with_dns, vec![here.clone()], "the certificate names its part by other than a URI"),
        (&at_one, vec![full(&[uri(HERE), dns.clone()])], "the list names its part by other than a URI"),
        (&escaped, vec![here.clone()], "the same place written otherwise"),
        (&none, vec![relative], "a relative name"),
        (&at_one, vec![here.clone(), flag(0x84)], "an indirect list"),
        (&at_one, vec![here.clone(), encode::tlv(0x83, &[6, 0x40])], "some reasons only"),
        (&none, vec![flag(0x82)], "authorities only"),
        (&none, vec![flag(0x85)], "attribute certificates only"),
    ] {
        assert_eq!(says(leaf, &members), Outcome::Undecided, "{why}");
    }
    // An authority on a list for users only.
    let intermediate = root.issue(2, &issuing.name, &issuing.key, |ca| ca.authority(None).key_usage(&ISSUES));
    let below = leaf(&issuing, |leaf| leaf);
    let own = issuing.list(1).sign(&issuing.key).unwrap();
    let users = root.list(1).extension(oid::ISSUING_DISTRIBUTION_POINT, true, scope(&[flag(0x81)])).sign(&root.key).unwrap();
    let all = root.list(1).sign(&root.key).unwrap();
    assert_eq!(outcome(&below, std::slice::from_ref(&intermediate), &roots, &[own.clone(), all]), Outcome::Accepted);
    assert_eq!(outcome(&below, &[intermediate], &roots, &[own, users]), Outcome::Undecided);
}

/// A wildcard that could stand for an excluded name, or for names beyond the permitted ones.
#[test]
fn wildcards_do_not_slip_through_name_constraints() {
    let (root, issuing) = (Authority::new(KIND, "根"), Authority::new(KIND, "签发"));
    let subtree = |tag: u8, name: &str| encode::tlv(tag, &encode::sequence([encode::tlv(0x82, name.as_bytes())]));
    let key = SoftKey::generate(KIND, &SystemDice).unwrap();
    let judged = |constraints: &[Vec<u8>], borne: &str, host: &str| {
        let intermediate = root.issue(2, &issuing.name, &issuing.key, |ca| {
            ca.authority(None).key_usage(&ISSUES).extension(oid::NAME_CONSTRAINTS, true, encode::sequence(constraints))
        });
        let leaf = issuing.issue(7, &name("server"), &key, |leaf| {
            let leaf = leaf.key_usage(&[KeyUsage::DIGITAL_SIGNATURE]).extended_key_usage(false, &[oid::SERVER_AUTH]);
            leaf.subject_alt_names(&[GeneralName::Dns(borne.into())])
        });
        let (anchors, pool) = ([Anchor::from(root.root())], [intermediate]);
        let mut question = PathInput::new(&leaf, &anchors, at("2026-06-15"));
        (question.intermediates, question.host) = (&pool, Some(host));
        (question.purpose, question.revocation) = (Purpose::Server, Revocation::Off);
        validate(&question).outcome
    };
    let (permitted, excluded) = (|name: &str| subtree(0xa0, name), |name: &str| subtree(0xa1, name));
    assert_eq!(judged(&[permitted("example.com"), excluded("bar.example.com")], "*.example.com", "bar.example.com"), Outcome::Rejected);
    assert_eq!(judged(&[permitted("foo.example.com")], "*.example.com", "foo.example.com"), Outcome::Rejected);
    assert_eq!(judged(&[permitted("example.com")], "*.example.com", "foo.example.com"), Outcome::Accepted);
    assert_eq!(judged(&[excluded("foo.example.com")], "*.foo.example.com", "a.foo.example.com"), Outcome::Rejected);
    assert_eq!(judged(&[excluded("b.foo.example.com")], "*.foo.example.com", "a.foo.example.com"), Outcome::Rejected);
    assert_eq!(judged(&[excluded("other.com")], "*.example.com", "a.example.com"), Outcome::Accepted);
}
