//! What registers say of seals: this one of those made for it, the province's of all others. The judge weighs it.

use crate::doc::Facts;
use crate::fault::Fault;
use crate::province::Why;
use crate::sign::seal::register;
use crate::store::seals;
use crate::verify::register::{Said, SealStatus};
use crate::world::World;

/// What verdicts call the word of this installation's own register.
pub const SOURCE: &str = "register";
/// What they call the province's.
const PROVINCE: &str = "province";
/// Most seals of one document that are asked about.
const MAX_SEALS: usize = 16;

/// What the province says of a seal. Where no register of seals is configured, nobody shows anything.
pub(super) async fn source_says(world: &World, sha256: &str, code: &str) -> Said {
    let Ok(source) = world.province.seals() else { return Said::NotOnRecord };
    match source.status(code, sha256).await {
        Ok(heard) => heard.said.map_or(Said::NotOnRecord, |known| Said::Record(known.record)),
        Err(error) => {
            // A refused question is an answer of a kind: the register cannot say anything of such a seal.
            tracing::info!(%error, "the status of a seal could not be asked");
            if error.why == Why::NotConfigured { Said::NotOnRecord } else { Said::Nothing }
        }
    }
}

/// What is known of the seals of a document, for the judge: of each seal the word of the register that made it.
/// Those of `before` are left out.
pub async fn gather(world: &World, facts: &Facts, before: &[SealStatus]) -> Result<Vec<SealStatus>, Fault> {
    let mut known: Vec<SealStatus> = Vec::new();
    for seal in facts.signatures.iter().filter_map(|entry| entry.seal.as_deref()).take(MAX_SEALS) {
        let sha256 = hex::encode(seal.sha256);
        if known.iter().chain(before).any(|status| status.seal == sha256) {
            continue;
        }
        let asked = world.clock.now();
        let digest = sha256.as_str();
        let here = world.store.read("a seal's status", |tx| {
            Box::pin(async move {
                let Some(seal) = seals::made_here(tx, digest).await? else { return Ok(None) };
                let events = seals::events(tx, &seal.id).await?;
                Ok(Some(register::record(&events, seal.valid_from, seal.valid_until)))
            })
        });
        let (source, said) = match here.await? {
            Some(record) => (SOURCE, Said::Record(record)),
            // Nobody is asked where there is nobody: the verdict is then that of the command line, to the byte.
            None if world.province.seals().is_err() => continue,
            None => (PROVINCE, source_says(world, digest, &seal.id).await),
        };
        known.push(SealStatus { seal: sha256, source: source.into(), asked, said });
    }
    Ok(known)
}
