//! Mandates over real processes: the organisation signs with its certificate, the agent acts, portals learn of it, either side ends it.

use crate::browser_lite::{Browser, House, Seen, form};
use crate::postgres::Kind;
use crate::proofs::{COMPANY, LI, LIU, by_certificate, by_phone, refused, valid};
use crate::running::xinyin;
use serde_json::Value;
use std::path::Path;

/// The text for these matters, as the page hands it out.
fn text(browser: &mut Browser, grantor: (&str, &str), items: &str, days: &str) -> Seen {
    browser.post("/account/mandates/text", &[("grantor", grantor.0), ("grantor_code", grantor.1), ("items", items), ("days", days)])
}

/// Signed by this holder's certificate with our own command.
fn signed(house: &House, folder: &Path, holder: &str, family: &str, text: &str, more: &[&str]) -> Vec<u8> {
    let entry = valid(house, holder, family);
    std::fs::write(folder.join("mandate.txt"), text).unwrap();
    let mut command = xinyin();
    command.current_dir(folder).args(["sign", "--key", entry.key.to_str().unwrap(), "--cert", entry.certificate.to_str().unwrap()]);
    command.args(["--chain", entry.chain.to_str().unwrap(), "--format", "cades"]).args(more).args(["mandate.txt", "mandate.p7m"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(folder.join("mandate.p7m")).unwrap()
}

fn hand_in(browser: &mut Browser, document: &[u8]) -> Seen {
    browser.send_file("/account/mandates", "file", document)
}

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Logs the browser's person in at the portal; the access token.
fn at_portal(browser: &mut Browser) -> String {
    let query = form(&[
        ("client_id", "works"),
        ("redirect_uri", "http://localhost:9/cb"),
        ("response_type", "code"),
        ("scope", "openid organisation"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]);
    let mut seen = browser.get(&format!("/authorize?{}", String::from_utf8(query).unwrap()));
    for _ in 0..4 {
        if seen.status == 200 {
            seen = browser.post("/login/consent", &[("ask", &seen.field("ask")), ("shown", "organisation")]);
            continue;
        }
        let location = seen.location();
        if location.starts_with("http://localhost:9/cb") {
            let address = url::Url::parse(&location).unwrap();
            let code = address.query_pairs().find(|(name, _)| name == "code").unwrap_or_else(|| panic!("{location}")).1.into_owned();
            let fields = [
                ("grant_type", "authorization_code"),
                ("client_id", "works"),
                ("code", &code),
                ("redirect_uri", "http://localhost:9/cb"),
                ("code_verifier", VERIFIER),
            ];
            let tokens = browser.post("/token", &fields);
            assert_eq!(tokens.status, 200, "{tokens:?}");
            let tokens: Value = serde_json::from_str(&tokens.body).unwrap();
            return tokens["access_token"].as_str().unwrap().to_owned();
        }
        seen = browser.get(&location);
    }
    panic!("no code: {seen:?}");
}

fn userinfo(browser: &Browser, token: &str) -> (u16, Value) {
    let mut program = browser.clone();
    program.cookies.clear();
    let seen = program.ask("GET", "/userinfo", &[("Authorization", &format!("Bearer {token}"))], &[]);
    (seen.status, serde_json::from_str(&seen.body).unwrap_or_default())
}

async fn an_agent_acts_on_a_signed_mandate(kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(house) = House::start_on(folder, "an_agent_acts_on_a_signed_mandate", kind).await else { return };
    let world = house.world().await;
    let portal = serde_json::json!({
        "client_id": "works", "client_name": "工程审批", "redirect_uris": ["http://localhost:9/cb"],
        "token_endpoint_auth_method": "none", "release": { "organisation": true },
    });
    xinyin::service::portals::add(&world, &"main".parse().unwrap(), portal.to_string().as_bytes()).await.unwrap();
    world.store.close().await;

    // Nobody, then a person.
    assert_eq!(house.browser().get("/account/mandates").location(), "/login");
    assert_eq!(text(&mut house.browser(), COMPANY, "x", "30").location(), "/login");
    let mut li = house.browser();
    by_phone(&house, &mut li, LI).await;
    for (grantor, items, days) in [
        (COMPANY, "", "30"),
        (COMPANY, "x", "367"),
        (COMPANY, "x", "-1"),
        ((COMPANY.0, "91350899MAXY00016U"), "x", "30"),
        (("", COMPANY.1), "x", "30"),
        (COMPANY, "a\u{202e}b", "30"),
    ] {
        refused(&text(&mut li, grantor, items, days), "XY-1440");
    }
    let wanted = text(&mut li, COMPANY, "道路挖掘许可\r\n占用绿地许可\r\n", "30");
    assert!(wanted.status == 200 && wanted.head.contains("mandate.txt"), "{wanted:?}");
    let wanted = wanted.body;
    assert!(wanted.contains(LI.1) && wanted.contains("item: 占用绿地许可\n"), "{wanted}");

    // What is not the organisation's signed word opens nothing.
    refused(&hand_in(&mut li, b"x"), "XY-1441");
    refused(&hand_in(&mut li, wanted.as_bytes()), "XY-1441");
    refused(&hand_in(&mut li, &signed(&house, folder, "xinyin-sample", "p256", "another text", &[])), "XY-1441");
    refused(&hand_in(&mut li, &signed(&house, folder, "xinyin-sample", "p256", &wanted, &["--detached"])), "XY-1441");
    refused(&hand_in(&mut li, &signed(&house, folder, "zhang-wei", "p256", &wanted, &[])), "XY-1445");
    let elsewhere = wanted.replace(&house.issuer(), "https://other.example.gov.cn");
    refused(&hand_in(&mut li, &signed(&house, folder, "xinyin-sample", "p256", &elsewhere, &[])), "XY-1441");
    let mut altered = signed(&house, folder, "xinyin-sample", "p256", &wanted, &[]);
    let place = altered.windows(6).position(|window| window == "许可".as_bytes()).unwrap();
    altered[place + 2] ^= 1;
    let seen = hand_in(&mut li, &altered);
    assert!(seen.status >= 400 && !seen.body.contains("授权已生效"), "{seen:?}");
    // Another person's hand.
    let good = signed(&house, folder, "xinyin-sample", "sm2", &wanted, &[]);
    let mut liu = house.browser();
    by_phone(&house, &mut liu, LIU).await;
    refused(&hand_in(&mut liu, &good), "XY-1442");
    assert!(li.get("/account/mandates").body.contains("没有有效的授权"));

    // In force, once.
    let seen = hand_in(&mut li, &good);
    assert!(seen.status == 200 && seen.body.contains("授权已生效") && seen.body.contains("占用绿地许可"), "{seen:?}");
    assert!(!seen.body.contains(LI.1) && seen.body.contains("3508**********0226"));
    refused(&hand_in(&mut li, &good), "XY-1446");
    let mandate = li.get("/account/mandates").field("mandate");
    assert!(!li.get("/account").body.contains(COMPANY.1), "acting is chosen, not assumed");
    let token = at_portal(&mut li);
    let (_, before) = userinfo(&li, &token);
    assert!(before.get("organisation").is_none(), "{before}");

    // Another's mandate is not to be acted on, nor to be ended.
    refused(&liu.post("/account/mandates/act", &[("mandate", &mandate)]), "XY-1447");
    assert_eq!(liu.post("/account/mandates/end", &[("mandate", &mandate)]).status, 404);
    // The register is asked at that moment.
    house.lab.chaos(serde_json::json!([{ "endpoint": "organisation", "drop": true }])).await;
    refused(&li.post("/account/mandates/act", &[("mandate", &mandate)]), "XY-5002");
    house.lab.chaos(serde_json::json!([])).await;
    let old = li.clone();
    assert_eq!(li.post("/account/mandates/act", &[("mandate", &mandate)]).status, 303);
    assert!(li.get("/account").body.contains(COMPANY.1));
    assert_eq!(old.clone().get("/account").location(), "/login", "the former cookie is worth nothing");
    let token = at_portal(&mut li);
    let (_, claims) = userinfo(&li, &token);
    let organisation = &claims["organisation"];
    assert_eq!((&organisation["uscc"], &organisation["basis"]), (&COMPANY.1.into(), &"mandate".into()), "{claims}");
    assert_eq!(organisation["mandate"]["items"], serde_json::json!(["道路挖掘许可", "占用绿地许可"]));
    assert!(organisation["mandate"]["id"] == mandate.as_str() && organisation["mandate"]["until"].is_i64());
    // For nobody again: what was granted for the organisation ends.
    assert_eq!(li.post("/account/mandates/act", &[]).status, 303);
    assert_eq!(userinfo(&li, &token).0, 401);
    assert!(!li.get("/account").body.contains(COMPANY.1));

    // The organisation takes it back: at once, in every session.
    assert_eq!(li.post("/account/mandates/act", &[("mandate", &mandate)]).status, 303);
    let token = at_portal(&mut li);
    assert_eq!(userinfo(&li, &token).0, 200);
    let mut company = house.browser();
    assert_eq!(by_certificate(&mut company, "/login/organisation", valid(&house, "xinyin-sample", "p256")).status, 303);
    let seen = company.get("/account/mandates");
    assert!(seen.body.contains("李娜") && seen.body.contains("道路挖掘许可") && !seen.body.contains(LI.1), "{seen:?}");
    assert_eq!(company.post("/account/mandates/end", &[("mandate", &mandate)]).status, 303);
    assert_eq!(userinfo(&li, &token).0, 401, "what it opened is shut");
    let told = li.get("/account").body;
    assert!(told.matches("工程审批").count() >= 3, "the consent, and a notice for each grant that ended: {told}");
    assert!(!li.get("/account").body.contains(COMPANY.1));
    refused(&li.post("/account/mandates/act", &[("mandate", &mandate)]), "XY-1447");
    refused(&hand_in(&mut li, &good), "XY-1446");
    assert_eq!(company.post("/account/mandates/end", &[("mandate", &mandate)]).status, 404);

    // The agent gives another one back; numbers stand in no log.
    let second = text(&mut li, COMPANY, "道路挖掘许可", "1").body;
    assert_eq!(hand_in(&mut li, &signed(&house, folder, "xinyin-sample", "rsa", &second, &[])).status, 200);
    let mandate = li.get("/account/mandates").field("mandate");
    assert_eq!(li.post("/account/mandates/end", &[("mandate", &mandate)]).status, 303);
    assert!(li.get("/account/mandates").body.contains("没有有效的授权"));

    // The organisation reports its account lost: from then on nobody acts for it, and no new mandate is taken.
    let third = text(&mut li, COMPANY, "道路挖掘许可", "1").body;
    assert_eq!(hand_in(&mut li, &signed(&house, folder, "xinyin-sample", "p256", &third, &[])).status, 200);
    let mandate = li.get("/account/mandates").field("mandate");
    assert_eq!(li.post("/account/mandates/act", &[("mandate", &mandate)]).status, 303);
    let token = at_portal(&mut li);
    assert_eq!(userinfo(&li, &token).0, 200);
    assert_eq!(company.post("/account/loss", &[("confirm", "yes")]).status, 200);
    assert_eq!(userinfo(&li, &token).0, 401);
    assert!(!li.get("/account").body.contains(COMPANY.1));
    refused(&li.post("/account/mandates/act", &[("mandate", &mandate)]), "XY-1430");
    let fourth = text(&mut li, COMPANY, "道路挖掘许可", "1").body;
    refused(&hand_in(&mut li, &signed(&house, folder, "xinyin-sample", "p256", &fourth, &[])), "XY-1430");
    assert!(!house.log().contains(LI.1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mandates_on_sqlite() {
    an_agent_acts_on_a_signed_mandate(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mandates_on_postgresql() {
    an_agent_acts_on_a_signed_mandate(Kind::Postgres).await;
}
