//! `xinyin verify` and `xinyin trust` as others call them: options, exit statuses, one line for each file in order.

use crate::authority::{Authority, Holder, NOW, at, file, pem};
use crate::verdicts::Case;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};
use xinyin::crypto::{KeyKind, Signer as _};
use xinyin::keys::SoftKey;
use xinyin::pki::build::{CertificateBuilder, CrlBuilder, cms::Dialect};
use xinyin::pki::extensions::KeyUsage;
use xinyin::pki::{Name, name::attribute};
use xinyin::world::SystemDice;

pub fn xinyin(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xinyin"))
        .args(arguments)
        .current_dir(folder)
        .env("XDG_DATA_HOME", folder.join("data"))
        .env_remove("XINYIN_TRUST_STORE")
        .output()
        .unwrap()
}

fn lines(output: &Output) -> Vec<Value> {
    String::from_utf8(output.stdout.clone()).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn status(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// Root, lists and signed files of one authority.
pub fn prepared(folder: &Path) -> Authority {
    let authority = Authority::new(KeyKind::P256);
    pem(folder, "root.pem", "CERTIFICATE", &[authority.root.certificate.der()]);
    pem(folder, "crls.pem", "X509 CRL", &[authority.crl.der(), authority.root_crl.der()]);
    let good = Case::new(&authority).file(&authority.signer);
    let mut bad = good.clone();
    let last = bad.len() - 5;
    bad[last] ^= 1;
    file(folder, "good.p7m", &good);
    file(folder, "bad.p7m", &bad);
    file(folder, "revoked.p7m", &Case::new(&authority).file(&authority.revoked));
    file(folder, "plain.txt", b"no signature in here");
    file(folder, "empty.pdf", b"");
    file(folder, "detached.p7s", &authority.message(&authority.signer, Dialect::Cms, b"content", true));
    file(folder, "content.txt", b"content");
    file(folder, "other.txt", b"other");
    authority
}

const WITH: [&str; 9] = ["verify", "--offline", "--format", "json", "--trust", "root.pem", "--crl", "crls.pem", "--at"];

fn verify(folder: &Path, more: &[&str]) -> Output {
    xinyin(folder, &[&WITH[..], &[NOW], more].concat())
}

#[test]
fn statuses_and_lines() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepared(folder);
    for (name, exit, indication, sub) in [
        ("good.p7m", 0, "TOTAL-PASSED", Value::Null),
        ("bad.p7m", 1, "TOTAL-FAILED", "SIG_CRYPTO_FAILURE".into()),
        ("revoked.p7m", 2, "INDETERMINATE", "REVOKED_NO_POE".into()),
        ("plain.txt", 2, "INDETERMINATE", "NO_SIGNATURE".into()),
        ("empty.pdf", 2, "INDETERMINATE", "NO_SIGNATURE".into()),
    ] {
        let output = verify(folder, &[name]);
        let told = lines(&output).remove(0);
        assert_eq!(
            (status(&output), &told["file"], &told["indication"], &told["sub_indication"]),
            (exit, &name.into(), &indication.into(), &sub)
        );
        assert_eq!(told["policy"]["at_given"], true);
    }
    // Several at once: the order given, the worst status, and what cannot be read has its line too.
    let names = ["revoked.p7m", "good.p7m", "plain.txt", "good.p7m", "bad.p7m"];
    let many = verify(folder, &[&["--jobs", "4"], &names[..]].concat());
    assert_eq!(status(&many), 1);
    assert_eq!(lines(&many).iter().map(|line| line["file"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), names);
    let missing = verify(folder, &["good.p7m", "nowhere.pdf", "bad.p7m"]);
    let told = lines(&missing);
    assert_eq!((status(&missing), told.len()), (3, 3));
    assert!(told[1]["error"].is_string() && told[1]["file"] == "nowhere.pdf");
    // The same in a file, whole.
    let out = verify(folder, &["--out", "verdicts.jsonl", "good.p7m", "bad.p7m"]);
    assert!(out.stdout.is_empty() && status(&out) == 1);
    assert_eq!(std::fs::read_to_string(folder.join("verdicts.jsonl")).unwrap().lines().count(), 2);
    // For people.
    let text = xinyin(folder, &["verify", "--offline", "--trust", "root.pem", "--crl", "crls.pem", "--at", NOW, "good.p7m"]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("有效 valid") && text.contains("张伟") && text.contains("XY-2031"), "{text}");
}

#[test]
fn contents_policies_and_wrong_use() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    prepared(folder);
    let sub = |more: &[&str]| lines(&verify(folder, more)).remove(0)["sub_indication"].clone();
    assert_eq!(sub(&["detached.p7s"]), "SIGNED_DATA_NOT_FOUND");
    assert_eq!(sub(&["--content", "content.txt", "detached.p7s"]), Value::Null);
    assert_eq!(sub(&["--content", "other.txt", "detached.p7s"]), "HASH_FAILURE");
    assert_eq!(sub(&["--content", "other.txt", "--content", "content.txt", "detached.p7s"]), Value::Null);
    std::fs::write(folder.join("town.toml"), "id = \"town\"\n[levels]\n\"XY-2033\" = \"warn\"\n").unwrap();
    let bare = ["verify", "--offline", "--format", "json", "--trust", "root.pem", "--at", NOW];
    let strict = xinyin(folder, &[&bare[..], &["good.p7m"]].concat());
    assert_eq!((status(&strict), lines(&strict)[0]["sub_indication"].as_str()), (2, Some("TRY_LATER")));
    let town = xinyin(folder, &[&bare[..], &["--policy", "town.toml", "good.p7m"]].concat());
    assert_eq!((status(&town), lines(&town)[0]["policy"]["id"].as_str()), (0, Some("town")));
    let soft = xinyin(folder, &[&bare[..], &["--revocation", "soft", "good.p7m"]].concat());
    assert_eq!((status(&soft), lines(&soft)[0]["policy"]["revocation"].as_str()), (0, Some("soft")));
    for wrong in [
        &["--policy", "lenient", "good.p7m"][..],
        &["--at", "yesterday", "good.p7m"],
        &["--trust", "plain.txt", "good.p7m"],
        &["--crl", "root.pem", "good.p7m"],
        &["--evidence", "plain.txt", "good.p7m"],
        &[],
    ] {
        let output = xinyin(folder, &[&["verify", "--offline"], wrong].concat());
        assert_eq!((status(&output), output.stdout.len()), (3, 0), "{wrong:?}");
        assert!(!output.stderr.is_empty());
    }
}

#[test]
fn the_trust_store() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = prepared(folder);
    let judged = |more: &[&str]| {
        let output =
            xinyin(folder, &[&["verify", "--offline", "--format", "json", "--crl", "crls.pem", "--at", NOW], more, &["good.p7m"]].concat());
        lines(&output).remove(0)["sub_indication"].clone()
    };
    // Empty until something is imported.
    assert_eq!(judged(&[]), "NO_CERTIFICATE_CHAIN_FOUND");
    let fingerprint = hex::encode(authority.root.certificate.fingerprint_sha256());
    let import = |more: &[&str]| xinyin(folder, &[&["trust", "import", "root.pem"], more].concat());
    assert_eq!(status(&import(&["--purpose", "device", "--fingerprint", &"0".repeat(64)])), 3);
    assert_eq!(status(&import(&[])), 3);
    assert_eq!(status(&import(&["--purpose", "butter"])), 3);
    assert_eq!(judged(&[]), "NO_CERTIFICATE_CHAIN_FOUND");
    // An anchor for devices says nothing about persons.
    assert_eq!(status(&import(&["--purpose", "device", "--fingerprint", &fingerprint])), 0);
    assert_eq!(judged(&[]), "NO_CERTIFICATE_CHAIN_FOUND");
    assert_eq!(status(&import(&["--purpose", "person"])), 0);
    assert_eq!(judged(&[]), Value::Null);
    assert_eq!(judged(&["--no-trust"]), "NO_CERTIFICATE_CHAIN_FOUND");
    let list = xinyin(folder, &["trust", "list", "--format", "json"]);
    let stored: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(stored["anchors"][0]["purposes"], serde_json::json!(["person", "device"]));
    // A damaged store is refused, not believed.
    let path = folder.join("data/xinyin/trust.json");
    let damaged = std::fs::read_to_string(&path).unwrap().replace(&fingerprint, &"1".repeat(64));
    std::fs::write(&path, damaged).unwrap();
    let output = xinyin(folder, &["verify", "--offline", "good.p7m"]);
    assert_eq!((status(&output), output.stdout.len()), (3, 0));
}

/// Answers every request with the same body.
fn serve(body: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { break };
            let _ = stream.read(&mut [0; 4096]);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    port
}

#[test]
fn revocation_lists_are_fetched_only_where_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = prepared(folder);
    let issuer = authority.issuing.certificate.subject();
    let fresh = CrlBuilder::new(issuer, 9, at("2026-11-22T00:00:00Z"), at("2027-11-23T00:00:00Z")).sign(&authority.issuing.key).unwrap();
    let port = serve(fresh.der().to_vec());
    let key = SoftKey::generate(KeyKind::P256, &SystemDice).unwrap();
    let subject = Name::build(&[(attribute::COMMON_NAME, "联网")]).unwrap();
    let certificate =
        CertificateBuilder::new(issuer, &subject, key.public_key(), &[0x55], at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"))
            .key_usage(&[KeyUsage::DIGITAL_SIGNATURE])
            .crl_urls(&[&format!("http://127.0.0.1:{port}/issuing.crl")])
            .sign(&authority.issuing.key)
            .unwrap();
    file(folder, "online.p7m", &Case::new(&authority).file(&Holder { key, certificate }));
    let origin = format!("http://127.0.0.1:{port}");
    let judged = |more: &[&str]| {
        let output = xinyin(folder, &[&["verify", "--format", "json", "--trust", "root.pem", "--at", NOW], more, &["online.p7m"]].concat());
        lines(&output).remove(0)["sub_indication"].clone()
    };
    assert_eq!(judged(&["--offline", "--allow", &origin]), "TRY_LATER");
    assert_eq!(judged(&[]), "TRY_LATER");
    assert_eq!(judged(&["--allow", "http://crl.example.cn"]), "TRY_LATER");
    assert_eq!(judged(&["--allow", &origin]), Value::Null);
}
