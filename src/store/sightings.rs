//! When octets were first seen here: the installation's own proof that they existed.

use super::{StoreError, Tx};
use crate::moment::Moment;

/// Most digests that one call takes.
pub const MOST: usize = 512;

/// Records that these were seen; of those seen before, the first time stays. SHA-256; more than [`MOST`] are passed over.
pub async fn add(tx: &mut Tx<'_>, digests: &[[u8; 32]], now: Moment) -> Result<(), StoreError> {
    for digest in digests.iter().take(MOST) {
        let query = sqlx::query("INSERT INTO sightings (sha256, seen_at) VALUES ($1, $2) ON CONFLICT (sha256) DO NOTHING");
        tx.execute(query.bind(hex::encode(digest)).bind(now.millis())).await?;
    }
    Ok(())
}

/// Which of these were seen, and when first.
pub async fn find(tx: &mut Tx<'_>, digests: &[[u8; 32]]) -> Result<Vec<([u8; 32], Moment)>, StoreError> {
    let mut found = Vec::new();
    for digest in digests.iter().take(MOST) {
        let query = sqlx::query("SELECT seen_at FROM sightings WHERE sha256 = $1");
        if let Some(row) = tx.optional(query.bind(hex::encode(digest))).await? {
            found.push((*digest, row.moment("seen_at")?));
        }
    }
    Ok(found)
}
