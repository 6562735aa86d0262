//! Refresh tokens (RFC 6749 §6, RFC 9700 §4.14): rotated at each use, looked at anew at each use, and ended as a family.
//!
//! A portal that lost an answer may ask again within [`GRACE`] and gets the same tokens: one rotation, however many ask at once.
//! After that, or once the successor was used, a spent token is a stolen one and the family ends. A family is bound to its login:
//! logging out, a withdrawn consent, a closed account end it, and so does [`FAMILY_LIFE`].

use super::here::as_proof;
use super::token::{ACCESS_LIFE, Access, TokenError, Tokens, grant_event, id_token, person_for_token, read, refused};
use super::{Provider, witness};
use crate::fault::Fault;
use crate::login::request::{OFFLINE_ACCESS, Parameters};
use crate::login::session::identity_level;
use crate::login::states::{Facts, Granted};
use crate::login::{Client, claims};
use crate::moment::Moment;
use crate::store::grants::{self, Spend, Successor, TokenKind};
use crate::store::{Tx, consents, parties, proofs};
use crate::world::World;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long the same answer is given again to who lost it.
pub const GRACE: Duration = Duration::from_secs(10);
/// How long a refresh token may lie unused.
const REFRESH_LIFE: Duration = Duration::from_secs(14 * 24 * 3600);
/// How long a family may live, however often it is refreshed.
pub const FAMILY_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);

/// When a refresh token issued now lapses.
pub(super) fn refresh_until(family: Moment, now: Moment) -> Moment {
    now.plus(REFRESH_LIFE).min(family.plus(FAMILY_LIFE))
}

/// What one refresh gave.
struct Refreshed {
    granted: Granted,
    successor: Successor,
    person: claims::Person,
}

/// Redeems a refresh token.
pub(super) async fn refresh(world: &World, provider: &Provider, client: &Client, form: &Parameters) -> Result<Tokens, TokenError> {
    let token = form.value("refresh_token").ok_or(refused("invalid_request", "refresh_token is missing"))?;
    if !client.policy.may_refresh() {
        return Err(refused("unauthorized_client", "the client is not registered for refresh tokens"));
    }
    let scope: Option<BTreeSet<String>> =
        form.value("scope").map(|text| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect());
    let scope = scope.as_ref();
    let now = world.clock.now();
    let done = world.store.write("refresh tokens", |tx| Box::pin(async move { rotate(tx, client, token, scope, now).await })).await?;
    let Refreshed { granted, successor, person } = done.map_err(|(error, description)| refused(error, description))?;
    let openid = successor.scope.split(' ').any(|word| word == "openid");
    let id_token = if openid {
        // No nonce: it belongs to the authorization request (OpenID Connect Core §12.2).
        let claims = id_token(provider, client, &granted, None, &person, &successor.access, now);
        Some(provider.sign(world, client.id_token_alg, "JWT", &claims).await?)
    } else {
        None
    };
    Ok(Tokens {
        access_token: Zeroizing::new(successor.access.clone()),
        expires_in: successor.access_expires_at.since(now).as_secs(),
        id_token,
        refresh_token: Some(Zeroizing::new(successor.refresh.clone())),
        scope: successor.scope.clone(),
    })
}

type Rotated = Result<Refreshed, (&'static str, &'static str)>;

/// One write: what it returns as `Ok(Err(…))` is kept, so that a family stays ended.
async fn rotate(tx: &mut Tx<'_>, client: &Client, token: &str, scope: Option<&BTreeSet<String>>, now: Moment) -> Result<Rotated, Fault> {
    let gone = Ok(Err(("invalid_grant", "the refresh token is unknown, expired, used before or revoked")));
    if let Some(scope) = scope
        && let Some(found) = grants::by_token(tx, TokenKind::Refresh, token, now).await?.filter(|found| found.grant.client == client.id)
        && !scope.is_subset(&read(&found.grant.body)?.request.scope)
    {
        return Ok(Err(("invalid_scope", "scope is wider than what was granted")));
    }
    let (found, former) = match grants::spend_within(tx, &client.id, TokenKind::Refresh, token, GRACE, now).await? {
        Spend::Fresh(found) => (found, None),
        Spend::Again(found, successor) => (found, Some(successor)),
        Spend::Reused(id) => {
            if let Some(grant) = grants::find(tx, &client.agency, &id).await? {
                witness(tx, &grant_event("token.reused", &grant, now)).await?;
            }
            return gone;
        }
        Spend::Dead | Spend::Unknown => return gone,
    };
    let grant = &found.grant;
    let mut granted = read(&grant.body)?;
    if let Some(why) = over(tx, client, &mut granted, now).await? {
        grants::revoke(tx, &grant.id, why, now).await?;
        witness(tx, &grant_event("grant.ended", grant, now).fact("why", why)).await?;
        return gone;
    }
    let person = person_for_token(tx, client, &granted, now).await?;
    if let Some(successor) = former {
        return Ok(Ok(Refreshed { granted, successor, person }));
    }
    let whole = &granted.request.scope;
    let narrowed = scope.filter(|scope| *scope != whole);
    let access = Access { scope: narrowed.cloned() };
    let access_until = now.plus(ACCESS_LIFE);
    let successor = Successor {
        access: grants::issue(tx, &grant.id, TokenKind::Access, &access.write(), now, access_until).await?.to_string(),
        refresh: grants::issue(tx, &grant.id, TokenKind::Refresh, &json!({}), now, refresh_until(grant.created_at, now)).await?.to_string(),
        access_expires_at: access_until,
        scope: narrowed.unwrap_or(whole).iter().cloned().collect::<Vec<_>>().join(" "),
    };
    grants::succeed(tx, token, &found.detail, &successor).await?;
    witness(tx, &grant_event("token.refreshed", grant, now)).await?;
    Ok(Ok(Refreshed { granted, successor, person }))
}

/// Why a grant that was good is good no more; otherwise the level in it is what still stands of it.
async fn over(tx: &mut Tx<'_>, client: &Client, granted: &mut Granted, now: Moment) -> Result<Option<&'static str>, Fault> {
    if now >= granted.at.plus(FAMILY_LIFE) {
        return Ok(Some("family too old"));
    }
    let facts = &mut granted.facts;
    if parties::find(tx, &facts.party).await?.is_none_or(|party| party.erased_at.is_some()) {
        return Ok(Some("account closed"));
    }
    if !client.kinds.contains(&facts.kind) {
        return Ok(Some("portal no longer serves this kind"));
    }
    let standing = proofs::of_party(tx, &facts.party).await?.into_iter().map(as_proof).collect::<Result<Vec<_>, _>>()?;
    // The acts of the login stay what they were, with their time in `auth_time`; the identity behind them may have fallen since.
    let level = facts.level.min(identity_level(&standing, &facts.party, now));
    let exact = !granted.request.acr_choices.is_empty();
    if level < granted.request.level.max(client.minimum) || (exact && level != facts.level) {
        return Ok(Some("level no longer met"));
    }
    facts.level = level;
    facts.proofs = standing.into_iter().filter(|proof| proof.identity_level(now).is_some()).collect();
    if !acts_still(tx, facts, now).await? {
        return Ok(Some("no longer acts for the organisation"));
    }
    let consent = consents::standing(tx, &client.id, &granted.facts.party).await?;
    let agreed: BTreeSet<String> = consent.and_then(|consent| serde_json::from_value(consent.released).ok()).unwrap_or_default();
    Ok((!agreed.contains(OFFLINE_ACCESS)).then_some("consent withdrawn"))
}

async fn acts_still(tx: &mut Tx<'_>, facts: &Facts, now: Moment) -> Result<bool, Fault> {
    let (Some(organisation), Some(basis)) = (&facts.acting, &facts.acting_basis) else { return Ok(true) };
    let found = proofs::find(tx, basis).await?.filter(|proof| proof.party == *organisation);
    Ok(found.map(as_proof).transpose()?.is_some_and(|proof| proof.until.is_none_or(|until| now < until)))
}
