//! Conduct: the only place where pure meets doors.

mod acceptance;
pub mod anchors;
pub mod audit;
pub mod connector;
pub mod desk;
pub mod doctor;
pub mod evidence;
pub mod install;
pub mod licences;
pub mod log_in;
pub mod mandates;
pub mod policies;
pub mod portals;
pub mod preview;
pub mod prove;
pub mod raise;
pub mod receipt_check;
pub mod receipts;
pub mod reports;
pub mod seals;
pub mod sign;
pub mod signatures;
pub mod timestamp_client;
pub mod trust;
pub mod upkeep;
pub mod verifications;
pub mod verify;
