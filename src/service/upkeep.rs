//! What the periodic jobs do.

use crate::fault::Fault;
use crate::store::intentions::{self, IntentionState};
use crate::store::{audit, challenges, grants, logins, phone_codes, verdicts};
use crate::world::World;
use serde_json::json;
use std::time::Duration;

/// A signing that is still open after this long was left by a crash.
const LEFT: Duration = Duration::from_secs(600);
/// How long lapsed rows are kept: a code presented late is still told from one that never was.
const KEEP: Duration = Duration::from_secs(24 * 3600);

/// Settles what a crash left open: a signing whose result was never released is given up, and the log says so.
/// Returns how many.
pub async fn settle(world: &World) -> Result<usize, Fault> {
    let now = world.clock.now();
    let left = world.store.read("signings left open", |tx| Box::pin(async move { Ok(intentions::left_open(tx, now.minus(LEFT)).await?) }));
    let left = left.await?;
    for open in &left {
        let settled = world.store.write("settle a signing", |tx| {
            Box::pin(async move {
                let detail = json!({ "why": "left open" });
                if intentions::settle(tx, &open.agency, &open.id, IntentionState::Abandoned, &detail, now).await? {
                    let facts = json!({ "intention": open.id.as_str(), "digest": open.digest, "key": open.key_id });
                    let entry = audit::Entry {
                        agency: Some(&open.agency),
                        party: open.party.as_ref(),
                        at: now,
                        event: "signing.abandoned",
                        facts: &facts,
                        personal: None,
                    };
                    audit::append(tx, entry).await?;
                }
                Ok(())
            })
        });
        settled.await?;
    }
    Ok(left.len())
}

/// Deletes what lapsed a day ago. Returns how many rows.
pub async fn sweep(world: &World) -> Result<u64, Fault> {
    let before = world.clock.now().minus(KEEP);
    // One family at a time: a long sweep must not hold up a login.
    let swept = [
        world.store.write("sweep logins", |tx| Box::pin(async move { Ok(logins::sweep(tx, before).await?) })).await?,
        world.store.write("sweep tokens", |tx| Box::pin(async move { Ok(grants::sweep(tx, before).await?) })).await?,
        world.store.write("sweep challenges", |tx| Box::pin(async move { Ok(challenges::sweep(tx, before).await?) })).await?,
        world.store.write("sweep codes", |tx| Box::pin(async move { Ok(phone_codes::sweep(tx, before).await?) })).await?,
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
