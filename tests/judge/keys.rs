//! Key containers made by other programs: OpenSSL's PKCS#12 old and new, PEM of every kind, SoftHSM's tokens.

use std::path::{Path, PathBuf};
use std::process::Command;
use xinyin::crypto::{self, KeyKind};
use xinyin::keys::{self, KeyError, Password};

/// Runs OpenSSL in a folder; the test fails with its message where it fails.
pub fn openssl(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl is installed");
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A key and its self-signed certificate made by OpenSSL.
pub fn key_and_certificate(folder: &Path, name: &str, algorithm: &[&str]) -> (PathBuf, PathBuf) {
    let (key, cert) = (format!("{name}.key"), format!("{name}.crt"));
    let mut arguments = vec!["genpkey", "-out", &key];
    arguments.extend(algorithm);
    openssl(folder, &arguments);
    openssl(folder, &["req", "-x509", "-new", "-key", &key, "-subj", "/CN=holder", "-days", "30", "-out", &cert]);
    (folder.join(key), folder.join(cert))
}

/// Signs and verifies with the public half that the certificate gives.
fn works(identity: &keys::Identity, kind: KeyKind) {
    assert_eq!(identity.signer.public_key().kind(), kind);
    let signature = identity.signer.sign(b"message").unwrap();
    crypto::verify(identity.signer.public_key(), &identity.signer.algorithm(), b"message", &signature).unwrap();
    assert!(crypto::verify(identity.signer.public_key(), &identity.signer.algorithm(), b"massage", &signature).is_err());
}

fn open(path: &Path, password: Option<&str>) -> Result<keys::Identity, KeyError> {
    keys::open(path.to_str().unwrap(), password.map(Password::new).as_ref())
}

pub const ALGORITHMS: [(&str, &[&str], KeyKind); 3] = [
    ("p256", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], KeyKind::P256),
    ("rsa", &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], KeyKind::Rsa(2048)),
    ("sm2", &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2"], KeyKind::Sm2),
];

#[test]
fn pem_and_der_of_every_kind() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, algorithm, kind) in ALGORITHMS {
        let (key, _) = key_and_certificate(folder, name, algorithm);
        works(&open(&key, None).unwrap(), kind);
        let (pem, der, sealed, des3) = (format!("{name}.old"), format!("{name}.der"), format!("{name}.sealed"), format!("{name}.des3"));
        if kind == KeyKind::Sm2 {
            // OpenSSL 3.0 writes SEC 1 for this curve from here only.
            openssl(folder, &["ecparam", "-name", "SM2", "-genkey", "-noout", "-out", &pem]);
        } else {
            openssl(folder, &["pkey", "-in", &format!("{name}.key"), "-traditional", "-out", &pem]);
        }
        openssl(folder, &["pkey", "-in", &format!("{name}.key"), "-outform", "DER", "-out", &der]);
        openssl(folder, &["pkcs8", "-topk8", "-in", &format!("{name}.key"), "-passout", "pass:口令 secret", "-out", &sealed]);
        openssl(folder, &["pkcs8", "-topk8", "-v2", "des3", "-in", &format!("{name}.key"), "-passout", "pass:secret", "-out", &des3]);
        works(&open(&folder.join(pem), None).unwrap(), kind);
        works(&open(&folder.join(der), None).unwrap(), kind);
        works(&open(&folder.join(&sealed), Some("口令 secret")).unwrap(), kind);
        works(&open(&folder.join(des3), Some("secret")).unwrap(), kind);
        assert_eq!(open(&folder.join(&sealed), None).unwrap_err(), KeyError::PasswordNeeded);
        assert_eq!(open(&folder.join(&sealed), Some("wrong")).unwrap_err(), KeyError::WrongPassword);
        // Key and certificate in one file, the certificate first.
        let both = [std::fs::read(folder.join(format!("{name}.crt"))).unwrap(), std::fs::read(&key).unwrap()].concat();
        let identity = keys::from_bytes(&both, None).unwrap();
        assert!(identity.certificate().is_some(), "{name}");
    }
}

#[test]
fn pkcs12_made_by_openssl_old_and_new() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    key_and_certificate(folder, "other", ALGORITHMS[0].1);
    for (name, algorithm, kind) in ALGORITHMS {
        let (_, certificate) = key_and_certificate(folder, name, algorithm);
        let own = keys::read_certificates(&std::fs::read(certificate).unwrap()).unwrap();
        let (key, cert) = (format!("{name}.key"), format!("{name}.crt"));
        let forms: [(&str, &[&str]); 6] = [
            ("pbes2", &[]),
            ("legacy", &["-legacy"]),
            ("sha1mac", &["-macalg", "sha1", "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES"]),
            ("sha512mac", &["-macalg", "sha512", "-keypbe", "AES-128-CBC", "-certpbe", "DES-EDE3-CBC", "-iter", "10000"]),
            ("plaincerts", &["-certpbe", "NONE"]),
            ("plainkey", &["-keypbe", "NONE"]),
        ];
        for (form, options) in forms {
            for secret in ["secret", "密码🔑", ""] {
                let out = format!("{name}-{form}.p12");
                let pass = format!("pass:{secret}");
                // The other certificate comes first among the extra ones; the key's own must still lead.
                let mut arguments =
                    vec!["pkcs12", "-export", "-inkey", &key, "-in", &cert, "-certfile", "other.crt", "-passout", &pass, "-out", &out];
                arguments.extend(options);
                openssl(folder, &arguments);
                let identity = open(&folder.join(&out), Some(secret)).unwrap_or_else(|error| panic!("{name} {form} {secret:?}: {error}"));
                works(&identity, kind);
                assert_eq!(identity.certificate(), own.first().map(Vec::as_slice), "{name} {form}");
                assert_eq!(identity.certificates.len(), 2);
                assert_eq!(open(&folder.join(&out), Some("wrong")).unwrap_err(), KeyError::WrongPassword, "{name} {form}");
            }
        }
    }
    openssl(folder, &["pkcs12", "-export", "-nomac", "-inkey", "rsa.key", "-in", "rsa.crt", "-passout", "pass:x", "-out", "nomac.p12"]);
    assert!(matches!(open(&folder.join("nomac.p12"), Some("x")), Err(KeyError::Unsupported(_))));
    openssl(
        folder,
        &[
            "pkcs12",
            "-export",
            "-iter",
            "5000000",
            "-nomaciter",
            "-inkey",
            "p256.key",
            "-in",
            "p256.crt",
            "-passout",
            "pass:x",
            "-out",
            "slow.p12",
        ],
    );
    let before = std::time::Instant::now();
    assert_eq!(open(&folder.join("slow.p12"), Some("x")).unwrap_err(), KeyError::TooCostly);
    assert!(before.elapsed().as_secs() < 60, "refused before the work is done");
}

#[test]
fn pkcs12_that_we_write_is_read_by_openssl() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (name, algorithm, kind) in ALGORITHMS {
        let (key, certificate) = key_and_certificate(folder, name, algorithm);
        let pkcs8 = keys::SoftKey::from_pkcs8_pem(&std::fs::read_to_string(&key).unwrap()).unwrap().to_pkcs8_der();
        let certificate = keys::read_certificates(&std::fs::read(certificate).unwrap()).unwrap().remove(0);
        let (password, dice) = (Password::new("口令"), xinyin::world::SystemDice);
        let written = keys::pkcs12::build(&pkcs8, &[&certificate], "张三", &password, keys::pkcs12::ITERATIONS, &dice).unwrap();
        let path = folder.join(format!("{name}.p12"));
        std::fs::write(&path, &*written).unwrap();
        openssl(folder, &["pkcs12", "-in", path.to_str().unwrap(), "-passin", "pass:口令", "-nodes", "-out", "opened.pem"]);
        openssl(folder, &["pkey", "-in", "opened.pem", "-noout", "-check"]);
        works(&open(&path, Some("口令")).unwrap(), kind);
    }
}

#[test]
fn pkcs12_of_chinese_tools() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/samples/keys-test");
    if !samples.exists() {
        eprintln!("SKIPPED pkcs12_of_chinese_tools: {} is missing", samples.display());
        return;
    }
    for name in ["USER.p12", "SealBuilder.p12"] {
        let identity = open(&samples.join(name), Some("777777")).unwrap();
        works(&identity, KeyKind::Sm2);
        assert!(identity.certificate().is_some(), "{name}");
        assert_eq!(open(&samples.join(name), Some("777778")).unwrap_err(), KeyError::WrongPassword);
    }
    works(&open(&samples.join("sign_key.pem"), None).unwrap(), KeyKind::Sm2);
}

/// Every prefix and a flip of every octet of a container: an answer each time, never a panic, never a key.
#[test]
fn damaged_containers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    key_and_certificate(folder, "p256", ALGORITHMS[0].1);
    openssl(folder, &["pkcs12", "-export", "-iter", "1", "-inkey", "p256.key", "-in", "p256.crt", "-passout", "pass:x", "-out", "a.p12"]);
    let whole = std::fs::read(folder.join("a.p12")).unwrap();
    let password = Password::new("x");
    assert!(keys::from_bytes(&whole, Some(&password)).is_ok());
    for at in 0..whole.len() {
        assert!(keys::from_bytes(&whole[..at], Some(&password)).is_err(), "cut at {at}");
        let mut flipped = whole.clone();
        flipped[at] ^= 0x01;
        // Some octets carry no meaning (a NULL's place, the MAC's own iteration default); the key must then be the same.
        if let Ok(identity) = keys::from_bytes(&flipped, Some(&password)) {
            works(&identity, KeyKind::P256);
        }
    }
}
