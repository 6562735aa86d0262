//! Challenges to be answered once: certificate texts, passkey ceremonies, pushed authorization requests.

use super::{StoreError, Tx};
use crate::ids::ChallengeId;
use crate::moment::Moment;
use zeroize::Zeroizing;

fn context(kind: &str, id: &ChallengeId) -> String {
    format!("challenges/{kind}/{id}")
}

/// Stores a challenge of a kind, bound to what may answer it (a login, a session, a client).
pub async fn add(
    tx: &mut Tx<'_>,
    kind: &str,
    bound_to: &str,
    body: &[u8],
    now: Moment,
    expires_at: Moment,
) -> Result<ChallengeId, StoreError> {
    let id = ChallengeId::from_random(tx.sealer.random());
    add_as(tx, &id, kind, bound_to, body, now, expires_at).await?;
    Ok(id)
}

/// Like [`add`], where the id already stands in the challenge itself.
pub async fn add_as(
    tx: &mut Tx<'_>,
    id: &ChallengeId,
    kind: &str,
    bound_to: &str,
    body: &[u8],
    now: Moment,
    expires_at: Moment,
) -> Result<(), StoreError> {
    let body = tx.sealer.seal(&context(kind, id), body);
    let query = sqlx::query("INSERT INTO challenges (id, kind, bound_to, body, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)");
    let query = query.bind(id.as_str()).bind(kind).bind(bound_to).bind(body).bind(now.millis()).bind(expires_at.millis());
    tx.execute(query).await.map(drop)
}

/// Spends a challenge: its body the first time, `None` ever after, when lapsed, or for anyone it is not bound to.
pub async fn spend(
    tx: &mut Tx<'_>,
    id: &ChallengeId,
    kind: &str,
    bound_to: &str,
    now: Moment,
) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let query = sqlx::query(
        "UPDATE challenges SET spent_at = $4 WHERE id = $1 AND kind = $2 AND bound_to = $3 AND spent_at IS NULL AND expires_at > $4 \
         RETURNING body",
    );
    let row = tx.optional(query.bind(id.as_str()).bind(kind).bind(bound_to).bind(now.millis())).await?;
    open(tx, row, kind, id)
}

/// A living challenge without spending it: to show it again after a reload.
pub async fn peek(
    tx: &mut Tx<'_>,
    id: &ChallengeId,
    kind: &str,
    bound_to: &str,
    now: Moment,
) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let query =
        sqlx::query("SELECT body FROM challenges WHERE id = $1 AND kind = $2 AND bound_to = $3 AND spent_at IS NULL AND expires_at > $4");
    let row = tx.optional(query.bind(id.as_str()).bind(kind).bind(bound_to).bind(now.millis())).await?;
    open(tx, row, kind, id)
}

fn open(tx: &Tx<'_>, row: Option<super::Row>, kind: &str, id: &ChallengeId) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let Some(row) = row else { return Ok(None) };
    let body = tx.sealer.open(&context(kind, id), &row.bytes("body")?);
    body.map(Some).map_err(|error| StoreError::Sealed("challenges", error))
}

/// Deletes challenges that lapsed before `before`; returns how many.
pub async fn sweep(tx: &mut Tx<'_>, before: Moment) -> Result<u64, StoreError> {
    tx.execute(sqlx::query("DELETE FROM challenges WHERE expires_at < $1").bind(before.millis())).await
}
