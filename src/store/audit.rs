//! The audit log: who did what, under which rule; tamper-evident.
//!
//! A row commits, unlinked, in the transaction that it witnesses ([`append`], inside any write closure). One leased sequencer
//! ([`link`]) gives it its number and hash within a second: a chain head inside every login's transaction would make all logins
//! conflict. The hash is SM3 over canonical JSON (RFC 8785) of the row and the hash before it. Personal fields stand in it only
//! as a salted commitment; they and their salt are sealed under the Party's key, so that lawful erasure breaks no chain.
//! The head is copied outside the database ([`Head`]): a chain alone does not show that its newest rows were deleted.

use super::canonical::canonical;
use super::{Row, Store, StoreError, Tx, leases, parties};
use crate::fault::Fault;
use crate::ids::{AgencyId, AuditId, PartyId};
use crate::moment::Moment;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sm3::{Digest, Sm3};
use std::time::Duration;

/// What is to be witnessed.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The agency in whose business it happened.
    pub agency: Option<&'a AgencyId>,
    /// The Party whom it concerns.
    pub party: Option<&'a PartyId>,
    /// When.
    pub at: Moment,
    /// What happened: `login.granted`, `verdict.given`, …
    pub event: &'a str,
    /// Facts without personal data: ids, results, rules. An object; whole numbers only.
    pub facts: &'a Value,
    /// Facts about the person: sealed under the Party's key (the installation's, where there is no Party).
    pub personal: Option<&'a Value>,
}

/// The end of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last linked row, from 1.
    pub seq: i64,
    /// Its hash, hexadecimal.
    pub hash: String,
}

/// What stands before the first row.
pub(super) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// How many rows one transaction links.
const BATCH: usize = 500;
const LEASE: &str = "audit-sequencer";
/// Longer than a batch takes, short enough that another machine soon goes on where one died.
const LEASED: Duration = Duration::from_secs(3);

/// A row as the chain sees it.
#[derive(Default)]
pub(super) struct Chained {
    pub id: String,
    pub agency: Option<String>,
    pub party: Option<String>,
    pub at: i64,
    pub event: String,
    pub facts: String,
    pub commitment: String,
}

impl Chained {
    pub(super) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.text("id")?,
            agency: row.text_or_null("agency_id")?,
            party: row.text_or_null("party_id")?,
            at: row.int("happened_at")?,
            event: row.text("event")?,
            facts: row.text("facts")?,
            commitment: row.text("commitment")?,
        })
    }

    /// The row's hash at a place in the chain.
    pub(super) fn hash(&self, seq: i64, prev: &str) -> String {
        let value = json!({
            "agency": self.agency, "at": self.at, "commitment": self.commitment, "event": self.event, "facts": self.facts,
            "id": self.id, "party": self.party, "prev": prev, "seq": seq,
        });
        // Whole numbers and strings only: there always is a canonical form, unless somebody wrote a time beyond 2^53 into the row.
        canonical(&value).map(|text| hex::encode(Sm3::digest(text))).unwrap_or_default()
    }
}

pub(super) fn context(id: &str) -> String {
    format!("audit_entries/{id}")
}

/// The commitment to a sealed body.
pub(super) fn commit(body: &[u8]) -> String {
    hex::encode(Sm3::digest(body))
}

/// Writes an entry in the transaction that it witnesses.
pub async fn append(tx: &mut Tx<'_>, entry: Entry<'_>) -> Result<AuditId, StoreError> {
    let id = AuditId::from_random(tx.sealer.random());
    let facts = canonical(entry.facts).ok_or(StoreError::Corrupt("audit_entries.facts"))?;
    let (sealed, commitment) = match entry.personal {
        None => (None, String::new()),
        Some(personal) => {
            let salted = json!({ "personal": personal, "salt": hex::encode(tx.sealer.random::<32>()) });
            let body = canonical(&salted).ok_or(StoreError::Corrupt("audit_entries.sealed"))?;
            let sealed = match entry.party {
                Some(party) => parties::key(tx, party).await?.seal(&context(id.as_str()), body.as_bytes()),
                None => tx.sealer.seal(&context(id.as_str()), body.as_bytes()),
            };
            (Some(sealed), commit(body.as_bytes()))
        }
    };
    let query = sqlx::query(
        "INSERT INTO audit_entries (id, agency_id, party_id, happened_at, event, facts, sealed, commitment) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    );
    let query = query.bind(id.as_str()).bind(entry.agency.map(AgencyId::as_str)).bind(entry.party.map(PartyId::as_str));
    let query = query.bind(entry.at.millis()).bind(entry.event).bind(facts).bind(sealed).bind(commitment);
    tx.execute(query).await?;
    Ok(id)
}

/// Links what is unlinked, as the machine `holder`, and returns the head if the chain grew. `None` also while another machine
/// holds the lease.
pub async fn link(store: &Store, holder: &str, now: Moment) -> Result<Option<Head>, Fault> {
    let idle = store.read("audit: anything to link", |tx| {
        Box::pin(async move { Ok(tx.optional(sqlx::query("SELECT id FROM audit_entries WHERE seq IS NULL LIMIT 1")).await?.is_none()) })
    });
    if idle.await? {
        return Ok(None);
    }
    let leased = store.write("audit: lease", |tx| Box::pin(async move { Ok(leases::take(tx, LEASE, holder, now, LEASED).await?) }));
    if !leased.await? {
        return Ok(None);
    }
    let mut grown = None;
    loop {
        let (head, linked) = store.write_committed("audit: link", |tx| Box::pin(async move { Ok(link_batch(tx).await?) })).await?;
        if linked > 0 {
            grown = Some(head);
        }
        if linked < BATCH {
            return Ok(grown);
        }
    }
}

async fn link_batch(tx: &mut Tx<'_>) -> Result<(Head, usize), StoreError> {
    let mut head = head(tx).await?.unwrap_or_else(|| Head { seq: 0, hash: GENESIS.to_owned() });
    let rows = tx
        .all(sqlx::query(
            "SELECT id, agency_id, party_id, happened_at, event, facts, commitment FROM audit_entries WHERE seq IS NULL \
             ORDER BY happened_at, id LIMIT 500",
        ))
        .await?;
    for row in &rows {
        let entry = Chained::read(row)?;
        let seq = head.seq + 1;
        let hash = entry.hash(seq, &head.hash);
        let query = sqlx::query("UPDATE audit_entries SET seq = $2, prev = $3, hash = $4 WHERE id = $1 AND seq IS NULL");
        let changed = tx.execute(query.bind(entry.id).bind(seq).bind(head.hash).bind(hash.clone())).await?;
        head = Head { seq, hash };
        if changed != 1 {
            // Another sequencer was here after our lease ran out: start anew from its head.
            tx.conflict = true;
            return Err(StoreError::Conflict);
        }
    }
    Ok((head, rows.len()))
}

/// The last linked row.
pub async fn head(tx: &mut Tx<'_>) -> Result<Option<Head>, StoreError> {
    let query = sqlx::query("SELECT seq, hash FROM audit_entries WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1");
    let Some(row) = tx.optional(query).await? else { return Ok(None) };
    Ok(Some(Head { seq: row.int("seq")?, hash: row.text_or_null("hash")?.unwrap_or_default() }))
}

/// One entry of the log, for the auditor's list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// Its number, once linked.
    pub seq: Option<i64>,
    /// Its id.
    pub id: AuditId,
    /// When it happened.
    pub at: Moment,
    /// What happened.
    pub event: String,
    /// The Party whom it concerns.
    pub party: Option<PartyId>,
    /// Facts without personal data.
    pub facts: Value,
}

/// The newest entries of an agency, at most 1000.
pub async fn of_agency(tx: &mut Tx<'_>, agency: &AgencyId, limit: u16) -> Result<Vec<Listed>, StoreError> {
    let query = sqlx::query(
        "SELECT seq, id, happened_at, event, party_id, facts FROM audit_entries WHERE agency_id = $1 ORDER BY happened_at DESC, id LIMIT $2",
    );
    list(tx.all(query.bind(agency.as_str()).bind(i64::from(limit.min(1000)))).await?)
}

/// The newest entries that concern a Party, at most 1000: for its account page.
pub async fn of_party(tx: &mut Tx<'_>, party: &PartyId, limit: u16) -> Result<Vec<Listed>, StoreError> {
    let query = sqlx::query(
        "SELECT seq, id, happened_at, event, party_id, facts FROM audit_entries WHERE party_id = $1 ORDER BY happened_at DESC, id LIMIT $2",
    );
    list(tx.all(query.bind(party.as_str()).bind(i64::from(limit.min(1000)))).await?)
}

fn list(rows: Vec<Row>) -> Result<Vec<Listed>, StoreError> {
    rows.iter()
        .map(|row| {
            Ok(Listed {
                seq: row.int_or_null("seq")?,
                id: row.parse("id")?,
                at: row.moment("happened_at")?,
                event: row.text("event")?,
                party: row.parse_or_null("party_id")?,
                facts: row.json("facts")?,
            })
        })
        .collect()
}
