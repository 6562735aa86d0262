//! The sample portal's OpenID client: authorization code with PKCE, as a portal of a real department would write it.
//!
//! It knows the service by its address alone and trusts nothing that it has not checked: OpenID Connect Core §3.1.3.7 for
//! the ID token, RFC 9207 for the issuer in the answer, RFC 7636 for PKCE.

use crate::login::jose::{self, Jwk};
use crate::net::{Budget, Net, NetError, Outbound};
use crate::world::{Clock, Dice, random};
use axum::http::Method;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};
use url::Url;

/// Seconds by which the portal's clock and the service's may differ.
const SKEW: i64 = 60;

/// How the portal is registered.
pub(super) struct Registration {
    /// The service's issuer identifier, without a trailing slash.
    pub issuer: String,
    /// `client_id`.
    pub id: String,
    /// `client_secret`.
    pub secret: String,
    /// Where the service sends the browser back with a code.
    pub redirect: String,
    /// Where the service sends the browser back after logout.
    pub after_logout: String,
}

/// What the discovery document says and this client uses (OpenID Connect Discovery §3).
#[derive(Clone, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: Url,
    token_endpoint: Url,
    userinfo_endpoint: Url,
    jwks_uri: Url,
    end_session_endpoint: Url,
}

/// What the portal remembers between sending the browser away and its return.
#[derive(Clone)]
pub(super) struct Pending {
    state: String,
    nonce: String,
    verifier: String,
    acr: Option<String>,
}

/// Somebody who has logged in.
#[derive(Clone)]
pub(super) struct LoggedIn {
    /// The ID token as it came; a hint at logout.
    pub id_token: String,
    /// Its claims.
    pub claims: Map<String, Value>,
    /// What the userinfo endpoint said.
    pub userinfo: Map<String, Value>,
}

/// Why nobody is logged in.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// The service said no: `error` and `error_description` of its answer.
    #[error("{error}: {description}")]
    Answer {
        /// `access_denied`, …
        error: String,
        /// In words.
        description: String,
    },
    /// The answer belongs to no request of this browser, or comes from elsewhere.
    #[error("the answer does not belong to this browser's request: {0}")]
    Foreign(&'static str),
    /// The service could not be reached or answered nonsense.
    #[error("the service did not answer as it should: {0}")]
    Service(String),
    /// The ID token fails a check.
    #[error("the ID token is refused: {0}")]
    Token(&'static str),
}

impl From<NetError> for Refused {
    fn from(error: NetError) -> Self {
        Self::Service(error.to_string())
    }
}

/// The query of the redirect back.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Answer {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    id_token: String,
    token_type: String,
}

/// The client. One for the portal.
pub(super) struct OpenIdClient {
    registration: Registration,
    net: Net,
    clock: Arc<dyn Clock>,
    dice: Arc<dyn Dice>,
    metadata: Mutex<Option<Metadata>>,
    keys: Mutex<Vec<Jwk>>,
}

impl OpenIdClient {
    pub(super) fn new(registration: Registration, net: Net, clock: Arc<dyn Clock>, dice: Arc<dyn Dice>) -> Self {
        Self { registration, net, clock, dice, metadata: Mutex::default(), keys: Mutex::default() }
    }

    fn fresh(&self) -> String {
        jose::base64url(&random::<32>(&*self.dice))
    }

    async fn json<T: serde::de::DeserializeOwned>(&self, url: &Url) -> Result<T, Refused> {
        let answer = self.net.get(url, "application/json", Budget::default()).await?;
        parse(&answer.body)
    }

    async fn metadata(&self) -> Result<Metadata, Refused> {
        if let Some(known) = lock(&self.metadata).clone() {
            return Ok(known);
        }
        let address = format!("{}/.well-known/openid-configuration", self.registration.issuer);
        let address = Url::parse(&address).map_err(|error| Refused::Service(error.to_string()))?;
        let found: Metadata = self.json(&address).await?;
        // Discovery §4.3: the issuer must be the one that was asked.
        if found.issuer != self.registration.issuer {
            return Err(Refused::Service(format!("it calls itself {}", found.issuer)));
        }
        *lock(&self.metadata) = Some(found.clone());
        Ok(found)
    }

    /// Where to send the browser, and what to remember until it returns. `acr`: the least level wanted.
    pub(super) async fn begin(&self, acr: Option<&str>, scope: &str) -> Result<(Url, Pending), Refused> {
        let pending = Pending { state: self.fresh(), nonce: self.fresh(), verifier: self.fresh(), acr: acr.map(str::to_owned) };
        let mut address = self.metadata().await?.authorization_endpoint;
        address
            .query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.registration.id)
            .append_pair("redirect_uri", &self.registration.redirect)
            .append_pair("scope", scope)
            .append_pair("state", &pending.state)
            .append_pair("nonce", &pending.nonce)
            .append_pair("code_challenge", &jose::sha256_base64url(pending.verifier.as_bytes()))
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(acr.map(|acr| ("acr_values", acr)));
        Ok((address, pending))
    }

    /// The browser is back: checks the answer, redeems the code, checks the ID token, asks for the claims.
    pub(super) async fn finish(&self, pending: &Pending, answer: Answer) -> Result<LoggedIn, Refused> {
        if answer.state.as_deref() != Some(pending.state.as_str()) {
            return Err(Refused::Foreign("state"));
        }
        // RFC 9207 §2.4, before anything else of the answer is believed.
        if answer.iss.as_deref() != Some(self.registration.issuer.as_str()) {
            return Err(Refused::Foreign("iss"));
        }
        if let Some(error) = answer.error {
            return Err(Refused::Answer { error, description: answer.error_description.unwrap_or_default() });
        }
        let code = answer.code.ok_or(Refused::Foreign("code"))?;
        let metadata = self.metadata().await?;
        let tokens = self.redeem(&metadata, &code, &pending.verifier).await?;
        if !tokens.token_type.eq_ignore_ascii_case("Bearer") {
            return Err(Refused::Token("token_type"));
        }
        let claims = self.checked(&metadata, &tokens.id_token, pending).await?;
        let bearer = format!("Bearer {}", tokens.access_token);
        let ask = Outbound {
            method: Method::GET,
            url: &metadata.userinfo_endpoint,
            headers: &[("authorization", &bearer), ("accept", "application/json")],
            body: Vec::new(),
            budget: Budget::default(),
        };
        let userinfo: Map<String, Value> = parse(&self.net.send(ask).await?.body)?;
        // OpenID Connect Core §5.3.2: without this a token of somebody else could be slipped in.
        if userinfo.get("sub") != claims.get("sub") {
            return Err(Refused::Token("sub of the userinfo differs"));
        }
        Ok(LoggedIn { id_token: tokens.id_token, claims, userinfo })
    }

    async fn redeem(&self, metadata: &Metadata, code: &str, verifier: &str) -> Result<Tokens, Refused> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.registration.redirect)
            .append_pair("code_verifier", verifier)
            .finish();
        // RFC 6749 §2.3.1: both parts are form-encoded before they are joined.
        let part = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", part(&self.registration.id), part(&self.registration.secret));
        let basic = format!("Basic {}", STANDARD.encode(pair));
        let headers =
            [("authorization", basic.as_str()), ("content-type", "application/x-www-form-urlencoded"), ("accept", "application/json")];
        let call = Outbound {
            method: Method::POST,
            url: &metadata.token_endpoint,
            headers: &headers,
            body: form.into_bytes(),
            budget: Budget::default(),
        };
        parse(&self.net.send(call).await?.body)
    }

    /// OpenID Connect Core §3.1.3.7. The keys are fetched again once where none fits: the service may have rotated them.
    async fn checked(&self, metadata: &Metadata, id_token: &str, pending: &Pending) -> Result<Map<String, Value>, Refused> {
        let known = lock(&self.keys).clone();
        let claims = match jose::verify(id_token, &known) {
            Ok(claims) => claims,
            Err(_) => {
                #[derive(Deserialize)]
                struct Set {
                    keys: Vec<Value>,
                }
                let set: Set = self.json(&metadata.jwks_uri).await?;
                // Keys of kinds we do not know are passed over (RFC 7517 §5).
                let keys: Vec<Jwk> = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
                *lock(&self.keys) = keys.clone();
                jose::verify(id_token, &keys).map_err(|_| Refused::Token("signature"))?
            }
        };
        check_claims(&claims, &self.registration, pending, self.clock.now().secs())?;
        Ok(claims)
    }

    /// Where to send the browser to end the session at the service too (OpenID Connect RP-Initiated Logout §2).
    pub(super) async fn logout(&self, session: &LoggedIn) -> Result<Url, Refused> {
        let mut address = self.metadata().await?.end_session_endpoint;
        address
            .query_pairs_mut()
            .append_pair("id_token_hint", &session.id_token)
            .append_pair("client_id", &self.registration.id)
            .append_pair("post_logout_redirect_uri", &self.registration.after_logout);
        Ok(address)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn parse<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|_| Refused::Service("its answer is not the JSON expected".into()))
}

fn check_claims(claims: &Map<String, Value>, registration: &Registration, pending: &Pending, now: i64) -> Result<(), Refused> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let time = |name: &str| claims.get(name).and_then(Value::as_i64);
    if text("iss") != Some(registration.issuer.as_str()) {
        return Err(Refused::Token("iss"));
    }
    let ours = match claims.get("aud") {
        Some(Value::String(one)) => *one == registration.id,
        Some(Value::Array(several)) => matches!(&several[..], [Value::String(one)] if *one == registration.id),
        _ => false,
    };
    if !ours || text("azp").is_some_and(|party| party != registration.id) {
        return Err(Refused::Token("aud"));
    }
    if time("exp").is_none_or(|end| end.saturating_add(SKEW) <= now) {
        return Err(Refused::Token("exp"));
    }
    if time("iat").is_none_or(|made| made.saturating_sub(SKEW) > now) {
        return Err(Refused::Token("iat"));
    }
    if text("nonce") != Some(pending.nonce.as_str()) {
        return Err(Refused::Token("nonce"));
    }
    if text("sub").is_none_or(str::is_empty) {
        return Err(Refused::Token("sub"));
    }
    // acr_values is a wish (§3.1.2.1): a portal that needs the level has to look whether it got it.
    let level = |acr: &str| crate::login::Level::from_acr(acr);
    let wanted = pending.acr.as_deref().and_then(level);
    if wanted.is_some() && text("acr").and_then(level) < wanted {
        return Err(Refused::Token("acr is lower than this matter needs"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn registration() -> Registration {
        Registration {
            issuer: "http://localhost:8440".into(),
            id: "portal".into(),
            secret: "secret".into(),
            redirect: "http://localhost:8441/callback".into(),
            after_logout: "http://localhost:8441/".into(),
        }
    }

    fn pending() -> Pending {
        Pending { state: "s".into(), nonce: "n".into(), verifier: "v".into(), acr: Some("urn:xinyin:acr:real-person".into()) }
    }

    fn good() -> Map<String, Value> {
        let claims = json!({
            "iss": "http://localhost:8440", "aud": "portal", "sub": "abc", "nonce": "n", "iat": 1000, "exp": 1300,
            "acr": "urn:xinyin:acr:real-credential",
        });
        claims.as_object().unwrap().clone()
    }

    fn outcome(name: &str, value: Value) -> Option<&'static str> {
        let mut claims = good();
        claims.insert(name.into(), value);
        match check_claims(&claims, &registration(), &pending(), 1010) {
            Ok(()) => None,
            Err(Refused::Token(why)) => Some(why),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_good_token_passes_and_each_wrong_claim_is_refused_by_name() {
        assert_eq!(outcome("sub", json!("abc")), None);
        assert_eq!(outcome("aud", json!(["portal"])), None);
        for (name, value, why) in [
            ("iss", json!("http://localhost:9"), "iss"),
            ("aud", json!("other"), "aud"),
            ("aud", json!(["portal", "other"]), "aud"),
            ("azp", json!("other"), "aud"),
            ("exp", json!(900), "exp"),
            ("iat", json!(2000), "iat"),
            ("nonce", json!("m"), "nonce"),
            ("nonce", Value::Null, "nonce"),
            ("sub", json!(""), "sub"),
            ("acr", json!("urn:xinyin:acr:real-name"), "acr is lower than this matter needs"),
            ("acr", Value::Null, "acr is lower than this matter needs"),
        ] {
            assert_eq!(outcome(name, value), Some(why), "{name}");
        }
    }
}
