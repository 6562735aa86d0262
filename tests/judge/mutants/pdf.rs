//! Structured mutants of signed PDFs: made from a number alone, so that each can be made again, and when one must not pass.

use std::ops::Range;

/// Numbers that follow from a seed alone (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }

    fn one<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }
}

fn every(octets: &[u8], word: &[u8]) -> Vec<usize> {
    octets.windows(word.len()).enumerate().filter(|(_, window)| *window == word).map(|(at, _)| at).collect()
}

/// Where indirect objects stand: `12 0 obj … endobj`.
fn objects(octets: &[u8]) -> Vec<Range<usize>> {
    let ends = every(octets, b"endobj");
    let mut found = Vec::new();
    for at in every(octets, b" 0 obj") {
        let start = octets[..at].iter().rposition(|octet| !octet.is_ascii_digit()).map_or(0, |before| before + 1);
        if let Some(end) = ends.iter().find(|end| **end > at)
            && start < at
        {
            found.push(start..end + 6);
        }
    }
    found
}

/// The runs of digits in a range.
fn numbers(octets: &[u8], within: Range<usize>) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for at in within {
        if octets[at].is_ascii_digit() {
            match found.last_mut() {
                Some(last) if last.end == at => last.end += 1,
                _ => found.push(at..at + 1),
            }
        }
    }
    found
}

fn last_number_after(octets: &[u8], word: &[u8]) -> Option<String> {
    let at = *every(octets, word).last()?;
    let run = numbers(octets, at..octets.len().min(at + 40)).into_iter().next()?;
    Some(String::from_utf8_lossy(&octets[run]).into_owned())
}

/// A mutant of `original`, and what was done to it.
pub fn mutate(original: &[u8], seed: u64) -> (String, Vec<u8>) {
    let mut dice = Dice(seed);
    let mut octets = original.to_vec();
    let mut done = Vec::new();
    for _ in 0..=dice.below(3) {
        done.push(change(&mut octets, &mut dice));
    }
    (done.join(", then "), octets)
}

fn change(octets: &mut Vec<u8>, dice: &mut Dice) -> String {
    let list = objects(octets);
    if octets.is_empty() || list.is_empty() {
        return "nothing".into();
    }
    match dice.below(14) {
        0 => {
            let (at, bit) = (dice.below(octets.len()), dice.below(8));
            octets[at] ^= 1 << bit;
            format!("bit {bit} of octet {at} flipped")
        }
        1 => {
            let gone = dice.one(&list).clone();
            octets.drain(gone.clone());
            format!("the object at {} dropped", gone.start)
        }
        2 => {
            let (copy, at) = (dice.one(&list).clone(), dice.one(&list).start);
            let piece = [&octets[copy.clone()], b"\n"].concat();
            octets.splice(at..at, piece);
            format!("the object at {} put again before {at}", copy.start)
        }
        3 => {
            let (one, other) = (dice.one(&list).clone(), dice.one(&list).clone());
            let (first, second) = if one.start < other.start { (one, other) } else { (other, one) };
            if first.end > second.start {
                return "nothing".into();
            }
            let swapped = [&octets[second.clone()], &octets[first.end..second.start], &octets[first.clone()]].concat();
            octets.splice(first.start..second.end, swapped);
            format!("the objects at {} and {} exchanged", first.start, second.start)
        }
        4 | 5 => {
            let tables = every(octets, b"xref");
            if tables.is_empty() {
                return "nothing".into();
            }
            let at = *dice.one(&tables);
            let digits = numbers(octets, at..octets.len().min(at + 400));
            if digits.is_empty() {
                return "nothing".into();
            }
            let (run, digit) = (dice.one(&digits).clone(), b'0' + dice.below(10) as u8);
            let place = run.start + dice.below(run.len());
            octets[place] = digit;
            format!("a digit at {place}, near a cross-reference, changed")
        }
        6 => {
            let all = every(octets, b"/ByteRange");
            if all.is_empty() {
                return "nothing".into();
            }
            let at = *dice.one(&all);
            let digits = numbers(octets, at..octets.len().min(at + 60));
            if digits.is_empty() {
                return "nothing".into();
            }
            let (run, digit) = (dice.one(&digits).clone(), b'0' + dice.below(10) as u8);
            let place = run.start + dice.below(run.len());
            octets[place] = digit;
            format!("a digit of /ByteRange at {place} changed")
        }
        7..=10 => revision(octets, dice, &list),
        11 => {
            let words: [&[u8]; 8] = [
                b"\n",
                b" ",
                b"%%EOF\n",
                b"9 0 obj<</Type/Catalog>>endobj\n",
                b"trailer<</Root 1 0 R>>\n",
                b"startxref\n0\n%%EOF\n",
                b"null",
                b"%PDF-1.4\n",
            ];
            let word: &[u8] = words[dice.below(words.len())];
            octets.extend_from_slice(word);
            "octets put at the end".into()
        }
        12 => {
            let (at, length) = (dice.below(octets.len()), 1 + dice.below(64));
            octets.drain(at..octets.len().min(at + length));
            format!("{length} octets at {at} cut out")
        }
        _ => {
            let at = dice.below(octets.len());
            octets.truncate(at);
            format!("cut off at {at}")
        }
    }
}

/// Appends a well-formed revision in which one object is exchanged for something else.
fn revision(octets: &mut Vec<u8>, dice: &mut Dice, list: &[Range<usize>]) -> String {
    let Some(previous) = last_number_after(octets, b"startxref") else { return "nothing".into() };
    let Some(root) = last_number_after(octets, b"/Root") else { return "nothing".into() };
    let from = dice.one(list).clone();
    let text = String::from_utf8_lossy(&octets[from.clone()]).into_owned();
    let Some((head, body)) = text.split_once(" obj") else { return "nothing".into() };
    let Some(number) = head.split(' ').next().and_then(|number| number.parse::<u32>().ok()) else { return "nothing".into() };
    let body = body.trim_end_matches("endobj");
    let other = dice.one(list).clone();
    let edits: [(&str, &str); 16] = [
        ("/Contents", "/Contents 3 0 R/Was"),
        ("(", "(x"),
        ("/MediaBox[0", "/MediaBox[9"),
        ("/F1 5", "/F1 1"),
        ("/V", "/V(other)/Was"),
        ("/AP", "/AP<<>>/Was"),
        ("/Rect[", "/Rect[1"),
        ("/Annots[", "/Annots[1 0 R "),
        ("/Fields[", "/Fields[2 0 R "),
        ("/Kids[", "/Kids[3 0 R "),
        ("<<", "<</OpenAction 3 0 R"),
        ("/FT/Tx", "/FT/Btn"),
        ("/F 4", "/F 2"),
        (" 0 R", " 1 R"),
        ("Tj", "TJ"),
        ("/Type", "/Typ"),
    ];
    let (what, new) = match dice.below(4) {
        0 => ("exchanged for another".to_owned(), {
            let text = String::from_utf8_lossy(&octets[other]).into_owned();
            text.split_once(" obj").map(|(_, body)| body.trim_end_matches("endobj").to_owned()).unwrap_or_default()
        }),
        1 => ("set to null".to_owned(), " null ".to_owned()),
        _ => {
            let fitting: Vec<&(&str, &str)> = edits.iter().filter(|(find, _)| body.contains(find)).collect();
            if fitting.is_empty() {
                return "nothing".into();
            }
            let (find, put) = **dice.one(&fitting);
            (format!("with {find} turned into {put}"), body.replacen(find, put, 1))
        }
    };
    if !octets.ends_with(b"\n") {
        octets.push(b'\n');
    }
    let at = octets.len();
    octets.extend_from_slice(format!("{number} 0 obj{new}endobj\n").as_bytes());
    let start = octets.len();
    let listed = if dice.below(8) == 0 { String::new() } else { format!("{number} 1\n{at:010} 00000 n \n") };
    let table = format!(
        "xref\n0 1\n0000000000 65535 f \n{listed}trailer\n<</Size 999/Root {root} 0 R/Prev {previous}>>\nstartxref\n{start}\n%%EOF\n"
    );
    octets.extend_from_slice(table.as_bytes());
    format!("a revision with object {number} {what}")
}

/// Whether a mutant must not pass. It may where it is the original, followed by white space at most; or by revisions that
/// `same_view`, a second opinion, finds to show the same.
pub fn must_not_pass(original: &[u8], mutant: &[u8], signed: usize, same_view: impl Fn() -> bool) -> bool {
    let kept = mutant.len() >= signed && mutant[..signed] == original[..signed];
    if !kept {
        // A single octet of the signed revision changed, moved or went.
        return true;
    }
    let blank = |rest: &[u8]| rest.iter().all(u8::is_ascii_whitespace);
    if mutant.starts_with(original) && blank(&mutant[original.len()..]) || blank(&mutant[signed..]) {
        return false;
    }
    !same_view()
}
