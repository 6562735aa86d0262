//! Leases: which of several machines does a periodic job now.

use super::{StoreError, Tx};
use crate::moment::Moment;
use std::time::Duration;

/// A lease that ends later than any honest clock would let it was given before the clock was set back.
const SKEW: Duration = Duration::from_secs(60);

/// Takes or renews the lease of a job for `holder`. `false` while another holds it.
pub async fn take(tx: &mut Tx<'_>, name: &str, holder: &str, now: Moment, keep: Duration) -> Result<bool, StoreError> {
    let query = sqlx::query(
        "INSERT INTO leases (name, holder, ends_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET holder = $2, ends_at = $3 \
         WHERE leases.holder = $2 OR leases.ends_at <= $4 OR leases.ends_at > $5",
    );
    let ends_at = now.plus(keep);
    let query = query.bind(name).bind(holder).bind(ends_at.millis()).bind(now.millis()).bind(ends_at.plus(SKEW).millis());
    Ok(tx.execute(query).await? == 1)
}

/// Gives a lease back.
pub async fn release(tx: &mut Tx<'_>, name: &str, holder: &str) -> Result<(), StoreError> {
    tx.execute(sqlx::query("DELETE FROM leases WHERE name = $1 AND holder = $2").bind(name).bind(holder)).await.map(drop)
}
