//! One request of a browser: its language, its cookies, its case number; and the pages and redirects it gets.

use super::App;
use super::text::{Language, Text};
use crate::world::random;
use askama::Template;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use std::convert::Infallible;
use zeroize::Zeroizing;

/// The number of a request, as logs and error pages show it.
#[derive(Clone, Debug)]
pub struct Case(pub String);

/// A request of a browser.
pub struct Page {
    /// The language of the page.
    pub language: Language,
    /// The case number, shown on every page.
    pub case: String,
    /// The cookie that binds login pages to this browser.
    pub browser: Option<String>,
    /// The session cookie.
    pub session: Option<Zeroizing<String>>,
    /// Browser and system, as the browser names them.
    device: String,
    /// Whether a login leads back to the clerk's desk.
    returning: bool,
    /// Whether the reader chose the language (query or cookie).
    chosen: bool,
    secure: bool,
    path: String,
    query: Vec<(String, String)>,
    set: Vec<HeaderValue>,
    policy: Policy,
}

/// What a page may do beyond our own site.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Where a form's answer may lead: the portal's origin, where it is not https.
    form: Option<String>,
    /// Whether the page talks to the connector on the reader's machine.
    connector: bool,
}

impl Policy {
    /// The Content-Security-Policy (RFC 9700 §4.16, CSP Level 3).
    pub fn header(&self) -> HeaderValue {
        let form = self.form.as_deref().unwrap_or_default();
        let connector = if self.connector { " http://127.0.0.1:* http://localhost:*" } else { "" };
        let text = format!(
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'{connector}; \
             form-action 'self' https: {form}; base-uri 'none'; frame-ancestors 'none'"
        );
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
    }
}

const LANGUAGE: &str = "xy-lang";

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// `__Host-` cookies cannot be set by another host of the domain or over plain HTTP (RFC 6265bis §4.1.3.2); on http://localhost
/// in the demo there is neither.
fn name(secure: bool, base: &str) -> String {
    if secure { format!("__Host-{base}") } else { base.to_owned() }
}

/// Browser and system of a `User-Agent`, in the words people know; never the text itself, which anybody may write.
fn device(agent: &str) -> String {
    let first = |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    // The more special first: each of them also calls itself by the names below.
    let browser = first(&[
        ("MicroMessenger/", "微信"),
        ("AlipayClient/", "支付宝"),
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("OpenHarmony", "HarmonyOS"),
        ("HarmonyOS", "HarmonyOS"),
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    [browser, system].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

impl FromRequestParts<App> for Page {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let secure = app.secure();
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let asked = query.iter().find(|(name, _)| name == "lang").and_then(|(_, value)| Language::from_tag(value));
        let chosen = asked.or_else(|| cookie(&parts.headers, LANGUAGE).and_then(Language::from_tag));
        let preferred = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).and_then(Language::preferred);
        let held = |base: &str| cookie(&parts.headers, &name(secure, base)).filter(|value| (22..=128).contains(&value.len()));
        let mut page = Self {
            language: chosen.or(preferred).unwrap_or_default(),
            case: parts.extensions.get::<Case>().map(|case| case.0.clone()).unwrap_or_default(),
            browser: held("xy-browser").map(str::to_owned),
            session: held("xy-session").map(|value| Zeroizing::new(value.to_owned())),
            device: device(parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()),
            returning: cookie(&parts.headers, &name(secure, "xy-return")) == Some("/desk"),
            chosen: chosen.is_some(),
            secure,
            path: parts.uri.path().to_owned(),
            query,
            set: Vec::new(),
            policy: Policy::default(),
        };
        if let Some(language) = asked {
            let attributes = if secure { "; Secure" } else { "" };
            page.push(&format!("{LANGUAGE}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly{attributes}", language.tag()));
        }
        Ok(page)
    }
}

impl Page {
    /// One text in the page's language.
    pub fn t(&self, text: Text) -> &'static str {
        text.say(self.language)
    }

    /// Whether the page is in Chinese.
    pub fn chinese(&self) -> bool {
        self.language == Language::Zh
    }

    /// The language that the switch offers.
    pub fn other_language(&self) -> Language {
        match self.language {
            Language::Zh => Language::En,
            Language::En => Language::Zh,
        }
    }

    /// This page in the other language. What a form had sent is not repeated: the switch leads to the page's own address.
    pub fn other_language_href(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.query.iter().filter(|(name, _)| name != "lang"));
        query.append_pair("lang", self.other_language().tag());
        format!("{}?{}", self.path, query.finish())
    }

    /// The portal's wish (`ui_locales`), unless the reader chose.
    pub fn prefer(&mut self, locales: Option<&str>) {
        if !self.chosen
            && let Some(language) = locales.and_then(Language::preferred)
        {
            self.language = language;
        }
    }

    /// A query parameter of this request.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The browser's own cookie; set now where it has none.
    pub fn ensure_browser(&mut self, app: &App) -> String {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        if let Some(browser) = &self.browser {
            return browser.clone();
        }
        let fresh = URL_SAFE_NO_PAD.encode(random::<16>(&*app.world.dice));
        self.set_cookie("xy-browser", &fresh);
        self.browser = Some(fresh.clone());
        fresh
    }

    /// Gives the browser its new session cookie.
    pub fn set_session(&mut self, secret: &str) {
        self.set_cookie("xy-session", secret);
    }

    /// Takes the session cookie away.
    pub fn clear_session(&mut self) {
        let (name, secure) = (name(self.secure, "xy-session"), if self.secure { "; Secure" } else { "" });
        self.push(&format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}"));
    }

    /// Where a login that no portal asked for leads back to: one of our own pages.
    pub fn return_to(&mut self, path: &'static str) {
        self.set_cookie("xy-return", path);
    }

    /// Where this login leads back to, once: one of the pages that [`return_to`](Self::return_to) is called with, or the account.
    pub fn after_login(&mut self) -> &'static str {
        if self.returning {
            let (name, secure) = (name(self.secure, "xy-return"), if self.secure { "; Secure" } else { "" });
            self.push(&format!("{name}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}"));
            return "/desk";
        }
        "/account"
    }

    fn set_cookie(&mut self, base: &str, value: &str) {
        let (name, secure) = (name(self.secure, base), if self.secure { "; Secure" } else { "" });
        self.push(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}"));
    }

    fn push(&mut self, cookie: &str) {
        if let Ok(mut value) = HeaderValue::from_str(cookie) {
            value.set_sensitive(true);
            self.set.push(value);
        }
    }

    /// Browser and system, as the browser names them; empty where it names none that we know.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The page's form may lead to this address: browsers hold `form-action` against redirects, too.
    pub fn leads_to(&mut self, address: &str) {
        self.policy.form = match url::Url::parse(address) {
            Ok(url) if url.scheme() == "https" => None,
            Ok(url) if url.scheme() == "http" => Some(url.origin().ascii_serialization()),
            Ok(url) => Some(format!("{}:", url.scheme())),
            Err(_) => None,
        };
    }

    /// The page's script talks to the connector on the reader's machine.
    pub fn with_connector(&mut self) {
        self.policy.connector = true;
    }

    /// A page.
    pub fn html(&self, status: StatusCode, template: &impl Template) -> Response {
        match template.render() {
            Ok(html) => self.dress((status, axum::response::Html(html)).into_response()),
            Err(error) => crate::fault::Fault::new(crate::fault::code::SYSTEM).because(error).into_response(),
        }
    }

    /// On to another address, by GET (303, RFC 9700 §4.12).
    pub fn see(&self, address: &str) -> Response {
        let Ok(location) = HeaderValue::from_str(address) else {
            return crate::fault::Fault::new(crate::fault::code::SYSTEM).into_response();
        };
        self.dress((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
    }

    /// Any other answer, with the cookies of this request.
    pub fn dress(&self, mut response: Response) -> Response {
        for cookie in &self.set {
            response.headers_mut().append(header::SET_COOKIE, cookie.clone());
        }
        response.extensions_mut().insert(self.policy.clone());
        response
    }
}

/// Where a request came from, for rate limits: the peer, or what the gateway on this machine says of it. The header is
/// believed from loopback only, and of it only the last entry, which the gateway itself wrote.
pub struct Source(pub String);

impl FromRequestParts<App> for Source {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<axum::extract::ConnectInfo<std::net::SocketAddr>>().map(|info| info.0.ip());
        let gateway = peer.is_none_or(|peer| peer.is_loopback());
        let last = parts.headers.get_all("x-forwarded-for").iter().next_back();
        let last = last.and_then(|value| value.to_str().ok()).and_then(|value| value.rsplit(',').next()).map(str::trim);
        let forwarded = last.filter(|_| gateway).and_then(|text| text.parse::<std::net::IpAddr>().ok());
        Ok(Self(forwarded.or(peer).map_or_else(|| "unknown".to_owned(), |ip| ip.to_string())))
    }
}
