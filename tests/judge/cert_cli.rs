//! `xinyin cert verify` as scripts use it: exit status, one JSON object on standard output, files of every wrapping.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::Value;
use std::{fs, path::Path, process::Command};
use xinyin::{
    crypto::{KeyKind, Signer as _},
    keys::SoftKey,
    moment::Moment,
    pki::{
        Name, Reason,
        build::{CertificateBuilder, CrlBuilder},
        extensions::KeyUsage,
        name::attribute,
    },
    world::SystemDice,
};

/// Standard output as JSON, and the exit status.
fn judge(folder: &Path, arguments: &[&str]) -> (Value, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_xinyin"))
        .args(["cert", "verify", "--offline", "--format", "json"])
        .args(arguments)
        .env("XDG_DATA_HOME", folder)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() <= 1, "one object on one line: {text}");
    (serde_json::from_str(&text).unwrap_or(Value::Null), output.status.code().unwrap())
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
}

#[test]
fn one_path_judged_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let at = |text: &str| -> Moment { text.parse().unwrap() };
    let (start, end) = (at("2026-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z"));
    let keys = [0; 2].map(|_| SoftKey::generate(KeyKind::Sm2, &SystemDice).unwrap());
    let ca = Name::build(&[(attribute::COMMON_NAME, "测试根")]).unwrap();
    let holder = Name::build(&[(attribute::COMMON_NAME, "张三"), (attribute::SERIAL_NUMBER, "11010519491231002X")]).unwrap();
    let root = CertificateBuilder::new(&ca, &ca, keys[0].public_key(), &[1], start, end)
        .authority(None)
        .key_usage(&[KeyUsage::KEY_CERT_SIGN, KeyUsage::CRL_SIGN])
        .subject_key_id()
        .sign(&keys[0])
        .unwrap();
    let leaf = CertificateBuilder::new(&ca, &holder, keys[1].public_key(), &[7], start, end)
        .key_usage(&[KeyUsage::DIGITAL_SIGNATURE])
        .authority_key_id(keys[0].public_key())
        .sign(&keys[0])
        .unwrap();
    let list = || CrlBuilder::new(&ca, 1, at("2026-06-01T00:00:00Z"), at("2026-07-01T00:00:00Z"));
    write("root.der", root.der());
    write("anchors/notes.txt", b"not a certificate");
    write("anchors/root.pem", pem("CERTIFICATE", root.der()).as_bytes());
    write("leaf.pem", format!("Subject: 张三\n{}", pem("CERTIFICATE", leaf.der())).as_bytes());
    write("leaf.b64", BASE64_STANDARD.encode(leaf.der()).as_bytes());
    write("crls/good.crl", list().sign(&keys[0]).unwrap().der());
    let revoked = list().revoked(&[7], at("2026-05-01T00:00:00Z"), Reason::KeyCompromise).sign(&keys[0]).unwrap();
    write("revoked.pem", pem("X509 CRL", revoked.der()).as_bytes());
    write("rubbish", b"rubbish");

    const WHEN: [&str; 2] = ["--at", "2026-06-15T00:00:00Z"];
    let ask = |arguments: &[&str]| judge(folder.path(), &[&WHEN[..], arguments].concat());
    for leaf in ["leaf.pem", "leaf.b64"] {
        for trust in ["root.der", "anchors"] {
            let (answer, status) = ask(&["--trust", trust, "--crl", "crls", "--purpose", "sign", leaf]);
            assert_eq!((answer["result"].as_str(), status), (Some("accepted"), 0), "{answer}");
            assert_eq!(answer["path"].as_array().unwrap().len(), 2);
            assert_eq!(answer["path"][0]["revocation"]["status"], "good");
            assert_eq!(answer["path"][0]["signature_algorithm"], "sm2-with-sm3");
            assert!(!answer.to_string().contains("11010519491231002X"), "a person's number is masked");
        }
    }
    let (answer, status) = ask(&["--trust", "root.der", "--crl", "revoked.pem", "leaf.pem"]);
    assert_eq!((answer["result"].as_str(), answer["sub_indication"].as_str(), status), (Some("rejected"), Some("REVOKED"), 1));
    let (answer, status) = ask(&["--trust", "root.der", "leaf.pem"]);
    assert_eq!((answer["result"].as_str(), status), (Some("undecided"), 2), "no revocation information: {answer}");
    assert_eq!(ask(&["--trust", "root.der", "--revocation", "soft", "leaf.pem"]).1, 0);
    assert_eq!(ask(&["--trust", "root.der", "--revocation", "off", "--max-depth", "255", "leaf.pem"]).1, 0);
    let (answer, status) = ask(&["leaf.pem"]);
    assert_eq!((answer["sub_indication"].as_str(), status), (Some("NO_CERTIFICATE_CHAIN_FOUND"), 2), "the trust store is empty");
    // Evidence that is none is left out; a leaf that is none is a verdict; a file that is not there is a failure.
    assert_eq!(ask(&["--trust", "root.der", "--crl", "crls", "--cert", "rubbish", "--crl", "rubbish", "leaf.pem"]).1, 0);
    let (answer, status) = ask(&["--trust", "root.der", "rubbish"]);
    assert_eq!((answer["result"].as_str(), status), (Some("rejected"), 1));
    for wrong in [&["--trust", "root.der", "missing.pem"][..], &["--trust", "missing", "leaf.pem"], &["--policy-oid", "x", "leaf.pem"], &[]]
    {
        let (answer, status) = ask(wrong);
        assert_eq!((answer, status), (Value::Null, 3), "{wrong:?}");
    }
}
