//! The stand-in province: registers, certification authority, time-stamping, phone gateway; spoken to only over the network.
//!
//! `docs/lab.md` describes its wire protocols. Nothing but `cli/lab.rs` and tests imports this room.

pub mod chaos;
pub mod clock;
pub mod inbox;
pub mod p12;
pub mod registry;
pub mod seed;
