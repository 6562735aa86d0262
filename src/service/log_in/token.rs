//! The token endpoint, userinfo, and the hint of a logout.

use super::{Provider, as_client, client, person, witness};
use crate::fault::Fault;
use crate::ids::ClientId;
use crate::login::request::Parameters;
use crate::login::states::{Granted, Redemption};
use crate::login::{Client, ClientAuthentication, claims, jose};
use crate::moment::Moment;
use crate::store::grants::{self, Spend, TokenKind};
use crate::store::{StoreError, Tx, clients};
use crate::world::World;
use serde_json::{Map, Value, json};
use std::time::Duration;
use zeroize::Zeroizing;

/// How long an access token opens userinfo.
const ACCESS_LIFE: Duration = Duration::from_secs(10 * 60);
/// How long an ID token may be accepted.
const ID_TOKEN_LIFE: Duration = Duration::from_secs(10 * 60);

/// What came to the token endpoint.
pub struct TokenRequest<'a> {
    /// The form.
    pub form: &'a Parameters,
    /// Client id and secret of an HTTP Basic header, decoded (RFC 6749 §2.3.1); `Err`: there was one and it is malformed.
    pub basic: Option<Result<(String, Zeroizing<String>), ()>>,
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

const fn refused(error: &'static str, description: &'static str) -> TokenError {
    TokenError::Refused { error, description }
}

/// What the token endpoint answers.
pub struct Tokens {
    /// Opaque.
    pub access_token: Zeroizing<String>,
    /// Seconds.
    pub expires_in: u64,
    /// Signed.
    pub id_token: String,
    /// As granted.
    pub scope: String,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens(…)")
    }
}

/// The portal that the request comes from, by exactly the method it is registered with.
pub async fn authenticate(world: &World, request: &TokenRequest<'_>) -> Result<Client, TokenError> {
    let bad = refused("invalid_client", "client authentication failed");
    let now = world.clock.now();
    let (id, secret, method) = match (&request.basic, request.form.value("client_secret")) {
        (Some(_), Some(_)) => return Err(refused("invalid_request", "more than one client authentication method")),
        (Some(Err(())), None) => return Err(refused("invalid_client", "the Authorization header is malformed")),
        (Some(Ok((id, secret))), None) => {
            if request.form.value("client_id").is_some_and(|other| other != id) {
                return Err(refused("invalid_request", "client_id differs from the Authorization header"));
            }
            (id.as_str(), Some(secret.as_str()), ClientAuthentication::SecretBasic)
        }
        (None, Some(secret)) => (request.form.value("client_id").unwrap_or_default(), Some(secret), ClientAuthentication::SecretPost),
        (None, None) => (request.form.value("client_id").unwrap_or_default(), None, ClientAuthentication::Public),
    };
    let Ok(id) = id.parse::<ClientId>() else { return Err(bad) };
    let id = &id;
    let find = world.store.read("authenticate a portal", |tx| {
        Box::pin(async move {
            match secret {
                Some(secret) => clients::authenticate(tx, id, secret, now).await?.map(as_client).transpose(),
                None => client(tx, id).await,
            }
        })
    });
    let found = find.await?;
    let client = found.ok_or(bad)?;
    if client.authentication != method {
        return Err(refused("invalid_client", "the client is registered with another token_endpoint_auth_method"));
    }
    Ok(client)
}

/// Redeems a code: once, for the portal, address and verifier it is bound to. A code shown again revokes all that came of it.
pub async fn redeem(world: &World, provider: &Provider, client: &Client, form: &Parameters) -> Result<Tokens, TokenError> {
    match form.value("grant_type") {
        Some("authorization_code") => {}
        Some(_) => return Err(refused("unsupported_grant_type", "only grant_type=authorization_code")),
        None => return Err(refused("invalid_request", "grant_type is missing")),
    }
    let code = form.value("code").ok_or(refused("invalid_request", "code is missing"))?;
    let now = world.clock.now();
    let redemption = Redemption { client: &client.id, redirect_uri: form.value("redirect_uri"), verifier: form.value("code_verifier") };
    let redeemed = world.store.write("redeem a code", |tx| Box::pin(async move { spend(tx, client, code, redemption, now).await })).await?;
    let (granted, access_token, person) = redeemed.map_err(|description| refused("invalid_grant", description))?;
    let claims = id_token(provider, client, &granted, &person, &access_token, now);
    let id_token = provider.sign(world, client.id_token_alg, "JWT", &claims).await?;
    let scope = granted.request.scope.iter().cloned().collect::<Vec<_>>().join(" ");
    Ok(Tokens { access_token, expires_in: ACCESS_LIFE.as_secs(), id_token, scope })
}

type Redeemed = Result<(Granted, Zeroizing<String>, claims::Person), &'static str>;

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
        Spend::Dead => return Ok(Err("the code has expired or was revoked")),
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
            let wish = &granted.request.wishes.id_token;
            let person = if wish.claims.is_empty() && wish.verified.is_none() {
                claims::Person::default()
            } else {
                person(tx, client, &granted.facts).await?
            };
            Ok(Ok((granted, access, person)))
        }
    }
}

fn read(body: &[u8]) -> Result<Granted, Fault> {
    serde_json::from_slice(body).map_err(|_| StoreError::Corrupt("grants.body").into())
}

/// OpenID Connect Core §2 and §3.1.3.6: everything about the authentication comes from this session's acts.
fn id_token(
    provider: &Provider,
    client: &Client,
    granted: &Granted,
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
    if let Some(nonce) = &request.nonce {
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
    let facts = &granted.facts;
    let person = person(tx, &client, facts).await?;
    let (scope, wish) = (&granted.request.scope, &granted.request.wishes.userinfo);
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
