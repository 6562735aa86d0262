//! The pure rooms and the command line judged by others: vectors, foreign files, foreign programs.

#![allow(clippy::disallowed_methods)]

#[path = "../peers/mod.rs"]
mod peers;

mod foreign;
