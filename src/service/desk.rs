//! Who stands at a clerk's desk.

use super::log_in;
use crate::fault::{Fault, code};
use crate::id::{CitizenNumber, PersonNumber, UnifiedSocialCreditCode, name};
use crate::ids::{AgencyId, PartyId};
use crate::login::Level;
use crate::moment::Moment;
use crate::store::clerks::{Role, agencies_of, enrol as enrol_row};
use crate::store::parties::{self, AttributeKind, PartyKind};
use crate::store::{Tx, agencies, audit};
use crate::world::World;
use secrecy::ExposeSecret;
use serde_json::json;
use zeroize::Zeroizing;

/// Somebody logged in, with the desks at which they work.
#[derive(Debug, Clone)]
pub struct Clerk {
    /// Who.
    pub party: PartyId,
    /// The agencies: identifier and name. None: this account works at no desk.
    pub agencies: Vec<(AgencyId, String)>,
}

impl Clerk {
    /// The agency asked for, or the only one. [`code::NO_ROLE`] for one where this clerk does not work.
    pub fn at(&self, wanted: Option<&str>) -> Result<&AgencyId, Fault> {
        let found = match wanted {
            Some(wanted) => self.agencies.iter().find(|(id, _)| id.as_str() == wanted),
            None => self.agencies.first(),
        };
        found.map(|(id, _)| id).ok_or(Fault::new(code::NO_ROLE))
    }
}

/// Who is behind this cookie; `None` where nobody is logged in as a real person.
pub async fn clerk(world: &World, cookie: Option<&str>) -> Result<Option<Clerk>, Fault> {
    let now = world.clock.now();
    let found = world.store.read("who stands at the desk", |tx| {
        Box::pin(async move {
            let Some(here) = log_in::here(tx, cookie, now).await? else { return Ok(None) };
            if here.level(now) < Some(Level::RealName) {
                return Ok(None);
            }
            let mut desks = Vec::new();
            for id in agencies_of(tx, &here.session.subject, Role::Clerk).await? {
                let name = agencies::find(tx, &id).await?.map(|agency| agency.name).unwrap_or_default();
                desks.push((id, name));
            }
            Ok(Some(Clerk { party: here.session.subject.clone(), agencies: desks }))
        })
    });
    found.await
}

/// Gives the Party of a number a role at an agency's desk; where no such Party is known yet, it is made, to be proved at its
/// first login: the name must be the registered one. A clerk who is one already stays one.
pub async fn enrol(world: &World, agency: &AgencyId, number: &CitizenNumber, name: &str) -> Result<PartyId, Fault> {
    let now = world.clock.now();
    let enrolled = world.store.write("enrol a clerk", |tx| {
        Box::pin(async move {
            let kind = AttributeKind::CitizenNumber;
            let (party, new) = parties::find_or_add(tx, PartyKind::Person, kind, number.expose(), now).await?;
            let party = party.id;
            if new {
                parties::set(tx, &party, AttributeKind::Name, name, None, now).await?;
            }
            if agencies_of(tx, &party, Role::Clerk).await?.contains(agency) {
                return Ok(party);
            }
            enrol_row(tx, agency, &party, Role::Clerk, now).await?;
            let facts = json!({ "role": Role::Clerk.name() });
            witness(tx, agency, Some(&party), "clerk.enrolled", &facts, now).await?;
            Ok(party)
        })
    });
    enrolled.await
}

/// What a clerk does at the counter with an account reported lost, or to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtCounter {
    /// Reports it lost.
    Report,
    /// Lifts the report.
    Lift,
}

/// Reports the account of a name and number lost, or lifts that. `false`: no account has both, or there is nothing to lift.
/// Nobody does it for themselves.
pub async fn loss(world: &World, clerk: &Clerk, agency: &AgencyId, number: &str, typed: &str, wanted: AtCounter) -> Result<bool, Fault> {
    let now = world.clock.now();
    let (kind, number) = match PersonNumber::parse(number) {
        Ok(number) => (super::prove::attribute_of(&number), number.expose().to_owned()),
        Err(refusal) => match UnifiedSocialCreditCode::parse(number) {
            Ok(code) => (AttributeKind::CreditCode, code.expose().to_owned()),
            Err(_) => return Err(refusal.into()),
        },
    };
    let (number, clerk) = (&Zeroizing::new(number), &clerk.party);
    let done = world.store.write("a lost account", |tx| {
        Box::pin(async move {
            let party = parties::by_number(tx, kind, number).await?.filter(|party| party.erased_at.is_none());
            let Some(party) = party.map(|party| party.id) else { return Ok(false) };
            if party == *clerk {
                return Err(code::NO_ROLE.into());
            }
            let registered = parties::attribute(tx, &party, AttributeKind::Name).await?;
            if !registered.is_some_and(|registered| name::same(registered.expose_secret(), typed)) {
                return Ok(false);
            }
            match wanted {
                AtCounter::Report => log_in::report_loss(tx, &party, Some((agency, clerk)), now).await.map(|_| true),
                AtCounter::Lift => log_in::lift_loss(tx, &party, agency, clerk, now).await,
            }
        })
    });
    done.await
}

/// Opens an agency; one that is there already stays as it is.
pub async fn open_agency(world: &World, id: &AgencyId, name: &str) -> Result<(), Fault> {
    let now = world.clock.now();
    let opened = world.store.write("open an agency", |tx| {
        Box::pin(async move {
            if agencies::find(tx, id).await?.is_none() {
                agencies::add(tx, id, name, now).await?;
                witness(tx, id, None, "agency.opened", &json!({}), now).await?;
            }
            Ok(())
        })
    });
    opened.await
}

async fn witness(
    tx: &mut Tx<'_>,
    agency: &AgencyId,
    party: Option<&PartyId>,
    event: &str,
    facts: &serde_json::Value,
    at: Moment,
) -> Result<(), Fault> {
    audit::append(tx, audit::Entry { agency: Some(agency), party, at, event, facts, personal: None }).await?;
    Ok(())
}
