//! The token endpoint, userinfo, and the hint of a logout.

use super::refresh::refresh_until;
use super::{Provider, client, person, witness};
use crate::fault::Fault;
use crate::ids::{ClientId, PartyId, ProofId};
use crate::login::request::{OFFLINE_ACCESS, Parameters};
use crate::login::states::{Granted, Redemption};
use crate::login::{AuditEvent, Client, claims, jose};
use crate::moment::Moment;
use crate::store::grants::{self, Spend, TokenKind};
use crate::store::{StoreError, Tx};
use crate::world::World;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use zeroize::Zeroizing;

/// How long an access token opens userinfo.
pub(super) const ACCESS_LIFE: Duration = Duration::from_secs(10 * 60);
/// How long an ID token may be accepted.
const ID_TOKEN_LIFE: Duration = Duration::from_secs(10 * 60);

/// What an access token's own row says beside its grant.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Access {
    /// The scope, where it is narrower than the grant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<BTreeSet<String>>,
}

impl Access {
    pub fn read(detail: &Value) -> Result<Self, Fault> {
        serde_json::from_value(detail.clone()).map_err(|_| StoreError::Corrupt("tokens.detail").into())
    }

    pub fn write(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// An error of RFC 6749 §5.2; `invalid_client` is status 401.
#[derive(Debug)]
pub enum TokenError {
    /// For the portal.
    Refused {
        /// `error`.
        error: &'static str,
        /// `error_description`.
        description: &'static str,
    },
    /// Ours.
    Fault(Fault),
}

impl From<Fault> for TokenError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<StoreError> for TokenError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

pub(super) const fn refused(error: &'static str, description: &'static str) -> TokenError {
    TokenError::Refused { error, description }
}

/// What the token endpoint answers.
pub struct Tokens {
    /// Opaque.
    pub access_token: Zeroizing<String>,
    /// Seconds.
    pub expires_in: u64,
    /// Signed; none where the scope was narrowed and lacks `openid`.
    pub id_token: Option<String>,
    /// Opaque; only with `offline_access`.
    pub refresh_token: Option<Zeroizing<String>>,
    /// As granted.
    pub scope: String,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

/// Answers the token endpoint for an authenticated portal.
pub async fn redeem(world: &World, provider: &Provider, client: &Client, form: &Parameters) -> Result<Tokens, TokenError> {
    match form.value("grant_type") {
        Some("authorization_code") => redeem_code(world, provider, client, form).await,
        Some("refresh_token") => super::refresh::refresh(world, provider, client, form).await,
        Some(_) => Err(refused("unsupported_grant_type", "grant_type must be authorization_code or refresh_token")),
        None => Err(refused("invalid_request", "grant_type is missing")),
    }
}

/// Redeems a code: once, for the portal, address and verifier it is bound to. A code shown again revokes all that came of it.
async fn redeem_code(world: &World, provider: &Provider, client: &Client, form: &Parameters) -> Result<Tokens, TokenError> {
    let code = form.value("code").ok_or(refused("invalid_request", "code is missing"))?;
    let now = world.clock.now();
    let redemption = Redemption { client: &client.id, redirect_uri: form.value("redirect_uri"), verifier: form.value("code_verifier") };
    let redeemed = world.store.write("redeem a code", |tx| Box::pin(async move { spend(tx, client, code, redemption, now).await })).await?;
    let (granted, access_token, refresh_token, person) = redeemed.map_err(|description| refused("invalid_grant", description))?;
    let claims = id_token(provider, client, &granted, granted.request.nonce.as_deref(), &person, &access_token, now);
    let id_token = Some(provider.sign(world, client.id_token_alg, "JWT", &claims).await?);
    let scope = granted.request.scope.iter().cloned().collect::<Vec<_>>().join(" ");
    Ok(Tokens { access_token, expires_in: ACCESS_LIFE.as_secs(), id_token, refresh_token, scope })
}

type Redeemed = Result<(Granted, Zeroizing<String>, Option<Zeroizing<String>>, claims::Person), &'static str>;

/// One write: what it returns as `Ok(Err(…))` is kept, so that a code stays spent after a wrong verifier.
async fn spend(tx: &mut Tx<'_>, client: &Client, code: &str, redemption: Redemption<'_>, now: Moment) -> Result<Redeemed, Fault> {
    let token = match grants::spend(tx, &client.id, TokenKind::Code, code, now).await? {
        Spend::Fresh(token) => token,
        Spend::Reused(id) => {
            if let Some(grant) = grants::find(tx, &client.agency, &id).await? {
                witness(tx, &read(&grant.body)?.reused(now).fact("grant", &id)).await?;
            }
            return Ok(Err("the code was used before; what it gave is revoked"));
        }
        Spend::Again(..) | Spend::Dead => return Ok(Err("the code has expired or was revoked")),
        Spend::Unknown => return Ok(Err("no such code")),
    };
    let id = token.grant.id;
    match read(&token.grant.body)?.spend(redemption, now) {
        Err(refused) => {
            let (error, event) = *refused;
            grants::revoke(tx, &id, "code refused", now).await?;
            witness(tx, &event.fact("grant", &id)).await?;
            Ok(Err(match error {
                crate::login::states::SpendError::Expired => "the code has expired",
                crate::login::states::SpendError::OtherClient => "the code was given to another client",
                crate::login::states::SpendError::OtherAddress => "redirect_uri is not the one of the authorization request",
                crate::login::states::SpendError::Verifier => "code_verifier does not match the code_challenge",
            }))
        }
        Ok((spent, event)) => {
            let access = grants::issue(tx, &id, TokenKind::Access, &json!({}), now, now.plus(ACCESS_LIFE)).await?;
            witness(tx, &event.fact("grant", &id)).await?;
            let granted = spent.granted;
            let refresh = if granted.request.scope.contains(OFFLINE_ACCESS) && client.policy.may_refresh() {
                let until = refresh_until(token.grant.created_at, now);
                Some(grants::issue(tx, &id, TokenKind::Refresh, &json!({}), now, until).await?)
            } else {
                None
            };
            let person = person_for_token(tx, client, &granted, now).await?;
            Ok(Ok((granted, access, refresh, person)))
        }
    }
}

/// What the ID token says of the person; nothing is read where it says nothing.
pub(super) async fn person_for_token(tx: &mut Tx<'_>, client: &Client, granted: &Granted, now: Moment) -> Result<claims::Person, Fault> {
    let wish = &granted.request.wishes.id_token;
    if wish.claims.is_empty() && wish.verified.is_none() {
        return Ok(claims::Person::default());
    }
    person(tx, client, &granted.facts, now).await
}

pub(super) fn read(body: &[u8]) -> Result<Granted, Fault> {
    serde_json::from_slice(body).map_err(|_| StoreError::Corrupt("grants.body").into())
}

/// The line of the audit log about a grant.
pub(super) fn grant_event(kind: &'static str, grant: &grants::Grant, now: Moment) -> AuditEvent {
    let mut event = AuditEvent::new(kind, now).party(grant.party.clone()).client(&grant.client, &grant.agency).fact("grant", &grant.id);
    event.session.clone_from(&grant.session);
    event
}

/// For whom a grant was made, and on what basis, where the person acted for another.
pub(in crate::service) fn acting_of(grant: &grants::Grant) -> Result<Option<(PartyId, ProofId)>, Fault> {
    let facts = read(&grant.body)?.facts;
    Ok(facts.acting.zip(facts.acting_basis))
}

/// OpenID Connect Core §2 and §3.1.3.6: everything about the authentication comes from this session's acts.
pub(super) fn id_token(
    provider: &Provider,
    client: &Client,
    granted: &Granted,
    nonce: Option<&str>,
    person: &claims::Person,
    access: &str,
    now: Moment,
) -> Map<String, Value> {
    use sha2::{Digest, Sha256};
    let (facts, request) = (&granted.facts, &granted.request);
    let mut out = claims::place(client, &request.scope, &request.wishes.id_token, false, facts.kind, person, &facts.proofs);
    out.insert("iss".into(), json!(provider.issuer()));
    out.insert("sub".into(), json!(granted.sub));
    out.insert("aud".into(), json!(client.id));
    out.insert("iat".into(), json!(now.secs()));
    out.insert("exp".into(), json!(now.plus(ID_TOKEN_LIFE).secs()));
    out.insert("auth_time".into(), json!(facts.auth_time.secs()));
    out.insert("acr".into(), json!(facts.level.acr()));
    out.insert("amr".into(), json!(facts.amr));
    // Both algorithms hash with SHA-256: the left half (§3.1.3.6).
    let digest = Sha256::digest(access.as_bytes());
    out.insert("at_hash".into(), json!(jose::base64url(digest.get(..16).unwrap_or_default())));
    if let Some(sid) = &granted.sid {
        out.insert("sid".into(), json!(sid));
    }
    if let Some(nonce) = nonce {
        out.insert("nonce".into(), json!(nonce));
    }
    out
}

/// Why userinfo is refused (RFC 6750 §3.1).
#[derive(Debug)]
pub enum UserinfoError {
    /// The token is unknown, expired or revoked.
    InvalidToken,
    /// Ours.
    Fault(Fault),
}

impl From<Fault> for UserinfoError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The claims of an access token's owner (OpenID Connect Core §5.3), as the portal is registered for *now*.
pub async fn userinfo(world: &World, token: &str) -> Result<Map<String, Value>, UserinfoError> {
    let now = world.clock.now();
    let found = world.store.read("userinfo", |tx| Box::pin(async move { claims_of(tx, token, now).await })).await?;
    found.ok_or(UserinfoError::InvalidToken)
}

async fn claims_of(tx: &mut Tx<'_>, token: &str, now: Moment) -> Result<Option<Map<String, Value>>, Fault> {
    let Some(token) = grants::by_token(tx, TokenKind::Access, token, now).await? else { return Ok(None) };
    let Some(client) = client(tx, &token.grant.client).await? else { return Ok(None) };
    let granted = read(&token.grant.body)?;
    let access = Access::read(&token.detail)?;
    let scope = access.scope.as_ref().unwrap_or(&granted.request.scope);
    if !scope.contains("openid") {
        return Ok(None);
    }
    let facts = &granted.facts;
    let person = person(tx, &client, facts, now).await?;
    let wish = &granted.request.wishes.userinfo;
    let mut out = claims::place(&client, scope, wish, true, facts.kind, &person, &facts.proofs);
    out.insert("sub".into(), json!(granted.sub));
    Ok(Some(out))
}

/// An `id_token_hint` that this provider signed (RP-Initiated Logout §2): whose, at which portal. Its age does not matter.
#[derive(Debug)]
pub struct Hint {
    /// The portal.
    pub client: ClientId,
    /// `sub` there.
    pub sub: String,
}

/// Reads a hint; `None`: not ours.
pub async fn hint(world: &World, provider: &Provider, token: &str) -> Result<Option<Hint>, Fault> {
    let keys = provider.keys(world).await?;
    let Ok(claims) = jose::verify(token, &keys.published) else { return Ok(None) };
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(provider.issuer()) {
        return Ok(None);
    }
    Ok(text("aud").and_then(|aud| aud.parse().ok()).zip(text("sub")).map(|(client, sub)| Hint { client, sub: sub.to_owned() }))
}
