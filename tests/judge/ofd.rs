//! OFD packages made octet by octet, sealed with keys made here, and every way to tamper with the package: nothing that is changed
//! passes.

use crate::paths::{Authority, at, name};
use proptest::prelude::*;
use std::sync::OnceLock;
use xinyin::{
    crypto::{Hash, KeyKind, Signer as _},
    doc::{self, ReadOptions},
    keys::SoftKey,
    pki::{
        Certificate,
        build::{CertificateBuilder, encode},
        extensions::KeyUsage,
    },
    verify::{Evidence, Indication, Options, Policy, Revocation, TrustAnchor, Verdict, judge},
    world::SystemDice,
};

pub type Files = Vec<(String, Vec<u8>)>;

/// A package with stored entries, in order.
pub fn zip(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, octets) in files {
        let mut crc = flate2::Crc::new();
        crc.update(octets);
        let offset = out.len() as u32;
        let mut common = vec![20, 0, 0, 8, 0, 0, 0, 0, 0, 0];
        for number in [crc.sum(), octets.len() as u32, octets.len() as u32] {
            common.extend(number.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.as_bytes());
        out.extend(octets);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, size, count) = (out.len() as u32, directory.len() as u32, files.len() as u16);
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    [count, count].iter().for_each(|count| out.extend(count.to_le_bytes()));
    [size, start].iter().for_each(|number| out.extend(number.to_le_bytes()));
    out.extend([0, 0]);
    out
}

struct Made {
    root: Certificate,
    files: Files,
}

fn base64(octets: &[u8]) -> String {
    use base64::Engine as _;
    base64::prelude::BASE64_STANDARD.encode(octets)
}

fn time(tag: u8, text: &str) -> Vec<u8> {
    encode::tlv(tag, text.as_bytes())
}

fn ia5(text: &str) -> Vec<u8> {
    encode::tlv(0x16, text.as_bytes())
}

/// A sealed package. `listed`: whether the seal lists its signer; `until`: the year in which the seal ends.
fn made(listed: bool, until: &str) -> Made {
    let root = Authority::new(KeyKind::Sm2, "root");
    let key = || SoftKey::generate(KeyKind::Sm2, &SystemDice).unwrap();
    let (maker_key, signer_key) = (key(), key());
    let leaf = |serial, to: &str, key: &SoftKey| {
        root.issue(serial, &name(to), key, |leaf: CertificateBuilder| leaf.key_usage(&[KeyUsage::DIGITAL_SIGNATURE]))
    };
    let (maker, signer) = (leaf(7, "maker", &maker_key), leaf(8, "signer", &signer_key));
    let on_list = if listed { &signer } else { &maker };
    let times = ["20260201000000Z", "20260601000000Z", &format!("{until}0101000000Z")];
    Made { root: root.root(), files: sealed((&maker_key, &maker), (&signer_key, &signer), on_list, times) }
}

/// The files of a sealed package. `times`: when the seal was made, when it was used, when it ends.
pub fn sealed(maker: (&SoftKey, &Certificate), signer: (&SoftKey, &Certificate), on_list: &Certificate, times: [&str; 3]) -> Files {
    let ((maker_key, maker), (signer_key, signer)) = (maker, signer);
    let sm2 = encode::oid(&"1.2.156.10197.1.501".parse().unwrap());
    let info = encode::sequence([
        encode::sequence([ia5("ES"), encode::small_integer(4), ia5("test")]),
        ia5("35089900000001"),
        encode::sequence([
            encode::small_integer(1),
            encode::utf8("测试专用章"),
            encode::small_integer(1),
            encode::sequence([encode::octet_string(on_list.der())]),
            time(0x18, times[0]),
            time(0x18, times[0]),
            time(0x18, times[2]),
        ]),
        encode::sequence([ia5("PNG"), encode::octet_string(b"\x89PNG"), encode::small_integer(40), encode::small_integer(40)]),
    ]);
    let value = encode::bit_string(&maker_key.sign(&info).unwrap());
    let seal = encode::sequence([info, encode::octet_string(maker.der()), sm2.clone(), value]);
    let mut files: Files = [
        ("OFD.xml", "<OFD xmlns='http://www.ofdspec.org/2016'><DocBody><DocRoot>Doc_0/Document.xml</DocRoot><Signatures>/Doc_0/Signs/Signatures.xml</Signatures></DocBody></OFD>"),
        ("Doc_0/Document.xml", "<Document/>"),
        ("Doc_0/Pages/Page_0/Content.xml", "<Page>批准</Page>"),
        ("Doc_0/Signs/Signatures.xml", "<Signatures xmlns='http://www.ofdspec.org/2016'><Signature ID='1' BaseLoc='/Doc_0/Signs/Sign_0/Signature.xml'/></Signatures>"),
    ]
    .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
    .into();
    let reference = |(name, octets): &(String, Vec<u8>)| {
        format!("<Reference FileRef='/{name}'><CheckValue>{}</CheckValue></Reference>", base64(&Hash::Sm3.digest(octets)))
    };
    let references: String = files.iter().take(3).map(reference).collect();
    let xml = format!(
        "<Signature xmlns='http://www.ofdspec.org/2016'><SignedInfo><References CheckMethod='SM3'>{references}</References></SignedInfo><SignedValue>SignedValue.dat</SignedValue></Signature>"
    );
    let signed = encode::sequence([
        encode::small_integer(4),
        seal,
        time(0x18, times[1]),
        encode::bit_string(&Hash::Sm3.digest(xml.as_bytes())),
        ia5("/Doc_0/Signs/Sign_0/Signature.xml"),
    ]);
    let value = encode::bit_string(&signer_key.sign(&signed).unwrap());
    let whole = encode::sequence([signed, encode::octet_string(signer.der()), sm2, value]);
    files.push(("Doc_0/Signs/Sign_0/Signature.xml".into(), xml.into_bytes()));
    files.push(("Doc_0/Signs/Sign_0/SignedValue.dat".into(), whole));
    files
}

fn verdict(root: &Certificate, package: &[u8]) -> Verdict {
    let facts = doc::read(&package.to_vec(), &ReadOptions::default()).unwrap();
    let evidence = Evidence { anchors: vec![TrustAnchor::for_all(root.clone())], ..Evidence::default() };
    let options = Options { file: "a.ofd".into(), at: at("2026-06-15"), at_given: true, revocation: Revocation::Soft };
    judge(&facts, &evidence, &Policy::default(), &options)
}

fn good() -> &'static Made {
    static MADE: OnceLock<Made> = OnceLock::new();
    MADE.get_or_init(|| made(true, "2027"))
}

#[track_caller]
fn expect(verdict: &Verdict, indication: Indication, sub: &str) {
    assert_eq!((verdict.indication, verdict.sub_indication.as_deref().unwrap_or_default()), (indication, sub), "{:#?}", verdict.defects);
}

#[test]
fn a_sealed_package_passes_and_tells_its_seal() {
    let verdict = verdict(&good().root, &zip(&good().files));
    expect(&verdict, Indication::Passed, "");
    let [signature] = verdict.signatures.as_slice() else { panic!("one seal") };
    assert_eq!((signature.kind, signature.covers, verdict.format.as_str()), ("seal", "whole-document", "ofd"));
    let seal = signature.seal.as_ref().unwrap();
    assert_eq!((seal.id.as_str(), seal.status, seal.signer_listed), ("35089900000001", "not-shown", true));
    let package = signature.package.as_ref().unwrap();
    assert_eq!((package.entries, package.covered, package.uncovered.len()), (6, 3, 0));
}

#[test]
fn a_seal_serves_only_its_signers_and_its_time() {
    let other = made(false, "2027");
    expect(&verdict(&other.root, &zip(&other.files)), Indication::Indeterminate, "SIG_CONSTRAINTS_FAILURE");
    let ended = made(true, "2026");
    expect(&verdict(&ended.root, &zip(&ended.files)), Indication::Indeterminate, "EXPIRED");
    // Another maker's root is not this one's.
    expect(&verdict(&other.root, &zip(&good().files)), Indication::Indeterminate, "NO_CERTIFICATE_CHAIN_FOUND");
}

#[test]
fn what_is_added_removed_or_doubled_is_named() {
    let changed = |change: fn(&mut Files)| {
        let mut files = good().files.clone();
        change(&mut files);
        verdict(&good().root, &zip(&files))
    };
    expect(&changed(|files| files.push(("Doc_0/more.xml".into(), b"x".to_vec()))), Indication::Indeterminate, "SIG_CONSTRAINTS_FAILURE");
    expect(&changed(|files| files.push(("Doc_0/Document.xml".into(), b"x".to_vec()))), Indication::Failed, "FORMAT_FAILURE");
    expect(&changed(|files| files.push(("../evil".into(), b"x".to_vec()))), Indication::Failed, "FORMAT_FAILURE");
    expect(&changed(|files| drop(files.remove(2))), Indication::Indeterminate, "SIGNED_DATA_NOT_FOUND");
    expect(&changed(|files| files[2].1.push(b' ')), Indication::Failed, "HASH_FAILURE");
    expect(&changed(|files| files[4].1.push(b' ')), Indication::Failed, "HASH_FAILURE");
    expect(&changed(|files| *files[5].1.last_mut().unwrap() ^= 1), Indication::Failed, "SIG_CRYPTO_FAILURE");
    expect(&changed(|files| files.swap(0, 4)), Indication::Passed, "");
    let packed = zip(&good().files);
    expect(&verdict(&good().root, &[b"junk", packed.as_slice()].concat()), Indication::Passed, "");
    expect(&verdict(&good().root, &[packed.as_slice(), b"junk"].concat()), Indication::Indeterminate, "SIG_CONSTRAINTS_FAILURE");
    expect(&verdict(&good().root, &[packed.as_slice(), &packed].concat()), Indication::Failed, "FORMAT_FAILURE");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Any octet of the package changed: the zip, an entry, the seal, a certificate, a time.
    #[test]
    fn no_flipped_octet_passes(place in any::<proptest::sample::Index>(), by in 1u8..) {
        let mut package = zip(&good().files);
        let place = place.index(package.len());
        package[place] ^= by;
        let found = verdict(&good().root, &package);
        // The date, the version and the attributes of an entry are nobody's content, nor is white space of the list.
        if found.indication == Indication::Passed {
            let facts = doc::read(&package, &ReadOptions::default()).unwrap();
            let same = &facts.signatures[0];
            prop_assert!(same.package.as_ref().is_some_and(|package| package.changed.is_empty() && package.uncovered.is_empty() && package.covered == 3));
        }
    }
}
