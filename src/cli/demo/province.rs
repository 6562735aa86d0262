//! The stand-in province as the demo sees it: a process of its own, known by what it wrote into `province.json`.

use super::place::Place;
use super::read;
use crate::fault::{Fault, code};
use serde::Deserialize;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

/// What `province.json` says and the demo uses.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Description {
    /// Origin of the public listener.
    pub public: String,
    /// The lab's pages.
    pub pages: Pages,
    /// How to reach each system, as it stands in a configuration.
    pub connectors: serde_json::Value,
    /// The hierarchies.
    pub authorities: Vec<Authority>,
    /// Time-stamping.
    pub timestamp_authorities: Vec<TimestampAuthority>,
    /// Test people.
    pub persons: Vec<Person>,
    /// Test organisations.
    pub organisations: Vec<Organisation>,
    /// Of every PKCS#12 file.
    pub p12_password: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Pages {
    pub inbox: String,
    pub inbox_json: String,
    pub clock: String,
    pub chaos: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Authority {
    pub family: String,
    pub root: PathBuf,
    pub crl: String,
    pub root_crl: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct TimestampAuthority {
    pub family: String,
    pub url: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Person {
    pub id: String,
    pub name: String,
    pub number: String,
    pub phone: Option<String>,
    pub certificates: Vec<Held>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Organisation {
    pub id: String,
    pub name: String,
    pub uscc: String,
    pub legal_representative: String,
    pub certificates: Vec<Held>,
}

/// A certificate with its key.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Held {
    pub family: String,
    #[serde(rename = "use")]
    pub usage: String,
    pub condition: String,
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub p12: PathBuf,
    pub chain: PathBuf,
}

/// The running lab. It ends when its standard input does: also where this process is killed.
pub(super) struct Lab {
    /// What it wrote.
    pub description: Description,
    child: Child,
    lifeline: Option<ChildStdin>,
}

/// How long the lab may take to make its keys and answer.
const PATIENCE: Duration = Duration::from_secs(120);

impl Lab {
    /// Starts the lab and waits until it answers.
    pub(super) async fn start(place: &Place) -> Result<Self, Fault> {
        let broken = |error: std::io::Error| Fault::new(code::SYSTEM).because(error);
        let program = std::env::current_exe().map_err(broken)?;
        let mut command = Command::new(program);
        command.args(["lab", "--stop-with-stdin", "--format", "json", "--port", &(place.port + 2).to_string()]);
        command.arg("--data").arg(place.folder.join("lab"));
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true).spawn().map_err(broken)?;
        let lifeline = child.stdin.take();
        let output = child.stdout.take().ok_or(Fault::new(code::SYSTEM))?;
        let mut line = String::new();
        let mut output = BufReader::new(output);
        match tokio::time::timeout(PATIENCE, output.read_line(&mut line)).await {
            Ok(Ok(1..)) => {}
            _ => return Err(Fault::new(code::SYSTEM).detail("the stand-in province did not start; its own words stand above")),
        }
        let odd = |error: serde_json::Error| Fault::new(code::SYSTEM).because(error);
        #[derive(Deserialize)]
        struct Announced {
            province: PathBuf,
        }
        let announced: Announced = serde_json::from_str(&line).map_err(odd)?;
        let description = serde_json::from_slice(&read(&announced.province)?).map_err(odd)?;
        Ok(Self { description, child, lifeline })
    }

    /// Ends it, gently first.
    pub(super) async fn stop(mut self) {
        drop(self.lifeline.take());
        if tokio::time::timeout(Duration::from_secs(5), self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}

impl Description {
    /// The person with this name in the lab's register.
    pub(super) fn person(&self, id: &str) -> Result<&Person, Fault> {
        let found = self.persons.iter().find(|person| person.id == id);
        found.ok_or_else(|| Fault::new(code::SYSTEM).detail(format!("the stand-in province knows no {id}")))
    }
}

impl Person {
    /// Their certificate for signing of this family in this condition.
    pub(super) fn held(&self, family: &str, condition: &str) -> Option<&Held> {
        self.certificates.iter().find(|held| held.family == family && held.usage == "signing" && held.condition == condition)
    }
}
