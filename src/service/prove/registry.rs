//! Name and number matched in the register, then a one-time code to the phone that the register gives: the lowest real-name
//! level.
//!
//! No oracle: whether name and number belong together, the person lives, and a phone is known shows nowhere. In every case
//! the same limits count, a code is made and stored, the gateway is called once, the same page comes after a time rounded up to
//! the same step; only the message differs, and it goes to the registered phone. What was asked travels with the browser, sealed
//! and bound to it, so that whoever never answers costs one write.

use super::{HOUR, Landed, Limit, PER_SOURCE, Visit, account, admitted, kind_text, typed_name};
use crate::fault::{Code, Fault, code};
use crate::id::{CitizenNumber, Refusal};
use crate::ids::{AgencyId, PartyId, PhoneCodeId};
use crate::login::{Level, Method};
use crate::moment::Moment;
use crate::province::phone::Phone;
use crate::province::population::PersonState;
use crate::service::log_in::{Shown, add_proof, land, witness};
use crate::store::evidence::{self, NewEvidence, Privacy};
use crate::store::parties::{self, AttributeKind, PartyKind};
use crate::store::phone_codes::{self, Tried};
use crate::store::{Tx, proofs};
use crate::world::{Dice, random};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// How long a code may be used.
const CODE_LIFE: Duration = Duration::from_secs(5 * 60);
/// How often a code may be tried.
const TRIES: u32 = 5;
/// Codes for one number in an hour.
const PER_NUMBER: u32 = 5;
/// Answers come at multiples of this after the question.
const STEP: Duration = Duration::from_millis(250);
const CONTEXT: &str = "registry login 1";

/// What the next page needs: it asks for the code.
#[derive(Debug)]
pub struct CodeSent {
    /// For the form that brings the code: sealed, worthless in another browser.
    pub ticket: String,
    /// When the code lapses.
    pub expires_at: Moment,
}

/// What came of a code.
#[derive(Debug)]
pub enum CodeTried {
    /// Right: in.
    In(Box<Landed>),
    /// Wrong; so many tries are left.
    Wrong {
        /// Tries left.
        left: i64,
    },
    /// Lapsed or used up: start again.
    Dead,
    /// Right, and the account does not open this way ([`code::ACCOUNT_HIGHER`], [`code::ACCOUNT_NAME`]).
    Shut(Code),
}

/// What was asked, as it travels.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct Ticket {
    #[zeroize(skip)]
    code: PhoneCodeId,
    bound: String,
    name: String,
    number: String,
    /// The register's phone; none where nothing was sent.
    phone: Option<String>,
    #[zeroize(skip)]
    heard_at: Moment,
    /// The register's answer, whatever it was: a ticket without it would be shorter.
    answer: String,
}

/// Asks the register and sends a code.
///
/// # Errors
/// The refusal of a malformed number or name; [`code::TOO_MANY`]; [`code::POPULATION_UNAVAILABLE`],
/// [`code::PHONE_UNAVAILABLE`]: another way has to be taken then.
pub async fn send_code(visit: Visit<'_>, name: &str, number: &str) -> Result<CodeSent, Fault> {
    let started = Instant::now();
    let sent = send(visit, name, number).await;
    let steps = started.elapsed().as_millis() / STEP.as_millis() + 1;
    let until = STEP.saturating_mul(u32::try_from(steps).unwrap_or(u32::MAX));
    tokio::time::sleep_until((started + until.min(HOUR)).into()).await;
    sent
}

async fn send(visit: Visit<'_>, name: &str, number: &str) -> Result<CodeSent, Fault> {
    let world = visit.world;
    let now = world.clock.now();
    let name = typed_name(name)?;
    let number = CitizenNumber::parse(number).map_err(|refusal| match refusal {
        Refusal::OtherKind(kind) => Fault::new(code::NUMBER_NO_REGISTER).detail(kind_text(kind)),
        other => other.into(),
    })?;
    number.born_by(now)?;
    let (portal, _) = visit.portal().await?;
    let secret = one_time_code(&*world.dice);
    let bound = visit.bound();
    let expires_at = now.plus(CODE_LIFE);
    let limits = [
        Limit { kind: "registry-number", value: number.expose(), most: PER_NUMBER },
        Limit { kind: "proof-source", value: visit.source, most: PER_SOURCE },
    ];
    let (bound, secret_text, limits, of_number) = (bound.as_str(), secret.as_str(), limits.as_slice(), number.expose());
    let stored = world.store.write("a code for a phone", |tx| {
        Box::pin(async move {
            if !admitted(tx, limits, now).await? {
                return Ok(None);
            }
            // Which phone it goes to, if any, is not known yet: the row is found by the number it was asked for.
            Ok(Some(phone_codes::add(tx, bound, of_number, secret_text, TRIES, now, expires_at).await?))
        })
    });
    let id = stored.await?.ok_or(Fault::new(code::TOO_MANY))?;
    let heard = world.province.population()?.check(name, &number, true, None).await?;
    let gateway = world.province.phone()?;
    let living = heard.said.as_ref().filter(|person| person.state == PersonState::Alive);
    let phone: Option<&Phone> = living.and_then(|person| person.phone.as_ref());
    match phone {
        Some(phone) => drop(gateway.deliver(phone, &message(&portal, &secret)).await?),
        None => gateway.probe().await?,
    }
    let ticket = Ticket {
        code: id,
        bound: bound.to_owned(),
        name: name.to_owned(),
        number: number.expose().to_owned(),
        phone: phone.map(|phone| phone.expose().to_owned()),
        heard_at: heard.at,
        answer: String::from_utf8_lossy(&heard.evidence).into_owned(),
    };
    Ok(CodeSent { ticket: seal(visit, &ticket)?, expires_at })
}

/// Six digits, each equally likely.
fn one_time_code(dice: &dyn Dice) -> Zeroizing<String> {
    const RANGE: u32 = 1_000_000;
    loop {
        let drawn = u32::from_be_bytes(random(dice));
        // The last incomplete million would favour small codes.
        if drawn < u32::MAX - u32::MAX % RANGE {
            return Zeroizing::new(format!("{:06}", drawn % RANGE));
        }
    }
}

fn message(portal: &str, code: &str) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "【信印】验证码 {code}，5 分钟内有效，用于登录“{portal}”。切勿告诉任何人。 Xinyin code {code} to log in to “{portal}”, valid 5 minutes. Tell nobody."
    ))
}

/// Two tickets of equal length tell nothing apart: all are padded to the same size before sealing.
fn seal(visit: Visit<'_>, ticket: &Ticket) -> Result<String, Fault> {
    const SIZE: usize = 8 * 1024;
    let mut plain = Zeroizing::new(serde_json::to_vec(ticket).map_err(|error| Fault::new(code::SYSTEM).because(error))?);
    let size = plain.len().div_ceil(SIZE) * SIZE;
    plain.resize(size, b' ');
    Ok(URL_SAFE_NO_PAD.encode(visit.world.store.sealer().seal(CONTEXT, &plain)))
}

fn open(visit: Visit<'_>, ticket: &str) -> Result<Ticket, Fault> {
    let stale = || Fault::new(code::LOGIN_STALE);
    let sealed = URL_SAFE_NO_PAD.decode(ticket).map_err(|_| stale())?;
    let plain = visit.world.store.sealer().open(CONTEXT, &sealed).map_err(|_| stale())?;
    let ticket: Ticket = serde_json::from_slice(&plain).map_err(|_| stale())?;
    if ticket.bound == visit.bound() { Ok(ticket) } else { Err(stale()) }
}

/// Tries the code; the right one enters.
///
/// # Errors
/// [`code::LOGIN_STALE`] for a ticket of another browser.
pub async fn try_code(visit: Visit<'_>, ticket: &str, typed: &str) -> Result<CodeTried, Fault> {
    let ticket = open(visit, ticket)?;
    let now = visit.world.clock.now();
    let (_, agency) = visit.portal().await?;
    let typed: Zeroizing<String> = crate::id::normalise(typed).unwrap_or_default();
    let (ticket, typed, agency) = (&ticket, typed.as_str(), agency.as_ref());
    let tried = visit.world.store.write("log in by registry and phone", |tx| {
        Box::pin(async move {
            match phone_codes::try_code(tx, &ticket.code, &ticket.bound, typed, now).await? {
                Tried::Dead => return Ok(CodeTried::Dead),
                Tried::Wrong { left } => return Ok(CodeTried::Wrong { left }),
                Tried::Right => {}
            }
            // Guessed, though nothing was ever sent: as wrong as any other.
            let Some(phone) = ticket.phone.as_deref() else { return Ok(CodeTried::Dead) };
            enter(visit, tx, ticket, phone, agency, now).await
        })
    });
    tried.await
}

async fn enter(
    visit: Visit<'_>,
    tx: &mut Tx<'_>,
    ticket: &Ticket,
    phone: &str,
    agency: Option<&AgencyId>,
    now: Moment,
) -> Result<CodeTried, Fault> {
    let opened = account(tx, PartyKind::Person, AttributeKind::CitizenNumber, &ticket.number, &ticket.name, now).await;
    let (party, new) = match opened {
        Ok(opened) => opened,
        Err(fault) if fault.code == code::ACCOUNT_NAME => return shut(tx, fault.code, agency, now).await,
        Err(fault) => return Err(fault),
    };
    if !new && proved_higher(tx, &party).await? {
        return shut(tx, code::ACCOUNT_HIGHER, agency, now).await;
    }
    let evidence = evidence::add(
        tx,
        NewEvidence {
            agency,
            kind: "registry-answer",
            source: "population",
            privacy: Privacy::Of(&party),
            body: ticket.answer.as_bytes(),
            seen_at: ticket.heard_at,
            this_update: Some(ticket.heard_at),
            next_update: None,
        },
    )
    .await?;
    let shown =
        Shown { agency, evidence: Some(&evidence), ..Shown::new(&party, Method::RegistryPhone, now, "人口库 population register") };
    let proof = add_proof(tx, &shown).await?;
    if new {
        parties::set(tx, &party, AttributeKind::Name, &ticket.name, Some(&proof.id), now).await?;
        parties::set(tx, &party, AttributeKind::Phone, phone, Some(&proof.id), now).await?;
    }
    witness(tx, &super::proved(&proof, visit, agency, now).fact("new_account", new)).await?;
    let landed = land(tx, visit.provider, visit.ask, visit.cookie, &party, &proof, now).await?;
    Ok(CodeTried::In(Box::new(landed)))
}

/// The code is spent and the audit log knows; the account stays as it was.
async fn shut(tx: &mut Tx<'_>, why: Code, agency: Option<&AgencyId>, now: Moment) -> Result<CodeTried, Fault> {
    let mut event = crate::login::AuditEvent::new("proof.refused", now).fact("method", Method::RegistryPhone).fact("why", why.id);
    event.agency = agency.cloned();
    witness(tx, &event).await?;
    Ok(CodeTried::Shut(why))
}

/// Whether anything above this level ever proved the account, also if it counts no more.
async fn proved_higher(tx: &mut Tx<'_>, party: &PartyId) -> Result<bool, Fault> {
    let floor = i64::from(Level::RealName.row().gbt_40651);
    Ok(proofs::of_party(tx, party).await?.iter().any(|proof| {
        let identifies = proof.method.parse::<Method>().is_ok_and(|method| method.identity_level().is_some());
        identifies && proof.level > floor
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::SystemDice;

    #[test]
    fn codes_are_six_digits_and_differ() {
        let codes: std::collections::HashSet<String> = (0..200).map(|_| one_time_code(&SystemDice).to_string()).collect();
        assert!(codes.iter().all(|code| code.len() == 6 && code.bytes().all(|c| c.is_ascii_digit())));
        assert!(codes.len() > 150);
    }

    /// Draws in the last incomplete million are drawn again.
    #[test]
    fn no_code_is_favoured() {
        struct Fixed(std::sync::Mutex<Vec<[u8; 4]>>);
        impl Dice for Fixed {
            fn fill(&self, buffer: &mut [u8]) {
                buffer.copy_from_slice(&self.0.lock().unwrap().pop().unwrap());
            }
        }
        let dice = Fixed(std::sync::Mutex::new(vec![7u32.to_be_bytes(), u32::MAX.to_be_bytes()]));
        assert_eq!(one_time_code(&dice).as_str(), "000007");
    }
}
