//! One file of 500 MB: CPU against pyHanko, and memory. The program is run as a process, from the disk.

use crate::authority::NOW;
use crate::pdf::Yard;
use crate::peers;
use crate::rate::{cpu_of, median, said};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use xinyin::crypto::Hash;
use xinyin::doc::source::ByteSource;
use xinyin::files::FileSource;
use xinyin::verify::Indication;

const SIZE: usize = 500_000_000;
const ROUNDS: usize = 3;
/// At most so much of pyHanko's CPU, and so many MiB of memory.
const TARGET: f64 = 0.6;
const MEMORY: u64 = 64;

/// A PDF whose one attached stream holds 500 MB that no filter packs.
fn write(path: &Path) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    let mut places = Vec::new();
    let mut at = 0;
    let mut put = |out: &mut BufWriter<File>, octets: &[u8]| -> std::io::Result<usize> {
        out.write_all(octets)?;
        at += octets.len();
        Ok(at)
    };
    let mut end = put(&mut out, b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")?;
    let small = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</XObject<</I 4 0 R>>>>>>",
    ];
    for (index, object) in small.iter().enumerate() {
        places.push(end);
        end = put(&mut out, format!("{} 0 obj\n{object}\nendobj\n", index + 1).as_bytes())?;
    }
    places.push(end);
    let image = "/Type/XObject/Subtype/Image/Width 25000/Height 20000/BitsPerComponent 8/ColorSpace/DeviceGray";
    put(&mut out, format!("4 0 obj\n<<{image}/Length {SIZE}>>\nstream\n").as_bytes())?;
    let mut block = vec![0; 1_000_000];
    let mut state = 1_u64;
    for octet in &mut block {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *octet = state.to_be_bytes()[0];
    }
    for _ in 0..SIZE / block.len() {
        put(&mut out, &block)?;
    }
    let start = put(&mut out, b"\nendstream\nendobj\n")?;
    let entries: String = places.iter().map(|place| format!("{place:010} 00000 n \n")).collect();
    let trailer = format!("xref\n0 5\n0000000000 65535 f \n{entries}trailer\n<</Size 5/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n");
    put(&mut out, trailer.as_bytes())?;
    out.flush()
}

/// Seconds of CPU and peak memory in MiB of a process, as the kernel counts them for Python's children.
fn usage(yard: &Yard, command: &[&str]) -> (f64, u64, String) {
    const SCRIPT: &str = "import resource, subprocess, sys\n\
        said = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE).stdout.decode()\n\
        used = resource.getrusage(resource.RUSAGE_CHILDREN)\n\
        print(used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)\n\
        print(said)";
    let output = peers::run(Command::new(&yard.python).args(["-c", SCRIPT]).args(command), 300);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (numbers, said) = text.split_once('\n').unwrap_or_else(|| panic!("{}", peers::said(&output)));
    let mut numbers = numbers.split(' ');
    (numbers.next().unwrap().parse().unwrap(), numbers.next().unwrap().parse().unwrap(), said.into())
}

/// Reads and hashes the whole, and nothing else.
fn digest(source: &FileSource) {
    let mut hasher = Hash::Sha256.hasher();
    source.stream(0, source.len(), &mut |piece| hasher.update(piece)).unwrap();
    std::hint::black_box(hasher.finish());
}

pub fn one_large_file(yard: &Yard) -> bool {
    let unsigned = yard.folder.join("unsigned.pdf");
    write(&unsigned).unwrap();
    let source = FileSource::open(&unsigned).unwrap();
    let output = yard.sign(&source);
    let whole = output.over(&source);
    let signed = yard.folder.join("large.pdf");
    let mut file = BufWriter::new(File::create(&signed).unwrap());
    whole.stream(0, whole.len(), &mut |piece| file.write_all(piece).unwrap()).unwrap();
    drop(file);
    drop(source);
    std::fs::remove_file(&unsigned).unwrap();

    println!("A PDF of 500 MB with one signature, from the disk; seconds of CPU");
    let list = yard.job("large.pdf").display().to_string();
    let root = yard.place("root.pem");
    let (crl, root_crl, signed) = (yard.place("issuing.crl"), yard.place("root.crl"), signed.display().to_string());
    let program = env!("CARGO_BIN_EXE_xinyin");
    let command =
        [program, "verify", "--offline", "--format", "json", "--at", NOW, "--trust", &root, "--crl", &crl, "--crl", &root_crl, &signed];
    let script = peers::root().join("tests/peers/pdf_judge.py").display().to_string();
    let python = yard.python.display().to_string();
    let (mut whole, mut within, mut hashing, mut memory) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for round in 1..=ROUNDS {
        // Both as processes, their start included; then both without it; and what the digest alone costs.
        let (theirs, _, within_theirs) = usage(yard, &[&python, &script, "--cpu", &list]);
        let (ours, peak, verdict) = usage(yard, &command);
        assert!(verdict.contains("\"TOTAL-PASSED\""), "{verdict}");
        let source = FileSource::open(Path::new(&signed)).unwrap();
        let within_ours = cpu_of(|| assert_eq!(yard.judge(&source).indication, Indication::Passed));
        let hash = cpu_of(|| digest(&source));
        let within_theirs: f64 = within_theirs.trim().parse().unwrap();
        memory = memory.max(peak);
        println!(
            "  round {round}: xinyin {ours:.3} ({within_ours:.3} without its start, {hash:.3} hashing)   \
             pyHanko {theirs:.3} ({within_theirs:.3})   share {:.2} ({:.2})   memory {peak} MiB",
            ours / theirs,
            within_ours / within_theirs
        );
        whole.push(ours / theirs);
        within.push(within_ours / within_theirs);
        hashing.push(hash / within_theirs);
    }
    let [whole, within, hashing] = [whole, within, hashing].map(median);
    println!("  without the programs' start {within:.2} of pyHanko's CPU; reading and hashing alone {hashing:.2}");
    let met = whole <= TARGET && memory <= MEMORY;
    println!("  median {whole:.2} of pyHanko's CPU, target {TARGET}; {memory} MiB, target {MEMORY}: {}", said(met));
    met
}
