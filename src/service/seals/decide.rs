//! Deciding: by another than who asked, on exactly what was asked, once, in time.

use super::{Actor, absent, ask, found, reason, step, witness, wrong_state};
use crate::fault::{Fault, code};
use crate::ids::{AgencyId, SealId, SealRequestId};
use crate::moment::Moment;
use crate::sign::seal::register::{Change, State};
use crate::store::seal_grants::{self, NewGrant, RequestKind, RequestState, StoredRequest};
use crate::store::{Tx, seals};
use crate::world::World;
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

/// An agency's request; what was asked stands in its body.
pub async fn request(world: &World, agency: &AgencyId, id: &SealRequestId) -> Result<StoredRequest, Fault> {
    let read = world.store.read("a request", |tx| Box::pin(async move { Ok(seal_grants::find(tx, agency, id).await?) }));
    read.await?.ok_or_else(absent)
}

/// An agency's open requests, the oldest first.
pub async fn requests(world: &World, agency: &AgencyId, seal: Option<&SealId>) -> Result<Vec<StoredRequest>, Fault> {
    let now = world.clock.now();
    world.store.read("open requests", |tx| Box::pin(async move { Ok(seal_grants::open(tx, agency, seal, now).await?) })).await
}

/// Approves what was shown with this digest, and does it.
///
/// # Errors
/// [`code::SEAL_SAME_PERSON`], [`code::SEAL_APPROVAL`], [`code::SEAL_STATE`], [`code::NOT_FOUND`].
pub async fn approve(world: &World, actor: &Actor, id: &SealRequestId, shown: &str) -> Result<(), Fault> {
    let now = world.clock.now();
    let done = world.store.write("approve a request about a seal", |tx| {
        Box::pin(async move {
            let asked = decidable(tx, actor, id, shown).await?;
            settle(tx, actor, &asked, RequestState::Approved, "", now).await?;
            apply(tx, actor, &asked, now).await
        })
    });
    done.await
}

/// Refuses it. Who asked may also take it back.
///
/// # Errors
/// [`code::SEAL_APPROVAL`], [`code::NOT_FOUND`].
pub async fn refuse(world: &World, actor: &Actor, id: &SealRequestId, why: &str) -> Result<(), Fault> {
    let (now, why) = (world.clock.now(), &reason(why)?);
    let done = world.store.write("refuse a request about a seal", |tx| {
        Box::pin(async move {
            let asked = seal_grants::find(tx, &actor.agency, id).await?.ok_or_else(absent)?;
            settle(tx, actor, &asked, RequestState::Refused, why, now).await?;
            if matches!(asked.kind, RequestKind::Make | RequestKind::Import) {
                let seal = found(tx, &actor.agency, &asked.seal).await?;
                step(tx, actor, &seal, Change::Refused, now, now, why, Some(id)).await?;
                seals::forget_octets(tx, &seal.id).await?;
            }
            Ok(())
        })
    });
    done.await
}

/// The request, if this one may decide it: somebody else than who asked, at least one of both a person at the desk, and it is what
/// was shown and what was kept.
async fn decidable(tx: &mut Tx<'_>, actor: &Actor, id: &SealRequestId, shown: &str) -> Result<StoredRequest, Fault> {
    let asked = seal_grants::find(tx, &actor.agency, id).await?.ok_or_else(absent)?;
    let same = asked.asked_by == actor.actor || (asked.asked_party.is_some() && asked.asked_party == actor.party);
    if same || (asked.asked_party.is_none() && actor.party.is_none()) {
        return Err(Fault::new(code::SEAL_SAME_PERSON));
    }
    let kept = ask::digest(&asked.body);
    if !bool::from(kept.as_bytes().ct_eq(asked.digest.as_bytes()) & kept.as_bytes().ct_eq(shown.as_bytes())) {
        return Err(Fault::new(code::SEAL_APPROVAL));
    }
    Ok(asked)
}

async fn settle(tx: &mut Tx<'_>, actor: &Actor, asked: &StoredRequest, state: RequestState, why: &str, now: Moment) -> Result<(), Fault> {
    if !seal_grants::decide(tx, &asked.id, state, &actor.actor, why, now).await? {
        return Err(Fault::new(code::SEAL_APPROVAL));
    }
    let facts = json!({
        "actor": actor.actor, "asked_by": asked.asked_by, "request": asked.id, "seal": asked.seal, "kind": asked.kind.as_str(),
        "digest": asked.digest, "decision": state.as_str(), "reason": why,
    });
    witness(tx, actor, "seal.request-decided", &facts, now).await
}

/// Does what was approved.
async fn apply(tx: &mut Tx<'_>, actor: &Actor, asked: &StoredRequest, now: Moment) -> Result<(), Fault> {
    let system = || Fault::new(code::SYSTEM);
    let body: Value = serde_json::from_slice(&asked.body).map_err(|error| system().because(error))?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).ok_or_else(system);
    // What the row says and what the body says are the same thing.
    if text("seal")? != asked.seal.as_str() || text("agency")? != actor.agency.as_str() || text("kind")? != asked.kind.as_str() {
        return Err(Fault::new(code::SEAL_APPROVAL));
    }
    let seal = found(tx, &actor.agency, &asked.seal).await?;
    let request = Some(&asked.id);
    match asked.kind {
        RequestKind::Make => drop(step(tx, actor, &seal, Change::Approved, now, now, "", request).await?),
        RequestKind::Import => drop(step(tx, actor, &seal, Change::Activated, now, now, "", request).await?),
        RequestKind::Resume => drop(step(tx, actor, &seal, Change::Resumed, now, now, text("reason")?, request).await?),
        RequestKind::File => {
            if seal.filing.is_some() {
                return Err(wrong_state(&seal));
            }
            let filing = text("filing")?;
            step(tx, actor, &seal, Change::Filed, now, now, filing, request).await?;
            seals::set_filing(tx, &seal.id, filing).await?;
        }
        RequestKind::Use => {
            if seal.state != State::Active {
                return Err(wrong_state(&seal));
            }
            let until: Moment = text("until")?.parse().map_err(|_| system())?;
            let new = NewGrant {
                agency: &actor.agency,
                seal: &seal.id,
                request: &asked.id,
                scope: text("scope")?,
                subject: text("subject")?,
                uses: body.get("uses").and_then(Value::as_i64).ok_or_else(system)?,
                ends_at: until,
                created_at: now,
            };
            seal_grants::grant(tx, &new).await?;
        }
    }
    Ok(())
}
