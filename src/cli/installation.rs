//! What the operator's commands share: the configuration option, the runtime, output in text or JSON.

use crate::config::Config;
use crate::fault::Fault;
use std::path::PathBuf;
use std::process::ExitCode;

/// `--config FILE`.
#[derive(clap::Args, Debug)]
pub struct Installation {
    /// The configuration file that `xinyin init` made
    #[arg(long, value_name = "FILE", env = "XINYIN_CONFIG")]
    config: PathBuf,
}

impl Installation {
    /// Reads and checks it.
    pub fn read(&self) -> Result<Config, Fault> {
        Config::read(&self.config)
    }
}

/// How results are printed on stdout.
#[derive(clap::ValueEnum, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object.
    Json,
}

/// Runs an operator's command to its end and says its fault on stderr.
pub fn run(command: &str, work: impl Future<Output = Result<ExitCode, Fault>>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => Err(Fault::new(crate::fault::code::SYSTEM).because(error)),
    };
    outcome.unwrap_or_else(|fault| failed(command, &fault))
}

/// One sentence that says what happened, one that says what to do.
pub fn failed(command: &str, fault: &Fault) -> ExitCode {
    eprintln!("xinyin {command}: {fault}");
    if let Some(cause) = fault.cause() {
        eprintln!("  {cause:#}");
    }
    eprintln!("  {} {}", fault.code.remedy_zh, fault.code.remedy_en);
    ExitCode::from(super::FAILED)
}
