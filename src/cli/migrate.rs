//! `xinyin migrate`: brings the database to this version.

use super::installation::{Format, Installation, run as run_async};
use crate::store::Store;
use crate::world::{SystemDice, World};
use std::process::ExitCode;
use std::sync::Arc;

/// Arguments of `xinyin migrate`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin migrate --config /etc/xinyin/xinyin.toml --dry-run\n\n\
    Back up first: an older program does not start on a newer schema.")]
pub struct Args {
    #[command(flatten)]
    installation: Installation,
    /// Say what would be applied, and apply nothing
    #[arg(long)]
    dry_run: bool,
    /// What stands on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    run_async("migrate", async {
        let config = args.installation.read()?;
        let store = Store::open(&config.database, World::sealer(&config, Arc::new(SystemDice))?).await?;
        let names = if args.dry_run { store.pending().await? } else { store.migrate().await? };
        store.close().await;
        match args.format {
            Format::Json => println!("{}", serde_json::json!({ "dry_run": args.dry_run, "migrations": names })),
            Format::Text => names.iter().for_each(|name| println!("{name}")),
        }
        let did = if args.dry_run { "would be applied 待执行" } else { "applied 已执行" };
        eprintln!("{} {did}", names.len());
        Ok(ExitCode::SUCCESS)
    })
}
