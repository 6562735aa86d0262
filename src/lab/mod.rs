//! The stand-in province: registers, certification authority, time-stamping, phone gateway; spoken to only over the network.
//!
//! `docs/lab.md` describes its wire protocols. Nothing but `cli/lab.rs` and tests imports this room.

pub mod answer;
pub mod authority;
pub mod chaos;
pub mod clock;
mod crooked;
mod describe;
mod folder;
pub mod inbox;
mod issue;
mod making;
mod misbehave;
mod pages;
mod profile;
mod public;
pub mod registry;
mod run;
mod secure;
pub mod seed;
mod serve;
mod tsa;

pub use describe::{CertificateEntry, Description};
pub use making::Condition;
pub use profile::Use;
pub use run::{Options, Running, start};

use crate::{
    moment::Moment,
    world::{Clock as _, SystemDice, random},
};
use answer::Answers;
use authority::{Authorities, Ca};
use axum::{
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use chaos::{Chaos, Endpoint, Mood};
use clock::{Change, LabClock};
use folder::Folder;
use inbox::Inbox;
use profile::Places;
use registry::{OrganisationState, PersonState, Registry, Seal, SealState, Since};
use serde::Deserialize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tsa::Tsa;

/// Everything a running lab is made of.
pub struct Lab {
    folder: Folder,
    clock: LabClock,
    registry: Mutex<Registry>,
    inbox: Mutex<Inbox>,
    chaos: Mutex<Chaos>,
    authorities: Authorities,
    tsas: Vec<Tsa>,
    answers: Answers,
    places: Places,
}

/// A change in a register, posted to `/lab/status`.
#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum NewStatus {
    Person {
        /// Short name.
        person: String,
        state: PersonState,
        /// Now, if none.
        since: Option<Moment>,
    },
    Organisation {
        /// Short name.
        organisation: String,
        state: OrganisationState,
        /// Now, if none.
        since: Option<Moment>,
    },
    /// A seal is entered: active from the begin of its validity on, on record since then where it has a number.
    NewSeal {
        /// Its code.
        seal: String,
        /// SHA-256 of its octets, hexadecimal.
        sha256: String,
        /// Number under which it is on record.
        filing: Option<String>,
        valid_from: Moment,
        valid_until: Moment,
    },
    Seal {
        /// Its code.
        seal: String,
        state: SealState,
        /// Now, if none.
        since: Option<Moment>,
    },
}

impl Lab {
    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chaos(&self) -> Chaos {
        self.chaos.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_chaos(&self, chaos: Chaos) {
        *self.chaos.lock().unwrap_or_else(PoisonError::into_inner) = chaos;
    }

    fn mood(&self, endpoint: Endpoint) -> Mood {
        self.chaos.lock().unwrap_or_else(PoisonError::into_inner).mood(endpoint)
    }

    fn set_clock(&self, change: &Change) -> anyhow::Result<()> {
        let setting = self.clock.change(change);
        self.folder.save("clock.json", &setting)
    }

    fn deliver(&self, now: Moment, phone: &str, text: &str) -> anyhow::Result<u64> {
        let mut inbox = self.inbox();
        let mut with = inbox.clone();
        let delivery = with.deliver(now, phone, text);
        self.folder.save("inbox.json", &with)?;
        *inbox = with;
        Ok(delivery)
    }

    /// Adds a state to an entry's history; false where there is no such entry.
    fn set_status(&self, status: NewStatus) -> anyhow::Result<bool> {
        let now = self.clock.now();
        let mut registry = self.registry();
        let mut with = registry.clone();
        let found = match status {
            NewStatus::Person { person, state, since } => {
                let entry = with.persons.iter_mut().find(|entry| entry.id == person);
                entry.map(|entry| entry.history.push(Since { state, since: since.unwrap_or(now) }))
            }
            NewStatus::Organisation { organisation, state, since } => {
                let entry = with.organisations.iter_mut().find(|entry| entry.id == organisation);
                entry.map(|entry| entry.history.push(Since { state, since: since.unwrap_or(now) }))
            }
            NewStatus::NewSeal { seal: code, sha256, filing, valid_from, valid_until } => {
                let history = vec![Since { state: SealState::Active, since: valid_from }];
                let filing = filing.map(|number| (number, valid_from));
                with.seals.retain(|seal| seal.code != code);
                with.seals.push(Seal { code, sha256, filing, valid_from, valid_until, history });
                Some(())
            }
            NewStatus::Seal { seal, state, since } => {
                let entry = with.seals.iter_mut().find(|entry| entry.code == seal);
                entry.map(|entry| entry.history.push(Since { state, since: since.unwrap_or(now) }))
            }
        };
        if found.is_some() {
            self.folder.save("registry.json", &with)?;
            *registry = with;
        }
        Ok(found.is_some())
    }

    fn crl(&self, ca: &Ca, mood: Mood) -> anyhow::Result<Vec<u8>> {
        ca.crl(self.clock.now(), mood)
    }

    fn ocsp(&self, ca: &Ca, request: &[u8], mood: Mood) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(ca.ocsp(request, self.clock.now(), mood)?)
    }

    /// A reply of the authority of that family; none where there is no such authority.
    fn timestamp(&self, family: &str, query: &[u8], mood: Mood) -> anyhow::Result<Option<Vec<u8>>> {
        let Some(tsa) = self.tsas.iter().find(|tsa| tsa.family.id() == family) else { return Ok(None) };
        Ok(Some(tsa.answer(query, random(&SystemDice), self.clock.now(), mood)?))
    }

    /// The lab itself failed: its disk is full, most likely.
    fn broken(&self, error: &anyhow::Error) -> Response {
        tracing::error!(error = format!("{error:#}"), "the lab failed");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// PEM with Unix line ends.
fn pem(label: &'static str, der: &[u8]) -> String {
    der::pem::encode_string(label, der::pem::LineEnding::LF, der).unwrap_or_default()
}

/// Changes the last bit.
fn tamper(octets: &mut [u8]) {
    if let Some(last) = octets.last_mut() {
        *last ^= 1;
    }
}
