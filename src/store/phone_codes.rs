//! One-time codes sent to phones: few attempts, one use; and counters of attempts in general.
//!
//! A wrong try must be counted: closures return `Ok` with [`Tried::Wrong`], never an error, or the count is rolled back.

use super::{StoreError, Tx};
use crate::ids::PhoneCodeId;
use crate::moment::Moment;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// What came of trying a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tried {
    /// Right, and spent now.
    Right,
    /// Wrong; so many attempts are left.
    Wrong {
        /// Attempts left.
        left: i64,
    },
    /// Lapsed, spent, or out of attempts: ask for a new one.
    Dead,
}

/// Stores a code for a login; former codes of the same login are dead from now on.
///
/// `phone` and `code` are kept as keyed hashes only.
pub async fn add(
    tx: &mut Tx<'_>,
    bound_to: &str,
    phone: &str,
    code: &str,
    attempts: u32,
    now: Moment,
    expires_at: Moment,
) -> Result<PhoneCodeId, StoreError> {
    let query = sqlx::query("UPDATE phone_codes SET spent_at = $2 WHERE bound_to = $1 AND spent_at IS NULL");
    tx.execute(query.bind(bound_to).bind(now.millis())).await?;
    let id = PhoneCodeId::from_random(tx.sealer.random());
    let (phone, hash) = (tx.sealer.lookup("phone", phone.as_bytes()), code_hash(tx, &id, code));
    let query = sqlx::query(
        "INSERT INTO phone_codes (id, bound_to, phone_lookup, hash, attempts_left, sent_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    );
    let query = query.bind(id.as_str()).bind(bound_to).bind(phone).bind(hash).bind(i64::from(attempts));
    tx.execute(query.bind(now.millis()).bind(expires_at.millis())).await?;
    Ok(id)
}

/// Tries a code. Each try counts, also in parallel.
pub async fn try_code(tx: &mut Tx<'_>, id: &PhoneCodeId, bound_to: &str, code: &str, now: Moment) -> Result<Tried, StoreError> {
    let expected = code_hash(tx, id, code);
    let query = sqlx::query(
        "UPDATE phone_codes SET attempts_left = attempts_left - 1 WHERE id = $1 AND bound_to = $2 AND attempts_left > 0 \
         AND spent_at IS NULL AND expires_at > $3 RETURNING hash, attempts_left",
    );
    let Some(row) = tx.optional(query.bind(id.as_str()).bind(bound_to).bind(now.millis())).await? else { return Ok(Tried::Dead) };
    if !bool::from(row.text("hash")?.as_bytes().ct_eq(expected.as_bytes())) {
        return Ok(Tried::Wrong { left: row.int("attempts_left")? });
    }
    let query = sqlx::query("UPDATE phone_codes SET spent_at = $2 WHERE id = $1");
    tx.execute(query.bind(id.as_str()).bind(now.millis())).await?;
    Ok(Tried::Right)
}

/// How many codes were sent to a phone since a moment.
pub async fn sent_since(tx: &mut Tx<'_>, phone: &str, since: Moment) -> Result<i64, StoreError> {
    let phone = tx.sealer.lookup("phone", phone.as_bytes());
    let query = sqlx::query("SELECT COUNT(*) AS n FROM phone_codes WHERE phone_lookup = $1 AND sent_at >= $2");
    tx.one(query.bind(phone).bind(since.millis())).await?.int("n")
}

/// Counts one attempt on `value` (a number, a source) and says whether it is still among the `most` allowed in the window.
pub async fn attempt(tx: &mut Tx<'_>, kind: &str, value: &str, most: u32, window: Duration, now: Moment) -> Result<bool, StoreError> {
    let bucket = tx.sealer.lookup(&format!("attempt/{kind}"), value.as_bytes());
    let query = sqlx::query(
        "INSERT INTO attempts (bucket, window_start, window_end, tries) VALUES ($1, $2, $3, 1) ON CONFLICT (bucket) DO UPDATE SET \
         tries = CASE WHEN attempts.window_end <= $2 THEN 1 ELSE attempts.tries + 1 END, \
         window_start = CASE WHEN attempts.window_end <= $2 THEN $2 ELSE attempts.window_start END, \
         window_end = CASE WHEN attempts.window_end <= $2 THEN $3 ELSE attempts.window_end END RETURNING tries",
    );
    let row = tx.one(query.bind(bucket).bind(now.millis()).bind(now.plus(window).millis())).await?;
    Ok(row.int("tries")? <= i64::from(most))
}

/// How many attempts on `value` were counted in the window that runs now.
pub async fn attempts(tx: &mut Tx<'_>, kind: &str, value: &str, now: Moment) -> Result<i64, StoreError> {
    let bucket = tx.sealer.lookup(&format!("attempt/{kind}"), value.as_bytes());
    let query = sqlx::query("SELECT tries FROM attempts WHERE bucket = $1 AND window_end > $2");
    tx.optional(query.bind(bucket).bind(now.millis())).await?.map_or(Ok(0), |row| row.int("tries"))
}

/// Deletes codes and counters that lapsed before `before`; returns how many.
pub async fn sweep(tx: &mut Tx<'_>, before: Moment) -> Result<u64, StoreError> {
    let codes = tx.execute(sqlx::query("DELETE FROM phone_codes WHERE expires_at < $1").bind(before.millis())).await?;
    Ok(codes + tx.execute(sqlx::query("DELETE FROM attempts WHERE window_end < $1").bind(before.millis())).await?)
}

fn code_hash(tx: &Tx<'_>, id: &PhoneCodeId, code: &str) -> String {
    tx.sealer.lookup("phone-code", format!("{id}\0{code}").as_bytes())
}
