//! Certification paths: building candidates, validating them, revocation (RFC 5280 §6, RFC 9618, RFC 6960, RFC 5937).
//!
//! [`validate`] answers one question ([`PathInput`]) with one [`PathResult`]; the same input gives the same answer, and no
//! input makes it work beyond its [`Limits`]. Everything found wrong with a path is told, not only the first thing, since
//! the judge weighs facts by time: a certificate that expired later, or was revoked later, was good before.

mod input;
mod result;

pub use input::{Anchor, Limits, PathInput, PolicyInput, Purpose, Revocation};
pub use result::{FaultKind, LinkFact, Outcome, PathFault, PathResult, RevocationEvidence, RevocationFact, Status};
