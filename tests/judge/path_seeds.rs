//! Seeds of the fuzzing corpus for certificates, lists, OCSP and paths, of our own making:
//! `cargo test --test judge path_seeds -- --ignored` writes them anew. No test but a tool: it stands here for the builders of the
//! tests, and is left out of a run because it changes the kept files.

use crate::paths::{Authority, Chain, ISSUES, SIGNS, at, name};
use xinyin::{
    crypto::{Hash, KeyKind, Oid, Signer as _},
    pki::{
        Reason,
        build::{OcspBuilder, encode, ocsp},
        extensions::oid,
        general_name::GeneralName,
        ocsp::{CertStatus, OcspRequest},
    },
};

fn pem(label: &str, der: &[u8]) -> String {
    der::pem::encode_string(label, der::pem::LineEnding::LF, der).unwrap()
}

#[test]
#[ignore = "writes files"]
fn seeds() {
    let root = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let write = |target: &str, name: &str, bytes: &[u8]| {
        std::fs::create_dir_all(root.join(target)).unwrap();
        std::fs::write(root.join(target).join(name), bytes).unwrap();
    };
    for kind in [KeyKind::P256, KeyKind::Sm2] {
        let mut chain = Chain::new(kind);
        // Every extension that is read.
        let policies = [Oid::new_unwrap("1.2.3"), Oid::new_unwrap("1.2.4")];
        let constraints = encode::sequence([encode::tlv(0xa0, &encode::sequence([GeneralName::Dns("a.cn".into()).to_der()]))]);
        let mapping = encode::sequence([encode::sequence(policies.iter().map(encode::oid))]);
        let authority = chain.root.issue(2, &chain.issuing.name, &chain.issuing.key, |ca| {
            ca.authority(Some(1))
                .key_usage(&ISSUES)
                .policies(&policies)
                .extension(oid::NAME_CONSTRAINTS, true, constraints)
                .extension(oid::POLICY_MAPPINGS, true, mapping)
                .extension(oid::POLICY_CONSTRAINTS, true, encode::sequence([encode::tlv(0x80, &[1]), encode::tlv(0x81, &[2])]))
                .extension(oid::INHIBIT_ANY_POLICY, true, encode::small_integer(1))
        });
        chain.intermediates = vec![authority];
        chain.reissue(|leaf| {
            leaf.key_usage(&SIGNS)
                .extended_key_usage(false, &[oid::CLIENT_AUTH])
                .policies(&policies)
                .subject_alt_names(&[
                    GeneralName::Dns("a.cn".into()),
                    GeneralName::Email("a@a.cn".into()),
                    GeneralName::Ip(vec![10, 0, 0, 1]),
                ])
                .crl_urls(&["http://crl.example.cn/1.crl"])
                .authority_access(&["http://ocsp.example.cn"], &["http://ca.example.cn/ca.cer"])
                .citizen_number("350899198503120111")
                .credit_code("91350899MA00000000")
        });
        write("certificate", &format!("leaf-{kind}"), chain.leaf.der());
        write("certificate", &format!("authority-{kind}"), chain.intermediates[0].der());
        write("certificate", &format!("pem-{kind}"), pem("CERTIFICATE", chain.leaf.der()).as_bytes());

        let when = at("2026-05-01");
        let list =
            chain.issuing.list(2).revoked(&[3], when, Reason::KeyCompromise).revoked_of(&[9], when, Reason::CertificateHold, &name("x"));
        let point = encode::explicit(0, &encode::tlv(0xa0, &encode::tlv(0x86, b"http://crl.example.cn/1.crl")));
        let scope = encode::sequence([point, encode::tlv(0x81, &[0xff]), encode::tlv(0x83, &[6, 0x40]), encode::tlv(0x84, &[0xff])]);
        let list = list.extension(oid::ISSUING_DISTRIBUTION_POINT, true, scope).sign(&chain.issuing.key).unwrap();
        let delta = chain.issuing.list(3).delta_to(2).revoked(&[3], when, Reason::RemoveFromCrl).sign(&chain.issuing.key).unwrap();
        write("crl", &format!("indirect-{kind}"), list.der());
        write("crl", &format!("delta-{kind}"), delta.der());
        write("crl", &format!("empty-{kind}"), chain.crls[1].der());
        write("crl", &format!("pem-{kind}"), pem("X509 CRL", list.der()).as_bytes());

        let id = ocsp::cert_id(Hash::Sm3, &chain.issuing.name, chain.issuing.key.public_key(), chain.leaf.serial());
        let request = ocsp::request(&[id], &[7; 16]);
        let read = OcspRequest::from_der(&request).unwrap();
        let responder = Authority::new(kind, "OCSP");
        let delegate = chain.issuing.issue(9, &responder.name, &responder.key, |leaf| {
            leaf.key_usage(&SIGNS).extended_key_usage(false, &[oid::OCSP_SIGNING]).ocsp_no_check()
        });
        let answer = |status| {
            OcspBuilder::new(at("2026-06-14"))
                .answer(&read.ids[0], status, at("2026-06-14"), Some(at("2026-06-16")))
                .nonce(read.nonce.as_deref())
                .certificate(&delegate)
                .by_name(delegate.subject())
                .sign(&responder.key)
                .unwrap()
        };
        let (good, bad) = (answer(CertStatus::Good), answer(CertStatus::Revoked { at: when, reason: Reason::Superseded }));
        write("ocsp", &format!("request-{kind}"), &request);
        write("ocsp", &format!("good-{kind}"), good.der());
        write("ocsp", &format!("revoked-{kind}"), bad.der());
        write("ocsp", &format!("refusal-{kind}"), &ocsp::refusal(6));

        let certificates = [&chain.leaf, &chain.intermediates[0], &chain.anchors[0].certificate];
        let bundle: String = certificates.iter().map(|certificate| pem("CERTIFICATE", certificate.der())).collect();
        write("path", &format!("bare-{kind}"), bundle.as_bytes());
        let lists: String = [&chain.crls[0], &chain.crls[1], &delta].iter().map(|list| pem("X509 CRL", list.der())).collect();
        write("path", &format!("listed-{kind}"), (bundle.clone() + &lists).as_bytes());
        let odd = bundle + &pem("OCSP RESPONSE", good.der()) + &pem("X509 CRL", list.der());
        write("path", &format!("answered-{kind}"), odd.as_bytes());
    }
}
