//! BouncyCastle reads what a seal signs, in every version and in each kind of document: the maker's and the signer's signatures, the
//! messages of plain OFD signatures, the contents of sealed PDFs.

use crate::authority::{Authority, file};
use crate::ofd::zip;
use crate::ofd_signing::{entries, esl_with, holder, ofd_request, plain};
use crate::pdf_seals::png;
use crate::peers;
use crate::signing::{gap, request, sample, signed};
use std::path::Path;
use xinyin::crypto::KeyKind;
use xinyin::doc::seal::SealSignature;
use xinyin::pki::build::seal::{ListKind, Version};
use xinyin::sign::{Format, Level, Request};

type Jobs = Vec<(bool, Vec<String>)>;

/// The two signatures in a seal signature, and what was altered in what they sign.
fn values(jobs: &mut Jobs, folder: &Path, name: &str, value: &[u8]) {
    let read = SealSignature::parse(value).unwrap();
    let put = |ending: &str, octets: &[u8]| file(folder, &format!("{name}.{ending}"), octets).display().to_string();
    for (who, certificate, message, signature) in [
        ("maker", read.seal.maker, read.seal.to_be_signed().into_owned(), read.seal.signature),
        ("signer", read.certificate, read.to_be_signed.to_vec(), read.signature),
    ] {
        let mut altered = message.clone();
        let half = altered.len() / 2;
        altered[half] ^= 1;
        let (certificate, signature) = (put(&format!("{who}.crt"), certificate), put(&format!("{who}.sig"), signature));
        for (good, message) in [(true, message), (false, altered)] {
            let message = put(&format!("{who}.{good}"), &message);
            jobs.push((good, vec!["sm2".into(), certificate.clone(), message, signature.clone()]));
        }
    }
    if let Some(token) = read.timestamp {
        jobs.push((true, vec!["timestamp".into(), put("token", token), put("stamped", read.signature)]));
        jobs.push((false, vec!["timestamp".into(), put("token", token), put("other", read.seal.signature)]));
    }
}

/// Hexadecimal contents of the signature that a PDF bears, without the zeros that fill the gap.
fn contents(document: &[u8]) -> Vec<u8> {
    let digits: String = document[gap(document)].iter().map(|octet| char::from(*octet)).filter(char::is_ascii_hexdigit).collect();
    let octets = hex::decode(digits).unwrap();
    let (length, head) = match octets[1] {
        0x82 => (usize::from(octets[2]) << 8 | usize::from(octets[3]), 4),
        0x83 => (usize::from(octets[2]) << 16 | usize::from(octets[3]) << 8 | usize::from(octets[4]), 5),
        other => panic!("{other:x}"),
    };
    octets[..head + length].to_vec()
}

#[test]
fn bouncy_castle_accepts_our_seals_in_packages_and_pdfs() {
    let test = "bouncy_castle_accepts_our_seals_in_packages_and_pdfs";
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    let mut jobs = Jobs::new();
    let mut package = zip(&plain());
    for (version, level) in [(Version::V1, Level::B), (Version::V4, Level::T), (Version::V5, Level::T)] {
        let seal = esl_with(&authority, &maker, version, ListKind::Certificates, png());
        package = signed(&authority, &authority.signer, &package, &ofd_request(&authority, Some(&seal), level)).unwrap();
        let wanted = Request { seal: Some(seal.into()), ..request(&authority, &authority.signer, Format::Ses, level) };
        let pdf = signed(&authority, &authority.signer, &sample(false, ""), &wanted).unwrap();
        values(&mut jobs, folder, &format!("pdf-{version:?}"), &contents(&pdf));
    }
    for level in [Level::B, Level::T] {
        package = signed(&authority, &authority.signer, &package, &ofd_request(&authority, None, level)).unwrap();
    }
    let Some(files) = entries(test, &package) else { return };
    let of = |number: usize, name: &str| {
        let name = format!("Doc_0/Signs/Sign_{number}/{name}");
        files.iter().find(|(other, _)| *other == name).unwrap().1.clone()
    };
    for number in 0..3 {
        values(&mut jobs, folder, &format!("ofd-{number}"), &of(number, "SignedValue.dat"));
    }
    for number in 3..5 {
        let put = |name: &str, octets: &[u8]| file(folder, &format!("{number}.{name}"), octets).display().to_string();
        let message = put("p7", &of(number, "SignedValue.dat"));
        jobs.push((true, vec!["cms".into(), message.clone(), put("xml", &of(number, "Signature.xml"))]));
        jobs.push((false, vec!["cms".into(), message, put("other", &of(0, "Signature.xml"))]));
    }
    let bare: Vec<_> = jobs.iter().map(|(_, job)| job.clone()).collect();
    let Some(answers) = peers::bouncy_castle(test, folder, &bare) else { return };
    assert_eq!(answers.len(), jobs.len());
    for ((expected, job), answer) in jobs.iter().zip(answers) {
        assert_eq!(answer.yes, *expected, "{job:?}: {}", answer.words);
    }
}
