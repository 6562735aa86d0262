//! The outermost layer: case number, trace, rendering of faults, security headers, counters.

use super::page::{Case, Page, Policy};
use super::{App, problem};
use crate::world::random;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::time::Instant;
use tracing::Instrument;

/// Wraps every request. An inbound request id is not taken over: it would let a caller write into our logs.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let case = hex::encode_upper(random::<6>(&*app.world.dice));
    // The path alone: a query may hold what does not belong in a log.
    let span = tracing::info_span!("request", case, method = %request.method(), path = request.uri().path());
    handle(app, request, next, case).instrument(span).await
}

async fn handle(app: App, request: Request, next: Next, case: String) -> Response {
    let started = Instant::now();
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(Case(case.clone()));
    let Ok(page) = Page::from_request_parts(&mut parts, &app).await;
    let accept = parts.headers.clone();
    let response = next.run(Request::from_parts(parts, body)).await;
    let mut response = problem::render(&page, &accept, response);
    dress(&app, &mut response, &case);
    let (status, millis) = (response.status().as_u16(), started.elapsed().as_millis());
    app.counters.count(status);
    tracing::info!(status, millis = u64::try_from(millis).unwrap_or(u64::MAX), "answered");
    response
}

fn dress(app: &App, response: &mut Response, case: &str) {
    let policy = response.extensions().get::<Policy>().cloned().unwrap_or_default();
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: HeaderValue| missing(headers, name, value);
    set(header::CONTENT_SECURITY_POLICY, policy.header());
    set(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    set(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    set(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    // RFC 9700 §4.3 and RFC 6749 §5.1: nothing of a login is to be kept by a cache.
    set(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if app.secure() {
        set(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000"));
    }
    if let Ok(case) = HeaderValue::from_str(case) {
        set(HeaderName::from_static("x-request-id"), case);
    }
}

fn missing(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}
