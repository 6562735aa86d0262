//! Carries out the chaos rules around an endpoint.

use super::{
    Lab,
    chaos::{Endpoint, Mood},
    serve::Dropped,
};
use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::{Next, from_fn},
    response::{IntoResponse as _, Response},
    routing::MethodRouter,
};
use std::{io, sync::Arc};

/// The route with its endpoint's chaos around it. Handlers find their [`Mood`] among the request's extensions and tell the
/// lies; delay, status, drop and truncation happen here.
pub fn misbehaving(lab: &Arc<Lab>, endpoint: Endpoint, route: MethodRouter<Arc<Lab>>) -> MethodRouter<Arc<Lab>> {
    let lab = lab.clone();
    route.layer(from_fn(move |mut request: Request, next: Next| {
        let lab = lab.clone();
        async move {
            let mood = lab.mood(endpoint);
            request.extensions_mut().insert(mood);
            tokio::time::sleep(mood.delay).await;
            if mood.drop {
                let mut response = StatusCode::SERVICE_UNAVAILABLE.into_response();
                response.extensions_mut().insert(Dropped);
                return response;
            }
            if let Some(status) = mood.status {
                return StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
            }
            let response = next.run(request).await;
            cut(response, mood).await
        }
    }))
}

/// Announces the whole length, sends the first octets, breaks off.
async fn cut(response: Response, mood: Mood) -> Response {
    let Some(kept) = mood.truncate else { return response };
    let (mut head, body) = response.into_parts();
    let whole = axum::body::to_bytes(body, 16 << 20).await.unwrap_or_default();
    let length = HeaderValue::from(whole.len().max(kept.saturating_add(1)));
    head.headers.insert(header::CONTENT_LENGTH, length);
    let sent = whole.slice(..kept.min(whole.len()));
    let parts = [Ok::<Bytes, io::Error>(sent), Err(io::Error::other("cut on purpose"))];
    Response::from_parts(head, Body::from_stream(futures_util::stream::iter(parts)))
}
