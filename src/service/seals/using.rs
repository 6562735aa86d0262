//! Leave to use a seal: what signing asks for before the key moves.

use super::{Actor, status, witness, wrong_state};
use crate::fault::{Fault, code};
use crate::ids::{AgencyId, SealGrantId, SealId, SealUseId};
use crate::moment::Moment;
use crate::sign::seal::register::State;
use crate::store::seals::{self, Origin};
use crate::store::{Tx, seal_grants};
use crate::verify::register::Standing;
use crate::world::World;
use serde_json::json;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long an answer of a seal's source counts.
const FRESH: Duration = Duration::from_secs(300);

/// What the source of a seal said shortly before its use: got by [`leave`], outside of the transaction, spent in it.
#[derive(Debug, Clone)]
pub struct Leave {
    seal: SealId,
    asked: Option<Moment>,
}

/// A use that is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// Who uses it, for which agency.
    pub actor: &'a Actor,
    /// Digest of the document as it is before sealing: `sha256:` or `sm3:` and hexadecimal.
    pub document: &'a str,
    /// The type of the licence that the document is, if it is one.
    pub licence_type: Option<&'a str>,
    /// Now.
    pub now: Moment,
}

/// A use that was allowed, and counted.
#[derive(Debug, Clone)]
pub struct Authorised {
    /// The seal's octets.
    pub seal: Zeroizing<Vec<u8>>,
    /// Its code, `esID`.
    pub es_id: String,
    /// The owner's credit code.
    pub owner_code: String,
    /// The use's number in the register.
    pub used: SealUseId,
    /// The grant that it was taken from.
    pub grant: SealGrantId,
}

/// Asks the source of a seal made elsewhere whether it may be used now; of a seal made here the transaction itself tells. Does
/// I/O: call it before the write that [`authorise_use`] runs in.
///
/// # Errors
/// [`code::SEALS_UNAVAILABLE`] if the source cannot be asked; [`code::SEAL_OUT_OF_FORCE`] if it does not say that it is in force.
pub async fn leave(world: &World, agency: &AgencyId, id: &SealId) -> Result<Leave, Fault> {
    let seal = world.store.read("a seal to be used", |tx| Box::pin(async move { super::found(tx, agency, id).await })).await?;
    if seal.origin == Origin::Here {
        return Ok(Leave { seal: seal.id, asked: None });
    }
    let now = world.clock.now();
    let said = status::source_says(world, seal.sha256.as_deref().unwrap_or_default(), &seal.es_id).await;
    match said.standing(now) {
        Standing::InForce => Ok(Leave { seal: seal.id, asked: Some(now) }),
        Standing::Unknown => Err(Fault::new(code::SEALS_UNAVAILABLE)),
        other => Err(Fault::new(code::SEAL_OUT_OF_FORCE).detail(format!("{}: {}", seal.es_id, other.name()))),
    }
}

/// Takes one use of a grant for a seal, inside the caller's write: the same transaction commits the intention. Whatever fails
/// there gives the use back.
///
/// # Errors
/// [`code::NOT_FOUND`], [`code::SEAL_STATE`] (not active), [`code::SEAL_OUT_OF_FORCE`] (outside its validity, or the source was
/// asked too long ago), [`code::SEAL_NOT_GRANTED`].
pub async fn authorise_use(tx: &mut Tx<'_>, leave: &Leave, wanted: &Use<'_>) -> Result<Authorised, Fault> {
    let Use { actor, document, licence_type, now } = *wanted;
    let seal = super::found(tx, &actor.agency, &leave.seal).await?;
    if seal.state != State::Active {
        return Err(wrong_state(&seal));
    }
    let stale = seal.origin == Origin::Elsewhere && leave.asked.is_none_or(|asked| now < asked || now.since(asked) > FRESH);
    if now < seal.valid_from || now > seal.valid_until || stale {
        return Err(Fault::new(code::SEAL_OUT_OF_FORCE).detail(seal.es_id));
    }
    let mut grant = seal_grants::take(tx, &actor.agency, &seal.id, "document", document, now).await?;
    if let (None, Some(kind)) = (&grant, licence_type) {
        grant = seal_grants::take(tx, &actor.agency, &seal.id, "licence-type", kind, now).await?;
    }
    let grant = grant.ok_or(Fault::new(code::SEAL_NOT_GRANTED))?;
    let octets = seals::octets(tx, &actor.agency, &seal.id).await?.ok_or_else(|| wrong_state(&seal))?;
    let used = seal_grants::used(tx, &seal.id, &grant, document, &actor.actor, now).await?;
    let facts = json!({ "actor": actor.actor, "seal": seal.id, "document": document, "grant": grant, "use": used });
    witness(tx, actor, "seal.used", &facts, now).await?;
    Ok(Authorised { seal: octets, es_id: seal.es_id, owner_code: seal.owner_code, used, grant })
}
