//! The register of electronic seals: seals and what happened to them.
//!
//! Requests, grants and uses are in [`super::seal_grants`]. Events are only added.

use super::{Row, StoreError, Tx};
use crate::ids::{AgencyId, SealId, SealRequestId};
use crate::moment::Moment;
use crate::sign::seal::register::{Change, Event, Purpose, State};
use zeroize::Zeroizing;

/// Where a seal was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// For this register: its word on the seal counts.
    Here,
    /// Elsewhere: who made it is asked.
    Elsewhere,
}

super::parties::stored_as!(Origin { Here = "here", Elsewhere = "elsewhere" });

/// A seal in the register, without its octets and its picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSeal {
    /// Its id here.
    pub id: SealId,
    /// The agency that keeps it.
    pub agency: AgencyId,
    /// Where it was made.
    pub origin: Origin,
    /// The owner's name.
    pub owner_name: String,
    /// The owner's credit code; empty where a seal made elsewhere names none.
    pub owner_code: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Its name.
    pub name: String,
    /// Its code, `esID`.
    pub es_id: String,
    /// Where it stands.
    pub state: State,
    /// Begin of its validity.
    pub valid_from: Moment,
    /// Its end.
    pub valid_until: Moment,
    /// Width and height of its picture in millimetres.
    pub size: (u32, u32),
    /// The number under which it is on record (备案).
    pub filing: Option<String>,
    /// SHA-256 of the maker's certificate, hexadecimal.
    pub maker: Option<String>,
    /// SHA-256 of its octets, hexadecimal.
    pub sha256: Option<String>,
    /// When it was asked for.
    pub created_at: Moment,
}

/// A seal to be entered as a draft.
#[derive(Debug, Clone, Copy)]
pub struct NewSeal<'a> {
    /// The agency that keeps it.
    pub agency: &'a AgencyId,
    /// Where it is made.
    pub origin: Origin,
    /// The owner's name and credit code.
    pub owner: (&'a str, &'a str),
    /// What it is for.
    pub purpose: Purpose,
    /// Its name.
    pub name: &'a str,
    /// Its code.
    pub es_id: &'a str,
    /// Its validity.
    pub validity: (Moment, Moment),
    /// Its picture, and the size in millimetres.
    pub picture: (&'a [u8], u32, u32),
    /// Now.
    pub created_at: Moment,
}

const COLUMNS: &str = "id, agency_id, origin, owner_name, owner_code, purpose, name, es_id, state, valid_from, valid_until, width, height, \
     filing, maker, sha256, created_at";

fn context(id: &SealId) -> String {
    format!("seals/{id}")
}

fn side(row: &Row, column: &'static str) -> Result<u32, StoreError> {
    u32::try_from(row.int(column)?).map_err(|_| StoreError::Corrupt(column))
}

fn read(row: &Row) -> Result<StoredSeal, StoreError> {
    Ok(StoredSeal {
        id: row.parse("id")?,
        agency: row.parse("agency_id")?,
        origin: row.parse("origin")?,
        owner_name: row.text("owner_name")?,
        owner_code: row.text("owner_code")?,
        purpose: row.parse("purpose")?,
        name: row.text("name")?,
        es_id: row.text("es_id")?,
        state: row.parse("state")?,
        valid_from: row.moment("valid_from")?,
        valid_until: row.moment("valid_until")?,
        size: (side(row, "width")?, side(row, "height")?),
        filing: row.text_or_null("filing")?,
        maker: row.text_or_null("maker")?,
        sha256: row.text_or_null("sha256")?,
        created_at: row.moment("created_at")?,
    })
}

/// Enters a draft. [`StoreError::Taken`] if the code of a seal made here is in use.
pub async fn add(tx: &mut Tx<'_>, id: &SealId, new: &NewSeal<'_>) -> Result<(), StoreError> {
    let query = sqlx::query(
        "INSERT INTO seals (id, agency_id, origin, owner_name, owner_code, purpose, name, es_id, state, valid_from, valid_until, picture, \
         width, height, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'draft', $9, $10, $11, $12, $13, $14)",
    );
    let (picture, width, height) = new.picture;
    let query = query.bind(id.as_str()).bind(new.agency.as_str()).bind(new.origin.as_str()).bind(new.owner.0).bind(new.owner.1);
    let query = query.bind(new.purpose.as_str()).bind(new.name).bind(new.es_id);
    let query = query.bind(new.validity.0.millis()).bind(new.validity.1.millis());
    let query = query.bind(picture.to_vec()).bind(i64::from(width)).bind(i64::from(height)).bind(new.created_at.millis());
    tx.execute(query).await.map(drop)
}

/// An agency's seal; another agency's is not found.
pub async fn find(tx: &mut Tx<'_>, agency: &AgencyId, id: &SealId) -> Result<Option<StoredSeal>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM seals WHERE id = $1 AND agency_id = $2");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).bind(agency.as_str());
    tx.optional(query).await?.as_ref().map(read).transpose()
}

/// An agency's seals, the oldest first, `limit` of those after one.
pub async fn list(tx: &mut Tx<'_>, agency: &AgencyId, after: Option<&SealId>, limit: u32) -> Result<Vec<StoredSeal>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM seals WHERE agency_id = $1 AND ($2 = '' OR created_at > (SELECT s.created_at FROM seals s WHERE s.id = $2 \
         AND s.agency_id = $1) OR (created_at = (SELECT s.created_at FROM seals s WHERE s.id = $2 AND s.agency_id = $1) AND id > $2)) \
         ORDER BY created_at, id LIMIT $3"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(agency.as_str()).bind(after.map_or("", SealId::as_str)).bind(i64::from(limit));
    tx.all(query).await?.iter().map(read).collect()
}

/// Seals of these octets that were made for this register: at most one, whoever keeps it.
pub async fn made_here(tx: &mut Tx<'_>, sha256: &str) -> Result<Option<StoredSeal>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM seals WHERE sha256 = $1 AND origin = 'here'");
    tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(sha256)).await?.as_ref().map(read).transpose()
}

/// The agency's seal of these octets, whatever became of it: at most one.
pub async fn of_octets(tx: &mut Tx<'_>, agency: &AgencyId, sha256: &str) -> Result<Option<StoredSeal>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM seals WHERE agency_id = $1 AND sha256 = $2");
    tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(agency.as_str()).bind(sha256)).await?.as_ref().map(read).transpose()
}

/// The picture of an agency's seal.
pub async fn picture(tx: &mut Tx<'_>, agency: &AgencyId, id: &SealId) -> Result<Option<Vec<u8>>, StoreError> {
    let query = sqlx::query("SELECT picture FROM seals WHERE id = $1 AND agency_id = $2");
    tx.optional(query.bind(id.as_str()).bind(agency.as_str())).await?.map(|row| row.bytes("picture")).transpose()
}

/// The octets of an agency's seal; `None` where it has none.
pub async fn octets(tx: &mut Tx<'_>, agency: &AgencyId, id: &SealId) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let query = sqlx::query("SELECT octets FROM seals WHERE id = $1 AND agency_id = $2");
    let row = tx.optional(query.bind(id.as_str()).bind(agency.as_str())).await?;
    let Some(sealed) = row.map(|row| row.bytes_or_null("octets")).transpose()?.flatten() else { return Ok(None) };
    tx.sealer.open(&context(id), &sealed).map(Some).map_err(|error| StoreError::Sealed("seals", error))
}

/// Takes in the octets of a seal and who made it. [`StoreError::Taken`] if the agency has them already.
pub async fn set_octets(tx: &mut Tx<'_>, id: &SealId, octets: &[u8], sha256: &str, maker: &str) -> Result<(), StoreError> {
    let sealed = tx.sealer.seal(&context(id), octets);
    let query = sqlx::query("UPDATE seals SET octets = $2, sha256 = $3, maker = $4 WHERE id = $1");
    tx.execute(query.bind(id.as_str()).bind(sealed).bind(sha256).bind(maker)).await.map(drop)
}

/// Removes the octets; their digest stays.
pub async fn remove_octets(tx: &mut Tx<'_>, id: &SealId) -> Result<(), StoreError> {
    tx.execute(sqlx::query("UPDATE seals SET octets = NULL WHERE id = $1").bind(id.as_str())).await.map(drop)
}

/// Removes the octets and their digest: the seal was never used.
pub async fn forget_octets(tx: &mut Tx<'_>, id: &SealId) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE seals SET octets = NULL, sha256 = NULL, maker = NULL WHERE id = $1");
    tx.execute(query.bind(id.as_str())).await.map(drop)
}

/// Enters the number under which a seal is on record.
pub async fn set_filing(tx: &mut Tx<'_>, id: &SealId, filing: &str) -> Result<(), StoreError> {
    tx.execute(sqlx::query("UPDATE seals SET filing = $2 WHERE id = $1").bind(id.as_str()).bind(filing)).await.map(drop)
}

/// Moves a seal from one state to another. `false` if it is no longer in that state.
pub async fn set_state(tx: &mut Tx<'_>, id: &SealId, from: State, to: State) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE seals SET state = $3 WHERE id = $1 AND state = $2");
    Ok(tx.execute(query.bind(id.as_str()).bind(from.as_str()).bind(to.as_str())).await? == 1)
}

/// Adds an event.
pub async fn append(tx: &mut Tx<'_>, id: &SealId, event: &Event, request: Option<&SealRequestId>) -> Result<(), StoreError> {
    let row = tx.one(sqlx::query("SELECT COUNT(*) AS n FROM seal_events WHERE seal_id = $1").bind(id.as_str())).await?;
    let query = sqlx::query(
        "INSERT INTO seal_events (seal_id, seq, change, at, recorded_at, actor, reason, request_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    );
    let query = query.bind(id.as_str()).bind(row.int("n")?).bind(event.change.as_str()).bind(event.at.millis());
    let query = query.bind(event.recorded_at.millis()).bind(event.actor.as_str()).bind(event.reason.as_str());
    tx.execute(query.bind(request.map(SealRequestId::as_str))).await.map(drop)
}

/// What happened to a seal, in the order in which it was written.
pub async fn events(tx: &mut Tx<'_>, id: &SealId) -> Result<Vec<Event>, StoreError> {
    let query = sqlx::query("SELECT change, at, recorded_at, actor, reason FROM seal_events WHERE seal_id = $1 ORDER BY seq");
    let read = |row: &Row| {
        Ok(Event {
            change: row.parse::<Change>("change")?,
            at: row.moment("at")?,
            recorded_at: row.moment("recorded_at")?,
            actor: row.text("actor")?,
            reason: row.text("reason")?,
        })
    };
    tx.all(query.bind(id.as_str())).await?.iter().map(read).collect()
}
