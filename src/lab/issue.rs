//! Issuing certificates to people and organisations that the registers know, by request (PKCS#10) or with keys made here.

use super::{
    Lab,
    making::terms,
    profile::{self, Family, Holder, Use},
    registry::{OrganisationState, PersonState, as_of},
};
use crate::{
    crypto::{KeyKind, PublicKey, Signer as _},
    keys::SoftKey,
    moment::Moment,
    pki::{Certificate, request::CertificationRequest},
    world::SystemDice,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// Whom a certificate is asked for.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Applicant {
    /// A person.
    Person {
        /// As registered.
        name: String,
        /// Citizen number.
        number: String,
    },
    /// An organisation.
    Organisation {
        /// As registered.
        name: String,
        /// Unified social credit code.
        uscc: String,
    },
}

/// What is asked for. With `request` (PEM, PKCS#10) its key is certified; without, keys of `family` are made here and returned.
/// SM2 gives two certificates: the encryption key is always made here.
#[derive(Clone, Deserialize)]
pub struct Order {
    applicant: Applicant,
    request: Option<String>,
    family: Option<Family>,
    /// Days of validity from now, 1 to 1826; 365 if none.
    days: Option<u32>,
}

/// What was issued, PEM.
#[derive(Serialize)]
pub struct Issued {
    signing: Pair,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption: Option<Pair>,
    /// The issuing authority and its root.
    chain: String,
}

#[derive(Serialize)]
struct Pair {
    certificate: String,
    /// Where the key was made here.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// Why nothing was issued.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The order cannot be filled.
    #[error("{0}")]
    Order(&'static str),
    /// The lab failed.
    #[error(transparent)]
    Lab(#[from] anyhow::Error),
}

/// Fills an order.
pub fn issue(lab: &Lab, order: &Order, now: Moment) -> Result<Issued, Refused> {
    let days = order.days.unwrap_or(365);
    if !(1..=1826).contains(&days) {
        return Err(Refused::Order("days-out-of-range"));
    }
    let request = order.request.as_ref().map(|pem| CertificationRequest::from_pem_or_der(pem.as_bytes()));
    let request = request.transpose().map_err(|_| Refused::Order("request-malformed-or-badly-signed"))?;
    let made = match (&request, order.family) {
        (Some(_), None) => None,
        (None, Some(family)) => Some(SoftKey::generate(family.kind(), &SystemDice).map_err(anyhow::Error::from)?),
        _ => return Err(Refused::Order("either-request-or-family")),
    };
    let key = request.as_ref().map(|request| &request.key).or(made.as_ref().map(SoftKey::public_key));
    let key = key.ok_or(Refused::Order("no-key"))?;
    let family = match key.kind() {
        KeyKind::Sm2 => Family::Sm2,
        KeyKind::P256 => Family::P256,
        KeyKind::Rsa(2048..=4096) => Family::Rsa,
        _ => return Err(Refused::Order("key-not-accepted")),
    };
    let (name, number, person) = registered(lab, &order.applicant, now)?;
    let holder = if person { Holder::Person(&name, &number) } else { Holder::Organisation(&name, &number) };
    let ca = lab.authorities.issuing(family).ok_or(Refused::Order("key-not-accepted"))?;
    let root = lab.authorities.0.iter().find(|root| root.family == family && root.certificate.is_self_signed());
    let certify = |key: &PublicKey, for_use| -> Result<Certificate, Refused> {
        let terms = terms(Moment::from_secs(now.secs()), Moment::from_secs(now.plus(days * DAY).secs()));
        let certificate = profile::holder(ca.issuer(), &lab.places, holder, key, for_use, terms).map_err(anyhow::Error::from)?;
        // On record before it leaves: a certificate that OCSP does not know is worth nothing.
        ca.enter([&certificate])?;
        Ok(certificate)
    };
    let pem = |certificate: &Certificate| super::pem("CERTIFICATE", certificate.der());
    let signing = Pair { certificate: pem(&certify(key, Use::Signing)?), key: made.as_ref().map(|key| key.to_pkcs8_pem().to_string()) };
    let encryption = if family == Family::Sm2 {
        let key = SoftKey::generate(KeyKind::Sm2, &SystemDice).map_err(anyhow::Error::from)?;
        let certificate = certify(key.public_key(), Use::Encryption)?;
        Some(Pair { certificate: pem(&certificate), key: Some(key.to_pkcs8_pem().to_string()) })
    } else {
        None
    };
    let chain = pem(&ca.certificate) + &root.map(|root| pem(&root.certificate)).unwrap_or_default();
    Ok(Issued { signing, encryption, chain })
}

/// Name and number as registered, of somebody who may have a certificate; and whether it is a person.
fn registered(lab: &Lab, applicant: &Applicant, now: Moment) -> Result<(String, String, bool), Refused> {
    let registry = lab.registry();
    match applicant {
        Applicant::Person { name, number } => {
            let found = registry.person(name, number).ok_or(Refused::Order("applicant-not-registered"))?;
            match as_of(&found.history, now).map(|state| state.state) {
                Some(PersonState::Alive) => Ok((found.name.clone(), found.number.clone(), true)),
                _ => Err(Refused::Order("applicant-not-in-good-standing")),
            }
        }
        Applicant::Organisation { name, uscc } => {
            let found = registry.organisation(name, uscc).ok_or(Refused::Order("applicant-not-registered"))?;
            match as_of(&found.history, now).map(|state| state.state) {
                Some(OrganisationState::Active) => Ok((found.name.clone(), found.uscc.clone(), false)),
                _ => Err(Refused::Order("applicant-not-in-good-standing")),
            }
        }
    }
}
