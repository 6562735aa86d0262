//! No structured mutant of a signed PDF passes for more than the original, by its verdict; poppler, which repairs what is broken,
//! says as the second reader what a mutant shows.

use crate::authority::{NOW, at};
use crate::changes::form_sample;
use crate::mutants::pdf::mutate;
use crate::mutants::{Fate, survive};
use crate::peers;
use crate::signing::{plain_request, sample, signed};

use std::path::PathBuf;
use std::process::{Command, Stdio};
use xinyin::doc::{ReadOptions, read};
use xinyin::pki::signed_data::SignedData;
use xinyin::sign::Format;
use xinyin::verify::{Evidence, Indication, Options, Policy, Revocation, TrustAnchor, Verdict, judge};

/// Fields of the sample with a form, and where they stand: x, y, x, y from below, in points.
const FIELDS: [(&str, [usize; 4]); 6] = [
    ("姓名", [72, 600, 272, 620]),
    ("agree", [72, 560, 92, 580]),
    ("amount", [72, 520, 272, 540]),
    ("kind", [72, 480, 92, 500]),
    ("kind", [102, 480, 122, 500]),
    ("city", [72, 400, 272, 420]),
];
/// Points of a pixel.
const SCALE: usize = 2;

/// A page as poppler shows it: width, height, octets of grey.
#[derive(PartialEq)]
struct Picture {
    width: usize,
    height: usize,
    grey: Vec<u8>,
}

fn rendered(program: &PathBuf, octets: &[u8], seed: usize) -> Option<Picture> {
    let file = std::env::temp_dir().join(format!("xinyin-mutant-{}-{seed}.pdf", std::process::id()));
    std::fs::write(&file, octets).unwrap();
    let output = Command::new(program).args(["-gray", "-r", "36", "-f", "1", "-l", "1"]).arg(&file).stdin(Stdio::null()).output();
    std::fs::remove_file(&file).unwrap();
    let out = output.unwrap().stdout;
    // P5, width and height, the greatest value, the octets.
    let mut lines = out.splitn(4, |octet| *octet == b'\n');
    let (_, size) = (lines.next()?, String::from_utf8_lossy(lines.next()?).into_owned());
    let (width, height) = size.split_once(' ')?;
    let (width, height) = (width.parse().ok()?, height.parse().ok()?);
    let grey = lines.nth(1)?.to_vec();
    (grey.len() == width * height).then_some(Picture { width, height, grey })
}

/// Whether two pictures differ only inside these fields.
fn only_in(fields: &[&str], one: &Picture, other: &Picture) -> bool {
    let inside = |x: usize, y: usize| {
        // A pixel at the border holds a part of the field.
        FIELDS.iter().any(|(name, [left, low, right, high])| {
            fields.contains(name) && (left / SCALE..=right / SCALE).contains(&x) && (low / SCALE..=high / SCALE + 1).contains(&y)
        })
    };
    let differing = one.grey.iter().zip(&other.grey).enumerate().filter(|(_, (one, other))| one != other);
    (one.width, one.height) == (other.width, other.height)
        && differing.map(|(at, _)| at).all(|at| inside(at % one.width, one.height - at / one.width))
}

/// Whom, when and how the verdict says.
fn said(verdict: &Verdict) -> Vec<String> {
    let one = |signature: &xinyin::verify::verdict::SignatureVerdict| {
        let signer = signature.signer.as_ref().map(|signer| signer.cert_sha256.clone());
        format!("{} {signer:?} {:?} {}", signature.id, signature.claimed_time, signature.signature_algorithm)
    };
    verdict.signatures.iter().map(one).collect()
}

/// Where the signature's own string stands: in nobody's range.
fn gap(original: &[u8]) -> std::ops::Range<usize> {
    let start = original.windows(11).rposition(|window| window == b"/Contents <").unwrap() + 10;
    start..start + original[start..].iter().position(|octet| *octet == b'>').unwrap() + 1
}

/// The signed attributes of the signature that stands in the gap.
fn attributes(octets: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = octets.iter().copied().filter(|octet| octet.is_ascii_hexdigit()).collect();
    let blob = hex::decode(&digits[..digits.len() / 2 * 2]).ok()?;
    let (data, _) = SignedData::parse_prefix(&blob).ok()?;
    Some(data.signers.first()?.signed.as_ref()?.signed_bytes())
}

#[test]
fn no_mutant_of_a_signed_pdf_is_falsely_accepted() {
    let Some(poppler) = peers::program("no_mutant_of_a_signed_pdf_is_falsely_accepted", "pdftoppm") else { return };
    let authority = crate::changes::authority();
    let evidence = Evidence {
        anchors: vec![TrustAnchor::for_all(authority.root.certificate.clone())],
        crls: vec![authority.crl.clone(), authority.root_crl.clone()],
        ..Evidence::default()
    };
    let options = Options { file: "mutant.pdf".into(), at: at(NOW), at_given: true, revocation: Revocation::Hard };
    let verdict = |octets: &[u8]| {
        let facts = read(&octets.to_vec(), &ReadOptions::default()).unwrap();
        judge(&facts, &evidence, &Policy::default(), &options)
    };
    let wanted = plain_request(authority, Format::Pades);
    let originals: Vec<(Vec<u8>, Vec<String>, Picture)> = [sample(false, ""), sample(true, ""), form_sample()]
        .into_iter()
        .enumerate()
        .map(|(at, document)| {
            let file = signed(authority, &authority.signer, &document, &wanted).unwrap();
            let right = verdict(&file);
            assert_eq!(right.indication, Indication::Passed, "{:#?}", right.defects);
            let picture = rendered(&poppler, &file, at).unwrap();
            (file, said(&right), picture)
        })
        .collect();
    let trial = |octets: &[u8]| {
        let (seed, octets) = octets.split_last_chunk::<8>().map(|(octets, seed)| (u64::from_le_bytes(*seed) as usize, octets)).unwrap();
        let (original, expected, picture) = &originals[seed % originals.len()];
        let found = verdict(octets);
        if found.indication != Indication::Passed {
            return Fate::Refused;
        }
        if said(&found) != *expected {
            return Fate::False(format!("accepted, and says {:?}", said(&found)));
        }
        // Of the signed revision only the string of the signature itself may be written otherwise, with the same attributes signed.
        let own = gap(original);
        let same = octets.len() >= original.len()
            && octets[..own.start] == original[..own.start]
            && octets[own.end..original.len()] == original[own.end..]
            && attributes(&octets[own.clone()]) == attributes(&original[own]);
        if !same {
            return Fate::False("accepted with other octets signed".into());
        }
        let after = &octets[original.len()..];
        let signature = &found.signatures[0];
        // Blanks, and the mark of the end once more.
        if String::from_utf8_lossy(after).split_ascii_whitespace().all(|word| word == "%%EOF") {
            return if signature.changes_after == "none" { Fate::Same } else { Fate::False("blanks are told as changes".into()) };
        }
        if (signature.covers, signature.changes_after) != ("earlier-revision", "permitted") {
            return Fate::False(format!("accepted with {} and {}", signature.covers, signature.changes_after));
        }
        let Some(shown) = rendered(&poppler, octets, seed) else { return Fate::False("accepted, and poppler shows nothing".into()) };
        let told = signature.checks.iter().find(|check| check.id == "XY-2062").map(|check| check.answer_en.clone()).unwrap_or_default();
        let fields: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).filter(|name| told.contains(&format!("form field {name}"))).collect();
        if only_in(&fields, picture, &shown) { Fate::Same } else { Fate::False(format!("it shows something else; told is {told}")) }
    };
    let made = |seed: u64| {
        let (what, mut octets) = mutate(&originals[(seed % 3) as usize].0, seed);
        octets.extend(seed.to_le_bytes());
        (what, octets)
    };
    survive("PDF", made, trial);
}

#[test]
fn mutants_are_made_from_their_number_alone() {
    let original = form_sample();
    assert_eq!(mutate(&original, 7), mutate(&original, 7));
    let kinds: std::collections::HashSet<String> = (0..400).map(|seed| mutate(&original, seed).0.chars().take(12).collect()).collect();
    assert!(kinds.len() > 8, "{kinds:?}");
}
