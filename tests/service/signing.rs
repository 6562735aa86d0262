//! Signing on record: the intention first, only a passing output released, a crash settled.

use crate::postgres::Database;
use crate::store::on_both;
use std::sync::Arc;
use std::time::Duration;
use xinyin::crypto::{KeyKind, PublicKey, SignError, SignatureAlgorithm, Signer};
use xinyin::doc::source::ByteSource;
use xinyin::fault::code;
use xinyin::ids::AgencyId;
use xinyin::keys::{Identity, SoftKey};
use xinyin::moment::Moment;
use xinyin::pki::build::CertificateBuilder;
use xinyin::pki::build::seal::{ListKind, Version};
use xinyin::pki::extensions::KeyUsage;
use xinyin::pki::{Certificate, Name, name::attribute};
use xinyin::service::sign::{Asker, Bench, Order, Wish, recorded, settle_left_open};
use xinyin::sign::{Format, Place, seal};
use xinyin::store::intentions::{self, IntentionState, NewIntention};
use xinyin::store::{agencies, audit};
use xinyin::verify::{Evidence, Indication, Policy, Revocation, TrustAnchor};
use xinyin::world::{Clock, SystemDice};

on_both! {
    only_a_passing_output_is_released
    a_crash_is_settled_later
    a_seal_is_used_on_record
}

struct Stopped(Moment);

impl Clock for Stopped {
    fn now(&self) -> Moment {
        self.0
    }
}

fn now() -> Moment {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

/// A key that gives a worthless value.
struct Broken(SoftKey);

impl Signer for Broken {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, SignError> {
        self.0.sign(b"something else")
    }
}

fn certified(key: &SoftKey) -> Certificate {
    let name = Name::build(&[(attribute::COUNTRY, "CN"), (attribute::COMMON_NAME, "测试签名人")]).unwrap();
    let (from, to) = ("2026-01-01T00:00:00Z".parse().unwrap(), "2030-01-01T00:00:00Z".parse().unwrap());
    let builder = CertificateBuilder::new(&name, &name, key.public_key(), &[1], from, to);
    builder.key_usage(&[KeyUsage::DIGITAL_SIGNATURE, KeyUsage::KEY_CERT_SIGN]).authority(None).sign(key).unwrap()
}

fn order(signer: Box<dyn Signer>, certificate: &Certificate) -> Order {
    let document: Arc<dyn ByteSource> = Arc::new("正文".as_bytes().to_vec());
    let identity = Arc::new(Identity { signer, certificates: vec![certificate.der().to_vec()] });
    Order { document, identity, wish: Wish::plain(), authority: None }
}

fn bench(anchor: Option<&Certificate>) -> Bench {
    let mut evidence = Evidence::default();
    evidence.anchors.extend(anchor.map(|certificate| TrustAnchor::for_all(certificate.clone())));
    Bench { evidence, policy: Policy::named("strict").unwrap(), revocation: Revocation::Soft, net: None }
}

async fn agency(database: &Database) -> AgencyId {
    let id: AgencyId = "fzsj".parse().unwrap();
    let agency = &id;
    let added = database.store.write("agency", |tx| Box::pin(async move { Ok(agencies::add(tx, agency, "福州测试局", now()).await?) }));
    added.await.unwrap();
    id
}

async fn events(database: &Database, agency: &AgencyId) -> Vec<String> {
    let listed = database.store.read("events", |tx| Box::pin(async move { Ok(audit::of_agency(tx, agency, 100).await?) }));
    listed.await.unwrap().into_iter().map(|entry| entry.event).filter(|event| event.starts_with("signing.")).collect()
}

async fn only_a_passing_output_is_released(database: Database) {
    let agency = agency(&database).await;
    let asker = Asker { agency: &agency, party: None, actor: "test" };
    let (clock, dice) = (Stopped(now()), SystemDice);
    let key = || SoftKey::generate(KeyKind::Sm2, &SystemDice).unwrap();
    let good = key();
    let certificate = certified(&good);
    let pkcs8 = good.to_pkcs8_der();

    let wish = order(Box::new(good), &certificate);
    let released = recorded(&database.store, asker, wish, &bench(Some(&certificate)), &clock, &dice).await.unwrap();
    assert_eq!(released.verdict.indication, Indication::Passed);
    let found = database.store.read("intention", |tx| {
        let (agency, id) = (&agency, &released.intention);
        Box::pin(async move { Ok(intentions::find(tx, agency, id).await?) })
    });
    let found = found.await.unwrap().unwrap();
    assert_eq!((found.state, found.format.as_str()), (IntentionState::Released, "cades"));
    assert!(found.digest.starts_with("sm3:"));

    // An untrusted certificate: the arithmetic holds, the judge does not pass it, nothing comes out.
    let again = SoftKey::from_pkcs8_der(&pkcs8).unwrap();
    let untrusted = recorded(&database.store, asker, order(Box::new(again), &certificate), &bench(None), &clock, &dice).await;
    assert_eq!(untrusted.unwrap_err().code, code::SIGN_CHECK);
    // A key device that lies.
    let lying = Broken(SoftKey::from_pkcs8_der(&pkcs8).unwrap());
    let lied = recorded(&database.store, asker, order(Box::new(lying), &certificate), &bench(Some(&certificate)), &clock, &dice).await;
    assert_eq!(lied.unwrap_err().code, code::SIGN_CHECK);
    // A certificate of another key is found before anything is intended.
    let other = certified(&key());
    let crossed = recorded(&database.store, asker, order(Box::new(key()), &other), &bench(Some(&other)), &clock, &dice).await;
    assert_eq!(crossed.unwrap_err().code, code::SIGN_CERTIFICATE);
    let mut events = events(&database, &agency).await;
    events.sort();
    assert_eq!(events, [["signing.intended"; 3], ["signing.settled"; 3]].concat());
    assert_eq!(settle_left_open(&database.store, Duration::ZERO, now().plus(Duration::from_secs(9))).await.unwrap(), 0);
}

async fn a_crash_is_settled_later(database: Database) {
    let agency = agency(&database).await;
    let detail = serde_json::json!({});
    let intended = database.store.write("intend", |tx| {
        let (agency, detail) = (&agency, &detail);
        Box::pin(async move {
            let new = NewIntention {
                agency,
                party: None,
                actor: "test",
                key_id: "00",
                format: "pades",
                digest: "sm3:00",
                detail,
                created_at: now(),
            };
            Ok(intentions::add(tx, new).await?)
        })
    });
    let id = intended.await.unwrap();
    let hour = Duration::from_secs(3600);
    assert_eq!(settle_left_open(&database.store, hour, now().plus(hour / 2)).await.unwrap(), 0, "it may still be at work");
    assert_eq!(settle_left_open(&database.store, hour, now().plus(hour * 2)).await.unwrap(), 1);
    assert_eq!(settle_left_open(&database.store, hour, now().plus(hour * 2)).await.unwrap(), 0);
    let found = database.store.read("intention", |tx| {
        let (agency, id) = (&agency, &id);
        Box::pin(async move { Ok(intentions::find(tx, agency, id).await?) })
    });
    assert_eq!(found.await.unwrap().unwrap().state, IntentionState::Abandoned);
}

async fn a_seal_is_used_on_record(database: Database) {
    let agency = agency(&database).await;
    let asker = Asker { agency: &agency, party: None, actor: "test" };
    let (clock, dice) = (Stopped(now()), SystemDice);
    let key = SoftKey::generate(KeyKind::Sm2, &SystemDice).unwrap();
    let certificate = certified(&key);
    // Maker and signer are one here; the seal lists it.
    let make = |signer: &Certificate, maker: &SoftKey, by: &Certificate| -> Arc<[u8]> {
        let wish = seal::Request {
            version: Version::V4,
            id: "35089900000001".into(),
            kind: 1,
            name: "测试专用章".into(),
            code: None,
            signers: vec![signer.clone()],
            list: ListKind::Certificates,
            created: now(),
            from: now(),
            until: now().plus(Duration::from_secs(86_400)),
            picture: b"\x89PNG\r\n\x1a\n a picture".to_vec(),
            size: (42, 42),
            maker: by.clone(),
        };
        let prepared = seal::prepare(&wish).unwrap();
        let signature = maker.sign(prepared.message()).unwrap();
        prepared.finish(&signature).unwrap().into()
    };
    let esl = make(&certificate, &key, &certificate);
    let other = SoftKey::generate(KeyKind::Sm2, &SystemDice).unwrap();
    let foreign = make(&certified(&other), &key, &certificate);
    let package: Arc<dyn ByteSource> = Arc::new(std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/one-page.ofd")).unwrap());
    let wish = |seal: &Arc<[u8]>| Wish::sealing(Format::Ofd, Arc::clone(seal), vec![Place::Keyword { text: "盖章".into(), page: None }]);
    let pkcs8 = key.to_pkcs8_der();
    let order = |document: &Arc<dyn ByteSource>, seal| {
        let signer = Box::new(SoftKey::from_pkcs8_der(&pkcs8).unwrap());
        let identity = Arc::new(Identity { signer, certificates: vec![certificate.der().to_vec()] });
        Order { document: Arc::clone(document), identity, wish: wish(seal), authority: None }
    };
    let bench = bench(Some(&certificate));
    let once = recorded(&database.store, asker, order(&package, &esl), &bench, &clock, &dice).await.unwrap();
    assert_eq!((once.verdict.indication, once.verdict.signatures.len()), (Indication::Passed, 1));
    let sealed = once.output.document(&package);
    let twice = recorded(&database.store, asker, order(&sealed, &esl), &bench, &clock, &dice).await.unwrap();
    assert_eq!((twice.verdict.indication, twice.verdict.signatures.len()), (Indication::Passed, 2));
    let found = database.store.read("intention", |tx| {
        let (agency, id) = (&agency, &twice.intention);
        Box::pin(async move { Ok(intentions::find(tx, agency, id).await?) })
    });
    assert_eq!(found.await.unwrap().unwrap().format, "ofd");
    // A seal that does not list the signer is refused before anything is intended.
    let refused = recorded(&database.store, asker, order(&package, &foreign), &bench, &clock, &dice).await;
    assert_eq!(refused.unwrap_err().code, code::SEAL_NOT_YOURS);
    assert_eq!(events(&database, &agency).await.len(), 4);
}
