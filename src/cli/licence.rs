//! `xinyin licence`: electronic licences (电子证照), from their type to their end.

use super::installation::{Format, Installation, run as run_async};
use crate::fault::{Fault, code};
use crate::files::{self, Access};
use crate::ids::AgencyId;
use crate::licence::state::Act;
use crate::licence::{Application, parse_day, state::start_of};
use crate::moment::Moment;
use crate::service::licences::{self, CopyOrder, Order, Replacement, RowState};
use crate::service::verifications::Asker;
use crate::world::World;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Arguments of `xinyin licence`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  xinyin licence type --config xinyin.toml food-business.toml\n  \
xinyin licence issue --config xinyin.toml --type 11100000000013338W901 --out licences application.json\n  \
xinyin licence status --config xinyin.toml 1.2.156.3005.2.…\n  \
xinyin licence revoke --config xinyin.toml --kind voided --reason 以欺骗手段取得 1.2.156.3005.2.…\n  \
xinyin licence bulk --config xinyin.toml --type 11100000000013338W901 --batch 2026-11 rows.csv > report.jsonl\n\n\
application.json: {\"holders\":[{\"name\":\"…\",\"number\":\"…\"}],\"fields\":{\"KZ_JYCS\":\"…\"}}\n\n\
Exit status: 0 done; 1 (status) not in force, (bulk) some row was refused; 3 wrong use, or nothing was done, with one sentence that says why.")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Args, Debug)]
struct Place {
    #[command(flatten)]
    installation: Installation,
    /// The agency; the one that runs the service, if not given
    #[arg(long, value_name = "ID")]
    agency: Option<AgencyId>,
    /// What stands on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Register a licence type from its definition; list the types without one
    Type {
        #[command(flatten)]
        place: Place,
        /// The definition
        #[arg(value_name = "TYPE.toml")]
        definition: Option<PathBuf>,
    },
    /// Issue one licence
    Issue {
        #[command(flatten)]
        place: Place,
        /// Type code
        #[arg(long = "type", value_name = "CODE")]
        kind: String,
        /// Number of the agent who applies, where that is not the first holder: a file that holds it
        #[arg(long, value_name = "FILE")]
        applicant: Option<PathBuf>,
        /// The same request under the same key is issued once
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// Folder for the files
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
        /// What is applied for, JSON
        #[arg(value_name = "APPLICATION.json")]
        application: PathBuf,
    },
    /// Say the state of a licence and what was decided about it
    Status {
        #[command(flatten)]
        place: Place,
        /// Its identifier
        #[arg(value_name = "IDENTIFIER")]
        identifier: String,
    },
    /// Issue the next version in its place: a correction, a renewal, a lost one
    Replace {
        #[command(flatten)]
        place: Place,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// What the new one says, JSON; what the old one says, if not given
        #[arg(long, value_name = "APPLICATION.json")]
        application: Option<PathBuf>,
        /// The same request under the same key is issued once
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// Folder for the files
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
        /// Identifier of the old one
        #[arg(value_name = "IDENTIFIER")]
        identifier: String,
    },
    /// It does not count for the time being (暂停); with --resume it counts again (恢复)
    Suspend {
        #[command(flatten)]
        place: Place,
        /// It counts again
        #[arg(long)]
        resume: bool,
        #[command(flatten)]
        decision: Decision,
    },
    /// End it: voided 撤销 (void from the start), revoked 吊销, withdrawn 撤回, cancelled 注销 (from a day on)
    Revoke {
        #[command(flatten)]
        place: Place,
        /// Which end
        #[arg(long, value_parser = ["voided", "revoked", "withdrawn", "cancelled"])]
        kind: String,
        #[command(flatten)]
        decision: Decision,
    },
    /// Make an annotated copy (加注件) for one use
    Copy {
        #[command(flatten)]
        place: Place,
        /// For what
        #[arg(long, value_name = "TEXT")]
        purpose: String,
        /// Who uses it
        #[arg(long, value_name = "NAME")]
        maker: String,
        /// Until when (RFC 3339)
        #[arg(long, value_name = "RFC3339")]
        until: Moment,
        /// Folder for the files
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
        /// Identifier of the licence
        #[arg(value_name = "IDENTIFIER")]
        identifier: String,
    },
    /// Issue one licence for each row of a CSV file; the same file and batch go on where they stopped
    Bulk {
        #[command(flatten)]
        place: Place,
        /// Type code
        #[arg(long = "type", value_name = "CODE")]
        kind: String,
        /// Name of the batch
        #[arg(long, value_name = "NAME")]
        batch: String,
        /// The rows
        #[arg(value_name = "ROWS.csv")]
        rows: PathBuf,
    },
}

#[derive(clap::Args, Debug)]
struct Decision {
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// From when it counts: a day (2026-11-24, Beijing) or a time; now, if not given
    #[arg(long, value_name = "DAY|RFC3339")]
    from: Option<String>,
    /// Identifier of the licence
    #[arg(value_name = "IDENTIFIER")]
    identifier: String,
}

impl Place {
    async fn open(&self) -> Result<(Arc<World>, Asker), Fault> {
        let world = World::open(self.installation.read()?).await?;
        let agency = self.agency.clone().unwrap_or_else(|| world.config.agency.clone());
        Ok((Arc::new(world), Asker::operator(agency)))
    }

    fn print(&self, json: &serde_json::Value, text: &str) {
        match self.format {
            Format::Json => println!("{json}"),
            Format::Text => println!("{text}"),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    files::read(path).map_err(|error| Fault::new(code::FILE).detail(format!("{}: {error}", path.display())))
}

fn application(path: &Path) -> Result<Application, Fault> {
    // The parser's message may quote what it read: only the place is told.
    serde_json::from_slice(&read(path)?).map_err(|error| {
        let text = format!("{}: line {}, column {}: not an application", path.display(), error.line(), error.column());
        Fault::new(code::LICENCE_APPLICATION).detail(text)
    })
}

async fn write_files(world: &World, asker: &Asker, identifier: &str, out: Option<&Path>) -> Result<Vec<String>, Fault> {
    let Some(folder) = out else { return Ok(Vec::new()) };
    let mut written = Vec::new();
    for format in ["ofd", "pdf"] {
        let Some(file) = licences::file(world, asker.agency(), identifier, format).await? else { continue };
        written.push(write(folder, &format!("{identifier}.{format}"), &file.body)?);
    }
    Ok(written)
}

fn write(folder: &Path, name: &str, octets: &[u8]) -> Result<String, Fault> {
    let path = folder.join(name);
    let failed = |error: std::io::Error| Fault::new(code::FILE).detail(format!("{}: {error}", path.display()));
    files::folder(folder, Access::Private).map_err(failed)?;
    files::write_atomic(&path, octets, Access::Private).map_err(failed)?;
    Ok(path.display().to_string())
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    run_async("licence", async { work(args.what).await })
}

async fn work(what: What) -> Result<ExitCode, Fault> {
    match what {
        What::Type { place, definition } => types(&place, definition.as_deref()).await,
        What::Issue { place, kind, applicant, key, out, application: path } => {
            let applied = application(&path)?;
            let applicant = applicant.map(|path| read(&path)).transpose()?.map(|octets| String::from_utf8_lossy(&octets).trim().to_owned());
            let (world, asker) = place.open().await?;
            let order = Order { kind: &kind, application: applied, applicant: applicant.as_deref(), key: key.as_deref(), row: None };
            let issued = licences::issue(&world, &asker, &order).await?;
            let written = write_files(&world, &asker, &issued.identifier, out.as_deref()).await?;
            told(&place, &issued, &written);
            Ok(ExitCode::SUCCESS)
        }
        What::Replace { place, reason, application: path, key, out, identifier } => {
            let applied = path.as_deref().map(application).transpose()?;
            let (world, asker) = place.open().await?;
            let wish = Replacement { identifier: &identifier, application: applied, reason: &reason, key: key.as_deref() };
            let issued = licences::replace(&world, &asker, &wish).await?;
            let written = write_files(&world, &asker, &issued.identifier, out.as_deref()).await?;
            told(&place, &issued, &written);
            Ok(ExitCode::SUCCESS)
        }
        What::Status { place, identifier } => {
            let (world, asker) = place.open().await?;
            let status = licences::status(&world, asker.agency(), &identifier).await?;
            show(&place, &status)?;
            Ok(ExitCode::from(u8::from(status.state != "in-force")))
        }
        What::Suspend { place, resume, decision } => decide(&place, if resume { Act::Resumed } else { Act::Suspended }, &decision).await,
        What::Revoke { place, kind, decision } => {
            let act = kind.parse().map_err(|()| Fault::new(code::BAD_REQUEST))?;
            decide(&place, act, &decision).await
        }
        What::Copy { place, purpose, maker, until, out, identifier } => {
            let (world, asker) = place.open().await?;
            let order = CopyOrder { identifier: &identifier, purpose: &purpose, maker: &maker, until };
            let copy = licences::copy(&world, &asker, &order).await?;
            let mut written = Vec::new();
            for file in &copy.files {
                written.push(write(&out, &format!("{identifier}.copy-{}.{}", copy.id, file.format), &file.body)?);
            }
            place.print(&serde_json::json!({ "copy": copy.id, "files": written }), &written.join("\n"));
            Ok(ExitCode::SUCCESS)
        }
        What::Bulk { place, kind, batch, rows } => bulk(&place, &kind, &batch, &rows).await,
    }
}

async fn types(place: &Place, definition: Option<&Path>) -> Result<ExitCode, Fault> {
    let text = definition
        .map(read)
        .transpose()?
        .map(|octets| String::from_utf8(octets).map_err(|_| Fault::new(code::LICENCE_TYPE).detail("the file is not UTF-8")));
    let text = text.transpose()?;
    let (world, asker) = place.open().await?;
    let listed = match text {
        Some(text) => vec![licences::register(&world, &asker, &text).await?],
        None => licences::types(&world, asker.agency()).await?,
    };
    for one in listed {
        let json = serde_json::json!({ "code": one.code, "name": one.name, "revision": one.revision, "created_at": one.created_at });
        place.print(&json, &format!("{}  {}  第 {} 版 revision", one.code, one.name, one.revision));
    }
    Ok(ExitCode::SUCCESS)
}

fn told(place: &Place, issued: &licences::Issued, written: &[String]) {
    let json =
        serde_json::json!({ "identifier": issued.identifier, "check": issued.address, "repeated": issued.repeated, "files": written });
    place.print(&json, format!("{}\n{}", issued.identifier, written.join("\n")).trim_end());
}

async fn decide(place: &Place, act: Act, decision: &Decision) -> Result<ExitCode, Fault> {
    let from = decision.from.as_deref().map(|text| {
        let day = || parse_day(text).map(start_of);
        text.parse().ok().or_else(day).ok_or_else(|| Fault::new(code::BAD_REQUEST).detail("--from: a day or time is expected"))
    });
    let from = from.transpose()?;
    let (world, asker) = place.open().await?;
    let status = licences::act(&world, &asker, &decision.identifier, act, &decision.reason, from).await?;
    show(place, &status)?;
    Ok(ExitCode::SUCCESS)
}

fn show(place: &Place, status: &licences::Status) -> Result<(), Fault> {
    let json = serde_json::to_value(status).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let mut text =
        format!("{}\n  {} · {} {} · 自 since {}", status.identifier, status.name, status.state_zh, status.state, status.since.beijing());
    if !status.reason.is_empty() {
        text.push_str(&format!("\n  原因 reason: {}", status.reason));
    }
    if let Some(next) = &status.replaced_by {
        text.push_str(&format!("\n  已由 replaced by: {next}"));
    }
    for event in &status.events {
        text.push_str(&format!("\n  {} {} {} {} {}", event.effective.beijing(), event.act_zh, event.act, event.reason, event.actor));
    }
    place.print(&json, &text);
    Ok(())
}

async fn bulk(place: &Place, kind: &str, batch: &str, rows: &Path) -> Result<ExitCode, Fault> {
    let file = files::open_to_read(rows).map_err(|error| Fault::new(code::FILE).detail(format!("{}: {error}", rows.display())))?;
    let (world, asker) = place.open().await?;
    let json = place.format == Format::Json;
    let tally = licences::bulk(&world, &asker, kind, batch, file, |row| {
        if json || row.state == RowState::Refused {
            println!("{}", serde_json::to_string(row).unwrap_or_default());
        }
        if row.line % 100 == 0 {
            eprintln!("第 {} 行 line", row.line);
        }
    });
    let tally = tally.await?;
    eprintln!("颁发 issued {} · 此前已颁发 issued before {} · 未颁发 refused {}", tally.issued, tally.before, tally.refused);
    Ok(ExitCode::from(u8::from(tally.refused > 0)))
}
