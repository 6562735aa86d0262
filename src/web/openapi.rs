//! `/openapi.json`: what programs may call (OpenAPI 3.1).

use super::{App, api, cas, licences, logout, machine, oidc, seals, signatures};
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;

/// The description of the OpenID endpoints and of those for machines.
#[derive(OpenApi)]
#[openapi(
    info(title = "xinyin 信印", description = "Identity, cross-recognised sessions, electronic signatures. Errors are problem+json (RFC 9457) with a stable `code`."),
    paths(oidc::metadata, oidc::jwks, oidc::authorize, oidc::token, oidc::userinfo, logout::end_session, cas::login, cas::leave, cas::validate_1, cas::validate_2, cas::validate_3, api::verify, api::recall, api::report_of, api::receipt_of, api::receipt_certificate, signatures::prepare, signatures::complete, licences::issue, licences::status, licences::replace, licences::decide, licences::copy, licences::file, licences::bulk, licences::types, licences::register, seals::list, seals::one, seals::requests, seals::request_of, seals::ask, seals::approve, seals::refuse, seals::order, seals::made, seals::picture, seals::in_force, seals::suspend, seals::revoke, seals::destroy, machine::healthz, machine::readyz, machine::metrics),
    tags((name = "openid", description = "OpenID Connect; see also /.well-known/openid-configuration"), (name = "cas", description = "CAS protocol 3.0 for portals that know nothing newer"), (name = "verification", description = "Verdicts over signed documents"), (name = "signature", description = "Signatures by the holder's own key"), (name = "licence", description = "Electronic licences"), (name = "seals", description = "The register of electronic seals: two for what widens trust, one for what narrows it"), (name = "machine", description = "For machines"))
)]
struct Description;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/openapi.json", get(async || Json(Description::openapi())))
}
