//! The web router in process: a world with a clock that tests move, portals, people, and browsers with cookies.

use crate::postgres::{Database, Kind};
use axum::Router;
use axum::body::Body;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, Method as Verb, Request, StatusCode, header};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tower::ServiceExt;
use xinyin::config::Config;
use xinyin::ids::PartyId;
use xinyin::login::{Method, Proof};
use xinyin::moment::Moment;
use xinyin::service::log_in::{self, Ask, Provider, Settled, Shown};
use xinyin::service::portals;
use xinyin::store::{agencies, parties};
use xinyin::verify::Purpose;
use xinyin::world::{Clock, SystemDice, World};

/// A clock that stands until it is moved.
pub struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Moment {
        Moment::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// The service, in process.
pub struct House {
    pub world: Arc<World>,
    pub app: Router,
    pub clock: Arc<TestClock>,
    /// Keeps the folder.
    _database: Database,
}

pub const ISSUER: &str = "http://localhost:8440";
pub const CALLBACK: &str = "http://localhost:8441/cb";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

impl House {
    pub async fn new(test: &str, kind: Kind) -> Option<Self> {
        Self::with_issuer(test, kind, ISSUER, true).await
    }

    pub async fn sqlite(test: &str) -> Self {
        Self::new(test, Kind::Sqlite).await.expect("SQLite is built in")
    }

    pub async fn with_issuer(test: &str, kind: Kind, issuer: &str, demo: bool) -> Option<Self> {
        Self::build(test, kind, issuer, demo, 1_790_000_000_000, Default::default()).await
    }

    /// With a stand-in province to ask, and its clock's time.
    pub async fn with_lab(test: &str, kind: Kind, lab: &crate::lab::LabProcess) -> Option<Self> {
        let province = serde_json::from_value(serde_json::to_value(&lab.described.connectors).unwrap()).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let house = Self::build(test, kind, ISSUER, true, i64::try_from(now).unwrap(), province).await?;
        let roots: Vec<_> = lab.described.authorities.iter().map(|authority| authority.root.clone()).collect();
        xinyin::service::anchors::import(&house.world, &roots, &[Purpose::Person, Purpose::Organisation]).await.unwrap();
        Some(house)
    }

    async fn build(test: &str, kind: Kind, issuer: &str, demo: bool, now: i64, connectors: xinyin::province::Config) -> Option<Self> {
        let database = Database::new(test, kind).await?;
        let clock = Arc::new(TestClock(AtomicI64::new(now)));
        let (clocked, dice): (Arc<dyn Clock>, _) = (clock.clone(), Arc::new(SystemDice));
        let folder = database.folder.path().to_owned();
        let config = Config {
            issuer: issuer.to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            database: database.url.clone(),
            data: folder.clone(),
            keys: folder.join("keys"),
            agency: "hall".parse().unwrap(),
            demo,
            outbound: Vec::new(),
            timestamp: Vec::new(),
            policies: Vec::new(),
            standing: Default::default(),
            licence_seals: Vec::new(),
            sharing_accounts: Vec::new(),
            portal_anchors: Vec::new(),
            province: connectors,
            folder,
        };
        let net = World::net(&config).unwrap();
        let province = World::province(&config, &clocked, &(dice.clone() as Arc<dyn xinyin::world::Dice>)).unwrap();
        let world = Arc::new(World { clock: clocked, dice, store: database.store.clone(), net, province, config, following: None });
        let now = clock.now();
        for (id, name) in [("hall", "网上办事大厅"), ("county", "连江县行政服务中心")] {
            let id = &id.parse().unwrap();
            world.store.write("agency", |tx| Box::pin(async move { Ok(agencies::add(tx, id, name, now).await?) })).await.unwrap();
        }
        let app = xinyin::web::router(world.clone());
        Some(Self { world, app, clock, _database: database })
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    /// Registers a portal; members given here replace the usual ones. Returns its secret.
    pub async fn portal(&self, id: &str, more: serde_json::Value) -> String {
        self.portal_of("hall", id, more).await
    }

    pub async fn portal_of(&self, agency: &str, id: &str, more: serde_json::Value) -> String {
        let mut description = serde_json::json!({
            "client_id": id, "client_name": "办事大厅", "client_name_en": "Service hall", "redirect_uris": [CALLBACK],
            "post_logout_redirect_uris": ["http://localhost:8441/bye"], "token_endpoint_auth_method": "client_secret_post",
        });
        description.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let registered = portals::add(&self.world, &agency.parse().unwrap(), description.to_string().as_bytes()).await.unwrap();
        use secrecy::ExposeSecret;
        registered.secret.map(|secret| secret.expose_secret().to_owned()).unwrap_or_default()
    }

    /// A Party with a name and a number.
    pub async fn party(&self, kind: parties::PartyKind, name: &str, number: &str) -> PartyId {
        let now = self.clock.now();
        let number_kind = match kind {
            parties::PartyKind::Person => parties::AttributeKind::CitizenNumber,
            parties::PartyKind::Organisation => parties::AttributeKind::CreditCode,
        };
        let add = self.world.store.write("party", |tx| {
            Box::pin(async move {
                let (party, _) = parties::find_or_add(tx, kind, number_kind, number, now).await?;
                parties::set(tx, &party.id, parties::AttributeKind::Name, name, None, now).await?;
                Ok(party.id)
            })
        });
        add.await.unwrap()
    }

    pub async fn person(&self) -> PartyId {
        self.party(parties::PartyKind::Person, "阿依古丽·买买提", "350899199001010018").await
    }

    pub fn browser(&self) -> Browser {
        Browser { app: self.app.clone(), jar: BTreeMap::new(), accept: "text/html", language: "zh-CN", site: "same-origin" }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn location(&self) -> &str {
        self.headers.get(header::LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }

    /// A parameter of the address the answer leads to.
    pub fn sent(&self, name: &str) -> Option<String> {
        let (_, query) = self.location().split_once('?')?;
        url::form_urlencoded::parse(query.as_bytes()).find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }
}

/// A browser: cookies, and what it says about itself.
#[derive(Clone)]
pub struct Browser {
    app: Router,
    pub jar: BTreeMap<String, String>,
    pub accept: &'static str,
    pub language: &'static str,
    pub site: &'static str,
}

impl Browser {
    pub async fn send(&mut self, verb: Verb, path: &str, headers: &[(&str, &str)], body: String) -> Reply {
        self.send_octets(verb, path, headers, body.into_bytes()).await
    }

    pub async fn send_octets(&mut self, verb: Verb, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Reply {
        let path = path.strip_prefix(ISSUER).unwrap_or(path);
        let mut request = Request::builder().method(verb).uri(path).header(header::HOST, "localhost:8440");
        request = request.header(header::ACCEPT, self.accept).header(header::ACCEPT_LANGUAGE, self.language);
        request = request.header("sec-fetch-site", self.site);
        if !self.jar.is_empty() {
            let cookies = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
            request = request.header(header::COOKIE, cookies);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.app.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        self.send(Verb::GET, path, &[], String::new()).await
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.send(Verb::POST, path, &[("content-type", "application/x-www-form-urlencoded")], body).await
    }

    /// A portal's login request.
    pub async fn authorize(&mut self, client: &str, more: &[(&str, &str)]) -> Reply {
        self.get(&authorize(client, more)).await
    }

    /// What a proof's page does once the proof is good: the act, the session, the answer, in one write.
    pub async fn prove(&mut self, house: &House, ask: Option<&str>, party: &PartyId, method: Method) -> Option<String> {
        let now = house.clock.now();
        let world = &house.world;
        let browser = self.jar.get("xy-browser").cloned().unwrap_or_default();
        let ask = match ask {
            Some(ask) => Ask::open(world.store.sealer(), ask, Some(&browser), now).expect("an open login"),
            None => Ask::new(world.store.sealer(), None, &browser, now),
        };
        let (provider, ask, cookie) = (&Provider::new(world), &ask, self.jar.get("xy-session").cloned());
        let cookie = cookie.as_deref();
        let land = world.store.write("prove", |tx| {
            Box::pin(async move {
                let shown = Shown::new(party, method, now, "人口库");
                let proof: Proof = log_in::add_proof(tx, &shown).await?;
                // An organisation's proof inside a person's session does not change who is logged in.
                let here = log_in::here(tx, cookie, now).await?;
                let within = method == Method::OrganisationRepresentative || method == Method::OrganisationCertificate;
                let subject = here.filter(|_| within).map_or_else(|| party.clone(), |here| here.session.subject);
                log_in::land(tx, provider, ask, cookie, &subject, &proof, now).await
            })
        });
        let (entered, settled) = land.await.unwrap();
        self.jar.insert("xy-session".into(), entered.cookie.to_string());
        settled.map(|settled| match settled {
            Settled::Portal(answer) => answer.address().to_owned(),
            other => format!("{other:?}"),
        })
    }
}

/// The `ask` of the login page that an answer leads to.
pub fn ask(reply: &Reply) -> String {
    assert_eq!(reply.status, StatusCode::SEE_OTHER, "{}", reply.body);
    reply.sent("ask").unwrap_or_else(|| panic!("not to a page of ours: {}", reply.location()))
}

pub fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER))
}

/// The address of a portal's login request.
pub fn authorize(client: &str, more: &[(&str, &str)]) -> String {
    let challenge = challenge();
    let mut all: Vec<(&str, &str)> = vec![
        ("client_id", client),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "st ate"),
        ("nonce", "no&nce"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    all.retain(|(name, _)| !more.iter().any(|(other, _)| name == other));
    all.extend(more.iter().filter(|(_, value)| *value != "-"));
    format!("/authorize?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish())
}

/// Redeems a code as a portal does.
pub async fn redeem(house: &House, client: &str, secret: &str, code: &str, more: &[(&str, &str)]) -> Reply {
    let mut all = vec![
        ("grant_type", "authorization_code"),
        ("client_id", client),
        ("client_secret", secret),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    all.retain(|(name, value)| !value.is_empty() && !more.iter().any(|(other, _)| name == other));
    all.extend(more.iter().filter(|(_, value)| *value != "-"));
    let mut program = house.browser();
    (program.accept, program.site) = ("application/json", "none");
    program.post("/token", &all).await
}

/// The claims of a token, unverified: signatures are checked where a real client does it.
pub fn claims(token: &str) -> serde_json::Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}
