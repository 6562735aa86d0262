//! Leaving: one session, all others, or the whole account (挂失), with everything that hangs on it.

use super::token::acting_of;
use super::{here, tell, witness};
use crate::fault::{Fault, code};
use crate::ids::{AgencyId, PartyId, ProofId, SessionId};
use crate::login::session::SESSION_IDLE;
use crate::login::{AuditEvent, Client};
use crate::moment::Moment;
use crate::store::{Tx, grants, losses, passkeys, proofs, sessions};
use crate::world::World;
use std::collections::BTreeSet;

/// Ends a session and the grants that were made in it: their tokens die with it, and the portals are told.
pub(super) async fn leave(tx: &mut Tx<'_>, session: &SessionId, why: &'static str, now: Moment) -> Result<bool, Fault> {
    part(tx, session, why, false, now).await
}

async fn part(tx: &mut Tx<'_>, session: &SessionId, why: &'static str, keep_offline: bool, now: Moment) -> Result<bool, Fault> {
    let ended = sessions::end(tx, session, why, now).await?;
    for grant in grants::of_session(tx, session).await? {
        if ended {
            tell::note(tx, &grant, why, now).await?;
        }
        if keep_offline && tell::offline(&grant)? {
            continue;
        }
        grants::revoke(tx, &grant.id, why, now).await?;
    }
    Ok(ended)
}

/// Ends sessions that nobody used for an hour, or that are twelve hours old, and has their portals told; returns how many.
/// What was granted for the time after it (`offline_access`) lives on: nobody logged out.
pub async fn expire(world: &World) -> Result<usize, Fault> {
    let now = world.clock.now();
    let over = world
        .store
        .read("sessions that are over", |tx| Box::pin(async move { Ok(sessions::over(tx, now, now.minus(SESSION_IDLE)).await?) }));
    let over = over.await?;
    for (session, party) in &over {
        let end = world.store.write("a session is over", |tx| {
            Box::pin(async move {
                // It may have been used since it was looked at.
                let still = sessions::over(tx, now, now.minus(SESSION_IDLE)).await?.iter().any(|(id, _)| id == session);
                if still && part(tx, session, "expired", true, now).await? {
                    let event = AuditEvent::new("session.ended", now).party(party.clone()).session(session.clone());
                    witness(tx, &event.fact("why", "expired")).await?;
                }
                Ok(())
            })
        });
        end.await?;
    }
    Ok(over.len())
}

/// Ends the session behind this cookie. `false`: there was none.
pub async fn log_out(tx: &mut Tx<'_>, cookie: Option<&str>, now: Moment) -> Result<bool, Fault> {
    let Some(here) = here(tx, cookie, now).await? else { return Ok(false) };
    leave(tx, &here.session.id, "logged out", now).await?;
    witness(tx, &AuditEvent::new("session.ended", now).party(here.session.subject).session(here.session.id).fact("why", "logged out"))
        .await?;
    Ok(true)
}

/// What came of a logout that a portal started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoggedOut {
    /// The session of the hinted subject is over.
    Done,
    /// Nobody was here.
    Nobody,
    /// Somebody else is here, or the portal gave no hint: they are to be asked.
    Ask,
}

/// A portal's logout (RP-Initiated Logout 1.0 §2): done at once where its hint names who is here, asked for otherwise.
pub async fn log_out_hinted(
    tx: &mut Tx<'_>,
    cookie: Option<&str>,
    hinted: Option<(&Client, &str)>,
    now: Moment,
) -> Result<LoggedOut, Fault> {
    let Some(here) = here(tx, cookie, now).await? else { return Ok(LoggedOut::Nobody) };
    let Some((client, sub)) = hinted else { return Ok(LoggedOut::Ask) };
    if super::grant::sub(tx, client, &here.session.subject, now).await? != sub {
        return Ok(LoggedOut::Ask);
    }
    leave(tx, &here.session.id, "logged out by a portal", now).await?;
    let event = AuditEvent::new("session.ended", now).party(here.session.subject).session(here.session.id);
    witness(tx, &event.client(&client.id, &client.agency).fact("why", "logged out by a portal")).await?;
    Ok(LoggedOut::Done)
}

/// Ends one of the subject's own sessions from the account page. `false`: it is not theirs, or was over.
pub async fn end_session(tx: &mut Tx<'_>, cookie: Option<&str>, session: &SessionId, now: Moment) -> Result<bool, Fault> {
    let here = here(tx, cookie, now).await?.ok_or(Fault::new(code::LOGIN_NEEDED))?;
    let theirs = sessions::find(tx, session).await?.is_some_and(|session| session.party == here.session.subject);
    if !theirs || !leave(tx, session, "ended from the account page", now).await? {
        return Ok(false);
    }
    let event = AuditEvent::new("session.ended", now).party(here.session.subject).session(session.clone());
    witness(tx, &event.fact("why", "ended from the account page").fact("by_session", &here.session.id)).await?;
    Ok(true)
}

/// Ends all the subject's sessions but this one, on all devices; returns how many.
pub async fn end_others(tx: &mut Tx<'_>, cookie: Option<&str>, now: Moment) -> Result<usize, Fault> {
    let here = here(tx, cookie, now).await?.ok_or(Fault::new(code::LOGIN_NEEDED))?;
    let mut ended = 0;
    for other in sessions::open(tx, &here.session.subject).await?.into_iter().filter(|other| *other != here.session.id) {
        ended += usize::from(leave(tx, &other, "ended from the account page", now).await?);
    }
    let event = AuditEvent::new("session.others_ended", now).party(here.session.subject).session(here.session.id);
    witness(tx, &event.fact("sessions", ended)).await?;
    Ok(ended)
}

/// Nobody's session of `agent` acts for `organisation` any more, and what was granted to portals while it did (on `basis` alone, where
/// one is named) ends, told to them. Returns how many grants ended.
pub(in crate::service) async fn stop_acting(
    tx: &mut Tx<'_>,
    agent: &PartyId,
    organisation: &PartyId,
    basis: Option<&ProofId>,
    why: &'static str,
    now: Moment,
) -> Result<usize, Fault> {
    sessions::stop_acting(tx, agent, organisation).await?;
    let mut ended = 0;
    for grant in grants::of_party(tx, agent).await? {
        let fits = |(acted_for, on): (PartyId, ProofId)| acted_for == *organisation && basis.is_none_or(|basis| on == *basis);
        if acting_of(&grant)?.is_some_and(fits) {
            tell::note(tx, &grant, why, now).await?;
            ended += usize::from(grants::revoke(tx, &grant.id, why, now).await?);
        }
    }
    Ok(ended)
}

/// The holder reports the account lost (挂失), from any session of it.
pub async fn report_own_loss(tx: &mut Tx<'_>, cookie: Option<&str>, now: Moment) -> Result<(), Fault> {
    let here = here(tx, cookie, now).await?.ok_or(Fault::new(code::LOGIN_NEEDED))?;
    report_loss(tx, &here.session.subject, None, now).await.map(drop)
}

/// An account is reported lost, by its holder or at a counter: it opens for nobody from this commit on, until a counter lifts
/// the report. Every session and every grant ends; its passkeys are removed, since one may be on the lost device. `false`: it was
/// reported before.
pub async fn report_loss(tx: &mut Tx<'_>, party: &PartyId, at: Option<(&AgencyId, &PartyId)>, now: Moment) -> Result<bool, Fault> {
    let fresh = losses::report(tx, party, at.map(|(_, clerk)| clerk), now).await?;
    let open = sessions::open(tx, party).await?;
    for session in &open {
        leave(tx, session, "reported lost", now).await?;
    }
    // Whatever outlived its session, too.
    for grant in grants::of_party(tx, party).await? {
        tell::note(tx, &grant, "reported lost", now).await?;
        grants::revoke(tx, &grant.id, "reported lost", now).await?;
    }
    // Nobody acts for an organisation while its account is lost.
    let agents: BTreeSet<PartyId> = proofs::of_party(tx, party).await?.into_iter().filter_map(|proof| proof.by).collect();
    for agent in &agents {
        stop_acting(tx, agent, party, None, "reported lost", now).await?;
    }
    let keys = passkeys::of_party(tx, party).await?;
    for key in &keys {
        passkeys::remove(tx, party, &key.hash, now).await?;
    }
    let mut event = AuditEvent::new("account.reported_lost", now).party(party.clone());
    event = event.fact("sessions", open.len()).fact("passkeys", keys.len()).fact("again", !fresh);
    if let Some((agency, clerk)) = at {
        event.agency = Some(agency.clone());
        event = event.fact("clerk", clerk);
    }
    witness(tx, &event).await?;
    Ok(fresh)
}

/// A counter lifts the report: the holder came with the document. `false`: there was none. Nobody lifts their own.
pub async fn lift_loss(tx: &mut Tx<'_>, party: &PartyId, agency: &AgencyId, clerk: &PartyId, now: Moment) -> Result<bool, Fault> {
    if party == clerk {
        return Err(code::NO_ROLE.into());
    }
    if !losses::lift(tx, party, clerk, now).await? {
        return Ok(false);
    }
    let mut event = AuditEvent::new("account.loss_lifted", now).party(party.clone()).fact("clerk", clerk);
    event.agency = Some(agency.clone());
    witness(tx, &event).await?;
    Ok(true)
}
