//! `xinyin cert`.

use std::process::ExitCode;

/// Arguments of `xinyin cert`.
#[derive(clap::Args, Debug)]
pub struct Args {}

/// Runs the command.
pub fn run(_args: Args) -> ExitCode {
    super::not_built("cert")
}
