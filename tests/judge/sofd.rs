//! A second reader of OFD signatures, the sofd crates (tests/peers/sofd): what we sign it calls valid, what is altered it does not, and
//! where it says something else of a foreign file there is a reason.

use crate::authority::{Authority, file};
use crate::ofd::zip;
use crate::ofd_signing::{entries, esl, holder, judged, ofd_request, plain};
use crate::peers;
use crate::signing::{facts, signed};
use std::path::Path;
use std::process::Command;
use xinyin::crypto::KeyKind;
use xinyin::doc::facts::{Integrity, ProblemKind, SignatureFacts};
use xinyin::pki::build::seal::{ListKind, Version};
use xinyin::sign::Level;
use xinyin::verify::Indication;

/// What it says of each package: yes, or no and why.
fn sofd(test: &str, folder: &Path, packages: &[String]) -> Option<Vec<(bool, String)>> {
    let program = peers::peer(test, "sofd/debug/sofd-judge")?;
    let list = file(folder, "packages", packages.join("\n").as_bytes());
    let output = peers::run(Command::new(program).arg(list), 120);
    assert!(output.status.success(), "{}", peers::said(&output));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let answers: Vec<(bool, String)> = text.lines().map(|line| (line.starts_with("yes"), line.to_owned())).collect();
    assert_eq!(answers.len(), packages.len());
    Some(answers)
}

#[test]
fn a_second_reader_agrees_on_what_we_sign() {
    let test = "sofd::a_second_reader_agrees_on_what_we_sign";
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    let mut packages = Vec::new();
    let mut put = |name: &str, octets: &[u8], expected: bool| packages.push((file(folder, name, octets).display().to_string(), expected));
    // Of seals of version 1 it does not find the signer's certificate.
    for version in [Version::V4, Version::V5] {
        let seal = esl(&authority, &maker, version, ListKind::Certificates);
        let request = ofd_request(&authority, Some(&seal), Level::B);
        let once = signed(&authority, &authority.signer, &zip(&plain()), &request).unwrap();
        let twice = signed(&authority, &authority.signer, &once, &request).unwrap();
        put(&format!("once-{version:?}.ofd"), &once, true);
        put(&format!("twice-{version:?}.ofd"), &twice, true);
        // The value is the last element to it; beside a time-stamp, which comes after, it finds no value and says no.
        let stamped = ofd_request(&authority, Some(&seal), Level::T);
        let stamped = signed(&authority, &authority.signer, &zip(&plain()), &stamped).unwrap();
        assert_eq!(judged(&authority, &facts(&stamped, None)).indication, Indication::Passed, "{version:?}");
        put(&format!("stamped-{version:?}.ofd"), &stamped, false);
        let Some(files) = entries(test, &twice) else { return };
        // Of files that are referenced it does not compare the digests; of the value every part.
        for (number, (name, _)) in files.iter().enumerate().filter(|(_, (name, _))| name.ends_with("SignedValue.dat")) {
            let mut altered = files.clone();
            let half = altered[number].1.len() / 2;
            altered[number].1[half] ^= 1;
            put(&format!("altered-{version:?}-{}.ofd", name.replace('/', "-")), &zip(&altered), false);
        }
    }
    let names: Vec<String> = packages.iter().map(|(name, _)| name.clone()).collect();
    let Some(answers) = sofd(test, folder, &names) else { return };
    for ((name, expected), (yes, words)) in packages.iter().zip(answers) {
        assert_eq!(yes, *expected, "{name}: {words}");
    }
}

/// What our reader finds wrong with a package beyond the proof that sofd looks at.
fn beyond(entry: &SignatureFacts) -> Option<&'static str> {
    let package = entry.package.as_deref()?;
    let grave = |kind: &ProblemKind| *kind != ProblemKind::Notice;
    if !package.missing.is_empty() || !package.changed.is_empty() {
        Some("references")
    } else if !package.uncovered.is_empty() {
        Some("coverage")
    } else if entry.problems.iter().any(|problem| grave(&problem.kind)) {
        Some("the signature's own problems")
    } else if entry.seal.as_ref().is_some_and(|seal| seal.maker.integrity != Integrity::Intact || !seal.signer_listed) {
        Some("the seal")
    } else {
        None
    }
}

#[test]
fn a_second_reader_on_foreign_files() {
    let test = "sofd::a_second_reader_on_foreign_files";
    let Some(corpus) = crate::corpus(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut names = Vec::new();
    for family in ["ofd-real", "ofd-pki", "ofd-tampered"] {
        let found = std::fs::read_dir(corpus.join("files").join(family)).unwrap().map(|entry| entry.unwrap().path().display().to_string());
        names.extend(found);
    }
    let Some(answers) = sofd(test, folder.path(), &names) else { return };
    let (mut agreed, mut unexplained) = (0, Vec::new());
    for (name, (yes, words)) in names.iter().zip(&answers) {
        let facts = facts(&std::fs::read(name).unwrap(), None);
        let whole = facts.problems.iter().all(|problem| problem.kind == ProblemKind::Notice);
        // It takes the signed digest for the description's without comparing them (sofd-sign 0.6.0).
        let other_description = facts.signatures.iter().any(|entry| entry.signer.integrity == Integrity::HashMismatch);
        let intact =
            whole && !facts.signatures.is_empty() && facts.signatures.iter().all(|entry| entry.signer.integrity == Integrity::Intact);
        let strict = facts.signatures.iter().find_map(beyond);
        if *yes == intact {
            agreed += 1;
        } else if *yes && (!whole || strict.is_some() || other_description) || words.contains("Unchecked") {
            // It says valid of a proof alone: neither the package as a whole, nor coverage, nor the seal is its question. And where a
            // certificate was not in force at the stated time, or a digest is another than SM3, it proves nothing either way; we tell
            // both on the verdict.
        } else {
            unexplained.push(format!("{name}: ours {intact}, sofd {words}, {strict:?}"));
        }
    }
    assert!(unexplained.is_empty() && agreed * 2 > names.len(), "{agreed} of {}: {unexplained:#?}", names.len());
}
