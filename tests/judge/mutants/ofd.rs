//! OFD packages: an entry, a name, a line of XML, a part of a signed value or a header of the package changed.

use super::{
    Dice, Fate, survive, tree,
    zip::{Frame, Item, View, by_directory, by_stream, write},
};
use crate::authority::Authority;
use crate::ofd::{Files, Made, sealer, signed_by_message, verdict};
use xinyin::crypto::KeyKind;
use xinyin::doc::seal::SealSignature;
use xinyin::pki::signed_data::SignedData;
use xinyin::verify::{Indication, Verdict};

struct Bench {
    made: Made,
    donors: Vec<Files>,
    /// What one signature may say: that of the original, or of a donor that is a right package too.
    said: Vec<String>,
    /// What signed values may vouch for, likewise.
    vouched: Vec<Option<Vec<u8>>>,
    signatures: usize,
}

/// Who sealed or signed what, and when, by the verdict.
fn said(verdict: &Verdict) -> Vec<String> {
    let one = |signature: &xinyin::verify::verdict::SignatureVerdict| {
        let signer = signature.signer.as_ref().map(|signer| signer.cert_sha256.clone());
        let seal = signature.seal.as_ref().map(|seal| (seal.id.clone(), seal.valid_until));
        format!("{signer:?} {seal:?} {:?} {} {}", signature.claimed_time, signature.covers, signature.signature_algorithm)
    };
    let mut said: Vec<String> = verdict.signatures.iter().map(one).collect();
    said.sort();
    said
}

fn benches() -> Vec<Bench> {
    let (seal, other, ended) = (sealer(true, "2027"), sealer(true, "2027"), sealer(true, "2026"));
    let time = "20260601000000Z";
    let authority = Authority::new(KeyKind::Sm2);
    let message = |holder, attached| signed_by_message(&authority, holder, attached);
    let later = |count| seal.package(count, "20260602000000Z").files;
    let made = [
        (seal.package(1, time), vec![later(1), other.package(1, time).files, ended.package(1, time).files]),
        (seal.package(2, time), vec![later(2), seal.package(1, time).files, other.package(2, time).files]),
        (message(&authority.signer, false), vec![message(&authority.revoked, false).files, message(&authority.signer, true).files]),
    ];
    let bench = |(made, donors): (Made, Vec<Files>)| {
        let judged = |files: &Files| verdict(&made.roots, &write(&items(files), &Frame::default()));
        let original = judged(&made.files);
        assert_eq!(original.indication, Indication::Passed, "{:#?}", original.defects);
        let right: Vec<&Files> =
            donors.iter().filter(|files| judged(files).indication == Indication::Passed).chain([&made.files]).collect();
        let all = right.iter().flat_map(|files| said(&judged(files))).collect();
        let values = right.iter().flat_map(|files| files.iter()).filter(|(name, _)| name.ends_with(".dat"));
        let vouched = values.map(|(_, octets)| vouched(octets)).collect();
        Bench { said: all, vouched, signatures: original.signatures.len(), made, donors }
    };
    made.into_iter().map(bench).collect()
}

fn items(files: &Files) -> Vec<Item> {
    files.iter().map(|(name, octets)| Item::new(name, octets)).collect()
}

const NAMES: [&str; 12] = [
    "Doc_0/Pages/Page_1/Content.xml",
    "Doc_0/Annots/Annotations.xml",
    "Doc_0/Res/image_1.png",
    "doc_0/document.xml",
    "/OFD.xml",
    "Doc_0\\Document.xml",
    "Doc_0/./Document.xml",
    "../OFD.xml",
    "OFDEntries.xml",
    "Encryptions.xml",
    "Doc_0/Pages/",
    "META-INF/manifest.xml",
];

/// What is written in the XML of a package, and what it may be turned into.
const EDITS: [(&str, &str); 26] = [
    ("批准", "驳回"),
    ("<Document/>", "<Document><Pages/></Document>"),
    ("/Doc_0/", "/Doc_1/"),
    ("/Doc_0/", "Doc_0/"),
    ("/Doc_0/", "/doc_0/"),
    ("/Doc_0/", "\\Doc_0\\"),
    ("Sign_0", "Sign_1"),
    ("ID='1'", "ID='2'"),
    ("ID='1'", "ID='1' Type='Sign'"),
    ("CheckMethod='SM3'", "CheckMethod='SHA256'"),
    ("CheckMethod='SM3'", ""),
    ("<Reference ", "<!--<Reference "),
    ("</Reference>", "</Reference><Reference FileRef='/OFD.xml'><CheckValue>AAAA</CheckValue></Reference>"),
    ("<CheckValue>", "<CheckValue>A"),
    ("SignedValue.dat", "../Sign_0/SignedValue.dat"),
    ("SignedValue.dat", "Signature.xml"),
    ("<SignedValue>", "<SignedValue>x</SignedValue><SignedValue>"),
    ("<Signatures ", "<!DOCTYPE a [<!ENTITY b 'c'>]><Signatures "),
    ("<Signatures xmlns", "<Signatures a='b' xmlns"),
    ("<Signature ID", "<Signature ID='9' BaseLoc='/Doc_0/Signs/Sign_9/Signature.xml'/><Signature ID"),
    ("</Signatures>", "<Signature ID='1' BaseLoc='/Doc_0/Signs/Sign_0/Signature.xml'/></Signatures>"),
    ("<Signature ID='1' BaseLoc='/Doc_0/Signs/Sign_0/Signature.xml'/>", ""),
    ("xmlns='http://www.ofdspec.org/2016'", "xmlns='http://example.org'"),
    ("Seal.esl", "Content.xml"),
    ("<DocBody>", "<DocBody><DocRoot>Doc_0/Document.xml</DocRoot></DocBody><DocBody>"),
    (">", "> "),
];

fn change(dice: &mut Dice, items: &mut Vec<Item>, frame: &mut Frame, donors: &[Files]) -> String {
    let at = dice.below(items.len());
    let name = items[at].name.clone();
    match dice.below(16) {
        0 if !items[at].octets.is_empty() => {
            let place = dice.below(items[at].octets.len());
            items[at].octets[place] ^= 1 << dice.below(8);
            format!("{name}: a bit turned at {place}")
        }
        1 => {
            items.remove(at);
            if items.is_empty() {
                items.push(Item::new("x", b"x"));
            }
            format!("{name} taken out")
        }
        2 => {
            let new = NAMES[dice.below(NAMES.len())];
            let octets: &[u8] = if dice.below(2) == 0 { b"" } else { b"<Page/>" };
            items.insert(at, Item { listed: dice.below(3) > 0, ..Item::new(new, octets) });
            format!("{new} put in before {name}")
        }
        3 => {
            let mut twin = items[at].clone();
            if dice.below(2) == 0 {
                twin.octets.push(b' ');
            }
            let place = dice.below(items.len() + 1);
            items.insert(place, twin);
            format!("{name} doubled at {place}")
        }
        4 => {
            let other = dice.below(items.len());
            let new = match dice.below(4) {
                0 => items[other].name.clone(),
                1 => name.to_uppercase(),
                2 => name.replace('/', "\\"),
                _ => NAMES[dice.below(NAMES.len())].into(),
            };
            items[at].name.clone_from(&new);
            format!("{name} renamed to {new}")
        }
        5 => {
            let other = dice.below(items.len());
            items.swap(at, other);
            format!("{name} moved to {other}")
        }
        6 => {
            let other = dice.below(items.len());
            let octets = std::mem::take(&mut items[at].octets);
            items[at].octets = std::mem::replace(&mut items[other].octets, octets);
            format!("the contents of {name} and of number {other} exchanged")
        }
        7 | 8 => {
            let donor = &donors[dice.below(donors.len())];
            let (given, octets) = &donor[dice.below(donor.len())];
            match items.iter_mut().find(|item| item.name == *given) {
                Some(item) => item.octets.clone_from(octets),
                None => items.push(Item::new(given, octets)),
            }
            format!("{given} of another package")
        }
        9..=11 => {
            let text = String::from_utf8_lossy(&items[at].octets).into_owned();
            let fitting: Vec<&(&str, &str)> = EDITS.iter().filter(|(find, _)| text.contains(find)).collect();
            if fitting.is_empty() || std::str::from_utf8(&items[at].octets).is_err() {
                return "nothing".into();
            }
            let (find, put) = **dice.one(&fitting);
            let all = dice.below(2) == 0;
            items[at].octets = if all { text.replace(find, put) } else { text.replacen(find, put, 1) }.into_bytes();
            format!("{name}: {find} turned into {put}")
        }
        12 | 13 => {
            let values: Vec<usize> =
                (0..items.len()).filter(|at| items[*at].name.ends_with(".dat") || items[*at].name.ends_with(".esl")).collect();
            let Some(value) = values.get(dice.below(values.len().max(1))).copied() else { return "nothing".into() };
            let given: Vec<&[u8]> =
                donors.iter().flatten().filter(|(name, _)| name.ends_with(".dat")).map(|(_, octets)| octets.as_slice()).collect();
            if items[value].octets.is_empty() {
                return "nothing".into();
            }
            let (what, octets) = tree::mutant(&items[value].octets, &given, dice.next());
            items[value].octets = octets;
            format!("{}: {what}", items[value].name)
        }
        14 => {
            let item = &mut items[at];
            let by = 1 << dice.below(12);
            let which = dice.below(3);
            match dice.below(9) {
                0 => item.deflated = !item.deflated,
                1 => item.described = true,
                2 => item.local_name = Some(NAMES[dice.below(NAMES.len())].into()),
                3 => item.local_more[which] = by,
                4 => item.listed_more[which] = by,
                5 => item.flags ^= 1 << dice.below(16),
                6 => item.extra = [&[0x75, 0x70, 10, 0, 1, 0, 0, 0, 0][..], b"evil1"].concat(),
                7 => item.listed = false,
                _ => item.before = b"between".to_vec(),
            }
            format!("{name}: its headers")
        }
        _ => {
            let hidden = write(&[Item::new("OFD.xml", b"<OFD/>")], &Frame::default());
            match dice.below(8) {
                0 => frame.prefix = b"junk".to_vec(),
                1 => frame.prefix = hidden,
                2 => frame.suffix = vec![0; 3],
                3 => frame.suffix = hidden,
                4 => frame.comment = b"PK\x05\x06 a comment that looks like an end".to_vec(),
                5 => frame.reversed = true,
                6 => frame.more = 1,
                _ => frame.before_directory = hidden[..20].to_vec(),
            }
            frame.absolute = dice.below(4) == 0;
            "the frame of the package".into()
        }
    }
}

fn mutate(benches: &[Bench], seed: u64) -> (String, Vec<u8>) {
    let mut dice = Dice::new(seed);
    let bench = &benches[(seed % benches.len() as u64) as usize];
    let mut items = items(&bench.made.files);
    let mut frame = Frame::default();
    if dice.below(4) == 0 {
        items.iter_mut().for_each(|item| item.deflated = item.octets.len() % 2 == 0);
    }
    let mut done: Vec<String> = (0..=dice.below(6) / 4).map(|_| change(&mut dice, &mut items, &mut frame, &bench.donors)).collect();
    let mut octets = write(&items, &frame);
    if dice.below(12) == 0 {
        let at = dice.below(octets.len());
        match dice.below(3) {
            0 => octets.truncate(at),
            1 => drop(octets.remove(at)),
            _ => octets[at] ^= 1 << dice.below(8),
        }
        done.push(format!("octets changed at {at}"));
    }
    octets.push(u8::try_from(seed % benches.len() as u64).unwrap());
    (done.join(", then "), octets)
}

/// What the signed value vouches for: of a seal the signed part and the signer, of a message the signer and its attributes.
fn vouched(value: &[u8]) -> Option<Vec<u8>> {
    if let Ok(signed) = SealSignature::parse(value) {
        return Some([signed.to_be_signed, signed.certificate].concat());
    }
    let (data, _) = SignedData::parse_file(value).ok()?;
    // In the order of DER: the order in which they are stored says nothing.
    let attributes = data.signers.iter().filter_map(|signer| signer.signed.as_ref());
    Some(attributes.flat_map(|signed| signed.sorted_bytes().unwrap_or_else(|| signed.signed_bytes())).collect())
}

/// Why a reader sees something else than in the original; `None` if it does not.
fn differs(original: &View, view: &View, bench: &Bench) -> Option<String> {
    for (name, octets) in view {
        // The list of signatures is nobody's content; what it leads to is compared here.
        if name.ends_with("signatures.xml") || name.ends_with('/') && octets.is_empty() {
            continue;
        }
        let same = match original.get(name) {
            Some(_) if name.ends_with("signedvalue.dat") => bench.vouched.contains(&vouched(octets)),
            before => before == Some(octets),
        };
        if !same {
            return Some(format!("{name} differs"));
        }
    }
    let missing =
        original.keys().find(|name| !view.contains_key(*name) && !name.ends_with("seal.esl") && !name.ends_with("signatures.xml"));
    missing.map(|name| format!("{name} is missing"))
}

#[test]
fn no_mutant_of_a_package_is_falsely_accepted() {
    let benches = benches();
    let judge = |octets: &[u8]| {
        let (which, octets) = octets.split_last().unwrap();
        let bench = &benches[usize::from(*which)];
        let verdict = verdict(&bench.made.roots, octets);
        if verdict.indication != Indication::Passed {
            return Fate::Refused;
        }
        // The same signer over the same files at another time, or another's own signature, says what it is.
        if said(&verdict).iter().any(|said| !bench.said.contains(said)) || verdict.signatures.len() != bench.signatures {
            return Fate::False(format!("accepted, and says {:?} instead of {:?}", said(&verdict), bench.said));
        }
        let original = by_directory(&write(&items(&bench.made.files), &Frame::default())).unwrap();
        let Some(listed) = by_directory(octets) else { return Fate::False("accepted, and its directory cannot be read".into()) };
        let views = [Some(listed), by_stream(octets)];
        match views.iter().flatten().find_map(|view| differs(&original, view, bench)) {
            None => Fate::Same,
            Some(why) => Fate::False(format!("accepted, and {why}")),
        }
    };
    survive("OFD", |seed| mutate(&benches, seed), judge);
}
