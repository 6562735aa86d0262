//! Refresh tokens: rotation, the moment of grace, the end of a family; and what is looked at again each time.

use crate::house::{Browser, House, Reply, ask, claims};
use crate::postgres::Kind;
use http::{Method as Verb, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use xinyin::ids::PartyId;
use xinyin::login::Method;

fn registration() -> Value {
    json!({ "grant_types": ["authorization_code", "refresh_token"], "release": { "name": true } })
}

const OFFLINE: (&str, &str) = ("scope", "openid profile offline_access");

/// Logs in with `offline_access`, agrees, redeems: what the token endpoint said.
pub async fn offline(house: &House, browser: &mut Browser, client: &str, secret: &str, person: &PartyId) -> Value {
    let asked = browser.authorize(client, &[OFFLINE]).await;
    let address = match asked.sent("code") {
        Some(_) => asked.location().to_owned(),
        None => {
            let login = ask(&asked);
            let next = browser.prove(house, Some(&login), person, Method::RegistryPhone).await.unwrap();
            if next.starts_with("Consent") {
                let page = browser.get(&format!("/login/consent?ask={login}")).await.body;
                let shown = page.split("name=\"shown\" value=\"").nth(1).expect("a consent page").split('"').next().unwrap();
                browser.post("/login/consent", &[("ask", &login), ("shown", shown)]).await.location().to_owned()
            } else {
                next
            }
        }
    };
    let address = url::Url::parse(&address).unwrap();
    let code = address.query_pairs().find(|(name, _)| name == "code").expect("a code").1.into_owned();
    crate::house::redeem(house, client, secret, &code, &[]).await.json()
}

pub async fn refresh(house: &House, client: &str, secret: &str, token: &str, more: &[(&str, &str)]) -> Reply {
    let mut form = vec![("grant_type", "refresh_token"), ("client_id", client), ("client_secret", secret), ("refresh_token", token)];
    form.retain(|(name, value)| !value.is_empty() && !more.iter().any(|(other, _)| name == other));
    form.extend(more);
    let mut program = house.browser();
    (program.accept, program.site) = ("application/json", "none");
    program.post("/token", &form).await
}

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().unwrap_or_else(|| panic!("no {name}: {tokens}"))
}

async fn userinfo(house: &House, access: &str) -> Reply {
    let bearer = format!("Bearer {access}");
    house.browser().send(Verb::GET, "/userinfo", &[("authorization", &bearer)], String::new()).await
}

fn gone(reply: &Reply) {
    assert_eq!((reply.status, reply.json()["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_grant")), "{}", reply.body);
}

async fn rotation(kind: Kind) {
    let Some(house) = House::new("rotation", kind).await else { return };
    let secret = house.portal("portal", registration()).await;
    let other = house.portal_of("county", "other", registration()).await;
    let person = house.person().await;
    let mut browser = house.browser();
    // Asked of the user in words, and only with the scope.
    let login = ask(&browser.authorize("portal", &[OFFLINE]).await);
    browser.prove(&house, Some(&login), &person, Method::RegistryPhone).await;
    let page = browser.get(&format!("/login/consent?ask={login}")).await;
    assert!(page.body.contains("不在页面上时"), "{}", page.body);
    assert!(browser.authorize("portal", &[OFFLINE, ("prompt", "none")]).await.sent("error").as_deref() == Some("consent_required"));
    let first = offline(&house, &mut browser, "portal", &secret, &person).await;
    assert_eq!(first["scope"], "offline_access openid profile");
    let online = browser.authorize("portal", &[]).await.sent("code").unwrap();
    let online = crate::house::redeem(&house, "portal", &secret, &online, &[]).await.json();
    assert!(online.get("refresh_token").is_none(), "no scope, no token");
    // Once round: new tokens, the old login.
    house.pass(3600);
    let second = refresh(&house, "portal", &secret, text(&first, "refresh_token"), &[]).await;
    assert_eq!((second.status, second.headers["cache-control"].to_str().unwrap()), (StatusCode::OK, "no-store"), "{}", second.body);
    let second = second.json();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    let (before, after) = (claims(text(&first, "id_token")), claims(text(&second, "id_token")));
    for same in ["iss", "sub", "aud", "auth_time", "acr", "amr"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert!(after.get("nonce").is_none() && after["iat"].as_i64() > before["iat"].as_i64());
    assert_eq!(userinfo(&house, text(&second, "access_token")).await.json()["name"], "阿依古丽·买买提");
    // The answer was lost: within the grace the same answer again; afterwards it is theft.
    house.pass(9);
    let again = refresh(&house, "portal", &secret, text(&first, "refresh_token"), &[]).await.json();
    assert_eq!((&again["refresh_token"], &again["access_token"]), (&second["refresh_token"], &second["access_token"]));
    assert_eq!(again["expires_in"], 600 - 9);
    // Another portal gets nothing, and ends nothing.
    gone(&refresh(&house, "other", &other, text(&second, "refresh_token"), &[]).await);
    gone(&refresh(&house, "other", &other, text(&first, "refresh_token"), &[]).await);
    let third = refresh(&house, "portal", &secret, text(&second, "refresh_token"), &[]).await.json();
    // Its successor was used, so the grace is over although the clock has not moved.
    gone(&refresh(&house, "portal", &secret, text(&first, "refresh_token"), &[]).await);
    gone(&refresh(&house, "portal", &secret, text(&third, "refresh_token"), &[]).await);
    assert_eq!(userinfo(&house, text(&third, "access_token")).await.status, StatusCode::UNAUTHORIZED, "the family is over");
    // Late reuse, too.
    let first = offline(&house, &mut browser, "portal", &secret, &person).await;
    let second = refresh(&house, "portal", &secret, text(&first, "refresh_token"), &[]).await.json();
    house.pass(10);
    gone(&refresh(&house, "portal", &secret, text(&first, "refresh_token"), &[]).await);
    gone(&refresh(&house, "portal", &secret, text(&second, "refresh_token"), &[]).await);
}

#[tokio::test]
async fn refresh_tokens_rotate_and_die_of_reuse_on_sqlite() {
    rotation(Kind::Sqlite).await;
}

#[tokio::test]
async fn refresh_tokens_rotate_and_die_of_reuse_on_postgresql() {
    rotation(Kind::Postgres).await;
}

async fn a_thousand(kind: Kind) {
    let Some(house) = House::new("thousand refreshes", kind).await else { return };
    let secret = house.portal("portal", registration()).await;
    let person = house.person().await;
    let mut browser = house.browser();
    let first = offline(&house, &mut browser, "portal", &secret, &person).await;
    let token = text(&first, "refresh_token");
    let all = futures_util::future::join_all((0..1000).map(|_| refresh(&house, "portal", &secret, token, &[]))).await;
    assert!(all.iter().all(|reply| reply.status == StatusCode::OK), "{}", all.iter().find(|r| r.status != StatusCode::OK).unwrap().body);
    for name in ["refresh_token", "access_token"] {
        let given: BTreeSet<String> = all.iter().map(|reply| text(&reply.json(), name).to_owned()).collect();
        assert_eq!(given.len(), 1, "exactly one rotation: {name}");
    }
    let next = text(&all[0].json(), "refresh_token").to_owned();
    assert_eq!(refresh(&house, "portal", &secret, &next, &[]).await.status, StatusCode::OK);
    // Once the grace is over a thousand more get nothing, and what was given is dead.
    house.pass(11);
    let late = futures_util::future::join_all((0..1000).map(|_| refresh(&house, "portal", &secret, token, &[]))).await;
    late.iter().for_each(gone);
    gone(&refresh(&house, "portal", &secret, &next, &[]).await);
}

#[tokio::test]
async fn a_thousand_refreshes_rotate_once_on_sqlite() {
    a_thousand(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_refreshes_rotate_once_on_postgresql() {
    a_thousand(Kind::Postgres).await;
}

#[tokio::test]
async fn each_refresh_looks_again() {
    let house = House::sqlite("refresh looks again").await;
    let secret = house.portal("portal", registration()).await;
    let plain = house.portal("plain", json!({ "release": { "name": true } })).await;
    let person = house.person().await;
    let mut browser = house.browser();
    let none = offline(&house, &mut browser, "plain", &plain, &person).await;
    assert!(none.get("refresh_token").is_none() && none["scope"] == "openid profile", "not registered for it: {none}");
    let reply = refresh(&house, "plain", &plain, "x", &[]).await;
    assert_eq!(reply.json()["error"], "unauthorized_client");
    // Malformed and unknown.
    for (more, error) in [
        (vec![("refresh_token", "")], "invalid_request"),
        (vec![("refresh_token", "guess")], "invalid_grant"),
        (vec![("client_secret", "wrong")], "invalid_client"),
    ] {
        assert_eq!(refresh(&house, "portal", &secret, "x", &more).await.json()["error"], error, "{more:?}");
    }
    // Scope: narrower is kept in the token, wider is refused and spends nothing.
    let tokens = offline(&house, &mut browser, "portal", &secret, &person).await;
    let token = text(&tokens, "refresh_token");
    let wide = refresh(&house, "portal", &secret, token, &[("scope", "openid citizen_number")]).await;
    assert_eq!(wide.json()["error"], "invalid_scope");
    let narrow = refresh(&house, "portal", &secret, token, &[("scope", "openid")]).await.json();
    assert_eq!(narrow["scope"], "openid");
    let info = userinfo(&house, text(&narrow, "access_token")).await.json();
    assert!(info.get("name").is_none() && info["sub"].is_string(), "{info}");
    let whole = refresh(&house, "portal", &secret, text(&narrow, "refresh_token"), &[]).await.json();
    assert_eq!(whole["scope"], "offline_access openid profile");
    // An access token or a code is no refresh token.
    gone(&refresh(&house, "portal", &secret, text(&whole, "access_token"), &[]).await);
    // Logging out ends it; so does a withdrawn consent.
    let mut other = house.browser();
    let tokens = offline(&house, &mut other, "portal", &secret, &person).await;
    other.post("/logout", &[]).await;
    gone(&refresh(&house, "portal", &secret, text(&tokens, "refresh_token"), &[]).await);
    let kept = refresh(&house, "portal", &secret, text(&whole, "refresh_token"), &[]).await;
    assert_eq!(kept.status, StatusCode::OK, "the other session's stays");
    let account = browser.get("/account").await.body;
    assert!(account.contains("不在页面上时"), "{account}");
    let consents: Vec<&str> = account.split("name=\"consent\" value=\"").skip(1).map(|part| part.split('"').next().unwrap()).collect();
    for consent in consents {
        browser.post("/account/consents/withdraw", &[("consent", consent)]).await;
    }
    gone(&refresh(&house, "portal", &secret, text(&kept.json(), "refresh_token"), &[]).await);
    // Two weeks unused, or ninety days however often it is used.
    let tokens = offline(&house, &mut house.browser(), "portal", &secret, &person).await;
    house.pass(14 * 24 * 3600);
    gone(&refresh(&house, "portal", &secret, text(&tokens, "refresh_token"), &[]).await);
    let mut tokens = offline(&house, &mut house.browser(), "portal", &secret, &person).await;
    for _ in 0..8 {
        house.pass(11 * 24 * 3600);
        let reply = refresh(&house, "portal", &secret, text(&tokens, "refresh_token"), &[]).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        tokens = reply.json();
    }
    house.pass(2 * 24 * 3600);
    gone(&refresh(&house, "portal", &secret, text(&tokens, "refresh_token"), &[]).await);
    // The proof of identity behind it was taken back: the level falls below what the portal wants.
    let tokens = offline(&house, &mut house.browser(), "portal", &secret, &person).await;
    let (party, now) = (&person, house.world.clock.now());
    let take_back = house.world.store.write("take proofs back", |tx| {
        Box::pin(async move {
            for proof in xinyin::store::proofs::of_party(tx, party).await? {
                xinyin::store::proofs::revoke(tx, &proof.id, now).await?;
            }
            Ok(())
        })
    });
    take_back.await.unwrap();
    gone(&refresh(&house, "portal", &secret, text(&tokens, "refresh_token"), &[]).await);
    assert_eq!(userinfo(&house, text(&tokens, "access_token")).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_fails_to_authenticate_learns_nothing() {
    let house = House::sqlite("client oracle").await;
    house.portal("posting", json!({})).await;
    house.portal("basic", json!({ "token_endpoint_auth_method": "client_secret_basic" })).await;
    house.portal("public", json!({ "token_endpoint_auth_method": "none" })).await;
    let mut program = house.browser();
    (program.accept, program.site) = ("application/json", "none");
    let mut bodies = BTreeSet::new();
    for (client, secret) in [
        ("nobody", None),
        ("posting", None),
        ("basic", None),
        ("nobody", Some("x")),
        ("posting", Some("x")),
        ("basic", Some("x")),
        ("public", Some("x")),
        ("n o", None),
    ] {
        let mut form = vec![("grant_type", "authorization_code"), ("code", "x"), ("client_id", client)];
        form.extend(secret.map(|secret| ("client_secret", secret)));
        let reply = program.post("/token", &form).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{client}");
        bodies.insert(reply.body);
    }
    for header in ["Basic", "Basic !!!", "Basic bm9ib2R5Ong=", "Basic YmFzaWM6eA=="] {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let reply =
            program.send(Verb::POST, "/token", &[kind, ("authorization", header)], "grant_type=authorization_code&code=x".into()).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{header}");
        bodies.insert(reply.body);
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
}
