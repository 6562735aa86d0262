//! Policies move levels within bounds, anchors count in their time alone, and what the caller chose stands on the verdict.

use crate::authority::{Authority, NOW, at};
use crate::verdicts::Case;
use xinyin::crypto::{Hash, KeyKind, Signer as _};
use xinyin::doc::{ReadOptions, read};
use xinyin::moment::Moment;
use xinyin::pki::build::cms;
use xinyin::verify::{AnchorRow, Evidence, Options, Policy, Purpose, Revocation, RowKind, TrustAnchor, Verdict, judge};

const STAMPED: &str = "2026-03-10T01:59:00Z";

fn row(kind: RowKind, what: &str, from: Option<&str>, until: Option<&str>) -> AnchorRow {
    AnchorRow { kind, what: Some(what.into()), from: from.map(at), until: until.map(at) }
}

fn with_rows(case: &Case<'_>, rows: Vec<AnchorRow>) -> Verdict {
    let root = case.authority.root.certificate.clone();
    let anchors = vec![TrustAnchor { certificate: root, purposes: vec![Purpose::Person, Purpose::Timestamp], rows }];
    under(case, &Policy::default(), &Evidence { anchors, ..case.evidence() })
}

fn under(case: &Case<'_>, policy: &Policy, evidence: &Evidence) -> Verdict {
    let facts = read(&case.file(&case.authority.signer), &ReadOptions::default()).unwrap();
    judge(&facts, evidence, policy, &case.options())
}

fn outcome(verdict: &Verdict) -> (&'static str, Option<&str>) {
    (verdict.indication.name(), verdict.sub_indication.as_deref())
}

fn article<'v>(verdict: &'v Verdict, wanted: &str) -> &'v xinyin::verify::legal::Article {
    verdict.legal.signatures[0].articles.iter().find(|article| article.article == wanted).unwrap()
}

#[test]
fn a_withdrawn_anchor_is_refused_in_its_own_words_unless_the_signature_is_proven_to_be_older() {
    let authority = Authority::new(KeyKind::Sm2);
    let withdrawn = |since| vec![row(RowKind::Withdrawn, "", Some(since), None)];
    let unstamped = Case::new(&authority);
    let verdict = with_rows(&unstamped, withdrawn("2026-06-01T00:00:00Z"));
    assert_eq!(outcome(&verdict), ("INDETERMINATE", Some("NO_CERTIFICATE_CHAIN_FOUND_NO_POE")));
    let told: Vec<_> = verdict.defects.iter().map(|defect| (defect.id, defect.what.as_str())).collect();
    assert!(told.iter().any(|(id, what)| *id == "XY-2024" && what.contains("2026-06-01T00:00:00Z")), "{told:?}");
    assert_eq!(article(&verdict, "16").answer, "no");
    // To come: still trusted today.
    assert_eq!(outcome(&with_rows(&unstamped, withdrawn("2026-12-01T00:00:00Z"))), ("TOTAL-PASSED", None));
    assert_eq!(outcome(&with_rows(&unstamped, Vec::new())), ("TOTAL-PASSED", None));
}

/// Stamped, by an authority under another anchor, before the withdrawal: it passes. Stamped after it, or under the same anchor that nobody
/// trusts any more, it does not.
#[test]
fn what_is_stamped_before_an_anchor_is_withdrawn_stands() {
    let (authority, other) = (Authority::new(KeyKind::P256), Authority::new(KeyKind::P256));
    let algorithm = authority.signer.key.algorithm();
    let chain = [authority.issuing.certificate.der().to_vec()];
    let spec = cms::SignedDataSpec {
        chain: &chain,
        signing_time: Some(at(NOW)),
        ..cms::SignedDataSpec::new(&algorithm, authority.signer.certificate.der(), cms::Content::Attached(b"content"))
    };
    let judged = |by: &Authority, withdrawn: &str| {
        // The token says NOW.
        let signed = cms::prepare(&spec).unwrap().sign(&authority.signer.key).unwrap();
        let file = signed.encode(Some(&by.token(Hash::Sha256, signed.signature(), cms::Dialect::Cms)));
        let rows = vec![row(RowKind::Withdrawn, "", Some(withdrawn), None)];
        let evidence = Evidence {
            anchors: vec![
                TrustAnchor { rows, ..TrustAnchor::for_all(authority.root.certificate.clone()) },
                TrustAnchor::for_all(other.root.certificate.clone()),
            ],
            crls: [&authority, &other].into_iter().flat_map(|one| [one.crl.clone(), one.root_crl.clone()]).collect(),
            ..Evidence::default()
        };
        let options = Options { file: "a.p7m".into(), at: at("2026-11-25T00:00:00Z"), at_given: true, revocation: Revocation::Hard };
        judge(&read(&file, &ReadOptions::default()).unwrap(), &evidence, &Policy::default(), &options)
    };
    let stands = judged(&other, "2026-11-24T00:00:00Z");
    assert_eq!(outcome(&stands), ("TOTAL-PASSED", None), "{:#?}", stands.defects);
    assert_eq!(stands.signatures[0].best_time_source, "signature-timestamp");
    for (by, withdrawn, sub) in [
        (&other, "2026-11-23T00:00:00Z", "NO_CERTIFICATE_CHAIN_FOUND"),
        (&other, "2026-06-01T00:00:00Z", "NO_CERTIFICATE_CHAIN_FOUND"),
        (&authority, "2026-11-24T00:00:00Z", "NO_CERTIFICATE_CHAIN_FOUND_NO_POE"),
    ] {
        let found = judged(by, withdrawn);
        assert_eq!(outcome(&found), ("INDETERMINATE", Some(sub)), "{withdrawn}: {:#?}", found.defects);
    }
}

#[test]
fn purposes_hold_in_their_time() {
    let authority = Authority::new(KeyKind::P256);
    let case = Case::new(&authority);
    let person = |from, until| vec![row(RowKind::Purpose, "person", from, until)];
    assert_eq!(outcome(&with_rows(&case, person(Some("2020-01-01T00:00:00Z"), None))), ("TOTAL-PASSED", None));
    let ended = with_rows(&case, person(None, Some("2026-10-01T00:00:00Z")));
    assert_eq!(outcome(&ended), ("INDETERMINATE", Some("NO_CERTIFICATE_CHAIN_FOUND_NO_POE")));
    // A row of another purpose says nothing of this one.
    assert_eq!(outcome(&with_rows(&case, vec![row(RowKind::Purpose, "seal", None, Some("2020-01-01T00:00:00Z"))])), ("TOTAL-PASSED", None));
}

#[test]
fn article_16_is_answered_from_the_dated_rows_as_of_the_best_time() {
    let authority = Authority::new(KeyKind::P256);
    let licence = || vec![row(RowKind::Licence, "ECP35020301001", Some("2026-01-01T00:00:00Z"), Some("2026-07-01T00:00:00Z"))];
    let stamped = with_rows(&Case { stamped: Some(STAMPED), ..Case::new(&authority) }, licence());
    let answer = article(&stamped, "16");
    assert_eq!(answer.answer, "yes", "{}", answer.evidence_en);
    assert!(answer.evidence.contains("ECP35020301001") && answer.evidence.contains(STAMPED), "{}", answer.evidence);
    assert_eq!(stamped.signatures[0].anchor.as_ref().unwrap().rows, licence());
    // The signer's own claim lies in the licence's time, too; nothing proves it, and today the licence is over.
    let claimed = with_rows(&Case { claimed: Some(STAMPED), ..Case::new(&authority) }, licence());
    assert_eq!(article(&claimed, "16").answer, "no");
    let bare = with_rows(&Case { stamped: Some(STAMPED), ..Case::new(&authority) }, Vec::new());
    assert_eq!(article(&bare, "16").answer, "not-shown");
}

#[test]
fn a_portal_s_policy_may_demand_more_and_says_where_it_demands_less() {
    let authority = Authority::new(KeyKind::P256);
    let case = Case::new(&authority);
    let policy = |levels: &str| Policy::from_text(&format!("id = \"town\"\n[levels]\n{levels}")).unwrap();
    let verdict = |policy: &Policy| under(&case, policy, &case.evidence());
    // A rule that only informs by the table decides where a policy says so: it withholds, it never fails.
    for (rule, strict) in [("XY-2041", "TOTAL-PASSED"), ("XY-2025", "TOTAL-PASSED")] {
        assert_eq!(verdict(&Policy::default()).indication.name(), strict);
        let stricter = verdict(&policy(&format!("\"{rule}\" = \"fail\"")));
        assert_eq!(outcome(&stricter), ("INDETERMINATE", Some("SIG_CONSTRAINTS_FAILURE")), "{rule}");
        assert!(stricter.defects.iter().any(|defect| defect.id == rule && !defect.clause.is_empty() && !defect.fix.is_empty()));
        assert!(stricter.policy.relaxed.is_empty());
    }
    assert_eq!(outcome(&verdict(&Policy::named("archive").unwrap())), ("INDETERMINATE", Some("SIG_CONSTRAINTS_FAILURE")));
    let stamped = Case { stamped: Some(STAMPED), ..Case::new(&authority) };
    assert_eq!(outcome(&under(&stamped, &Policy::named("archive").unwrap(), &stamped.evidence())), ("TOTAL-PASSED", None));
    // Less: an unknown revocation status no longer withholds, and the verdict says that the policy asked for less.
    let unknown = Evidence { crls: Vec::new(), ..case.evidence() };
    assert_eq!(under(&case, &Policy::default(), &unknown).indication.name(), "INDETERMINATE");
    for level in ["warn", "inform", "ignore"] {
        let relaxed = under(&case, &policy(&format!("\"XY-2033\" = \"{level}\"")), &unknown);
        assert_eq!((relaxed.indication.name(), &relaxed.policy.relaxed[..]), ("TOTAL-PASSED", &["XY-2033"][..]));
        assert_eq!(relaxed.policy.choices, ["policy"]);
        // What is not known is not claimed, whatever the policy overlooks.
        assert_eq!(article(&relaxed, "8(3)").answer, "not-shown", "{level}");
    }
}

#[test]
fn choices_are_printed_and_the_policy_s_digest_is_the_same_every_time() {
    let authority = Authority::new(KeyKind::P256);
    let choices = |at_given, revocation, policy: &Policy| {
        let case = Case { at_given, revocation, ..Case::new(&authority) };
        under(&case, policy, &case.evidence()).policy.choices
    };
    let strict = Policy::default();
    assert!(choices(false, Revocation::Hard, &strict).is_empty());
    assert_eq!(choices(true, Revocation::Soft, &Policy::named("archive").unwrap()), ["policy", "at", "revocation"]);
    assert_eq!(Policy::named("strict").unwrap(), strict);
    assert!(strict.digest().starts_with("sm3:") && strict.digest().len() == 68 && strict.digest() == Policy::default().digest());
}

#[test]
fn every_defect_is_told_at_once() {
    let authority = Authority::new(KeyKind::P256);
    // Nobody trusted, no revocation data, and the content is another.
    let case = Case::new(&authority);
    let mut file = case.file(&authority.signer);
    let place = file.windows(9).position(|window| window == "同意。".as_bytes()).unwrap();
    file[place] ^= 1;
    let facts = read(&file, &ReadOptions::default()).unwrap();
    let options = Options { file: "a".into(), at: Moment::from_secs(1_795_000_000), at_given: false, revocation: Revocation::Hard };
    let verdict = judge(&facts, &Evidence::default(), &Policy::default(), &options);
    let told: Vec<_> = verdict.defects.iter().map(|defect| defect.id).collect();
    assert_eq!(told, ["XY-2013", "XY-2021"], "content and chain, both");
    assert!(verdict.defects.iter().all(|defect| [defect.clause, defect.fix, defect.fix_en].iter().all(|text| !text.is_empty())));
}
