//! Signing: what we sign we accept, others accept, and no altered octet passes.

use crate::authority::{Authority, Holder, NOW, at, file, pem};
use crate::peers;
use std::path::Path;
use std::process::Command;
use xinyin::crypto::{Hash, KeyKind, Oid, Signer};
use xinyin::doc::facts::{CertificateReference, Changes, Coverage, Facts, Imprint, Integrity, ProblemKind, TimestampKind};
use xinyin::doc::source::ByteSource;
use xinyin::doc::{ReadOptions, read};
use xinyin::pki::build::{CertificateBuilder, cms::Dialect, timestamp};
use xinyin::pki::extensions::KeyUsage;
use xinyin::pki::timestamp as reading;
use xinyin::pki::tlv::{Tlv, tag};
use xinyin::sign::{Format, Level, Mark, Refusal, Request, prepare};

/// A one-page PDF with a classic cross-reference table, or with a cross-reference stream.
pub fn sample(stream: bool, extra_catalog: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let text = "BT /F1 24 Tf 72 720 Td (Contract) Tj ET";
    let objects = [
        format!("<</Type/Catalog/Pages 2 0 R{extra_catalog}>>"),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595.28 841.89]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>".to_owned(),
        format!("<</Length {}>>\nstream\n{text}\nendstream", text.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", index + 1).as_bytes());
    }
    let start = out.len();
    if stream {
        let mut rows = vec![0u8, 0, 0, 0, 255, 255];
        for place in places.iter().chain([&start]) {
            rows.push(1);
            rows.extend_from_slice(&u32::try_from(*place).unwrap().to_be_bytes()[1..]);
            rows.extend_from_slice(&[0, 0]);
        }
        out.extend_from_slice(format!("6 0 obj\n<</Type/XRef/Size 7/W[1 3 2]/Root 1 0 R/Length {}>>\nstream\n", rows.len()).as_bytes());
        out.extend_from_slice(&rows);
        out.extend_from_slice(b"\nendstream\nendobj\n");
    } else {
        out.extend_from_slice(b"xref\n0 6\n0000000000 65535 f \n");
        for place in places {
            out.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
        }
        out.extend_from_slice(b"trailer\n<</Size 6/Root 1 0 R>>\n");
    }
    out.extend_from_slice(format!("startxref\n{start}\n%%EOF\n").as_bytes());
    out
}

pub fn request(authority: &Authority, holder: &Holder, format: Format, level: Level) -> Request {
    Request {
        level,
        chain: vec![authority.issuing.certificate.clone()],
        ..Request::new(format, holder.certificate.clone(), holder.key.algorithm(), at(NOW))
    }
}

/// A signature without time-stamp by the authority's signer.
pub fn plain_request(authority: &Authority, format: Format) -> Request {
    request(authority, &authority.signer, format, Level::B)
}

/// The authority's answer to a time-stamp request.
pub fn stamped(authority: &Authority, asked: &[u8], dialect: Dialect) -> Vec<u8> {
    let asked = reading::request(asked).unwrap();
    let oid = Tlv::parse(&asked.imprint.algorithm).unwrap().children().expect(tag::OID).unwrap();
    let hash = Hash::from_oid(&Oid::from_bytes(oid.value).unwrap()).unwrap();
    let spec = timestamp::TokenSpec {
        hash,
        digest: &asked.imprint.digest,
        policy: &Oid::new_unwrap("1.2.156.10197.6.9.1"),
        serial: &[7],
        at: at(NOW),
        accuracy_millis: None,
        nonce: asked.nonce.as_deref(),
        dialect,
        embed: true,
    };
    let chain = [authority.issuing.certificate.der().to_vec()];
    timestamp::granted(&timestamp::token(&spec, &authority.tsa.key, authority.tsa.certificate.der(), &chain).unwrap())
}

pub fn signed(authority: &Authority, holder: &Holder, document: &[u8], request: &Request) -> Result<Vec<u8>, Refusal> {
    let document = document.to_vec();
    let prepared = prepare(&document, request, [9; 16])?;
    prepared.rehearse(&document)?;
    let signature = holder.key.sign(prepared.message())?;
    let signed = prepared.finish(signature);
    let token = match signed.timestamp_request([0x81; 16]) {
        None => None,
        Some(asked) => Some(asked.accept(&stamped(authority, &asked.der, Dialect::Cms))?),
    };
    let output = signed.complete(&document, token.as_deref())?;
    Ok(output.over(&document).slice(0, usize::try_from(output.over(&document).len()).unwrap()).unwrap())
}

pub fn facts(bytes: &[u8], content: Option<&[u8]>) -> Facts {
    let content = content.map(<[u8]>::to_vec);
    let options = ReadOptions { content: content.as_ref().map(|content| content as &dyn ByteSource), certificates: &[] };
    read(&bytes.to_vec(), &options).unwrap()
}

/// Whether nothing but trust stands open.
pub fn sound(facts: &Facts) -> bool {
    let grave = |kind: &ProblemKind| !matches!(kind, ProblemKind::Notice);
    !facts.signatures.is_empty()
        && !facts.problems.iter().any(|problem| grave(&problem.kind))
        && facts.signatures.iter().all(|entry| {
            entry.signer.integrity == Integrity::Intact
                && entry.signer.certificate_reference != CertificateReference::Differs
                && entry.unjudged.is_empty()
                && entry.signer.unjudged.is_empty()
                && !entry.problems.iter().chain(&entry.signer.problems).any(|problem| grave(&problem.kind))
                && entry.coverage != Coverage::Partial
                && entry.token.as_ref().is_none_or(|token| token.imprint == Imprint::Matches)
                && matches!(entry.changes, Changes::None | Changes::Permitted(_))
        })
}

fn mark(turn: usize) -> Option<Mark> {
    let bottom = 72.0 * (turn + 1) as f64;
    Some(Mark::new(1, [72.0, bottom, 272.0, bottom + 70.0]).unwrap())
}

#[test]
fn pdfs_of_both_forms_take_signatures_of_every_kind_of_key_one_after_the_other() {
    let authorities = [KeyKind::Sm2, KeyKind::P256, KeyKind::Rsa(2048)].map(Authority::new);
    for stream in [false, true] {
        let original = sample(stream, "");
        let mut document = original.clone();
        for (turn, authority) in authorities.iter().chain(&authorities).enumerate() {
            let level = if turn < 3 { Level::B } else { Level::T };
            let mut wanted = request(authority, &authority.signer, Format::Pades, level);
            wanted.reason = Some("同意（甲方）".into());
            wanted.place = Some("Fuzhou (Fujian)".into());
            wanted.mark = if turn % 2 == 0 { mark(turn) } else { None };
            let next = signed(authority, &authority.signer, &document, &wanted).unwrap();
            assert!(next.starts_with(&document), "the original stays octet for octet");
            let facts = facts(&next, None);
            assert!(sound(&facts), "stream {stream}, turn {turn}: {facts:#?}");
            assert_eq!(facts.signatures.len(), turn + 1);
            let last = facts.signatures.last().unwrap();
            assert_eq!((last.coverage, &last.changes), (Coverage::WholeDocument, &Changes::None));
            assert_eq!(last.claimed_time, Some(at(NOW)));
            assert_eq!(last.signer.timestamps.len(), usize::from(level == Level::T));
            assert!(last.signer.timestamps.iter().all(|stamp| stamp.kind == TimestampKind::Signature));
            assert_eq!(last.signer.gm, turn % 3 == 0, "SM2 goes into a GB/T 35275 message");
            for earlier in facts.signatures.iter().take(turn) {
                assert_eq!(earlier.coverage, Coverage::EarlierRevision);
            }
            document = next;
        }
    }
}

#[test]
fn messages_of_every_format_are_intact_attached_and_detached() {
    let content = "正文 content\r\n".as_bytes();
    for kind in [KeyKind::Sm2, KeyKind::P256, KeyKind::Rsa(2048)] {
        let authority = Authority::new(kind);
        for format in [Format::Cades, Format::Cms, Format::GmCms] {
            for level in [Level::B, Level::T] {
                for detached in [false, true] {
                    let wanted = Request { detached, ..request(&authority, &authority.signer, format, level) };
                    let made = signed(&authority, &authority.signer, content, &wanted);
                    if format == Format::GmCms && kind != KeyKind::Sm2 {
                        assert!(matches!(made, Err(Refusal::Request(_))));
                        continue;
                    }
                    let made = made.unwrap();
                    assert!(sound(&facts(&made, detached.then_some(content))));
                    let other = facts(&made, Some(b"another content"));
                    assert!(!sound(&other), "{kind:?} {format:?} {level:?}: another content passes");
                    if detached {
                        assert_eq!(other.signatures[0].signer.integrity, Integrity::HashMismatch);
                        assert_eq!(facts(&made, None).signatures[0].signer.integrity, Integrity::ContentMissing);
                    }
                }
            }
        }
    }
}

#[test]
fn no_altered_octet_of_a_signed_pdf_passes() {
    let authority = Authority::new(KeyKind::P256);
    let document =
        signed(&authority, &authority.signer, &sample(false, ""), &request(&authority, &authority.signer, Format::Pades, Level::B));
    let document = document.unwrap();
    let gap = gap(&document);
    let mut altered = document.clone();
    for position in (0..document.len()).filter(|position| !gap.contains(position)) {
        for change in [0x01, 0x20] {
            altered[position] ^= change;
            assert!(!sound(&facts(&altered, None)), "octet {position} altered by {change:#x} passes");
            altered[position] ^= change;
        }
    }
    // Inside the gap the brackets count; of the structure, only frame fields and other certificates are unprotected (RFC 5652
    // signs neither), and whatever passes still names the same signer.
    let good = facts(&document, None);
    let length = Tlv::split(&hex::decode(&document[gap.start + 1..gap.end - 1]).unwrap()).unwrap().0.raw.len();
    let mut unprotected = 0;
    for position in (gap.start..gap.start + 1 + 2 * length).chain([gap.end - 1]) {
        let before = altered[position];
        altered[position] = if before == b'7' { b'8' } else { b'7' };
        let found = facts(&altered, None);
        if sound(&found) {
            let (one, other) = (&good.signatures[0].signer, &found.signatures[0].signer);
            assert!(![b'<', b'>'].contains(&before), "bracket {position} altered passes");
            assert_eq!(one.certificate, other.certificate, "digit {position}");
            assert_eq!((one.digest, &one.signature_algorithm), (other.digest, &other.signature_algorithm), "digit {position}");
            unprotected += 1;
        }
        altered[position] = before;
    }
    let other_certificate = 2 * authority.issuing.certificate.der().len();
    assert!(unprotected < other_certificate + 40, "{unprotected} digits may be altered");
}

/// The hexadecimal string of the last `/Contents` in the file, brackets included.
pub fn gap(document: &[u8]) -> std::ops::Range<usize> {
    let at = document.windows(11).rposition(|window| window == b"/Contents <").unwrap() + 10;
    at..at + document[at..].iter().position(|octet| *octet == b'>').unwrap() + 1
}

/// Appends an update with these objects, listed or not.
pub fn updated(document: &[u8], objects: &[(u32, &str)], listed: bool) -> Vec<u8> {
    let mut out = document.to_vec();
    let tail = String::from_utf8_lossy(&document[document.len() - 40..]).into_owned();
    let previous = tail.split("startxref\n").nth(1).unwrap().split('\n').next().unwrap().to_owned();
    let mut table = String::from("xref\n0 1\n0000000000 65535 f \n");
    for (number, object) in objects {
        table.push_str(&format!("{number} 1\n{:010} 00000 n \n", out.len()));
        out.extend_from_slice(format!("{number} 0 obj\n{object}\nendobj\n").as_bytes());
    }
    if !listed {
        table = String::from("xref\n0 1\n0000000000 65535 f \n");
    }
    let start = out.len();
    out.extend_from_slice(format!("{table}trailer\n<</Size 60/Root 1 0 R/Prev {previous}>>\nstartxref\n{start}\n%%EOF\n").as_bytes());
    out
}

#[test]
fn what_is_appended_after_signing_is_told_from_what_is_permitted() {
    let authority = Authority::new(KeyKind::P256);
    let plain = sample(false, "");
    let document = signed(&authority, &authority.signer, &plain, &request(&authority, &authority.signer, Format::Pades, Level::B)).unwrap();
    assert!(sound(&facts(&document, None)));
    let text = "BT /F1 24 Tf 72 720 Td (Another) Tj ET";
    let content = format!("<</Length {}>>\nstream\n{text}\nendstream", text.len());
    let page = "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595.28 841.89]/Contents 50 0 R/Resources<</Font<</F1 5 0 R>>>>>>";
    let suspicious = |bytes: &[u8], what: &str| {
        let facts = facts(bytes, None);
        let found = facts.signatures.iter().all(|entry| matches!(entry.changes, Changes::Suspicious(_)));
        assert!(found && !sound(&facts), "{what}: {facts:#?}");
    };
    suspicious(&updated(&document, &[(4, &content)], true), "content replaced");
    suspicious(&updated(&document, &[(3, page), (50, &content)], true), "page redirected");
    suspicious(&updated(&document, &[(4, &content)], false), "content replaced for repairing readers");
    suspicious(&[document.as_slice(), b"4 0 obj\n<<>>\nendobj\n"].concat(), "an object after the end");
    suspicious(&updated(&document, &[(2, "<</Type/Pages/Kids[3 0 R 51 0 R]/Count 2>>"), (51, page), (50, &content)], true), "page added");
    suspicious(&updated(&document, &[(1, "<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(x)>>>>")], true), "an action added");
    suspicious(&updated(&document, &[(5, "<</Type/Font/Subtype/Type1/BaseFont/Symbol>>")], true), "a font replaced");
    // A further signature whose mark covers the page is left open.
    let mut wanted = request(&authority, &authority.signer, Format::Pades, Level::B);
    wanted.mark = Some(Mark::new(1, [0.0, 0.0, 595.0, 841.0]).unwrap());
    let covered = signed(&authority, &authority.signer, &document, &wanted);
    assert!(matches!(covered, Err(Refusal::Document(_))), "it would leave the first signature undecided: {covered:?}");
    // The same object again says nothing new.
    let again = updated(&document, &[(5, "<</Subtype/Type1 /BaseFont/Helvetica/Type/Font>>")], true);
    assert!(sound(&facts(&again, None)), "{:#?}", facts(&again, None));
    // White space at the end is nothing.
    assert!(sound(&facts(&[document.as_slice(), b"\r\n"].concat(), None)));
}

#[test]
fn content_promised_when_signing_and_delivered_later_is_found() {
    let authority = Authority::new(KeyKind::P256);
    let place = 20_000;
    let plain = sample(false, "");
    let at = |word: &[u8]| plain.windows(word.len()).position(|window| window == word).unwrap();
    let mut promised = plain[..at(b"xref\n0 6")].to_vec();
    let table = String::from_utf8_lossy(&plain[at(b"xref\n0 6")..]).replace("xref\n0 6", "xref\n0 7").replace("/Size 6", "/Size 7");
    promised.extend_from_slice(table.replace("trailer", &format!("{place:010} 00000 n \ntrailer")).as_bytes());
    let from = promised.windows(16).position(|window| window == b"/Contents 4 0 R/").unwrap();
    // As long as before, so that no offset moves: the page shows object 6, which does not exist yet.
    promised[from..from + 16].copy_from_slice(b"/Contents 6 0 R/");
    let document = signed(&authority, &authority.signer, &promised, &request(&authority, &authority.signer, Format::Pades, Level::B));
    let document = document.unwrap();
    assert!(document.len() < place);
    let mut delivered = document.clone();
    delivered.resize(place, b' ');
    let object = "6 0 obj\n<</Length 4>>\nstream\nBT ET\nendstream\nendobj\n".replace("Length 4", "Length 5");
    delivered.extend_from_slice(object.as_bytes());
    let tail = String::from_utf8_lossy(&document[document.len() - 40..]).into_owned();
    let previous = tail.split("startxref\n").nth(1).unwrap().split('\n').next().unwrap().to_owned();
    let start = delivered.len();
    let section = format!("xref\n6 1\n{place:010} 00000 n \ntrailer\n<</Size 60/Root 1 0 R/Prev {previous}>>\nstartxref\n{start}\n%%EOF\n");
    delivered.extend_from_slice(section.as_bytes());
    let facts = facts(&delivered, None);
    assert!(matches!(facts.signatures[0].changes, Changes::Suspicious(_)), "{facts:#?}");
}

#[test]
fn a_further_signature_does_not_break_a_certification_that_forbids_it() {
    let authority = Authority::new(KeyKind::P256);
    let wanted = request(&authority, &authority.signer, Format::Pades, Level::B);
    let reference = "/Perms<</DocMDP<</Reference[<</TransformMethod/DocMDP/TransformParams<</P 1>>>>]>>>>";
    let refused = signed(&authority, &authority.signer, &sample(false, reference), &wanted);
    assert!(matches!(refused, Err(Refusal::Document(_))), "{refused:?}");
}

#[test]
fn certificates_that_may_not_sign_are_refused_before_the_key_moves() {
    let authority = Authority::new(KeyKind::Sm2);
    let document = sample(false, "");
    let wanted = request(&authority, &authority.signer, Format::Pades, Level::B);
    let issue = |usage: &[u8], from: &str, to: &str| {
        let (issuer, subject) = (authority.issuing.certificate.subject(), authority.signer.certificate.subject());
        let key = authority.signer.key.public_key();
        let builder = CertificateBuilder::new(issuer, subject, key, &[0x77], at(from), at(to)).key_usage(usage);
        builder.sign(&authority.issuing.key).unwrap()
    };
    let with = |certificate| prepare(&document.clone(), &Request { certificate, ..wanted.clone() }, [0; 16]).err();
    let encryption = issue(&[KeyUsage::KEY_ENCIPHERMENT, KeyUsage::DATA_ENCIPHERMENT], "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z");
    assert!(matches!(with(encryption), Some(Refusal::NotForSigning)));
    let both = [KeyUsage::DIGITAL_SIGNATURE];
    assert!(matches!(with(issue(&both, "2027-01-01T00:00:00Z", "2030-01-01T00:00:00Z")), Some(Refusal::NotYetValid(_))));
    assert!(matches!(with(issue(&both, "2020-01-01T00:00:00Z", "2025-01-01T00:00:00Z")), Some(Refusal::Expired(_))));
    // Another key than the certificate's: found after signing, and nothing comes out.
    let stranger = Authority::new(KeyKind::Sm2);
    let crossed = signed(&authority, &stranger.signer, &document, &wanted);
    assert!(matches!(crossed, Err(Refusal::Check(_))), "{crossed:?}");
    // No PDF at all.
    assert!(signed(&authority, &authority.signer, b"%PDF-1.7 broken", &wanted).is_err());
}

#[test]
fn a_time_stamp_for_something_else_is_refused() {
    let authority = Authority::new(KeyKind::P256);
    let document = sample(false, "");
    let ask = |nonce| {
        let prepared = prepare(&document, &request(&authority, &authority.signer, Format::Pades, Level::T), [1; 16]).unwrap();
        let signature = authority.signer.key.sign(prepared.message()).unwrap();
        prepared.finish(signature).timestamp_request(nonce).unwrap()
    };
    let (one, other) = (ask([1; 16]), ask([2; 16]));
    let answer = stamped(&authority, &one.der, Dialect::Cms);
    assert!(one.accept(&answer).is_ok());
    assert!(other.accept(&answer).is_err(), "an answer with another nonce");
    let mut altered = answer.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert!(one.accept(&altered).is_err(), "an altered answer");
    assert!(one.accept(&timestamp::rejected(timestamp::Failure::SystemFailure, "no")).is_err());
    assert!(one.accept(b"").is_err());
}

fn write_anchors(folder: &Path, authority: &Authority) {
    pem(folder, "root.pem", "CERTIFICATE", &[authority.root.certificate.der()]);
    pem(folder, "issuing.pem", "CERTIFICATE", &[authority.issuing.certificate.der()]);
    file(folder, "issuing.crl", authority.crl.der());
    file(folder, "root.crl", authority.root_crl.der());
}

#[test]
fn foreign_readers_accept_our_pdfs() {
    let test = "foreign_readers_accept_our_pdfs";
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for kind in [KeyKind::P256, KeyKind::Rsa(2048)] {
        let authority = Authority::new(kind);
        write_anchors(folder, &authority);
        let mut jobs = Vec::new();
        for stream in [false, true] {
            let mut document = sample(stream, "");
            for (turn, level) in [Level::B, Level::T].into_iter().enumerate() {
                let mut wanted = request(&authority, &authority.signer, Format::Pades, level);
                wanted.mark = if turn == 0 { mark(turn) } else { None };
                wanted.reason = Some("同意".into());
                document = signed(&authority, &authority.signer, &document, &wanted).unwrap();
                let path = file(folder, &format!("{stream}-{turn}.pdf"), &document);
                let path = path.display().to_string();
                if peers::program(test, "qpdf").is_some() {
                    let output = peers::run(Command::new("qpdf").args(["--check", &path]), 60);
                    assert!(output.status.success(), "{kind:?} {}", peers::said(&output));
                }
                if peers::program(test, "pdfsig").is_some() {
                    let output = peers::run(Command::new("pdfsig").args(["-nocert", &path]), 60);
                    let said = peers::said(&output);
                    assert_eq!(said.matches("Signature is Valid").count(), turn + 1, "{kind:?} {said}");
                    assert!(said.contains("Total document signed"), "{kind:?} {said}");
                }
                let place = |name: &str| folder.join(name).display().to_string();
                let crls = format!("{};{}", place("issuing.crl"), place("root.crl"));
                jobs.push(vec![path, place("root.pem"), place("issuing.pem"), crls, NOW.into()]);
                let mut altered = document.clone();
                let at = altered.windows(8).position(|window| window == b"Contract").unwrap();
                altered[at] ^= 1;
                let path = file(folder, &format!("{stream}-{turn}-altered.pdf"), &altered).display().to_string();
                jobs.push(vec![path, jobs[0][1].clone(), jobs[0][2].clone(), jobs[0][3].clone(), NOW.into()]);
            }
        }
        if let Some(answers) = peers::python_judge(test, "pdf_judge.py", folder, &jobs) {
            for (job, answer) in jobs.iter().zip(answers) {
                assert_eq!(answer.yes, !job[0].contains("altered"), "{kind:?} {}: {}", job[0], answer.words);
            }
        }
    }
}

#[test]
fn openssl_accepts_our_messages() {
    let test = "openssl_accepts_our_messages";
    if peers::program(test, "openssl").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let content = "正文\n".as_bytes();
    file(folder, "content", content);
    file(folder, "other", b"other");
    for kind in [KeyKind::P256, KeyKind::Rsa(2048)] {
        let authority = Authority::new(kind);
        write_anchors(folder, &authority);
        for format in [Format::Cades, Format::Cms] {
            for (detached, level) in [(false, Level::B), (true, Level::T)] {
                let wanted = Request { detached, ..request(&authority, &authority.signer, format, level) };
                file(folder, "message", &signed(&authority, &authority.signer, content, &wanted).unwrap());
                let verify = |content: &str| {
                    let mut command = Command::new("openssl");
                    command.args("cms -verify -binary -inform DER -in message -out out -CAfile root.pem -attime 1795420800".split(' '));
                    if format == Format::Cades {
                        command.arg("-cades");
                    }
                    if detached {
                        command.args(["-content", content]);
                    }
                    peers::run(command.current_dir(folder), 60)
                };
                let output = verify("content");
                assert!(output.status.success(), "{kind:?} {format:?} {}", peers::said(&output));
                assert_eq!(std::fs::read(folder.join("out")).unwrap(), content);
                assert!(!detached || !verify("other").status.success());
            }
        }
    }
}

fn xinyin(folder: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xinyin"));
    peers::run(command.args(arguments).current_dir(folder).env_remove("XINYIN_PASSWORD"), 120)
}

#[test]
fn the_command_signs_and_verify_finds_it_valid() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    file(folder, "in.pdf", &sample(true, ""));
    file(folder, "in.txt", "正文".as_bytes());
    for kind in [KeyKind::Sm2, KeyKind::P256, KeyKind::Rsa(2048)] {
        let authority = Authority::new(kind);
        write_anchors(folder, &authority);
        pem(folder, "signer.pem", "CERTIFICATE", &[authority.signer.certificate.der()]);
        file(folder, "key.pem", authority.signer.key.to_pkcs8_pem().as_bytes());
        let key = ["sign", "--key", "key.pem", "--cert", "signer.pem", "--chain", "issuing.pem"];
        let runs: [(&[&str], &str, &str); 4] = [
            (&["--rect", "36,36,236,96", "--reason", "同意", "--place", "福州"], "in.pdf", "out.pdf"),
            (&["--page", "1"], "in.pdf", "out.pdf"),
            (&[], "in.txt", "out.p7m"),
            (&["--detached", "--format", "cades"], "in.txt", "out.p7s"),
        ];
        for (options, input, output) in runs {
            let arguments = [&key[..], options, &[input, output]].concat();
            let run = xinyin(folder, &arguments);
            assert_eq!(run.status.code(), Some(0), "{kind:?} {arguments:?}: {}", peers::said(&run));
            assert!(run.stdout.is_empty());
            let mut judge =
                vec!["verify", "--offline", "--format", "json", "--trust", "root.pem", "--crl", "issuing.crl", "--crl", "root.crl"];
            judge.extend(["--at", NOW, output]);
            if output == "out.p7s" {
                judge.extend(["--content", "in.txt"]);
            }
            // The certificates here are valid now; the lists were made for the moment of the tests.
            let run = xinyin(folder, &judge);
            let said = peers::said(&run);
            let verdict: serde_json::Value = serde_json::from_str(said.lines().next().unwrap_or_default()).unwrap();
            assert_eq!(verdict["signatures"][0]["signer"]["name"], "张伟", "{said}");
            assert_eq!(verdict["signatures"][0]["covers"], "whole-document", "{said}");
            assert_ne!(verdict["indication"], "TOTAL-FAILED", "{said}");
        }
    }
}

#[test]
fn wrong_use_of_the_command_is_told_in_one_sentence_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new(KeyKind::P256);
    file(folder, "in.pdf", &sample(false, ""));
    file(folder, "broken.pdf", b"%PDF-1.7\nnothing");
    file(folder, "key.pem", authority.signer.key.to_pkcs8_pem().as_bytes());
    pem(folder, "signer.pem", "CERTIFICATE", &[authority.signer.certificate.der()]);
    pem(folder, "other.pem", "CERTIFICATE", &[authority.tsa.certificate.der()]);
    let key = ["sign", "--key", "key.pem"];
    let own = ["--cert", "signer.pem"];
    let cases: [(&[&str], &[&str], &str); 12] = [
        (&own, &["absent.pdf", "out"], "absent.pdf"),
        (&own, &["broken.pdf", "out"], "XY-3203"),
        (&[], &["in.pdf", "out"], "XY-3202"),
        (&["--cert", "other.pem"], &["in.pdf", "out"], "XY-3202"),
        (&["--cert", "absent.pem"], &["in.pdf", "out"], "absent.pem"),
        (&own, &["--level", "B-T", "in.pdf", "out"], "--tsa"),
        (&own, &["--level", "B-T", "--tsa", "http://127.0.0.1:1/tsa", "in.pdf", "out"], "XY-3204"),
        (&own, &["--format", "pades", "--detached", "in.pdf", "out"], "--detached"),
        (&own, &["--format", "gm-cms", "in.pdf", "out"], "XY-3201"),
        (&own, &["--rect", "1,2,3", "in.pdf", "out"], "--rect"),
        (&own, &["--page", "7", "in.pdf", "out"], "XY-3203"),
        (&own, &["--level", "B-LT", "in.pdf", "out"], "--tsa"),
    ];
    for (certificates, rest, what) in cases {
        let run = xinyin(folder, &[&key[..], certificates, rest].concat());
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert_eq!(run.status.code(), Some(3), "{rest:?}: {said}");
        assert!(said.contains(what) && said.lines().count() == 1, "{rest:?}: {said}");
        assert!(!folder.join("out").exists(), "{rest:?}");
    }
    let leftovers: Vec<_> = std::fs::read_dir(folder).unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok()).collect();
    assert!(!leftovers.iter().any(|name| name.contains("part")), "{leftovers:?}");
}
