//! The answer to anybody who holds a file or the printed code: what the licence is, whether it is in force, since when and why; names
//! and numbers masked. A code that nobody was given gets the same answer as one of the wrong form.

use super::definition;
use super::status::state;
use crate::doc::source::ByteSource;
use crate::fault::Fault;
use crate::licence::{self, Checked as Application, FieldKind, masked, shown_holder};
use crate::moment::Moment;
use crate::service::policies;
use crate::service::verifications::{Submission, judge, trusted};
use crate::store::licences::{self, Stage};
use crate::store::phone_codes::attempt;
use crate::verify::{Evidence, Options, Revocation, Verdict};
use crate::world::World;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;

/// Questions from one address in a minute.
const MOST: u32 = 60;
const WINDOW: Duration = Duration::from_secs(60);

/// A field as strangers see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PublicField {
    /// Name for people.
    pub name: String,
    /// Value, masked where the type says so.
    pub value: String,
}

/// What anybody may know of a licence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = CheckedLicence)]
pub struct Checked {
    /// Identifier.
    pub identifier: String,
    /// Name of the licence.
    pub name: String,
    /// Its number.
    pub number: String,
    /// Issuer.
    pub issuer: String,
    /// Holders, masked: name and number.
    pub holders: Vec<(String, String)>,
    /// Day of issue.
    pub issued: String,
    /// First day.
    pub valid_from: String,
    /// Last day; none: unlimited.
    pub valid_until: Option<String>,
    /// Further fields.
    pub fields: Vec<PublicField>,
    /// Its state.
    pub state: String,
    /// The same in Chinese.
    pub state_zh: String,
    /// Since when.
    #[schema(value_type = String)]
    pub since: Moment,
    /// Why; empty where the calendar alone says so.
    pub reason: String,
    /// Identifier of the licence in its place.
    pub replaced_by: Option<String>,
    /// When this was answered.
    #[schema(value_type = String)]
    pub asked_at: Moment,
}

/// Whether an address may ask once more. Each question counts.
pub async fn lookup_allowed(world: &World, address: &str) -> Result<bool, Fault> {
    let now = world.clock.now();
    world.store.write("count a check", |tx| Box::pin(async move { Ok(attempt(tx, "check", address, MOST, WINDOW, now).await?) })).await
}

/// What is known under a printed code; none for one that nobody was given.
pub async fn by_code(world: &World, code: &str) -> Result<Option<Checked>, Fault> {
    let now = world.clock.now();
    let code = code.trim().to_ascii_lowercase();
    // A text of another form is looked up too: nobody learns from the time what a code looks like.
    let code = &code.chars().take(64).collect::<String>();
    let found = world.store.read("check a licence", |tx| {
        Box::pin(async move {
            let Some(licence) = licences::by_code(tx, code).await?.filter(|licence| licence.stage == Stage::Issued) else {
                return Ok(None);
            };
            let Some(kind) = licences::type_by_id(tx, &licence.type_id).await? else { return Ok(None) };
            let (standing, replaced_by, _) = state(tx, &licence, now).await?;
            Ok(Some((licence, kind, standing, replaced_by)))
        })
    });
    let Some((stored, kind, standing, replaced_by)) = found.await? else { return Ok(None) };
    let kind = definition(&kind)?;
    let said: Application = serde_json::from_slice(&stored.body).map_err(|error| Fault::new(crate::fault::code::SYSTEM).because(error))?;
    let fields = kind.field.iter().filter(|field| field.kind != FieldKind::Picture).filter_map(|field| {
        let value = masked(field.mask, said.fields.get(&field.key)?)?;
        Some(PublicField { name: field.name.clone(), value })
    });
    Ok(Some(Checked {
        number: said.number.clone().unwrap_or_else(|| stored.serial.clone()),
        identifier: stored.identifier,
        name: kind.name.clone(),
        issuer: kind.issuer.name.clone(),
        holders: said.holders.iter().map(shown_holder).collect(),
        issued: licence::shown_day(&said.issued),
        valid_from: licence::shown_day(&said.valid_from),
        valid_until: said.valid_until.as_deref().map(licence::shown_day),
        fields: fields.collect(),
        state: standing.state.name().into(),
        state_zh: standing.state.zh().into(),
        since: standing.since,
        reason: standing.reason,
        replaced_by,
        asked_at: now,
    }))
}

/// The verdict over a file that anybody holds: the same that API and desk give, with the register's word. Nothing of it is kept.
pub async fn by_file(world: &Arc<World>, name: &str, document: Box<dyn ByteSource>) -> Result<Verdict, Fault> {
    let now = world.clock.now();
    let known = Evidence { anchors: trusted(world).await?, ..Evidence::default() };
    let policy = policies::choose(&world.config, &world.config.agency, None)?;
    let options =
        Options { file: crate::service::verifications::base_name(name).to_owned(), at: now, at_given: false, revocation: Revocation::Hard };
    let submission = Submission { file: options.file.clone(), document: document.into(), content: None, policy: None, at: None };
    Ok(judge(Arc::clone(world), submission, known, policy, options).await?.verdict)
}
