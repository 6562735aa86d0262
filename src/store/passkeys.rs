//! Passkeys: bound to an account that a stronger proof opened.

use super::{Row, StoreError, Tx};
use crate::ids::{PartyId, ProofId};
use crate::moment::Moment;
use zeroize::Zeroizing;

/// A passkey as stored; `body` is what the WebAuthn library serialised.
#[derive(Clone)]
pub struct StoredPasskey {
    /// Keyed hash of the credential id; names the row.
    pub hash: String,
    /// Whose it is.
    pub party: PartyId,
    /// The proof under which it was bound.
    pub proof: Option<ProofId>,
    /// What its owner calls it.
    pub label: String,
    /// The serialised credential.
    pub body: Zeroizing<Vec<u8>>,
    /// When it was bound.
    pub created_at: Moment,
    /// When it was last used.
    pub used_at: Option<Moment>,
}

impl std::fmt::Debug for StoredPasskey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StoredPasskey({} of {})", self.hash, self.party)
    }
}

const COLUMNS: &str = "credential_hash, party_id, proof_id, label, body, created_at, used_at";

fn read(tx: &Tx<'_>, row: &Row) -> Result<StoredPasskey, StoreError> {
    let hash = row.text("credential_hash")?;
    let body = tx.sealer.open(&format!("passkeys/{hash}"), &row.bytes("body")?);
    Ok(StoredPasskey {
        party: row.parse("party_id")?,
        proof: row.parse_or_null("proof_id")?,
        label: row.text("label")?,
        body: body.map_err(|error| StoreError::Sealed("passkeys", error))?,
        created_at: row.moment("created_at")?,
        used_at: row.moment_or_null("used_at")?,
        hash,
    })
}

/// Binds a passkey. [`StoreError::Taken`] if the credential is bound already, to anyone.
pub async fn add(
    tx: &mut Tx<'_>,
    credential: &[u8],
    party: &PartyId,
    proof: Option<&ProofId>,
    label: &str,
    body: &[u8],
    now: Moment,
) -> Result<(), StoreError> {
    let hash = tx.sealer.lookup("passkey", credential);
    let body = tx.sealer.seal(&format!("passkeys/{hash}"), body);
    let query =
        sqlx::query("INSERT INTO passkeys (credential_hash, party_id, proof_id, label, body, created_at) VALUES ($1, $2, $3, $4, $5, $6)");
    let query = query.bind(hash).bind(party.as_str()).bind(proof.map(ProofId::as_str)).bind(label).bind(body);
    tx.execute(query.bind(now.millis())).await.map(drop)
}

/// The living passkey of a credential id.
pub async fn by_credential(tx: &mut Tx<'_>, credential: &[u8]) -> Result<Option<StoredPasskey>, StoreError> {
    let hash = tx.sealer.lookup("passkey", credential);
    let sql = format!("SELECT {COLUMNS} FROM passkeys WHERE credential_hash = $1 AND removed_at IS NULL");
    let row = tx.optional(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(hash)).await?;
    row.as_ref().map(|row| read(tx, row)).transpose()
}

/// The living passkeys of a Party, the oldest first.
pub async fn of_party(tx: &mut Tx<'_>, party: &PartyId) -> Result<Vec<StoredPasskey>, StoreError> {
    let sql =
        format!("SELECT {COLUMNS} FROM passkeys WHERE party_id = $1 AND removed_at IS NULL ORDER BY created_at, credential_hash LIMIT 100");
    let rows = tx.all(sqlx::query(sqlx::AssertSqlSafe(sql)).bind(party.as_str())).await?;
    rows.iter().map(|row| read(tx, row)).collect()
}

/// Notes a use: the new counter stands in `body`.
pub async fn used(tx: &mut Tx<'_>, hash: &str, body: &[u8], now: Moment) -> Result<bool, StoreError> {
    let body = tx.sealer.seal(&format!("passkeys/{hash}"), body);
    let query = sqlx::query("UPDATE passkeys SET body = $2, used_at = $3 WHERE credential_hash = $1 AND removed_at IS NULL");
    Ok(tx.execute(query.bind(hash).bind(body).bind(now.millis())).await? == 1)
}

/// Removes a Party's passkey.
pub async fn remove(tx: &mut Tx<'_>, party: &PartyId, hash: &str, now: Moment) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE passkeys SET removed_at = $3 WHERE credential_hash = $1 AND party_id = $2 AND removed_at IS NULL");
    Ok(tx.execute(query.bind(hash).bind(party.as_str()).bind(now.millis())).await? == 1)
}
