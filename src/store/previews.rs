//! Pages drawn for whoever looks at a verdict: sealed, for a short while.

use super::{StoreError, Tx};
use crate::ids::{AgencyId, ReceiptId};
use crate::moment::Moment;
use zeroize::Zeroizing;

/// A drawn page.
pub struct StoredPage {
    /// Its number; 0 stands for the whole document.
    pub number: u32,
    /// How many the document has.
    pub pages: u32,
    /// Why there is no picture.
    pub why: Option<String>,
    /// The picture.
    pub body: Zeroizing<Vec<u8>>,
}

fn context(receipt: &ReceiptId, number: u32) -> String {
    format!("previews/{receipt}/{number}")
}

/// Keeps a page until a moment; one that is there stays.
pub async fn add(tx: &mut Tx<'_>, agency: &AgencyId, receipt: &ReceiptId, page: &StoredPage, until: Moment) -> Result<(), StoreError> {
    let sealed = tx.sealer.seal(&context(receipt, page.number), &page.body);
    let query = sqlx::query(
        "INSERT INTO previews (receipt_id, agency_id, page, pages, why, body, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7) \
         ON CONFLICT (receipt_id, page) DO NOTHING",
    );
    let query = query.bind(receipt.as_str()).bind(agency.as_str()).bind(i64::from(page.number)).bind(i64::from(page.pages));
    tx.execute(query.bind(page.why.clone()).bind(sealed).bind(until.millis())).await.map(drop)
}

/// An agency's pages of a verdict, in their order.
pub async fn list(tx: &mut Tx<'_>, agency: &AgencyId, receipt: &ReceiptId, now: Moment) -> Result<Vec<StoredPage>, StoreError> {
    let query = sqlx::query(
        "SELECT page, pages, why, body FROM previews WHERE receipt_id = $1 AND agency_id = $2 AND expires_at > $3 ORDER BY page LIMIT 100",
    );
    let rows = tx.all(query.bind(receipt.as_str()).bind(agency.as_str()).bind(now.millis())).await?;
    let read = |row: &super::Row| {
        let small = |name| row.int(name).map(|number| u32::try_from(number).unwrap_or_default());
        let number = small("page")?;
        let body = tx.sealer.open(&context(receipt, number), &row.bytes("body")?).map_err(|error| StoreError::Sealed("previews", error))?;
        Ok(StoredPage { number, pages: small("pages")?, why: row.text_or_null("why")?, body })
    };
    rows.iter().map(read).collect()
}

/// Deletes what lapsed before `before`; returns how many.
pub async fn sweep(tx: &mut Tx<'_>, before: Moment) -> Result<u64, StoreError> {
    tx.execute(sqlx::query("DELETE FROM previews WHERE expires_at < $1").bind(before.millis())).await
}
