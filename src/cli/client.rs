//! `xinyin client`: portals that delegate login.

use super::installation::{Format, Installation, run as run_async};
use crate::fault::{Fault, code};
use crate::ids::{AgencyId, ClientId};
use crate::service::portals;
use crate::world::World;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `xinyin client`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin client add --config /etc/xinyin/xinyin.toml portal.json\n\n\
    portal.json: {\"client_name\":\"网上办事大厅\",\"redirect_uris\":[\"https://hall.example.cn/callback\"],\"release\":{\"name\":true}}")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Register a portal from its description; its secret is shown this once
    Add {
        #[command(flatten)]
        place: Place,
        /// The portal's description, JSON
        #[arg(value_name = "PORTAL.json")]
        description: PathBuf,
    },
    /// List an agency's portals
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Give a portal a new secret; the old one stays good for a while
    Rotate {
        #[command(flatten)]
        place: Place,
        /// The portal's client_id
        #[arg(value_name = "CLIENT_ID")]
        id: ClientId,
        /// Hours for which the old secret stays good
        #[arg(long, value_name = "HOURS", default_value_t = 24)]
        overlap: u32,
    },
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

impl Place {
    async fn open(&self) -> Result<(World, AgencyId), Fault> {
        let world = World::open(self.installation.read()?).await?;
        let agency = self.agency.clone().unwrap_or_else(|| world.config.agency.clone());
        Ok((world, agency))
    }

    fn print(&self, id: &ClientId, secret: Option<&SecretString>) {
        let secret = secret.map(ExposeSecret::expose_secret);
        match self.format {
            Format::Json => println!("{}", serde_json::json!({ "client_id": id.as_str(), "client_secret": secret })),
            Format::Text => {
                println!("client_id      {id}");
                secret.iter().for_each(|secret| println!("client_secret  {secret}"));
            }
        }
        if secret.is_some() {
            eprintln!("The secret is shown this once 密钥仅显示这一次，请妥善保存.");
        }
    }
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    run_async("client", async {
        match args.what {
            What::Add { place, description } => {
                let bytes = crate::files::read(&description)
                    .map_err(|error| Fault::new(code::FILE).detail(format!("{}: {error}", description.display())))?;
                let (world, agency) = place.open().await?;
                let registered = portals::add(&world, &agency, &bytes).await?;
                place.print(&registered.id, registered.secret.as_ref());
            }
            What::Rotate { place, id, overlap } => {
                let (world, agency) = place.open().await?;
                let secret = portals::rotate(&world, &agency, &id, Duration::from_secs(u64::from(overlap) * 3600)).await?;
                place.print(&id, Some(&secret));
            }
            What::List { place } => {
                let (world, agency) = place.open().await?;
                let listed = portals::list(&world, &agency).await?;
                match place.format {
                    Format::Json => {
                        let rows: Vec<_> = listed
                            .iter()
                            .map(|client| {
                                serde_json::json!({
                                    "client_id": client.id.as_str(), "name": client.name, "settings": client.settings,
                                    "created_at": client.created_at, "disabled_at": client.disabled_at,
                                })
                            })
                            .collect();
                        println!("{}", serde_json::json!({ "agency": agency.as_str(), "clients": rows }));
                    }
                    Format::Text => {
                        for client in listed {
                            let state = if client.disabled_at.is_some() { "disabled 已停用" } else { "" };
                            println!("{}  {}  {state}", client.id, client.name);
                        }
                    }
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
