//! The API of electronic licences: types, issue, state, copies. Everything belongs to the agency of the program that calls.

use super::App;
use super::api::Caller;
use crate::fault::{Fault, code};
use crate::licence::Application;
use crate::moment::Moment;
use crate::service::licences::{self, CopyOrder, Order, Replacement, Status};
use crate::service::verifications::Asker;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use std::io::Cursor;

/// Longest request: an application with its pictures, or the rows of a batch.
const LIMIT: usize = 16 << 20;
/// Longest `Idempotency-Key`.
const KEY: usize = 255;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/licence-types", get(types).post(register))
        .route("/api/v1/licences", post(issue))
        .route("/api/v1/licences/bulk", post(bulk))
        .route("/api/v1/licences/{identifier}", get(status))
        .route("/api/v1/licences/{identifier}/replacement", post(replace))
        .route("/api/v1/licences/{identifier}/decisions", post(decide))
        .route("/api/v1/licences/{identifier}/copies", post(copy))
        .route("/api/v1/licences/{identifier}/files/{name}", get(file))
        .layer(DefaultBodyLimit::max(LIMIT))
}

fn key(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    match headers.get("idempotency-key").map(HeaderValue::to_str) {
        None => Ok(None),
        Some(Ok(key)) if (1..=KEY).contains(&key.len()) => Ok(Some(key)),
        Some(_) => Err(Fault::new(code::BAD_REQUEST).detail("Idempotency-Key: 1 to 255 printable characters are expected")),
    }
}

/// The body; a parser's message may quote it, so that only its kind is told.
fn body<T>(read: Result<Json<T>, JsonRejection>) -> Result<T, Fault> {
    read.map(|Json(value)| value).map_err(|rejection| {
        let code = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE { code::TOO_LARGE } else { code::BAD_REQUEST };
        Fault::new(code).detail("a JSON body as the interface description has it is expected")
    })
}

fn private(status: StatusCode, value: serde_json::Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(value)).into_response()
}

/// An application for a licence.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueRequest {
    /// Type code.
    #[serde(rename = "type")]
    kind: String,
    /// `holders` (name, number, kind), `number`, `valid_from`, `valid_until`, `fields` by short name.
    #[schema(value_type = Object)]
    application: Application,
    /// Number of the agent who applies, where that is not the first holder.
    applicant: Option<String>,
}

/// Issues a licence: OFD and PDF/A, sealed.
#[utoipa::path(
    post, path = "/api/v1/licences", tag = "licence", security(("client" = [])), request_body = IssueRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same request under the same key is issued once, for a day")),
    responses(
        (status = 201, description = "Issued; `identifier`, and `check`, what its QR code holds"), (status = 200, description = "Issued before, by the same request"),
        (status = 401, description = "Unknown client"), (status = 403, description = "The applicant's level is too low"), (status = 404, description = "No such type"),
        (status = 422, description = "Fields are wrong, a character is in no font, or a text does not fit; nothing was issued"), (status = 503, description = "No seal at hand")
    )
)]
pub async fn issue(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    request: Result<Json<IssueRequest>, JsonRejection>,
) -> Result<Response, Fault> {
    let request = body(request)?;
    let order = Order {
        kind: &request.kind,
        application: request.application,
        applicant: request.applicant.as_deref(),
        key: key(&headers)?,
        row: None,
    };
    let issued = licences::issue(&app.world, &Asker::portal(&caller.0), &order).await?;
    Ok(told(&issued))
}

fn told(issued: &licences::Issued) -> Response {
    let status = if issued.repeated { StatusCode::OK } else { StatusCode::CREATED };
    private(status, serde_json::json!({ "identifier": issued.identifier, "check": issued.address }))
}

/// The state of a licence and what was decided about it.
#[utoipa::path(
    get, path = "/api/v1/licences/{identifier}", tag = "licence", security(("client" = [])),
    params(("identifier" = String, Path, description = "Identifier (GB/T 36904)")),
    responses((status = 200, description = "The state", body = Status), (status = 401, description = "Unknown client"), (status = 404, description = "No such licence of this agency"))
)]
pub async fn status(State(app): State<App>, caller: Caller, Path(identifier): Path<String>) -> Result<Response, Fault> {
    shown(&licences::status(&app.world, &caller.0.agency, &identifier).await?)
}

fn shown(status: &Status) -> Result<Response, Fault> {
    Ok(private(StatusCode::OK, serde_json::to_value(status).map_err(|error| Fault::new(code::SYSTEM).because(error))?))
}

/// A licence in the place of another.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceRequest {
    /// Why.
    reason: String,
    /// What the new one says; what the old one says, if not given.
    #[schema(value_type = Option<Object>)]
    application: Option<Application>,
}

/// Issues the next version of a licence in its place.
#[utoipa::path(
    post, path = "/api/v1/licences/{identifier}/replacement", tag = "licence", security(("client" = [])), request_body = ReplaceRequest,
    params(("identifier" = String, Path, description = "Identifier of the old one"), ("Idempotency-Key" = Option<String>, Header, description = "As for issue")),
    responses((status = 201, description = "Issued"), (status = 404, description = "No such licence of this agency"), (status = 409, description = "Its state does not allow it"))
)]
pub async fn replace(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Path(identifier): Path<String>,
    request: Result<Json<ReplaceRequest>, JsonRejection>,
) -> Result<Response, Fault> {
    let request = body(request)?;
    let wish = Replacement { identifier: &identifier, application: request.application, reason: &request.reason, key: key(&headers)? };
    Ok(told(&licences::replace(&app.world, &Asker::portal(&caller.0), &wish).await?))
}

/// What is decided about a licence.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideRequest {
    /// `suspended` 暂停, `resumed` 恢复, `voided` 撤销, `revoked` 吊销, `withdrawn` 撤回, `cancelled` 注销.
    act: String,
    /// Why.
    reason: String,
    /// From when it counts, RFC 3339; now, if not given.
    #[schema(value_type = Option<String>)]
    from: Option<Moment>,
}

/// Suspends, resumes or ends a licence.
#[utoipa::path(
    post, path = "/api/v1/licences/{identifier}/decisions", tag = "licence", security(("client" = [])), request_body = DecideRequest,
    params(("identifier" = String, Path, description = "Identifier")),
    responses((status = 200, description = "The state now", body = Status), (status = 404, description = "No such licence of this agency"), (status = 409, description = "Its state does not allow it"))
)]
pub async fn decide(
    State(app): State<App>,
    caller: Caller,
    Path(identifier): Path<String>,
    request: Result<Json<DecideRequest>, JsonRejection>,
) -> Result<Response, Fault> {
    let request = body(request)?;
    let act = request
        .act
        .parse()
        .map_err(|()| Fault::new(code::BAD_REQUEST).detail("act: suspended, resumed, voided, revoked, withdrawn or cancelled"))?;
    shown(&licences::act(&app.world, &Asker::portal(&caller.0), &identifier, act, &request.reason, request.from).await?)
}

/// An annotated copy.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CopyRequest {
    /// For what.
    purpose: String,
    /// Who uses it.
    maker: String,
    /// Until when, RFC 3339; at most 180 days.
    #[schema(value_type = String)]
    until: Moment,
}

/// Makes an annotated copy (加注件) for one use.
#[utoipa::path(
    post, path = "/api/v1/licences/{identifier}/copies", tag = "licence", security(("client" = [])), request_body = CopyRequest,
    params(("identifier" = String, Path, description = "Identifier")),
    responses((status = 201, description = "The copy: its id and files in Base64"), (status = 404, description = "No such licence of this agency"), (status = 409, description = "It is not in force"))
)]
pub async fn copy(
    State(app): State<App>,
    caller: Caller,
    Path(identifier): Path<String>,
    request: Result<Json<CopyRequest>, JsonRejection>,
) -> Result<Response, Fault> {
    let request = body(request)?;
    let order = CopyOrder { identifier: &identifier, purpose: &request.purpose, maker: &request.maker, until: request.until };
    let copy = licences::copy(&app.world, &Asker::portal(&caller.0), &order).await?;
    let files: Vec<_> = copy
        .files
        .iter()
        .map(|file| serde_json::json!({ "format": file.format, "sha256": file.sha256, "content": STANDARD.encode(&*file.body) }))
        .collect();
    Ok(private(StatusCode::CREATED, serde_json::json!({ "copy": copy.id, "files": files })))
}

/// A file of a licence.
#[utoipa::path(
    get, path = "/api/v1/licences/{identifier}/files/{name}", tag = "licence", security(("client" = [])),
    params(("identifier" = String, Path, description = "Identifier"), ("name" = String, Path, description = "licence.ofd or licence.pdf")),
    responses((status = 200, description = "The file"), (status = 404, description = "No such licence of this agency, or no such file"))
)]
pub async fn file(State(app): State<App>, caller: Caller, Path((identifier, name)): Path<(String, String)>) -> Result<Response, Fault> {
    let absent = || Fault::new(code::NOT_FOUND);
    let format = name.strip_prefix("licence.").ok_or_else(absent)?;
    let (kind, ending, octets) = if format == "evidence.json" {
        let evidence = licences::evidence_of(&app.world, &caller.0.agency, &identifier).await?.ok_or_else(absent)?;
        ("application/json", format, evidence)
    } else {
        let file = licences::file(&app.world, &caller.0.agency, &identifier, format).await?.ok_or_else(absent)?;
        (if file.format == "pdf" { "application/pdf" } else { "application/ofd" }, format, file.body.to_vec())
    };
    let name = format!("attachment; filename=\"{identifier}.{ending}\"");
    let mut response = (StatusCode::OK, octets).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// Which type and batch.
#[derive(Deserialize, utoipa::IntoParams)]
pub struct BulkQuery {
    /// Type code.
    #[serde(rename = "type")]
    kind: String,
    /// Name of the batch.
    batch: String,
}

/// Issues one licence for each row of a CSV file; the same file under the same batch goes on where it stopped.
#[utoipa::path(
    post, path = "/api/v1/licences/bulk", tag = "licence", security(("client" = [])), params(BulkQuery),
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, description = "One JSON object a row: line, state (issued, issued-before, refused), identifier, code, detail", content_type = "application/x-ndjson"),
        (status = 400, description = "The first line is wrong"), (status = 409, description = "The batch belongs to another file"))
)]
pub async fn bulk(State(app): State<App>, caller: Caller, Query(query): Query<BulkQuery>, rows: Bytes) -> Result<Response, Fault> {
    let mut report = String::new();
    let asker = Asker::portal(&caller.0);
    licences::bulk(&app.world, &asker, &query.kind, &query.batch, Cursor::new(rows), |row| {
        report.push_str(&serde_json::to_string(row).unwrap_or_default());
        report.push('\n');
    })
    .await?;
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")], report).into_response())
}

/// The agency's licence types.
#[utoipa::path(
    get, path = "/api/v1/licence-types", tag = "licence", security(("client" = [])),
    responses((status = 200, description = "Code, name and revision of each"), (status = 401, description = "Unknown client"))
)]
pub async fn types(State(app): State<App>, caller: Caller) -> Result<Response, Fault> {
    let listed = licences::types(&app.world, &caller.0.agency).await?;
    let rows: Vec<_> =
        listed.iter().map(|one| serde_json::json!({ "code": one.code, "name": one.name, "revision": one.revision })).collect();
    Ok(private(StatusCode::OK, serde_json::json!({ "types": rows })))
}

/// Registers a licence type from its definition.
#[utoipa::path(
    post, path = "/api/v1/licence-types", tag = "licence", security(("client" = [])), request_body(content = String, content_type = "application/toml"),
    responses((status = 200, description = "Code and revision"), (status = 400, description = "The definition is wrong; `detail` names the place"))
)]
pub async fn register(State(app): State<App>, caller: Caller, definition: Bytes) -> Result<Response, Fault> {
    let text = std::str::from_utf8(&definition).map_err(|_| Fault::new(code::LICENCE_TYPE).detail("not UTF-8"))?;
    let one = licences::register(&app.world, &Asker::portal(&caller.0), text).await?;
    Ok(private(StatusCode::OK, serde_json::json!({ "code": one.code, "name": one.name, "revision": one.revision })))
}
