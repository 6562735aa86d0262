//! The JSON ends of the passkey script.

use super::page::{Page, Source};
use super::{App, login_pages};
use crate::fault::{Fault, code};
use crate::ids::ChallengeId;
use crate::service::prove;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

/// The routes. JSON from another site would need a preflight, which nobody answers; the CSRF layer stands before them as well.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/account/passkeys/start", post(start_binding))
        .route("/account/passkeys/finish", post(finish_binding))
        .route("/login/passkey/start", post(start_login))
        .route("/login/passkey/finish", post(finish_login))
}

fn passkeys(app: &App) -> Result<&crate::service::log_in::Passkeys, Fault> {
    app.passkeys.as_ref().ok_or(Fault::new(code::PASSKEY))
}

async fn start_binding(State(app): State<App>, page: Page) -> Result<Response, Fault> {
    let cookie = page.session.as_ref().map(|cookie| cookie.as_str());
    Ok(Json(passkeys(&app)?.start_binding(&app.world, cookie).await?).into_response())
}

#[derive(Deserialize)]
struct Bound {
    ceremony: ChallengeId,
    #[serde(default)]
    label: String,
    credential: serde_json::Value,
}

async fn finish_binding(State(app): State<App>, page: Page, Json(bound): Json<Bound>) -> Result<Response, Fault> {
    let cookie = page.session.as_ref().map(|cookie| cookie.as_str());
    passkeys(&app)?.finish_binding(&app.world, cookie, &bound.ceremony, &bound.label, bound.credential).await?;
    Ok(Json(json!({ "location": "/account" })).into_response())
}

#[derive(Deserialize)]
struct Start {
    ask: Option<String>,
}

async fn start_login(State(app): State<App>, mut page: Page, Json(start): Json<Start>) -> Result<Response, Fault> {
    let visit = login_pages::visit(&app, &mut page, start.ask.as_deref()).await;
    if visit.is_err() {
        return Err(code::LOGIN_STALE.into());
    }
    let browser = page.ensure_browser(&app);
    let ceremony = passkeys(&app)?.start_login(&app.world, &browser)?;
    Ok(page.dress(Json(ceremony).into_response()))
}

#[derive(Deserialize)]
struct Used {
    ceremony: String,
    ask: Option<String>,
    credential: serde_json::Value,
}

async fn finish_login(State(app): State<App>, mut page: Page, source: Source, Json(used): Json<Used>) -> Result<Response, Fault> {
    let Ok(visit) = login_pages::visit(&app, &mut page, used.ask.as_deref()).await else { return Err(code::LOGIN_STALE.into()) };
    let browser = page.ensure_browser(&app);
    let cookie = page.session.clone();
    let cookie = cookie.as_ref().map(|cookie| cookie.as_str());
    let keys = passkeys(&app)?;
    let way = prove::Visit { world: &app.world, provider: &app.provider, ask: &visit.ask, browser: &browser, cookie, source: &source.0 };
    let (entered, settled) = keys.finish_login(way, &used.ceremony, used.credential).await?;
    // The script follows the address itself: a redirect of a fetch would leave the page.
    let mut answer = login_pages::landed(&app, &mut page, &visit, &entered, settled);
    let location = answer.headers_mut().remove(http::header::LOCATION);
    let location = location.as_ref().and_then(|value| value.to_str().ok()).unwrap_or("/account").to_owned();
    Ok(page.dress(Json(json!({ "location": location })).into_response()))
}
