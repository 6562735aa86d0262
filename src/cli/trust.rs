//! `xinyin trust`: anchors and what they are trusted for.

use crate::{
    config::Config,
    fault::{Fault, code},
    pki::Certificate,
    service::{
        anchors,
        trust::{TrustStore, certificates, default_path},
    },
    verify::Purpose,
    world::{Clock as _, SystemClock, World},
};
use std::{path::PathBuf, process::ExitCode};

/// Arguments of `xinyin trust`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin trust import fjca-root.pem --purpose person --purpose organisation\n  xinyin trust list\n  \
    xinyin trust import fjca-root.pem --purpose person --config /etc/xinyin/xinyin.toml")]
pub struct Args {
    /// The trust store of this command line; default: $XDG_DATA_HOME/xinyin/trust.json
    #[arg(long, global = true, env = "XINYIN_TRUST_STORE", value_name = "FILE")]
    store: Option<PathBuf>,
    /// The anchors of an installation, in place of this command line's: its configuration file
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
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
    /// Trust a certificate of an installation no more; verdicts given before stand
    Remove {
        /// Its SHA-256, as `list` shows it
        #[arg(value_name = "HEX")]
        sha256: String,
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
    if let Some(config) = args.config {
        return super::installation::run("trust", installed(config, args.command));
    }
    let path = args.store.unwrap_or_else(default_path);
    let done = match args.command {
        Command::Import { files, purpose, fingerprint } => import(&path, &files, &purpose, fingerprint.as_deref()),
        Command::Remove { .. } => Err("remove is for an installation: name it with --config".to_owned()),
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

/// The same over the anchors of an installation.
async fn installed(config: PathBuf, command: Command) -> Result<ExitCode, Fault> {
    let world = World::open(Config::read(&config)?).await?;
    let json = matches!(&command, Command::List { format } if format == "json");
    let shown = match command {
        Command::Import { files, purpose, fingerprint } => {
            let certificates = certificates(&files)?;
            pinned(&certificates, fingerprint.as_deref()).map_err(|what| Fault::new(code::BAD_REQUEST).detail(what))?;
            anchors::add(&world.store, &certificates, &purpose, world.config.demo, world.clock.now()).await?
        }
        Command::Remove { sha256 } => {
            anchors::remove(&world, &sha256.to_ascii_lowercase()).await?;
            Vec::new()
        }
        Command::List { .. } => anchors::list(&world).await?,
    };
    if json {
        let rows: Vec<_> = shown
            .iter()
            .map(|anchor| {
                serde_json::json!({
                    "sha256": anchor.sha256, "subject": anchor.subject, "purposes": anchor.purposes, "added": anchor.added_at, "lab": anchor.is_lab,
                })
            })
            .collect();
        println!("{}", serde_json::json!({ "anchors": rows }));
    } else {
        for anchor in &shown {
            println!("{}  {}  {}  {}", anchor.sha256, anchor.added_at, anchor.purposes.join(","), anchor.subject);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the one certificate is the one that was meant.
fn pinned(certificates: &[Certificate], fingerprint: Option<&str>) -> Result<(), String> {
    let Some(wanted) = fingerprint else { return Ok(()) };
    let wanted: String = wanted.chars().filter(|letter| letter.is_ascii_hexdigit()).collect::<String>().to_ascii_lowercase();
    let [certificate] = certificates else {
        return Err(format!("--fingerprint is for one certificate, {} were found; nothing was imported", certificates.len()));
    };
    let found = hex::encode(certificate.fingerprint_sha256());
    if found == wanted { Ok(()) } else { Err(format!("the certificate's SHA-256 is {found}, not {wanted}; nothing was imported")) }
}

fn import(path: &std::path::Path, files: &[PathBuf], purposes: &[Purpose], fingerprint: Option<&str>) -> Result<(), String> {
    let certificates = certificates(files).map_err(text)?;
    pinned(&certificates, fingerprint)?;
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
