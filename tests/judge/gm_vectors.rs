//! SM2 against a second implementation and OpenSSL, with the standard identifier everywhere.

use gmcrypto_core::sm2::{self, Sm2PublicKey};
use std::{fs, process::Command};
use xinyin::{
    crypto::{KeyKind, Signer as _, sm2::DISTINGUISHING_ID, verify},
    keys::SoftKey,
    world::SystemDice,
};

#[test]
fn a_second_implementation_accepts_our_sm2_signatures_and_no_altered_ones() {
    for round in 0..8u8 {
        let key = SoftKey::generate(KeyKind::Sm2, &SystemDice).unwrap();
        let point = Sm2PublicKey::from_sec1_bytes(key.public_key().bits()).unwrap();
        let message = vec![round; usize::from(round) * 31];
        let signature = key.sign(&message).unwrap();
        let id = DISTINGUISHING_ID.as_bytes();
        assert!(sm2::verify_with_id(&point, id, &message, &signature));
        assert!(!sm2::verify_with_id(&point, id, &[&message[..], b"x"].concat(), &signature));
        assert!(!sm2::verify_with_id(&point, b"", &message, &signature), "the identifier is part of what is signed");
    }
}

#[test]
fn openssl_and_we_accept_each_others_sm2_signatures() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let key = SoftKey::generate(KeyKind::Sm2, &SystemDice).unwrap();
    fs::write(path("key.pem"), key.to_pkcs8_pem().as_bytes()).unwrap();
    fs::write(path("message"), "信印".as_bytes()).unwrap();
    let openssl = |arguments: &[&str]| {
        let output = Command::new("openssl").args(arguments).output().expect("openssl is installed (apt-get install openssl)");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    let id = format!("distid:{DISTINGUISHING_ID}");
    openssl(&["dgst", "-sm3", "-sign", &path("key.pem"), "-sigopt", &id, "-out", &path("theirs"), &path("message")]);
    let theirs = fs::read(path("theirs")).unwrap();
    assert_eq!(verify(key.public_key(), &key.algorithm(), "信印".as_bytes(), &theirs), Ok(()));
    fs::write(path("ours"), key.sign("信印".as_bytes()).unwrap()).unwrap();
    openssl(&["dgst", "-sm3", "-prverify", &path("key.pem"), "-sigopt", &id, "-signature", &path("ours"), &path("message")]);
}
