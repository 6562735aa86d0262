//! What a stranger puts beside a sealed document: files that pass themselves off as a signature's own, copies that catch a
//! reference, signatures taken off their list. No signature says that it covers what it does not.

use crate::authority::{Authority, Holder};
use crate::ofd::{Files, Made, base64, documents, expect, sealer, sign_document, signed_by_message, verdict, zip};
use xinyin::crypto::{Hash, KeyKind};
use xinyin::pki::build::cms::Dialect;
use xinyin::verify::{Indication, Verdict};

const TIME: &str = "20260601000000Z";
const LIST: &str = "Doc_0/Signs/Signatures.xml";

fn put(files: &mut Files, name: &str, octets: &[u8]) {
    files.push((name.into(), octets.to_vec()));
}

fn file<'f>(files: &'f mut Files, name: &str) -> &'f mut Vec<u8> {
    &mut files.iter_mut().find(|(other, _)| other == name).unwrap().1
}

fn judged(made: &Made, files: &Files) -> Verdict {
    verdict(&made.roots, &zip(files))
}

/// The first signature does not cover the whole document, and this name is told.
#[track_caller]
fn uncovered(found: &Verdict, name: &str) {
    let first = &found.signatures[0];
    let told = &first.package.as_ref().unwrap().uncovered;
    assert!(first.covers == "partial" && told.iter().any(|other| other == name), "{}: {told:?}", first.covers);
    assert_ne!(first.indication, Indication::Passed);
    assert_ne!(found.indication, Indication::Passed);
}

/// A list of the package's files (GM/T 0099) as this holder signs it.
fn integrity_list(files: &mut Files, authority: &Authority, holder: &Holder, more: &[&str]) {
    let names = files.iter().map(|(name, _)| name.as_str()).chain(more.iter().copied());
    let lines: String = names.enumerate().map(|(at, name)| format!("<File ID='{at}'><FileLoc>/{name}</FileLoc></File>")).collect();
    let list = format!("<DocEntries ID='1'><SignedValueLoc>/signedvalue.dat</SignedValueLoc><FileList>{lines}</FileList></DocEntries>");
    let value = authority.message(holder, Dialect::Gm, &Hash::Sm3.digest(list.as_bytes()), false);
    put(files, "OFDEntries.xml", list.as_bytes());
    put(files, "signedvalue.dat", &value);
}

#[test]
fn a_list_of_files_that_a_stranger_signed_is_a_file_like_any_other() {
    let (authority, stranger) = (Authority::new(KeyKind::Sm2), Authority::new(KeyKind::Sm2));
    let made = signed_by_message(&authority, &authority.signer, false);
    let with = |authority: &Authority, holder: &Holder| {
        let mut files = made.files.clone();
        integrity_list(&mut files, authority, holder, &[]);
        judged(&made, &files)
    };
    let found = with(&stranger, &stranger.signer);
    expect(&found, Indication::Indeterminate, "SIG_CONSTRAINTS_FAILURE");
    uncovered(&found, "OFDEntries.xml");
    // Another of the same authority is not the signer either; the signer's own list is.
    uncovered(&with(&authority, &authority.revoked), "signedvalue.dat");
    expect(&with(&authority, &authority.signer), Indication::Passed, "");
}

/// Names that end like the list of signatures are not the list.
#[test]
fn a_list_of_files_tells_every_file_that_was_added() {
    let authority = Authority::new(KeyKind::Sm2);
    for name in ["Doc_0/xSignatures.xml", "Doc_0/Pages/Signatures.xml", "Doc_0/more.xml"] {
        let mut made = signed_by_message(&authority, &authority.signer, false);
        integrity_list(&mut made.files, &authority, &authority.signer, &[]);
        put(&mut made.files, name, b"<Page/>");
        let found = judged(&made, &made.files);
        uncovered(&found, name);
        let told = format!("{:?}", found.signatures[0].checks) + &format!("{:?}", found.defects);
        assert!(told.contains("the integrity list does not name") && told.contains(name), "{told}");
    }
    // What it names and is not there.
    let mut made = signed_by_message(&authority, &authority.signer, false);
    integrity_list(&mut made.files, &authority, &authority.signer, &["Doc_0/gone.xml"]);
    expect(&judged(&made, &made.files), Indication::Failed, "FORMAT_FAILURE");
}

/// Whoever writes into the list of signatures makes nothing a signature's own file.
#[test]
fn a_line_in_the_list_of_signatures_does_not_make_a_file_a_signature() {
    let sealer = sealer(true, "2027");
    let made = sealer.package(1, TIME);
    let listed = |described: &[u8], value: &[u8]| {
        let mut files = made.files.clone();
        put(&mut files, "Doc_0/Annots/Annotations.xml", described);
        put(&mut files, "Doc_0/Res/evil.bin", value);
        let list = String::from_utf8(file(&mut files, LIST).clone()).unwrap();
        let line = "<Signature ID='7' BaseLoc='/Doc_0/Annots/Annotations.xml'/></Signatures>";
        *file(&mut files, LIST) = list.replace("</Signatures>", line).into_bytes();
        judged(&made, &files)
    };
    let described = format!(
        "<Signature><SignedInfo><References CheckMethod='SM3'><Reference FileRef='/OFD.xml'><CheckValue>{}</CheckValue></Reference>\
         </References></SignedInfo><SignedValue>/Doc_0/Res/evil.bin</SignedValue></Signature>",
        base64(&Hash::Sm3.digest(&made.files[0].1))
    );
    let value = &made.files.iter().find(|(name, _)| name.ends_with("SignedValue.dat")).unwrap().1;
    for (described, value) in [
        (b"<Annotations/>".as_slice(), b"anything".as_slice()),
        (described.as_bytes(), b"anything"),
        (described.as_bytes(), b"\x30\x00"),
        // The value of another signature, which holds over another description.
        (described.as_bytes(), value),
    ] {
        let found = listed(described, value);
        uncovered(&found, "Doc_0/Annots/Annotations.xml");
    }
}

/// One reference more than the files: signs with references as they are written.
fn sealed(files: Files, references: &[(&str, &str)], others: &[&str]) -> Made {
    let sealer = sealer(true, "2027");
    let mut files = files;
    let digest = |name: &str| base64(&Hash::Sm3.digest(&files.iter().find(|(other, _)| other == name).unwrap().1));
    let mut lines: String = references
        .iter()
        .map(|(written, name)| format!("<Reference FileRef='{written}'><CheckValue>{}</CheckValue></Reference>", digest(name)))
        .collect();
    lines.extend(others.iter().copied());
    let place = "Doc_0/Signs/Sign_0";
    let xml = format!(
        "<Signature><SignedInfo><References CheckMethod='SM3'>{lines}</References></SignedInfo><SignedValue>SignedValue.dat</SignedValue></Signature>"
    );
    let value = sealer.value(xml.as_bytes(), &format!("/{place}/Signature.xml"), TIME);
    put(&mut files, LIST, format!("<Signatures><Signature ID='1' BaseLoc='/{place}/Signature.xml'/></Signatures>").as_bytes());
    put(&mut files, &format!("{place}/Signature.xml"), xml.as_bytes());
    put(&mut files, &format!("{place}/SignedValue.dat"), &value);
    Made { roots: vec![sealer.root.clone()], files }
}

const LOOSE: [(&str, &str); 3] = [
    ("OFD.xml", "OFD.xml"),
    ("Doc_0/Document.xml", "Doc_0/Document.xml"),
    ("Doc_0/Pages/Page_0/Content.xml", "Doc_0/Pages/Page_0/Content.xml"),
];

/// A producer left the first slash out. A copy of what was signed, put where the letter of the standard leads, does not hide that the
/// file itself was exchanged.
#[test]
fn a_planted_copy_catches_no_reference() {
    let made = sealed(documents(1), &LOOSE, &[]);
    expect(&judged(&made, &made.files), Indication::Passed, "");
    for (name, _) in LOOSE {
        for planted in [format!("Doc_0/Signs/Sign_0/{name}"), format!("doc_0/signs/SIGN_0/{name}")] {
            let mut files = made.files.clone();
            let signed = file(&mut files, name).clone();
            put(&mut files, &planted, &signed);
            // Alone it is a file that nobody needs, told as such; with the signed one exchanged it is the forgery that it is.
            let alone = judged(&made, &files);
            expect(&alone, Indication::Indeterminate, "SIG_CONSTRAINTS_FAILURE");
            assert!(format!("{:?}", alone.signatures[0].checks).contains("may mean two files"), "{:#?}", alone.signatures[0].checks);
            file(&mut files, name).push(b' ');
            expect(&judged(&made, &files), Indication::Failed, "HASH_FAILURE");
        }
    }
    // The same the other way round: written by the letter, a copy at the root.
    let written: Vec<(String, &str)> = [("../../../OFD.xml", 0), ("../../Document.xml", 1), ("../../Pages/Page_0/Content.xml", 2)]
        .map(|(written, at)| (written.to_owned(), LOOSE[at].0))
        .into();
    let written: Vec<(&str, &str)> = written.iter().map(|(written, name)| (written.as_str(), *name)).collect();
    let made = sealed(documents(1), &written, &[]);
    expect(&judged(&made, &made.files), Indication::Passed, "");
    for name in ["Document.xml", "Pages/Page_0/Content.xml"] {
        let mut files = made.files.clone();
        let copy = file(&mut files, &format!("Doc_0/{name}")).clone();
        put(&mut files, name, &copy);
        uncovered(&judged(&made, &files), name);
        file(&mut files, &format!("Doc_0/{name}")).push(b' ');
        expect(&judged(&made, &files), Indication::Failed, "HASH_FAILURE");
    }
}

/// Names that other programs may decode, fold or shorten are names of other files here: protected by themselves or by nobody.
#[test]
fn names_are_taken_as_they_are_written() {
    let rest = &LOOSE[..2];
    for (written, sub) in [
        ("/Doc_0/Pages/Page_0/Content%2Exml", "SIGNED_DATA_NOT_FOUND"),
        ("/Doc_0/Pages/Page_0/Content.xml?a", "SIGNED_DATA_NOT_FOUND"),
        ("/Doc_0/Pages/Page_0/Content.xml#a", "SIGNED_DATA_NOT_FOUND"),
        ("/../Doc_0/Pages/Page_0/Content.xml", "SIGNED_DATA_NOT_FOUND"),
        ("file:///Doc_0/Pages/Page_0/Content.xml", "SIGNED_DATA_NOT_FOUND"),
        ("/Doc_0/Pages/Page_0/", "SIGNED_DATA_NOT_FOUND"),
        ("/Doc_0/./Pages/../Pages//Page_0/Content.xml", ""),
        ("\\Doc_0\\Pages\\Page_0\\Content.xml", ""),
        ("/DOC_0/pages/PAGE_0/content.XML", ""),
    ] {
        let references = [rest[0], rest[1], (written, LOOSE[2].0)];
        let made = sealed(documents(1), &references, &[]);
        let expected = if sub.is_empty() { Indication::Passed } else { Indication::Indeterminate };
        expect(&judged(&made, &made.files), expected, sub);
        let mut files = made.files.clone();
        file(&mut files, LOOSE[2].0).push(b' ');
        assert_ne!(judged(&made, &files).indication, Indication::Passed, "{written}");
    }
    let made = sealed(documents(1), &LOOSE, &[]);
    for twin in ["Doc_0/Document%2Exml", "Doc_0/Document.xml ", "Doc_0/Document.xml.", "Doc_0/Ｄocument.xml", "Doc_0/Document\u{301}.xml"]
    {
        let mut files = made.files.clone();
        put(&mut files, twin, b"<Document/>");
        uncovered(&judged(&made, &files), twin);
    }
}

/// One file named twice has to be what both say.
#[test]
fn two_references_to_one_file_both_count() {
    let wrong = base64(&Hash::Sm3.digest(b"another"));
    for written in ["/Doc_0/Document.xml", "/doc_0/document.xml", "\\Doc_0\\Document.xml", "/Doc_0/./Document.xml", "Doc_0/Document.xml"] {
        let line = format!("<Reference FileRef='{written}'><CheckValue>{wrong}</CheckValue></Reference>");
        let made = sealed(documents(1), &LOOSE, &[&line]);
        expect(&judged(&made, &made.files), Indication::Failed, "HASH_FAILURE");
        let twice = sealed(documents(1), &[LOOSE[0], LOOSE[1], LOOSE[2], (written, "Doc_0/Document.xml")], &[]);
        expect(&judged(&twice, &twice.files), Indication::Passed, "");
    }
}

/// What readers may show beside the signed pages, added or exchanged later.
#[test]
fn parts_that_come_later_are_told() {
    let made = sealed(documents(1), &LOOSE, &[]);
    for name in [
        "Doc_0/Versions.xml",
        "Doc_0/Versions/Version_1/DocVersion.xml",
        "Doc_0/Tpls/Tpl_0/Content.xml",
        "Doc_0/Annots/Annotations.xml",
        "Doc_0/Annots/Page_0/Annotation.xml",
        "Doc_0/Attachs/Attachments.xml",
        "Doc_0/Tags/CustomTags.xml",
        "Doc_0/Extensions.xml",
        "Doc_0/DocumentRes.xml",
        "Doc_0/PublicRes.xml",
        "Doc_0/Signs/Sign_0/Seal.esl",
        "Doc_0/Signs/Sign_1/Signature.xml",
        "Doc_0/Signs/Sign_1/SignedValue.dat",
        "Doc_0/Signatures.xml",
        "Doc_1/Document.xml",
        "Signatures.xml",
    ] {
        let mut files = made.files.clone();
        put(&mut files, name, b"<Page/>");
        uncovered(&judged(&made, &files), name);
    }
    // OFD.xml leads to the document, its versions and its signatures: another one is a change.
    for (from, to) in [
        ("Doc_0/Document.xml", "Doc_0/Pages/Page_0/Content.xml"),
        ("</DocRoot>", "</DocRoot><Versions><Version ID='1' BaseLoc='/Doc_0/V.xml' Current='true'/></Versions>"),
        ("<Signatures>/Doc_0/Signs/Signatures.xml</Signatures>", ""),
        ("</OFD>", "<DocBody><DocRoot>Doc_1/Document.xml</DocRoot></DocBody></OFD>"),
    ] {
        let mut files = made.files.clone();
        let text = String::from_utf8(file(&mut files, "OFD.xml").clone()).unwrap();
        assert!(text.contains(from));
        *file(&mut files, "OFD.xml") = text.replace(from, to).into_bytes();
        let found = judged(&made, &files);
        assert_ne!(found.indication, Indication::Passed, "{from}");
        assert!(found.signatures.is_empty() || found.signatures[0].indication == Indication::Failed, "{from}");
    }
}

/// Of two documents in a package one is signed: the other is nobody's, even if somebody lists a signature for it that does not hold.
#[test]
fn a_document_beside_the_signed_one_is_told() {
    let sealer = sealer(true, "2027");
    let mut files = documents(2);
    sign_document(&mut files, 0, None, |xml, path| sealer.value(xml, path, TIME));
    let made = Made { roots: vec![sealer.root.clone()], files };
    uncovered(&judged(&made, &made.files), "Doc_1/Document.xml");
    let mut files = made.files.clone();
    sign_document(&mut files, 1, None, |_, _| b"\x30\x03\x02\x01\x01".to_vec());
    uncovered(&judged(&made, &files), "Doc_1/Document.xml");
}

/// A signature that a later one protects cannot be taken off the list unseen.
#[test]
fn a_signature_taken_off_its_list_is_told() {
    let authority = Authority::new(KeyKind::Sm2);
    let first = signed_by_message(&authority, &authority.signer, false);
    let mut files = first.files.clone();
    let list = file(&mut files, LIST).clone();
    files.retain(|(name, _)| name != LIST);
    let references: String = files
        .iter()
        .map(|(name, octets)| {
            format!("<Reference FileRef='/{name}'><CheckValue>{}</CheckValue></Reference>", base64(&Hash::Sm3.digest(octets)))
        })
        .collect();
    let xml = format!(
        "<Signature><SignedInfo><References CheckMethod='SM3'>{references}</References></SignedInfo><SignedValue>SignedValue.dat</SignedValue></Signature>"
    );
    let value = authority.message(&authority.signer, Dialect::Gm, xml.as_bytes(), true);
    put(&mut files, "Doc_0/Signs/Sign_1/Signature.xml", xml.as_bytes());
    put(&mut files, "Doc_0/Signs/Sign_1/SignedValue.dat", &value);
    let line = |number: u8| format!("<Signature ID='{number}' BaseLoc='/Doc_0/Signs/Sign_{}/Signature.xml'/>", number - 1);
    let with = |lines: &str| {
        let mut files = files.clone();
        put(&mut files, LIST, format!("<Signatures>{lines}</Signatures>").as_bytes());
        judged(&first, &files)
    };
    expect(&with(&(line(1) + &line(2))), Indication::Passed, "");
    let found = with(&line(2));
    expect(&found, Indication::Indeterminate, "SIG_CONSTRAINTS_FAILURE");
    assert!(format!("{:?}", found.signatures[0].checks).contains("no list of signatures"));
    // The later one alone can: then it is as if it had never been, and its files are told.
    uncovered(&with(&line(1)), "Doc_0/Signs/Sign_1/Signature.xml");
    // A list that names nothing leaves no signature, and a stranger's leaves the stranger.
    assert!(with("").signatures.is_empty());
    let mut files = files.clone();
    put(&mut files, LIST, &list);
    uncovered(&judged(&first, &files), "Doc_0/Signs/Sign_1/SignedValue.dat");
}

/// The weaker digest decides: that of the references counts like that of the signature over them.
#[test]
fn references_under_an_ended_digest_do_not_pass() {
    let sealer = sealer(true, "2027");
    for (method, digest) in [("MD5", |octets: &[u8]| Hash::Md5.digest(octets)), ("SHA1", |octets: &[u8]| Hash::Sha1.digest(octets))]
        as [(&str, fn(&[u8]) -> Vec<u8>); 2]
    {
        let mut files = documents(1);
        let lines: String = files
            .iter()
            .map(|(name, octets)| format!("<Reference FileRef='/{name}'><CheckValue>{}</CheckValue></Reference>", base64(&digest(octets))))
            .collect();
        let xml = format!(
            "<Signature><SignedInfo><References CheckMethod='{method}'>{lines}</References></SignedInfo><SignedValue>SignedValue.dat</SignedValue></Signature>"
        );
        let value = sealer.value(xml.as_bytes(), "/Doc_0/Signs/Sign_0/Signature.xml", TIME);
        put(&mut files, LIST, b"<Signatures><Signature ID='1' BaseLoc='/Doc_0/Signs/Sign_0/Signature.xml'/></Signatures>");
        put(&mut files, "Doc_0/Signs/Sign_0/Signature.xml", xml.as_bytes());
        put(&mut files, "Doc_0/Signs/Sign_0/SignedValue.dat", &value);
        let made = Made { roots: vec![sealer.root.clone()], files };
        let found = judged(&made, &made.files);
        let first = &found.signatures[0];
        assert_eq!(first.digest_algorithm.to_ascii_lowercase().replace('-', ""), method.to_ascii_lowercase());
        assert_ne!(found.indication, Indication::Passed, "{method}: {:#?}", first.checks);
    }
}

/// An entry that is encrypted, or packed in a way that is not read, is not shown to be changed: nothing is decided.
#[test]
fn what_cannot_be_unpacked_is_undecided() {
    let made = sealed(documents(1), &LOOSE, &[]);
    let package = zip(&made.files);
    let name = b"Doc_0/Pages/Page_0/Content.xml";
    let places: Vec<usize> = (0..package.len()).filter(|at| package[*at..].starts_with(name)).collect();
    for (local, central, put) in [(30 - 6, 46 - 8, 1), (30 - 8, 46 - 10, 14)] {
        let mut altered = package.clone();
        let headers = places.iter().filter_map(|at| {
            let before = |length: usize| at.checked_sub(length).map(|start| &package[start..start + 4]);
            match (before(30), before(46)) {
                (Some(b"PK\x03\x04"), _) => Some(at - local),
                (_, Some(b"PK\x01\x02")) => Some(at - central),
                _ => None,
            }
        });
        let headers: Vec<usize> = headers.collect();
        assert_eq!(headers.len(), 2);
        headers.iter().for_each(|at| altered[*at] |= put);
        let found = verdict(&made.roots, &altered);
        assert_eq!(found.indication, Indication::Indeterminate, "{put}: {:#?}", found.defects);
    }
}
