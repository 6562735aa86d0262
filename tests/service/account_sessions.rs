//! The account page's own power: all sessions on all devices, ending the others, reporting the account lost, and the counter that
//! opens it again. What hangs on a session (codes, tokens, passkeys) dies with it.

use crate::house::{Browser, House, redeem};
use crate::passkeys::{self, Authenticator};
use crate::postgres::Kind;
use http::{Method as Verb, StatusCode};
use serde_json::json;
use xinyin::ids::PartyId;
use xinyin::login::Method;
use xinyin::service::log_in;
use xinyin::store::clerks::{self, Role};
use xinyin::store::parties::PartyKind;

const WINDOWS: &str =
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36 Edg/142.0";
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Mobile/15E MicroMessenger/8.0<script>";

async fn logged_in(house: &House, party: &PartyId, agent: &str) -> Browser {
    let mut browser = house.browser();
    let reply = browser.send(Verb::GET, "/login", &[("user-agent", agent)], String::new()).await;
    let ask = reply.body.split("ask=").nth(1).unwrap().split(['&', '"']).next().unwrap().to_owned();
    browser.prove(house, Some(&ask), party, Method::Certificate).await;
    browser
}

/// An access token of this browser's session.
async fn token(house: &House, browser: &mut Browser, portal: &str, secret: &str) -> String {
    let reply = browser.authorize(portal, &[("scope", "openid")]).await;
    let tokens = redeem(house, portal, secret, &reply.sent("code").unwrap_or_else(|| panic!("{}", reply.location())), &[]).await;
    tokens.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", tokens.body)).to_owned()
}

async fn opens(house: &House, token: &str) -> StatusCode {
    house.browser().send(Verb::GET, "/userinfo", &[("authorization", &format!("Bearer {token}"))], String::new()).await.status
}

async fn here(browser: &mut Browser) -> bool {
    browser.get("/account").await.status == StatusCode::OK
}

/// Whether a proof opens the account; the error's code where it does not.
async fn enters(house: &House, party: &PartyId) -> Result<(), &'static str> {
    let (world, now) = (&house.world, house.world.clock.now());
    let enter = world.store.write("enter", |tx| {
        Box::pin(async move {
            let shown = log_in::Shown::new(party, Method::Certificate, now, "");
            let proof = log_in::add_proof(tx, &shown).await?;
            log_in::enter(tx, None, party, &proof, &json!({}), now).await
        })
    });
    enter.await.map(drop).map_err(|fault| fault.code.id)
}

async fn every_session_can_be_seen_and_ended(kind: Kind) {
    let Some(house) = House::new("account-sessions", kind).await else { return };
    let secret = house.portal("hall", json!({})).await;
    let (party, other) = (house.person().await, house.party(PartyKind::Person, "李娜", "350899199011240226").await);
    let mut desktop = logged_in(&house, &party, WINDOWS).await;
    let mut phone = logged_in(&house, &party, PHONE).await;
    let mut stranger = logged_in(&house, &other, WINDOWS).await;
    let (mine, phones, theirs) = (
        token(&house, &mut desktop, "hall", &secret).await,
        token(&house, &mut phone, "hall", &secret).await,
        token(&house, &mut stranger, "hall", &secret).await,
    );

    let page = desktop.get("/account").await.body;
    assert!(page.contains("Edge · Windows") && page.contains("微信 · iPhone"), "{page}");
    assert!(!page.contains("MicroMessenger"), "what a browser wrote is not repeated");
    let listed = page.matches("name=\"session\"").count();
    assert_eq!(listed, 1, "the other session of this account, no session of another account");
    let id = page.split("name=\"session\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();

    // Somebody else's session is not found, and lives on.
    let refused = stranger.post("/account/sessions/end", &[("session", &id)]).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert!(here(&mut phone).await);
    // Nor can another site do it.
    desktop.site = "cross-site";
    assert_eq!(desktop.post("/account/sessions/end-others", &[]).await.status, StatusCode::FORBIDDEN);
    assert_eq!(desktop.post("/account/loss", &[("confirm", "yes")]).await.status, StatusCode::FORBIDDEN);
    desktop.site = "same-origin";

    assert_eq!(desktop.post("/account/sessions/end-others", &[]).await.location(), "/account#sessions");
    assert!(here(&mut desktop).await && !here(&mut phone).await && here(&mut stranger).await);
    assert_eq!(opens(&house, &phones).await, StatusCode::UNAUTHORIZED, "the token ends with its session");
    assert_eq!((opens(&house, &mine).await, opens(&house, &theirs).await), (StatusCode::OK, StatusCode::OK));
    assert!(!desktop.get("/account").await.body.contains("end-others"), "nothing left to end");
}

async fn a_lost_account_opens_for_nobody(kind: Kind) {
    let Some(house) = House::new("account-lost", kind).await else { return };
    let secret = house.portal("hall", json!({})).await;
    let party = house.party(PartyKind::Person, "李娜", "350899199011240226").await;
    let (mut desktop, mut phone) = (logged_in(&house, &party, WINDOWS).await, logged_in(&house, &party, PHONE).await);
    let mut key = Authenticator::new(3);
    assert_eq!(passkeys::bind(&mut desktop, &mut key).await.json()["location"], "/account");
    let token = token(&house, &mut phone, "hall", &secret).await;
    // A code that is out but not redeemed yet.
    let code = phone.authorize("hall", &[("scope", "openid")]).await.sent("code").unwrap();

    assert_eq!(desktop.post("/account/loss", &[]).await.status, StatusCode::BAD_REQUEST, "only with the confirmation");
    assert!(here(&mut desktop).await);
    let done = desktop.post("/account/loss", &[("confirm", "yes")]).await;
    assert!(done.status == StatusCode::OK && done.body.contains("账号已挂失"), "{}", done.body);
    assert!(!desktop.jar.contains_key("xy-session"));
    assert!(!here(&mut desktop).await && !here(&mut phone).await);
    assert_eq!(opens(&house, &token).await, StatusCode::UNAUTHORIZED);
    assert_eq!(redeem(&house, "hall", &secret, &code, &[]).await.json()["error"], "invalid_grant");
    assert_eq!(enters(&house, &party).await, Err("XY-1430"), "no proof opens it, however strong");
    let refused = passkeys::log_in(&mut house.browser(), &mut key, None).await;
    assert!(refused.status.is_client_error(), "the passkey may be on the lost phone: {}", refused.body);
    assert_eq!(phone.post("/account/loss", &[("confirm", "yes")]).await.status, StatusCode::UNAUTHORIZED);

    // The counter. Nobody opens their own account, nor without name, number and the clerk's word.
    let (clerk, mut desk) = clerk(&house).await;
    let form = |name, number, checked| [("agency", "hall"), ("name", name), ("number", number), ("checked", checked), ("do", "lift")];
    for (name, number, status) in [
        ("张伟", "350899199011240226", StatusCode::NOT_FOUND),
        ("李娜", "350899198503120111", StatusCode::NOT_FOUND),
        ("李娜", "350899199011240227", StatusCode::BAD_REQUEST),
        ("赵敏", "350899198202141066", StatusCode::FORBIDDEN),
    ] {
        assert_eq!(desk.post("/desk/accounts", &form(name, number, "yes")).await.status, status, "{name} {number}");
    }
    let right = form("李娜", "350899199011240226", "yes");
    assert_eq!(desk.post("/desk/accounts", &form("李娜", "350899199011240226", "")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(enters(&house, &party).await, Err("XY-1430"));
    assert_eq!(desk.post("/desk/accounts", &right).await.status, StatusCode::OK);
    assert_eq!(desk.post("/desk/accounts", &right).await.status, StatusCode::NOT_FOUND, "there is nothing to lift any more");
    assert_eq!(enters(&house, &party).await, Ok(()));
    assert_eq!(opens(&house, &token).await, StatusCode::UNAUTHORIZED, "what ended stays ended");
    let refused = passkeys::log_in(&mut house.browser(), &mut key, None).await;
    assert!(refused.status.is_client_error(), "{}", refused.body);

    // Reported at the counter.
    let mut phone = logged_in(&house, &party, PHONE).await;
    let mut report = right;
    report[4] = ("do", "report");
    assert_eq!(desk.post("/desk/accounts", &report).await.status, StatusCode::OK);
    assert!(!here(&mut phone).await);
    assert_eq!(enters(&house, &party).await, Err("XY-1430"));
    assert_eq!(enters(&house, &clerk).await, Ok(()), "nobody else is touched");
}

async fn clerk(house: &House) -> (PartyId, Browser) {
    let party = house.party(PartyKind::Person, "赵敏", "350899198202141066").await;
    let (now, who) = (house.world.clock.now(), &party);
    let enrol = house
        .world
        .store
        .write("clerk", |tx| Box::pin(async move { Ok(clerks::enrol(tx, &"hall".parse().unwrap(), who, Role::Clerk, now).await?) }));
    enrol.await.unwrap();
    let browser = logged_in(house, &party, WINDOWS).await;
    (party, browser)
}

#[tokio::test]
async fn sessions_end_on_sqlite() {
    every_session_can_be_seen_and_ended(Kind::Sqlite).await;
}

#[tokio::test]
async fn sessions_end_on_postgresql() {
    every_session_can_be_seen_and_ended(Kind::Postgres).await;
}

#[tokio::test]
async fn a_loss_on_sqlite() {
    a_lost_account_opens_for_nobody(Kind::Sqlite).await;
}

#[tokio::test]
async fn a_loss_on_postgresql() {
    a_lost_account_opens_for_nobody(Kind::Postgres).await;
}
