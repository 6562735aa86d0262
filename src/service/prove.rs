//! Proving who somebody is: registry and phone, certificate, legal representative. Each act writes the proof, its evidence, the
//! audit line, the session and what a portal asked for in one transaction.
//!
//! What opens whose account (the rules, once):
//! * A number opens the account that holds it only if the name is the account's too: numbers were given twice, and a register's
//!   word for another person must not open a stranger's account. A name that changed is the counter's business.
//! * Registry and phone open a new account, or one that was never proved higher. They change no phone, passkey or mandate.
//! * A certificate opens the account of the number that the *verified* certificate bears; nothing the browser says is used.
//! * An organisation's certificate proves the organisation. In a person's session it adds for whom the person acts; alone it is
//!   the organisation's own session, with nobody's hand known.

mod certificate;
mod registry;
mod representative;
mod revocation;

pub(super) use certificate::standing;
pub use certificate::{Wanted, answer, certificate_text, challenge};
pub use registry::{CodeSent, CodeTried, send_code, try_code};
pub use representative::represent;

use super::log_in::{Ask, Entered, Provider, Settled, client};
use crate::fault::{Fault, code};
use crate::id::{NumberKind, PersonNumber, name};
use crate::ids::{AgencyId, PartyId};
use crate::store::parties::{self, AttributeKind, PartyKind};
use crate::store::{Tx, phone_codes};
use crate::world::World;
use secrecy::ExposeSecret;
use std::time::Duration;

/// What a successful act leads to: the new cookie, and what the portal gets or still wants.
pub type Landed = (Entered, Option<Settled>);

/// A browser on its way through a login.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// Everything impure.
    pub world: &'a World,
    /// The OpenID Provider.
    pub provider: &'a Provider,
    /// What it came for.
    pub ask: &'a Ask,
    /// The browser's own secret, from its cookie.
    pub browser: &'a str,
    /// The session cookie, if it has one.
    pub cookie: Option<&'a str>,
    /// Where it calls from (an address), for limits.
    pub source: &'a str,
}

impl Visit<'_> {
    /// The keyed hash that binds codes and challenges to this browser.
    fn bound(&self) -> String {
        self.world.store.sealer().lookup("browser", self.browser.as_bytes())
    }

    /// The portal, as people know it, and its agency; our own account page where no portal asked.
    async fn portal(&self) -> Result<(String, Option<AgencyId>), Fault> {
        let Some(asked) = &self.ask.asked else { return Ok(("信印 Xinyin".to_owned(), None)) };
        let id = &asked.request.client;
        let found = self.world.store.read("the portal of a login", |tx| Box::pin(async move { client(tx, id).await })).await?;
        let found = found.ok_or(Fault::new(code::PORTAL_UNKNOWN))?;
        Ok((format!("{} {}", found.id, found.name_zh), Some(found.agency)))
    }
}

/// How often something may be tried in an hour.
pub(super) struct Limit<'a> {
    pub(super) kind: &'static str,
    pub(super) value: &'a str,
    pub(super) most: u32,
}

const HOUR: Duration = Duration::from_secs(3600);
/// Starts of a proof from one address in an hour: an office behind one address still gets in.
const PER_SOURCE: u32 = 120;

/// Counts a try against every limit; `false` if one is reached. Tries that are refused count too.
pub(super) async fn admitted(tx: &mut Tx<'_>, limits: &[Limit<'_>], now: crate::moment::Moment) -> Result<bool, Fault> {
    let mut admitted = true;
    for limit in limits {
        admitted &= phone_codes::attempt(tx, limit.kind, limit.value, limit.most, HOUR, now).await?;
    }
    Ok(admitted)
}

/// Under which kind of attribute a person's number is kept.
pub(super) const fn attribute_of(number: &PersonNumber) -> AttributeKind {
    match number {
        PersonNumber::Citizen(_) => AttributeKind::CitizenNumber,
        PersonNumber::Residence(_) => AttributeKind::ResidencePermit,
        PersonNumber::Foreigner(_) => AttributeKind::ForeignerId,
    }
}

/// The account of a number, or a new one; an account under another name stays shut.
async fn account(
    tx: &mut Tx<'_>,
    kind: PartyKind,
    number_kind: AttributeKind,
    number: &str,
    holder: &str,
    now: crate::moment::Moment,
) -> Result<(PartyId, bool), Fault> {
    let (party, new) = parties::find_or_add(tx, kind, number_kind, number, now).await?;
    if !new {
        let known = parties::attribute(tx, &party.id, AttributeKind::Name).await?;
        let same = known.is_none_or(|known| name::same(known.expose_secret(), holder));
        if !same {
            return Err(Fault::new(code::ACCOUNT_NAME));
        }
    }
    Ok((party.id, new))
}

/// A name as typed: something visible, not absurdly long.
fn typed_name(text: &str) -> Result<&str, Fault> {
    let text = text.trim();
    let fits = (1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control) && !name::comparable(text).is_empty();
    if fits { Ok(text) } else { Err(Fault::new(code::NAME_FORM)) }
}

/// What stands for a kind in messages.
fn kind_text(kind: NumberKind) -> String {
    format!("{} {}", kind.zh(), kind.en())
}

/// The audit line of a proof.
fn proved(
    proof: &crate::login::Proof,
    visit: Visit<'_>,
    agency: Option<&AgencyId>,
    now: crate::moment::Moment,
) -> crate::login::AuditEvent {
    let mut event = crate::login::AuditEvent::new("proof.given", now)
        .party(proof.party.clone())
        .fact("proof", &proof.id)
        .fact("method", proof.method)
        .fact("verifier", &proof.verifier);
    event.agency = agency.cloned();
    event.client = visit.ask.asked.as_ref().map(|asked| asked.request.client.clone());
    if let Some(evidence) = &proof.evidence {
        event = event.fact("evidence", evidence);
    }
    event
}
