//! Faces on the web: OpenID endpoints, people's pages, the API. They parse and render; conduct is in [`crate::service`].
//!
//! Handlers return [`Fault`]s; one layer ([`problem`]) renders them as a page for a browser and as problem+json for a program.
//! POST routes of pages sit behind the CSRF layer; the protocol's own POST endpoints carry their own proof.

mod account;
pub mod api;
mod cas;
mod check;
mod desk;
mod desk_accounts;
mod headers;
mod licences;
pub mod listen;
mod login_pages;
mod logout;
mod machine;
mod mandates;
mod oidc;
mod openapi;
pub mod page;
mod passkey;
pub mod problem;
mod prove_pages;
pub mod seals;
mod seals_desk;
mod sharing;
mod signatures;
mod statics;
pub mod text;
mod upload;

pub use login_pages::{Visit, landed, visit};

use crate::fault::{Fault, code};
use crate::service::log_in::{Passkeys, Provider};
use crate::service::reports::Press;
use crate::world::World;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::{Router, middleware};
use std::sync::Arc;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::csrf::CsrfLayer;
use tower_http::timeout::TimeoutLayer;

/// Longest form of the login pages and the protocol.
const FORM_LIMIT: usize = 64 * 1024;
/// Longest a request may take; uploads of large documents included.
const PATIENCE: Duration = Duration::from_secs(120);

/// What every handler shares.
pub struct Site {
    /// The doors.
    pub world: Arc<World>,
    /// The OpenID Provider.
    pub provider: Provider,
    /// Passkeys; `None` where the issuer's address cannot have any (an IP address).
    pub passkeys: Option<Passkeys>,
    /// Makes reports.
    pub press: Press,
    /// Counters of `/metrics`.
    pub counters: machine::Counters,
}

/// The state of the router. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Site>);

impl std::ops::Deref for App {
    type Target = Site;
    fn deref(&self) -> &Site {
        &self.0
    }
}

impl FromRef<App> for Arc<World> {
    fn from_ref(app: &App) -> Self {
        app.world.clone()
    }
}

impl Site {
    /// Whether browsers reach the service over TLS: cookies are `Secure` and carry the `__Host-` prefix.
    pub fn secure(&self) -> bool {
        self.world.config.issuer.starts_with("https://")
    }
}

/// The whole router.
pub fn router(world: Arc<World>) -> Router {
    let passkeys = Passkeys::new(&world.config.issuer).inspect_err(|fault| tracing::warn!(%fault, "no passkeys")).ok();
    let app = App(Arc::new(Site {
        provider: Provider::new(&world),
        passkeys,
        press: Press::default(),
        counters: machine::Counters::default(),
        world,
    }));
    // Browsers send `Sec-Fetch-Site` or `Origin` with every POST; what comes from another site is refused. Programs send neither.
    let csrf = CsrfLayer::new().add_trusted_origin(app.world.config.issuer.clone()).unwrap_or_else(|_| CsrfLayer::new());
    let forms = Router::new()
        .merge(login_pages::routes())
        .merge(account::routes())
        .merge(mandates::routes())
        .merge(logout::routes())
        .merge(cas::pages())
        .merge(passkey::routes())
        .merge(prove_pages::routes())
        .layer(DefaultBodyLimit::max(FORM_LIMIT));
    let desks = desk::routes().merge(seals_desk::routes()).layer(DefaultBodyLimit::max(upload::LIMIT));
    let pages = forms.merge(desks).merge(check::routes()).layer(csrf);
    let protocol = oidc::routes().merge(cas::routes()).layer(DefaultBodyLimit::max(FORM_LIMIT));
    Router::new()
        .merge(pages)
        .merge(protocol)
        .merge(api::routes())
        .merge(licences::routes())
        .merge(sharing::routes())
        .merge(seals::routes())
        .merge(signatures::routes())
        .merge(machine::routes())
        .merge(openapi::routes())
        .merge(statics::routes())
        .fallback(async || Fault::new(code::NOT_FOUND))
        .layer(TimeoutLayer::with_status_code(http::StatusCode::GATEWAY_TIMEOUT, PATIENCE))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(middleware::from_fn_with_state(app.clone(), headers::guard))
        .with_state(app)
}
