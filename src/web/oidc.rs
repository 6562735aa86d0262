//! OpenID endpoints: metadata, keys, authorization, token, userinfo, end of session.

use super::page::Page;
use super::text;
use super::{App, login_pages};
use crate::fault::{Fault, code};
use crate::login::Client;
use crate::login::request::{Parameters, RedirectMismatch};
use crate::service::log_in::{self, TokenError, TokenRequest, UserinfoError};
use askama::Template;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::json;
use std::sync::atomic::Ordering;
use zeroize::Zeroizing;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/.well-known/openid-configuration", get(metadata))
        .route("/.well-known/oauth-authorization-server", get(metadata))
        .route("/jwks", get(jwks))
        .route("/authorize", get(authorize).post(authorize_by_form))
        .route("/token", axum::routing::post(token))
        .route("/userinfo", get(userinfo).post(userinfo))
        .route("/end-session", get(super::logout::end_session).post(super::logout::end_session_by_form))
}

pub(super) fn pairs(text: &[u8]) -> impl Iterator<Item = (String, String)> + '_ {
    url::form_urlencoded::parse(text).into_owned()
}

/// Whether a body says it is a form.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Provider metadata.
#[utoipa::path(get, path = "/.well-known/openid-configuration", tag = "openid", responses((status = 200, description = "OpenID Provider metadata")))]
pub async fn metadata(State(app): State<App>) -> Response {
    cached(app.provider.metadata())
}

/// The provider's public keys.
#[utoipa::path(get, path = "/jwks", tag = "openid", responses((status = 200, description = "JWK set")))]
pub async fn jwks(State(app): State<App>) -> Result<Response, Fault> {
    Ok(cached(app.provider.jwks(&app.world).await?))
}

/// Public, and short-lived in caches so that a rotation is seen (portals must not pin keys).
fn cached(value: serde_json::Value) -> Response {
    let headers = [(header::CACHE_CONTROL, "public, max-age=300"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (headers, Json(value)).into_response()
}

/// A mistake of the portal that must not be sent to any address (RFC 6749 §4.1.2.1, RFC 9700 §4.11).
#[derive(Template)]
#[template(path = "portal_mistake.html")]
struct MistakePage<'a> {
    page: &'a Page,
    mismatch: Option<MismatchView<'a>>,
    detail: Option<String>,
}

struct MismatchView<'a> {
    client: &'a str,
    sent: Option<&'a str>,
    registered: &'a [String],
    difference: Option<(String, String, String)>,
}

pub(super) fn mistake(page: &Page, detail: Option<String>) -> Response {
    page.html(StatusCode::BAD_REQUEST, &MistakePage { page, mismatch: None, detail })
}

/// Users see a kind page; developers (the demo, or a portal registered as one in the making) see both addresses.
fn mismatch(app: &App, page: &Page, client: &Client, mismatch: &RedirectMismatch) -> Response {
    if !(app.world.config.demo || client.developer) {
        return mistake(page, None);
    }
    let view = MismatchView {
        client: client.id.as_str(),
        sent: mismatch.sent.as_deref(),
        registered: &mismatch.registered,
        difference: mismatch.difference(),
    };
    page.html(StatusCode::BAD_REQUEST, &MistakePage { page, mismatch: Some(view), detail: None })
}

/// The authorization endpoint.
#[utoipa::path(get, path = "/authorize", tag = "openid",
    params(("client_id" = String, Query), ("redirect_uri" = String, Query), ("response_type" = String, Query, description = "code"),
        ("scope" = String, Query), ("code_challenge" = String, Query), ("code_challenge_method" = String, Query, description = "S256"),
        ("state" = Option<String>, Query), ("nonce" = Option<String>, Query), ("prompt" = Option<String>, Query),
        ("max_age" = Option<u64>, Query), ("acr_values" = Option<String>, Query), ("claims" = Option<String>, Query), ("ui_locales" = Option<String>, Query)),
    responses((status = 303, description = "To the login page, or back to the portal with code or error, state and iss"),
        (status = 400, description = "The portal or its address is not registered: nothing is sent to it")))]
pub async fn authorize(State(app): State<App>, page: Page, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let query = query.unwrap_or_default();
    let Ok(parameters) = Parameters::parse(pairs(query.as_bytes())) else { return Ok(mistake(&page, None)) };
    let client = match parameters.client_id() {
        Some(id) => {
            let id = &id;
            app.world.store.read("find a portal", |tx| Box::pin(async move { log_in::client(tx, id).await })).await?
        }
        None => None,
    };
    let Some(client) = client else { return Ok(mistake(&page, Some(page.t(text::PORTAL_UNKNOWN).to_owned()))) };
    let redirect_uri = match parameters.addressee(&client) {
        Ok(address) => address,
        Err(wrong) => return Ok(mismatch(&app, &page, &client, &wrong)),
    };
    let issuer = app.provider.issuer();
    let request = match parameters.request(&client, redirect_uri.clone()) {
        Ok(request) => request,
        Err(refusal) => {
            let parameters_out = [("error", refusal.error), ("error_description", refusal.description.as_str())];
            return Ok(page.see(&crate::login::request::answer(&redirect_uri, issuer, parameters.value("state"), &parameters_out)));
        }
    };
    login_pages::begin(&app, page, &client, request).await
}

/// The same by POST (OpenID Connect Core §3.1.2.1). The browser is sent on by GET: a POST from another site carries no cookies.
pub async fn authorize_by_form(page: Page, headers: HeaderMap, body: Bytes) -> Response {
    if !is_form(&headers) {
        return Fault::new(code::BAD_REQUEST).into_response();
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs(&body));
    page.see(&format!("/authorize?{}", query.finish()))
}

/// HTTP Basic as RFC 6749 §2.3.1 has it: both halves form-encoded first.
fn basic(headers: &HeaderMap) -> Option<Result<(String, Zeroizing<String>), ()>> {
    let value = headers.get(header::AUTHORIZATION)?;
    let read = || {
        let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let plain = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
        let (id, secret) = std::str::from_utf8(&plain).ok()?.split_once(':')?;
        Some((form_decoded(id)?, Zeroizing::new(form_decoded(secret)?)))
    };
    Some(read().ok_or(()))
}

fn form_decoded(text: &str) -> Option<String> {
    let pair = format!("x={}", text.replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned())
}

/// The form of the token endpoint (RFC 6749 §4.1.3 and §6, RFC 7636 §4.5), as documented; it is read as [`Parameters`].
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "describes the form in /openapi.json")]
pub struct TokenForm {
    grant_type: String,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    refresh_token: Option<String>,
    scope: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// The token endpoint.
#[utoipa::path(post, path = "/token", tag = "openid",
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "access_token, id_token, refresh_token"), (status = 400, description = "RFC 6749 §5.2"), (status = 401, description = "invalid_client")))]
pub async fn token(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Response {
    match redeem(&app, &headers, &body).await {
        Ok(tokens) => {
            app.counters.redeemed.fetch_add(1, Ordering::Relaxed);
            let mut body = json!({
                "access_token": tokens.access_token.as_str(), "token_type": "Bearer", "expires_in": tokens.expires_in, "scope": tokens.scope,
            });
            if let Some(id_token) = tokens.id_token {
                body["id_token"] = id_token.into();
            }
            if let Some(refresh_token) = tokens.refresh_token {
                body["refresh_token"] = refresh_token.as_str().into();
            }
            ([(header::PRAGMA, "no-cache")], Json(body)).into_response()
        }
        Err(TokenError::Refused { error, description }) => {
            let body = Json(json!({ "error": error, "error_description": description }));
            if error == "invalid_client" {
                let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"token\", charset=\"UTF-8\"")];
                return (StatusCode::UNAUTHORIZED, challenge, body).into_response();
            }
            (StatusCode::BAD_REQUEST, body).into_response()
        }
        Err(TokenError::Fault(fault)) => fault.into_response(),
    }
}

async fn redeem(app: &App, headers: &HeaderMap, body: &[u8]) -> Result<log_in::Tokens, TokenError> {
    let malformed = |description| TokenError::Refused { error: "invalid_request", description };
    if !is_form(headers) {
        return Err(malformed("the body must be application/x-www-form-urlencoded"));
    }
    let form = Parameters::parse(pairs(body)).map_err(|_| malformed("a parameter is repeated or too long"))?;
    let request = TokenRequest { form: &form, basic: basic(headers) };
    let client = log_in::authenticate(&app.world, &request).await?;
    log_in::redeem(&app.world, &app.provider, &client, &form).await
}

/// Userinfo. The token is taken from the Authorization header alone (RFC 9700 §4.3.2).
#[utoipa::path(get, path = "/userinfo", tag = "openid", responses((status = 200, description = "Claims as registered"), (status = 401, description = "RFC 6750 §3")))]
pub async fn userinfo(State(app): State<App>, headers: HeaderMap) -> Response {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| value.split_once(' '));
    let Some((_, token)) = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))]).into_response();
    };
    match log_in::userinfo(&app.world, token.trim()).await {
        Ok(claims) => Json(claims).into_response(),
        Err(UserinfoError::InvalidToken) => {
            let challenge =
                HeaderValue::from_static("Bearer error=\"invalid_token\", error_description=\"the token is unknown, expired or revoked\"");
            let body = Json(json!({ "error": "invalid_token", "error_description": "the token is unknown, expired or revoked" }));
            (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)], body).into_response()
        }
        Err(UserinfoError::Fault(fault)) => fault.into_response(),
    }
}
