//! Levels B-T, B-LT and B-LTA: made here step by step, judged by our own judge with nothing but the anchor, and by others.

use crate::authority::{Authority, NOW, at, file, pem};
use crate::peers;
use crate::signing::{facts, request, sample, signed, stamped};
use std::path::Path;
use std::process::Command;
use xinyin::crypto::{Hash, KeyKind};
use xinyin::doc::facts::Facts;
use xinyin::doc::source::ByteSource;
use xinyin::pki::build::{additions, cms::Dialect};
use xinyin::pki::signed_data::{SignedData, algorithm_oid, oid, values};
use xinyin::pki::timestamp::of_signed_data;
use xinyin::pki::tlv::{Tlv, tag};
use xinyin::sign::{Format, Level, Output, Stamping, add_material, archive, material, stamp};
use xinyin::verify::{Evidence, Options, Policy, Revocation, TrustAnchor, Verdict, judge};

/// The anchor alone, as a verifier has it.
pub fn anchor(authority: &Authority) -> Evidence {
    Evidence { anchors: vec![TrustAnchor::for_all(authority.root.certificate.clone())], ..Evidence::default() }
}

/// What is known to whoever raises: the lists too.
pub fn known(authority: &Authority) -> Evidence {
    Evidence { crls: vec![authority.crl.clone(), authority.root_crl.clone()], ..anchor(authority) }
}

pub fn judged(facts: &Facts, evidence: &Evidence) -> Verdict {
    let options = Options { file: String::new(), at: at(NOW), at_given: false, revocation: Revocation::Hard };
    judge(facts, evidence, &Policy::named("strict").unwrap(), &options)
}

fn answered(authority: &Authority, stamping: Stamping) -> Output {
    let tokens: Vec<_> =
        stamping.requests().iter().map(|request| request.accept(&stamped(authority, &request.der, Dialect::Cms)).unwrap()).collect();
    stamping.complete(&tokens).unwrap()
}

fn joined(document: &[u8], output: &Output) -> Vec<u8> {
    let document = document.to_vec();
    let joined = output.over(&document);
    joined.slice(0, usize::try_from(joined.len()).unwrap()).unwrap()
}

fn nonces() -> impl FnMut() -> [u8; 16] {
    let mut count = 0x80;
    move || {
        count += 1;
        [count; 16]
    }
}

/// Raises a signed document step by step, as `xinyin extend` does.
pub fn raised(authority: &Authority, document: &[u8], content: Option<&[u8]>, level: Level) -> Vec<u8> {
    let mut document = document.to_vec();
    let content_source = content.map(<[u8]>::to_vec);
    if let Some(stamping) = stamp(&document, &facts(&document, content), nonces()).unwrap() {
        document = joined(&document, &answered(authority, stamping));
    }
    if level >= Level::Lt {
        let seen = facts(&document, content);
        let found = material(&seen, &known(authority), at(NOW));
        document = joined(&document, &add_material(&document, &seen, &found, [3; 16]).unwrap());
    }
    if level >= Level::Lta {
        let source = content_source.as_ref().map(|content| content as &dyn ByteSource);
        let stamping = archive(&document, source, &facts(&document, content), nonces()).unwrap();
        document = joined(&document, &answered(authority, stamping));
    }
    document
}

#[test]
fn pdfs_of_every_level_pass_with_the_anchor_alone() {
    for kind in [KeyKind::Sm2, KeyKind::P256, KeyKind::Rsa(2048)] {
        let authority = Authority::new(kind);
        for stream in [false, true] {
            let wanted = request(&authority, &authority.signer, Format::Pades, Level::T);
            let original = signed(&authority, &authority.signer, &sample(stream, ""), &wanted).unwrap();
            for level in [Level::Lt, Level::Lta] {
                let document = raised(&authority, &original, None, level);
                assert!(document.starts_with(&original), "the original stays octet for octet");
                let seen = facts(&document, None);
                let verdict = judged(&seen, &anchor(&authority));
                let told = serde_json::to_string_pretty(&verdict).unwrap();
                assert_eq!(verdict.indication.name(), "TOTAL-PASSED", "{kind:?} {stream} {level:?}: {told}");
                assert_eq!(verdict.signatures[0].level, Some(level.name()), "{kind:?} {stream} {level:?}: {told}");
                assert_eq!((seen.certificates.len(), seen.crls.len()), (4, 2), "{kind:?} {level:?}");
                assert_eq!(verdict.signatures.len(), if level == Level::Lta { 2 } else { 1 });
                // Once more: the material is there, a further time-stamp is put over it.
                if level == Level::Lta {
                    let again = raised(&authority, &document, None, level);
                    assert!(again.starts_with(&document));
                    let verdict = judged(&facts(&again, None), &anchor(&authority));
                    assert_eq!((verdict.indication.name(), verdict.signatures.len()), ("TOTAL-PASSED", 3));
                }
            }
            // A B-B signature is raised by a time-stamp over the document.
            let wanted = request(&authority, &authority.signer, Format::Pades, Level::B);
            let plain = signed(&authority, &authority.signer, &sample(stream, ""), &wanted).unwrap();
            let document = raised(&authority, &plain, None, Level::Lt);
            let verdict = judged(&facts(&document, None), &anchor(&authority));
            assert_eq!(verdict.indication.name(), "TOTAL-PASSED", "{}", serde_json::to_string_pretty(&verdict).unwrap());
            assert_eq!(verdict.signatures[0].best_time_source, "document-timestamp");
        }
    }
}

/// The imprint of each archive time-stamp computed here from the standard's words, apart from the builder: EN 319 122-1 5.5.3.
fn recomputed(message: &[u8], content: &[u8]) -> usize {
    let data = SignedData::parse(message).unwrap();
    let mut body = Tlv::parse(message).unwrap().children();
    body.read().unwrap();
    let mut body = body.read().unwrap().inner().unwrap().children();
    let mut sets = Vec::new();
    while !body.is_empty() {
        let field = body.read().unwrap();
        if field.tag == tag::context(0) || field.tag == tag::context(1) {
            sets.push(field);
        }
    }
    let mut found = 0;
    for signer in &data.signers {
        let unsigned = signer.unsigned.as_ref().unwrap();
        for token in unsigned.values(oid::ARCHIVE_TIMESTAMP_V3) {
            let token = SignedData::parse(token.raw).unwrap();
            let info = of_signed_data(&token).unwrap();
            let hash = Hash::from_oid(&algorithm_oid(&info.imprint.algorithm).unwrap()).unwrap();
            let index = token.signers[0].unsigned.as_ref().unwrap().single(oid::ATS_HASH_INDEX_V3).unwrap().unwrap();
            let mut parts = index.children();
            let named = parts.read().unwrap();
            assert_eq!(algorithm_oid(named.raw), algorithm_oid(&info.imprint.algorithm));
            let lists: Vec<Vec<&[u8]>> =
                (0..3).map(|_| parts.expect(tag::SEQUENCE).unwrap().children().map(|hash| hash.unwrap().value).collect()).collect();
            let holds = |list: usize, octets: &[u8]| lists[list].contains(&hash.digest(octets).as_slice());
            let stored = |list: usize| values(sets[list].value).filter(|member| holds(list, member)).count();
            assert_eq!((stored(0), stored(1)), (lists[0].len(), lists[1].len()), "every hash of the index has its certificate or list");
            let mut named = 0;
            for attribute in &unsigned.list {
                let kind = xinyin::pki::build::encode::oid(&attribute.oid);
                named += attribute.values.iter().filter(|value| holds(2, &[&kind, value.raw].concat())).count();
            }
            assert_eq!(named, lists[2].len());
            let mut stamped = xinyin::pki::build::encode::oid(&data.content_type);
            stamped.extend(hash.digest(content));
            let signed = signer.signed.as_ref().unwrap();
            let (issuer, serial) = match signer.id {
                xinyin::pki::signed_data::SignerId::IssuerAndSerial { issuer, serial } => (issuer, serial),
                xinyin::pki::signed_data::SignerId::KeyId(_) => panic!("issuer and serial are written"),
            };
            use xinyin::pki::build::encode::{octet_string, sequence, small_integer, tlv};
            stamped.extend(small_integer(signer.version));
            stamped.extend(sequence([issuer.to_vec(), tlv(tag::INTEGER, serial)]));
            stamped.extend(signer.digest_algorithm);
            stamped.extend(signed.raw.raw);
            stamped.extend(signer.signature_algorithm);
            stamped.extend(octet_string(&signer.signature));
            stamped.extend(index.raw);
            assert_eq!(info.imprint.digest, hash.digest(&stamped));
            found += 1;
        }
    }
    found
}

#[test]
fn messages_of_every_level_keep_what_was_signed() {
    let content = "正文 content\r\n".as_bytes();
    for kind in [KeyKind::Sm2, KeyKind::P256, KeyKind::Rsa(2048)] {
        let authority = Authority::new(kind);
        for format in [Format::Cades, Format::GmCms] {
            for detached in [false, true] {
                if format == Format::GmCms && kind != KeyKind::Sm2 {
                    continue;
                }
                let wanted = xinyin::sign::Request { detached, ..request(&authority, &authority.signer, format, Level::B) };
                let original = signed(&authority, &authority.signer, content, &wanted).unwrap();
                let outside = detached.then_some(content);
                let at_lt = raised(&authority, &original, outside, Level::Lt);
                let verdict = judged(&facts(&at_lt, outside), &anchor(&authority));
                let told = serde_json::to_string_pretty(&verdict).unwrap();
                assert_eq!(verdict.indication.name(), "TOTAL-PASSED", "{kind:?} {format:?} {detached}: {told}");
                assert_eq!(verdict.signatures[0].level, Some("B-LT"), "{kind:?} {format:?} {detached}: {told}");
                let at_lta = raised(&authority, &original, outside, Level::Lta);
                assert_eq!(recomputed(&at_lta, content), 1);
                let renewed = raised(&authority, &at_lta, outside, Level::Lta);
                assert_eq!(recomputed(&renewed, content), 2);
                for document in [&at_lta, &renewed] {
                    let verdict = judged(&facts(document, outside), &anchor(&authority));
                    let told = serde_json::to_string_pretty(&verdict).unwrap();
                    let found = (verdict.indication.name(), verdict.signatures[0].level);
                    assert_eq!(found, ("TOTAL-PASSED", Some("B-LTA")), "{kind:?} {format:?} {detached}: {told}");
                }
                let (before, after) = (SignedData::parse(&original).unwrap(), SignedData::parse(&renewed).unwrap());
                assert_eq!(before.signers[0].signed.as_ref().unwrap().raw.raw, after.signers[0].signed.as_ref().unwrap().raw.raw);
                assert_eq!((&before.content, before.signers.len()), (&after.content, after.signers.len()));
                assert_eq!(before.signers[0].signature, after.signers[0].signature);
                assert!(before.certificates.iter().all(|certificate| after.certificates.contains(certificate)));
                assert_eq!((after.certificates.len(), after.crls.len()), (4, 2));
            }
        }
    }
}

/// What an archive time-stamp names by a digest that ended since could have been put there afterwards: it proves nothing of it.
#[test]
fn an_index_under_a_digest_that_ended_proves_nothing() {
    let authority = Authority::new(KeyKind::P256);
    let content = b"x";
    let original =
        signed(&authority, &authority.signer, content, &request(&authority, &authority.signer, Format::Cades, Level::B)).unwrap();
    let document = raised(&authority, &original, None, Level::Lta);
    // Long after everything ended but the word of the authority that stamped last.
    let mut evidence = anchor(&authority);
    evidence.anchors.push(TrustAnchor::for_all(authority.tsa.certificate.clone()));
    let options = Options { file: String::new(), at: at("2037-01-01T00:00:00Z"), at_given: true, revocation: Revocation::Hard };
    let verdict = |facts: &Facts| judge(facts, &evidence, &Policy::named("strict").unwrap(), &options);
    let honest = facts(&document, None);
    let told = verdict(&honest);
    assert_eq!(told.indication.name(), "TOTAL-PASSED", "{}", serde_json::to_string_pretty(&told).unwrap());
    let mut weak = honest.clone();
    let archive = weak.signatures[0].signer.timestamps.iter_mut().filter_map(|stamp| stamp.token.as_mut());
    let changed = archive.filter(|token| token.index_digest.is_some()).map(|token| token.index_digest = Some(Hash::Sha1)).count();
    let told = verdict(&weak);
    assert_eq!((changed, told.indication.name()), (1, "INDETERMINATE"), "{}", serde_json::to_string_pretty(&told).unwrap());
}

#[test]
fn additions_leave_messages_alone_that_cannot_be_read() {
    for broken in [&b""[..], b"\x30", b"\x30\x03\x02\x01\x01", b"%PDF"] {
        assert!(additions::add(broken, &additions::Additions::default()).is_err());
        assert!(additions::archive(broken, 0, Hash::Sha256, &[]).is_err());
    }
}

fn put(folder: &Path, name: &str, octets: &[u8]) -> String {
    file(folder, name, octets).display().to_string()
}

#[test]
fn foreign_readers_accept_our_levels() {
    let test = "foreign_readers_accept_our_levels";
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut jobs: Vec<Vec<String>> = Vec::new();
    for kind in [KeyKind::P256, KeyKind::Rsa(2048)] {
        let authority = Authority::new(kind);
        let name = |what: &str| format!("{}-{what}", if kind == KeyKind::P256 { "p256" } else { "rsa" });
        let root = put(folder, &name("root.cer"), authority.root.certificate.der());
        let crls = [("crl", &authority.crl), ("root-crl", &authority.root_crl)].map(|(what, list)| put(folder, &name(what), list.der()));
        for stream in [false, true] {
            let wanted = request(&authority, &authority.signer, Format::Pades, Level::T);
            let original = signed(&authority, &authority.signer, &sample(stream, ""), &wanted).unwrap();
            let at_lt = raised(&authority, &original, None, Level::Lt);
            let at_lta = raised(&authority, &original, None, Level::Lta);
            let renewed = raised(&authority, &at_lta, None, Level::Lta);
            for (what, document, stamps) in [("lt", &at_lt, 0), ("lta", &at_lta, 1), ("renewed", &renewed, 2)] {
                let path = put(folder, &name(&format!("{stream}-{what}.pdf")), document);
                if peers::program(test, "qpdf").is_some() {
                    let output = peers::run(Command::new("qpdf").args(["--check", &path]), 60);
                    assert!(output.status.success(), "{kind:?} {what} {}", peers::said(&output));
                }
                if peers::program(test, "pdfsig").is_some() {
                    let said = peers::said(&peers::run(Command::new("pdfsig").args(["-nocert", &path]), 60));
                    assert_eq!(said.matches("Signature is Valid").count(), 1, "{kind:?} {what} {said}");
                    assert!(!said.contains("Signature is Invalid") && said.contains("Signature #1"), "{kind:?} {what} {said}");
                }
                for level in if stamps == 0 { &["LT"][..] } else { &["LT", "LTA"] } {
                    let moment = "2026-11-23T08:00:01Z";
                    jobs.push(vec![path.clone(), root.clone(), (*level).into(), moment.into(), crls.join(";")]);
                }
                let mut altered = document.clone();
                let place = altered.windows(8).position(|window| window == b"Contract").unwrap();
                altered[place] ^= 1;
                let path = put(folder, &name(&format!("{stream}-{what}-altered.pdf")), &altered);
                jobs.push(vec![path, root.clone(), "LT".into(), "2026-11-23T08:00:01Z".into(), String::new()]);
            }
        }
    }
    if let Some(answers) = peers::python_judge(test, "pdf_levels.py", folder, &jobs) {
        for (job, answer) in jobs.iter().zip(answers) {
            assert_eq!(answer.yes, !job[0].contains("altered"), "{job:?}: {}", answer.words);
        }
    }
}

/// The time-stamps on a message, each with the octets it stands on.
fn tokens(message: &[u8], content: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    assert!(recomputed(message, content) > 0);
    let data = SignedData::parse(message).unwrap();
    let unsigned = data.signers[0].unsigned.as_ref().unwrap();
    unsigned.values(oid::SIGNATURE_TIMESTAMP).map(|token| (token.raw.to_vec(), data.signers[0].signature.to_vec())).collect()
}

#[test]
fn openssl_and_bouncy_castle_accept_our_messages_at_every_level() {
    let test = "openssl_and_bouncy_castle_accept_our_messages_at_every_level";
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let content = "正文\n".as_bytes();
    let content_path = put(folder, "content", content);
    put(folder, "other", b"other");
    let mut java: Vec<Vec<String>> = Vec::new();
    for kind in [KeyKind::Sm2, KeyKind::P256, KeyKind::Rsa(2048)] {
        let authority = Authority::new(kind);
        pem(folder, "root.pem", "CERTIFICATE", &[authority.root.certificate.der()]);
        pem(folder, "issuing.pem", "CERTIFICATE", &[authority.issuing.certificate.der()]);
        for (format, level) in
            [Format::Cades, Format::GmCms].into_iter().flat_map(|format| [(format, Level::T), (format, Level::Lt), (format, Level::Lta)])
        {
            if format == Format::GmCms && kind != KeyKind::Sm2 {
                continue;
            }
            let wanted = xinyin::sign::Request { detached: true, ..request(&authority, &authority.signer, format, Level::B) };
            let message = raised(&authority, &signed(&authority, &authority.signer, content, &wanted).unwrap(), Some(content), level);
            let name = format!("{kind:?}-{format:?}-{level:?}.p7s").replace(['(', ')'], "");
            let path = put(folder, &name, &message);
            if kind == KeyKind::Sm2 {
                java.push(vec!["cms".into(), path, content_path.clone()]);
                if level == Level::Lta {
                    for (token, stamped) in tokens(&message, content) {
                        java.push(vec!["timestamp".into(), put(folder, "token.tst", &token), put(folder, "stamped", &stamped)]);
                    }
                }
                continue;
            }
            if peers::program(test, "openssl").is_none() {
                continue;
            }
            let openssl = |line: &str| {
                let output = peers::run(Command::new("openssl").args(line.split(' ')).current_dir(folder), 60);
                (output.status.success(), peers::said(&output))
            };
            let path = format!("cms -verify -cades -binary -inform DER -in {name} -out out -CAfile root.pem -attime 1795420800");
            let (good, said) = openssl(&format!("{path} -content content"));
            assert!(good, "{name} {said}");
            assert!(!openssl(&format!("{path} -content other")).0, "{name}");
            if level == Level::Lta {
                for (token, stamped) in tokens(&message, content) {
                    put(folder, "token.tst", &token);
                    put(folder, "stamped", &stamped);
                    let judge = "ts -verify -in token.tst -token_in -CAfile root.pem -untrusted issuing.pem -attime 1795420800 -data";
                    let (good, said) = openssl(&format!("{judge} stamped"));
                    assert!(good && said.contains("Verification: OK"), "{name} {said}");
                    assert!(!openssl(&format!("{judge} other")).0, "{name}");
                }
            }
        }
    }
    for (job, answer) in java.iter().zip(peers::bouncy_castle(test, folder, &java).unwrap_or_default()) {
        assert!(answer.yes, "{job:?}: {}", answer.words);
    }
}

/// Whatever octet is altered, no signature or time-stamp that covers it passes.
#[test]
fn no_altered_octet_of_a_raised_document_passes() {
    let authority = Authority::new(KeyKind::P256);
    let wanted = request(&authority, &authority.signer, Format::Pades, Level::T);
    let document = signed(&authority, &authority.signer, &sample(true, ""), &wanted).unwrap();
    let document = raised(&authority, &document, None, Level::Lta);
    let ends: Vec<usize> = facts(&document, None).signatures.iter().map(|entry| usize::try_from(entry.end).unwrap()).collect();
    let gaps: Vec<std::ops::Range<usize>> = (ends.iter()).map(|end| crate::signing::gap(&document[..*end])).collect();
    let mut altered = document.clone();
    let mut tried = 0;
    for place in (0..document.len()).filter(|place| place % 97 == 0 || document[*place] == b'>') {
        altered[place] ^= 0x11;
        let verdict = judged(&facts(&altered, None), &anchor(&authority));
        for (index, (end, gap)) in ends.iter().zip(&gaps).enumerate() {
            if place < *end && !gap.contains(&place) {
                let entry = verdict.signatures.iter().find(|entry| entry.id == format!("Signature{}", index + 1));
                assert!(entry.is_none_or(|entry| entry.indication.name() != "TOTAL-PASSED"), "octet {place} altered, {index} passes");
                tried += 1;
            }
        }
        altered[place] = document[place];
    }
    assert!(tried > 200, "{tried}");

    let content = "正文 content".as_bytes();
    let plain = signed(&authority, &authority.signer, content, &request(&authority, &authority.signer, Format::Cades, Level::B)).unwrap();
    let message = raised(&authority, &plain, None, Level::Lt);
    let good = SignedData::parse(&message).unwrap();
    let mut altered = message.clone();
    for place in (0..message.len()).step_by(7) {
        altered[place] ^= 0x11;
        let verdict = judged(&facts(&altered, None), &anchor(&authority));
        if verdict.indication.name() == "TOTAL-PASSED" {
            let found = SignedData::parse(&altered).unwrap();
            assert_eq!(found.content, good.content, "{place}");
            assert_eq!(found.signers[0].signature, good.signers[0].signature, "{place}");
            assert_eq!(found.signers[0].signed.as_ref().unwrap().raw.raw, good.signers[0].signed.as_ref().unwrap().raw.raw, "{place}");
            assert_eq!(found.certificates[0], good.certificates[0], "{place}");
        }
        altered[place] = message[place];
    }
}
