//! What a hostile stranger tries beyond the published attacks: one signature made to look like two, digests that stand twice.

use crate::authority::Authority;
use crate::changes::{append, authority, form_sample};
use crate::cms::join;
use crate::signing::{facts, plain_request, signed, sound};
use crate::verdicts::Case;
use xinyin::crypto::{KeyKind, Signer as _};
use xinyin::pki::build::{cms, encode};
use xinyin::pki::signed_data::oid;
use xinyin::sign::Format;
use xinyin::verify::Indication;

/// The SignerInfo of one signer twice: whoever counts signers would count two.
#[test]
fn one_signer_does_not_pass_for_two() {
    let authority = Authority::new(KeyKind::P256);
    let case = Case::new(&authority);
    let later = Case { claimed: Some("2026-03-11T01:59:00Z"), ..Case::new(&authority) };
    let (one, again) = (case.file(&authority.signer), later.file(&authority.signer));
    let honest = case.judge_bytes(&join(&one, &again));
    assert_eq!((honest.indication, honest.signatures.len()), (Indication::Passed, 2), "who signs twice has signed twice");
    let doubled = case.judge_bytes(&join(&one, &one));
    assert_eq!(
        (doubled.indication, doubled.sub_indication.as_deref()),
        (Indication::Failed, Some("FORMAT_FAILURE")),
        "{:#?}",
        doubled.defects
    );
}

/// Two digests of the content in the signed attributes, whichever is the right one.
#[test]
fn a_second_digest_is_refused() {
    let authority = Authority::new(KeyKind::P256);
    let case = Case::new(&authority);
    let algorithm = authority.signer.key.algorithm();
    let digest = |data: &[u8]| cms::attribute(&oid::MESSAGE_DIGEST, &encode::octet_string(&cms::digest_for(&algorithm).digest(data)));
    for other in [&b"content"[..], b"another"] {
        let spec = cms::SignedDataSpec {
            attributes: vec![digest(other)],
            ..cms::SignedDataSpec::new(&algorithm, authority.signer.certificate.der(), cms::Content::Attached(b"content"))
        };
        let file = cms::prepare(&spec).unwrap().sign(&authority.signer.key).unwrap().encode(None);
        let found = case.judge_bytes(&file);
        assert_eq!(
            (found.indication, found.sub_indication.as_deref()),
            (Indication::Failed, Some("FORMAT_FAILURE")),
            "{:#?}",
            found.defects
        );
    }
}

/// An empty field that waits for another signer is given the signature that stands there already.
#[test]
fn one_signature_does_not_fill_two_fields() {
    let authority = authority();
    let field = |more: &str| format!("<</Type/Annot/Subtype/Widget/FT/Sig/T(Second)/Rect[72 300 272 360]/P 3 0 R/F 4{more}>>");
    let form = "<</Fields[7 0 R 8 0 R 9 0 R 12 0 R 16 0 R 18 0 R 300 0 R]/DA(/Helv 0 Tf 0 g)/DR<</Font<</Helv 5 0 R>>>>/SigFlags 3>>";
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>\
                /Annots[7 0 R 8 0 R 9 0 R 14 0 R 15 0 R 16 0 R 300 0 R]>>";
    let base = append(&form_sample(), &[(6, form.into()), (3, page.into()), (300, field(""))]);
    let file = signed(authority, &authority.signer, &base, &plain_request(authority, Format::Pades)).unwrap();
    assert!(sound(&facts(&file, None)));
    let text = String::from_utf8_lossy(&file).into_owned();
    let body = &text[..text.rfind("/ByteRange").unwrap()];
    let head = &body[..body.rfind(" 0 obj").unwrap()];
    let number: String = head.chars().rev().take_while(char::is_ascii_digit).collect::<Vec<_>>().into_iter().rev().collect();
    let doubled = facts(&append(&file, &[(300, field(&format!("/V {number} 0 R")))]), None);
    assert!(!sound(&doubled), "{:?}", doubled.signatures.iter().map(|entry| (&entry.id, &entry.changes)).collect::<Vec<_>>());
    // Nor a copy of its dictionary.
    let copy = text[text.rfind(&format!("\n{number} 0 obj")).unwrap()..].to_owned();
    let copy = copy[copy.find("<<").unwrap()..copy.find("endobj").unwrap()].to_owned();
    let copied = facts(&append(&file, &[(300, field("/V 301 0 R")), (301, copy)]), None);
    assert!(!sound(&copied), "{:?}", copied.signatures.iter().map(|entry| (&entry.id, &entry.changes)).collect::<Vec<_>>());
}
