//! What becomes of a licence: events that only accumulate, and the state that follows from them for any moment.
//!
//! Ends are told apart, for their effects differ (行政许可法 articles 8, 69, 70): 撤销 voids from the start, 吊销, 撤回 and 注销 end
//! from a day on. A licence that was replaced ends with the day of the one that replaces it.

use super::application::parse_day;
use crate::moment::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use time::{Date, Time, UtcOffset};

/// What was decided about a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// 颁发: it was issued.
    Issued,
    /// 暂停: it does not count for the time being.
    Suspended,
    /// 恢复: it counts again.
    Resumed,
    /// 替换: another version stands in its place.
    Replaced,
    /// 撤销: it should never have been issued; void from the start.
    Voided,
    /// 吊销: taken away as a penalty, from a day on.
    Revoked,
    /// 撤回: withdrawn for a lawful reason that is not the holder's fault, from a day on.
    Withdrawn,
    /// 注销: struck off, from a day on.
    Cancelled,
}

/// Every act with its name in records and its Chinese word.
const ACTS: [(Act, &str, &str); 8] = [
    (Act::Issued, "issued", "颁发"),
    (Act::Suspended, "suspended", "暂停"),
    (Act::Resumed, "resumed", "恢复"),
    (Act::Replaced, "replaced", "替换"),
    (Act::Voided, "voided", "撤销"),
    (Act::Revoked, "revoked", "吊销"),
    (Act::Withdrawn, "withdrawn", "撤回"),
    (Act::Cancelled, "cancelled", "注销"),
];

impl Act {
    /// As records spell it.
    pub fn name(self) -> &'static str {
        ACTS.iter().find(|(act, ..)| *act == self).map_or("", |(_, name, _)| name)
    }

    /// Chinese.
    pub fn zh(self) -> &'static str {
        ACTS.iter().find(|(act, ..)| *act == self).map_or("", |(.., zh)| zh)
    }
}

impl std::str::FromStr for Act {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        ACTS.iter().find(|(_, name, zh)| *name == text || *zh == text).map(|(act, ..)| *act).ok_or(())
    }
}

/// An event: from when it counts, when it was recorded, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What was decided.
    pub act: Act,
    /// From when it counts.
    pub effective: Moment,
    /// When it was recorded.
    pub recorded: Moment,
    /// Why.
    pub reason: String,
    /// Who decided.
    pub actor: String,
}

/// The state of a licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// 有效.
    InForce,
    /// 尚未生效: its first day has not come.
    NotYet,
    /// 已过有效期.
    Expired,
    /// 已暂停.
    Suspended,
    /// 已被替换.
    Replaced,
    /// 已撤销: void from the start.
    Voided,
    /// 已吊销.
    Revoked,
    /// 已撤回.
    Withdrawn,
    /// 已注销.
    Cancelled,
}

/// Names and words of states; and the code of the sharing interface's status (elicence: 0 valid, 1 not yet, 2 for the time being
/// not, 3 no longer).
const STATES: [(State, &str, &str, u8); 9] = [
    (State::InForce, "in-force", "有效", 0),
    (State::NotYet, "not-yet", "尚未生效", 1),
    (State::Expired, "expired", "已过有效期", 3),
    (State::Suspended, "suspended", "已暂停", 2),
    (State::Replaced, "replaced", "已被替换", 3),
    (State::Voided, "voided", "已撤销（自始无效）", 3),
    (State::Revoked, "revoked", "已吊销", 3),
    (State::Withdrawn, "withdrawn", "已撤回", 3),
    (State::Cancelled, "cancelled", "已注销", 3),
];

impl State {
    /// As interfaces spell it.
    pub fn name(self) -> &'static str {
        STATES.iter().find(|(state, ..)| *state == self).map_or("", |(_, name, ..)| name)
    }

    /// Chinese.
    pub fn zh(self) -> &'static str {
        STATES.iter().find(|(state, ..)| *state == self).map_or("", |(_, _, zh, _)| zh)
    }

    /// The result of the sharing interface's question "is this licence right and valid?".
    pub fn sharing_code(self) -> u8 {
        STATES.iter().find(|(state, ..)| *state == self).map_or(3, |(.., code)| *code)
    }
}

impl std::str::FromStr for State {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        STATES.iter().find(|(_, name, ..)| *name == text).map(|(state, ..)| *state).ok_or(())
    }
}

/// A state with its date and reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The state.
    pub state: State,
    /// Since when.
    pub since: Moment,
    /// Why; empty where the calendar alone says so.
    pub reason: String,
}

/// Midnight in Beijing at which a day begins.
pub fn start_of(day: Date) -> Moment {
    let offset = UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC);
    Moment::from(day.with_time(Time::MIDNIGHT).assume_offset(offset))
}

/// First moment of the first day and first moment after the last, of days written as `2026-11-24`.
pub fn span(from: &str, until: Option<&str>) -> Option<(Moment, Option<Moment>)> {
    let after = |day: &str| parse_day(day).map(|day| start_of(day).plus(Duration::from_secs(86_400)));
    Some((start_of(parse_day(from)?), until.map(|day| after(day).ok_or(())).transpose().ok()?))
}

/// The state at `at`. `ends` is the first moment after the last day.
pub fn standing(events: &[Event], begins: Moment, ends: Option<Moment>, at: Moment) -> Standing {
    if let Some(void) = events.iter().find(|event| event.act == Act::Voided) {
        return Standing { state: State::Voided, since: begins, reason: void.reason.clone() };
    }
    let mut counted: Vec<&Event> = events.iter().filter(|event| event.effective <= at).collect();
    // Stable: of two that count from the same moment the one recorded later decides.
    counted.sort_by_key(|event| event.effective);
    let last = counted.iter().rev().find(|event| !matches!(event.act, Act::Resumed | Act::Issued | Act::Suspended));
    let ended = last.map(|event| (event, end_state(event.act)));
    if let Some((event, Some(state))) = ended {
        return Standing { state, since: event.effective, reason: event.reason.clone() };
    }
    if let Some(ends) = ends.filter(|ends| at >= *ends) {
        return Standing { state: State::Expired, since: ends, reason: String::new() };
    }
    match counted.iter().rev().find(|event| matches!(event.act, Act::Resumed | Act::Suspended)) {
        Some(event) if event.act == Act::Suspended => {
            Standing { state: State::Suspended, since: event.effective, reason: event.reason.clone() }
        }
        _ if at < begins => Standing { state: State::NotYet, since: begins, reason: String::new() },
        Some(event) => Standing { state: State::InForce, since: event.effective, reason: event.reason.clone() },
        None => Standing { state: State::InForce, since: begins, reason: String::new() },
    }
}

fn end_state(act: Act) -> Option<State> {
    match act {
        Act::Replaced => Some(State::Replaced),
        Act::Voided => Some(State::Voided),
        Act::Revoked => Some(State::Revoked),
        Act::Withdrawn => Some(State::Withdrawn),
        Act::Cancelled => Some(State::Cancelled),
        Act::Issued | Act::Suspended | Act::Resumed => None,
    }
}

/// Why an act cannot follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPossible {
    /// Its state allows no such act.
    #[error("the licence's state does not allow it")]
    State,
    /// It would count from before the licence was issued, or after its end.
    #[error("it would count from before the licence was issued")]
    Before,
}

/// Whether `act` may follow now. An end may be followed by 注销, which strikes the licence off the register, and anything by 撤销.
pub fn may(events: &[Event], begins: Moment, ends: Option<Moment>, act: Act, effective: Moment, now: Moment) -> Result<(), NotPossible> {
    // What is recorded already counts, also where it becomes effective later.
    let latest = events.iter().map(|event| event.effective).chain([now]).max().unwrap_or(now);
    let state = standing(events, begins, ends, latest).state;
    let open = matches!(state, State::InForce | State::Suspended | State::Expired | State::NotYet);
    let allowed = match act {
        Act::Issued => false,
        Act::Suspended => matches!(state, State::InForce | State::NotYet),
        Act::Resumed => state == State::Suspended,
        Act::Replaced | Act::Revoked | Act::Withdrawn => open,
        Act::Cancelled => open || matches!(state, State::Revoked | State::Withdrawn),
        Act::Voided => state != State::Voided,
    };
    let issued = events.iter().find(|event| event.act == Act::Issued).map_or(begins, |event| event.effective);
    if !allowed {
        Err(NotPossible::State)
    } else if effective < issued && act != Act::Voided {
        Err(NotPossible::Before)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: &str) -> Moment {
        start_of(parse_day(day).unwrap())
    }

    fn event(act: Act, effective: &str) -> Event {
        Event { act, effective: day(effective), recorded: day(effective), reason: act.zh().into(), actor: "clerk".into() }
    }

    fn at(events: &[Event], moment: &str) -> State {
        let (begins, ends) = span("2026-01-01", Some("2026-12-31")).unwrap();
        standing(events, begins, ends, day(moment)).state
    }

    #[test]
    fn ends_are_told_apart_by_their_day() {
        let issued = event(Act::Issued, "2026-01-01");
        assert_eq!(at(std::slice::from_ref(&issued), "2025-12-31"), State::NotYet);
        assert_eq!(at(std::slice::from_ref(&issued), "2026-12-31"), State::InForce, "the last day counts whole");
        assert_eq!(at(std::slice::from_ref(&issued), "2027-01-01"), State::Expired);
        for (act, state) in [
            (Act::Revoked, State::Revoked),
            (Act::Withdrawn, State::Withdrawn),
            (Act::Cancelled, State::Cancelled),
            (Act::Replaced, State::Replaced),
        ] {
            let events = [issued.clone(), event(act, "2026-06-01")];
            assert_eq!(
                (at(&events, "2026-05-31"), at(&events, "2026-06-01"), at(&events, "2028-01-01")),
                (State::InForce, state, state),
                "{act:?}"
            );
        }
        let void = [issued.clone(), event(Act::Voided, "2026-06-01")];
        assert_eq!(at(&void, "2026-02-01"), State::Voided, "void from the start");
        let paused = [issued, event(Act::Suspended, "2026-03-01"), event(Act::Resumed, "2026-04-01")];
        assert_eq!((at(&paused, "2026-03-15"), at(&paused, "2026-04-01")), (State::Suspended, State::InForce));
    }

    #[test]
    fn only_acts_that_make_sense_follow() {
        let (begins, ends) = span("2026-01-01", Some("2026-12-31")).unwrap();
        let now = day("2026-06-01");
        let may = |events: &[Event], act, effective: &str| may(events, begins, ends, act, day(effective), now);
        let issued = vec![event(Act::Issued, "2026-01-01")];
        assert_eq!(may(&issued, Act::Resumed, "2026-06-01"), Err(NotPossible::State));
        assert_eq!(may(&issued, Act::Revoked, "2025-06-01"), Err(NotPossible::Before));
        assert_eq!(may(&issued, Act::Revoked, "2026-05-01"), Ok(()));
        let revoked = [issued.clone(), vec![event(Act::Revoked, "2026-05-01")]].concat();
        assert_eq!(may(&revoked, Act::Suspended, "2026-06-01"), Err(NotPossible::State));
        assert_eq!(
            may(&revoked, Act::Replaced, "2026-06-01"),
            Err(NotPossible::State),
            "a revoked licence is not revived by a new version"
        );
        assert_eq!(may(&revoked, Act::Cancelled, "2026-06-01"), Ok(()));
        assert_eq!(may(&revoked, Act::Voided, "2026-06-01"), Ok(()));
        let later = [issued, vec![event(Act::Revoked, "2026-09-01")]].concat();
        assert_eq!(may(&later, Act::Revoked, "2026-06-01"), Err(NotPossible::State), "recorded already, effective later");
    }
}
