//! Proving who somebody is, end to end: lab, service, connector and browser as processes of their own.

use crate::browser_lite::{Browser, House, Seen};
use crate::postgres::Kind;
use crate::running::xinyin;
use crate::webdriver::Chromium;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;
use xinyin::keys;
use xinyin::lab::{CertificateEntry, Condition, Use};
use xinyin::login::challenge::{Answer, Challenge};
use xinyin::pki::build::cms;
use xinyin::store::parties::AttributeKind;

const ZHANG: (&str, &str, &str) = ("张伟", "350899198503120111", "14000000001");
pub const LI: (&str, &str, &str) = ("李娜", "350899199011240226", "14000000002");
pub const LIU: (&str, &str, &str) = ("刘洋", "350899197509200951", "14000000009");
pub const COMPANY: (&str, &str) = ("信印样例科技有限公司", "91350899MAXY00016T");

fn certificates<'a>(house: &'a House, holder: &str) -> &'a [CertificateEntry] {
    let described = &house.lab.described;
    let person = described.persons.iter().find(|person| person.id == holder).map(|person| &person.certificates);
    person.or_else(|| described.organisations.iter().find(|entry| entry.id == holder).map(|entry| &entry.certificates)).unwrap()
}

fn certificate<'a>(house: &'a House, holder: &str, family: &str, for_use: Use, condition: Condition) -> &'a CertificateEntry {
    let fits = |entry: &&CertificateEntry| entry.family.id() == family && entry.for_use == for_use && entry.condition == condition;
    certificates(house, holder).iter().find(fits).unwrap()
}

pub fn valid<'a>(house: &'a House, holder: &str, family: &str) -> &'a CertificateEntry {
    certificate(house, holder, family, Use::Signing, Condition::Valid)
}

/// Every one of these on both databases.
macro_rules! on_both {
    ($($name:ident)*) => {$(
        mod $name {
            use crate::postgres::Kind;

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                super::$name(Kind::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                super::$name(Kind::Postgres).await;
            }
        }
    )*};
}

on_both! {
    registry_and_phone
    the_weakest_proof_opens_little_and_outages_are_told
    certificates_of_every_family_by_connector_and_by_file
    certificates_that_let_nobody_in
    acting_for_an_organisation
}

/// Asks for a code; the page that takes it.
fn ask_code(browser: &mut Browser, name: &str, number: &str) -> Seen {
    let page = browser.get("/login/phone");
    assert_eq!(page.status, 200);
    browser.post("/login/phone", &[("ask", &page.field("ask")), ("name", name), ("number", number)])
}

pub fn six_digits(text: &str) -> String {
    let digits = text.split(|c: char| !c.is_ascii_digit()).find(|part| part.len() == 6);
    digits.unwrap_or_else(|| panic!("no code in {text}")).to_owned()
}

fn enter_code(browser: &mut Browser, page: &Seen, code: &str) -> Seen {
    browser.post("/login/phone/code", &[("ask", &page.field("ask")), ("ticket", &page.field("ticket")), ("code", code)])
}

/// The whole way by registry and phone.
pub async fn by_phone(house: &House, browser: &mut Browser, who: (&str, &str, &str)) -> Seen {
    let page = ask_code(browser, who.0, who.1);
    assert_eq!(page.status, 200, "{page:?}");
    let code = six_digits(&house.inbox(who.2).await[0]);
    enter_code(browser, &page, &code)
}

/// Signs a challenge as a holder of this key and certificate would.
pub fn answer_with(entry: &CertificateEntry, text: &str) -> Vec<u8> {
    let identity = keys::open(entry.key.to_str().unwrap(), None).unwrap();
    let certificate = keys::read_certificates(&std::fs::read(&entry.certificate).unwrap()).unwrap().remove(0);
    let signature = identity.signer.sign(text.as_bytes()).unwrap();
    let chain = keys::read_certificates(&std::fs::read(&entry.chain).unwrap()).unwrap();
    serde_json::to_vec(&Answer::pack(text.to_owned(), &certificate, &chain, &signature)).unwrap()
}

pub fn by_certificate(browser: &mut Browser, path: &str, entry: &CertificateEntry) -> Seen {
    let page = browser.get(path);
    assert_eq!(page.status, 200, "{page:?}");
    let answer = answer_with(entry, &page.text("challenge"));
    browser.upload(path, &page.field("ask"), &answer)
}

/// What the account page says: logged in or not.
fn account(browser: &mut Browser) -> Seen {
    browser.get("/account")
}

pub fn refused(seen: &Seen, code: &str) {
    assert!(seen.status >= 400 && seen.body.contains(code), "expected {code}: {} {}", seen.status, seen.body);
}

async fn registry_and_phone(kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let Some(house) = House::start_on(folder.path(), "registry_and_phone", kind).await else { return };
    let mut browser = house.browser();

    // A number as people type it, a name with another dot: in.
    let page = ask_code(&mut browser, "阿依古丽•买买提", "３５０８９９ 19880229 0663");
    let text = house.inbox("14000000005").await.remove(0);
    assert!(text.contains("信印 Xinyin") && text.contains("切勿"), "{text}");
    let landed = enter_code(&mut browser, &page, &six_digits(&text));
    assert_eq!((landed.status, landed.location().as_str()), (303, "/account"), "{landed:?}");
    let shown = account(&mut browser);
    assert!(shown.body.contains("实名") && shown.body.contains("3508**********0663") && !shown.body.contains("350899198802290663"));

    // Malformed numbers get their own reasons, before anybody is asked.
    for (number, code) in [
        ("35089919850312011", "XY-1103"),
        ("350899198503120112", "XY-1109"),
        ("350899198513120111", "XY-1106"),
        ("83000019810715006X", "XY-1402"),
        ("935840199001010015", "XY-1402"),
        ("35089919850312o111", "XY-1104"),
    ] {
        refused(&ask_code(&mut house.browser(), ZHANG.0, number), code);
    }
    refused(&ask_code(&mut house.browser(), "  ", ZHANG.1), "XY-1401");

    // Nobody can tell from outside whether name and number belong together, the person lives, or a phone is known.
    let shape = |seen: &Seen| {
        let ask = seen.field("ask");
        let plain = seen.body.replace(&ask, "ASK").replace(&seen.field("ticket"), "TICKET");
        let (before, case) = plain.split_once("class=\"mono\">").unwrap();
        (seen.status, seen.field("ticket").len(), before.to_owned(), case.get(12..).unwrap_or_default().to_owned())
    };
    let mut known = house.browser();
    let right = shape(&ask_code(&mut known, LI.0, LI.1));
    for (name, number) in [
        ("李四", LI.1),
        ("陈国强", "350899194105070579"),
        ("林秀英", "350899196601180688"),
        ("黄小宝", "350899201406010716"),
        ("谁", "350899199001010013"),
    ] {
        let mut stranger = house.browser();
        let page = ask_code(&mut stranger, name, number);
        assert_eq!(shape(&page), right, "{name}");
        // Nothing was sent; any code is wrong.
        refused(&enter_code(&mut stranger, &page, "123456"), "XY-1403");
    }
    assert!(house.inbox("14000000006").await.is_empty() && house.inbox("14000000007").await.is_empty());

    // Five wrong tries kill a code; the right one comes too late.
    let mut guesser = house.browser();
    let page = ask_code(&mut guesser, ZHANG.0, ZHANG.1);
    let code = six_digits(&house.inbox(ZHANG.2).await[0]);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for left in [4, 3, 2, 1] {
        let seen = enter_code(&mut guesser, &page, wrong);
        refused(&seen, "XY-1403");
        assert!(seen.body.contains(&format!("还可尝试 {left} 次")));
    }
    refused(&enter_code(&mut guesser, &page, wrong), "XY-1404");
    refused(&enter_code(&mut guesser, &page, &code), "XY-1404");

    // A ticket is worth nothing in another browser, and a code works once.
    let mut browser = house.browser();
    let page = ask_code(&mut browser, ZHANG.0, ZHANG.1);
    let code = six_digits(&house.inbox(ZHANG.2).await[0]);
    let mut thief = house.browser();
    let own = thief.get("/login/phone");
    let stolen = thief.post("/login/phone/code", &[("ask", &own.field("ask")), ("ticket", &page.field("ticket")), ("code", &code)]);
    refused(&stolen, "XY-1306");
    assert_eq!(enter_code(&mut browser, &page, &code).status, 303);
    refused(&enter_code(&mut browser, &page, &code), "XY-1404");

    // A lapsed code: the province's clock moves on, the service follows.
    let mut late = house.browser();
    let page = ask_code(&mut late, LIU.0, LIU.1);
    let code = six_digits(&house.inbox(LIU.2).await[0]);
    house.lab.switch("/lab/clock", json!({"advance_seconds": 360})).await.unwrap();
    tokio::time::sleep(Duration::from_millis(3500)).await;
    refused(&enter_code(&mut late, &page, &code), "XY-1404");
    house.lab.switch("/lab/clock", json!({})).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;

    // One number, five codes an hour, whoever asks; the counted ones included above.
    let mut last = 200;
    for _ in 0..6 {
        last = ask_code(&mut house.browser(), ZHANG.0, ZHANG.1).status;
    }
    assert_eq!(last, 429);

    // No number, name, phone or code in any log line of service or province.
    let logs = house.log() + &house.lab.log();
    for secret in [ZHANG.0, ZHANG.1, ZHANG.2, LI.1, LIU.1, "350899198802290663", "19880229", code.as_str()] {
        assert!(!logs.contains(secret), "{secret} is in a log");
    }
}

async fn the_weakest_proof_opens_little_and_outages_are_told(kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let Some(house) = House::start_on(folder.path(), "the_weakest_proof_opens_little_and_outages_are_told", kind).await else { return };

    // An account opened by registry and phone opens again that way; a certificate raises it, and then it does not.
    let mut browser = house.browser();
    assert_eq!(by_phone(&house, &mut browser, ZHANG).await.status, 303);
    assert_eq!(by_phone(&house, &mut house.browser(), ZHANG).await.status, 303);
    let before = browser.cookies.clone();
    let seen = by_certificate(&mut browser, "/login/certificate", valid(&house, "zhang-wei", "sm2"));
    assert_eq!(seen.status, 303, "{seen:?}");
    assert_ne!(before["xy-session"], browser.cookies["xy-session"], "a new cookie at step-up");
    assert!(account(&mut browser).body.contains("实证"));
    let mut old = house.browser();
    old.cookies = before;
    assert!(!account(&mut old).body.contains("3508**********0111"), "the old cookie is dead");
    refused(&by_phone(&house, &mut house.browser(), ZHANG).await, "XY-1405");

    // Step-up with the certificate of another person is refused, and leaves the session as it was.
    let mut li = house.browser();
    assert_eq!(by_phone(&house, &mut li, LI).await.status, 303);
    refused(&by_certificate(&mut li, "/login/certificate", valid(&house, "zhang-wei", "p256")), "XY-1422");
    assert!(account(&mut li).body.contains("3508**********0226"));

    // An account under another name stays shut for registry and certificate alike.
    let world = house.world().await;
    let now = world.clock.now();
    let party = world
        .store
        .write("another name", |tx| {
            Box::pin(async move {
                let party = xinyin::store::parties::by_number(tx, AttributeKind::CitizenNumber, LI.1).await?.unwrap();
                xinyin::store::parties::set(tx, &party.id, AttributeKind::Name, "李某", None, now).await?;
                Ok(party.id)
            })
        })
        .await
        .unwrap();
    refused(&by_phone(&house, &mut house.browser(), LI).await, "XY-1406");
    refused(&by_certificate(&mut house.browser(), "/login/certificate", valid(&house, "li-na", "p256")), "XY-1406");
    let party = &party;
    let kept = world
        .store
        .read("phone", |tx| Box::pin(async move { Ok(xinyin::store::parties::attribute(tx, party, AttributeKind::Phone).await?) }));
    assert_eq!(secrecy::ExposeSecret::expose_secret(&kept.await.unwrap().unwrap()), LI.2);

    // Outages: said, never passed over.
    let outage = async |endpoint: &str| house.lab.chaos(json!([{ "endpoint": endpoint, "drop": true }])).await;
    outage("population").await;
    refused(&ask_code(&mut house.browser(), LIU.0, LIU.1), "XY-5001");
    let mut browser = house.browser();
    let seen = by_certificate(&mut browser, "/login/certificate", valid(&house, "liu-yang", "p256"));
    assert_eq!(seen.status, 303, "the certificate still counts: {seen:?}");
    let lowered = account(&mut browser).body;
    assert!(lowered.contains("实人") && !lowered.contains("badge l4\">实证"), "lower than with the register's word");
    outage("phone").await;
    // The same answer whether or not something would have been sent.
    refused(&ask_code(&mut house.browser(), LIU.0, LIU.1), "XY-5003");
    refused(&ask_code(&mut house.browser(), "刘阳", LIU.1), "XY-5003");
    house.lab.chaos(json!([{ "endpoint": "ocsp", "drop": true }, { "endpoint": "crl", "drop": true }])).await;
    let mut waiting = house.browser();
    let page = waiting.get("/login/certificate");
    let answer = answer_with(valid(&house, "liu-yang", "sm2"), &page.text("challenge"));
    let down = waiting.upload("/login/certificate", &page.field("ask"), &answer);
    refused(&down, "XY-5004");
    assert!(down.body.contains("稍后重试") && down.status == 503);
    house.lab.chaos(json!([])).await;
    // Nobody said no: the same answer enters once the authority is back.
    assert_eq!(waiting.upload("/login/certificate", &page.field("ask"), &answer).status, 303);
    // A lying register is an outage, too.
    house.lab.chaos(json!([{ "endpoint": "population", "wrong": "subject" }])).await;
    refused(&ask_code(&mut house.browser(), LIU.0, LIU.1), "XY-5001");
    house.lab.chaos(json!([{ "endpoint": "ocsp", "drop": true }])).await;
    let by_list = by_certificate(&mut house.browser(), "/login/certificate", valid(&house, "liu-yang", "p256"));
    assert_eq!(by_list.status, 303, "OCSP down, the list has the word");
}

async fn certificates_of_every_family_by_connector_and_by_file(kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let Some(house) = House::start_on(folder.path(), "certificates_of_every_family_by_connector_and_by_file", kind).await else { return };
    let pin = folder.path().join("pin");
    std::fs::write(&pin, &house.lab.described.p12_password).unwrap();
    for (holder, path, shown) in
        [("zhang-wei", "/login/certificate", "3508**********0111"), ("xinyin-sample", "/login/organisation", COMPANY.1)]
    {
        for family in ["sm2", "p256", "rsa"] {
            let entry = valid(&house, holder, family);
            // As a file: the downloaded text, signed by the command, uploaded.
            let mut browser = house.browser();
            let page = browser.get(path);
            let text = page.text("challenge");
            let link = page.body.split("href=\"").find(|part| part.starts_with("/login/challenge.txt")).unwrap();
            let link = link.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&");
            let file = browser.get(&link);
            assert!(file.status == 200 && file.body == text && file.head.contains("attachment"), "{file:?}");
            assert!(house.browser().get(&link).status >= 400, "another browser gets nothing");
            let answer = connector_sign(folder.path(), &text, &entry.p12, &pin, &house.issuer());
            let seen = browser.upload(path, &page.field("ask"), &answer);
            assert_eq!((seen.status, seen.location().as_str()), (303, "/account"), "{holder} {family}: {seen:?}");
            let account = account(&mut browser);
            assert!(account.body.contains(shown) && account.body.contains("实证"), "{holder} {family}");
            // Played again: spent.
            refused(&browser.upload(path, &page.field("ask"), &answer), "XY-1203");

            // Through the connector, as the page's script does it.
            let connector = Connector::start(&entry.p12, &pin, &house.issuer());
            let mut browser = house.browser();
            let page = browser.get(path);
            assert!(page.head.to_ascii_lowercase().contains("http://127.0.0.1:*"), "the page may talk to the connector");
            let fields: Value = serde_json::from_str(&attribute(&page, "data-challenge")).unwrap();
            assert_eq!(fields["origin"], house.issuer());
            let answer = connector.sign(&house.issuer(), &fields);
            let seen = browser.json(&attribute(&page, "data-answer"), &json!({"ask": attribute(&page, "data-ask"), "answer": answer}));
            assert_eq!(seen.status, 200, "{seen:?}");
            assert_eq!(serde_json::from_str::<Value>(&seen.body).unwrap()["location"], "/account");
            assert!(account_of(&mut browser).contains(shown));
        }
    }
    // For a portal: the text names it, and the browser goes back with a code in the same breath.
    let mut browser = house.browser();
    let asked = browser.get(&format!(
        "/authorize?client_id=parks&response_type=code&scope=openid&state=s1&redirect_uri=http%3A%2F%2Flocalhost%3A9%2Fcb\
         &acr_values=urn%3Axinyin%3Aacr%3Areal-credential&code_challenge={}&code_challenge_method=S256",
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    ));
    assert_eq!(asked.status, 303, "{asked:?}");
    let path = asked.location().replacen("/login?", "/login/certificate?", 1);
    let page = browser.get(path.strip_prefix(&house.issuer()).unwrap_or(&path));
    let text = page.text("challenge");
    assert!(text.contains("\nportal: parks 园林审批\n") && text.contains("\npurpose: login\n"), "{text}");
    let answer = answer_with(valid(&house, "zhang-wei", "sm2"), &text);
    let back = browser.upload("/login/certificate", &page.field("ask"), &answer).location();
    assert!(back.starts_with("http://localhost:9/cb?") && back.contains("code=") && back.contains("state=s1"), "{back}");
    // Every act stands with its evidence; the evidence holds the challenge, and no number lies in the clear.
    let world = house.world().await;
    let acts = world
        .store
        .read("proofs", |tx| {
            Box::pin(async move {
                let party = xinyin::store::parties::by_number(tx, AttributeKind::CitizenNumber, ZHANG.1).await?.unwrap();
                let mut acts = Vec::new();
                for proof in xinyin::store::proofs::of_party(tx, &party.id).await? {
                    let evidence = xinyin::store::evidence::find(tx, proof.evidence.as_ref().unwrap()).await?.unwrap();
                    acts.push((proof.method, serde_json::from_slice::<Value>(&evidence.body).unwrap()));
                }
                Ok(acts)
            })
        })
        .await
        .unwrap();
    assert_eq!(acts.len(), 7);
    for (method, kept) in acts {
        assert_eq!(method, "certificate");
        let challenge = Challenge::parse(kept["challenge"].as_str().unwrap().as_bytes()).unwrap();
        assert_eq!(challenge.origin(), house.issuer());
        assert!(
            kept["ocsps"].as_array().unwrap().len() + kept["crls"].as_array().unwrap().len() >= 2
                && kept["path"].as_array().unwrap().len() == 3
        );
        assert!(kept["register"]["answer"].is_string());
    }
    world.store.close().await;
    drop(house);
    for file in std::fs::read_dir(folder.path().join("service")).unwrap().map(|file| file.unwrap().path()).filter(|path| path.is_file()) {
        let octets = std::fs::read(&file).unwrap();
        for secret in [ZHANG.0, ZHANG.1, ZHANG.2] {
            assert!(!octets.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret} in {}", file.display());
        }
    }
}

fn account_of(browser: &mut Browser) -> String {
    account(browser).body
}

fn attribute(page: &Seen, name: &str) -> String {
    let (_, rest) = page.body.split_once(&format!("{name}=\"")).unwrap();
    let text = rest.split('"').next().unwrap();
    text.replace("&quot;", "\"").replace("&#34;", "\"").replace("&#38;", "&").replace("&amp;", "&")
}

fn connector_sign(folder: &Path, text: &str, key: &Path, pin: &Path, origin: &str) -> Vec<u8> {
    let file = folder.join("challenge.txt");
    std::fs::write(&file, text).unwrap();
    let mut command = xinyin();
    command
        .args(["connector", "sign"])
        .arg(&file)
        .arg("--key")
        .arg(key)
        .arg("--password-file")
        .arg(pin)
        .args(["--origin", origin, "--yes"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A connector for one key.
struct Connector {
    child: Child,
    port: u16,
    certificate: String,
}

impl Connector {
    /// One that signs unasked.
    fn start(key: &Path, pin: &Path, origin: &str) -> Self {
        Self::with(key, pin, origin, &["--yes"])
    }

    /// One that asks its holder.
    fn start_asking(key: &Path, pin: &Path, origin: &str) -> Self {
        Self::with(key, pin, origin, &[])
    }

    fn with(key: &Path, pin: &Path, origin: &str, more: &[&str]) -> Self {
        let mut command = xinyin();
        command.args(["connector", "--port", "0", "--format", "json"]).args(more).args(["--origin", origin, "--key"]).arg(key);
        let mut child = command.arg("--password-file").arg(pin).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let port = said["url"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port, certificate: said["certificates"][0]["id"].as_str().unwrap().to_owned() }
    }

    fn sign(&self, origin: &str, fields: &Value) -> Value {
        use std::io::{Read as _, Write as _};
        let body = json!({"certificate": self.certificate, "challenge": fields}).to_string();
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let (port, length) = (self.port, body.len());
        write!(
            stream,
            "POST /sign-challenge HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: {origin}\r\nContent-Type: application/json\r\n\
             Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }
}

impl Drop for Connector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn certificates_that_let_nobody_in(kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let Some(house) = House::start_on(folder.path(), "certificates_that_let_nobody_in", kind).await else { return };
    for (holder, path, other) in
        [("zhang-wei", "/login/certificate", "/login/organisation"), ("xinyin-sample", "/login/organisation", "/login/certificate")]
    {
        for family in ["sm2", "p256", "rsa"] {
            let pick = |for_use, condition| certificate(&house, holder, family, for_use, condition);
            for (entry, code) in [
                (pick(Use::Encryption, Condition::Valid), "XY-1419"),
                (pick(Use::Signing, Condition::Revoked), "XY-1416"),
                (pick(Use::Signing, Condition::Expired), "XY-1417"),
                (pick(Use::Signing, Condition::NotYetValid), "XY-1418"),
                (pick(Use::Signing, Condition::Foreign), "XY-1415"),
            ] {
                let mut browser = house.browser();
                let seen = by_certificate(&mut browser, path, entry);
                refused(&seen, code);
                assert!(!browser.cookies.contains_key("xy-session"), "{holder} {family} {code}");
            }
            refused(&by_certificate(&mut house.browser(), other, pick(Use::Signing, Condition::Valid)), "XY-1421");
        }
    }

    // The challenge binds: another origin, another text, another browser, another purpose, another key, one changed octet.
    let entry = valid(&house, "zhang-wei", "p256");
    let mut browser = house.browser();
    let page = browser.get("/login/certificate");
    let (ask, text) = (page.field("ask"), page.text("challenge"));
    let send = |browser: &mut Browser, answer: &[u8]| browser.upload("/login/certificate", &ask, answer);
    let foreign = text.replace(&house.issuer(), "https://id.evil.example");
    refused(&send(&mut browser, &answer_with(entry, &foreign)), "XY-1202");
    let (before, nonce) = text.split_once("nonce: ").unwrap();
    let other_digit = if nonce.starts_with('0') { '1' } else { '0' };
    let unknown = format!("{before}nonce: {other_digit}{}", nonce.get(1..).unwrap());
    refused(&send(&mut browser, &answer_with(entry, &unknown)), "XY-1203");
    refused(&send(&mut browser, &answer_with(entry, &text.replace("portal: ", "portal: x"))), "XY-1203");
    refused(&send(&mut browser, &answer_with(entry, "30820100")), "XY-1201");
    for junk in [&b"not json"[..], b"{}", b"", &[0x30, 0x80][..], &vec![b'['; 60_000][..]] {
        refused(&send(&mut browser, junk), "XY-1411");
    }
    let own = answer_with(entry, &text);
    let mut thief = house.browser();
    let theirs = thief.get("/login/certificate").field("ask");
    refused(&thief.upload("/login/certificate", &theirs, &own), "XY-1203");
    // A document's signature, even of a document that is this challenge: it stands over attributes, never over the text.
    let mut other = house.browser();
    let other_page = other.get("/login/certificate");
    let document = other_page.text("challenge");
    let identity = keys::open(entry.key.to_str().unwrap(), None).unwrap();
    let own_certificate = keys::read_certificates(&std::fs::read(&entry.certificate).unwrap()).unwrap().remove(0);
    let algorithm = identity.signer.algorithm();
    let content = cms::Content::Attached(document.as_bytes());
    let signed = cms::prepare(&cms::SignedDataSpec::new(&algorithm, &own_certificate, content)).unwrap().sign(&*identity.signer).unwrap();
    let as_login = serde_json::to_vec(&Answer::pack(document.clone(), &own_certificate, &[], signed.signature())).unwrap();
    refused(&other.upload("/login/certificate", &other_page.field("ask"), &as_login), "XY-1414");
    // A right signature under somebody else's certificate.
    let mut mixed: Value = serde_json::from_slice(&own).unwrap();
    let li = keys::read_certificates(&std::fs::read(&valid(&house, "li-na", "p256").certificate).unwrap()).unwrap().remove(0);
    use base64::Engine as _;
    mixed["certificate"] = base64::engine::general_purpose::STANDARD.encode(li).into();
    refused(&send(&mut browser, mixed.to_string().as_bytes()), "XY-1414");
    // That was a definite no: the challenge is gone.
    refused(&send(&mut browser, &own), "XY-1203");

    // An expired challenge.
    let page = browser.get("/login/certificate");
    let late = answer_with(entry, &page.text("challenge"));
    house.lab.switch("/lab/clock", json!({"advance_seconds": 360})).await.unwrap();
    tokio::time::sleep(Duration::from_millis(3500)).await;
    refused(&browser.upload("/login/certificate", &page.field("ask"), &late), "XY-1203");
    house.lab.switch("/lab/clock", json!({})).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;

    // Two at once with one answer: one enters.
    let page = browser.get("/login/certificate");
    let answer = answer_with(entry, &page.text("challenge"));
    let race = |mut browser: Browser, ask: String, answer: Vec<u8>| {
        std::thread::spawn(move || browser.upload("/login/certificate", &ask, &answer).status)
    };
    let runs: Vec<_> = (0..6).map(|_| race(browser.clone(), page.field("ask"), answer.clone())).collect();
    let entered = runs.into_iter().map(|run| run.join().unwrap()).filter(|status| *status == 303).count();
    assert_eq!(entered, 1);

    // Whom the register knows as dead, gone or renumbered.
    for (holder, path, code) in [
        ("chen-guoqiang", "/login/certificate", "XY-1424"),
        ("lin-xiuying-old", "/login/certificate", "XY-1425"),
        ("closed-trading", "/login/organisation", "XY-1426"),
        ("revoked-building", "/login/organisation", "XY-1427"),
    ] {
        for family in ["sm2", "p256"] {
            let mut browser = house.browser();
            refused(&by_certificate(&mut browser, path, valid(&house, holder, family)), code);
            assert!(!browser.cookies.contains_key("xy-session"));
        }
    }
    // Nothing half-written: no Party for any of them.
    let world = house.world().await;
    let gone = world.store.read("nobody", |tx| {
        Box::pin(async move { Ok(xinyin::store::parties::by_number(tx, AttributeKind::CitizenNumber, "350899194105070579").await?) })
    });
    assert!(gone.await.unwrap().is_none());
    let logs = house.log() + &house.lab.log();
    for secret in [ZHANG.0, ZHANG.1, LI.1, "350899194105070579"] {
        assert!(!logs.contains(secret), "{secret} is in a log");
    }
}

async fn acting_for_an_organisation(kind: Kind) {
    let folder = tempfile::tempdir().unwrap();
    let Some(house) = House::start_on(folder.path(), "acting_for_an_organisation", kind).await else { return };
    let represent = |browser: &mut Browser, name: &str, code: &str| {
        let page = browser.get("/login/representative");
        browser.post("/login/representative", &[("ask", &page.field("ask")), ("name", name), ("number", code)])
    };
    // Nobody without being somebody first.
    refused(&represent(&mut house.browser(), COMPANY.0, COMPANY.1), "XY-1301");
    // Not the representative, another name, another code: one and the same answer.
    let mut li = house.browser();
    by_phone(&house, &mut li, LI).await;
    for (name, code) in [(COMPANY.0, COMPANY.1), ("别的公司", COMPANY.1), ("谁也不是", "91350899MAXY00024M")] {
        refused(&represent(&mut li, name, code), "XY-1428");
    }
    refused(&represent(&mut li, COMPANY.0, "91350899MAXY00016U"), "XY-1109");
    // The representative: acts for it, no surer than the person is.
    let mut liu = house.browser();
    by_phone(&house, &mut liu, LIU).await;
    let seen = represent(&mut liu, COMPANY.0, "91350899 MAXY 00016t");
    assert_eq!(seen.status, 303, "{seen:?}");
    let shown = account_of(&mut liu);
    assert!(shown.contains(COMPANY.0) && shown.contains(COMPANY.1) && shown.contains("3508**********0951"), "{shown}");
    assert!(shown.contains("实名") && !shown.contains("badge l4\">实证"));
    // A deregistered one, by its own representative.
    let mut zhao = house.browser();
    by_phone(&house, &mut zhao, ("赵敏", "350899198202141066", "14000000010")).await;
    refused(&represent(&mut zhao, "已销样例商贸有限公司", "91350899MAXY00032G"), "XY-1426");
    // The register down.
    house.lab.chaos(json!([{ "endpoint": "organisation", "drop": true }])).await;
    refused(&represent(&mut liu, COMPANY.0, COMPANY.1), "XY-5002");
    house.lab.chaos(json!([])).await;

    // An organisation's certificate in a person's session: acts for it, and stays the person.
    let mut li = house.browser();
    by_phone(&house, &mut li, LI).await;
    let seen = by_certificate(&mut li, "/login/organisation", valid(&house, "xinyin-sample", "p256"));
    assert_eq!(seen.status, 303, "{seen:?}");
    let shown = account_of(&mut li);
    assert!(shown.contains(COMPANY.1) && shown.contains("3508**********0226"), "the person stays: {shown}");
    // Alone it is the organisation's own session: nobody's hand is known, so no person is shown.
    let mut alone = house.browser();
    assert_eq!(by_certificate(&mut alone, "/login/organisation", valid(&house, "xinyin-sample", "sm2")).status, 303);
    let shown = account_of(&mut alone);
    assert!(shown.contains(COMPANY.1) && !shown.contains("3508***"));
}

/// Real pages in a real browser: the login page's script reaches the connector, the holder confirms on the connector's own page.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_connector_in_a_real_browser() {
    let Some(browser) = Chromium::start("the_connector_in_a_real_browser") else { return };
    let folder = tempfile::tempdir().unwrap();
    let house = House::start(folder.path()).await;
    let pin = folder.path().join("pin");
    std::fs::write(&pin, &house.lab.described.p12_password).unwrap();
    let connector = Connector::start_asking(&valid(&house, "zhang-wei", "sm2").p12, &pin, &house.issuer());
    let own_page = format!("http://127.0.0.1:{}/", connector.port);

    browser.open(&format!("{}/login/certificate?lang=zh-CN", house.issuer()));
    let login = browser.window();
    // Nothing listens there: the page says so and stays.
    browser.fill("#port", "9");
    browser.click("#connector-login button");
    let told = || {
        browser
            .script("const n = document.getElementById('connector-error'); return n.hidden ? '' : n.textContent")
            .as_str()
            .unwrap()
            .to_owned()
    };
    crate::peers::wait_for("the page to say that no connector was found", 20, || told().contains("没有找到连接器").then_some(()));
    browser.fill("#port", &connector.port.to_string());
    browser.click("#connector-login button");
    let challenge = browser.script("return document.getElementById('challenge').textContent").as_str().unwrap().to_owned();
    browser.new_window();
    browser.open(&own_page);
    crate::peers::wait_for("the text on the connector's page", 20, || {
        let shown = browser.script("const p = document.querySelector('pre'); return p ? p.textContent : ''");
        (shown.as_str() == Some(challenge.as_str())).then_some(())
    });
    browser.click("button[value=confirm]");
    browser.to_window(&login);
    crate::peers::wait_for("the account page", 20, || browser.address().ends_with("/account").then_some(()));
    let text = browser.script("return document.body.innerText").as_str().unwrap().to_owned();
    assert!(text.contains("张伟") && text.contains("3508**********0111") && text.contains("实证"), "{text}");

    // A page that the holder did not allow gets nothing, whatever it tries.
    browser.open(&format!("{}lab/inbox", house.lab.url("/")));
    let stolen = format!("return fetch('{own_page}certificates').then(a => a.text(), e => 'refused: ' + e)");
    let said = browser.script(&stolen);
    assert!(said.as_str().unwrap_or_default().starts_with("refused"), "{said}");
}
