//! What a register of seals knows of a seal: when it was put on record (备案), when it came into force, when that was suspended or
//! ended. One function says what held at a moment. GB/T 38540-2020; 国务院关于在线政务服务的若干规定 §9.

use crate::moment::Moment;
use serde::{Deserialize, Serialize};

/// What a seal's entry says from some moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// It may be used.
    Active,
    /// It may not be used for the time being.
    Suspended,
    /// It may never be used again.
    Revoked,
}

/// An entry and the moment it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// What holds.
    pub state: Entry,
    /// From when.
    pub since: Moment,
}

/// What a register says of a seal that it knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// From when it is on record; `None`: it is not.
    pub filed: Option<Moment>,
    /// Begin of the seal's validity.
    pub valid_from: Moment,
    /// Its end.
    pub valid_until: Moment,
    /// Its history.
    pub turns: Vec<Turn>,
}

/// What held of a seal at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// On record, and it might be used.
    InForce,
    /// It might not be used for the time being.
    Suspended,
    /// It might never be used again.
    Revoked,
    /// Its validity had ended.
    Expired,
    /// Nobody shows that it was on record then.
    NotShown,
    /// Whoever knows could not be asked.
    Unknown,
}

impl Standing {
    /// As verdicts spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InForce => "in-force",
            Self::Suspended => "suspended",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::NotShown => "not-shown",
            Self::Unknown => "unknown",
        }
    }
}

impl Record {
    /// What held at a moment. What ended a seal counts from its own date on whatever was written later, and whether or not the
    /// seal was on record; that it was in force takes all of: on record, brought into force, inside its validity.
    pub fn standing(&self, at: Moment) -> Standing {
        if self.ended(at).is_some() {
            return Standing::Revoked;
        }
        match self.turn(at).map(|turn| turn.state) {
            Some(Entry::Suspended) => return Standing::Suspended,
            None | Some(Entry::Revoked) => return Standing::NotShown,
            Some(Entry::Active) => {}
        }
        if at > self.valid_until {
            return Standing::Expired;
        }
        if at < self.valid_from || self.filed.is_none_or(|filed| filed > at) {
            return Standing::NotShown;
        }
        Standing::InForce
    }

    /// Since when the seal is revoked at a moment.
    pub fn ended(&self, at: Moment) -> Option<Moment> {
        self.turns.iter().filter(|turn| turn.state == Entry::Revoked && turn.since <= at).map(|turn| turn.since).min()
    }

    /// The latest turn by then; of those of one moment the one written last.
    pub fn turn(&self, at: Moment) -> Option<Turn> {
        self.turns.iter().filter(|turn| turn.since <= at).max_by_key(|turn| turn.since).copied()
    }

    /// Whether the seal could be used at every moment of a span: nothing suspended or ended it in between.
    pub fn unbroken(&self, from: Moment, until: Moment) -> bool {
        let inside = |turn: &&Turn| turn.since > from && turn.since <= until;
        self.standing(from) == Standing::InForce && self.turns.iter().filter(inside).all(|turn| turn.state == Entry::Active)
    }
}

/// What one source said of one seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealStatus {
    /// SHA-256 of the seal's octets, lower-case hexadecimal.
    pub seal: String,
    /// Who was asked.
    pub source: String,
    /// When.
    pub asked: Moment,
    /// What was said.
    pub said: Said,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// It could not be asked, or its answer could not be believed.
    Nothing,
    /// It does not know the seal.
    NotOnRecord,
    /// What it has on record.
    Record(Record),
    /// What somebody's file says that it has on record: it can only speak against the seal.
    Told(Record),
}

impl Said {
    /// What held at a moment, as far as it was said.
    pub fn standing(&self, at: Moment) -> Standing {
        match self {
            Self::Nothing => Standing::Unknown,
            Self::NotOnRecord => Standing::NotShown,
            Self::Record(record) => record.standing(at),
            Self::Told(record) => match record.standing(at) {
                Standing::InForce => Standing::NotShown,
                against => against,
            },
        }
    }
}

impl SealStatus {
    /// The same as a file tells it that anybody could have written: it never shows that a seal was in force.
    #[must_use]
    pub fn told(self) -> Self {
        let said = match self.said {
            Said::Record(record) | Said::Told(record) => Said::Told(record),
            other => other,
        };
        Self { said, ..self }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(secs: i64) -> Moment {
        Moment::from_secs(secs)
    }

    fn record(turns: &[(Entry, i64)]) -> Record {
        let turns = turns.iter().map(|(state, since)| Turn { state: *state, since: at(*since) }).collect();
        Record { filed: Some(at(10)), valid_from: at(5), valid_until: at(100), turns }
    }

    #[test]
    fn a_seals_life_as_of_each_moment() {
        use Entry::{Active, Revoked, Suspended};
        let life = record(&[(Active, 8), (Suspended, 30), (Active, 40), (Revoked, 60)]);
        for (moment, standing) in [
            (0, Standing::NotShown),
            (8, Standing::NotShown),
            (10, Standing::InForce),
            (29, Standing::InForce),
            (30, Standing::Suspended),
            (39, Standing::Suspended),
            (40, Standing::InForce),
            (59, Standing::InForce),
            (60, Standing::Revoked),
            (1000, Standing::Revoked),
        ] {
            assert_eq!(life.standing(at(moment)), standing, "{moment}");
        }
        let aged = record(&[(Active, 8)]);
        assert_eq!((aged.standing(at(100)), aged.standing(at(101))), (Standing::InForce, Standing::Expired));
        let unfiled = Record { filed: None, ..aged };
        assert_eq!(unfiled.standing(at(50)), Standing::NotShown);
        // Revoked as of an earlier day than the suspension that was lifted.
        let backdated = record(&[(Active, 8), (Suspended, 30), (Active, 40), (Revoked, 20)]);
        assert_eq!((backdated.standing(at(19)), backdated.standing(at(45))), (Standing::InForce, Standing::Revoked));
        assert!(life.unbroken(at(10), at(29)) && !life.unbroken(at(10), at(45)) && life.unbroken(at(40), at(59)));
    }

    fn turns() -> impl Strategy<Value = Vec<(Entry, i64)>> {
        let entry = prop_oneof![Just(Entry::Active), Just(Entry::Suspended), Just(Entry::Revoked)];
        proptest::collection::vec((entry, 0..120i64), 0..8)
    }

    proptest! {
        /// In force takes all of it; once revoked, always revoked; what happens later changes nothing that was.
        #[test]
        fn in_force_is_never_claimed_without_its_reasons(turns in turns(), filed in proptest::option::of(0..120i64), moment in 0..140i64) {
            let life = Record { filed: filed.map(at), ..record(&turns) };
            let standing = life.standing(at(moment));
            if standing == Standing::InForce {
                prop_assert!(filed.is_some_and(|filed| filed <= moment) && (5..=100).contains(&moment));
                prop_assert!(turns.iter().any(|(state, since)| *state == Entry::Active && *since <= moment));
                prop_assert!(!turns.iter().any(|(state, since)| *state == Entry::Revoked && *since <= moment));
            }
            if standing == Standing::Revoked {
                prop_assert_eq!(life.standing(at(moment + 1)), Standing::Revoked);
            }
            let past: Vec<_> = turns.iter().copied().filter(|(_, since)| *since <= moment).collect();
            let known_then = Record { filed: filed.map(at), ..record(&past) };
            prop_assert_eq!(known_then.standing(at(moment)), standing);
        }
    }
}
