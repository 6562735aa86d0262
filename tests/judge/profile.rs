//! Families of malformed and odd chains as TLS verifiers meet them: every rule of RFC 5280's profile that a relying party can
//! see broken, name constraints of every form, path lengths, names asked for, encodings. Each refusal stands beside the same
//! chain without the fault, which is accepted.

use crate::paths::{Authority, ISSUES, at, name};
use std::slice::from_ref;
use xinyin::{
    crypto::{KeyKind, Oid, Signer as _},
    keys::SoftKey,
    moment::Moment,
    pki::{
        Certificate, Name,
        build::{CertificateBuilder, encode},
        extensions::{KeyUsage, oid},
        general_name::GeneralName,
        name::attribute,
        path::{Anchor, FaultKind, Outcome, PathInput, PathResult, Purpose, Revocation, validate},
    },
    world::SystemDice,
};

const KIND: KeyKind = KeyKind::P256;
type More = fn(CertificateBuilder) -> CertificateBuilder;

fn plain(builder: CertificateBuilder) -> CertificateBuilder {
    builder
}

fn dns(text: &str) -> GeneralName {
    GeneralName::Dns(text.into())
}

fn bare(issuer: &Authority, serial: &[u8], to: &Name, key: &SoftKey) -> CertificateBuilder {
    CertificateBuilder::new(&issuer.name, to, key.public_key(), serial, at("2026-01-01"), at("2028-01-01"))
}

fn root_of(authority: &Authority) -> CertificateBuilder {
    bare(authority, &[1], &authority.name, &authority.key)
}

fn key() -> SoftKey {
    SoftKey::generate(KIND, &SystemDice).unwrap()
}

fn ask(leaf: &Certificate, pool: &[Certificate], root: &Certificate, host: Option<&str>) -> PathResult {
    let anchors = [Anchor::from(root.clone())];
    let mut question = PathInput::new(leaf, &anchors, at("2026-06-15"));
    (question.intermediates, question.host) = (pool, host);
    (question.purpose, question.revocation) = (Purpose::Server, Revocation::Off);
    validate(&question)
}

/// A server's certificate with everything the profile wants.
fn server(issuer: &Authority, more: impl FnOnce(CertificateBuilder) -> CertificateBuilder) -> Certificate {
    issuer.issue(7, &name("server"), &key(), |leaf| {
        more(leaf.key_usage(&[KeyUsage::DIGITAL_SIGNATURE]).extended_key_usage(false, &[oid::SERVER_AUTH]))
    })
}

#[track_caller]
fn accepted(result: &PathResult) {
    assert_eq!(result.outcome, Outcome::Accepted, "{:?}", result.faults);
}

#[track_caller]
fn refused_for(result: &PathResult, kind: FaultKind) {
    assert_ne!(result.outcome, Outcome::Accepted);
    assert!(result.faults.iter().any(|fault| fault.kind == kind), "{kind:?} expected: {:?}", result.faults);
}

/// The certificate with other octets in its signed part, signed anew.
fn rewritten(certificate: &Certificate, from: &[u8], to: &[u8], key: &SoftKey) -> Result<Certificate, String> {
    let place = certificate.tbs().windows(from.len()).position(|window| window == from).expect("the octets stand in it");
    // Only the contents change: the outermost length is written anew, those between are the caller's.
    let inner = certificate.tbs().len() - tlv_contents(certificate.tbs()).len();
    let mut contents = tlv_contents(certificate.tbs()).to_vec();
    contents.splice(place - inner..place - inner + from.len(), to.iter().copied());
    let tbs = encode::tlv(0x30, &contents);
    let signature = key.sign(&tbs).unwrap();
    let der = encode::sequence([&tbs[..], certificate.signature_algorithm_der(), &encode::bit_string(&signature)]);
    Certificate::from_der(&der).map_err(|error| error.to_string())
}

fn tlv_contents(der: &[u8]) -> &[u8] {
    xinyin::pki::tlv::Tlv::parse(der).unwrap().value
}

#[test]
fn a_root_that_breaks_the_profile_serves_no_tls() {
    let authority = Authority::new(KIND, "根");
    let leaf = server(&authority, plain);
    let constraints =
        |critical: bool, value: Vec<u8>| move |root: CertificateBuilder| root.extension(oid::BASIC_CONSTRAINTS, critical, value);
    let ca = || encode::sequence([encode::boolean(true)]);
    let finish = |root: CertificateBuilder| root.sign(&authority.key).unwrap();
    let good = || root_of(&authority).authority(None).key_usage(&ISSUES).subject_key_id();
    accepted(&ask(&leaf, &[], &finish(good()), None));
    let with_constraints = |critical, value| finish(constraints(critical, value)(root_of(&authority)).key_usage(&ISSUES).subject_key_id());
    // basicConstraints not critical: no TLS, though signing certificates of state roots live with it.
    let loose = with_constraints(false, ca());
    refused_for(&ask(&leaf, &[], &loose, None), FaultKind::Malformed);
    let anchors = [Anchor::from(loose)];
    let mut question = PathInput::new(&leaf, &anchors, at("2026-06-15"));
    (question.purpose, question.revocation) = (Purpose::Sign, Revocation::Off);
    let signing = validate(&question);
    accepted(&signing);
    assert!(signing.warnings.iter().any(|warning| warning.detail.contains("4.2.1.9")), "{:?}", signing.warnings);
    // basicConstraints missing or denying; keyCertSign missing; no key identifier; critical identifiers; unknown critical.
    refused_for(&ask(&leaf, &[], &finish(root_of(&authority).key_usage(&ISSUES).subject_key_id()), None), FaultKind::NotAuthority);
    refused_for(&ask(&leaf, &[], &with_constraints(true, encode::sequence([encode::boolean(false)])), None), FaultKind::NotAuthority);
    let usage = finish(root_of(&authority).authority(None).key_usage(&[KeyUsage::CRL_SIGN]).subject_key_id());
    refused_for(&ask(&leaf, &[], &usage, None), FaultKind::KeyUsage);
    refused_for(&ask(&leaf, &[], &finish(root_of(&authority).authority(None).key_usage(&ISSUES)), None), FaultKind::Malformed);
    let id = encode::octet_string(&[1; 20]);
    let critical_id = root_of(&authority).authority(None).key_usage(&ISSUES).extension(oid::SUBJECT_KEY_ID, true, id);
    refused_for(&ask(&leaf, &[], &finish(critical_id), None), FaultKind::Malformed);
    let own = encode::sequence([encode::tlv(0x80, &[1; 20])]);
    refused_for(&ask(&leaf, &[], &finish(good().extension(oid::AUTHORITY_KEY_ID, true, own)), None), FaultKind::Malformed);
    let private = Oid::new_unwrap("1.3.6.1.4.1.55555.2");
    refused_for(&ask(&leaf, &[], &finish(good().extension(private, true, Vec::new())), None), FaultKind::UnknownCritical);
    // No name.
    let nameless = Authority { name: Name::build(&[]).unwrap(), key: key() };
    let leaf = server(&nameless, plain);
    refused_for(&ask(&leaf, &[], &nameless.root(), None), FaultKind::Malformed);
}

#[test]
fn a_leaf_that_breaks_the_profile_is_refused() {
    let authority = Authority::new(KIND, "根");
    let root = authority.root();
    let judged = |leaf: &Certificate| ask(leaf, &[], &root, None);
    let good = server(&authority, |leaf| leaf.subject_alt_names(&[dns("a.cn")]));
    accepted(&judged(&good));
    let malformed: [More; 9] = [
        // keyCertSign, a path length, name constraints of no authority.
        |leaf| leaf.extension(oid::KEY_USAGE, true, encode::named_bits(&[KeyUsage::KEY_CERT_SIGN])),
        |leaf| leaf.extension(oid::BASIC_CONSTRAINTS, true, encode::sequence([encode::small_integer(0)])),
        |leaf| leaf.extension(oid::NAME_CONSTRAINTS, true, constraint(true, &[GeneralName::Dns("a.cn".into())])),
        |leaf| leaf.extension(oid::NAME_CONSTRAINTS, false, constraint(true, &[GeneralName::Dns("a.cn".into())])),
        // A subjectAltName that is no ASN.1, an empty one, one that stands twice; a critical authorityInfoAccess.
        |leaf| leaf.extension(oid::SUBJECT_ALT_NAME, false, b"a.cn".to_vec()),
        |leaf| leaf.extension(oid::SUBJECT_ALT_NAME, false, vec![0x30, 0]),
        |leaf| leaf.subject_alt_names(&[GeneralName::Dns("a.cn".into())]).subject_alt_names(&[GeneralName::Dns("a.cn".into())]),
        |leaf| {
            let place = encode::sequence([encode::oid(&oid::ACCESS_CA_ISSUERS), encode::tlv(0x82, b"a.cn")]);
            leaf.extension(oid::AUTHORITY_INFO_ACCESS, true, encode::sequence([place]))
        },
        // A policy that stands twice.
        |leaf| leaf.policies(&[Oid::new_unwrap("1.2.3"), Oid::new_unwrap("1.2.3")]),
    ];
    for (at, more) in malformed.into_iter().enumerate() {
        let leaf = authority.issue(7, &name("server"), &key(), more);
        assert_eq!(judged(&leaf).outcome, Outcome::Rejected, "case {at}");
        refused_for(&judged(&leaf), FaultKind::Malformed);
    }
    // The same authorityInfoAccess, not critical, is fine, and so are no key usage and no basicConstraints.
    accepted(&judged(&authority.issue(7, &name("server"), &key(), |leaf| {
        let place = encode::sequence([encode::oid(&oid::ACCESS_CA_ISSUERS), encode::tlv(0x82, b"a.cn")]);
        leaf.extension(oid::AUTHORITY_INFO_ACCESS, false, encode::sequence([place]))
    })));
    // An authority in the leaf's place is judged as a leaf.
    accepted(&judged(&authority.issue(7, &name("CA"), &key(), |leaf| leaf.authority(Some(0)).key_usage(&ISSUES))));
    // Wrong extended key usage; an issuer whose extended key usage excludes servers.
    let client = authority.issue(7, &name("x"), &key(), |leaf| leaf.extended_key_usage(false, &[oid::CLIENT_AUTH]));
    refused_for(&judged(&client), FaultKind::ExtendedKeyUsage);
}

#[test]
fn serial_numbers_and_empty_names() {
    let authority = Authority::new(KIND, "根");
    let root = authority.root();
    let with = |serial: &[u8], subject: &Name, names: Option<bool>| {
        let leaf = bare(&authority, serial, subject, &key()).authority_key_id(authority.key.public_key());
        let value = encode::sequence([dns("a.cn").to_der()]);
        match names {
            Some(critical) => leaf.extension(oid::SUBJECT_ALT_NAME, critical, value),
            None => leaf,
        }
        .sign(&authority.key)
        .unwrap()
    };
    let (subject, empty) = (name("x"), Name::build(&[]).unwrap());
    accepted(&ask(&with(&[0x7f; 20], &subject, None), &[], &root, None));
    for serial in [&[0x7f_u8; 22][..], &[0]] {
        refused_for(&ask(&with(serial, &subject, None), &[], &root, None), FaultKind::Malformed);
    }
    // −1 as a serial number.
    let negative = rewritten(&with(&[0x55], &subject, None), &[2, 1, 0x55], &[2, 1, 0xff], &authority.key).unwrap();
    refused_for(&ask(&negative, &[], &root, None), FaultKind::Malformed);
    accepted(&ask(&with(&[5], &empty, Some(true)), &[], &root, Some("a.cn")));
    refused_for(&ask(&with(&[5], &empty, Some(false)), &[], &root, Some("a.cn")), FaultKind::Malformed);
    refused_for(&ask(&with(&[5], &empty, None), &[], &root, None), FaultKind::Malformed);
}

#[test]
fn times_to_the_second_and_in_either_encoding() {
    let authority = Authority::new(KIND, "根");
    let root = authority.root();
    let leaf = server(&authority, plain);
    let anchors = [Anchor::from(root.clone())];
    let ask_at = |leaf: &Certificate, moment: &str| {
        let mut question = PathInput::new(leaf, &anchors, moment.parse().unwrap());
        (question.purpose, question.revocation) = (Purpose::Server, Revocation::Off);
        validate(&question).outcome
    };
    for (moment, outcome) in [
        ("2026-01-01T00:00:00Z", Outcome::Accepted),
        ("2025-12-31T23:59:59.999Z", Outcome::Rejected),
        ("2028-01-01T00:00:00+00:00", Outcome::Accepted),
        ("2028-01-01T00:00:00.005000Z", Outcome::Accepted),
        ("2028-01-01T00:00:01Z", Outcome::Rejected),
        ("2028-01-01T08:00:00+08:00", Outcome::Accepted),
    ] {
        assert_eq!(ask_at(&leaf, moment), outcome, "{moment}");
    }
    // GeneralizedTime for a date that UTCTime can hold is read (NIST PKITS 4.2.4).
    let utc: &[u8] = b"\x30\x1e\x17\x0d260101000000Z\x17\x0d280101000000Z";
    let general: &[u8] = b"\x30\x22\x18\x0f20260101000000Z\x18\x0f20280101000000Z";
    let rewritten = |to: &[u8]| rewritten(&leaf, utc, to, &authority.key);
    assert_eq!(ask_at(&rewritten(general).unwrap(), "2026-06-15T00:00:00Z"), Outcome::Accepted);
    // Local time, fractions, missing seconds: not as RFC 5280 §4.1.2.5 wants them. Dates that are none are unreadable.
    for to in [
        &b"\x30\x22\x17\x11260101000000+0800\x17\x0d280101000000Z"[..],
        b"\x30\x22\x18\x1120260101000000.5Z\x17\x0d280101000000Z",
        b"\x30\x1c\x17\x0b2601010000Z\x17\x0d280101000000Z",
        b"\x30\x1e\x17\x0d261301000000Z\x17\x0d280101000000Z",
        b"\x30\x1e\x17\x0d260230000000Z\x17\x0d280101000000Z",
        b"\x30\x1e\x17\x0d260101000060Z\x17\x0d280101000000Z",
    ] {
        if let Ok(read) = rewritten(to) {
            assert_eq!(ask_at(&read, "2026-06-15T00:00:00Z"), Outcome::Rejected, "{to:?}");
        }
    }
    // The other end of time.
    let end: Moment = "9999-12-31T23:59:59Z".parse().unwrap();
    let forever = CertificateBuilder::new(&authority.name, &name("x"), key().public_key(), &[5], at("1970-01-01"), end)
        .authority_key_id(authority.key.public_key())
        .sign(&authority.key)
        .unwrap();
    assert_eq!(ask_at(&forever, "2026-06-15T00:00:00Z"), Outcome::Accepted);
}

fn constraint(permitted: bool, bases: &[GeneralName]) -> Vec<u8> {
    encode::sequence([subtrees(permitted, bases)])
}

fn subtrees(permitted: bool, bases: &[GeneralName]) -> Vec<u8> {
    let trees: Vec<u8> = bases.iter().flat_map(|base| encode::sequence([base.to_der()])).collect();
    encode::tlv(if permitted { 0xa0 } else { 0xa1 }, &trees)
}

#[test]
fn name_constraints_of_every_form() {
    let ip = |octets: &[u8]| GeneralName::Ip(octets.to_vec());
    let mail = |text: &str| GeneralName::Email(text.into());
    let uri = |text: &str| GeneralName::Uri(text.into());
    let directory = |text: &str| GeneralName::Directory(Name::build(&[(attribute::COMMON_NAME, text)]).unwrap());
    let other = || GeneralName::Other(Oid::new_unwrap("1.3.6.1.4.1.55555.3"), vec![5, 0]);
    let registered = || GeneralName::Registered(Oid::new_unwrap("1.2.3"));
    let net: &[u8] = &[192, 0, 2, 0, 255, 255, 255, 0];
    let six = |last: u8| [[0; 15].as_slice(), &[last]].concat();
    // Permitted subtree, name borne, whether that is accepted.
    let permitted: Vec<(GeneralName, Vec<GeneralName>, bool)> = vec![
        (dns("b.cn"), vec![dns("b.cn")], true),
        (dns("b.cn"), vec![dns("x.y.b.cn")], true),
        (dns("b.cn"), vec![dns("not-b.cn")], false),
        (dns("b.cn"), vec![dns(".b.cn"), dns("x.b.cn")], false),
        (dns("*.b.cn"), vec![dns("x.b.cn")], false),
        (dns(".b.cn"), vec![dns("x.b.cn")], false),
        (dns("x.b.cn"), vec![dns("*.b.cn")], false),
        (dns("b.cn"), vec![ip(&[192, 0, 2, 1])], true),
        (ip(net), vec![ip(&[192, 0, 2, 1])], true),
        (ip(net), vec![ip(&[192, 0, 3, 1])], false),
        (ip(net), vec![ip(&[192, 0, 2, 1]), ip(net)], false),
        (ip(&[127, 0, 0, 1]), vec![ip(&[127, 0, 0, 1])], false),
        (ip(&[six(1), vec![255; 16]].concat()), vec![ip(&six(1))], true),
        (ip(&[six(1), vec![255; 16]].concat()), vec![ip(&six(2))], false),
        (ip(&six(1)), vec![ip(&six(1))], false),
        (mail("a@b.cn"), vec![mail("a@b.cn")], true),
        (mail("a@b.cn"), vec![mail("A@b.cn")], false),
        (mail("b.cn"), vec![mail("a@b.cn")], true),
        (mail("b.cn"), vec![mail("a@x.b.cn")], false),
        (mail(".b.cn"), vec![mail("a@x.b.cn")], true),
        (mail("x@y@b.cn"), vec![mail("a@b.cn")], false),
        (mail("b.cn"), vec![mail("a@b.cn"), mail("x@y@b.cn")], false),
        (uri("b.cn"), vec![uri("https://b.cn/x")], true),
        (uri(".b.cn"), vec![uri("https://x.b.cn:8443/")], true),
        (uri("b.cn"), vec![uri("https://x.b.cn/")], false),
        (uri("b.cn"), vec![uri("https://b.cn@evil.cn/")], false),
        (uri("b.cn"), vec![uri("https://192.0.2.1/")], false),
        (uri("b.cn"), vec![uri("urn:b.cn")], false),
        (other(), vec![other()], false),
        (registered(), vec![registered()], false),
        (registered(), vec![dns("b.cn")], true),
    ];
    let authority = Authority::new(KIND, "根");
    let judged = |value: Vec<u8>, subject: &Name, names: &[GeneralName]| {
        let root = root_of(&authority).authority(None).key_usage(&ISSUES).subject_key_id();
        let root = root.extension(oid::NAME_CONSTRAINTS, true, value).sign(&authority.key).unwrap();
        let leaf = authority.issue(7, subject, &key(), |leaf| if names.is_empty() { leaf } else { leaf.subject_alt_names(names) });
        ask(&leaf, &[], &root, None)
    };
    let subject = name("x");
    for (base, names, good) in &permitted {
        let result = judged(constraint(true, from_ref(base)), &subject, names);
        assert_eq!(result.outcome == Outcome::Accepted, *good, "permitted {base:?}, {names:?}: {:?}", result.faults);
        // What lies inside a permitted subtree lies inside the same one excluded; what cannot be compared is refused either way.
        if *good && names.iter().all(|name| std::mem::discriminant(name) == std::mem::discriminant(base)) {
            refused_for(&judged(constraint(false, from_ref(base)), &subject, names), FaultKind::NameConstraints);
        }
    }
    // Excluded beats permitted; a wildcard that stands for an excluded name is excluded.
    let both = encode::sequence([subtrees(true, &[dns("b.cn")]), subtrees(false, &[dns("b.cn")])]);
    refused_for(&judged(both, &subject, &[dns("b.cn")]), FaultKind::NameConstraints);
    let both = encode::sequence([subtrees(true, &[dns("b.cn")]), subtrees(false, &[dns("x.b.cn")])]);
    refused_for(&judged(both, &subject, &[dns("*.b.cn")]), FaultKind::NameConstraints);
    // Directory names: the subject counts, and every one in subjectAltName.
    let (foo, bar) = (Name::build(&[(attribute::COMMON_NAME, "foo")]).unwrap(), Name::build(&[(attribute::COMMON_NAME, "bar")]).unwrap());
    let tree = || constraint(true, &[directory("FOO ")]);
    accepted(&judged(tree(), &foo, &[directory("foo")]));
    accepted(&judged(tree(), &foo, &[]));
    refused_for(&judged(tree(), &bar, &[directory("foo")]), FaultKind::NameConstraints);
    refused_for(&judged(tree(), &foo, &[directory("bar")]), FaultKind::NameConstraints);
    refused_for(&judged(constraint(false, &[directory("foo")]), &foo, &[directory("bar")]), FaultKind::NameConstraints);
    // A mail address in the subject counts where subjectAltName has none.
    let mailing = Name::build(&[(attribute::COMMON_NAME, "x"), (attribute::EMAIL, "a@evil.cn")]).unwrap();
    refused_for(&judged(constraint(true, &[mail("b.cn")]), &mailing, &[]), FaultKind::NameConstraints);
    accepted(&judged(constraint(true, &[mail("b.cn")]), &mailing, &[mail("a@b.cn")]));
    // minimum and maximum are refused; empty constraints are none.
    let distant = encode::sequence([encode::tlv(0xa0, &encode::sequence([dns("b.cn").to_der(), encode::tlv(0x80, &[1])]))]);
    refused_for(&judged(distant, &subject, &[dns("b.cn")]), FaultKind::NameConstraints);
    refused_for(&judged(vec![0x30, 0], &subject, &[dns("b.cn")]), FaultKind::Malformed);
}

#[test]
fn constraints_of_several_authorities_add_up() {
    let root = Authority::new(KIND, "根");
    let (first, second) = (Authority::new(KIND, "一级"), Authority::new(KIND, "二级"));
    let ca = |issuer: &Authority, to: &Authority, serial: u8, trees: &[GeneralName], borne: &[GeneralName]| {
        issuer.issue(serial, &to.name, &to.key, |mut ca| {
            ca = ca.authority(None).key_usage(&ISSUES);
            if !trees.is_empty() {
                ca = ca.extension(oid::NAME_CONSTRAINTS, true, constraint(true, trees));
            }
            if borne.is_empty() { ca } else { ca.subject_alt_names(borne) }
        })
    };
    let leaf = server(&second, |leaf| leaf.subject_alt_names(&[dns("foo.cn")]));
    let (foo, bar) = (dns("foo.cn"), dns("bar.cn"));
    let judged = |pool: &[Certificate]| ask(&leaf, pool, &root.root(), Some("foo.cn"));
    accepted(&judged(&[ca(&root, &first, 2, from_ref(&foo), &[]), ca(&first, &second, 3, &[foo.clone(), bar.clone()], &[])]));
    // Narrowed below, widened below, broken by an authority's own name.
    for (above, below, borne) in [
        (&[foo.clone(), bar.clone()][..], &[bar.clone()][..], &[][..]),
        (from_ref(&bar), &[foo.clone(), bar.clone()], &[]),
        (from_ref(&foo), &[], from_ref(&bar)),
    ] {
        let pool = [ca(&root, &first, 2, above, &[]), ca(&first, &second, 3, below, borne)];
        refused_for(&judged(&pool), FaultKind::NameConstraints);
    }
    // A self-issued certificate is exempt, unless it is the leaf.
    let rolled = Authority { name: first.name.clone(), key: key() };
    let pool = [ca(&root, &first, 2, from_ref(&foo), &[]), ca(&first, &rolled, 3, &[], from_ref(&bar))];
    accepted(&ask(&server(&rolled, |leaf| leaf.subject_alt_names(&[dns("foo.cn")])), &pool, &root.root(), Some("foo.cn")));
    let own = rolled.issue(7, &rolled.name, &key(), |leaf| leaf.subject_alt_names(from_ref(&bar)));
    refused_for(&ask(&own, &pool, &root.root(), Some("bar.cn")), FaultKind::NameConstraints);
    // Another path of the same authority without the constraint is found.
    let free = Authority::new(KIND, "无约束");
    let pool = [
        ca(&root, &first, 2, from_ref(&bar), &[]),
        ca(&first, &second, 3, &[], &[]),
        ca(&root, &free, 4, &[], &[]),
        ca(&free, &second, 5, &[], &[]),
    ];
    let result = judged(&pool);
    accepted(&result);
    assert_eq!(result.path[2].subject(), &free.name);
}

#[test]
fn path_lengths() {
    let root = Authority::new(KIND, "根");
    let levels: Vec<Authority> = (0..3).map(|level| Authority::new(KIND, &format!("CA {level}"))).collect();
    let judged = |lengths: &[Option<u64>]| {
        let mut issuer = &root;
        let mut pool = Vec::new();
        for (level, length) in levels.iter().zip(lengths) {
            pool.push(issuer.issue(2, &level.name, &level.key, |ca| ca.authority(*length).key_usage(&ISSUES)));
            issuer = level;
        }
        ask(&server(issuer, plain), &pool, &root.root(), None)
    };
    for good in [&[Some(0)][..], &[Some(1)], &[Some(2)], &[Some(1), Some(2)], &[Some(2), Some(1), Some(0)], &[Some(u64::MAX), None]] {
        accepted(&judged(good));
    }
    for bad in [&[Some(0), Some(0)][..], &[Some(1), Some(0), Some(0)], &[Some(1), None, None]] {
        refused_for(&judged(bad), FaultKind::PathLength);
    }
}

#[test]
fn the_caller_bounds_the_depth() {
    let root = Authority::new(KIND, "根");
    let issuing = Authority::new(KIND, "签发");
    let ca = root.issue(2, &issuing.name, &issuing.key, |ca| ca.authority(None).key_usage(&ISSUES));
    let (direct, below) = (server(&root, plain), server(&issuing, plain));
    let anchors = [Anchor::from(root.root())];
    let pool = [ca];
    let with = |leaf: &Certificate, depth: usize| {
        let mut question = PathInput::new(leaf, &anchors, at("2026-06-15"));
        (question.intermediates, question.purpose, question.revocation) = (&pool, Purpose::Server, Revocation::Off);
        question.limits.max_intermediates = depth;
        validate(&question)
    };
    accepted(&with(&direct, 0));
    accepted(&with(&below, 1));
    accepted(&with(&below, usize::MAX));
    refused_for(&with(&below, 0), FaultKind::PathLength);
}

#[test]
fn names_asked_for() {
    let authority = Authority::new(KIND, "根");
    let root = authority.root();
    let names = [
        dns("*.b.cn"),
        dns("xn--fsqu00a.xn--fiqs8s"),
        GeneralName::Ip(vec![192, 0, 2, 1]),
        GeneralName::Ip([[0; 15].as_slice(), &[1]].concat()),
        GeneralName::Email("Clerk@b.cn".into()),
        dns("*.cn"),
        dns("f*.c.cn"),
        dns("10.0.0.9"),
    ];
    let leaf = server(&authority, |leaf| leaf.subject_alt_names(&names));
    for host in ["a.b.cn", "A.B.CN", "a.b.cn.", "例子.中国", "xn--fsqu00a.xn--fiqs8s", "192.0.2.1", "::1", "0:0:0:0:0:0:0:1", "Clerk@B.cn"]
    {
        accepted(&ask(&leaf, &[], &root, Some(host)));
    }
    for host in [
        "b.cn",
        "x.a.b.cn",
        "192.0.2.2",
        "::2",
        "clerk@b.cn",
        "Clerk@x.b.cn",
        "@b.cn",
        "evil.cn",
        "foo.c.cn",
        "10.0.0.9",
        "",
        ".",
        "*.b.cn",
        "server",
        "a.b.cn\0",
        "https://a.b.cn",
    ] {
        refused_for(&ask(&leaf, &[], &root, Some(host)), FaultKind::Host);
    }
}

#[test]
fn loops_lead_nowhere_and_hide_no_way_out() {
    let (root, a, b) = (Authority::new(KIND, "根"), Authority::new(KIND, "甲"), Authority::new(KIND, "乙"));
    let ca = |issuer: &Authority, to: &Authority, serial: u8| {
        issuer.issue(serial, &to.name, &to.key, |ca| ca.authority(None).key_usage(&ISSUES))
    };
    let leaf = server(&a, plain);
    let ring = [ca(&b, &a, 2), ca(&a, &b, 3)];
    refused_for(&ask(&leaf, &ring, &root.root(), None), FaultKind::NoChain);
    // The same name with two keys that certify each other.
    let twin = Authority { name: a.name.clone(), key: key() };
    refused_for(&ask(&leaf, &[ca(&twin, &a, 2), ca(&a, &twin, 3)], &root.root(), None), FaultKind::NoChain);
    // The root takes part in the ring: it is trusted, so the way is found.
    let pool = [ca(&b, &a, 2), ca(&a, &b, 3), ca(&b, &root, 4), ca(&root, &a, 5), ca(&root, &b, 6)];
    accepted(&ask(&leaf, &pool, &root.root(), None));
    // An expired cross-certificate of the root beside the root itself.
    let old = bare(&b, &[9], &root.name, &root.key).authority(None).key_usage(&ISSUES);
    let old = old.authority_key_id(b.key.public_key()).subject_key_id().sign(&b.key).unwrap();
    accepted(&ask(&server(&root, plain), &[old], &root.root(), None));
    // The untrusted root among the intermediates does not disturb a trusted intermediate.
    accepted(&ask(&leaf, &[root.root()], &ca(&root, &a, 2), None));
}
