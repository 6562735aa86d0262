//! Who is here: the session behind a cookie, entering and stepping up, the account page, leaving.

use super::leave::leave;
use super::{client, known, tell, witness};
use crate::fault::{Fault, code};
use crate::ids::{AgencyId, ConsentId, EvidenceId, PartyId, SessionId};
use crate::login::session::SESSION_LIFE;
use crate::login::{Acting, AuditEvent, Level, Method, Proof, Session, SessionEvents, SubjectKind};
use crate::moment::Moment;
use crate::store::logout_notices::{self, NoticeKind};
use crate::store::{StoreError, Tx, consents, grants, losses, parties, passkeys, proofs, sessions};
use crate::world::World;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use zeroize::Zeroizing;

/// The living session behind a cookie, with the subject's standing proofs.
#[derive(Debug, Clone)]
pub struct Here {
    /// The session.
    pub session: Session,
    /// Its version in the store.
    pub version: i64,
    /// Person or organisation.
    pub kind: SubjectKind,
    /// All proofs of the subject.
    pub proofs: Vec<Proof>,
}

impl Here {
    /// The effective level now; `None` once no act of this session counts.
    pub fn level(&self, now: Moment) -> Option<Level> {
        self.session.level(&self.proofs, now)
    }
}

/// What a proof row says beyond its columns.
#[derive(Serialize, Deserialize, Default)]
struct Detail {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cap: Option<Level>,
    #[serde(default)]
    verifier: String,
    /// The matters of a mandate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    items: Vec<String>,
}

pub(super) fn as_proof(stored: proofs::Proof) -> Result<Proof, Fault> {
    let detail: Detail = serde_json::from_value(stored.detail).map_err(|_| StoreError::Corrupt("proofs.detail"))?;
    let method = stored.method.parse().map_err(|_| StoreError::Corrupt("proofs.method"))?;
    let until = [detail.until.map(Moment::from_millis), stored.revoked_at].into_iter().flatten().min();
    Ok(Proof {
        id: stored.id,
        party: stored.party,
        method,
        at: stored.proved_at,
        until,
        cap: detail.cap,
        evidence: stored.evidence,
        verifier: detail.verifier,
    })
}

/// One act to be written down.
#[derive(Debug, Clone)]
pub struct Shown<'a> {
    /// Whom it shows.
    pub party: &'a PartyId,
    /// Through whom (a representative).
    pub by: Option<&'a PartyId>,
    /// At whose portal.
    pub agency: Option<&'a AgencyId>,
    /// How.
    pub method: Method,
    /// When.
    pub at: Moment,
    /// Until when it counts.
    pub until: Option<Moment>,
    /// No higher than this.
    pub cap: Option<Level>,
    /// The evidence kept.
    pub evidence: Option<&'a EvidenceId>,
    /// Who checked, as it may be named to a portal; no personal data.
    pub verifier: &'a str,
    /// The matters of a mandate.
    pub items: &'a [String],
}

impl<'a> Shown<'a> {
    /// An act of the Party itself, with no end, no cap and no evidence.
    pub const fn new(party: &'a PartyId, method: Method, at: Moment, verifier: &'a str) -> Self {
        Self { party, by: None, agency: None, method, at, until: None, cap: None, evidence: None, verifier, items: &[] }
    }
}

/// Writes an act down and returns it as a [`Proof`].
pub async fn add_proof(tx: &mut Tx<'_>, shown: &Shown<'_>) -> Result<Proof, Fault> {
    let detail =
        Detail { until: shown.until.map(Moment::millis), cap: shown.cap, verifier: shown.verifier.to_owned(), items: shown.items.to_vec() };
    let detail = serde_json::to_value(detail).map_err(|error| Fault::new(code::SYSTEM).because(error))?;
    let level = shown.method.identity_level().map(|level| shown.cap.map_or(level, |cap| level.min(cap)));
    let row = proofs::NewProof {
        party: shown.party,
        by: shown.by,
        agency: shown.agency,
        method: shown.method.name(),
        level: level.map_or(0, |level| i64::from(level.row().gbt_40651)),
        proved_at: shown.at,
        evidence: shown.evidence,
        detail: &detail,
    };
    let id = proofs::add(tx, row).await?;
    Ok(Proof {
        id,
        party: shown.party.clone(),
        method: shown.method,
        at: shown.at,
        until: shown.until,
        cap: shown.cap,
        evidence: shown.evidence.cloned(),
        verifier: shown.verifier.to_owned(),
    })
}

/// Who is behind this cookie now; `None`: nobody, or the session is over.
pub async fn here(tx: &mut Tx<'_>, cookie: Option<&str>, now: Moment) -> Result<Option<Here>, Fault> {
    let Some(cookie) = cookie else { return Ok(None) };
    let Some(stored) = sessions::by_cookie(tx, cookie, now).await? else { return Ok(None) };
    let here = read(tx, stored, now).await?;
    Ok(here.filter(|here| here.session.alive(now)))
}

async fn read(tx: &mut Tx<'_>, stored: sessions::Session, now: Moment) -> Result<Option<Here>, Fault> {
    let Some(party) = parties::find(tx, &stored.party).await? else { return Ok(None) };
    if party.erased_at.is_some() {
        return Ok(None);
    }
    let mut events = SessionEvents::new();
    for proof in proofs::of_session(tx, &stored.id).await? {
        events.push(as_proof(proof)?);
    }
    let acting = stored.acting_for.and_then(|organisation| {
        // What has run out or was taken back since carries nobody.
        let stands = |act: &&Proof| act.party == organisation && act.until.is_none_or(|until| now < until);
        let basis = events.acts().iter().rev().find(stands)?.id.clone();
        Some(Acting { organisation, basis })
    });
    let session = Session { id: stored.id, subject: stored.party.clone(), acting, events, began: stored.created_at, seen: stored.seen_at };
    let proofs = proofs::of_party(tx, &stored.party).await?.into_iter().map(as_proof).collect::<Result<_, _>>()?;
    let kind = match party.kind {
        parties::PartyKind::Person => SubjectKind::Person,
        parties::PartyKind::Organisation => SubjectKind::Organisation,
    };
    Ok(Some(Here { session, version: stored.version, kind, proofs }))
}

/// What entering gave.
#[derive(Debug)]
pub struct Entered {
    /// The fresh secret for the browser's session cookie.
    pub cookie: Zeroizing<String>,
    /// Who is here now.
    pub here: Here,
}

/// An act succeeded: the browser enters, or steps up in the session it has. The cookie is new either way (no fixation); a
/// step-up of the same subject keeps the session and what hangs on it.
///
/// `subject` is who shall be logged in. An organisation's proof inside a person's session adds whom the person acts for:
/// pass the person as `subject`. Another subject ends the former session. Nobody enters an account that was reported lost.
pub async fn enter(
    tx: &mut Tx<'_>,
    cookie: Option<&str>,
    subject: &PartyId,
    proof: &Proof,
    detail: &serde_json::Value,
    now: Moment,
) -> Result<Entered, Fault> {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let fresh = Zeroizing::new(URL_SAFE_NO_PAD.encode(tx.sealer().random::<32>()));
    let former = here(tx, cookie, now).await?;
    for party in [subject, &proof.party] {
        if losses::standing(tx, party).await? {
            return Err(code::ACCOUNT_LOST.into());
        }
    }
    let acting = (proof.party != *subject).then_some(&proof.party);
    let (stored, kind) = match former {
        Some(former) if former.session.subject == *subject => {
            let acting = acting.or(former.session.acting.as_ref().map(|acting| &acting.organisation));
            let ends = former.session.began.plus(SESSION_LIFE);
            if !sessions::change(tx, &former.session.id, former.version, &fresh, acting, ends, now).await? {
                return Err(code::CONFLICT.into());
            }
            (former.session.id, "session.stepped_up")
        }
        former => {
            if let Some(former) = former {
                leave(tx, &former.session.id, "another login", now).await?;
            }
            // Nobody can act for an organisation without being somebody first.
            if acting.is_some() {
                return Err(Fault::new(code::BAD_REQUEST));
            }
            (sessions::add(tx, subject, &fresh, detail, now, now.plus(SESSION_LIFE)).await?.id, "session.began")
        }
    };
    sessions::add_proof(tx, &stored, &proof.id, now).await?;
    let event = AuditEvent::new(kind, now).party(subject.clone()).session(stored).fact("method", proof.method).fact("proof", &proof.id);
    witness(tx, &event).await?;
    let here = here(tx, Some(&fresh), now).await?.ok_or_else(|| Fault::new(code::SYSTEM))?;
    Ok(Entered { cookie: fresh, here })
}

/// Takes a consent back; the portal's grants die with it. `false`: it is not theirs.
pub async fn withdraw(tx: &mut Tx<'_>, cookie: Option<&str>, consent: &ConsentId, now: Moment) -> Result<bool, Fault> {
    let here = here(tx, cookie, now).await?.ok_or(Fault::new(code::LOGIN_NEEDED))?;
    let subject = here.session.subject;
    let Some(consent) = consents::of_party(tx, &subject).await?.into_iter().find(|own| own.id == *consent) else { return Ok(false) };
    consents::withdraw(tx, &consent.client, &subject, now).await?;
    for grant in grants::of_party(tx, &subject).await?.iter().filter(|grant| grant.client == consent.client) {
        tell::note(tx, grant, "consent withdrawn", now).await?;
    }
    grants::revoke_at(tx, &subject, &consent.client, "consent withdrawn", now).await?;
    witness(tx, &AuditEvent::new("consent.withdrawn", now).party(subject).client(&consent.client, &consent.agency)).await?;
    Ok(true)
}

/// Notes that the session behind a cookie is in use, at most once a minute: reading our own pages is no idleness.
pub async fn touch(world: &World, here: &Here) -> Result<(), Fault> {
    let now = world.clock.now();
    if now.since(here.session.seen) < Duration::from_secs(60) {
        return Ok(());
    }
    let id = &here.session.id;
    world.store.write("session in use", |tx| Box::pin(async move { Ok(sessions::seen(tx, id, now).await?) })).await
}

/// What the account page shows.
#[derive(Debug)]
pub struct Account {
    /// Who is here.
    pub here: Here,
    /// What is known of them, masked where it is a number.
    pub known: super::Known,
    /// The organisation acted for.
    pub acting: Option<super::Known>,
    /// Living sessions, on all devices.
    pub sessions: Vec<SessionView>,
    /// Passkeys: row name, label, added, last used.
    pub passkeys: Vec<(String, String, Moment, Option<Moment>)>,
    /// Standing consents.
    pub consents: Vec<ConsentLine>,
    /// Which portals were told that a session ended, the newest first.
    pub told: Vec<ToldLine>,
}

/// One portal, told or to be told that a session ended.
#[derive(Debug)]
pub struct ToldLine {
    /// The portal's names, Chinese and English.
    pub portal: (String, String),
    /// When the session ended.
    pub at: Moment,
    /// What became of it.
    pub state: Told,
}

/// What became of a notice.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// The portal answered, then.
    Yes(Moment),
    /// It is still being tried.
    Trying,
    /// It did not answer within a day.
    No,
    /// It takes no such messages.
    Unable,
}

/// One living session.
#[derive(Debug)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// When it began.
    pub began: Moment,
    /// When it was last used.
    pub seen: Moment,
    /// How its holder proved who they are.
    pub methods: Vec<Method>,
    /// Browser and system, as the browser named them when the session began; empty where it named none we know.
    pub device: String,
}

/// One standing consent.
#[derive(Debug)]
pub struct ConsentLine {
    /// Its id.
    pub id: ConsentId,
    /// The portal's names, Chinese and English.
    pub portal: (String, String),
    /// What it may see.
    pub released: Vec<String>,
    /// Since when.
    pub at: Moment,
}

/// The account page of who is here; `None`: nobody is.
pub async fn account(tx: &mut Tx<'_>, cookie: Option<&str>, now: Moment) -> Result<Option<Account>, Fault> {
    let Some(here) = here(tx, cookie, now).await? else { return Ok(None) };
    let subject = here.session.subject.clone();
    let mut list = Vec::new();
    for stored in sessions::of_party(tx, &subject, now).await? {
        let device = stored.detail.get("device").and_then(|device| device.as_str()).unwrap_or_default().to_owned();
        if let Some(other) = read(tx, stored, now).await?.filter(|other| other.session.alive(now)) {
            let methods = other.session.events.methods(&subject);
            list.push(SessionView { id: other.session.id, began: other.session.began, seen: other.session.seen, methods, device });
        }
    }
    let keys = passkeys::of_party(tx, &subject).await?;
    let mut lines = Vec::new();
    for consent in consents::of_party(tx, &subject).await?.into_iter().filter(|consent| consent.withdrawn_at.is_none()) {
        let portal = client(tx, &consent.client).await?;
        let portal = portal.map_or_else(|| (consent.client.to_string(), consent.client.to_string()), |c| (c.name_zh, c.name_en));
        let released = serde_json::from_value(consent.released).unwrap_or_default();
        lines.push(ConsentLine { id: consent.id, portal, released, at: consent.given_at });
    }
    let mut told = Vec::new();
    for notice in logout_notices::of_party(tx, &subject).await? {
        let portal = client(tx, &notice.client).await?;
        let portal = portal.map_or_else(|| (notice.client.to_string(), notice.client.to_string()), |c| (c.name_zh, c.name_en));
        let state = match (notice.kind, notice.delivered_at, notice.next_at) {
            (NoticeKind::None, ..) => Told::Unable,
            (_, Some(at), _) => Told::Yes(at),
            (_, None, Some(_)) => Told::Trying,
            (_, None, None) => Told::No,
        };
        told.push(ToldLine { portal, at: notice.created_at, state });
    }
    let known_here = known(tx, &subject).await?;
    let acting = match &here.session.acting {
        Some(acting) => Some(known(tx, &acting.organisation).await?),
        None => None,
    };
    Ok(Some(Account {
        here,
        known: known_here,
        acting,
        sessions: list,
        passkeys: keys.into_iter().map(|key| (key.hash, key.label, key.created_at, key.used_at)).collect(),
        consents: lines,
        told,
    }))
}
