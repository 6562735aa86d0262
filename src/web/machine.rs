//! For machines: alive, ready, counters.

use super::App;
use crate::fault::Fault;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since the start.
#[derive(Default)]
pub struct Counters {
    answers: [AtomicU64; 5],
    /// Codes given to portals.
    pub granted: AtomicU64,
    /// Codes redeemed.
    pub redeemed: AtomicU64,
}

impl Counters {
    /// Counts an answer.
    pub fn count(&self, status: u16) {
        let class = usize::from(status / 100).saturating_sub(1);
        if let Some(counter) = self.answers.get(class) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).route("/metrics", get(metrics))
}

/// The process is alive.
#[utoipa::path(get, path = "/healthz", tag = "machine", responses((status = 200, description = "The process is alive")))]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// The process can serve: the database answers and the provider has its keys.
#[utoipa::path(get, path = "/readyz", tag = "machine", responses((status = 200, description = "Ready"), (status = 503, description = "Not ready")))]
pub async fn readyz(State(app): State<App>) -> Result<&'static str, Fault> {
    app.world.store.ping().await?;
    app.provider.keys(&app.world).await?;
    Ok("ready\n")
}

/// Counters in the text format of Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "machine", responses((status = 200, description = "Counters, Prometheus text format")))]
pub async fn metrics(State(app): State<App>) -> Response {
    let mut out =
        String::from("# HELP xinyin_http_responses_total Answers by class of status.\n# TYPE xinyin_http_responses_total counter\n");
    for (class, counter) in (1..).zip(&app.counters.answers) {
        let _ = writeln!(out, "xinyin_http_responses_total{{class=\"{class}xx\"}} {}", counter.load(Ordering::Relaxed));
    }
    for (name, help, count) in [
        ("xinyin_codes_granted_total", "Authorization codes given to portals.", app.counters.granted.load(Ordering::Relaxed)),
        ("xinyin_codes_redeemed_total", "Authorization codes redeemed.", app.counters.redeemed.load(Ordering::Relaxed)),
        ("xinyin_store_writes_total", "Write transactions committed.", app.world.store.written()),
    ] {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {count}");
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], out).into_response()
}
