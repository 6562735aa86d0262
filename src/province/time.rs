//! The province's time: how far our clock is from it. In the demo the service follows it.

use super::{
    Heard, Unavailable,
    link::{Freshness, Link},
};
use crate::{moment::Moment, world::Clock};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// The connector.
pub struct ProvinceTime(Link);

#[derive(Serialize)]
struct Question {}

#[derive(Deserialize)]
struct Answer {}

/// How our clock stands against the province's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// Milliseconds that the province is ahead of us (negative: behind).
    pub ahead_ms: i64,
    /// How long the exchange took: the offset is sure to half of it.
    pub round_trip: Duration,
}

impl ProvinceTime {
    pub(super) fn new(link: Link) -> Self {
        Self(link)
    }

    /// Asks for the time. The answer is held to fall in the middle of the exchange.
    pub async fn offset(&self) -> Result<Heard<Offset>, Unavailable> {
        let before = self.0.clock().now();
        let heard: Heard<Answer> = self.0.ask("time", "time", &Question {}, Freshness::ByNonce).await?;
        let round_trip = self.0.clock().now().since(before);
        let ours = before.plus(round_trip / 2);
        let ahead_ms = heard.at.millis().saturating_sub(ours.millis());
        heard.try_map(|Answer {}| Ok(Offset { ahead_ms, round_trip })).map_err(|untrusted| self.0.unavailable(untrusted))
    }
}

/// A clock that runs beside another at a distance that is set from outside: the demo's service keeps it at the lab's time.
/// Cheap to clone; clones share the distance.
#[derive(Clone)]
pub struct FollowingClock {
    base: Arc<dyn Clock>,
    ahead_ms: Arc<AtomicI64>,
}

impl FollowingClock {
    /// At no distance from `base` yet.
    pub fn new(base: Arc<dyn Clock>) -> Self {
        Self { base, ahead_ms: Arc::default() }
    }

    /// Moves it by what [`ProvinceTime::offset`] found, measured with this clock.
    pub fn adjust(&self, by: Offset) {
        // Within the uncertainty of the exchange nothing is gained, and the clock would tremble.
        if by.ahead_ms.unsigned_abs() > 50 + u64::try_from(by.round_trip.as_millis()).unwrap_or(u64::MAX) {
            self.ahead_ms.store(self.ahead_ms().saturating_add(by.ahead_ms), Ordering::Relaxed);
        }
    }

    /// Milliseconds ahead of its base.
    pub fn ahead_ms(&self) -> i64 {
        self.ahead_ms.load(Ordering::Relaxed)
    }
}

impl Clock for FollowingClock {
    fn now(&self) -> Moment {
        Moment::from_millis(self.base.now().millis().saturating_add(self.ahead_ms()))
    }
}

impl fmt::Debug for FollowingClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FollowingClock({} ms)", self.ahead_ms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct At;
    impl Clock for At {
        fn now(&self) -> Moment {
            Moment::from_secs(100)
        }
    }

    #[test]
    fn a_following_clock_moves_and_does_not_tremble() {
        let clock = FollowingClock::new(Arc::new(At));
        let by = |ahead_ms| Offset { ahead_ms, round_trip: Duration::from_millis(10) };
        clock.clone().adjust(by(5_000));
        clock.adjust(by(40));
        assert_eq!(clock.now(), Moment::from_secs(105));
        clock.adjust(by(-7_000));
        assert_eq!(clock.now(), Moment::from_secs(98));
    }
}
