//! The API of the seal register, for an agency's own portals and programs.

use super::App;
use super::api::Caller;
use crate::fault::{Fault, code};
use crate::ids::{SealId, SealRequestId};
use crate::moment::Moment;
use crate::service::seals::{self, Actor, Look, Scope, SealView, StoredRequest, Wish};
use crate::sign::seal::picture_kind;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashMap;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/seals", get(list))
        .route("/api/v1/seals/requests", get(requests).post(ask))
        .route("/api/v1/seals/requests/{request}", get(request_of))
        .route("/api/v1/seals/requests/{request}/approve", post(approve))
        .route("/api/v1/seals/requests/{request}/refuse", post(refuse))
        .route("/api/v1/seals/{seal}", get(one))
        .route("/api/v1/seals/{seal}/destroy", post(destroy))
        .route("/api/v1/seals/{seal}/in-force", get(in_force))
        .route("/api/v1/seals/{seal}/made", post(made))
        .route("/api/v1/seals/{seal}/order", get(order))
        .route("/api/v1/seals/{seal}/picture", get(picture))
        .route("/api/v1/seals/{seal}/revoke", post(revoke))
        .route("/api/v1/seals/{seal}/suspend", post(suspend))
        .layer(DefaultBodyLimit::max(seals::MAX_OCTETS * 3 / 2))
}

/// What is asked for: one object, told apart by `kind`.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the fields are those of the service's wishes")]
pub enum Asked {
    /// Make a seal.
    Make {
        owner: String,
        uscc: String,
        purpose: String,
        text: Option<String>,
        valid_from: Option<String>,
        valid_until: String,
        standard: Option<String>,
        /// Base64; drawn where there is none.
        picture: Option<String>,
        width: Option<u32>,
        height: Option<u32>,
        /// PEM, or Base64 of DER.
        signers: Vec<String>,
    },
    /// Take in a seal made elsewhere; Base64.
    Import { octets: String, purpose: String },
    /// Use a seal on one document, or on licences of a type so often.
    Use { seal: String, document: Option<String>, licence_type: Option<String>, uses: Option<i64>, until: String, reason: String },
    /// Enter the number under which it is on record.
    File { seal: String, filing: String },
    /// Let it be used again.
    Resume { seal: String, reason: String },
}

/// A request as the API shows it.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RequestView {
    /// Its id.
    pub id: String,
    /// The seal.
    pub seal: String,
    /// `make`, `import`, `use`, `file`, `resume`.
    pub kind: &'static str,
    /// `open`, `approved`, `refused`.
    pub state: &'static str,
    /// SM3 of `body` as canonical JSON (RFC 8785): what an approval names.
    pub digest: String,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked_at: String,
    /// Until when it can be decided.
    pub expires_at: String,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<String>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// What exactly is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

impl RequestView {
    fn new(request: &StoredRequest, whole: bool) -> Self {
        Self {
            id: request.id.to_string(),
            seal: request.seal.to_string(),
            kind: request.kind.as_str(),
            state: request.state.as_str(),
            digest: request.digest.clone(),
            asked_by: request.asked_by.clone(),
            asked_at: request.asked_at.to_string(),
            expires_at: request.expires_at.to_string(),
            decided_by: request.decided_by.clone(),
            decided_at: request.decided_at.map(|at| at.to_string()),
            reason: request.reason.clone(),
            body: whole.then(|| serde_json::from_slice(&request.body).ok()).flatten(),
        }
    }
}

fn bad(what: &str) -> Fault {
    Fault::new(code::BAD_REQUEST).detail(what.to_owned())
}

fn body<T: DeserializeOwned>(octets: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(octets).map_err(|error| bad("the body is not the JSON that is expected").because(error))
}

fn seal_id(text: &str) -> Result<SealId, Fault> {
    text.parse().map_err(|_| Fault::new(code::NOT_FOUND))
}

fn request_id(text: &str) -> Result<SealRequestId, Fault> {
    text.parse().map_err(|_| Fault::new(code::NOT_FOUND))
}

fn time(name: &str, text: &str) -> Result<Moment, Fault> {
    text.parse().map_err(|_| bad(&format!("{name}: a time as 2026-11-23T08:00:00Z is expected")))
}

fn decoded(name: &str, text: &str) -> Result<Vec<u8>, Fault> {
    STANDARD.decode(text.trim()).map_err(|_| bad(&format!("{name}: Base64 is expected")))
}

/// The agency's seals.
#[utoipa::path(get, path = "/api/v1/seals", tag = "seals", security(("client" = [])),
    params(("after" = Option<String>, Query, description = "The last id of the page before")),
    responses((status = 200, body = Vec<SealView>), (status = 401, description = "Unknown client")))]
pub async fn list(State(app): State<App>, caller: Caller, Query(query): Query<HashMap<String, String>>) -> Result<Response, Fault> {
    let after = query.get("after").map(|text| seal_id(text)).transpose()?;
    let seals = seals::list(&app.world, &caller.0.agency, after.as_ref()).await?;
    Ok(Json(json!({ "seals": seals.iter().map(SealView::from).collect::<Vec<_>>() })).into_response())
}

/// A seal with its history.
#[utoipa::path(get, path = "/api/v1/seals/{seal}", tag = "seals", security(("client" = [])), params(("seal" = String, Path)),
    responses((status = 200, body = SealView), (status = 404, description = "No such seal of this agency")))]
pub async fn one(State(app): State<App>, caller: Caller, Path(seal): Path<String>) -> Result<Response, Fault> {
    Ok(Json(seals::one(&app.world, &caller.0.agency, &seal_id(&seal)?).await?.1).into_response())
}

/// The open requests of the agency.
#[utoipa::path(get, path = "/api/v1/seals/requests", tag = "seals", security(("client" = [])),
    responses((status = 200, body = Vec<RequestView>), (status = 401, description = "Unknown client")))]
pub async fn requests(State(app): State<App>, caller: Caller) -> Result<Response, Fault> {
    let open = seals::requests(&app.world, &caller.0.agency, None).await?;
    let shown: Vec<_> = open.iter().map(|request| RequestView::new(request, false)).collect();
    Ok(Json(json!({ "requests": shown })).into_response())
}

/// A request with what exactly is asked.
#[utoipa::path(get, path = "/api/v1/seals/requests/{request}", tag = "seals", security(("client" = [])), params(("request" = String, Path)),
    responses((status = 200, body = RequestView), (status = 404, description = "No such request of this agency")))]
pub async fn request_of(State(app): State<App>, caller: Caller, Path(request): Path<String>) -> Result<Response, Fault> {
    let found = seals::request(&app.world, &caller.0.agency, &request_id(&request)?).await?;
    Ok(Json(RequestView::new(&found, true)).into_response())
}

/// Asks for something that another decides.
#[utoipa::path(post, path = "/api/v1/seals/requests", tag = "seals", security(("client" = [])), request_body = Asked,
    responses((status = 201, body = RequestView), (status = 400, description = "It makes no sense"),
        (status = 409, description = "The state of the seal does not allow it")))]
pub async fn ask(State(app): State<App>, caller: Caller, octets: Bytes) -> Result<Response, Fault> {
    let actor = Actor::portal(&caller.0);
    let purpose = |text: &str| text.parse().map_err(|()| bad("purpose: none of the catalogue"));
    let world = &app.world;
    let request = match body::<Asked>(&octets)? {
        Asked::Make { owner, uscc, purpose: named, text, valid_from, valid_until, standard, picture, width, height, signers } => {
            let signer = |text: &String| match text.contains("-----BEGIN") {
                true => Ok(text.clone().into_bytes()),
                false => decoded("signers", text),
            };
            let look = match picture {
                None => Look::Drawn,
                Some(picture) => {
                    let (width, height) = width.zip(height).ok_or_else(|| bad("width and height of the picture in millimetres"))?;
                    Look::Given(decoded("picture", &picture)?, width, height)
                }
            };
            let wish = Wish {
                owner,
                uscc,
                purpose: purpose(&named)?,
                text,
                valid_from: valid_from.map_or(Ok(world.clock.now()), |text| time("valid_from", &text))?,
                valid_until: time("valid_until", &valid_until)?,
                standard,
                look,
                signers: signers.iter().map(signer).collect::<Result<_, _>>()?,
            };
            seals::ask_make(world, &actor, wish).await?.1
        }
        Asked::Import { octets, purpose: named } => {
            seals::ask_import(world, &actor, &decoded("octets", &octets)?, purpose(&named)?).await?.1
        }
        Asked::Use { seal, document, licence_type, uses, until, reason } => {
            let scope = match (document, licence_type) {
                (Some(document), None) if uses.is_none_or(|uses| uses == 1) => Scope::Document(document),
                (None, Some(kind)) => Scope::Licences(kind, uses.unwrap_or(1)),
                _ => return Err(bad("either document (used once) or licence_type and uses")),
            };
            seals::ask_use(world, &actor, &seal_id(&seal)?, &scope, time("until", &until)?, &reason).await?
        }
        Asked::File { seal, filing } => seals::ask_filing(world, &actor, &seal_id(&seal)?, &filing).await?,
        Asked::Resume { seal, reason } => seals::ask_resume(world, &actor, &seal_id(&seal)?, &reason).await?,
    };
    let found = seals::request(world, actor.agency(), &request).await?;
    Ok((StatusCode::CREATED, Json(RequestView::new(&found, true))).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    digest: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason: String,
    since: Option<String>,
}

/// Approves what was shown. A program approves only what a clerk asked for.
#[utoipa::path(post, path = "/api/v1/seals/requests/{request}/approve", tag = "seals", security(("client" = [])),
    params(("request" = String, Path)), request_body(content = Value, description = "{\"digest\": the digest of what was shown}"),
    responses((status = 204, description = "Done"), (status = 403, description = "By who asked, or by another program"),
        (status = 404, description = "No such request"), (status = 409, description = "Decided, expired, or not what was shown")))]
pub async fn approve(State(app): State<App>, caller: Caller, Path(request): Path<String>, octets: Bytes) -> Result<Response, Fault> {
    let Approval { digest } = body(&octets)?;
    seals::approve(&app.world, &Actor::portal(&caller.0), &request_id(&request)?, &digest).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Refuses a request, or takes it back.
#[utoipa::path(post, path = "/api/v1/seals/requests/{request}/refuse", tag = "seals", security(("client" = [])),
    params(("request" = String, Path)), request_body(content = Value, description = "{\"reason\": …}"),
    responses((status = 204, description = "Done"), (status = 404, description = "No such request"), (status = 409, description = "Decided or expired")))]
pub async fn refuse(State(app): State<App>, caller: Caller, Path(request): Path<String>, octets: Bytes) -> Result<Response, Fault> {
    let Reason { reason, .. } = body(&octets)?;
    seals::refuse(&app.world, &Actor::portal(&caller.0), &request_id(&request)?, &reason).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What held of a seal at a moment.
#[utoipa::path(get, path = "/api/v1/seals/{seal}/in-force", tag = "seals", security(("client" = [])),
    params(("seal" = String, Path), ("at" = Option<String>, Query, description = "RFC 3339; now where there is none")),
    responses((status = 200, description = "`status`: in-force, suspended, revoked, expired, not-shown, unknown"),
        (status = 404, description = "No such seal of this agency")))]
pub async fn in_force(
    State(app): State<App>,
    caller: Caller,
    Path(seal): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Response, Fault> {
    let at = query.get("at").map_or(Ok(app.world.clock.now()), |text| time("at", text))?;
    let standing = seals::in_force(&app.world, &caller.0.agency, &seal_id(&seal)?, at).await?;
    Ok(Json(json!({ "seal": seal, "at": at, "status": standing.name() })).into_response())
}

/// The order for the maker: what `xinyin seal make --request` takes.
#[utoipa::path(get, path = "/api/v1/seals/{seal}/order", tag = "seals", security(("client" = [])), params(("seal" = String, Path)),
    responses((status = 200, description = "The order, JSON"), (status = 404, description = "No such seal, or its making is not approved")))]
pub async fn order(State(app): State<App>, caller: Caller, Path(seal): Path<String>) -> Result<Response, Fault> {
    Ok(Json(seals::order(&app.world, &caller.0.agency, &seal_id(&seal)?).await?).into_response())
}

/// Takes in the seal that the maker made; the body is its octets.
#[utoipa::path(post, path = "/api/v1/seals/{seal}/made", tag = "seals", security(("client" = [])), params(("seal" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 204, description = "It may be used"), (status = 400, description = "It is not what was ordered"),
        (status = 404, description = "No such seal, or its making is not approved"), (status = 409, description = "It was taken in before")))]
pub async fn made(State(app): State<App>, caller: Caller, Path(seal): Path<String>, octets: Bytes) -> Result<Response, Fault> {
    seals::take_in(&app.world, &Actor::portal(&caller.0), &seal_id(&seal)?, &octets).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The seal's picture.
#[utoipa::path(get, path = "/api/v1/seals/{seal}/picture", tag = "seals", security(("client" = [])), params(("seal" = String, Path)),
    responses((status = 200, description = "The picture", content_type = "image/png"), (status = 404, description = "No such seal")))]
pub async fn picture(State(app): State<App>, caller: Caller, Path(seal): Path<String>) -> Result<Response, Fault> {
    Ok(shown(seals::picture(&app.world, &caller.0.agency, &seal_id(&seal)?).await?))
}

/// A picture with its media type; what browsers do not show is for download.
pub(super) fn shown(picture: Vec<u8>) -> Response {
    let kind = match picture_kind(&picture) {
        Some("PNG") => "image/png",
        Some("JPG") => "image/jpeg",
        Some("GIF") => "image/gif",
        Some("BMP") => "image/bmp",
        _ => "application/octet-stream",
    };
    let mut response = (StatusCode::OK, picture).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Suspends a seal.
#[utoipa::path(post, path = "/api/v1/seals/{seal}/suspend", tag = "seals", security(("client" = [])), params(("seal" = String, Path)),
    request_body(content = Value, description = "{\"reason\": …}"),
    responses((status = 204, description = "Done"), (status = 404, description = "No such seal"), (status = 409, description = "Its state does not allow it")))]
pub async fn suspend(State(app): State<App>, caller: Caller, Path(seal): Path<String>, octets: Bytes) -> Result<Response, Fault> {
    let Reason { reason, .. } = body(&octets)?;
    seals::suspend(&app.world, &Actor::portal(&caller.0), &seal_id(&seal)?, &reason).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Revokes a seal for good.
#[utoipa::path(post, path = "/api/v1/seals/{seal}/revoke", tag = "seals", security(("client" = [])), params(("seal" = String, Path)),
    request_body(content = Value, description = "{\"reason\": …, \"since\": RFC 3339, now where there is none}"),
    responses((status = 204, description = "Done"), (status = 404, description = "No such seal"), (status = 409, description = "Its state does not allow it")))]
pub async fn revoke(State(app): State<App>, caller: Caller, Path(seal): Path<String>, octets: Bytes) -> Result<Response, Fault> {
    let Reason { reason, since } = body(&octets)?;
    let since = since.map(|text| time("since", &text)).transpose()?;
    seals::revoke(&app.world, &Actor::portal(&caller.0), &seal_id(&seal)?, since, &reason).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Removes the octets of a revoked seal.
#[utoipa::path(post, path = "/api/v1/seals/{seal}/destroy", tag = "seals", security(("client" = [])), params(("seal" = String, Path)),
    request_body(content = Value, description = "{\"reason\": …}"),
    responses((status = 204, description = "Done"), (status = 404, description = "No such seal"), (status = 409, description = "It is not revoked")))]
pub async fn destroy(State(app): State<App>, caller: Caller, Path(seal): Path<String>, octets: Bytes) -> Result<Response, Fault> {
    let Reason { reason, .. } = body(&octets)?;
    seals::destroy(&app.world, &Actor::portal(&caller.0), &seal_id(&seal)?, &reason).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
