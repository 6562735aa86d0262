//! Foreign programs that the tests call. scripts/peers installs them; an absent one fails where `CI` is set, elsewhere the
//! test says that it was skipped and a line is added to target/skipped.txt, which `make test` counts.

#![allow(dead_code)]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Says that a test did not run, and why; fails where `CI` is set.
pub fn skip(test: &str, why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{test}: {why}; in CI nothing may be skipped (run scripts/peers)");
    eprintln!("SKIPPED {test}: {why}");
    let file = OpenOptions::new().create(true).append(true).open(root().join("target/skipped.txt"));
    if let Ok(mut file) = file {
        let _ = writeln!(file, "{test}: {why}");
    }
}

/// A program of the system, or `None` (counted as a skip) where it is absent.
pub fn program(test: &str, name: &str) -> Option<PathBuf> {
    let found =
        std::env::var_os("PATH").map(|path| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file()));
    let found = found.flatten();
    if found.is_none() {
        skip(test, &format!("{name} is not installed"));
    }
    found
}

/// Something that scripts/peers puts under target/peers.
pub fn peer(test: &str, path: &str) -> Option<PathBuf> {
    let found = root().join("target/peers").join(path);
    if found.exists() {
        return Some(found);
    }
    skip(test, &format!("{path} is not installed"));
    None
}

/// The Python of the foreign judges.
pub fn python(test: &str) -> Option<PathBuf> {
    peer(test, "venv/bin/python")
}

/// A limit is there to end a hanging test, not to measure: a machine that is busy with other tests gets its time.
const PATIENCE: u64 = 180;

/// Runs a command to its end, at most `seconds` long (or [`PATIENCE`], if that is longer); fails the test where it hangs.
pub fn run(command: &mut Command, seconds: u64) -> Output {
    let seconds = seconds.max(PATIENCE);
    let shown = format!("{command:?}");
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.unwrap_or_else(|error| panic!("{shown}: {error}"));
    let id = child.id();
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    match receiver.recv_timeout(Duration::from_secs(seconds)) {
        Ok(output) => output.unwrap_or_else(|error| panic!("{shown}: {error}")),
        Err(_) => {
            let _ = Command::new("kill").arg("-9").arg(id.to_string()).status();
            panic!("{shown} ran longer than {seconds} s");
        }
    }
}

/// Both streams of an output as text, for messages.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Waits until something is there.
pub fn wait_for<T>(what: &str, seconds: u64, mut probe: impl FnMut() -> Option<T>) -> T {
    let seconds = seconds.max(PATIENCE);
    let start = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(seconds), "waited {seconds} s for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// One answer of a foreign judge that reads a list of jobs.
#[derive(Debug)]
pub struct Answer {
    /// Whether it said yes.
    pub yes: bool,
    /// Its words.
    pub words: String,
}

fn answers(output: &Output, jobs: usize) -> Vec<Answer> {
    let text = String::from_utf8_lossy(&output.stdout);
    let answers: Vec<_> = text.lines().map(|line| Answer { yes: line.starts_with("yes"), words: line.to_string() }).collect();
    assert_eq!(answers.len(), jobs, "the judge did not answer every job:\n{}", said(output));
    answers
}

fn list(folder: &Path, name: &str, jobs: &[Vec<String>]) -> PathBuf {
    let path = folder.join(name);
    let lines: String = jobs.iter().map(|job| job.join("\t") + "\n").collect();
    std::fs::write(&path, lines).expect("the list of jobs");
    path
}

/// BouncyCastle's answers (tests/java/Judge.java), or `None` where Java or its jars are absent.
pub fn bouncy_castle(test: &str, folder: &Path, jobs: &[Vec<String>]) -> Option<Vec<Answer>> {
    let java = program(test, "java")?;
    let jars: Vec<_> = ["bcprov", "bcpkix", "bcutil"].iter().map(|jar| format!("/usr/share/java/{jar}.jar")).collect();
    if let Some(absent) = jars.iter().find(|jar| !Path::new(jar).exists()) {
        skip(test, &format!("{absent} is not installed"));
        return None;
    }
    let list = list(folder, "java-jobs.txt", jobs);
    let source = root().join("tests/java/Judge.java");
    let output = run(Command::new(java).arg("-cp").arg(jars.join(":")).arg(source).arg(list), 120);
    Some(answers(&output, jobs.len()))
}

/// The answers of a Python judge under tests/peers, or `None` where it is not installed.
pub fn python_judge(test: &str, script: &str, folder: &Path, jobs: &[Vec<String>]) -> Option<Vec<Answer>> {
    let python = python(test)?;
    let list = list(folder, &format!("{script}-jobs.txt"), jobs);
    let output = run(Command::new(python).arg(root().join("tests/peers").join(script)).arg(list), 120);
    Some(answers(&output, jobs.len()))
}
