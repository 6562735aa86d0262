//! Clients: portals that delegate login and programs that call the API. Each belongs to one agency.
//!
//! Secrets are 256 random bits shown once and kept as keyed hashes; no slow password hash is needed for what no one can guess.

use super::{Row, StoreError, Tx};
use crate::ids::{AgencyId, ClientId};
use crate::moment::Moment;
use secrecy::SecretString;

/// A client.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// Its agency.
    pub agency: AgencyId,
    /// Its name as people read it.
    pub name: String,
    /// Redirect URIs, released claims, policies: what the `login` room reads.
    pub settings: serde_json::Value,
    /// When it was registered.
    pub created_at: Moment,
    /// When its settings last changed.
    pub changed_at: Moment,
    /// When it was switched off.
    pub disabled_at: Option<Moment>,
}

const COLUMNS: &str = "c.id, c.agency_id, c.name, c.settings, c.created_at, c.changed_at, c.disabled_at";

fn read(row: &Row) -> Result<Client, StoreError> {
    Ok(Client {
        id: row.parse("id")?,
        agency: row.parse("agency_id")?,
        name: row.text("name")?,
        settings: row.json("settings")?,
        created_at: row.moment("created_at")?,
        changed_at: row.moment("changed_at")?,
        disabled_at: row.moment_or_null("disabled_at")?,
    })
}

/// Registers a client; [`StoreError::Taken`] if the id is in use, [`StoreError::Dangling`] if the agency is unknown.
pub async fn add(
    tx: &mut Tx<'_>,
    agency: &AgencyId,
    id: &ClientId,
    name: &str,
    settings: &serde_json::Value,
    now: Moment,
) -> Result<(), StoreError> {
    let query = sqlx::query("INSERT INTO clients (id, agency_id, name, settings, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $5)");
    let query = query.bind(id.as_str()).bind(agency.as_str()).bind(name).bind(settings.to_string()).bind(now.millis());
    tx.execute(query).await.map(drop)
}

/// Changes the name and settings of an agency's client.
pub async fn change(
    tx: &mut Tx<'_>,
    agency: &AgencyId,
    id: &ClientId,
    name: &str,
    settings: &serde_json::Value,
    now: Moment,
) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE clients SET name = $3, settings = $4, changed_at = $5 WHERE id = $1 AND agency_id = $2");
    let query = query.bind(id.as_str()).bind(agency.as_str()).bind(name).bind(settings.to_string()).bind(now.millis());
    Ok(tx.execute(query).await? == 1)
}

/// The enabled client of this `client_id`, whatever its agency: for requests that name nothing else.
pub async fn find(tx: &mut Tx<'_>, id: &ClientId) -> Result<Option<Client>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM clients c WHERE c.id = $1 AND c.disabled_at IS NULL");
    tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_str())).await?.as_ref().map(read).transpose()
}

/// Registers the services of a client that speaks CAS; [`StoreError::Taken`] if one belongs to another.
pub async fn set_services(tx: &mut Tx<'_>, id: &ClientId, services: &[String]) -> Result<(), StoreError> {
    tx.execute(sqlx::query("DELETE FROM cas_services WHERE client_id = $1").bind(id.as_str())).await?;
    for service in services {
        let query = sqlx::query("INSERT INTO cas_services (service, client_id) VALUES ($1, $2)");
        tx.execute(query.bind(service.as_str()).bind(id.as_str())).await?;
    }
    Ok(())
}

/// The enabled client of exactly this CAS service.
pub async fn by_service(tx: &mut Tx<'_>, service: &str) -> Result<Option<Client>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM clients c JOIN cas_services s ON s.client_id = c.id WHERE s.service = $1 AND c.disabled_at IS NULL");
    tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(service)).await?.as_ref().map(read).transpose()
}

/// An agency's clients, by id.
pub async fn list(tx: &mut Tx<'_>, agency: &AgencyId) -> Result<Vec<Client>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM clients c WHERE c.agency_id = $1 ORDER BY c.id LIMIT 10000");
    tx.all(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(agency.as_str())).await?.iter().map(read).collect()
}

/// Switches a client off or on again.
pub async fn disable(tx: &mut Tx<'_>, agency: &AgencyId, id: &ClientId, at: Option<Moment>) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE clients SET disabled_at = $3 WHERE id = $1 AND agency_id = $2");
    Ok(tx.execute(query.bind(id.as_str()).bind(agency.as_str()).bind(super::millis(at))).await? == 1)
}

/// A new secret for an agency's client; the former ones stay good until `old_until`. The secret is shown this once.
pub async fn new_secret(
    tx: &mut Tx<'_>,
    agency: &AgencyId,
    id: &ClientId,
    now: Moment,
    old_until: Moment,
) -> Result<Option<SecretString>, StoreError> {
    let query = sqlx::query("SELECT id FROM clients WHERE id = $1 AND agency_id = $2");
    if tx.optional(query.bind(id.as_str()).bind(agency.as_str())).await?.is_none() {
        return Ok(None);
    }
    let query = sqlx::query("UPDATE client_secrets SET expires_at = $2 WHERE client_id = $1 AND (expires_at IS NULL OR expires_at > $2)");
    tx.execute(query.bind(id.as_str()).bind(old_until.millis())).await?;
    let secret = hex::encode(tx.sealer.random::<32>());
    let hash = secret_hash(tx, id, &secret);
    let query = sqlx::query("INSERT INTO client_secrets (hash, client_id, created_at) VALUES ($1, $2, $3)");
    tx.execute(query.bind(hash).bind(id.as_str()).bind(now.millis())).await?;
    Ok(Some(SecretString::from(secret)))
}

/// The enabled client that knows this secret. The search is by keyed hash, so its time tells nothing about the secret.
pub async fn authenticate(tx: &mut Tx<'_>, id: &ClientId, secret: &str, now: Moment) -> Result<Option<Client>, StoreError> {
    let hash = secret_hash(tx, id, secret);
    let sql = format!(
        "SELECT {COLUMNS} FROM client_secrets s JOIN clients c ON c.id = s.client_id WHERE s.hash = $1 AND c.id = $2 \
         AND c.disabled_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > $3)"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(hash).bind(id.as_str()).bind(now.millis());
    tx.optional(query).await?.as_ref().map(read).transpose()
}

fn secret_hash(tx: &Tx<'_>, id: &ClientId, secret: &str) -> String {
    tx.sealer.lookup("client-secret", format!("{id}\0{secret}").as_bytes())
}
