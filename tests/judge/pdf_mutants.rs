//! No structured mutant of a signed PDF passes for more than the original: `make mutants` tries many, the ordinary tests some.

use crate::changes::form_sample;
use crate::mutants::pdf::{must_not_pass, mutate};
use crate::signing::{facts, plain_request, sample, signed, sound};

use std::panic::catch_unwind;
use xinyin::doc::facts::{Changes, Facts};
use xinyin::sign::Format;

/// Octets that decide what a page of the samples shows: its text, its fonts, its fields.
fn view(octets: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(octets);
    let mut lines: Vec<String> = ["Tj", "/MediaBox", "/BaseFont", "/OpenAction", "/Kids"]
        .iter()
        .flat_map(|word| text.lines().filter(|line| line.contains(word)).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    lines.sort();
    lines.dedup();
    lines
}

/// Whether everything after the signature is named as permitted, and none of it is of the page.
fn named(facts: &Facts, original: &[u8], mutant: &[u8]) -> bool {
    let told = facts.signatures.iter().all(|entry| match &entry.changes {
        Changes::None => false,
        Changes::Permitted(list) => list.iter().all(|(_, en)| !en.contains("page ")),
        Changes::Suspicious(_) | Changes::Unjudged(_) => false,
    });
    // Unused objects may hold anything; what is used must have stood there before, or be a filled-in value that is told.
    let filled = facts
        .signatures
        .iter()
        .any(|entry| matches!(&entry.changes, Changes::Permitted(list) if list.iter().any(|(_, en)| en.starts_with("form field"))));
    let unused = facts
        .signatures
        .iter()
        .any(|entry| matches!(&entry.changes, Changes::Permitted(list) if list.iter().any(|(_, en)| en.contains("nothing refers"))));
    told || filled || unused || view(original) == view(mutant)
}

#[test]
fn no_mutant_of_a_signed_pdf_passes() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let (from, to) = match number("XINYIN_MUTANT") {
        Some(one) => (one, one + 1),
        None => (0, number("XINYIN_MUTANTS").unwrap_or(10_000)),
    };
    let authority = crate::changes::authority();
    let wanted = plain_request(authority, Format::Pades);
    let originals: Vec<Vec<u8>> = [sample(false, ""), sample(true, ""), form_sample()]
        .into_iter()
        .map(|document| signed(authority, &authority.signer, &document, &wanted).unwrap())
        .collect();
    let (mut refused, mut passed) = (0u64, 0u64);
    for seed in from..to {
        let original = &originals[(seed % 3) as usize];
        let (what, mutant) = mutate(original, seed);
        let read = catch_unwind(|| facts(&mutant, None)).unwrap_or_else(|_| panic!("mutant {seed} ({what}) makes the reader panic"));
        if !sound(&read) {
            refused += 1;
            continue;
        }
        passed += 1;
        let same = mutant.len() >= original.len() && same_signed_octets(original, &mutant[..original.len()]);
        let signed = original.len();
        let body = if same { [original.as_slice(), &mutant[original.len()..]].concat() } else { mutant.clone() };
        let wrong = must_not_pass(original, &body, signed, || named(&read, original, &body));
        assert!(!wrong, "mutant {seed} passes: {what}: {:?}", read.signatures.iter().map(|entry| &entry.changes).collect::<Vec<_>>());
    }
    eprintln!("{} mutants of signed PDFs: {refused} refused, {passed} pass unchanged in what they show", to - from);
    assert!(to - from == 1 || refused > 4 * passed, "{refused} refused, {passed} pass");
}

/// Whether two files of one length hold the same signed octets: the signature's own string is in nobody's range, and what it
/// holds has been verified.
fn same_signed_octets(original: &[u8], mutant: &[u8]) -> bool {
    let start = original.windows(11).rposition(|window| window == b"/Contents <").unwrap() + 10;
    let end = start + original[start..].iter().position(|octet| *octet == b'>').unwrap();
    original.iter().zip(mutant).enumerate().all(|(at, (one, other))| one == other || (start..end).contains(&at))
}

#[test]
fn mutants_are_made_from_their_number_alone() {
    let original = form_sample();
    assert_eq!(mutate(&original, 7), mutate(&original, 7));
    let kinds: std::collections::HashSet<String> = (0..400).map(|seed| mutate(&original, seed).0.chars().take(12).collect()).collect();
    assert!(kinds.len() > 8, "{kinds:?}");
}
