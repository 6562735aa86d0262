//! Passkeys (WebAuthn Level 3): bound in the account page by who was proved otherwise, used on the login page.
//!
//! A passkey recognises; it proves no identity. User verification is required both times, so that it counts as two factors.

use super::{Entered, Here, Settled, Shown, add_proof, here, land, witness};
use crate::fault::{Fault, code};
use crate::ids::{ChallengeId, PartyId};
use crate::login::{AuditEvent, Level, Method};
use crate::moment::Moment;
use crate::service::prove::Visit;
use crate::store::{StoreError, Tx, challenges, passkeys, phone_codes};
use crate::world::{World, random};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Url, Uuid,
    Webauthn, WebauthnBuilder,
};

const REGISTER: &str = "passkey-register";
const LOGIN: &str = "passkey-login";
/// How long the browser may take.
const CEREMONY_LIFE: Duration = Duration::from_secs(5 * 60);
/// Logins of one source that may fail in an hour. Many may sit behind one address.
const FAILURES: i64 = 600;
const FAILED: &str = "passkey-failed";
const CONTEXT: &str = "passkey login 1";
/// Passkeys of one Party.
const MOST: usize = 20;

/// What the page's script is given to start.
#[derive(Debug, Serialize)]
pub struct Ceremony {
    /// Sent back with the answer: the name of a row, or everything about it, sealed.
    pub ceremony: String,
    /// Options for `navigator.credentials`.
    pub options: Value,
}

/// A login that was started, as it travels with the browser: nothing of it is written until it is spent.
#[derive(Serialize, Deserialize)]
struct Started {
    id: ChallengeId,
    bound: String,
    until: Moment,
    state: DiscoverableAuthentication,
}

/// The relying party of WebAuthn: this issuer.
pub struct Passkeys(Webauthn);

fn no(error: impl Into<anyhow::Error>) -> Fault {
    Fault::new(code::PASSKEY).because(error)
}

fn system(error: impl Into<anyhow::Error>) -> Fault {
    Fault::new(code::SYSTEM).because(error)
}

/// The handle that the authenticator keeps for a Party: its own random id, which says nothing about the person.
fn handle(party: &PartyId) -> Result<Uuid, Fault> {
    Uuid::parse_str(party.as_str()).map_err(system)
}

impl Passkeys {
    /// For an issuer such as `https://id.example` or `http://localhost:8440`.
    pub fn new(issuer: &str) -> Result<Self, Fault> {
        let bad = |error: anyhow::Error| {
            Fault::new(code::CONFIGURATION).detail("issuer is not an address passkeys can be bound to").because(error)
        };
        let origin = Url::parse(issuer).map_err(|error| bad(error.into()))?;
        let host = origin.host_str().ok_or_else(|| bad(anyhow::anyhow!("no host")))?.to_owned();
        let builder = WebauthnBuilder::new(&host, &origin).map_err(|error| bad(error.into()))?;
        Ok(Self(builder.rp_name("信印 Xinyin").build().map_err(|error| bad(error.into()))?))
    }

    /// Whether who is here may bind and remove passkeys now: a text message alone may not.
    pub fn may_change(here: &Here, now: Moment) -> bool {
        let shown = here.session.events.authenticator_level(&here.session.subject, now);
        shown >= Some(Level::RealPerson) && here.level(now) >= Some(Level::RealName)
    }

    async fn changer(tx: &mut Tx<'_>, cookie: Option<&str>, now: Moment) -> Result<Here, Fault> {
        let here = here(tx, cookie, now).await?.ok_or(Fault::new(code::LOGIN_NEEDED))?;
        if Self::may_change(&here, now) { Ok(here) } else { Err(code::LEVEL_TOO_LOW.into()) }
    }

    /// Starts binding a passkey to the account that is logged in.
    pub async fn start_binding(&self, world: &World, cookie: Option<&str>) -> Result<Ceremony, Fault> {
        let now = world.clock.now();
        world.store.write("start binding a passkey", |tx| Box::pin(async move { self.begin_binding(tx, cookie, now).await })).await
    }

    async fn begin_binding(&self, tx: &mut Tx<'_>, cookie: Option<&str>, now: Moment) -> Result<Ceremony, Fault> {
        let here = Self::changer(tx, cookie, now).await?;
        let subject = &here.session.subject;
        let mut known: Vec<CredentialID> = Vec::new();
        for stored in passkeys::of_party(tx, subject).await? {
            known.push(read(&stored.body)?.cred_id().clone());
        }
        if known.len() >= MOST {
            return Err(Fault::new(code::PASSKEY).detail(format!("{MOST}")));
        }
        // What the device shows beside the key: the masked name, never a number.
        let label = super::known(tx, subject).await?.name.unwrap_or_else(|| "信印".into());
        let (options, state) = self.0.start_passkey_registration(handle(subject)?, &label, &label, Some(known)).map_err(system)?;
        let mut options = serde_json::to_value(options).map_err(system)?;
        // The login page asks for no name first, so the authenticator has to keep the key itself (a discoverable credential).
        if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection").and_then(Value::as_object_mut) {
            selection.insert("residentKey".into(), "required".into());
            selection.insert("requireResidentKey".into(), true.into());
        }
        let state = serde_json::to_vec(&state).map_err(system)?;
        let ceremony = challenges::add(tx, REGISTER, here.session.id.as_str(), &state, now, now.plus(CEREMONY_LIFE)).await?;
        Ok(Ceremony { ceremony: ceremony.into(), options })
    }

    /// Finishes binding.
    pub async fn finish_binding(
        &self,
        world: &World,
        cookie: Option<&str>,
        ceremony: &ChallengeId,
        label: &str,
        credential: Value,
    ) -> Result<(), Fault> {
        let credential: RegisterPublicKeyCredential = serde_json::from_value(credential).map_err(no)?;
        let now = world.clock.now();
        let label: String = label.trim().chars().filter(|c| !c.is_control()).take(40).collect();
        let label = if label.is_empty() { "passkey".to_owned() } else { label };
        let (credential, label) = (&credential, label.as_str());
        let bound = world.store.write("bind a passkey", |tx| {
            Box::pin(async move {
                let here = Self::changer(tx, cookie, now).await?;
                let Some(state) = challenges::spend(tx, ceremony, REGISTER, here.session.id.as_str(), now).await? else { return Ok(false) };
                let state: PasskeyRegistration = serde_json::from_slice(&state).map_err(system)?;
                // A failed ceremony stays spent: commit, and say no.
                let Ok(passkey) = self.0.finish_passkey_registration(credential, &state) else { return Ok(false) };
                let body = serde_json::to_vec(&passkey).map_err(system)?;
                let subject = &here.session.subject;
                let under = here.session.events.acts().iter().rev().find(|act| act.party == *subject).map(|act| act.id.clone());
                match passkeys::add(tx, passkey.cred_id().as_ref(), subject, under.as_ref(), label, &body, now).await {
                    Err(StoreError::Taken) => return Err(code::PASSKEY.into()),
                    other => other?,
                }
                witness(tx, &AuditEvent::new("passkey.bound", now).party(subject.clone()).session(here.session.id.clone())).await?;
                Ok(true)
            })
        });
        if bound.await? { Ok(()) } else { Err(code::PASSKEY.into()) }
    }

    /// Removes one of the account's passkeys, by the name of its row. `false`: it is not theirs.
    pub async fn remove(world: &World, cookie: Option<&str>, row: &str) -> Result<bool, Fault> {
        let now = world.clock.now();
        let removal = world.store.write("remove a passkey", |tx| {
            Box::pin(async move {
                let here = Self::changer(tx, cookie, now).await?;
                let removed = passkeys::remove(tx, &here.session.subject, row, now).await?;
                if removed {
                    witness(tx, &AuditEvent::new("passkey.removed", now).party(here.session.subject).session(here.session.id)).await?;
                }
                Ok(removed)
            })
        });
        removal.await
    }

    /// Starts a login: the same answer for everybody, and nothing is written.
    pub fn start_login(&self, world: &World, browser: &str) -> Result<Ceremony, Fault> {
        let (options, state) = self.0.start_discoverable_authentication().map_err(system)?;
        let sealer = world.store.sealer();
        let started = Started {
            id: ChallengeId::from_random(random(&*world.dice)),
            bound: sealer.lookup("browser", browser.as_bytes()),
            until: world.clock.now().plus(CEREMONY_LIFE),
            state,
        };
        let started = sealer.seal(CONTEXT, &serde_json::to_vec(&started).map_err(system)?);
        let ceremony = URL_SAFE_NO_PAD.encode(started);
        let mut options = serde_json::to_value(options).map_err(system)?;
        // The page has a button; the browser's own conditional list is not used.
        if let Some(options) = options.as_object_mut() {
            options.remove("mediation");
        }
        Ok(Ceremony { ceremony, options })
    }

    /// Finishes a login: the act, the session and what was asked in one write. A failed one is spent and counted.
    pub async fn finish_login(&self, visit: Visit<'_>, ceremony: &str, credential: Value) -> Result<(Entered, Option<Settled>), Fault> {
        let Visit { world, provider, ask, browser, cookie, source } = visit;
        let credential: PublicKeyCredential = serde_json::from_value(credential).map_err(no)?;
        let now = world.clock.now();
        let bound = world.store.sealer().lookup("browser", browser.as_bytes());
        let started = URL_SAFE_NO_PAD.decode(ceremony).map_err(no)?;
        let started = world.store.sealer().open(CONTEXT, &started).map_err(no)?;
        let started: Started = serde_json::from_slice(&started).map_err(no)?;
        if started.bound != bound || now >= started.until {
            return Err(code::PASSKEY.into());
        }
        let (credential, started) = (&credential, &started);
        let entered = world.store.write("log in with a passkey", |tx| {
            Box::pin(async move {
                if phone_codes::attempts(tx, FAILED, source, now).await? >= FAILURES {
                    return Err(code::TOO_MANY.into());
                }
                let first = challenges::spend_first(tx, &started.id, LOGIN, &started.bound, now, started.until).await?;
                let subject = if first { self.recognise(tx, credential, started.state.clone(), now).await? } else { None };
                let Some(subject) = subject else {
                    phone_codes::attempt(tx, FAILED, source, u32::MAX, Duration::from_secs(3600), now).await?;
                    return Ok(None);
                };
                let agency = match &ask.asked {
                    Some(asked) => super::client(tx, &asked.request.client).await?.map(|client| client.agency),
                    None => None,
                };
                let shown = Shown { agency: agency.as_ref(), ..Shown::new(&subject, Method::Passkey, now, "信印") };
                let proof = add_proof(tx, &shown).await?;
                land(tx, provider, ask, cookie, &subject, &proof, now).await.map(Some)
            })
        });
        entered.await?.ok_or_else(|| Fault::new(code::PASSKEY))
    }

    async fn recognise(
        &self,
        tx: &mut Tx<'_>,
        credential: &PublicKeyCredential,
        state: DiscoverableAuthentication,
        now: Moment,
    ) -> Result<Option<PartyId>, Fault> {
        let Ok((user, id)) = self.0.identify_discoverable_authentication(credential) else { return Ok(None) };
        let Some(stored) = passkeys::by_credential(tx, id).await? else { return Ok(None) };
        if handle(&stored.party)? != user {
            return Ok(None);
        }
        let mut passkey = read(&stored.body)?;
        let Ok(result) = self.0.finish_discoverable_authentication_v2(credential, state, &passkey) else { return Ok(None) };
        if !result.user_verified() {
            return Ok(None);
        }
        passkey.update_credential(&result);
        let body = serde_json::to_vec(&passkey).map_err(system)?;
        Ok(passkeys::used(tx, &stored.hash, &body, now).await?.then_some(stored.party))
    }
}

fn read(body: &[u8]) -> Result<Passkey, Fault> {
    serde_json::from_slice(body).map_err(|_| StoreError::Corrupt("passkeys.body").into())
}
