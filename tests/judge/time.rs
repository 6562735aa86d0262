//! Time: signatures that outlive their authorities, what proves that they existed, and what does not (EN 319 102-1 §5.6).

use crate::authority::{Authority, Holder, at};
use crate::verdicts::Case;
use xinyin::crypto::{Hash, KeyKind, Oid, Signer as _};
use xinyin::doc::{ReadOptions, read};
use xinyin::keys::SoftKey;
use xinyin::pki::build::{
    CertificateBuilder, CrlBuilder,
    additions::{Additions, add, archive, archive_attribute},
    cms, timestamp,
};
use xinyin::pki::extensions::{KeyUsage, oid};
use xinyin::pki::signed_data::{SignedData, oid as attributes};
use xinyin::pki::{Crl, Name, Reason, name::attribute};
use xinyin::verify::frozen::{Provenance, freeze, thaw};
use xinyin::verify::{Evidence, Indication, Options, Policy, Revocation, TrustAnchor, Verdict, judge};
use xinyin::world::SystemDice;

const CONTENT: &[u8] = "不动产权证书".as_bytes();
const SIGNED: &str = "2022-06-01T00:00:00Z";
const LOOKED_AT: &str = "2036-01-01T00:00:00Z";

fn issue(issuer: Option<&Holder>, serial: u8, common: &str, years: (&str, &str), purpose: Option<Oid>, authority: bool) -> Holder {
    let key = SoftKey::generate(KeyKind::P256, &SystemDice).unwrap();
    let subject = Name::build(&[(attribute::COMMON_NAME, common)]).unwrap();
    let above = issuer.map_or(&subject, |issuer| issuer.certificate.subject());
    let day = |year: &str| at(&format!("{year}-01-01T00:00:00Z"));
    let usage: &[u8] = if authority { &[KeyUsage::KEY_CERT_SIGN, KeyUsage::CRL_SIGN] } else { &[KeyUsage::DIGITAL_SIGNATURE] };
    let mut builder =
        CertificateBuilder::new(above, &subject, key.public_key(), &[serial], day(years.0), day(years.1)).key_usage(usage).subject_key_id();
    if authority {
        builder = builder.authority(None);
    }
    if let Some(purpose) = purpose {
        builder = builder.extended_key_usage(true, &[purpose]);
    }
    let certificate = builder.sign(issuer.map_or(&key, |issuer| &issuer.key)).unwrap();
    Holder { key, certificate }
}

/// A history: authorities that end one after another.
struct History {
    root: Holder,
    ca: Holder,
    signer: Holder,
    /// 2020 to 2024.
    first: Holder,
    /// 2022 to 2032, under the same authority as the third.
    ca2: Holder,
    second: Holder,
    /// 2030 to 2045.
    third: Holder,
}

fn list(issuer: &Holder, from: &str, to: &str, revoked: Option<(&Holder, &str, Reason)>) -> Crl {
    let mut builder = CrlBuilder::new(issuer.certificate.subject(), 1, at(from), at(to));
    if let Some((holder, when, reason)) = revoked {
        builder = builder.revoked(holder.certificate.serial(), at(when), reason);
    }
    builder.sign(&issuer.key).unwrap()
}

/// What of the evidence is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct With {
    stamp: bool,
    lists: bool,
    /// The archive time-stamp of 2022.
    early: bool,
    /// The one of 2031.
    late: bool,
    /// Today's lists of those who vouch for the third authority.
    today: bool,
}

impl With {
    const ALL: Self = Self { stamp: true, lists: true, early: true, late: true, today: true };

    fn of(bits: u8) -> Self {
        let bit = |at: u8| bits & (1 << at) != 0;
        Self { stamp: bit(0), lists: bit(1), early: bit(2), late: bit(3), today: bit(4) }
    }
}

impl History {
    fn new() -> Self {
        let root = issue(None, 1, "根", ("2020", "2060"), None, true);
        let ca = issue(Some(&root), 2, "签发机构", ("2020", "2028"), None, true);
        let ca2 = issue(Some(&root), 3, "时间机构", ("2020", "2050"), None, true);
        Self {
            signer: issue(Some(&ca), 0x11, "张伟", ("2021", "2024"), None, false),
            first: issue(Some(&ca), 0x12, "时间戳一", ("2020", "2024"), Some(oid::TIME_STAMPING), false),
            second: issue(Some(&ca2), 0x13, "时间戳二", ("2022", "2032"), Some(oid::TIME_STAMPING), false),
            third: issue(Some(&ca2), 0x14, "时间戳三", ("2030", "2045"), Some(oid::TIME_STAMPING), false),
            root,
            ca,
            ca2,
        }
    }

    fn token(&self, by: &Holder, data: &[u8], when: &str) -> Vec<u8> {
        let spec = timestamp::TokenSpec {
            hash: Hash::Sha256,
            digest: &Hash::Sha256.digest(data),
            policy: &Oid::new_unwrap("1.2.156.10197.6.9.1"),
            serial: &[0x2a],
            at: at(when),
            accuracy_millis: Some(500),
            nonce: None,
            dialect: cms::Dialect::Cms,
            embed: true,
        };
        let chain = [self.ca.certificate.der().to_vec(), self.ca2.certificate.der().to_vec()];
        timestamp::token(&spec, &by.key, by.certificate.der(), &chain).unwrap()
    }

    fn archived(&self, message: &[u8], by: &Holder, when: &str) -> Vec<u8> {
        let found = archive(message, 0, Hash::Sha256, &Hash::Sha256.digest(CONTENT)).unwrap();
        let token = self.token(by, &found.stamped, when);
        let unsigned = vec![(0, archive_attribute(&token, &found.index).unwrap())];
        add(message, &Additions { unsigned, ..Additions::default() }).unwrap()
    }

    fn listed(&self, message: &[u8], crls: &[Crl]) -> Vec<u8> {
        add(message, &Additions { crls: crls.iter().map(|crl| crl.der().to_vec()).collect(), ..Additions::default() }).unwrap()
    }

    fn file(&self, with: With) -> Vec<u8> {
        let algorithm = self.signer.key.algorithm();
        let chain = [self.ca.certificate.der().to_vec()];
        let spec = cms::SignedDataSpec {
            chain: &chain,
            signing_time: Some(at(SIGNED)),
            ..cms::SignedDataSpec::new(&algorithm, self.signer.certificate.der(), cms::Content::Attached(CONTENT))
        };
        let signed = cms::prepare(&spec).unwrap().sign(&self.signer.key).unwrap();
        let stamp = self.token(&self.first, signed.signature(), SIGNED);
        let mut message = signed.encode(with.stamp.then_some(&stamp));
        if with.lists {
            let (from, to) = ("2022-06-02T00:00:00Z", "2022-09-01T00:00:00Z");
            message = self.listed(&message, &[list(&self.ca, from, to, None), list(&self.root, from, to, None)]);
        }
        if with.early {
            message = self.archived(&message, &self.second, "2022-06-03T00:00:00Z");
        }
        if with.late {
            let (from, to) = ("2031-01-01T00:00:00Z", "2031-06-01T00:00:00Z");
            message = self.listed(&message, &[list(&self.ca2, from, to, None), list(&self.root, from, to, None)]);
            message = self.archived(&message, &self.third, "2031-02-01T00:00:00Z");
        }
        message
    }

    fn evidence(&self, with: With) -> Evidence {
        let (from, to) = ("2035-12-31T00:00:00Z", "2036-02-01T00:00:00Z");
        let today = [list(&self.ca2, from, to, None), list(&self.root, from, to, None)];
        Evidence {
            anchors: vec![TrustAnchor::for_all(self.root.certificate.clone())],
            crls: if with.today { today.to_vec() } else { Vec::new() },
            ..Evidence::default()
        }
    }

    fn judged(&self, with: With, more: &[Crl]) -> Verdict {
        let mut evidence = self.evidence(with);
        evidence.crls.extend(more.iter().cloned());
        judged(&self.file(with), &evidence, LOOKED_AT)
    }
}

fn judged(file: &[u8], evidence: &Evidence, when: &str) -> Verdict {
    let facts = read(&file.to_vec(), &ReadOptions::default()).unwrap();
    judge(&facts, evidence, &Policy::default(), &options(when))
}

fn options(when: &str) -> Options {
    Options { file: "a.p7m".into(), at: at(when), at_given: true, revocation: Revocation::Hard }
}

#[track_caller]
fn assert_is(verdict: &Verdict, indication: Indication, sub: Option<&str>) {
    let told: Vec<_> = verdict.defects.iter().map(|defect| (defect.id, &defect.what_en)).collect();
    let stamps: Vec<_> = verdict.timestamps.iter().map(|stamp| (stamp.kind, &stamp.sub_indication)).collect();
    assert_eq!((verdict.indication, verdict.sub_indication.as_deref()), (indication, sub), "{told:?} {stamps:?}");
}

#[test]
fn a_signature_outlives_its_authorities() {
    let history = History::new();
    let verdict = history.judged(With::ALL, &[]);
    assert_is(&verdict, Indication::Passed, None);
    let entry = &verdict.signatures[0];
    assert_eq!((entry.at_signing, entry.now, entry.level), ("valid", "expired", Some("B-LTA")));
    assert_eq!((entry.best_time.unwrap().to_string().as_str(), entry.best_time_source), (SIGNED, "signature-timestamp"));
    assert!(verdict.timestamps.iter().all(|stamp| stamp.indication == Indication::Passed), "{:#?}", verdict.timestamps);
    // Renewed too late: when the second authority ended, nothing covered its time-stamp.
    let unrenewed = history.judged(With { late: false, ..With::ALL }, &[]);
    assert_eq!(unrenewed.indication, Indication::Indeterminate);
    // The lists came after their authority had ended: whoever has its key could have made them.
    let message = history.file(With { lists: false, ..With::ALL });
    let (from, to) = ("2022-06-02T00:00:00Z", "2022-09-01T00:00:00Z");
    let late = history.listed(&message, &[list(&history.ca, from, to, None), list(&history.root, from, to, None)]);
    assert_eq!(judged(&late, &history.evidence(With::ALL), LOOKED_AT).indication, Indication::Indeterminate);
}

/// What speaks for a signature, taken away piece by piece, never makes it better; a revocation before the best time never passes.
#[test]
fn less_evidence_never_passes_more_and_a_revocation_counts() {
    let history = History::new();
    let passes: Vec<bool> = (0..32).map(|bits| history.judged(With::of(bits), &[]).indication == Indication::Passed).collect();
    assert!(passes[31]);
    for more in 0..32usize {
        for less in (0..32usize).filter(|less| less & more == *less) {
            assert!(!passes[less] || passes[more], "{:?} passes and {:?} does not", With::of(less as u8), With::of(more as u8));
        }
    }
    let revoked =
        |issuer, holder, when| list(issuer, "2022-07-01T00:00:00Z", "2022-08-01T00:00:00Z", Some((holder, when, Reason::Unspecified)));
    let before = revoked(&history.ca, &history.signer, "2022-05-01T00:00:00Z");
    for bits in 0..32 {
        assert_ne!(history.judged(With::of(bits), std::slice::from_ref(&before)).indication, Indication::Passed, "{:?}", With::of(bits));
    }
    assert_is(&history.judged(With::ALL, &[before]), Indication::Failed, Some("REVOKED"));
    let after = revoked(&history.ca, &history.signer, "2022-06-15T00:00:00Z");
    let verdict = history.judged(With::ALL, &[after]);
    assert_is(&verdict, Indication::Passed, None);
    assert_eq!((verdict.signatures[0].at_signing, verdict.signatures[0].now), ("valid", "revoked"));
    // The first time-stamp's key, and then the whole authority, were lost after the archive time-stamp.
    for (issuer, holder) in [(&history.ca, &history.first), (&history.root, &history.ca)] {
        let lost =
            list(issuer, "2023-07-01T00:00:00Z", "2023-08-01T00:00:00Z", Some((holder, "2023-06-01T00:00:00Z", Reason::KeyCompromise)));
        assert_is(&history.judged(With::ALL, std::slice::from_ref(&lost)), Indication::Passed, None);
        assert_ne!(history.judged(With { early: false, ..With::ALL }, &[lost]).indication, Indication::Passed);
    }
    // The authority was lost before it: what it is said to have issued until then is believed no more.
    let lost = list(
        &history.root,
        "2022-07-01T00:00:00Z",
        "2022-08-01T00:00:00Z",
        Some((&history.ca, "2022-05-01T00:00:00Z", Reason::CaCompromise)),
    );
    assert_is(&history.judged(With::ALL, &[lost]), Indication::Indeterminate, Some("REVOKED_CA_NO_POE"));
}

#[test]
fn an_archive_time_stamp_covers_what_its_index_names_and_nothing_else() {
    let history = History::new();
    let file = history.file(With::ALL);
    // Another list in the place of the one that was stamped.
    let other = history.file(With { lists: false, early: false, late: false, ..With::ALL });
    let data = SignedData::parse(&file).unwrap();
    let swapped =
        data.signers[0].unsigned.as_ref().unwrap().all(attributes::ARCHIVE_TIMESTAMP_V3).map(|found| (0, found.raw.to_vec())).collect();
    let swapped = add(&other, &Additions { unsigned: swapped, ..Additions::default() }).unwrap();
    let verdict = judged(&swapped, &history.evidence(With::ALL), LOOKED_AT);
    let stamps: Vec<_> = verdict.timestamps.iter().filter(|stamp| stamp.kind == "archive-timestamp").collect();
    assert!(stamps.len() == 2 && stamps.iter().all(|stamp| stamp.sub_indication.as_deref() == Some("HASH_FAILURE")), "{stamps:#?}");
    assert_eq!(verdict.indication, Indication::Indeterminate);
}

#[test]
fn kept_tokens_prove_and_claims_do_not() {
    let authority = Authority::new(KeyKind::P256);
    let history = History::new();
    let file = history.file(With { stamp: false, lists: false, early: false, late: false, today: false });
    // The signer's certificate has ended, its authority has not.
    let (then, now) = ("2022-06-10T00:00:00Z", "2025-06-01T00:00:00Z");
    let mut evidence = history.evidence(With { today: false, ..With::ALL });
    let current = |issuer| list(issuer, "2025-05-31T00:00:00Z", "2025-07-01T00:00:00Z", None);
    let old = |issuer| list(issuer, "2022-06-20T00:00:00Z", "2022-07-01T00:00:00Z", None);
    evidence.crls = vec![current(&history.ca), current(&history.root), current(&history.ca2), old(&history.ca), old(&history.root)];
    let bare = judged(&file, &evidence, now);
    assert!(bare.indication == Indication::Indeterminate && bare.sub_indication.as_deref().unwrap().starts_with("OUT_OF_BOUNDS"));
    // A token over the whole file, kept beside it.
    let token = history.token(&history.second, &file, then);
    let kept = Evidence { tokens: vec![token], ..evidence.clone() };
    let verdict = judged(&file, &kept, now);
    assert_is(&verdict, Indication::Passed, None);
    assert_eq!((verdict.signatures[0].best_time_source, verdict.signatures[0].at_signing), ("archive", "valid"));
    // One over something else, and one by somebody unknown.
    for token in [history.token(&history.second, b"another file", then), authority.token(Hash::Sha256, &file, cms::Dialect::Cms)] {
        assert_eq!(judged(&file, &Evidence { tokens: vec![token], ..evidence.clone() }, now).indication, Indication::Indeterminate);
    }
    // That it was seen then is believed of this installation's own store alone.
    let facts = read(&file, &ReadOptions::default()).unwrap();
    let seen = Evidence { first_seen: vec![(facts.signatures[0].signer.signature_value_sha256, at(then))], ..evidence.clone() };
    let octets = freeze(&seen, &Policy::default(), &options(now), &facts.sha256);
    for (provenance, expected) in [(Provenance::File, Indication::Indeterminate), (Provenance::OwnStore, Indication::Passed)] {
        let thawed = thaw(&octets, provenance).unwrap();
        assert!(thawed.evidence.anchors.is_empty() && thawed.same_anchors(&seen.anchors));
        let evidence = Evidence { anchors: seen.anchors.clone(), ..thawed.evidence };
        assert_eq!(judged(&file, &evidence, now).indication, expected, "{provenance:?}");
    }
    // Frozen and thawed, the evidence of a verdict gives the same octets.
    let octets = freeze(&kept, &Policy::default(), &options(now), &facts.sha256);
    let thawed = thaw(&octets, Provenance::File).unwrap();
    let again = judged(&file, &Evidence { anchors: kept.anchors.clone(), ..thawed.evidence }, now);
    assert_eq!(serde_json::to_vec(&again).unwrap(), serde_json::to_vec(&verdict).unwrap());
    for broken in [&b"{}"[..], b"[1]", b"{\"xinyin_evidence\":2}", &octets[..octets.len() / 2]] {
        assert!(thaw(broken, Provenance::File).is_err());
    }
}

fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let length = value.len();
    let mut bytes = vec![tag];
    match length {
        0..0x80 => bytes.push(length as u8),
        0x80..0x100 => bytes.extend([0x81, length as u8]),
        _ => bytes.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    [bytes, value.to_vec()].concat()
}

/// A SignerInfo over a signature value, without signed attributes (RFC 5652 §11.4).
fn counter(by: &Holder, over: &[u8]) -> Vec<u8> {
    let algorithm = by.key.algorithm();
    let spec = cms::SignedDataSpec::new(&algorithm, by.certificate.der(), cms::Content::Attached(b"x"));
    let template = cms::prepare(&spec).unwrap().sign(&by.key).unwrap().encode(None);
    let data = SignedData::parse(&template).unwrap();
    let info = &data.signers[0];
    let issuer = [by.certificate.issuer().der(), &tlv(2, by.certificate.serial())].concat();
    let parts =
        [&tlv(2, &[1])[..], &tlv(0x30, &issuer), info.digest_algorithm, info.signature_algorithm, &tlv(4, &by.key.sign(over).unwrap())];
    tlv(0x30, &parts.concat())
}

#[test]
fn counter_signatures_are_signatures_of_their_own() {
    let authority = Authority::new(KeyKind::P256);
    let case = Case::new(&authority);
    let file = case.file(&authority.signer);
    let value = SignedData::parse(&file).unwrap().signers[0].signature.to_vec();
    let with = |by: &Holder, over: &[u8]| {
        let unsigned = vec![(0, cms::attribute(&attributes::COUNTER_SIGNATURE, &counter(by, over)))];
        let certificates = vec![by.certificate.der().to_vec()];
        case.judge_bytes(&add(&file, &Additions { unsigned, certificates, ..Additions::default() }).unwrap())
    };
    let good = with(&authority.tsa, &value);
    assert_eq!(good.signatures.len(), 2);
    assert_eq!((good.signatures[0].indication, good.signatures[1].id.as_str()), (Indication::Passed, "signer-1/counter-1"));
    // A time-stamping certificate signs no documents.
    assert_eq!(good.sub_indication.as_deref(), Some("CHAIN_CONSTRAINTS_FAILURE"));
    assert_is(&with(&authority.signer, &value), Indication::Passed, None);
    assert_is(&with(&authority.signer, b"something else"), Indication::Failed, Some("SIG_CRYPTO_FAILURE"));
    assert_is(&with(&authority.revoked, &value), Indication::Indeterminate, Some("REVOKED_NO_POE"));
}

/// Where only newer lists than the certificate's end are at hand, waiting is no remedy, and none is offered.
#[test]
fn the_remedy_for_an_unknown_status_fits_its_cause() {
    let history = History::new();
    let file = history.file(With { stamp: false, lists: false, early: false, late: false, today: false });
    let now = "2025-06-01T00:00:00Z";
    let remedy = |crls: Vec<Crl>| {
        let anchors = vec![TrustAnchor::for_all(history.root.certificate.clone())];
        let verdict = judged(&file, &Evidence { anchors, crls, ..Evidence::default() }, now);
        assert_eq!(verdict.indication, Indication::Indeterminate);
        let defect = verdict.defects.iter().find(|defect| defect.id == "XY-2033").expect("an unknown status");
        (defect.fix, defect.fix_en)
    };
    let root = || list(&history.root, "2025-05-31T00:00:00Z", "2025-07-01T00:00:00Z", None);
    let newer = remedy(vec![root(), list(&history.ca, "2025-05-31T00:00:00Z", "2025-07-01T00:00:00Z", None)]);
    assert!(newer.0.contains("稍后重试没有用") && newer.1.contains("trying again does not help"), "{newer:?}");
    for crls in [vec![root()], vec![root(), list(&history.ca, "2022-06-02T00:00:00Z", "2022-09-01T00:00:00Z", None)]] {
        let other = remedy(crls);
        assert!(other.0.contains("稍后重试，") && other.1.starts_with("Try again later"), "{other:?}");
    }
}

#[test]
fn the_command_line_freezes_and_replays() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    crate::command::prepared(folder);
    let run = |arguments: &[&str]| crate::command::xinyin(folder, &[&["verify", "--format", "json", "--offline"], arguments].concat());
    let trust = ["--trust", "root.pem"];
    // The lab's time lies within the lists'; the verdict is asked for a given time.
    let asked = ["--crl", "crls.pem", "--at", crate::authority::NOW, "--evidence-out", "frozen.json", "good.p7m"];
    let first = run(&[&trust[..], &asked].concat());
    assert_eq!(crate::command::status(&first), 0, "{}", String::from_utf8_lossy(&first.stderr));
    let again = run(&[&trust[..], &["--evidence", "frozen.json", "--replay", "good.p7m"]].concat());
    assert_eq!(String::from_utf8(again.stdout).unwrap(), String::from_utf8(first.stdout).unwrap());
    // The anchors in the file are not trusted.
    let untrusting = run(&["--no-trust", "--evidence", "frozen.json", "--replay", "good.p7m"]);
    assert_eq!(crate::command::status(&untrusting), 2);
    assert!(String::from_utf8_lossy(&untrusting.stderr).contains("other trust anchors"));
    std::fs::write(folder.join("broken.json"), b"{").unwrap();
    assert_eq!(crate::command::status(&run(&[&trust[..], &["--evidence", "broken.json", "good.p7m"]].concat())), 3);
    assert_eq!(crate::command::status(&run(&[&trust[..], &["--evidence-out", "x.json", "good.p7m", "bad.p7m"]].concat())), 3);
}

/// Writes seeds of the fuzzing corpus anew: `cargo test --test judge time::seeds -- --ignored`. No test but a tool: it stands here for
/// the histories of the tests, and is left out of a run because it changes the kept files.
#[test]
#[ignore = "writes files"]
fn seeds() {
    let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        std::fs::create_dir_all(root.join(target)).unwrap();
        std::fs::write(root.join(target).join(name), bytes).unwrap();
    };
    let history = History::new();
    let file = history.file(With::ALL);
    write("archive", "renewed", &file);
    write("archive", "once", &history.file(With { late: false, ..With::ALL }));
    let mut evidence = history.evidence(With::ALL);
    evidence.certificates = vec![history.ca.certificate.clone()];
    evidence.tokens = vec![history.token(&history.second, &file, "2022-06-10T00:00:00Z")];
    evidence.first_seen = vec![([7; 32], at(SIGNED))];
    write("frozen", "kept", &freeze(&evidence, &Policy::default(), &options(LOOKED_AT), &[3; 32]));
    write("frozen", "empty", &freeze(&Evidence::default(), &Policy::default(), &options(LOOKED_AT), &[0; 32]));
}
