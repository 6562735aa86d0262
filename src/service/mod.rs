//! Conduct: the only place where pure meets doors.

pub mod connector;
pub mod log_in;
pub mod trust;
pub mod verify;
