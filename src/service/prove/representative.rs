//! The legal representative: the logged-in person is, by the register, who represents the organisation of this credit code.

use super::certificate::standing;
use super::{Landed, Limit, PER_SOURCE, Visit, admitted, typed_name};
use crate::fault::{Fault, code};
use crate::id::{CitizenNumber, UnifiedSocialCreditCode};
use crate::login::{Level, Method, SubjectKind};
use crate::service::log_in::{Shown, add_proof, here, land, witness};
use crate::store::evidence::{self, NewEvidence, Privacy};
use crate::store::parties::{self, AttributeKind, PartyKind};
use secrecy::ExposeSecret;

/// Tries of one person in an hour.
const PER_PERSON: u32 = 10;

/// Asks the register, and lets the logged-in person act for the organisation. Name, code and representative are told right only
/// together: which of them differs is not said.
///
/// # Errors
/// [`code::LOGIN_NEEDED`] without a person's session of real-name level; [`code::REPRESENTATIVE_DIFFERS`];
/// [`code::ORGANISATIONS_UNAVAILABLE`].
pub async fn represent(visit: Visit<'_>, name: &str, number: &str) -> Result<Landed, Fault> {
    let world = visit.world;
    let now = world.clock.now();
    let name = typed_name(name)?;
    let uscc = UnifiedSocialCreditCode::parse(number)?;
    let (_, agency) = visit.portal().await?;
    let cookie = visit.cookie;
    let person = world.store.read("who represents", |tx| {
        Box::pin(async move {
            let Some(here) = here(tx, cookie, now).await? else { return Ok(None) };
            let own = parties::attributes(tx, &here.session.subject, None).await?;
            let value = |kind| own.iter().find(|attribute| attribute.kind == kind).map(|attribute| attribute.value.clone());
            Ok(Some((value(AttributeKind::Name), value(AttributeKind::CitizenNumber), here)))
        })
    });
    let (person_name, person_number, here) = person.await?.ok_or(Fault::new(code::LOGIN_NEEDED))?;
    let level = here.level(now).filter(|level| *level >= Level::RealName && here.kind == SubjectKind::Person);
    let level = level.ok_or(Fault::new(code::LOGIN_NEEDED))?;
    let (person_name, person_number) = person_name.zip(person_number).ok_or(Fault::new(code::REPRESENTATIVE_DIFFERS))?;
    let person_number = CitizenNumber::parse(person_number.expose_secret()).map_err(|_| Fault::new(code::REPRESENTATIVE_DIFFERS))?;

    let subject = &here.session.subject;
    let limits = [
        Limit { kind: "representative", value: subject.as_str(), most: PER_PERSON },
        Limit { kind: "proof-source", value: visit.source, most: PER_SOURCE },
    ];
    let limits = limits.as_slice();
    let admitted = world.store.write("a representative's try", |tx| Box::pin(async move { admitted(tx, limits, now).await }));
    if !admitted.await? {
        return Err(code::TOO_MANY.into());
    }
    let register = world.province.organisations()?;
    let heard = register.check(name, uscc.expose(), Some((person_name.expose_secret(), &person_number)), None).await?;
    let found = heard.said.as_ref().filter(|found| found.legal_representative == Some(true) && found.uscc == uscc);
    let found = found.ok_or(Fault::new(code::REPRESENTATIVE_DIFFERS))?;
    standing(found.state)?;

    let (uscc, heard, agency) = (&uscc, &heard, agency.as_ref());
    let landed = world.store.write("act as legal representative", |tx| {
        Box::pin(async move {
            let kind = AttributeKind::CreditCode;
            let (party, new) = parties::find_or_add(tx, PartyKind::Organisation, kind, uscc.expose(), now).await?;
            let evidence = evidence::add(
                tx,
                NewEvidence {
                    agency,
                    kind: "registry-answer",
                    source: "organisation",
                    // It speaks about the person too: under the person's key.
                    privacy: Privacy::Of(subject),
                    body: &heard.evidence,
                    seen_at: heard.at,
                    this_update: Some(heard.at),
                    next_update: None,
                },
            )
            .await?;
            let shown = Shown {
                by: Some(subject),
                agency,
                // No surer than the person is.
                cap: Some(level),
                evidence: Some(&evidence),
                ..Shown::new(&party.id, Method::OrganisationRepresentative, now, "法人库 organisation register")
            };
            let proof = add_proof(tx, &shown).await?;
            if new {
                parties::set(tx, &party.id, AttributeKind::Name, name, Some(&proof.id), now).await?;
            }
            witness(tx, &super::proved(&proof, visit, agency, now).fact("by", subject)).await?;
            land(tx, visit.provider, visit.ask, visit.cookie, subject, &proof, now).await
        })
    });
    landed.await
}
