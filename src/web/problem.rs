//! Faults as people and programs see them: a page with a case number, or problem+json (RFC 9457) with the stable code.

use super::page::{Case, Page};
use super::text::{self, Language};
use crate::fault::{Code, Fault, code};
use askama::Template;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;
use std::any::Any;
use std::sync::Arc;
use tower_http::csrf::ProtectionError;

/// A fault on its way out; [`render`] gives it its form.
#[derive(Clone)]
pub struct Pending(pub Arc<Fault>);

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(Pending(Arc::new(self)));
        response
    }
}

/// The handler panicked: the reader learns nothing of it, nor does the log learn what was being handled.
pub fn panicked(_: Box<dyn Any + Send + 'static>) -> Response<Body> {
    tracing::error!("a handler panicked");
    Fault::new(code::SYSTEM).into_response()
}

/// The page of a fault.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    page: &'a Page,
    title: &'static str,
    message: &'static str,
    code: &'static str,
    detail: Option<&'a str>,
    remedy: &'static str,
}

/// Whether the answer should be a page: the caller is a browser that navigates.
fn wants_page(accept: &HeaderMap) -> bool {
    accept.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("text/html"))
}

/// What a bare error of a layer below stands for.
fn bare(response: &Response) -> Option<Code> {
    let ours = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| !kind.as_bytes().starts_with(b"text/plain"));
    if response.extensions().get::<ProtectionError>().is_some() {
        return Some(code::CROSS_SITE);
    }
    match response.status().as_u16() {
        _ if ours => None,
        404 => Some(code::NOT_FOUND),
        405 => Some(code::METHOD),
        413 => Some(code::TOO_LARGE),
        408 | 504 => Some(code::TIMEOUT),
        400 | 411 | 414 | 415 | 422 | 431 => Some(code::BAD_REQUEST),
        500..=599 => Some(code::SYSTEM),
        _ => None,
    }
}

/// Gives a fault its form, and writes the cause to the log.
pub fn render(page: &Page, request: &HeaderMap, response: Response) -> Response {
    let fault = match response.extensions().get::<Pending>() {
        Some(pending) => pending.0.clone(),
        None => match bare(&response) {
            Some(code) => Arc::new(Fault::new(code)),
            None => return response,
        },
    };
    if fault.code.status >= 500 {
        tracing::error!(code = fault.code.id, fault = ?fault, case = page.case, "failed");
    } else {
        tracing::info!(code = fault.code.id, case = page.case, "refused");
    }
    let status = StatusCode::from_u16(fault.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut rendered = if wants_page(request) {
        let chosen = |zh, en| if page.language == Language::Zh { zh } else { en };
        let template = ErrorPage {
            page,
            title: page.t(text::ERROR_TITLE),
            message: chosen(fault.code.zh, fault.code.en),
            code: fault.code.id,
            detail: fault.detail.as_deref(),
            remedy: chosen(fault.code.remedy_zh, fault.code.remedy_en),
        };
        match template.render() {
            Ok(html) => page.dress((status, axum::response::Html(html)).into_response()),
            Err(_) => status.into_response(),
        }
    } else {
        let body = json(&fault, &page.case);
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    };
    // What a layer or handler said in headers stays: Allow, Retry-After, cookies.
    for name in [header::ALLOW, header::RETRY_AFTER, header::WWW_AUTHENTICATE] {
        if let Some(value) = response.headers().get(&name) {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    rendered
}

/// The problem document.
pub fn json(fault: &Fault, case: &str) -> serde_json::Value {
    let code = fault.code;
    let mut problem = json!({
        "type": format!("urn:xinyin:problem:{}", code.id),
        "title": code.en,
        "title_zh": code.zh,
        "status": code.status,
        "code": code.id,
        "remedy": code.remedy_en,
        "remedy_zh": code.remedy_zh,
        "case": case,
    });
    if let (Some(detail), Some(object)) = (&fault.detail, problem.as_object_mut()) {
        object.insert("detail".into(), detail.as_str().into());
    }
    problem
}

/// The case of this request, for handlers that write their own JSON.
pub fn case(extensions: &http::Extensions) -> &str {
    extensions.get::<Case>().map_or("", |case| case.0.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, routing::get};
    use tower::ServiceExt as _;
    use tower_http::catch_panic::CatchPanicLayer;

    async fn handler() {
        panic!("350899199001010018 stood in what was being handled");
    }

    #[tokio::test]
    async fn a_panic_is_a_coded_answer_that_tells_nothing_of_it() {
        let app: Router = Router::new().route("/", get(handler)).layer(CatchPanicLayer::custom(panicked));
        let request = http::Request::builder().uri("/").body(Body::empty()).unwrap();
        let answer = app.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let Pending(fault) = answer.extensions().get().expect("what `render` gives its form");
        assert_eq!(fault.code.id, code::SYSTEM.id);
        let problem = json(fault, "case");
        assert!(!problem.to_string().contains("350899"), "{problem}");
    }
}
