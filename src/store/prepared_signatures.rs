//! Documents prepared for a signature by the holder's own key: sealed, bound to who prepared them, spent once.

use super::{StoreError, Tx};
use crate::ids::{AgencyId, IntentionId};
use crate::moment::Moment;
use zeroize::Zeroizing;

/// What was prepared.
pub struct Prepared {
    /// How it was prepared, JSON.
    pub terms: Zeroizing<Vec<u8>>,
    /// The document as it was sent.
    pub document: Zeroizing<Vec<u8>>,
    /// Until when it can be completed.
    pub expires_at: Moment,
    /// When it was completed.
    pub spent_at: Option<Moment>,
}

fn context(part: &str, id: &IntentionId) -> String {
    format!("prepared_signatures/{part}/{id}")
}

/// Keeps what was prepared under its intention.
pub async fn add(
    tx: &mut Tx<'_>,
    id: &IntentionId,
    (agency, actor): (&AgencyId, &str),
    (terms, document): (&[u8], &[u8]),
    now: Moment,
    expires_at: Moment,
) -> Result<(), StoreError> {
    let (terms, document) = (tx.sealer.seal(&context("terms", id), terms), tx.sealer.seal(&context("document", id), document));
    let query = sqlx::query(
        "INSERT INTO prepared_signatures (id, agency_id, actor, terms, document, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    );
    let query = query.bind(id.as_str()).bind(agency.as_str()).bind(actor).bind(terms).bind(document);
    tx.execute(query.bind(now.millis()).bind(expires_at.millis())).await.map(drop)
}

/// What this caller prepared; another's is not found.
pub async fn find(tx: &mut Tx<'_>, agency: &AgencyId, actor: &str, id: &IntentionId) -> Result<Option<Prepared>, StoreError> {
    let query = sqlx::query(
        "SELECT terms, document, expires_at, spent_at FROM prepared_signatures WHERE id = $1 AND agency_id = $2 AND actor = $3",
    );
    let Some(row) = tx.optional(query.bind(id.as_str()).bind(agency.as_str()).bind(actor)).await? else { return Ok(None) };
    let open = |part: &'static str| {
        let sealed = row.bytes(part)?;
        tx.sealer.open(&context(part, id), &sealed).map_err(|error| StoreError::Sealed("prepared_signatures", error))
    };
    let spent_at = row.moment_or_null("spent_at")?;
    // What was completed is thrown away at once; only that it was completed is remembered.
    let held = |part| if spent_at.is_some() { Ok(Zeroizing::new(Vec::new())) } else { open(part) };
    Ok(Some(Prepared { terms: held("terms")?, document: held("document")?, expires_at: row.moment("expires_at")?, spent_at }))
}

/// Spends it and throws the document away: `true` the first time and in time, `false` ever after.
pub async fn spend(tx: &mut Tx<'_>, agency: &AgencyId, actor: &str, id: &IntentionId, now: Moment) -> Result<bool, StoreError> {
    let query = sqlx::query(
        "UPDATE prepared_signatures SET spent_at = $4, terms = $5, document = $5 \
         WHERE id = $1 AND agency_id = $2 AND actor = $3 AND spent_at IS NULL AND expires_at > $4",
    );
    let query = query.bind(id.as_str()).bind(agency.as_str()).bind(actor).bind(now.millis()).bind(Vec::<u8>::new());
    Ok(tx.execute(query).await? == 1)
}

/// Deletes what lapsed before `before`; returns how many.
pub async fn sweep(tx: &mut Tx<'_>, before: Moment) -> Result<u64, StoreError> {
    tx.execute(sqlx::query("DELETE FROM prepared_signatures WHERE expires_at < $1").bind(before.millis())).await
}
