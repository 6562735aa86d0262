//! Proofs: single acts that showed who a Party is. Levels are computed from them, never stored as a wish.

use super::{Row, StoreError, Tx};
use crate::ids::{AgencyId, EvidenceId, PartyId, ProofId, SessionId};
use crate::moment::Moment;

/// One act that showed who a Party is.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// Its id.
    pub id: ProofId,
    /// Who was proved.
    pub party: PartyId,
    /// Through whom, where an organisation was proved by its representative.
    pub by: Option<PartyId>,
    /// The agency at whose portal or counter it happened.
    pub agency: Option<AgencyId>,
    /// How: the name of the method in the `login` room.
    pub method: String,
    /// The level that this act alone reaches.
    pub level: i64,
    /// When.
    pub proved_at: Moment,
    /// The raw answer or signature that it rests on.
    pub evidence: Option<EvidenceId>,
    /// Details without personal data.
    pub detail: serde_json::Value,
    /// From when it counts no more (certificate reported lost, registry status changed).
    pub revoked_at: Option<Moment>,
}

/// What is known when a proof is recorded.
#[derive(Debug, Clone, Copy)]
pub struct NewProof<'a> {
    /// Who was proved.
    pub party: &'a PartyId,
    /// Through whom, where an organisation was proved by its representative.
    pub by: Option<&'a PartyId>,
    /// The agency at whose portal or counter it happened.
    pub agency: Option<&'a AgencyId>,
    /// How.
    pub method: &'a str,
    /// The level that this act alone reaches.
    pub level: i64,
    /// When.
    pub proved_at: Moment,
    /// The raw answer or signature that it rests on.
    pub evidence: Option<&'a EvidenceId>,
    /// Details without personal data.
    pub detail: &'a serde_json::Value,
}

const COLUMNS: &str = "p.id, p.party_id, p.by_party_id, p.agency_id, p.method, p.level, p.proved_at, p.evidence_id, p.detail, p.revoked_at";

fn read(row: &Row) -> Result<Proof, StoreError> {
    Ok(Proof {
        id: row.parse("id")?,
        party: row.parse("party_id")?,
        by: row.parse_or_null("by_party_id")?,
        agency: row.parse_or_null("agency_id")?,
        method: row.text("method")?,
        level: row.int("level")?,
        proved_at: row.moment("proved_at")?,
        evidence: row.parse_or_null("evidence_id")?,
        detail: row.json("detail")?,
        revoked_at: row.moment_or_null("revoked_at")?,
    })
}

/// Records a proof.
pub async fn add(tx: &mut Tx<'_>, proof: NewProof<'_>) -> Result<ProofId, StoreError> {
    let id = ProofId::from_random(tx.sealer.random());
    let query = sqlx::query(
        "INSERT INTO proofs (id, party_id, by_party_id, agency_id, method, level, proved_at, evidence_id, detail) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    );
    let query = query.bind(id.as_str()).bind(proof.party.as_str()).bind(proof.by.map(PartyId::as_str));
    let query = query.bind(proof.agency.map(AgencyId::as_str)).bind(proof.method).bind(proof.level);
    let query = query.bind(proof.proved_at.millis()).bind(proof.evidence.map(EvidenceId::as_str));
    tx.execute(query.bind(proof.detail.to_string())).await?;
    Ok(id)
}

/// All proofs of a Party, the newest first (at most 1000).
pub async fn of_party(tx: &mut Tx<'_>, party: &PartyId) -> Result<Vec<Proof>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM proofs p WHERE p.party_id = $1 ORDER BY p.proved_at DESC, p.id LIMIT 1000");
    let query = sqlx::query(sqlx::AssertSqlSafe(sql));
    tx.all(query.bind(party.as_str())).await?.iter().map(read).collect()
}

/// The proofs behind a session, in the order they were added.
pub async fn of_session(tx: &mut Tx<'_>, session: &SessionId) -> Result<Vec<Proof>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM session_proofs s JOIN proofs p ON p.id = s.proof_id WHERE s.session_id = $1 \
         ORDER BY s.added_at, p.id LIMIT 1000"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql));
    tx.all(query.bind(session.as_str())).await?.iter().map(read).collect()
}

/// A proof counts no more from `now` on.
pub async fn revoke(tx: &mut Tx<'_>, id: &ProofId, now: Moment) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE proofs SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL");
    Ok(tx.execute(query.bind(id.as_str()).bind(now.millis())).await? == 1)
}

/// The proof of this id.
pub async fn find(tx: &mut Tx<'_>, id: &ProofId) -> Result<Option<Proof>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM proofs p WHERE p.id = $1");
    tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_str())).await?.as_ref().map(read).transpose()
}

/// The proofs of others by this method through a Party, the newest first (at most 1000).
pub async fn through(tx: &mut Tx<'_>, by: &PartyId, method: &str) -> Result<Vec<Proof>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM proofs p WHERE p.by_party_id = $1 AND p.method = $2 ORDER BY p.proved_at DESC, p.id LIMIT 1000");
    tx.all(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(by.as_str()).bind(method)).await?.iter().map(read).collect()
}
