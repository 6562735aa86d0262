//! `xinyin keys`: the keys that sign receipts, listed and rotated.

use super::installation::{Format, Installation, run as run_async};
use crate::service::receipts;
use crate::world::World;
use std::process::ExitCode;

/// Arguments of `xinyin keys`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin keys rotate --config /etc/xinyin/xinyin.toml\n\n\
    Receipts that a retired key signed stay good: check them with its certificate, which `list` and the service keep giving.")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Every key that signs or signed receipts, the newest first
    List {
        #[command(flatten)]
        installation: Installation,
        /// What stands on stdout
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Retire the key that signs receipts now and make another
    Rotate {
        #[command(flatten)]
        installation: Installation,
        /// What stands on stdout
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    run_async("keys", async {
        let (installation, format) = match &args.what {
            What::List { installation, format } | What::Rotate { installation, format } => (installation, *format),
        };
        let world = World::open(installation.read()?).await?;
        if let What::Rotate { .. } = &args.what {
            receipts::rotate(&world).await?;
        }
        let keys = receipts::keys(&world).await?;
        match format {
            Format::Json => println!("{}", serde_json::json!({ "receipt_keys": keys })),
            Format::Text => {
                for key in keys {
                    let state = key.retired_at.map_or("signs now 现用".to_owned(), |at| format!("retired 已停用 {}", at.beijing()));
                    println!("{}  {}  {state}", key.certificate_sha256, key.created_at.beijing());
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
