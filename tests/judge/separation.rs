//! A signature made to log in is no document's, and a document's logs nobody in.

use crate::keys::{ALGORITHMS, key_and_certificate};
use std::process::Command;
use xinyin::crypto::{Hash, Oid, Signer};
use xinyin::ids::ChallengeId;
use xinyin::keys;
use xinyin::login::challenge::{Challenge, LIFE, Purpose};
use xinyin::moment::Moment;
use xinyin::pki::Certificate;
use xinyin::pki::build::{cms, encode};

const SIGNED_DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.2");
const DATA: Oid = Oid::new_unwrap("1.2.840.113549.1.7.1");

/// A SignedData without signed attributes: the signature stands over the content itself (RFC 5652 §5.4).
fn bare(signer: &dyn Signer, digest: Hash, certificate: &Certificate, content: &[u8]) -> Vec<u8> {
    let digest = encode::sequence([encode::oid(&digest.oid()), encode::null()]);
    let signer_info = encode::sequence([
        encode::small_integer(1),
        encode::sequence([certificate.issuer().der().to_vec(), encode::integer(certificate.serial())]),
        digest.clone(),
        signer.algorithm().identifier_der().to_vec(),
        encode::octet_string(&signer.sign(content).unwrap()),
    ]);
    let content = encode::sequence([encode::oid(&DATA), encode::explicit(0, &encode::octet_string(content))]);
    let signed = encode::sequence([
        encode::small_integer(1),
        encode::set_of([digest]),
        content,
        encode::tlv(0xa0, certificate.der()),
        encode::set_of([signer_info]),
    ]);
    encode::sequence([encode::oid(&SIGNED_DATA), encode::explicit(0, &signed)])
}

fn verdict(folder: &std::path::Path, blob: &[u8], anchor: &std::path::Path) -> serde_json::Value {
    let file = folder.join("document.p7m");
    std::fs::write(&file, blob).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_xinyin"));
    command.arg("verify").arg(&file).arg("--trust").arg(anchor).args(["--offline", "--revocation", "soft", "--format", "json"]);
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_login_signature_is_never_a_documents() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let now = Moment::from_secs(1_795_000_000);
    let nonce = ChallengeId::from_random([3; 16]);
    let challenge = Challenge::new("https://id.example.gov.cn", Purpose::Login, "parks", nonce, now, now.plus(LIFE)).unwrap().text();
    for (name, algorithm, _) in ALGORITHMS {
        let (key, anchor) = key_and_certificate(folder, name, algorithm);
        let identity = keys::open(key.to_str().unwrap(), None).unwrap();
        let certificate = Certificate::from_pem_or_der(&std::fs::read(&anchor).unwrap()).unwrap();
        let signer = &*identity.signer;
        let digest = cms::digest_for(&signer.algorithm());
        // The same shape over a harmless content passes: what refuses the other is its content alone.
        let harmless = verdict(folder, &bare(signer, digest, &certificate, b"I agree."), &anchor);
        assert_eq!(harmless["indication"], "TOTAL-PASSED", "{name}: {harmless:#}");
        let replayed = verdict(folder, &bare(signer, digest, &certificate, challenge.as_bytes()), &anchor);
        assert_eq!(replayed["indication"], "TOTAL-FAILED", "{name}: {replayed:#}");
        // Signed attributes put between, the login signature stands under nothing at all.
        let algorithm = signer.algorithm();
        let spec = cms::SignedDataSpec::new(&algorithm, certificate.der(), cms::Content::Attached(b"I agree."));
        let with_attributes = cms::prepare(&spec).unwrap().finish(signer.sign(challenge.as_bytes()).unwrap()).encode(None);
        assert_eq!(verdict(folder, &with_attributes, &anchor)["indication"], "TOTAL-FAILED", "{name}");
    }
}
