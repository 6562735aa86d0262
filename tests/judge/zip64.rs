//! Packages in ZIP64: read as they are, and refused where two readers could see two packages.

use crate::authority::Authority;
use crate::ofd::Files;
use crate::ofd_signing::{entries, esl, holder, judged, ofd_request, plain};
use crate::signing::{facts, signed};
use xinyin::crypto::KeyKind;
use xinyin::pki::build::seal::{ListKind, Version};
use xinyin::sign::Level;
use xinyin::verify::Indication;

/// A package whose every number stands in a ZIP64 field.
fn zip64(files: &Files) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, octets) in files {
        let mut crc = flate2::Crc::new();
        crc.update(octets);
        let (offset, length) = (out.len() as u64, octets.len() as u64);
        let common = |extra: u16| {
            let mut common = vec![45, 0, 0, 8, 0, 0, 0, 0, 0x21, 0];
            common.extend(crc.sum().to_le_bytes());
            common.extend([0xff; 8]);
            common.extend((name.len() as u16).to_le_bytes());
            common.extend(extra.to_le_bytes());
            common
        };
        let extra = |numbers: &[u64]| {
            let mut extra = vec![1, 0];
            extra.extend((numbers.len() as u16 * 8).to_le_bytes());
            numbers.iter().for_each(|number| extra.extend(number.to_le_bytes()));
            extra
        };
        out.extend(b"PK\x03\x04");
        out.extend(common(20));
        out.extend(name.as_bytes());
        out.extend(extra(&[length, length]));
        out.extend(octets);
        directory.extend(b"PK\x01\x02\x2d\x00");
        directory.extend(common(28));
        directory.extend([0; 10]);
        directory.extend([0xff; 4]);
        directory.extend(name.as_bytes());
        directory.extend(extra(&[length, length, offset]));
    }
    let (start, size, count) = (out.len() as u64, directory.len() as u64, files.len() as u64);
    out.extend(directory);
    out.extend(b"PK\x06\x06");
    out.extend(44u64.to_le_bytes());
    out.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    [count, count, size, start].iter().for_each(|number| out.extend(number.to_le_bytes()));
    out.extend(b"PK\x06\x07\0\0\0\0");
    out.extend((start + size).to_le_bytes());
    out.extend(1u32.to_le_bytes());
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([0xff; 12]);
    out.extend([0, 0]);
    out
}

#[test]
fn they_are_read_signed_and_judged() {
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    let seal = esl(&authority, &maker, Version::V4, ListKind::Certificates);
    let package = zip64(&plain());
    assert!(facts(&package, None).problems.is_empty(), "{:?}", facts(&package, None).problems);
    let request = ofd_request(&authority, Some(&seal), Level::B);
    let once = signed(&authority, &authority.signer, &package, &request).unwrap();
    let twice = signed(&authority, &authority.signer, &once, &request).unwrap();
    let verdict = judged(&authority, &facts(&twice, None));
    assert_eq!((verdict.indication, verdict.signatures.len()), (Indication::Passed, 2), "{:#?}", verdict.defects);
    // Copied entries keep their ZIP64 fields, and others read them.
    let Some(read) = entries("zip64", &twice) else { return };
    assert_eq!(read.iter().find(|(name, _)| name == "Doc_0/Document.xml").unwrap().1, plain()[1].1);
    // All of it in ZIP64.
    let verdict = judged(&authority, &facts(&zip64(&read), None));
    assert_eq!((verdict.indication, verdict.signatures.len()), (Indication::Passed, 2), "{:#?}", verdict.defects);
}

#[test]
fn no_flipped_octet_of_their_structure_passes() {
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    let seal = esl(&authority, &maker, Version::V4, ListKind::Certificates);
    let once = signed(&authority, &authority.signer, &zip64(&plain()), &ofd_request(&authority, Some(&seal), Level::B)).unwrap();
    let Some(files) = entries("zip64", &once) else { return };
    let package = zip64(&files);
    assert_eq!(judged(&authority, &facts(&package, None)).indication, Indication::Passed);
    let directory = package.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    let mut passed = Vec::new();
    for at in (0..60).chain(directory..package.len()) {
        let mut altered = package.clone();
        altered[at] ^= 1;
        if judged(&authority, &facts(&altered, None)).indication == Indication::Passed {
            passed.push(at);
        }
    }
    // Versions, dates, attributes and hints of records say nothing about contents; so do versions of the ZIP64 record and, in its
    // locator, a count of volumes that some write as none.
    let end = package.windows(4).rposition(|window| window == b"PK\x06\x06").unwrap();
    let harmless = |at: usize| {
        if at >= end {
            return matches!(at - end, 12..=15 | 72);
        }
        let record = (0..=at).rev().find(|at| matches!(&package[*at..*at + 4], b"PK\x01\x02" | b"PK\x03\x04")).unwrap();
        let field = at - record;
        if package[record + 2] == 1 { matches!(field, 4..=15 | 36..=41) } else { matches!(field, 4..=7 | 10..=13) }
    };
    assert!(passed.iter().all(|at| harmless(*at)), "{:?}", passed.iter().filter(|at| !harmless(**at)).collect::<Vec<_>>());
}
