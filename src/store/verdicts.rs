//! Verdicts and their receipts, and requests that may be repeated.

use super::{Row, StoreError, Tx};
use crate::ids::{AgencyId, EvidenceId, ReceiptId};
use crate::moment::Moment;
use std::time::Duration;
use zeroize::Zeroizing;

/// A verdict to be kept.
#[derive(Debug, Clone, Copy)]
pub struct NewVerdict<'a> {
    /// The agency that asked.
    pub agency: &'a AgencyId,
    /// Who asked on its behalf: a client id, `desk`, `cli`.
    pub actor: &'a str,
    /// SHA-256 of the document, in hexadecimal.
    pub document_sha256: &'a str,
    /// The policy's id.
    pub policy_id: &'a str,
    /// The policy's digest.
    pub policy_digest: &'a str,
    /// As of when it was judged.
    pub judged_at: Moment,
    /// Indication.
    pub indication: &'a str,
    /// Sub-indication.
    pub sub_indication: Option<&'a str>,
    /// The verdict's JSON, byte for byte.
    pub body: &'a [u8],
    /// The evidence that it rests on, frozen.
    pub evidence: Option<&'a EvidenceId>,
    /// Now.
    pub created_at: Moment,
}

/// A kept verdict.
#[derive(Debug, Clone)]
pub struct StoredVerdict {
    /// Its id: what the receipt names.
    pub id: ReceiptId,
    /// The agency that asked.
    pub agency: AgencyId,
    /// Who asked on its behalf.
    pub actor: String,
    /// SHA-256 of the document, in hexadecimal.
    pub document_sha256: String,
    /// The policy's id.
    pub policy_id: String,
    /// The policy's digest.
    pub policy_digest: String,
    /// As of when it was judged.
    pub judged_at: Moment,
    /// Indication.
    pub indication: String,
    /// Sub-indication.
    pub sub_indication: Option<String>,
    /// The verdict's JSON, byte for byte.
    pub body: Zeroizing<Vec<u8>>,
    /// The evidence that it rests on.
    pub evidence: Option<EvidenceId>,
    /// When it was kept.
    pub created_at: Moment,
}

const COLUMNS: &str =
    "id, agency_id, actor, document_sha256, policy_id, policy_digest, judged_at, indication, sub_indication, body, evidence_id, created_at";

fn context(id: &ReceiptId) -> String {
    format!("verdicts/{id}")
}

fn read(tx: &Tx<'_>, row: &Row) -> Result<StoredVerdict, StoreError> {
    let id: ReceiptId = row.parse("id")?;
    let body = tx.sealer.open(&context(&id), &row.bytes("body")?).map_err(|error| StoreError::Sealed("verdicts", error))?;
    Ok(StoredVerdict {
        id,
        agency: row.parse("agency_id")?,
        actor: row.text("actor")?,
        document_sha256: row.text("document_sha256")?,
        policy_id: row.text("policy_id")?,
        policy_digest: row.text("policy_digest")?,
        judged_at: row.moment("judged_at")?,
        indication: row.text("indication")?,
        sub_indication: row.text_or_null("sub_indication")?,
        body,
        evidence: row.parse_or_null("evidence_id")?,
        created_at: row.moment("created_at")?,
    })
}

/// Keeps a verdict; returns its receipt id.
pub async fn add(tx: &mut Tx<'_>, new: NewVerdict<'_>) -> Result<ReceiptId, StoreError> {
    let id = ReceiptId::from_random(tx.sealer.random());
    let body = tx.sealer.seal(&context(&id), new.body);
    let query = sqlx::query(
        "INSERT INTO verdicts (id, agency_id, actor, document_sha256, policy_id, policy_digest, judged_at, indication, \
         sub_indication, body, evidence_id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    );
    let query = query.bind(id.as_str()).bind(new.agency.as_str()).bind(new.actor).bind(new.document_sha256).bind(new.policy_id);
    let query = query.bind(new.policy_digest).bind(new.judged_at.millis()).bind(new.indication).bind(new.sub_indication);
    let query = query.bind(body).bind(new.evidence.map(EvidenceId::as_str)).bind(new.created_at.millis());
    tx.execute(query).await?;
    Ok(id)
}

/// An agency's verdict; another agency's receipt id finds nothing.
pub async fn find(tx: &mut Tx<'_>, agency: &AgencyId, id: &ReceiptId) -> Result<Option<StoredVerdict>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM verdicts WHERE id = $1 AND agency_id = $2");
    let row = tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).bind(agency.as_str())).await?;
    row.as_ref().map(|row| read(tx, row)).transpose()
}

/// What anybody who holds a receipt's id may know of its verdict: document, indication, time.
pub async fn public(tx: &mut Tx<'_>, id: &ReceiptId) -> Result<Option<(String, String, Moment)>, StoreError> {
    let query = sqlx::query("SELECT document_sha256, indication, judged_at FROM verdicts WHERE id = $1");
    let row = tx.optional(query.bind(id.as_str())).await?;
    row.map(|row| Ok((row.text("document_sha256")?, row.text("indication")?, row.moment("judged_at")?))).transpose()
}

/// An agency's verdicts over a document, the newest first.
pub async fn of_document(tx: &mut Tx<'_>, agency: &AgencyId, sha256: &str) -> Result<Vec<StoredVerdict>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM verdicts WHERE agency_id = $1 AND document_sha256 = $2 ORDER BY created_at DESC, id LIMIT 100");
    let rows = tx.all(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(agency.as_str()).bind(sha256)).await?;
    rows.iter().map(|row| read(tx, row)).collect()
}

/// What is known about a request that bears an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeated {
    /// Not seen before: do it, then [`remember`].
    New,
    /// The same request: its answer.
    Same(String),
    /// Another request under the same key: refuse it.
    Different,
}

/// Looks up a caller's key. `digest` tells the request apart from others under the same key.
pub async fn repeated(
    tx: &mut Tx<'_>,
    agency: &AgencyId,
    actor: &str,
    key: &str,
    digest: &str,
    now: Moment,
) -> Result<Repeated, StoreError> {
    let hash = tx.sealer.lookup("idempotency-key", key.as_bytes());
    let query = sqlx::query(
        "SELECT request_digest, answer FROM idempotency_keys WHERE agency_id = $1 AND actor = $2 AND key_hash = $3 AND expires_at > $4",
    );
    let row = tx.optional(query.bind(agency.as_str()).bind(actor).bind(hash).bind(now.millis())).await?;
    Ok(match row {
        None => Repeated::New,
        Some(row) if row.text("request_digest")? == digest => Repeated::Same(row.text("answer")?),
        Some(_) => Repeated::Different,
    })
}

/// Remembers the answer to a caller's key, in the transaction that did the work. When two did it at once, the later
/// transaction starts anew and finds the first one's answer.
#[expect(clippy::too_many_arguments, reason = "one row, one call")]
pub async fn remember(
    tx: &mut Tx<'_>,
    agency: &AgencyId,
    actor: &str,
    key: &str,
    digest: &str,
    answer: &str,
    now: Moment,
    keep: Duration,
) -> Result<(), StoreError> {
    let hash = tx.sealer.lookup("idempotency-key", key.as_bytes());
    let query = sqlx::query("DELETE FROM idempotency_keys WHERE agency_id = $1 AND actor = $2 AND key_hash = $3 AND expires_at <= $4");
    tx.execute(query.bind(agency.as_str()).bind(actor).bind(hash.clone()).bind(now.millis())).await?;
    let query = sqlx::query(
        "INSERT INTO idempotency_keys (agency_id, actor, key_hash, request_digest, answer, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    );
    let query = query.bind(agency.as_str()).bind(actor).bind(hash).bind(digest).bind(answer);
    match tx.execute(query.bind(now.millis()).bind(now.plus(keep).millis())).await {
        Err(StoreError::Taken) => {
            tx.conflict = true;
            Err(StoreError::Conflict)
        }
        other => other.map(drop),
    }
}

/// Deletes keys that lapsed before `before`; returns how many.
pub async fn sweep(tx: &mut Tx<'_>, before: Moment) -> Result<u64, StoreError> {
    tx.execute(sqlx::query("DELETE FROM idempotency_keys WHERE expires_at < $1").bind(before.millis())).await
}
