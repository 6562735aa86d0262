use super::super::{
    anchor::AnchorRow,
    policy::ROWS,
    verdict::{AnchorVerdict, Check, Indication},
};
use super::*;

/// The best signature there is: every rule met, with these exceptions.
fn signature(exceptions: &[(&'static str, &'static str)]) -> SignatureVerdict {
    let checks = ROWS.iter().filter(|row| row.id != "XY-2063").map(|row| Check {
        id: row.id,
        status: exceptions.iter().find(|(id, _)| *id == row.id).map_or("pass", |(_, status)| status),
        clause: row.clause,
        question: row.question.zh,
        answer: String::new(),
        remedy: None,
        question_en: row.question.en,
        answer_en: String::new(),
        remedy_en: None,
    });
    let rows = vec![AnchorRow {
        kind: RowKind::Licence,
        what: Some("ECP35020301001".into()),
        from: Some(Moment::from_secs(1_000)),
        until: Some(Moment::from_secs(2_000)),
    }];
    SignatureVerdict {
        id: "s".into(),
        kind: "signature",
        indication: Indication::Passed,
        sub_indication: None,
        level: Some("B-T"),
        signature_algorithm: String::new(),
        digest_algorithm: String::new(),
        signer: None,
        anchor: Some(AnchorVerdict { subject: String::new(), cert_sha256: String::new(), rows }),
        claimed_time: None,
        best_time: Some(Moment::from_secs(1_500)),
        best_time_source: "signature-timestamp",
        at_signing: "valid",
        now: "valid",
        covers: "whole-document",
        changes_after: "none",
        seal: None,
        package: None,
        checks: checks.collect(),
    }
}

fn answer(found: &SignatureVerdict, article: &str) -> &'static str {
    let articles = articles("pades", found, Moment::from_secs(3_000)).articles;
    articles.iter().find(|found| found.article == article).expect("the article is answered").answer
}

#[test]
fn what_is_not_shown_is_never_claimed() {
    let good = signature(&[]);
    let all: Vec<_> = articles("pades", &good, Moment::from_secs(3_000)).articles;
    let of = |answer| all.iter().filter(|article| article.answer == answer).map(|article| article.article).collect::<Vec<_>>();
    assert_eq!(of("yes"), ["5(1)", "5(2)", "6(2)", "8(2)", "8(3)", "9(3)", "13(1)", "13(3)", "13(4)", "16"]);
    // Sole control, the matter, sender and recipient cannot be seen in a file: not even for the best signature.
    assert_eq!(of("not-shown"), ["3", "6(3)", "8(1)", "10", "11", "13(2)", "14"]);
    for article in all.iter().filter(|article| article.answer != "not-shown") {
        assert!(!article.checks.is_empty(), "{} rests on nothing", article.article);
    }
}

#[test]
fn no_answer_is_yes_without_the_checks_it_names() {
    for article in articles("pades", &signature(&[]), Moment::from_secs(3_000)).articles {
        if article.answer != "yes" {
            continue;
        }
        // Article 16 rests on the recorded rows themselves, not on the rule that a policy may switch off.
        for check in article.checks.iter().filter(|check| **check != "XY-2025") {
            for status in ["fail", "unknown", "warn"] {
                assert_ne!(answer(&signature(&[(check, status)]), article.article), "yes", "{} without {check}", article.article);
            }
        }
    }
    let mut nothing = signature(&[]);
    nothing.checks.clear();
    nothing.anchor = None;
    assert!(articles("pades", &nothing, Moment::from_secs(3_000)).articles.iter().all(|article| article.answer == "not-shown"));
}

#[test]
fn definite_answers_are_no() {
    for (check, no) in [
        ("XY-2013", &["5(2)", "6(2)", "8(2)", "9(3)", "13(4)", "14"][..]),
        ("XY-2062", &["5(2)", "6(2)", "9(3)", "13(4)", "14"]),
        ("XY-2015", &["8(2)", "8(3)", "9(3)", "13(1)", "13(3)", "14"]),
        ("XY-2023", &["13(1)", "14"]),
        ("XY-2031", &["13(2)", "14"]),
        ("XY-2032", &["13(2)", "14"]),
        ("XY-2001", &["5(1)"]),
        ("XY-2024", &["16"]),
    ] {
        let found = signature(&[(check, "fail")]);
        let articles = articles("pades", &found, Moment::from_secs(3_000)).articles;
        let answered: Vec<_> = articles.iter().filter(|article| article.answer == "no").map(|article| article.article).collect();
        assert_eq!(answered, no, "{check}");
    }
}

#[test]
fn article_16_is_answered_as_of_the_best_time() {
    let with = |best: i64, source: &'static str| SignatureVerdict {
        best_time: Some(Moment::from_secs(best)),
        best_time_source: source,
        ..signature(&[])
    };
    assert_eq!(answer(&with(1_999, "signature-timestamp"), "16"), "yes");
    assert_eq!(answer(&with(2_000, "signature-timestamp"), "16"), "no");
    assert_eq!(answer(&with(999, "document-timestamp"), "16"), "no");
    // A claimed time proves nothing: the time of the verdict counts, when the licence had ended.
    assert_eq!(answer(&with(1_500, "claimed"), "16"), "no");
    let mut unrecorded = signature(&[]);
    unrecorded.anchor = unrecorded.anchor.map(|anchor| AnchorVerdict { rows: Vec::new(), ..anchor });
    assert_eq!(answer(&unrecorded, "16"), "not-shown");
}

#[test]
fn a_detached_signature_shows_no_content() {
    let articles = articles("cms", &signature(&[]), Moment::from_secs(3_000)).articles;
    assert_eq!(articles.iter().find(|article| article.article == "5(1)").map(|article| article.answer), Some("not-shown"));
}
