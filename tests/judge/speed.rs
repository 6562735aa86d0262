//! How fast one verdict is, in process. `make bench` compares with other programs; this tells where the time goes:
//! `cargo test --config profile.dev.package.xinyin.opt-level=3 --test judge speed -- --ignored --nocapture`.

use crate::authority::{Authority, NOW, at};
use crate::signing::{request, sample, signed};
use std::hint::black_box;
use xinyin::crypto::KeyKind;
use xinyin::doc::{ReadOptions, read};
use xinyin::sign::{Format, Level};
use xinyin::verify::{Evidence, Options, Policy, Revocation, TrustAnchor, judge};

#[test]
#[ignore = "a measurement"]
fn one_verdict() {
    for kind in [KeyKind::P256, KeyKind::Sm2] {
        let authority = Authority::new(kind);
        let padding = format!("/Padding ({})", "x".repeat(12_000));
        let request = request(&authority, &authority.signer, Format::Pades, Level::B);
        let pdf = signed(&authority, &authority.signer, &sample(false, &padding), &request).unwrap();
        let evidence = Evidence {
            anchors: vec![TrustAnchor::for_all(authority.root.certificate.clone())],
            crls: vec![authority.crl.clone(), authority.root_crl.clone()],
            ..Evidence::default()
        };
        let options = Options { file: "a.pdf".into(), at: at(NOW), at_given: false, revocation: Revocation::Hard };
        let policy = Policy::default();
        let facts = read(&pdf, &ReadOptions::default()).unwrap();
        let verdict = judge(&facts, &evidence, &policy, &options);
        assert_eq!(verdict.verdict, "valid", "{:?}", verdict.defects);
        let rate = |name: &str, work: &mut dyn FnMut()| {
            let start = std::time::Instant::now();
            let mut rounds = 0u32;
            while start.elapsed().as_millis() < 1000 {
                work();
                rounds += 1;
            }
            println!("{kind} {} octets, {name}: {:.0} µs", pdf.len(), start.elapsed().as_micros() as f64 / f64::from(rounds));
        };
        rate("read", &mut || drop(black_box(read(&pdf, &ReadOptions::default()).unwrap())));
        rate("judge", &mut || drop(black_box(judge(&facts, &evidence, &policy, &options))));
        rate("JSON", &mut || drop(black_box(serde_json::to_string(&verdict).unwrap())));
    }
}
