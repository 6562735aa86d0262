//! Bulk issue: a batch belongs to one file, a row of it to at most one licence.

use super::{StoreError, Tx};
use crate::ids::{AgencyId, LicenceId};
use crate::moment::Moment;

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The type, by row: the whole batch is issued under one revision.
    pub type_id: String,
    /// SM3 of the file.
    pub file_sm3: String,
    /// When it was finished.
    pub finished_at: Option<Moment>,
}

/// An agency's batch.
pub async fn batch(tx: &mut Tx<'_>, agency: &AgencyId, name: &str) -> Result<Option<Batch>, StoreError> {
    let query = sqlx::query("SELECT type_id, file_sm3, finished_at FROM licence_batches WHERE agency_id = $1 AND name = $2");
    let Some(row) = tx.optional(query.bind(agency.as_str()).bind(name)).await? else { return Ok(None) };
    Ok(Some(Batch { type_id: row.text("type_id")?, file_sm3: row.text("file_sm3")?, finished_at: row.moment_or_null("finished_at")? }))
}

/// Begins a batch.
pub async fn add_batch(
    tx: &mut Tx<'_>,
    agency: &AgencyId,
    name: &str,
    type_id: &str,
    file_sm3: &str,
    now: Moment,
) -> Result<(), StoreError> {
    let query = sqlx::query("INSERT INTO licence_batches (agency_id, name, type_id, file_sm3, created_at) VALUES ($1, $2, $3, $4, $5)");
    tx.execute(query.bind(agency.as_str()).bind(name).bind(type_id).bind(file_sm3).bind(now.millis())).await.map(drop)
}

/// Notes that every row was gone through.
pub async fn finish_batch(tx: &mut Tx<'_>, agency: &AgencyId, name: &str, now: Moment) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE licence_batches SET finished_at = $3 WHERE agency_id = $1 AND name = $2 AND finished_at IS NULL");
    tx.execute(query.bind(agency.as_str()).bind(name).bind(now.millis())).await.map(drop)
}

/// The licence of a row; `new` binds it, once and for all, in the transaction that gives the licence its identifier.
pub async fn row_licence(
    tx: &mut Tx<'_>,
    agency: &AgencyId,
    batch: &str,
    line: i64,
    new: Option<&LicenceId>,
) -> Result<Option<LicenceId>, StoreError> {
    if let Some(new) = new {
        let query = sqlx::query("INSERT INTO licence_rows (agency_id, batch, line, licence_id) VALUES ($1, $2, $3, $4)");
        match tx.execute(query.bind(agency.as_str()).bind(batch).bind(line).bind(new.as_str())).await {
            Ok(_) => return Ok(Some(new.clone())),
            Err(StoreError::Taken) => {
                tx.conflict = true;
                return Err(StoreError::Conflict);
            }
            Err(other) => return Err(other),
        }
    }
    let query = sqlx::query("SELECT licence_id FROM licence_rows WHERE agency_id = $1 AND batch = $2 AND line = $3");
    let row = tx.optional(query.bind(agency.as_str()).bind(batch).bind(line)).await?;
    row.map(|row| row.parse("licence_id")).transpose()
}
