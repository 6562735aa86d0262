//! The life of a seal in the register: what may follow what, and what its history says of a moment.

use crate::moment::Moment;
use crate::verify::register::{Entry, Record, Turn};

macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$each:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $type { $($(#[$each])* $variant),* }

        impl $type {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As stores and interfaces spell it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }

        impl std::str::FromStr for $type {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(Self::$variant),)* _ => Err(()) }
            }
        }
    };
}

named! {
    /// What a seal is for. The words are those that stand on seals.
    Purpose {
        /// 公章: the organisation itself.
        Official = "official",
        /// 行政审批专用章
        Approval = "approval",
        /// 政务服务专用章
        Service = "service",
        /// 电子证照专用章
        Licence = "licence",
        /// 合同专用章
        Contract = "contract",
        /// 财务专用章
        Finance = "finance",
        /// 发票专用章
        Invoice = "invoice",
        /// 法定代表人名章
        Representative = "representative",
    }
}

impl Purpose {
    /// In Chinese, as it stands on the seal.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Official => "公章",
            Self::Approval => "行政审批专用章",
            Self::Service => "政务服务专用章",
            Self::Licence => "电子证照专用章",
            Self::Contract => "合同专用章",
            Self::Finance => "财务专用章",
            Self::Invoice => "发票专用章",
            Self::Representative => "法定代表人名章",
        }
    }

    /// In English.
    pub const fn en(self) -> &'static str {
        match self {
            Self::Official => "official seal",
            Self::Approval => "administrative approvals",
            Self::Service => "government services",
            Self::Licence => "electronic licences",
            Self::Contract => "contracts",
            Self::Finance => "finance",
            Self::Invoice => "invoices",
            Self::Representative => "legal representative",
        }
    }
}

named! {
    /// Where a seal stands in its life. That its validity has ended is no state: dates say it.
    State {
        /// Asked for, not approved.
        Draft = "draft",
        /// Its making is approved.
        Approved = "approved",
        /// It may be used.
        Active = "active",
        /// It may not be used for the time being.
        Suspended = "suspended",
        /// It may never be used again.
        Revoked = "revoked",
        /// Revoked or expired, and its octets are gone.
        Destroyed = "destroyed",
        /// It was asked for and refused.
        Refused = "refused",
    }
}

named! {
    /// What happens to a seal.
    Change {
        /// Its making or its import is asked for.
        Asked = "asked",
        /// Its making is approved.
        Approved = "approved",
        /// It is refused.
        Refused = "refused",
        /// Its octets came in and were checked.
        Activated = "activated",
        /// It is put on record (备案).
        Filed = "filed",
        /// It may not be used for the time being.
        Suspended = "suspended",
        /// It may be used again.
        Resumed = "resumed",
        /// It may never be used again.
        Revoked = "revoked",
        /// Its octets are removed.
        Destroyed = "destroyed",
    }
}

/// Something that happened to a seal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub change: Change,
    /// From when it holds.
    pub at: Moment,
    /// When it was written.
    pub recorded_at: Moment,
    /// By whom.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// The state after a change; `None` if it cannot follow. What ends a seal is final: nothing leads back.
pub const fn after(state: State, change: Change) -> Option<State> {
    Some(match (state, change) {
        (State::Draft, Change::Approved) => State::Approved,
        (State::Draft, Change::Refused) => State::Refused,
        // Of a seal made elsewhere the approval of its import is enough.
        (State::Draft | State::Approved, Change::Activated) | (State::Suspended, Change::Resumed) => State::Active,
        (State::Active, Change::Suspended) => State::Suspended,
        (State::Approved | State::Active | State::Suspended, Change::Revoked) => State::Revoked,
        (State::Revoked, Change::Destroyed) => State::Destroyed,
        (State::Active | State::Suspended, Change::Filed) => state,
        _ => return None,
    })
}

/// What the register says of a seal: the answer to "was it in force then?" is [`Record::standing`].
pub fn record(events: &[Event], valid_from: Moment, valid_until: Moment) -> Record {
    let turn = |event: &Event| {
        let state = match event.change {
            Change::Activated | Change::Resumed => Entry::Active,
            Change::Suspended => Entry::Suspended,
            Change::Revoked => Entry::Revoked,
            _ => return None,
        };
        Some(Turn { state, since: event.at })
    };
    let filed = events.iter().filter(|event| event.change == Change::Filed).map(|event| event.at).min();
    Record { filed, valid_from, valid_until, turns: events.iter().filter_map(turn).collect() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::verify::register::Standing;
    use proptest::prelude::*;

    #[test]
    fn names_read_back() {
        assert!(Purpose::ALL.iter().all(|purpose| purpose.as_str().parse() == Ok(*purpose)));
        assert!(State::ALL.iter().all(|state| state.as_str().parse() == Ok(*state)));
        assert!(Change::ALL.iter().all(|change| change.as_str().parse() == Ok(*change)));
    }

    proptest! {
        /// Whatever is tried in whatever order: nothing follows an end, a seal never approved is never in force, and the record agrees
        /// with the state.
        #[test]
        fn every_road_through_the_states_is_safe(tries in proptest::collection::vec(0..Change::ALL.len(), 0..40)) {
            let mut state = State::Draft;
            let mut events = Vec::new();
            let mut ended = false;
            for (time, change) in tries.iter().map(|at| Change::ALL[*at]).enumerate() {
                let at = Moment::from_secs(time as i64);
                let Some(next) = after(state, change) else { continue };
                prop_assert!(!ended || next == State::Destroyed, "{state:?} {change:?}");
                ended |= next == State::Revoked;
                state = next;
                events.push(Event { change, at, recorded_at: at, actor: "a".into(), reason: String::new() });
            }
            let now = Moment::from_secs(100);
            let standing = record(&events, Moment::from_secs(0), Moment::from_secs(200)).standing(now);
            let filed = events.iter().any(|event| event.change == Change::Filed);
            let expected = match state {
                State::Active if filed => Standing::InForce,
                State::Suspended => Standing::Suspended,
                State::Revoked | State::Destroyed => Standing::Revoked,
                _ => Standing::NotShown,
            };
            prop_assert_eq!(standing, expected);
        }
    }
}
