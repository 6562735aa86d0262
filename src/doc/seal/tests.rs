//! Structures built octet by octet, and the sample seals of the field.

use super::*;
use crate::{crypto, pki::Certificate};
use proptest::prelude::*;

fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut whole = sequence(&[contents]);
    whole[0] = tag;
    whole
}

fn seq(parts: &[Vec<u8>]) -> Vec<u8> {
    sequence(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn bit_string(octets: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], octets].concat())
}

const SM2_SM3: &[u8] = &[0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x83, 0x75];

fn info(version: u8) -> Vec<u8> {
    let (kind, dates): (&[u8], [&[u8]; 3]) = match version {
        1 => (&[], [b"200422021807Z", b"200422021807Z", b"220422021807Z"]),
        _ => (&[2, 1, 1], [b"20200422021807Z", b"20200422021807Z", b"20220422021807Z"]),
    };
    let time = if version == 1 { 0x17 } else { 0x18 };
    seq(&[
        seq(&[tlv(0x16, b"ES"), vec![2, 1, version], tlv(0x16, b"Vendor")]),
        tlv(0x16, b"35000000000001"),
        seq(&[
            vec![2, 1, 1],
            tlv(0x0c, "测试章".as_bytes()),
            kind.to_vec(),
            seq(&[tlv(0x04, b"signer")]),
            tlv(time, dates[0]),
            tlv(time, dates[1]),
            tlv(time, dates[2]),
        ]),
        seq(&[tlv(0x16, b"png"), tlv(0x04, b"\x89PNG...."), vec![2, 1, 40], vec![2, 1, 40]]),
    ])
}

fn seal(version: u8) -> Vec<u8> {
    let signing = [tlv(0x04, b"maker"), SM2_SM3.to_vec(), bit_string(b"value")];
    if version == 1 { seq(&[info(1), seq(&signing)]) } else { seq(&[&[info(version)], signing.as_slice()].concat()) }
}

fn signature(version: u8) -> Vec<u8> {
    let path = tlv(0x16, b"/Doc_0/Signs/Sign_0/Signature.xml");
    let hash = bit_string(&[7; 32]);
    if version == 1 {
        let time = bit_string(&tlv(0x17, b"200501000000Z"));
        let signed = seq(&[vec![2, 1, 1], seal(1), time, hash, path, tlv(0x04, b"signer"), SM2_SM3.to_vec()]);
        return seq(&[signed, bit_string(b"sig")]);
    }
    let signed = seq(&[vec![2, 1, version], seal(version), tlv(0x18, b"20200501000000Z"), hash, path]);
    let stamp = tlv(0xa0, &bit_string(b"token"));
    seq(&[signed, tlv(0x04, b"signer"), SM2_SM3.to_vec(), bit_string(b"sig"), stamp])
}

#[test]
fn the_three_versions_are_told_apart_by_shape() {
    for (version, expected) in [(1, Version::V1), (4, Version::V4), (5, Version::V5)] {
        let der = signature(version);
        let read = SealSignature::parse(&der).unwrap();
        assert_eq!((read.version, read.seal.version), (expected, expected));
        assert_eq!(read.all_deviations(), [], "version {version}");
        assert_eq!(read.time, SigningTime::Claimed("2020-05-01T00:00:00Z".parse().unwrap()));
        assert_eq!((read.certificate, read.signature, read.data_hash), (b"signer".as_slice(), b"sig".as_slice(), [7u8; 32].as_slice()));
        assert_eq!(read.timestamp.is_some(), version != 1);
        assert!(read.seal.property.signers.lists(b"signer") && !read.seal.property.signers.lists(b"maker"));
        assert_eq!(read.seal.property.valid_until.to_string(), "2022-04-22T02:18:07Z");
        let tbs = read.seal.to_be_signed();
        let expected = if version == 1 { seq(&[info(1), tlv(0x04, b"maker"), SM2_SM3.to_vec()]) } else { info(version) };
        assert_eq!(tbs.as_ref(), expected);
    }
}

#[test]
fn deviations_are_told() {
    let trailing = [signature(4), vec![0]].concat();
    assert_eq!(SealSignature::parse(&trailing).unwrap().deviations, [Deviation::TrailingOctets]);
    let text = |text: &[u8]| {
        let signed =
            seq(&[vec![2, 1, 1], seal(1), bit_string(text), tlv(0x04, &[7; 32]), tlv(0x16, b"/x"), tlv(0x04, b"signer"), SM2_SM3.to_vec()]);
        seq(&[signed, bit_string(b"sig")])
    };
    let der = text(b"2020-01-25 15:31:56");
    let read = SealSignature::parse(&der).unwrap();
    assert_eq!(read.deviations, [Deviation::TimeWithoutZone, Deviation::TimeText, Deviation::BitString]);
    assert_eq!(read.time, SigningTime::Claimed("2020-01-25T07:31:56Z".parse().unwrap()));
    let der = text(b"2020-01-25T07:31:56.377Z");
    assert_eq!(SealSignature::parse(&der).unwrap().time, SigningTime::Claimed("2020-01-25T07:31:56.377Z".parse().unwrap()));
    let der = text(b"soon");
    assert_eq!(SealSignature::parse(&der).unwrap().time, SigningTime::Unreadable);
}

#[test]
fn a_list_of_weak_digests_lists_nobody() {
    let listed = |name: &str, digest: Vec<u8>| CertificateList::Digests(vec![(name.into(), Vec::leak(digest))]).lists(b"signer");
    assert!(listed("SM3", crypto::Hash::Sm3.digest(b"signer")));
    assert!(listed("1.2.156.10197.1.401", crypto::Hash::Sm3.digest(b"signer")));
    assert!(listed("sha-256", crypto::Hash::Sha256.digest(b"signer")));
    assert!(!listed("SM3", crypto::Hash::Sm3.digest(b"other")));
    assert!(!listed("SHA1", crypto::Hash::Sha1.digest(b"signer")));
    assert!(!listed("", Vec::new()));
}

/// Seals of the field, where the samples are at hand.
#[test]
fn sample_seals() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus/samples/seals");
    if !folder.is_dir() {
        eprintln!("skipped: no sample seals at {}", folder.display());
        return;
    }
    let good = |tbs: &[u8], certificate: &[u8], signature: &[u8]| {
        let certificate = Certificate::from_der(certificate).unwrap();
        let algorithm = crypto::SignatureAlgorithm::new(crypto::Scheme::Sm2);
        crypto::verify(certificate.public_key().unwrap(), &algorithm, tbs, signature).is_ok()
    };
    #[allow(clippy::disallowed_methods)]
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    for (name, version, genuine) in [
        ("UserV1.esl", Version::V1, true),
        ("UserV4.esl", Version::V4, true),
        ("UserV5.esl", Version::V5, true),
        ("UserV5_ts.esl", Version::V5, true),
        ("SESealData.DER", Version::V4, false),
    ] {
        let der = read(name);
        let seal = Seal::parse(&der).unwrap();
        assert_eq!(seal.version, version, "{name}");
        assert_eq!(good(&seal.to_be_signed(), seal.maker, seal.signature), genuine, "{name}");
        assert_eq!(seal.timestamp.is_some(), name == "UserV5_ts.esl");
    }
    for name in ["SignedValueV4.dat", "SignedValueV5.dat"] {
        let der = read(name);
        let signed = SealSignature::parse(&der).unwrap();
        assert!(good(signed.to_be_signed, signed.certificate, signed.signature), "{name}");
        assert!(signed.seal.property.signers.lists(signed.certificate), "{name}");
        assert_eq!(signed.data_hash, [0u8; 32], "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_give_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = (Seal::parse(&bytes).is_ok(), SealSignature::parse(&bytes).is_ok());
    }

    #[test]
    fn any_damage_gives_an_answer(version in prop_oneof![Just(1u8), Just(4), Just(5)], at in any::<proptest::sample::Index>(), octet in any::<u8>()) {
        let mut der = signature(version);
        let at = at.index(der.len());
        der[at] = octet;
        if let Ok(read) = SealSignature::parse(&der) {
            let _ = (read.seal.to_be_signed(), read.all_deviations(), read.seal.picture.sniffed());
        }
    }
}
