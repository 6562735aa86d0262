//! Large and hostile PDFs: a named verdict in bounded time and memory.

use crate::authority::Authority;
use crate::changes::{append, authority, form_sample, stream};
use crate::signing::{facts, plain_request, signed};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use xinyin::crypto::Signer;
use xinyin::doc::facts::{Changes, ProblemKind};
use xinyin::doc::source::ByteSource;
use xinyin::files::FileSource;
use xinyin::sign::{Format, prepare};

/// A bound against hangs on a busy machine, not a measure.
const SOON: Duration = Duration::from_secs(60);

/// Runs `xinyin verify` on the file; its verdict and the most memory it held, in KiB.
fn judged(file: &Path) -> (serde_json::Value, u64) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xinyin"));
    command.args(["verify", "--no-trust", "--offline", "--format", "json"]).arg(file).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let start = Instant::now();
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < 3 * SOON, "no verdict on {} in time", file.display());
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let high = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
        most = most.max(high.unwrap_or(0));
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    (serde_json::from_slice(&output.stdout).unwrap(), most)
}

/// Writes a PDF with one page whose content is a hole of `middle` octets.
fn write_large(path: &Path, middle: u64) {
    let mut file = std::fs::File::create(path).unwrap();
    let head = format!(
        "%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n\
         3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>\nendobj\n4 0 obj\n<</Length {middle}>>\nstream\n"
    );
    file.write_all(head.as_bytes()).unwrap();
    file.seek(SeekFrom::Start(head.len() as u64 + middle)).unwrap();
    let xref = head.len() as u64 + middle + 18;
    let place = |word: &str| head.find(word).unwrap();
    let rows: String = ["1 0 obj", "2 0 obj", "3 0 obj", "4 0 obj"].iter().map(|word| format!("{:010} 00000 n \n", place(word))).collect();
    let tail =
        format!("\nendstream\nendobj\n\nxref\n0 5\n0000000000 65535 f \n{rows}trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n{xref}\n%%EOF\n");
    file.write_all(tail.as_bytes()).unwrap();
}

fn sign_in_place(authority: &Authority, path: &Path) {
    let source = FileSource::open(path).unwrap();
    let prepared = prepare(&source, &plain_request(authority, Format::Pades), [3; 16]).unwrap();
    let signature = authority.signer.key.sign(prepared.message()).unwrap();
    let output = prepared.finish(signature).complete(&source, None).unwrap();
    let more = output.over(&source).slice(source.len(), usize::try_from(output.over(&source).len() - source.len()).unwrap()).unwrap();
    std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(&more).unwrap();
}

#[test]
fn half_a_gigabyte_is_judged_in_64_mebibytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.pdf");
    write_large(&path, 500 << 20);
    sign_in_place(authority(), &path);
    let (verdict, most) = judged(&path);
    assert_eq!(verdict["sub_indication"], "NO_CERTIFICATE_CHAIN_FOUND", "{verdict:#}");
    assert_eq!(verdict["signatures"][0]["covers"], "whole-document", "{verdict:#}");
    eprintln!("{most} KiB at most");
    assert!((1..=64 << 10).contains(&most), "{most} KiB");
}

#[test]
fn a_hundred_thousand_pages_and_a_change_after_them_are_judged() {
    let mut objects = vec![(1, "<</Type/Catalog/Pages 2 0 R>>".to_owned())];
    let kids: String = (0..100).map(|part| format!("{} 0 R ", 10 + part)).collect();
    objects.push((2, format!("<</Type/Pages/Count 100000/Kids[{kids}]>>")));
    objects.push((4, stream("", "BT ET")));
    let mut document = b"%PDF-1.7\n".to_vec();
    for part in 0..100u32 {
        let first = 1000 + part * 1000;
        let kids: String = (first..first + 1000).map(|page| format!("{page} 0 R ")).collect();
        objects.push((10 + part, format!("<</Type/Pages/Parent 2 0 R/Count 1000/Kids[{kids}]>>")));
        objects.extend(
            (first..first + 1000).map(|page| (page, format!("<</Type/Page/Parent {} 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>", 10 + part))),
        );
    }
    let mut table = String::from("xref\n0 1\n0000000000 65535 f \n");
    for (number, object) in &objects {
        table.push_str(&format!("{number} 1\n{:010} 00000 n \n", document.len()));
        document.extend_from_slice(format!("{number} 0 obj\n{object}\nendobj\n").as_bytes());
    }
    let start = document.len();
    document.extend_from_slice(format!("{table}trailer\n<</Size 102000/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n").as_bytes());
    let authority = authority();
    let signed = signed(authority, &authority.signer, &document, &plain_request(authority, Format::Pades)).unwrap();
    let start = Instant::now();
    let changed = append(&signed, &[(50_999, "<</Type/Page/Parent 59 0 R/MediaBox[0 0 8 9]/Contents 4 0 R>>".into())]);
    let facts = facts(&changed, None);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    let Changes::Suspicious(list) = &facts.signatures[0].changes else { panic!("{:#?}", facts.signatures[0].changes) };
    assert!(list.iter().any(|(_, en)| en.contains("page 50000: size or rotation")), "{list:?}");
}

#[test]
fn ten_thousand_signatures_are_a_named_verdict() {
    let mut objects = Vec::new();
    let fields: String = (0..10_000).map(|at| format!("{} 0 R ", 200 + at)).collect();
    objects.push((6, format!("<</Fields[{fields}]/SigFlags 3>>")));
    let range = "/ByteRange[0 10 20 10]/Contents<00>/SubFilter/ETSI.CAdES.detached";
    objects.extend((0..10_000u32).map(|at| (200 + at, format!("<</FT/Sig/T(S{at})/V<</Type/Sig{range}>>>>"))));
    let start = Instant::now();
    let facts = facts(&append(&form_sample(), &objects), None);
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    assert!(
        facts.problems.iter().any(|problem| problem.kind == ProblemKind::Unsupported("WORK_LIMIT_UNSUPPORTED")),
        "{:?}",
        facts.problems
    );
}

/// Octets that inflate to `size` zeros.
fn bomb(size: u64) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::copy(&mut std::io::Read::take(std::io::repeat(b' '), size), &mut encoder).unwrap();
    encoder.finish().unwrap()
}

fn with_stream(document: &[u8], number: u32, entries: &str, data: &[u8], objects: &[(u32, String)]) -> Vec<u8> {
    // Plain letters hold the place, so that offsets stay as they are when the real octets go in.
    let mark = "X".repeat(data.len());
    let mut list = vec![(number, format!("<<{entries}/Filter/FlateDecode/Length {}>>\nstream\n{mark}\nendstream", data.len()))];
    list.extend_from_slice(objects);
    let mut out = append(document, &list);
    let at = out.windows(mark.len()).rposition(|window| window == mark.as_bytes()).unwrap();
    out[at..at + data.len()].copy_from_slice(data);
    out
}

#[test]
fn bombs_after_a_signature_are_neither_opened_whole_nor_passed() {
    let authority = authority();
    let signed = signed(authority, &authority.signer, &form_sample(), &plain_request(authority, Format::Pades)).unwrap();
    let bomb = bomb(200 << 20);
    let name =
        "<</Type/Annot/Subtype/Widget/FT/Tx/T<FEFF59D3540D>/Rect[72 600 272 620]/P 3 0 R/F 4/DA(/Helv 12 Tf 0 g)/V(x)/AP<</N 100 0 R>>>>";
    let field = (7, name.to_owned());
    let deep = "q ".repeat(400_000);
    let inside = "/Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<</XObject<</A 100 0 R>>>>";
    let cases = [
        (
            "an appearance that inflates",
            with_stream(&signed, 100, "/Type/XObject/Subtype/Form/BBox[0 0 200 20]", &bomb, std::slice::from_ref(&field)),
        ),
        (
            "metadata that inflate",
            with_stream(
                &signed,
                100,
                "/Type/Metadata/Subtype/XML",
                &bomb,
                &[(1, "<</Type/Catalog/Pages 2 0 R/AcroForm 6 0 R/Metadata 100 0 R>>".into())],
            ),
        ),
        ("a deep appearance", append(&signed, &[field.clone(), (100, stream("/Subtype/Form/BBox[0 0 200 20]", &deep))])),
        ("an appearance that calls itself", append(&signed, &[field.clone(), (100, stream(inside, &"/A Do ".repeat(2000)))])),
        ("values nested too deep", append(&signed, &[(7, name.replace("(x)", &"[".repeat(100_000)))])),
        ("pages in a circle", append(&signed, &[(2, "<</Type/Pages/Kids[3 0 R 2 0 R]/Count 2>>".into())])),
        (
            "references in a circle",
            append(&signed, &[(1, "<</Type/Catalog/Pages 2 0 R/AcroForm 90 0 R>>".into()), (90, "91 0 R".into()), (91, "90 0 R".into())]),
        ),
        ("a field among its own children", append(&signed, &[(18, "<</T(group)/Kids[17 0 R 18 0 R]>>".into())])),
    ];
    for (what, changed) in cases {
        let start = Instant::now();
        let facts = facts(&changed, None);
        assert!(start.elapsed() < SOON, "{what}: {:?}", start.elapsed());
        assert!(!crate::signing::sound(&facts), "{what}: {facts:#?}");
    }
}

#[test]
fn an_object_of_two_gigabytes_is_not_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.pdf");
    let mut file = std::fs::File::create(&path).unwrap();
    file.write_all(b"%PDF-1.7\n1 0 obj\n(/ByteRange").unwrap();
    let at = 2u64 << 30;
    file.seek(SeekFrom::Start(at)).unwrap();
    let tail = format!(
        ")\nendobj\nxref\n0 2\n0000000000 65535 f \n0000000009 00000 n \ntrailer\n<</Size 2/Root 1 0 R>>\nstartxref\n{}\n%%EOF\n",
        at + 9
    );
    file.write_all(tail.as_bytes()).unwrap();
    let (verdict, most) = judged(&path);
    assert_eq!(
        (&verdict["indication"], &verdict["sub_indication"]),
        (&"INDETERMINATE".into(), &"WORK_LIMIT_UNSUPPORTED".into()),
        "{verdict:#}"
    );
    eprintln!("{most} KiB at most");
    assert!((1..=64 << 10).contains(&most), "{most} KiB");
}

#[test]
fn the_signed_revision_is_written_by_the_id_of_the_verdict() {
    let authority = authority();
    let once = signed(authority, &authority.signer, &form_sample(), &plain_request(authority, Format::Pades)).unwrap();
    let twice = signed(authority, &authority.signer, &once, &plain_request(authority, Format::Pades)).unwrap();
    let changed = append(&twice, &[(4, stream("", "BT ET"))]);
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    std::fs::write(place("in.pdf"), &changed).unwrap();
    let (verdict, _) = judged(&place("in.pdf"));
    for (at, wanted) in [(0, &once), (1, &twice)] {
        let id = verdict["signatures"][at]["id"].as_str().unwrap();
        let run = |id: &str, out: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_xinyin"));
            command.args(["extract", "--signature", id]).arg(place("in.pdf")).arg(place(out)).output().unwrap()
        };
        let output = run(id, "out.pdf");
        assert!(output.status.success(), "{output:?}");
        assert_eq!(&std::fs::read(place("out.pdf")).unwrap(), wanted);
        // Judged by itself it is whole again.
        assert!(crate::signing::sound(&facts(wanted, None)));
        let output = run("nobody", "none.pdf");
        assert_eq!(output.status.code(), Some(3));
        assert!(String::from_utf8_lossy(&output.stderr).contains(id) && !place("none.pdf").exists(), "{output:?}");
    }
}
