//! The certificates in `certs/` are what `certs/README.md` says they are.

use std::path::Path;
use xinyin::pki::{Certificate, bundle};

fn read(file: &str) -> Vec<Certificate> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs").join(file);
    bundle::certificates(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn shipped_certificates_are_listed_and_chain_to_the_three_roots() {
    let roots: Vec<_> =
        ["rootca", "civil-servant-root", "device-root"].iter().flat_map(|name| read(&format!("state/roots/{name}.pem"))).collect();
    assert_eq!(roots.len(), 3);
    let issuing = read("state/issuing.pem");
    assert_eq!(issuing.len(), 86);
    let listed = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("certs/README.md")).unwrap();
    for certificate in roots.iter().chain(&issuing) {
        let fingerprint = hex::encode_upper(certificate.fingerprint_sha256());
        assert!(listed.contains(&fingerprint), "{} is not in the list", certificate.subject());
        assert!(
            roots.iter().any(|root| certificate.verify_signed_by(root.public_key().unwrap()).is_ok()),
            "{} verifies under no root",
            certificate.subject()
        );
    }
    let rows = listed
        .lines()
        .filter(|line| {
            line.starts_with("| ")
                && line.trim_end_matches(" |").len() > 64
                && !line.starts_with("| file")
                && !line.starts_with("| subject")
        })
        .count();
    assert_eq!(rows, 89, "the list has a row for a certificate that is not shipped");
}
