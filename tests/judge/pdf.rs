//! PDFs: foreign ones with known verdicts, hostile ones, large ones, and formats that are named but not judged.

use crate::authority::Authority;
use crate::signing::{facts, plain_request, sample, signed, sound};
use crate::{corpus, peers};
use proptest::prelude::*;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use xinyin::crypto::{KeyKind, Signer};
use xinyin::doc::facts::{Changes, Coverage, Format as Found, Integrity, ProblemKind, SignatureKind};
use xinyin::doc::source::ByteSource;
use xinyin::doc::{ReadOptions, read};
use xinyin::sign::{Format, prepare};

struct Row {
    id: String,
    family: String,
    expected: String,
    confidence: String,
    path: PathBuf,
}

/// The rows of the families of PDFs.
fn rows(root: &std::path::Path) -> Vec<Row> {
    let table = std::fs::read_to_string(root.join("corpus.tsv")).unwrap();
    let mut lines = table.lines();
    let heads: Vec<&str> = lines.next().unwrap().split('\t').collect();
    let column = |name: &str| heads.iter().position(|head| *head == name).unwrap();
    let columns = ["id", "family", "expected_indication", "confidence", "pack_path"].map(column);
    let mut rows = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split('\t').collect();
        let [id, family, expected, confidence, path] = columns.map(|at| cells[at].to_owned());
        if family.starts_with("pdf") && !path.is_empty() {
            rows.push(Row { id, family, expected, confidence, path: root.join(path) });
        }
    }
    rows
}

#[test]
fn foreign_files_are_read_as_they_should_be() {
    let Some(root) = corpus("foreign_files_are_read_as_they_should_be") else { return };
    let rows = rows(&root);
    assert!(rows.len() > 180);
    let (mut wanted, mut found) = (0, 0);
    for row in rows.iter().filter(|row| row.confidence == "high") {
        let bytes = std::fs::read(&row.path).unwrap();
        let start = Instant::now();
        let facts = facts(&bytes, None);
        assert!(start.elapsed() < Duration::from_secs(60), "{} takes {:?}", row.id, start.elapsed());
        let modified = row.expected == "MODIFIED" || row.family.starts_with("pdf-attack");
        assert!(!(modified && sound(&facts)), "{} was modified after signing: {facts:#?}", row.id);
        let judged = ["pdf-sign", "pdf-gen", "pdf-lta"].contains(&row.family.as_str());
        if judged && ["TOTAL_PASSED", "PASSED"].contains(&row.expected.as_str()) {
            wanted += 1;
            found += usize::from(sound(&facts));
        }
    }
    assert!(wanted > 40 && found * 100 >= wanted * 95, "{found} of {wanted} are in order");
}

/// Signed by a P-256 key, on a classic table and on a stream.
fn samples() -> &'static [Vec<u8>; 2] {
    static SAMPLES: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let authority = Authority::new(KeyKind::P256);
        let wanted = plain_request(&authority, Format::Pades);
        [false, true].map(|stream| {
            let once = signed(&authority, &authority.signer, &sample(stream, ""), &wanted).unwrap();
            signed(&authority, &authority.signer, &once, &wanted).unwrap()
        })
    })
}

#[derive(Debug, Clone)]
enum Mutation {
    Octet(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index, usize),
    Double(prop::sample::Index, usize),
    Insert(prop::sample::Index, &'static str),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let words = prop::sample::select(vec![
        "<<",
        ">>",
        "[",
        "]",
        "(",
        ")",
        "<",
        "obj",
        "endobj",
        "stream",
        "xref",
        "trailer",
        "startxref",
        "%%EOF",
        "9 0 R",
        "/Prev 0",
        "/Kids",
        "/Parent",
        "-1",
        "99999999999999999999",
        "/Length 4294967296",
        "/ByteRange[0 1 2 3]",
        "/W[0 0 0]",
        "/Index[0 8388608]",
        "\0",
    ]);
    prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, octet)| Mutation::Octet(at, octet)),
        any::<prop::sample::Index>().prop_map(Mutation::Cut),
        (any::<prop::sample::Index>(), 1..200usize).prop_map(|(at, count)| Mutation::Remove(at, count)),
        (any::<prop::sample::Index>(), 1..2000usize).prop_map(|(at, count)| Mutation::Double(at, count)),
        (any::<prop::sample::Index>(), words).prop_map(|(at, word)| Mutation::Insert(at, word)),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    if bytes.is_empty() {
        return;
    }
    let length = bytes.len();
    match mutation {
        Mutation::Octet(at, octet) => bytes[at.index(length)] = *octet,
        Mutation::Cut(at) => bytes.truncate(at.index(length)),
        Mutation::Remove(at, count) => drop(bytes.drain(at.index(length)..(at.index(length) + count).min(length))),
        Mutation::Double(at, count) => {
            let piece = bytes[at.index(length)..(at.index(length) + count).min(length)].to_vec();
            bytes.splice(at.index(length)..at.index(length), piece);
        }
        Mutation::Insert(at, word) => drop(bytes.splice(at.index(length)..at.index(length), word.bytes())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// Whatever becomes of a signed PDF, reading it ends with an answer, and soon.
    #[test]
    fn mutated_pdfs_get_an_answer(stream: bool, mutations in prop::collection::vec(mutation(), 1..6)) {
        let original = &samples()[usize::from(stream)];
        let mut bytes = original.clone();
        mutations.iter().for_each(|mutation| mutate(&mut bytes, mutation));
        let start = Instant::now();
        let facts = facts(&bytes, None);
        prop_assert!(start.elapsed() < Duration::from_secs(30), "takes {:?}", start.elapsed());
        // What still passes bears the octets of the first signature's revision but for its frame.
        if sound(&facts) {
            let page = b"MediaBox[0 0 595.28 841.89]/Contents 4 0 R";
            prop_assert!(bytes.windows(page.len()).any(|window| window == page));
        }
    }
}

#[test]
fn bombs_are_refused_in_time() {
    let bombs = [
        format!("%PDF-1.7\n1 0 obj\n{}", "[".repeat(3_000_000)),
        format!("%PDF-1.7\n1 0 obj\n{}\nstartxref\n9\n%%EOF", "<</A".repeat(1_000_000)),
        format!("%PDF-1.7\nxref\n0 99999999\n{}trailer<<>>\nstartxref\n9\n%%EOF", "0000000000 65535 f \n".repeat(100_000)),
        "%PDF-1.7\nxref\n0 1\n0000000000 65535 f \ntrailer<</Prev 9>>\nstartxref\n9\n%%EOF".to_owned(),
        "%PDF-1.7\n1 0 obj<</Type/XRef/W[0 0 0]/Size 8388607/Length 0>>stream\n\nendstream endobj\nstartxref\n9\n%%EOF".to_owned(),
        "%PDF-1.7\n1 0 obj<</Type/XRef/W[1 8 8]/Index[0 8388607]/Size 8388607/Length 3>>stream\nabc\nendstream endobj\nstartxref\n9\n%%EOF"
            .to_owned(),
        format!("%PDF-1.7\n({}\nstartxref\n9\n%%EOF", "\\(".repeat(1_000_000)),
    ];
    for bomb in bombs {
        let start = Instant::now();
        let facts = facts(bomb.as_bytes(), None);
        assert!(facts.signatures.is_empty() && start.elapsed() < Duration::from_secs(30), "{:?}: {:.60}", start.elapsed(), bomb);
    }
}

#[test]
fn a_pdf_without_signature_has_none_and_an_encrypted_one_is_named() {
    let plain = facts(&sample(false, ""), None);
    assert_eq!((plain.format, plain.signatures.len(), plain.problems.len()), (Found::Pades, 0, 0));
    let mut bytes = samples()[0].clone();
    let at = bytes.windows(5).rposition(|window| window == b"/Root").unwrap();
    bytes.splice(at..at, b"/Encrypt<</Filter/Standard>>".iter().copied());
    let encrypted = facts(&bytes, None);
    let named = |problem: &xinyin::doc::facts::Problem| problem.kind == ProblemKind::Unsupported("ENCRYPTION_UNSUPPORTED");
    assert!(encrypted.problems.iter().any(named), "{encrypted:#?}");
}

#[test]
fn encodings_that_are_not_judged_are_named() {
    for other in ["GM.sm2seal", "adbe.x509.rsa_sha1", "Unheard.of"] {
        let mut bytes = samples()[0].clone();
        while let Some(at) = bytes.windows(19).position(|window| window == b"ETSI.CAdES.detached") {
            bytes.splice(at..at + 19, format!("{other:<19}").bytes());
        }
        let facts = facts(&bytes, None);
        assert_eq!(facts.signatures.len(), 2);
        for entry in &facts.signatures {
            assert!(entry.problems.iter().any(|problem| problem.kind == ProblemKind::Unsupported("SUBFILTER_UNSUPPORTED")), "{other}");
            assert!(matches!(entry.signer.integrity, Integrity::Unsupported(_)));
        }
    }
    // SES_Signature: SEQUENCE { SEQUENCE { version INTEGER … } … }, broken: under a known name malformed, under others not judged.
    let mut bytes = samples()[0].clone();
    let at = bytes.windows(12).position(|window| window == b"/Contents <3").unwrap() + 11;
    let seal = b"300730050201040c00";
    bytes[at..at + seal.len()].copy_from_slice(seal);
    let first = facts(&bytes, None).signatures[0].clone();
    assert!(first.kind == SignatureKind::Seal && matches!(first.signer.integrity, Integrity::Malformed(_)));
    let name = bytes.windows(19).position(|window| window == b"ETSI.CAdES.detached").unwrap();
    bytes[name..name + 19].copy_from_slice(b"Vendor.secret.seals");
    let first = facts(&bytes, None).signatures[0].clone();
    assert!(first.kind == SignatureKind::Seal && first.signer.integrity == Integrity::Unsupported("SUBFILTER_UNSUPPORTED".into()));
    assert!(first.problems.iter().any(|problem| problem.en.contains("Vendor.secret.seals")));
}

#[test]
fn pdfs_with_object_streams_are_signed_and_read() {
    let test = "pdfs_with_object_streams_are_signed_and_read";
    if peers::program(test, "qpdf").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    std::fs::write(place("in.pdf"), sample(false, "")).unwrap();
    let authority = Authority::new(KeyKind::P256);
    for options in [vec!["--object-streams=generate"], vec!["--linearize"], vec!["--linearize", "--object-streams=generate"]] {
        let output = peers::run(Command::new("qpdf").args(&options).arg(place("in.pdf")).arg(place("out.pdf")), 30);
        assert!(output.status.success(), "{}", peers::said(&output));
        let mut document = std::fs::read(place("out.pdf")).unwrap();
        for turn in 0..2 {
            document = signed(&authority, &authority.signer, &document, &plain_request(&authority, Format::Pades)).unwrap();
            let facts = facts(&document, None);
            assert!(sound(&facts) && facts.signatures.len() == turn + 1, "{options:?}: {facts:#?}");
        }
        std::fs::write(place("signed.pdf"), &document).unwrap();
        let output = peers::run(Command::new("qpdf").arg("--check").arg(place("signed.pdf")), 30);
        assert!(output.status.success(), "{options:?}: {}", peers::said(&output));
    }
}

/// A document whose middle is only imagined, and which counts how much is held at a time.
struct Large {
    head: Vec<u8>,
    middle: u64,
    tail: Vec<u8>,
    widest: AtomicUsize,
}

impl ByteSource for Large {
    fn len(&self) -> u64 {
        self.head.len() as u64 + self.middle + self.tail.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
        self.widest.fetch_max(buffer.len(), Ordering::Relaxed);
        let head = self.head.len() as u64;
        let (from, to) = (offset, offset + buffer.len() as u64);
        buffer.fill(b'x');
        for (part, start) in [(&self.head, 0), (&self.tail, head + self.middle)] {
            let (low, high) = (from.max(start), to.min(start + part.len() as u64));
            if low < high {
                let piece = &part[(low - start) as usize..(high - start) as usize];
                buffer[(low - from) as usize..(high - from) as usize].copy_from_slice(piece);
            }
        }
        Ok(())
    }
}

#[test]
fn half_a_gigabyte_is_signed_and_read_in_pieces() {
    const MIDDLE: u64 = 500 << 20;
    let mut head =
        b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n".to_vec();
    let third = head.len();
    head.extend_from_slice(b"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>\nendobj\n");
    let fourth = head.len();
    head.extend_from_slice(format!("4 0 obj\n<</Length {MIDDLE}>>\nstream\n").as_bytes());
    let mut tail = b"\nendstream\nendobj\n".to_vec();
    let xref = head.len() as u64 + MIDDLE + tail.len() as u64;
    let table = format!(
        "xref\n0 5\n0000000000 65535 f \n0000000009 00000 n \n{:010} 00000 n \n{third:010} 00000 n \n{fourth:010} 00000 n \n\
         trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n{xref}\n%%EOF\n",
        head.windows(7).position(|window| window == b"2 0 obj").unwrap()
    );
    tail.extend_from_slice(table.as_bytes());
    let large = Large { head, middle: MIDDLE, tail, widest: AtomicUsize::new(0) };
    let authority = Authority::new(KeyKind::P256);
    let prepared = prepare(&large, &plain_request(&authority, Format::Pades), [3; 16]).unwrap();
    let signature = authority.signer.key.sign(prepared.message()).unwrap();
    let output = prepared.finish(signature).complete(&large, None).unwrap();
    assert!(output.octets.len() < 20_000);
    let facts = read(&output.over(&large), &ReadOptions::default()).unwrap();
    assert!(sound(&facts), "{facts:#?}");
    assert_eq!((facts.signatures[0].coverage, &facts.signatures[0].changes), (Coverage::WholeDocument, &Changes::None));
    let widest = large.widest.load(Ordering::Relaxed);
    assert!(widest <= 1 << 20, "{widest} octets were held at a time");
}
