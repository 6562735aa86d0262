//! `xinyin init`: a new installation.

use super::installation::{Format, run as run_async};
use crate::ids::AgencyId;
use crate::service::install::{Plan, install};
use crate::world::{Clock, SystemClock};
use std::path::PathBuf;
use std::process::ExitCode;

/// Arguments of `xinyin init`.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example:\n  xinyin init --dir /etc/xinyin --issuer https://id.example.cn --agency lianjiang --agency-name 连江县行政服务中心\n  \
    xinyin init --dir /etc/xinyin --issuer https://id.example.cn --database postgres://xinyin@db.example.cn/xinyin"
)]
pub struct Args {
    /// The folder of the installation; made where it is missing
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The service's address as browsers see it
    #[arg(long, value_name = "URL", default_value = "http://localhost:8440")]
    issuer: String,
    /// Where the service listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8440")]
    listen: String,
    /// sqlite://PATH (one machine) or postgres://USER@HOST/NAME (many; the password comes from PGPASSWORD or PGPASSFILE)
    #[arg(long, value_name = "URL", default_value = "sqlite://xinyin.db")]
    database: String,
    /// Identifier of the agency that runs the service
    #[arg(long, value_name = "ID", default_value = "main")]
    agency: AgencyId,
    /// Its name
    #[arg(long, value_name = "NAME", default_value = "本机构")]
    agency_name: String,
    /// What stands on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    run_async("init", async {
        let plan = Plan {
            folder: args.dir,
            issuer: args.issuer,
            listen: args.listen,
            database: args.database,
            agency: args.agency,
            agency_name: args.agency_name,
            more: String::new(),
        };
        let config = install(&plan, SystemClock.now()).await?;
        let shown = config.display().to_string();
        match args.format {
            Format::Json => println!("{}", serde_json::json!({ "config": shown, "agency": plan.agency.as_str() })),
            Format::Text => println!("{shown}"),
        }
        eprintln!(
            "Installed 已安装. Next 接下来:\n  xinyin trust import CA.p7b --purpose person --config {shown}\n  xinyin client add --config {shown} portal.json\n  \
             xinyin doctor --config {shown}\n  xinyin serve --config {shown}\n\
             Keep a copy of keys.toml apart from the database 请将 keys.toml 另行备份，与数据库分开存放."
        );
        Ok(ExitCode::SUCCESS)
    })
}
