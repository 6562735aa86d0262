//! Evidence files: a sealed package outlives everybody who vouched for it, by time-stamps over what was frozen; whatever is changed
//! in such a file proves less, never more.

use crate::authority::{Holder, at};
use crate::ofd::{sealed, zip};
use std::sync::OnceLock;
use xinyin::crypto::{Hash, KeyKind, Oid, Signer as _};
use xinyin::doc::{ReadOptions, read};
use xinyin::keys::SoftKey;
use xinyin::pki::build::{CertificateBuilder, CrlBuilder, cms, timestamp};
use xinyin::pki::extensions::{KeyUsage, oid};
use xinyin::pki::{Crl, Name, Reason, name::attribute};
use xinyin::verify::frozen::{Frozen, Provenance, freeze_under, thaw};
use xinyin::verify::{Evidence, Indication, Options, Policy, Record, Revocation, Statement, TrustAnchor, Verdict, judge, members, proven};
use xinyin::world::SystemDice;

fn issue(issuer: Option<&Holder>, serial: u8, common: &str, years: (&str, &str), purpose: Option<Oid>, authority: bool) -> Holder {
    let key = SoftKey::generate(KeyKind::Sm2, &SystemDice).unwrap();
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

fn list(issuer: &Holder, from: &str, to: &str, revoked: Option<(&Holder, &str)>) -> Crl {
    let day = |day: &str| at(&format!("{day}T00:00:00Z"));
    let mut builder = CrlBuilder::new(issuer.certificate.subject(), 1, day(from), day(to));
    if let Some((holder, when)) = revoked {
        builder = builder.revoked(holder.certificate.serial(), day(when), Reason::Unspecified);
    }
    builder.sign(&issuer.key).unwrap()
}

struct History {
    root: Holder,
    /// 2020 to 2028: issued the seal maker's, the signer's and the first time-stamping authority's certificate.
    ca: Holder,
    /// 2020 to 2050.
    ca2: Holder,
    signer: Holder,
    first: Holder,
    second: Holder,
    third: Holder,
    /// Of nobody known.
    stranger: Holder,
    package: Vec<u8>,
}

const LATER: &str = "2032-06-15T00:00:00Z";

impl History {
    fn new() -> Self {
        let root = issue(None, 1, "root", ("2020", "2060"), None, true);
        let ca = issue(Some(&root), 2, "issuing", ("2020", "2028"), None, true);
        let ca2 = issue(Some(&root), 3, "times", ("2020", "2050"), None, true);
        let maker = issue(Some(&ca), 0x10, "maker", ("2021", "2024"), None, false);
        let signer = issue(Some(&ca), 0x11, "signer", ("2021", "2023"), None, false);
        let times = ["20220101000000Z", "20220601000000Z", "20240101000000Z"];
        let package = zip(&sealed((&maker.key, &maker.certificate), (&signer.key, &signer.certificate), &signer.certificate, times));
        let tsa = |above, serial, common, years| issue(Some(above), serial, common, years, Some(oid::TIME_STAMPING), false);
        Self {
            first: tsa(&ca, 0x12, "first", ("2020", "2024")),
            second: tsa(&ca2, 0x13, "second", ("2022", "2032")),
            third: tsa(&ca2, 0x14, "third", ("2030", "2045")),
            stranger: tsa(&issue(None, 9, "nobody", ("2020", "2060"), None, true), 0x15, "stranger", ("2020", "2060")),
            root,
            ca,
            ca2,
            signer,
            package,
        }
    }

    fn token(&self, by: &Holder, hash: Hash, imprint: &[u8], when: &str) -> Vec<u8> {
        let spec = timestamp::TokenSpec {
            hash,
            digest: imprint,
            policy: &Oid::new_unwrap("1.2.156.10197.6.9.1"),
            serial: &[0x2a],
            at: at(&format!("{when}T00:00:00Z")),
            accuracy_millis: Some(500),
            nonce: None,
            dialect: cms::Dialect::Cms,
            embed: true,
        };
        let chain = [self.ca.certificate.der().to_vec(), self.ca2.certificate.der().to_vec()];
        timestamp::token(&spec, &by.key, by.certificate.der(), &chain).unwrap()
    }

    fn anchors(&self) -> Vec<TrustAnchor> {
        vec![TrustAnchor::for_all(self.root.certificate.clone())]
    }

    /// The file is read, brought up to date, and stamped by `by`.
    fn renewed(&self, file: Option<&[u8]>, more: &[Crl], by: &Holder, hash: Hash, when: &str) -> Vec<u8> {
        let mut evidence = file.map_or_else(Evidence::default, |file| all(thaw(file, Provenance::File).unwrap()));
        if file.is_none() {
            evidence.certificates = vec![self.ca.certificate.clone()];
            let body = b"{\"status\":\"in-force\"}".to_vec();
            evidence.statements = vec![Statement { kind: "licence-status".into(), source: "http://licences.example.cn/".into(), body }];
        }
        evidence.crls.extend(more.iter().cloned());
        let members = members(&evidence, hash, hash.digest(&self.package));
        let token = self.token(by, hash, &Record::imprint(hash, &members), when);
        let record = Record { hash, members, token };
        let document = Hash::Sha256.digest(&self.package).try_into().unwrap();
        let added = Evidence { records: vec![record], ..Evidence::default() };
        freeze_under(&evidence, Some(&added), &Policy::default(), &options(&format!("{when}T00:00:00Z")), &document)
    }

    /// Frozen when it was accepted, renewed before each authority ends.
    fn file(&self, hash: Hash) -> Vec<u8> {
        let then = [list(&self.ca, "2022-06-05", "2022-07-01", None), list(&self.root, "2022-06-05", "2022-07-01", None)];
        let file = self.renewed(None, &then, &self.first, hash, "2022-06-10");
        let next = [list(&self.ca, "2023-11-05", "2023-12-10", None), list(&self.root, "2023-11-05", "2023-12-10", None)];
        let file = self.renewed(Some(&file), &next, &self.second, hash, "2023-11-10");
        let last = [list(&self.ca2, "2031-11-05", "2031-12-10", None), list(&self.root, "2031-11-05", "2031-12-10", None)];
        self.renewed(Some(&file), &last, &self.third, hash, "2031-11-10")
    }

    /// Lists of those who vouch for the last time-stamp, of the day on which it is looked at.
    fn today(&self) -> Vec<Crl> {
        vec![list(&self.ca2, "2032-06-10", "2032-07-10", None), list(&self.root, "2032-06-10", "2032-07-10", None)]
    }

    fn verdict(&self, evidence: Evidence) -> Verdict {
        let mut evidence = Evidence { anchors: self.anchors(), ..evidence };
        evidence.document = vec![(Hash::Sm3, Hash::Sm3.digest(&self.package))];
        evidence.crls.extend(self.today());
        judged(&self.package, &evidence)
    }

    fn with(&self, file: &[u8]) -> Verdict {
        self.verdict(all(thaw(file, Provenance::File).unwrap()))
    }
}

/// The evidence of a file, with what was put over it afterwards.
fn all(frozen: Frozen) -> Evidence {
    let mut evidence = frozen.evidence;
    evidence.extend(frozen.added);
    evidence
}

fn options(when: &str) -> Options {
    Options { file: "a.ofd".into(), at: at(when), at_given: true, revocation: Revocation::Hard }
}

fn judged(package: &[u8], evidence: &Evidence) -> Verdict {
    let facts = read(&package.to_vec(), &ReadOptions::default()).unwrap();
    judge(&facts, evidence, &Policy::default(), &options(LATER))
}

fn history() -> &'static (History, Vec<u8>) {
    static HISTORY: OnceLock<(History, Vec<u8>)> = OnceLock::new();
    HISTORY.get_or_init(|| {
        let history = History::new();
        let file = history.file(Hash::Sm3);
        (history, file)
    })
}

#[track_caller]
fn assert_passes(verdict: &Verdict) {
    let stamps: Vec<_> = verdict.timestamps.iter().map(|stamp| (stamp.time, &stamp.sub_indication)).collect();
    assert_eq!(verdict.indication, Indication::Passed, "{:?} {stamps:#?} {:#?}", verdict.sub_indication, verdict.defects);
}

#[test]
fn a_sealed_package_outlives_its_authorities_by_its_evidence() {
    let (history, file) = history();
    let verdict = history.with(file);
    assert_passes(&verdict);
    let seal = &verdict.signatures[0];
    assert_eq!((seal.at_signing, seal.now, seal.best_time_source), ("valid", "expired", "archive"));
    assert_eq!(seal.best_time.unwrap().to_string(), "2022-06-10T00:00:00Z");
    assert!(verdict.timestamps.len() == 3 && verdict.timestamps.iter().all(|stamp| stamp.indication == Indication::Passed));
    // With digests that every authority takes, too; and with the last authority itself trusted, nobody's list of today is needed.
    let other = history.file(Hash::Sha256);
    assert_passes(&history.with(&other));
    let mut evidence = all(thaw(&other, Provenance::File).unwrap());
    evidence.anchors = history.anchors();
    assert_eq!(judged(&history.package, &evidence).indication, Indication::Indeterminate, "who knows whether the last one was revoked?");
    evidence.anchors.push(TrustAnchor::for_all(history.third.certificate.clone()));
    assert_passes(&judged(&history.package, &evidence));
    // What a source said is proven to have been said then.
    let facts = read(&history.package, &ReadOptions::default()).unwrap();
    let said = |body: &[u8]| proven(&facts, &evidence, &Policy::default(), &options(LATER), body).map(|time| time.to_string());
    assert_eq!(said(b"{\"status\":\"in-force\"}").as_deref(), Some("2022-06-10T00:00:00.5Z"));
    assert_eq!(said(b"{\"status\":\"revoked\"}"), None);
    // Without the file, and with the file of another document: nothing.
    assert_eq!(history.verdict(Evidence::default()).indication, Indication::Indeterminate);
    let mut other = History::new();
    other.package.clone_from(&history.package);
    assert_ne!(history.with(&other.file(Hash::Sm3)).indication, Indication::Passed, "everybody in it is unknown");
}

#[test]
fn renewed_too_late_or_not_at_all_it_proves_nothing() {
    let (history, _) = history();
    let then = [list(&history.ca, "2022-06-05", "2022-07-01", None), list(&history.root, "2022-06-05", "2022-07-01", None)];
    let first = history.renewed(None, &then, &history.first, Hash::Sm3, "2022-06-10");
    assert_eq!(history.with(&first).indication, Indication::Indeterminate);
    // After the first authority's end.
    let last = [list(&history.ca2, "2031-11-05", "2031-12-10", None), list(&history.root, "2031-11-05", "2031-12-10", None)];
    let late = history.renewed(Some(&first), &last, &history.third, Hash::Sm3, "2031-11-10");
    assert_eq!(history.with(&late).indication, Indication::Indeterminate);
    // First frozen when the signer's certificate had ended.
    let late = history.renewed(None, &then, &history.second, Hash::Sm3, "2023-06-10");
    assert_eq!(history.with(&late).indication, Indication::Indeterminate);
    // A revocation before the time that is proven counts, one after it does not.
    let (_, file) = self::history();
    for (when, expected) in [("2022-05-01", Indication::Failed), ("2022-08-01", Indication::Passed)] {
        let mut evidence = all(thaw(file, Provenance::File).unwrap());
        evidence.crls.push(list(&history.ca, "2022-09-01", "2022-10-01", Some((&history.signer, when))));
        assert_eq!(history.verdict(evidence).indication, expected, "{when}");
    }
}

#[test]
fn no_change_of_a_file_proves_more() {
    let (history, file) = history();
    let honest = || all(thaw(file, Provenance::File).unwrap());
    let passes = |evidence: Evidence| history.verdict(evidence).indication == Indication::Passed;
    assert!(passes(honest()));
    // Members, tokens and records exchanged among one another.
    for (one, other) in [(0, 1), (1, 2), (0, 2)] {
        let mut evidence = honest();
        let (a, b) = (evidence.records[one].members.clone(), evidence.records[other].members.clone());
        (evidence.records[one].members, evidence.records[other].members) = (b, a);
        assert!(!passes(evidence), "members {one} {other}");
        let mut evidence = honest();
        let (a, b) = (evidence.records[one].token.clone(), evidence.records[other].token.clone());
        (evidence.records[one].token, evidence.records[other].token) = (b, a);
        assert!(!passes(evidence), "tokens {one} {other}");
    }
    // A token by somebody unknown over all of it at the right time, and one by the right authority over other octets.
    for (by, imprint) in [(&history.stranger, None), (&history.first, Some(Hash::Sm3.digest(b"other octets")))] {
        let mut evidence = honest();
        let record = &mut evidence.records[0];
        record.token = history.token(by, Hash::Sm3, &imprint.unwrap_or_else(|| Record::imprint(Hash::Sm3, &record.members)), "2022-06-10");
        evidence.records.truncate(1);
        assert!(!passes(evidence));
    }
    // A member more in the list of an old record: a list that clears the signer, made long after.
    let mut evidence = honest();
    evidence.crls.clear();
    let forged = list(&history.ca, "2022-06-06", "2022-07-01", None);
    evidence.records[0].members.push(Hash::Sm3.digest(forged.der()));
    evidence.crls.push(forged);
    assert!(!passes(evidence));
    // The list that cleared the signer in place of another of the same day.
    let mut evidence = honest();
    evidence.crls[0] = list(&history.ca, "2022-06-06", "2022-07-01", None);
    assert!(!passes(evidence), "it existed only after its authority had ended");
    // The document's digest may come only from who read it.
    let mut evidence = Evidence { anchors: history.anchors(), ..honest() };
    evidence.crls.extend(history.today());
    assert_ne!(judged(&history.package, &evidence).indication, Indication::Passed);
    let mut changed = history.package.clone();
    let place = changed.windows(6).position(|window| window == "批准".as_bytes()).unwrap();
    changed[place] ^= 1;
    evidence.document = vec![(Hash::Sm3, Hash::Sm3.digest(&changed))];
    assert_eq!(judged(&changed, &evidence).indication, Indication::Failed);
    // Cut off anywhere: no evidence at all.
    for end in (0..file.len()).step_by(file.len() / 40) {
        assert!(thaw(&file[..end], Provenance::File).is_err());
    }
    for (from, to) in [("\"digest\":\"sm3\"", "\"digest\":\"md5\""), ("\"digest\":\"sm3\"", "\"digest\":\"sha512\"")] {
        assert!(thaw(String::from_utf8(file.clone()).unwrap().replace(from, to).as_bytes(), Provenance::File).is_err());
    }
}

/// Octets of the tokens flipped, one at a time: what then still passes rests on the same time as before.
#[test]
fn no_flipped_octet_of_a_token_tells_another_time() {
    let (history, file) = history();
    let honest = all(thaw(file, Provenance::File).unwrap());
    let expected = history.verdict(honest.clone()).signatures[0].best_time;
    let mut refused = 0;
    for position in 0..honest.records.len() {
        let length = honest.records[position].token.len();
        for place in (0..length).step_by(length / 40) {
            let mut evidence = honest.clone();
            evidence.records[position].token[place] ^= 0x20;
            let verdict = history.verdict(evidence);
            refused += usize::from(verdict.indication != Indication::Passed);
            let time = verdict.signatures[0].best_time;
            let later = honest.records.len() > 1 && position == 0 && time > expected;
            assert!(verdict.indication != Indication::Passed || time == expected || later, "record {position}, octet {place}: {time:?}");
        }
        let mut evidence = honest.clone();
        evidence.records[position].members[1][5] ^= 1;
        assert_ne!(history.verdict(evidence).indication, Indication::Passed, "record {position}");
    }
    assert!(refused > 40, "{refused}");
}
