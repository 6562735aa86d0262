//! Style sheet, icon, script: in the binary, served from our own address.

use super::App;
use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/static/xinyin.css", get(async || file("text/css; charset=utf-8", include_str!("../../static/xinyin.css"))))
        .route("/static/passkey.js", get(async || file("text/javascript; charset=utf-8", include_str!("../../static/passkey.js"))))
        .route("/static/connector.js", get(async || file("text/javascript; charset=utf-8", include_str!("../../static/connector.js"))))
        .route("/static/icon.svg", get(async || file("image/svg+xml", include_str!("../../static/icon.svg"))))
}

/// A file of the binary, for an hour in caches.
pub fn file(kind: &'static str, content: &'static str) -> impl IntoResponse + use<> {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=3600")], content)
}
