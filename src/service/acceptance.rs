//! What an installation remembers of a document that it accepted: when it first saw it, and the evidence as it was then, under a
//! time-stamp. When the document comes again after its certificates ended, that proves that it existed before.

use super::evidence::stamp;
use super::timestamp_client::Authority;
use super::verifications::Judged;
use crate::crypto::Hash;
use crate::fault::Fault;
use crate::store::{evidence, sightings};
use crate::verify::frozen::{self, Provenance};
use crate::verify::{Evidence, Record, Verdict};
use crate::world::World;

/// Under what the evidence of accepted documents is kept: as it is, and under a time-stamp.
const KINDS: [&str; 2] = ["acceptance", "acceptance-stamped"];

/// Under what the evidence of an acceptance is kept.
pub(super) const fn kind(stamped: bool) -> &'static str {
    if stamped { KINDS[1] } else { KINDS[0] }
}

/// Whether evidence of an acceptance stands under a time-stamp already.
pub(super) async fn is_stamped(world: &World, verdict: &Verdict) -> Result<bool, Fault> {
    Ok(first(world, kind(true), &verdict.sha256).await?.is_some())
}

/// The evidence of the first acceptance of a document, the time-stamped one where there is one.
pub(super) async fn earliest(world: &World, sha256: &str) -> Result<Option<Vec<u8>>, Fault> {
    for kind in KINDS.iter().rev() {
        if let Some(found) = first(world, kind, sha256).await? {
            return Ok(Some(found.body));
        }
    }
    Ok(None)
}

async fn first(world: &World, kind: &str, source: &str) -> Result<Option<evidence::StoredEvidence>, Fault> {
    world.store.read("an earlier acceptance", |tx| Box::pin(async move { Ok(evidence::oldest(tx, kind, source).await?) })).await
}

/// A time-stamp over the evidence of a first acceptance; without one the verdict is kept all the same, and our own record of what was
/// seen when has to serve.
pub(super) async fn stamped(world: &World, rested_on: &Evidence, document: &[(Hash, Vec<u8>)]) -> Option<Record> {
    let authorities: Vec<Authority> =
        world.config.timestamp.iter().map(|url| Authority { net: world.net.clone(), url: url.clone() }).collect();
    if authorities.is_empty() {
        return None;
    }
    let stamped = stamp(rested_on, document, &authorities, &*world.dice).await;
    stamped.inspect_err(|fault| tracing::warn!(%fault, "the evidence of an acceptance bears no time-stamp")).ok()
}

/// What is known of the document and of all that was seen with it: when it was first seen, and the evidence of its first acceptance.
pub(super) async fn remembered(world: &World, judged: &Judged) -> Result<Evidence, Fault> {
    let mut known = Evidence::default();
    for kind in KINDS {
        let Some(found) = first(world, kind, &judged.verdict.sha256).await? else { continue };
        // Its own word on when something was seen is not needed: the sightings tell.
        match frozen::thaw(&found.body, Provenance::File) {
            Ok(frozen) => {
                known.extend(frozen.evidence);
                known.extend(frozen.added);
            }
            Err(error) => tracing::error!(%error, id = %found.id, "evidence that was kept cannot be read"),
        }
    }
    let mut asked = judged.identities.clone();
    asked.extend(frozen::first_seen(&known, judged.verdict.at).into_iter().map(|(id, _)| id));
    let asked = &asked;
    let seen = world.store.read("when it was first seen", |tx| Box::pin(async move { Ok(sightings::find(tx, asked).await?) }));
    known.first_seen = seen.await?;
    Ok(known)
}
