//! Sessions of browsers. The cookie is known here only by its keyed hash and rotates at login, step-up and switch.

use super::{Row, StoreError, Tx};
use crate::ids::{PartyId, ProofId, SessionId};
use crate::moment::Moment;

/// A session. Its level is computed from [`super::proofs::of_session`].
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Its id (`sid`).
    pub id: SessionId,
    /// Who is logged in.
    pub party: PartyId,
    /// The organisation acted for, if one was chosen.
    pub acting_for: Option<PartyId>,
    /// Rises with every change; changes name the version that they saw.
    pub version: i64,
    /// When it began.
    pub created_at: Moment,
    /// When it was last used (written at most once a minute).
    pub seen_at: Moment,
    /// When it ends at the latest.
    pub ends_at: Moment,
    /// When it ended.
    pub ended_at: Option<Moment>,
    /// Why it ended.
    pub ended_why: Option<String>,
    /// What the account page shows (browser, place); no personal number.
    pub detail: serde_json::Value,
}

const COLUMNS: &str = "id, party_id, acting_for, version, created_at, seen_at, ends_at, ended_at, ended_why, detail";

fn read(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.parse("id")?,
        party: row.parse("party_id")?,
        acting_for: row.parse_or_null("acting_for")?,
        version: row.int("version")?,
        created_at: row.moment("created_at")?,
        seen_at: row.moment("seen_at")?,
        ends_at: row.moment("ends_at")?,
        ended_at: row.moment_or_null("ended_at")?,
        ended_why: row.text_or_null("ended_why")?,
        detail: row.json("detail")?,
    })
}

fn hash(tx: &Tx<'_>, cookie: &str) -> String {
    tx.sealer.lookup("session-cookie", cookie.as_bytes())
}

/// Begins a session. `cookie` is the fresh secret that the browser will hold.
pub async fn add(
    tx: &mut Tx<'_>,
    party: &PartyId,
    cookie: &str,
    detail: &serde_json::Value,
    now: Moment,
    ends_at: Moment,
) -> Result<Session, StoreError> {
    let id = SessionId::from_random(tx.sealer.random());
    let cookie = hash(tx, cookie);
    let query = sqlx::query(
        "INSERT INTO sessions (id, party_id, cookie_hash, version, created_at, seen_at, ends_at, detail) \
         VALUES ($1, $2, $3, 1, $4, $4, $5, $6)",
    );
    let query = query.bind(id.as_str()).bind(party.as_str()).bind(cookie).bind(now.millis()).bind(ends_at.millis());
    tx.execute(query.bind(detail.to_string())).await?;
    Ok(Session {
        id,
        party: party.clone(),
        acting_for: None,
        version: 1,
        created_at: now,
        seen_at: now,
        ends_at,
        ended_at: None,
        ended_why: None,
        detail: detail.clone(),
    })
}

/// The living session of a cookie.
pub async fn by_cookie(tx: &mut Tx<'_>, cookie: &str, now: Moment) -> Result<Option<Session>, StoreError> {
    let cookie = hash(tx, cookie);
    let sql = format!("SELECT {COLUMNS} FROM sessions WHERE cookie_hash = $1 AND ended_at IS NULL AND ends_at > $2");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql));
    tx.optional(query.bind(cookie).bind(now.millis())).await?.as_ref().map(read).transpose()
}

/// The session of this id, ended or not.
pub async fn find(tx: &mut Tx<'_>, id: &SessionId) -> Result<Option<Session>, StoreError> {
    let query = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM sessions WHERE id = $1")));
    tx.optional(query.bind(id.as_str())).await?.as_ref().map(read).transpose()
}

/// A Party's living sessions, the newest first.
pub async fn of_party(tx: &mut Tx<'_>, party: &PartyId, now: Moment) -> Result<Vec<Session>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions WHERE party_id = $1 AND ended_at IS NULL AND ends_at > $2 ORDER BY created_at DESC, id LIMIT 1000"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql));
    tx.all(query.bind(party.as_str()).bind(now.millis())).await?.iter().map(read).collect()
}

/// All sessions of a Party that were not ended, idle ones and lapsed ones too: what hangs on them may live.
pub async fn open(tx: &mut Tx<'_>, party: &PartyId) -> Result<Vec<SessionId>, StoreError> {
    let query = sqlx::query("SELECT id FROM sessions WHERE party_id = $1 AND ended_at IS NULL ORDER BY created_at, id");
    tx.all(query.bind(party.as_str())).await?.iter().map(|row| row.parse("id")).collect()
}

/// Sessions that lapsed or were not used since `idle_since`, but were not ended yet; at most a hundred.
pub async fn over(tx: &mut Tx<'_>, now: Moment, idle_since: Moment) -> Result<Vec<(SessionId, PartyId)>, StoreError> {
    let query = sqlx::query(
        "SELECT id, party_id FROM sessions WHERE ended_at IS NULL AND (ends_at <= $1 OR seen_at <= $2) ORDER BY seen_at, id LIMIT 100",
    );
    let rows = tx.all(query.bind(now.millis()).bind(idle_since.millis())).await?;
    rows.iter().map(|row| Ok((row.parse("id")?, row.parse("party_id")?))).collect()
}

/// Adds a proof to a session.
pub async fn add_proof(tx: &mut Tx<'_>, session: &SessionId, proof: &ProofId, now: Moment) -> Result<(), StoreError> {
    let query = sqlx::query(
        "INSERT INTO session_proofs (session_id, proof_id, added_at) VALUES ($1, $2, $3) ON CONFLICT (session_id, proof_id) DO UPDATE SET added_at = excluded.added_at",
    );
    tx.execute(query.bind(session.as_str()).bind(proof.as_str()).bind(now.millis())).await.map(drop)
}

/// Changes a living session that still has `version`: a new cookie, another organisation acted for, a later end.
/// `false` if another change came first or the session ended.
pub async fn change(
    tx: &mut Tx<'_>,
    session: &SessionId,
    version: i64,
    cookie: &str,
    acting_for: Option<&PartyId>,
    ends_at: Moment,
    now: Moment,
) -> Result<bool, StoreError> {
    let cookie = hash(tx, cookie);
    let query = sqlx::query(
        "UPDATE sessions SET cookie_hash = $3, acting_for = $4, ends_at = $5, seen_at = $6, version = version + 1 \
         WHERE id = $1 AND version = $2 AND ended_at IS NULL AND ends_at > $6",
    );
    let query = query.bind(session.as_str()).bind(version).bind(cookie).bind(acting_for.map(PartyId::as_str));
    Ok(tx.execute(query.bind(ends_at.millis()).bind(now.millis())).await? == 1)
}

/// Notes that a session was used, if the last note is older than a minute.
pub async fn seen(tx: &mut Tx<'_>, session: &SessionId, now: Moment) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE sessions SET seen_at = $2 WHERE id = $1 AND seen_at < $2 - 60000 AND ended_at IS NULL");
    tx.execute(query.bind(session.as_str()).bind(now.millis())).await.map(drop)
}

/// No living session of `party` acts for `organisation` any more; returns how many did.
pub async fn stop_acting(tx: &mut Tx<'_>, party: &PartyId, organisation: &PartyId) -> Result<u64, StoreError> {
    let query = sqlx::query(
        "UPDATE sessions SET acting_for = NULL, version = version + 1 WHERE party_id = $1 AND acting_for = $2 AND ended_at IS NULL",
    );
    tx.execute(query.bind(party.as_str()).bind(organisation.as_str())).await
}

/// Ends a session. `false` if it had ended.
pub async fn end(tx: &mut Tx<'_>, session: &SessionId, why: &str, now: Moment) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE sessions SET ended_at = $2, ended_why = $3 WHERE id = $1 AND ended_at IS NULL");
    Ok(tx.execute(query.bind(session.as_str()).bind(now.millis()).bind(why)).await? == 1)
}

/// Ends all sessions of a Party; returns how many.
pub async fn end_all(tx: &mut Tx<'_>, party: &PartyId, why: &str, now: Moment) -> Result<u64, StoreError> {
    let query = sqlx::query("UPDATE sessions SET ended_at = $2, ended_why = $3 WHERE party_id = $1 AND ended_at IS NULL");
    tx.execute(query.bind(party.as_str()).bind(now.millis()).bind(why)).await
}
