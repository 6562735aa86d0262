//! The CAS side of a login: finding the portal of a service, validating a service ticket.

use super::token::grant_event;
use super::{as_client, client, person, witness};
use crate::fault::Fault;
use crate::login::Client;
use crate::login::cas::{Failure, Success, Ticket, is_ticket};
use crate::login::states::Granted;
use crate::moment::Moment;
use crate::store::grants::{self, Shown};
use crate::store::{StoreError, Tx, clients};
use crate::world::World;

/// The enabled portal of exactly this service.
pub async fn by_service(world: &World, service: &str) -> Result<Option<Client>, Fault> {
    let found = world
        .store
        .read("find a service", |tx| Box::pin(async move { clients::by_service(tx, service).await?.map(as_client).transpose() }));
    Ok(found.await?.filter(|client| client.is_service(service)))
}

/// What a portal sends to have a ticket validated.
pub struct Validation<'a> {
    /// The service as it calls itself.
    pub service: &'a str,
    /// The ticket.
    pub ticket: &'a str,
    /// Only a ticket of a fresh proof will do.
    pub renew: bool,
    /// Whether it wants a proxy ticket.
    pub proxy: bool,
}

/// Validates a ticket: once, for the exact service it was given to. Whatever the outcome, a ticket that was shown is void
/// (CAS 3.0 §2.5.3).
pub async fn validate(world: &World, validation: &Validation<'_>) -> Result<Result<Success, Failure>, Fault> {
    let (ticket, now) = (validation.ticket, world.clock.now());
    if !is_ticket(ticket) {
        return Ok(Err(Failure::Ticket));
    }
    // A guess costs a look, not a write.
    if !world.store.read("look at a ticket", |tx| Box::pin(async move { Ok(grants::is_shown(tx, ticket).await?) })).await? {
        return Ok(Err(Failure::Ticket));
    }
    world.store.write("validate a ticket", |tx| Box::pin(async move { show(tx, validation, now).await })).await
}

/// What is returned as `Ok(Err(…))` is kept: the ticket stays spent.
async fn show(tx: &mut Tx<'_>, validation: &Validation<'_>, now: Moment) -> Result<Result<Success, Failure>, Fault> {
    let token = match grants::show(tx, validation.ticket, now).await? {
        Shown::Fresh(token) => token,
        Shown::Again(grant) => {
            witness(tx, &grant_event("ticket.reused", &grant, now)).await?;
            return Ok(Err(Failure::Ticket));
        }
        Shown::Dead => return Ok(Err(Failure::Ticket)),
    };
    let grant = &token.grant;
    let ticket: Ticket = serde_json::from_value(token.detail.clone()).map_err(|_| StoreError::Corrupt("tokens.detail"))?;
    let portal = client(tx, &grant.client).await?;
    let failure = match &portal {
        // Exactly the service of the ticket, and still one of its portal.
        Some(portal) if portal.is_service(validation.service) && ticket.service == validation.service => {
            match (validation.proxy, validation.renew && !ticket.fresh) {
                (true, _) => Some(Failure::Proxy),
                (false, true) => Some(Failure::Ticket),
                (false, false) => None,
            }
        }
        _ => Some(Failure::Service),
    };
    let (None, Some(portal)) = (failure, &portal) else {
        let failure = failure.unwrap_or(Failure::Service);
        grants::revoke(tx, &grant.id, "ticket refused", now).await?;
        witness(tx, &grant_event("ticket.refused", grant, now).fact("why", failure.code())).await?;
        return Ok(Err(failure));
    };
    let granted: Granted = serde_json::from_slice(&grant.body).map_err(|_| StoreError::Corrupt("grants.body"))?;
    let person = person(tx, portal, &granted.facts, now).await?;
    witness(tx, &grant_event("ticket.spent", grant, now)).await?;
    Ok(Ok(Success::new(portal, &granted, &person, ticket.fresh)))
}
