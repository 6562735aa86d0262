//! `xinyin lab`.

use crate::{
    lab::{self, Options},
    world::SystemClock,
};
use anyhow::Context as _;
use std::{io::Write as _, path::PathBuf, process::ExitCode};
use tokio::signal::unix::{SignalKind, signal};

/// Arguments of `xinyin lab`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin lab --data ./lab --port 8450 --chaos slow-ocsp.json\n\n\
    slow-ocsp.json: {\"rules\":[{\"endpoint\":\"ocsp\",\"delay_ms\":8000}]}\n\n\
    DIR/province.json then names every address, key file and test account.")]
pub struct Args {
    /// The lab's folder: keys, registers, province.json; made where it is missing
    #[arg(long, value_name = "DIR", default_value = "xinyin-lab")]
    data: PathBuf,
    /// Port for certificates, CRL, OCSP, time-stamping and the lab's pages; the next one takes mutual TLS (0: any)
    #[arg(long, value_name = "P", default_value_t = 8450)]
    port: u16,
    /// Misbehave from the start: delays, drops, cut and wrong answers
    #[arg(long, value_name = "FILE")]
    chaos: Option<PathBuf>,
    /// Stop when stdin is closed, too: whoever started this lab has ended
    #[arg(long, hide = true)]
    stop_with_stdin: bool,
    /// What stands on stdout once the lab answers
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Json,
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    match serve(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xinyin lab: {error:#}");
            ExitCode::from(super::FAILED)
        }
    }
}

fn serve(args: &Args) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn,xinyin=info".into());
    // A subscriber that is there already serves as well.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(super::logging::Masked).with_ansi(false).try_init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no threads")?;
    let outcome = runtime.block_on(async {
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        let mut told_to_stop = Box::pin(async {
            tokio::select! {
                _ = interrupted.recv() => {}
                _ = terminated.recv() => {}
                () = stdin_closed(args.stop_with_stdin) => {}
            }
        });
        let options = Options { data: args.data.clone(), port: args.port, chaos: args.chaos.clone() };
        let running = tokio::select! {
            running = lab::start(&options, Box::new(SystemClock)) => running?,
            () = &mut told_to_stop => return Ok(()),
        };
        // Whoever started it may have closed stdout: the addresses stand in province.json, and the lab goes on.
        if let Err(error) = announce(args.format, &running) {
            eprintln!("xinyin lab: the addresses could not be printed ({error}); they stand in {}", running.file.display());
        }
        told_to_stop.await;
        eprintln!("xinyin lab: stopping");
        running.stop().await;
        Ok(())
    });
    // Keys in the making are not waited for; a first start that was cut short begins anew.
    runtime.shutdown_background();
    outcome
}

/// Ends when nobody holds the other end of stdin any more; never where that is not asked for.
async fn stdin_closed(asked: bool) {
    if !asked {
        return std::future::pending().await;
    }
    let (closed, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = closed.send(());
    });
    let _ = wait.await;
}

/// One JSON object on one line, or the addresses for people.
fn announce(format: Format, running: &lab::Running) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let description = &running.description;
    match format {
        Format::Json => {
            let line = serde_json::json!({
                "public": description.public,
                "secure": description.secure,
                "inbox": description.pages.inbox,
                "clock": description.pages.clock,
                "chaos": description.pages.chaos,
                "province": running.file,
            });
            writeln!(out, "{line}")?;
        }
        Format::Text => {
            writeln!(out, "模拟省级平台已就绪 · The stand-in province answers")?;
            writeln!(out, "  公开地址 public          {}/", description.public)?;
            writeln!(out, "  双向 TLS mutual TLS      {}", description.secure)?;
            writeln!(out, "  收件箱 inbox             {}", description.pages.inbox)?;
            writeln!(out, "  时钟 clock               {}", description.pages.clock)?;
            writeln!(out, "  全部信息 everything else {}", running.file.display())?;
        }
    }
    Ok(out.flush()?)
}
