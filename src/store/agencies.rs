//! Agencies: the offices that portals, verdicts, receipts and keys belong to.

use super::{Row, StoreError, Tx, millis};
use crate::ids::AgencyId;
use crate::moment::Moment;

/// An agency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agency {
    /// Its identifier, chosen by the operator.
    pub id: AgencyId,
    /// Its name as people read it.
    pub name: String,
    /// When it was registered here.
    pub created_at: Moment,
    /// When it was closed: nothing new is done in its name from then on.
    pub closed_at: Option<Moment>,
}

fn read(row: &Row) -> Result<Agency, StoreError> {
    Ok(Agency {
        id: row.parse("id")?,
        name: row.text("name")?,
        created_at: row.moment("created_at")?,
        closed_at: row.moment_or_null("closed_at")?,
    })
}

/// Registers an agency; [`StoreError::Taken`] if the identifier is in use.
pub async fn add(tx: &mut Tx<'_>, id: &AgencyId, name: &str, now: Moment) -> Result<(), StoreError> {
    let query = sqlx::query("INSERT INTO agencies (id, name, created_at) VALUES ($1, $2, $3)");
    tx.execute(query.bind(id.as_str()).bind(name).bind(now.millis())).await.map(drop)
}

/// The agency of this identifier.
pub async fn find(tx: &mut Tx<'_>, id: &AgencyId) -> Result<Option<Agency>, StoreError> {
    let query = sqlx::query("SELECT id, name, created_at, closed_at FROM agencies WHERE id = $1");
    tx.optional(query.bind(id.as_str())).await?.as_ref().map(read).transpose()
}

/// All agencies, by identifier.
pub async fn list(tx: &mut Tx<'_>) -> Result<Vec<Agency>, StoreError> {
    let rows = tx.all(sqlx::query("SELECT id, name, created_at, closed_at FROM agencies ORDER BY id LIMIT 10000")).await?;
    rows.iter().map(read).collect()
}

/// Closes an agency, or opens it again with `None`.
pub async fn close(tx: &mut Tx<'_>, id: &AgencyId, at: Option<Moment>) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE agencies SET closed_at = $2 WHERE id = $1");
    Ok(tx.execute(query.bind(id.as_str()).bind(millis(at))).await? == 1)
}
