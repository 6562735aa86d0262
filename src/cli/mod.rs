//! The command line: one file for a command.
//!
//! Exit status: 0 good; 1 a definite no; 2 cannot be decided; 3 wrong use, or the system failed.

mod audit;
mod bench;
mod cert;
mod client;
mod connector;
mod demo;
mod doctor;
mod extend;
mod init;
mod installation;
mod lab;
mod logging;
mod migrate;
mod serve;
mod sign;
mod trust;
mod verify;

use clap::Parser;
use std::process::ExitCode;

/// Wrong use, or the system failed.
pub const FAILED: u8 = 3;

/// 信印 xinyin: real-name identity, cross-recognised sessions, electronic signatures.
#[derive(Parser, Debug)]
#[command(name = "xinyin", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Run everything on this machine: service, stand-in province, sample portal
    Demo(demo::Args),
    /// Run the service
    Serve(serve::Args),
    /// Run the stand-in provincial platform
    Lab(lab::Args),
    /// Prepare a new installation: configuration, keys, database
    Init(init::Args),
    /// Say what is wrong with this installation
    Doctor(doctor::Args),
    /// Bring the database to this version
    Migrate(migrate::Args),
    /// Trust anchors and their purposes
    Trust(trust::Args),
    /// Portals that delegate login
    Client(client::Args),
    /// Is the audit log whole?
    Audit(audit::Args),
    /// Judge signed documents
    Verify(verify::Args),
    /// Judge one certificate path
    Cert(cert::Args),
    /// Sign a document
    Sign(Box<sign::Args>),
    /// Raise the level of the signatures that a document bears
    Extend(Box<extend::Args>),
    /// Let a browser page on this machine use the holder's own certificate key
    Connector(Box<connector::Args>),
}

/// Reads the arguments and runs the command.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; wrong use is status 3, not clap's 2.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(FAILED) } else { ExitCode::SUCCESS };
        }
    };
    match arguments.command {
        Command::Demo(args) => demo::run(args),
        Command::Serve(args) => serve::run(args),
        Command::Lab(args) => lab::run(args),
        Command::Init(args) => init::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Migrate(args) => migrate::run(args),
        Command::Trust(args) => trust::run(args),
        Command::Client(args) => client::run(args),
        Command::Audit(args) => audit::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Cert(args) => cert::run(args),
        Command::Sign(args) => sign::run(&args),
        Command::Extend(args) => extend::run(&args),
        Command::Connector(args) => connector::run(*args),
    }
}
