//! Electronic seals in PDF: the picture as the mark of a GB/T 35275 message, and SES_Signature in `/Contents`.

use crate::authority::{Authority, NOW, at};
use crate::ofd_signing::{esl_with, holder, judged};
use crate::signing::{facts, request, sample, signed, sound};
use xinyin::crypto::KeyKind;
use xinyin::doc::facts::Integrity;
use xinyin::doc::seal::SealSignature;
use xinyin::pki::build::seal::{ListKind, Version};
use xinyin::sign::{Format, Level, Mark, Place, Refusal, Request};
use xinyin::verify::Indication;

/// A picture that is one.
pub fn png() -> Vec<u8> {
    let mut octets = std::io::Cursor::new(Vec::new());
    let picture = image::RgbaImage::from_fn(20, 20, |x, y| image::Rgba([200, 0, 0, if (x + y) % 2 == 0 { 255 } else { 0 }]));
    picture.write_to(&mut octets, image::ImageFormat::Png).unwrap();
    octets.into_inner()
}

#[test]
fn every_version_signs_pdfs_and_our_judge_passes_them() {
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    for stream in [false, true] {
        let mut document = sample(stream, "");
        let turns = [
            (Version::V1, Format::Ses, Level::B),
            (Version::V4, Format::Ses, Level::T),
            (Version::V4, Format::Pades, Level::T),
            (Version::V5, Format::Ses, Level::B),
        ];
        for (turn, (version, format, level)) in turns.into_iter().enumerate() {
            let seal = esl_with(&authority, &maker, version, ListKind::Certificates, png());
            let wanted = Request { seal: Some(seal.clone().into()), ..request(&authority, &authority.signer, format, level) };
            let before = document.clone();
            document = signed(&authority, &authority.signer, &document, &wanted).unwrap();
            assert!(document.starts_with(&before), "the signed revision stays");
            let facts = facts(&document, None);
            assert!(sound(&facts), "{facts:#?}");
            let verdict = judged(&authority, &facts);
            assert_eq!((verdict.indication, verdict.signatures.len()), (Indication::Passed, turn + 1), "{:#?}", verdict.defects);
            let last = verdict.signatures.last().unwrap();
            assert_eq!((last.kind, last.covers), (if format == Format::Ses { "seal" } else { "signature" }, "whole-document"));
            assert_eq!(last.best_time_source, if level == Level::T { "signature-timestamp" } else { "claimed" });
            assert_eq!(last.seal.as_ref().map(|seal| seal.signer_listed), (format == Format::Ses).then_some(true));
            // The mark is the seal's own size, at the lower right of the last page, and further ones stand beside those before.
            let added = String::from_utf8_lossy(&document[before.len()..]).replace("/Rect [", "/Rect[");
            let place =
                ["419.53 56.69 538.59 175.75", "294.48 56.69 413.53 175.75", "169.42 56.69 288.48 175.75", "44.37 56.69 163.42 175.75"];
            assert!(added.contains(&format!("/Rect[{}]", place[turn])), "{added}");
            assert!(added.contains("GM.sm2seal") == (format == Format::Ses));
        }
    }
}

#[test]
fn no_flipped_octet_of_a_sealed_pdf_passes() {
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    let seal = esl_with(&authority, &maker, Version::V4, ListKind::Certificates, png());
    let wanted = Request { seal: Some(seal.into()), ..request(&authority, &authority.signer, Format::Ses, Level::B) };
    let document = signed(&authority, &authority.signer, &sample(false, ""), &wanted).unwrap();
    let digits = document.windows(11).position(|window| window == b"/Contents <").unwrap() + 11;
    let contents = hex::decode(document[digits..].iter().take_while(|octet| **octet != b'>').copied().collect::<Vec<_>>()).unwrap();
    let signature = SealSignature::parse(&contents).unwrap();
    let (used, signed_part) = (signature.raw.len(), signature.to_be_signed.len());
    let mut passed = Vec::new();
    for place in (0..document.len()).step_by(7) {
        let mut altered = document.clone();
        // In the hexadecimal digits another digit, elsewhere another octet.
        altered[place] = match altered[place] {
            digit @ (b'0'..=b'9' | b'a'..=b'f') if (digits..digits + 2 * contents.len()).contains(&place) => {
                if digit == b'0' {
                    b'1'
                } else {
                    b'0'
                }
            }
            other => other ^ 1,
        };
        if judged(&authority, &facts(&altered, None)).indication == Indication::Passed {
            passed.push(place);
        }
    }
    // What follows the structure in the space kept for it is told about and signs nothing.
    let padding = digits + 2 * used..digits + 2 * contents.len();
    assert!(signed_part > 500 && passed.iter().all(|place| padding.contains(place)), "{passed:?}");
}

#[test]
fn a_seal_moved_to_another_document_fails() {
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    let seal = esl_with(&authority, &maker, Version::V4, ListKind::Certificates, png());
    let wanted = Request { seal: Some(seal.into()), ..request(&authority, &authority.signer, Format::Ses, Level::B) };
    let one = signed(&authority, &authority.signer, &sample(false, ""), &wanted).unwrap();
    let other = signed(&authority, &authority.signer, &sample(false, "/Lang(zh)"), &wanted).unwrap();
    let gap = |document: &[u8]| {
        let start = document.windows(11).position(|window| window == b"/Contents <").unwrap() + 10;
        start..start + document[start..].iter().position(|octet| *octet == b'>').unwrap() + 1
    };
    let mut moved = other.clone();
    let (from, to) = (gap(&one), gap(&other));
    assert_eq!(from.len(), to.len());
    moved[to].copy_from_slice(&one[from]);
    let facts = facts(&moved, None);
    assert_eq!(facts.signatures[0].signer.integrity, Integrity::HashMismatch);
    let verdict = judged(&authority, &facts);
    assert_eq!((verdict.indication, verdict.sub_indication.as_deref()), (Indication::Failed, Some("HASH_FAILURE")));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let authority = Authority::new(KeyKind::Sm2);
    let maker = holder(&authority, 0x21, "制章单位");
    let seal = esl_with(&authority, &maker, Version::V4, ListKind::Certificates, png());
    let good = Request { seal: Some(seal.into()), ..request(&authority, &authority.signer, Format::Ses, Level::B) };
    let refused = |wanted: Request| signed(&authority, &authority.signer, &sample(false, ""), &wanted).unwrap_err();
    assert!(matches!(refused(Request { seal: None, ..good.clone() }), Refusal::Request(_)));
    assert!(matches!(refused(Request { certificate: maker.certificate.clone(), ..good.clone() }), Refusal::SealNotYours(1)));
    assert!(matches!(refused(Request { at: at("2028-01-01T00:00:00Z"), ..good.clone() }), Refusal::SealOutOfForce(..)));
    assert!(matches!(refused(Request { places: vec![Place::Riding], ..good.clone() }), Refusal::Request(_)));
    assert!(matches!(refused(Request { level: Level::Lt, ..good.clone() }), Refusal::Request(_)));
    assert!(matches!(refused(Request { format: Format::Cades, ..good.clone() }), Refusal::Request(_)));
    let unreadable = esl_with(&authority, &maker, Version::V4, ListKind::Certificates, b"GIF89a".to_vec());
    assert!(matches!(refused(Request { seal: Some(unreadable.into()), ..good.clone() }), Refusal::Picture(_)));
    let mark = Some(Mark::new(1, [10.0, 10.0, 60.0, 60.0]).unwrap());
    let placed = signed(&authority, &authority.signer, &sample(false, ""), &Request { mark, at: at(NOW), ..good }).unwrap();
    assert!(String::from_utf8_lossy(&placed).contains("/Rect [10.00 10.00 60.00 60.00]"));
}
