//! What answers over plain HTTP: certificates, CRLs, OCSP, time-stamping, and the lab's own switches.

use super::{
    Lab,
    authority::{self, RevokeError},
    chaos::{Chaos, Endpoint, Mood},
    clock::Change,
    misbehave::misbehaving,
    pages,
};
use crate::{moment::Moment, world::Clock as _};
use axum::{
    Extension, Json, Router,
    body::Bytes,
    extract::{Path, Query, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{Next, from_fn},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tower_http::timeout::RequestBodyTimeoutLayer;

/// The routes, each with its chaos.
pub fn router(lab: &Arc<Lab>) -> Router {
    // The switches change the lab: a web page of somebody else must not reach them through the user's browser.
    let switches = Router::new()
        .route("/", get(index))
        .route("/lab/clock", get(clock).post(set_clock))
        .route("/lab/chaos", get(chaos).post(set_chaos))
        .route("/lab/inbox", get(inbox))
        .route("/lab/inbox.json", get(inbox_json))
        .route("/lab/revoke", post(revoke))
        .route("/lab/status", post(set_status))
        .layer(from_fn(same_site));
    Router::new()
        .route("/ca/{file}", misbehaving(lab, Endpoint::Ca, get(certificate)))
        .route("/crl/{file}", misbehaving(lab, Endpoint::Crl, get(crl)))
        .route("/ocsp/{ca}", misbehaving(lab, Endpoint::Ocsp, post(ocsp)))
        .route("/ocsp/{ca}/{*request}", misbehaving(lab, Endpoint::Ocsp, get(ocsp_get)))
        .route("/tsa/{family}", misbehaving(lab, Endpoint::Tsa, post(timestamp)))
        .merge(switches)
        .layer(axum::extract::DefaultBodyLimit::max(64 << 10))
        .layer(RequestBodyTimeoutLayer::new(super::serve::PATIENCE))
        .with_state(lab.clone())
}

/// Only callers that speak to this machine by its own name, and no form of another site.
async fn same_site(request: Request, next: Next) -> Response {
    if is_same_site(request.headers()) { next.run(request).await } else { StatusCode::FORBIDDEN.into_response() }
}

fn is_same_site(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "127.0.0.1" | "localhost") && text(header::ORIGIN).is_none_or(|origin| origin.strip_prefix("http://") == Some(host))
}

fn typed(content_type: &'static str, body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")], body).into_response()
}

async fn index(State(lab): State<Arc<Lab>>) -> Html<String> {
    let mut links =
        vec![("收件箱 Inbox", "/lab/inbox".to_owned()), ("时钟 Clock", "/lab/clock".into()), ("故障 Chaos", "/lab/chaos".into())];
    for ca in lab.authorities.ids() {
        links.push((ca, format!("/ca/{ca}.pem")));
    }
    pages::index(&links)
}

async fn certificate(State(lab): State<Arc<Lab>>, Path(file): Path<String>) -> Response {
    let Some((id, form)) = file.rsplit_once('.') else { return StatusCode::NOT_FOUND.into_response() };
    let Some(ca) = lab.authorities.ca(id) else { return StatusCode::NOT_FOUND.into_response() };
    match form {
        "cer" | "crt" => typed("application/pkix-cert", ca.certificate.der().to_vec()),
        "pem" => typed("application/x-pem-file", super::pem("CERTIFICATE", ca.certificate.der()).into_bytes()),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn crl(State(lab): State<Arc<Lab>>, Extension(mood): Extension<Mood>, Path(file): Path<String>) -> Response {
    let Some(ca) = file.strip_suffix(".crl").and_then(|id| lab.authorities.ca(id)) else { return StatusCode::NOT_FOUND.into_response() };
    match lab.crl(ca, mood) {
        Ok(crl) => typed("application/pkix-crl", crl),
        Err(error) => lab.broken(&error),
    }
}

async fn ocsp(State(lab): State<Arc<Lab>>, Extension(mood): Extension<Mood>, Path(id): Path<String>, request: Bytes) -> Response {
    let Some(ca) = lab.authorities.ca(&id) else { return StatusCode::NOT_FOUND.into_response() };
    match lab.ocsp(ca, &request, mood) {
        Ok(Some(answer)) => typed("application/ocsp-response", answer),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => lab.broken(&error),
    }
}

/// RFC 6960 appendix A.1: the request's base64, percent-encoded, as the rest of the path.
async fn ocsp_get(lab: State<Arc<Lab>>, mood: Extension<Mood>, Path((id, request)): Path<(String, String)>) -> Response {
    match STANDARD.decode(request) {
        Ok(request) => ocsp(lab, mood, Path(id), request.into()).await,
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn timestamp(
    State(lab): State<Arc<Lab>>,
    Extension(mood): Extension<Mood>,
    Path(family): Path<String>,
    headers: HeaderMap,
    request: Bytes,
) -> Response {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/timestamp-query") {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    match lab.timestamp(&family, &request, mood) {
        Ok(Some(answer)) => typed("application/timestamp-reply", answer),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => lab.broken(&error),
    }
}

#[derive(Serialize)]
struct ClockState {
    now: Moment,
    machine: Moment,
    offset_ms: i64,
    stopped: bool,
}

fn wants_html(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

fn clock_state(lab: &Lab) -> ClockState {
    let setting = lab.clock.setting();
    ClockState { now: lab.clock.now(), machine: lab.clock.machine(), offset_ms: setting.offset_ms, stopped: setting.stopped_at.is_some() }
}

async fn clock(State(lab): State<Arc<Lab>>, headers: HeaderMap) -> Response {
    let state = clock_state(&lab);
    if wants_html(&headers) { pages::clock(state.now, state.machine, state.stopped).into_response() } else { Json(state).into_response() }
}

async fn set_clock(State(lab): State<Arc<Lab>>, headers: HeaderMap, body: Bytes) -> Response {
    let is_form = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/x-www-form-urlencoded");
    let change = if is_form { clock_form(&body) } else { serde_json::from_slice(&body).ok() };
    let Some(change) = change else {
        return (
            StatusCode::BAD_REQUEST,
            Json(serde_json::json!({"error": "now: RFC 3339; advance_seconds: whole seconds; stop: true or false"})),
        )
            .into_response();
    };
    if let Err(error) = lab.set_clock(&change) {
        return lab.broken(&error);
    }
    if is_form { Redirect::to("/lab/clock").into_response() } else { Json(clock_state(&lab)).into_response() }
}

/// Fields of the page's form; an empty or missing `now` keeps no moment.
fn clock_form(body: &[u8]) -> Option<Change> {
    let mut change = Change::default();
    for (name, value) in url::form_urlencoded::parse(body) {
        match &*name {
            "now" if !value.trim().is_empty() => change.now = Some(value.parse().ok()?),
            "stop" => change.stop = true,
            _ => {}
        }
    }
    Some(change)
}

async fn chaos(State(lab): State<Arc<Lab>>) -> Json<Chaos> {
    Json(lab.chaos())
}

async fn set_chaos(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    match serde_json::from_slice::<Chaos>(&body) {
        Ok(chaos) => {
            lab.set_chaos(chaos);
            Json(lab.chaos()).into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, Json(serde_json::json!({"error": error.to_string()}))).into_response(),
    }
}

#[derive(Deserialize)]
struct OfPhone {
    phone: Option<String>,
}

async fn inbox(State(lab): State<Arc<Lab>>, Query(of): Query<OfPhone>) -> Html<String> {
    pages::inbox(&lab.inbox().newest(of.phone.as_deref()))
}

async fn inbox_json(State(lab): State<Arc<Lab>>, Query(of): Query<OfPhone>) -> Response {
    Json(serde_json::json!({"messages": lab.inbox().newest(of.phone.as_deref())})).into_response()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revocation {
    /// The CA: `sm2`, `p256`, `rsa`, or their `-root`.
    ca: String,
    /// Serial number in hexadecimal.
    serial: String,
    /// Why, by the name in RFC 5280 section 5.3.1; unspecified, if none.
    reason: Option<String>,
    /// Since when; now, if none. It may lie in the past.
    at: Option<Moment>,
}

async fn revoke(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    let refused = |status: StatusCode, why: &str| (status, Json(serde_json::json!({"error": why}))).into_response();
    let Ok(order) = serde_json::from_slice::<Revocation>(&body) else {
        return refused(StatusCode::BAD_REQUEST, "ca, serial (hexadecimal), reason, at (RFC 3339)");
    };
    let Some(ca) = lab.authorities.ca(&order.ca) else { return refused(StatusCode::NOT_FOUND, "no such CA") };
    let Some(reason) = authority::reason(order.reason.as_deref().unwrap_or("unspecified")) else {
        return refused(StatusCode::BAD_REQUEST, "reason: unspecified, keyCompromise, certificateHold, removeFromCRL, …");
    };
    let at = order.at.unwrap_or_else(|| lab.clock.now());
    match ca.revoke(&order.serial, reason, at) {
        Ok(()) => Json(serde_json::json!({"ca": order.ca, "serial": order.serial, "reason": reason.name(), "at": at})).into_response(),
        Err(RevokeError::Unknown) => refused(StatusCode::NOT_FOUND, "no such certificate"),
        Err(RevokeError::NotOnHold) => refused(StatusCode::CONFLICT, "only a certificate on hold can be released"),
        Err(RevokeError::Lab(error)) => lab.broken(&error),
    }
}

async fn set_status(State(lab): State<Arc<Lab>>, body: Bytes) -> Response {
    match serde_json::from_slice::<super::NewStatus>(&body) {
        Ok(status) => match lab.set_status(status) {
            Ok(true) => StatusCode::NO_CONTENT.into_response(),
            Ok(false) => (StatusCode::NOT_FOUND, Json(serde_json::json!({"error": "no such entry"}))).into_response(),
            Err(error) => lab.broken(&error),
        },
        Err(_) => {
            let why = "person or organisation (short name) or seal (code), state, since (RFC 3339); a new seal: seal, sha256, filing, valid_from, valid_until";
            (StatusCode::BAD_REQUEST, Json(serde_json::json!({"error": why}))).into_response()
        }
    }
}
