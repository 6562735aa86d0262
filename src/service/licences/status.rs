//! The state of licences, and what is decided about them.

use super::owned;
use crate::fault::{Fault, code};
use crate::ids::AgencyId;
use crate::licence::state::{Act, Event, Standing, may, standing};
use crate::moment::Moment;
use crate::service::verifications::Asker;
use crate::store::licences::{self, Stage, StoredLicence};
use crate::store::{Tx, audit};
use crate::verify::Verdict;
use crate::verify::licence::LicenceStatus;
use crate::world::World;
use serde::Serialize;
use serde_json::json;

/// An event as it is told to the agency.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = LicenceEvent)]
pub struct StatusEvent {
    /// What was decided.
    pub act: &'static str,
    /// The same in Chinese.
    pub act_zh: &'static str,
    /// From when it counts, RFC 3339.
    #[schema(value_type = String)]
    pub effective: Moment,
    /// When it was recorded.
    #[schema(value_type = String)]
    pub recorded: Moment,
    /// Why.
    pub reason: String,
    /// Who.
    pub actor: String,
}

/// The state of a licence with its history.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[schema(as = LicenceStatus)]
pub struct Status {
    /// Identifier.
    pub identifier: String,
    /// Name of the licence.
    pub name: String,
    /// Type code.
    pub type_code: String,
    /// `making` until the files are released, then `issued`.
    pub stage: &'static str,
    /// `in-force`, `not-yet`, `expired`, `suspended`, `replaced`, `voided`, `revoked`, `withdrawn`, `cancelled`.
    pub state: &'static str,
    /// The same in Chinese.
    pub state_zh: &'static str,
    /// Since when.
    #[schema(value_type = String)]
    pub since: Moment,
    /// Why.
    pub reason: String,
    /// Identifier of the licence in its place.
    pub replaced_by: Option<String>,
    /// Identifier of the licence in whose place it stands.
    pub replaces: Option<String>,
    /// First moment of its first day.
    #[schema(value_type = String)]
    pub begins: Moment,
    /// First moment after its last day; none: unlimited.
    #[schema(value_type = Option<String>)]
    pub ends: Option<Moment>,
    /// Annotated copies that were made.
    pub copies: i64,
    /// What was decided, in its order.
    pub events: Vec<StatusEvent>,
    /// When this was answered.
    #[schema(value_type = String)]
    pub asked_at: Moment,
}

/// State and successor of a licence.
pub(super) async fn state(tx: &mut Tx<'_>, licence: &StoredLicence, at: Moment) -> Result<(Standing, Option<String>, Vec<Event>), Fault> {
    let events = licences::events(tx, &licence.id).await?;
    let standing = standing(&events, licence.begins, licence.ends, at);
    let successor = licences::successor(tx, &licence.id).await?.filter(|next| next.stage == Stage::Issued);
    Ok((standing, successor.map(|next| next.identifier), events))
}

/// The state of an agency's licence now.
///
/// # Errors
/// [`code::NOT_FOUND`] for another agency's.
pub async fn status(world: &World, agency: &AgencyId, identifier: &str) -> Result<Status, Fault> {
    let (licence, kind) = owned(world, agency, identifier).await?;
    let (now, own) = (world.clock.now(), &licence);
    let read = world.store.read("a licence's state", |tx| {
        Box::pin(async move {
            let (standing, replaced_by, events) = state(tx, own, now).await?;
            let replaces = match &own.replaces {
                Some(old) => licences::by_id(tx, old).await?.map(|old| old.identifier),
                None => None,
            };
            Ok((standing, replaced_by, replaces, events, licences::copies(tx, &own.id).await?))
        })
    });
    let (standing, replaced_by, replaces, events, copies) = read.await?;
    let told = |event: Event| StatusEvent {
        act: event.act.name(),
        act_zh: event.act.zh(),
        effective: event.effective,
        recorded: event.recorded,
        reason: event.reason,
        actor: event.actor,
    };
    Ok(Status {
        identifier: licence.identifier,
        name: kind.name,
        type_code: kind.code,
        stage: licence.stage.as_str(),
        state: standing.state.name(),
        state_zh: standing.state.zh(),
        since: standing.since,
        reason: standing.reason,
        replaced_by,
        replaces,
        begins: licence.begins,
        ends: licence.ends,
        copies,
        events: events.into_iter().map(told).collect(),
        asked_at: now,
    })
}

/// Records what was decided: 暂停, 恢复, 撤销, 吊销, 撤回, 注销. `effective` is now where none is given.
///
/// # Errors
/// [`code::LICENCE_STATE`] where the state does not allow it; [`code::NOT_FOUND`].
pub async fn act(
    world: &World,
    asker: &Asker,
    identifier: &str,
    act: Act,
    reason: &str,
    effective: Option<Moment>,
) -> Result<Status, Fault> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > 500 || reason.chars().any(char::is_control) {
        return Err(Fault::new(code::BAD_REQUEST).detail("a reason of 1 to 500 characters is expected"));
    }
    if matches!(act, Act::Issued | Act::Replaced) {
        return Err(Fault::new(code::BAD_REQUEST).detail("a licence is issued and replaced by making one"));
    }
    let (licence, _) = owned(world, &asker.agency, identifier).await?;
    let (now, licence) = (world.clock.now(), &licence);
    let written = world.store.write("decide about a licence", |tx| {
        Box::pin(async move {
            let events = licences::events(tx, &licence.id).await?;
            if events.is_empty() {
                return Err(Fault::new(code::LICENCE_STATE).detail("it is still in the making"));
            }
            let effective = effective.unwrap_or(now);
            may(&events, licence.begins, licence.ends, act, effective, now).map_err(|why| Fault::new(code::LICENCE_STATE).detail(why.to_string()))?;
            let event = Event { act, effective, recorded: now, reason: reason.into(), actor: asker.actor.clone() };
            licences::add_event(tx, &licence.id, &event, None).await?;
            let facts = json!({
                "act": act.name(), "actor": asker.actor, "effective": effective.millis(), "identifier": licence.identifier, "reason": reason,
            });
            let entry = audit::Entry {
                agency: Some(&asker.agency), party: asker.party.as_ref(), at: now, event: "licence.decided", facts: &facts, personal: None,
            };
            audit::append(tx, entry).await?;
            Ok(())
        })
    });
    written.await?;
    status(world, &asker.agency, identifier).await
}

/// What our register says of an identifier at `at`; none where it does not know it.
pub async fn of_identifier(world: &World, identifier: &str, at: Moment) -> Result<Option<LicenceStatus>, Fault> {
    let now = world.clock.now();
    let found = world.store.read("the register's word", |tx| {
        Box::pin(async move {
            let Some(licence) = licences::by_identifier(tx, identifier).await? else { return Ok(None) };
            if licence.stage != Stage::Issued {
                return Ok(None);
            }
            Ok(Some(state(tx, &licence, at).await?))
        })
    });
    let source = world.config.issuer.clone();
    Ok(found.await?.map(|(standing, replaced_by, _)| LicenceStatus {
        identifier: identifier.into(),
        state: standing.state.name().into(),
        state_zh: standing.state.zh().into(),
        since: standing.since,
        reason: standing.reason,
        replaced_by,
        source,
        asked_at: now,
    }))
}

/// What our register says of the licence that a verdict is about, unless that is known already.
pub async fn status_of(world: &World, verdict: &Verdict, at: Moment) -> Result<Option<LicenceStatus>, Fault> {
    let licence = verdict.licence.as_ref().filter(|licence| licence.status_at_source.status.is_none());
    let Some(identifier) = licence.and_then(|licence| licence.identifier.value.as_deref()) else { return Ok(None) };
    of_identifier(world, identifier, at).await
}
