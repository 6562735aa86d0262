//! Certification paths: building candidates, validating them, revocation (RFC 5280 §6, RFC 9618, RFC 6960, RFC 5937).
//!
//! [`validate`] answers one question ([`PathInput`]) with one [`PathResult`]; the same input gives the same answer, and no
//! input makes it work beyond its [`Limits`]. Everything found wrong with a path is told, not only the first thing, since
//! the judge weighs facts by time: a certificate that expired later, or was revoked later, was good before.

mod check;
mod input;
mod names;
mod policy;
mod profile;
mod purpose;
mod result;
mod revocation;
mod scope;
mod search;
mod work;

pub use input::{Anchor, Limits, PathInput, PolicyInput, Purpose, Revocation};
pub use result::{
    FaultKind, LinkFact, Outcome, PathFault, PathResult, RevocationEvidence, RevocationFact, StatementFact, StatementSource, Status,
};

/// Answers the question: is there a path from the leaf to an anchor that is good at this moment for this purpose?
pub fn validate(input: &PathInput<'_>) -> PathResult {
    search::search(&mut work::Work::new(input), input)
}
