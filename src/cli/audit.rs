//! `xinyin audit verify`: is the audit log whole?

use super::installation::{Format, Installation, run as run_async};
use crate::service::audit;
use crate::store::Store;
use crate::world::{SystemDice, World};
use std::process::ExitCode;
use std::sync::Arc;

/// Arguments of `xinyin audit`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin audit verify --config /etc/xinyin/xinyin.toml\n\n\
    Status 0: whole; 1: rows were altered, deleted or written anew; each is named.")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Check every row against its hash, the rows against each other, the end against the head copies
    Verify {
        #[command(flatten)]
        installation: Installation,
        /// What stands on stdout
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    run_async("audit", async {
        let What::Verify { installation, format } = args.what;
        let config = installation.read()?;
        let store = Store::open(&config.database, World::sealer(&config, Arc::new(SystemDice))?).await?;
        let report = audit::check(&store, &config.data).await?;
        store.close().await;
        match format {
            Format::Json => println!("{}", serde_json::json!({ "whole": report.is_whole(), "report": report })),
            Format::Text => {
                report.problems.iter().for_each(|problem| println!("{problem}"));
                if report.more_problems > 0 {
                    println!("… and {} more 另有 {} 处", report.more_problems, report.more_problems);
                }
                let verdict = if report.is_whole() { "whole 完整" } else { "NOT whole 不完整" };
                println!("{} rows, {verdict}", report.rows);
                if let Some(head) = &report.head {
                    println!("head {} {}", head.seq, head.hash);
                }
                println!("{} head copies agree 链尾存证一致", report.checkpoints);
                if report.rows > 0 && report.checkpoints == 0 {
                    println!("without a head copy, deleted last rows cannot be seen 没有链尾存证，无法发现末尾删除");
                }
                if let Some(oldest) = report.oldest_unlinked {
                    println!("{} rows not linked yet, the oldest of {} 未入链", report.unlinked, oldest.beijing());
                }
                if report.erased > 0 {
                    println!("{} rows with lawfully erased personal parts 个人信息已依法删除", report.erased);
                }
            }
        }
        Ok(if report.is_whole() { ExitCode::SUCCESS } else { ExitCode::from(1) })
    })
}
