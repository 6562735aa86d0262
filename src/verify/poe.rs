//! Proofs of existence: since when each object is known to have existed (EN 319 102-1 §5.6.2.3).

pub use crate::doc::facts::Id;
use crate::moment::Moment;
use std::collections::HashMap;

/// A proof of existence: when, its latest moment, its name on the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Proof {
    pub time: Moment,
    /// The time with its accuracy added.
    pub latest: Moment,
    /// `signature-timestamp`, `document-timestamp`, `archive`.
    pub source: &'static str,
}

/// The set of proofs. Of an object that is not in it only the moment of looking proves that it exists.
#[derive(Debug, Default)]
pub(super) struct Poes(HashMap<Id, Proof>);

impl Poes {
    /// Adds a proof; the earliest counts.
    pub fn add(&mut self, id: Id, proof: Proof) {
        let known = self.0.entry(id).or_insert(proof);
        if proof.latest < known.latest {
            *known = proof;
        }
    }

    /// The proof for an object.
    pub fn get(&self, id: &Id) -> Option<Proof> {
        self.0.get(id).copied()
    }

    /// The moment by which an object is known to have existed; never later than the moment of looking.
    pub fn by(&self, id: &Id, looking: Moment) -> Moment {
        self.0.get(id).map_or(looking, |proof| proof.latest.min(looking))
    }
}
