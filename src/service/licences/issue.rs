//! Issue, correction and re-issue.

use super::making::{Made, Plan, make, rehearse};
use super::{definition, owned};
use crate::fault::{Fault, code};
use crate::id::LicenceIdentifier;
use crate::ids::{AgencyId, LicenceId};
use crate::licence::state::{Act, Event, may, span};
use crate::licence::{self, Amiss, Application, Checked, LicenceType, day};
use crate::moment::Moment;
use crate::service::verifications::Asker;
use crate::store::licences::{self, File, NewLicence, Stage, StoredLicence, StoredType};
use crate::store::parties::AttributeKind;
use crate::store::{StoreError, Tx, audit, evidence, parties, proofs, verdicts};
use crate::world::{World, random};
use serde_json::json;
use sm3::{Digest, Sm3};
use std::sync::Arc;
use std::time::Duration;

/// How long an `Idempotency-Key` is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// What is to be issued.
#[derive(Debug, Clone)]
pub struct Order<'a> {
    /// Type code.
    pub kind: &'a str,
    /// What is applied for.
    pub application: Application,
    /// Number of who applies, where that is not the first holder: an agent.
    pub applicant: Option<&'a str>,
    /// The caller's `Idempotency-Key`.
    pub key: Option<&'a str>,
    /// Batch and line, in bulk issue.
    pub row: Option<(&'a str, i64)>,
}

/// A licence in the place of another.
#[derive(Debug, Clone)]
pub struct Replacement<'a> {
    /// Identifier of the one that is replaced.
    pub identifier: &'a str,
    /// What the new one says; what the old one says where nothing is given.
    pub application: Option<Application>,
    /// Why: 更正, 换发, 补发, …
    pub reason: &'a str,
    /// The caller's `Idempotency-Key`.
    pub key: Option<&'a str>,
}

/// An issued licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Its identifier.
    pub identifier: String,
    /// What stands in its QR code.
    pub address: String,
    /// Whether it was issued before, by the same request.
    pub repeated: bool,
}

/// Everything wrong with an application as one fault.
fn refused(amiss: &[Amiss]) -> Fault {
    let text: Vec<String> = amiss.iter().map(ToString::to_string).collect();
    Fault::new(code::LICENCE_APPLICATION).detail(text.join("; "))
}

/// Where a licence is checked.
pub(super) fn address(world: &World, licence_code: &str) -> String {
    format!("{}/check?code={licence_code}", world.config.issuer)
}

fn digest(value: &serde_json::Value) -> String {
    format!("sm3:{}", hex::encode(Sm3::digest(value.to_string())))
}

/// Issues a licence. The same `Idempotency-Key`, or the same row of the same batch, gives the same licence: one that a crash left in
/// the making is finished.
///
/// # Errors
/// [`code::LICENCE_TYPE_UNKNOWN`], [`code::LICENCE_APPLICATION`] with every field that is wrong, [`code::LICENCE_LEVEL`],
/// [`code::LICENCE_GLYPH`], [`code::LICENCE_FIT`], [`code::LICENCE_SEAL`], [`code::LICENCE_CHECK`]: nothing is released then.
pub async fn issue(world: &Arc<World>, asker: &Asker, order: &Order<'_>) -> Result<Issued, Fault> {
    let (agency, code, row) = (&asker.agency, order.kind, order.row);
    let kinds = world.store.read("licence type", |tx| {
        Box::pin(async move {
            // A batch keeps the revision with which it began.
            if let Some((batch, _)) = row
                && let Some(batch) = licences::batch(tx, agency, batch).await?
            {
                return Ok(licences::type_by_id(tx, &batch.type_id).await?);
            }
            Ok(licences::find_type(tx, agency, code).await?)
        })
    });
    let stored = kinds.await?.ok_or_else(|| Fault::new(code::LICENCE_TYPE_UNKNOWN).detail(order.kind.to_owned()))?;
    let kind = definition(&stored)?;
    let request = digest(&json!(["issue", order.kind, order.application, order.applicant]));
    if let Some(found) = begun(world, asker, order, &request).await? {
        return finish(world, asker, &found, true).await;
    }
    let now = world.clock.now();
    let checked = licence::check(&kind, &order.application, now).map_err(|amiss| refused(&amiss))?;
    level(world, &kind, &checked, order.applicant).await?;
    let trial = LicenceIdentifier::new(&kind.code, &kind.issuer.code, "20260000000000", 1);
    rehearsal(world, &kind, &checked, trial, now).await?;
    let (begun, repeated) = begin(world, asker, &stored, &kind, &checked, None, (order.key, &request), order.row).await?;
    finish(world, asker, &begun, repeated).await
}

async fn rehearsal(
    world: &World,
    kind: &LicenceType,
    checked: &Checked,
    identifier: Result<LicenceIdentifier, crate::id::IdentifierRefusal>,
    now: Moment,
) -> Result<(), Fault> {
    let identifier = identifier.map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let address = address(world, "00000000000000000000000000000000");
    rehearse(Plan {
        kind: kind.clone(),
        identifier,
        checked: checked.clone(),
        created: now,
        address,
        document_id: String::new(),
        copy: None,
    })
    .await
}

/// What the same request began or finished before.
async fn begun(world: &World, asker: &Asker, order: &Order<'_>, request: &str) -> Result<Option<StoredLicence>, Fault> {
    let (key, row, now) = (order.key, order.row, world.clock.now());
    let found = world.store.read("a licence that was begun", |tx| {
        Box::pin(async move {
            if let Some((batch, line)) = row {
                return match licences::row_licence(tx, &asker.agency, batch, line, None).await? {
                    Some(id) => Ok(licences::by_id(tx, &id).await?),
                    None => Ok(None),
                };
            }
            before(tx, asker, key, request, now).await
        })
    });
    found.await
}

/// The licence that the same `Idempotency-Key` names.
async fn before(tx: &mut Tx<'_>, asker: &Asker, key: Option<&str>, request: &str, now: Moment) -> Result<Option<StoredLicence>, Fault> {
    let Some(key) = key else { return Ok(None) };
    match verdicts::repeated(tx, &asker.agency, &asker.actor, key, request, now).await? {
        verdicts::Repeated::New => Ok(None),
        verdicts::Repeated::Different => Err(Fault::new(code::IDEMPOTENCY_KEY)),
        verdicts::Repeated::Same(id) => {
            let id: LicenceId = id.parse().map_err(|error: crate::ids::NotAnId| Fault::new(code::SYSTEM).because(error))?;
            Ok(licences::by_id(tx, &id).await?)
        }
    }
}

/// The applicant's proven level against the type's.
async fn level(world: &World, kind: &LicenceType, checked: &Checked, applicant: Option<&str>) -> Result<(), Fault> {
    if kind.level == 0 {
        return Ok(());
    }
    let number = applicant.or(checked.holders.first().map(|holder| holder.number.as_str())).unwrap_or_default();
    let now = world.clock.now();
    let proven = world.store.read("proven level", |tx| {
        Box::pin(async move {
            let mut best = 0;
            for kind in [AttributeKind::CitizenNumber, AttributeKind::CreditCode] {
                let Some(party) = parties::by_number(tx, kind, number).await? else { continue };
                for proof in proofs::of_party(tx, &party.id).await? {
                    if proof.revoked_at.is_none() && proof.proved_at <= now {
                        best = best.max(proof.level);
                    }
                }
            }
            Ok(best)
        })
    });
    let proven = proven.await?;
    if proven >= i64::from(kind.level) {
        return Ok(());
    }
    Err(Fault::new(code::LICENCE_LEVEL).detail(format!("level {} is needed, {proven} is proven", kind.level)))
}

/// Gives the identifier, with everything that the licence will say.
#[expect(clippy::too_many_arguments, reason = "one write, one call")]
async fn begin(
    world: &World,
    asker: &Asker,
    stored: &StoredType,
    kind: &LicenceType,
    checked: &Checked,
    replaces: Option<&StoredLicence>,
    (key, request): (Option<&str>, &str),
    row: Option<(&str, i64)>,
) -> Result<(StoredLicence, bool), Fault> {
    let now = world.clock.now();
    let (begins, ends) = span(&checked.valid_from, checked.valid_until.as_deref()).ok_or_else(|| Fault::new(code::SYSTEM))?;
    let body = serde_json::to_vec(checked).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    // 128 random bits: nobody finds one by trying.
    let secret = zeroize::Zeroizing::new(hex::encode(random::<16>(&*world.dice)));
    let (body, secret) = (&body, secret.as_str());
    let system = |error: &dyn std::fmt::Display| Fault::new(code::SYSTEM).because(anyhow::anyhow!("{error}"));
    let agency = &asker.agency;
    let begun = world.store.write("begin a licence", |tx| {
        Box::pin(async move {
            if let Some(found) = before(tx, asker, key, request, now).await? {
                return Ok((found, true));
            }
            if let Some((batch, line)) = row
                && let Some(id) = licences::row_licence(tx, agency, batch, line, None).await?
            {
                let found = licences::by_id(tx, &id).await?.ok_or_else(|| Fault::new(code::SYSTEM))?;
                return Ok((found, true));
            }
            let identifier = match replaces {
                Some(old) => {
                    let events = licences::events(tx, &old.id).await?;
                    may(&events, old.begins, old.ends, Act::Replaced, now, now)
                        .map_err(|why| Fault::new(code::LICENCE_STATE).detail(why.to_string()))?;
                    let old: LicenceIdentifier = old.identifier.parse().map_err(|error: crate::id::IdentifierRefusal| system(&error))?;
                    old.next().ok_or_else(|| Fault::new(code::LICENCE_STATE).detail("there is no version after 999"))?
                }
                None => {
                    let year = i64::from(day(now).year());
                    let next = licences::next_serial(tx, agency, &kind.code, year).await?;
                    LicenceIdentifier::new(&kind.code, &kind.issuer.code, &format!("{year}{next:010}"), 1)
                        .map_err(|error| system(&error))?
                }
            };
            let text = identifier.to_string();
            let new = NewLicence {
                agency,
                type_id: &stored.id,
                identifier: &text,
                serial: identifier.serial(),
                version: i64::from(identifier.version()),
                replaces: replaces.map(|old| &old.id),
                actor: &asker.actor,
                body,
                code: secret,
                numbers: &checked.holders.iter().map(|holder| holder.number.as_str()).collect::<Vec<_>>(),
                begins,
                ends,
                now,
            };
            let id = match licences::add(tx, &new).await {
                Ok(id) => id,
                Err(StoreError::Taken) => {
                    return Err(
                        Fault::new(code::LICENCE_STATE).detail("the identifier is taken, or a replacement is in the making already")
                    );
                }
                Err(other) => return Err(other.into()),
            };
            if let Some((batch, line)) = row {
                licences::row_licence(tx, agency, batch, line, Some(&id)).await?;
            }
            if let Some(key) = key {
                verdicts::remember(tx, agency, &asker.actor, key, request, id.as_str(), now, REMEMBERED).await?;
            }
            let facts = json!({ "actor": asker.actor, "identifier": text, "licence": id.as_str() });
            let entry = audit::Entry {
                agency: Some(agency),
                party: asker.party.as_ref(),
                at: now,
                event: "licence.begun",
                facts: &facts,
                personal: None,
            };
            audit::append(tx, entry).await?;
            let found = licences::by_id(tx, &id).await?.ok_or_else(|| Fault::new(code::SYSTEM))?;
            Ok((found, false))
        })
    });
    begun.await
}

/// Makes and releases what was begun; what is released already is only told.
async fn finish(world: &Arc<World>, asker: &Asker, licence: &StoredLicence, repeated: bool) -> Result<Issued, Fault> {
    let told = Issued { identifier: licence.identifier.clone(), address: address(world, &licence.code), repeated };
    if licence.stage == Stage::Issued {
        return Ok(told);
    }
    let (plan, _) = plan(world, licence).await?;
    let made = make(world, asker, plan).await?;
    release(world, asker, licence, &made).await?;
    Ok(Issued { repeated: false, ..told })
}

/// What a licence is made from.
pub(super) async fn plan(world: &World, licence: &StoredLicence) -> Result<(Plan, StoredType), Fault> {
    let type_id = licence.type_id.as_str();
    let stored = world.store.read("licence type", |tx| Box::pin(async move { Ok(licences::type_by_id(tx, type_id).await?) })).await?;
    let stored = stored.ok_or_else(|| Fault::new(code::SYSTEM))?;
    let checked: Checked = serde_json::from_slice(&licence.body).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let identifier = licence.identifier.parse().map_err(|error: crate::id::IdentifierRefusal| Fault::new(code::SYSTEM).because(error))?;
    let plan = Plan {
        kind: definition(&stored)?,
        identifier,
        checked,
        created: licence.created_at,
        address: address(world, &licence.code),
        document_id: licence.id.to_string(),
        copy: None,
    };
    Ok((plan, stored))
}

async fn release(world: &World, asker: &Asker, licence: &StoredLicence, made: &Made) -> Result<(), Fault> {
    let (now, agency) = (world.clock.now(), &licence.agency);
    let released = world.store.write("release a licence", |tx| {
        Box::pin(async move {
            // Another machine, or the same request once more, was faster.
            if !licences::release(tx, &licence.id, now).await? {
                return Ok(());
            }
            for file in &made.files {
                licences::add_file(tx, &licence.id, "", file, now).await?;
            }
            let event =
                |act, effective, reason: &str| Event { act, effective, recorded: now, reason: reason.into(), actor: asker.actor.clone() };
            licences::add_event(tx, &licence.id, &event(Act::Issued, now, ""), None).await?;
            if let Some(old) = &licence.replaces {
                let old = licences::by_id(tx, old).await?.ok_or_else(|| Fault::new(code::SYSTEM))?;
                let events = licences::events(tx, &old.id).await?;
                may(&events, old.begins, old.ends, Act::Replaced, now, now)
                    .map_err(|why| Fault::new(code::LICENCE_STATE).detail(why.to_string()))?;
                // The old one ends with the day on which the new one begins.
                let effective = licence.begins.max(now);
                let replaced = event(Act::Replaced, effective, "以新版本替换 replaced by a new version");
                licences::add_event(tx, &old.id, &replaced, Some(&licence.id)).await?;
            }
            evidence::add(
                tx,
                evidence::NewEvidence {
                    agency: Some(agency),
                    kind: crate::service::acceptance::kind(made.stamped),
                    source: &made.ofd_sha256,
                    privacy: evidence::Privacy::Public,
                    body: &made.evidence,
                    seen_at: now,
                    this_update: None,
                    next_update: None,
                },
            )
            .await?;
            let facts =
                json!({ "actor": asker.actor, "identifier": licence.identifier, "licence": licence.id.as_str(), "ofd": made.ofd_sha256 });
            let entry = audit::Entry {
                agency: Some(agency),
                party: asker.party.as_ref(),
                at: now,
                event: "licence.issued",
                facts: &facts,
                personal: None,
            };
            audit::append(tx, entry).await?;
            Ok(())
        })
    });
    released.await
}

/// Issues the next version of a licence in its place: a correction, a renewal, a lost one. Serial number and chain stay.
///
/// # Errors
/// Those of [`issue`]; [`code::LICENCE_STATE`] where the old one cannot be replaced; [`code::NOT_FOUND`].
pub async fn replace(world: &Arc<World>, asker: &Asker, wish: &Replacement<'_>) -> Result<Issued, Fault> {
    if wish.reason.trim().is_empty() || wish.reason.chars().count() > 500 {
        return Err(Fault::new(code::BAD_REQUEST).detail("a reason of 1 to 500 characters is expected"));
    }
    let (old, of) = owned(world, &asker.agency, wish.identifier).await?;
    let request = digest(&json!(["replace", wish.identifier, wish.application, wish.reason]));
    let (key, now) = (wish.key, world.clock.now());
    let (text, old_id) = (request.as_str(), &old.id);
    let known = world.store.read("a replacement that was begun", |tx| {
        Box::pin(async move {
            if let Some(found) = before(tx, asker, key, text, now).await? {
                return Ok(Some(found));
            }
            // Left in the making by a crash: there is one successor, and it is finished.
            Ok(licences::successor(tx, old_id).await?.filter(|found| found.stage == Stage::Making))
        })
    });
    if let Some(found) = known.await? {
        return finish(world, asker, &found, true).await;
    }
    let (agency, code) = (&asker.agency, of.code.as_str());
    let stored = world.store.read("licence type", |tx| Box::pin(async move { Ok(licences::find_type(tx, agency, code).await?) })).await?;
    let stored = stored.ok_or_else(|| Fault::new(code::LICENCE_TYPE_UNKNOWN))?;
    let kind = definition(&stored)?;
    let before: Checked = serde_json::from_slice(&old.body).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let checked = match &wish.application {
        Some(application) => licence::check(&kind, application, now).map_err(|amiss| refused(&amiss))?,
        // The same licence anew: its own dates stay, the day of issue is today.
        None => Checked { issued: licence::iso(day(now)), ..before },
    };
    let next = old.identifier.parse::<LicenceIdentifier>();
    rehearsal(world, &kind, &checked, next, now).await?;
    let (begun, repeated) = begin(world, asker, &stored, &kind, &checked, Some(&old), (wish.key, &request), None).await?;
    finish(world, asker, &begun, repeated).await
}

/// The evidence of a licence's OFD as it was frozen when the licence was issued: what `xinyin verify --evidence` takes when its
/// certificates have ended.
pub async fn evidence_of(world: &World, agency: &AgencyId, identifier: &str) -> Result<Option<Vec<u8>>, Fault> {
    let Some(ofd) = file(world, agency, identifier, "ofd").await? else { return Ok(None) };
    crate::service::acceptance::earliest(world, &ofd.sha256).await
}

/// A released file of an agency's licence.
pub async fn file(world: &World, agency: &AgencyId, identifier: &str, format: &str) -> Result<Option<File>, Fault> {
    let (licence, _) = owned(world, agency, identifier).await?;
    let id = &licence.id;
    world.store.read("a licence's file", |tx| Box::pin(async move { Ok(licences::file(tx, id, "", format).await?) })).await
}
