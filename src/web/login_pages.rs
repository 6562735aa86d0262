//! The login page, consent, cancelling, starting again; and the door through which the pages of single proofs come and go.

use super::page::Page;
use super::{App, text};
use crate::fault::{Fault, code};
use crate::ids::ClientId;
use crate::login::request::AuthorizationRequest;
use crate::login::states::Asked;
use crate::login::states::Unmet;
use crate::login::{Client, Level, Method, SubjectKind};
use crate::service::log_in::{self, Ask, ConsentSought, Entered, Foreseen, Known, Settled, Stale};
use askama::Template;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use http::StatusCode;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(home))
        .route("/login", get(login))
        .route("/login/continue", get(go_on))
        .route("/login/cancel", post(cancel))
        .route("/login/restart", post(restart))
        .route("/login/consent", get(go_on).post(consent))
}

/// An open login in this browser: what the pages of single proofs work with.
pub struct Visit {
    /// What the browser carries.
    pub ask: Ask,
    /// The same, sealed: goes into forms and addresses as `ask`.
    pub sealed: String,
    /// The portal; `None` where somebody logs in for the account page.
    pub client: Option<Client>,
}

impl Visit {
    /// The portal's name in the page's language.
    pub fn portal(&self, page: &Page) -> Option<String> {
        let client = self.client.as_ref()?;
        Some(if page.chinese() { client.name_zh.clone() } else { client.name_en.clone() })
    }

    /// The least level that will do.
    pub fn level(&self) -> Level {
        self.ask.asked.as_ref().map_or(Level::RealName, |asked| asked.request.level)
    }

    /// An address of ours that keeps this login.
    pub fn href(&self, path: &str) -> String {
        format!("{path}?ask={}", self.sealed)
    }
}

#[derive(Template)]
#[template(path = "stale.html")]
struct StalePage<'a> {
    page: &'a Page,
    why: &'static str,
    portal: Option<String>,
    ask: &'a str,
}

async fn find(app: &App, id: &ClientId) -> Result<Option<Client>, Fault> {
    app.world.store.read("find a portal", |tx| Box::pin(async move { log_in::client(tx, id).await })).await
}

/// Opens the login that a page or form names; `Err` is the page to show instead, kind and with a way on. Without `ask` it is a
/// login for the account page.
pub async fn visit(app: &App, page: &mut Page, ask: Option<&str>) -> Result<Visit, Response> {
    use axum::response::IntoResponse;
    let sealer = app.world.store.sealer();
    let Some(text) = ask else {
        let browser = page.ensure_browser(app);
        let ask = Ask::new(sealer, None, &browser, app.world.clock.now()).on(page.device());
        let sealed = ask.seal(sealer);
        return Ok(Visit { ask, sealed, client: None });
    };
    let (ask, why) = match Ask::open(sealer, text, page.browser.as_deref(), app.world.clock.now()) {
        Ok(ask) => (ask, None),
        Err(Stale::Unreadable) => {
            return Err(page.html(StatusCode::BAD_REQUEST, &StalePage { page, why: page.t(text::STALE_GONE), portal: None, ask: "" }));
        }
        Err(Stale::Old(ask)) => (*ask, Some(text::STALE_LEAD)),
        Err(Stale::OtherBrowser(ask)) if page.browser.is_none() && page.query("again").is_some() => (*ask, Some(text::STALE_COOKIE)),
        Err(Stale::OtherBrowser(ask)) => (*ask, Some(text::STALE_OTHER)),
    };
    page.prefer(ask.asked.as_ref().and_then(|asked| asked.request.ui_locales.as_deref()));
    let client = match &ask.asked {
        None => None,
        Some(asked) => {
            let found = find(app, &asked.request.client).await.map_err(IntoResponse::into_response)?;
            // Switched off, or its address taken out of the registration, while the page stood open.
            let found = found.filter(|client| client.may_answer(&asked.request));
            let Some(found) = found else { return Err(Fault::new(code::PORTAL_UNKNOWN).into_response()) };
            page.leads_to(&asked.request.redirect_uri);
            Some(found)
        }
    };
    let visit = Visit { ask, sealed: text.to_owned(), client };
    match why {
        None => Ok(visit),
        Some(why) => {
            let view = StalePage { page, why: page.t(why), portal: visit.portal(page), ask: text };
            Err(page.html(StatusCode::BAD_REQUEST, &view))
        }
    }
}

/// A portal's request begins: answered at once where that can be, otherwise a login that travels with this browser.
pub async fn begin(app: &App, mut page: Page, client: &Client, request: AuthorizationRequest) -> Result<Response, Fault> {
    let now = app.world.clock.now();
    let asked = Asked::new(request, now);
    let cookie = page.session.as_ref().map(|cookie| cookie.as_str());
    let (settled, _) = log_in::answer(&app.world, &app.provider, &asked, client, cookie).await?;
    if let Settled::Portal(_) = settled {
        return Ok(onward(app, &page, "", settled));
    }
    let browser = page.ensure_browser(app);
    let ask = Ask::new(app.world.store.sealer(), Some(asked), &browser, now).on(page.device());
    Ok(onward(app, &page, &ask.seal(app.world.store.sealer()), settled))
}

/// Where the browser goes next.
pub fn onward(app: &App, page: &Page, sealed: &str, settled: Settled) -> Response {
    match settled {
        Settled::Portal(answer) => {
            app.counters.granted.fetch_add(u64::from(answer.granted()), Ordering::Relaxed);
            page.see(answer.address())
        }
        Settled::Prove(_) => page.see(&format!("/login?ask={sealed}")),
        Settled::Consent(_) => page.see(&format!("/login/consent?ask={sealed}")),
    }
}

/// A proof succeeded and its write is committed: the new cookie, and on to what is next.
pub fn landed(app: &App, page: &mut Page, visit: &Visit, entered: &Entered, settled: Option<Settled>) -> Response {
    page.set_session(&entered.cookie);
    match settled {
        None => {
            let next = page.after_login();
            page.see(next)
        }
        Some(settled) => onward(app, page, &visit.sealed, settled),
    }
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'a> {
    page: &'a Page,
}

async fn home(page: Page) -> Response {
    page.html(StatusCode::OK, &HomePage { page: &page })
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    page: &'a Page,
    portal: Option<String>,
    agency: Option<String>,
    notice: Option<String>,
    organisation: bool,
    person_href: String,
    organisation_href: String,
    methods: Vec<MethodView>,
    passkey: bool,
    ask: &'a str,
}

struct MethodView {
    name: &'static str,
    needs: &'static str,
    level: &'static str,
    badge: &'static str,
    href: String,
    off: Option<String>,
    passkey: bool,
}

/// The style of a level's badge.
pub fn badge(level: Level) -> &'static str {
    match level {
        Level::SelfAsserted | Level::RealName => "l2",
        Level::RealPerson => "l3",
        Level::RealCredential => "l4",
    }
}

/// The page of a method, or `None` where it has none of its own.
const fn path(method: Method) -> &'static str {
    match method {
        Method::RegistryPhone => "/login/phone",
        Method::Certificate => "/login/certificate",
        Method::OrganisationCertificate => "/login/organisation",
        Method::OrganisationRepresentative => "/login/representative",
        Method::Passkey | Method::Counter => "/login",
        Method::Mandate => "/account/mandates",
    }
}

fn method(app: &App, page: &Page, visit: &Visit, method: Method) -> MethodView {
    let (name, needs) = text::method(method);
    let province = &app.world.province;
    // The highest this way can reach by itself; a representative is as sure as the person's own session.
    let level = method.authenticator_level();
    let down = match method {
        Method::RegistryPhone => province.population().is_err() || province.phone().is_err(),
        Method::OrganisationRepresentative => province.organisations().is_err(),
        Method::Passkey => app.passkeys.is_none(),
        _ => false,
    };
    let off = if down {
        Some(page.t(text::METHOD_DOWN).to_owned())
    } else if level.is_some_and(|level| level < visit.level()) {
        Some(page.t(text::METHOD_TOO_LOW).to_owned())
    } else {
        None
    };
    MethodView {
        name: page.t(name),
        needs: page.t(needs),
        level: page.t(level.map_or(text::METHOD_LEVEL_SESSION, text::level)),
        badge: level.map_or("", badge),
        href: visit.href(path(method)),
        off,
        passkey: method == Method::Passkey,
    }
}

/// Who is here and what the request still misses; `None`: nothing is missing but perhaps a consent.
async fn unmet(app: &App, page: &Page, visit: &Visit) -> Result<Option<Unmet>, Fault> {
    let (Some(asked), Some(client)) = (&visit.ask.asked, &visit.client) else { return Ok(Some(Unmet::Nobody)) };
    let (now, provider) = (app.world.clock.now(), &app.provider);
    let cookie = page.session.as_ref().map(|cookie| cookie.as_str());
    let look = app.world.store.read("look at a request", |tx| {
        Box::pin(async move {
            let here = log_in::here(tx, cookie, now).await?;
            log_in::foresee(tx, provider, asked, client, here.as_ref(), now).await
        })
    });
    Ok(match look.await? {
        Foreseen::Settled(Settled::Prove(missing)) => Some(missing),
        _ => None,
    })
}

async fn login(State(app): State<App>, mut page: Page) -> Result<Response, Fault> {
    let ask = page.query("ask").map(str::to_owned);
    let visit = match visit(&app, &mut page, ask.as_deref()).await {
        Ok(visit) => visit,
        Err(response) => return Ok(response),
    };
    let missing = unmet(&app, &page, &visit).await?;
    let level = |level: Level| page.t(text::level(level));
    let notice = match missing {
        // Back button, or another tab logged in meanwhile: nothing is missing.
        None => return Ok(page.see(&visit.href("/login/continue"))),
        Some(Unmet::Level { have, need }) => Some(text::LOGIN_STEP_UP.with(page.language, &[level(have), level(need)])),
        Some(Unmet::Again) => Some(page.t(text::LOGIN_AGAIN).to_owned()),
        Some(Unmet::Kind(SubjectKind::Organisation)) => Some(page.t(text::LOGIN_KIND_PERSON).to_owned()),
        Some(Unmet::Kind(SubjectKind::Person)) => Some(page.t(text::LOGIN_KIND_ORGANISATION).to_owned()),
        Some(Unmet::OtherSubject) => Some(page.t(text::LOGIN_OTHER).to_owned()),
        Some(Unmet::Nobody) if visit.client.is_some() && visit.level() > Level::RealName => {
            Some(text::LOGIN_NEEDS.with(page.language, &[level(visit.level())]))
        }
        Some(Unmet::Nobody) => None,
    };
    let only_organisations = visit.client.as_ref().is_some_and(|client| !client.kinds.contains(&SubjectKind::Person));
    let organisation = page.query("tab").map_or(only_organisations, |tab| tab == "organisation");
    let offered: &[Method] = if organisation {
        &[Method::OrganisationCertificate, Method::OrganisationRepresentative]
    } else {
        &[Method::Certificate, Method::Passkey, Method::RegistryPhone]
    };
    let methods: Vec<_> = offered.iter().map(|&one| method(&app, &page, &visit, one)).collect();
    let agency = match &visit.client {
        Some(client) => {
            let id = &client.agency;
            app.world.store.read("find an agency", |tx| Box::pin(async move { log_in::agency_name(tx, id).await })).await?
        }
        None => None,
    };
    let view = LoginPage {
        page: &page,
        portal: visit.portal(&page),
        agency,
        notice,
        organisation,
        person_href: format!("{}&tab=person", visit.href("/login")),
        organisation_href: format!("{}&tab=organisation", visit.href("/login")),
        passkey: methods.iter().any(|method| method.passkey && method.off.is_none()),
        methods,
        ask: &visit.sealed,
    };
    Ok(page.html(StatusCode::OK, &view))
}

fn field(body: &[u8], name: &str) -> Option<String> {
    url::form_urlencoded::parse(body).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// Back to the portal with `access_denied` (S22); also from a page that has grown stale.
async fn cancel(State(app): State<App>, page: Page, body: Bytes) -> Result<Response, Fault> {
    let text = field(&body, "ask").ok_or(Fault::new(code::LOGIN_STALE))?;
    let ask = match Ask::open(app.world.store.sealer(), &text, page.browser.as_deref(), app.world.clock.now()) {
        Ok(ask) => ask,
        Err(Stale::Old(ask) | Stale::OtherBrowser(ask)) => *ask,
        Err(Stale::Unreadable) => return Err(code::LOGIN_STALE.into()),
    };
    let Some(asked) = &ask.asked else { return Ok(page.see("/")) };
    let client = find(&app, &asked.request.client).await?.filter(|client| client.may_answer(&asked.request));
    if client.is_none() {
        return Err(code::PORTAL_UNKNOWN.into());
    }
    Ok(page.see(log_in::cancel(&app.provider, asked).address()))
}

/// The same request once more, in this browser, now.
async fn restart(State(app): State<App>, mut page: Page, body: Bytes) -> Result<Response, Fault> {
    let text = field(&body, "ask").ok_or(Fault::new(code::LOGIN_STALE))?;
    let (sealer, now) = (app.world.store.sealer(), app.world.clock.now());
    let asked = match Ask::open(sealer, &text, page.browser.as_deref(), now) {
        Ok(ask) => ask.asked,
        Err(Stale::Old(ask) | Stale::OtherBrowser(ask)) => ask.asked,
        Err(Stale::Unreadable) => return Err(code::LOGIN_STALE.into()),
    };
    let asked = asked.map(|asked| Asked::new(asked.request, now));
    let browser = page.ensure_browser(&app);
    let ask = Ask::new(sealer, asked, &browser, now).on(page.device()).seal(sealer);
    Ok(page.see(&format!("/login?ask={ask}&again=1")))
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    page: &'a Page,
    who: String,
    organisation: Option<String>,
    releases: Releases,
    ask: &'a str,
}

/// Names of claims as a form brings them.
pub fn names(text: &str) -> BTreeSet<String> {
    text.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// What a portal would receive, as a page says it.
pub struct Releases {
    /// Who receives it.
    pub lead: String,
    /// Line by line.
    pub items: Vec<String>,
    /// The names of the claims, for the form.
    pub shown: String,
}

impl Releases {
    /// Of the portal that asks; `None` where it receives nothing that has to be agreed to, or no portal asks.
    pub async fn of(app: &App, page: &Page, visit: &Visit) -> Result<Option<Self>, Fault> {
        let (Some(asked), Some(client)) = (&visit.ask.asked, &visit.client) else { return Ok(None) };
        let wishes = &asked.request.wishes;
        let released = crate::login::claims::released(client, &asked.request.scope, [&wishes.id_token, &wishes.userinfo]);
        if released.is_empty() {
            return Ok(None);
        }
        let id = &client.agency;
        let agency = app.world.store.read("find an agency", |tx| Box::pin(async move { log_in::agency_name(tx, id).await })).await?;
        let portal = visit.portal(page).unwrap_or_default();
        let mut items = vec![page.t(text::CONSENT_SUB).to_owned(), page.t(text::CONSENT_LEVEL).to_owned()];
        for name in crate::login::claims::SUPPORTED.iter().filter(|name| released.contains(*name)) {
            items.push(match *name {
                "name" => page.t(text::CONSENT_NAME).to_owned(),
                "citizen_number" => {
                    let basis = client.release.citizen_number.as_deref().unwrap_or_default();
                    format!("{} ({} {basis})", page.t(text::CONSENT_NUMBER), page.t(text::CONSENT_NUMBER_BASIS))
                }
                _ => page.t(text::CONSENT_ORGANISATION).to_owned(),
            });
        }
        if released.contains(crate::login::request::OFFLINE_ACCESS) {
            items.push(page.t(text::CONSENT_OFFLINE).to_owned());
        }
        if client.release.verified_claims && (wishes.id_token.verified.is_some() || wishes.userinfo.verified.is_some()) {
            items.push(page.t(text::CONSENT_VERIFIED).to_owned());
        }
        let lead = text::CONSENT_LEAD.with(page.language, &[&portal, agency.as_deref().unwrap_or(client.agency.as_str())]);
        Ok(Some(Self { lead, items, shown: released.iter().copied().collect::<Vec<_>>().join(" ") }))
    }
}

fn shown_as(known: &Known) -> String {
    match (&known.name, &known.number) {
        (Some(name), Some(number)) => format!("{name} {number}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => "—".into(),
    }
}

async fn consent_page(app: &App, page: &Page, visit: &Visit, sought: &ConsentSought) -> Result<Response, Fault> {
    // What is sought is what the request releases; were it otherwise, the form would not fit and the page come again.
    let Some(releases) = Releases::of(app, page, visit).await? else { return Err(Fault::new(code::SYSTEM)) };
    let view = ConsentPage {
        page,
        who: shown_as(&sought.known),
        organisation: sought.acting.as_ref().map(shown_as),
        releases,
        ask: &visit.sealed,
    };
    Ok(page.html(StatusCode::OK, &view))
}

/// Settles the request with who is here now; the consent page comes from here.
async fn go_on(State(app): State<App>, mut page: Page) -> Result<Response, Fault> {
    let ask = page.query("ask").map(str::to_owned);
    let visit = match visit(&app, &mut page, ask.as_deref()).await {
        Ok(visit) => visit,
        Err(response) => return Ok(response),
    };
    let (Some(asked), Some(client)) = (&visit.ask.asked, &visit.client) else { return Ok(page.see("/account")) };
    let cookie = page.session.as_ref().map(|cookie| cookie.as_str());
    match log_in::answer(&app.world, &app.provider, asked, client, cookie).await?.0 {
        Settled::Consent(sought) => consent_page(&app, &page, &visit, &sought).await,
        settled => Ok(onward(&app, &page, &visit.sealed, settled)),
    }
}

/// The subject agreed to what the page showed.
async fn consent(State(app): State<App>, mut page: Page, body: Bytes) -> Result<Response, Fault> {
    let ask = field(&body, "ask");
    let visit = match visit(&app, &mut page, ask.as_deref()).await {
        Ok(visit) => visit,
        Err(response) => return Ok(response),
    };
    let (Some(asked), Some(client)) = (&visit.ask.asked, &visit.client) else { return Ok(page.see("/account")) };
    let shown = names(&field(&body, "shown").unwrap_or_default());
    let cookie = page.session.as_ref().map(|cookie| cookie.as_str());
    match log_in::agree(&app.world, &app.provider, asked, client, cookie, &shown).await? {
        Settled::Consent(sought) => consent_page(&app, &page, &visit, &sought).await,
        settled => Ok(onward(&app, &page, &visit.sealed, settled)),
    }
}
