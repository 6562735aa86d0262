//! OpenID in process: whole flows, with a clock that the test moves.

use crate::house::{CALLBACK, House, ISSUER, ask, claims, redeem};
use crate::postgres::Kind;
use http::StatusCode;
use serde_json::json;
use xinyin::login::Method;
use xinyin::store::parties::PartyKind;

#[tokio::test]
async fn metadata_names_what_there_is() {
    let house = House::sqlite("metadata").await;
    let mut browser = house.browser();
    let metadata = browser.get("/.well-known/openid-configuration").await.json();
    assert_eq!(metadata["issuer"], ISSUER);
    assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    assert_eq!(
        metadata["acr_values_supported"],
        json!(["urn:xinyin:acr:real-name", "urn:xinyin:acr:real-person", "urn:xinyin:acr:real-credential"])
    );
    let keys = browser.get("/jwks").await.json();
    let keys = keys["keys"].as_array().unwrap().clone();
    assert_eq!(keys.iter().map(|key| key["alg"].as_str().unwrap().to_owned()).collect::<std::collections::BTreeSet<_>>().len(), 2);
    assert!(keys.iter().all(|key| key.get("d").is_none() && key["use"] == "sig"));
    // Another process over the same database publishes the same keys.
    let other = xinyin::web::router(house.world.clone());
    let mut second = house.browser();
    second.jar.clear();
    let again = tower::ServiceExt::oneshot(other, http::Request::get("/jwks").body(axum::body::Body::empty()).unwrap()).await.unwrap();
    let again = http_body_util::BodyExt::collect(again.into_body()).await.unwrap().to_bytes();
    let again: serde_json::Value = serde_json::from_slice(&again).unwrap();
    assert_eq!(again["keys"].as_array().unwrap().len(), keys.len());
    for path in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint"] {
        let reply = browser.get(metadata[path].as_str().unwrap()).await;
        assert_ne!(reply.status, StatusCode::NOT_FOUND, "{path}");
    }
}

async fn whole_flow(kind: Kind, test: &str) {
    let Some(house) = House::new(test, kind).await else { return };
    let secret = house.portal("portal", json!({ "release": { "name": true } })).await;
    let person = house.person().await;
    let mut browser = house.browser();
    browser.get("/jwks").await;
    let before = house.world.store.written();
    // Asked: a page, nothing written.
    let asked = browser.authorize("portal", &[]).await;
    let ask = ask(&asked);
    assert_eq!(house.world.store.written(), before, "a visitor costs no write");
    let page = browser.get(asked.location()).await;
    assert!(page.status == StatusCode::OK && page.body.contains("办事大厅") && page.body.contains("网上办事大厅"), "{}", page.body);
    // Proved: something is released for the first time, so a page that names the portal.
    let next = browser.prove(&house, Some(&ask), &person, Method::RegistryPhone).await.unwrap();
    assert!(next.starts_with("Consent"), "{next}");
    let consent = browser.get(&format!("/login/consent?ask={ask}")).await;
    assert!(consent.body.contains("办事大厅") && consent.body.contains("姓名") && consent.body.contains("阿依古丽·买买提"));
    assert!(!consent.body.contains("350899199001010018"), "our own pages show numbers masked");
    assert!(consent.body.contains("3508**********0018"));
    // Granted.
    let granted = browser.post("/login/consent", &[("ask", &ask), ("shown", "name")]).await;
    assert_eq!(granted.status, StatusCode::SEE_OTHER, "303, so that no form is posted on");
    assert!(granted.location().starts_with(CALLBACK));
    assert_eq!((granted.sent("state").as_deref(), granted.sent("iss").as_deref()), (Some("st ate"), Some(ISSUER)));
    let code = granted.sent("code").unwrap();
    // Spent.
    let tokens = redeem(&house, "portal", &secret, &code, &[]).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    assert_eq!(tokens.headers["cache-control"], "no-store");
    assert_eq!(
        house.world.store.written() - before,
        4 - 1,
        "one write each for proof, consent with code, redemption (keys were not yet made)"
    );
    let tokens = tokens.json();
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(id_token["iss"], ISSUER);
    assert_eq!(id_token["aud"], "portal");
    assert_eq!(id_token["nonce"], "no&nce");
    assert_eq!(id_token["acr"], "urn:xinyin:acr:real-name");
    assert_eq!(id_token["amr"], json!(["otp", "sms"]));
    assert_eq!(id_token["auth_time"], house.world.clock.now().secs());
    assert!(id_token.get("name").is_none(), "by scope, claims come from userinfo");
    assert_ne!(id_token["sub"], person.as_str());
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let mut program = house.browser();
    program.accept = "application/json";
    let info = program.send(http::Method::GET, "/userinfo", &[("authorization", &bearer)], String::new()).await;
    assert_eq!(info.json(), json!({ "sub": id_token["sub"], "name": "阿依古丽·买买提", "subject_kind": "person" }));
    // Again: no page at all, and two writes.
    let before = house.world.store.written();
    let again = browser.authorize("portal", &[("state", "two")]).await;
    let code = again.sent("code").unwrap();
    let again = redeem(&house, "portal", &secret, &code, &[]).await.json();
    assert_eq!(claims(again["id_token"].as_str().unwrap())["sub"], id_token["sub"]);
    assert_eq!(house.world.store.written() - before, 2);
}

#[tokio::test]
async fn a_whole_flow_on_sqlite() {
    whole_flow(Kind::Sqlite, "whole flow").await;
}

#[tokio::test]
async fn a_whole_flow_on_postgresql() {
    whole_flow(Kind::Postgres, "whole flow").await;
}

#[tokio::test]
async fn step_up_stays_in_the_session_and_renews_the_cookie() {
    let house = House::sqlite("step-up").await;
    let secret = house.portal("portal", json!({})).await;
    let person = house.person().await;
    let mut browser = house.browser();
    let first = ask(&browser.authorize("portal", &[]).await);
    let answer = browser.prove(&house, Some(&first), &person, Method::RegistryPhone).await.unwrap();
    assert!(answer.starts_with(CALLBACK), "nothing released, no page: {answer}");
    let cookie = browser.jar["xy-session"].clone();
    house.pass(60);
    let high = [("acr_values", "urn:xinyin:acr:real-credential")];
    let asked = browser.authorize("portal", &high).await;
    let second = ask(&asked);
    let page = browser.get(asked.location()).await;
    assert!(page.body.contains("实名") && page.body.contains("实证") && page.body.contains("再用下列方式之一证明"), "{}", page.body);
    let answer = browser.prove(&house, Some(&second), &person, Method::Certificate).await.unwrap();
    assert_ne!(browser.jar["xy-session"], cookie, "a new cookie at each step-up");
    let code = url::Url::parse(&answer).unwrap().query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let token = redeem(&house, "portal", &secret, &code, &[]).await.json();
    let token = claims(token["id_token"].as_str().unwrap());
    assert_eq!((token["acr"].as_str(), &token["amr"]), (Some("urn:xinyin:acr:real-credential"), &json!(["otp", "pop", "sms"])));
    // The former cookie opens nothing any more.
    let mut thief = house.browser();
    thief.jar.insert("xy-session".into(), cookie);
    assert_eq!(thief.authorize("portal", &[("prompt", "none")]).await.sent("error").as_deref(), Some("login_required"));
    // Half an hour later the certificate no longer counts for the highest level: error, never a lower token.
    house.pass(1801);
    let silent = browser.authorize("portal", &[high[0], ("prompt", "none")]).await;
    assert_eq!(silent.sent("error").as_deref(), Some("unmet_authentication_requirements"));
    assert!(silent.sent("code").is_none());
    let essential = r#"{"id_token":{"acr":{"essential":true,"values":["urn:xinyin:acr:real-person"]}}}"#;
    let met = browser.authorize("portal", &[("claims", essential)]).await;
    let token = redeem(&house, "portal", &secret, &met.sent("code").unwrap(), &[]).await.json();
    assert_eq!(claims(token["id_token"].as_str().unwrap())["acr"], "urn:xinyin:acr:real-person");
    let unknown = r#"{"id_token":{"acr":{"essential":true,"value":"urn:other"}}}"#;
    let unmet = browser.authorize("portal", &[("claims", unknown)]).await;
    assert_eq!(unmet.sent("error").as_deref(), Some("unmet_authentication_requirements"));
}

#[tokio::test]
async fn sessions_end_and_prompts_hold() {
    let house = House::sqlite("prompts").await;
    house.portal("portal", json!({})).await;
    let person = house.person().await;
    let mut browser = house.browser();
    let none = [("prompt", "none")];
    assert_eq!(browser.authorize("portal", &none).await.sent("error").as_deref(), Some("login_required"));
    let first = ask(&browser.authorize("portal", &[]).await);
    browser.prove(&house, Some(&first), &person, Method::RegistryPhone).await;
    assert!(browser.authorize("portal", &none).await.sent("code").is_some());
    house.pass(100);
    assert_eq!(browser.authorize("portal", &[none[0], ("max_age", "99")]).await.sent("error").as_deref(), Some("login_required"));
    assert!(browser.authorize("portal", &[none[0], ("max_age", "100")]).await.sent("code").is_some());
    let again = ask(&browser.authorize("portal", &[("prompt", "login")]).await);
    house.pass(5);
    let answer = browser.prove(&house, Some(&again), &person, Method::RegistryPhone).await.unwrap();
    assert!(answer.contains("code="), "{answer}");
    // Reading our own pages is no idleness; an hour without anything is.
    house.pass(1800);
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    house.pass(1801);
    assert!(browser.authorize("portal", &none).await.sent("code").is_some());
    house.pass(3600);
    assert_eq!(browser.authorize("portal", &none).await.sent("error").as_deref(), Some("login_required"));
}

#[tokio::test]
async fn pairwise_names_differ_between_sectors_and_not_within() {
    let house = House::sqlite("pairwise").await;
    let person = house.person().await;
    let mut subs = Vec::new();
    for (id, more) in [
        ("a", json!({ "sector": "one.example" })),
        ("b", json!({ "sector": "one.example" })),
        ("c", json!({ "sector": "two.example" })),
        ("d", json!({ "subject_type": "public" })),
        ("e", json!({ "subject_type": "public" })),
    ] {
        let secret = house.portal(id, more).await;
        let mut browser = house.browser();
        let login = ask(&browser.authorize(id, &[]).await);
        let answer = browser.prove(&house, Some(&login), &person, Method::RegistryPhone).await.unwrap();
        let code = url::Url::parse(&answer).unwrap().query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let tokens = redeem(&house, id, &secret, &code, &[]).await.json();
        subs.push(claims(tokens["id_token"].as_str().unwrap())["sub"].as_str().unwrap().to_owned());
    }
    assert_eq!(subs[0], subs[1]);
    assert_ne!(subs[0], subs[2]);
    assert_eq!(subs[3], subs[4]);
    assert_ne!(subs[0], subs[3]);
    assert!(subs.iter().all(|sub| sub != person.as_str() && !sub.contains("3508")));
}

#[tokio::test]
async fn organisations_log_in_as_themselves_or_through_a_person() {
    let house = House::sqlite("organisations").await;
    house.portal("persons", json!({})).await;
    let release = json!({ "organisation": true, "name": true });
    let secret = house.portal("both", json!({ "subject_kinds": ["person", "organisation"], "release": release })).await;
    let company = house.party(PartyKind::Organisation, "连江渔业有限公司", "91350100M000100Y43").await;
    let person = house.person().await;
    // The certificate of an organisation proves the organisation, not whose hand held it.
    let mut browser = house.browser();
    let login = ask(&browser.authorize("persons", &[]).await);
    let next = browser.prove(&house, Some(&login), &company, Method::OrganisationCertificate).await.unwrap();
    assert!(next.contains("Kind"), "a portal for persons gets nobody: {next}");
    let scope = ("scope", "openid profile organisation");
    let consent = ask(&browser.authorize("both", &[scope]).await);
    let code = browser.post("/login/consent", &[("ask", &consent), ("shown", "name organisation")]).await.sent("code").unwrap();
    let tokens = redeem(&house, "both", &secret, &code, &[]).await.json();
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let info = browser.send(http::Method::GET, "/userinfo", &[("authorization", &bearer)], String::new()).await.json();
    assert_eq!(info["subject_kind"], "organisation");
    assert_eq!(
        info["organisation"],
        json!({ "name": "连江渔业有限公司", "uscc": "91350100M000100Y43", "basis": "organisation-certificate" })
    );
    assert!(info.get("name").is_none());
    // A person who acts for it stays the subject, and the level stays the person's.
    let mut browser = house.browser();
    let login = ask(&browser.authorize("both", &[scope]).await);
    browser.prove(&house, Some(&login), &person, Method::RegistryPhone).await;
    let next = browser.prove(&house, Some(&login), &company, Method::OrganisationRepresentative).await.unwrap();
    assert!(next.starts_with("Consent"), "{next}");
    let page = browser.get(&format!("/login/consent?ask={login}")).await;
    assert!(page.body.contains("您正代表") && page.body.contains("连江渔业有限公司"));
    let code = browser.post("/login/consent", &[("ask", &login), ("shown", "name organisation")]).await.sent("code").unwrap();
    let tokens = redeem(&house, "both", &secret, &code, &[]).await.json();
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["acr"], "urn:xinyin:acr:real-name");
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let info = browser.send(http::Method::GET, "/userinfo", &[("authorization", &bearer)], String::new()).await.json();
    assert_eq!((info["subject_kind"].as_str(), info["name"].as_str()), (Some("person"), Some("阿依古丽·买买提")));
    assert_eq!(info["organisation"]["basis"], "organisation-representative");
}

#[tokio::test]
async fn a_thousand_redemptions_give_one_token_on_sqlite() {
    a_thousand_redemptions(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_redemptions_give_one_token_on_postgresql() {
    a_thousand_redemptions(Kind::Postgres).await;
}

async fn a_thousand_redemptions(kind: Kind) {
    let Some(house) = House::new("thousand", kind).await else { return };
    let secret = house.portal("portal", json!({})).await;
    let person = house.person().await;
    let mut browser = house.browser();
    let login = ask(&browser.authorize("portal", &[]).await);
    let answer = browser.prove(&house, Some(&login), &person, Method::RegistryPhone).await.unwrap();
    let code = url::Url::parse(&answer).unwrap().query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let all = futures_util::future::join_all((0..1000).map(|_| redeem(&house, "portal", &secret, &code, &[]))).await;
    let good: Vec<_> = all.iter().filter(|reply| reply.status == StatusCode::OK).collect();
    assert_eq!(good.len(), 1);
    assert!(all.iter().filter(|reply| reply.status != StatusCode::OK).all(|reply| reply.json()["error"] == "invalid_grant"));
    // Somebody has the code who should not: what it gave is revoked.
    let bearer = format!("Bearer {}", good[0].json()["access_token"].as_str().unwrap());
    let info = browser.send(http::Method::GET, "/userinfo", &[("authorization", &bearer)], String::new()).await;
    assert_eq!(info.status, StatusCode::UNAUTHORIZED);
    assert!(info.headers["www-authenticate"].to_str().unwrap().contains("invalid_token"));
}

#[tokio::test]
async fn two_tabs_two_logins() {
    let house = House::sqlite("tabs").await;
    house.portal("one", json!({})).await;
    house.portal("two", json!({})).await;
    let person = house.person().await;
    let mut browser = house.browser();
    let one = ask(&browser.authorize("one", &[("state", "1")]).await);
    let two = ask(&browser.authorize("two", &[("state", "2")]).await);
    let answer = browser.prove(&house, Some(&two), &person, Method::RegistryPhone).await.unwrap();
    assert!(answer.contains("state=2"), "{answer}");
    // A portal may wish a language; the reader's own choice goes before it.
    let mut reader = house.browser();
    let english = reader.authorize("one", &[("ui_locales", "en-GB zh")]).await;
    assert!(reader.get(english.location()).await.body.contains("Choose how to log in"));
    reader.get("/login?lang=zh").await;
    assert!(reader.get(english.location()).await.body.contains("选择登录方式"));
    // The first tab has only to be reloaded.
    let page = browser.get(&format!("/login?ask={one}")).await;
    assert!(page.location().starts_with("/login/continue"), "{}", page.location());
    let next = browser.get(page.location()).await;
    assert!(next.location().starts_with(CALLBACK) && next.location().contains("state=1"));
}
