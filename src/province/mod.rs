//! The provincial platform: one file for a connector.
//!
//! Population register, organisation register, phone gateway, certification authorities and time are separate systems of a
//! real province: each has its own section of the configuration, its own address and its own failures. An answer counts only
//! after TLS, the signature over its exact octets, the question's nonce and digest and its time have been checked; anything
//! else is [`Unavailable`], which no caller may take for a yes or a no. `docs/lab.md` describes the protocol.

pub mod anchors;
pub mod ca;
mod link;
pub mod organisation;
pub mod phone;
pub mod population;
pub mod seal;
pub mod time;

pub use link::{Heard, Peer, Untrusted, verify_evidence};

use crate::{
    fault::{Code, Fault, code},
    net::NetError,
    world::{Clock, Dice},
};
use serde::Deserialize;
use std::{fmt, io, path::Path, sync::Arc};

/// One system of the province.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum System {
    /// Register of natural persons.
    Population,
    /// Register of organisations.
    Organisation,
    /// Text messages to phones.
    Phone,
    /// Certification authorities: certificate status.
    Ca,
    /// The province's time.
    Time,
    /// Register of electronic seals.
    Seal,
}

impl System {
    fn code(self) -> Code {
        match self {
            Self::Population => code::POPULATION_UNAVAILABLE,
            Self::Organisation => code::ORGANISATIONS_UNAVAILABLE,
            Self::Phone => code::PHONE_UNAVAILABLE,
            Self::Ca => code::CA_UNAVAILABLE,
            Self::Time => code::TIME_UNAVAILABLE,
            Self::Seal => code::SEALS_UNAVAILABLE,
        }
    }
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Population => "the population register",
            Self::Organisation => "the organisation register",
            Self::Phone => "the phone gateway",
            Self::Ca => "the certification authority",
            Self::Time => "the province's clock",
            Self::Seal => "the register of seals",
        })
    }
}

/// Why a system gave nothing that counts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The configuration names no such system.
    #[error("is not configured")]
    NotConfigured,
    /// No answer, or none in time, or a broken one.
    #[error("gave no answer: {0}")]
    NoAnswer(#[from] NetError),
    /// An answer came and cannot be believed.
    #[error("gave an answer that cannot be believed: {0}")]
    Untrusted(#[from] Untrusted),
    /// The system answered that it cannot answer.
    #[error("cannot answer this question")]
    Refused,
}

/// A system of the province gave nothing that counts. It lowers what can be reached, and is said; it is never a yes or a no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{system} {why}")]
pub struct Unavailable {
    /// Which.
    pub system: System,
    /// Why.
    pub why: Why,
}

impl From<Unavailable> for Fault {
    fn from(error: Unavailable) -> Self {
        Self::new(error.system.code()).because(error)
    }
}

/// The `[province]` part of the configuration; a section that is missing leaves its system out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Register of natural persons.
    pub population: Option<Peer>,
    /// Register of organisations.
    pub organisation: Option<Peer>,
    /// Text messages to phones.
    pub phone: Option<Peer>,
    /// Certificate status.
    pub ca: Option<ca::Config>,
    /// The province's time.
    pub time: Option<Peer>,
    /// Register of electronic seals.
    pub seal: Option<Peer>,
}

/// Why the `[province]` section makes no connectors.
#[derive(Debug, thiserror::Error)]
#[error("[province.{section}] {why}")]
pub struct BadSection {
    /// The section.
    pub section: &'static str,
    /// What is wrong with it.
    pub why: String,
}

/// The connectors of one installation.
pub struct Province {
    population: Option<population::Population>,
    organisation: Option<organisation::Organisations>,
    phone: Option<phone::Gateway>,
    ca: Option<ca::Authorities>,
    time: Option<time::ProvinceTime>,
    seal: Option<seal::Seals>,
}

impl Province {
    /// Makes the connectors; `read` reads the files that the sections name.
    pub fn open(
        config: &Config,
        clock: &Arc<dyn Clock>,
        dice: &Arc<dyn Dice>,
        read: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Self, BadSection> {
        let link = |section, system, peer: &Option<Peer>| {
            let open = |peer| link::Link::open(system, peer, clock.clone(), dice.clone(), read);
            peer.as_ref().map(open).transpose().map_err(|why| BadSection { section, why })
        };
        let ca = config.ca.as_ref().map(|section| ca::Authorities::open(section, clock.clone(), dice.clone(), read));
        Ok(Self {
            ca: ca.transpose().map_err(|why| BadSection { section: "ca", why })?,
            population: link("population", System::Population, &config.population)?.map(population::Population::new),
            organisation: link("organisation", System::Organisation, &config.organisation)?.map(organisation::Organisations::new),
            phone: link("phone", System::Phone, &config.phone)?.map(phone::Gateway::new),
            time: link("time", System::Time, &config.time)?.map(time::ProvinceTime::new),
            seal: link("seal", System::Seal, &config.seal)?.map(seal::Seals::new),
        })
    }

    /// The register of natural persons.
    pub fn population(&self) -> Result<&population::Population, Unavailable> {
        self.population.as_ref().ok_or(missing(System::Population))
    }

    /// The register of organisations.
    pub fn organisations(&self) -> Result<&organisation::Organisations, Unavailable> {
        self.organisation.as_ref().ok_or(missing(System::Organisation))
    }

    /// The phone gateway.
    pub fn phone(&self) -> Result<&phone::Gateway, Unavailable> {
        self.phone.as_ref().ok_or(missing(System::Phone))
    }

    /// The certification authorities.
    pub fn ca(&self) -> Result<&ca::Authorities, Unavailable> {
        self.ca.as_ref().ok_or(missing(System::Ca))
    }

    /// The province's time.
    pub fn time(&self) -> Result<&time::ProvinceTime, Unavailable> {
        self.time.as_ref().ok_or(missing(System::Time))
    }

    /// The register of electronic seals.
    pub fn seals(&self) -> Result<&seal::Seals, Unavailable> {
        self.seal.as_ref().ok_or(missing(System::Seal))
    }
}

impl fmt::Debug for Province {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Province")
    }
}

const fn missing(system: System) -> Unavailable {
    Unavailable { system, why: Why::NotConfigured }
}
