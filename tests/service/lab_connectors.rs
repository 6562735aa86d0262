//! Our side of the province against the live lab: what it says, and every way in which it can fail or lie.

use crate::lab::{LabProcess, NONCE};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use xinyin::id::CitizenNumber;
use xinyin::net::NetError;
use xinyin::pki::{Certificate, Reason, ocsp::CertStatus};
use xinyin::province::{
    Config, Province, Unavailable, Untrusted, Why, ca::Material, organisation::OrganisationState, phone::Phone, population::PersonState,
    time::FollowingClock, verify_evidence,
};
use xinyin::world::{Clock, Dice, SystemClock, SystemDice};

fn config(lab: &LabProcess) -> Config {
    let mut connectors = serde_json::to_value(&lab.described.connectors).unwrap();
    // Patient enough for a loaded machine, impatient enough for the delays below.
    for (_, section) in connectors.as_object_mut().unwrap() {
        section["timeout_ms"] = json!(3_000);
    }
    serde_json::from_value(connectors).unwrap()
}

fn province_at(lab: &LabProcess, clock: Arc<dyn Clock>) -> Province {
    let dice: Arc<dyn Dice> = Arc::new(SystemDice);
    Province::open(&config(lab), &clock, &dice, &|path| std::fs::read(path)).unwrap()
}

fn province(lab: &LabProcess) -> Province {
    province_at(lab, Arc::new(SystemClock))
}

fn number(text: &str) -> CitizenNumber {
    CitizenNumber::parse(text).unwrap()
}

#[tokio::test]
async fn the_registers_answer_as_of_a_date() {
    let folder = tempfile::tempdir().unwrap();
    let lab = LabProcess::start(folder.path(), &[]);
    let province = province(&lab);
    let population = province.population().unwrap();
    for person in &lab.described.persons {
        let heard = population.check(&person.name, &number(&person.number), true, None).await.unwrap();
        let found = heard.said.as_ref().unwrap_or_else(|| panic!("{}", person.id));
        assert_eq!(serde_json::to_value(found.state).unwrap(), serde_json::to_value(person.history.last().unwrap().state).unwrap());
        let phone = found.phone.as_ref().map(Phone::expose);
        assert_eq!(phone, person.phone.as_deref().filter(|_| found.state == PersonState::Alive), "{}", person.id);
        // Nothing of the number in what is shown or kept, and the evidence holds by itself.
        assert!(!format!("{heard:?}").contains(&person.number));
        assert!(!String::from_utf8(verify_evidence(&heard.evidence, &lab.read("answers")).unwrap()).unwrap().contains(&person.number));
        let mut forged = heard.evidence.clone();
        let at = forged.windows(8).position(|window| window == b"\"body\":\"").unwrap() + 20;
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        assert!(verify_evidence(&forged, &lab.read("answers")).is_err());
        assert!(verify_evidence(&heard.evidence, &lab.read("sm2-tsa")).is_err());
    }
    let said = async |name: &str, text: &str, at: Option<&str>| {
        let at = at.map(|at| at.parse().unwrap());
        population.check(name, &number(text), false, at).await.unwrap().said.map(|found| found.state)
    };
    // A wrong name and an unknown number look the same.
    assert_eq!(said("李娜", "350899198503120111", None).await, None);
    assert_eq!(said("张伟", "350899199001010013", None).await, None);
    assert_eq!(said("陈国强", "350899194105070579", Some("2026-03-09T00:00:00Z")).await, Some(PersonState::Alive));
    assert_eq!(said("林秀英", "350899196601180688", Some("2025-05-01T00:00:00Z")).await, Some(PersonState::Alive));
    assert_eq!(said("林秀英", "350899196601180805", Some("2025-05-01T00:00:00Z")).await, None, "the new number was nobody's then");
    assert_eq!(said("阿依古丽•买买提", "350899198802290663", None).await, Some(PersonState::Alive));

    let organisations = province.organisations().unwrap();
    for entry in &lab.described.organisations {
        let legal = lab.described.persons.iter().find(|person| person.id == entry.legal_representative).unwrap();
        let legal_number = number(&legal.number);
        let heard = organisations.check(&entry.name, &entry.uscc, Some((&legal.name, &legal_number)), None).await.unwrap();
        let found = heard.said.unwrap();
        assert_eq!((found.uscc.expose(), found.legal_representative), (entry.uscc.as_str(), Some(true)));
        assert_eq!(serde_json::to_value(found.state).unwrap(), serde_json::to_value(entry.history.last().unwrap().state).unwrap());
        let other = number("350899199011240226");
        let heard = organisations.check(&entry.name, &entry.uscc[8..17], Some(("李娜", &other)), None).await.unwrap();
        assert_eq!(heard.said.unwrap().legal_representative, Some(false));
    }
    let heard = organisations.check("停业样例建设工程有限公司", "91350899MAXY00040B", None, None).await.unwrap();
    assert_eq!(heard.said.unwrap().state, OrganisationState::LicenceRevoked);
    assert_eq!(organisations.check("别的公司", "91350899MAXY00040B", None, None).await.unwrap().said, None);

    let delivery = province.phone().unwrap().deliver(&Phone::parse("14000000001").unwrap(), "验证码 654321").await.unwrap();
    let inbox = lab.public().get(&lab.url("/lab/inbox.json?phone=14000000001"), "*/*", Default::default()).await.unwrap();
    let inbox: Value = serde_json::from_slice(&inbox.body).unwrap();
    assert_eq!((&inbox["messages"][0]["id"], &inbox["messages"][0]["text"]), (&json!(delivery.said), &json!("验证码 654321")));
    assert_eq!(why(province.phone().unwrap().deliver(&Phone::parse("1400000").unwrap(), "x").await), Why::Refused);

    // Numbers, names and phones never reach its log, at the most talkative level.
    let log = lab.log();
    assert!(log.contains("population asked"), "{log}");
    for person in &lab.described.persons {
        assert!(!log.contains(&person.number) && !log.contains(&person.name), "{}", person.id);
        assert!(person.phone.as_ref().is_none_or(|phone| !log.contains(phone)));
    }
}

fn why<T: std::fmt::Debug>(outcome: Result<T, Unavailable>) -> Why {
    outcome.unwrap_err().why
}

/// Asks all four systems under mutual TLS; each outcome without its value.
async fn ask_all(province: &Province) -> [(&'static str, Result<(), Unavailable>); 4] {
    let zhang = number("350899198503120111");
    let phone = Phone::parse("14000000001").unwrap();
    [
        ("population", province.population().unwrap().check("张伟", &zhang, false, None).await.map(drop)),
        ("organisation", province.organisations().unwrap().check("信印样例科技有限公司", "91350899MAXY00016T", None, None).await.map(drop)),
        ("phone", province.phone().unwrap().deliver(&phone, "x").await.map(drop)),
        ("time", province.time().unwrap().offset().await.map(drop)),
    ]
}

#[tokio::test]
async fn outages_and_lies_of_the_registers_are_never_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let lab = LabProcess::start(folder.path(), &[]);
    let province = province(&lab);
    for (system, outcome) in ask_all(&province).await {
        assert_eq!(outcome, Ok(()), "{system}");
    }
    let untrusted = |why: Untrusted| move |found: &Why| *found == Why::Untrusted(why);
    type Expected = Box<dyn Fn(&Why) -> bool>;
    let cases: [(Value, Expected); 9] = [
        (json!({"delay_ms": 9_000}), Box::new(|why| matches!(why, Why::NoAnswer(NetError::Timeout(_))))),
        (json!({"drop": true}), Box::new(|why| matches!(why, Why::NoAnswer(NetError::Transport(_))))),
        (json!({"truncate": 30}), Box::new(|why| matches!(why, Why::NoAnswer(NetError::Transport(_))))),
        (json!({"truncate": 0}), Box::new(|why| matches!(why, Why::NoAnswer(NetError::Transport(_))))),
        (json!({"status": 500}), Box::new(|why| matches!(why, Why::NoAnswer(NetError::Status(500))))),
        (json!({"wrong": "nonce"}), Box::new(untrusted(Untrusted::Nonce))),
        (json!({"wrong": "signature"}), Box::new(untrusted(Untrusted::Signature))),
        (json!({"wrong": "subject"}), Box::new(untrusted(Untrusted::Question))),
        (json!({"wrong": "stale"}), Box::new(untrusted(Untrusted::Time))),
    ];
    for (rule, expected) in cases {
        lab.chaos(json!([rule])).await;
        let start = Instant::now();
        for (system, outcome) in ask_all(&province).await {
            if system == "time" && rule["wrong"] == "stale" {
                // Asking for the time, only the nonce shows that the answer is new; the distance is what was asked for.
                assert_eq!(outcome, Ok(()));
                continue;
            }
            let found = outcome.unwrap_err().why;
            assert!(expected(&found), "{system} under {rule}: {found:?}");
        }
        assert!(start.elapsed() < Duration::from_secs(15), "{rule} is bounded by the time budget");
    }
    // One system's outage is not another's, and a rule can be used up.
    lab.chaos(json!([{"endpoint": "population", "drop": true, "times": 1}])).await;
    let [population, organisation, ..] = ask_all(&province).await;
    assert!(population.1.is_err() && organisation.1.is_ok());
    assert!(ask_all(&province).await.iter().all(|(_, outcome)| outcome.is_ok()));
    // What is not configured is unavailable as well, and each becomes a fault with its own code.
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let dice: Arc<dyn Dice> = Arc::new(SystemDice);
    let empty = Province::open(&Config::default(), &clock, &dice, &|path| std::fs::read(path)).unwrap();
    let missing = [empty.population().err(), empty.organisations().err(), empty.phone().err(), empty.ca().err(), empty.time().err()];
    let codes: Vec<_> = missing.into_iter().map(|error| xinyin::fault::Fault::from(error.unwrap()).code.id).collect();
    assert_eq!(codes, ["XY-5001", "XY-5002", "XY-5003", "XY-5004", "XY-5005"]);
    drop(lab);
    for (system, outcome) in ask_all(&province).await {
        assert!(matches!(outcome.unwrap_err().why, Why::NoAnswer(NetError::Transport(_))), "{system} is gone");
    }
}

#[tokio::test]
async fn another_peer_in_its_place_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let lab = LabProcess::start(folder.path(), &[]);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let dice: Arc<dyn Dice> = Arc::new(SystemDice);
    let open = |change: &dyn Fn(&mut Value)| {
        let mut connectors = serde_json::to_value(&lab.described.connectors).unwrap();
        change(&mut connectors["population"]);
        let config: Config = serde_json::from_value(connectors).unwrap();
        Province::open(&config, &clock, &dice, &|path| std::fs::read(path))
    };
    let zhang = number("350899198503120111");
    let ask = async |province: Province| why(province.population().unwrap().check("张伟", &zhang, false, None).await);
    // Its TLS certificate under another anchor; its answers under another key; we under a stranger's name.
    let other = open(&|section| section["tls_ca"] = json!(lab.certificate("p256-root"))).unwrap();
    assert!(matches!(ask(other).await, Why::NoAnswer(NetError::Transport(_))));
    let other = open(&|section| section["answer_certificate"] = json!(lab.certificate("zhang-wei-sm2"))).unwrap();
    assert_eq!(ask(other).await, Why::Untrusted(Untrusted::Signature));
    let other = open(&|section| section["identity"] = json!(lab.described.tls.stranger_identity)).unwrap();
    assert!(matches!(ask(other).await, Why::NoAnswer(NetError::Transport(_))));
    // Sections that cannot work are refused before anything is asked, by name.
    for (key, value) in [
        ("url", json!("http://127.0.0.1:1/")),
        ("tls_ca", json!("/nowhere.pem")),
        ("identity", json!(lab.certificate("sm2-root"))),
        ("answer_certificate", json!(lab.data.join("registry.json"))),
    ] {
        let error = open(&|section| section[key] = value.clone()).unwrap_err().to_string();
        assert!(error.starts_with("[province.population]"), "{error}");
    }
}

#[tokio::test]
async fn certificate_status_by_ocsp_then_crl() {
    let folder = tempfile::tempdir().unwrap();
    let lab = LabProcess::start(folder.path(), &[]);
    let province = province(&lab);
    let ca = province.ca().unwrap();
    let status = async |certificate: &Certificate| ca.status(certificate).await.map(|heard| (heard.said.status, heard.said.material));
    let good = |outcome: Result<(CertStatus, Material), Unavailable>| outcome.unwrap().0 == CertStatus::Good;
    for family in ["sm2", "p256", "rsa"] {
        let person = lab.read(&format!("zhang-wei-{family}"));
        let (found, material) = status(&person).await.unwrap();
        assert!(found == CertStatus::Good && matches!(material, Material::Ocsp(_)), "{family}");
        let (found, _) = status(&lab.read(&format!("zhang-wei-{family}-revoked"))).await.unwrap();
        assert!(matches!(found, CertStatus::Revoked { reason: Reason::KeyCompromise, .. }), "{family}");
        // The issuing authority's own status is on the root's list.
        let (found, material) = status(&lab.read(family)).await.unwrap();
        assert!(found == CertStatus::Good && matches!(material, Material::Crl(_)), "{family}");
        // The names of our authority are not our authority.
        assert_eq!(why(status(&lab.read(&format!("zhang-wei-{family}-foreign"))).await), Why::NotConfigured);

        // Every failure of OCSP leads to the list, also for a revoked certificate.
        for rule in [
            json!({"drop": true}),
            json!({"delay_ms": 9_000}),
            json!({"truncate": 40}),
            json!({"status": 500}),
            json!({"wrong": "nonce"}),
            json!({"wrong": "signature"}),
            json!({"wrong": "subject"}),
            json!({"wrong": "stale"}),
        ] {
            let mut only_ocsp = rule.clone();
            only_ocsp["endpoint"] = json!("ocsp");
            lab.chaos(json!([only_ocsp])).await;
            let (found, material) = status(&person).await.unwrap_or_else(|error| panic!("{family} {rule}: {error}"));
            assert!(found == CertStatus::Good && matches!(material, Material::Crl(_)), "{family} {rule}");
            let (found, _) = status(&lab.read(&format!("zhang-wei-{family}-revoked"))).await.unwrap();
            assert!(matches!(found, CertStatus::Revoked { .. }), "{family} {rule}");
            if family != "sm2" && rule["delay_ms"].is_number() {
                continue;
            }
            // Both failing: unavailable, never good.
            lab.chaos(json!([{"endpoint": "ocsp", "drop": true}, rule])).await;
            match (rule["wrong"].as_str(), status(&person).await) {
                // A list has no nonce, and an empty one of the right authority is believed: it is signed and fresh.
                (Some("nonce" | "subject"), outcome) => assert!(good(outcome)),
                (_, outcome) => assert!(outcome.is_err(), "{family} {rule}"),
            }
        }
        lab.chaos(json!([])).await;
    }
    // Hold and release; a revocation dated back; the answers follow at once.
    let person = lab.read("li-na-sm2");
    let serial = person.serial_hex();
    let revoke = async |reason: &str, at: Option<&str>| {
        let mut order = json!({"ca": "sm2", "serial": serial, "reason": reason});
        if let Some(at) = at {
            order["at"] = json!(at);
        }
        lab.switch("/lab/revoke", order).await.unwrap();
        status(&person).await.unwrap().0
    };
    assert!(matches!(revoke("certificateHold", None).await, CertStatus::Revoked { reason: Reason::CertificateHold, .. }));
    assert_eq!(revoke("removeFromCRL", None).await, CertStatus::Good);
    let at = "2026-03-01T00:00:00Z";
    assert_eq!(revoke("superseded", Some(at)).await, CertStatus::Revoked { at: at.parse().unwrap(), reason: Reason::Superseded });
}

#[tokio::test]
async fn certificates_are_issued_to_those_in_good_standing() {
    let folder = tempfile::tempdir().unwrap();
    let lab = LabProcess::start(folder.path(), &[]);
    let province = province(&lab);
    let read = |pem: &Value| Certificate::from_pem_or_der(pem.as_str().unwrap().as_bytes()).unwrap();
    let zhao = json!({"person": {"name": "赵敏", "number": "350899198202141066"}});
    let (_, said) = lab.question("/ca/issue", json!({"nonce": NONCE, "applicant": zhao, "family": "sm2", "days": 30})).await.unwrap();
    let (signing, encryption) = (read(&said["signing"]["certificate"]), read(&said["encryption"]["certificate"]));
    assert!(signing.key_usage().unwrap().signs() && !encryption.key_usage().unwrap().signs());
    assert_ne!(signing.public_key().unwrap(), encryption.public_key().unwrap());
    let key = xinyin::keys::SoftKey::from_pkcs8_pem(said["signing"]["key"].as_str().unwrap()).unwrap();
    assert_eq!(xinyin::crypto::Signer::public_key(&key), signing.public_key().unwrap());
    for certificate in [&signing, &encryption] {
        assert_eq!(province.ca().unwrap().status(certificate).await.unwrap().said.status, CertStatus::Good);
    }
    // By request: the key stays where it was made.
    let key = xinyin::keys::SoftKey::generate(xinyin::crypto::KeyKind::P256, &SystemDice).unwrap();
    let subject = xinyin::pki::Name::build(&[(xinyin::pki::name::attribute::COMMON_NAME, "whoever")]).unwrap();
    let request = xinyin::pki::build::request::request(&subject, &[], &key).unwrap();
    let pem = |der: &[u8]| der::pem::encode_string("CERTIFICATE REQUEST", der::pem::LineEnding::LF, der).unwrap();
    let coop = json!({"organisation": {"name": "样例茶叶专业合作社", "uscc": "93350899MEXY00061J"}});
    let (_, said) = lab.question("/ca/issue", json!({"nonce": NONCE, "applicant": coop, "request": pem(&request)})).await.unwrap();
    let issued = read(&said["signing"]["certificate"]);
    assert_eq!(issued.public_key().unwrap(), xinyin::crypto::Signer::public_key(&key));
    assert_eq!(issued.subject().common_name(), Some("样例茶叶专业合作社"), "the register decides, not the request");
    assert!(said["signing"].get("key").is_none() && said.get("encryption").is_none());
    // Nobody else gets one.
    let mut forged = request.clone();
    *forged.last_mut().unwrap() ^= 1;
    let dead = json!({"person": {"name": "陈国强", "number": "350899194105070579"}});
    let closed = json!({"organisation": {"name": "已销样例商贸有限公司", "uscc": "91350899MAXY00032G"}});
    let wrong = json!({"person": {"name": "李娜", "number": "350899198202141066"}});
    for order in [
        json!({"applicant": dead, "family": "sm2"}),
        json!({"applicant": closed, "family": "p256"}),
        json!({"applicant": wrong, "family": "p256"}),
        json!({"applicant": zhao, "family": "p256", "days": 9999}),
        json!({"applicant": zhao, "request": pem(&forged)}),
        json!({"applicant": zhao, "request": pem(&request), "family": "p256"}),
        json!({"applicant": zhao}),
    ] {
        let mut question = order.clone();
        question["nonce"] = json!(NONCE);
        assert_eq!(lab.question("/ca/issue", question).await.unwrap_err(), NetError::Status(422), "{order}");
    }
}

#[tokio::test]
async fn the_service_can_follow_the_labs_clock() {
    let folder = tempfile::tempdir().unwrap();
    let chaos = folder.path().join("chaos.json");
    std::fs::write(&chaos, r#"{"rules":[{"endpoint":"time","drop":true,"times":1}]}"#).unwrap();
    let lab = LabProcess::start(&folder.path().join("lab"), &["--chaos", chaos.to_str().unwrap()]);
    let clock = FollowingClock::new(Arc::new(SystemClock));
    let province = province_at(&lab, Arc::new(clock.clone()));
    assert!(province.time().unwrap().offset().await.is_err(), "the chaos file counts from the first request on");
    lab.switch("/lab/clock", json!({"now": "2031-01-01T00:00:00Z"})).await.unwrap();
    let zhang = number("350899198503120111");
    let check = async || province.population().unwrap().check("张伟", &zhang, false, None).await;
    assert_eq!(why(check().await), Why::Untrusted(Untrusted::Time), "our clock and the province's are years apart");
    clock.adjust(province.time().unwrap().offset().await.unwrap().said);
    assert!(clock.now().to_string().starts_with("2031-01-01T00:"), "{}", clock.now());
    assert!(check().await.is_ok());
    assert!(province.time().unwrap().offset().await.unwrap().said.ahead_ms.abs() < 2_000);
}
