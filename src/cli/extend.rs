//! `xinyin extend`: raise the level of the signatures that a document bears, or renew it.

use super::bench::BenchArgs;
use crate::doc::source::ByteSource;
use crate::fault::Fault;
use crate::files::{self, Access, FileSource};
use crate::service::raise::{Raising, raise};
use crate::sign::Level;
use crate::world::{SystemClock, SystemDice};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Arguments of `xinyin extend`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin extend --level B-LTA --tsa http://localhost:8442/tsa/p256 --trust root.pem \\\n    \
--allow http://localhost:8442 signed.pdf archived.pdf\n\nEvery signature must pass before and after. At B-LTA a document that is there already gets a further time-stamp.\n\
Exit status: 0 raised; 3 not raised, with one sentence that says why. OUT is written whole or not at all.")]
pub struct Args {
    /// The signed document: PDF, or CMS in DER
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where the raised document goes
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// B-T with time-stamps, B-LT with validation material too, B-LTA with a time-stamp over all of it
    #[arg(long, value_parser = ["B-T", "B-LT", "B-LTA"])]
    level: String,
    /// What a detached signature covers
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,
    /// Further certificates that may fill gaps in chains (repeatable)
    #[arg(long, value_name = "PATH")]
    cert: Vec<PathBuf>,
    #[command(flatten)]
    bench: BenchArgs,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    match extend(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("xinyin extend: {text}");
            ExitCode::from(super::FAILED)
        }
    }
}

fn extend(args: &Args) -> Result<(), String> {
    let told = |fault: Fault| format!("{fault} / {}", fault.code.remedy_en);
    let open = |path: &Path| -> Result<Arc<dyn ByteSource>, String> {
        Ok(Arc::new(FileSource::open(path).map_err(|error| format!("{}: {error}", path.display()))?))
    };
    let document = open(&args.input)?;
    let raising = Raising {
        document: Arc::clone(&document),
        content: args.content.as_deref().map(open).transpose()?,
        level: args.level.parse::<Level>().map_err(|refusal| refusal.to_string())?,
        bench: args.bench.bench(&args.cert)?,
        authority: args.bench.authority()?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let output = runtime.block_on(raise(&raising, &SystemClock, &SystemDice)).map_err(told)?;
    let written = files::write_atomic_from(&args.output, &output.over(&*document), Access::Public);
    written.map_err(|error| format!("{}: {error}", args.output.display()))
}
