//! What the provider refuses, and how kindly: the items of RFC 9700 that can be seen from outside, RFC 6749 §5.2, RFC 6750 §3.

use crate::house::{Browser, CALLBACK, House, ISSUER, ask, authorize, claims, redeem};
use crate::postgres::Kind;
use http::{Method as Verb, StatusCode};
use serde_json::json;
use xinyin::ids::PartyId;
use xinyin::login::Method;

/// Logs a person in at a portal that releases nothing; returns the code.
async fn code(house: &House, browser: &mut Browser, client: &str, person: &PartyId) -> String {
    let asked = browser.authorize(client, &[]).await;
    let address = match asked.sent("code") {
        Some(_) => asked.location().to_owned(),
        None => browser.prove(house, Some(&ask(&asked)), person, Method::RegistryPhone).await.unwrap(),
    };
    let url = url::Url::parse(&address).unwrap();
    url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
}

#[tokio::test]
async fn nobody_is_sent_to_an_unregistered_address() {
    let house = House::sqlite("redirects").await;
    house.portal("portal", json!({})).await;
    let mut browser = house.browser();
    for sent in [
        format!("{CALLBACK}/"),
        format!("{CALLBACK}?x"),
        format!("{CALLBACK}#x"),
        CALLBACK.replace("/cb", "/%63b"),
        CALLBACK.replace("localhost", "LOCALHOST"),
        CALLBACK.replace("localhost", "localhost.evil.example"),
        CALLBACK.replace("http://", "http://localhost:8441@evil.example/"),
        CALLBACK.replace("http://", "//"),
        CALLBACK.replace(":8441", ":8442"),
        "javascript:alert(1)".to_owned(),
        "-".to_owned(),
    ] {
        let reply = browser.authorize("portal", &[("redirect_uri", &sent)]).await;
        assert_eq!((reply.status, reply.location()), (StatusCode::BAD_REQUEST, ""), "{sent}");
        assert!(!reply.body.contains("<script"), "{sent}");
    }
    // S23: the developer sees both addresses and where they part.
    let reply = browser.authorize("portal", &[("redirect_uri", &format!("{CALLBACK}/"))]).await;
    assert!(reply.body.contains(&format!("{CALLBACK}<mark>/</mark>")) && reply.body.contains("已登记的地址"), "{}", reply.body);
    // Other mistakes that nobody is told of at the address.
    for wrong in [
        authorize("nobody", &[]),
        authorize("portal", &[("client_id", "-")]),
        format!("{}&state=again", authorize("portal", &[])),
        format!("{}&redirect_uri=https%3A%2F%2Fevil.example", authorize("portal", &[])),
    ] {
        let reply = browser.get(&wrong).await;
        assert_eq!((reply.status, reply.location()), (StatusCode::BAD_REQUEST, ""), "{wrong}");
    }
    // A user sees neither address.
    let house = House::with_issuer("redirects", Kind::Sqlite, "https://id.example", false).await.unwrap();
    house.portal("portal", json!({})).await;
    let reply = house.browser().authorize("portal", &[("redirect_uri", &format!("{CALLBACK}/"))]).await;
    assert!(reply.status == StatusCode::BAD_REQUEST && !reply.body.contains(CALLBACK) && reply.body.contains("您没有做错什么"));
    house.portal("young", json!({ "developer": true })).await;
    let reply = house.browser().authorize("young", &[("redirect_uri", &format!("{CALLBACK}/"))]).await;
    assert!(reply.body.contains(CALLBACK));
}

#[tokio::test]
async fn mistakes_go_back_with_state_and_issuer() {
    let house = House::sqlite("mistakes").await;
    house.portal("portal", json!({})).await;
    let mut browser = house.browser();
    for (name, value, error) in [
        ("code_challenge", "-", "invalid_request"),
        ("code_challenge_method", "-", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "id_token", "unsupported_response_type"),
        ("response_type", "code token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("scope", "profile", "invalid_scope"),
        ("prompt", "none login", "invalid_request"),
        ("max_age", "soon", "invalid_request"),
        ("request", "eyJ", "request_not_supported"),
        ("request_uri", "https://portal.example/r", "request_uri_not_supported"),
    ] {
        let reply = browser.authorize("portal", &[(name, value)]).await;
        assert!(reply.location().starts_with(CALLBACK), "{name}={value}: {}", reply.body);
        assert_eq!(reply.sent("error").as_deref(), Some(error), "{name}={value}");
        assert_eq!((reply.sent("state").as_deref(), reply.sent("iss").as_deref()), (Some("st ate"), Some(ISSUER)));
        assert!(!reply.location().contains('#'));
    }
    // By POST the same, by way of GET.
    let address = authorize("portal", &[]);
    let (_, query) = address.split_once('?').unwrap();
    browser.site = "cross-site";
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    let reply = browser.send(Verb::POST, "/authorize", &kind, query.to_owned()).await;
    assert_eq!((reply.status, reply.location()), (StatusCode::SEE_OTHER, address.as_str()));
    browser.site = "same-origin";
    assert!(!ask(&browser.get(&address).await).is_empty());
}

#[tokio::test]
async fn cancelling_and_waiting_always_lead_on() {
    let house = House::sqlite("kindness").await;
    house.portal("portal", json!({})).await;
    let person = house.person().await;
    let mut browser = house.browser();
    let asked = browser.authorize("portal", &[]).await;
    let login = ask(&asked);
    let cancelled = browser.post("/login/cancel", &[("ask", &login)]).await;
    assert_eq!((cancelled.sent("error").as_deref(), cancelled.sent("state").as_deref()), (Some("access_denied"), Some("st ate")));
    assert_eq!(cancelled.sent("iss").as_deref(), Some(ISSUER));
    // The back button after cancelling: the page is still good.
    assert_eq!(browser.get(asked.location()).await.status, StatusCode::OK);
    // Forty minutes later: a page that says so, with a button.
    house.pass(40 * 60);
    let stale = browser.get(asked.location()).await;
    assert!(stale.status == StatusCode::BAD_REQUEST && stale.body.contains("页面停留太久了") && stale.body.contains("办事大厅"));
    let anew = browser.post("/login/restart", &[("ask", &login)]).await;
    let fresh = ask(&anew);
    assert_eq!(browser.get(anew.location()).await.status, StatusCode::OK);
    let answer = browser.prove(&house, Some(&fresh), &person, Method::RegistryPhone).await.unwrap();
    assert!(answer.contains("code=") && answer.contains("state=st+ate"), "{answer}");
    assert!(browser.post("/login/cancel", &[("ask", &login)]).await.sent("error").is_some(), "a stale page can be cancelled, too");
    // Who starts is who finishes: another browser has to begin anew.
    let mut other = house.browser();
    let strange = other.get(&format!("/login?ask={fresh}")).await;
    assert!(strange.status == StatusCode::BAD_REQUEST && strange.body.contains("不是在此浏览器中打开的"));
    let own = other.post("/login/restart", &[("ask", &fresh)]).await;
    assert_eq!(other.get(own.location()).await.status, StatusCode::OK);
    // Without cookies the page says what is wrong instead of going in circles.
    other.jar.clear();
    let blocked = other.get(own.location()).await;
    assert!(blocked.body.contains("Cookie"), "{}", blocked.body);
    for junk in ["", "x", "AAAA", &login[1..], &login[..login.len() - 2]] {
        let reply = other.get(&format!("/login?ask={junk}")).await;
        assert!(reply.status == StatusCode::BAD_REQUEST && reply.body.contains("/login"), "{junk}");
    }
}

#[tokio::test]
async fn a_code_serves_its_portal_address_verifier_and_minute() {
    let house = House::sqlite("codes").await;
    let secret = house.portal("portal", json!({})).await;
    let other = house.portal_of("county", "other", json!({})).await;
    let person = house.person().await;
    let mut browser = house.browser();
    for (more, status, error) in [
        (vec![("code_verifier", "-")], 400, "invalid_grant"),
        (vec![("code_verifier", "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong")], 400, "invalid_grant"),
        (vec![("redirect_uri", "-")], 400, "invalid_grant"),
        (vec![("redirect_uri", "http://localhost:8441/cb/")], 400, "invalid_grant"),
        (vec![("grant_type", "password")], 400, "unsupported_grant_type"),
        (vec![("grant_type", "-")], 400, "invalid_request"),
        (vec![("code", "-")], 400, "invalid_request"),
        (vec![("code", "guess")], 400, "invalid_grant"),
        (vec![("client_secret", "wrong")], 401, "invalid_client"),
        (vec![("client_secret", "-")], 401, "invalid_client"),
        (vec![("client_id", "nobody")], 401, "invalid_client"),
        (vec![("client_id", "other"), ("client_secret", &other)], 400, "invalid_grant"),
    ] {
        let fresh = code(&house, &mut browser, "portal", &person).await;
        let reply = redeem(&house, "portal", &secret, more.iter().find(|(n, _)| *n == "code").map_or(&fresh, |_| ""), &more).await;
        assert_eq!((reply.status.as_u16(), reply.json()["error"].as_str()), (status, Some(error)), "{more:?} {}", reply.body);
        assert_eq!(reply.headers["cache-control"], "no-store");
    }
    // A wrong verifier spends the code: no second guess.
    let fresh = code(&house, &mut browser, "portal", &person).await;
    let wrong = [("code_verifier", "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong")];
    redeem(&house, "portal", &secret, &fresh, &wrong).await;
    assert_eq!(redeem(&house, "portal", &secret, &fresh, &[]).await.json()["error"], "invalid_grant");
    // Another portal's try does not.
    let fresh = code(&house, &mut browser, "portal", &person).await;
    redeem(&house, "other", &other, &fresh, &[]).await;
    assert_eq!(redeem(&house, "portal", &secret, &fresh, &[]).await.status, StatusCode::OK);
    let fresh = code(&house, &mut browser, "portal", &person).await;
    house.pass(60);
    assert_eq!(redeem(&house, "portal", &secret, &fresh, &[]).await.json()["error"], "invalid_grant");
    // Query strings and other bodies are no form.
    let json_body = [("content-type", "application/json")];
    let reply = browser.send(Verb::POST, "/token", &json_body, "{}".into()).await;
    assert_eq!(reply.json()["error"], "invalid_request");
    assert_eq!(browser.get("/token?grant_type=authorization_code").await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn portals_authenticate_as_they_are_registered() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let house = House::sqlite("client authentication").await;
    let basic = house.portal("basic", json!({ "token_endpoint_auth_method": "client_secret_basic" })).await;
    house.portal("public", json!({ "token_endpoint_auth_method": "none" })).await;
    let person = house.person().await;
    let mut browser = house.browser();
    let fresh = code(&house, &mut browser, "basic", &person).await;
    assert_eq!(redeem(&house, "basic", &basic, &fresh, &[]).await.json()["error"], "invalid_client", "not by form");
    let header = format!("Basic {}", STANDARD.encode(format!("basic:{basic}")));
    let form = format!(
        "grant_type=authorization_code&code={fresh}&redirect_uri={}&code_verifier={}",
        url::form_urlencoded::byte_serialize(CALLBACK.as_bytes()).collect::<String>(),
        crate::house::VERIFIER
    );
    let kind = ("content-type", "application/x-www-form-urlencoded");
    for bad in ["Basic", "Basic !!!", "Basic YQ==", "Bearer x", &header.replace("Basic ", "Basic A")] {
        let reply = browser.send(Verb::POST, "/token", &[kind, ("authorization", bad)], form.clone()).await;
        assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{bad}: {}", reply.body);
        assert!(reply.headers.contains_key("www-authenticate"));
    }
    let both = browser.send(Verb::POST, "/token", &[kind, ("authorization", &header)], format!("{form}&client_secret=x")).await;
    assert_eq!(both.json()["error"], "invalid_request");
    let good = browser.send(Verb::POST, "/token", &[kind, ("authorization", &header)], form).await;
    assert_eq!(good.status, StatusCode::OK, "{}", good.body);
    let fresh = code(&house, &mut browser, "public", &person).await;
    assert_eq!(redeem(&house, "public", "", &fresh, &[]).await.status, StatusCode::OK);
    let fresh = code(&house, &mut browser, "public", &person).await;
    assert_eq!(redeem(&house, "public", "made-up", &fresh, &[]).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn access_tokens_open_userinfo_only_in_the_header_and_for_ten_minutes() {
    let house = House::sqlite("userinfo").await;
    let secret = house.portal("portal", json!({})).await;
    let person = house.person().await;
    let mut browser = house.browser();
    let fresh = code(&house, &mut browser, "portal", &person).await;
    let tokens = redeem(&house, "portal", &secret, &fresh, &[]).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    let bearer = format!("Bearer {token}");
    for (path, headers) in [
        (format!("/userinfo?access_token={token}"), vec![]),
        ("/userinfo".to_owned(), vec![("authorization", "Bearer x")]),
        ("/userinfo".to_owned(), vec![("authorization", "Basic eDp5")]),
    ] {
        assert_eq!(browser.send(Verb::GET, &path, &headers, String::new()).await.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let ok = browser.send(Verb::POST, "/userinfo", &[("authorization", &bearer)], String::new()).await;
    assert_eq!(ok.status, StatusCode::OK);
    house.pass(601);
    let late = browser.send(Verb::GET, "/userinfo", &[("authorization", &bearer)], String::new()).await;
    assert_eq!(late.status, StatusCode::UNAUTHORIZED);
    // An ID token is no access token.
    let id_token = format!("Bearer {}", tokens["id_token"].as_str().unwrap());
    assert_eq!(browser.send(Verb::GET, "/userinfo", &[("authorization", &id_token)], String::new()).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn consents_name_one_portal_and_can_be_taken_back() {
    let house = House::sqlite("consents").await;
    let release = json!({ "release": { "name": true, "citizen_number": "行政许可法 第三十一条", "verified_claims": true } });
    let secret = house.portal("portal", release.clone()).await;
    house.portal_of("county", "neighbour", release).await;
    let person = house.person().await;
    let mut browser = house.browser();
    let login = ask(&browser.authorize("portal", &[]).await);
    browser.prove(&house, Some(&login), &person, Method::RegistryPhone).await;
    // What was not shown is not agreed to.
    let tampered = browser.post("/login/consent", &[("ask", &login), ("shown", "name citizen_number")]).await;
    assert_eq!(tampered.status, StatusCode::OK, "the page again");
    let granted = browser.post("/login/consent", &[("ask", &login), ("shown", "name")]).await;
    let tokens = redeem(&house, "portal", &secret, &granted.sent("code").unwrap(), &[]).await.json();
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    // More than was agreed to asks again; so does another portal; so does prompt=consent.
    let number = [("scope", "openid profile citizen_number")];
    let more = browser.authorize("portal", &number).await;
    assert!(more.location().starts_with("/login/consent"), "{}", more.location());
    assert!(browser.get(more.location()).await.body.contains("行政许可法 第三十一条"));
    let silent = browser.authorize("portal", &[number[0], ("prompt", "none")]).await;
    assert_eq!(silent.sent("error").as_deref(), Some("consent_required"));
    assert!(browser.authorize("neighbour", &[]).await.location().starts_with("/login/consent"));
    house.pass(1);
    assert!(browser.authorize("portal", &[("prompt", "consent")]).await.location().starts_with("/login/consent"));
    // verified_claims, released as registered.
    let wish = r#"{"id_token":{"verified_claims":{"verification":{"trust_framework":null,"time":null,"verifier":null,"evidence":null},"claims":{"citizen_number":null}}}}"#;
    let login = ask(&browser.authorize("portal", &[("claims", wish)]).await);
    let granted = browser.post("/login/consent", &[("ask", &login), ("shown", "citizen_number name")]).await;
    let verified = redeem(&house, "portal", &secret, &granted.sent("code").unwrap(), &[]).await.json();
    let verified = claims(verified["id_token"].as_str().unwrap())["verified_claims"].clone();
    assert_eq!(verified["claims"], json!({ "citizen_number": "350899199001010018" }));
    assert_eq!(verified["verification"]["verifier"]["organization"], "人口库");
    // Taken back on the account page: the portal's tokens die, and the next login asks.
    let info = browser.send(Verb::GET, "/userinfo", &[("authorization", &bearer)], String::new()).await;
    assert_eq!(info.status, StatusCode::OK);
    let account = browser.get("/account").await.body;
    let id = account.split("name=\"consent\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mut stranger = house.browser();
    stranger
        .prove(
            &house,
            None,
            &house.party(xinyin::store::parties::PartyKind::Person, "林", "350899199001010034").await,
            Method::RegistryPhone,
        )
        .await;
    assert_eq!(stranger.post("/account/consents/withdraw", &[("consent", &id)]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(browser.post("/account/consents/withdraw", &[("consent", &id)]).await.status, StatusCode::SEE_OTHER);
    let info = browser.send(Verb::GET, "/userinfo", &[("authorization", &bearer)], String::new()).await;
    assert_eq!(info.status, StatusCode::UNAUTHORIZED);
    assert!(browser.authorize("portal", &[]).await.location().starts_with("/login/consent"));
}

#[tokio::test]
async fn logging_out() {
    let house = House::sqlite("logout").await;
    let secret = house.portal("portal", json!({})).await;
    let person = house.person().await;
    let mut browser = house.browser();
    let fresh = code(&house, &mut browser, "portal", &person).await;
    let tokens = redeem(&house, "portal", &secret, &fresh, &[]).await.json();
    let (hint, bearer) = (tokens["id_token"].as_str().unwrap(), format!("Bearer {}", tokens["access_token"].as_str().unwrap()));
    let bye = "http%3A%2F%2Flocalhost%3A8441%2Fbye";
    // Nobody is sent to an address that is not registered to the letter, or without saying which portal asks.
    for wrong in [
        format!("/end-session?id_token_hint={hint}&post_logout_redirect_uri={bye}%2F"),
        format!("/end-session?id_token_hint={hint}&post_logout_redirect_uri=https%3A%2F%2Fevil.example"),
        format!("/end-session?post_logout_redirect_uri={bye}"),
        format!("/end-session?id_token_hint=eyJhbGciOiJub25lIn0.e30.&post_logout_redirect_uri={bye}"),
        format!("/end-session?id_token_hint={hint}&client_id=other&post_logout_redirect_uri={bye}"),
    ] {
        let reply = browser.get(&wrong).await;
        assert_eq!((reply.status, reply.location()), (StatusCode::BAD_REQUEST, ""), "{wrong}");
    }
    assert_eq!(browser.get("/account").await.status, StatusCode::OK, "still logged in");
    // Without a hint we ask; the button leads back.
    let question = browser.get(&format!("/end-session?client_id=portal&post_logout_redirect_uri={bye}&state=x%26y")).await;
    assert!(question.status == StatusCode::OK && question.body.contains("要退出统一身份认证吗"));
    assert_eq!(browser.get("/account").await.status, StatusCode::OK, "asking ends nothing");
    let back = question.body.split("name=\"back\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let done = browser.post("/logout", &[("back", &back)]).await;
    assert_eq!(done.location(), "http://localhost:8441/bye?state=x%26y");
    assert_eq!(browser.get("/account").await.location(), "/login");
    let info = browser.send(Verb::GET, "/userinfo", &[("authorization", &bearer)], String::new()).await;
    assert_eq!(info.status, StatusCode::UNAUTHORIZED, "tokens of the session die with it");
    // With a hint that names who is here, at once; also by POST, and long after the token expired.
    let fresh = code(&house, &mut browser, "portal", &person).await;
    let tokens = redeem(&house, "portal", &secret, &fresh, &[]).await.json();
    house.pass(3000);
    let by_post = browser.post("/end-session", &[("id_token_hint", tokens["id_token"].as_str().unwrap())]).await;
    let done = browser.get(by_post.location()).await;
    assert!(done.body.contains("您已退出登录"), "{}", done.body);
    assert_eq!(browser.get("/account").await.location(), "/login");
    // A hint of somebody else ends nothing.
    let other = house.party(xinyin::store::parties::PartyKind::Person, "林", "350899199001010034").await;
    code(&house, &mut browser, "portal", &other).await;
    let reply = browser.get(&format!("/end-session?id_token_hint={hint}")).await;
    assert!(reply.body.contains("要退出统一身份认证吗"));
    let _ = browser.post("/logout", &[("back", "junk")]).await;
    assert_eq!(browser.get("/account").await.location(), "/login");
}

#[tokio::test]
async fn sessions_belong_to_their_browser_and_their_owner() {
    let house = House::sqlite("sessions").await;
    house.portal("portal", json!({})).await;
    let person = house.person().await;
    // A cookie that was planted beforehand is not taken over.
    let mut browser = house.browser();
    browser.jar.insert("xy-session".into(), "planted-planted-planted-planted-planted".into());
    code(&house, &mut browser, "portal", &person).await;
    assert_ne!(browser.jar["xy-session"], "planted-planted-planted-planted-planted");
    // Two sessions; one ends the other, a stranger cannot.
    let mut second = house.browser();
    code(&house, &mut second, "portal", &person).await;
    let account = browser.get("/account").await.body;
    assert!(account.contains("当前会话") && account.contains("3508**********0018") && !account.contains("350899199001010018"));
    let id = account.split("name=\"session\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mut stranger = house.browser();
    let other = house.party(xinyin::store::parties::PartyKind::Person, "林", "350899199001010034").await;
    code(&house, &mut stranger, "portal", &other).await;
    assert_eq!(stranger.post("/account/sessions/end", &[("session", &id)]).await.status, StatusCode::NOT_FOUND);
    assert_eq!(second.get("/account").await.status, StatusCode::OK);
    assert_eq!(browser.post("/account/sessions/end", &[("session", &id)]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(second.get("/account").await.location(), "/login");
    // Forms from another site are refused, with a code.
    browser.site = "cross-site";
    for path in
        ["/logout", "/account/sessions/end", "/account/passkeys/remove", "/login/consent", "/login/cancel", "/account/passkeys/start"]
    {
        let mut program = browser.clone();
        program.accept = "application/json";
        let reply = program.post(path, &[]).await;
        assert_eq!((reply.status, reply.json()["code"].as_str()), (StatusCode::FORBIDDEN, Some("XY-4003")), "{path}");
    }
    browser.site = "same-origin";
    assert_eq!(browser.get("/account").await.status, StatusCode::OK);
    // A text message alone binds no passkey.
    let mut program = browser.clone();
    program.accept = "application/json";
    let reply = program.send(Verb::POST, "/account/passkeys/start", &[("content-type", "application/json")], "{}".into()).await;
    assert_eq!((reply.status, reply.json()["code"].as_str()), (StatusCode::FORBIDDEN, Some("XY-1302")));
}

#[tokio::test]
async fn errors_and_headers_on_every_answer() {
    let house = House::sqlite("headers").await;
    let mut browser = house.browser();
    for path in ["/", "/login", "/nowhere", "/authorize", "/healthz", "/readyz", "/jwks", "/token", "/static/xinyin.css"] {
        let reply = browser.get(path).await;
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(reply.headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(reply.headers["x-frame-options"], "DENY", "{path}");
        assert!(path.starts_with("/static") || path == "/jwks" || reply.headers["cache-control"] == "no-store", "{path}");
        assert!(reply.headers.get("access-control-allow-origin").is_none() || path == "/jwks", "{path}");
        assert!(!reply.body.contains("style=") && !reply.body.contains("onclick"), "{path}");
        let case = reply.headers["x-request-id"].to_str().unwrap().to_owned();
        assert!(!reply.body.contains("<html") || reply.body.contains(&case), "every page shows its case number: {path}");
    }
    let page = browser.get("/nowhere").await;
    assert!(page.status == StatusCode::NOT_FOUND && page.body.contains("XY-4004") && page.body.contains("怎么办"), "{}", page.body);
    let english = browser.get("/nowhere?lang=en").await;
    assert!(english.body.contains("Nothing was found") && english.body.contains("lang=\"en\""));
    assert!(browser.get("/login").await.body.contains("Choose how to log in"), "the choice is kept");
    let mut program = house.browser();
    program.accept = "*/*";
    let problem = program.get("/nowhere").await;
    assert_eq!(problem.headers["content-type"], "application/problem+json");
    let problem = problem.json();
    assert_eq!((problem["code"].as_str(), problem["status"].as_u64()), (Some("XY-4004"), Some(404)));
    assert!(problem["title_zh"].is_string() && problem["remedy"].is_string() && problem["case"].is_string());
    let method = program.send(Verb::DELETE, "/account", &[], String::new()).await;
    assert_eq!(method.json()["code"], "XY-4005");
    let large = program.post("/login/cancel", &[("ask", &"x".repeat(70_000))]).await;
    assert_eq!((large.status, large.json()["code"].as_str()), (StatusCode::PAYLOAD_TOO_LARGE, Some("XY-4013")));
    let broken = program.send(Verb::POST, "/login/passkey/start", &[("content-type", "application/json")], "{".into()).await;
    assert_eq!(broken.json()["code"], "XY-4000");
    let api = program.get("/openapi.json").await.json();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(api["paths"]["/token"]["post"].is_object());
    assert!(program.get("/metrics").await.body.contains("xinyin_http_responses_total{class=\"4xx\"}"));
    assert_eq!(program.get("/readyz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn cookies_over_tls_are_bound_to_the_host() {
    let house = House::with_issuer("cookies", Kind::Sqlite, "https://id.example", false).await.unwrap();
    house.portal("portal", json!({})).await;
    let mut browser = house.browser();
    let reply = browser.authorize("portal", &[]).await;
    let cookie = reply.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-xy-browser=") && cookie.contains("; Secure") && !cookie.contains("Domain"), "{cookie}");
    assert!(reply.headers["strict-transport-security"].to_str().unwrap().starts_with("max-age="));
    assert!(reply.sent("ask").is_some());
}
