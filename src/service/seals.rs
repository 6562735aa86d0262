//! The register of electronic seals: made and used under dual control, suspended, revoked, asked about.
//!
//! What widens trust takes two: one asks (`ask`), another decides (`decide`) on exactly what was asked, once, before it
//! expires. What narrows trust takes one ([`suspend`], [`revoke`]). Making is apart from using: an approved order goes out
//! (`making`), what comes back is held against it. Signing takes its leave here (`using`), in the transaction of its intention.

mod ask;
mod decide;
mod making;
mod status;
mod using;

pub use ask::{Look, Scope, Wish, ask_filing, ask_import, ask_make, ask_resume, ask_use};
pub use decide::{approve, refuse, request, requests};
pub use making::{MAX_OCTETS, order, take_in};
pub use status::{SOURCE, gather};
pub use using::{Authorised, Leave, Use, authorise_use, leave};

pub use crate::store::seal_grants::{RequestState, StoredRequest};
pub use crate::store::seals::{Origin, StoredSeal};

use crate::fault::{Fault, code};
use crate::ids::{AgencyId, PartyId, SealId, SealRequestId};
use crate::login::Client;
use crate::moment::Moment;
use crate::sign::seal::register::{self, Change, Event, State};
use crate::store::{Tx, audit, seal_grants, seals};
use crate::verify::register::Standing;
use crate::world::World;
use serde::Serialize;
use serde_json::json;

/// Who acts, for which agency.
#[derive(Debug, Clone)]
pub struct Actor {
    agency: AgencyId,
    actor: String,
    party: Option<PartyId>,
}

impl Actor {
    /// A portal or program of an agency.
    pub fn portal(client: &Client) -> Self {
        Self { agency: client.agency.clone(), actor: format!("client:{}", client.id), party: None }
    }

    /// A clerk at an agency's desk.
    pub fn clerk(agency: AgencyId, clerk: PartyId) -> Self {
        Self { agency, actor: format!("clerk:{clerk}"), party: Some(clerk) }
    }

    /// Whoever asked for something that needs a seal.
    pub(super) fn on_behalf(agency: AgencyId, actor: String, party: Option<PartyId>) -> Self {
        Self { agency, actor, party }
    }

    /// The operator of the installation, at its console.
    pub fn operator(agency: AgencyId) -> Self {
        Self { agency, actor: "operator".into(), party: None }
    }

    /// The agency.
    pub fn agency(&self) -> &AgencyId {
        &self.agency
    }

    /// As records name them.
    pub fn name(&self) -> &str {
        &self.actor
    }
}

/// A seal as the API shows it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct SealView {
    /// Its id here.
    pub id: String,
    /// Where it was made: `here` or `elsewhere`.
    pub origin: &'static str,
    /// The owner's name.
    pub owner: String,
    /// The owner's credit code.
    pub uscc: String,
    /// What it is for.
    pub purpose: &'static str,
    /// The same in Chinese.
    pub purpose_zh: &'static str,
    /// Its name.
    pub name: String,
    /// Its code, `esID`.
    pub es_id: String,
    /// `draft`, `approved`, `active`, `suspended`, `revoked`, `destroyed`, `refused`.
    pub state: &'static str,
    /// Begin of its validity.
    pub valid_from: String,
    /// Its end.
    pub valid_until: String,
    /// The number under which it is on record.
    pub filing: Option<String>,
    /// SHA-256 of the maker's certificate.
    pub maker_sha256: Option<String>,
    /// SHA-256 of its octets.
    pub sha256: Option<String>,
    /// What happened to it, in the order in which it was written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<EventView>,
    /// How often it was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uses: Option<i64>,
}

/// Something that happened to a seal.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct EventView {
    /// What.
    pub change: &'static str,
    /// From when it holds.
    pub at: String,
    /// When it was written.
    pub recorded_at: String,
    /// By whom.
    pub actor: String,
    /// Why.
    pub reason: String,
}

impl From<&StoredSeal> for SealView {
    fn from(seal: &StoredSeal) -> Self {
        Self {
            id: seal.id.to_string(),
            origin: seal.origin.as_str(),
            owner: seal.owner_name.clone(),
            uscc: seal.owner_code.clone(),
            purpose: seal.purpose.as_str(),
            purpose_zh: seal.purpose.zh(),
            name: seal.name.clone(),
            es_id: seal.es_id.clone(),
            state: seal.state.as_str(),
            valid_from: seal.valid_from.to_string(),
            valid_until: seal.valid_until.to_string(),
            filing: seal.filing.clone(),
            maker_sha256: seal.maker.clone(),
            sha256: seal.sha256.clone(),
            events: Vec::new(),
            uses: None,
        }
    }
}

fn absent() -> Fault {
    Fault::new(code::NOT_FOUND)
}

fn wrong_state(seal: &StoredSeal) -> Fault {
    Fault::new(code::SEAL_STATE).detail(format!("{}: {}", seal.es_id, seal.state.as_str()))
}

/// Why something is done: one line for the record.
fn reason(text: &str) -> Result<String, Fault> {
    let text = text.trim();
    if !(1..=500).contains(&text.chars().count()) || text.chars().any(char::is_control) {
        return Err(Fault::new(code::BAD_REQUEST).detail("reason: 1 to 500 characters on one line"));
    }
    Ok(crate::id::mask_text(text))
}

async fn found(tx: &mut Tx<'_>, agency: &AgencyId, id: &SealId) -> Result<StoredSeal, Fault> {
    seals::find(tx, agency, id).await?.ok_or_else(absent)
}

/// An agency's seals, the oldest first.
pub async fn list(world: &World, agency: &AgencyId, after: Option<&SealId>) -> Result<Vec<StoredSeal>, Fault> {
    world.store.read("list seals", |tx| Box::pin(async move { Ok(seals::list(tx, agency, after, 100).await?) })).await
}

/// An agency's seal with its history.
pub async fn one(world: &World, agency: &AgencyId, id: &SealId) -> Result<(StoredSeal, SealView), Fault> {
    let read = world.store.read("a seal", |tx| {
        Box::pin(async move {
            let seal = found(tx, agency, id).await?;
            let events = seals::events(tx, id).await?;
            Ok((seal, events, seal_grants::uses(tx, id).await?))
        })
    });
    let (seal, events, uses) = read.await?;
    let shown = |event: &Event| EventView {
        change: event.change.as_str(),
        at: event.at.to_string(),
        recorded_at: event.recorded_at.to_string(),
        actor: event.actor.clone(),
        reason: event.reason.clone(),
    };
    let view = SealView { events: events.iter().map(shown).collect(), uses: Some(uses), ..SealView::from(&seal) };
    Ok((seal, view))
}

/// The picture of an agency's seal.
pub async fn picture(world: &World, agency: &AgencyId, id: &SealId) -> Result<Vec<u8>, Fault> {
    let read = world.store.read("a seal's picture", |tx| Box::pin(async move { Ok(seals::picture(tx, agency, id).await?) }));
    read.await?.ok_or_else(absent)
}

/// What held of a seal at a moment. Of a seal made elsewhere its source is asked; one that cannot be asked is `unknown`.
pub async fn in_force(world: &World, agency: &AgencyId, id: &SealId, at: Moment) -> Result<Standing, Fault> {
    let read =
        world.store.read("was it in force", |tx| Box::pin(async move { Ok((found(tx, agency, id).await?, seals::events(tx, id).await?)) }));
    let (seal, events) = read.await?;
    let here = register::record(&events, seal.valid_from, seal.valid_until);
    if seal.origin == Origin::Here {
        return Ok(here.standing(at));
    }
    let source = status::source_says(world, seal.sha256.as_deref().unwrap_or_default(), &seal.es_id).await.standing(at);
    // What the agency itself ended or suspended it does not use, whatever the source says.
    Ok(match here.standing(at) {
        ours @ (Standing::Revoked | Standing::Suspended) if source != Standing::Revoked => ours,
        _ => source,
    })
}

/// Suspends a seal: from now on it is used for nothing.
pub async fn suspend(world: &World, actor: &Actor, id: &SealId, why: &str) -> Result<(), Fault> {
    end(world, actor, id, Change::Suspended, None, why).await
}

/// Revokes a seal for good, as of now or of an earlier moment since it came into force; its open grants end.
pub async fn revoke(world: &World, actor: &Actor, id: &SealId, since: Option<Moment>, why: &str) -> Result<(), Fault> {
    end(world, actor, id, Change::Revoked, since, why).await
}

/// Removes the octets of a revoked seal.
pub async fn destroy(world: &World, actor: &Actor, id: &SealId, why: &str) -> Result<(), Fault> {
    end(world, actor, id, Change::Destroyed, None, why).await
}

async fn end(world: &World, actor: &Actor, id: &SealId, change: Change, since: Option<Moment>, why: &str) -> Result<(), Fault> {
    let (now, why) = (world.clock.now(), &reason(why)?);
    let done = world.store.write("end a seal", |tx| {
        Box::pin(async move {
            let seal = found(tx, &actor.agency, id).await?;
            let at = since.unwrap_or(now);
            let begun = seals::events(tx, id).await?.iter().find(|event| event.change == Change::Activated).map(|event| event.at);
            if at > now || since.is_some_and(|since| begun.is_none_or(|begun| since < begun)) {
                return Err(Fault::new(code::BAD_REQUEST).detail("since: not later than now, nor before the seal came into force"));
            }
            step(tx, actor, &seal, change, at, now, why, None).await?;
            if change == Change::Revoked {
                seal_grants::end_all(tx, id, now).await?;
            }
            if change == Change::Destroyed {
                seals::remove_octets(tx, id).await?;
            }
            Ok(())
        })
    });
    done.await
}

/// One change: the state moves, the event is written, the audit log witnesses it; all in the caller's transaction.
#[allow(clippy::too_many_arguments, reason = "what a register's entry consists of")]
async fn step(
    tx: &mut Tx<'_>,
    actor: &Actor,
    seal: &StoredSeal,
    change: Change,
    at: Moment,
    now: Moment,
    why: &str,
    request: Option<&SealRequestId>,
) -> Result<State, Fault> {
    let next = register::after(seal.state, change).ok_or_else(|| wrong_state(seal))?;
    if !seals::set_state(tx, &seal.id, seal.state, next).await? {
        return Err(wrong_state(seal));
    }
    let event = Event { change, at, recorded_at: now, actor: actor.actor.clone(), reason: why.to_owned() };
    seals::append(tx, &seal.id, &event, request).await?;
    let facts = json!({
        "actor": actor.actor, "seal": seal.id, "code": seal.es_id, "state": next.as_str(), "since": at.to_string(),
        "reason": why, "request": request,
    });
    witness(tx, actor, &format!("seal.{}", change.as_str()), &facts, now).await?;
    Ok(next)
}

async fn witness(tx: &mut Tx<'_>, actor: &Actor, event: &str, facts: &serde_json::Value, at: Moment) -> Result<(), Fault> {
    let entry = audit::Entry { agency: Some(&actor.agency), party: actor.party.as_ref(), at, event, facts, personal: None };
    audit::append(tx, entry).await?;
    Ok(())
}
