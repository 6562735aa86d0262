//! Evidence: bytes that the world said, kept as they came, each with when it was first seen.
//!
//! Revocation lists and the like are public; a registry answer is sealed, under the Party's own key where the Party is known.

use super::{Row, StoreError, Tx, millis, parties};
use crate::ids::{AgencyId, EvidenceId, PartyId};
use crate::moment::Moment;
use sm3::{Digest, Sm3};

/// Who may read a piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy<'a> {
    /// Says nothing about a person: stored as it is.
    Public,
    /// Personal, of nobody known here: sealed under the installation's key.
    Sealed,
    /// Personal: sealed under the Party's own key, unreadable after erasure.
    Of(&'a PartyId),
}

/// A piece of evidence to be kept.
#[derive(Clone, Copy)]
pub struct NewEvidence<'a> {
    /// The agency for whose case it was gathered; `None` for what serves all.
    pub agency: Option<&'a AgencyId>,
    /// What it is: `crl`, `ocsp`, `registry-answer`, `challenge-signature`, `bundle`, …
    pub kind: &'a str,
    /// Where it came from: a URL, a connector's name; never with a person's number in it.
    pub source: &'a str,
    /// Who may read it.
    pub privacy: Privacy<'a>,
    /// The bytes.
    pub body: &'a [u8],
    /// When it was seen.
    pub seen_at: Moment,
    /// From when it speaks.
    pub this_update: Option<Moment>,
    /// Until when it is fresh.
    pub next_update: Option<Moment>,
}

/// A piece of evidence.
#[derive(Clone)]
pub struct StoredEvidence {
    /// Its id.
    pub id: EvidenceId,
    /// The agency for whose case it was gathered.
    pub agency: Option<AgencyId>,
    /// Whom it speaks about.
    pub party: Option<PartyId>,
    /// What it is.
    pub kind: String,
    /// Where it came from.
    pub source: String,
    /// SM3 of the bytes, in hexadecimal.
    pub digest: String,
    /// The bytes.
    pub body: Vec<u8>,
    /// When these bytes were first seen.
    pub first_seen: Moment,
    /// From when it speaks.
    pub this_update: Option<Moment>,
    /// Until when it is fresh.
    pub next_update: Option<Moment>,
}

impl std::fmt::Debug for StoredEvidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredEvidence({}, {}, {} octets)", self.id, self.kind, self.body.len())
    }
}

const COLUMNS: &str = "id, agency_id, party_id, kind, source, digest, body, is_sealed, first_seen, this_update, next_update";

fn context(id: &EvidenceId) -> String {
    format!("evidence/{id}")
}

async fn read(tx: &mut Tx<'_>, row: &Row) -> Result<StoredEvidence, StoreError> {
    let (id, party) = (row.parse::<EvidenceId>("id")?, row.parse_or_null::<PartyId>("party_id")?);
    let stored = row.bytes("body")?;
    let opened = match (row.flag("is_sealed")?, &party) {
        (false, _) => Ok(stored),
        (true, Some(party)) => parties::key(tx, party).await?.open(&context(&id), &stored).map(|plain| plain.to_vec()),
        (true, None) => tx.sealer.open(&context(&id), &stored).map(|plain| plain.to_vec()),
    };
    let body = opened.map_err(|error| StoreError::Sealed("evidence", error))?;
    let digest = row.text("digest")?;
    if digest != hex::encode(Sm3::digest(&body)) {
        return Err(StoreError::Corrupt("evidence.body"));
    }
    Ok(StoredEvidence {
        id,
        agency: row.parse_or_null("agency_id")?,
        party,
        kind: row.text("kind")?,
        source: row.text("source")?,
        digest,
        body,
        first_seen: row.moment("first_seen")?,
        this_update: row.moment_or_null("this_update")?,
        next_update: row.moment_or_null("next_update")?,
    })
}

/// Keeps a piece of evidence. Public bytes that are already kept from the same source keep their id and first sight.
pub async fn add(tx: &mut Tx<'_>, new: NewEvidence<'_>) -> Result<EvidenceId, StoreError> {
    let digest = hex::encode(Sm3::digest(new.body));
    if new.privacy == Privacy::Public {
        let query = sqlx::query("SELECT id FROM evidence WHERE kind = $1 AND source = $2 AND digest = $3 AND is_sealed = 0 LIMIT 1");
        if let Some(row) = tx.optional(query.bind(new.kind).bind(new.source).bind(digest.clone())).await? {
            return row.parse("id");
        }
    }
    let id = EvidenceId::from_random(tx.sealer.random());
    let (party, body) = match new.privacy {
        Privacy::Public => (None, new.body.to_vec()),
        Privacy::Sealed => (None, tx.sealer.seal(&context(&id), new.body)),
        Privacy::Of(party) => (Some(party), parties::key(tx, party).await?.seal(&context(&id), new.body)),
    };
    let query = sqlx::query(
        "INSERT INTO evidence (id, agency_id, party_id, kind, source, digest, body, is_sealed, first_seen, this_update, next_update) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    );
    let query = query.bind(id.as_str()).bind(new.agency.map(AgencyId::as_str)).bind(party.map(PartyId::as_str)).bind(new.kind);
    let query = query.bind(new.source).bind(digest).bind(body).bind(i64::from(new.privacy != Privacy::Public));
    let query = query.bind(new.seen_at.millis()).bind(millis(new.this_update)).bind(millis(new.next_update));
    tx.execute(query).await?;
    Ok(id)
}

/// The evidence of this id. [`StoreError::Erased`] if it was personal and the Party was erased.
pub async fn find(tx: &mut Tx<'_>, id: &EvidenceId) -> Result<Option<StoredEvidence>, StoreError> {
    let query = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} FROM evidence WHERE id = $1"))).bind(id.as_str());
    match tx.optional(query).await? {
        Some(row) => read(tx, &row).await.map(Some),
        None => Ok(None),
    }
}

/// The oldest public evidence of a kind from a source.
pub async fn oldest(tx: &mut Tx<'_>, kind: &str, source: &str) -> Result<Option<StoredEvidence>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM evidence WHERE kind = $1 AND source = $2 AND is_sealed = 0 ORDER BY first_seen, id LIMIT 1");
    match tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(kind).bind(source)).await? {
        Some(row) => read(tx, &row).await.map(Some),
        None => Ok(None),
    }
}

/// The newest public evidence of a kind from a source: the cache of revocation lists.
pub async fn newest(tx: &mut Tx<'_>, kind: &str, source: &str) -> Result<Option<StoredEvidence>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM evidence WHERE kind = $1 AND source = $2 AND is_sealed = 0 \
         ORDER BY COALESCE(this_update, first_seen) DESC, first_seen DESC, id LIMIT 1"
    );
    match tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(kind).bind(source)).await? {
        Some(row) => read(tx, &row).await.map(Some),
        None => Ok(None),
    }
}
