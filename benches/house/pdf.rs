//! PDFs against pyHanko: one of 20 KB with one signature, and one that sixty signers signed in turn.

use crate::authority::{Authority, NOW, at, file, pem};
use crate::peers;
use crate::rate::{compare, rate, said};
use std::path::{Path, PathBuf};
use std::process::Command;
use xinyin::crypto::{KeyKind, Signer};
use xinyin::doc::source::ByteSource;
use xinyin::sign::{Format, Request, prepare};
use xinyin::verify::{Evidence, Indication, Options, Policy, Revocation, TrustAnchor, Verdict};

/// Rounds; each runs both programs once.
const ROUNDS: usize = 5;
/// Seconds of CPU for one program in one round.
pub const SECONDS: f64 = 2.0;

/// Where the measurements take place.
pub struct Yard {
    pub folder: PathBuf,
    pub authority: Authority,
    pub python: PathBuf,
    pub evidence: Evidence,
    pub policy: Policy,
}

impl Yard {
    pub fn new(folder: &Path) -> Self {
        let authority = Authority::new(KeyKind::P256);
        pem(folder, "root.pem", "CERTIFICATE", &[authority.root.certificate.der()]);
        pem(folder, "issuing.pem", "CERTIFICATE", &[authority.issuing.certificate.der()]);
        file(folder, "issuing.crl", authority.crl.der());
        file(folder, "root.crl", authority.root_crl.der());
        let evidence = Evidence {
            anchors: vec![TrustAnchor::for_all(authority.root.certificate.clone())],
            crls: vec![authority.crl.clone(), authority.root_crl.clone()],
            ..Evidence::default()
        };
        let python = peers::python("bench").expect("scripts/peers was run");
        Self { folder: folder.into(), authority, python, evidence, policy: Policy::named("strict").unwrap() }
    }

    pub fn place(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Signs once more.
    pub fn sign(&self, document: &dyn ByteSource) -> xinyin::sign::Output {
        let authority = &self.authority;
        let signer = &authority.signer;
        let request = Request {
            chain: vec![authority.issuing.certificate.clone()],
            ..Request::new(Format::Pades, signer.certificate.clone(), signer.key.algorithm(), at(NOW))
        };
        let prepared = prepare(document, &request, [9; 16]).unwrap();
        let signature = signer.key.sign(prepared.message()).unwrap();
        prepared.finish(signature).complete(document, None).unwrap()
    }

    fn signed(&self, document: &dyn ByteSource) -> Vec<u8> {
        let output = self.sign(document);
        let whole = output.over(document);
        whole.slice(0, usize::try_from(whole.len()).unwrap()).unwrap()
    }

    pub fn judge(&self, document: &dyn ByteSource) -> Verdict {
        let options = Options { file: "signed.pdf".into(), at: at(NOW), at_given: true, revocation: Revocation::Hard };
        xinyin::service::verify::offline(document, &[], &self.evidence, &self.policy, &options).unwrap()
    }

    /// The list of one job for tests/peers/pdf_judge.py.
    pub fn job(&self, document: &str) -> PathBuf {
        let list = self.folder.join(format!("{document}.jobs"));
        let crls = format!("{};{}", self.place("issuing.crl"), self.place("root.crl"));
        let fields = [self.place(document), self.place("root.pem"), self.place("issuing.pem"), crls, NOW.into()];
        std::fs::write(&list, fields.join("\t") + "\n").unwrap();
        list
    }

    /// Asks pyHanko for a number.
    pub fn python(&self, arguments: &[&str]) -> f64 {
        let script = peers::root().join("tests/peers/pdf_judge.py");
        let output = peers::run(Command::new(&self.python).arg(script).args(arguments), 300);
        String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_else(|_| panic!("{}", peers::said(&output)))
    }

    fn pyhanko(&self, document: &str, octets: &[u8], seconds: f64) -> impl Fn() -> f64 {
        file(&self.folder, document, octets);
        let list = self.job(document).display().to_string();
        move || self.python(&["--rate", &seconds.to_string(), &list])
    }
}

/// A one-page PDF of about 12 KB, which signing makes 20 KB.
pub fn document() -> Vec<u8> {
    let line = "(The applicant declares that all statements and materials are true.) Tj T*\n";
    let content = format!("BT /F1 8 Tf 40 800 Td 9 TL\n{}ET", line.repeat(LINES));
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

/// Lines of text on the page.
const LINES: usize = 215;

pub fn one_signature(yard: &Yard) -> bool {
    let signed = yard.signed(&document());
    let verdict = yard.judge(&signed);
    assert_eq!(verdict.indication, Indication::Passed, "{verdict:?}");
    println!("PAdES-B-B, P-256, {} octets, validated with both revocation lists; files per CPU second", signed.len());
    let ours = || rate(SECONDS, || drop(std::hint::black_box(yard.judge(&signed))));
    compare("pyHanko", 100.0, ROUNDS, ours, yard.pyhanko("one.pdf", &signed, SECONDS))
}

pub fn sixty_signatures(yard: &Yard) -> bool {
    let mut signed = document();
    let mut twenty = Vec::new();
    for count in 1..=60 {
        signed = yard.signed(&signed);
        if count == 20 {
            twenty = signed.clone();
        }
    }
    let verdict = yard.judge(&signed);
    assert_eq!((verdict.indication, verdict.signatures.len()), (Indication::Passed, 60), "{verdict:?}");
    println!("60 signatures, P-256, {} octets, with the analysis of what followed each; files per CPU second", signed.len());
    let ours = |document: &Vec<u8>| rate(SECONDS, || drop(std::hint::black_box(yard.judge(document))));
    let fast = compare("pyHanko", 200.0, 3, || ours(&signed), yard.pyhanko("sixty.pdf", &signed, 0.0));
    let growth = ours(&twenty) / ours(&signed);
    // Three times the signatures; a quadratic analysis would take nine times as long.
    let linear = growth < 4.5;
    println!("  20 signatures take 1, 60 take {growth:.2}; target below 4.5: {}", said(linear));
    fast && linear
}
