//! CMS signatures by construction: what is protected cannot be changed, what is odd is told, what is wrong is refused.

use crate::authority::Authority;
use crate::verdicts::Case;
use proptest::prelude::*;
use std::sync::OnceLock;
use xinyin::crypto::{Hash, KeyKind, Signer as _};
use xinyin::doc::facts::{Facts, Integrity, Quirk};
use xinyin::doc::{ReadOptions, read};
use xinyin::pki::build::{cms, encode};
use xinyin::pki::signed_data::{SignedData, SignerId, oid};
use xinyin::pki::tlv::{Tlv, tag};
use xinyin::verify::Indication;

const CONTENT: &[u8] = b"content";

fn facts(bytes: &[u8], content: Option<&[u8]>) -> Facts {
    let content = content.map(<[u8]>::to_vec);
    let options = ReadOptions { content: content.as_ref().map(|content| content as _), ..ReadOptions::default() };
    read(&bytes.to_vec(), &options).unwrap()
}

fn integrity(bytes: &[u8], content: Option<&[u8]>) -> Integrity {
    facts(bytes, content).signatures[0].signer.integrity.clone()
}

/// The parts of a SignedData, to be put together otherwise.
struct Parts<'a> {
    version: &'a [u8],
    digests: &'a [u8],
    content: &'a [u8],
    certificates: &'a [u8],
    signers: &'a [u8],
}

fn parts(file: &[u8]) -> Parts<'_> {
    let info = Tlv::parse(file).unwrap();
    let mut outer = info.children();
    outer.read().unwrap();
    let body = outer.read().unwrap().inner().unwrap();
    let mut fields = body.children();
    let mut next = || fields.read().unwrap();
    let (version, digests, content, certificates, signers) = (next().raw, next().raw, next().raw, next(), next());
    Parts { version, digests, content, certificates: certificates.value, signers: signers.value }
}

fn put_together(parts: &Parts<'_>, certificates: &[u8], signers: &[u8]) -> Vec<u8> {
    let fields = [
        parts.version.to_vec(),
        parts.digests.to_vec(),
        parts.content.to_vec(),
        encode::tlv(0xa0, certificates),
        encode::tlv(tag::SET, signers),
    ];
    let body = encode::sequence(fields);
    encode::sequence([encode::oid(&oid::SIGNED_DATA), encode::explicit(0, &body)])
}

/// One SignedData with the signers of two over the same content.
pub fn join(one: &[u8], other: &[u8]) -> Vec<u8> {
    let (one, other) = (parts(one), parts(other));
    put_together(&one, &[one.certificates, other.certificates].concat(), &[one.signers, other.signers].concat())
}

/// The same value with indefinite lengths for its outer frames.
fn indefinite(file: &[u8]) -> Vec<u8> {
    let info = Tlv::parse(file).unwrap();
    let mut fields = info.children();
    let name = fields.read().unwrap().raw;
    let body = fields.read().unwrap().inner().unwrap();
    let mut out = vec![0x30, 0x80];
    out.extend(name);
    out.extend([0xa0, 0x80, 0x30, 0x80]);
    for field in body.children() {
        let field = field.unwrap();
        if field.tag == tag::SEQUENCE {
            // EncapsulatedContentInfo with the content in two pieces.
            let mut inner = field.children();
            let kind = inner.read().unwrap().raw;
            let octets = inner.read().unwrap().inner().unwrap().value;
            let (a, b) = octets.split_at(octets.len() / 2);
            out.extend([0x30, 0x80]);
            out.extend(kind);
            out.extend([0xa0, 0x80, 0x24, 0x80]);
            out.extend(encode::octet_string(a));
            out.extend(encode::octet_string(b));
            out.extend([0, 0, 0, 0, 0, 0]);
        } else {
            out.extend(field.raw);
        }
    }
    out.extend([0, 0, 0, 0, 0, 0]);
    out
}

fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::new(KeyKind::P256))
}

#[test]
fn attached_and_detached() {
    for kind in [KeyKind::Sm2, KeyKind::P256] {
        let authority = Authority::new(kind);
        let dialects = [cms::Dialect::Cms, cms::Dialect::Gm];
        for dialect in dialects.into_iter().take(if kind == KeyKind::Sm2 { 2 } else { 1 }) {
            let attached = authority.message(&authority.signer, dialect, CONTENT, false);
            assert_eq!(integrity(&attached, None), Integrity::Intact);
            assert_eq!(integrity(&attached, Some(CONTENT)), Integrity::Intact);
            // What was supplied is not what was signed.
            assert_eq!(integrity(&attached, Some(b"other")), Integrity::HashMismatch);
            let detached = authority.message(&authority.signer, dialect, CONTENT, true);
            assert_eq!(integrity(&detached, Some(CONTENT)), Integrity::Intact);
            assert_eq!(integrity(&detached, Some(b"other")), Integrity::HashMismatch);
            assert_eq!(integrity(&detached, None), Integrity::ContentMissing);
        }
    }
}

#[test]
fn ber_is_read_and_told_apart_from_damage() {
    let authority = authority();
    let file = authority.message(&authority.signer, cms::Dialect::Cms, CONTENT, false);
    let ber = indefinite(&file);
    assert_ne!(ber, file);
    assert_eq!(integrity(&ber, None), Integrity::Intact);
    for cut in [1, 10, file.len() / 2, file.len() - 1] {
        let facts = facts(&file[..cut], None);
        assert!(facts.signatures.iter().all(|entry| entry.signer.integrity != Integrity::Intact), "{cut}");
    }
    let mut padded = file.clone();
    padded.extend([0, 0, b'\n']);
    assert!(facts(&padded, None).problems.is_empty());
    padded.push(1);
    assert_eq!(facts(&padded, None).problems.len(), 1);
}

/// Attributes with their own order, signed as stored or as sorted.
fn with_attributes(stored: &[Vec<u8>], signed: &[u8]) -> Vec<u8> {
    let authority = authority();
    let signature = authority.signer.key.sign(signed).unwrap();
    let certificate = authority.signer.certificate.der();
    let certificate_fields = Tlv::parse(certificate).unwrap().children().read().unwrap();
    let mut fields = certificate_fields.children();
    fields.read().unwrap();
    let serial = fields.read().unwrap().raw.to_vec();
    fields.read().unwrap();
    let issuer = fields.read().unwrap().raw.to_vec();
    let digest = encode::algorithm(&Hash::Sha256.oid());
    let signer = encode::sequence([
        encode::small_integer(1),
        encode::sequence([issuer, serial]),
        digest.clone(),
        encode::tlv(0xa0, &stored.concat()),
        authority.signer.key.algorithm().identifier_der().to_vec(),
        encode::octet_string(&signature),
    ]);
    let body = encode::sequence([
        encode::small_integer(1),
        encode::tlv(tag::SET, &digest),
        encode::sequence([encode::oid(&oid::DATA), encode::explicit(0, &encode::octet_string(CONTENT))]),
        encode::tlv(0xa0, certificate),
        encode::tlv(tag::SET, &signer),
    ]);
    encode::sequence([encode::oid(&oid::SIGNED_DATA), encode::explicit(0, &body)])
}

fn attributes() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let kind = cms::attribute(&oid::CONTENT_TYPE, &encode::oid(&oid::DATA));
    let digest = cms::attribute(&oid::MESSAGE_DIGEST, &encode::octet_string(&Hash::Sha256.digest(CONTENT)));
    let gm_kind = cms::attribute(&oid::CONTENT_TYPE, &encode::oid(&oid::GM_DATA));
    (kind, digest, gm_kind)
}

#[test]
fn attribute_rules() {
    let (kind, digest, gm_kind) = attributes();
    let set = |list: &[&Vec<u8>]| encode::tlv(tag::SET, &list.iter().flat_map(|item| item.iter().copied()).collect::<Vec<u8>>());
    let judged = |stored: &[&Vec<u8>], signed: &[&Vec<u8>]| {
        let stored: Vec<Vec<u8>> = stored.iter().map(|item| (*item).clone()).collect();
        facts(&with_attributes(&stored, &set(signed)), None).signatures.remove(0).signer
    };
    assert_eq!(judged(&[&kind, &digest], &[&kind, &digest]).integrity, Integrity::Intact);
    // Stored unsorted: signed as stored, or signed sorted and then told.
    let stored = judged(&[&digest, &kind], &[&digest, &kind]);
    assert_eq!((stored.integrity, stored.quirks), (Integrity::Intact, vec![]));
    let sorted = judged(&[&digest, &kind], &[&kind, &digest]);
    assert_eq!((sorted.integrity, sorted.quirks), (Integrity::Intact, vec![Quirk::AttributesNotSorted]));
    // The two names of plain data stand for each other, and it is told.
    let mixed = judged(&[&gm_kind, &digest], &[&gm_kind, &digest]);
    assert_eq!((mixed.integrity, mixed.quirks), (Integrity::Intact, vec![Quirk::DialectMixed]));
    // The mandatory attributes, each exactly once (RFC 5652 §11).
    for wrong in [&[&kind][..], &[&digest][..], &[&kind, &digest, &digest][..], &[&kind, &kind, &digest][..]] {
        assert!(matches!(judged(wrong, wrong).integrity, Integrity::Malformed(_)), "{wrong:?}");
    }
    let other = cms::attribute(&oid::CONTENT_TYPE, &encode::oid(&oid::TST_INFO));
    assert!(matches!(judged(&[&other, &digest], &[&other, &digest]).integrity, Integrity::Malformed(_)));
}

/// A signature over attributes must not be replayed as a signature over a "document" that consists of those attributes.
#[test]
fn signed_attributes_are_no_content() {
    let authority = authority();
    let file = authority.message(&authority.signer, cms::Dialect::Cms, CONTENT, false);
    let data = SignedData::parse(&file).unwrap();
    let attributes = data.signers[0].signed.as_ref().unwrap().signed_bytes();
    let parts = parts(&file);
    let signer = Tlv::parse(parts.signers).unwrap();
    let stripped: Vec<u8> =
        signer.children().map(Result::unwrap).filter(|field| field.tag != 0xa0).flat_map(|field| field.raw.to_vec()).collect();
    let content = encode::sequence([encode::oid(&oid::DATA), encode::explicit(0, &encode::octet_string(&attributes))]);
    let forged = put_together(&Parts { content: &content, ..parts }, parts.certificates, &encode::sequence([stripped]));
    assert!(matches!(integrity(&forged, None), Integrity::Malformed(_)));
}

/// Another certificate for the same key does not take the place of the one that was named.
#[test]
fn substituted_certificates_are_refused() {
    use xinyin::pki::build::CertificateBuilder;
    let authority = authority();
    let signer = &authority.signer;
    let other = CertificateBuilder::new(
        authority.issuing.certificate.subject(),
        signer.certificate.subject(),
        signer.key.public_key(),
        signer.certificate.serial(),
        signer.certificate.not_before(),
        signer.certificate.not_after(),
    )
    .sign(&authority.issuing.key)
    .unwrap();
    let case = Case::new(authority);
    let file = case.file(signer);
    let (parts, der) = (parts(&file), other.der());
    let swapped = put_together(&parts, der, parts.signers);
    let verdict = case.judge_bytes(&swapped);
    assert_eq!((verdict.indication, verdict.sub_indication.as_deref()), (Indication::Failed, Some("FORMAT_FAILURE")));
    // With both at hand the named one is taken, in whatever order they stand.
    for bag in [[parts.certificates, der].concat(), [der, parts.certificates].concat()] {
        assert_eq!(case.judge_bytes(&put_together(&parts, &bag, parts.signers)).indication, Indication::Passed);
    }
}

/// Where a digest must be named, another kind of algorithm is an error of form, a digest that is not known is not supported.
#[test]
fn what_names_no_digest_is_malformed() {
    let authority = authority();
    let file = authority.message(&authority.signer, cms::Dialect::Cms, CONTENT, false);
    let data = SignedData::parse(&file).unwrap();
    let place = data.signers[0].digest_algorithm.as_ptr() as usize - file.as_ptr() as usize + 4;
    let named = |name: &str| {
        let name = xinyin::crypto::Oid::new_unwrap(name);
        assert_eq!(name.as_bytes().len(), 9);
        let mut changed = file.clone();
        changed[place..place + 9].copy_from_slice(name.as_bytes());
        let verdict = Case::new(authority).judge_bytes(&changed);
        (verdict.indication, verdict.sub_indication.unwrap_or_default())
    };
    assert_eq!(named("2.16.840.1.101.3.4.2.1"), (Indication::Passed, String::new()), "the place is right");
    for wrong in ["1.2.840.113549.1.1.11", "1.2.840.113549.1.1.1", "2.16.840.1.101.3.4.3.10"] {
        assert_eq!(named(wrong), (Indication::Failed, "FORMAT_FAILURE".into()), "{wrong}");
    }
    assert_eq!(named("2.16.840.1.101.3.4.2.99"), (Indication::Indeterminate, "ALGORITHM_UNSUPPORTED".into()));
}

/// Where in the file lies what nothing protects: changing it may leave a valid signature valid.
fn unprotected(file: &[u8]) -> Vec<std::ops::Range<usize>> {
    let start = file.as_ptr() as usize;
    let range = |slice: &[u8]| {
        let from = slice.as_ptr() as usize - start;
        from..from + slice.len()
    };
    let parts = parts(file);
    let data = SignedData::parse(file).unwrap();
    let signer = Tlv::parse(parts.signers).unwrap();
    // Of the certificates the signer's is named by digest, and those of the chain are signed by the anchor.
    let mut ranges = vec![
        // Versions say how to read, and the set of digests is a hint (RFC 5652 §5.1).
        range(parts.version),
        range(parts.digests),
        range(signer.children().read().unwrap().raw),
        // Whose certificate it is says the digest among the signed attributes; how its issuer's name is written here, in which case
        // and kind of string, nobody signed (RFC 5652 §5.3; RFC 5280 §7.1).
        match data.signers[0].id {
            SignerId::IssuerAndSerial { issuer, .. } => range(issuer),
            SignerId::KeyId(_) => panic!("issuer and serial are written"),
        },
        // The signer's AlgorithmIdentifier parameters and the unsigned attributes.
        range(data.signers[0].digest_algorithm),
        range(data.signers[0].signature_algorithm),
    ];
    if let Some(unsigned) = &data.signers[0].unsigned {
        ranges.push(range(unsigned.raw.raw));
        // The time-stamp in there brings its own copy of the issuing certificate, so that this one is not needed.
        ranges.push(range(data.certificates[1]));
    }
    ranges
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, ..ProptestConfig::default() })]

    /// No changed octet passes, unless it stands where nothing is protected.
    #[test]
    fn no_mutant_passes(place in any::<prop::sample::Index>(), change in 1u8..=255, stamped in any::<bool>()) {
        static FILES: [OnceLock<Vec<u8>>; 2] = [OnceLock::new(), OnceLock::new()];
        let authority = authority();
        let case = Case { stamped: stamped.then_some("2026-03-10T01:59:00Z"), ..Case::new(authority) };
        let file = FILES[usize::from(stamped)].get_or_init(|| case.file(&authority.signer));
        let at = place.index(file.len());
        let mut mutant = file.clone();
        mutant[at] ^= change;
        let verdict = case.judge_bytes(&mutant);
        if verdict.indication == Indication::Passed {
            let free = unprotected(file);
            let signer = verdict.signatures[0].signer.as_ref().map(|signer| signer.cert_sha256.clone());
            let wanted = hex::encode(authority.signer.certificate.fingerprint_sha256());
            prop_assert!(signer == Some(wanted), "octet {at} changed by {change:02x} and another signs");
            prop_assert!(free.iter().any(|range| range.contains(&at)), "octet {at} changed by {change:02x} and it passes");
        }
    }

    /// Truncated and spliced files give a verdict, never a panic.
    #[test]
    fn damaged_files_get_a_verdict(cut in any::<prop::sample::Index>(), tail in proptest::collection::vec(any::<u8>(), 0..64)) {
        let authority = authority();
        let file = authority.message(&authority.signer, cms::Dialect::Cms, CONTENT, false);
        let mut damaged = file[..cut.index(file.len())].to_vec();
        damaged.extend(tail);
        let verdict = Case::new(authority).judge_bytes(&damaged);
        prop_assert!(verdict.indication != Indication::Passed || damaged == file);
    }
}

/// Every octet of the content, the signed attributes and the signature value, each changed once.
#[test]
fn one_changed_octet_of_what_is_signed_never_passes() {
    let authority = authority();
    let case = Case::new(authority);
    let file = case.file(&authority.signer);
    let data = SignedData::parse(&file).unwrap();
    let start = file.as_ptr() as usize;
    let content = data.content.as_deref().unwrap();
    let info = &data.signers[0];
    for (slice, subs) in [
        (content, &["HASH_FAILURE"][..]),
        (info.signed.as_ref().unwrap().raw.raw, &["SIG_CRYPTO_FAILURE", "FORMAT_FAILURE", "HASH_FAILURE"][..]),
        (info.signature.as_ref(), &["SIG_CRYPTO_FAILURE"][..]),
    ] {
        for offset in 0..slice.len() {
            let mut changed = file.clone();
            changed[slice.as_ptr() as usize - start + offset] ^= 0x01;
            let verdict = case.judge_bytes(&changed);
            assert_ne!(verdict.indication, Indication::Passed, "{offset}");
            if verdict.indication == Indication::Failed {
                assert!(subs.contains(&verdict.sub_indication.as_deref().unwrap()), "{offset}: {:?}", verdict.sub_indication);
            }
        }
    }
}

/// Writes the seeds of the fuzzing corpus anew: `cargo test --test judge cms::seeds -- --ignored`. No test but a tool: it
/// stands here for the authority and the builders of the tests, and is left out of a run because it changes the kept files.
#[test]
#[ignore = "writes files"]
fn seeds() {
    let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        std::fs::create_dir_all(root.join(target)).unwrap();
        std::fs::write(root.join(target).join(name), bytes).unwrap();
    };
    let gm = Authority::new(KeyKind::Sm2);
    let attached = Case::new(authority()).file(&authority().signer);
    let stamped = Case { stamped: Some("2026-03-10T01:59:00Z"), ..Case::new(authority()) }.file(&authority().signer);
    let detached = gm.message(&gm.signer, cms::Dialect::Gm, CONTENT, true);
    let token = gm.token(Hash::Sm3, CONTENT, cms::Dialect::Gm);
    let granted = xinyin::pki::build::timestamp::granted(&token);
    for target in ["signed_data", "judge"] {
        write(target, "attached-p256", &attached);
        write(target, "attached-ber", &indefinite(&attached));
        write(target, "stamped", &stamped);
        write(target, "detached-gm", &detached);
        write(target, "token-gm", &token);
        write(target, "granted", &granted);
    }
    write("judge", "pdf", &crate::signing::sample(true, ""));
    write("timestamp", "granted", &granted);
    write("timestamp", "request", &xinyin::pki::build::timestamp::request(Hash::Sm3, &[1; 32], Some(&[7; 8]), None));
    let parsed = SignedData::parse(&token).unwrap();
    write("timestamp", "tst-info", parsed.content.as_deref().unwrap());
    write("timestamp", "time", b"20261123080000.123Z");
}
