//! Licence types: registered from their definition files.

use crate::fault::{Fault, code};
use crate::ids::AgencyId;
use crate::licence::LicenceType;
use crate::service::verifications::Asker;
use crate::store::licences::{self, StoredType};
use crate::store::{agencies, audit};
use crate::world::World;
use serde_json::json;

/// Registers a definition. The same text again changes nothing; another under the same code is its next revision.
///
/// # Errors
/// [`code::LICENCE_TYPE`] names the place that is wrong.
pub async fn register(world: &World, asker: &Asker, definition: &str) -> Result<StoredType, Fault> {
    let kind = LicenceType::parse(definition).map_err(|error| Fault::new(code::LICENCE_TYPE).detail(error.to_string()))?;
    let (now, agency, kind) = (world.clock.now(), &asker.agency, &kind);
    let added = world.store.write("register a licence type", |tx| {
        Box::pin(async move {
            if agencies::find(tx, agency).await?.is_none() {
                return Err(Fault::new(code::NOT_FOUND).detail("there is no such agency"));
            }
            let before = licences::find_type(tx, agency, &kind.code).await?;
            let stored = licences::add_type(tx, agency, &kind.code, &kind.name, definition, now).await?;
            if before.is_none_or(|before| before.id != stored.id) {
                let facts = json!({ "actor": asker.actor, "code": stored.code, "revision": stored.revision });
                let entry = audit::Entry {
                    agency: Some(agency),
                    party: asker.party.as_ref(),
                    at: now,
                    event: "licence-type.registered",
                    facts: &facts,
                    personal: None,
                };
                audit::append(tx, entry).await?;
            }
            Ok(stored)
        })
    });
    added.await
}

/// An agency's types, the newest revision of each.
pub async fn types(world: &World, agency: &AgencyId) -> Result<Vec<StoredType>, Fault> {
    world.store.read("licence types", |tx| Box::pin(async move { Ok(licences::types(tx, agency).await?) })).await
}
