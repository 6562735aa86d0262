//! What we hold about a Party: whole for a portal that is registered for it, masked for our own pages.

use super::here::as_proof;
use crate::fault::Fault;
use crate::id::mask;
use crate::ids::PartyId;
use crate::login::claims::{MandateClaim, Organisation, Person};
use crate::login::{Client, Method, SubjectKind, states::Facts};
use crate::moment::Moment;
use crate::store::parties::{self, AttributeKind};
use crate::store::{Tx, proofs};
use secrecy::ExposeSecret;

/// A Party as our own pages show it.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Its name.
    pub name: Option<String>,
    /// Its number, masked for a person; a credit code is public and stands whole.
    pub number: Option<String>,
    /// Whether it is an organisation.
    pub organisation: bool,
}

/// A Party as our own pages show it.
pub async fn known(tx: &mut Tx<'_>, party: &PartyId) -> Result<Known, Fault> {
    let mut known = Known::default();
    for attribute in parties::attributes(tx, party, None).await? {
        match attribute.kind {
            AttributeKind::Name => known.name = Some(attribute.value.expose_secret().to_owned()),
            AttributeKind::CreditCode | AttributeKind::OrganisationCode => {
                known.number = Some(attribute.value.expose_secret().to_owned());
                known.organisation = true;
            }
            AttributeKind::CitizenNumber | AttributeKind::ResidencePermit | AttributeKind::ForeignerId | AttributeKind::Passport => {
                known.number = Some(mask(attribute.value.expose_secret()));
            }
            AttributeKind::Phone => {}
        }
    }
    Ok(known)
}

async fn organisation(
    tx: &mut Tx<'_>,
    party: &PartyId,
    basis: Method,
    mandate: Option<MandateClaim>,
) -> Result<Option<Organisation>, Fault> {
    let (mut name, mut uscc) = (None, None);
    for attribute in parties::attributes(tx, party, None).await? {
        match attribute.kind {
            AttributeKind::Name => name = Some(attribute.value.expose_secret().to_owned()),
            AttributeKind::CreditCode => uscc = Some(attribute.value.expose_secret().to_owned()),
            _ => {}
        }
    }
    Ok(uscc.map(|uscc| Organisation { name, uscc, basis, mandate }))
}

/// What may go out to this portal about this login; nothing that it is not registered for is even read into the answer.
pub async fn person(tx: &mut Tx<'_>, client: &Client, facts: &Facts, now: Moment) -> Result<Person, Fault> {
    let mut person = Person::default();
    let release = &client.release;
    if facts.kind == SubjectKind::Person && (release.name || release.citizen_number.is_some()) {
        for attribute in parties::attributes(tx, &facts.party, None).await? {
            match attribute.kind {
                AttributeKind::Name if release.name => person.name = Some(attribute.value.expose_secret().to_owned()),
                AttributeKind::CitizenNumber if release.citizen_number.is_some() => {
                    person.citizen_number = Some(attribute.value.expose_secret().to_owned());
                }
                _ => {}
            }
        }
    }
    if release.organisation {
        person.organisation = match (&facts.acting, &facts.acting_basis) {
            (Some(acting), Some(basis)) => {
                let stored = proofs::find(tx, basis).await?.filter(|proof| proof.party == *acting);
                let items = stored.as_ref().and_then(|proof| proof.detail.get("items").cloned());
                // What has run out since, or was taken back, is not released any more.
                let proof = stored.map(as_proof).transpose()?.filter(|proof| proof.until.is_none_or(|until| now < until));
                match proof {
                    Some(proof) => {
                        let items = items.and_then(|items| serde_json::from_value(items).ok()).unwrap_or_default();
                        let on_mandate = proof.method == Method::Mandate;
                        let mandate = proof.until.filter(|_| on_mandate).map(|until| MandateClaim { id: proof.id, items, until });
                        organisation(tx, acting, proof.method, mandate).await?
                    }
                    None => None,
                }
            }
            _ if facts.kind == SubjectKind::Organisation => organisation(tx, &facts.party, Method::OrganisationCertificate, None).await?,
            _ => None,
        };
    }
    Ok(person)
}
