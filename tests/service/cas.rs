//! CAS 3.0 from outside: versions 1, 2 and 3, renew, gateway, logout; what a ticket is bound to; python-cas as a portal.

use crate::house::{Browser, CALLBACK, House, Reply, ask, authorize, redeem};
use crate::peers;
use crate::postgres::Kind;
use http::StatusCode;
use serde_json::{Value, json};
use std::process::Command;
use xinyin::ids::PartyId;
use xinyin::login::Method;
use xinyin::service::log_in::{self, Validation};
use xinyin::store::parties::PartyKind;

const SERVICE: &str = "http://localhost:8442/cas?a=1";
const OTHER: &str = "http://localhost:8443/cas";
const NAME: &str = "李 & <娜>\"'";

fn at(path: &str, query: &[(&str, &str)]) -> String {
    format!("{path}?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish())
}

async fn portals(house: &House) {
    let release = json!({ "name": true, "citizen_number": "福建省政务服务条例" });
    house.portal("old", cas(&[SERVICE], release)).await;
    let mut older = cas(&[OTHER], json!({}));
    older["sector"] = json!("older.example");
    house.portal("older", older).await;
}

fn cas(services: &[&str], release: Value) -> Value {
    json!({ "redirect_uris": [], "post_logout_redirect_uris": [], "cas_services": services, "release": release })
}

async fn li(house: &House) -> PartyId {
    house.party(PartyKind::Person, NAME, "350899199011240226").await
}

/// Logs in at a service that releases something: the page, the proof, the consent.
async fn ticket(house: &House, browser: &mut Browser, party: &PartyId, more: &[(&str, &str)]) -> String {
    let query: Vec<_> = [("service", SERVICE)].iter().chain(more).copied().collect();
    // The clock stands; a session that was there before the question is older than it.
    house.pass(1);
    let landed = browser.get(&at("/cas/login", &query)).await;
    let mut address = landed.location().to_owned();
    if address.starts_with("/login?") {
        let ask = ask(&landed);
        address = browser.prove(house, Some(&ask), party, Method::Certificate).await.unwrap();
        if address.starts_with("Consent") {
            let page = browser.get(&format!("/login/consent?ask={ask}")).await;
            assert!(page.body.contains("办事大厅") && page.body.contains("<li>姓名</li>"), "{}", page.body);
            let shown = page.body.split("name=\"shown\" value=\"").nth(1).unwrap().split('"').next().unwrap();
            address = browser.post("/login/consent", &[("ask", &ask), ("shown", shown)]).await.location().to_owned();
        }
    }
    let ticket = address.strip_prefix(&format!("{SERVICE}&ticket=")).unwrap_or_else(|| panic!("{address} {}", landed.body));
    assert!(ticket.starts_with("ST-"));
    ticket.to_owned()
}

async fn validate(house: &House, path: &str, query: &[(&str, &str)]) -> Reply {
    let mut portal = house.browser();
    (portal.accept, portal.site) = ("*/*", "none");
    let reply = portal.get(&at(path, query)).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    assert!(portal.jar.is_empty());
    reply
}

async fn failure(house: &House, query: &[(&str, &str)]) -> String {
    let reply = validate(house, "/cas/p3/serviceValidate", query).await;
    assert!(!reply.body.contains("authenticationSuccess") && !reply.body.contains("cas:user"), "{}", reply.body);
    reply
        .body
        .split("authenticationFailure code=\"")
        .nth(1)
        .unwrap_or_else(|| panic!("{}", reply.body))
        .split('"')
        .next()
        .unwrap()
        .to_owned()
}

async fn every_version(kind: Kind) {
    let Some(house) = House::new("cas-versions", kind).await else { return };
    portals(&house).await;
    let (party, mut browser) = (li(&house).await, house.browser());
    let before = house.world.store.written();
    let first = ticket(&house, &mut browser, &party, &[]).await;
    let reply = validate(&house, "/cas/p3/serviceValidate", &[("service", SERVICE), ("ticket", &first)]).await;
    assert_eq!(house.world.store.written() - before, 3, "proof, consent with ticket, validation: {kind:?}");
    assert_eq!(reply.headers["content-type"], "application/xml; charset=utf-8");
    let xml = roxmltree::Document::parse(&reply.body).unwrap();
    let text = |name: &str| {
        let found = xml.descendants().find(|node| node.has_tag_name(("http://www.yale.edu/tp/cas", name)));
        found.unwrap_or_else(|| panic!("no {name}: {}", reply.body)).text().unwrap().to_owned()
    };
    assert_eq!((text("name"), text("citizen_number")), (NAME.to_owned(), "350899199011240226".to_owned()), "escaped, not broken");
    assert_eq!((text("isFromNewLogin"), text("acr")), ("true".to_owned(), "urn:xinyin:acr:real-credential".to_owned()));
    let user = text("user");
    assert!(!user.contains(party.as_str()) && user.len() == 40, "a name of its own at this portal: {user}");

    // The session is there: a second ticket without a page, in each form of validation.
    let again = ticket(&house, &mut browser, &party, &[]).await;
    let reply = validate(&house, "/cas/p3/serviceValidate", &[("service", SERVICE), ("ticket", &again), ("format", "JSON")]).await;
    let success = &reply.json()["serviceResponse"]["authenticationSuccess"];
    assert_eq!((&success["user"], &success["attributes"]["name"]), (&json!(user), &json!(NAME)));
    assert_eq!((&success["attributes"]["isFromNewLogin"], success["attributes"]["amr"].is_array()), (&json!("false"), true));
    let again = ticket(&house, &mut browser, &party, &[]).await;
    let reply = validate(&house, "/cas/serviceValidate", &[("service", SERVICE), ("ticket", &again)]).await;
    assert!(reply.body.contains(&format!("<cas:user>{user}</cas:user>")) && !reply.body.contains("cas:attributes"), "{}", reply.body);
    let again = ticket(&house, &mut browser, &party, &[]).await;
    assert_eq!(validate(&house, "/cas/validate", &[("service", SERVICE), ("ticket", &again)]).await.body, format!("yes\n{user}\n"));
    assert_eq!(validate(&house, "/cas/validate", &[("service", SERVICE), ("ticket", &again)]).await.body, "no\n", "once");

    // A portal that is registered for nothing learns a level and another name.
    let landed = browser.get(&at("/cas/login", &[("service", OTHER)])).await;
    let reply = validate(&house, "/cas/p3/serviceValidate", &[("service", OTHER), ("ticket", &landed.sent("ticket").unwrap())]).await;
    assert!(!reply.body.contains("cas:name") && !reply.body.contains("citizen_number") && !reply.body.contains(&user), "{}", reply.body);
}

#[tokio::test]
async fn every_version_on_sqlite() {
    every_version(Kind::Sqlite).await;
}

#[tokio::test]
async fn every_version_on_postgresql() {
    every_version(Kind::Postgres).await;
}

#[tokio::test]
async fn a_ticket_is_bound_to_its_service_its_minute_and_one_use() {
    let house = House::sqlite("cas-bound").await;
    portals(&house).await;
    let (party, mut browser) = (li(&house).await, house.browser());

    // Another service, even a near one: refused, and the ticket is void for its own service afterwards.
    for near in [
        OTHER,
        "http://localhost:8442/cas",
        "http://localhost:8442/cas?a=1&b=2",
        "http://localhost:8442/cas?a=1#x",
        "http://LOCALHOST:8442/cas?a=1",
    ] {
        let stolen = ticket(&house, &mut browser, &party, &[]).await;
        assert_eq!(failure(&house, &[("service", near), ("ticket", &stolen)]).await, "INVALID_SERVICE", "{near}");
        assert_eq!(failure(&house, &[("service", SERVICE), ("ticket", &stolen)]).await, "INVALID_TICKET", "void after {near}");
    }
    let late = ticket(&house, &mut browser, &party, &[]).await;
    house.pass(60);
    assert_eq!(failure(&house, &[("service", SERVICE), ("ticket", &late)]).await, "INVALID_TICKET");
    // The session ended before the validation.
    let dead = ticket(&house, &mut browser, &party, &[]).await;
    browser.post("/logout", &[]).await;
    assert_eq!(failure(&house, &[("service", SERVICE), ("ticket", &dead)]).await, "INVALID_TICKET");
    // Proxying is off, and nothing is fetched for it.
    let asks_proxy = ticket(&house, &mut browser, &party, &[]).await;
    let query = [("service", SERVICE), ("ticket", asks_proxy.as_str()), ("pgtUrl", "https://169.254.169.254/")];
    assert_eq!(failure(&house, &query).await, "UNAUTHORIZED_SERVICE_PROXY");
    // Malformed, missing, repeated; guesses cost no write.
    let before = house.world.store.written();
    let guess = format!("ST-{}", "0".repeat(64));
    for (query, code) in [
        (&[("service", SERVICE)][..], "INVALID_REQUEST"),
        (&[("ticket", guess.as_str())], "INVALID_REQUEST"),
        (&[("service", SERVICE), ("ticket", &guess), ("ticket", &guess)], "INVALID_REQUEST"),
        (&[("service", SERVICE), ("ticket", &guess)], "INVALID_TICKET"),
        (&[("service", SERVICE), ("ticket", "ST-1' OR 1=1--")], "INVALID_TICKET"),
        (&[("service", "<a>]]>&amp;"), ("ticket", "<b/>")], "INVALID_TICKET"),
    ] {
        assert_eq!(failure(&house, query).await, code, "{query:?}");
    }
    assert_eq!(house.world.store.written(), before);
    // An authorization code is no ticket.
    let secret = house.portal("openid", json!({})).await;
    let code = browser.authorize("openid", &[("scope", "openid")]).await.sent("code").unwrap();
    assert_eq!(failure(&house, &[("service", SERVICE), ("ticket", &code)]).await, "INVALID_TICKET");
    assert_eq!(redeem(&house, "openid", &secret, &code, &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn renew_gateway_and_cancel() {
    let house = House::sqlite("cas-renew").await;
    portals(&house).await;
    let (party, mut browser) = (li(&house).await, house.browser());
    let gateway = at("/cas/login", &[("service", SERVICE), ("gateway", "true")]);
    assert_eq!(browser.get(&gateway).await.location(), SERVICE, "nobody is here: back without a ticket and without a page");

    let used = ticket(&house, &mut browser, &party, &[]).await;
    assert!(
        validate(&house, "/cas/serviceValidate", &[("service", SERVICE), ("ticket", &used), ("renew", "true")])
            .await
            .body
            .contains("cas:user")
    );
    house.pass(1);
    let silent = browser.get(&gateway).await.sent("ticket").unwrap();
    assert_eq!(
        failure(&house, &[("service", SERVICE), ("ticket", &silent), ("renew", "true")]).await,
        "INVALID_TICKET",
        "not of a fresh proof"
    );
    house.pass(10);
    let page = browser.get(&at("/cas/login", &[("service", SERVICE), ("renew", "true"), ("gateway", "true")])).await;
    assert!(page.location().starts_with("/login?ask="), "renew asks whoever is here, and goes before gateway: {}", page.location());
    let cancelled = browser.post("/login/cancel", &[("ask", &ask(&page))]).await;
    assert_eq!(cancelled.location(), "/", "a way on that does not ask again at once");
    let fresh = ticket(&house, &mut browser, &party, &[("renew", "true")]).await;
    assert!(
        validate(&house, "/cas/validate", &[("service", SERVICE), ("ticket", &fresh), ("renew", "true")]).await.body.starts_with("yes")
    );
}

#[tokio::test]
async fn nobody_is_sent_to_an_address_that_is_not_registered() {
    let house = House::sqlite("cas-redirect").await;
    portals(&house).await;
    house.portal("openid", json!({})).await;
    let mut browser = house.browser();
    let party = li(&house).await;
    ticket(&house, &mut browser, &party, &[]).await;
    for service in [
        "https://evil.example/",
        "http://localhost:8442/cas?a=1&x",
        "http://localhost:8442/cas?a=1#",
        "http://localhost:8442@evil.example/cas?a=1",
        "http://localhost:8442\\@evil.example/",
        "//localhost:8442/cas?a=1",
        "http://localhost:8442/cas?a=1\r\nX: y",
        "javascript:alert(1)",
        "",
        "http://localhost:8442/cas%3fa=1",
        CALLBACK,
    ] {
        for path in ["/cas/login", "/cas/logout"] {
            let mut stranger = if path == "/cas/login" { browser.clone() } else { house.browser() };
            let reply = stranger.get(&at(path, &[("service", service), ("gateway", "true")])).await;
            assert!(
                reply.location().is_empty() || reply.location() == "/login" && service.is_empty(),
                "{path} {service}: {}",
                reply.location()
            );
        }
    }
    // Each protocol is closed to the portals of the other.
    let reply = browser.get(&authorize("old", &[("redirect_uri", SERVICE), ("scope", "openid")])).await;
    assert_eq!((reply.status, reply.location()), (StatusCode::BAD_REQUEST, ""));
    // One service, one portal.
    let hall = &"county".parse().unwrap();
    let mut thief = cas(&[SERVICE], json!({}));
    thief["client_name"] = json!("x");
    let refused = xinyin::service::portals::add(&house.world, hall, thief.to_string().as_bytes()).await;
    assert!(refused.is_err_and(|fault| fault.code == xinyin::fault::code::CONFLICT));
}

#[tokio::test]
async fn logout_asks_and_leads_back_to_the_service() {
    let house = House::sqlite("cas-logout").await;
    portals(&house).await;
    let (party, mut browser) = (li(&house).await, house.browser());
    ticket(&house, &mut browser, &party, &[]).await;
    let page = browser.get(&at("/cas/logout", &[("service", OTHER)])).await;
    assert!(
        page.status == StatusCode::OK && browser.get("/account").await.status == StatusCode::OK,
        "any site can link there: nothing ends unasked"
    );
    let back = page.body.split("name=\"back\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(browser.post("/logout", &[("back", back)]).await.location(), OTHER);
    assert_eq!(browser.get("/account").await.location(), "/login");
    assert_eq!(browser.get(&at("/cas/logout", &[("service", OTHER)])).await.location(), OTHER, "nobody to ask");
}

/// 1,000 at once: one validation succeeds.
async fn race(kind: Kind) {
    let Some(house) = House::new("cas-race", kind).await else { return };
    portals(&house).await;
    let (party, mut browser) = (li(&house).await, house.browser());
    let ticket = ticket(&house, &mut browser, &party, &[]).await;
    let all = (0..1000).map(|_| {
        let (world, ticket) = (house.world.clone(), ticket.clone());
        tokio::spawn(async move {
            let validation = Validation { service: SERVICE, ticket: &ticket, renew: false, proxy: false };
            log_in::validate(&world, &validation).await.is_ok_and(|answer| answer.is_ok())
        })
    });
    let mut good = 0;
    for one in all.collect::<Vec<_>>() {
        good += usize::from(one.await.unwrap());
    }
    assert_eq!(good, 1, "{kind:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_validations_one_success_on_sqlite() {
    race(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_validations_one_success_on_postgresql() {
    race(Kind::Postgres).await;
}

/// python-cas over a real listener, versions 1, 2 and 3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_cas_logs_in() {
    let Some(python) = peers::python("python_cas_logs_in") else { return };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://localhost:{}", listener.local_addr().unwrap().port());
    let house = House::with_issuer("python-cas", Kind::Sqlite, &issuer, true).await.unwrap();
    let app = house.app.clone();
    tokio::spawn(async move { axum::serve(listener, app).await });
    portals(&house).await;
    let (party, mut browser) = (li(&house).await, house.browser());
    let run = |version: &str, ticket: &str| {
        let mut command = Command::new(&python);
        command.arg(peers::root().join("tests/peers/cas_client.py")).args([&format!("{issuer}/cas/"), SERVICE, version, ticket]);
        let output = tokio::task::block_in_place(|| peers::run(&mut command, 60));
        assert!(output.status.success(), "{}", peers::said(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    for version in ["1", "2", "3"] {
        let login = run(version, "")["login"].as_str().unwrap().strip_prefix(&issuer).unwrap().to_owned();
        let given = match browser.get(&login).await.sent("ticket") {
            Some(ticket) => ticket,
            None => ticket(&house, &mut browser, &party, &[]).await,
        };
        let learned = run(version, &given);
        assert_eq!(learned["user"].as_str().map(str::len), Some(40), "version {version}: {learned}");
        if version == "3" {
            assert_eq!(learned["attributes"]["name"], NAME, "{learned}");
        }
        assert!(run(version, &given)["user"].is_null(), "version {version}: a ticket is good once");
    }
}
