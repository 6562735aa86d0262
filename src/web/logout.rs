//! Leaving: our own button, and a portal's request (OpenID Connect RP-Initiated Logout 1.0).

use super::oidc::{is_form, mistake, pairs};
use super::page::Page;
use super::{App, text};
use crate::fault::{Fault, code};
use crate::login::Client;
use crate::login::request::Parameters;
use crate::service::log_in::{self, Hint, LoggedOut};
use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, StatusCode};

const BACK: &str = "logout back 1";

/// The routes behind the CSRF layer.
pub fn routes() -> Router<App> {
    Router::new().route("/logout", get(ask).post(leave))
}

#[derive(Template)]
#[template(path = "logout.html")]
struct LogoutPage<'a> {
    page: &'a Page,
    done: bool,
    back: Option<String>,
}

/// Our own question.
async fn ask(page: Page) -> Response {
    page.html(StatusCode::OK, &LogoutPage { page: &page, done: page.session.is_none(), back: None })
}

/// Our own button. `back` is an address of a portal that was checked when the question was shown.
async fn leave(State(app): State<App>, mut page: Page, body: Bytes) -> Result<Response, Fault> {
    let now = app.world.clock.now();
    let cookie = page.session.clone();
    let cookie = cookie.as_ref().map(|cookie| cookie.as_str());
    app.world.store.write("log out", |tx| Box::pin(async move { log_in::log_out(tx, cookie, now).await })).await?;
    page.clear_session();
    let back = pairs(&body).find(|(name, _)| name == "back").and_then(|(_, sealed)| {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        String::from_utf8(app.world.store.sealer().open(BACK, &sealed).ok()?.to_vec()).ok()
    });
    Ok(match back {
        Some(address) => page.see(&address),
        None => page.html(StatusCode::OK, &LogoutPage { page: &page, done: true, back: None }),
    })
}

/// End of session.
#[utoipa::path(get, path = "/end-session", tag = "openid",
    params(("id_token_hint" = Option<String>, Query), ("client_id" = Option<String>, Query), ("post_logout_redirect_uri" = Option<String>, Query), ("state" = Option<String>, Query)),
    responses((status = 200, description = "Asks, or says that it is done"), (status = 303, description = "Back to the registered address"),
        (status = 400, description = "The address is not registered: nothing is sent to it")))]
pub async fn end_session(State(app): State<App>, page: Page, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let query = query.unwrap_or_default();
    let Ok(parameters) = Parameters::parse(pairs(query.as_bytes())) else { return Ok(mistake(&page, None)) };
    let hint = match parameters.value("id_token_hint") {
        Some(token) => log_in::hint(&app.world, &app.provider, token).await?,
        None => None,
    };
    let named = parameters.client_id();
    if let (Some(Hint { client, .. }), Some(named)) = (&hint, &named)
        && client != named
    {
        return Ok(mistake(&page, Some("id_token_hint: client_id".to_owned())));
    }
    let id = hint.as_ref().map(|hint| hint.client.clone()).or(named);
    let client = match &id {
        Some(id) => app.world.store.read("find a portal", |tx| Box::pin(async move { log_in::client(tx, id).await })).await?,
        None => None,
    };
    // RP-Initiated Logout §3: exact match with a registered address of the portal that is named; otherwise nobody is sent anywhere.
    let back = match parameters.value("post_logout_redirect_uri") {
        None => None,
        Some(address) => match &client {
            Some(client) if client.may_return_to(address) => Some(with_state(address, parameters.value("state"))),
            _ => return Ok(mistake(&page, Some("post_logout_redirect_uri".to_owned()))),
        },
    };
    let hinted = client.as_ref().zip(hint.as_ref()).map(|(client, hint)| (client, hint.sub.as_str()));
    conclude(&app, page, hinted, back).await
}

/// Logs out at once where the portal's hint names who is here, or asks; then back to an address that was checked before.
pub(super) async fn conclude(app: &App, mut page: Page, hinted: Option<(&Client, &str)>, back: Option<String>) -> Result<Response, Fault> {
    let now = app.world.clock.now();
    let cookie = page.session.clone();
    let cookie = cookie.as_ref().map(|cookie| cookie.as_str());
    let out = match cookie {
        None => LoggedOut::Nobody,
        Some(_) => {
            app.world.store.write("log out", |tx| Box::pin(async move { log_in::log_out_hinted(tx, cookie, hinted, now).await })).await?
        }
    };
    if out == LoggedOut::Ask {
        if let Some(address) = &back {
            page.leads_to(address);
        }
        let back = back.map(|address| URL_SAFE_NO_PAD.encode(app.world.store.sealer().seal(BACK, address.as_bytes())));
        return Ok(page.html(StatusCode::OK, &LogoutPage { page: &page, done: false, back }));
    }
    page.clear_session();
    Ok(match back {
        Some(address) => page.see(&address),
        None => page.html(StatusCode::OK, &LogoutPage { page: &page, done: true, back: None }),
    })
}

/// The same by POST. The browser is sent on by GET, where its cookies come along.
pub async fn end_session_by_form(page: Page, headers: HeaderMap, body: Bytes) -> Result<Response, Fault> {
    if !is_form(&headers) {
        return Err(code::BAD_REQUEST.into());
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs(&body));
    Ok(page.see(&format!("/end-session?{}", query.finish())))
}

fn with_state(address: &str, state: Option<&str>) -> String {
    let Some(state) = state else { return address.to_owned() };
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
    format!("{address}{}{query}", if address.contains('?') { '&' } else { '?' })
}
