//! The connector's loopback listener. Login pages of allowed sites reach `/certificates` and `/sign-challenge` (CORS, private
//! network access); the holder's own page at `/` shows what waits and takes the decision, and no other site can read or send it.

use crate::fault::{Fault, code};
use crate::login::challenge::{Answer, Challenge};
use crate::service::connector::{Connector, Decision, Shown};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use serde::Deserialize;
use std::sync::Arc;

/// What the listener serves.
pub(super) struct Served {
    pub(super) connector: Arc<Connector>,
    /// Origins whose pages may ask.
    pub(super) origins: Vec<String>,
    pub(super) port: u16,
    /// Whether the holder is asked; tests alone say no.
    pub(super) ask: bool,
}

type Here = State<Arc<Served>>;

pub(super) fn router(served: Served) -> Router {
    let served = Arc::new(served);
    let for_sites = Router::new()
        .route("/certificates", get(certificates))
        .route("/sign-challenge", post(sign_challenge))
        .layer(middleware::from_fn_with_state(served.clone(), only_allowed_sites));
    Router::new()
        .route("/", get(page))
        .route("/decide", post(decide))
        .merge(for_sites)
        .layer(middleware::from_fn_with_state(served.clone(), only_this_host))
        .layer(DefaultBodyLimit::max(16 * 1024))
        .with_state(served)
}

/// A name that somebody let point at 127.0.0.1 (DNS rebinding) arrives with its own Host and is sent away.
async fn only_this_host(State(served): Here, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let ours = ["127.0.0.1", "localhost"].iter().any(|name| host == format!("{name}:{}", served.port));
    if ours { next.run(request).await } else { refuse(&Fault::new(code::CONNECTOR_ORIGIN)) }
}

/// CORS with a list of exact origins, and the answer to Chromium's private network access preflight.
async fn only_allowed_sites(State(served): Here, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).map(str::to_owned);
    let Some(origin) = origin.filter(|origin| served.origins.contains(origin)) else {
        return refuse(&Fault::new(code::CONNECTOR_ORIGIN));
    };
    let mut response = if request.method() == Method::OPTIONS { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    allow(response.headers_mut(), &origin);
    response
}

fn allow(headers: &mut HeaderMap, origin: &str) {
    let Ok(origin) = HeaderValue::from_str(origin) else { return };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    headers.insert(HeaderName::from_static("access-control-allow-private-network"), HeaderValue::from_static("true"));
}

async fn certificates(State(served): Here) -> Json<Vec<Shown>> {
    Json(served.connector.certificates())
}

/// The fields of a challenge and the certificate chosen; any other field (a digest, ready-made octets) is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ask {
    certificate: String,
    challenge: Challenge,
}

async fn sign_challenge(State(served): Here, headers: HeaderMap, body: Bytes) -> Response {
    match signed(&served, &headers, &body).await {
        Ok(answer) => Json(answer).into_response(),
        Err(fault) => refuse(&fault),
    }
}

async fn signed(served: &Served, headers: &HeaderMap, body: &[u8]) -> Result<Answer, Fault> {
    // Only `application/json`: a form of another site cannot send it without the preflight above.
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Fault::new(code::CHALLENGE_FORM).detail("Content-Type"));
    }
    let ask: Ask = serde_json::from_slice(body).map_err(|_| Fault::new(code::CHALLENGE_FORM))?;
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    if !served.ask {
        return served.connector.sign(Some(&ask.certificate), &ask.challenge, Some(origin));
    }
    eprintln!("\n{}\n签名并登录？ Sign and log in? [y/N], http://127.0.0.1:{}/", ask.challenge, served.port);
    served.connector.ask(&ask.certificate, ask.challenge, origin).await
}

fn refuse(fault: &Fault) -> Response {
    let status = StatusCode::from_u16(fault.code.status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = serde_json::json!({
        "type": format!("urn:xinyin:problem:{}", fault.code.id),
        "title": format!("{} {}", fault.code.zh, fault.code.en),
        "status": fault.code.status,
        "code": fault.code.id,
        "remedy": format!("{} {}", fault.code.remedy_zh, fault.code.remedy_en),
    });
    (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
}

/// What waits for the holder. Works without scripts: it reloads itself and posts plain forms.
async fn page(State(served): Here) -> Response {
    let requests = served.connector.requests();
    let waiting: String = requests
        .iter()
        .map(|request| {
            let (token, text, certificate) = (escape(&request.token), escape(&request.text), escape(&request.certificate));
            format!(
                "<section><h2>请确认登录 Confirm this login</h2><p>证书 Certificate: {certificate}</p><pre>{text}</pre>\
                 <form method=\"post\" action=\"/decide\"><input type=\"hidden\" name=\"token\" value=\"{token}\">\
                 <button name=\"decision\" value=\"confirm\">签名并登录 Sign and log in</button> \
                 <button name=\"decision\" value=\"decline\">拒绝 Decline</button></form></section>"
            )
        })
        .collect();
    let none = "<p>没有等待确认的登录。 No login waits for you.</p>";
    let body = if waiting.is_empty() { none } else { &waiting };
    // A page that holds a question stays still: it must not move under the holder's hand.
    let reload = if waiting.is_empty() { "<meta http-equiv=\"refresh\" content=\"2\">" } else { "" };
    let html = format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">{reload}<title>信印连接器 xinyin connector</title></head>\
         <body><main><h1>信印连接器 xinyin connector</h1>{body}</main></body></html>"
    );
    guarded(Html(html).into_response())
}

#[derive(Deserialize)]
struct Decided {
    token: String,
    decision: String,
}

async fn decide(State(served): Here, headers: HeaderMap, Form(decided): Form<Decided>) -> Response {
    // The page's own forms come with its own origin; the token alone would do, this says no earlier.
    let origin = headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let own = ["127.0.0.1", "localhost"].iter().any(|name| origin == format!("http://{name}:{}", served.port));
    if !own {
        return refuse(&Fault::new(code::CONNECTOR_ORIGIN));
    }
    let decision = if decided.decision == "confirm" { Decision::Confirmed } else { Decision::Declined };
    served.connector.decide(&decided.token, decision);
    guarded(Redirect::to("/").into_response())
}

/// No frame around it, no script in it, nothing kept of it.
fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let policy = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
