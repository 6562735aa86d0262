//! `/api/v1/signatures`: a document prepared by the service, signed by the holder's own key with OpenSSL, completed once, judged.

use crate::peers;
use crate::running::Demo;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

struct Portal {
    demo: Demo,
    folder: PathBuf,
    openssl: PathBuf,
}

impl Portal {
    fn curl(&self, which: &str, arguments: &[&str], path: &str) -> (String, Vec<u8>) {
        let pair = std::fs::read_to_string(self.demo.text(which)).unwrap();
        let out = self.folder.join("answer");
        let _ = std::fs::remove_file(&out);
        let mut command = Command::new("curl");
        command.args(["-sS", "--noproxy", "*", "-u", &pair, "-o", out.to_str().unwrap(), "-w", "%{http_code}"]).args(arguments);
        let output = peers::run(command.arg(self.demo.url(path)), 60);
        (String::from_utf8(output.stdout).unwrap(), std::fs::read(&out).unwrap_or_default())
    }

    fn holder(&self, owner: &str, family: &str, condition: &str) -> (String, String) {
        let held = self.demo.info["key_files"].as_array().unwrap().iter().find(|held| {
            held["owner"] == owner && held["family"] == family && held["condition"] == condition && held["use"] != "encryption"
        });
        let held = held.unwrap_or_else(|| panic!("{owner} {family} {condition}: {:#}", self.demo.info["key_files"]));
        (held["key"].as_str().unwrap().to_owned(), held["certificate"].as_str().unwrap().to_owned())
    }

    fn prepare(&self, file: &Path, certificate: &str, more: &[&str]) -> (String, Value) {
        let (file, certificate) = (format!("file=@{}", file.display()), format!("certificate=@{certificate}"));
        let mut arguments = vec!["-F", &file, "-F", &certificate];
        more.iter().for_each(|part| arguments.extend(["-F", part]));
        let (status, body) = self.curl("/portal_credentials", &arguments, "/api/v1/signatures");
        (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&body))))
    }

    fn complete(&self, which: &str, id: &str, value: &[u8]) -> (String, Vec<u8>) {
        let body = json!({ "signature": BASE64_STANDARD.encode(value) }).to_string();
        self.curl(which, &["-H", "content-type: application/json", "-d", &body], &format!("/api/v1/signatures/{id}"))
    }

    /// The holder's key signs: the octets with SM2, otherwise the digest alone, as a UKey does.
    fn sign(&self, prepared: &Value, key: &str, family: &str) -> Vec<u8> {
        let (input, out) = (self.folder.join("input"), self.folder.join("value"));
        let part = if family == "sm2" { "to_be_signed" } else { "digest" };
        std::fs::write(&input, BASE64_STANDARD.decode(prepared[part].as_str().unwrap()).unwrap()).unwrap();
        let mut command = Command::new(&self.openssl);
        command.args(["pkeyutl", "-sign", "-inkey", key, "-in"]).arg(&input).arg("-out").arg(&out);
        match family {
            "sm2" => command.args(["-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678"]),
            _ => command.args(["-pkeyopt", "digest:sha256"]),
        };
        let output = peers::run(&mut command, 30);
        assert!(output.status.success(), "{}", peers::said(&output));
        std::fs::read(&out).unwrap()
    }
}

fn code(body: &[u8]) -> String {
    serde_json::from_slice::<Value>(body).ok().and_then(|body| Some(body["code"].as_str()?.to_owned())).unwrap_or_default()
}

#[test]
fn the_holder_s_own_key_signs_what_was_prepared_once() {
    let Some(openssl) = peers::program("the_holder_s_own_key_signs", "openssl") else { return };
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(&folder.path().join("demo"));
    let portal = Portal { demo, folder: folder.path().to_owned(), openssl };
    let plain = Path::new(&portal.demo.text("/documents")).join("plain.pdf");
    let note = folder.path().join("note.txt");
    std::fs::write(&note, "申请书").unwrap();
    let ours = "/portal_credentials";
    for (family, file, more, ending) in [
        ("p256", &plain, &["level=B-T", "reason=同意", "page=1", "rect=40,40,240,100"][..], "pdf"),
        ("rsa", &plain, &[], "pdf"),
        ("sm2", &plain, &["level=B-T"], "pdf"),
        ("p256", &note, &[], "p7m"),
        ("sm2", &note, &["format=gm-cms", "detached=true"], "p7s"),
    ] {
        let (key, certificate) = portal.holder("zhang-wei", family, "valid");
        let (status, prepared) = portal.prepare(file, &certificate, more);
        assert_eq!(status, "201", "{family} {more:?}: {prepared}");
        let id = prepared["id"].as_str().unwrap();
        let value = portal.sign(&prepared, &key, family);
        // Another value, another key's value, another portal: nothing comes out, and the preparation stands.
        let mut wrong = value.clone();
        *wrong.last_mut().unwrap() ^= 1;
        let (status, body) = portal.complete(ours, id, &wrong);
        assert_eq!((status.as_str(), code(&body).as_str()), ("422", "XY-3209"), "{}", String::from_utf8_lossy(&body));
        assert_eq!(portal.complete("/other_portal_credentials", id, &value).0, "404");
        assert_eq!(portal.complete(ours, &"0".repeat(32), &value).0, "404");
        let (status, signed) = portal.complete(ours, id, &value);
        assert_eq!(status, "200", "{family} {more:?}: {}", String::from_utf8_lossy(&signed));
        let (status, body) = portal.complete(ours, id, &value);
        assert_eq!((status.as_str(), code(&body).as_str()), ("410", "XY-3208"), "once");
        // The judge of the command line and, where it can, OpenSSL or the original in front of it agree.
        let name = folder.path().join(format!("signed.{ending}"));
        std::fs::write(&name, &signed).unwrap();
        let mut command = crate::running::xinyin();
        command.args(["verify", "--format", "json", "--config", &portal.demo.text("/config"), "--trust", &portal.demo.text("/anchors")]);
        if ending == "p7s" {
            command.arg("--content").arg(&note);
        }
        let output = peers::run(command.arg(&name), 60);
        assert_eq!(output.status.code(), Some(0), "{family} {ending}: {}", peers::said(&output));
        if ending == "pdf" {
            assert!(signed.starts_with(&std::fs::read(&plain).unwrap()));
        }
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        let level = if more.contains(&"level=B-T") { "B-T" } else { "B-B" };
        assert!(family == "sm2" || verdict["signatures"][0]["level"] == level, "{verdict}");
    }
    // Many at once: one gets it.
    let (key, certificate) = portal.holder("zhang-wei", "p256", "valid");
    let (_, prepared) = portal.prepare(&note, &certificate, &[]);
    let body = json!({ "signature": BASE64_STANDARD.encode(portal.sign(&prepared, &key, "p256")) }).to_string();
    let (pair, url) = (
        std::fs::read_to_string(portal.demo.text(ours)).unwrap(),
        portal.demo.url(&format!("/api/v1/signatures/{}", prepared["id"].as_str().unwrap())),
    );
    let statuses: Vec<String> = std::thread::scope(|scope| {
        let ask = || {
            let arguments = ["-sS", "--noproxy", "*", "-u", &pair, "-o", "/dev/null", "-w", "%{http_code}", "-d", &body, &url];
            String::from_utf8(peers::run(Command::new("curl").args(arguments), 60).stdout).unwrap()
        };
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| *status == "200").count(), 1, "{statuses:?}");
    // The digest for SM2 is the one with Z: a key that signs digests alone gives a value that holds.
    let (_, certificate) = portal.holder("zhang-wei", "sm2", "valid");
    let (_, prepared) = portal.prepare(&note, &certificate, &[]);
    assert_eq!(prepared["digest_algorithm"], "sm3");
    // A revoked certificate, an expired one, nonsense.
    let (key, certificate) = portal.holder("zhang-wei", "p256", "revoked");
    let (status, prepared) = portal.prepare(&note, &certificate, &[]);
    assert_eq!(status, "201", "{prepared}");
    let (status, body) = portal.complete(ours, prepared["id"].as_str().unwrap(), &portal.sign(&prepared, &key, "p256"));
    assert_eq!((status.as_str(), code(&body).as_str()), ("422", "XY-3210"), "{}", String::from_utf8_lossy(&body));
    let (_, expired) = portal.holder("zhang-wei", "p256", "expired");
    assert_eq!(portal.prepare(&note, &expired, &[]).1["code"], "XY-3202");
    let (_, good) = portal.holder("zhang-wei", "p256", "valid");
    for (more, expected) in [
        (&["format=xades"][..], "XY-3201"),
        (&["level=B-LTA"], "XY-3201"),
        (&["format=pades"], "XY-3203"),
        (&["detached=perhaps"], "XY-4000"),
        (&["rect=1,2"], "XY-4000"),
    ] {
        assert_eq!(portal.prepare(&note, &good, more).1["code"], expected, "{more:?}");
    }
    assert_eq!(portal.prepare(&note, note.to_str().unwrap(), &[]).1["code"], "XY-4000");
    let (status, _) = portal.curl(ours, &["-d", "signature=abc"], &format!("/api/v1/signatures/{}", prepared["id"].as_str().unwrap()));
    assert_eq!(status, "400");
}
