//! A running demo: the program as people start it, on free ports, with its data in a folder that goes away.

use crate::peers;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// The demo while it runs; ended when dropped.
pub struct Demo {
    child: Child,
    /// Where it keeps everything.
    pub data: PathBuf,
    /// What it printed at its start.
    pub info: Value,
    /// Its first port.
    pub port: u16,
    log: std::sync::Arc<std::sync::Mutex<String>>,
}

/// A port with its next three free, too.
pub fn free_ports() -> u16 {
    for _ in 0..1000 {
        let Ok(first) = TcpListener::bind("127.0.0.1:0") else { continue };
        let Ok(port) = first.local_addr().map(|address| address.port()) else { continue };
        if port < 65_000 && (1..5).all(|n| TcpListener::bind(("127.0.0.1", port + n)).is_ok()) {
            return port;
        }
    }
    panic!("no five free ports in a row");
}

/// The program under test.
pub fn xinyin() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xinyin"));
    command.env_remove("RUST_LOG").stdin(Stdio::null());
    command
}

impl Demo {
    /// Starts a demo with its data under `data`, on free ports.
    pub fn start(data: &Path) -> Self {
        Self::start_on(data, free_ports())
    }

    /// Starts a demo on a port.
    pub fn start_on(data: &Path, port: u16) -> Self {
        let mut command = xinyin();
        command.args(["demo", "--format", "json", "--port", &port.to_string()]).arg("--data").arg(data);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let log = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
        let mut errors = child.stderr.take().expect("a pipe");
        let sink = log.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = errors.read(&mut buffer) {
                sink.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        let output = child.stdout.take().expect("a pipe");
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(output).read_line(&mut line);
            let _ = sender.send(line);
        });
        let line = receiver.recv_timeout(Duration::from_secs(180)).unwrap_or_default();
        let info = serde_json::from_str(&line).unwrap_or_else(|error| {
            let _ = child.kill();
            let _ = child.wait();
            panic!("the demo printed {line:?} ({error})\n{}", log.lock().unwrap());
        });
        Self { child, data: data.to_path_buf(), info, port, log }
    }

    /// A text of what the demo printed, by JSON pointer.
    pub fn text(&self, pointer: &str) -> String {
        let found = self.info.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("{pointer} in {:#}", self.info)).to_owned()
    }

    /// An address of the service.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.text("/issuer"))
    }

    /// What it wrote on stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Ctrl-C, and its exit status.
    pub fn stop(mut self) -> ExitStatus {
        self.interrupt();
        peers::wait_for("the demo to stop", 30, || self.child.try_wait().expect("a child"))
    }

    /// Stops the demo and searches its disk and its log for the numbers and phones of the test people. The lab's folder is left
    /// out (it is the province and must know them), and the documents, which bear their signers' certificates as everywhere.
    pub fn stop_and_search(self) {
        let accounts = self.info["accounts"].as_array().cloned().unwrap_or_default();
        let known = |name: &str| accounts.iter().filter_map(|a| a[name].as_str().map(str::to_owned)).collect::<Vec<_>>();
        let people = [known("number"), known("phone")].concat();
        assert!(people.len() > 4);
        let (data, log) = (self.data.clone(), self.log.clone());
        assert!(self.stop().success());
        let log = log.lock().unwrap().clone();
        let mut found = Vec::new();
        files(&data, &mut found);
        found.retain(|(path, _)| !path.starts_with(data.join("lab")) && !path.starts_with(data.join("documents")));
        assert!(found.iter().any(|(path, octets)| path.ends_with("xinyin.db") && octets.len() > 4096));
        for number in people {
            assert!(!log.contains(&number), "a number stands in the log");
            for (path, octets) in &found {
                let readable = octets.windows(number.len()).any(|window| window == number.as_bytes());
                assert!(!readable, "a number stands in {}", path.display());
            }
        }
    }

    fn interrupt(&self) {
        let _ = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
    }
}

/// Every file under a folder, with its octets.
fn files(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let octets = std::fs::read(&path).unwrap();
            found.push((path, octets));
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            self.interrupt();
            for _ in 0..100 {
                if !self.child.try_wait().is_ok_and(|status| status.is_none()) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        if std::thread::panicking() {
            eprintln!("--- the demo's log\n{}", self.log());
        }
    }
}
