//! What the builders write, read back and verified.
#![allow(clippy::unwrap_used)]

use super::{CertificateBuilder, CrlBuilder, OcspBuilder, ocsp, request};
use crate::{
    crypto::{Hash, KeyKind, Signer as _},
    keys::SoftKey,
    moment::Moment,
    pki::{
        Name, OcspResponse, Reason,
        extensions::{KeyUsage, oid},
        name::attribute,
        ocsp::{CertStatus, OcspRequest},
        request::CertificationRequest,
    },
    world::SystemDice,
};

fn at(text: &str) -> Moment {
    text.parse().expect("a time")
}

#[test]
fn an_authority_with_its_lists_and_answers() {
    for kind in [KeyKind::Sm2, KeyKind::P256, KeyKind::P384] {
        let ca_key = SoftKey::generate(kind, &SystemDice).unwrap();
        let key = SoftKey::generate(kind, &SystemDice).unwrap();
        let ca = Name::build(&[(attribute::COUNTRY, "CN"), (attribute::COMMON_NAME, "测试根")]).unwrap();
        let holder = Name::build(&[(attribute::COUNTRY, "CN"), (attribute::COMMON_NAME, "张三")]).unwrap();
        let (start, end) = (at("2026-01-01T00:00:00Z"), at("2056-01-01T00:00:00Z"));
        let root = CertificateBuilder::new(&ca, &ca, ca_key.public_key(), &[0x80, 1], start, end)
            .authority(Some(0))
            .key_usage(&[KeyUsage::KEY_CERT_SIGN, KeyUsage::CRL_SIGN])
            .subject_key_id()
            .sign(&ca_key)
            .unwrap();
        assert!(root.is_self_signed() && root.is_ca());
        assert_eq!((root.not_before(), root.not_after(), root.serial()), (start, end, &[0, 0x80, 1][..]));
        let leaf = CertificateBuilder::new(&ca, &holder, key.public_key(), &[7], start, end)
            .key_usage(&[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::NON_REPUDIATION])
            .authority_key_id(ca_key.public_key())
            .crl_urls(&["http://localhost/crl/a.crl"])
            .authority_access(&["http://localhost/ocsp/a"], &["http://localhost/ca/a.crt"])
            .policies(&[oid::ANY_POLICY])
            .citizen_number("350899199001010014")
            .with_null_parameters()
            .sign(&ca_key)
            .unwrap();
        leaf.verify_signed_by(ca_key.public_key()).unwrap();
        assert!(leaf.defects().is_empty(), "{:?}", leaf.defects());
        assert_eq!(leaf.authority_key_id().unwrap().key_id.as_deref(), root.subject_key_id());
        assert_eq!(leaf.crl_urls().collect::<Vec<_>>(), ["http://localhost/crl/a.crl"]);
        assert_eq!(leaf.ocsp_urls().collect::<Vec<_>>(), ["http://localhost/ocsp/a"]);
        assert_eq!(leaf.signature_algorithm_der().ends_with(&[5, 0]), kind == KeyKind::Sm2);

        let crl = CrlBuilder::new(&ca, 5, start, end).revoked(leaf.serial(), start, Reason::KeyCompromise).sign(&ca_key).unwrap();
        crl.verify_signed_by(ca_key.public_key()).unwrap();
        assert_eq!((crl.number(), crl.len()), (Some(&[5][..]), 1));
        assert_eq!(crl.find(&leaf).unwrap().reason, Reason::KeyCompromise);
        assert!(crl.find(&root).is_none());

        for hash in [Hash::Sha1, Hash::Sha256, Hash::Sm3] {
            let id = ocsp::cert_id(hash, &ca, ca_key.public_key(), leaf.serial());
            let asked = OcspRequest::from_der(&ocsp::request(&[id], &[1; 16])).unwrap();
            assert!(asked.ids[0].matches(leaf.serial(), &ca, ca_key.public_key()));
            let revoked = CertStatus::Revoked { at: start, reason: Reason::Superseded };
            let answer = OcspBuilder::new(start)
                .answer(&asked.ids[0], revoked, start, Some(end))
                .nonce(asked.nonce.as_deref())
                .certificate(&root)
                .sign(&ca_key)
                .unwrap();
            answer.verify_signed_by(ca_key.public_key()).unwrap();
            assert!(answer.is_by(&root) && answer.nonce() == asked.nonce.as_deref());
            assert_eq!(answer.responses()[0].status, revoked);
            assert_eq!(answer.responses()[0].next_update, Some(end));
        }
        assert!(OcspResponse::from_der(&ocsp::refusal(3)).is_err());

        let asked = CertificationRequest::from_der(&request::request(&holder, &leaf.extensions().list, &key).unwrap()).unwrap();
        assert_eq!((&asked.subject, &asked.key, &asked.extensions), (&holder, key.public_key(), &leaf.extensions().list));
    }
}

#[test]
fn a_request_signed_by_another_key_is_refused() {
    let keys = [0; 2].map(|_| SoftKey::generate(KeyKind::Sm2, &SystemDice).unwrap());
    let subject = Name::build(&[(attribute::COMMON_NAME, "x")]).unwrap();
    let mut der = request::request(&subject, &[], &keys[0]).unwrap();
    let at = der.windows(64).position(|window| keys[0].public_key().bits().ends_with(window)).unwrap();
    der.splice(at..at + 64, keys[1].public_key().bits()[1..].iter().copied());
    assert!(CertificationRequest::from_der(&der).is_err());
}

#[test]
fn holders_by_number() {
    use super::encode;
    use crate::pki::HolderKind::{Organisation, Person, Unknown};
    const PERSON: &str = "11010519491231002X";
    const CODE: &str = "91350100M000100Y43";
    let key = SoftKey::generate(KeyKind::P256, &SystemDice).unwrap();
    let (start, end) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:00Z"));
    let build = |subject: &[(crate::crypto::Oid, &str)], extensions: &[(&str, Vec<u8>)]| {
        let subject = Name::build(subject).unwrap();
        let mut builder = CertificateBuilder::new(&subject, &subject, key.public_key(), &[1], start, end);
        for (oid, value) in extensions {
            builder = builder.extension(crate::crypto::Oid::new_unwrap(oid), false, value.clone());
        }
        builder.sign(&key).unwrap().holder()
    };
    let (cn, o) = (attribute::COMMON_NAME, attribute::ORGANISATION);
    let printable = |text: &str| encode::tlv(0x13, text.as_bytes());
    let one = "1.2.156.10260.4.1.1";
    let (three, four) = ("1.2.156.10260.4.1.3", "1.2.156.10260.4.1.4");

    // Explicit tag, BJCA's SET around it, bare string, bare text, CFCA's letter.
    let forms = [
        encode::explicit(0, &printable(PERSON)),
        encode::set_of([encode::explicit(0, &printable(PERSON))]),
        printable(PERSON),
        PERSON.as_bytes().to_vec(),
        printable(&format!("0{PERSON}")),
        encode::tlv(0x80, PERSON.to_lowercase().as_bytes()),
    ];
    for form in forms {
        let holder = build(&[(cn, "张三")], &[(one, form)]);
        assert_eq!((holder.kind, holder.citizen_number.as_deref(), holder.name.as_str()), (Person, Some(PERSON), "张三"));
        assert!(!format!("{holder:?}").contains(PERSON));
    }
    let company = build(&[(cn, "测试公司")], &[(three, printable(CODE)), (four, encode::utf8(CODE))]);
    assert_eq!((company.kind, company.uscc.as_deref()), (Organisation, Some(CODE)));
    let seal = build(&[(o, &format!("{CODE}测试公司")), (cn, "35010000000001")], &[]);
    assert_eq!((seal.kind, seal.uscc.as_deref(), seal.name.as_str()), (Organisation, Some(CODE), "测试公司"));
    let cfca = build(&[(cn, &format!("051@张三@0{PERSON}@00000001"))], &[]);
    assert_eq!((cfca.kind, cfca.name.as_str(), cfca.citizen_number.as_deref()), (Person, "张三", Some(PERSON)));
    // Somebody within an organisation, a wrong check digit, two places that disagree: no holder by number.
    let employee = build(&[(o, "测试公司"), (cn, "张三")], &[(one, printable(PERSON)), (four, printable(CODE))]);
    assert_eq!(employee.kind, Unknown);
    assert_eq!(build(&[(cn, "张三")], &[(one, printable("110105194912310021"))]).citizen_number, None);
    let torn = build(&[(cn, &format!("041@0{PERSON}@张三@00000001"))], &[(one, printable("350899199001010014"))]);
    assert!(torn.citizen_number.is_none() || torn.where_found.contains("CN"), "{torn:?}");
}
