//! From who is here to the answer the portal gets: a code, a refusal, or one more page.

use super::{Ask, Entered, Here, Provider, client, enter, here, known, witness};
use crate::fault::{Fault, code};
use crate::ids::PartyId;
use crate::login::cas;
use crate::login::claims::released;
use crate::login::request::{Prompt, Refusal, Reply};
use crate::login::states::{self, Asked, CODE_LIFE, Unmet};
use crate::login::{AuditEvent, Client, Proof, SubjectType};
use crate::moment::Moment;
use crate::store::{Tx, consents, grants, sessions};
use crate::world::World;
use std::collections::BTreeSet;
use zeroize::Zeroizing;

/// What is next.
#[derive(Debug)]
pub enum Settled {
    /// The browser goes back to the portal, with a code or an error.
    Portal(Answer),
    /// Somebody has to prove something first.
    Prove(Unmet),
    /// Something is released for the first time: ask.
    Consent(Box<ConsentSought>),
}

/// An address of the portal; it may hold a code, so `Debug` does not show it.
#[derive(Clone)]
pub struct Answer {
    address: Zeroizing<String>,
    granted: bool,
}

impl Answer {
    fn refusal(provider: &Provider, asked: &Asked, refusal: &Refusal) -> Self {
        Self { address: Zeroizing::new(asked.request.refuse(provider.issuer(), refusal)), granted: false }
    }

    /// Whether it holds a code.
    pub const fn granted(&self) -> bool {
        self.granted
    }

    /// The address.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Answer(…)")
    }
}

/// What the consent page shows.
#[derive(Debug)]
pub struct ConsentSought {
    /// The portal.
    pub client: Client,
    /// Claims to be released.
    pub released: BTreeSet<&'static str>,
    /// Who is here, masked.
    pub known: super::Known,
    /// For whom.
    pub acting: Option<super::Known>,
}

/// Tells the portal that its request is refused or was cancelled.
pub fn cancel(provider: &Provider, asked: &Asked) -> Answer {
    Answer::refusal(provider, asked, &Refusal::new("access_denied", "the user cancelled the login"))
}

/// What a request would come to with who is here; nothing is written.
#[derive(Debug)]
pub enum Foreseen {
    /// Nothing is missing: `settle` will give a code.
    Grant(Box<(states::Proved, AuditEvent)>),
    /// Anything else is settled already.
    Settled(Settled),
}

/// Looks at a request with who is here, without writing anything.
pub async fn foresee(
    tx: &mut Tx<'_>,
    provider: &Provider,
    asked: &Asked,
    client: &Client,
    here: Option<&Here>,
    now: Moment,
) -> Result<Foreseen, Fault> {
    let Some(here) = here else { return Ok(Foreseen::Settled(unmet(provider, asked, Unmet::Nobody))) };
    let subject = &here.session.subject;
    let known_sub = match asked.request.wishes.sub {
        Some(_) => grants::known_subject(tx, &sector(client), subject).await?,
        None => None,
    };
    let seen = states::Here { session: &here.session, kind: here.kind, proofs: &here.proofs, sub: known_sub.as_deref() };
    let proved = match asked.clone().prove(client, Some(seen), now) {
        Err(refused) => return Ok(Foreseen::Settled(unmet(provider, &refused.0, refused.1))),
        Ok(proved) => proved,
    };
    let wishes = [&asked.request.wishes.id_token, &asked.request.wishes.userinfo];
    let released = released(client, &asked.request.scope, wishes);
    if released.is_empty() || agreed(tx, asked, client, subject, &released).await? {
        return Ok(Foreseen::Grant(Box::new(proved)));
    }
    if asked.silent() {
        let refusal = Refusal::new("consent_required", "the user has not agreed to what is to be released");
        return Ok(Foreseen::Settled(Settled::Portal(Answer::refusal(provider, asked, &refusal))));
    }
    let acting = match &here.session.acting {
        Some(acting) => Some(known(tx, &acting.organisation).await?),
        None => None,
    };
    let sought = ConsentSought { client: client.clone(), released, known: known(tx, subject).await?, acting };
    Ok(Foreseen::Settled(Settled::Consent(Box::new(sought))))
}

/// Settles a request with who is here: a code, a refusal (`prompt=none`), or what is missing. Runs inside a write.
async fn settle(
    tx: &mut Tx<'_>,
    provider: &Provider,
    asked: &Asked,
    client: &Client,
    here: Option<&Here>,
    now: Moment,
) -> Result<Settled, Fault> {
    let (proved, event) = match foresee(tx, provider, asked, client, here, now).await? {
        Foreseen::Settled(settled) => return Ok(settled),
        Foreseen::Grant(proved) => *proved,
    };
    witness(tx, &event).await?;
    let (subject, session) = (proved.facts().party.clone(), proved.facts().session.clone());
    let name = sub(tx, client, &subject, now).await?;
    let (mut granted, event) = proved.grant(name.clone(), now);
    let ticket = (asked.request.reply == Reply::Ticket).then(|| grants::ticket(tx));
    granted.sid = Some(hex::encode(tx.sealer().random::<16>()));
    granted.ticket = ticket.as_ref().map(|ticket| ticket.as_str().to_owned());
    let body = Zeroizing::new(serde_json::to_vec(&granted).map_err(|error| Fault::new(code::SYSTEM).because(error))?);
    let grant = grants::NewGrant {
        agency: &client.agency,
        client: &client.id,
        party: &subject,
        session: Some(&session),
        subject: &name,
        body: &body,
        created_at: now,
    };
    let grant = grants::add(tx, grant).await?;
    if let Some(ticket) = ticket {
        // CAS 3.0 §2.5.1 `renew`: whether the ticket came of a proof made for it, not of a session that was there.
        let detail = cas::Ticket { service: asked.request.redirect_uri.clone(), fresh: granted.facts.auth_time >= asked.at };
        let detail = serde_json::to_value(detail).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
        grants::keep(tx, &grant, grants::TokenKind::Service, &ticket, &detail, now, now.plus(cas::TICKET_LIFE)).await?;
        witness(tx, &event.fact("grant", &grant).fact("protocol", "cas")).await?;
        sessions::seen(tx, &session, now).await?;
        let address = Zeroizing::new(cas::answer(&asked.request.redirect_uri, &ticket));
        return Ok(Settled::Portal(Answer { address, granted: true }));
    }
    let code = grants::issue(tx, &grant, grants::TokenKind::Code, &serde_json::json!({}), now, now.plus(CODE_LIFE)).await?;
    witness(tx, &event.fact("grant", &grant)).await?;
    sessions::seen(tx, &session, now).await?;
    let address = Zeroizing::new(asked.request.answer(provider.issuer(), &[("code", &code)]));
    Ok(Settled::Portal(Answer { address, granted: true }))
}

fn unmet(provider: &Provider, asked: &Asked, missing: Unmet) -> Settled {
    if asked.silent() { Settled::Portal(Answer::refusal(provider, asked, &missing.refusal())) } else { Settled::Prove(missing) }
}

/// Where names are the same: the stored sector, or all public portals.
fn sector(client: &Client) -> String {
    match &client.subject_type {
        SubjectType::Pairwise { sector } => format!("pairwise:{sector}"),
        SubjectType::Public => "public".to_owned(),
    }
}

/// The Party's name at this portal: pairwise by the stored sector, or public.
pub(super) async fn sub(tx: &mut Tx<'_>, client: &Client, party: &PartyId, now: Moment) -> Result<String, Fault> {
    Ok(grants::subject(tx, &sector(client), party, now).await?)
}

/// Whether the subject agreed to all of it, for this very portal, and after the question where the portal wants it asked anew.
async fn agreed(
    tx: &mut Tx<'_>,
    asked: &Asked,
    client: &Client,
    party: &PartyId,
    released: &BTreeSet<&'static str>,
) -> Result<bool, Fault> {
    let Some(consent) = consents::standing(tx, &client.id, party).await? else { return Ok(false) };
    if asked.request.prompt.contains(&Prompt::Consent) && consent.given_at < asked.at {
        return Ok(false);
    }
    let given: BTreeSet<String> = serde_json::from_value(consent.released).unwrap_or_default();
    Ok(released.iter().all(|name| given.contains(*name)))
}

/// The subject agreed to what the page showed. The consent is kept and the request settled, in one write. What was shown must
/// still be what is released; otherwise the page is shown again. Who is here is looked at again inside the write: a session that
/// ended in between gives no code.
pub async fn agree(
    world: &World,
    provider: &Provider,
    asked: &Asked,
    client: &Client,
    cookie: Option<&str>,
    shown: &BTreeSet<String>,
) -> Result<Settled, Fault> {
    let now = world.clock.now();
    let settle = world.store.write("settle a request", |tx| {
        Box::pin(async move {
            let here = here(tx, cookie, now).await?;
            settle_agreed(tx, provider, asked, client, here.as_ref(), shown, now).await
        })
    });
    settle.await
}

/// Settles a request; where a consent is sought and `shown` is exactly what is released, it is recorded, and settled on.
async fn settle_agreed(
    tx: &mut Tx<'_>,
    provider: &Provider,
    asked: &Asked,
    client: &Client,
    here: Option<&Here>,
    shown: &BTreeSet<String>,
    now: Moment,
) -> Result<Settled, Fault> {
    let settled = settle(tx, provider, asked, client, here, now).await?;
    let (Settled::Consent(sought), Some(here)) = (&settled, here) else { return Ok(settled) };
    let released = &sought.released;
    if !released.iter().all(|name| shown.contains(*name)) || shown.len() != released.len() {
        return Ok(settled);
    }
    let subject = &here.session.subject;
    let value = serde_json::json!(released);
    // One standing consent for a portal: a narrower one replaces nothing that was agreed before.
    let before = consents::standing(tx, &client.id, subject).await?;
    let mut all: BTreeSet<String> = before.and_then(|consent| serde_json::from_value(consent.released).ok()).unwrap_or_default();
    all.extend(released.iter().map(|name| (*name).to_owned()));
    consents::withdraw(tx, &client.id, subject, now).await?;
    consents::add(tx, &client.agency, &client.id, subject, &serde_json::json!(all), now).await?;
    let event = AuditEvent::new("consent.given", now).party(subject.clone()).session(here.session.id.clone());
    witness(tx, &event.client(&client.id, &client.agency).fact("released", value)).await?;
    settle(tx, provider, asked, client, Some(here), now).await
}

/// A proof succeeded: enter (or step up) and settle what was asked, all in the caller's write, so that a proof, its session and
/// the code commit together. Returns the new cookie and what is next; `None` where no portal asked.
pub async fn land(
    tx: &mut Tx<'_>,
    provider: &Provider,
    ask: &Ask,
    cookie: Option<&str>,
    subject: &PartyId,
    proof: &Proof,
    now: Moment,
) -> Result<(Entered, Option<Settled>), Fault> {
    let detail = serde_json::json!({ "device": ask.device });
    let entered = enter(tx, cookie, subject, proof, &detail, now).await?;
    let settled = match &ask.asked {
        None => None,
        Some(asked) => {
            // A portal that was switched off meanwhile gets nothing.
            let client = client(tx, &asked.request.client).await?.ok_or(Fault::new(code::PORTAL_UNKNOWN))?;
            Some(settle_agreed(tx, provider, asked, &client, Some(&entered.here), &ask.agreed, now).await?)
        }
    };
    Ok((entered, settled))
}

/// Settles a request with who is behind the cookie. A write is opened only where there is something to write.
pub async fn answer(
    world: &World,
    provider: &Provider,
    asked: &Asked,
    client: &Client,
    cookie: Option<&str>,
) -> Result<(Settled, Option<Here>), Fault> {
    let now = world.clock.now();
    if cookie.is_none() {
        return Ok((unmet(provider, asked, Unmet::Nobody), None));
    }
    let look = world.store.read("look at a request", |tx| {
        Box::pin(async move {
            let here = here(tx, cookie, now).await?;
            let foreseen = foresee(tx, provider, asked, client, here.as_ref(), now).await?;
            Ok((foreseen, here))
        })
    });
    let (foreseen, present) = look.await?;
    if let Foreseen::Settled(settled) = foreseen {
        return Ok((settled, present));
    }
    Ok((agree(world, provider, asked, client, cookie, &BTreeSet::new()).await?, present))
}
