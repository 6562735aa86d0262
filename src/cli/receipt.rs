//! `xinyin receipt verify`: is a receipt intact, whose is it, and since when does it exist? Asks nobody.

use crate::{
    files,
    moment::Moment,
    service::{
        receipt_check::{Checked, Standing, check},
        trust::{TrustStore, default_path},
        verify::Sources,
    },
    verify::Revocation,
    world::{Clock as _, SystemClock},
};
use std::{path::PathBuf, process::ExitCode};

/// Arguments of `xinyin receipt`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example:\n  xinyin receipt verify --trust service.pem --trust tsa-root.pem --document contract.pdf receipt.p7m\n\n\
Exit status: 0 the receipt holds, 1 a part of it does not, 2 it cannot be decided, 3 wrong use or it could not be read."
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Check a receipt offline, part by part
    Verify {
        /// The receipt
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The service's certificate, and an anchor of its time-stamps: PEM, DER, PKCS#7, or a folder (repeatable; default: the trust store)
        #[arg(long, value_name = "PATH")]
        trust: Vec<PathBuf>,
        /// The trust store; default: $XDG_DATA_HOME/xinyin/trust.json
        #[arg(long, env = "XINYIN_TRUST_STORE", value_name = "FILE")]
        store: Option<PathBuf>,
        /// Further certificates (repeatable)
        #[arg(long, value_name = "PATH")]
        cert: Vec<PathBuf>,
        /// Revocation lists (repeatable)
        #[arg(long, value_name = "PATH")]
        crl: Vec<PathBuf>,
        /// OCSP responses (repeatable)
        #[arg(long, value_name = "PATH")]
        ocsp: Vec<PathBuf>,
        /// An unknown revocation status: soft, told by nobody offline; hard, the time-stamp stays undecided
        #[arg(long, default_value = "soft", value_parser = ["hard", "soft"])]
        revocation: String,
        /// The document that the receipt should be about
        #[arg(long, value_name = "FILE")]
        document: Option<PathBuf>,
        /// The time for which it is asked (RFC 3339); default: now
        #[arg(long, value_name = "RFC3339")]
        at: Option<Moment>,
        /// text or json
        #[arg(long, default_value = "text", value_parser = ["text", "json"])]
        format: String,
    },
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    let json = matches!(&args.command, Command::Verify { format, .. } if format == "json");
    match verify(args.command) {
        Ok(checked) => {
            if json {
                println!("{}", serde_json::to_string(&checked).unwrap_or_default());
            } else {
                show(&checked);
            }
            ExitCode::from(match checked.status {
                Standing::Pass => 0,
                Standing::Fail => 1,
                Standing::Unknown => 2,
            })
        }
        Err(text) => {
            eprintln!("xinyin receipt: {text}");
            ExitCode::from(super::FAILED)
        }
    }
}

fn verify(command: Command) -> Result<Checked, String> {
    let Command::Verify { file, trust, store, cert, crl, ocsp, revocation, document, at, .. } = command;
    let octets = files::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let document = document.map(|path| files::read(&path).map_err(|error| format!("{}: {error}", path.display()))).transpose()?;
    let mut sources = Sources { trust, certificates: cert, crls: crl, ocsps: ocsp, ..Sources::default() };
    if sources.trust.is_empty() {
        let store = store.unwrap_or_else(default_path);
        sources.anchors = TrustStore::read(&store).and_then(|store| store.anchors()).map_err(|fault| fault.to_string())?;
    }
    let evidence = sources.load().map_err(|fault| fault.to_string())?;
    let revocation = if revocation == "soft" { Revocation::Soft } else { Revocation::Hard };
    Ok(check(&octets, &evidence, at.unwrap_or_else(|| SystemClock.now()), revocation, document.as_deref()))
}

fn show(checked: &Checked) {
    let word = match checked.status {
        Standing::Pass => "有效 valid",
        Standing::Fail => "无效 invalid",
        Standing::Unknown => "暂无法核验 undecided",
    };
    println!("核验回执 receipt: {word}");
    for (label, value) in [
        ("回执编号 id", &checked.id),
        ("签发服务 issuer", &checked.issuer),
        ("文件 document SHA-256", &checked.document_sha256),
        ("结论 indication", &checked.indication),
    ] {
        if let Some(value) = value {
            println!("  {label}: {}", value.escape_debug());
        }
    }
    for part in &checked.parts {
        let mark = match part.status {
            Standing::Pass => "✓",
            Standing::Fail => "✗",
            Standing::Unknown => "?",
        };
        println!("  {mark} {}: {}\n      {}", part.part, part.text, part.text_en);
    }
}
