//! The sharing interface of electronic licences over HTTP: every answer is `{head, data}` with the interface's own status.

use super::App;
use crate::fault::{Fault, code};
use crate::service::licences::sharing::{self, Denied};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

/// Largest call: a file in Base64.
const LIMIT: usize = 48 << 20;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/sharing/v1/token", post(token))
        .route("/sharing/v1/{service}", post(call))
        .route("/sharing/v1/download/{id}", get(download))
        .layer(DefaultBodyLimit::max(LIMIT))
}

fn answer(outcome: Result<Value, Denied>) -> Response {
    let (status, body) = match outcome {
        Ok(data) => (StatusCode::OK, json!({ "head": { "status": "0", "message": "成功" }, "data": data })),
        Err(Denied(status, message)) => {
            // Who is not known, and what is no call at all, is told by HTTP too; everything else by the interface alone.
            let http = match status {
                "11" => StatusCode::UNAUTHORIZED,
                "12" => StatusCode::BAD_REQUEST,
                _ => StatusCode::OK,
            };
            (http, json!({ "head": { "status": status, "message": message }, "data": null }))
        }
    };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

async fn token(State(app): State<App>, body: Bytes) -> Response {
    answer(sharing::token(&app.world, &body).await)
}

async fn call(State(app): State<App>, Path(service): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let said = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    answer(sharing::call(&app.world, &service, &said("x-account-id"), &said("x-sign"), &body).await)
}

async fn download(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Fault> {
    let file = sharing::downloaded(&app.world, &id).await?.ok_or_else(|| Fault::new(code::NOT_FOUND))?;
    let mut response = (StatusCode::OK, file.body.to_vec()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/ofd"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
