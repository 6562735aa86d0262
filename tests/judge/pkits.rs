//! NIST PKITS: every vector with its path, its CRLs and its policy inputs, at one moment inside the suite's validity.

use crate::corpus;
use serde_json::Value;
use std::path::Path;
use xinyin::{
    crypto::Oid,
    pki::{
        Certificate, Crl,
        path::{Anchor, Outcome, PathInput, PolicyInput, validate},
    },
};

/// The vectors file is the one whose rows say whether the path should validate.
fn vectors(folder: &Path) -> Vec<Value> {
    let files = std::fs::read_dir(folder.join("files/x509-pkits")).unwrap();
    let read = files.map(|file| serde_json::from_slice::<Value>(&std::fs::read(file.unwrap().path()).unwrap()).unwrap());
    let rows = read.filter_map(|value| value.as_array().cloned());
    rows.into_iter().find(|rows| rows.first().is_some_and(|row| row.get("ShouldValidate").is_some())).unwrap()
}

fn strings(row: &Value, field: &str) -> Vec<String> {
    row[field].as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_pkits_vector_is_judged_right() {
    let Some(corpus) = corpus("every_pkits_vector_is_judged_right") else { return };
    let mut wrong = Vec::new();
    let rows = vectors(&corpus);
    for row in &rows {
        let read = |name: &String| Certificate::from_der(&std::fs::read(corpus.join("pkits/certs").join(name)).unwrap()).unwrap();
        let path: Vec<Certificate> = strings(row, "CertPath").iter().map(read).collect();
        let crls: Vec<Crl> = strings(row, "CRLPath")
            .iter()
            .filter_map(|name| Crl::from_der(&std::fs::read(corpus.join("pkits/crls").join(name)).unwrap()).ok())
            .collect();
        let (anchor, rest) = path.split_first().unwrap();
        let (leaf, intermediates) = rest.split_last().unwrap();
        let anchors = [Anchor::from(anchor.clone())];
        let policies = strings(row, "InitialPolicySet");
        let mut question = PathInput::new(leaf, &anchors, "2022-05-01T00:00:00Z".parse().unwrap());
        question.intermediates = intermediates;
        question.crls = &crls;
        question.policies = PolicyInput {
            acceptable: policies
                .iter()
                .filter(|policy| *policy != "anyPolicy")
                .map(|policy| Oid::new(&policy.replace("NIST-test-policy-", "2.16.840.1.101.3.2.1.48.")).unwrap())
                .collect(),
            explicit: row["InitialExplicitPolicy"].as_bool().unwrap(),
            inhibit_mapping: row["InitialPolicyMappingInhibit"].as_bool().unwrap(),
            inhibit_any: row["InitialAnyPolicyInhibit"].as_bool().unwrap(),
        };
        let result = validate(&question);
        if (result.outcome == Outcome::Accepted) != row["ShouldValidate"].as_bool().unwrap() {
            wrong.push(format!("{}: {:?} {:?}", row["Name"], result.outcome, result.reason));
        }
    }
    assert!(rows.len() >= 249 && wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
