//! Everything impure in one value: clock, dice, store, net, keys, province.
//!
//! The doors are built in `cli` from the configuration and handed down; nothing below reads the ambient clock or dice
//! (clippy's disallowed methods see to it).

use crate::fault::{Fault, code};
use crate::net::{Net, NetOptions, Origin};
use crate::province::{Province, time::FollowingClock};
use crate::store::{Sealer, Store};
use crate::{config::Config, files, moment::Moment};
use std::sync::Arc;

/// Everything impure that a service call needs; built once, shared by all.
pub struct World {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The dice.
    pub dice: Arc<dyn Dice>,
    /// The database.
    pub store: Store,
    /// Outbound HTTP for revocation lists, OCSP and timestamps.
    pub net: Net,
    /// The provincial platform.
    pub province: Province,
    /// The configuration, checked.
    pub config: Config,
    /// In the demo the clock follows the province's; `jobs` moves it.
    pub following: Option<FollowingClock>,
}

impl World {
    /// The real World of a configuration. The database must exist and fit this program.
    pub async fn open(config: Config) -> Result<Self, Fault> {
        let dice: Arc<dyn Dice> = Arc::new(SystemDice);
        let store = Store::open(&config.database, Self::sealer(&config, dice.clone())?).await?;
        let pending = store.pending().await?;
        if !pending.is_empty() {
            return Err(Fault::new(code::MIGRATION).detail(format!("not applied yet: {}", pending.join(", "))));
        }
        let following = config.demo.then(|| FollowingClock::new(Arc::new(SystemClock)));
        let clock: Arc<dyn Clock> = following.clone().map_or_else(|| Arc::new(SystemClock) as _, |clock| Arc::new(clock) as _);
        let net = Self::net(&config)?;
        let province = Self::province(&config, &clock, &dice)?;
        Ok(Self { clock, dice, store, net, province, config, following })
    }

    /// The sealing keys that a configuration names.
    pub fn sealer(config: &Config, dice: Arc<dyn Dice>) -> Result<Sealer, Fault> {
        let wrong = |what: String| Fault::new(code::KEY_FILE).detail(format!("{}: {what}", config.keys.display()));
        let text = files::read(&config.keys).map_err(|error| wrong(error.to_string()))?;
        let text = zeroize::Zeroizing::new(String::from_utf8(text).map_err(|_| wrong("not UTF-8".to_owned()))?);
        Sealer::from_key_file(&text, dice).map_err(|error| wrong(error.to_string()))
    }

    /// Outbound HTTP: the allow-list and the time-stamping authorities, nothing else.
    pub fn net(config: &Config) -> Result<Net, Fault> {
        let mut allow = config.outbound.clone();
        allow.extend(config.timestamp.iter().filter_map(Origin::named));
        let wrong = |error| Fault::new(code::CONFIGURATION).detail("outbound").because(error);
        Net::new(NetOptions { allow, ..NetOptions::default() }).map_err(wrong)
    }

    /// The connectors to the provincial platform.
    pub fn province(config: &Config, clock: &Arc<dyn Clock>, dice: &Arc<dyn Dice>) -> Result<Province, Fault> {
        let read = |path: &std::path::Path| files::read(&config.folder.join(path));
        let wrong = |error: crate::province::BadSection| Fault::new(code::CONFIGURATION).detail(error.to_string());
        Province::open(&config.province, clock, dice, &read).map_err(wrong)
    }
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
