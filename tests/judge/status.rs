//! What an unknown status of an authority does: it is undecided wherever a status could be known.

use crate::authority::{Authority, Holder, NOW, at};
use xinyin::crypto::{KeyKind, Signer as _};
use xinyin::doc::{ReadOptions, read};
use xinyin::keys::SoftKey;
use xinyin::pki::build::{CertificateBuilder, CrlBuilder, cms};
use xinyin::pki::{Certificate, Crl, Name, Reason, extensions::KeyUsage, name::attribute};
use xinyin::verify::{Evidence, Indication, Options, Policy, Revocation, TrustAnchor, Verdict, judge};
use xinyin::world::SystemDice;

const ISSUES: [u8; 2] = [KeyUsage::KEY_CERT_SIGN, KeyUsage::CRL_SIGN];
const START: &str = "2026-01-01T00:00:00Z";
const END: &str = "2036-01-01T00:00:00Z";

/// A certificate for a new key, issued by `issuer`.
fn issue(issuer: &Holder, serial: u8, common: &str, more: impl FnOnce(CertificateBuilder) -> CertificateBuilder) -> Holder {
    let key = SoftKey::generate(KeyKind::P256, &SystemDice).unwrap();
    let name = Name::build(&[(attribute::COMMON_NAME, common)]).unwrap();
    let builder = CertificateBuilder::new(issuer.certificate.subject(), &name, key.public_key(), &[serial], at(START), at(END))
        .subject_key_id()
        .authority_key_id(issuer.key.public_key());
    let certificate = more(builder).sign(&issuer.key).unwrap();
    Holder { key, certificate }
}

fn list(issuer: &Holder, from: &str, to: &str) -> CrlBuilder {
    CrlBuilder::new(issuer.certificate.subject(), 1, at(from), at(to))
}

/// A list that is current when the document is looked at.
fn current(issuer: &Holder) -> Crl {
    list(issuer, "2026-11-22T00:00:00Z", "2026-12-22T00:00:00Z").sign(&issuer.key).unwrap()
}

/// A message by `signer` with `chain` inside.
fn message(signer: &Holder, chain: &[&Holder]) -> Vec<u8> {
    let algorithm = signer.key.algorithm();
    let chain: Vec<Vec<u8>> = chain.iter().map(|holder| holder.certificate.der().to_vec()).collect();
    let spec = cms::SignedDataSpec {
        chain: &chain,
        signing_time: Some(at(NOW)),
        ..cms::SignedDataSpec::new(&algorithm, signer.certificate.der(), cms::Content::Attached(b"content"))
    };
    cms::prepare(&spec).unwrap().sign(&signer.key).unwrap().encode(None)
}

fn judged(message: Vec<u8>, root: &Certificate, crls: &[Crl], others: &[Certificate], revocation: Revocation) -> Verdict {
    let evidence = Evidence {
        anchors: vec![TrustAnchor::for_all(root.clone())],
        crls: crls.to_vec(),
        certificates: others.to_vec(),
        ..Evidence::default()
    };
    let options = Options { file: "signed.p7m".into(), at: at(NOW), at_given: false, revocation };
    judge(&read(&message, &ReadOptions::default()).unwrap(), &evidence, &Policy::default(), &options)
}

#[track_caller]
fn undecided(verdict: &Verdict) {
    assert_eq!((verdict.indication, verdict.sub_indication.as_deref()), (Indication::Indeterminate, Some("TRY_LATER")), "{verdict:?}");
}

#[track_caller]
fn passed(verdict: &Verdict, warned: bool) {
    assert_eq!(verdict.indication, Indication::Passed, "{verdict:?}");
    let known = verdict.signatures[0].checks.iter().find(|check| check.id == "XY-2033").unwrap();
    assert_eq!(known.status == "warn", warned, "{known:?}");
}

#[test]
fn an_authority_of_an_anchor_without_revocation_service_is_a_warning() {
    let a = Authority::new(KeyKind::P256);
    let file = message(&a.signer, &[&a.issuing]);
    let root = &a.root.certificate;
    let with = |crls: &[Crl], others: &[Certificate]| judged(file.clone(), root, crls, others, Revocation::Hard);
    passed(&with(std::slice::from_ref(&a.crl), &[]), true);
    passed(&with(&[a.crl.clone(), a.root_crl.clone()], &[]), false);
    // The signer's own status is demanded in any case.
    undecided(&with(&[], &[]));
    undecided(&with(std::slice::from_ref(&a.root_crl), &[]));
}

#[test]
fn any_sign_of_a_revocation_service_makes_the_status_undecided() {
    let a = Authority::new(KeyKind::P256);
    let file = message(&a.signer, &[&a.issuing]);
    let root = &a.root.certificate;
    // The anchor's list is old: it publishes, and the current one is missing.
    let old = list(&a.root, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z").sign(&a.root.key).unwrap();
    undecided(&judged(file.clone(), root, &[a.crl.clone(), old.clone()], &[], Revocation::Hard));
    passed(&judged(file.clone(), root, &[a.crl.clone(), old], &[], Revocation::Soft), true);
    // Another certificate of the anchor names a place.
    let sibling =
        issue(&a.root, 9, "另一机构", |ca| ca.authority(None).key_usage(&ISSUES).crl_urls(&["http://crl.example.cn/root.crl"]));
    undecided(&judged(file.clone(), root, std::slice::from_ref(&a.crl), &[sibling.certificate], Revocation::Hard));
    // What an old list revoked stays revoked.
    let revoking = list(&a.root, "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
    let revoking =
        revoking.revoked(a.issuing.certificate.serial(), at("2026-02-01T00:00:00Z"), Reason::CaCompromise).sign(&a.root.key).unwrap();
    let verdict = judged(file, root, &[a.crl.clone(), revoking], &[], Revocation::Hard);
    assert_eq!(verdict.sub_indication.as_deref(), Some("REVOKED_CA_NO_POE"));
}

#[test]
fn an_authority_that_names_a_place_or_stands_deeper_must_be_known() {
    let a = Authority::new(KeyKind::P256);
    let both = [KeyUsage::DIGITAL_SIGNATURE, KeyUsage::NON_REPUDIATION];
    let named = issue(&a.root, 5, "有地址", |ca| ca.authority(None).key_usage(&ISSUES).crl_urls(&["http://crl.example.cn/root.crl"]));
    let signer = issue(&named, 6, "张三", |leaf| leaf.key_usage(&both));
    let root = &a.root.certificate;
    let with = |file: Vec<u8>, crls: &[Crl]| judged(file, root, crls, &[], Revocation::Hard);
    undecided(&with(message(&signer, &[&named]), &[current(&named)]));
    passed(&with(message(&signer, &[&named]), &[current(&named), current(&a.root)]), false);

    let first = issue(&a.root, 7, "一级", |ca| ca.authority(None).key_usage(&ISSUES));
    let second = issue(&first, 8, "二级", |ca| ca.authority(Some(0)).key_usage(&ISSUES));
    let signer = issue(&second, 9, "张三", |leaf| leaf.key_usage(&both));
    let file = || message(&signer, &[&second, &first]);
    undecided(&with(file(), &[current(&second)]));
    passed(&with(file(), &[current(&second), current(&first)]), true);
    passed(&with(file(), &[current(&second), current(&first), current(&a.root)]), false);
}
