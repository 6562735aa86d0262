//! Registering portals: what `xinyin client` does.

use crate::fault::{Fault, code};
use crate::ids::{AgencyId, ClientId};
use crate::login::Registration;
use crate::store::{StoreError, audit, clients};
use crate::world::{World, random};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;

/// A portal with its secret, shown this once. `None` for a public client.
#[derive(Debug)]
pub struct Registered {
    /// `client_id`.
    pub id: ClientId,
    /// `client_secret`.
    pub secret: Option<SecretString>,
}

/// Registers a portal from its JSON description: the members of [`Registration`] and, optionally, `client_id`.
pub async fn add(world: &World, agency: &AgencyId, description: &[u8]) -> Result<Registered, Fault> {
    let refuse = |what: String| Fault::new(code::PORTAL_DESCRIPTION).detail(what);
    let mut description: Value = serde_json::from_slice(description).map_err(|error| refuse(error.to_string()))?;
    let id = match description.as_object_mut().and_then(|members| members.remove("client_id")) {
        Some(Value::String(id)) => id.parse().map_err(|error| refuse(format!("client_id: {error}")))?,
        Some(_) => return Err(refuse("client_id: not a string".to_owned())),
        None => ClientId::from_random(random(&*world.dice)),
    };
    let registration: Registration = serde_json::from_value(description).map_err(|error| refuse(error.to_string()))?;
    let (client, stored) = registration.client(id.clone(), agency.clone()).map_err(|error| refuse(error.to_string()))?;
    let settings = serde_json::to_value(stored).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let now = world.clock.now();
    let is_public = client.authentication == crate::login::ClientAuthentication::Public;
    let (id_ref, name, settings, services) = (&id, client.name_zh.as_str(), &settings, client.cas_services.as_slice());
    let added = world.store.write("register a portal", |tx| {
        Box::pin(async move {
            match clients::add(tx, agency, id_ref, name, settings, now).await {
                Err(StoreError::Taken) => return Err(Fault::new(code::CONFLICT).detail(format!("client_id {id_ref} is in use"))),
                Err(StoreError::Dangling) => return Err(Fault::new(code::NOT_FOUND).detail(format!("there is no agency {agency}"))),
                other => other?,
            }
            match clients::set_services(tx, id_ref, services).await {
                Err(StoreError::Taken) => return Err(Fault::new(code::CONFLICT).detail("a CAS service belongs to another portal")),
                other => other?,
            }
            let secret = if is_public { None } else { clients::new_secret(tx, agency, id_ref, now, now).await? };
            let facts = json!({ "client": id_ref.as_str() });
            let entry =
                audit::Entry { agency: Some(agency), party: None, at: now, event: "client.registered", facts: &facts, personal: None };
            audit::append(tx, entry).await?;
            Ok(secret)
        })
    });
    Ok(Registered { secret: added.await?, id })
}

/// An agency's portals.
pub async fn list(world: &World, agency: &AgencyId) -> Result<Vec<clients::Client>, Fault> {
    world.store.read("portals", |tx| Box::pin(async move { Ok(clients::list(tx, agency).await?) })).await
}

/// A new secret for a portal; the old ones stay good for `overlap`, so that no login fails meanwhile.
pub async fn rotate(world: &World, agency: &AgencyId, id: &ClientId, overlap: Duration) -> Result<SecretString, Fault> {
    let now = world.clock.now();
    let rotated = world.store.write("rotate a portal's secret", |tx| {
        Box::pin(async move {
            let secret = clients::new_secret(tx, agency, id, now, now.plus(overlap)).await?;
            let secret = secret.ok_or_else(|| Fault::new(code::NOT_FOUND).detail(format!("agency {agency} has no client {id}")))?;
            let facts = json!({ "client": id.as_str(), "overlap_seconds": overlap.as_secs() });
            let entry =
                audit::Entry { agency: Some(agency), party: None, at: now, event: "client.secret-rotated", facts: &facts, personal: None };
            audit::append(tx, entry).await?;
            Ok(secret)
        })
    });
    rotated.await
}
