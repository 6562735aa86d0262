//! Trust anchors with their purposes.

use super::{Row, StoreError, Tx};
use crate::moment::Moment;
use crate::verify::AnchorRow;

/// A trust anchor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnchor {
    /// SHA-256 of the certificate, in hexadecimal.
    pub sha256: String,
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// Its subject, for lists.
    pub subject: String,
    /// What it is trusted for, sorted.
    pub purposes: Vec<String>,
    /// Whether it belongs to a stand-in province; `serve` refuses it outside the demo.
    pub is_lab: bool,
    /// When it was imported.
    pub added_at: Moment,
    /// What is recorded of it, with dates.
    pub rows: Vec<AnchorRow>,
}

fn read(row: &Row) -> Result<StoredAnchor, StoreError> {
    Ok(StoredAnchor {
        sha256: row.text("sha256")?,
        certificate: row.bytes("certificate")?,
        subject: row.text("subject")?,
        purposes: row.text("purposes")?.split(',').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        is_lab: row.flag("is_lab")?,
        added_at: row.moment("added_at")?,
        rows: row.json("records")?,
    })
}

/// Trusts a certificate for the given purposes; those of an anchor that is already there are replaced, and its rows too.
pub async fn put(tx: &mut Tx<'_>, anchor: &StoredAnchor) -> Result<(), StoreError> {
    let mut purposes = anchor.purposes.clone();
    purposes.sort();
    purposes.dedup();
    let query = sqlx::query(
        "INSERT INTO anchors (sha256, certificate, subject, purposes, is_lab, added_at, records) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (sha256) DO UPDATE SET purposes = $4, is_lab = $5, added_at = $6, records = $7, removed_at = NULL",
    );
    let query = query.bind(anchor.sha256.as_str()).bind(anchor.certificate.clone()).bind(anchor.subject.as_str());
    let records = serde_json::json!(anchor.rows).to_string();
    tx.execute(query.bind(purposes.join(",")).bind(i64::from(anchor.is_lab)).bind(anchor.added_at.millis()).bind(records)).await.map(drop)
}

/// The anchors in force, by fingerprint.
pub async fn list(tx: &mut Tx<'_>) -> Result<Vec<StoredAnchor>, StoreError> {
    let query = sqlx::query(
        "SELECT sha256, certificate, subject, purposes, is_lab, added_at, records FROM anchors WHERE removed_at IS NULL ORDER BY sha256 LIMIT 10000",
    );
    tx.all(query).await?.iter().map(read).collect()
}

/// Trusts a certificate no more; verdicts given before stand.
pub async fn remove(tx: &mut Tx<'_>, sha256: &str, now: Moment) -> Result<bool, StoreError> {
    let query = sqlx::query("UPDATE anchors SET removed_at = $2 WHERE sha256 = $1 AND removed_at IS NULL");
    Ok(tx.execute(query.bind(sha256).bind(now.millis())).await? == 1)
}
