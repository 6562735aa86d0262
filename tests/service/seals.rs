//! The register of seals: two for what widens trust, one for what narrows it; made apart from use; seals made elsewhere, whose
//! register is a process of its own. On both databases, with certificates of the stand-in province.

use crate::house::{Browser, House, Reply};
use crate::lab::LabProcess;
use crate::postgres::Kind;
use crate::running::xinyin;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Method as Verb, StatusCode};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use xinyin::fault::{Code, Fault, code};
use xinyin::ids::{PartyId, SealId, SealRequestId};
use xinyin::login::Method;
use xinyin::moment::Moment;
use xinyin::pki::Certificate;
use xinyin::service::seals::{self, Actor, Look, Scope, Use, Wish};
use xinyin::sign::seal::register::Purpose;
use xinyin::store::clerks::{self, Role};
use xinyin::store::parties::PartyKind;
use xinyin::verify::register::Standing;

const OWNER: (&str, &str) = ("样例区行政审批局", "11350899003599012Q");
const DOCUMENT: &str = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// A house with a province, and what makers and signers need.
struct Office {
    house: House,
    lab: LabProcess,
    folder: tempfile::TempDir,
    asking: Actor,
    approving: Actor,
    parties: (PartyId, PartyId),
}

fn key(lab: &LabProcess, holder: &str) -> (PathBuf, PathBuf, PathBuf) {
    let held = lab.described.organisations.iter().find(|entry| entry.id == holder).unwrap();
    let fits = |entry: &&xinyin::lab::CertificateEntry| {
        let value = serde_json::to_value(entry).unwrap();
        value["family"] == "sm2" && value["use"] == "signing" && value["condition"] == "valid"
    };
    let entry = held.certificates.iter().find(fits).unwrap();
    (entry.key.clone(), entry.certificate.clone(), entry.chain.clone())
}

async fn clerk_at(house: &House, agency: &str, name: &str, number: &str) -> PartyId {
    let party = house.party(PartyKind::Person, name, number).await;
    let now = house.world.clock.now();
    let (agency, who) = (&agency.parse().unwrap(), &party);
    let enrol = house.world.store.write("clerk", |tx| Box::pin(async move { Ok(clerks::enrol(tx, agency, who, Role::Clerk, now).await?) }));
    enrol.await.unwrap();
    party
}

impl Office {
    async fn new(test: &str, kind: Kind) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let lab = LabProcess::start(&folder.path().join("lab"), &[]);
        let house = House::with_lab(test, kind, &lab).await?;
        let roots: Vec<_> = lab.described.authorities.iter().map(|authority| authority.chain.clone()).collect();
        xinyin::service::anchors::import(&house.world, &roots, &[xinyin::verify::Purpose::Seal]).await.unwrap();
        let first = clerk_at(&house, "hall", "赵敏", "350899198202141066").await;
        let second = clerk_at(&house, "hall", "李娜", "350899199011240226").await;
        let (asking, approving) =
            (Actor::clerk("hall".parse().unwrap(), first.clone()), Actor::clerk("hall".parse().unwrap(), second.clone()));
        Some(Self { house, lab, folder, asking, approving, parties: (first, second) })
    }

    fn now(&self) -> Moment {
        self.house.world.clock.now()
    }

    fn wish(&self) -> Wish {
        Wish {
            owner: OWNER.0.into(),
            uscc: OWNER.1.into(),
            purpose: Purpose::Approval,
            text: None,
            valid_from: self.now(),
            valid_until: self.now().plus(std::time::Duration::from_secs(300 * 86_400)),
            standard: None,
            look: Look::Drawn,
            signers: vec![std::fs::read(key(&self.lab, "sample-agency").1).unwrap()],
        }
    }

    async fn digest(&self, request: &SealRequestId) -> String {
        seals::request(&self.house.world, &"hall".parse().unwrap(), request).await.unwrap().digest
    }

    async fn approve(&self, request: &SealRequestId) {
        let digest = self.digest(request).await;
        seals::approve(&self.house.world, &self.approving, request, &digest).await.unwrap();
    }

    /// The maker's program, apart: an order in, a seal out.
    fn make(&self, order: &[u8], name: &str) -> Vec<u8> {
        let (key, certificate, _) = key(&self.lab, "xinyin-sample");
        let (input, output) = (self.folder.path().join(format!("{name}.json")), self.folder.path().join(format!("{name}.esl")));
        std::fs::write(&input, order).unwrap();
        let mut command = xinyin();
        command.args(["seal", "make", "--key"]).arg(key).arg("--cert").arg(certificate).arg("--request").arg(input).arg(&output);
        let made = command.output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        std::fs::read(output).unwrap()
    }

    /// Asked, approved, made elsewhere, taken in.
    async fn active(&self, name: &str) -> SealId {
        let world = &self.house.world;
        let (seal, request) = seals::ask_make(world, &self.asking, self.wish()).await.unwrap();
        self.approve(&request).await;
        let order = seals::order(world, self.asking.agency(), &seal).await.unwrap();
        let octets = self.make(&serde_json::to_vec(&order).unwrap(), name);
        seals::take_in(world, &self.asking, &seal, &octets).await.unwrap();
        seal
    }

    async fn granted(&self, seal: &SealId, scope: Scope) {
        let until = self.now().plus(std::time::Duration::from_secs(3600));
        let request = seals::ask_use(&self.house.world, &self.asking, seal, &scope, until, "盖章").await.unwrap();
        self.approve(&request).await;
    }

    async fn use_it(&self, seal: &SealId, document: &str, licence_type: Option<&str>) -> Result<seals::Authorised, Fault> {
        let world = &self.house.world;
        let leave = &seals::leave(world, self.asking.agency(), seal).await?;
        let wanted = &Use { actor: &self.asking, document, licence_type, now: self.now() };
        world.store.write("use", |tx| Box::pin(async move { seals::authorise_use(tx, leave, wanted).await })).await
    }

    async fn standing(&self, seal: &SealId, at: Moment) -> Standing {
        seals::in_force(&self.house.world, self.asking.agency(), seal, at).await.unwrap()
    }
}

fn refused<T: std::fmt::Debug>(result: Result<T, Fault>, expected: Code) {
    let fault = result.expect_err("refused");
    assert_eq!(fault.code.id, expected.id, "{fault:?}");
}

async fn on_both(test: &str, run: impl AsyncFn(Office)) {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        match Office::new(&format!("{test}-{kind:?}"), kind).await {
            Some(office) => run(office).await,
            None => eprintln!("{test}: skipped on {kind:?}: no PostgreSQL"),
        }
    }
}

#[tokio::test]
async fn nobody_gets_a_seal_alone() {
    on_both("seal-control", async |office| {
        let world = &office.house.world;
        let hall = office.asking.agency();
        let (seal, request) = seals::ask_make(world, &office.asking, office.wish()).await.unwrap();
        let digest = office.digest(&request).await;
        // Who asked decides nothing; a program of another agency does not find it; what was not shown is not approved.
        refused(seals::approve(world, &office.asking, &request, &digest).await, code::SEAL_SAME_PERSON);
        let stranger = Actor::clerk("county".parse().unwrap(), office.parties.1.clone());
        refused(seals::approve(world, &stranger, &request, &digest).await, code::NOT_FOUND);
        let other = format!("{}0", &digest[..63]);
        let other = if other == digest { format!("{}1", &digest[..63]) } else { other };
        refused(seals::approve(world, &office.approving, &request, &other).await, code::SEAL_APPROVAL);
        // Two programs make no two persons.
        let (one, two) = (Actor::operator(hall.clone()), Actor::operator(hall.clone()));
        let (_, by_program) = seals::ask_make(world, &one, office.wish()).await.unwrap();
        refused(seals::approve(world, &two, &by_program, &office.digest(&by_program).await).await, code::SEAL_SAME_PERSON);
        // Nothing is exported before it is approved.
        refused(seals::order(world, hall, &seal).await.map(|_| ()), code::NOT_FOUND);
        seals::approve(world, &office.approving, &request, &digest).await.unwrap();
        // An approval is spent.
        refused(seals::approve(world, &office.approving, &request, &digest).await, code::SEAL_APPROVAL);
        refused(seals::refuse(world, &office.approving, &request, "太迟").await, code::SEAL_APPROVAL);
        // An open request runs out.
        let (late_seal, late) = seals::ask_make(world, &office.asking, office.wish()).await.unwrap();
        let shown = office.digest(&late).await;
        office.house.pass(24 * 3600);
        refused(seals::approve(world, &office.approving, &late, &shown).await, code::SEAL_APPROVAL);
        assert_eq!(seals::one(world, hall, &late_seal).await.unwrap().1.state, "draft");
        let all = seals::list(world, hall, None).await.unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(seals::list(world, hall, Some(&all[0].id)).await.unwrap(), all[1..]);
        assert!(seals::list(world, &"county".parse().unwrap(), Some(&all[0].id)).await.unwrap().is_empty());
        // The history tells who did it.
        let events = seals::one(world, hall, &seal).await.unwrap().1.events;
        let told: Vec<_> = events.iter().map(|event| (event.change, event.actor.as_str())).collect();
        assert_eq!(told, [("asked", office.asking.name()), ("approved", office.approving.name())]);
    })
    .await;
}

#[tokio::test]
async fn what_was_changed_after_it_was_asked_is_not_approved() {
    let office = Office::new("seal-changed", Kind::Sqlite).await.unwrap();
    let world = &office.house.world;
    let (_, request) = seals::ask_make(world, &office.asking, office.wish()).await.unwrap();
    let (_, other) = seals::ask_make(world, &office.asking, Wish { purpose: Purpose::Licence, ..office.wish() }).await.unwrap();
    let shown = office.digest(&request).await;
    // Somebody with the database swaps what was asked: the body is sealed for its own row, and the digest holds it.
    let raw = sqlx_any(&world.config.database).await;
    for sql in [
        format!("UPDATE seal_requests SET body = (SELECT body FROM seal_requests WHERE id = '{other}') WHERE id = '{request}'"),
        format!("UPDATE seal_requests SET digest = '{}' WHERE id = '{other}'", "0".repeat(64)),
    ] {
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&raw).await.unwrap();
    }
    assert!(seals::approve(world, &office.approving, &request, &shown).await.is_err());
    refused(seals::approve(world, &office.approving, &other, &"0".repeat(64)).await, code::SEAL_APPROVAL);
}

async fn sqlx_any(url: &str) -> sqlx::AnyPool {
    sqlx::any::install_default_drivers();
    sqlx::AnyPool::connect(url).await.unwrap()
}

#[tokio::test]
async fn made_apart_and_held_against_its_order() {
    on_both("seal-made", async |office| {
        let world = &office.house.world;
        let hall = office.asking.agency();
        let (seal, request) = seals::ask_make(world, &office.asking, office.wish()).await.unwrap();
        office.approve(&request).await;
        let order = serde_json::to_value(seals::order(world, hall, &seal).await.unwrap()).unwrap();
        // A maker who makes something else is found out, field by field.
        for (field, value) in [
            ("name", json!("别的章")),
            ("id", json!("35089900000001")),
            ("kind", json!(3)),
            ("standard", json!("v5")),
            ("list", json!("digests")),
            ("valid_until", json!("2039-01-01T00:00:00Z")),
            ("width", json!(45)),
        ] {
            let mut other = order.clone();
            other["order"][field] = value;
            let octets = office.make(other.to_string().as_bytes(), field);
            refused(seals::take_in(world, &office.asking, &seal, &octets).await, code::SEAL_RESULT);
        }
        let mut other = order.clone();
        let signer = Certificate::from_pem_or_der(&std::fs::read(key(&office.lab, "sample-agency").1).unwrap()).unwrap();
        let (_, maker, _) = key(&office.lab, "xinyin-sample");
        let maker = Certificate::from_pem_or_der(&std::fs::read(maker).unwrap()).unwrap();
        assert_eq!(other["order"]["signers"], json!([STANDARD.encode(signer.der())]));
        other["order"]["uscc"] = json!("91350899MAXY00016T");
        other["order"]["signers"] = json!([STANDARD.encode(maker.der())]);
        let octets = office.make(other.to_string().as_bytes(), "signers");
        refused(seals::take_in(world, &office.asking, &seal, &octets).await, code::SEAL_RESULT);
        refused(seals::take_in(world, &office.asking, &seal, b"no seal").await, code::SEAL_RESULT);
        // What was ordered comes in, once.
        let good = office.make(order.to_string().as_bytes(), "good");
        seals::take_in(world, &office.asking, &seal, &good).await.unwrap();
        refused(seals::take_in(world, &office.asking, &seal, &good).await, code::SEAL_STATE);
        let (stored, view) = seals::one(world, hall, &seal).await.unwrap();
        assert_eq!((view.state, stored.maker.unwrap()), ("active", hex::encode(maker.fingerprint_sha256())));
    })
    .await;
}

#[tokio::test]
async fn a_maker_who_is_not_trusted_for_seals_makes_none() {
    let folder = tempfile::tempdir().unwrap();
    let lab = LabProcess::start(&folder.path().join("lab"), &[]);
    // The same authorities, trusted for persons and organisations alone.
    let house = House::with_lab("seal-untrusted", Kind::Sqlite, &lab).await.unwrap();
    let first = clerk_at(&house, "hall", "赵敏", "350899198202141066").await;
    let second = clerk_at(&house, "hall", "李娜", "350899199011240226").await;
    let (asking, approving) = (Actor::clerk("hall".parse().unwrap(), first.clone()), Actor::clerk("hall".parse().unwrap(), second.clone()));
    let office = Office { house, lab, folder, asking, approving, parties: (first, second) };
    let world = &office.house.world;
    let (seal, request) = seals::ask_make(world, &office.asking, office.wish()).await.unwrap();
    office.approve(&request).await;
    let order = seals::order(world, office.asking.agency(), &seal).await.unwrap();
    let octets = office.make(&serde_json::to_vec(&order).unwrap(), "untrusted");
    refused(seals::take_in(world, &office.asking, &seal, &octets).await, code::SEAL_CERTIFICATE);
    refused(seals::ask_import(world, &office.asking, &octets, Purpose::Approval).await, code::SEAL_CERTIFICATE);
}

#[tokio::test]
async fn a_use_is_granted_counted_and_bound_to_its_document() {
    on_both("seal-use", async |office| {
        let world = &office.house.world;
        let seal = office.active("use").await;
        refused(office.use_it(&seal, DOCUMENT, None).await, code::SEAL_NOT_GRANTED);
        office.granted(&seal, Scope::Document(DOCUMENT.into())).await;
        let other = DOCUMENT.replace("00112233", "99112233");
        refused(office.use_it(&seal, &other, None).await, code::SEAL_NOT_GRANTED);
        office.use_it(&seal, DOCUMENT, Some("t")).await.unwrap();
        refused(office.use_it(&seal, DOCUMENT, None).await, code::SEAL_NOT_GRANTED);
        // Licences of a type, twice.
        office.granted(&seal, Scope::Licences("food".into(), 2)).await;
        refused(office.use_it(&seal, DOCUMENT, Some("drink")).await, code::SEAL_NOT_GRANTED);
        let authorised = office.use_it(&seal, DOCUMENT, Some("food")).await.unwrap();
        assert_eq!(authorised.owner_code, OWNER.1);
        office.use_it(&seal, &other, Some("food")).await.unwrap();
        refused(office.use_it(&seal, &other, Some("food")).await, code::SEAL_NOT_GRANTED);
        // What fails afterwards gives the use back.
        office.granted(&seal, Scope::Document(other.clone())).await;
        let leave = &seals::leave(world, office.asking.agency(), &seal).await.unwrap();
        let wanted = &Use { actor: &office.asking, document: &other, licence_type: None, now: office.now() };
        let failed = world.store.write("use", |tx| {
            Box::pin(async move {
                seals::authorise_use(tx, leave, wanted).await?;
                Err::<(), _>(Fault::new(code::SYSTEM))
            })
        });
        refused(failed.await, code::SYSTEM);
        // A suspended seal is used for nothing, also with a grant; resumed by two, it is.
        seals::suspend(world, &office.asking, &seal, "遗失介质").await.unwrap();
        refused(office.use_it(&seal, &other, None).await, code::SEAL_STATE);
        refused(seals::suspend(world, &office.asking, &seal, "再次").await, code::SEAL_STATE);
        let resume = seals::ask_resume(world, &office.asking, &seal, "介质找回").await.unwrap();
        let digest = office.digest(&resume).await;
        refused(seals::approve(world, &office.asking, &resume, &digest).await, code::SEAL_SAME_PERSON);
        refused(office.use_it(&seal, &other, None).await, code::SEAL_STATE);
        office.approve(&resume).await;
        office.use_it(&seal, &other, None).await.unwrap();
        // Another agency does not find it; a grant ends; a revoked seal is dead for good.
        let stranger = Actor::clerk("county".parse().unwrap(), office.parties.0.clone());
        refused(seals::suspend(world, &stranger, &seal, "x").await, code::NOT_FOUND);
        refused(seals::leave(world, stranger.agency(), &seal).await, code::NOT_FOUND);
        office.granted(&seal, Scope::Document(DOCUMENT.into())).await;
        let foreign = &Use { actor: &stranger, document: DOCUMENT, licence_type: None, now: office.now() };
        let stolen = world.store.write("use", |tx| Box::pin(async move { seals::authorise_use(tx, leave, foreign).await }));
        refused(stolen.await, code::NOT_FOUND);
        office.house.pass(3601);
        refused(office.use_it(&seal, DOCUMENT, None).await, code::SEAL_NOT_GRANTED);
        office.granted(&seal, Scope::Document(DOCUMENT.into())).await;
        seals::revoke(world, &office.asking, &seal, None, "机构撤并").await.unwrap();
        refused(office.use_it(&seal, DOCUMENT, None).await, code::SEAL_STATE);
        refused(seals::ask_resume(world, &office.asking, &seal, "x").await, code::SEAL_STATE);
        seals::destroy(world, &office.asking, &seal, "销毁").await.unwrap();
        assert_eq!(seals::one(world, office.asking.agency(), &seal).await.unwrap().1.state, "destroyed");
    })
    .await;
}

#[tokio::test]
async fn a_thousand_at_once_get_one_use_of_one() {
    on_both("seal-race", async |office| {
        let seal = office.active("race").await;
        office.granted(&seal, Scope::Document(DOCUMENT.into())).await;
        let office = Arc::new(office);
        let tries = (0..1000).map(|_| {
            let (office, seal) = (office.clone(), seal.clone());
            tokio::spawn(async move { office.use_it(&seal, DOCUMENT, None).await.map_err(|fault| fault.code.id) })
        });
        let mut got = 0;
        for each in tries.collect::<Vec<_>>() {
            match each.await.unwrap() {
                Ok(_) => got += 1,
                Err(id) => assert_eq!(id, code::SEAL_NOT_GRANTED.id),
            }
        }
        assert_eq!(got, 1);
        assert_eq!(seals::one(&office.house.world, office.asking.agency(), &seal).await.unwrap().1.uses, Some(1));
    })
    .await;
}

#[tokio::test]
async fn was_it_in_force_then() {
    on_both("seal-timeline", async |office| {
        let world = &office.house.world;
        let seal = office.active("timeline").await;
        let start = office.now();
        // Without a filing number nothing is shown.
        assert_eq!(office.standing(&seal, start).await, Standing::NotShown);
        office.house.pass(100);
        let filing = seals::ask_filing(world, &office.asking, &seal, "闽备印〔2026〕001").await.unwrap();
        office.approve(&filing).await;
        let filed = office.now();
        refused(seals::ask_filing(world, &office.asking, &seal, "另一号").await, code::SEAL_STATE);
        office.house.pass(100);
        seals::suspend(world, &office.asking, &seal, "核查").await.unwrap();
        let suspended = office.now();
        office.house.pass(100);
        let resume = seals::ask_resume(world, &office.asking, &seal, "核查完毕").await.unwrap();
        office.approve(&resume).await;
        let resumed = office.now();
        office.house.pass(100);
        let since = office.now().minus(std::time::Duration::from_secs(50));
        refused(
            seals::revoke(world, &office.asking, &seal, Some(office.now().plus(std::time::Duration::from_secs(9))), "x").await,
            code::BAD_REQUEST,
        );
        refused(seals::revoke(world, &office.asking, &seal, Some(Moment::from_secs(1)), "x").await, code::BAD_REQUEST);
        seals::revoke(world, &office.asking, &seal, Some(since), "密钥泄露").await.unwrap();
        let second = std::time::Duration::from_millis(1);
        for (at, expected) in [
            (start, Standing::NotShown),
            (filed.minus(second), Standing::NotShown),
            (filed, Standing::InForce),
            (suspended.minus(second), Standing::InForce),
            (suspended, Standing::Suspended),
            (resumed.minus(second), Standing::Suspended),
            (resumed, Standing::InForce),
            (since.minus(second), Standing::InForce),
            (since, Standing::Revoked),
            (office.now(), Standing::Revoked),
        ] {
            assert_eq!(office.standing(&seal, at).await, expected, "{at}");
        }
    })
    .await;
}

/// Tells the province's register something of a seal.
async fn tell(lab: &LabProcess, status: Value) {
    let url = lab.url("/lab/status");
    let answer = std::process::Command::new("curl")
        .args(["-sS", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code}", "-d", &status.to_string(), url.as_str()])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&answer.stdout), "204", "{status}");
}

async fn chaos(lab: &LabProcess, rules: Value) {
    let url = lab.url("/lab/chaos");
    let answer =
        std::process::Command::new("curl").args(["-sS", "--noproxy", "*", "-d", &rules.to_string(), url.as_str()]).output().unwrap();
    assert!(answer.status.success());
}

#[tokio::test]
async fn a_seal_made_elsewhere_is_used_while_its_register_says_so() {
    on_both("seal-import", async |office| {
        let world = &office.house.world;
        // A provincial system made it: here, another run of the maker's program.
        let (_, request) = seals::ask_make(world, &office.asking, office.wish()).await.unwrap();
        let body: Value = serde_json::from_slice(&seals::request(world, office.asking.agency(), &request).await.unwrap().body).unwrap();
        let order = json!({ "xinyin_seal_order": 1, "digest": "", "order": body["order"] });
        let octets = office.make(order.to_string().as_bytes(), "foreign");
        let (seal, import) = seals::ask_import(world, &office.asking, &octets, Purpose::Approval).await.unwrap();
        refused(office.use_it(&seal, DOCUMENT, None).await, code::SEAL_OUT_OF_FORCE);
        office.approve(&import).await;
        refused(seals::ask_import(world, &office.asking, &octets, Purpose::Approval).await, code::CONFLICT);
        let (stored, view) = seals::one(world, office.asking.agency(), &seal).await.unwrap();
        assert_eq!((view.origin, view.state, stored.owner_code.as_str()), ("elsewhere", "active", OWNER.1));
        office.granted(&seal, Scope::Licences("food".into(), 100)).await;
        // The province does not know it, knows it without a filing, has it on record.
        assert_eq!(office.standing(&seal, office.now()).await, Standing::NotShown);
        refused(office.use_it(&seal, DOCUMENT, Some("food")).await, code::SEAL_OUT_OF_FORCE);
        let sha256 = stored.sha256.clone().unwrap();
        let from = stored.valid_from.minus(std::time::Duration::from_secs(60));
        let entry = |filing: Value| {
            json!({ "seal": stored.es_id, "sha256": sha256, "filing": filing, "valid_from": from, "valid_until": stored.valid_until })
        };
        tell(&office.lab, entry(Value::Null)).await;
        assert_eq!(office.standing(&seal, office.now()).await, Standing::NotShown);
        refused(office.use_it(&seal, DOCUMENT, Some("food")).await, code::SEAL_OUT_OF_FORCE);
        tell(&office.lab, entry(json!("省备 1 号"))).await;
        assert_eq!(office.standing(&seal, office.now()).await, Standing::InForce);
        office.use_it(&seal, DOCUMENT, Some("food")).await.unwrap();
        // An answer of long ago does not count.
        let leave = &seals::leave(world, office.asking.agency(), &seal).await.unwrap();
        let late = &Use { actor: &office.asking, document: DOCUMENT, licence_type: Some("food"), now: office.now().plus(std::time::Duration::from_secs(301)) };
        refused(world.store.write("use", |tx| Box::pin(async move { seals::authorise_use(tx, leave, late).await })).await, code::SEAL_OUT_OF_FORCE);
        // The source is down, or lies: nobody may take that for a yes.
        for rule in [json!({"endpoint": "seal", "drop": true}), json!({"endpoint": "seal", "wrong": "signature"}), json!({"endpoint": "seal", "wrong": "nonce"}), json!({"endpoint": "seal", "wrong": "stale"})] {
            chaos(&office.lab, json!({ "rules": [rule] })).await;
            assert_eq!(office.standing(&seal, office.now()).await, Standing::Unknown, "{rule}");
            refused(office.use_it(&seal, DOCUMENT, Some("food")).await, code::SEALS_UNAVAILABLE);
        }
        chaos(&office.lab, json!({ "rules": [] })).await;
        tell(&office.lab, json!({ "seal": stored.es_id, "state": "suspended" })).await;
        assert_eq!(office.standing(&seal, office.now().plus(std::time::Duration::from_secs(60))).await, Standing::Suspended);
        office.house.pass(60);
        refused(office.use_it(&seal, DOCUMENT, Some("food")).await, code::SEAL_OUT_OF_FORCE);
        // Revoked, and later destroyed, it does not come back as another entry; the answer names the one that it has.
        let again = async || seals::ask_import(world, &office.asking, &octets, Purpose::Approval).await.unwrap_err();
        seals::revoke(world, &office.asking, &seal, None, "停用").await.unwrap();
        for state in ["revoked", "destroyed"] {
            let fault = again().await;
            assert_eq!((fault.code.id, fault.detail.as_deref()), (code::SEAL_STATE.id, Some(format!("{seal}: {state}").as_str())));
            if state == "revoked" {
                seals::destroy(world, &office.asking, &seal, "停用").await.unwrap();
            }
        }
        assert_eq!(seals::one(world, office.asking.agency(), &seal).await.unwrap().1.state, "destroyed");
        // Another agency's register knows nothing of that.
        let county = Actor::clerk("county".parse().unwrap(), office.parties.0.clone());
        seals::ask_import(world, &county, &octets, Purpose::Approval).await.unwrap();
    })
    .await;
}

/// A document that was sealed with a seal of this register: the verification API tells what the register says of it, when it was used
/// and now.
#[tokio::test]
async fn the_verification_api_tells_what_the_register_says() {
    let office = Office::new("seal-verified", Kind::Sqlite).await.unwrap();
    let house = &office.house;
    let world = &house.world;
    let seal = office.active("verified").await;
    let (signing, certificate, _) = key(&office.lab, "sample-agency");
    let portal = basic("ours", &house.portal_of("hall", "ours", json!({})).await);
    let sealed = |name: &str| {
        let output = office.folder.path().join(name);
        let mut command = xinyin();
        command.args(["sign", "--format", "ses", "--key"]).arg(&signing).arg("--cert").arg(&certificate).arg("--seal");
        command.arg(office.folder.path().join("verified.esl"));
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/one-page.pdf")).arg(&output);
        let said = command.output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        std::fs::read(output).unwrap()
    };
    let verdict = async |document: &[u8]| {
        let edge = "edge-of-a-part";
        let head = format!("--{edge}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n");
        let body = [head.as_bytes(), document, format!("\r\n--{edge}--\r\n").as_bytes()].concat();
        let mut program: Browser = house.browser();
        program.accept = "application/json";
        let kind = format!("multipart/form-data; boundary={edge}");
        let headers = [("authorization", portal.as_str()), ("content-type", kind.as_str())];
        let reply = program.send_octets(Verb::POST, "/api/v1/verifications", &headers, body).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        let verdict = reply.json();
        let entry = &verdict["signatures"][0];
        (entry["seal"]["status"].as_str().unwrap_or_default().to_owned(), verdict["indication"].as_str().unwrap().to_owned(), entry.clone())
    };
    // A seal signature states its time by the second.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let unfiled = sealed("unfiled.pdf");
    house.pass(60);
    let (status, indication, entry) = verdict(&unfiled).await;
    assert_eq!(status, "not-shown", "{entry}");
    let filing = seals::ask_filing(world, &office.asking, &seal, "闽备印〔2026〕001").await.unwrap();
    office.approve(&filing).await;
    // Filed after it was used: of that time nothing is shown.
    house.pass(60);
    assert_eq!(verdict(&unfiled).await.0, "not-shown");
    assert_ne!(indication, "TOTAL-FAILED");
    // Revoked from before that on: void, whoever asks by whichever door.
    let since = seals::one(world, office.asking.agency(), &seal).await.unwrap().0.created_at;
    seals::revoke(world, &office.asking, &seal, Some(since), "制作有误").await.unwrap();
    let (status, indication, entry) = verdict(&unfiled).await;
    assert_eq!((status.as_str(), indication.as_str()), ("revoked", "TOTAL-FAILED"), "{entry}");
    assert_eq!(entry["sub_indication"], "REVOKED", "{entry}");
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

async fn call(house: &House, verb: Verb, path: &str, who: &str, body: Value) -> Reply {
    let mut program: Browser = house.browser();
    program.accept = "application/json";
    let body = if body.is_null() { String::new() } else { body.to_string() };
    program.send(verb, path, &[("authorization", who), ("content-type", "application/json")], body).await
}

#[tokio::test]
async fn the_api_serves_its_agency_alone_and_takes_a_person_to_approve() {
    let office = Office::new("seal-api", Kind::Sqlite).await.unwrap();
    let house = &office.house;
    let ours = basic("ours", &house.portal_of("hall", "ours", json!({})).await);
    let second = basic("second", &house.portal_of("hall", "second", json!({})).await);
    let theirs = basic("theirs", &house.portal_of("county", "theirs", json!({})).await);
    let signer = String::from_utf8(std::fs::read(key(&office.lab, "sample-agency").1).unwrap()).unwrap();
    let wish = json!({ "kind": "make", "owner": OWNER.0, "uscc": OWNER.1, "purpose": "approval",
        "valid_until": office.now().plus(std::time::Duration::from_secs(86_400 * 30)), "signers": [signer] });
    let asked = call(house, Verb::POST, "/api/v1/seals/requests", &ours, wish.clone()).await;
    assert_eq!(asked.status, StatusCode::CREATED, "{}", asked.body);
    let asked = asked.json();
    let (seal, request) = (asked["seal"].as_str().unwrap(), asked["id"].as_str().unwrap());
    let approve = format!("/api/v1/seals/requests/{request}/approve");
    let shown = json!({ "digest": asked["digest"] });
    for (who, status) in [(&ours, StatusCode::FORBIDDEN), (&second, StatusCode::FORBIDDEN), (&theirs, StatusCode::NOT_FOUND)] {
        assert_eq!(call(house, Verb::POST, &approve, who, shown.clone()).await.status, status);
    }
    office.approve(&request.parse().unwrap()).await;
    for path in ["", "/in-force", "/order", "/picture"] {
        let path = format!("/api/v1/seals/{seal}{path}");
        let foreign = call(house, Verb::GET, &path, &theirs, Value::Null).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{path}");
        if !path.ends_with("/picture") {
            let answer = call(house, Verb::GET, &path, &ours, Value::Null).await;
            assert_eq!(answer.status, StatusCode::OK, "{path} {}", answer.body);
        }
    }
    for (path, body) in [("suspend", json!({"reason": "x"})), ("revoke", json!({"reason": "x"})), ("destroy", json!({"reason": "x"}))] {
        let answer = call(house, Verb::POST, &format!("/api/v1/seals/{seal}/{path}"), &theirs, body).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    let listed = |who: String| async move {
        call(house, Verb::GET, "/api/v1/seals", &who, Value::Null).await.json()["seals"].as_array().unwrap().len()
    };
    assert_eq!((listed(ours.clone()).await, listed(theirs.clone()).await), (1, 0));
    // Bad input has its code, and nothing is written.
    for (change, expected) in [
        (json!({"uscc": "11350899003599012X"}), "XY-11"),
        (json!({"purpose": "toy"}), "XY-4000"),
        (json!({"signers": []}), "XY-33"),
        (json!({"signers": ["eA=="]}), "XY-3302"),
        (json!({"owner": "\u{10fffd}的局"}), "XY-3303"),
        (json!({"valid_until": "2020-01-01T00:00:00Z"}), "XY-3301"),
        (json!({"more": 1}), "XY-4000"),
        (json!({"picture": "eA==", "width": 40, "height": 40}), "XY-3303"),
    ] {
        let mut body = wish.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let answer = call(house, Verb::POST, "/api/v1/seals/requests", &ours, body).await;
        assert!(answer.status.is_client_error(), "{change} {}", answer.body);
        assert!(answer.json()["code"].as_str().unwrap().starts_with(expected), "{change} {}", answer.body);
    }
    assert_eq!(listed(ours.clone()).await, 1);
    let now = call(house, Verb::GET, &format!("/api/v1/seals/{seal}/in-force?at=2026-01-01T00:00:00Z"), &ours, Value::Null).await.json();
    assert_eq!(now["status"], "not-shown");
}

#[tokio::test]
async fn two_clerks_at_the_desk() {
    let office = Office::new("seal-desk", Kind::Sqlite).await.unwrap();
    let house = &office.house;
    let mut browsers = Vec::new();
    for party in [&office.parties.0, &office.parties.1] {
        let mut browser = house.browser();
        browser.get("/login").await;
        browser.prove(house, None, party, Method::Certificate).await;
        browsers.push(browser);
    }
    let [asking, approving] = browsers.as_mut_slice() else { unreachable!() };
    let page = asking.get("/desk/seals").await;
    assert!(page.status == StatusCode::OK && page.body.contains("申请制作印章") && page.body.contains("行政审批专用章"), "{}", page.body);
    let signer = String::from_utf8(std::fs::read(key(&office.lab, "sample-agency").1).unwrap()).unwrap();
    let form = [("agency", "hall"), ("owner", OWNER.0), ("uscc", OWNER.1), ("purpose", "approval"), ("days", "30"), ("signer", &signer)];
    let asked = asking.post("/desk/seals", &form).await;
    assert_eq!(asked.status, StatusCode::SEE_OTHER, "{}", asked.body);
    let address = asked.location().to_owned();
    let own = asking.get(&address).await;
    assert!(own.body.contains("须由另一人审批") && !own.body.contains("id=\"approve\""), "{}", own.body);
    let shown = approving.get(&address).await;
    assert!(shown.body.contains("id=\"approve\"") && shown.body.contains(OWNER.0), "{}", shown.body);
    let digest = shown.body.split("name=\"digest\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    // Unconfirmed, it is not done; by who asked, neither.
    let approve = [("do", "approve"), ("digest", digest.as_str()), ("confirm", "yes")];
    assert_eq!(approving.post(&address, &approve[..2]).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(asking.post(&address, &approve).await.status, StatusCode::FORBIDDEN);
    let done = approving.post(&address, &approve).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.body);
    let seal = asking.get(done.location()).await;
    assert!(seal.body.contains("已批准，待制作") && seal.body.contains("导出制作要求"), "{}", seal.body);
    let order = asking.get(&format!("{}/order", done.location())).await;
    assert_eq!(order.json()["order"]["owner"], OWNER.0);
    // English too.
    asking.language = "en";
    assert!(asking.get(done.location()).await.body.contains("approved, to be made"));
}
