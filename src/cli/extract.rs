//! `xinyin extract`: write the revision of a PDF that a signature covers.

use crate::doc::pdf::extract::signed_length;
use crate::doc::source::ByteSource;
use crate::files::{self, Access, FileSource};
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `xinyin extract`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin extract --signature Signature1 contract.pdf as-signed.pdf\n\n\
Exit status: 0 written; 3 not written, with one sentence that says why. OUT is written whole or not at all.")]
pub struct Args {
    /// Which signature, as `xinyin verify` calls it
    #[arg(long, value_name = "ID")]
    signature: String,
    /// The signed document (PDF)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where its signed revision goes
    #[arg(value_name = "OUT")]
    output: PathBuf,
}

/// The first octets of a file.
struct Head<'a> {
    whole: &'a dyn ByteSource,
    length: u64,
}

impl ByteSource for Head<'_> {
    fn len(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if offset.checked_add(buffer.len() as u64).is_none_or(|end| end > self.length) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.whole.read_at(offset, buffer)
    }
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    match extract(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("xinyin extract: {text}");
            ExitCode::from(super::FAILED)
        }
    }
}

fn extract(args: &Args) -> Result<(), String> {
    let source = FileSource::open(&args.input).map_err(|error| format!("{}: {error}", args.input.display()))?;
    let length = signed_length(&source, &args.signature).map_err(|error| format!("{}: {error}", args.input.display()))?;
    let written = files::write_atomic_from(&args.output, &Head { whole: &source, length }, Access::Public);
    written.map_err(|error| format!("{}: {error}", args.output.display()))
}
