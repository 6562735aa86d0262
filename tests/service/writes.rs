//! What a login costs and what it leaves: the whole of it, by each method, on both databases, with a province to ask.

use crate::house::{Browser, CALLBACK, House, Reply, ask, redeem};
use crate::lab::LabProcess;
use crate::passkeys::{self, Authenticator};
use crate::postgres::Kind;
use crate::proofs::{answer_with, six_digits};
use http::{Method as Verb, StatusCode};
use serde_json::{Value, json};
use xinyin::lab::{CertificateEntry, Condition, Use};

const COMPANY: (&str, &str) = ("信印样例科技有限公司", "91350899MAXY00016T");

fn field(reply: &Reply, name: &str) -> String {
    let (_, rest) = reply.body.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no {name}: {}", reply.body));
    rest.split('"').next().unwrap().to_owned()
}

/// A plain browser's form, whatever hidden fields the page put into it.
async fn fill(browser: &mut Browser, page: &Reply, path: &str, typed: &[(&str, &str)]) -> Reply {
    let form =
        page.body.split("<form").find(|form| form.contains(&format!("action=\"{path}\""))).unwrap_or_else(|| panic!("{}", page.body));
    let hidden = form.split("<input type=\"hidden\" name=\"").skip(1).map(|input| {
        let (name, rest) = input.split_once("\" value=\"").unwrap();
        (name, rest.split('"').next().unwrap())
    });
    let all: Vec<_> = hidden.chain(typed.iter().copied()).collect();
    browser.post(path, &all).await
}

async fn upload(browser: &mut Browser, path: &str, ask: &str, answer: &[u8]) -> Reply {
    const EDGE: &str = "----edge7d1c";
    let answer = std::str::from_utf8(answer).unwrap();
    let body = format!(
        "--{EDGE}\r\nContent-Disposition: form-data; name=\"ask\"\r\n\r\n{ask}\r\n--{EDGE}\r\n\
         Content-Disposition: form-data; name=\"answer\"; filename=\"answer.json\"\r\n\r\n{answer}\r\n--{EDGE}--\r\n"
    );
    browser.send(Verb::POST, path, &[("content-type", &format!("multipart/form-data; boundary={EDGE}"))], body).await
}

fn challenge(page: &Reply) -> String {
    let (_, rest) = page.body.split_once("id=\"challenge\"").unwrap_or_else(|| panic!("no challenge: {}", page.body));
    rest.split_once('>').unwrap().1.split('<').next().unwrap().to_owned()
}

async fn certificate(browser: &mut Browser, path: &str, ask: &str, entry: &CertificateEntry) -> Reply {
    let page = browser.get(&format!("{path}?ask={ask}")).await;
    let answer = answer_with(entry, &challenge(&page));
    upload(browser, path, ask, &answer).await
}

fn valid<'a>(lab: &'a LabProcess, holder: &str, family: &str) -> &'a CertificateEntry {
    let persons = lab.described.persons.iter().find(|entry| entry.id == holder).map(|entry| &entry.certificates);
    let all = persons.or_else(|| lab.described.organisations.iter().find(|entry| entry.id == holder).map(|entry| &entry.certificates));
    let fits =
        |entry: &&CertificateEntry| entry.family.id() == family && entry.for_use == Use::Signing && entry.condition == Condition::Valid;
    all.unwrap().iter().find(fits).unwrap()
}

/// Consents where the page asks for it; redeems; returns the claims of userinfo.
async fn end(house: &House, browser: &mut Browser, portal: &str, secret: &str, landed: Reply) -> Value {
    let landed = if landed.location().starts_with("/login/consent") {
        let page = browser.get(landed.location()).await;
        fill(browser, &page, "/login/consent", &[]).await
    } else {
        landed
    };
    assert_eq!(landed.status, StatusCode::SEE_OTHER, "{}", landed.body);
    assert!(landed.location().starts_with(CALLBACK), "{}", landed.location());
    let code = landed.sent("code").unwrap();
    let tokens = redeem(house, portal, secret, &code, &[]).await;
    assert_eq!(tokens.status, StatusCode::OK, "{}", tokens.body);
    let bearer = format!("Bearer {}", tokens.json()["access_token"].as_str().unwrap());
    let before = house.world.store.written();
    let info = browser.send(Verb::GET, "/userinfo", &[("authorization", &bearer)], String::new()).await;
    assert_eq!(house.world.store.written(), before, "reading claims writes nothing");
    info.json()
}

/// Each at a portal where nobody was before, so that a consent is always needed.
async fn every_method(kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let lab = LabProcess::start(folder.path(), &[]);
    let Some(house) = House::with_lab("writes", kind, &lab).await else { return };
    house.browser().get("/jwks").await;
    let release = json!({ "release": { "name": true, "organisation": true }, "subject_kinds": ["person", "organisation"] });
    let mut portals = 0;
    let mut portal = async || {
        portals += 1;
        let id = format!("portal-{portals}");
        let secret = house.portal(&id, release.clone()).await;
        (id, secret)
    };
    let written = || house.world.store.written();

    // Registry and phone: the code's page asks for the consent as well.
    let (id, secret) = portal().await;
    let mut browser = house.browser();
    let before = written();
    let login = ask(&browser.authorize(&id, &[]).await);
    let page = browser.get(&format!("/login/phone?ask={login}")).await;
    let page = fill(&mut browser, &page, "/login/phone", &[("name", "李娜"), ("number", "350899199011240226")]).await;
    assert!(page.body.contains("办事大厅”（网上办事大厅）将获得") && page.body.contains("<li>姓名</li>"), "{}", page.body);
    let inbox = lab.public().get(&lab.url("/lab/inbox.json?phone=14000000002"), "*/*", Default::default()).await.unwrap();
    let inbox: Value = serde_json::from_slice(&inbox.body).unwrap();
    let code = six_digits(inbox["messages"][0]["text"].as_str().unwrap());
    // A wrong code is no consent, and one more write.
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let page = fill(&mut browser, &page, "/login/phone/code", &[("code", wrong)]).await;
    let landed = fill(&mut browser, &page, "/login/phone/code", &[("code", &code)]).await;
    assert!(landed.location().starts_with(CALLBACK), "no second page: {} {}", landed.location(), landed.body);
    assert_eq!(end(&house, &mut browser, &id, &secret, landed).await["name"], "李娜");
    assert_eq!(written() - before, 3 + 1, "registry and phone, {kind:?}: code, proof with consent, redemption; and the wrong try");
    let consents = browser.get("/account").await.body;
    assert!(consents.contains("已同意的应用") && consents.contains("办事大厅"));

    // Whoever leaves the consent out of the form is asked for it.
    let (id, secret) = portal().await;
    let login = ask(&browser.authorize(&id, &[("prompt", "login")]).await);
    let page = browser.get(&format!("/login/phone?ask={login}")).await;
    let page = fill(&mut browser, &page, "/login/phone", &[("name", "李娜"), ("number", "350899199011240226")]).await;
    let inbox = lab.public().get(&lab.url("/lab/inbox.json?phone=14000000002"), "*/*", Default::default()).await.unwrap();
    let inbox: Value = serde_json::from_slice(&inbox.body).unwrap();
    let code = six_digits(inbox["messages"][0]["text"].as_str().unwrap());
    let some = [("ask", login.as_str()), ("ticket", &field(&page, "ticket")), ("code", &code), ("agreed", "name citizen_number")];
    let landed = browser.post("/login/phone/code", &some).await;
    assert!(landed.location().starts_with("/login/consent?"), "{}", landed.location());
    assert_eq!(end(&house, &mut browser, &id, &secret, landed).await["name"], "李娜");

    // Certificates: the challenge is written only when it is spent.
    for (holder, path) in [("zhang-wei", "/login/certificate"), ("xinyin-sample", "/login/organisation")] {
        for family in ["rsa", "p256", "sm2"] {
            let (id, secret) = portal().await;
            let mut browser = house.browser();
            let before = written();
            let login = ask(&browser.authorize(&id, &[("scope", "openid profile organisation")]).await);
            let landed = certificate(&mut browser, path, &login, valid(&lab, holder, family)).await;
            let claims = end(&house, &mut browser, &id, &secret, landed).await;
            assert!(claims.to_string().contains(if holder == "zhang-wei" { "张伟" } else { COMPANY.0 }), "{claims}");
            assert_eq!(written() - before, 3, "{holder} {family} {kind:?}: proof, consent with code, redemption");
        }
    }

    // A passkey, bound before.
    let mut browser = house.browser();
    let login = browser.get("/login").await;
    let login = login.body.split("ask=").nth(1).unwrap().split(['&', '"']).next().unwrap().to_owned();
    assert_eq!(certificate(&mut browser, "/login/certificate", &login, valid(&lab, "zhang-wei", "p256")).await.location(), "/account");
    let mut key = Authenticator::new(3);
    assert_eq!(passkeys::bind(&mut browser, &mut key).await.json()["location"], "/account");
    let (id, secret) = portal().await;
    let mut fresh = house.browser();
    let before = written();
    let login = ask(&fresh.authorize(&id, &[]).await);
    let reply = passkeys::log_in(&mut fresh, &mut key, Some(&login)).await;
    let to = reply.json()["location"].as_str().unwrap_or_else(|| panic!("{}", reply.body)).to_owned();
    let page = fresh.get(&to).await;
    let landed = fill(&mut fresh, &page, "/login/consent", &[]).await;
    assert_eq!(end(&house, &mut fresh, &id, &secret, landed).await["name"], "张伟");
    assert_eq!(written() - before, 3, "passkey {kind:?}: proof, consent with code, redemption");

    // The legal representative, whose session is open: the try, the proof with the consent, the redemption.
    let mut liu = house.browser();
    let login = liu.get("/login").await;
    let login = login.body.split("ask=").nth(1).unwrap().split(['&', '"']).next().unwrap().to_owned();
    assert_eq!(certificate(&mut liu, "/login/certificate", &login, valid(&lab, "liu-yang", "sm2")).await.location(), "/account");
    let id = "company-portal";
    let secret = house.portal(id, json!({ "release": { "organisation": true }, "subject_kinds": ["person", "organisation"] })).await;
    let before = written();
    let login = ask(&liu.authorize(id, &[("scope", "openid organisation"), ("prompt", "select_account")]).await);
    let page = liu.get(&format!("/login/representative?ask={login}")).await;
    let landed = fill(&mut liu, &page, "/login/representative", &[("name", COMPANY.0), ("number", COMPANY.1)]).await;
    let claims = end(&house, &mut liu, id, &secret, landed).await;
    assert!(claims.to_string().contains(COMPANY.1), "{claims}");
    assert_eq!(written() - before, 3, "legal representative {kind:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_takes_three_writes_on_sqlite() {
    every_method(Kind::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_method_takes_three_writes_on_postgresql() {
    every_method(Kind::Postgres).await;
}
