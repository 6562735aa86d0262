//! The lab's certificates judged by `xinyin cert verify`: each condition gets its own right answer, and a lying authority none.

use crate::lab::LabProcess;
use crate::peers;
use serde_json::{Value, json};
use std::path::PathBuf;
use xinyin::net::Budget;

struct Judge<'a> {
    lab: &'a LabProcess,
    scratch: PathBuf,
}

impl Judge<'_> {
    async fn fetch(&self, path: &str, name: &str) -> PathBuf {
        let file = self.scratch.join(name);
        let body = self.lab.public().get(&self.lab.url(path), "*/*", Budget::default()).await.unwrap().body;
        std::fs::write(&file, body).unwrap();
        file
    }

    /// An OCSP answer for a certificate of `family`.
    async fn ocsp(&self, family: &str, name: &str) -> PathBuf {
        use xinyin::pki::build::ocsp;
        let (issuer, certificate) = (self.lab.read(family), self.lab.read(name));
        let id = ocsp::cert_id(xinyin::crypto::Hash::Sm3, issuer.subject(), issuer.public_key().unwrap(), certificate.serial());
        let (url, kind) = (self.lab.url(&format!("/ocsp/{family}")), "application/ocsp-request");
        let answer = self.lab.public().post(&url, kind, "*/*", ocsp::request(&[id], &[9; 16]), Budget::default()).await.unwrap();
        let file = self.scratch.join("answer.ors");
        std::fs::write(&file, answer.body).unwrap();
        file
    }

    /// Result and reason for `certs/NAME.pem` under the family's root.
    fn judge(&self, family: &str, name: &str, purpose: &str, revocation: &[&PathBuf]) -> (String, String) {
        let file = |name: &str| self.lab.certificate(name);
        let mut command = crate::running::xinyin();
        command.args(["cert", "verify", "--offline", "--format", "json", "--purpose", purpose]);
        command.arg("--trust").arg(file(&format!("{family}-root"))).arg("--cert").arg(file(family));
        for path in revocation {
            command.arg(if path.extension().is_some_and(|kind| kind == "crl") { "--crl" } else { "--ocsp" }).arg(path);
        }
        let output = peers::run(command.arg(file(name)), 20);
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{name}: {}", peers::said(&output)));
        (said["result"].as_str().unwrap_or_default().to_owned(), said["reason"].as_str().unwrap_or_default().to_owned())
    }
}

#[tokio::test]
async fn each_condition_gets_its_own_answer() {
    let folder = tempfile::tempdir().unwrap();
    let lab = LabProcess::start(&folder.path().join("lab"), &[]);
    let judge = Judge { lab: &lab, scratch: folder.path().to_owned() };
    for family in ["sm2", "p256", "rsa"] {
        let crl = judge.fetch(&format!("/crl/{family}.crl"), "issuing.crl").await;
        let root_crl = judge.fetch(&format!("/crl/{family}-root.crl"), "root.crl").await;
        let lists = [&crl, &root_crl];
        for holder in ["zhang-wei", "xinyin-sample"] {
            let name = |condition: &str| format!("{holder}-{family}{condition}");
            let mut reasons = Vec::new();
            for (condition, purpose, expected) in [
                ("", "sign", "accepted"),
                ("-revoked", "sign", "rejected"),
                ("-expired", "sign", "rejected"),
                ("-not-yet-valid", "sign", "rejected"),
                ("-encryption", "sign", "rejected"),
                ("", "timestamp", "rejected"),
            ] {
                let (result, reason) = judge.judge(family, &name(condition), purpose, &lists);
                assert_eq!(result, expected, "{} for {purpose}: {reason}", name(condition));
                reasons.push(reason);
            }
            // Revoked, expired, not yet valid, not for signing: four different reasons.
            let mut different = reasons[1..5].to_vec();
            different.sort();
            different.dedup();
            assert_eq!(different.len(), 4, "{reasons:?}");
            let (result, reason) = judge.judge(family, &name("-foreign"), "sign", &lists);
            assert_ne!(result, "accepted", "{reason}");
            // By OCSP instead of the list; without either nothing is decided.
            let answer = judge.ocsp(family, &name("")).await;
            assert_eq!(judge.judge(family, &name(""), "sign", &[&answer, &root_crl]).0, "accepted");
            let answer = judge.ocsp(family, &name("-revoked")).await;
            assert_eq!(judge.judge(family, &name("-revoked"), "sign", &[&answer, &root_crl]).0, "rejected");
            assert_eq!(judge.judge(family, &name(""), "sign", &[&root_crl]).0, "undecided");
        }
        assert_eq!(judge.judge(family, &format!("{family}-tsa"), "timestamp", &lists).0, "accepted");

        // An authority that lies is not believed, and its silence is not good news.
        for wrong in ["signature", "stale"] {
            lab.chaos(json!([{"endpoint": "crl", "wrong": wrong}, {"endpoint": "ocsp", "wrong": wrong}])).await;
            let bad = judge.fetch(&format!("/crl/{family}.crl"), "bad.crl").await;
            let answer = judge.ocsp(family, &format!("zhang-wei-{family}")).await;
            for material in [&bad, &answer] {
                let (result, reason) = judge.judge(family, &format!("zhang-wei-{family}"), "sign", &[material, &root_crl]);
                assert_ne!(result, "accepted", "{family} {wrong} {material:?}: {reason}");
            }
        }
        lab.chaos(json!([])).await;
    }
}

#[tokio::test]
async fn bouncy_castle_accepts_the_sm2_hierarchy() {
    let test = "bouncy_castle_accepts_the_sm2_hierarchy";
    let folder = tempfile::tempdir().unwrap();
    let lab = LabProcess::start(&folder.path().join("lab"), &[]);
    let judge = Judge { lab: &lab, scratch: folder.path().to_owned() };
    let file = |name: &str| lab.certificate(name).to_str().unwrap().to_owned();
    let text = |path: PathBuf| path.to_str().unwrap().to_owned();
    std::fs::write(folder.path().join("data"), "信印").unwrap();
    let digest = xinyin::crypto::Hash::Sm3.digest("信印".as_bytes());
    let query = xinyin::pki::build::timestamp::request(xinyin::crypto::Hash::Sm3, &digest, Some(&[3; 8]), None);
    let url = lab.url("/tsa/sm2");
    let reply = lab.public().post(&url, "application/timestamp-query", "*/*", query, Budget::default()).await.unwrap();
    std::fs::write(folder.path().join("reply.tsr"), reply.body).unwrap();
    let crl = text(judge.fetch("/crl/sm2.crl", "sm2.crl").await);
    let jobs: Vec<Vec<String>> = vec![
        vec!["certificate".into(), file("sm2-root"), file("sm2-root")],
        vec!["certificate".into(), file("sm2"), file("sm2-root")],
        vec!["certificate".into(), file("zhang-wei-sm2"), file("sm2")],
        vec!["certificate".into(), file("xinyin-sample-sm2-encryption"), file("sm2")],
        vec!["crl".into(), crl.clone(), file("sm2"), lab.read("zhang-wei-sm2").serial_hex()],
        vec!["crl".into(), crl, file("sm2"), lab.read("zhang-wei-sm2-revoked").serial_hex()],
        vec!["ocsp".into(), text(judge.ocsp("sm2", "zhang-wei-sm2").await), file("sm2")],
        vec!["timestamp".into(), text(folder.path().join("reply.tsr")), text(folder.path().join("data"))],
        // The other authority of the same name did not issue it.
        vec!["certificate".into(), file("zhang-wei-sm2-foreign"), file("sm2")],
    ];
    let Some(answers) = peers::bouncy_castle(test, folder.path(), &jobs) else { return };
    let (last, accepted) = answers.split_last().unwrap();
    for (job, answer) in jobs.iter().zip(accepted) {
        assert!(answer.yes && (job[0] == "timestamp" || answer.words.contains("1.2.156.10197.1.501")), "{job:?}: {answer:?}");
    }
    assert!(accepted[4].words.ends_with("good") && accepted[5].words.ends_with("revoked") && !last.yes, "{answers:?}");
    assert!(accepted[6].words.ends_with("good") && accepted[7].words.contains("1.2.156.10197.1.401"), "{answers:?}");
}
