//! The lab's own clock: the machine's, moved by an offset, or stopped at one moment.
//!
//! Everything in the lab reads this clock: statuses "as of", CRLs, OCSP answers, timestamps, the time in signed answers.

use crate::{moment::Moment, world::Clock};
use serde::{Deserialize, Serialize};
use std::sync::RwLock;

/// How the lab's clock stands against the machine's; kept across restarts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Milliseconds ahead of the machine's clock (negative: behind).
    #[serde(default)]
    pub offset_ms: i64,
    /// Where the clock stands still, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Moment>,
}

/// A change asked for at `/lab/clock`. With nothing set the clock follows the machine's again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The moment it shall be now.
    pub now: Option<Moment>,
    /// Move by so many seconds from what it shows.
    pub advance_seconds: Option<i64>,
    /// Stand still there, instead of running on.
    #[serde(default)]
    pub stop: bool,
}

/// A settable clock over another one.
pub struct LabClock {
    machine: Box<dyn Clock>,
    setting: RwLock<Setting>,
}

impl LabClock {
    /// Over the machine's clock, as it was last set.
    pub fn new(machine: Box<dyn Clock>, setting: Setting) -> Self {
        Self { machine, setting: RwLock::new(setting) }
    }

    /// How it stands.
    pub fn setting(&self) -> Setting {
        *self.setting.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The machine's own time.
    pub fn machine(&self) -> Moment {
        self.machine.now()
    }

    /// Sets it and says how it stands now.
    pub fn change(&self, change: &Change) -> Setting {
        let machine = self.machine.now();
        let base = change.now.unwrap_or_else(|| if change.advance_seconds.is_some() || change.stop { self.now() } else { machine });
        let target = Moment::from_millis(base.millis().saturating_add(change.advance_seconds.unwrap_or(0).saturating_mul(1000)));
        let setting = Setting { offset_ms: target.millis().saturating_sub(machine.millis()), stopped_at: change.stop.then_some(target) };
        *self.setting.write().unwrap_or_else(std::sync::PoisonError::into_inner) = setting;
        setting
    }
}

impl Clock for LabClock {
    fn now(&self) -> Moment {
        let setting = self.setting();
        setting.stopped_at.unwrap_or_else(|| Moment::from_millis(self.machine.now().millis().saturating_add(setting.offset_ms)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At(i64);
    impl Clock for At {
        fn now(&self) -> Moment {
            Moment::from_secs(self.0)
        }
    }

    #[test]
    fn set_advance_stop_and_reset() {
        let clock = LabClock::new(Box::new(At(1000)), Setting::default());
        clock.change(&Change { now: Some(Moment::from_secs(5000)), ..Change::default() });
        assert_eq!(clock.now(), Moment::from_secs(5000));
        clock.change(&Change { advance_seconds: Some(-500), ..Change::default() });
        assert_eq!(clock.now(), Moment::from_secs(4500));
        let setting = clock.change(&Change { stop: true, ..Change::default() });
        assert_eq!(setting.stopped_at, Some(Moment::from_secs(4500)));
        assert_eq!(LabClock::new(Box::new(At(9999)), setting).now(), Moment::from_secs(4500));
        clock.change(&Change::default());
        assert_eq!((clock.now(), clock.setting()), (Moment::from_secs(1000), Setting::default()));
    }
}
