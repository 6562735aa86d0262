//! Annotated copies (加注件): made for one use, until a time, with both across every page and in the metadata.

use super::issue::plan;
use super::making::make;
use super::owned;
use super::status::state;
use crate::fault::{Fault, code};
use crate::licence::CopyNote;
use crate::licence::state::State;
use crate::moment::Moment;
use crate::service::verifications::Asker;
use crate::store::audit;
use crate::store::licences::{self, File, NewCopy};
use crate::world::{World, random};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

/// The longest that a copy may be used.
const LONGEST: Duration = Duration::from_secs(180 * 86_400);

/// What copy is asked for.
#[derive(Debug, Clone)]
pub struct CopyOrder<'a> {
    /// Of which licence.
    pub identifier: &'a str,
    /// For what.
    pub purpose: &'a str,
    /// Who uses it.
    pub maker: &'a str,
    /// Until when.
    pub until: Moment,
}

/// A copy.
#[derive(Debug, Clone)]
pub struct Copy {
    /// Its id.
    pub id: String,
    /// OFD and PDF.
    pub files: Vec<File>,
}

/// Makes a copy of a licence that is in force.
///
/// # Errors
/// [`code::LICENCE_STATE`] for one that is not; [`code::BAD_REQUEST`] for a purpose or time that makes no sense; [`code::NOT_FOUND`].
pub async fn copy(world: &Arc<World>, asker: &Asker, order: &CopyOrder<'_>) -> Result<Copy, Fault> {
    let plain = |text: &str, most: usize| (1..=most).contains(&text.trim().chars().count()) && !text.chars().any(char::is_control);
    if !plain(order.purpose, 60) || !plain(order.maker, 60) {
        return Err(Fault::new(code::BAD_REQUEST).detail("purpose and maker have 1 to 60 characters"));
    }
    let now = world.clock.now();
    if order.until <= now || order.until > now.plus(LONGEST) {
        return Err(Fault::new(code::BAD_REQUEST).detail("the copy may be used until a time within the next 180 days"));
    }
    let (licence, _) = owned(world, &asker.agency, order.identifier).await?;
    let own = &licence;
    let (standing, ..) = world.store.read("a licence's state", |tx| Box::pin(async move { state(tx, own, now).await })).await?;
    if standing.state != State::InForce || licence.stage != licences::Stage::Issued {
        return Err(Fault::new(code::LICENCE_STATE).detail(standing.state.name()));
    }
    let until = licence.ends.map_or(order.until, |ends| order.until.min(ends));
    let note = CopyNote { made: now, maker: order.maker.trim().into(), purpose: order.purpose.trim().into(), until };
    let id = hex::encode(random::<16>(&*world.dice));
    let (mut plan, _) = plan(world, &licence).await?;
    plan.document_id.clone_from(&id);
    let body = serde_json::to_vec(&note).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    plan.copy = Some(note);
    let made = make(world, asker, plan).await?;
    let (copy_id, made, body) = (&id, &made, &body);
    let written = world.store.write("keep an annotated copy", |tx| {
        Box::pin(async move {
            // It may have ended while the copy was made.
            let (standing, ..) = state(tx, own, now).await?;
            if standing.state != State::InForce {
                return Err(Fault::new(code::LICENCE_STATE).detail(standing.state.name()));
            }
            let new = NewCopy { id: copy_id, licence: &own.id, agency: &asker.agency, actor: &asker.actor, body, made: now, until };
            licences::add_copy(tx, &new).await?;
            for file in &made.files {
                licences::add_file(tx, &own.id, copy_id, file, now).await?;
            }
            let facts = json!({ "actor": asker.actor, "copy": copy_id, "identifier": own.identifier });
            let entry = audit::Entry {
                agency: Some(&asker.agency),
                party: asker.party.as_ref(),
                at: now,
                event: "licence.copied",
                facts: &facts,
                personal: None,
            };
            audit::append(tx, entry).await?;
            Ok(())
        })
    });
    written.await?;
    Ok(Copy { files: made.files.clone(), id })
}
