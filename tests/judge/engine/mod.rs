//! The judge's logic of time against EU DSS's own cases: diagnostic facts in, decision out (EN 319 102-1).

mod facts;
mod xml;

use facts::case;
use xinyin::verify::{Indication, Policy, Verdict, judge_chains};

fn judged(text: &str) -> Verdict {
    let case = case(text);
    judge_chains(&case.facts, &case, &Policy::default(), &case.options)
}

/// Path, expected indication and sub-indication of the cases that need nothing beside the file: the table is sure of them, and no
/// other policy or time is asked for.
fn cases(test: &str) -> Vec<(String, String, String, String)> {
    let Some(root) = crate::corpus(test) else { return Vec::new() };
    let table = std::fs::read_to_string(root.join("corpus.tsv")).unwrap();
    let mut lines = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let names = lines.next().unwrap();
    let column = |name: &str| names.iter().position(|own| *own == name).unwrap();
    let [family, sure, path, indication, sub, number, source] =
        ["family", "confidence", "pack_path", "expected_indication", "expected_sub", "id", "source"].map(column);
    let rows = lines.filter(|row| row[family] == "engine-en319102" && row[sure] == "high");
    // A test of another policy, or one that sets its own time, asks for more than the facts.
    let own = ["loadTLPolicy", "loadPolicyNoRevoc", "ValidationInPast"];
    let rows = rows.filter(|row| !own.iter().any(|word| row[source].contains(word)));
    rows.map(|row| (row[number].into(), std::fs::read_to_string(root.join(row[path])).unwrap(), row[indication].into(), row[sub].into()))
        .collect()
}

#[test]
fn decisions_agree_with_those_of_dss() {
    let cases = cases("decisions_agree_with_those_of_dss");
    let (mut agreeing, mut same_sub, mut misses) = (0, 0, Vec::new());
    for (number, text, indication, sub) in &cases {
        let got = judged(text);
        let wanted = match indication.as_str() {
            "TOTAL_PASSED" | "PASSED" => Indication::Passed,
            "TOTAL_FAILED" | "FAILED" => Indication::Failed,
            _ => Indication::Indeterminate,
        };
        assert!(wanted == Indication::Passed || got.indication != Indication::Passed, "falsely accepted: {number}");
        agreeing += usize::from(got.indication == wanted);
        let own = got.sub_indication.clone().unwrap_or_default();
        same_sub += usize::from(got.indication == wanted && own == *sub);
        if got.indication != wanted || own != *sub {
            let told: Vec<_> = got.defects.iter().map(|defect| (defect.id, defect.what_en.as_str())).collect();
            let stamps: Vec<_> = got.timestamps.iter().map(|stamp| (stamp.kind, &stamp.sub_indication)).collect();
            misses.push(format!("{number}: wanted {indication} {sub}, got {} {own}: {told:?} {stamps:?}", got.indication.name()));
        }
    }
    eprintln!("{agreeing} of {} agree, {same_sub} in the sub-indication too\n{misses:#?}", cases.len());
    assert!(agreeing * 100 >= cases.len() * 90, "{agreeing} of {}: {misses:#?}", cases.len());
}

/// Each of these facts, turned round wherever it stands, takes every pass away.
#[test]
fn turning_one_fact_turns_the_decision() {
    let mut passing = 0;
    for (number, text, ..) in cases("turning_one_fact_turns_the_decision") {
        if judged(&text).indication != Indication::Passed {
            continue;
        }
        passing += 1;
        let turned = |from: &str, to: &str| judged(&text.replace(from, to));
        for (from, to, sub) in [
            ("<SignatureIntact>true", "<SignatureIntact>false", "SIG_CRYPTO_FAILURE"),
            ("<DataIntact>true", "<DataIntact>false", "HASH_FAILURE"),
            ("<Trusted>true", "<Trusted>false", "NO_CERTIFICATE_CHAIN_FOUND"),
        ] {
            let got = turned(from, to);
            assert_ne!(got.indication, Indication::Passed, "{number} {from}");
            // Files of the first years do not record digests.
            assert!(got.sub_indication.as_deref() == Some(sub) || from.contains("Data"), "{number} {from}: {:?}", got.sub_indication);
        }
        let revoked = "<Status>REVOKED</Status><RevocationDate>2001-01-01T00:00:00Z</RevocationDate>";
        let got = turned("<Status>GOOD</Status>", revoked);
        if text.contains("<Status>GOOD</Status>") {
            assert_ne!(got.indication, Indication::Passed, "{number} revoked");
        }
    }
    if crate::corpus("turning_one_fact_turns_the_decision").is_some() {
        assert!(passing >= 12, "{passing}");
    }
}
