//! Certifications, named and empty fields, locks, seed values, and marks with pictures: what we make holds, and binds those who
//! sign after us.

use crate::authority::{Authority, NOW, file, pem};
use crate::levels::{anchor, judged, known, raised};
use crate::peers;
use crate::signing::{facts, request, sample, signed, sound, updated};
use std::io::Cursor;
use std::process::Command;
use std::sync::Arc;
use xinyin::crypto::KeyKind;
use xinyin::fault::{Fault, code};
use xinyin::files::fonts::{Style, chinese};
use xinyin::sign::{Format, Level, Lock, Mark, Picture, Refusal, Request, prepare};

fn wanted(authority: &Authority) -> Request {
    request(authority, &authority.signer, Format::Pades, Level::B)
}

fn sign(authority: &Authority, document: &[u8], request: &Request) -> Result<Vec<u8>, Refusal> {
    signed(authority, &authority.signer, document, request)
}

/// The sample with empty signature fields 甲方 (at the foot of the page) and 乙方, whose dictionaries hold `more`.
fn with_fields(more: &str) -> Vec<u8> {
    let name = |text: &str| hex::encode_upper(text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>());
    let field =
        |text: &str, rect: &str| format!("<</Type/Annot/Subtype/Widget/FT/Sig/T<FEFF{}>/P 3 0 R/F 4/Rect[{rect}]{more}>>", name(text));
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595.28 841.89]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>/Annots[6 0 R 7 0 R]>>";
    let objects: [(u32, &str); 4] = [
        (1, "<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[6 0 R 7 0 R]>>>>"),
        (3, page),
        (6, &field("甲方", "72 72 272 142")),
        (7, &field("乙方", "300 72 500 142")),
    ];
    updated(&sample(false, ""), &objects, true)
}

#[test]
fn a_certification_permits_what_it_says() {
    let authority = Authority::new(KeyKind::P256);
    for level in 1..=3u8 {
        let certified = sign(&authority, &sample(level == 2, ""), &Request { certify: Some(level), ..wanted(&authority) }).unwrap();
        assert_eq!(judged(&facts(&certified, None), &known(&authority)).indication.name(), "TOTAL-PASSED");
        let text = String::from_utf8_lossy(&certified).into_owned();
        assert!(text.contains("/DocMDP") && text.contains(&format!("/P {level}")) && text.contains("/Perms"), "{level}");
        // Validation material and time-stamps are welcome under every level (ISO 32000-2 12.8.2.2.2).
        let archived = raised(&authority, &certified, None, Level::Lta);
        let verdict = judged(&facts(&archived, None), &anchor(&authority));
        assert_eq!(verdict.indication.name(), "TOTAL-PASSED", "{level}: {}", serde_json::to_string(&verdict).unwrap());
        let again = sign(&authority, &certified, &wanted(&authority));
        match level {
            1 => assert!(matches!(again, Err(Refusal::Document(_))), "{again:?}"),
            _ => assert!(sound(&facts(&again.unwrap(), None)), "{level}"),
        }
        let twice = sign(&authority, &certified, &Request { certify: Some(2), ..wanted(&authority) });
        assert!(matches!(twice, Err(Refusal::Document(_))), "only the first signature certifies: {twice:?}");
    }
    let none = prepare(&sample(false, ""), &Request { certify: Some(4), ..wanted(&authority) }, [1; 16]);
    assert!(matches!(none, Err(Refusal::Request(_))));
}

#[test]
fn fields_that_stand_in_the_form_are_signed_where_they_are() {
    let authority = Authority::new(KeyKind::P256);
    let in_field = |name: &str| Request { field: Some(name.into()), ..wanted(&authority) };
    let document = with_fields("");
    let first = sign(&authority, &document, &in_field("甲方")).unwrap();
    assert!(first.starts_with(&document));
    let second = sign(&authority, &first, &in_field("乙方")).unwrap();
    let seen = facts(&second, None);
    assert!(sound(&seen), "{seen:#?}");
    assert_eq!(seen.signatures.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["甲方", "乙方"]);
    assert_eq!(judged(&seen, &known(&authority)).indication.name(), "TOTAL-PASSED");
    // A field that is signed already, one that is named with a place, one whose name is a group's.
    assert!(matches!(sign(&authority, &first, &in_field("甲方")), Err(Refusal::Document(_))));
    let placed = Request { mark: Some(Mark::usual()), ..in_field("乙方") };
    assert!(matches!(sign(&authority, &first, &placed), Err(Refusal::Request(_))));
    assert!(matches!(sign(&authority, &document, &in_field("a.b")), Err(Refusal::Request(_))));
    // A name that the form does not know becomes a new field.
    let new = sign(&authority, &first, &in_field("丙方")).unwrap();
    assert_eq!(facts(&new, None).signatures[1].id, "丙方");
    assert!(sound(&facts(&new, None)));
    // Only PDF has fields.
    let message = prepare(&b"x".to_vec(), &Request { format: Format::Cades, ..in_field("甲方") }, [1; 16]);
    assert!(matches!(message, Err(Refusal::Request(_))));
}

#[test]
fn locks_bind_those_who_sign_later() {
    let authority = Authority::new(KeyKind::P256);
    let name = |text: &str| hex::encode_upper(text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>());
    let in_field = |name: &str| Request { field: Some(name.into()), ..wanted(&authority) };
    // By the signer's wish.
    let locks = Request { lock: Some(Lock::Include(vec!["乙方".into()])), ..in_field("甲方") };
    let locked = sign(&authority, &with_fields(""), &locks).unwrap();
    assert!(sound(&facts(&locked, None)));
    let against = sign(&authority, &locked, &in_field("乙方"));
    assert!(matches!(against, Err(Refusal::Document(_))), "{against:?}");
    assert!(sound(&facts(&sign(&authority, &locked, &in_field("丙方")).unwrap(), None)));
    // By the form's author.
    let lock = format!("/Lock<</Type/SigFieldLock/Action/Exclude/Fields[<FEFF{}>]>>", name("丙方"));
    let document = with_fields(&lock);
    let locked = sign(&authority, &document, &in_field("甲方")).unwrap();
    assert!(String::from_utf8_lossy(&locked).contains("/FieldMDP") && sound(&facts(&locked, None)));
    assert!(matches!(sign(&authority, &locked, &in_field("乙方")), Err(Refusal::Document(_))));
    let both = sign(&authority, &document, &Request { lock: Some(Lock::All), ..in_field("甲方") });
    assert!(matches!(both, Err(Refusal::Request(_))), "{both:?}");
}

/// A lock of which nobody can tell what it locks leaves the signature undecided, and is not signed here.
#[test]
fn locks_that_cannot_be_read_are_not_passed_over() {
    let authority = Authority::new(KeyKind::P256);
    let in_field = |name: &str| Request { field: Some(name.into()), ..wanted(&authority) };
    for fields in ["/Fields[/Name]", "/Fields(text)", "/Fields[(a)7]", ""] {
        for action in ["Include", "Exclude"] {
            let document = with_fields(&format!("/Lock<</Type/SigFieldLock/Action/{action}{fields}>>"));
            match sign(&authority, &document, &in_field("甲方")) {
                Ok(signed) => assert!(!sound(&facts(&signed, None)), "{action} {fields}"),
                Err(refusal) => assert!(matches!(refusal, Refusal::Document(_) | Refusal::Request(_)), "{refusal:?}"),
            }
        }
    }
    for level in ["/P(1)", "/P/x", "/P 0"] {
        let document = with_fields(&format!("/Lock<</Type/SigFieldLock/Action/All{level}>>"));
        if let Ok(signed) = sign(&authority, &document, &in_field("甲方")) {
            assert!(!sound(&facts(&signed, None)), "{level}");
        }
    }
}

#[test]
fn seed_values_are_honoured_or_the_signature_is_refused() {
    let authority = Authority::new(KeyKind::P256);
    let in_field =
        |level, reason: Option<&str>| Request { field: Some("甲方".into()), level, reason: reason.map(Into::into), ..wanted(&authority) };
    let pkcs7 = sign(&authority, &with_fields("/SV<</Ff 2/SubFilter[/adbe.pkcs7.detached]>>"), &in_field(Level::B, None)).unwrap();
    assert!(String::from_utf8_lossy(&pkcs7).contains("/SubFilter/adbe.pkcs7.detached") && sound(&facts(&pkcs7, None)));
    let certified = sign(&authority, &with_fields("/SV<</MDP<</P 2>>>>"), &in_field(Level::B, None)).unwrap();
    assert!(String::from_utf8_lossy(&certified).contains("/DocMDP") && sound(&facts(&certified, None)));
    let reasons = with_fields("/SV<</Ff 8/Reasons[(agreed)]>>");
    assert!(matches!(sign(&authority, &reasons, &in_field(Level::B, Some("other"))), Err(Refusal::Check(_))));
    assert!(sound(&facts(&sign(&authority, &reasons, &in_field(Level::B, Some("agreed"))).unwrap(), None)));
    let digests = with_fields("/SV<</Ff 64/DigestMethod[(SHA512)]>>");
    assert!(matches!(sign(&authority, &digests, &in_field(Level::B, None)), Err(Refusal::Check(_))));
}

fn png(width: u32, height: u32, colour: [u8; 4]) -> Vec<u8> {
    let picture = image::RgbaImage::from_pixel(width, height, image::Rgba(colour));
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_pixel(width, height, image::Rgb([0, 0, 250]));
    let mut out = Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Jpeg).unwrap();
    out.into_inner()
}

/// Pixels of the first page, as pdftoppm draws it at 72 to the inch, for which `wanted` holds.
fn pixels(path: &std::path::Path, wanted: impl Fn([u8; 3]) -> bool) -> usize {
    let output =
        peers::run(Command::new("pdftoppm").args(["-r", "72", "-f", "1", "-l", "1", "-png", "-singlefile"]).arg(path).arg(path), 60);
    assert!(output.status.success(), "{}", peers::said(&output));
    let drawn = image::open(format!("{}.png", path.display())).unwrap().into_rgb8();
    // The mark stands in the lower part of the page.
    drawn.enumerate_pixels().filter(|(_, y, _)| *y > 600).filter(|(_, _, pixel)| wanted(pixel.0)).count()
}

#[test]
fn marks_show_picture_and_words() {
    let test = "marks_show_picture_and_words";
    let authority = Authority::new(KeyKind::P256);
    let folder = tempfile::tempdir().unwrap();
    let font: Option<Arc<[u8]>> = chinese(None, Style::Sans).unwrap().map(Arc::from);
    for (name, file_of_picture) in
        [("png", png(60, 30, [0, 0, 250, 255])), ("clear", png(40, 40, [0, 0, 250, 200])), ("jpeg", jpeg(50, 80))]
    {
        let picture = Picture::decode(&file_of_picture).unwrap();
        let mark = Some(Mark::new(1, [72.0, 72.0, 272.0, 142.0]).unwrap());
        let seen =
            Request { mark, picture: Some(picture.clone()), font: font.clone(), reason: Some("同意".into()), ..wanted(&authority) };
        let document = sign(&authority, &sample(false, ""), &seen).unwrap();
        assert!(sound(&facts(&document, None)));
        let path = file(folder.path(), &format!("{name}.pdf"), &document);
        let in_field = Request { picture: Some(picture), field: Some("甲方".into()), font: font.clone(), ..wanted(&authority) };
        let filled = sign(&authority, &with_fields(""), &in_field).unwrap();
        let filled = file(folder.path(), &format!("{name}-field.pdf"), &filled);
        for path in [path, filled] {
            if peers::program(test, "qpdf").is_some() {
                let output = peers::run(Command::new("qpdf").arg("--check").arg(&path), 60);
                assert!(output.status.success(), "{name} {}", peers::said(&output));
            }
            if peers::program(test, "pdftoppm").is_some() {
                let blue = pixels(&path, |[red, green, blue]| blue > 150 && red < 120 && green < 120);
                assert!(blue > 400, "{}: {blue} pixels of the picture are seen", path.display());
                if font.is_some() {
                    let dark = pixels(&path, |[red, green, blue]| red < 110 && green < 110 && blue < 110);
                    assert!(dark > 60, "{}: {dark} pixels of the words are seen", path.display());
                }
            }
        }
    }
}

#[test]
fn hostile_pictures_are_refused_by_code() {
    let good = png(8, 8, [1, 2, 3, 255]);
    let mut bomb = good.clone();
    // Announces 2³¹ − 1 pixels a side; the check sum of the header is made right, so that the size alone is at fault.
    bomb[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    let sum = crc(&bomb[12..29]).to_be_bytes();
    bomb[29..33].copy_from_slice(&sum);
    let wide = png(4097, 1, [1, 2, 3, 255]);
    let svg = b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec();
    let cut = good[..good.len() / 2].to_vec();
    let huge = vec![0u8; Picture::MAX_FILE + 1];
    let cut_jpeg = jpeg(64, 64)[..200].to_vec();
    for (name, octets) in [
        ("empty", Vec::new()),
        ("cut", cut),
        ("bomb", bomb),
        ("wide", wide),
        ("svg", svg),
        ("gif", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;".to_vec()),
        ("huge", huge),
        ("cut jpeg", cut_jpeg),
        ("header alone", good[..8].to_vec()),
    ] {
        let refused = Picture::decode(&octets);
        assert!(matches!(refused, Err(Refusal::Picture(_))), "{name}: {refused:?}");
        assert_eq!(Fault::from(refused.unwrap_err()).code, code::SIGN_PICTURE);
    }
}

/// CRC-32 as PNG has it.
fn crc(octets: &[u8]) -> u32 {
    !octets.iter().fold(!0u32, |sum, octet| {
        (0..8).fold(sum ^ u32::from(*octet), |sum, _| if sum & 1 == 1 { 0xedb8_8320 ^ (sum >> 1) } else { sum >> 1 })
    })
}

#[test]
fn pyhanko_accepts_certifications_fields_and_locks() {
    let test = "pyhanko_accepts_certifications_fields_and_locks";
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new(KeyKind::P256);
    let put = |name: &str, octets: &[u8]| file(folder, name, octets).display().to_string();
    let root = pem(folder, "root.pem", "CERTIFICATE", &[authority.root.certificate.der()]).display().to_string();
    let issuing = pem(folder, "issuing.pem", "CERTIFICATE", &[authority.issuing.certificate.der()]).display().to_string();
    let crls = [("a.crl", &authority.crl), ("b.crl", &authority.root_crl)].map(|(name, list)| put(name, list.der())).join(";");
    let in_field = |name: &str| Request { field: Some(name.into()), ..wanted(&authority) };
    let certified = sign(&authority, &with_fields(""), &Request { certify: Some(2), ..in_field("甲方") }).unwrap();
    let then = sign(&authority, &certified, &in_field("乙方")).unwrap();
    let locked = Request { lock: Some(Lock::Include(vec!["乙方".into()])), ..in_field("甲方") };
    let locked = sign(&authority, &with_fields(""), &locked).unwrap();
    let files = [("certified.pdf", &certified), ("then.pdf", &then), ("locked.pdf", &locked)];
    let jobs: Vec<Vec<String>> =
        files.iter().map(|(name, octets)| vec![put(name, octets), root.clone(), issuing.clone(), crls.clone(), NOW.into()]).collect();
    for (job, answer) in jobs.iter().zip(peers::python_judge(test, "pdf_judge.py", folder, &jobs).unwrap_or_default()) {
        assert!(answer.yes, "{job:?}: {}", answer.words);
    }
}
