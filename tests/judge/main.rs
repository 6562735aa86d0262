//! The pure rooms and the command line judged by others: vectors, foreign files, foreign programs.

#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

#[path = "../peers/mod.rs"]
mod peers;

mod authority;
mod cert_cli;
mod certificates;
mod certval;
mod changes;
mod cms;
mod command;
mod connector;
mod corpus;
mod engine;
mod foreign;
mod gm_vectors;
mod limits;
mod lists;
mod mutants;
mod ofd;
mod ofd_altered;
mod ofd_signing;
mod ofd_smuggled;
mod path_seeds;
mod paths;
mod pdf_mutants;
mod pdf_seals;
mod pkits;
mod policies;
mod preview;
mod profile;
mod reports;
mod seal_peers;
mod seals;
mod separation;
mod shipped_anchors;
mod signing;
mod sofd;
mod status;
mod time;
mod verdicts;
mod wycheproof;
mod zip64;

use std::path::PathBuf;

/// The folder of foreign files beside the project; says plainly that the test was skipped where it is missing.
pub fn corpus(test: &str) -> Option<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED {test}: no folder ../shared/corpus beside the project");
    None
}
mod evidence_files;
mod fields;
mod hostile;
mod keys;
mod large;
mod levels;
mod licence;
mod pdf;
