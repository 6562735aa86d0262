//! Receipts over verdicts: signed, time-stamped, checked offline by this program and by others, for one agency alone.

use crate::peers;
use crate::running::{Demo, xinyin};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn curl(arguments: &[&str]) -> Output {
    peers::run(Command::new("curl").args(["-sS", "--noproxy", "*"]).args(arguments), 60)
}

struct Desk {
    demo: Demo,
    folder: PathBuf,
}

impl Desk {
    fn credentials(&self, which: &str) -> String {
        std::fs::read_to_string(self.demo.text(which)).unwrap()
    }

    /// Posts a document; its receipt id and the verdict's octets.
    fn post(&self, file: &str, more: &[&str]) -> (String, Vec<u8>) {
        let headers = self.folder.join("headers.txt");
        let (api, form) = (self.demo.text("/api"), format!("file=@{}/{file}", self.demo.text("/documents")));
        let pair = self.credentials("/portal_credentials");
        let mut arguments = vec!["-u", &pair, "-D", headers.to_str().unwrap(), "-F", &form];
        arguments.extend(more);
        arguments.push(&api);
        let body = curl(&arguments).stdout;
        let headers = std::fs::read_to_string(&headers).unwrap().to_lowercase();
        let id = headers.lines().find_map(|line| line.strip_prefix("xinyin-receipt: ")).unwrap().trim().to_owned();
        (id, body)
    }

    /// Gets an address of the API; status and body.
    fn get(&self, which: &str, path: &str) -> (String, Vec<u8>) {
        let file = self.folder.join("answer");
        let pair = self.credentials(which);
        let output = curl(&["-u", &pair, "-o", file.to_str().unwrap(), "-w", "%{http_code}", &self.demo.url(path)]);
        (String::from_utf8(output.stdout).unwrap(), std::fs::read(&file).unwrap())
    }

    fn verify(&self, trust: &[&Path], more: &[&str], file: &Path) -> (i32, Value) {
        let mut command = xinyin();
        command.args(["receipt", "verify", "--format", "json"]).args(more);
        for path in trust {
            command.arg("--trust").arg(path);
        }
        let output = peers::run(command.arg(file).env("XDG_DATA_HOME", &self.folder), 60);
        let told = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (output.status.code().unwrap(), told)
    }
}

/// The parts that do not pass.
fn amiss(told: &Value) -> Vec<&str> {
    let parts = told["parts"].as_array().unwrap();
    parts.iter().filter(|part| part["status"] != "pass").map(|part| part["part"].as_str().unwrap()).collect()
}

#[test]
fn a_receipt_is_checked_offline_by_us_and_by_others() {
    let test = "a_receipt_is_checked_offline_by_us_and_by_others";
    let (Some(openssl), Some(python)) = (peers::program(test, "openssl"), peers::python(test)) else { return };
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk { demo: Demo::start(&folder.path().join("demo")), folder: folder.path().to_owned() };
    let (id, verdict) = desk.post("good.pdf", &[]);
    let path = format!("/api/v1/receipts/{id}");

    // Made once, also when many ask at the same time; for this agency alone.
    let pair = desk.credentials("/portal_credentials");
    let address = desk.demo.url(&path);
    let many: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| curl(&["-u", &pair, &address]).stdout)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(many[0].starts_with(&[0x30]) && many.iter().all(|one| *one == many[0]), "{}", String::from_utf8_lossy(&many[0]));
    assert_eq!(desk.get("/portal_credentials", &path), ("200".into(), many[0].clone()));
    assert_eq!(desk.get("/other_portal_credentials", &path).0, "404");
    assert_eq!(desk.get("/portal_credentials", &format!("/api/v1/receipts/{}", "0".repeat(32))).0, "404");
    // A verdict at a time that the caller chose, or under a policy of his choice, has none.
    for choice in ["at=2026-01-01T00:00:00Z", "policy=archive"] {
        let (id, _) = desk.post("good.pdf", &["-F", choice]);
        let (status, body) = desk.get("/portal_credentials", &format!("/api/v1/receipts/{id}"));
        assert!(status == "409" && String::from_utf8_lossy(&body).contains("XY-4011"), "{choice}: {status}");
    }

    let file = folder.path().join("receipt.p7m");
    std::fs::write(&file, &many[0]).unwrap();
    let service = folder.path().join("service.pem");
    std::fs::write(&service, desk.get("/portal_credentials", "/api/v1/receipts/certificate").1).unwrap();
    let anchors = PathBuf::from(desk.demo.text("/anchors"));
    let document = format!("{}/good.pdf", desk.demo.text("/documents"));
    let (status, told) = desk.verify(&[&service, &anchors], &["--document", &document], &file);
    assert_eq!((status, amiss(&told)), (0, vec![]), "{told}");
    assert_eq!((told["id"].as_str(), told["indication"].as_str()), (Some(id.as_str()), Some("TOTAL-PASSED")));

    // OpenSSL finds the signature good and hands out the very report that was given.
    let content = folder.path().join("content.json");
    let mut command = Command::new(&openssl);
    command.args(["cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any", "-in"]).arg(&file);
    let output = peers::run(command.arg("-CAfile").arg(&service).arg("-out").arg(&content), 60);
    assert_eq!(output.status.code(), Some(0), "{}", peers::said(&output));
    let statement: Value = serde_json::from_slice(&std::fs::read(&content).unwrap()).unwrap();
    assert_eq!(statement["report"].as_str().unwrap().as_bytes(), verdict);
    // And the time-stamp, over the signature value.
    let script = peers::root().join("tests/peers/receipt.py");
    let output = peers::run(Command::new(&python).arg(script).arg(&file).arg(folder.path()), 60);
    assert_eq!(output.status.code(), Some(0), "{}", peers::said(&output));
    let roots = folder.path().join("roots.pem");
    let all: Vec<u8> = std::fs::read_dir(&anchors).unwrap().flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect();
    std::fs::write(&roots, all).unwrap();
    let mut command = Command::new(&openssl);
    command
        .args(["ts", "-verify", "-token_in", "-in"])
        .arg(folder.path().join("token.der"))
        .arg("-data")
        .arg(folder.path().join("value.bin"));
    let output = peers::run(command.arg("-CAfile").arg(&roots), 60);
    assert!(output.status.success() && peers::said(&output).contains("Verification: OK"), "{}", peers::said(&output));

    // Another key: the old receipt holds under the retired certificate, which the service keeps giving; the new one under the new.
    let rotated = peers::run(xinyin().args(["keys", "rotate", "--format", "json", "--config", &desk.demo.text("/config")]), 60);
    let keys: Value = serde_json::from_slice(&rotated.stdout).unwrap_or_else(|_| panic!("{}", peers::said(&rotated)));
    let keys = keys["receipt_keys"].as_array().unwrap();
    assert!(keys.len() == 2 && keys[0]["retired_at"].is_null() && keys[1]["retired_at"].is_string(), "{keys:?}");
    let both = folder.path().join("both.pem");
    std::fs::write(&both, desk.get("/portal_credentials", "/api/v1/receipts/certificate").1).unwrap();
    assert_eq!(std::fs::read_to_string(&both).unwrap().matches("BEGIN").count(), 2);
    let (later, _) = desk.post("good.pdf", &[]);
    let newer = folder.path().join("newer.p7m");
    std::fs::write(&newer, desk.get("/portal_credentials", &format!("/api/v1/receipts/{later}")).1).unwrap();
    assert_eq!(desk.verify(&[&both, &anchors], &[], &newer).0, 0);
    assert_eq!(desk.verify(&[&both, &anchors], &[], &file).0, 0);
    let (status, told) = desk.verify(&[&service, &anchors], &[], &newer);
    assert_eq!((status, amiss(&told)), (2, vec!["signer"]), "not by the old key: {told}");

    // Each part fails by itself.
    let (status, told) = desk.verify(&[&anchors], &[], &file);
    assert_eq!((status, amiss(&told)), (2, vec!["signer"]), "not this service's key: {told}");
    let (status, told) = desk.verify(&[&service], &[], &file);
    assert_eq!((status, amiss(&told)), (2, vec!["timestamp"]), "nobody vouches for the time: {told}");
    let other = format!("{}/plain.pdf", desk.demo.text("/documents"));
    let (status, told) = desk.verify(&[&service, &anchors], &["--document", &other], &file);
    assert_eq!((status, amiss(&told)), (1, vec!["document"]), "{told}");
    let changed = |what: &str, into: &str| {
        let at = many[0].windows(what.len()).position(|window| window == what.as_bytes()).unwrap();
        let mut bytes = many[0].clone();
        bytes[at..at + into.len()].copy_from_slice(into.as_bytes());
        let path = folder.path().join("changed.p7m");
        std::fs::write(&path, bytes).unwrap();
        desk.verify(&[&service, &anchors], &[], &path)
    };
    let (status, told) = changed("\"indication\":\"TOTAL-PASSED\"", "\"indication\":\"TOTAL-FAILED\"");
    assert!(status == 1 && amiss(&told).starts_with(&["signature"]) && amiss(&told).contains(&"report"), "{told}");
    let (status, told) = changed("xinyin-receipt", "xinyin-reject.");
    assert_eq!((status, amiss(&told)), (1, vec!["form"]), "{told}");
    // A good signature of a person under a trusted authority over the same words is no receipt of the service.
    let (status, told) = desk.verify(&[&service, &anchors], &[], Path::new(&format!("{}/plain.pdf.p7s", desk.demo.text("/documents"))));
    assert_eq!((status, amiss(&told)), (1, vec!["form"]), "{told}");
    assert_eq!(desk.verify(&[&service], &[], &folder.path().join("none.p7m")).0, 3);

    // Reports over the kept verdict, from the API.
    for (name, begins) in [("report.html", "<!doctype html>"), ("report.xml", "<?xml"), ("report.pdf", "%PDF-1.7")] {
        let (status, body) = desk.get("/portal_credentials", &format!("/api/v1/verifications/{id}/{name}"));
        assert!(status == "200" && body.starts_with(begins.as_bytes()), "{name}: {status}");
        assert_eq!(desk.get("/other_portal_credentials", &format!("/api/v1/verifications/{id}/{name}")).0, "404");
    }
    assert_eq!(desk.get("/portal_credentials", &format!("/api/v1/verifications/{id}/report.doc")).0, "404");
}
