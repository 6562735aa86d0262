//! Intentions: what is to be signed is committed, with its digest, before the key moves.

use super::{Row, StoreError, Tx};
use crate::ids::{AgencyId, IntentionId, PartyId};
use crate::moment::Moment;

/// How far a signing got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntentionState {
    /// Committed; the key may have moved since.
    Intended,
    /// The signed document was judged good and released.
    Released,
    /// It failed or was given up; nothing was released.
    Abandoned,
}

super::parties::stored_as!(IntentionState { Intended = "intended", Released = "released", Abandoned = "abandoned" });

/// An intention to be committed.
#[derive(Debug, Clone, Copy)]
pub struct NewIntention<'a> {
    /// The agency in whose name it happens.
    pub agency: &'a AgencyId,
    /// The signer, where it is a Party.
    pub party: Option<&'a PartyId>,
    /// Who asked for it.
    pub actor: &'a str,
    /// Which key: the fingerprint of its certificate.
    pub key_id: &'a str,
    /// The signature's format.
    pub format: &'a str,
    /// Digest of what will be signed: `sm3:…`, `sha256:…`.
    pub digest: &'a str,
    /// Details without personal data.
    pub detail: &'a serde_json::Value,
    /// Now.
    pub created_at: Moment,
}

/// A committed intention.
#[derive(Debug, Clone, PartialEq)]
pub struct Intention {
    /// Its id.
    pub id: IntentionId,
    /// The agency in whose name it happens.
    pub agency: AgencyId,
    /// The signer, where it is a Party.
    pub party: Option<PartyId>,
    /// Who asked for it.
    pub actor: String,
    /// Which key.
    pub key_id: String,
    /// The signature's format.
    pub format: String,
    /// Digest of what will be signed.
    pub digest: String,
    /// How far it got.
    pub state: IntentionState,
    /// Details.
    pub detail: serde_json::Value,
    /// When it was committed.
    pub created_at: Moment,
    /// When it was settled.
    pub settled_at: Option<Moment>,
}

const COLUMNS: &str = "id, agency_id, party_id, actor, key_id, format, digest, state, detail, created_at, settled_at";

fn read(row: &Row) -> Result<Intention, StoreError> {
    Ok(Intention {
        id: row.parse("id")?,
        agency: row.parse("agency_id")?,
        party: row.parse_or_null("party_id")?,
        actor: row.text("actor")?,
        key_id: row.text("key_id")?,
        format: row.text("format")?,
        digest: row.text("digest")?,
        state: row.parse("state")?,
        detail: row.json("detail")?,
        created_at: row.moment("created_at")?,
        settled_at: row.moment_or_null("settled_at")?,
    })
}

/// Commits an intention.
pub async fn add(tx: &mut Tx<'_>, new: NewIntention<'_>) -> Result<IntentionId, StoreError> {
    let id = IntentionId::from_random(tx.sealer.random());
    let query = sqlx::query(
        "INSERT INTO intentions (id, agency_id, party_id, actor, key_id, format, digest, state, detail, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'intended', $8, $9)",
    );
    let query = query.bind(id.as_str()).bind(new.agency.as_str()).bind(new.party.map(PartyId::as_str)).bind(new.actor);
    let query = query.bind(new.key_id).bind(new.format).bind(new.digest).bind(new.detail.to_string()).bind(new.created_at.millis());
    tx.execute(query).await?;
    Ok(id)
}

/// Settles an open intention of an agency. `false` if it was settled before.
pub async fn settle(
    tx: &mut Tx<'_>,
    agency: &AgencyId,
    id: &IntentionId,
    state: IntentionState,
    detail: &serde_json::Value,
    now: Moment,
) -> Result<bool, StoreError> {
    let query = sqlx::query(
        "UPDATE intentions SET state = $3, detail = $4, settled_at = $5 WHERE id = $1 AND agency_id = $2 AND state = 'intended'",
    );
    let query = query.bind(id.as_str()).bind(agency.as_str()).bind(state.as_str()).bind(detail.to_string()).bind(now.millis());
    Ok(tx.execute(query).await? == 1)
}

/// An agency's intention.
pub async fn find(tx: &mut Tx<'_>, agency: &AgencyId, id: &IntentionId) -> Result<Option<Intention>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM intentions WHERE id = $1 AND agency_id = $2");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).bind(agency.as_str());
    tx.optional(query).await?.as_ref().map(read).transpose()
}

/// Intentions of all agencies that a crash left open since before `before`, the oldest first: for the job that settles them.
pub async fn left_open(tx: &mut Tx<'_>, before: Moment) -> Result<Vec<Intention>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM intentions WHERE state = 'intended' AND created_at < $1 ORDER BY created_at, id LIMIT 100");
    tx.all(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(before.millis())).await?.iter().map(read).collect()
}
