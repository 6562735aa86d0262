//! `xinyin doctor`: what is wrong with this installation.

use super::installation::{Format, Installation, run as run_async};
use crate::service::doctor::{Light, examine};
use std::process::ExitCode;

/// Arguments of `xinyin doctor`.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  xinyin doctor --config /etc/xinyin/xinyin.toml\n\nStatus 0: nothing is red; 1: something is.")]
pub struct Args {
    #[command(flatten)]
    installation: Installation,
    /// What stands on stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    run_async("doctor", async {
        let findings = examine(&args.installation.read()?).await;
        let worst = findings.iter().map(|finding| finding.light).max().unwrap_or(Light::Green);
        match args.format {
            Format::Json => println!("{}", serde_json::json!({ "light": worst, "findings": findings })),
            Format::Text => {
                for finding in &findings {
                    let light = match finding.light {
                        Light::Green => "green  正常",
                        Light::Yellow => "yellow 注意",
                        Light::Red => "red    故障",
                    };
                    println!("{light}  {:<14} {}", finding.check, finding.text);
                    if let Some(remedy) = &finding.remedy {
                        println!("{:28}→ {remedy}", "");
                    }
                }
            }
        }
        Ok(if worst == Light::Red { ExitCode::from(1) } else { ExitCode::SUCCESS })
    })
}
