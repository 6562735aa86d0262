//! The clerk's desk: a document in, a verdict in plain words out. The page is a view of the kept JSON, nothing else; the same
//! octets can be downloaded.

use super::page::Page;
use super::text;
use super::{App, api, desk_accounts as accounts, upload};
use crate::fault::{Fault, code};
use crate::ids::{AgencyId, ReceiptId};
use crate::report::view::{Tongue, View};
use crate::report::{Frame, Report, text as words};
use crate::service::desk::{Clerk, clerk};
use crate::service::preview;
use crate::service::reports::Format;
use crate::service::verifications::{self, Asker, Kept};
use askama::Template;
use axum::Router;
use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/desk", get(desk).post(judge))
        .merge(accounts::routes())
        .route("/desk/{agency}/{receipt}", get(verdict))
        .route("/desk/{agency}/{receipt}/verdict.json", get(download))
        .route("/desk/{agency}/{receipt}/{report}", get(report))
}

#[derive(Template)]
#[template(path = "desk.html")]
struct DeskPage<'a> {
    page: &'a Page,
    agencies: &'a [(AgencyId, String)],
}

/// The clerk, or the way to the login. What the desk shows is for clerks alone.
pub(super) async fn here(app: &App, page: &mut Page) -> Result<Clerk, Response> {
    let cookie = page.session.clone();
    match clerk(&app.world, cookie.as_ref().map(|cookie| cookie.as_str())).await {
        Ok(Some(clerk)) => Ok(clerk),
        Ok(None) => {
            page.return_to("/desk");
            Err(page.see("/login"))
        }
        Err(fault) => Err(axum::response::IntoResponse::into_response(fault)),
    }
}

async fn desk(State(app): State<App>, mut page: Page) -> Response {
    match here(&app, &mut page).await {
        Ok(clerk) => {
            let status = if clerk.agencies.is_empty() { StatusCode::FORBIDDEN } else { StatusCode::OK };
            page.html(status, &DeskPage { page: &page, agencies: &clerk.agencies })
        }
        Err(response) => response,
    }
}

/// Judges, keeps, and sends the browser to the verdict's own address: reloading it uploads nothing twice. The agency stands in
/// the query, where it is known before the document is read.
async fn judge(State(app): State<App>, mut page: Page, form: Result<Multipart, MultipartRejection>) -> Result<Response, Fault> {
    let clerk = match here(&app, &mut page).await {
        Ok(clerk) => clerk,
        Err(response) => return Ok(response),
    };
    let agency = clerk.at(page.query("agency"))?.clone();
    let form = form.map_err(|error| Fault::new(code::BAD_REQUEST).because(error))?;
    let submission = upload::submission(&app, form).await?;
    let asker = Asker::clerk(agency.clone(), clerk.party.clone());
    let document = submission.document.clone();
    let (kept, drawn) = tokio::join!(verifications::submit(&app.world, &asker, submission, None), preview::draw(&*document));
    let kept = kept?;
    // A verdict without its pictures is a verdict all the same.
    if let Err(fault) = preview::keep(&app.world, &agency, &kept.receipt, &drawn).await {
        tracing::warn!(%fault, "a preview was not kept");
    }
    Ok(page.see(&format!("/desk/{agency}/{}", kept.receipt)))
}

/// A verdict of this clerk's agency; of any other it is not found.
async fn recalled(app: &App, page: &mut Page, agency: &str, receipt: &str) -> Result<Result<Kept, Response>, Fault> {
    let clerk = match here(app, page).await {
        Ok(clerk) => clerk,
        Err(response) => return Ok(Err(response)),
    };
    let absent = || Fault::new(code::NOT_FOUND);
    let receipt: ReceiptId = receipt.parse().map_err(|_| absent())?;
    let agency = clerk.at(Some(agency)).map_err(|_| absent())?;
    verifications::recall(&app.world, agency, &receipt).await?.map(Ok).ok_or_else(absent)
}

async fn download(State(app): State<App>, mut page: Page, Path((agency, receipt)): Path<(String, String)>) -> Result<Response, Fault> {
    let kept = match recalled(&app, &mut page, &agency, &receipt).await? {
        Ok(kept) => kept,
        Err(response) => return Ok(response),
    };
    let mut response = api::answer(&kept);
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"verdict-{}.json\"", kept.receipt)) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// A report over the verdict, to be kept or printed.
async fn report(
    State(app): State<App>,
    mut page: Page,
    Path((agency, receipt, name)): Path<(String, String, String)>,
) -> Result<Response, Fault> {
    let kept = match recalled(&app, &mut page, &agency, &receipt).await? {
        Ok(kept) => kept,
        Err(response) => return Ok(response),
    };
    if name == "receipt.p7m" {
        let agency: AgencyId = agency.parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
        return api::receipt(&app, &agency, &kept.receipt).await;
    }
    if let Some(number) = name.strip_prefix("page-").and_then(|rest| rest.strip_suffix(".png")) {
        let agency: AgencyId = agency.parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
        return picture(&app, &agency, &kept, number).await;
    }
    if name == "evidence.json" {
        let agency: AgencyId = agency.parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
        return api::evidence(&app, &agency, &kept.receipt).await;
    }
    let format = name.strip_prefix("report.").and_then(Format::named).ok_or_else(|| Fault::new(code::NOT_FOUND))?;
    let address = format!("{}/desk/{agency}/{receipt}", app.world.config.issuer);
    api::report(&app, &kept, Some(address), format).await
}

/// A page of the document as it was drawn for this verdict.
async fn picture(app: &App, agency: &AgencyId, kept: &Kept, number: &str) -> Result<Response, Fault> {
    let pages = preview::kept(&app.world, agency, &kept.receipt).await?;
    let found = pages.into_iter().find(|page| page.number > 0 && page.number.to_string() == number);
    let png = found.and_then(|page| page.picture.ok()).ok_or_else(|| Fault::new(code::NOT_FOUND))?;
    let headers = [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "no-store")];
    Ok(axum::response::IntoResponse::into_response((headers, png)))
}

#[derive(Template)]
#[template(path = "desk_verdict.html")]
struct VerdictPage<'a> {
    page: &'a Page,
    agency: String,
    v: View,
    unfolded: bool,
    json: String,
    pages: Vec<preview::Page>,
}

async fn verdict(State(app): State<App>, mut page: Page, Path((agency, receipt)): Path<(String, String)>) -> Result<Response, Fault> {
    let kept = match recalled(&app, &mut page, &agency, &receipt).await? {
        Ok(kept) => kept,
        Err(response) => return Ok(response),
    };
    let system = |error: serde_json::Error| Fault::new(code::SYSTEM).because(error);
    let json: serde_json::Value = serde_json::from_slice(&kept.body).map_err(system)?;
    let json = serde_json::to_string_pretty(&json).map_err(system)?;
    let frame = Frame { receipt: Some(kept.receipt.to_string()), ..Frame::default() };
    let tongue = if page.chinese() { Tongue::Zh } else { Tongue::En };
    let v = View::new(&Report::from_json(&kept.body)?, &frame, tongue);
    let of = agency.parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
    let pages = preview::kept(&app.world, &of, &kept.receipt).await?;
    let view = VerdictPage { page: &page, agency, v, unfolded: false, json, pages };
    Ok(page.html(StatusCode::OK, &view))
}
