//! What the periodic jobs do.

use crate::fault::Fault;
use crate::service::sign;
use crate::store::{challenges, grants, logins, logout_notices, phone_codes, prepared_signatures, previews, verdicts};
use crate::world::World;
use std::time::Duration;

/// A signing that is still open after this long was left by a crash.
const LEFT: Duration = Duration::from_secs(600);
/// How long lapsed rows are kept: a code presented late is still told from one that never was.
const KEEP: Duration = Duration::from_secs(24 * 3600);
/// How long people see which portals were told of a logout; the audit log knows longer.
const RECEIPTS: Duration = Duration::from_secs(180 * 24 * 3600);

/// Settles what a crash left open: a signing whose result was never released is given up, and the log says so.
/// Returns how many.
pub async fn settle(world: &World) -> Result<usize, Fault> {
    sign::settle_left_open(&world.store, LEFT, world.clock.now()).await
}

/// Deletes what lapsed a day ago. Returns how many rows.
pub async fn sweep(world: &World) -> Result<u64, Fault> {
    let before = world.clock.now().minus(KEEP);
    let long_before = world.clock.now().minus(RECEIPTS);
    // One family at a time: a long sweep must not hold up a login.
    let swept = [
        world.store.write("sweep logins", |tx| Box::pin(async move { Ok(logins::sweep(tx, before).await?) })).await?,
        world.store.write("sweep tokens", |tx| Box::pin(async move { Ok(grants::sweep(tx, before).await?) })).await?,
        world.store.write("sweep challenges", |tx| Box::pin(async move { Ok(challenges::sweep(tx, before).await?) })).await?,
        world.store.write("sweep codes", |tx| Box::pin(async move { Ok(phone_codes::sweep(tx, before).await?) })).await?,
        world.store.write("sweep previews", |tx| Box::pin(async move { Ok(previews::sweep(tx, world.clock.now()).await?) })).await?,
        world.store.write("sweep prepared", |tx| Box::pin(async move { Ok(prepared_signatures::sweep(tx, before).await?) })).await?,
        world.store.write("sweep notices", |tx| Box::pin(async move { Ok(logout_notices::sweep(tx, long_before).await?) })).await?,
        world.store.write("sweep repeated", |tx| Box::pin(async move { Ok(verdicts::sweep(tx, before).await?) })).await?,
    ];
    Ok(swept.iter().sum())
}

/// In the demo, moves the clock to the province's; elsewhere tells an offset.
pub async fn clock(world: &World) -> Result<(), Fault> {
    let Ok(time) = world.province.time() else { return Ok(()) };
    let heard = time.offset().await?;
    match &world.following {
        Some(clock) => clock.adjust(heard.said),
        None if heard.said.ahead_ms.unsigned_abs() > 2_000 => {
            tracing::warn!(ahead_ms = heard.said.ahead_ms, "the province's clock differs from ours");
        }
        None => {}
    }
    Ok(())
}
