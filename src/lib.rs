//! xinyin (信印): real-name identity, cross-recognised sessions and electronic signatures for e-government.
//!
//! # The rooms
//!
//! Pure (no I/O, no clock, no randomness, not async): [`id`], [`crypto`], [`pki`], [`doc`], [`login`], [`sign`], [`verify`], `report`, `preview`, `licence`.
//! Doors (I/O, one thing each): `store`, `net`, `files`, `keys`, `province`. Conduct: `service`. Faces: `web`, `cli`.
//! `lab` is the stand-in province: a process of its own, reached only over the network.
//!
//! # Who may import whom
//!
//! faces → service → {pure, doors}. Among the pure: id, crypto ← pki ← doc ← verify ← {sign, report}, sign ← preview; login uses id, pki and verdicts; licence uses id, crypto and doc.
//! Doors import pure types, `net` for outbound calls and `files` for files; otherwise never one another. `tests/house.rs` enforces this table.
//! `docs/architecture.md` walks the three journeys through the files.

pub mod fault;
pub mod ids;
pub mod moment;

pub mod crypto;
pub mod doc;
pub mod id;
pub mod login;
pub mod pki;
pub mod sign;
pub mod verify;

pub mod files;
pub mod keys;

#[cfg(feature = "service")]
pub mod config;
#[cfg(feature = "service")]
pub mod jobs;
#[cfg(feature = "service")]
pub mod lab;
#[cfg(feature = "service")]
pub mod licence;
#[cfg(feature = "service")]
pub mod net;
#[cfg(feature = "service")]
pub mod preview;
#[cfg(feature = "service")]
pub mod province;
#[cfg(feature = "service")]
pub mod report;
#[cfg(feature = "service")]
pub mod service;
#[cfg(feature = "service")]
pub mod store;
#[cfg(feature = "service")]
pub mod web;
#[cfg(feature = "service")]
pub mod world;

#[cfg(feature = "service")]
pub mod cli;
