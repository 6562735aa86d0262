//! Everything impure in one value: clock, dice, store, net, keys, province.
//!
//! The doors are built in `cli` from the configuration and handed down; nothing below reads the ambient clock or dice
//! (clippy's disallowed methods see to it).

use crate::{config::Config, moment::Moment, store::Store};
use std::sync::Arc;

/// Everything impure that a service call needs; built once, shared by all.
pub struct World {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The dice.
    pub dice: Arc<dyn Dice>,
    /// The database.
    pub store: Store,
    /// The configuration, checked.
    pub config: Config,
}

/// Tells the time. The service follows the lab's clock only in the demo, on loopback.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Moment;
}

/// Random octets from the operating system (or a seeded source in tests).
pub trait Dice: Send + Sync {
    /// Fills the buffer with unpredictable octets.
    fn fill(&self, buffer: &mut [u8]);
}

/// Random octets as an array.
pub fn random<const N: usize>(dice: &dyn Dice) -> [u8; N] {
    let mut octets = [0; N];
    dice.fill(&mut octets);
    octets
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one door to the machine's clock")]
    fn now(&self) -> Moment {
        time::OffsetDateTime::now_utc().into()
    }
}

/// The machine's random source.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDice;

impl Dice for SystemDice {
    #[expect(clippy::disallowed_methods, reason = "the one door to the machine's random source")]
    fn fill(&self, buffer: &mut [u8]) {
        // Without randomness no key, code or session is safe; there is nothing to fall back to.
        getrandom::fill(buffer).expect("the operating system gives random octets");
    }
}
