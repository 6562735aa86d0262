//! The account page: who I am (masked), proofs, sessions, passkeys, consents.

use super::page::Page;
use super::{App, login_pages, text};
use crate::fault::{Fault, code};
use crate::ids::{ConsentId, SessionId};
use crate::login::{Level, SubjectKind};
use crate::moment::Moment;
use crate::service::log_in::{self, Account, Passkeys, Told};
use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/account", get(show))
        .route("/account/sessions/end", post(end_session))
        .route("/account/sessions/end-others", post(end_others))
        .route("/account/loss", post(report_loss))
        .route("/account/consents/withdraw", post(withdraw))
        .route("/account/passkeys/remove", post(remove_passkey))
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    page: &'a Page,
    facts: Vec<(&'static str, String)>,
    organisation: bool,
    level: &'static str,
    badge: &'static str,
    raise: bool,
    proofs: Vec<ProofLine>,
    passkeys: Vec<PasskeyLine>,
    may_change: bool,
    sessions: Vec<SessionLine>,
    consents: Vec<ConsentView>,
    told: Vec<ToldView>,
}

struct ToldView {
    portal: String,
    at: String,
    state: String,
}

struct ProofLine {
    method: &'static str,
    level: &'static str,
    at: String,
    verifier: String,
}

struct PasskeyLine {
    id: String,
    label: String,
    added: String,
    used: String,
}

struct SessionLine {
    id: String,
    began: String,
    seen: String,
    methods: String,
    device: String,
    this: bool,
}

struct ConsentView {
    id: String,
    portal: String,
    items: String,
    at: String,
}

/// Proofs shown; the audit log has them all.
const PROOFS: usize = 20;

/// `2026-11-23 16:00`, Beijing time.
fn time(at: Moment) -> String {
    at.beijing().get(..16).unwrap_or_default().replace('T', " ")
}

async fn show(State(app): State<App>, mut page: Page) -> Result<Response, Fault> {
    let now = app.world.clock.now();
    let cookie = page.session.clone();
    let cookie = cookie.as_ref().map(|cookie| cookie.as_str());
    let account = app.world.store.read("account page", |tx| Box::pin(async move { log_in::account(tx, cookie, now).await })).await?;
    match account {
        Some(account) => {
            log_in::touch(&app.world, &account.here).await?;
            Ok(page.html(StatusCode::OK, &view(&page, account, now)))
        }
        None => {
            if page.session.is_some() {
                page.clear_session();
            }
            Ok(page.see("/login"))
        }
    }
}

fn view<'a>(page: &'a Page, account: Account, now: Moment) -> AccountPage<'a> {
    let here = &account.here;
    let organisation = here.kind == SubjectKind::Organisation;
    let (name, number) = if organisation { (text::ORGANISATION_NAME, text::USCC) } else { (text::NAME, text::NUMBER) };
    let mut facts = Vec::new();
    for (label, value) in [(name, &account.known.name), (number, &account.known.number)] {
        if let Some(value) = value {
            facts.push((page.t(label), value.clone()));
        }
    }
    if let Some(acting) = &account.acting {
        let shown = [&acting.name, &acting.number].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        facts.push((page.t(text::ACTING_FOR), shown));
    }
    let level = here.level(now).unwrap_or(Level::SelfAsserted);
    let proofs = here.proofs.iter().take(PROOFS).map(|proof| ProofLine {
        method: page.t(text::method(proof.method).0),
        level: proof.identity_level(now).map_or("—", |level| page.t(text::level(level))),
        at: time(proof.at),
        verifier: proof.verifier.clone(),
    });
    let passkeys = account.passkeys.into_iter().map(|(id, label, added, used)| PasskeyLine {
        id,
        label,
        added: time(added),
        used: used.map_or_else(|| "—".into(), time),
    });
    let sessions = account.sessions.into_iter().map(|session| SessionLine {
        this: session.id == here.session.id,
        id: session.id.to_string(),
        began: time(session.began),
        seen: time(session.seen),
        device: if session.device.is_empty() { page.t(text::SESSION_DEVICE_UNKNOWN).to_owned() } else { session.device },
        methods: session.methods.into_iter().map(|method| page.t(text::method(method).0)).collect::<Vec<_>>().join("，"),
    });
    let item = |name: &String| match name.as_str() {
        "name" => page.t(text::CONSENT_NAME),
        "citizen_number" => page.t(text::CONSENT_NUMBER),
        crate::login::request::OFFLINE_ACCESS => page.t(text::CONSENT_OFFLINE),
        _ => page.t(text::CONSENT_ORGANISATION),
    };
    let consents = account.consents.iter().map(|consent| ConsentView {
        id: consent.id.to_string(),
        portal: if page.chinese() { consent.portal.0.clone() } else { consent.portal.1.clone() },
        items: consent.released.iter().map(item).collect::<Vec<_>>().join("，"),
        at: time(consent.at),
    });
    let told = account.told.iter().map(|told| ToldView {
        portal: if page.chinese() { told.portal.0.clone() } else { told.portal.1.clone() },
        at: time(told.at),
        state: match told.state {
            Told::Yes(at) => format!("{} {}", page.t(text::TOLD_YES), time(at)),
            Told::Trying => page.t(text::TOLD_TRYING).to_owned(),
            Told::No => page.t(text::TOLD_NO).to_owned(),
            Told::Unable => page.t(text::TOLD_UNABLE).to_owned(),
        },
    });
    let told = told.collect();
    AccountPage {
        told,
        page,
        facts,
        organisation,
        level: page.t(text::level(level)),
        badge: login_pages::badge(level),
        raise: level < Level::RealCredential,
        proofs: proofs.collect(),
        passkeys: passkeys.collect(),
        may_change: Passkeys::may_change(here, now),
        sessions: sessions.collect(),
        consents: consents.collect(),
    }
}

fn field<T: std::str::FromStr>(body: &[u8], name: &str) -> Result<T, Fault> {
    let value = url::form_urlencoded::parse(body).find(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    value.and_then(|value| value.parse().ok()).ok_or(Fault::new(code::BAD_REQUEST))
}

async fn end_session(State(app): State<App>, page: Page, body: Bytes) -> Result<Response, Fault> {
    let session: SessionId = field(&body, "session")?;
    let now = app.world.clock.now();
    let (cookie, session) = (page.session.as_ref().map(|cookie| cookie.as_str()), &session);
    let ended = app.world.store.write("end a session", |tx| Box::pin(async move { log_in::end_session(tx, cookie, session, now).await }));
    if ended.await? { Ok(page.see("/account#sessions")) } else { Err(code::NOT_FOUND.into()) }
}

async fn end_others(State(app): State<App>, page: Page) -> Result<Response, Fault> {
    let now = app.world.clock.now();
    let cookie = page.session.as_ref().map(|cookie| cookie.as_str());
    app.world.store.write("end other sessions", |tx| Box::pin(async move { log_in::end_others(tx, cookie, now).await })).await?;
    Ok(page.see("/account#sessions"))
}

#[derive(Template)]
#[template(path = "loss.html")]
struct LossPage<'a> {
    page: &'a Page,
}

async fn report_loss(State(app): State<App>, mut page: Page, body: Bytes) -> Result<Response, Fault> {
    if field::<String>(&body, "confirm")? != "yes" {
        return Err(code::BAD_REQUEST.into());
    }
    let now = app.world.clock.now();
    let cookie = page.session.clone();
    let cookie = cookie.as_ref().map(|cookie| cookie.as_str());
    app.world.store.write("report a loss", |tx| Box::pin(async move { log_in::report_own_loss(tx, cookie, now).await })).await?;
    page.clear_session();
    Ok(page.html(StatusCode::OK, &LossPage { page: &page }))
}

async fn withdraw(State(app): State<App>, page: Page, body: Bytes) -> Result<Response, Fault> {
    let consent: ConsentId = field(&body, "consent")?;
    let now = app.world.clock.now();
    let (cookie, consent) = (page.session.as_ref().map(|cookie| cookie.as_str()), &consent);
    let done = app.world.store.write("withdraw a consent", |tx| Box::pin(async move { log_in::withdraw(tx, cookie, consent, now).await }));
    if done.await? { Ok(page.see("/account#consents")) } else { Err(code::NOT_FOUND.into()) }
}

async fn remove_passkey(State(app): State<App>, page: Page, body: Bytes) -> Result<Response, Fault> {
    let row: String = field(&body, "passkey")?;
    let cookie = page.session.as_ref().map(|cookie| cookie.as_str());
    if Passkeys::remove(&app.world, cookie, &row).await? { Ok(page.see("/account#passkeys")) } else { Err(code::NOT_FOUND.into()) }
}
