//! The counter's page for accounts reported lost (挂失): report, and lift once the holder has come with the document.

use super::desk::here;
use super::page::Page;
use super::{App, text};
use crate::fault::{Fault, code};
use crate::ids::AgencyId;
use crate::service::desk::{self, AtCounter};
use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::StatusCode;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/desk/accounts", get(show).post(act))
}

#[derive(Template)]
#[template(path = "desk_accounts.html")]
struct AccountsPage<'a> {
    page: &'a Page,
    agencies: &'a [(AgencyId, String)],
    said: Option<(bool, &'static str)>,
}

async fn show(State(app): State<App>, mut page: Page) -> Response {
    match here(&app, &mut page).await {
        Ok(clerk) => {
            let status = if clerk.agencies.is_empty() { StatusCode::FORBIDDEN } else { StatusCode::OK };
            page.html(status, &AccountsPage { page: &page, agencies: &clerk.agencies, said: None })
        }
        Err(response) => response,
    }
}

async fn act(State(app): State<App>, mut page: Page, body: Bytes) -> Result<Response, Fault> {
    let clerk = match here(&app, &mut page).await {
        Ok(clerk) => clerk,
        Err(response) => return Ok(response),
    };
    let field = |name: &str| url::form_urlencoded::parse(&body).find(|(found, _)| found == name).map(|(_, value)| value.into_owned());
    let agency = clerk.at(field("agency").as_deref())?;
    let wanted = match field("do").as_deref() {
        Some("report") => AtCounter::Report,
        Some("lift") => AtCounter::Lift,
        _ => return Err(code::BAD_REQUEST.into()),
    };
    let (Some(number), Some(name)) = (field("number"), field("name")) else { return Err(code::BAD_REQUEST.into()) };
    // Without the clerk's word that the document was checked, nothing happens.
    if field("checked").as_deref() != Some("yes") {
        return Err(code::BAD_REQUEST.into());
    }
    let done = desk::loss(&app.world, &clerk, agency, &number, name.trim(), wanted).await?;
    let (status, said) = match (done, wanted) {
        (false, _) => (StatusCode::NOT_FOUND, text::ACCOUNTS_NONE),
        (true, AtCounter::Report) => (StatusCode::OK, text::LOSS_DONE),
        (true, AtCounter::Lift) => (StatusCode::OK, text::ACCOUNTS_LIFTED),
    };
    Ok(page.html(status, &AccountsPage { page: &page, agencies: &clerk.agencies, said: Some((done, page.t(said))) }))
}
