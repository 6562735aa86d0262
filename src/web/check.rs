//! `/check`: is this electronic licence or receipt real, and is it in force? For anybody who holds the file or the printed code; no
//! login, no script, nothing kept. A code that nobody was given gets one answer, whatever its form, and not before a set time.

use super::page::{Page, Source};
use super::text;
use super::{App, upload};
use crate::fault::{Fault, code};
use crate::service::licences::{self, Checked};
use crate::verify::Verdict;
use askama::Template;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, header};
use std::time::Duration;

/// Largest file that strangers may hand in.
const LIMIT: usize = 32 << 20;
/// No answer about a code comes earlier.
const FLOOR: Duration = Duration::from_millis(120);

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/check", get(ask).post(hand_in)).layer(DefaultBodyLimit::max(LIMIT))
}

/// What the page tells.
enum Told {
    Form,
    Absent,
    Licence(Box<Checked>),
    Receipt(Box<licences::CheckedReceipt>),
    File(Box<Verdict>),
}

#[derive(Template)]
#[template(path = "check.html")]
struct CheckPage<'a> {
    page: &'a Page,
    told: &'a Told,
}

impl CheckPage<'_> {
    fn mark(&self) -> &'static str {
        match self.told {
            Told::Licence(licence) if licence.state == "in-force" => "good",
            Told::Licence(licence) if matches!(licence.state.as_str(), "not-yet" | "suspended") => "open",
            Told::Receipt(_) => "good",
            Told::File(verdict) => match verdict.verdict {
                "valid" => "good",
                "invalid" => "bad",
                _ => "open",
            },
            _ => "bad",
        }
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("application/json"))
}

fn answer(page: &Page, told: &Told, json: bool) -> Result<Response, Fault> {
    let status = if matches!(told, Told::Absent) { StatusCode::NOT_FOUND } else { StatusCode::OK };
    let mut response = if json {
        let system = |error: serde_json::Error| Fault::new(code::SYSTEM).because(error);
        let value = match told {
            Told::Form | Told::Absent => serde_json::json!({ "found": false }),
            Told::Licence(licence) => serde_json::json!({ "found": true, "licence": serde_json::to_value(licence).map_err(system)? }),
            Told::Receipt(receipt) => serde_json::json!({ "found": true, "receipt": serde_json::to_value(receipt).map_err(system)? }),
            // Octet for octet what API and desk give.
            Told::File(verdict) => {
                let octets = serde_json::to_vec(verdict).map_err(system)?;
                let kind = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
                return Ok((status, kind, octets).into_response());
            }
        };
        (status, Json(value)).into_response()
    } else {
        page.html(status, &CheckPage { page, told })
    };
    response.headers_mut().insert(header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn allowed(app: &App, source: &Source) -> Result<(), Fault> {
    if licences::lookup_allowed(&app.world, &source.0).await? { Ok(()) } else { Err(Fault::new(code::TOO_MANY)) }
}

async fn by_code(app: &App, written: &str) -> Result<Told, Fault> {
    let started = tokio::time::Instant::now();
    let licence = licences::by_code(&app.world, written).await;
    let receipt = licences::receipt_by_code(&app.world, written).await;
    tokio::time::sleep_until(started + FLOOR).await;
    Ok(match (licence?, receipt?) {
        (Some(licence), _) => Told::Licence(Box::new(licence)),
        (None, Some(receipt)) => Told::Receipt(Box::new(receipt)),
        (None, None) => Told::Absent,
    })
}

/// The form; with a code, its answer.
async fn ask(State(app): State<App>, page: Page, source: Source, headers: HeaderMap) -> Result<Response, Fault> {
    let json = wants_json(&headers);
    let Some(written) = page.query("code").map(str::to_owned) else { return answer(&page, &Told::Form, json) };
    allowed(&app, &source).await?;
    answer(&page, &by_code(&app, &written).await?, json)
}

/// A file, or a code that is not to stand in an address.
async fn hand_in(State(app): State<App>, page: Page, source: Source, headers: HeaderMap, request: Request) -> Result<Response, Fault> {
    allowed(&app, &source).await?;
    let json = wants_json(&headers);
    let bad = || Fault::new(code::BAD_REQUEST).detail("a file or a code is expected, as multipart/form-data");
    let form = Multipart::from_request(request, &app).await.map_err(|_| bad())?;
    match upload::checked(&app, form).await? {
        upload::HandedIn::Code(written) => answer(&page, &by_code(&app, &written).await?, json),
        upload::HandedIn::File(name, document) => {
            if let Some(receipt) = licences::receipt_by_file(&app.world, &*document).await? {
                return answer(&page, &receipt.map_or(Told::Absent, |receipt| Told::Receipt(Box::new(receipt))), json);
            }
            let verdict = licences::by_file(&app.world, &name, document).await?;
            answer(&page, &Told::File(Box::new(verdict)), json)
        }
    }
}
