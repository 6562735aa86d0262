//! The pages of single proofs: registry and phone, certificate, legal representative. Plain forms; one script lets the browser
//! talk to the connector on the reader's machine, and everything works without it by a downloaded challenge.

use super::login_pages::{self, Releases, landed};
use super::page::{Page, Source};
use super::{App, text};
use crate::fault::{Fault, code};
use crate::ids::ChallengeId;
use crate::login::challenge::{Challenge, LARGEST_ANSWER};
use crate::service::prove::{self, CodeTried, Wanted};
use askama::Template;
use axum::body::Bytes;
use axum::extract::{Multipart, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{StatusCode, header};
use serde_json::json;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/login/phone", get(phone).post(send_code))
        .route("/login/phone/code", post(try_code))
        .route("/login/certificate", get(person_certificate).post(person_uploaded))
        .route("/login/certificate/answer", post(person_answered))
        .route("/login/organisation", get(organisation_certificate).post(organisation_uploaded))
        .route("/login/organisation/answer", post(organisation_answered))
        .route("/login/challenge.txt", get(download))
        .route("/login/representative", get(representative).post(represent))
}

/// A form's fields; numbers and codes stand in bodies only.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn read(body: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(body).into_owned().collect())
    }

    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value.as_str())
    }

    fn ask(&self) -> Option<&str> {
        Some(self.get("ask")).filter(|ask| !ask.is_empty())
    }
}

/// What a page says about a fault.
struct Alert {
    message: String,
    remedy: &'static str,
    code: &'static str,
}

impl Alert {
    fn of(page: &Page, fault: &Fault) -> Self {
        let known = fault.code;
        let (message, remedy) = if page.chinese() { (known.zh, known.remedy_zh) } else { (known.en, known.remedy_en) };
        let message = match &fault.detail {
            // The detail of a refusal at this place tells which; a system's own detail is for the log.
            Some(detail) if known.status < 500 => format!("{message} ({detail})"),
            _ => message.to_owned(),
        };
        Self { message, remedy, code: known.id }
    }
}

fn status(fault: &Fault) -> StatusCode {
    StatusCode::from_u16(fault.code.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Writes to the log what failed inside; the page tells the reader what to do.
fn noted(fault: &Fault) {
    if fault.code.status >= 500 {
        tracing::warn!(code = fault.code.id, fault = ?fault, "a proof could not be made");
    }
}

/// Opens the login, or returns the page that says why not.
macro_rules! open {
    ($app:expr, $page:expr, $ask:expr) => {
        match login_pages::visit($app, $page, $ask).await {
            Ok(visit) => visit,
            Err(response) => return Ok(response),
        }
    };
}

/// What the service needs to know of this request.
macro_rules! visit {
    ($app:expr, $page:expr, $visit:expr, $browser:expr, $source:expr) => {
        prove::Visit {
            world: &$app.world,
            provider: &$app.provider,
            ask: &$visit.ask,
            browser: $browser,
            cookie: $page.as_ref().map(|cookie| cookie.as_str()),
            source: &$source.0,
        }
    };
}

#[derive(Template)]
#[template(path = "phone.html")]
struct PhonePage<'a> {
    page: &'a Page,
    portal: Option<String>,
    back: String,
    alert: Option<Alert>,
    name: &'a str,
    ask: &'a str,
}

#[derive(Template)]
#[template(path = "phone_code.html")]
struct CodePage<'a> {
    page: &'a Page,
    portal: Option<String>,
    back: String,
    again: String,
    alert: Option<Alert>,
    releases: Option<Releases>,
    ticket: &'a str,
    ask: &'a str,
}

async fn phone(State(app): State<App>, mut page: Page) -> Result<Response, Fault> {
    let ask = page.query("ask").map(str::to_owned);
    let visit = open!(&app, &mut page, ask.as_deref());
    Ok(page.html(StatusCode::OK, &phone_page(&page, &visit, None, "")))
}

fn phone_page<'a>(page: &'a Page, visit: &'a login_pages::Visit, fault: Option<&Fault>, name: &'a str) -> PhonePage<'a> {
    let alert = fault.map(|fault| Alert::of(page, fault));
    PhonePage { page, portal: visit.portal(page), back: visit.href("/login"), alert, name, ask: &visit.sealed }
}

/// The code and, where a portal receives something, the consent come with one form.
async fn code_page<'a>(
    app: &App,
    page: &'a Page,
    visit: &'a login_pages::Visit,
    alert: Option<Alert>,
    ticket: &'a str,
) -> Result<CodePage<'a>, Fault> {
    let (back, again) = (visit.href("/login"), visit.href("/login/phone"));
    let releases = Releases::of(app, page, visit).await?;
    Ok(CodePage { page, portal: visit.portal(page), back, again, alert, releases, ticket, ask: &visit.sealed })
}

async fn send_code(State(app): State<App>, mut page: Page, source: Source, body: Bytes) -> Result<Response, Fault> {
    let fields = Fields::read(&body);
    let visit = open!(&app, &mut page, fields.ask());
    let (browser, session) = (page.ensure_browser(&app), page.session.clone());
    let sent = prove::send_code(visit!(app, session, visit, &browser, source), fields.get("name"), fields.get("number")).await;
    Ok(match sent {
        Ok(sent) => page.html(StatusCode::OK, &code_page(&app, &page, &visit, None, &sent.ticket).await?),
        Err(fault) => {
            noted(&fault);
            page.html(status(&fault), &phone_page(&page, &visit, Some(&fault), fields.get("name")))
        }
    })
}

async fn try_code(State(app): State<App>, mut page: Page, source: Source, body: Bytes) -> Result<Response, Fault> {
    let fields = Fields::read(&body);
    let mut visit = open!(&app, &mut page, fields.ask());
    visit.ask.agreed = login_pages::names(fields.get("agreed"));
    let (browser, session) = (page.ensure_browser(&app), page.session.clone());
    let ticket = fields.get("ticket");
    let tried = prove::try_code(visit!(app, session, visit, &browser, source), ticket, fields.get("code")).await?;
    let fault = match tried {
        CodeTried::In(entered) => return Ok(landed(&app, &mut page, &visit, &entered.0, entered.1)),
        CodeTried::Wrong { left } if left > 0 => {
            let fault = Fault::new(code::CODE_WRONG);
            let mut alert = Alert::of(&page, &fault);
            alert.message = format!("{} {}", alert.message, text::CODE_LEFT.with(page.language, &[&left.to_string()]));
            return Ok(page.html(status(&fault), &code_page(&app, &page, &visit, Some(alert), ticket).await?));
        }
        CodeTried::Wrong { .. } | CodeTried::Dead => Fault::new(code::CODE_DEAD),
        CodeTried::Shut(why) => Fault::new(why),
    };
    Ok(page.html(status(&fault), &phone_page(&page, &visit, Some(&fault), "")))
}

#[derive(Template)]
#[template(path = "certificate.html")]
struct CertificatePage<'a> {
    page: &'a Page,
    portal: Option<String>,
    title: &'static str,
    back: String,
    action: &'static str,
    alert: Option<Alert>,
    challenge: Option<Shown>,
    issuer: &'a str,
    ask: &'a str,
}

/// A challenge as the page shows it and hands it to the script.
struct Shown {
    text: String,
    fields: String,
    download: String,
    minutes: u64,
}

async fn person_certificate(state: State<App>, page: Page, source: Source) -> Result<Response, Fault> {
    certificate(state, page, source, Wanted::Person).await
}

async fn organisation_certificate(state: State<App>, page: Page, source: Source) -> Result<Response, Fault> {
    certificate(state, page, source, Wanted::Organisation).await
}

async fn certificate(State(app): State<App>, mut page: Page, source: Source, wanted: Wanted) -> Result<Response, Fault> {
    let ask = page.query("ask").map(str::to_owned);
    let visit = open!(&app, &mut page, ask.as_deref());
    certificate_page(&app, page, &source, &visit, wanted, None).await
}

/// The page with a fresh challenge, after a refusal with its reason.
async fn certificate_page(
    app: &App,
    mut page: Page,
    source: &Source,
    visit: &login_pages::Visit,
    wanted: Wanted,
    refused: Option<Fault>,
) -> Result<Response, Fault> {
    let (browser, session) = (page.ensure_browser(app), page.session.clone());
    page.with_connector();
    let made = prove::challenge(visit!(app, session, visit, &browser, source), wanted).await;
    let (challenge, fault) = match made {
        Ok(challenge) => (Some(shown(visit, &challenge)?), refused),
        Err(fault) => (None, Some(fault)),
    };
    let (title, action) = match wanted {
        Wanted::Person => (text::METHOD_CERTIFICATE, "/login/certificate"),
        Wanted::Organisation => (text::METHOD_ORGANISATION_CERTIFICATE, "/login/organisation"),
    };
    let view = CertificatePage {
        page: &page,
        portal: visit.portal(&page),
        title: page.t(title),
        back: visit.href("/login"),
        action,
        alert: fault.as_ref().map(|fault| Alert::of(&page, fault)),
        challenge,
        issuer: app.provider.issuer(),
        ask: &visit.sealed,
    };
    Ok(page.html(fault.as_ref().map_or(StatusCode::OK, status), &view))
}

fn shown(visit: &login_pages::Visit, challenge: &Challenge) -> Result<Shown, Fault> {
    Ok(Shown {
        text: challenge.text(),
        fields: serde_json::to_string(challenge).map_err(|error| Fault::new(code::SYSTEM).because(error))?,
        download: format!(
            "{}&nonce={}&purpose={}&issued={}",
            visit.href("/login/challenge.txt"),
            challenge.nonce(),
            challenge.purpose().as_str(),
            challenge.issued_at()
        ),
        minutes: crate::login::challenge::LIFE.as_secs() / 60,
    })
}

/// The challenge as a file, for `xinyin connector sign`; only in the browser that it was made for.
async fn download(State(app): State<App>, mut page: Page, source: Source) -> Result<Response, Fault> {
    let ask = page.query("ask").map(str::to_owned);
    let visit = open!(&app, &mut page, ask.as_deref());
    let nonce: ChallengeId = page.query("nonce").and_then(|nonce| nonce.parse().ok()).ok_or(Fault::new(code::NOT_FOUND))?;
    let (browser, session) = (page.ensure_browser(&app), page.session.clone());
    let purpose = page.query("purpose").and_then(|word| word.parse().ok()).ok_or(Fault::new(code::NOT_FOUND))?;
    let issued = page.query("issued").and_then(|time| time.parse().ok()).ok_or(Fault::new(code::NOT_FOUND))?;
    let found = prove::certificate_text(visit!(app, session, visit, &browser, source), &nonce, purpose, issued).await?;
    let found = found.ok_or(Fault::new(code::CHALLENGE_EXPIRED))?;
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"xinyin-challenge.txt\""),
    ];
    Ok(page.dress((headers, found).into_response()))
}

async fn person_uploaded(state: State<App>, page: Page, source: Source, form: Multipart) -> Result<Response, Fault> {
    uploaded(state, page, source, form, Wanted::Person).await
}

async fn organisation_uploaded(state: State<App>, page: Page, source: Source, form: Multipart) -> Result<Response, Fault> {
    uploaded(state, page, source, form, Wanted::Organisation).await
}

/// The signed answer as a file.
async fn uploaded(State(app): State<App>, mut page: Page, source: Source, form: Multipart, wanted: Wanted) -> Result<Response, Fault> {
    let (ask, answer) = read_upload(form).await?;
    let visit = open!(&app, &mut page, ask.as_deref());
    let (browser, session) = (page.ensure_browser(&app), page.session.clone());
    match prove::answer(visit!(app, session, visit, &browser, source), &answer, wanted).await {
        Ok((entered, settled)) => Ok(landed(&app, &mut page, &visit, &entered, settled)),
        Err(fault) => {
            noted(&fault);
            certificate_page(&app, page, &source, &visit, wanted, Some(fault)).await
        }
    }
}

async fn read_upload(mut form: Multipart) -> Result<(Option<String>, Vec<u8>), Fault> {
    let (mut ask, mut answer) = (None, Vec::new());
    let malformed = |_| Fault::new(code::BAD_REQUEST);
    while let Some(field) = form.next_field().await.map_err(malformed)? {
        match field.name() {
            Some("ask") => ask = Some(field.text().await.map_err(malformed)?),
            Some("answer") => answer = field.bytes().await.map_err(malformed)?.to_vec(),
            _ => {}
        }
    }
    if answer.len() > LARGEST_ANSWER {
        return Err(code::TOO_LARGE.into());
    }
    Ok((ask, answer))
}

async fn person_answered(state: State<App>, page: Page, source: Source, body: Bytes) -> Result<Response, Fault> {
    answered(state, page, source, body, Wanted::Person).await
}

async fn organisation_answered(state: State<App>, page: Page, source: Source, body: Bytes) -> Result<Response, Fault> {
    answered(state, page, source, body, Wanted::Organisation).await
}

/// The script brings the connector's answer: `{"ask": …, "answer": {…}}`. It follows the address itself.
async fn answered(State(app): State<App>, mut page: Page, source: Source, body: Bytes, wanted: Wanted) -> Result<Response, Fault> {
    let brought: serde_json::Value = serde_json::from_slice(&body).map_err(|_| Fault::new(code::ANSWER_FORM))?;
    let ask = brought.get("ask").and_then(|ask| ask.as_str());
    let Ok(visit) = login_pages::visit(&app, &mut page, ask).await else { return Err(code::LOGIN_STALE.into()) };
    let answer = brought.get("answer").map(serde_json::Value::to_string).unwrap_or_default();
    let (browser, session) = (page.ensure_browser(&app), page.session.clone());
    let (entered, settled) = prove::answer(visit!(app, session, visit, &browser, source), answer.as_bytes(), wanted).await?;
    let mut onward = landed(&app, &mut page, &visit, &entered, settled);
    let location = onward.headers_mut().remove(header::LOCATION);
    let location = location.as_ref().and_then(|value| value.to_str().ok()).unwrap_or("/account").to_owned();
    Ok(page.dress(Json(json!({ "location": location })).into_response()))
}

#[derive(Template)]
#[template(path = "representative.html")]
struct RepresentativePage<'a> {
    page: &'a Page,
    portal: Option<String>,
    back: String,
    first: String,
    alert: Option<Alert>,
    releases: Option<Releases>,
    name: &'a str,
    ask: &'a str,
}

async fn representative_page<'a>(
    app: &App,
    page: &'a Page,
    visit: &'a login_pages::Visit,
    fault: Option<&Fault>,
    name: &'a str,
) -> Result<RepresentativePage<'a>, Fault> {
    Ok(RepresentativePage {
        page,
        portal: visit.portal(page),
        back: format!("{}&tab=organisation", visit.href("/login")),
        first: format!("{}&tab=person", visit.href("/login")),
        alert: fault.map(|fault| Alert::of(page, fault)),
        releases: Releases::of(app, page, visit).await?,
        name,
        ask: &visit.sealed,
    })
}

async fn representative(State(app): State<App>, mut page: Page) -> Result<Response, Fault> {
    let ask = page.query("ask").map(str::to_owned);
    let visit = open!(&app, &mut page, ask.as_deref());
    let nobody = page.session.is_none().then(|| Fault::new(code::LOGIN_NEEDED));
    Ok(page.html(StatusCode::OK, &representative_page(&app, &page, &visit, nobody.as_ref(), "").await?))
}

async fn represent(State(app): State<App>, mut page: Page, source: Source, body: Bytes) -> Result<Response, Fault> {
    let fields = Fields::read(&body);
    let mut visit = open!(&app, &mut page, fields.ask());
    visit.ask.agreed = login_pages::names(fields.get("agreed"));
    let (browser, session) = (page.ensure_browser(&app), page.session.clone());
    match prove::represent(visit!(app, session, visit, &browser, source), fields.get("name"), fields.get("number")).await {
        Ok((entered, settled)) => Ok(landed(&app, &mut page, &visit, &entered, settled)),
        Err(fault) => {
            noted(&fault);
            Ok(page.html(status(&fault), &representative_page(&app, &page, &visit, Some(&fault), fields.get("name")).await?))
        }
    }
}
