//! The page of mandates: getting one, acting on it, ending it. Plain forms.

use super::page::Page;
use super::{App, text, upload};
use crate::fault::{Fault, code};
use crate::ids::ProofId;
use crate::login::{Level, SubjectKind};
use crate::moment::Moment;
use crate::service::mandates::{self, LARGEST, MandateLine, Wish};
use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Multipart, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{StatusCode, header};

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/account/mandates", get(show).post(hand_in))
        .route("/account/mandates/text", post(draft))
        .route("/account/mandates/act", post(act))
        .route("/account/mandates/end", post(end))
}

#[derive(Template)]
#[template(path = "mandates.html")]
struct MandatesPage<'a> {
    page: &'a Page,
    lines: Vec<Line>,
    /// Whether a person is here, who can be an agent.
    person: bool,
    /// What became of what was handed in: the sentence, what to do, its code.
    said: Option<(bool, String, &'static str, &'static str)>,
}

struct Line {
    id: String,
    grantor: String,
    agent: String,
    items: Vec<String>,
    until: String,
    own: bool,
    acting: bool,
}

fn line(line: MandateLine) -> Line {
    let named = |known: crate::service::log_in::Known| [known.name, known.number].into_iter().flatten().collect::<Vec<_>>().join(" ");
    Line {
        id: line.id.to_string(),
        grantor: named(line.grantor),
        agent: named(line.agent),
        items: line.items,
        until: line.until.beijing().get(..16).unwrap_or_default().replace('T', " "),
        own: line.own,
        acting: line.acting,
    }
}

async fn show(State(app): State<App>, page: Page) -> Result<Response, Fault> {
    shown(&app, page, None).await
}

async fn shown(app: &App, page: Page, outcome: Option<Result<(), Fault>>) -> Result<Response, Fault> {
    let now: Moment = app.world.clock.now();
    let cookie = page.session.clone();
    let cookie = cookie.as_ref().map(|cookie| cookie.as_str());
    let found = app.world.store.read("mandates", |tx| Box::pin(async move { mandates::list(tx, cookie, now).await })).await;
    let (here, lines) = match found {
        Err(fault) if fault.code.id == code::LOGIN_NEEDED.id => return Ok(page.see("/login")),
        found => found?,
    };
    let status = match &outcome {
        Some(Err(fault)) => StatusCode::from_u16(fault.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        _ => StatusCode::OK,
    };
    let said = outcome.map(|outcome| match outcome {
        Ok(()) => (true, page.t(text::MANDATE_TAKEN).to_owned(), "", ""),
        Err(fault) => {
            let known = fault.code;
            let (message, remedy) = if page.chinese() { (known.zh, known.remedy_zh) } else { (known.en, known.remedy_en) };
            let detail = fault.detail.filter(|_| known.status < 500 || known.id == code::MANDATE_UNDECIDED.id);
            (false, detail.map_or_else(|| message.to_owned(), |detail| format!("{message} ({detail})")), remedy, known.id)
        }
    });
    let person = here.kind == SubjectKind::Person && here.level(now).is_some_and(|level| level >= Level::RealName);
    let view = MandatesPage { page: &page, lines: lines.into_iter().map(line).collect(), person, said };
    Ok(page.html(status, &view))
}

fn field(body: &[u8], name: &str) -> String {
    url::form_urlencoded::parse(body).find(|(found, _)| found == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// The text to be signed, as a file.
async fn draft(State(app): State<App>, page: Page, body: Bytes) -> Result<Response, Fault> {
    let items = field(&body, "items");
    let items: Vec<String> = items.lines().map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect();
    let (grantor, grantor_code) = (field(&body, "grantor"), field(&body, "grantor_code"));
    let days = field(&body, "days").parse().unwrap_or(0);
    let wish = Wish { grantor: &grantor, grantor_code: &grantor_code, items: &items, days };
    let cookie = page.session.as_ref().map(|cookie| cookie.as_str());
    match mandates::draft(&app.world, cookie, wish).await {
        Ok(text) => {
            let headers = [
                (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
                (header::CONTENT_DISPOSITION, "attachment; filename=\"mandate.txt\""),
            ];
            Ok(page.dress((headers, text.as_str().to_owned()).into_response()))
        }
        Err(fault) => shown(&app, page, Some(Err(fault))).await,
    }
}

/// The signed file.
async fn hand_in(State(app): State<App>, page: Page, form: Multipart) -> Result<Response, Fault> {
    let parts = upload::parts(form).await?;
    let document = parts.into_iter().find(|(name, _)| name == "file").map(|(_, octets)| octets).unwrap_or_default();
    if document.len() > LARGEST {
        return Err(code::TOO_LARGE.into());
    }
    let cookie = page.session.as_ref().map(|cookie| cookie.as_str());
    let outcome = mandates::accept(&app.world, cookie, document).await;
    shown(&app, page, Some(outcome)).await
}

async fn act(State(app): State<App>, mut page: Page, body: Bytes) -> Result<Response, Fault> {
    let wanted = field(&body, "mandate");
    let mandate: Option<ProofId> = match wanted.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|_| Fault::new(code::NOT_FOUND))?),
    };
    let cookie = page.session.clone();
    match mandates::act(&app.world, cookie.as_ref().map(|cookie| cookie.as_str()), mandate.as_ref()).await {
        Ok(fresh) => {
            page.set_session(&fresh);
            Ok(page.see("/account/mandates"))
        }
        Err(fault) => shown(&app, page, Some(Err(fault))).await,
    }
}

async fn end(State(app): State<App>, page: Page, body: Bytes) -> Result<Response, Fault> {
    let mandate: ProofId = field(&body, "mandate").parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
    let now = app.world.clock.now();
    let (cookie, mandate) = (page.session.as_ref().map(|cookie| cookie.as_str()), &mandate);
    let ended = app.world.store.write("end a mandate", |tx| Box::pin(async move { mandates::end(tx, cookie, mandate, now).await }));
    if ended.await? { Ok(page.see("/account/mandates")) } else { Err(code::NOT_FOUND.into()) }
}
