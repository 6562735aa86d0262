//! The API of portals and programs: verdicts over documents, each kept for the agency that asked.

use super::{App, upload};
use crate::fault::{Fault, code};
use crate::ids::{AgencyId, ClientId, ReceiptId};
use crate::login::Client;
use crate::report::Frame;
use crate::service::log_in::as_client;
use crate::service::receipts;
use crate::service::reports::Format;
use crate::service::verifications::{self, Asker, Kept};
use crate::store::clients;
use axum::Router;
use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// Where the receipt id travels.
pub const RECEIPT: HeaderName = HeaderName::from_static("xinyin-receipt");
/// Longest `Idempotency-Key`.
const KEY: usize = 255;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/verifications", post(verify))
        .route("/api/v1/verifications/{receipt}", get(recall))
        .route("/api/v1/verifications/{receipt}/{report}", get(report_of))
        .route("/api/v1/receipts/certificate", get(receipt_certificate))
        .route("/api/v1/receipts/{receipt}", get(receipt_of))
        .layer(DefaultBodyLimit::max(upload::LIMIT))
}

/// The portal that calls, by HTTP Basic with its client credentials (RFC 6749 §2.3.1).
pub struct Caller(pub Client);

impl FromRequestParts<App> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        match authenticate(&parts.headers, app).await {
            Ok(Some(client)) => Ok(Self(client)),
            Ok(None) => {
                let mut response = Fault::new(code::CLIENT_UNKNOWN).into_response();
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"xinyin\", charset=\"UTF-8\""));
                Err(response)
            }
            Err(fault) => Err(fault.into_response()),
        }
    }
}

async fn authenticate(headers: &HeaderMap, app: &App) -> Result<Option<Client>, Fault> {
    let Some((id, secret)) = credentials(headers) else { return Ok(None) };
    let (id, secret, now) = (&id, secret.as_str(), app.world.clock.now());
    let find = app.world.store.read("authenticate a program", |tx| {
        Box::pin(async move { clients::authenticate(tx, id, secret, now).await?.map(as_client).transpose() })
    });
    find.await
}

/// The pair of an `Authorization: Basic` header, form-decoded.
fn credentials(headers: &HeaderMap) -> Option<(ClientId, zeroize::Zeroizing<String>)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let pair = zeroize::Zeroizing::new(String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?);
    let (id, secret) = pair.split_once(':')?;
    let decoded = |text: &str| {
        let whole = format!("v={}", text.replace('&', "%26"));
        url::form_urlencoded::parse(whole.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((decoded(id)?.parse().ok()?, zeroize::Zeroizing::new(decoded(secret)?)))
}

/// Judges a document and keeps the verdict under a receipt id.
#[utoipa::path(
    post, path = "/api/v1/verifications", tag = "verification", security(("client" = [])),
    description = "Multipart parts: `file` (the document), optionally `content` (what a detached signature covers), `policy` (by name), `at` (RFC 3339). \
        The body is the verdict's JSON, byte for byte what the command line prints for the same bytes, policy, evidence and time.",
    params(("Idempotency-Key" = Option<String>, Header, description = "The same request under the same key gets the first answer, for a day")),
    responses(
        (status = 200, description = "The verdict; its receipt id stands in the header Xinyin-Receipt", content_type = "application/json"),
        (status = 400, description = "The form is malformed, or the policy or time unknown"), (status = 401, description = "Unknown client"),
        (status = 413, description = "Too large"), (status = 422, description = "The Idempotency-Key was used with another request")
    )
)]
pub async fn verify(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, Fault> {
    let form = form.map_err(|error| Fault::new(code::BAD_REQUEST).detail("a multipart/form-data body is expected").because(error))?;
    let key = match headers.get("idempotency-key").map(HeaderValue::to_str) {
        None => None,
        Some(Ok(key)) if (1..=KEY).contains(&key.len()) => Some(key),
        Some(_) => return Err(Fault::new(code::BAD_REQUEST).detail("Idempotency-Key: 1 to 255 printable characters are expected")),
    };
    let submission = upload::submission(&app, form).await?;
    let kept = verifications::submit(&app.world, &Asker::portal(&caller.0), submission, key).await?;
    Ok(answer(&kept))
}

/// A verdict that was given before, to the agency that asked for it.
#[utoipa::path(
    get, path = "/api/v1/verifications/{receipt}", tag = "verification", security(("client" = [])),
    params(("receipt" = String, Path, description = "The receipt id")),
    responses(
        (status = 200, description = "The verdict as it was given", content_type = "application/json"),
        (status = 401, description = "Unknown client"), (status = 404, description = "No such receipt of this agency")
    )
)]
pub async fn recall(State(app): State<App>, caller: Caller, Path(receipt): Path<String>) -> Result<Response, Fault> {
    let receipt: ReceiptId = receipt.parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
    let kept = verifications::recall(&app.world, &caller.0.agency, &receipt).await?;
    kept.map(|kept| answer(&kept)).ok_or(Fault::new(code::NOT_FOUND))
}

/// The receipt over a verdict under the service's own policy: CMS (CAdES B-T) that any CMS program checks.
#[utoipa::path(
    get, path = "/api/v1/receipts/{receipt}", tag = "verification", security(("client" = [])),
    description = "Attached CMS SignedData over a JSON statement that holds the verdict's exact text; made once, then kept. `xinyin receipt verify` checks it offline.",
    params(("receipt" = String, Path, description = "The receipt id")),
    responses(
        (status = 200, description = "The receipt", content_type = "application/pkcs7-mime"),
        (status = 401, description = "Unknown client"), (status = 404, description = "No such receipt of this agency"),
        (status = 409, description = "The verdict rests on the caller's choices"), (status = 503, description = "No time-stamp can be had now; ask again")
    )
)]
pub async fn receipt_of(State(app): State<App>, caller: Caller, Path(receipt): Path<String>) -> Result<Response, Fault> {
    let receipt: ReceiptId = receipt.parse().map_err(|_| Fault::new(code::NOT_FOUND))?;
    self::receipt(&app, &caller.0.agency, &receipt).await
}

/// A receipt as a file.
pub async fn receipt(app: &App, agency: &AgencyId, id: &ReceiptId) -> Result<Response, Fault> {
    let octets = receipts::receipt(&app.world, agency, id).await?.ok_or_else(|| Fault::new(code::NOT_FOUND))?;
    let mut response = (StatusCode::OK, octets.to_vec()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/pkcs7-mime; smime-type=signed-data"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"receipt-{id}.p7m\"")) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        headers.insert(RECEIPT, id);
    }
    Ok(response)
}

/// The certificates of the keys that sign and signed receipts, PEM, today's first: what an offline check trusts.
#[utoipa::path(
    get, path = "/api/v1/receipts/certificate", tag = "verification",
    responses((status = 200, description = "The certificates, PEM, that of today's key first", content_type = "application/x-pem-file"))
)]
pub async fn receipt_certificate(State(app): State<App>) -> Result<Response, Fault> {
    let mut pem = String::new();
    for certificate in receipts::certificates(&app.world).await? {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        for line in STANDARD.encode(certificate).as_bytes().chunks(64) {
            pem.push_str(&String::from_utf8_lossy(line));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
    }
    Ok(([(header::CONTENT_TYPE, "application/x-pem-file")], pem).into_response())
}

/// A report over a verdict that was given before.
#[utoipa::path(
    get, path = "/api/v1/verifications/{receipt}/{report}", tag = "verification", security(("client" = [])),
    params(
        ("receipt" = String, Path, description = "The receipt id"),
        ("report" = String, Path, description = "report.html (a page), report.pdf (PDF/A), report.xml (ETSI TS 119 102-2) or evidence.json (the frozen evidence of the verdict)")
    ),
    responses(
        (status = 200, description = "The report"), (status = 401, description = "Unknown client"),
        (status = 404, description = "No such receipt of this agency"), (status = 503, description = "No font for the PDF")
    )
)]
pub async fn report_of(State(app): State<App>, caller: Caller, Path((receipt, name)): Path<(String, String)>) -> Result<Response, Fault> {
    let absent = || Fault::new(code::NOT_FOUND);
    let receipt: ReceiptId = receipt.parse().map_err(|_| absent())?;
    if name == "evidence.json" {
        return evidence(&app, &caller.0.agency, &receipt).await;
    }
    let format = name.strip_prefix("report.").and_then(Format::named).ok_or_else(absent)?;
    let kept = verifications::recall(&app.world, &caller.0.agency, &receipt).await?.ok_or_else(absent)?;
    report(&app, &kept, None, format).await
}

/// The frozen evidence of a verdict as a file.
pub async fn evidence(app: &App, agency: &AgencyId, id: &ReceiptId) -> Result<Response, Fault> {
    let octets = verifications::evidence_of(&app.world, agency, id).await?.ok_or_else(|| Fault::new(code::NOT_FOUND))?;
    let mut response = (StatusCode::OK, octets).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"evidence-{id}.json\"")) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// A report; drawing it is work for a thread of its own.
pub async fn report(app: &App, kept: &Kept, address: Option<String>, format: Format) -> Result<Response, Fault> {
    let frame = Frame { receipt: Some(kept.receipt.to_string()), address, bare_trust: false };
    let (site, body) = (app.clone(), kept.body.clone());
    let printed = tokio::task::spawn_blocking(move || site.press.print(&body, &frame, format)).await;
    let octets = printed.map_err(|error| Fault::new(code::SYSTEM).because(error))??;
    let mut response = (StatusCode::OK, octets).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = format!("attachment; filename=\"report-{}.{}\"", kept.receipt, format.ending());
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    if let Ok(receipt) = HeaderValue::from_str(kept.receipt.as_str()) {
        headers.insert(RECEIPT, receipt);
    }
    Ok(response)
}

/// A verdict as programs get it.
pub fn answer(kept: &Kept) -> Response {
    let mut response = (StatusCode::OK, kept.body.to_vec()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(receipt) = HeaderValue::from_str(kept.receipt.as_str()) {
        headers.insert(RECEIPT, receipt);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<(String, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        credentials(&headers).map(|(id, secret)| (id.to_string(), secret.to_string()))
    }

    #[test]
    fn credentials_are_form_decoded_and_anything_else_is_none() {
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        assert_eq!(read(&basic("portal:s3cret")), Some(("portal".into(), "s3cret".into())));
        assert_eq!(read(&basic("portal:a%2Bb%3A&c")), Some(("portal".into(), "a+b:&c".into())));
        for bad in ["Bearer x", "Basic", "Basic !!", &basic("no colon"), &basic("名:x")] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
