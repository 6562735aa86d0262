//! `xinyin trust`: anchors and what they are trusted for.

use crate::{
    config::Config,
    fault::{Fault, code},
    moment::Moment,
    pki::Certificate,
    service::{
        anchors,
        trust::{TrustStore, certificates, default_path},
    },
    verify::{AnchorRow, Purpose, RowKind},
    world::{Clock as _, SystemClock, World},
};
use std::{path::PathBuf, process::ExitCode};

/// Arguments of `xinyin trust`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin trust import fjca-root.pem --purpose person --purpose organisation\n  xinyin trust list\n  \
    xinyin trust import fjca-root.pem --purpose person --licence ECP35020300000 --licence-from 2020-01-01 --licence-until 2029-12-31\n  \
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
        #[command(flatten)]
        records: Box<Records>,
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

/// What is recorded of the imported anchors. Dates are RFC 3339, or a day that begins and ends in Beijing.
#[derive(clap::Args, Debug)]
struct Records {
    /// Number of the authority's licence (电子认证服务许可证)
    #[arg(long, value_name = "NUMBER")]
    licence: Option<String>,
    /// From when the licence holds
    #[arg(long, value_name = "DATE", requires = "licence", value_parser = first_moment)]
    licence_from: Option<Moment>,
    /// The last day of the licence
    #[arg(long, value_name = "DATE", requires = "licence", value_parser = last_moment)]
    licence_until: Option<Moment>,
    /// Number of the authority's qualification for e-government (电子政务电子认证服务资质)
    #[arg(long, value_name = "NUMBER")]
    egov: Option<String>,
    /// From when the qualification holds
    #[arg(long, value_name = "DATE", requires = "egov", value_parser = first_moment)]
    egov_from: Option<Moment>,
    /// The last day of the qualification
    #[arg(long, value_name = "DATE", requires = "egov", value_parser = last_moment)]
    egov_until: Option<Moment>,
    /// From when the purposes are served; before, the anchor is none
    #[arg(long, value_name = "DATE", value_parser = first_moment)]
    purpose_from: Option<Moment>,
    /// The last day on which the purposes are served
    #[arg(long, value_name = "DATE", value_parser = last_moment)]
    purpose_until: Option<Moment>,
    /// Since when the anchor is trusted no more; signatures that are proven to be older stand
    #[arg(long, value_name = "DATE", value_parser = first_moment)]
    withdrawn: Option<Moment>,
}

impl Records {
    fn rows(&self, purposes: &[Purpose]) -> Result<Vec<AnchorRow>, String> {
        let row = |kind, what: &str, from, until| AnchorRow { kind, what: Some(what.to_owned()), from, until };
        let licence = self.licence.iter().map(|number| row(RowKind::Licence, number, self.licence_from, self.licence_until));
        let mut rows: Vec<AnchorRow> = licence.collect();
        rows.extend(self.egov.iter().map(|number| row(RowKind::Egov, number, self.egov_from, self.egov_until)));
        if self.purpose_from.is_some() || self.purpose_until.is_some() {
            let dated = purposes.iter().map(|purpose| row(RowKind::Purpose, purpose.name(), self.purpose_from, self.purpose_until));
            rows.extend(dated);
        }
        rows.extend(self.withdrawn.map(|since| AnchorRow { kind: RowKind::Withdrawn, what: None, from: Some(since), until: None }));
        let printable = |text: &String| (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if rows.iter().filter_map(|row| row.what.as_ref()).any(|what| !printable(what)) {
            return Err("a number of 1 to 100 printable characters is expected".to_owned());
        }
        match rows.iter().find(|row| row.from.zip(row.until).is_some_and(|(from, until)| until <= from)) {
            Some(row) => Err(format!("--{}-until lies before --{0}-from", row.kind.name())),
            None => Ok(rows),
        }
    }
}

/// The first moment of a day in Beijing, or the moment itself.
fn first_moment(text: &str) -> Result<Moment, String> {
    let whole = if text.len() == 10 { format!("{text}T00:00:00+08:00") } else { text.to_owned() };
    whole.parse().map_err(|_| "a date is expected, such as 2026-11-23 or 2026-11-23T08:00:00+08:00".to_owned())
}

/// The end of a day in Beijing, or the moment itself.
fn last_moment(text: &str) -> Result<Moment, String> {
    let first = first_moment(text)?;
    Ok(if text.len() == 10 { first.plus(std::time::Duration::from_secs(24 * 3600)) } else { first })
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    if let Some(config) = args.config {
        return super::installation::run("trust", installed(config, args.command));
    }
    let path = args.store.unwrap_or_else(default_path);
    let done = match args.command {
        Command::Import { files, purpose, fingerprint, records } => {
            records.rows(&purpose).and_then(|rows| import(&path, &files, &purpose, &rows, fingerprint.as_deref()))
        }
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
        Command::Import { files, purpose, fingerprint, records } => {
            let rows = records.rows(&purpose).map_err(|what| Fault::new(code::BAD_REQUEST).detail(what))?;
            let certificates = certificates(&files)?;
            pinned(&certificates, fingerprint.as_deref()).map_err(|what| Fault::new(code::BAD_REQUEST).detail(what))?;
            anchors::add(&world.store, &certificates, &purpose, &rows, world.config.demo, world.clock.now()).await?
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
                    "rows": anchor.rows,
                })
            })
            .collect();
        println!("{}", serde_json::json!({ "anchors": rows }));
    } else {
        for anchor in &shown {
            println!("{}  {}  {}  {}", anchor.sha256, anchor.added_at, anchor.purposes.join(","), anchor.subject);
            print_rows(&anchor.rows);
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

/// The rows of an anchor, one a line below it.
fn print_rows(rows: &[AnchorRow]) {
    for row in rows {
        let time = |moment: Option<Moment>| moment.map_or_else(|| "…".to_owned(), |moment| moment.to_string());
        println!("    {}  {}  {} – {}", row.kind.name(), row.what.as_deref().unwrap_or("—"), time(row.from), time(row.until));
    }
}

fn import(
    path: &std::path::Path,
    files: &[PathBuf],
    purposes: &[Purpose],
    rows: &[AnchorRow],
    fingerprint: Option<&str>,
) -> Result<(), String> {
    let certificates = certificates(files).map_err(text)?;
    pinned(&certificates, fingerprint)?;
    let mut store = TrustStore::read(path).map_err(text)?;
    let new = store.add(&certificates, purposes, rows, SystemClock.now());
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
        print_rows(&entry.rows);
    }
    eprintln!("{} anchors in {}", store.anchors.len(), path.display());
    Ok(())
}

fn text(fault: Fault) -> String {
    fault.to_string()
}
