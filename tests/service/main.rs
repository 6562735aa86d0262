//! The service as it runs: store, pages, login, stand-in province, demo. Real processes and databases.

#![allow(clippy::disallowed_methods)]

#[path = "../peers/mod.rs"]
mod peers;

mod running;
