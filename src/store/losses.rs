//! Accounts reported lost (挂失). A standing report closes the account to everybody, its holder too.

use super::{StoreError, Tx};
use crate::ids::PartyId;
use crate::moment::Moment;

/// Whether a report stands.
pub async fn standing(tx: &mut Tx<'_>, party: &PartyId) -> Result<bool, StoreError> {
    let query = sqlx::query("SELECT party_id FROM losses WHERE party_id = $1 AND lifted_at IS NULL");
    Ok(tx.optional(query.bind(party.as_str())).await?.is_some())
}

/// Reports a loss; `by`: the clerk, where it was done at a counter. `false`: a report stood already.
pub async fn report(tx: &mut Tx<'_>, party: &PartyId, by: Option<&PartyId>, now: Moment) -> Result<bool, StoreError> {
    if standing(tx, party).await? {
        return Ok(false);
    }
    let id = hex::encode(tx.sealer.random::<16>());
    let query = sqlx::query("INSERT INTO losses (id, party_id, reported_by, reported_at) VALUES ($1, $2, $3, $4)");
    tx.execute(query.bind(id).bind(party.as_str()).bind(by.map(PartyId::as_str)).bind(now.millis())).await?;
    Ok(true)
}

/// Lifts the standing report. `false`: there was none.
pub async fn lift(tx: &mut Tx<'_>, party: &PartyId, by: &PartyId, now: Moment) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE losses SET lifted_by = $2, lifted_at = $3 WHERE party_id = $1 AND lifted_at IS NULL");
    Ok(tx.execute(query.bind(party.as_str()).bind(by.as_str()).bind(now.millis())).await? == 1)
}
