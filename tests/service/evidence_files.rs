//! Evidence files on the command line, against the stand-in province: frozen and stamped while everybody lives, renewed by another
//! authority, and good ten years later when nobody can be asked any more.

use crate::lab::LabProcess;
use crate::peers;
use serde_json::{Value, json};
use std::path::Path;

const PDF: &[u8] = include_bytes!("../data/one-page.pdf");

fn run(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = crate::running::xinyin();
    command.args(arguments).current_dir(folder).env("XDG_DATA_HOME", folder.join("nothing"));
    let output = peers::run(&mut command, 60);
    (output.status.code().unwrap(), peers::said(&output))
}

fn line(said: &str) -> Value {
    let line = said.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{said}"));
    serde_json::from_str(line).unwrap()
}

/// So many years from now.
fn after(years: u64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    xinyin::moment::Moment::from_secs(i64::try_from(now.as_secs() + years * 365 * 86_400).unwrap()).to_string()
}

#[tokio::test]
async fn a_document_is_good_ten_years_on_with_its_evidence_and_nobody_to_ask() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let lab = LabProcess::start(&folder.join("lab"), &[]);
    std::fs::write(folder.join("in.pdf"), PDF).unwrap();
    let certificate = |name: &str| lab.certificate(name).display().to_string();
    let origin = lab.url("/").to_string();
    let origin = origin.trim_end_matches('/');
    for family in ["sm2", "p256"] {
        let holder = format!("zhang-wei-{family}");
        let key = lab.data.join(format!("keys/{holder}.pem")).display().to_string();
        let (own, issuing, root) = (certificate(&holder), certificate(family), certificate(&format!("{family}-root")));
        let (status, said) = run(folder, &["sign", "--key", &key, "--cert", &own, "--chain", &issuing, "in.pdf", "signed.pdf"]);
        assert_eq!(status, 0, "{said}");
        let verify = |more: &[&str]| {
            let (status, said) = run(folder, &[&["verify", "--format", "json", "--trust", &root, "signed.pdf"], more].concat());
            (status, line(&said))
        };
        let tsa = lab.url(&format!("/tsa/{family}")).to_string();
        lab.switch("/lab/clock", json!({})).await.unwrap();
        let (status, verdict) = verify(&["--allow", origin, "--evidence-out", "first.json", "--tsa", &tsa]);
        assert_eq!((status, verdict["indication"].as_str()), (0, Some("TOTAL-PASSED")), "{family} {verdict}");
        // A replay leaves out what was put over it afterwards: the same octets.
        let (_, again) = verify(&["--evidence", "first.json", "--replay"]);
        assert_eq!(again.to_string(), verdict.to_string());
        // Two years on the authority still lives, and its list of the day is fetched: renewed.
        let then = after(2);
        lab.switch("/lab/clock", json!({ "now": then })).await.unwrap();
        let renew = ["--at", &then, "--allow", origin, "--evidence", "first.json", "--evidence-out", "second.json", "--tsa", &tsa];
        let (status, verdict) = verify(&renew);
        assert_eq!((status, verdict["timestamps"].as_array().map(Vec::len)), (0, Some(1)), "{family} {verdict}");
        // Ten years on: the signer's certificate has ended, nobody is asked.
        let then = after(10);
        lab.switch("/lab/clock", json!({ "now": then })).await.unwrap();
        let vouching = certificate(&format!("{family}-tsa"));
        let later = ["--offline", "--at", &then, "--trust", &vouching];
        let (status, verdict) = verify(&[&later[..], &["--evidence", "second.json"]].concat());
        assert_eq!((status, verdict["indication"].as_str()), (0, Some("TOTAL-PASSED")), "{family} {verdict}");
        let signature = &verdict["signatures"][0];
        assert_eq!((signature["at_signing"].as_str(), signature["now"].as_str()), (Some("valid"), Some("expired")));
        assert_eq!(signature["best_time_source"], "archive");
        assert_eq!(verdict["timestamps"].as_array().map(Vec::len), Some(2));
        // Without the file, with the file of nobody, or for another document: undecided.
        assert_eq!(verify(&later).0, 2);
        assert_eq!(
            verify(&["--offline", "--at", &then, "--evidence", "second.json"]).0,
            2,
            "who knows whether the last authority was revoked?"
        );
        let (status, _) =
            run(folder, &[&["sign", "--key", &key, "--cert", &own, "in.pdf", "other.pdf"][..], &["--reason", "另一份"]].concat());
        assert_eq!(status, 0);
        let (status, said) = run(
            folder,
            &[&["verify", "--format", "json", "--trust", &root, "other.pdf", "--evidence", "second.json"][..], &later].concat(),
        );
        assert_eq!(status, 2, "{said}");
        // A file without a time-stamp proves nothing, whatever it says of itself.
        let mut frozen: Value = serde_json::from_slice(&std::fs::read(folder.join("second.json")).unwrap()).unwrap();
        frozen["records"] = json!([]);
        frozen["first_seen"] = json!([{ "sha256": frozen["document_sha256"], "at": "2026-11-01T00:00:00Z" }]);
        std::fs::write(folder.join("bare.json"), frozen.to_string()).unwrap();
        assert_eq!(verify(&[&later[..], &["--evidence", "bare.json"]].concat()).0, 2);
    }
    // No authority, no file: nothing half-written.
    let root = certificate("p256-root");
    let stranger = ["verify", "--trust", &root, "signed.pdf", "--evidence-out", "none.json", "--tsa", "http://127.0.0.1:9/tsa"];
    assert_eq!(run(folder, &stranger).0, 3);
    assert!(!folder.join("none.json").exists());
}
