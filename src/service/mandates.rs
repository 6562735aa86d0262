//! Mandates: an organisation lets a person act for it, by a document that it signed ([`crate::login::mandate`]).
//!
//! The agent writes the document and hands it in, which is the agent's own confirmation; the organisation signs it, which is the
//! grant. It is judged like every signed document, and kept with the evidence of its verdict. Acting is chosen in the session;
//! whoever ends a mandate ends with it, in the same commit, every session's acting and every grant that rests on it.

use super::log_in::{Here, Shown, add_proof, here, witness};
use super::prove::{Limit, admitted, standing};
use super::verifications::{self, Submission};
use crate::doc::source::ByteSource;
use crate::fault::{Fault, code};
use crate::id::{CitizenNumber, UnifiedSocialCreditCode};
use crate::ids::{ChallengeId, PartyId, ProofId};
use crate::login::mandate::{Fields, Mandate, NotAMandate};
use crate::login::session::SESSION_LIFE;
use crate::login::{AuditEvent, Level, Method, SubjectKind};
use crate::moment::Moment;
use crate::pki::signed_data::SignedData;
use crate::store::evidence::{self, NewEvidence, Privacy};
use crate::store::parties::{self, AttributeKind, PartyKind};
use crate::store::{Tx, challenges, grants, losses, proofs, sessions};
use crate::verify::{Evidence, Indication, Options, Policy, Revocation, Verdict, frozen};
use crate::world::{World, random};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::ExposeSecret;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// Mandates of one agent that are judged in an hour.
const PER_PERSON: u32 = 20;
/// Largest signed mandate, in octets.
pub const LARGEST: usize = 256 * 1024;
const KIND: &str = "mandate";

/// What the agent fills in.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// The organisation's name, as registered.
    pub grantor: &'a str,
    /// Its credit code.
    pub grantor_code: &'a str,
    /// The matters.
    pub items: &'a [String],
    /// For how many days.
    pub days: u64,
}

/// A mandate on the account page.
#[derive(Debug, Clone)]
pub struct MandateLine {
    /// Its id here.
    pub id: ProofId,
    /// The organisation: name and credit code.
    pub grantor: super::log_in::Known,
    /// The agent, number masked.
    pub agent: super::log_in::Known,
    /// The matters.
    pub items: Vec<String>,
    /// Since when it is known here.
    pub since: Moment,
    /// Until when.
    pub until: Moment,
    /// Whether whoever is here is the agent.
    pub own: bool,
    /// Whether this session acts on it now.
    pub acting: bool,
}

/// A logged-in person with name and citizen number.
struct Agent {
    here: Here,
    name: String,
    number: CitizenNumber,
}

async fn agent(world: &World, cookie: Option<&str>, now: Moment) -> Result<Agent, Fault> {
    let found = world.store.read("who asks for a mandate", |tx| {
        Box::pin(async move {
            let Some(here) = here(tx, cookie, now).await? else { return Ok(None) };
            let own = parties::attributes(tx, &here.session.subject, None).await?;
            let value = |kind| own.iter().find(|attribute| attribute.kind == kind).map(|attribute| attribute.value.clone());
            Ok(Some((value(AttributeKind::Name), value(AttributeKind::CitizenNumber), here)))
        })
    });
    let (name, number, here) = found.await?.ok_or(Fault::new(code::LOGIN_NEEDED))?;
    let known = here.kind == SubjectKind::Person && here.level(now).is_some_and(|level| level >= Level::RealName);
    let (name, number) = name.zip(number).filter(|_| known).ok_or(Fault::new(code::LOGIN_NEEDED))?;
    let number = CitizenNumber::parse(number.expose_secret()).map_err(|_| Fault::new(code::LOGIN_NEEDED))?;
    Ok(Agent { here, name: name.expose_secret().to_owned(), number })
}

/// The document for the organisation to sign: the logged-in person is the agent.
///
/// # Errors
/// [`code::LOGIN_NEEDED`], [`code::MANDATE_FIELDS`].
pub async fn draft(world: &World, cookie: Option<&str>, wish: Wish<'_>) -> Result<Zeroizing<String>, Fault> {
    let now = world.clock.now();
    let agent = agent(world, cookie, now).await?;
    let id = ChallengeId::from_random(random(&*world.dice));
    let made = Mandate::new(Fields {
        id: &id,
        service: &world.config.issuer,
        grantor: wish.grantor.trim(),
        grantor_code: wish.grantor_code,
        agent: &agent.name,
        agent_number: agent.number.expose(),
        items: wish.items,
        from: now,
        until: now.plus(Duration::from_secs(wish.days.saturating_mul(86_400))),
    });
    made.map(|mandate| Zeroizing::new(mandate.text())).map_err(|why| Fault::new(code::MANDATE_FIELDS).detail(why.to_string()))
}

/// Takes the signed document that the agent brings: a CMS message whose content is the mandate.
///
/// # Errors
/// One code for each reason; [`code::MANDATE_UNDECIDED`] and those of the register where it cannot be known now.
pub async fn accept(world: &Arc<World>, cookie: Option<&str>, document: Vec<u8>) -> Result<(), Fault> {
    let now = world.clock.now();
    let agent = agent(world, cookie, now).await?;
    let subject = &agent.here.session.subject;
    let limits = &[Limit { kind: KIND, value: subject.as_str(), most: PER_PERSON }];
    let free = world.store.write("a mandate's try", |tx| Box::pin(async move { admitted(tx, limits, now).await }));
    if !free.await? {
        return Err(code::TOO_MANY.into());
    }
    let mandate = content(&document)?;
    if Some(mandate.service()) != crate::login::challenge::canonical_origin(&world.config.issuer).as_deref() {
        return Err(Fault::new(code::MANDATE_FORM).detail(mandate.service().to_owned()));
    }
    if *mandate.agent_number() != agent.number || !crate::id::name::same(mandate.agent(), &agent.name) {
        return Err(code::MANDATE_OTHER.into());
    }
    if now < mandate.from().minus(SKEW) || now >= mandate.until() {
        return Err(code::MANDATE_ENDED.into());
    }
    let (verdict, kept) = judged(world, document, now).await?;
    grantor_signed(&verdict, mandate.grantor_code())?;
    in_register(world, mandate.grantor(), mandate.grantor_code()).await?;
    let (mandate, kept, verdict) = (&mandate, &kept, &verdict);
    world.store.write("a mandate", |tx| Box::pin(async move { keep(tx, subject, mandate, kept, verdict, now).await })).await
}

/// How far the clocks may differ.
const SKEW: Duration = Duration::from_secs(120);

fn content(document: &[u8]) -> Result<Mandate, Fault> {
    let form = |why: String| Fault::new(code::MANDATE_FORM).detail(why);
    let message = SignedData::parse(document).map_err(|_| form("CMS SignedData (DER)".into()))?;
    let content = message.content.as_deref().ok_or_else(|| form("CMS with its content".into()))?;
    Mandate::parse(content).map_err(|why: NotAMandate| form(why.to_string()))
}

/// The verdict as of now under the strict policy, and what is kept: document, verdict and the evidence that it rests on.
async fn judged(world: &Arc<World>, document: Vec<u8>, now: Moment) -> Result<(Verdict, Vec<u8>), Fault> {
    let policy = Policy::default();
    let options = Options { file: "mandate.p7m".into(), at: now, at_given: false, revocation: Revocation::Hard };
    let known = Evidence { anchors: verifications::trusted(world).await?, ..Evidence::default() };
    let shared: Arc<dyn ByteSource> = Arc::new(document.clone());
    let submission = Submission { file: options.file.clone(), document: shared, content: None, policy: None, at: None };
    let judged = verifications::judge(world.clone(), submission, known, policy.clone(), options.clone()).await?;
    let digest = hex::decode(&judged.verdict.sha256).ok().and_then(|digest| digest.try_into().ok()).unwrap_or_default();
    let rested_on = frozen::freeze(&judged.rested_on, &policy, &options, &digest);
    let kept =
        json!({ "document": BASE64_STANDARD.encode(&document), "verdict": judged.verdict, "evidence": BASE64_STANDARD.encode(rested_on) });
    Ok((judged.verdict, kept.to_string().into_bytes()))
}

/// One signature, that passes, over all of it, by the organisation that grants.
fn grantor_signed(verdict: &Verdict, grantor: &UnifiedSocialCreditCode) -> Result<(), Fault> {
    let why = verdict.sub_indication.clone().unwrap_or_default();
    if verdict.indication == Indication::Failed {
        return Err(Fault::new(code::MANDATE_SIGNATURE).detail(why));
    }
    // A definite no before what waiting might mend.
    let [signature] = verdict.signatures.as_slice() else { return Err(Fault::new(code::MANDATE_SIGNATURE).detail("one signature")) };
    let signer = signature.signer.as_ref().filter(|signer| signer.kind == "organisation").and_then(|signer| signer.uscc.as_deref());
    if !signer.map(UnifiedSocialCreditCode::parse).is_some_and(|signer| signer.is_ok_and(|signer| signer == *grantor)) {
        return Err(code::MANDATE_GRANTOR.into());
    }
    match verdict.indication {
        Indication::Passed => Ok(()),
        _ => Err(Fault::new(code::MANDATE_UNDECIDED).detail(why)),
    }
}

/// The organisation exists under this name and may act, by the register's word of this moment.
async fn in_register(world: &World, name: &str, uscc: &UnifiedSocialCreditCode) -> Result<(), Fault> {
    let heard = world.province.organisations()?.check(name, uscc.expose(), None, None).await?;
    match heard.said.as_ref() {
        Some(found) if found.uscc == *uscc => standing(found.state),
        _ => Err(code::REGISTER_DIFFERS.into()),
    }
}

async fn keep(tx: &mut Tx<'_>, agent: &PartyId, mandate: &Mandate, kept: &[u8], verdict: &Verdict, now: Moment) -> Result<(), Fault> {
    let (code_, until) = (mandate.grantor_code(), mandate.until());
    let (party, new) = parties::find_or_add(tx, PartyKind::Organisation, AttributeKind::CreditCode, code_.expose(), now).await?;
    if losses::standing(tx, &party.id).await? {
        return Err(code::ACCOUNT_LOST.into());
    }
    // Once, also after it was ended: an ended mandate does not come back by being handed in again.
    if !challenges::spend_first(tx, mandate.id(), KIND, party.id.as_str(), now, until).await? {
        return Err(code::MANDATE_USED.into());
    }
    let evidence = evidence::add(
        tx,
        NewEvidence {
            agency: None,
            kind: KIND,
            source: "mandate",
            privacy: Privacy::Of(agent),
            body: kept,
            seen_at: now,
            this_update: Some(mandate.from()),
            next_update: Some(until),
        },
    )
    .await?;
    let issuer = verdict.signatures.first().and_then(|signature| signature.signer.as_ref()).map_or("CA", |signer| signer.issuer.as_str());
    let verifier = crate::id::mask_text(issuer);
    let shown = Shown {
        by: Some(agent),
        until: Some(until),
        evidence: Some(&evidence),
        items: mandate.items(),
        ..Shown::new(&party.id, Method::Mandate, now, &verifier)
    };
    let proof = add_proof(tx, &shown).await?;
    if new {
        parties::set(tx, &party.id, AttributeKind::Name, mandate.grantor(), Some(&proof.id), now).await?;
    }
    let event = AuditEvent::new("mandate.accepted", now).party(agent.clone()).fact("organisation", &party.id).fact("proof", &proof.id);
    Ok(witness(tx, &event.fact("until", until)).await?)
}

/// Chooses for whom this session acts: on a standing mandate of the person, or, with `None`, for nobody. The cookie is new. What was
/// granted to portals while the session acted for another ends.
///
/// # Errors
/// [`code::MANDATE_ENDED`]; those of the register, which is asked at this moment.
pub async fn act(world: &World, cookie: Option<&str>, mandate: Option<&ProofId>) -> Result<Zeroizing<String>, Fault> {
    let now = world.clock.now();
    if let Some(mandate) = mandate {
        let found = world.store.read("a mandate to act on", |tx| {
            Box::pin(async move {
                let here = here(tx, cookie, now).await?.ok_or(Fault::new(code::LOGIN_NEEDED))?;
                let found = proofs::find(tx, mandate).await?.filter(|found| found.by.as_ref() == Some(&here.session.subject));
                let Some(found) = found.filter(|found| stands(found, now)) else { return Ok(None) };
                let own = parties::attributes(tx, &found.party, None).await?;
                let value = |kind| own.iter().find(|attribute| attribute.kind == kind).map(|attribute| attribute.value.clone());
                Ok(value(AttributeKind::Name).zip(value(AttributeKind::CreditCode)))
            })
        });
        let (name, number) = found.await?.ok_or(Fault::new(code::MANDATE_ENDED))?;
        let number = UnifiedSocialCreditCode::parse(number.expose_secret()).map_err(|_| Fault::new(code::MANDATE_ENDED))?;
        in_register(world, name.expose_secret(), &number).await?;
    }
    world.store.write("act for", |tx| Box::pin(async move { switch(tx, cookie, mandate, now).await })).await
}

async fn switch(tx: &mut Tx<'_>, cookie: Option<&str>, mandate: Option<&ProofId>, now: Moment) -> Result<Zeroizing<String>, Fault> {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let here = here(tx, cookie, now).await?.ok_or(Fault::new(code::LOGIN_NEEDED))?;
    let session = &here.session;
    let found = match mandate {
        None => None,
        Some(mandate) => {
            let found = proofs::find(tx, mandate).await?;
            let found = found.filter(|found| found.by.as_ref() == Some(&session.subject) && stands(found, now));
            let found = found.ok_or(Fault::new(code::MANDATE_ENDED))?;
            if losses::standing(tx, &found.party).await? {
                return Err(code::ACCOUNT_LOST.into());
            }
            Some(found)
        }
    };
    let fresh = Zeroizing::new(URL_SAFE_NO_PAD.encode(tx.sealer().random::<32>()));
    let organisation = found.as_ref().map(|found| &found.party);
    let ends = session.began.plus(SESSION_LIFE);
    if !sessions::change(tx, &session.id, here.version, &fresh, organisation, ends, now).await? {
        return Err(code::CONFLICT.into());
    }
    if let Some(found) = &found {
        sessions::add_proof(tx, &session.id, &found.id, now).await?;
    }
    for grant in grants::of_session(tx, &session.id).await? {
        if super::log_in::acting_of(&grant)?.is_some_and(|(acted_for, _)| organisation != Some(&acted_for)) {
            super::log_in::tell_portal(tx, &grant, "acts for another", now).await?;
            grants::revoke(tx, &grant.id, "acts for another", now).await?;
        }
    }
    let event = AuditEvent::new("session.acting", now).party(session.subject.clone()).session(session.id.clone());
    witness(tx, &event.fact("organisation", organisation.map_or("-", PartyId::as_str))).await?;
    Ok(fresh)
}

/// Ends a mandate: the agent gives it back, or the organisation takes it back (its own session, or somebody who acts for it by its
/// certificate or as its representative; an agent's word does not end another agent's mandate). `false`: not theirs.
pub async fn end(tx: &mut Tx<'_>, cookie: Option<&str>, mandate: &ProofId, now: Moment) -> Result<bool, Fault> {
    let here = here(tx, cookie, now).await?.ok_or(Fault::new(code::LOGIN_NEEDED))?;
    let Some(found) = proofs::find(tx, mandate).await?.filter(|found| found.method == Method::Mandate.name()) else { return Ok(false) };
    let Some(agent) = &found.by else { return Ok(false) };
    let own = *agent == here.session.subject;
    if !own && organisation_of(&here, now) != Some(&found.party) {
        return Ok(false);
    }
    if !proofs::revoke(tx, mandate, now).await? {
        return Ok(false);
    }
    let ended = super::log_in::stop_acting(tx, agent, &found.party, Some(mandate), "mandate ended", now).await?;
    let event = AuditEvent::new("mandate.ended", now).party(agent.clone()).fact("organisation", &found.party).fact("proof", mandate);
    let by = if own { "agent" } else { "organisation" };
    witness(tx, &event.fact("by", by).fact("by_session", &here.session.id).fact("grants", ended)).await?;
    Ok(true)
}

/// The organisation in whose name whoever is here may end mandates.
fn organisation_of(here: &Here, now: Moment) -> Option<&PartyId> {
    if here.kind == SubjectKind::Organisation {
        return Some(&here.session.subject);
    }
    let acting = here.session.acting.as_ref()?;
    let basis = here.session.events.acts().iter().find(|act| act.id == acting.basis)?;
    (basis.method != Method::Mandate && basis.until.is_none_or(|until| now < until)).then_some(&acting.organisation)
}

fn stands(found: &proofs::Proof, now: Moment) -> bool {
    let until = found.detail.get("until").and_then(serde_json::Value::as_i64).map(Moment::from_millis);
    found.method == Method::Mandate.name() && found.revoked_at.is_none() && until.is_some_and(|until| now < until)
}

/// The standing mandates of whoever is here: those given to the person, and those that the organisation gave.
pub async fn list(tx: &mut Tx<'_>, cookie: Option<&str>, now: Moment) -> Result<(Here, Vec<MandateLine>), Fault> {
    let here = here(tx, cookie, now).await?.ok_or(Fault::new(code::LOGIN_NEEDED))?;
    let subject = &here.session.subject;
    let mut found = proofs::through(tx, subject, Method::Mandate.name()).await?;
    if let Some(organisation) = organisation_of(&here, now) {
        found.extend(proofs::of_party(tx, organisation).await?.into_iter().filter(|found| found.by.as_ref() != Some(subject)));
    }
    let mut lines = Vec::new();
    for found in found.into_iter().filter(|found| stands(found, now)) {
        let Some(agent) = &found.by else { continue };
        let (grantor, known) = (super::log_in::known(tx, &found.party).await?, super::log_in::known(tx, agent).await?);
        let until = found.detail.get("until").and_then(serde_json::Value::as_i64).map_or(now, Moment::from_millis);
        let items = found.detail.get("items").cloned().and_then(|items| serde_json::from_value(items).ok()).unwrap_or_default();
        let acting = here.session.acting.as_ref().is_some_and(|acting| acting.basis == found.id);
        let own = agent == subject;
        lines.push(MandateLine { id: found.id, grantor, agent: known, items, since: found.proved_at, until, own, acting });
    }
    Ok((here, lines))
}
