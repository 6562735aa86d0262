//! Signatures by the holder's own key: prepare a document, sign the digest elsewhere, complete it.

use super::api::Caller;
use super::{App, upload};
use crate::fault::{Fault, code};
use crate::ids::IntentionId;
use crate::pki::bundle;
use crate::service::signatures::{self, LARGEST, Wish};
use axum::Router;
use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, body::Bytes};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// Longest signature value with its envelope.
const VALUE: usize = 16 << 10;

/// The routes.
pub fn routes() -> Router<App> {
    let limit = usize::try_from(LARGEST).unwrap_or(usize::MAX).saturating_add(1 << 20);
    Router::new()
        .route("/api/v1/signatures", post(prepare).layer(DefaultBodyLimit::max(limit)))
        .route("/api/v1/signatures/{id}", post(complete).layer(DefaultBodyLimit::max(VALUE)))
}

/// Who may complete what a portal prepares: the same portal.
fn actor(caller: &Caller) -> String {
    format!("client:{}", caller.0.id)
}

/// Prepares a document for a signature by the holder's own key.
#[utoipa::path(
    post, path = "/api/v1/signatures", tag = "signature", security(("client" = [])),
    description = "Multipart parts: `file` (the document, at most 32 MiB), `certificate` (the holder's, PEM or DER; further ones complete its chain; \
        repeatable), optionally `format` (pades, cades, cms, gm-cms), `level` (B-B, B-T), `detached` (true), `reason`, `place`, `page` and `rect` (a mark to \
        be seen: left,bottom,right,top in points). The answer holds what the key signs: `to_be_signed` for keys that hash themselves, `digest` for those that sign \
        a digest (for SM2 with Z), both Base64. It can be completed once, within five minutes, by the same client.",
    responses(
        (status = 201, description = "Prepared", content_type = "application/json"),
        (status = 400, description = "The form is malformed, or certificate or document cannot sign or be signed"), (status = 401, description = "Unknown client"),
        (status = 413, description = "Too large")
    )
)]
pub async fn prepare(State(app): State<App>, caller: Caller, form: Result<Multipart, MultipartRejection>) -> Result<Response, Fault> {
    let form = form.map_err(|error| Fault::new(code::BAD_REQUEST).detail("a multipart/form-data body is expected").because(error))?;
    let parts = upload::parts(form).await?;
    let text = |name: &str| -> Result<Option<String>, Fault> {
        let part = parts.iter().find(|(part, _)| part == name).map(|(_, octets)| String::from_utf8(octets.clone()));
        let text = part.transpose().map_err(|_| Fault::new(code::BAD_REQUEST).detail(format!("{name}: not UTF-8")))?;
        Ok(text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
    };
    let wrong = |what: &str| Fault::new(code::BAD_REQUEST).detail(what);
    let mut documents = parts.iter().filter(|(name, _)| name == "file");
    let (Some((_, document)), None) = (documents.next(), documents.next()) else {
        return Err(wrong("the multipart form needs one part named file"));
    };
    let mut certificates = Vec::new();
    for (_, octets) in parts.iter().filter(|(name, _)| name == "certificate") {
        certificates.extend(bundle::certificates(octets).map_err(|error| wrong(&format!("certificate: {error}")))?);
    }
    let detached = match text("detached")?.as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(wrong("detached: true or false is expected")),
    };
    let page = text("page")?.map(|page| page.parse::<u32>().map_err(|_| wrong("page: a number from 1 is expected"))).transpose()?;
    let rect = text("rect")?.map(|rect| {
        let numbers: Option<Vec<f64>> = rect.split(',').map(|number| number.trim().parse().ok()).collect();
        numbers.and_then(|numbers| <[f64; 4]>::try_from(numbers).ok()).ok_or_else(|| wrong("rect: left,bottom,right,top is expected"))
    });
    let mark = match (page, rect.transpose()?) {
        (None, None) => None,
        (page, rect) => Some((page.unwrap_or(1), rect.unwrap_or([36.0, 36.0, 236.0, 96.0]))),
    };
    let wish = Wish {
        document: document.clone(),
        certificates,
        format: text("format")?,
        level: text("level")?,
        detached,
        reason: text("reason")?,
        place: text("place")?,
        mark,
    };
    let prepared = signatures::prepare(&app.world, &caller.0.agency, &actor(&caller), wish).await?;
    let mut response = (StatusCode::CREATED, Json(prepared)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Completes a signature with the value that the key gave.
#[utoipa::path(
    post, path = "/api/v1/signatures/{id}", tag = "signature", security(("client" = [])),
    description = "The body is `{\"signature\":\"Base64\"}`, or the value's octets as application/octet-stream: DER for SM2 and ECDSA, or r and s one after the other. \
        The answer is the signed document. It is judged first: what does not pass is not released.",
    params(("id" = String, Path, description = "What preparing answered")),
    request_body(content = String, content_type = "application/json", description = "The signature value"),
    responses(
        (status = 200, description = "The signed document"), (status = 401, description = "Unknown client"), (status = 404, description = "Nothing that this client prepared"),
        (status = 410, description = "Completed before, or too old"), (status = 422, description = "The value does not fit, or the document does not pass"),
        (status = 503, description = "No time-stamp can be had now; ask again")
    )
)]
pub async fn complete(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Fault> {
    #[derive(serde::Deserialize)]
    struct Value {
        signature: String,
    }
    let id: IntentionId = id.parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let value = if kind.starts_with("application/octet-stream") {
        body.to_vec()
    } else {
        let wrong = || Fault::new(code::BAD_REQUEST).detail("{\"signature\":\"Base64\"} is expected");
        let value: Value = serde_json::from_slice(&body).map_err(|_| wrong())?;
        STANDARD.decode(value.signature.trim()).map_err(|_| wrong())?
    };
    let completed = signatures::complete(&app.world, &caller.0.agency, &actor(&caller), &id, value).await?;
    let mut response = (StatusCode::OK, completed.octets).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(completed.media_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"signed.{}\"", completed.ending)) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
