//! Passkeys against a software authenticator of our own: what is bound, what is recognised, what is refused.
//! The real browser's authenticator is driven in the browser tests.

use crate::house::{Browser, CALLBACK, House, ISSUER, Reply, ask, claims, redeem};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Method as Verb, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use xinyin::crypto::{KeyKind, Signer};
use xinyin::keys::SoftKey;
use xinyin::login::Method;
use xinyin::store::parties::PartyKind;
use xinyin::world::SystemDice;

/// One discoverable key for one site (WebAuthn Level 3 §6).
pub struct Authenticator {
    key: SoftKey,
    id: [u8; 16],
    handle: String,
    counter: u32,
    /// User present 1, user verified 4.
    flags: u8,
    origin: String,
}

impl Authenticator {
    pub fn new(id: u8) -> Self {
        let key = SoftKey::generate(KeyKind::P256, &SystemDice).unwrap();
        Self { key, id: [id; 16], handle: String::new(), counter: 0, flags: 1 | 4, origin: ISSUER.to_owned() }
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let challenge = options["publicKey"]["challenge"].as_str().unwrap();
        json!({ "type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false }).to_string().into_bytes()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let mut data = Sha256::digest("localhost").to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn create(&mut self, options: &Value) -> Value {
        assert_eq!(options["publicKey"]["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(options["publicKey"]["authenticatorSelection"]["userVerification"], "required");
        self.handle = options["publicKey"]["user"]["id"].as_str().unwrap().to_owned();
        let mut data = self.data(self.flags | 0x40);
        data.extend([0; 16]);
        data.extend([0, 16]);
        data.extend(self.id);
        // COSE_Key, EC2, ES256, P-256 (RFC 9053 §7.1).
        let point = self.key.public_key().spki();
        let point = &point[point.len() - 64..];
        data.extend([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20]);
        data.extend(&point[..32]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[32..]);
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt");
        object.push(0x64);
        object.extend(b"none");
        object.push(0x67);
        object.extend(b"attStmt");
        object.extend([0xa0, 0x68]);
        object.extend(b"authData");
        object.extend([0x58, u8::try_from(data.len()).unwrap()]);
        object.extend(data);
        let id = URL_SAFE_NO_PAD.encode(self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "extensions": {}, "response": {
            "attestationObject": URL_SAFE_NO_PAD.encode(object),
            "clientDataJSON": URL_SAFE_NO_PAD.encode(self.client_data("webauthn.create", options)),
        }})
    }

    fn get(&mut self, options: &Value) -> Value {
        assert!(options.get("mediation").is_none() && options["publicKey"]["userVerification"] == "required");
        self.counter += 1;
        let (data, client) = (self.data(self.flags), self.client_data("webauthn.get", options));
        let signed = [data.clone(), Sha256::digest(&client).to_vec()].concat();
        let id = URL_SAFE_NO_PAD.encode(self.id);
        json!({ "id": id, "rawId": id, "type": "public-key", "extensions": {}, "response": {
            "authenticatorData": URL_SAFE_NO_PAD.encode(data),
            "clientDataJSON": URL_SAFE_NO_PAD.encode(client),
            "signature": URL_SAFE_NO_PAD.encode(self.key.sign(&signed).unwrap()),
            "userHandle": self.handle,
        }})
    }
}

async fn post(browser: &mut Browser, path: &str, body: Value) -> Reply {
    let mut script = browser.clone();
    script.accept = "*/*";
    let reply = script.send(Verb::POST, path, &[("content-type", "application/json")], body.to_string()).await;
    browser.jar = script.jar;
    reply
}

pub async fn bind(browser: &mut Browser, key: &mut Authenticator) -> Reply {
    let start = post(browser, "/account/passkeys/start", json!({})).await.json();
    let credential = key.create(&start["options"]);
    post(browser, "/account/passkeys/finish", json!({ "ceremony": start["ceremony"], "label": "我的手机", "credential": credential })).await
}

pub async fn log_in(browser: &mut Browser, key: &mut Authenticator, ask: Option<&str>) -> Reply {
    let start = post(browser, "/login/passkey/start", json!({ "ask": ask })).await.json();
    let credential = key.get(&start["options"]);
    post(browser, "/login/passkey/finish", json!({ "ceremony": start["ceremony"], "ask": ask, "credential": credential })).await
}

#[tokio::test]
async fn bound_under_a_certificate_and_used_at_a_portal() {
    let house = House::sqlite("passkeys").await;
    let secret = house.portal("portal", json!({})).await;
    let person = house.person().await;
    let mut browser = house.browser();
    browser.prove(&house, None, &person, Method::Certificate).await;
    let mut key = Authenticator::new(7);
    let bound = bind(&mut browser, &mut key).await;
    assert_eq!(bound.json()["location"], "/account", "{}", bound.body);
    assert!(browser.get("/account").await.body.contains("我的手机"));
    // The same credential is bound once.
    assert_eq!(bind(&mut browser, &mut key).await.json()["code"], "XY-1303");
    // Another day, another browser.
    house.pass(86_400);
    let mut phone = house.browser();
    let login = ask(&phone.authorize("portal", &[("acr_values", "urn:xinyin:acr:real-person")]).await);
    let before = house.world.store.written();
    let reply = log_in(&mut phone, &mut key, Some(&login)).await;
    let location = reply.json()["location"].as_str().unwrap().to_owned();
    assert!(location.starts_with(CALLBACK), "{location}");
    let code = url::Url::parse(&location).unwrap().query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let tokens = redeem(&house, "portal", &secret, &code, &[]).await.json();
    assert!(house.world.store.written() - before <= 3 + 2, "three writes, and at most two for keys");
    let token = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(token["acr"], "urn:xinyin:acr:real-person", "the certificate was yesterday: a passkey gives no more");
    assert_eq!(token["amr"], json!(["mfa", "pop", "user"]));
    assert_eq!(token["auth_time"], house.world.clock.now().secs());
    // Where the highest level is asked for, the passkey does not reach it, and the page says so.
    let asked = phone.authorize("portal", &[("acr_values", "urn:xinyin:acr:real-credential")]).await;
    let page = phone.get(asked.location()).await;
    assert!(page.body.contains("等级低于此应用的要求"), "{}", page.body);
    // Removed: recognises nobody any more.
    let account = phone.get("/account").await.body;
    let row = account.split("name=\"passkey\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(phone.post("/account/passkeys/remove", &[("passkey", &row)]).await.status, StatusCode::SEE_OTHER);
    assert_eq!(log_in(&mut house.browser(), &mut key, None).await.json()["code"], "XY-1303");
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let house = House::sqlite("passkeys refused").await;
    let person = house.person().await;
    let mut browser = house.browser();
    browser.prove(&house, None, &person, Method::Certificate).await;
    let mut key = Authenticator::new(1);
    // Another origin, no user verification: not bound.
    key.origin = "http://localhost:9999".into();
    assert_eq!(bind(&mut browser, &mut key).await.json()["code"], "XY-1303");
    (key.origin, key.flags) = (ISSUER.into(), 1);
    assert_eq!(bind(&mut browser, &mut key).await.json()["code"], "XY-1303");
    key.flags = 1 | 4;
    assert!(bind(&mut browser, &mut key).await.json()["location"].is_string());
    let refused = async |key: &mut Authenticator| log_in(&mut house.browser(), key, None).await.json()["code"] == "XY-1303";
    // The same at login.
    key.origin = "https://localhost:8440".into();
    assert!(refused(&mut key).await, "another origin");
    (key.origin, key.flags) = (ISSUER.into(), 1);
    assert!(refused(&mut key).await, "no user verification");
    key.flags = 1 | 4;
    // Another Party's handle with this key; an unknown key.
    let own = key.handle.clone();
    let other = house.party(PartyKind::Person, "林", "350899199001010034").await;
    key.handle = URL_SAFE_NO_PAD.encode(hex::decode(other.as_str()).unwrap());
    assert!(refused(&mut key).await, "another handle");
    key.handle = own;
    assert!(refused(&mut Authenticator { handle: key.handle.clone(), ..Authenticator::new(9) }).await, "unknown key");
    // A cloned key falls behind the counter.
    assert!(log_in(&mut house.browser(), &mut key, None).await.json()["location"].is_string());
    key.counter = 0;
    assert!(refused(&mut key).await, "cloned");
    // A ceremony serves once, and only the browser that began it.
    key.counter = 50;
    let (mut one, mut two) = (house.browser(), house.browser());
    let start = post(&mut one, "/login/passkey/start", json!({})).await.json();
    let answer = json!({ "ceremony": start["ceremony"], "credential": key.get(&start["options"]) });
    assert_eq!(post(&mut two, "/login/passkey/finish", answer.clone()).await.json()["code"], "XY-1303", "another browser");
    assert!(post(&mut one, "/login/passkey/finish", answer.clone()).await.json()["location"].is_string());
    assert_eq!(post(&mut one, "/login/passkey/finish", answer).await.json()["code"], "XY-1303", "again");
    // Six minutes are too long.
    let start = post(&mut one, "/login/passkey/start", json!({})).await.json();
    house.pass(360);
    let late = json!({ "ceremony": start["ceremony"], "credential": key.get(&start["options"]) });
    assert_eq!(post(&mut one, "/login/passkey/finish", late).await.json()["code"], "XY-1303", "late");
}
