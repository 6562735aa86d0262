//! CAS protocol 3.0: login, the validations of versions 1, 2 and 3, logout. No proxying.

use super::oidc::{mistake, pairs};
use super::page::Page;
use super::{App, login_pages, logout, text};
use crate::fault::Fault;
use crate::login::cas::{self, Failure, Success};
use crate::login::request::Parameters;
use crate::service::log_in::{self, Validation};
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header;
use serde_json::json;

/// The routes that people see.
pub fn pages() -> Router<App> {
    Router::new().route("/cas/login", get(login)).route("/cas/logout", get(leave))
}

/// The routes that portals call. A service ticket is all that proxyValidate takes as well: no proxy ticket is ever given.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/cas/validate", get(validate_1))
        .route("/cas/serviceValidate", get(validate_2))
        .route("/cas/proxyValidate", get(validate_2))
        .route("/cas/p3/serviceValidate", get(validate_3))
        .route("/cas/p3/proxyValidate", get(validate_3))
}

fn parameters(query: Option<String>) -> Option<Parameters> {
    cas::parameters(pairs(query.unwrap_or_default().as_bytes())).ok()
}

/// A portal sends the browser to log in.
#[utoipa::path(get, path = "/cas/login", tag = "cas",
    params(("service" = Option<String>, Query, description = "A registered service, character by character; without one, a login for the account page"),
        ("renew" = Option<String>, Query, description = "A fresh proof, whatever session there is"),
        ("gateway" = Option<String>, Query, description = "No page: back without a ticket where one would be needed")),
    responses((status = 303, description = "To the login page, or back to the service with `ticket`"),
        (status = 400, description = "The service is not registered: nothing is sent to it")))]
pub async fn login(State(app): State<App>, page: Page, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let Some(parameters) = parameters(query) else { return Ok(mistake(&page, None)) };
    let Some(service) = parameters.value("service") else { return Ok(page.see("/login")) };
    let Some(client) = log_in::by_service(&app.world, service).await? else {
        return Ok(mistake(&page, Some(page.t(text::PORTAL_UNKNOWN).to_owned())));
    };
    let request = cas::request(&client, service, cas::flag(&parameters, "renew"), cas::flag(&parameters, "gateway"));
    login_pages::begin(&app, page, &client, request).await
}

/// A portal sends the browser to log out. Anybody could send it, so the person is asked; afterwards it goes back to `service`
/// where that is registered.
#[utoipa::path(get, path = "/cas/logout", tag = "cas", params(("service" = Option<String>, Query)),
    responses((status = 200, description = "Asks, or says that it is done"), (status = 303, description = "Nobody is logged in: back to the registered service")))]
pub async fn leave(State(app): State<App>, page: Page, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let Some(parameters) = parameters(query) else { return Ok(mistake(&page, None)) };
    let back = match parameters.value("service") {
        Some(service) if log_in::by_service(&app.world, service).await?.is_some() => Some(service.to_owned()),
        _ => None,
    };
    logout::conclude(&app, page, None, back).await
}

async fn validated(app: &App, query: Option<String>) -> Result<(Result<Success, Failure>, bool), Fault> {
    let Some(parameters) = parameters(query) else { return Ok((Err(Failure::Request), false)) };
    let as_json = parameters.value("format").is_some_and(|format| format.eq_ignore_ascii_case("json"));
    let (Some(service), Some(ticket)) = (parameters.value("service"), parameters.value("ticket")) else {
        return Ok((Err(Failure::Request), as_json));
    };
    let (renew, proxy) = (cas::flag(&parameters, "renew"), parameters.value("pgtUrl").is_some());
    Ok((log_in::validate(&app.world, &Validation { service, ticket, renew, proxy }).await?, as_json))
}

/// Validation, CAS 1.0: `yes` and the name, or `no`.
#[utoipa::path(get, path = "/cas/validate", tag = "cas",
    params(("service" = String, Query), ("ticket" = String, Query), ("renew" = Option<String>, Query)),
    responses((status = 200, description = "`yes`, line feed, the user's name at this portal; or `no`", content_type = "text/plain")))]
pub async fn validate_1(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let (answer, _) = validated(&app, query).await?;
    Ok(match answer {
        Ok(success) => format!("yes\n{}\n", success.user),
        Err(_) => "no\n".to_owned(),
    }
    .into_response())
}

#[derive(Template)]
#[template(path = "cas.xml")]
struct AnswerXml<'a> {
    answer: &'a Result<Success, Failure>,
    attributes: bool,
}

fn rendered(answer: &Result<Success, Failure>, as_json: bool, attributes: bool) -> Result<Response, Fault> {
    if as_json {
        return Ok(Json(match answer {
            Ok(success) => success.json(attributes),
            Err(failure) => {
                json!({ "serviceResponse": { "authenticationFailure": { "code": failure.code(), "description": failure.description() } } })
            }
        })
        .into_response());
    }
    let xml = AnswerXml { answer, attributes }.render();
    let xml = xml.map_err(|error| Fault::new(crate::fault::code::SYSTEM).because(error))?;
    Ok(([(header::CONTENT_TYPE, "application/xml; charset=utf-8")], xml).into_response())
}

/// Validation, CAS 2.0: the name alone.
#[utoipa::path(get, path = "/cas/serviceValidate", tag = "cas",
    params(("service" = String, Query), ("ticket" = String, Query), ("renew" = Option<String>, Query), ("format" = Option<String>, Query, description = "XML or JSON")),
    responses((status = 200, description = "`serviceResponse` with `authenticationSuccess` or `authenticationFailure`")))]
pub async fn validate_2(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let (answer, as_json) = validated(&app, query).await?;
    rendered(&answer, as_json, false)
}

/// Validation, CAS 3.0: with the attributes that the portal is registered for.
#[utoipa::path(get, path = "/cas/p3/serviceValidate", tag = "cas",
    params(("service" = String, Query), ("ticket" = String, Query), ("renew" = Option<String>, Query), ("format" = Option<String>, Query, description = "XML or JSON")),
    responses((status = 200, description = "`serviceResponse` with `authenticationSuccess` or `authenticationFailure`")))]
pub async fn validate_3(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Response, Fault> {
    let (answer, as_json) = validated(&app, query).await?;
    rendered(&answer, as_json, true)
}
