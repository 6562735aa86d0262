//! `xinyin demo`.

mod client;
mod portal;

use std::process::ExitCode;

/// Arguments of `xinyin demo`.
#[derive(clap::Args, Debug)]
pub struct Args {}

/// Runs the command.
pub fn run(_args: Args) -> ExitCode {
    super::not_built("demo")
}
