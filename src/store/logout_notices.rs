//! The outbox of logout: one row for each portal to be told that a session ended, kept as the receipt of what became of it.

use super::{Row, StoreError, Tx};
use crate::ids::{ClientId, PartyId};
use crate::moment::Moment;
use std::time::Duration;
use zeroize::Zeroizing;

/// How a portal is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// OpenID Connect Back-Channel Logout 1.0.
    BackChannel,
    /// CAS single logout (CAS 3.0 §2.3.3).
    Cas,
    /// Not at all: the portal is registered for no message. The row says so to the user.
    None,
}

super::parties::stored_as!(NoticeKind { BackChannel = "back-channel", Cas = "cas", None = "none" });

/// A row.
pub struct Notice {
    /// Its id, and the `jti` or `ID` of its message.
    pub id: String,
    /// The portal.
    pub client: ClientId,
    /// How it is told.
    pub kind: NoticeKind,
    /// Where.
    pub target: String,
    /// What the message needs, as it was given.
    pub body: Zeroizing<Vec<u8>>,
    /// Why the session ended.
    pub why: String,
    /// When it ended.
    pub created_at: Moment,
    /// When it is tried next; `None`: never again.
    pub next_at: Option<Moment>,
    /// How often it was tried.
    pub attempts: i64,
    /// When the portal answered that it is done.
    pub delivered_at: Option<Moment>,
}

impl std::fmt::Debug for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Notice({}, {})", self.id, self.client)
    }
}

const COLUMNS: &str = "id, client_id, kind, target, sealed, why, created_at, next_at, attempts, delivered_at";

fn context(id: &str) -> String {
    format!("logout_notices/{id}")
}

fn read(tx: &Tx<'_>, row: &Row) -> Result<Notice, StoreError> {
    let id = row.text("id")?;
    let sealed = row.bytes("sealed")?;
    let body = tx.sealer.open(&context(&id), &sealed).map_err(|error| StoreError::Sealed("logout_notices", error))?;
    Ok(Notice {
        client: row.parse("client_id")?,
        kind: row.parse("kind")?,
        target: row.text("target")?,
        body,
        why: row.text("why")?,
        created_at: row.moment("created_at")?,
        next_at: row.moment_or_null("next_at")?,
        attempts: row.int("attempts")?,
        delivered_at: row.moment_or_null("delivered_at")?,
        id,
    })
}

/// A notice to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewNotice<'a> {
    /// Whose session ended.
    pub party: &'a PartyId,
    /// The portal.
    pub client: &'a ClientId,
    /// How it is told.
    pub kind: NoticeKind,
    /// Where.
    pub target: &'a str,
    /// What the message needs; sealed at rest.
    pub body: &'a [u8],
    /// Why the session ended.
    pub why: &'a str,
}

/// Writes a notice down, to be sent at once.
pub async fn add(tx: &mut Tx<'_>, notice: NewNotice<'_>, now: Moment) -> Result<(), StoreError> {
    let id = hex::encode(tx.sealer.random::<16>());
    let sealed = tx.sealer.seal(&context(&id), notice.body);
    let query = sqlx::query(
        "INSERT INTO logout_notices (id, party_id, client_id, kind, target, sealed, why, created_at, next_at, attempts) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)",
    );
    let query = query.bind(id).bind(notice.party.as_str()).bind(notice.client.as_str()).bind(notice.kind.as_str()).bind(notice.target);
    let next = (notice.kind != NoticeKind::None).then(|| now.millis());
    tx.execute(query.bind(sealed).bind(notice.why).bind(now.millis()).bind(next)).await.map(drop)
}

/// Whether any notice is due.
pub async fn any_due(tx: &mut Tx<'_>, now: Moment) -> Result<bool, StoreError> {
    let query = sqlx::query("SELECT id FROM logout_notices WHERE next_at <= $1 LIMIT 1");
    Ok(tx.optional(query.bind(now.millis())).await?.is_some())
}

/// Takes the notices that are due: until `keep` has passed nobody else takes them.
pub async fn take(tx: &mut Tx<'_>, now: Moment, keep: Duration) -> Result<Vec<Notice>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM logout_notices WHERE next_at <= $1 ORDER BY next_at, id LIMIT 32");
    let rows = tx.all(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now.millis())).await?;
    let taken: Vec<Notice> = rows.iter().map(|row| read(tx, row)).collect::<Result<_, _>>()?;
    for notice in &taken {
        let query = sqlx::query("UPDATE logout_notices SET next_at = $2, attempts = attempts + 1 WHERE id = $1");
        tx.execute(query.bind(&notice.id).bind(now.plus(keep).millis())).await?;
    }
    Ok(taken)
}

/// The portal answered.
pub async fn delivered(tx: &mut Tx<'_>, id: &str, now: Moment) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE logout_notices SET delivered_at = $2, next_at = NULL, failure = NULL WHERE id = $1");
    tx.execute(query.bind(id).bind(now.millis())).await.map(drop)
}

/// It did not; tried again at `next`, or never.
pub async fn failed(tx: &mut Tx<'_>, id: &str, failure: &str, next: Option<Moment>) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE logout_notices SET failure = $2, next_at = $3 WHERE id = $1 AND delivered_at IS NULL");
    tx.execute(query.bind(id).bind(failure).bind(super::millis(next))).await.map(drop)
}

/// Deletes receipts of sessions that ended before `before`; returns how many.
pub async fn sweep(tx: &mut Tx<'_>, before: Moment) -> Result<u64, StoreError> {
    tx.execute(sqlx::query("DELETE FROM logout_notices WHERE created_at < $1 AND next_at IS NULL").bind(before.millis())).await
}

/// A Party's notices, the newest first.
pub async fn of_party(tx: &mut Tx<'_>, party: &PartyId) -> Result<Vec<Notice>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM logout_notices WHERE party_id = $1 ORDER BY created_at DESC, id LIMIT 30");
    let rows = tx.all(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(party.as_str())).await?;
    rows.iter().map(|row| read(tx, row)).collect()
}
