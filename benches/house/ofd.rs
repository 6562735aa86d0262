//! Sealed OFD packages against what they contain: the SM2 verifications of seal and signature, and SM3 over the files.

use crate::authority::{Authority, NOW, at};
use crate::pdf::{SECONDS, Yard};
use crate::rate::{compare, rate};
use xinyin::crypto::{Hash, KeyKind, PublicKey, Scheme, SignatureAlgorithm, Signer as _, verify};
use xinyin::doc::seal::SealSignature;
use xinyin::doc::source::ByteSource as _;
use xinyin::pki::Certificate;
use xinyin::pki::build::seal::{ListKind, Version};
use xinyin::sign::{Format, Request, prepare, seal};
use xinyin::verify::{Evidence, Indication, Options, Revocation, TrustAnchor};

const ROUNDS: usize = 5;
/// A package of 36 KB takes at most so many times its bare cost; one of 50 MiB, the time to hash it.
const SMALL: f64 = 1.3;
const LARGE: f64 = 1.2;

/// A package with one file that nothing packs, stored.
fn package(size: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut resource = vec![0; size];
    for octet in &mut resource {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *octet = state.to_be_bytes()[0];
    }
    let xmlns = "xmlns='http://www.ofdspec.org/2016'";
    let files = [
        ("OFD.xml", format!("<OFD {xmlns}><DocBody><DocRoot>Doc_0/Document.xml</DocRoot></DocBody></OFD>").into_bytes()),
        ("Doc_0/Document.xml", format!("<Document {xmlns}><CommonData><PageArea><PhysicalBox>0 0 210 297</PhysicalBox></PageArea></CommonData><Pages><Page ID='1' BaseLoc='Pages/Page_0/Content.xml'/></Pages></Document>").into_bytes()),
        ("Doc_0/Pages/Page_0/Content.xml", format!("<Page {xmlns}><Content/></Page>").into_bytes()),
        ("Doc_0/Res/picture.bin", resource),
    ];
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, octets) in &files {
        let mut crc = flate2::Crc::new();
        crc.update(octets);
        let offset = u32::try_from(out.len()).unwrap();
        let length = u32::try_from(octets.len()).unwrap();
        let mut common = vec![20, 0, 0, 8, 0, 0, 0, 0, 0, 0];
        [crc.sum(), length, length].iter().for_each(|number| common.extend(number.to_le_bytes()));
        common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        common.extend([0, 0]);
        out.extend([b"PK\x03\x04".as_slice(), &common, name.as_bytes(), octets].concat());
        directory.extend([b"PK\x01\x02\x14\x00".as_slice(), &common, &[0; 10], &offset.to_le_bytes(), name.as_bytes()].concat());
    }
    let count = u16::try_from(files.len()).unwrap().to_le_bytes();
    let (length, start) = (u32::try_from(directory.len()).unwrap(), u32::try_from(out.len()).unwrap());
    let end = [b"PK\x05\x06\0\0\0\0".as_slice(), &count, &count, &length.to_le_bytes(), &start.to_le_bytes(), &[0, 0]].concat();
    [out, directory, end].concat()
}

/// A package with one seal on it, and its signed value.
struct Sealed {
    authority: Authority,
    octets: Vec<u8>,
}

fn sealed(size: usize) -> Sealed {
    let authority = Authority::new(KeyKind::Sm2);
    let (maker, signer) = (&authority.revoked, &authority.signer);
    let wish = seal::Request {
        version: Version::V4,
        id: "35089900000001".into(),
        kind: 1,
        name: "测试区行政审批局行政审批专用章".into(),
        code: None,
        signers: vec![signer.certificate.clone()],
        list: ListKind::Certificates,
        created: at("2026-11-01T08:00:00Z"),
        from: at("2026-11-01T08:00:00Z"),
        until: at("2027-11-23T08:00:00Z"),
        picture: [b"\x89PNG\r\n\x1a\n".as_slice(), &[7; 4000]].concat(),
        size: (42, 42),
        maker: maker.certificate.clone(),
    };
    let made = seal::prepare(&wish).unwrap();
    let value = maker.key.sign(made.message()).unwrap();
    let esl = made.finish(&value).unwrap();
    let request =
        Request { seal: Some(esl.into()), ..Request::new(Format::Ofd, signer.certificate.clone(), signer.key.algorithm(), at(NOW)) };
    let document = package(size);
    let prepared = prepare(&document, &request, [9; 16]).unwrap();
    let value = signer.key.sign(prepared.message()).unwrap();
    let output = prepared.finish(value).complete(&document, None).unwrap();
    let whole = output.over(&document);
    let octets = whole.slice(0, usize::try_from(whole.len()).unwrap()).unwrap();
    Sealed { authority, octets }
}

/// The signatures inside, as bare verifications, and the hash of everything.
fn bare(sealed: &Sealed) -> impl Fn() {
    // Stored or packed, the signed value is found by reading the package: its facts hold what was signed.
    let value = signed_value(&sealed.octets);
    let read = SealSignature::parse(&value).unwrap();
    let key = |der: &[u8]| -> PublicKey { Certificate::from_der(der).unwrap().public_key().unwrap().clone() };
    let jobs = [
        (key(read.seal.maker), read.seal.to_be_signed().into_owned(), read.seal.signature.to_vec()),
        (key(read.certificate), read.to_be_signed.to_vec(), read.signature.to_vec()),
    ];
    let octets = sealed.octets.clone();
    let algorithm = SignatureAlgorithm::new(Scheme::Sm2);
    move || {
        for (key, message, value) in &jobs {
            verify(key, &algorithm, message, value).unwrap();
        }
        std::hint::black_box(Hash::Sm3.digest(&octets));
    }
}

/// SignedValue.dat of the one signature, by the package's own directory.
fn signed_value(package: &[u8]) -> Vec<u8> {
    let name = b"Doc_0/Signs/Sign_0/SignedValue.dat";
    let at = package.windows(name.len()).position(|window| window == name).unwrap();
    let header = &package[at - 30..at];
    let packed = u32::from_le_bytes(header[18..22].try_into().unwrap()) as usize;
    let extra = usize::from(u16::from_le_bytes(header[28..30].try_into().unwrap()));
    let data = &package[at + name.len() + extra..][..packed];
    if header[8] == 0 {
        return data.to_vec();
    }
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::DeflateDecoder::new(data), &mut out).unwrap();
    out
}

fn against(yard: &Yard, sealed: &Sealed, peer: &str, times: f64, bare: impl Fn()) -> bool {
    let evidence = Evidence {
        anchors: vec![TrustAnchor::for_all(sealed.authority.root.certificate.clone())],
        certificates: vec![sealed.authority.issuing.certificate.clone()],
        ..Evidence::default()
    };
    let options = Options { file: "sealed.ofd".into(), at: at(NOW), at_given: true, revocation: Revocation::Soft };
    let judge = || xinyin::service::verify::offline(&sealed.octets, &[], &evidence, &yard.policy, &options).unwrap();
    assert_eq!(judge().indication, Indication::Passed, "{:?}", judge());
    let ours = || rate(SECONDS, || drop(std::hint::black_box(judge())));
    compare(peer, 1.0 / times, ROUNDS, ours, || rate(SECONDS, &bare))
}

/// A sealed package of 36 KB, the authorities' signatures remembered.
pub fn small(yard: &Yard) -> bool {
    let sealed = sealed(28_000);
    println!("OFD with one seal, SM2, {} octets, the authorities remembered; packages per CPU second", sealed.octets.len());
    let cost = bare(&sealed);
    against(yard, &sealed, "bare SM2 and SM3", SMALL, cost)
}

/// A sealed package of 50 MiB.
pub fn large(yard: &Yard) -> bool {
    let sealed = sealed(50 << 20);
    println!("OFD with one seal, SM2, {} MiB; packages per CPU second", sealed.octets.len() >> 20);
    let octets = sealed.octets.clone();
    against(yard, &sealed, "SM3", LARGE, move || {
        std::hint::black_box(Hash::Sm3.digest(&octets));
    })
}
