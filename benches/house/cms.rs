//! A CMS message with its chain against OpenSSL in process (tests/peers/cms_rate.c): the chain verified anew each time, and
//! remembered.

use crate::authority::{NOW, at, file};
use crate::pdf::{SECONDS, Yard};
use crate::peers;
use crate::rate::{compare, rate};
use std::process::Command;
use xinyin::pki::build::cms::Dialect;
use xinyin::verify::{Evidence, Indication, Options, Revocation};

const ROUNDS: usize = 5;
const CONTENT: usize = 20_000;

pub fn message_with_chain(yard: &Yard) -> bool {
    let Some(openssl) = peers::peer("bench", "cms_rate") else { return false };
    let authority = &yard.authority;
    let message = authority.message(&authority.signer, Dialect::Cms, &vec![b'x'; CONTENT], false);
    let (root, path) = (file(&yard.folder, "root.der", authority.root.certificate.der()), file(&yard.folder, "message.p7m", &message));
    let time = at(NOW).secs().to_string();
    let theirs = || {
        let output = peers::run(Command::new(&openssl).args([&SECONDS.to_string(), &time]).arg(&root).arg(&path), 120);
        String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_else(|_| panic!("{}", peers::said(&output)))
    };
    // The same checks: no revocation data on either side.
    let evidence = Evidence { anchors: yard.evidence.anchors.clone(), ..Evidence::default() };
    let options = Options { file: "message.p7m".into(), at: at(NOW), at_given: true, revocation: Revocation::Soft };
    let judge = || xinyin::service::verify::offline(&message, &[], &evidence, &yard.policy, &options).unwrap();
    assert_eq!(judge().indication, Indication::Passed, "{:?}", judge());

    println!("CMS of 20 KB with two authorities, P-256, every signature verified each time; messages per CPU second");
    let cold = || {
        rate(SECONDS, || {
            xinyin::crypto::forget_lasting();
            xinyin::pki::forget_familiar();
            drop(std::hint::black_box(judge()));
        })
    };
    let cold = compare("OpenSSL", 3.0, ROUNDS, cold, theirs);
    println!("The same, the authorities' signatures remembered");
    let warm = compare("OpenSSL", 6.0, ROUNDS, || rate(SECONDS, || drop(std::hint::black_box(judge()))), theirs);
    cold && warm
}
