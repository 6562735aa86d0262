//! The register of seals at the operator's console.

use crate::cli::installation::{Format, Installation, run as run_async};
use crate::fault::{Fault, code};
use crate::ids::{AgencyId, SealId};
use crate::moment::Moment;
use crate::service::seals::{self, Actor, SealView};
use crate::sign::seal::register::Purpose;
use crate::world::World;
use serde_json::json;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args, Debug)]
pub(super) struct Place {
    #[command(flatten)]
    installation: Installation,
    /// The agency; the one that runs the service, if not given
    #[arg(long, value_name = "ID")]
    agency: Option<AgencyId>,
    /// What stands on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

impl Place {
    async fn open(&self) -> Result<(World, Actor), Fault> {
        let world = World::open(self.installation.read()?).await?;
        let agency = self.agency.clone().unwrap_or_else(|| world.config.agency.clone());
        Ok((world, Actor::operator(agency)))
    }
}

#[derive(clap::Subcommand, Debug)]
pub(super) enum What {
    /// List an agency's seals
    #[command(after_help = "Example:\n  xinyin seal list --config xinyin.toml --format json")]
    List {
        #[command(flatten)]
        place: Place,
    },
    /// What held of a seal at a moment; exit status 0 in force, 1 not, 2 nobody shows it or can be asked
    #[command(
        after_help = "Example:\n  xinyin seal status --config xinyin.toml --at 2026-03-10T02:00:00Z 01999a3e-7c1b-7d52-9d0a-3f5b8c2e6a10"
    )]
    Status {
        #[command(flatten)]
        place: Place,
        /// The seal's id in the register
        #[arg(value_name = "SEAL")]
        seal: SealId,
        /// The moment (RFC 3339); default: now
        #[arg(long, value_name = "RFC3339")]
        at: Option<Moment>,
    },
    /// Ask to take in a seal that was made elsewhere; a clerk of the agency approves it at the desk
    #[command(after_help = "Example:\n  xinyin seal import --config xinyin.toml --purpose approval approval.esl")]
    Import {
        #[command(flatten)]
        place: Place,
        /// What it is for: official, approval, service, licence, contract, finance, invoice, representative
        #[arg(long, value_name = "PURPOSE")]
        purpose: String,
        /// The seal
        #[arg(value_name = "FILE.esl")]
        file: PathBuf,
    },
    /// Suspend a seal: from now on it is used for nothing
    #[command(after_help = "Example:\n  xinyin seal suspend --config xinyin.toml --reason 遗失待查 01999a3e-7c1b-7d52-9d0a-3f5b8c2e6a10")]
    Suspend {
        #[command(flatten)]
        place: Place,
        /// The seal's id in the register
        #[arg(value_name = "SEAL")]
        seal: SealId,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Revoke a seal for good
    #[command(after_help = "Example:\n  xinyin seal revoke --config xinyin.toml --reason 机构撤并 01999a3e-7c1b-7d52-9d0a-3f5b8c2e6a10")]
    Revoke {
        #[command(flatten)]
        place: Place,
        /// The seal's id in the register
        #[arg(value_name = "SEAL")]
        seal: SealId,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Since when (RFC 3339), not before it came into force; default: now
        #[arg(long, value_name = "RFC3339")]
        since: Option<Moment>,
    },
}

pub(super) fn run(what: &What) -> ExitCode {
    run_async("seal", async {
        match what {
            What::List { place } => {
                let (world, actor) = place.open().await?;
                let mut after: Option<SealId> = None;
                loop {
                    let seals = seals::list(&world, actor.agency(), after.as_ref()).await?;
                    for seal in &seals {
                        match place.format {
                            Format::Json => println!("{}", json!(SealView::from(seal))),
                            Format::Text => println!(
                                "{}  {}  {}  {}  {} – {}  {}",
                                seal.id,
                                seal.es_id,
                                seal.name,
                                seal.state.as_str(),
                                seal.valid_from,
                                seal.valid_until,
                                seal.filing.as_deref().unwrap_or("未备案 not on record")
                            ),
                        }
                    }
                    match seals.last() {
                        Some(last) => after = Some(last.id.clone()),
                        None => return Ok(ExitCode::SUCCESS),
                    }
                }
            }
            What::Status { place, seal, at } => {
                let (world, actor) = place.open().await?;
                let at = at.unwrap_or_else(|| world.clock.now());
                let standing = seals::in_force(&world, actor.agency(), seal, at).await?.name();
                match place.format {
                    Format::Json => println!("{}", json!({ "seal": seal, "at": at, "status": standing })),
                    Format::Text => println!("{standing}"),
                }
                Ok(ExitCode::from(match standing {
                    "in-force" => 0,
                    "not-shown" | "unknown" => 2,
                    _ => 1,
                }))
            }
            What::Import { place, purpose, file } => {
                let octets =
                    crate::files::read(file).map_err(|error| Fault::new(code::FILE).detail(format!("{}: {error}", file.display())))?;
                let names = || Purpose::ALL.iter().map(|each| each.as_str()).collect::<Vec<_>>().join(", ");
                let purpose = purpose.parse().map_err(|()| Fault::new(code::BAD_REQUEST).detail(format!("--purpose: {}", names())))?;
                let (world, actor) = place.open().await?;
                let (seal, request) = seals::ask_import(&world, &actor, &octets, purpose).await?;
                match place.format {
                    Format::Json => println!("{}", json!({ "seal": seal, "request": request })),
                    Format::Text => println!("{seal}\n{}/desk/seals/{}/requests/{request}", world.config.issuer, actor.agency()),
                }
                Ok(ExitCode::SUCCESS)
            }
            What::Suspend { place, seal, reason } => {
                let (world, actor) = place.open().await?;
                seals::suspend(&world, &actor, seal, reason).await.map(|()| ExitCode::SUCCESS)
            }
            What::Revoke { place, seal, reason, since } => {
                let (world, actor) = place.open().await?;
                seals::revoke(&world, &actor, seal, *since, reason).await.map(|()| ExitCode::SUCCESS)
            }
        }
    })
}
