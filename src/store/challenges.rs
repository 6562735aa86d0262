//! Challenges to be answered once: certificate texts, passkey ceremonies, pushed authorization requests.
//!
//! Two ways lead here. A challenge of a session (binding a passkey) is a row from its making on: [`add`], [`spend`]. A challenge of
//! somebody who is nobody yet costs no row: it is authenticated by our key and travels with the browser, and only its being spent
//! is written, in the transaction of what it proves: [`spend_first`].

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
    let body = tx.sealer.seal(&context(kind, &id), body);
    let query = sqlx::query("INSERT INTO challenges (id, kind, bound_to, body, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)");
    let query = query.bind(id.as_str()).bind(kind).bind(bound_to).bind(body).bind(now.millis()).bind(expires_at.millis());
    tx.execute(query).await?;
    Ok(id)
}

/// Spends a challenge that was never stored: `true` the first time, `false` ever after, also for all but one of many at once.
///
/// The caller has checked that the challenge is ours, for whom it is, and that it has not lapsed at `now`; the mark is kept until
/// [`sweep`] is past `expires_at`, when the challenge itself says that it is over.
pub async fn spend_first(
    tx: &mut Tx<'_>,
    id: &ChallengeId,
    kind: &str,
    bound_to: &str,
    now: Moment,
    expires_at: Moment,
) -> Result<bool, StoreError> {
    let query = sqlx::query(
        "INSERT INTO challenges (id, kind, bound_to, body, created_at, expires_at, spent_at) VALUES ($1, $2, $3, $4, $5, $6, $5) \
         ON CONFLICT (id) DO NOTHING",
    );
    let query = query.bind(id.as_str()).bind(kind).bind(bound_to).bind(Vec::new()).bind(now.millis()).bind(expires_at.millis());
    Ok(tx.execute(query).await? == 1)
}

/// Whether a challenge that was never stored is spent already.
pub async fn is_spent(tx: &mut Tx<'_>, id: &ChallengeId) -> Result<bool, StoreError> {
    let query = sqlx::query("SELECT spent_at FROM challenges WHERE id = $1 AND spent_at IS NOT NULL");
    Ok(tx.optional(query.bind(id.as_str())).await?.is_some())
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
