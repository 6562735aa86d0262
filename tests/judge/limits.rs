//! Hostile input to path validation costs no more than honest input: policies that multiply, pools of thousands of candidates,
//! rings of certificates, lists of a million entries. And lists of every kind: partitioned, indirect, by reason, for authorities.

use crate::paths::{Authority, Chain, ISSUES, SIGNS, at, name, refused};
use std::time::{Duration, Instant};
use xinyin::{
    crypto::{KeyKind, Oid, Signer as _},
    pki::{
        Certificate, Crl, Name, Reason,
        build::{CertificateBuilder, CrlBuilder, encode},
        extensions::oid,
        path::{Anchor, FaultKind, Outcome, PathInput, Revocation, Status, validate},
    },
};

const KIND: KeyKind = KeyKind::P256;
/// A bound against explosions on a busy machine with unoptimised code; an honest question takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(20);

fn policy(number: usize) -> Oid {
    Oid::new(&format!("1.3.6.1.4.1.55555.7.{number}")).unwrap()
}

/// Every policy mapped to every other: 2^depth nodes in a tree, one for a policy at each depth in the graph of RFC 9618.
#[test]
fn policies_that_multiply_stay_polynomial() {
    const COUNT: usize = 22;
    const DEPTH: usize = 11;
    let all: Vec<Oid> = (0..COUNT).map(policy).collect();
    let mappings =
        || encode::sequence(all.iter().flat_map(|from| all.iter().map(move |to| encode::sequence([encode::oid(from), encode::oid(to)]))));
    let root = Authority::new(KIND, "根");
    let levels: Vec<Authority> = (0..DEPTH).map(|level| Authority::new(KIND, &format!("CA {level}"))).collect();
    let (mut pool, mut issuer) = (Vec::new(), &root);
    for level in &levels {
        pool.push(issuer.issue(2, &level.name, &level.key, |ca| {
            ca.authority(None).key_usage(&ISSUES).policies(&all).extension(oid::POLICY_MAPPINGS, true, mappings())
        }));
        issuer = level;
    }
    let chain = Chain::new(KIND);
    let leaf = issuer.issue(3, &name("张三"), &chain.holder, |leaf| leaf.key_usage(&SIGNS).policies(&all[..1]));
    let anchors = [Anchor::from(root.root())];
    let mut question = PathInput::new(&leaf, &anchors, at("2026-06-15"));
    (question.intermediates, question.revocation) = (&pool, Revocation::Off);
    (question.policies.explicit, question.policies.acceptable) = (true, vec![all[5]]);
    let start = Instant::now();
    let result = validate(&question);
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    assert_eq!((result.outcome, &result.policies), (Outcome::Accepted, &vec![all[5]]), "{:?}", result.faults);
    question.policies.acceptable = vec![policy(999)];
    refused(&validate(&question), Outcome::Rejected, FaultKind::Policy, Some(0));
    // More policies than are processed: undecided, and said to be.
    let many: Vec<Oid> = (0..600).map(policy).collect();
    let leaf = issuer.issue(3, &name("张三"), &chain.holder, |leaf| leaf.key_usage(&SIGNS).policies(&many));
    question.leaf = &leaf;
    refused(&validate(&question), Outcome::Undecided, FaultKind::Limit, Some(0));
}

/// Ten thousand certificates of the issuer's name and key identifier, none of which signed.
#[test]
fn ten_thousand_candidates_are_given_up_at_the_bounds() {
    let mut chain = Chain::new(KIND);
    let impostor = Authority::new(KIND, "别人");
    let own = chain.intermediates[0].clone();
    // One signed certificate, its serial number changed in place: unsigned then, but a candidate by every name it bears.
    let id = encode::sequence([encode::tlv(0x80, chain.intermediates[0].subject_key_id().unwrap())]);
    let template =
        CertificateBuilder::new(&chain.root.name, own.subject(), impostor.key.public_key(), &[0x55; 8], at("2026-01-01"), at("2029-01-01"))
            .authority(None)
            .key_usage(&ISSUES)
            .extension(oid::SUBJECT_KEY_ID, false, encode::octet_string(chain.intermediates[0].subject_key_id().unwrap()))
            .extension(oid::AUTHORITY_KEY_ID, false, id)
            .sign(&impostor.key)
            .unwrap();
    let place = template.der().windows(8).position(|window| window == [0x55; 8]).unwrap();
    let candidate = |number: u64| {
        let mut der = template.der().to_vec();
        der[place..place + 8].copy_from_slice(&(number + 1).to_be_bytes());
        Certificate::from_der(&der).unwrap()
    };
    let mut pool: Vec<Certificate> = (0..10_000).map(candidate).collect();
    pool.push(own);
    chain.intermediates = pool;
    let start = Instant::now();
    let result = chain.judge();
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    // Whether the right one was among those tried depends on the order; what was not decided is never accepted, nor called false.
    refused(&result, Outcome::Undecided, FaultKind::Limit, None);
    // With the impostors' key identifier the right one is tried first.
    let named = |number: u64| {
        let mut der = template.der().to_vec();
        let id = chain.anchors[0].certificate.subject_key_id().unwrap();
        let own = template.subject_key_id().unwrap();
        der[place..place + 8].copy_from_slice(&(number + 1).to_be_bytes());
        let place = der.windows(20).position(|window| window == own).unwrap();
        der[place..place + 20].copy_from_slice(id);
        Certificate::from_der(&der).unwrap()
    };
    let right = chain.intermediates.pop().unwrap();
    chain.intermediates = (0..10_000).map(named).collect();
    chain.intermediates.push(right);
    assert_eq!(chain.judge().outcome, Outcome::Accepted, "{:?}", chain.judge().faults);
}

/// Names that lead in rings, each with several keys.
#[test]
fn rings_of_certificates_end() {
    let chain = Chain::new(KIND);
    let ring: Vec<Vec<Authority>> = (0..8).map(|at| (0..3).map(|_| Authority::new(KIND, &format!("环 {at}"))).collect()).collect();
    let mut pool = Vec::new();
    for (position, members) in ring.iter().enumerate() {
        for issuer in &ring[(position + 1) % ring.len()] {
            for member in members {
                pool.push(issuer.issue(2, &member.name, &member.key, |ca| ca.authority(None).key_usage(&ISSUES)));
            }
        }
    }
    // One way out, by a key that nobody else certifies: the names alone promise more than there is.
    let stranger = Authority::new(KIND, "环 7");
    pool.push(chain.root.issue(9, &stranger.name, &stranger.key, |ca| ca.authority(None).key_usage(&ISSUES)));
    let leaf = ring[0][0].issue(3, &name("张三"), &chain.holder, |leaf| leaf.key_usage(&SIGNS));
    let mut question = PathInput { leaf: &leaf, intermediates: &pool, ..chain.question() };
    question.revocation = Revocation::Off;
    let start = Instant::now();
    let result = validate(&question);
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    assert_eq!(result.outcome, Outcome::Undecided, "{:?}", result.reason);
}

/// Resident memory of this process in KiB (VmRSS), and its peak (VmHWM).
fn memory(field: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A list of a million entries, made without the builder, which would hold each as a value of its own.
#[test]
fn a_list_of_a_million_entries_is_read_in_bounded_memory() {
    const COUNT: u32 = 1_000_000;
    let chain = Chain::new(KIND);
    let mut entries = Vec::with_capacity(COUNT as usize * 26);
    for number in 0..COUNT {
        // Serial numbers out of order, as they come.
        let serial = [&[0x40][..], &number.wrapping_mul(2_654_435_761).to_be_bytes()].concat();
        entries.extend_from_slice(&encode::sequence([encode::tlv(0x02, &serial), encode::time(at("2026-05-01"))]));
    }
    let last = [&[0x40][..], &(COUNT - 1).wrapping_mul(2_654_435_761).to_be_bytes()].concat();
    let algorithm = chain.issuing.key.algorithm();
    let number = encode::sequence([encode::oid(&oid::CRL_NUMBER), encode::octet_string(&encode::small_integer(9))]);
    let tbs = encode::sequence([
        encode::small_integer(1),
        algorithm.identifier_der().to_vec(),
        chain.issuing.name.der().to_vec(),
        encode::time(at("2026-06-01")),
        encode::time(at("2026-07-01")),
        encode::tlv(0x30, &entries),
        encode::explicit(0, &encode::sequence([number])),
    ]);
    drop(entries);
    let signature = chain.issuing.key.sign(&tbs).unwrap();
    let der = encode::sequence([&tbs[..], algorithm.identifier_der(), &encode::bit_string(&signature)]);
    drop(tbs);
    let (before, start) = (memory("VmRSS"), Instant::now());
    let list = Crl::from_der(&der).unwrap();
    let took = start.elapsed();
    // The octets once more, and a table entry each.
    let grown = memory("VmRSS").saturating_sub(before);
    assert!(grown < 160 * 1024, "{grown} KiB for {} octets", der.len());
    assert!(took < PATIENCE * 2, "{took:?}");
    assert_eq!(list.len(), COUNT as usize);
    let crls = vec![chain.crls[0].clone(), list];
    let good = validate(&PathInput { crls: &crls, ..chain.question() });
    assert_eq!(good.outcome, Outcome::Accepted, "{:?}", good.faults);
    assert!(crls[1].find_serial(&last, &chain.issuing.name).is_some());
    let leaf =
        CertificateBuilder::new(&chain.issuing.name, &name("李四"), chain.holder.public_key(), &last, at("2026-01-01"), at("2028-01-01"))
            .authority_key_id(chain.issuing.key.public_key())
            .key_usage(&SIGNS)
            .sign(&chain.issuing.key)
            .unwrap();
    refused(&validate(&PathInput { leaf: &leaf, crls: &crls, ..chain.question() }), Outcome::Rejected, FaultKind::Revoked, Some(0));
}

fn point(url: &str) -> Vec<u8> {
    encode::explicit(0, &encode::tlv(0xa0, &encode::tlv(0x86, url.as_bytes())))
}

fn scope(fields: &[Vec<u8>]) -> Vec<u8> {
    encode::sequence(fields)
}

#[test]
fn partitioned_lists_speak_of_their_own_part() {
    const HERE: &str = "http://crl.example.cn/1.crl";
    let mut chain = Chain::new(KIND);
    let with = |chain: &Chain, scope: Vec<u8>, more: fn(CrlBuilder) -> CrlBuilder| {
        let list = chain.issuing.list(2).extension(oid::ISSUING_DISTRIBUTION_POINT, true, scope);
        let crls = [chain.crls[0].clone(), more(list).sign(&chain.issuing.key).unwrap()];
        validate(&PathInput { crls: &crls, ..chain.question() })
    };
    let plain: fn(CrlBuilder) -> CrlBuilder = |list| list;
    let revoking: fn(CrlBuilder) -> CrlBuilder = |list| list.revoked(&[3], at("2026-05-01"), Reason::KeyCompromise);
    // A part the certificate does not name says nothing of it, good or bad.
    for more in [plain, revoking] {
        refused(&with(&chain, scope(&[point(HERE)]), more), Outcome::Undecided, FaultKind::RevocationUnknown, Some(0));
    }
    chain.reissue(|leaf| leaf.key_usage(&SIGNS).crl_urls(&[HERE]));
    assert_eq!(with(&chain, scope(&[point(HERE)]), plain).outcome, Outcome::Accepted);
    refused(&with(&chain, scope(&[point(HERE)]), revoking), Outcome::Rejected, FaultKind::Revoked, Some(0));
    refused(
        &with(&chain, scope(&[point("http://crl.example.cn/2.crl")]), plain),
        Outcome::Undecided,
        FaultKind::RevocationUnknown,
        Some(0),
    );
    // For users, for authorities (an ARL), for attribute certificates.
    let flag = |tag: u8| encode::tlv(tag, &[0xff]);
    assert_eq!(with(&chain, scope(&[flag(0x81)]), plain).outcome, Outcome::Accepted);
    for tag in [0x82, 0x85] {
        refused(&with(&chain, scope(&[flag(tag)]), revoking), Outcome::Undecided, FaultKind::RevocationUnknown, Some(0));
    }
    let arl =
        |tag: u8| chain.root.list(2).extension(oid::ISSUING_DISTRIBUTION_POINT, true, scope(&[flag(tag)])).sign(&chain.root.key).unwrap();
    for (tag, outcome) in [(0x82, Outcome::Accepted), (0x81, Outcome::Undecided)] {
        let crls = [arl(tag), chain.crls[1].clone()];
        assert_eq!(validate(&PathInput { crls: &crls, ..chain.question() }).outcome, outcome, "{tag:x}");
    }
    // Some reasons alone leave the others open; together they cover all.
    let reasons = |bits: &[u8]| scope(&[encode::tlv(0x83, bits)]);
    refused(&with(&chain, reasons(&[6, 0x40]), plain), Outcome::Undecided, FaultKind::RevocationUnknown, Some(0));
    let list = |number: u64, bits: &[u8]| {
        chain.issuing.list(number).extension(oid::ISSUING_DISTRIBUTION_POINT, true, reasons(bits)).sign(&chain.issuing.key).unwrap()
    };
    let crls = [chain.crls[0].clone(), list(2, &[6, 0x40]), list(3, &[7, 0x3f, 0x80])];
    assert_eq!(validate(&PathInput { crls: &crls, ..chain.question() }).outcome, Outcome::Accepted);
}

#[test]
fn indirect_lists_are_believed_where_the_certificate_names_their_issuer() {
    let mut chain = Chain::new(KIND);
    let lister = Authority::new(KIND, "吊销服务");
    let directory = |name: &Name| encode::tlv(0xa4, name.der());
    let named = encode::sequence([encode::sequence([encode::tlv(0xa2, &directory(&lister.name))])]);
    let value = named.clone();
    chain.reissue(|leaf| leaf.key_usage(&SIGNS).extension(oid::CRL_DISTRIBUTION_POINTS, false, value));
    let lister_certificate = chain.root.issue(8, &lister.name, &lister.key, |ca| ca.authority(Some(0)).key_usage(&ISSUES));
    chain.intermediates.push(lister_certificate);
    let indirect = scope(&[encode::tlv(0x84, &[0xff])]);
    let list = |of: Option<&Name>| {
        let list = lister.list(1).extension(oid::ISSUING_DISTRIBUTION_POINT, true, indirect.clone());
        match of {
            Some(issuer) => list.revoked_of(&[3], at("2026-05-01"), Reason::KeyCompromise, issuer),
            None => list.revoked(&[3], at("2026-05-01"), Reason::KeyCompromise),
        }
    };
    let judged = |chain: &Chain, list: CrlBuilder| {
        let crls = [chain.crls[0].clone(), list.sign(&lister.key).unwrap()];
        validate(&PathInput { crls: &crls, ..chain.question() })
    };
    // The same serial number of another issuer is another certificate.
    let silent = judged(&chain, list(None));
    assert_eq!((silent.outcome, &silent.revocation[0].status), (Outcome::Accepted, &Status::Good), "{:?}", silent.faults);
    assert_eq!(judged(&chain, list(Some(&chain.root.name))).outcome, Outcome::Accepted);
    refused(&judged(&chain, list(Some(&chain.issuing.name))), Outcome::Rejected, FaultKind::Revoked, Some(0));
    // Not marked as indirect, or of an issuer that the certificate does not name: nothing is said.
    let direct = lister.list(1).revoked_of(&[3], at("2026-05-01"), Reason::KeyCompromise, &chain.issuing.name);
    refused(&judged(&chain, direct), Outcome::Undecided, FaultKind::RevocationUnknown, Some(0));
    chain.reissue(|leaf| leaf.key_usage(&SIGNS));
    refused(&judged(&chain, list(None)), Outcome::Undecided, FaultKind::RevocationUnknown, Some(0));
    // A stranger who calls himself the lister.
    let stranger = Authority { name: lister.name.clone(), key: Authority::new(KIND, "x").key };
    chain.reissue(|leaf| leaf.key_usage(&SIGNS).extension(oid::CRL_DISTRIBUTION_POINTS, false, named));
    let forged = stranger
        .list(1)
        .extension(oid::ISSUING_DISTRIBUTION_POINT, true, scope(&[encode::tlv(0x84, &[0xff])]))
        .sign(&stranger.key)
        .unwrap();
    let crls = [chain.crls[0].clone(), forged];
    refused(&validate(&PathInput { crls: &crls, ..chain.question() }), Outcome::Undecided, FaultKind::RevocationUnknown, Some(0));
}
