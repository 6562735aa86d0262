//! What becomes of packages that our own signer made when somebody changes them: every kind of change, at any place, ends in the
//! verdict that belongs to it.

use crate::authority::{Authority, Holder};
use crate::ofd::{Files, zip};
use crate::ofd_signing::{entries, esl, holder, judged, ofd_request, plain};
use crate::signing::{facts, signed};
use proptest::prelude::*;
use std::sync::OnceLock;
use xinyin::crypto::{Hash, KeyKind, Signer as _};
use xinyin::doc::seal::SealSignature;
use xinyin::pki::build::encode;
use xinyin::pki::build::seal::{ListKind, StampSpec, Version, prepare_stamp};
use xinyin::sign::{Level, Place, Request};
use xinyin::verify::{Indication, Verdict};

struct Made {
    authority: Authority,
    other: Holder,
    /// With a seal, a message and another seal on it.
    files: Files,
    /// The same document, sealed once with another seal.
    foreign: Files,
}

fn made() -> Option<&'static Made> {
    static MADE: OnceLock<Option<Made>> = OnceLock::new();
    let make = || {
        let authority = Authority::new(KeyKind::Sm2);
        let (maker, other) = (holder(&authority, 0x21, "制章单位"), holder(&authority, 0x22, "他人"));
        let seal = |version| esl(&authority, &maker, version, ListKind::Certificates);
        let sealed = |package: &[u8], seal: Option<&[u8]>| {
            let request = Request { places: seal.map(|_| Place::Riding).into_iter().collect(), ..ofd_request(&authority, seal, Level::B) };
            signed(&authority, &authority.signer, package, &request).unwrap()
        };
        let (first, second) = (seal(Version::V4), seal(Version::V5));
        let package = sealed(&sealed(&sealed(&zip(&plain()), Some(&first)), None), Some(&second));
        let foreign = sealed(&zip(&plain()), Some(&second));
        let read = |package: &[u8]| entries("ofd_altered", package);
        let (files, foreign) = (read(&package)?, read(&foreign)?);
        Some(Made { authority, other, files, foreign })
    };
    MADE.get_or_init(make).as_ref()
}

/// The files that signatures bring, and the lists.
const LIST: &str = "Doc_0/Signs/Signatures.xml";

fn of_signature(number: usize, file: &str) -> String {
    format!("Doc_0/Signs/Sign_{number}/{file}")
}

fn place(files: &Files, name: &str) -> usize {
    files.iter().position(|(other, _)| other == name).unwrap()
}

fn verdict(made: &Made, files: &Files) -> Verdict {
    judged(&made.authority, &facts(&zip(files), None))
}

#[track_caller]
fn failed(verdict: &Verdict, subs: &[&str]) {
    let sub = verdict.sub_indication.as_deref().unwrap_or_default();
    assert!(verdict.indication == Indication::Failed && subs.contains(&sub), "{:?} {sub}: {:#?}", verdict.indication, verdict.defects);
}

#[test]
fn unaltered_it_passes_in_any_order() {
    let Some(made) = made() else { return };
    for turn in 0..made.files.len() {
        let mut files = made.files.clone();
        files.rotate_left(turn);
        files.swap(0, turn / 2);
        let verdict = verdict(made, &files);
        assert_eq!((verdict.indication, verdict.signatures.len()), (Indication::Passed, 3), "{:#?}", verdict.defects);
    }
}

#[test]
fn seals_certificates_and_times_cannot_be_exchanged() {
    let Some(made) = made() else { return };
    let value = of_signature(0, "SignedValue.dat");
    let change = |edit: &dyn Fn(&mut Files)| {
        let mut files = made.files.clone();
        edit(&mut files);
        verdict(made, &files)
    };
    // The value, and value and description together, of another package; the seal's file of another seal.
    let foreign = |files: &mut Files, file: &str| {
        let name = of_signature(0, file);
        let (to, from) = (place(files, &name), place(&made.foreign, &name));
        files[to].1.clone_from(&made.foreign[from].1);
    };
    failed(&change(&|files| foreign(files, "SignedValue.dat")), &["HASH_FAILURE", "FORMAT_FAILURE"]);
    failed(&change(&|files| foreign(files, "Seal.esl")), &["HASH_FAILURE", "FORMAT_FAILURE"]);
    failed(
        &change(&|files| ["SignedValue.dat", "Signature.xml", "Seal.esl"].iter().for_each(|file| foreign(files, file))),
        &["HASH_FAILURE"],
    );
    // Parts of the value itself.
    let octets = made.files[place(&made.files, &value)].1.clone();
    let read = SealSignature::parse(&octets).unwrap();
    let seal = |signed: &[u8], certificate: &[u8], value: &[u8]| {
        encode::sequence([
            signed.to_vec(),
            encode::octet_string(certificate),
            encode::oid(&"1.2.156.10197.1.501".parse().unwrap()),
            encode::bit_string(value),
        ])
    };
    let put = |new: Vec<u8>| {
        change(&|files| {
            let at = place(files, &value);
            files[at].1.clone_from(&new);
        })
    };
    // Another certificate beside the same value; the true one beside a value of another key.
    let with_others = seal(read.to_be_signed, made.other.certificate.der(), read.signature);
    failed(&put(with_others), &["SIG_CRYPTO_FAILURE"]);
    let other_key = made.other.key.sign(read.to_be_signed).unwrap();
    failed(&put(seal(read.to_be_signed, read.certificate, &other_key)), &["SIG_CRYPTO_FAILURE"]);
    // Somebody signs with the seal that does not list him: everything is intact but that.
    let by_another = put(seal(read.to_be_signed, made.other.certificate.der(), &other_key));
    let first = &by_another.signatures[0];
    assert_eq!((first.indication, first.sub_indication.as_deref()), (Indication::Indeterminate, Some("SIG_CONSTRAINTS_FAILURE")));
    assert_eq!(first.seal.as_ref().map(|seal| seal.signer_listed), Some(false));
    // Another time, with the old value; and by the signer's own hand, before the seal began.
    let at = octets.windows(15).position(|window| window == b"20261123080000Z").unwrap();
    let mut earlier = octets.clone();
    earlier[at + 5] = b'0';
    failed(&put(earlier), &["SIG_CRYPTO_FAILURE"]);
    let early = StampSpec {
        version: Version::V4,
        seal: read.seal.raw,
        at: "2026-10-23T08:00:00Z".parse().unwrap(),
        digest: read.data_hash,
        property: &read.property,
        certificate: read.certificate,
    };
    let fixed = prepare_stamp(&early);
    let value = made.authority.signer.key.sign(fixed.message()).unwrap();
    let early = put(fixed.finish(value).encode(None));
    assert_eq!(
        (early.signatures[0].indication, early.signatures[0].sub_indication.as_deref()),
        (Indication::Indeterminate, Some("NOT_YET_VALID"))
    );
}

/// A time-stamp proves the time of the very value that it was made over: another's, even of the same signer, proves none.
#[test]
fn time_stamps_cannot_be_exchanged() {
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    for version in [Version::V4, Version::V5] {
        let seal = esl(&authority, &maker, version, ListKind::Certificates);
        let request = ofd_request(&authority, Some(&seal), Level::T);
        let sealed = |package: &[u8]| signed(&authority, &authority.signer, package, &request).unwrap();
        let package = sealed(&sealed(&zip(&plain())));
        let Some(files) = entries("ofd_altered::time_stamps", &package) else { return };
        let value = |number: usize| files[place(&files, &of_signature(number, "SignedValue.dat"))].1.clone();
        let (first, second) = (value(0), value(1));
        let (read, other) = (SealSignature::parse(&first).unwrap(), SealSignature::parse(&second).unwrap());
        let with = |token: Option<&[u8]>| {
            let parts = [
                read.to_be_signed.to_vec(),
                encode::octet_string(read.certificate),
                encode::oid(&"1.2.156.10197.1.501".parse().unwrap()),
                encode::bit_string(read.signature),
                token.map(|token| encode::tlv(0xa0, &encode::bit_string(token))).unwrap_or_default(),
            ];
            let mut files = files.clone();
            let at = place(&files, &of_signature(0, "SignedValue.dat"));
            files[at].1 = encode::sequence(parts);
            // Only the first: the second protects the first's value.
            judged(&authority, &facts(&zip(&files), None)).signatures.remove(0)
        };
        let own = with(read.timestamp);
        assert_eq!((own.indication, own.best_time_source), (Indication::Passed, "signature-timestamp"), "{version:?}");
        let swapped = with(other.timestamp);
        assert_ne!(swapped.best_time_source, "signature-timestamp", "{version:?}");
        let mut broken = read.timestamp.unwrap().to_vec();
        let last = broken.len() - 4;
        broken[last] ^= 1;
        assert_ne!(with(Some(&broken)).best_time_source, "signature-timestamp", "{version:?}");
        // Taken away, the signature says what it is without.
        let bare = with(None);
        assert_eq!((bare.indication, bare.best_time_source), (Indication::Passed, "claimed"), "{version:?}");
    }
}

/// The signature that stands at this place stays whole when a later one is cut off again: its description, value and seal, and the
/// line in the list.
#[test]
fn a_later_signature_can_be_taken_away_and_an_earlier_one_cannot() {
    let Some(made) = made() else { return };
    let without = |number: usize| {
        let mut files: Files =
            made.files.iter().filter(|(name, _)| !name.starts_with(&format!("Doc_0/Signs/Sign_{number}/"))).cloned().collect();
        let list = place(&files, LIST);
        let text = String::from_utf8(files[list].1.clone()).unwrap();
        let path = of_signature(number, "Signature.xml");
        let end = text.find(&path).unwrap();
        let (start, stop) = (text[..end].rfind("<ofd:Signature ").unwrap(), end + text[end..].find("/>").unwrap() + 2);
        files[list].1 = format!("{}{}", &text[..start], &text[stop..]).into_bytes();
        verdict(made, &files)
    };
    let last = without(2);
    assert_eq!((last.indication, last.signatures.len()), (Indication::Passed, 2));
    for number in 0..2 {
        let verdict = without(number);
        // Those that came after protect what is gone.
        let found = (verdict.indication, verdict.sub_indication.as_deref());
        assert_eq!(found, (Indication::Indeterminate, Some("SIGNED_DATA_NOT_FOUND")), "{number}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done to the files ends in the verdict for it; what is not protected (the list of signatures) never makes a
    /// signature say something else.
    #[test]
    fn no_change_passes(kind in 0u8..7, which: prop::sample::Index, at: prop::sample::Index, bit in 0u8..8) {
        let Some(made) = made() else { return Ok(()) };
        let mut files = made.files.clone();
        let entry = which.index(files.len());
        let (name, octets) = files[entry].clone();
        let own = |file: &str| name.ends_with(file) && name.starts_with("Doc_0/Signs/");
        match kind {
            // One bit of one file.
            0 | 1 => {
                if name == LIST || octets.is_empty() {
                    return Ok(());
                }
                let place = at.index(octets.len());
                files[entry].1[place] ^= 1 << bit;
                let verdict = verdict(made, &files);
                prop_assert!(verdict.indication == Indication::Failed || verdict.indication == Indication::Indeterminate, "{name} {place}");
                // What all three protect fails all three.
                if name == "Doc_0/Document.xml" {
                    failed(&verdict, &["HASH_FAILURE"]);
                    prop_assert!(verdict.signatures.iter().all(|entry| entry.indication == Indication::Failed));
                }
            }
            // A file is gone.
            2 => {
                files.remove(entry);
                let verdict = verdict(made, &files);
                prop_assert!(verdict.indication != Indication::Passed, "{name}");
                if name.starts_with("Doc_0/Pages/") || name.starts_with("Doc_0/Res/") {
                    prop_assert_eq!(verdict.sub_indication.as_deref(), Some("SIGNED_DATA_NOT_FOUND"), "{}", name);
                }
            }
            // A file more.
            3 => {
                files.insert(entry, (format!("Doc_0/Res/more_{bit}.bin"), octets));
                let verdict = verdict(made, &files);
                prop_assert_eq!((verdict.indication, verdict.sub_indication.as_deref()), (Indication::Indeterminate, Some("SIG_CONSTRAINTS_FAILURE")));
                prop_assert!(verdict.signatures.iter().all(|entry| entry.covers == "partial"));
            }
            // A file twice, the same or altered, and one whose name differs in case.
            4 => {
                let mut copy = octets;
                if bit > 3 && !copy.is_empty() {
                    let place = at.index(copy.len());
                    copy[place] ^= 1;
                }
                let name = if bit % 2 == 0 { name } else { name.to_uppercase() };
                files.insert(at.index(files.len()), (name, copy));
                failed(&verdict(made, &files), &["FORMAT_FAILURE"]);
            }
            // Another name.
            5 => {
                files[entry].0 = format!("{name}.{bit}");
                prop_assert!(verdict(made, &files).indication != Indication::Passed, "{name}");
            }
            // Two files change places.
            _ => {
                let other = at.index(files.len());
                if files[other].1 == octets || own("Signatures.xml") && bit > 6 {
                    return Ok(());
                }
                files[entry].1 = files[other].1.clone();
                files[other].1 = octets;
                prop_assert!(verdict(made, &files).indication != Indication::Passed, "{name} and {}", files[other].0);
            }
        }
    }

    /// The list of signatures is protected by nobody: a change there may drop or spoil a signature, and never lets one say more.
    #[test]
    fn the_list_decides_nothing(at: prop::sample::Index, bit in 0u8..8) {
        let Some(made) = made() else { return Ok(()) };
        let mut files = made.files.clone();
        let list = place(&files, LIST);
        let octet = at.index(files[list].1.len());
        files[list].1[octet] ^= 1 << bit;
        let verdict = verdict(made, &files);
        let digest = Hash::Sha256.digest(made.authority.signer.certificate.der());
        for entry in verdict.signatures.iter().filter(|entry| entry.indication == Indication::Passed) {
            prop_assert!(entry.covers == "whole-document" && entry.signer.as_ref().is_some_and(|signer| signer.cert_sha256 == hex::encode(&digest)));
        }
    }
}
