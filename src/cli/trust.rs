//! `xinyin trust`: anchors and what they are trusted for.

use crate::{
    fault::Fault,
    service::trust::{TrustStore, certificates, default_path},
    verify::Purpose,
    world::{Clock as _, SystemClock},
};
use std::{path::PathBuf, process::ExitCode};

/// Arguments of `xinyin trust`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin trust import fjca-root.pem --purpose person --purpose organisation\n  xinyin trust list")]
pub struct Args {
    /// The trust store; default: $XDG_DATA_HOME/xinyin/trust.json
    #[arg(long, global = true, env = "XINYIN_TRUST_STORE", value_name = "FILE")]
    store: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Trust the certificates in files or folders (PEM, DER, PKCS#7)
    Import {
        /// Files or folders
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// What for: person, organisation, seal, timestamp, ocsp, device (repeatable)
        #[arg(long, required = true, value_name = "PURPOSE")]
        purpose: Vec<Purpose>,
        /// Import only if the one certificate has this SHA-256 (hexadecimal, colons allowed)
        #[arg(long, value_name = "HEX")]
        fingerprint: Option<String>,
    },
    /// Show what is trusted
    List {
        /// text or json
        #[arg(long, default_value = "text", value_parser = ["text", "json"])]
        format: String,
    },
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    let path = args.store.unwrap_or_else(default_path);
    let done = match args.command {
        Command::Import { files, purpose, fingerprint } => import(&path, &files, &purpose, fingerprint.as_deref()),
        Command::List { format } => list(&path, format == "json"),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("xinyin trust: {text}");
            ExitCode::from(super::FAILED)
        }
    }
}

fn import(path: &std::path::Path, files: &[PathBuf], purposes: &[Purpose], fingerprint: Option<&str>) -> Result<(), String> {
    let certificates = certificates(files).map_err(text)?;
    if let Some(wanted) = fingerprint {
        let wanted: String = wanted.chars().filter(|letter| letter.is_ascii_hexdigit()).collect::<String>().to_ascii_lowercase();
        let [certificate] = certificates.as_slice() else {
            return Err(format!("--fingerprint is for one certificate, {} were found; nothing was imported", certificates.len()));
        };
        let found = hex::encode(certificate.fingerprint_sha256());
        if found != wanted {
            return Err(format!("the certificate's SHA-256 is {found}, not {wanted}; nothing was imported"));
        }
    }
    let mut store = TrustStore::read(path).map_err(text)?;
    let new = store.add(&certificates, purposes, SystemClock.now());
    store.write(path).map_err(text)?;
    for certificate in &certificates {
        eprintln!("{}  {}", hex::encode(certificate.fingerprint_sha256()), certificate.subject().display());
    }
    eprintln!("{new} imported, {} known before; {}", certificates.len().saturating_sub(new), path.display());
    Ok(())
}

fn list(path: &std::path::Path, json: bool) -> Result<(), String> {
    let store = TrustStore::read(path).map_err(text)?;
    if json {
        println!("{}", serde_json::to_string(&store).map_err(|error| error.to_string())?);
        return Ok(());
    }
    for entry in &store.anchors {
        let purposes: Vec<&str> = entry.purposes.iter().map(|purpose| purpose.name()).collect();
        println!("{}  {}  {}  {}", entry.sha256, entry.added, purposes.join(","), entry.subject);
    }
    eprintln!("{} anchors in {}", store.anchors.len(), path.display());
    Ok(())
}

fn text(fault: Fault) -> String {
    fault.to_string()
}
