//! Electronic licences: types, licences with their events and files, annotated copies, batches.
//!
//! Applications, check codes and files are sealed; holders are found by the keyed hash of their numbers, a licence by that of its
//! code. Events are only added.

use super::{Row, StoreError, Tx};
use crate::ids::{AgencyId, LicenceId};
use crate::licence::state::{Act, Event};
use crate::moment::Moment;
use zeroize::Zeroizing;

pub use super::licence_batches::{Batch, add_batch, batch, finish_batch, row_licence};
pub use super::licence_files::{File, NewCopy, add_copy, add_feedback, add_file, copies, file, of_file};

/// A registered licence type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredType {
    /// Its row.
    pub id: String,
    /// Whose it is.
    pub agency: AgencyId,
    /// Type code.
    pub code: String,
    /// Which revision of the definition.
    pub revision: i64,
    /// Name of the licence.
    pub name: String,
    /// The definition, TOML.
    pub definition: String,
    /// When it was registered.
    pub created_at: Moment,
}

fn read_type(row: &Row) -> Result<StoredType, StoreError> {
    Ok(StoredType {
        id: row.text("id")?,
        agency: row.parse("agency_id")?,
        code: row.text("code")?,
        revision: row.int("revision")?,
        name: row.text("name")?,
        definition: row.text("definition")?,
        created_at: row.moment("created_at")?,
    })
}

const TYPE: &str = "id, agency_id, code, revision, name, definition, created_at";

/// Registers a definition, as the next revision of its code; the same text again changes nothing.
pub async fn add_type(
    tx: &mut Tx<'_>,
    agency: &AgencyId,
    code: &str,
    name: &str,
    definition: &str,
    now: Moment,
) -> Result<StoredType, StoreError> {
    let latest = find_type(tx, agency, code).await?;
    let revision = match latest {
        Some(latest) if latest.definition == definition => return Ok(latest),
        Some(latest) => latest.revision.saturating_add(1),
        None => 1,
    };
    let id = hex::encode(tx.sealer.random::<16>());
    let sql = "INSERT INTO licence_types (id, agency_id, code, revision, name, definition, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let query = sqlx::query(sql).bind(id.clone()).bind(agency.as_str()).bind(code).bind(revision).bind(name);
    tx.execute(query.bind(definition).bind(now.millis())).await?;
    Ok(StoredType {
        id,
        agency: agency.clone(),
        code: code.into(),
        revision,
        name: name.into(),
        definition: definition.into(),
        created_at: now,
    })
}

/// The newest revision of a type.
pub async fn find_type(tx: &mut Tx<'_>, agency: &AgencyId, code: &str) -> Result<Option<StoredType>, StoreError> {
    let sql = format!("SELECT {TYPE} FROM licence_types WHERE agency_id = $1 AND code = $2 ORDER BY revision DESC LIMIT 1");
    tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(agency.as_str()).bind(code)).await?.as_ref().map(read_type).transpose()
}

/// A type by its row.
pub async fn type_by_id(tx: &mut Tx<'_>, id: &str) -> Result<Option<StoredType>, StoreError> {
    let sql = format!("SELECT {TYPE} FROM licence_types WHERE id = $1");
    tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id)).await?.as_ref().map(read_type).transpose()
}

/// The newest revision of each of an agency's types.
pub async fn types(tx: &mut Tx<'_>, agency: &AgencyId) -> Result<Vec<StoredType>, StoreError> {
    let sql = format!(
        "SELECT {TYPE} FROM licence_types t WHERE agency_id = $1 AND revision = \
         (SELECT MAX(revision) FROM licence_types o WHERE o.agency_id = t.agency_id AND o.code = t.code) ORDER BY code LIMIT 1000"
    );
    tx.all(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(agency.as_str())).await?.iter().map(read_type).collect()
}

/// The next serial number of a type in a year, from 1.
pub async fn next_serial(tx: &mut Tx<'_>, agency: &AgencyId, code: &str, year: i64) -> Result<i64, StoreError> {
    let query = sqlx::query(
        "INSERT INTO licence_serials (agency_id, code, year, last) VALUES ($1, $2, $3, 1) \
         ON CONFLICT (agency_id, code, year) DO UPDATE SET last = licence_serials.last + 1 RETURNING last",
    );
    tx.one(query.bind(agency.as_str()).bind(code).bind(year)).await?.int("last")
}

/// How far the making of a licence got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its identifier is given; no file was released.
    Making,
    /// Its files are released.
    Issued,
}

super::parties::stored_as!(Stage { Making = "making", Issued = "issued" });

/// A licence.
#[derive(Clone)]
pub struct StoredLicence {
    /// Its row.
    pub id: LicenceId,
    /// Who issued it.
    pub agency: AgencyId,
    /// Its type, by row.
    pub type_id: String,
    /// Its identifier.
    pub identifier: String,
    /// Serial number.
    pub serial: String,
    /// Version.
    pub version: i64,
    /// The licence that it replaces.
    pub replaces: Option<LicenceId>,
    /// How far its making got.
    pub stage: Stage,
    /// Who asked for it.
    pub actor: String,
    /// What was applied for, JSON.
    pub body: Zeroizing<Vec<u8>>,
    /// What stands in its QR code.
    pub code: Zeroizing<String>,
    /// First moment of its first day.
    pub begins: Moment,
    /// First moment after its last day.
    pub ends: Option<Moment>,
    /// When its making began.
    pub created_at: Moment,
    /// When its files were released.
    pub issued_at: Option<Moment>,
}

/// Neither application nor code is shown.
impl std::fmt::Debug for StoredLicence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredLicence({}, {})", self.identifier, self.stage.as_str())
    }
}

/// A licence whose making begins.
pub struct NewLicence<'a> {
    /// Who issues it.
    pub agency: &'a AgencyId,
    /// Its type, by row.
    pub type_id: &'a str,
    /// Its identifier.
    pub identifier: &'a str,
    /// Serial number.
    pub serial: &'a str,
    /// Version.
    pub version: i64,
    /// The licence that it replaces.
    pub replaces: Option<&'a LicenceId>,
    /// Who asks.
    pub actor: &'a str,
    /// What was applied for, JSON.
    pub body: &'a [u8],
    /// What will stand in its QR code.
    pub code: &'a str,
    /// Numbers under which it is found: those of its holders.
    pub numbers: &'a [&'a str],
    /// First moment of its first day.
    pub begins: Moment,
    /// First moment after its last day.
    pub ends: Option<Moment>,
    /// Now.
    pub now: Moment,
}

pub(super) fn context(table: &str, id: &str) -> String {
    format!("{table}/{id}")
}

const COLUMNS: &str =
    "id, agency_id, type_id, identifier, serial, version, replaces, stage, actor, body, code, begins_at, ends_at, created_at, issued_at";

fn read(tx: &Tx<'_>, row: &Row) -> Result<StoredLicence, StoreError> {
    let id: LicenceId = row.parse("id")?;
    let sealed = |error| StoreError::Sealed("licences", error);
    let code = tx.sealer.open(&context("licences.code", id.as_str()), &row.bytes("code")?).map_err(sealed)?;
    Ok(StoredLicence {
        agency: row.parse("agency_id")?,
        type_id: row.text("type_id")?,
        identifier: row.text("identifier")?,
        serial: row.text("serial")?,
        version: row.int("version")?,
        replaces: row.parse_or_null("replaces")?,
        stage: row.parse("stage")?,
        actor: row.text("actor")?,
        body: tx.sealer.open(&context("licences.body", id.as_str()), &row.bytes("body")?).map_err(sealed)?,
        code: Zeroizing::new(String::from_utf8(code.to_vec()).map_err(|_| StoreError::Corrupt("licences.code"))?),
        begins: row.moment("begins_at")?,
        ends: row.moment_or_null("ends_at")?,
        created_at: row.moment("created_at")?,
        issued_at: row.moment_or_null("issued_at")?,
        id,
    })
}

/// Gives a licence its identifier. [`StoreError::Taken`] if another has it, or the licence it replaces was replaced before.
pub async fn add(tx: &mut Tx<'_>, new: &NewLicence<'_>) -> Result<LicenceId, StoreError> {
    let id = LicenceId::from_random(tx.sealer.random());
    let body = tx.sealer.seal(&context("licences.body", id.as_str()), new.body);
    let code = tx.sealer.seal(&context("licences.code", id.as_str()), new.code.as_bytes());
    let hash = tx.sealer.lookup("licence-code", new.code.as_bytes());
    let query = sqlx::query(
        "INSERT INTO licences (id, agency_id, type_id, identifier, serial, version, replaces, stage, actor, body, code, code_hash, begins_at, \
         ends_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'making', $8, $9, $10, $11, $12, $13, $14)",
    );
    let query = query.bind(id.as_str()).bind(new.agency.as_str()).bind(new.type_id).bind(new.identifier).bind(new.serial).bind(new.version);
    let query = query.bind(new.replaces.map(LicenceId::as_str)).bind(new.actor).bind(body).bind(code).bind(hash).bind(new.begins.millis());
    tx.execute(query.bind(new.ends.map(Moment::millis)).bind(new.now.millis())).await?;
    for (place, number) in (0i64..).zip(new.numbers) {
        let lookup = tx.sealer.lookup("licence-holder", number.as_bytes());
        let query = sqlx::query("INSERT INTO licence_holders (licence_id, place, lookup) VALUES ($1, $2, $3)");
        tx.execute(query.bind(id.as_str()).bind(place).bind(lookup)).await?;
    }
    Ok(id)
}

/// Releases a licence: its files were added in the same transaction. `false` if it was released before.
pub async fn release(tx: &mut Tx<'_>, id: &LicenceId, now: Moment) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE licences SET stage = 'issued', issued_at = $2 WHERE id = $1 AND stage = 'making'");
    Ok(tx.execute(query.bind(id.as_str()).bind(now.millis())).await? == 1)
}

/// Anybody's licence by its row; for conduct that has checked who may see it.
pub async fn by_id(tx: &mut Tx<'_>, id: &LicenceId) -> Result<Option<StoredLicence>, StoreError> {
    one(tx, "id", id.as_str()).await
}

/// Anybody's licence by its identifier.
pub async fn by_identifier(tx: &mut Tx<'_>, identifier: &str) -> Result<Option<StoredLicence>, StoreError> {
    one(tx, "identifier", identifier).await
}

/// A released licence by what stands in its QR code.
pub async fn by_code(tx: &mut Tx<'_>, code: &str) -> Result<Option<StoredLicence>, StoreError> {
    let hash = tx.sealer.lookup("licence-code", code.as_bytes());
    one(tx, "code_hash", &hash).await
}

/// The licence that replaces another.
pub async fn successor(tx: &mut Tx<'_>, id: &LicenceId) -> Result<Option<StoredLicence>, StoreError> {
    one(tx, "replaces", id.as_str()).await
}

async fn one(tx: &mut Tx<'_>, column: &'static str, value: &str) -> Result<Option<StoredLicence>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM licences WHERE {column} = $1");
    let row = tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(value)).await?;
    row.as_ref().map(|row| read(tx, row)).transpose()
}

/// Released licences of a type whose holder has this number, the newest first.
pub async fn by_holder(tx: &mut Tx<'_>, code: &str, number: &str) -> Result<Vec<StoredLicence>, StoreError> {
    let lookup = tx.sealer.lookup("licence-holder", number.as_bytes());
    let columns = COLUMNS.split(", ").map(|column| format!("l.{column}")).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "SELECT {columns} FROM licences l JOIN licence_types t ON t.id = l.type_id WHERE t.code = $1 AND l.stage = 'issued' AND l.id IN \
         (SELECT licence_id FROM licence_holders WHERE lookup = $2) ORDER BY l.created_at DESC, l.id LIMIT 100"
    );
    let rows = tx.all(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(code).bind(lookup)).await?;
    rows.iter().map(|row| read(tx, row)).collect()
}

/// Adds an event. [`StoreError::Conflict`] repeats the transaction where another event came first.
pub async fn add_event(tx: &mut Tx<'_>, id: &LicenceId, event: &Event, replaced_by: Option<&LicenceId>) -> Result<(), StoreError> {
    let row = tx.one(sqlx::query("SELECT COUNT(*) AS n FROM licence_events WHERE licence_id = $1").bind(id.as_str())).await?;
    let query = sqlx::query(
        "INSERT INTO licence_events (licence_id, seq, act, effective_at, recorded_at, reason, actor, replaced_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    );
    let query = query.bind(id.as_str()).bind(row.int("n")?.saturating_add(1)).bind(event.act.name()).bind(event.effective.millis());
    let query = query.bind(event.recorded.millis()).bind(event.reason.as_str()).bind(event.actor.as_str());
    match tx.execute(query.bind(replaced_by.map(LicenceId::as_str))).await {
        Err(StoreError::Taken) => {
            tx.conflict = true;
            Err(StoreError::Conflict)
        }
        other => other.map(drop),
    }
}

/// A licence's events in their order.
pub async fn events(tx: &mut Tx<'_>, id: &LicenceId) -> Result<Vec<Event>, StoreError> {
    let query = sqlx::query(
        "SELECT act, effective_at, recorded_at, reason, actor FROM licence_events WHERE licence_id = $1 ORDER BY seq LIMIT 1000",
    );
    let read = |row: &Row| {
        Ok(Event {
            act: row.text("act")?.parse::<Act>().map_err(|()| StoreError::Corrupt("act"))?,
            effective: row.moment("effective_at")?,
            recorded: row.moment("recorded_at")?,
            reason: row.text("reason")?,
            actor: row.text("actor")?,
        })
    };
    tx.all(query.bind(id.as_str())).await?.iter().map(read).collect()
}
