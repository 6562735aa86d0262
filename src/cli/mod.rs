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
mod extract;
mod init;
mod installation;
mod keys;
mod lab;
mod licence;
mod logging;
mod migrate;
mod preview;
mod receipt;
mod reports;
mod seal;
mod serve;
mod sign;
mod trust;
mod verify;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
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
    /// The keys that sign receipts
    Keys(keys::Args),
    /// Judge signed documents
    Verify(verify::Args),
    /// Check a receipt offline
    Receipt(receipt::Args),
    /// Judge one certificate path
    Cert(cert::Args),
    /// Sign a document
    Sign(Box<sign::Args>),
    /// Raise the level of the signatures that a document bears
    Extend(Box<extend::Args>),
    /// Write the revision of a PDF that a signature covers
    Extract(extract::Args),
    /// Draw pages of a PDF or OFD
    Preview(preview::Args),
    /// Electronic seals: make one, say what one says
    Seal(Box<seal::Args>),
    /// Electronic licences: types, issue, state, copies
    Licence(Box<licence::Args>),
    /// Let a browser page on this machine use the holder's own certificate key
    Connector(Box<connector::Args>),
}

/// The whole command line. A command's example stands in the help of each of its parts too.
fn command() -> clap::Command {
    Arguments::command().mut_subcommands(|command| match command.get_after_help().cloned() {
        Some(example) => command.mut_subcommands(|part| match part.get_after_help() {
            Some(_) => part,
            None => part.after_help(example.clone()),
        }),
        None => command,
    })
}

/// Reads the arguments and runs the command.
pub fn main() -> ExitCode {
    let parsed = command().try_get_matches().and_then(|matches| Arguments::from_arg_matches(&matches));
    let arguments = match parsed {
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
        Command::Keys(args) => keys::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Receipt(args) => receipt::run(args),
        Command::Cert(args) => cert::run(args),
        Command::Sign(args) => sign::run(&args),
        Command::Extend(args) => extend::run(&args),
        Command::Extract(args) => extract::run(&args),
        Command::Preview(args) => preview::run(&args),
        Command::Seal(args) => seal::run(&args),
        Command::Licence(args) => licence::run(*args),
        Command::Connector(args) => connector::run(*args),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_command_shows_an_example_of_itself() {
        fn walk(mut command: clap::Command, path: &str, shown: &mut usize) {
            let parts: Vec<_> = command.get_subcommands().filter(|part| part.get_name() != "help").cloned().collect();
            if parts.is_empty() {
                let help = command.render_help().to_string();
                assert!(help.contains("Example"), "`{path} --help` shows no example");
                let parent = path.rsplit_once(' ').map_or(path, |(parent, _)| parent);
                assert!(help.contains(path) || help.contains(parent), "the example of `{path}` is another command's");
                *shown += 1;
            }
            for part in parts {
                let path = format!("{path} {}", part.get_name());
                walk(part, &path, shown);
            }
        }
        let mut shown = 0;
        walk(super::command(), "xinyin", &mut shown);
        assert!(shown >= 15, "{shown}");
    }
}
