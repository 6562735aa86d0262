//! Verdicts by construction: every class of signer and time has its own right answer.

use crate::authority::{Authority, Holder, at};
use std::time::Duration;
use xinyin::crypto::{Hash, KeyKind, Oid, PublicKey, Scheme, SignatureAlgorithm, Signer as _};
use xinyin::doc::{ReadOptions, read};
use xinyin::keys::SoftKey;
use xinyin::pki::build::{CertificateBuilder, CrlBuilder, OcspBuilder, cms, ocsp, timestamp};
use xinyin::pki::extensions::{KeyUsage, oid};
use xinyin::pki::ocsp::{CertStatus, OcspRequest};
use xinyin::pki::{Certificate, Crl, Name, Reason, name::attribute};
use xinyin::verify::{Evidence, Indication, Options, Policy, Purpose, Revocation, TrustAnchor, Verdict, judge};
use xinyin::world::SystemDice;

/// When the documents here are looked at unless told otherwise.
pub const LOOKED_AT: &str = "2026-11-23T08:00:00Z";
const CONTENT: &[u8] = "申请表：同意。".as_bytes();
const BOTH: &[u8] = &[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::NON_REPUDIATION];

/// A signature in the making.
pub struct Case<'a> {
    pub authority: &'a Authority,
    pub dialect: cms::Dialect,
    pub claimed: Option<&'static str>,
    pub stamped: Option<&'static str>,
    pub content_stamped: Option<&'static str>,
    pub crl: Option<Crl>,
    pub at: &'static str,
    pub at_given: bool,
    pub revocation: Revocation,
}

impl<'a> Case<'a> {
    pub fn new(authority: &'a Authority) -> Self {
        Self {
            authority,
            dialect: cms::Dialect::Cms,
            claimed: Some("2026-03-10T01:59:00Z"),
            stamped: None,
            content_stamped: None,
            crl: Some(authority.crl.clone()),
            at: LOOKED_AT,
            at_given: false,
            revocation: Revocation::Hard,
        }
    }

    fn token(&self, data: &[u8], when: &str) -> Vec<u8> {
        let hash = Hash::Sha256;
        let spec = timestamp::TokenSpec {
            hash,
            digest: &hash.digest(data),
            policy: &Oid::new_unwrap("1.2.156.10197.6.9.1"),
            serial: &[0x2a],
            at: at(when),
            accuracy_millis: None,
            nonce: None,
            dialect: self.dialect,
            embed: true,
        };
        let chain = [self.authority.issuing.certificate.der().to_vec()];
        timestamp::token(&spec, &self.authority.tsa.key, self.authority.tsa.certificate.der(), &chain).unwrap()
    }

    /// The signed file.
    pub fn file(&self, signer: &Holder) -> Vec<u8> {
        let algorithm = signer.key.algorithm();
        let chain = [self.authority.issuing.certificate.der().to_vec()];
        let content_stamp = self.content_stamped.map(|when| self.token(CONTENT, when));
        let attributes: Vec<Vec<u8>> =
            content_stamp.iter().map(|token| cms::attribute(&xinyin::pki::signed_data::oid::CONTENT_TIMESTAMP, token)).collect();
        let spec = cms::SignedDataSpec {
            dialect: self.dialect,
            chain: &chain,
            signing_time: self.claimed.map(at),
            attributes,
            ..cms::SignedDataSpec::new(&algorithm, signer.certificate.der(), cms::Content::Attached(CONTENT))
        };
        let signed = cms::prepare(&spec).unwrap().sign(&signer.key).unwrap();
        let stamp = self.stamped.map(|when| self.token(signed.signature(), when));
        signed.encode(stamp.as_deref())
    }

    pub fn evidence(&self) -> Evidence {
        Evidence {
            anchors: vec![TrustAnchor::for_all(self.authority.root.certificate.clone())],
            crls: self.crl.iter().cloned().chain([self.authority.root_crl.clone()]).collect(),
            ..Evidence::default()
        }
    }

    pub fn options(&self) -> Options {
        Options { file: "a.p7m".into(), at: at(self.at), at_given: self.at_given, revocation: self.revocation }
    }

    pub fn judge_bytes(&self, bytes: &[u8]) -> Verdict {
        let facts = read(&bytes.to_vec(), &ReadOptions::default()).unwrap();
        judge(&facts, &self.evidence(), &Policy::default(), &self.options())
    }

    fn verdict(&self, signer: &Holder) -> Verdict {
        self.judge_bytes(&self.file(signer))
    }
}

#[track_caller]
fn assert_is(verdict: &Verdict, indication: Indication, sub: Option<&str>) {
    let told: Vec<_> = verdict.defects.iter().map(|defect| (defect.id, &defect.what_en)).collect();
    assert_eq!((verdict.indication, verdict.sub_indication.as_deref()), (indication, sub), "{told:?}");
}

fn passed(verdict: &Verdict) {
    assert_is(verdict, Indication::Passed, None);
}

fn key(kind: KeyKind) -> SoftKey {
    SoftKey::generate(kind, &SystemDice).unwrap()
}

/// Someone else for whom the issuing authority vouches.
struct Leaf<'a> {
    from: &'static str,
    to: &'static str,
    usage: &'a [u8],
    purposes: &'a [Oid],
    serial: u8,
    kind: KeyKind,
}

impl Default for Leaf<'_> {
    fn default() -> Self {
        Self { from: "2026-01-01T00:00:00Z", to: "2036-01-01T00:00:00Z", usage: BOTH, purposes: &[], serial: 0x40, kind: KeyKind::P256 }
    }
}

impl Leaf<'_> {
    fn issue(&self, authority: &Authority) -> Holder {
        let key = key(self.kind);
        let subject = Name::build(&[(attribute::COUNTRY, "CN"), (attribute::COMMON_NAME, "王芳")]).unwrap();
        let issuer = authority.issuing.certificate.subject();
        let mut builder = CertificateBuilder::new(issuer, &subject, key.public_key(), &[self.serial], at(self.from), at(self.to))
            .key_usage(self.usage)
            .authority_key_id(authority.issuing.key.public_key());
        if !self.purposes.is_empty() {
            builder = builder.extended_key_usage(false, self.purposes);
        }
        let certificate = builder.sign(&authority.issuing.key).unwrap();
        Holder { key, certificate }
    }
}

/// A list of the issuing authority that revokes `serial`.
fn list(authority: &Authority, issued: &str, serial: &[u8], when: &str, reason: Reason) -> Crl {
    CrlBuilder::new(authority.issuing.certificate.subject(), 7, at(issued), at(issued).plus(Duration::from_secs(86400 * 30)))
        .revoked(serial, at(when), reason)
        .sign(&authority.issuing.key)
        .unwrap()
}

#[test]
fn a_good_signature_passes_with_every_algorithm_and_dialect() {
    for (kind, dialect, format, algorithm) in [
        (KeyKind::Sm2, cms::Dialect::Cms, "cades", "sm2-with-sm3"),
        (KeyKind::Sm2, cms::Dialect::Gm, "gm-cms", "sm2-with-sm3"),
        (KeyKind::P256, cms::Dialect::Cms, "cades", "ecdsa-with-sha256"),
        (KeyKind::Rsa(2048), cms::Dialect::Cms, "cades", "rsa-pkcs1-with-sha256"),
    ] {
        let authority = Authority::new(kind);
        let verdict = Case { dialect, ..Case::new(&authority) }.verdict(&authority.signer);
        passed(&verdict);
        let signature = &verdict.signatures[0];
        assert_eq!((verdict.format.as_str(), signature.signature_algorithm.as_str()), (format, algorithm));
        assert_eq!((signature.at_signing, signature.now, signature.covers), ("valid", "valid", "whole-document"));
        assert_eq!((signature.best_time_source, signature.level), ("claimed", Some("B-B")));
        let signer = signature.signer.as_ref().unwrap();
        assert_eq!((signer.kind, signer.name.as_deref()), ("person", Some("张伟")));
        assert!(verdict.defects.is_empty());
    }
}

#[test]
fn revoked_signers() {
    let authority = Authority::new(KeyKind::P256);
    let signer = &authority.signer;
    let crl = |reason| Some(list(&authority, "2026-11-22T00:00:00Z", signer.certificate.serial(), "2026-03-10T02:00:00Z", reason));
    let case = || Case { crl: crl(Reason::Superseded), ..Case::new(&authority) };
    // S1: stamped a minute before the revocation.
    let before = Case { stamped: Some("2026-03-10T01:59:00Z"), ..case() }.verdict(signer);
    passed(&before);
    let entry = &before.signatures[0];
    assert_eq!(
        (entry.at_signing, entry.now, entry.best_time_source, entry.level),
        ("valid", "revoked", "signature-timestamp", Some("B-T"))
    );
    assert!(entry.checks.iter().any(|check| check.id == "XY-2032" && check.answer.contains("其后吊销")));
    // A minute after it.
    let after = Case { stamped: Some("2026-03-10T02:01:00Z"), ..case() }.verdict(signer);
    assert_is(&after, Indication::Failed, Some("REVOKED"));
    assert_eq!(after.signatures[0].at_signing, "revoked");
    // Only the signer says when.
    assert_is(&case().verdict(signer), Indication::Indeterminate, Some("REVOKED_NO_POE"));
    // A content time-stamp proves that it was signed later than the revocation.
    let content = Case { content_stamped: Some("2026-03-10T02:01:00Z"), claimed: None, ..case() }.verdict(signer);
    assert_is(&content, Indication::Failed, Some("REVOKED"));
    // The key was lost, and nobody says that it was lost before the proven time.
    passed(&Case { stamped: Some("2026-03-10T01:59:00Z"), crl: crl(Reason::KeyCompromise), ..case() }.verdict(signer));
}

#[test]
fn expired_signers() {
    let authority = Authority::new(KeyKind::P256);
    let signer = Leaf { to: "2026-06-01T00:00:00Z", ..Leaf::default() }.issue(&authority);
    // The list was issued while the certificate was still listed.
    let crl = CrlBuilder::new(authority.issuing.certificate.subject(), 3, at("2026-05-20T00:00:00Z"), at("2027-05-20T00:00:00Z"))
        .sign(&authority.issuing.key)
        .unwrap();
    let case = || Case { crl: Some(crl.clone()), ..Case::new(&authority) };
    let stamped = Case { stamped: Some("2026-03-10T01:59:00Z"), ..case() }.verdict(&signer);
    passed(&stamped);
    assert_eq!((stamped.signatures[0].at_signing, stamped.signatures[0].now), ("valid", "expired"));
    let bare = case().verdict(&signer);
    assert_eq!(bare.indication, Indication::Indeterminate);
    assert!(bare.sub_indication.as_deref().unwrap().starts_with("OUT_OF_BOUNDS"), "{:?}", bare.sub_indication);
    assert_eq!((bare.signatures[0].at_signing, bare.signatures[0].now), ("unknown", "expired"));
    // Stamped only after the expiry: it may have been signed before.
    let late = Case { stamped: Some("2026-06-02T00:00:00Z"), ..case() }.verdict(&signer);
    assert_eq!(late.indication, Indication::Indeterminate);
    // Proven to be made after it.
    let proven = Case { content_stamped: Some("2026-06-02T00:00:00Z"), claimed: None, ..case() }.verdict(&signer);
    assert_is(&proven, Indication::Failed, Some("EXPIRED"));
    // Looked at while it was valid.
    let then = Case { at: "2026-05-21T00:00:00Z", at_given: true, ..case() }.verdict(&signer);
    passed(&then);
}

#[test]
fn not_yet_valid_signers() {
    let authority = Authority::new(KeyKind::P256);
    let signer = Leaf { from: "2030-01-01T00:00:00Z", ..Leaf::default() }.issue(&authority);
    assert_is(&Case::new(&authority).verdict(&signer), Indication::Failed, Some("NOT_YET_VALID"));
    let stamped = Case { stamped: Some("2026-03-10T01:59:00Z"), at: "2031-01-01T00:00:00Z", ..Case::new(&authority) };
    assert_is(&Case { revocation: Revocation::Soft, ..stamped }.verdict(&signer), Indication::Failed, Some("NOT_YET_VALID"));
}

#[test]
fn certificates_for_other_uses_are_refused() {
    let authority = Authority::new(KeyKind::P256);
    for (usage, purposes) in [
        (&[KeyUsage::KEY_ENCIPHERMENT, KeyUsage::DATA_ENCIPHERMENT, KeyUsage::KEY_AGREEMENT][..], &[][..]),
        (BOTH, &[oid::SERVER_AUTH][..]),
        (BOTH, &[oid::SERVER_AUTH, oid::CLIENT_AUTH][..]),
        (BOTH, &[oid::TIME_STAMPING][..]),
    ] {
        let signer = Leaf { usage, purposes, ..Leaf::default() }.issue(&authority);
        let verdict = Case::new(&authority).verdict(&signer);
        assert_is(&verdict, Indication::Failed, Some("CHAIN_CONSTRAINTS_FAILURE"));
        assert!(verdict.defects.iter().any(|defect| defect.id == "XY-2023"));
    }
    for purposes in [&[oid::EMAIL_PROTECTION][..], &[oid::CLIENT_AUTH][..], &[oid::SERVER_AUTH, oid::EMAIL_PROTECTION][..]] {
        passed(&Case::new(&authority).verdict(&Leaf { purposes, ..Leaf::default() }.issue(&authority)));
    }
}

#[test]
fn a_certificate_that_is_itself_an_anchor_stands_outside_the_path_unless_its_key_is_escrowed() {
    for (kind, escrowed) in [(KeyKind::P256, false), (KeyKind::Sm2, true)] {
        let authority = Authority::new(kind);
        let signer = Leaf { usage: &[KeyUsage::KEY_ENCIPHERMENT], kind, ..Leaf::default() }.issue(&authority);
        let case = Case::new(&authority);
        let facts = read(&case.file(&signer), &ReadOptions::default()).unwrap();
        let trusting = |certificate: &Certificate| Evidence { anchors: vec![TrustAnchor::for_all(certificate.clone())], ..case.evidence() };
        let judged = |evidence: &Evidence| judge(&facts, evidence, &Policy::default(), &case.options());
        let verdict = judged(&trusting(&signer.certificate));
        let told = verdict.signatures[0].checks.iter().find(|check| check.id == "XY-2023").map(|check| check.status);
        if escrowed {
            assert_is(&verdict, Indication::Failed, Some("CHAIN_CONSTRAINTS_FAILURE"));
        } else {
            passed(&verdict);
            assert_eq!(told, Some("warn"));
        }
        // Where the authority above it is the anchor, its usage binds.
        assert_is(&judged(&trusting(&authority.root.certificate)), Indication::Failed, Some("CHAIN_CONSTRAINTS_FAILURE"));
    }
}

#[test]
fn a_foreign_authority_of_the_same_name_is_not_trusted() {
    let (ours, theirs) = (Authority::new(KeyKind::Sm2), Authority::new(KeyKind::Sm2));
    assert_eq!(ours.root.certificate.subject(), theirs.root.certificate.subject());
    let file = Case::new(&theirs).file(&theirs.signer);
    let verdict = Case::new(&ours).judge_bytes(&file);
    assert_is(&verdict, Indication::Indeterminate, Some("NO_CERTIFICATE_CHAIN_FOUND"));
    assert!(verdict.signatures[0].checks.iter().any(|check| check.id == "XY-2021" && check.answer.contains("不受信任")));
}

#[test]
fn an_unknown_status_is_undecided_unless_the_caller_is_soft() {
    let authority = Authority::new(KeyKind::P256);
    let case = || Case { crl: None, ..Case::new(&authority) };
    assert_is(&case().verdict(&authority.signer), Indication::Indeterminate, Some("TRY_LATER"));
    let soft = Case { revocation: Revocation::Soft, ..case() }.verdict(&authority.signer);
    passed(&soft);
    assert_eq!((soft.policy.revocation, soft.signatures[0].at_signing), ("soft", "unknown"));
    assert!(soft.signatures[0].checks.iter().any(|check| check.id == "XY-2033" && check.status == "warn"));
    // A list by somebody else of the same name says nothing; a stale one neither.
    let other = Authority::new(KeyKind::P256);
    assert_is(&Case { crl: Some(other.crl.clone()), ..case() }.verdict(&authority.signer), Indication::Indeterminate, Some("TRY_LATER"));
    let stale = list(&authority, "2026-02-01T00:00:00Z", &[0x7f], "2026-01-02T00:00:00Z", Reason::Superseded);
    assert_is(&Case { crl: Some(stale), ..case() }.verdict(&authority.signer), Indication::Indeterminate, Some("TRY_LATER"));
}

#[test]
fn an_ocsp_answer_is_as_good_as_a_list() {
    let authority = Authority::new(KeyKind::Sm2);
    let file = Case::new(&authority).file(&authority.signer);
    let facts = read(&file, &ReadOptions::default()).unwrap();
    let issuer = &authority.issuing.certificate;
    let id = ocsp::cert_id(Hash::Sm3, issuer.subject(), issuer.public_key().unwrap(), authority.signer.certificate.serial());
    let asked = OcspRequest::from_der(&ocsp::request(&[id], &[])).unwrap();
    let answer = |status| {
        OcspBuilder::new(at(LOOKED_AT))
            .answer(&asked.ids[0], status, at(LOOKED_AT), Some(at(LOOKED_AT).plus(Duration::from_secs(3600))))
            .certificate(&authority.responder.certificate)
            .sign(&authority.responder.key)
            .unwrap()
    };
    let case = Case { crl: None, ..Case::new(&authority) };
    let judged = |status| {
        let mut evidence = case.evidence();
        evidence.ocsps.push(answer(status));
        // The responder's own status comes from the authority's list.
        evidence.crls.push(authority.crl.clone());
        judge(&facts, &evidence, &Policy::default(), &case.options())
    };
    passed(&judged(CertStatus::Good));
    let revoked = CertStatus::Revoked { at: at("2026-05-01T00:00:00Z"), reason: Reason::Unspecified };
    assert_is(&judged(revoked), Indication::Indeterminate, Some("REVOKED_NO_POE"));
}

#[test]
fn anchors_serve_their_purposes_alone() {
    let authority = Authority::new(KeyKind::P256);
    let case = Case { stamped: Some("2026-03-10T01:59:00Z"), ..Case::new(&authority) };
    let facts = read(&case.file(&authority.signer), &ReadOptions::default()).unwrap();
    let with = |purposes: &[Purpose]| {
        let anchors = vec![TrustAnchor { certificate: authority.root.certificate.clone(), purposes: purposes.to_vec(), rows: Vec::new() }];
        judge(&facts, &Evidence { anchors, ..case.evidence() }, &Policy::default(), &case.options())
    };
    let both = with(&[Purpose::Person, Purpose::Timestamp]);
    passed(&both);
    assert_eq!(both.signatures[0].best_time_source, "signature-timestamp");
    // Without an anchor for time-stamps the token proves nothing; the signer is still good today.
    let person = with(&[Purpose::Person]);
    passed(&person);
    assert_eq!(
        (person.signatures[0].best_time_source, person.timestamps[0].sub_indication.as_deref()),
        ("claimed", Some("NO_CERTIFICATE_CHAIN_FOUND"))
    );
    assert_is(&with(&[Purpose::Device]), Indication::Indeterminate, Some("NO_CERTIFICATE_CHAIN_FOUND"));
}

/// A key of another time: RSA-1024 with SHA-1, which no door here would make.
struct OldKey {
    secret: rsa::RsaPrivateKey,
    public: PublicKey,
}

impl OldKey {
    fn new() -> Self {
        use rsa::pkcs8::{DecodePrivateKey as _, EncodePublicKey as _};
        let secret = rsa::RsaPrivateKey::from_pkcs8_pem(include_str!("../data/rsa-1024.pem")).unwrap();
        let spki = secret.to_public_key().to_public_key_der().unwrap();
        Self { public: PublicKey::from_spki(spki.as_bytes()).unwrap(), secret }
    }
}

impl xinyin::crypto::Signer for OldKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::new(Scheme::RsaPkcs1(Hash::Sha1))
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, xinyin::crypto::SignError> {
        Ok(self.secret.sign(rsa::Pkcs1v15Sign::new::<sha1::Sha1>(), &Hash::Sha1.digest(message)).unwrap())
    }
}

#[test]
fn old_algorithms_need_a_proof_of_existence() {
    let authority = Authority::new(KeyKind::Rsa(2048));
    let key = OldKey::new();
    let subject = Name::build(&[(attribute::COMMON_NAME, "旧密钥")]).unwrap();
    let (from, to) = (at("2005-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"));
    let certificate = CertificateBuilder::new(authority.issuing.certificate.subject(), &subject, key.public_key(), &[0x41], from, to)
        .key_usage(BOTH)
        .sign(&authority.issuing.key)
        .unwrap();
    let algorithm = key.algorithm();
    let chain = [authority.issuing.certificate.der().to_vec()];
    let judged = |claimed| {
        let spec = cms::SignedDataSpec {
            chain: &chain,
            signing_time: claimed,
            ..cms::SignedDataSpec::new(&algorithm, certificate.der(), cms::Content::Attached(CONTENT))
        };
        Case::new(&authority).judge_bytes(&cms::prepare(&spec).unwrap().sign(&key).unwrap().encode(None))
    };
    // It may have been made while the algorithms held; nothing proves it.
    let old = judged(Some(at("2006-05-01T00:00:00Z")));
    assert_is(&old, Indication::Indeterminate, Some("CRYPTO_CONSTRAINTS_FAILURE_NO_POE"));
    assert!(old.defects.iter().any(|defect| defect.what.contains("无存在证明")));
    // By the signer's own word it was made when they no longer did.
    assert_is(&judged(Some(at("2026-05-01T00:00:00Z"))), Indication::Indeterminate, Some("CRYPTO_CONSTRAINTS_FAILURE"));
}

#[test]
fn what_is_not_judged_is_named() {
    let authority = Authority::new(KeyKind::P256);
    let signer = &authority.signer;
    let algorithm = signer.key.algorithm();
    let spec = cms::SignedDataSpec::new(&algorithm, signer.certificate.der(), cms::Content::Attached(CONTENT));
    let signed = cms::prepare(&spec).unwrap().sign(&signer.key).unwrap();
    use xinyin::pki::signed_data::oid as attributes;
    let judged = |attribute| {
        let file = signed.encode_with(vec![cms::attribute(&attribute, &[5, 0])]);
        let case = Case { claimed: None, ..Case::new(&authority) };
        let mut evidence = case.evidence();
        evidence.certificates.push(authority.issuing.certificate.clone());
        judge(&read(&file, &ReadOptions::default()).unwrap(), &evidence, &Policy::default(), &case.options())
    };
    let record = judged(attributes::EVIDENCE_RECORD_INTERNAL);
    assert_is(&record, Indication::Indeterminate, Some("SIG_CONSTRAINTS_FAILURE"));
    assert!(record.defects.iter().any(|defect| defect.id == "XY-2063" && defect.what_en.contains("evidence records")));
    // What is no time-stamp proves nothing, and takes nothing away from the signature that it was put into.
    let archive = judged(attributes::ARCHIVE_TIMESTAMP_V3);
    passed(&archive);
    assert!(archive.signatures[0].checks.iter().any(|check| check.id == "XY-2042" && check.status == "warn"));
    // What stands there as a signature is judged as one.
    let counter = judged(attributes::COUNTER_SIGNATURE);
    assert_is(&counter, Indication::Failed, Some("FORMAT_FAILURE"));
    assert_eq!((counter.signatures[0].indication, counter.signatures[1].id.as_str()), (Indication::Passed, "signer-1/counter-1"));
}

#[test]
fn a_timestamp_file_is_judged_at_its_own_time() {
    let authority = Authority::new(KeyKind::Sm2);
    let token = authority.token(Hash::Sm3, CONTENT, cms::Dialect::Gm);
    let case = Case { at: "2027-06-01T00:00:00Z", ..Case::new(&authority) };
    let judged = |content: Option<&[u8]>, bytes: &[u8]| {
        let content = content.map(<[u8]>::to_vec);
        let options = ReadOptions { content: content.as_ref().map(|content| content as _), ..ReadOptions::default() };
        let facts = read(&bytes.to_vec(), &options).unwrap();
        judge(&facts, &case.evidence(), &Policy::default(), &case.options())
    };
    for bytes in [token.clone(), timestamp::granted(&token)] {
        let verdict = judged(Some(CONTENT), &bytes);
        passed(&verdict);
        assert_eq!((verdict.at, verdict.signatures.len(), verdict.timestamps.len()), (at(crate::authority::NOW), 0, 1));
        assert_is(&judged(Some(b"another file"), &bytes), Indication::Failed, Some("HASH_FAILURE"));
        let alone = judged(None, &bytes);
        passed(&alone);
        assert!(alone.timestamps[0].checks.iter().any(|check| check.id == "XY-2045" && check.status == "warn"));
    }
    let refused = timestamp::rejected(timestamp::Failure::BadAlgorithm, "no");
    assert_is(&judged(None, &refused), Indication::Failed, Some("FORMAT_FAILURE"));
}

#[test]
fn numbers_of_persons_are_masked_everywhere() {
    let authority = Authority::new(KeyKind::P256);
    let number = "350899199001010013";
    let key = key(KeyKind::P256);
    let subject = Name::build(&[(attribute::COMMON_NAME, &format!("041@0{number}@张三@00000001"))]).unwrap();
    let certificate = CertificateBuilder::new(
        authority.issuing.certificate.subject(),
        &subject,
        key.public_key(),
        &[0x42],
        at("2026-01-01T00:00:00Z"),
        at("2036-01-01T00:00:00Z"),
    )
    .key_usage(BOTH)
    .citizen_number(number)
    .sign(&authority.issuing.key)
    .unwrap();
    let verdict = Case::new(&authority).verdict(&Holder { key, certificate });
    passed(&verdict);
    let json = serde_json::to_string(&verdict).unwrap();
    let text = xinyin::verify::render_text(&verdict, false);
    assert!(!json.contains(number) && !text.contains(number), "{text}");
    assert_eq!(verdict.signatures[0].signer.as_ref().unwrap().id_masked.as_deref(), Some("3508**********0013"));
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let authority = Authority::new(KeyKind::Sm2);
    let case = Case { stamped: Some("2026-03-10T01:59:00Z"), ..Case::new(&authority) };
    let file = case.file(&authority.signer);
    let json = |verdict: &Verdict| serde_json::to_string(verdict).unwrap();
    let first = json(&case.judge_bytes(&file));
    for _ in 0..3 {
        assert_eq!(json(&case.judge_bytes(&file)), first);
    }
    // Field order is part of the contract.
    let places: Vec<usize> = [
        "\"file\"",
        "\"sha256\"",
        "\"format\"",
        "\"indication\"",
        "\"verdict\"",
        "\"policy\"",
        "\"at\"",
        "\"signatures\"",
        "\"timestamps\"",
        "\"legal\"",
        "\"defects\"",
    ]
    .iter()
    .map(|field| first.find(field).unwrap_or_else(|| panic!("{field} is missing")))
    .collect();
    assert!(places.is_sorted_by(|a, b| a < b) || places[7..].is_sorted(), "{places:?}");
}

#[test]
fn two_signers_the_worst_counts() {
    let authority = Authority::new(KeyKind::P256);
    let case = Case::new(&authority);
    let good = case.file(&authority.signer);
    let bad = case.file(&authority.revoked);
    let both = crate::cms::join(&good, &bad);
    let verdict = case.judge_bytes(&both);
    assert_eq!(verdict.signatures.len(), 2);
    assert_eq!(verdict.signatures[0].indication, Indication::Passed);
    assert_is(&verdict, Indication::Indeterminate, Some("REVOKED_NO_POE"));
}

/// A certificate in a pool never makes itself an anchor.
#[test]
fn nothing_in_the_document_is_trusted() {
    let authority = Authority::new(KeyKind::P256);
    let case = Case::new(&authority);
    let mut evidence = case.evidence();
    evidence.anchors.clear();
    evidence.certificates = vec![authority.root.certificate.clone(), authority.issuing.certificate.clone()];
    let facts = read(&case.file(&authority.signer), &ReadOptions::default()).unwrap();
    let verdict = judge(&facts, &evidence, &Policy::default(), &case.options());
    assert_is(&verdict, Indication::Indeterminate, Some("NO_CERTIFICATE_CHAIN_FOUND"));
}
