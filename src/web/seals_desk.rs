//! The seal register at the clerk's desk: what there is, what waits for a decision, one seal with its picture and its history.

use super::desk::here;
use super::page::Page;
use super::text::{self, Text};
use super::{App, seals as api, upload};
use crate::fault::{Fault, code};
use crate::ids::AgencyId;
use crate::moment::Moment;
use crate::service::seals::{self, Actor, Look, Origin, RequestState, Scope, SealView, StoredRequest, StoredSeal, Wish};
use crate::sign::seal::register::Purpose;
use crate::verify::register::Standing;
use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderValue, StatusCode, header};
use std::time::Duration;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk/seals", get(register).post(wish))
        .route("/desk/seals/import", post(import))
        .route("/desk/seals/{agency}/requests/{request}", get(request).post(decide))
        .route("/desk/seals/{agency}/{seal}", get(one).post(act))
        .route("/desk/seals/{agency}/{seal}/made", post(made))
        .route("/desk/seals/{agency}/{seal}/order", get(order))
        .route("/desk/seals/{agency}/{seal}/picture", get(picture))
}

struct Line {
    href: String,
    name: String,
    code: String,
    state: &'static str,
    mark: &'static str,
    until: String,
    filing: String,
}

struct Waiting {
    href: String,
    what: &'static str,
    by: String,
    at: String,
    expires: String,
}

struct Office {
    id: String,
    name: String,
    seals: Vec<Line>,
    open: Vec<Waiting>,
}

#[derive(Template)]
#[template(path = "seals.html")]
struct RegisterPage<'a> {
    page: &'a Page,
    offices: Vec<Office>,
    purposes: Vec<(&'static str, &'static str)>,
}

struct Turn {
    change: &'static str,
    at: String,
    by: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "seal.html")]
struct SealPage<'a> {
    page: &'a Page,
    agency: String,
    seal: SealView,
    elsewhere: bool,
    purpose: &'static str,
    state: &'static str,
    mark: &'static str,
    now: &'static str,
    from: String,
    until: String,
    turns: Vec<Turn>,
    open: Vec<Waiting>,
}

#[derive(Template)]
#[template(path = "seal_request.html")]
struct RequestPage<'a> {
    page: &'a Page,
    agency: String,
    request: &'a StoredRequest,
    what: &'static str,
    asked_at: String,
    expires_at: String,
    own: bool,
    open: bool,
    shown: String,
}

/// `2026-11-23 16:00`, Beijing time.
fn when(at: Moment) -> String {
    at.beijing().get(..16).unwrap_or_default().replace('T', " ")
}

fn written(text: &str) -> String {
    text.parse().map_or_else(|_| text.to_owned(), when)
}

fn state(name: &str) -> (Text, &'static str) {
    match name {
        "draft" => (text::SEAL_ST_DRAFT, "warn"),
        "approved" => (text::SEAL_ST_APPROVED, "warn"),
        "active" => (text::SEAL_ST_ACTIVE, "good"),
        "suspended" => (text::SEAL_ST_SUSPENDED, "bad"),
        "revoked" => (text::SEAL_ST_REVOKED, "bad"),
        "destroyed" => (text::SEAL_ST_DESTROYED, "bad"),
        _ => (text::SEAL_ST_REFUSED, "bad"),
    }
}

fn change(name: &str) -> Text {
    match name {
        "asked" => text::SEAL_CH_ASKED,
        "approved" => text::SEAL_CH_APPROVED,
        "refused" => text::SEAL_CH_REFUSED,
        "activated" => text::SEAL_CH_ACTIVATED,
        "filed" => text::SEAL_CH_FILED,
        "suspended" => text::SEAL_CH_SUSPENDED,
        "resumed" => text::SEAL_CH_RESUMED,
        "revoked" => text::SEAL_CH_REVOKED,
        _ => text::SEAL_CH_DESTROYED,
    }
}

fn what(name: &str) -> Text {
    match name {
        "make" => text::SEAL_RQ_MAKE,
        "import" => text::SEAL_RQ_IMPORT,
        "use" => text::SEAL_RQ_USE,
        "file" => text::SEAL_RQ_FILE,
        _ => text::SEAL_RQ_RESUME,
    }
}

fn standing(standing: Standing) -> Text {
    match standing {
        Standing::InForce => text::SEAL_IN_FORCE,
        Standing::Suspended => text::SEAL_ST_SUSPENDED,
        Standing::Revoked => text::SEAL_ST_REVOKED,
        Standing::Expired => text::SEAL_EXPIRED,
        Standing::NotShown => text::SEAL_NOT_SHOWN,
        Standing::Unknown => text::SEAL_UNKNOWN,
    }
}

fn purpose(page: &Page, purpose: Purpose) -> &'static str {
    if page.chinese() { purpose.zh() } else { purpose.en() }
}

fn line(page: &Page, agency: &AgencyId, seal: &StoredSeal) -> Line {
    let (label, mark) = state(seal.state.as_str());
    Line {
        href: format!("/desk/seals/{agency}/{}", seal.id),
        name: seal.name.clone(),
        code: seal.es_id.clone(),
        state: page.t(label),
        mark,
        until: when(seal.valid_until),
        filing: seal.filing.clone().unwrap_or_else(|| page.t(text::SEAL_NOT_FILED).to_owned()),
    }
}

fn waiting(page: &Page, agency: &AgencyId, request: &StoredRequest) -> Waiting {
    Waiting {
        href: format!("/desk/seals/{agency}/requests/{}", request.id),
        what: page.t(what(request.kind.as_str())),
        by: request.asked_by.clone(),
        at: when(request.asked_at),
        expires: when(request.expires_at),
    }
}

/// The clerk as an actor for the agency of the address; another agency is not found.
async fn actor(app: &App, page: &mut Page, agency: Option<&str>) -> Result<Result<Actor, Response>, Fault> {
    let clerk = match here(app, page).await {
        Ok(clerk) => clerk,
        Err(response) => return Ok(Err(response)),
    };
    let agency = clerk.at(agency).map_err(|_| Fault::new(code::NOT_FOUND))?.clone();
    Ok(Ok(Actor::clerk(agency, clerk.party.clone())))
}

macro_rules! acting {
    ($app:expr, $page:expr, $agency:expr) => {
        match actor(&$app, &mut $page, $agency).await? {
            Ok(actor) => actor,
            Err(response) => return Ok(response),
        }
    };
}

async fn register(State(app): State<App>, mut page: Page) -> Result<Response, Fault> {
    let clerk = match here(&app, &mut page).await {
        Ok(clerk) => clerk,
        Err(response) => return Ok(response),
    };
    let mut offices = Vec::new();
    for (id, name) in &clerk.agencies {
        let seals = seals::list(&app.world, id, None).await?.iter().map(|seal| line(&page, id, seal)).collect();
        let open = seals::requests(&app.world, id, None).await?.iter().map(|request| waiting(&page, id, request)).collect();
        offices.push(Office { id: id.to_string(), name: name.clone(), seals, open });
    }
    let status = if offices.is_empty() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    let purposes = Purpose::ALL.iter().map(|each| (each.as_str(), purpose(&page, *each))).collect();
    Ok(page.html(status, &RegisterPage { page: &page, offices, purposes }))
}

/// The fields of a form.
struct Form(Vec<(String, String)>);

impl Form {
    fn read(body: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(body).into_owned().collect())
    }

    fn text(&self, name: &str) -> Result<&str, Fault> {
        self.some(name).ok_or_else(|| Fault::new(code::BAD_REQUEST).detail(name.to_owned()))
    }

    fn some(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    fn confirmed(&self) -> Result<(), Fault> {
        let missing = || Fault::new(code::BAD_REQUEST).detail(format!("{} {}", text::SEAL_CONFIRM_NEEDED.zh, text::SEAL_CONFIRM_NEEDED.en));
        (self.some("confirm") == Some("yes")).then_some(()).ok_or_else(missing)
    }
}

async fn wish(State(app): State<App>, mut page: Page, body: Bytes) -> Result<Response, Fault> {
    let form = Form::read(&body);
    let actor = acting!(app, page, form.some("agency"));
    let now = app.world.clock.now();
    let bad = |what: &str| Fault::new(code::BAD_REQUEST).detail(what.to_owned());
    let days: u64 = form.text("days")?.parse().ok().filter(|days| (1..=7300).contains(days)).ok_or_else(|| bad("days"))?;
    let wish = Wish {
        owner: form.text("owner")?.to_owned(),
        uscc: form.text("uscc")?.to_owned(),
        purpose: form.text("purpose")?.parse().map_err(|()| bad("purpose"))?,
        text: form.some("text").map(str::to_owned),
        valid_from: now,
        valid_until: now.plus(Duration::from_secs(days * 86_400)),
        standard: None,
        look: Look::Drawn,
        signers: vec![form.text("signer")?.as_bytes().to_vec()],
    };
    let (_, request) = seals::ask_make(&app.world, &actor, wish).await?;
    Ok(page.see(&format!("/desk/seals/{}/requests/{request}", actor.agency())))
}

/// The octets of the part `file`, and the other parts as fields.
async fn uploaded(form: Result<Multipart, MultipartRejection>) -> Result<(Vec<u8>, Form), Fault> {
    let form = form.map_err(|error| Fault::new(code::BAD_REQUEST).because(error))?;
    let (mut file, mut fields) = (None, Vec::new());
    for (name, octets) in upload::parts(form).await? {
        match name.as_str() {
            "file" if octets.len() > seals::MAX_OCTETS => return Err(Fault::new(code::TOO_LARGE)),
            "file" => file = Some(octets),
            _ => fields.push((name, String::from_utf8_lossy(&octets).into_owned())),
        }
    }
    Ok((file.ok_or(Fault::new(code::BAD_REQUEST).detail("file"))?, Form(fields)))
}

async fn import(State(app): State<App>, mut page: Page, form: Result<Multipart, MultipartRejection>) -> Result<Response, Fault> {
    let agency = page.query("agency").map(str::to_owned);
    let actor = acting!(app, page, agency.as_deref());
    let (octets, form) = uploaded(form).await?;
    let purpose = form.text("purpose")?.parse().map_err(|()| Fault::new(code::BAD_REQUEST).detail("purpose"))?;
    let (_, request) = seals::ask_import(&app.world, &actor, &octets, purpose).await?;
    Ok(page.see(&format!("/desk/seals/{}/requests/{request}", actor.agency())))
}

async fn made(
    State(app): State<App>,
    mut page: Page,
    Path((agency, seal)): Path<(String, String)>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Fault> {
    let actor = acting!(app, page, Some(&agency));
    let (octets, _) = uploaded(form).await?;
    let seal = seal.parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
    seals::take_in(&app.world, &actor, &seal, &octets).await?;
    Ok(page.see(&format!("/desk/seals/{agency}/{seal}")))
}

async fn one(State(app): State<App>, mut page: Page, Path((agency, seal)): Path<(String, String)>) -> Result<Response, Fault> {
    let actor = acting!(app, page, Some(&agency));
    let id = seal.parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
    let (seal, view) = seals::one(&app.world, actor.agency(), &id).await?;
    let open = seals::requests(&app.world, actor.agency(), Some(&id)).await?;
    let now = seals::in_force(&app.world, actor.agency(), &id, app.world.clock.now()).await?;
    let (label, mark) = state(view.state);
    let turn = |event: &seals::EventView| Turn {
        change: page.t(change(event.change)),
        at: written(&event.at),
        by: event.actor.clone(),
        reason: event.reason.clone(),
    };
    let shown = SealPage {
        page: &page,
        agency,
        elsewhere: seal.origin == Origin::Elsewhere,
        purpose: purpose(&page, seal.purpose),
        state: page.t(label),
        mark,
        now: page.t(standing(now)),
        from: when(seal.valid_from),
        until: when(seal.valid_until),
        turns: view.events.iter().map(turn).collect(),
        open: open.iter().map(|request| waiting(&page, actor.agency(), request)).collect(),
        seal: view,
    };
    Ok(page.html(StatusCode::OK, &shown))
}

async fn act(State(app): State<App>, mut page: Page, Path((agency, seal)): Path<(String, String)>, body: Bytes) -> Result<Response, Fault> {
    let actor = acting!(app, page, Some(&agency));
    let id = seal.parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
    let form = Form::read(&body);
    let world = &app.world;
    let asked = match form.text("do")? {
        "suspend" | "revoke" | "destroy" => {
            form.confirmed()?;
            let reason = form.text("reason")?;
            match form.text("do")? {
                "suspend" => seals::suspend(world, &actor, &id, reason).await?,
                "revoke" => seals::revoke(world, &actor, &id, None, reason).await?,
                _ => seals::destroy(world, &actor, &id, reason).await?,
            }
            None
        }
        "resume" => Some(seals::ask_resume(world, &actor, &id, form.text("reason")?).await?),
        "file" => Some(seals::ask_filing(world, &actor, &id, form.text("filing")?).await?),
        "use" => {
            let until = world.clock.now().plus(Duration::from_secs(86_400));
            let scope = Scope::Document(form.text("document")?.to_owned());
            Some(seals::ask_use(world, &actor, &id, &scope, until, form.text("reason")?).await?)
        }
        _ => return Err(Fault::new(code::BAD_REQUEST).detail("do")),
    };
    Ok(match asked {
        Some(request) => page.see(&format!("/desk/seals/{agency}/requests/{request}")),
        None => page.see(&format!("/desk/seals/{agency}/{seal}")),
    })
}

async fn request(State(app): State<App>, mut page: Page, Path((agency, request)): Path<(String, String)>) -> Result<Response, Fault> {
    let actor = acting!(app, page, Some(&agency));
    let id = request.parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
    let request = seals::request(&app.world, actor.agency(), &id).await?;
    let system = |error: serde_json::Error| Fault::new(code::SYSTEM).because(error);
    let mut shown: serde_json::Value = serde_json::from_slice(&request.body).map_err(system)?;
    // The picture is shown as a picture.
    if let Some(picture) = shown.pointer_mut("/order/picture") {
        *picture = "…".into();
    }
    let view = RequestPage {
        page: &page,
        what: page.t(what(request.kind.as_str())),
        asked_at: when(request.asked_at),
        expires_at: when(request.expires_at),
        own: request.asked_by == actor.name(),
        open: request.state == RequestState::Open && request.expires_at > app.world.clock.now(),
        shown: serde_json::to_string_pretty(&shown).map_err(system)?,
        request: &request,
        agency,
    };
    Ok(page.html(StatusCode::OK, &view))
}

async fn decide(
    State(app): State<App>,
    mut page: Page,
    Path((agency, request)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, Fault> {
    let actor = acting!(app, page, Some(&agency));
    let id = request.parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
    let form = Form::read(&body);
    let asked = seals::request(&app.world, actor.agency(), &id).await?;
    match form.text("do")? {
        "approve" => {
            form.confirmed()?;
            seals::approve(&app.world, &actor, &id, form.text("digest")?).await?;
        }
        "refuse" => seals::refuse(&app.world, &actor, &id, form.text("reason")?).await?,
        _ => return Err(Fault::new(code::BAD_REQUEST).detail("do")),
    }
    Ok(page.see(&format!("/desk/seals/{agency}/{}", asked.seal)))
}

async fn order(State(app): State<App>, mut page: Page, Path((agency, seal)): Path<(String, String)>) -> Result<Response, Fault> {
    let actor = acting!(app, page, Some(&agency));
    let id = seal.parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
    let mut response = axum::Json(seals::order(&app.world, actor.agency(), &id).await?).into_response();
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"seal-order-{seal}.json\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(page.dress(response))
}

async fn picture(State(app): State<App>, mut page: Page, Path((agency, seal)): Path<(String, String)>) -> Result<Response, Fault> {
    let actor = acting!(app, page, Some(&agency));
    let id = seal.parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
    Ok(api::shown(seals::picture(&app.world, actor.agency(), &id).await?))
}
