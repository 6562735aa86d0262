//! Structured mutants of signed PDFs: made from a number alone, so that each can be made again.

use super::Dice;
use std::ops::Range;

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
    let mut dice = Dice::new(seed);
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
    match dice.below(18) {
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
            let (run, digit) = (dice.one(&digits).clone(), b'0' + dice.octet() % 10);
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
            let (run, digit) = (dice.one(&digits).clone(), b'0' + dice.octet() % 10);
            let place = run.start + dice.below(run.len());
            octets[place] = digit;
            format!("a digit of /ByteRange at {place} changed")
        }
        7..=10 => revision(octets, dice, &list),
        13..=16 => addition(octets, dice),
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

/// Entries of the catalogue that change what a reader shows or does, or might.
const ENTRIES: [&str; 18] = [
    "/OpenAction<</S/JavaScript/JS(app.alert(1))>>",
    "/AA<</WC 30 0 R>>",
    "/OCProperties<</OCGs[30 0 R]/D<</OFF[30 0 R]/BaseState/OFF>>>>",
    "/Names<</EmbeddedFiles<</Names[(a)30 0 R]>>>>",
    "/Pages 30 0 R",
    "/AcroForm 30 0 R",
    "/AcroForm<</Fields[]/NeedAppearances true>>",
    "/AcroForm<</Fields[]/XFA 30 0 R>>",
    "/Version/2.0",
    "/Extensions<</ADBE<</BaseVersion/1.7/ExtensionLevel 8>>>>",
    "/Perms<</DocMDP 30 0 R>>",
    "/DSS<</Certs[31 0 R]>>",
    "/DSS<</VRI<<>>>>",
    "/ViewerPreferences<</HideToolbar true>>",
    "/Metadata 31 0 R",
    "/Collection<</View/T>>",
    "/PageLabels<</Nums[0<</S/R>>]>>",
    "/Lang(zh-CN)",
];

const PAGE: &str = "/Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]";

/// Appends a well-formed revision that brings new objects and hangs them up somewhere: by a table, by a stream, or hybrid.
fn addition(octets: &mut Vec<u8>, dice: &mut Dice) -> String {
    let Some(previous) = last_number_after(octets, b"startxref") else { return "nothing".into() };
    let Some(root) = last_number_after(octets, b"/Root") else { return "nothing".into() };
    let text = String::from_utf8_lossy(octets).into_owned();
    let last = |number: &str| {
        let head = format!("\n{number} 0 obj");
        let at = text.rfind(&head)? + head.len();
        Some(text[at..].split("endobj").next()?.trim().to_owned())
    };
    let stream = |entries: &str, data: &str| format!("<<{entries}/Length {}>>\nstream\n{data}\nendstream", data.len());
    let drawing = stream("/Type/XObject/Subtype/Form/BBox[0 0 400 400]", "0 0 400 400 re f");
    let mut objects: Vec<(String, String)> = Vec::new();
    let what = match dice.below(4) {
        0 => {
            let entry = *dice.one(&ENTRIES);
            let Some(catalogue) = last(&root) else { return "nothing".into() };
            let key: String = entry.chars().take(1).chain(entry.chars().skip(1).take_while(|c| c.is_alphanumeric())).collect();
            let kept = catalogue.trim_end_matches(">>").replace(&format!("{key} "), "/Was ").replace(&format!("{key}<"), "/Was<");
            objects.push((root.clone(), format!("{kept}{entry}>>")));
            objects.push(("30".into(), "<</Type/Pages/Kids[32 0 R]/Count 1/Fields[]/S/JavaScript/JS(x)/FT/Tx>>".into()));
            objects.push(("31".into(), stream("/Type/Metadata/Subtype/XML", "<x/>")));
            objects.push(("32".into(), format!("<<{PAGE}/Contents 33 0 R>>")));
            objects.push(("33".into(), stream("", "0 0 400 400 re f")));
            format!("the catalogue with {entry}")
        }
        1 => {
            let kinds = ["FreeText", "Stamp", "Widget", "Text", "Highlight", "Link", "Square", "Redact", "Popup", "FileAttachment"];
            let kind = dice.one(&kinds);
            let Some(page) = last("3") else { return "nothing".into() };
            let listed = match page.contains("/Annots[") {
                true => page.replacen("/Annots[", "/Annots[30 0 R ", 1),
                false => format!("{}/Annots[30 0 R]>>", page.trim_end_matches(">>")),
            };
            let more = ["", "/FT/Sig/T(x)", "/FT/Tx/T(x)/V(y)", "/FT/Tx/T(amount)/V(y)", "/Parent 9 0 R", "/F 2", "/OC 33 0 R"];
            let annotation = format!("<</Type/Annot/Subtype/{kind}/Rect[0 0 400 400]/P 3 0 R{}/AP<</N 31 0 R>>>>", dice.one(&more));
            objects.extend([("3".into(), listed), ("30".into(), annotation), ("31".into(), drawing)]);
            format!("a new {kind} on the page")
        }
        2 => {
            let Some(page) = last("3") else { return "nothing".into() };
            let edits = [
                ("/Contents 4 0 R", "/Contents[4 0 R 31 0 R]"),
                ("/Contents 4 0 R", "/Contents 31 0 R"),
                ("/F1 5 0 R", "/F1 31 0 R"),
                ("/MediaBox", "/Rotate 180/MediaBox"),
                ("/MediaBox", "/UserUnit 2/MediaBox"),
                ("/MediaBox", "/CropBox[0 0 9 9]/MediaBox"),
                ("/Type/Page", "/Type/Page/AA<</O 30 0 R>>"),
                ("/Type/Page", "/Type/Page/Group<</S/Transparency>>"),
                ("/Parent 2 0 R", "/Parent 30 0 R"),
            ];
            let (find, put) = *dice.one(&edits);
            objects.extend([("3".into(), page.replacen(find, put, 1)), ("31".into(), stream("", "0 0 400 400 re f"))]);
            format!("the page with {put}")
        }
        _ => {
            objects.push(("31".into(), drawing));
            "an object that nothing refers to".into()
        }
    };
    // An object may stand in an object stream, or under a number with another generation.
    if !octets.ends_with(b"\n") {
        octets.push(b'\n');
    }
    let style = dice.below(4);
    let (mut table, mut rows) = (String::new(), Vec::new());
    let packed: Vec<(String, String)> = objects.iter().filter(|(_, body)| !body.contains("stream") && style == 1).cloned().collect();
    for (number, body) in objects.iter().filter(|object| !packed.contains(object)) {
        let at = octets.len();
        table.push_str(&format!("{number} 1\n{at:010} 00000 n \n"));
        rows.push((number.clone(), [1, at, 0]));
        octets.extend_from_slice(format!("{number} 0 obj\n{body}\nendobj\n").as_bytes());
    }
    if !packed.is_empty() {
        let mut heads = String::new();
        let mut bodies = String::new();
        for (position, (number, body)) in packed.iter().enumerate() {
            heads.push_str(&format!("{number} {} ", bodies.len()));
            bodies.push_str(&format!("{body} "));
            rows.push((number.clone(), [2, 40, position]));
        }
        let at = octets.len();
        rows.push(("40".into(), [1, at, 0]));
        let first = heads.len();
        let body = stream(&format!("/Type/ObjStm/N {}/First {first}", packed.len()), &format!("{heads}{bodies}"));
        octets.extend_from_slice(format!("40 0 obj\n{body}\nendobj\n").as_bytes());
    }
    let start = octets.len();
    if style == 1 {
        rows.push(("41".into(), [1, start, 0]));
        rows.sort_by_key(|(number, _)| number.parse::<u32>().unwrap_or(0));
        let index: String = rows.iter().map(|(number, _)| format!("{number} 1 ")).collect();
        let mut data = Vec::new();
        for (_, [kind, at, more]) in &rows {
            data.push(u8::try_from(*kind).unwrap());
            data.extend_from_slice(&u32::try_from(*at).unwrap().to_be_bytes());
            data.extend_from_slice(&u16::try_from(*more).unwrap().to_be_bytes());
        }
        let head = format!(
            "41 0 obj\n<</Type/XRef/Size 999/W[1 4 2]/Index[{index}]/Root {root} 0 R/Prev {previous}/Length {}>>\nstream\n",
            data.len()
        );
        octets.extend_from_slice(head.as_bytes());
        octets.extend_from_slice(&data);
        octets.extend_from_slice(format!("\nendstream\nendobj\nstartxref\n{start}\n%%EOF\n").as_bytes());
    } else {
        let hybrid = if style == 2 { format!("/XRefStm {previous}") } else { String::new() };
        let back = if style == 3 && dice.below(3) == 0 { String::new() } else { format!("/Prev {previous}") };
        let tail = format!(
            "xref\n0 1\n0000000000 65535 f \n{table}trailer\n<</Size 999/Root {root} 0 R{back}{hybrid}>>\nstartxref\n{start}\n%%EOF\n"
        );
        octets.extend_from_slice(tail.as_bytes());
    }
    format!("a revision in style {style}: {what}")
}
