//! Logging in: where the pure states of [`crate::login`] meet the store, the clock and the dice.
//!
//! The first state, Asked, travels with the browser: sealed, bound to the browser, worth nothing elsewhere ([`Ask`]). So a visitor
//! who never proves anything costs no write, tabs do not disturb one another, and a page that stood too long can start again with
//! all that the portal asked. From the proof on, everything is in the store: a fresh login takes one write for the proof with its
//! session (and, where nothing new is released, the code), one for the consent if there is one, one for the redemption. Where a proof
//! has to be written down before it can be given (a code to a phone, a try with a register), its page asks for the consent as
//! well, so that it is never more than three.

mod cas;
mod client_auth;
mod grant;
mod here;
mod leave;
mod passkey;
mod person;
mod provider;
mod refresh;
mod tell;
mod token;

pub use cas::{Validation, by_service, validate};
pub use client_auth::{TokenRequest, authenticate};
pub use grant::{Answer, ConsentSought, Foreseen, Settled, agree, answer, cancel, foresee, land};
pub use here::{Account, ConsentLine, Entered, Here, SessionView, Shown, Told, ToldLine, account, add_proof, enter, here, touch, withdraw};
pub(super) use leave::stop_acting;
pub use leave::{LoggedOut, end_others, end_session, expire, lift_loss, log_out, log_out_hinted, report_loss, report_own_loss};
pub use passkey::{Ceremony, Passkeys};
pub use person::{Known, known, person};
pub use provider::{Keys, Provider};
pub(super) use tell::note as tell_portal;
pub use tell::tell;
pub(super) use token::acting_of;
pub use token::{Hint, TokenError, Tokens, UserinfoError, hint, redeem, userinfo};

use crate::fault::{Fault, code};
use crate::ids::{AgencyId, ClientId};
use crate::login::{AuditEvent, Client, Registration, states::Asked};
use crate::moment::Moment;
use crate::store::{Sealer, StoreError, Tx, audit, clients};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

const ASK: &str = "login ask 1";

/// What the browser carries while somebody logs in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ask {
    /// The portal's request; `None` where somebody logs in for the account page.
    pub asked: Option<Asked>,
    /// When the page was first shown.
    pub at: Moment,
    /// Browser and system of this browser, as it names them; for its holder's list of sessions, nothing else.
    #[serde(default)]
    pub device: String,
    /// What the page of this proof said would be released, where the reader agreed to it together with the proof. It comes with
    /// that one form and never travels further.
    #[serde(skip)]
    pub agreed: BTreeSet<String>,
    /// Keyed hash of the browser's own cookie.
    browser: String,
}

/// Why an [`Ask`] cannot be used here and now.
#[derive(Debug)]
pub enum Stale {
    /// It stood too long.
    Old(Box<Ask>),
    /// It was opened in another browser, or this one keeps no cookies.
    OtherBrowser(Box<Ask>),
    /// Not ours.
    Unreadable,
}

impl Ask {
    /// For this browser, from now on.
    pub fn new(sealer: &Sealer, asked: Option<Asked>, browser: &str, at: Moment) -> Self {
        Self { asked, at, device: String::new(), agreed: BTreeSet::new(), browser: sealer.lookup("browser", browser.as_bytes()) }
    }

    /// From this device.
    pub fn on(mut self, device: &str) -> Self {
        device.clone_into(&mut self.device);
        self
    }

    /// As it stands in pages and addresses.
    pub fn seal(&self, sealer: &Sealer) -> String {
        let plain = serde_json::to_vec(self).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(sealer.seal(ASK, &plain))
    }

    /// Reads what [`seal`](Self::seal) made, in the same browser and in time.
    pub fn open(sealer: &Sealer, text: &str, browser: Option<&str>, now: Moment) -> Result<Self, Stale> {
        let sealed = URL_SAFE_NO_PAD.decode(text).map_err(|_| Stale::Unreadable)?;
        let plain = sealer.open(ASK, &sealed).map_err(|_| Stale::Unreadable)?;
        let ask: Self = serde_json::from_slice(&plain).map_err(|_| Stale::Unreadable)?;
        if browser.is_none_or(|browser| sealer.lookup("browser", browser.as_bytes()) != ask.browser) {
            return Err(Stale::OtherBrowser(Box::new(ask)));
        }
        if now >= ask.at.plus(crate::login::states::ASKED_LIFE) || now.plus(std::time::Duration::from_secs(60)) < ask.at {
            return Err(Stale::Old(Box::new(ask)));
        }
        Ok(ask)
    }
}

/// The enabled portal of this `client_id`.
pub async fn client(tx: &mut Tx<'_>, id: &ClientId) -> Result<Option<Client>, Fault> {
    clients::find(tx, id).await?.map(as_client).transpose()
}

/// A stored portal as the login room knows it.
pub fn as_client(stored: clients::Client) -> Result<Client, Fault> {
    let corrupt = |error: anyhow::Error| Fault::new(code::SYSTEM).because(error.context(format!("settings of client {}", stored.id)));
    let registration: Registration = serde_json::from_value(stored.settings.clone()).map_err(|error| corrupt(error.into()))?;
    let (client, _) = registration.client(stored.id.clone(), stored.agency.clone()).map_err(|error| corrupt(error.into()))?;
    Ok(client)
}

/// Writes a line of the audit log in the transaction that it witnesses.
pub async fn witness(tx: &mut Tx<'_>, event: &AuditEvent) -> Result<(), StoreError> {
    let mut facts = serde_json::Map::new();
    if let Some(client) = &event.client {
        facts.insert("client".into(), client.as_str().into());
    }
    if let Some(session) = &event.session {
        facts.insert("session".into(), session.as_str().into());
    }
    for (name, value) in &event.facts {
        facts.insert((*name).into(), value.as_str().into());
    }
    let facts = serde_json::Value::Object(facts);
    let (agency, party) = (event.agency.as_ref(), event.party.as_ref());
    audit::append(tx, audit::Entry { agency, party, at: event.at, event: event.kind, facts: &facts, personal: None }).await.map(drop)
}

/// An agency's name as people read it.
pub async fn agency_name(tx: &mut Tx<'_>, id: &AgencyId) -> Result<Option<String>, Fault> {
    Ok(crate::store::agencies::find(tx, id).await?.map(|agency| agency.name))
}
