//! Messages and time-stamp tokens.

use super::{Fate, survive, tree};
use crate::authority::{Authority, Holder, NOW, at};
use xinyin::crypto::{Hash, KeyKind};
use xinyin::doc::{ReadOptions, read};
use xinyin::pki::build::cms::Dialect;
use xinyin::pki::signed_data::SignedData;
use xinyin::verify::{Evidence, Indication, Options, Policy, Revocation, TrustAnchor, Verdict, judge};

const CONTENT: &[u8] = "兹证明：申请属实。".as_bytes();

struct Bench {
    evidence: Evidence,
    policy: Policy,
}

impl Bench {
    fn new(authority: &Authority) -> Self {
        let evidence = Evidence {
            anchors: vec![TrustAnchor::for_all(authority.root.certificate.clone())],
            crls: vec![authority.crl.clone(), authority.root_crl.clone()],
            ..Evidence::default()
        };
        Self { evidence, policy: Policy::default() }
    }

    fn judge(&self, octets: &[u8], content: Option<&[u8]>) -> Verdict {
        let options = Options { file: "mutant".into(), at: at(NOW), at_given: true, revocation: Revocation::Hard };
        let content = content.map(<[u8]>::to_vec);
        let supplied = content.as_ref().map(|content| content as &dyn xinyin::doc::source::ByteSource);
        let facts = read(&octets.to_vec(), &ReadOptions { content: supplied, ..ReadOptions::default() }).unwrap();
        judge(&facts, &self.evidence, &self.policy, &options)
    }
}

/// Whom, when and how the verdict says.
fn said(verdict: &Verdict) -> Vec<String> {
    let one = |signature: &xinyin::verify::verdict::SignatureVerdict| {
        let signer = signature.signer.as_ref().map(|signer| signer.cert_sha256.clone());
        format!("{signer:?} {:?} {} {:?}", signature.claimed_time, signature.best_time_source, signature.signature_algorithm)
    };
    let mut said: Vec<String> = verdict.signatures.iter().map(one).collect();
    said.sort();
    said.dedup();
    said
}

/// The content inside, as any reader of the message would take it.
fn inside(octets: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(octets);
    assert!(!text.starts_with("-----"), "mutants are binary");
    SignedData::parse_file(octets).ok().and_then(|(data, _)| data.content.map(|content| content.to_vec()))
}

fn messages(kind: KeyKind, dialect: Dialect, detached: bool) {
    let authority = Authority::new(kind);
    let foreign = Authority::new(kind);
    let bench = Bench::new(&authority);
    let by = |authority: &Authority, holder: &Holder, content: &[u8]| authority.message(holder, dialect, content, detached);
    let original = by(&authority, &authority.signer, CONTENT);
    let donors = [
        by(&authority, &authority.signer, "另一份文件".as_bytes()),
        by(&authority, &authority.revoked, CONTENT),
        by(&authority, &authority.tsa, CONTENT),
        by(&foreign, &foreign.signer, CONTENT),
    ];
    let supplied = detached.then_some(CONTENT);
    let right = bench.judge(&original, supplied);
    assert_eq!(right.indication, Indication::Passed, "{right:?}");
    let expected = said(&right);
    let others: Vec<&[u8]> = donors.iter().map(Vec::as_slice).collect();
    let wrong = |octets: &[u8]| {
        let verdict = bench.judge(octets, supplied);
        if verdict.indication != Indication::Passed {
            return Fate::Refused;
        }
        // The whole other file, or all of its message: then it says what its own signer signed.
        let content = if detached { Some(CONTENT.to_vec()) } else { inside(octets) };
        let another = donors.iter().take(1).find(|donor| said(&verdict) == expected && content.is_some() && content == inside(donor));
        if said(&verdict) == expected && (content.as_deref() == Some(CONTENT) || another.is_some()) {
            Fate::Same
        } else {
            Fate::False(format!(
                "accepted: {:?}, {:?}",
                said(&verdict),
                content.map(|content| String::from_utf8_lossy(&content).into_owned())
            ))
        }
    };
    survive(&format!("CMS {kind}"), |seed| tree::mutant(&original, &others, seed), wrong);
}

#[test]
fn no_mutant_of_a_message_is_falsely_accepted() {
    messages(KeyKind::P256, Dialect::Cms, false);
}

#[test]
fn no_mutant_of_an_sm2_message_is_falsely_accepted() {
    messages(KeyKind::Sm2, Dialect::Gm, false);
}

#[test]
fn no_mutant_of_a_detached_message_is_falsely_accepted() {
    messages(KeyKind::P256, Dialect::Cms, true);
}

#[test]
fn no_mutant_of_a_timestamp_is_falsely_accepted() {
    let authority = Authority::new(KeyKind::P256);
    let foreign = Authority::new(KeyKind::P256);
    let bench = Bench::new(&authority);
    let token = |authority: &Authority, data: &[u8]| authority.token(Hash::Sha256, data, Dialect::Cms);
    let original = token(&authority, CONTENT);
    let message = authority.message(&authority.signer, Dialect::Cms, b"other", false);
    let donors = [token(&authority, b"other"), token(&foreign, CONTENT), message];
    let others: Vec<&[u8]> = donors.iter().map(Vec::as_slice).collect();
    assert_eq!(bench.judge(&original, Some(CONTENT)).indication, Indication::Passed);
    let info = inside(&original).unwrap();
    let wrong = |octets: &[u8]| {
        let verdict = bench.judge(octets, Some(CONTENT));
        if verdict.indication != Indication::Passed {
            return Fate::Refused;
        }
        // TSTInfo holds the time, the digest and the serial number.
        if inside(octets).as_deref() == Some(&info) && verdict.at == at(NOW) {
            Fate::Same
        } else {
            Fate::False(format!("accepted as of {}", verdict.at))
        }
    };
    survive("time-stamp", |seed| tree::mutant(&original, &others, seed), wrong);
}
