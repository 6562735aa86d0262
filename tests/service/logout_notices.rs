//! Portals are told when a session ends: OpenID logout tokens and CAS messages, over a real listener, with retries and receipts.

use crate::house::{Browser, CALLBACK, House, claims, redeem};
use crate::postgres::Kind;
use axum::Router;
use axum::extract::{OriginalUri, State};
use axum::routing::post;
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use xinyin::ids::PartyId;
use xinyin::login::Method;
use xinyin::login::jose::{self, Jwk};
use xinyin::service::log_in::{self, Provider};

#[derive(Clone, Default)]
struct Portal {
    heard: Arc<Mutex<Vec<(String, String)>>>,
    /// What it answers, by path; 200 if missing.
    answers: Arc<Mutex<BTreeMap<String, u16>>>,
}

impl Portal {
    async fn start(&self) -> String {
        async fn hear(
            State(portal): State<Portal>,
            OriginalUri(uri): OriginalUri,
            body: String,
        ) -> (StatusCode, [(&'static str, &'static str); 1]) {
            let path = uri.path().to_owned();
            let answer = portal.answers.lock().unwrap().get(&path).copied().unwrap_or(200);
            portal.heard.lock().unwrap().push((path, body));
            (StatusCode::from_u16(answer).unwrap(), [("location", "/elsewhere")])
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let app = Router::new().fallback(post(hear)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        address
    }

    /// What came since the last look: path and the one field of the form.
    fn heard(&self) -> Vec<(String, String, String)> {
        let mut all: Vec<_> = std::mem::take(&mut *self.heard.lock().unwrap())
            .into_iter()
            .map(|(path, body)| {
                let fields: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
                assert_eq!(fields.len(), 1, "{body}");
                (path, fields[0].0.clone(), fields[0].1.clone())
            })
            .collect();
        all.sort();
        all
    }
}

async fn logged_in(house: &House, party: &PartyId) -> Browser {
    let mut browser = house.browser();
    browser.get("/login").await;
    browser.prove(house, None, party, Method::Certificate).await;
    browser
}

async fn tell(house: &House) -> usize {
    log_in::tell(&house.world, &Provider::new(&house.world)).await.unwrap()
}

/// Logs in at the OpenID portal and at the CAS portal; the claims of the ID token, and the ticket.
async fn at_both(house: &House, browser: &mut Browser, secret: &str, service: &str) -> (Value, String) {
    let code = browser.authorize("oidc", &[("scope", "openid")]).await.sent("code").unwrap();
    let tokens = redeem(house, "oidc", secret, &code, &[("redirect_uri", CALLBACK)]).await;
    let reply = browser.get(&format!("/cas/login?service={service}")).await;
    (claims(tokens.json()["id_token"].as_str().unwrap()), reply.sent("ticket").unwrap_or_else(|| panic!("{}", reply.location())))
}

async fn both_protocols(kind: Kind) {
    let Some(house) = House::new("logout-notices", kind).await else { return };
    let portal = Portal::default();
    let address = portal.start().await;
    let service = format!("{address}/cas");
    let secret = house.portal("oidc", json!({ "backchannel_logout_uri": format!("{address}/bcl") })).await;
    house.portal("old", json!({ "redirect_uris": [], "post_logout_redirect_uris": [], "cas_services": [service] })).await;
    let deaf = house.portal("deaf", json!({})).await;
    let party = house.person().await;
    let (mut browser, mut other) = (logged_in(&house, &party).await, logged_in(&house, &party).await);
    let (id_token, ticket) = at_both(&house, &mut browser, &secret, &service).await;
    let (other_token, _) = at_both(&house, &mut other, &secret, &service).await;
    assert_ne!(id_token["sid"], other_token["sid"]);
    let code = browser.authorize("deaf", &[("scope", "openid")]).await.sent("code").unwrap();
    let foreign = redeem(&house, "deaf", &deaf, &code, &[]).await;
    assert_ne!(claims(foreign.json()["id_token"].as_str().unwrap())["sid"], id_token["sid"], "portals cannot compare sessions");
    assert_eq!((tell(&house).await, portal.heard().len()), (0, 0), "nothing ended");

    browser.post("/logout", &[]).await;
    assert_eq!(tell(&house).await, 2);
    let heard = portal.heard();
    let [(bcl, token_field, token), (cas, saml_field, saml)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((bcl.as_str(), token_field.as_str(), cas.as_str(), saml_field.as_str()), ("/bcl", "logout_token", "/cas", "logoutRequest"));
    // Back-Channel Logout 1.0 §2.4 and §2.6, as a portal checks it.
    let keys: Vec<Jwk> = serde_json::from_value(house.browser().get("/jwks").await.json()["keys"].clone()).unwrap();
    let said = Value::Object(jose::verify(token, &keys).unwrap());
    for name in ["iss", "aud", "sub", "sid"] {
        assert_eq!(said[name], id_token[name], "{name}");
    }
    assert!(said["events"]["http://schemas.openid.net/event/backchannel-logout"].is_object() && said.get("nonce").is_none());
    assert!(said["jti"].as_str().is_some_and(|jti| jti.len() == 32) && said["exp"].as_i64() > said["iat"].as_i64());
    let header = claims(&format!("x.{token}"));
    assert_eq!(header["typ"], "logout+jwt");
    // CAS 3.0 appendix C.
    let xml = roxmltree::Document::parse(saml).unwrap();
    assert!(xml.root_element().has_tag_name(("urn:oasis:names:tc:SAML:2.0:protocol", "LogoutRequest")));
    let index = xml.descendants().find(|node| node.has_tag_name(("urn:oasis:names:tc:SAML:2.0:protocol", "SessionIndex"))).unwrap();
    assert_eq!(index.text(), Some(ticket.as_str()));
    assert_eq!((tell(&house).await, portal.heard().len()), (0, 0), "once");

    // The receipts, in the session that lives on.
    let page = other.get("/account").await.body;
    assert_eq!((page.matches("应用已确认").count(), page.matches("该应用不接收通知").count()), (2, 1), "{page}");
    let stranger = house.party(xinyin::store::parties::PartyKind::Person, "李娜", "350899199011240226").await;
    assert!(!logged_in(&house, &stranger).await.get("/account").await.body.contains("应用已确认"), "nobody else's");

    // A portal that fails, and one that redirects: tried again, and nothing is followed.
    portal.answers.lock().unwrap().extend([("/bcl".to_owned(), 500), ("/cas".to_owned(), 302)]);
    let (mut third, _) = (logged_in(&house, &party).await, ());
    at_both(&house, &mut third, &secret, &service).await;
    assert_eq!(third.post("/account/sessions/end-others", &[]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(tell(&house).await, 0);
    assert_eq!(
        portal.heard().iter().map(|heard| heard.0.as_str()).collect::<Vec<_>>(),
        ["/bcl", "/cas"],
        "the other session's, and no /elsewhere"
    );
    assert_eq!((tell(&house).await, portal.heard().len()), (0, 0), "not at once");
    assert!(third.get("/account").await.body.contains("正在通知"));
    portal.answers.lock().unwrap().clear();
    house.pass(30);
    assert_eq!((tell(&house).await, portal.heard().len()), (2, 2));
    assert!(!third.get("/account").await.body.contains("正在通知"));

    // An hour without use ends it, too; and who never answers is given up after a day.
    portal.answers.lock().unwrap().insert("/bcl".to_owned(), 500);
    house.pass(3601);
    assert!(log_in::expire(&house.world).await.unwrap() >= 1);
    assert_eq!(log_in::expire(&house.world).await.unwrap(), 0);
    assert_eq!((tell(&house).await, portal.heard().len()), (1, 2));
    for _ in 0..40 {
        house.pass(3600);
        tell(&house).await;
    }
    let tries = portal.heard().len();
    assert!((5..=25).contains(&tries), "{tries}");
    let mut fourth = logged_in(&house, &party).await;
    assert!(fourth.get("/account").await.body.contains("应用未答复"));
}

#[tokio::test]
async fn portals_are_told_on_sqlite() {
    both_protocols(Kind::Sqlite).await;
}

#[tokio::test]
async fn portals_are_told_on_postgresql() {
    both_protocols(Kind::Postgres).await;
}

#[tokio::test]
async fn a_loss_tells_everybody_and_nothing_readable_is_kept() {
    let house = House::sqlite("logout-loss").await;
    let portal = Portal::default();
    let address = portal.start().await;
    let service = format!("{address}/cas");
    let secret = house.portal("oidc", json!({ "backchannel_logout_uri": format!("{address}/bcl") })).await;
    house.portal("old", json!({ "redirect_uris": [], "post_logout_redirect_uris": [], "cas_services": [service] })).await;
    let party = house.person().await;
    let (mut one, mut two) = (logged_in(&house, &party).await, logged_in(&house, &party).await);
    let (_, ticket) = at_both(&house, &mut one, &secret, &service).await;
    at_both(&house, &mut two, &secret, &service).await;
    one.post("/account/loss", &[("confirm", "yes")]).await;
    assert_eq!((tell(&house).await, portal.heard().len()), (4, 4), "both sessions, both portals");
    let folder = house.world.config.folder.clone();
    for entry in std::fs::read_dir(&folder).unwrap().filter_map(|entry| std::fs::read(entry.unwrap().path()).ok()) {
        assert!(!entry.windows(ticket.len()).any(|window| window == ticket.as_bytes()), "a ticket stands in the database in the clear");
    }
    // An address that may not be called is not registered.
    for bad in ["http://portal.example/bcl", "ftp://portal.example/", "https://user@portal.example/bcl", "cn.example.app:/bcl", "/bcl"] {
        let text = json!({ "client_name": "x", "redirect_uris": [CALLBACK], "backchannel_logout_uri": bad }).to_string();
        assert!(xinyin::service::portals::add(&house.world, &"hall".parse().unwrap(), text.as_bytes()).await.is_err(), "{bad}");
    }
}
