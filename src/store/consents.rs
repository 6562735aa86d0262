//! Consents: what a Party let a portal see. A consent names the portal itself and is never reused for another.

use super::{Row, StoreError, Tx};
use crate::ids::{AgencyId, ClientId, ConsentId, PartyId};
use crate::moment::Moment;

/// A consent.
#[derive(Debug, Clone, PartialEq)]
pub struct Consent {
    /// Its id.
    pub id: ConsentId,
    /// The portal's agency.
    pub agency: AgencyId,
    /// The portal.
    pub client: ClientId,
    /// Who consented.
    pub party: PartyId,
    /// Which scopes and claims, as shown to the person.
    pub released: serde_json::Value,
    /// When.
    pub given_at: Moment,
    /// When it was taken back.
    pub withdrawn_at: Option<Moment>,
}

const COLUMNS: &str = "id, agency_id, client_id, party_id, released, given_at, withdrawn_at";

fn read(row: &Row) -> Result<Consent, StoreError> {
    Ok(Consent {
        id: row.parse("id")?,
        agency: row.parse("agency_id")?,
        client: row.parse("client_id")?,
        party: row.parse("party_id")?,
        released: row.json("released")?,
        given_at: row.moment("given_at")?,
        withdrawn_at: row.moment_or_null("withdrawn_at")?,
    })
}

/// Records a consent.
pub async fn add(
    tx: &mut Tx<'_>,
    agency: &AgencyId,
    client: &ClientId,
    party: &PartyId,
    released: &serde_json::Value,
    now: Moment,
) -> Result<ConsentId, StoreError> {
    let id = ConsentId::from_random(tx.sealer.random());
    let query =
        sqlx::query("INSERT INTO consents (id, agency_id, client_id, party_id, released, given_at) VALUES ($1, $2, $3, $4, $5, $6)");
    let query = query.bind(id.as_str()).bind(agency.as_str()).bind(client.as_str()).bind(party.as_str());
    tx.execute(query.bind(released.to_string()).bind(now.millis())).await?;
    Ok(id)
}

/// The standing consent of a Party to a portal, the newest.
pub async fn standing(tx: &mut Tx<'_>, client: &ClientId, party: &PartyId) -> Result<Option<Consent>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM consents WHERE client_id = $1 AND party_id = $2 AND withdrawn_at IS NULL ORDER BY given_at DESC, id LIMIT 1"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(client.as_str()).bind(party.as_str());
    tx.optional(query).await?.as_ref().map(read).transpose()
}

/// All consents of a Party, the newest first.
pub async fn of_party(tx: &mut Tx<'_>, party: &PartyId) -> Result<Vec<Consent>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM consents WHERE party_id = $1 ORDER BY given_at DESC, id LIMIT 1000");
    tx.all(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(party.as_str())).await?.iter().map(read).collect()
}

/// Takes back all standing consents of a Party to a portal; returns how many.
pub async fn withdraw(tx: &mut Tx<'_>, client: &ClientId, party: &PartyId, now: Moment) -> Result<u64, StoreError> {
    let query = sqlx::query("UPDATE consents SET withdrawn_at = $3 WHERE client_id = $1 AND party_id = $2 AND withdrawn_at IS NULL");
    tx.execute(query.bind(client.as_str()).bind(party.as_str()).bind(now.millis())).await
}
