//! Measurements against other programs in the same run: `make bench`. Rates are per second of CPU, taken in turns, so that
//! another load on the machine weighs on all alike; what is held against a target is the median of the rounds' ratios.

#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

#[path = "../tests/judge/authority.rs"]
#[allow(dead_code)]
mod authority;
#[path = "../tests/peers/mod.rs"]
mod peers;

use authority::{Authority, NOW, at, file, pem};
use std::process::{Command, ExitCode};
use xinyin::crypto::{KeyKind, Signer};
use xinyin::doc::source::ByteSource;
use xinyin::sign::{Format, Request, prepare};
use xinyin::verify::{Evidence, Indication, Options, Policy, Revocation, TrustAnchor};

/// Rounds; each runs both programs once.
const ROUNDS: usize = 5;
/// Seconds of CPU for one program in one round.
const SECONDS: f64 = 2.0;
/// How many times as fast as pyHanko.
const TARGET: f64 = 50.0;

/// Seconds of CPU that this thread has used (the first field of schedstat, nanoseconds).
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

/// A one-page PDF of about 20 KB once it is signed.
fn document() -> Vec<u8> {
    let line = "(The applicant declares that all statements and materials are true.) Tj T*\n";
    let content = format!("BT /F1 8 Tf 40 800 Td 9 TL\n{}ET", line.repeat(165));
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>".to_owned(),
        format!("<</Length {}>>\nstream\n{content}\nendstream", content.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", index + 1).as_bytes());
    }
    let start = out.len();
    out.extend_from_slice(b"xref\n0 6\n0000000000 65535 f \n");
    for place in places {
        out.extend_from_slice(format!("{place:010} 00000 n \n").as_bytes());
    }
    out.extend_from_slice(format!("trailer\n<</Size 6/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n").as_bytes());
    out
}

fn signed(authority: &Authority) -> Vec<u8> {
    let document = document();
    let request = Request {
        chain: vec![authority.issuing.certificate.clone()],
        ..Request::new(Format::Pades, authority.signer.certificate.clone(), authority.signer.key.algorithm(), at(NOW))
    };
    let prepared = prepare(&document, &request, [9; 16]).unwrap();
    let signature = authority.signer.key.sign(prepared.message()).unwrap();
    let output = prepared.finish(signature).complete(&document, None).unwrap();
    let whole = output.over(&document);
    whole.slice(0, usize::try_from(whole.len()).unwrap()).unwrap()
}

fn main() -> ExitCode {
    let authority = Authority::new(KeyKind::P256);
    let document = signed(&authority);
    let folder = std::env::temp_dir().join(format!("xinyin-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = file(&folder, "signed.pdf", &document).display().to_string();
    let place = |name: &str| folder.join(name).display().to_string();
    pem(&folder, "root.pem", "CERTIFICATE", &[authority.root.certificate.der()]);
    pem(&folder, "issuing.pem", "CERTIFICATE", &[authority.issuing.certificate.der()]);
    file(&folder, "issuing.crl", authority.crl.der());
    file(&folder, "root.crl", authority.root_crl.der());
    let crls = format!("{};{}", place("issuing.crl"), place("root.crl"));
    let list = folder.join("jobs.txt");
    std::fs::write(&list, [path, place("root.pem"), place("issuing.pem"), crls, NOW.into()].join("\t") + "\n").unwrap();
    let Some(python) = peers::python("bench") else { return ExitCode::from(3) };

    let evidence = Evidence {
        anchors: vec![TrustAnchor::for_all(authority.root.certificate.clone())],
        crls: vec![authority.crl.clone(), authority.root_crl.clone()],
        ..Evidence::default()
    };
    let policy = Policy::named("strict").unwrap();
    let options = Options { file: "signed.pdf".into(), at: at(NOW), at_given: true, revocation: Revocation::Hard };
    let judge = || xinyin::service::verify::offline(&document, &[], &evidence, &policy, &options).unwrap();
    let verdict = judge();
    assert_eq!(verdict.indication, Indication::Passed, "{verdict:?}");

    println!("PAdES-B-B, P-256, {} octets, validated with both revocation lists; files per CPU second", document.len());
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let script = peers::root().join("tests/peers/pdf_judge.py");
        let output = peers::run(Command::new(&python).arg(script).args(["--rate", &SECONDS.to_string()]).arg(&list), 120);
        let theirs: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_else(|_| panic!("{}", peers::said(&output)));
        let (start, mut count) = (cpu(), 0.0);
        while cpu() - start < SECONDS {
            std::hint::black_box(judge());
            count += 1.0;
        }
        let ours = count / (cpu() - start);
        println!("  round {round}: xinyin {ours:8.1}   pyHanko {theirs:6.1}   ratio {:6.1}", ours / theirs);
        ratios.push(ours / theirs);
    }
    let _ = std::fs::remove_dir_all(&folder);
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ROUNDS / 2];
    let met = median >= TARGET;
    println!("  median {median:.1} times pyHanko; target {TARGET}: {}", if met { "met" } else { "MISSED" });
    if met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
