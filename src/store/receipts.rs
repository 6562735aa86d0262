//! Receipts over kept verdicts, and the keys that sign them. Private parts and receipts are sealed.

use super::{Row, StoreError, Tx};
use crate::ids::{AgencyId, ReceiptId};
use crate::moment::Moment;
use zeroize::Zeroizing;

/// A key that signs receipts.
#[derive(Clone)]
pub struct ReceiptKey {
    /// SHA-256 of its certificate.
    pub id: String,
    /// The agency that runs this service.
    pub agency: AgencyId,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// The private key, PKCS#8.
    pub private: Zeroizing<Vec<u8>>,
    /// When it was made.
    pub created_at: Moment,
}

impl std::fmt::Debug for ReceiptKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReceiptKey({})", self.id)
    }
}

fn context(table: &str, id: &str) -> String {
    format!("{table}/{id}")
}

/// The key that signs now: the newest that is not retired.
pub async fn current_key(tx: &mut Tx<'_>, agency: &AgencyId) -> Result<Option<ReceiptKey>, StoreError> {
    let query = sqlx::query(
        "SELECT id, agency_id, certificate, sealed, created_at FROM receipt_keys WHERE agency_id = $1 AND retired_at IS NULL \
         ORDER BY created_at DESC, id LIMIT 1",
    );
    let row = tx.optional(query.bind(agency.as_str())).await?;
    row.as_ref().map(|row| read_key(tx, row)).transpose()
}

/// A key as the list shows it.
#[derive(Debug, Clone)]
pub struct ListedKey {
    /// SHA-256 of its certificate.
    pub id: String,
    /// Its certificate, DER.
    pub certificate: Vec<u8>,
    /// When it was made.
    pub created_at: Moment,
    /// When it signed no more.
    pub retired_at: Option<Moment>,
}

/// Every key of an agency, retired ones included, the newest first.
pub async fn list_keys(tx: &mut Tx<'_>, agency: &AgencyId) -> Result<Vec<ListedKey>, StoreError> {
    let query = sqlx::query(
        "SELECT id, certificate, created_at, retired_at FROM receipt_keys WHERE agency_id = $1 ORDER BY created_at DESC, id LIMIT 1000",
    );
    let rows = tx.all(query.bind(agency.as_str())).await?;
    let read = |row: &Row| {
        Ok(ListedKey {
            id: row.text("id")?,
            certificate: row.bytes("certificate")?,
            created_at: row.moment("created_at")?,
            retired_at: row.moment_or_null("retired_at")?,
        })
    };
    rows.iter().map(read).collect()
}

/// Retires every key of an agency that still signs.
pub async fn retire_keys(tx: &mut Tx<'_>, agency: &AgencyId, now: Moment) -> Result<u64, StoreError> {
    let query = sqlx::query("UPDATE receipt_keys SET retired_at = $2 WHERE agency_id = $1 AND retired_at IS NULL");
    tx.execute(query.bind(agency.as_str()).bind(now.millis())).await
}

fn read_key(tx: &Tx<'_>, row: &Row) -> Result<ReceiptKey, StoreError> {
    let id = row.text("id")?;
    let private = tx.sealer.open(&context("receipt_keys", &id), &row.bytes("sealed")?);
    Ok(ReceiptKey {
        agency: row.parse("agency_id")?,
        certificate: row.bytes("certificate")?,
        private: private.map_err(|error| StoreError::Sealed("receipt_keys", error))?,
        created_at: row.moment("created_at")?,
        id,
    })
}

/// Stores a key.
pub async fn add_key(tx: &mut Tx<'_>, key: &ReceiptKey) -> Result<(), StoreError> {
    let sealed = tx.sealer.seal(&context("receipt_keys", &key.id), &key.private);
    let query = sqlx::query("INSERT INTO receipt_keys (id, agency_id, certificate, sealed, created_at) VALUES ($1, $2, $3, $4, $5)");
    let query = query.bind(key.id.as_str()).bind(key.agency.as_str()).bind(key.certificate.clone());
    tx.execute(query.bind(sealed).bind(key.created_at.millis())).await.map(drop)
}

/// An agency's receipt; another agency's is not found.
pub async fn find(tx: &mut Tx<'_>, agency: &AgencyId, id: &ReceiptId) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let query = sqlx::query("SELECT body FROM receipts WHERE id = $1 AND agency_id = $2");
    let Some(row) = tx.optional(query.bind(id.as_str()).bind(agency.as_str())).await? else { return Ok(None) };
    let opened = tx.sealer.open(&context("receipts", id.as_str()), &row.bytes("body")?);
    opened.map(Some).map_err(|error| StoreError::Sealed("receipts", error))
}

/// Anybody's receipt, for a comparison with one that is handed in.
pub async fn octets(tx: &mut Tx<'_>, id: &ReceiptId) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
    let query = sqlx::query("SELECT agency_id FROM receipts WHERE id = $1");
    let Some(row) = tx.optional(query.bind(id.as_str())).await? else { return Ok(None) };
    find(tx, &row.parse("agency_id")?, id).await
}

/// Keeps a receipt; it is made once.
pub async fn add(tx: &mut Tx<'_>, agency: &AgencyId, id: &ReceiptId, body: &[u8], now: Moment) -> Result<(), StoreError> {
    let sealed = tx.sealer.seal(&context("receipts", id.as_str()), body);
    let query = sqlx::query("INSERT INTO receipts (id, agency_id, body, created_at) VALUES ($1, $2, $3, $4)");
    tx.execute(query.bind(id.as_str()).bind(agency.as_str()).bind(sealed).bind(now.millis())).await.map(drop)
}
