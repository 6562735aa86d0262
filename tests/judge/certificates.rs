//! Published certificates of the state hierarchy and of real authorities: they parse, and every issued one verifies under its issuer.

use crate::corpus;
use std::path::{Path, PathBuf};
use xinyin::pki::{
    Certificate, bundle,
    path::{Anchor, FaultKind, Outcome, PathInput, Revocation, validate},
};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read").flatten() {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found.sort();
    found
}

#[test]
fn certificates_of_real_authorities_are_read() {
    let Some(corpus) = corpus("certificates_of_real_authorities_are_read") else { return };
    let mut read = 0;
    for file in files(&corpus.join("samples/certs")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".crl") {
            continue;
        }
        match bundle::certificates(&std::fs::read(&file).unwrap()) {
            Ok(certificates) => {
                read += certificates.len();
                for certificate in certificates {
                    assert!(certificate.public_key().is_ok(), "{name}: {:?}", certificate.public_key());
                    println!("{name}: {} {:?}", certificate.subject(), certificate.defects());
                }
            }
            Err(error) => println!("{name}: {error}"),
        }
    }
    assert!(read >= 120, "only {read} certificates read");
}

#[test]
fn running_authorities_verify_under_their_roots() {
    let Some(corpus) = corpus("running_authorities_verify_under_their_roots") else { return };
    let read = |folder: &str| -> Vec<Certificate> {
        files(&corpus.join("samples/certs").join(folder))
            .iter()
            .filter_map(|file| bundle::certificates(&std::fs::read(file).unwrap()).ok())
            .flatten()
            .collect()
    };
    let roots: Vec<_> = read("rootca").into_iter().filter(Certificate::is_self_signed).collect();
    let running = read("rootca-running");
    let verified = running
        .iter()
        .filter(|certificate| roots.iter().any(|root| certificate.verify_signed_by(root.public_key().unwrap()).is_ok()))
        .count();
    assert_eq!(verified, 86);

    // Each has a path today; the published root lists of 2022 are old, and are said to be.
    let anchors: Vec<Anchor> = roots.into_iter().map(Anchor::from).collect();
    let crls: Vec<_> =
        files(&corpus.join("samples/certs/crl")).iter().flat_map(|file| bundle::crls(&std::fs::read(file).unwrap())).collect();
    assert_eq!(crls.len(), 3);
    let (then, now) = ("2022-05-20T00:00:00Z".parse().unwrap(), "2026-11-23T00:00:00Z".parse().unwrap());
    let mut stale = 0;
    let mut accepted = 0;
    for certificate in running.iter().filter(|certificate| !certificate.is_self_signed()) {
        let mut question = PathInput::new(certificate, &anchors, now);
        (question.crls, question.intermediates) = (&crls, &running);
        question.revocation = Revocation::Off;
        let result = validate(&question);
        if result.outcome != Outcome::Accepted {
            let reason = result.reason.expect("a refusal has its reason");
            assert!(matches!(reason.kind, FaultKind::Expired | FaultKind::NoChain), "{reason}");
            continue;
        }
        accepted += 1;
        question.revocation = Revocation::Hard;
        let result = validate(&question);
        stale += usize::from(result.reason.is_some_and(|reason| reason.kind == FaultKind::RevocationUnknown));
        // In May 2022 the lists were current and named none of those valid then.
        (question.at, question.now) = (then, then);
        let result = validate(&question);
        if certificate.not_before() <= then {
            assert_eq!(result.outcome, Outcome::Accepted, "{:?}", result.faults);
        }
    }
    println!("{accepted} of {} authorities have a path, {stale} with old lists only", running.len());
    assert!(accepted >= 80 && stale == accepted, "{accepted} accepted, {stale} stale");
}
