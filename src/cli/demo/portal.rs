//! The sample portal: a small relying party such as a department would write. It speaks to the service over HTTP only.

use super::client::{Answer, LoggedIn, OpenIdClient, Pending, Refused};
use crate::login::jose;
use crate::world::{Dice, random};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::Deserialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Browsers remembered at once; the oldest is forgotten first. A sample portal keeps its sessions in memory.
const BROWSERS: usize = 1000;

/// What the portal knows of one browser.
#[derive(Default, Clone)]
struct Browser {
    pending: Option<Pending>,
    session: Option<LoggedIn>,
}

/// The portal's state.
pub(super) struct Portal {
    client: OpenIdClient,
    dice: Arc<dyn Dice>,
    service: String,
    browsers: Mutex<VecDeque<(String, Browser)>>,
}

impl Portal {
    pub(super) fn new(client: OpenIdClient, dice: Arc<dyn Dice>, service: String) -> Self {
        Self { client, dice, service, browsers: Mutex::default() }
    }

    fn browser(&self, cookie: Option<&str>) -> Browser {
        let browsers = self.browsers.lock().unwrap_or_else(PoisonError::into_inner);
        cookie.and_then(|cookie| browsers.iter().find(|(id, _)| id == cookie)).map(|(_, browser)| browser.clone()).unwrap_or_default()
    }

    /// Stores what is known of a browser under a new identifier (so that one planted before a login is worth nothing after it).
    fn remember(&self, old: Option<&str>, browser: Browser) -> String {
        let id = jose::base64url(&random::<24>(&*self.dice));
        let mut browsers = self.browsers.lock().unwrap_or_else(PoisonError::into_inner);
        browsers.retain(|(known, _)| Some(known.as_str()) != old);
        browsers.push_back((id.clone(), browser));
        if browsers.len() > BROWSERS {
            browsers.pop_front();
        }
        id
    }
}

/// The pages of the portal.
pub(super) fn router(portal: Arc<Portal>) -> Router {
    Router::new()
        .route("/", get(start))
        .route("/login", post(log_in))
        .route("/callback", get(callback))
        .route("/logout", post(log_out))
        .with_state(portal)
}

#[derive(Template)]
#[template(path = "portal.html")]
struct Page<'a> {
    service: &'a str,
    trouble: Option<String>,
    session: Option<Shown>,
}

struct Shown {
    name: String,
    level: String,
    claims: String,
    userinfo: String,
}

fn pretty(claims: &serde_json::Map<String, serde_json::Value>) -> String {
    serde_json::to_string_pretty(claims).unwrap_or_default()
}

fn page(portal: &Portal, session: Option<&LoggedIn>, trouble: Option<String>, status: StatusCode) -> Response {
    let session = session.map(|session| {
        let text = |map: &serde_json::Map<String, serde_json::Value>, name: &str| map.get(name).and_then(|v| v.as_str()).map(str::to_owned);
        let organisation = session.userinfo.get("organisation").and_then(|o| o.get("name")).and_then(|n| n.as_str());
        let name = text(&session.userinfo, "name").or_else(|| organisation.map(str::to_owned)).or_else(|| text(&session.claims, "sub"));
        Shown {
            name: name.unwrap_or_default(),
            level: text(&session.claims, "acr").unwrap_or_default(),
            claims: pretty(&session.claims),
            userinfo: pretty(&session.userinfo),
        }
    });
    match (Page { service: &portal.service, trouble, session }).render() {
        Ok(html) => (status, [(header::CACHE_CONTROL, "no-store")], Html(html)).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The portal's cookie. It has a name of its own: cookies of one host are shared between ports.
const COOKIE: &str = "sample_portal";

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

fn with_cookie(id: &str, response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("{COOKIE}={id}; HttpOnly; SameSite=Lax; Path=/")) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}

fn trouble(refused: &Refused) -> String {
    match refused {
        Refused::Answer { error, .. } if error == "access_denied" => {
            "登录已取消，您可以重新登录。 The login was cancelled; you can log in again.".into()
        }
        other => format!("登录没有完成，请重试。 The login was not completed, please try again. ({other})"),
    }
}

async fn start(State(portal): State<Arc<Portal>>, headers: HeaderMap) -> Response {
    let browser = portal.browser(cookie(&headers));
    page(&portal, browser.session.as_ref(), None, StatusCode::OK)
}

#[derive(Deserialize)]
struct Wish {
    acr: Option<String>,
}

async fn log_in(State(portal): State<Arc<Portal>>, headers: HeaderMap, Form(wish): Form<Wish>) -> Response {
    let acr = wish.acr.as_deref().filter(|acr| !acr.is_empty());
    match portal.client.begin(acr, "openid profile organisation").await {
        Ok((address, pending)) => {
            let id = portal.remember(cookie(&headers), Browser { pending: Some(pending), session: None });
            with_cookie(&id, Redirect::to(address.as_str()))
        }
        Err(refused) => page(&portal, None, Some(trouble(&refused)), StatusCode::BAD_GATEWAY),
    }
}

async fn callback(State(portal): State<Arc<Portal>>, headers: HeaderMap, Query(answer): Query<Answer>) -> Response {
    let old = cookie(&headers);
    let Some(pending) = portal.browser(old).pending else {
        let text = "没有正在进行的登录，请从本页重新开始。 There is no login under way in this browser; please start again here.";
        return page(&portal, None, Some(text.into()), StatusCode::BAD_REQUEST);
    };
    match portal.client.finish(&pending, answer).await {
        Ok(session) => {
            let id = portal.remember(old, Browser { pending: None, session: Some(session) });
            with_cookie(&id, Redirect::to("/"))
        }
        Err(refused) => {
            tracing::warn!(%refused, "the sample portal refused an answer");
            let cancelled = matches!(&refused, Refused::Answer { .. });
            page(&portal, None, Some(trouble(&refused)), if cancelled { StatusCode::OK } else { StatusCode::BAD_REQUEST })
        }
    }
}

async fn log_out(State(portal): State<Arc<Portal>>, headers: HeaderMap) -> Response {
    let old = cookie(&headers);
    let browser = portal.browser(old);
    let id = portal.remember(old, Browser::default());
    let Some(session) = browser.session else { return with_cookie(&id, Redirect::to("/")) };
    match portal.client.logout(&session).await {
        Ok(address) => with_cookie(&id, Redirect::to(address.as_str())),
        Err(refused) => with_cookie(&id, page(&portal, None, Some(trouble(&refused)), StatusCode::BAD_GATEWAY)),
    }
}
