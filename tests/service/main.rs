//! The service as it runs: store, pages, login, stand-in province, demo. Real processes and databases.

#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

#[path = "../peers/mod.rs"]
mod peers;

mod acceptance;
mod account_sessions;
mod audit;
mod browser;
mod browser_lite;
mod cas;
mod evidence_files;
mod holder_signatures;
mod house;
mod lab;
mod lab_certificates;
mod lab_connectors;
mod levels;
mod licences;
mod logout_notices;
mod mandates;
mod oidc;
mod oidc_refresh;
mod oidc_refusals;
mod openidconnect_rp;
mod operator;
mod passkeys;
mod postgres;
mod previews;
mod proofs;
mod readme;
mod receipts;
mod routes;
mod running;
mod seals;
mod signing;
mod store;
mod store_races;
mod verifications;
mod webdriver;
mod writes;
