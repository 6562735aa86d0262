//! Licences from issue to their end: in process, on both databases, with the stand-in province's certificates, revocation lists and
//! time-stamps.

use crate::house::House;
use crate::lab::LabProcess;
use crate::postgres::Kind;
use axum::Router;
use axum::body::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::io::Cursor;
use std::sync::Arc;
use tower::ServiceExt;
use xinyin::config::{Config, LicenceSeal, SharingAccount};
use xinyin::fault::code;
use xinyin::licence::Application;
use xinyin::licence::state::Act;
use xinyin::net::Origin;
use xinyin::pki::Certificate;
use xinyin::pki::build::seal::{ListKind, Version};
use xinyin::service::licences::{self, CopyOrder, Order, Replacement, RowState};
use xinyin::service::verifications::Asker;
use xinyin::sign::seal;
use xinyin::verify::Purpose;
use xinyin::world::{Clock, World};

const TYPE: &str = include_str!("../data/licences/food-business.toml");

/// A house with a seal of one of the province's organisations.
struct Office {
    world: Arc<World>,
    app: Router,
    house: House,
    code: String,
    kind: String,
    key: String,
    _lab: LabProcess,
    _folders: [tempfile::TempDir; 2],
}

fn one_picture() -> Vec<u8> {
    let mut octets = Vec::new();
    let image = image::RgbaImage::from_pixel(8, 8, image::Rgba([200, 0, 0, 255]));
    image.write_to(&mut Cursor::new(&mut octets), image::ImageFormat::Png).unwrap();
    octets
}

async fn office(test: &str, kind: Kind) -> Option<Office> {
    if xinyin::files::fonts::chinese(None, xinyin::files::fonts::Style::Serif).unwrap().is_none() {
        crate::peers::skip(test, "this machine has no Chinese font");
        return None;
    }
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let lab = LabProcess::start(folders[0].path(), &[]);
    let house = House::with_lab(test, kind, &lab).await?;
    let authority = lab.described.authorities.iter().find(|one| serde_json::to_value(one.family).unwrap() == "sm2").unwrap();
    let roots: Vec<_> = lab.described.authorities.iter().map(|one| one.root.clone()).collect();
    xinyin::service::anchors::import(&house.world, &roots, &Purpose::ALL).await.unwrap();
    let value = serde_json::to_value(&lab.described.organisations).unwrap();
    let usable = |held: &&Value| held["family"] == "sm2" && held["condition"] == "valid" && held["usage"] != "encryption";
    let (organisation, held) = value
        .as_array()
        .unwrap()
        .iter()
        .find_map(|one| Some((one.clone(), one["certificates"].as_array()?.iter().find(usable)?.clone())))
        .expect("an organisation with an SM2 certificate");
    let path = |name: &str| std::path::PathBuf::from(held[name].as_str().unwrap());
    let certificate = Certificate::from_pem_or_der(&std::fs::read(path("certificate")).unwrap()).unwrap();
    let identity = xinyin::keys::open(path("key").to_str().unwrap(), None).unwrap();
    let now = house.clock.now();
    let day = std::time::Duration::from_secs(86_400);
    let request = seal::Request {
        version: Version::V4,
        id: "35089900000001".into(),
        kind: 1,
        name: "测试行政审批专用章".into(),
        code: None,
        signers: vec![certificate.clone()],
        list: ListKind::Certificates,
        created: now.minus(day / 24),
        from: now.minus(day / 24),
        until: now.plus(day * 300),
        picture: one_picture(),
        size: (42, 42),
        maker: certificate.clone(),
    };
    let prepared = seal::prepare(&request).unwrap();
    let signature = identity.signer.sign(prepared.message()).unwrap();
    let esl = prepared.finish(&signature).unwrap();
    let file = folders[1].path().join("approval.esl");
    std::fs::write(&file, esl).unwrap();
    let code = organisation["uscc"].as_str().unwrap().to_owned();
    let config = Config {
        licence_seals: vec![LicenceSeal {
            issuer: code.clone(),
            purpose: "行政审批专用章".into(),
            seal: Some(file),
            key: held["key"].as_str().unwrap().to_owned(),
            certificates: vec![path("certificate"), path("chain")],
            password: None,
        }],
        portal_anchors: Vec::new(),
        sharing_accounts: vec![SharingAccount {
            id: "acct-1".into(),
            name: "示例大厅".into(),
            agency: "hall".parse().unwrap(),
            certificate: path("certificate"),
            types: Vec::new(),
        }],
        outbound: vec![Origin::named(&lab.url("/")).unwrap()],
        timestamp: lab.described.timestamp_authorities.iter().map(|one| one.url.parse().unwrap()).collect(),
        ..house.world.config.clone()
    };
    let _ = authority;
    let dice = house.world.dice.clone();
    let clock: Arc<dyn Clock> = house.clock.clone();
    let province = World::province(&config, &clock, &dice).unwrap();
    let net = World::net(&config).unwrap();
    let world = Arc::new(World { clock, dice, store: house.world.store.clone(), net, province, config, following: None });
    let app = xinyin::web::router(world.clone());
    let kind = TYPE.replace("11350899003508993A", &code);
    let kind = if kind.contains(&code) {
        kind
    } else {
        TYPE.replace(TYPE.lines().find(|line| line.starts_with("code = \"1135")).unwrap(), &format!("code = \"{code}\""))
    };
    let kind = kind.replace("龙岩市示例区市场监督管理局", organisation["name"].as_str().unwrap());
    Some(Office { world, app, house, code, kind, key: held["key"].as_str().unwrap().to_owned(), _lab: lab, _folders: folders })
}

impl Office {
    fn asker(&self) -> Asker {
        Asker::operator("hall".parse().unwrap())
    }

    async fn register(&self) {
        licences::register(&self.world, &self.asker(), &self.kind).await.unwrap();
    }

    fn order(&self, name: &str) -> Order<'static> {
        let application: Application = serde_json::from_value(json!({
            "holders": [{ "name": name, "number": "350899199001010013" }],
            "fields": { "KZ_JYCS": "示例路 1 号", "KZ_JYXM": "热食类食品制售", "KZ_FZR": "张示例" }
        }))
        .unwrap();
        Order { kind: "11100000000013338W901", application, applicant: None, key: None, row: None }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> (StatusCode, String) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.app.clone().oneshot(request.body(body.into()).unwrap()).await.unwrap();
        let status = response.status();
        (status, String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
    }

    async fn file(&self, identifier: &str, format: &str) -> Vec<u8> {
        licences::file(&self.world, &"hall".parse().unwrap(), identifier, format).await.unwrap().unwrap().body.to_vec()
    }

    /// What /check says of a file.
    async fn checked(&self, name: &str, octets: &[u8]) -> Value {
        let edge = "edge7f3a";
        let mut body = format!("--{edge}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n").into_bytes();
        body.extend(octets);
        body.extend(format!("\r\n--{edge}--\r\n").bytes());
        let kind = format!("multipart/form-data; boundary={edge}");
        let (status, text) = self.ask("POST", "/check", &[("content-type", &kind), ("accept", "application/json")], body).await;
        assert_eq!(status, StatusCode::OK, "{text}");
        serde_json::from_str(&text).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_licence_is_issued_checked_replaced_and_ended() {
    let Some(office) = office("licence-life", Kind::Sqlite).await else { return };
    office.register().await;
    let issued = licences::issue(&office.world, &office.asker(), &Order { key: Some("k1"), ..office.order("张示例") }).await.unwrap();
    let again = licences::issue(&office.world, &office.asker(), &Order { key: Some("k1"), ..office.order("张示例") }).await.unwrap();
    assert_eq!((again.repeated, &again.identifier), (true, &issued.identifier), "the same request is issued once");
    for format in ["ofd", "pdf"] {
        let octets = office.file(&issued.identifier, format).await;
        let verdict = office.checked(&format!("a.{format}"), &octets).await;
        let licence = &verdict["licence"];
        assert_eq!((&verdict["verdict"], &verdict["indication"]), (&json!("valid"), &json!("TOTAL-PASSED")), "{format} {verdict}");
        for field in ["identifier", "identifier_check", "metadata_matches_page", "issuer_authority", "validity", "status_at_source"] {
            assert_eq!(licence[field]["answer"], "yes", "{format} {field} {licence}");
        }
        assert_eq!(licence["annotated_copy"]["answer"], "not-shown");
        assert!(!verdict.to_string().contains("350899199001010013"), "no number of a person");
    }
    let code = issued.address.rsplit_once('=').unwrap().1;
    let (status, text) = office.ask("GET", &format!("/check?code={code}"), &[("accept", "application/json")], "").await;
    let said: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &said["licence"]["state"]), (StatusCode::OK, &json!("in-force")));
    assert_eq!(said["licence"]["holders"][0], json!(["张**", "3508**********0013"]));
    let (_, page) = office.ask("GET", &format!("/check?code={code}"), &[("accept", "text/html")], "").await;
    assert!(page.contains("有效") && page.contains("张**") && !page.contains("350899199001010013") && !page.contains("<script"), "{page}");

    let next = licences::replace(
        &office.world,
        &office.asker(),
        &Replacement { identifier: &issued.identifier, application: None, reason: "换发", key: None },
    )
    .await
    .unwrap();
    assert!(next.identifier.contains(".002."), "{}", next.identifier);
    let old = licences::status(&office.world, &"hall".parse().unwrap(), &issued.identifier).await.unwrap();
    assert_eq!((old.state, old.replaced_by.as_deref()), ("replaced", Some(next.identifier.as_str())));
    let verdict = office.checked("old.ofd", &office.file(&issued.identifier, "ofd").await).await;
    assert_eq!((&verdict["verdict"], &verdict["indication"]), (&json!("invalid"), &json!("TOTAL-FAILED")), "{verdict}");
    assert_eq!(verdict["signatures"][0]["indication"], json!("TOTAL-PASSED"), "its signature is still intact");
    assert_eq!(verdict["licence"]["status_at_source"]["status"]["replaced_by"], json!(next.identifier));
    let twice = Replacement { identifier: &issued.identifier, application: None, reason: "换发", key: None };
    assert_eq!(licences::replace(&office.world, &office.asker(), &twice).await.unwrap_err().code, code::LICENCE_STATE);

    let order = CopyOrder {
        identifier: &next.identifier,
        purpose: "办理示例事项",
        maker: "示例大厅",
        until: office.house.clock.now().plus(std::time::Duration::from_secs(3600)),
    };
    let copy = licences::copy(&office.world, &office.asker(), &order).await.unwrap();
    let verdict = office.checked("copy.ofd", &copy.files[0].body).await;
    assert_eq!(
        (&verdict["verdict"], &verdict["licence"]["annotated_copy"]["value"]),
        (&json!("valid"), &json!("办理示例事项")),
        "{verdict}"
    );
    office.house.pass(7200);
    let verdict = office.checked("copy.ofd", &copy.files[0].body).await;
    assert_eq!((&verdict["verdict"], &verdict["licence"]["annotated_copy"]["answer"]), (&json!("invalid"), &json!("no")), "expired copy");

    licences::act(&office.world, &office.asker(), &next.identifier, Act::Suspended, "核查", None).await.unwrap();
    assert_eq!(licences::copy(&office.world, &office.asker(), &order).await.unwrap_err().code, code::BAD_REQUEST, "its time has passed");
    let verdict = office.checked("a.ofd", &office.file(&next.identifier, "ofd").await).await;
    assert_eq!((&verdict["verdict"], &verdict["licence"]["status_at_source"]["status"]["state"]), (&json!("invalid"), &json!("suspended")));
    licences::act(&office.world, &office.asker(), &next.identifier, Act::Resumed, "核查完毕", None).await.unwrap();
    licences::act(&office.world, &office.asker(), &next.identifier, Act::Revoked, "违法经营", None).await.unwrap();
    let (_, text) = office
        .ask("GET", &format!("/check?code={}", next.address.rsplit_once('=').unwrap().1), &[("accept", "application/json")], "")
        .await;
    let said: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&said["licence"]["state"], &said["licence"]["reason"]), (&json!("revoked"), &json!("违法经营")));
    let status = licences::act(&office.world, &office.asker(), &next.identifier, Act::Voided, "以欺骗手段取得", None).await.unwrap();
    assert_eq!((status.state, status.since), ("voided", status.begins), "void from the start");
    assert_eq!(status.events.len(), 5, "nothing is ever taken back");
    let county: xinyin::ids::AgencyId = "county".parse().unwrap();
    assert_eq!(licences::status(&office.world, &county, &next.identifier).await.unwrap_err().code, code::NOT_FOUND);
}

/// Long after the issuer's certificate ended, with nobody to ask: the evidence that was frozen at issue says what held then.
#[tokio::test(flavor = "multi_thread")]
async fn a_licence_is_judged_with_its_evidence_when_its_authorities_are_gone() {
    let Some(office) = office("licence-evidence", Kind::Sqlite).await else { return };
    office.register().await;
    let issued = licences::issue(&office.world, &office.asker(), &Order { key: Some("k1"), ..office.order("张示例") }).await.unwrap();
    let agency = "hall".parse().unwrap();
    let evidence = licences::evidence_of(&office.world, &agency, &issued.identifier).await.unwrap().unwrap();
    let frozen: Value = serde_json::from_slice(&evidence).unwrap();
    assert_eq!((frozen["records"].as_array().map(Vec::len), &frozen["records"][0]["added"]), (Some(1), &json!(true)), "under a time-stamp");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("licence.ofd"), office.file(&issued.identifier, "ofd").await).unwrap();
    std::fs::write(folder.path().join("evidence.json"), &evidence).unwrap();
    let root = office._lab.certificate("sm2-root").display().to_string();
    let vouching = ["sm2", "p256", "rsa"].map(|family| office._lab.certificate(&format!("{family}-tsa")).display().to_string());
    let signature = |more: &[&str]| {
        let then = "2036-11-01T00:00:00Z";
        let mut command = crate::running::xinyin();
        command.current_dir(folder.path()).args(["verify", "--offline", "--format", "json", "--at", then, "--trust", &root]);
        vouching.iter().for_each(|tsa| {
            command.args(["--trust", tsa]);
        });
        let output = command.args(more).arg("licence.ofd").output().unwrap();
        let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
        (verdict["signatures"][0]["indication"].as_str().unwrap().to_owned(), verdict)
    };
    let (with, verdict) = signature(&["--evidence", "evidence.json"]);
    assert_eq!(with, "TOTAL-PASSED", "{verdict}");
    assert_eq!(
        (&verdict["signatures"][0]["at_signing"], &verdict["signatures"][0]["now"]),
        (&json!("valid"), &json!("expired")),
        "{verdict}"
    );
    assert_eq!(signature(&[]).0, "INDETERMINATE");
    // What it holds counts, not that there is a file: without its lists and answers nothing is known of that time.
    let mut bare = frozen;
    (bare["crls"], bare["ocsps"]) = (json!([]), json!([]));
    std::fs::write(folder.path().join("bare.json"), bare.to_string()).unwrap();
    assert_eq!(signature(&["--evidence", "bare.json"]).0, "INDETERMINATE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_s_guess_learns_nothing() {
    let house = House::sqlite("licence-guess").await;
    let app = xinyin::web::router(house.world.clone());
    let ask = async |code: &str, address: &str| {
        let request = Request::get(format!("/check?code={code}")).header("accept", "application/json").header("x-forwarded-for", address);
        let started = std::time::Instant::now();
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, body, started.elapsed())
    };
    let long = "x".repeat(500);
    let mut bodies = std::collections::BTreeSet::new();
    for code in ["0123456789abcdef0123456789abcdef", "", "1", "%00", "..%2F", &long, "%E8%AF%81"] {
        let (status, body, time) = ask(code, "192.0.2.1").await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{code}");
        assert!(time.as_millis() >= 120, "{code}: {time:?}");
        bodies.insert(body);
    }
    assert_eq!(bodies.len(), 1, "one answer for all");
    let mut refused = 0;
    for _ in 0..70 {
        refused += usize::from(ask("0", "192.0.2.2").await.0 == StatusCode::TOO_MANY_REQUESTS);
    }
    assert_eq!(refused, 10, "sixty a minute from one address");
    assert_eq!(ask("0", "192.0.2.3").await.0, StatusCode::NOT_FOUND, "others are still served");
}

#[tokio::test(flavor = "multi_thread")]
async fn bulk_issue_goes_on_where_it_stopped_and_issues_nothing_twice() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let Some(office) = office("licence-bulk", kind).await else { continue };
        office.register().await;
        let rows = "持证主体,持证主体代码,经营场所,经营项目\n甲一,350899199001010013,一号,热食\n乙,350899199001010014,二号,热食\n丙\u{e000},350899199001010021,三号,热食\n丁,350899199001010021,四号,冷食\n戊,缺列\n";
        let run = async |rows: &str, batch: &str| {
            let mut told = Vec::new();
            let tally =
                licences::bulk(&office.world, &office.asker(), "11100000000013338W901", batch, Cursor::new(rows.to_owned()), |row| {
                    told.push(row.clone())
                })
                .await;
            tally.map(|tally| (tally, told))
        };
        // The first row stops half-way: its identifier is given, and the seal is not to be had.
        let broken = Arc::new(World {
            clock: office.world.clock.clone(),
            dice: office.world.dice.clone(),
            store: office.world.store.clone(),
            net: office.world.net.clone(),
            province: World::province(&office.world.config, &office.world.clock, &office.world.dice).unwrap(),
            config: Config { licence_seals: Vec::new(), ..office.world.config.clone() },
            following: None,
        });
        let stopped = licences::bulk(&broken, &office.asker(), "11100000000013338W901", "b1", Cursor::new(rows.to_owned()), |_| ()).await;
        assert_eq!(stopped.unwrap_err().code, code::LICENCE_SEAL);
        let (tally, told) = run(rows, "b1").await.unwrap();
        assert_eq!((tally.issued, tally.before, tally.refused), (2, 0, 3), "{told:?}");
        let codes: Vec<_> = told.iter().map(|row| row.code).collect();
        let (bad, glyph) = (Some(code::LICENCE_APPLICATION.id), Some(code::LICENCE_GLYPH.id));
        assert_eq!(codes, [None, bad, glyph, None, bad]);
        assert!(!format!("{told:?}").contains("350899199001010014"), "no number in the report");
        let first = told[0].identifier.clone().unwrap();
        assert!(first.contains("0000000001.001"), "the identifier that was given before the stop: {first}");
        let (tally, again) = run(rows, "b1").await.unwrap();
        assert_eq!((tally.issued, tally.before, tally.refused), (0, 2, 3));
        assert_eq!((again[0].state, again[0].identifier.clone()), (RowState::IssuedBefore, Some(first)));
        assert_eq!(run(&rows.replace("甲一", "甲二"), "b1").await.unwrap_err().code, code::LICENCE_BATCH);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_of_an_agency_use_the_api() {
    let Some(office) = office("licence-api", Kind::Sqlite).await else { return };
    let basic = |id: &str, secret: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let ours = basic("ours", &office.house.portal_of("hall", "ours", json!({})).await);
    let theirs = basic("theirs", &office.house.portal_of("county", "theirs", json!({})).await);
    let json_kind = ("content-type", "application/json");
    let (status, text) = office.ask("POST", "/api/v1/licence-types", &[("authorization", &ours)], office.kind.clone()).await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let application = serde_json::to_value(&office.order("张示例").application).unwrap();
    let body = json!({ "type": "11100000000013338W901", "application": application }).to_string();
    let headers = [("authorization", ours.as_str()), json_kind, ("idempotency-key", "one")];
    let (status, text) = office.ask("POST", "/api/v1/licences", &headers, body.clone()).await;
    assert_eq!(status, StatusCode::CREATED, "{text}");
    let issued: Value = serde_json::from_str(&text).unwrap();
    let identifier = issued["identifier"].as_str().unwrap();
    let (status, text) = office.ask("POST", "/api/v1/licences", &headers, body.clone()).await;
    assert_eq!((status, serde_json::from_str::<Value>(&text).unwrap()), (StatusCode::OK, issued.clone()));
    let other = body.replace("张示例", "李示例");
    assert_eq!(
        office.ask("POST", "/api/v1/licences", &headers, other).await.0,
        StatusCode::UNPROCESSABLE_ENTITY,
        "another request under the key"
    );
    let wrong = body.replace("热食类食品制售", "");
    let (status, text) = office.ask("POST", "/api/v1/licences", &[("authorization", &ours), json_kind], wrong).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text.contains("KZ_JYXM") && text.contains("XY-3403"), "{text}");
    for path in [format!("/api/v1/licences/{identifier}"), format!("/api/v1/licences/{identifier}/files/licence.pdf")] {
        assert_eq!(
            office
                .app
                .clone()
                .oneshot(Request::get(&path).header("authorization", &ours).body(Body::empty()).unwrap())
                .await
                .unwrap()
                .status(),
            StatusCode::OK
        );
        assert_eq!(office.ask("GET", &path, &[("authorization", &theirs)], "").await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let path = format!("/api/v1/licences/{identifier}/decisions");
    let decision = json!({ "act": "cancelled", "reason": "申请人申请" }).to_string();
    assert_eq!(office.ask("POST", &path, &[("authorization", &theirs), json_kind], decision.clone()).await.0, StatusCode::NOT_FOUND);
    let (status, text) = office.ask("POST", &path, &[("authorization", &ours), json_kind], decision.clone()).await;
    assert_eq!((status, &serde_json::from_str::<Value>(&text).unwrap()["state"]), (StatusCode::OK, &json!("cancelled")), "{text}");
    assert_eq!(office.ask("POST", &path, &[("authorization", &ours), json_kind], decision).await.0, StatusCode::CONFLICT);
    assert!(office.code.len() == 18);
}

/// A time as the sharing interface writes it.
fn written(at: xinyin::moment::Moment, form: &str) -> String {
    let text = at.beijing();
    let plain: String = text[..19].replace('T', " ");
    if form == "compact" { plain.replace(['-', ':', ' '], "") } else { plain }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sharing_interface_answers_who_signs_and_no_one_else() {
    let Some(office) = office("licence-sharing", Kind::Sqlite).await else { return };
    office.register().await;
    let issued = licences::issue(&office.world, &office.asker(), &office.order("张示例")).await.unwrap();
    let identity = xinyin::keys::open(&office.key, None).unwrap();
    let sign = |message: &str| STANDARD.encode(identity.signer.sign(message.as_bytes()).unwrap());
    let now = || office.world.clock.now();
    let access = format!("{}acct-1{}", written(now(), "compact"), "0123456789abcdef0123456789abcdef");
    let ask_token = async |access: &str, sign: &str| {
        let body = json!({ "accessId": access, "accountId": "acct-1", "sign": sign }).to_string();
        let (_, text) = office.ask("POST", "/sharing/v1/token", &[], body).await;
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(ask_token(&access, &sign("other")).await["head"]["status"], "11");
    assert_eq!(ask_token(&access.replacen("202", "201", 1), &sign(&access)).await["head"]["status"], "11");
    let given = ask_token(&access, &sign(&access)).await;
    let token = given["data"]["accessToken"].as_str().unwrap().to_owned();
    let call = async |service: &str, data: Value, forge: &str| {
        let head = json!({ "accessId": access, "accountId": "acct-1", "accessToken": token, "reqTime": written(now(), "spaced") });
        let body = json!({ "head": head, "data": data }).to_string();
        let signature = sign(&body);
        let path = format!("/sharing/v1/{service}");
        let sent = if forge == "body" { body.replace("张示例", "李示例") } else { body };
        let (_, text) = office.ask("POST", &path, &[("x-account-id", "acct-1"), ("x-sign", &signature)], sent).await;
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let (kind, number) = ("11100000000013338W901", "350899199001010013");
    let said = call("info", json!({ "certIdentifier": issued.identifier }), "").await;
    assert_eq!((&said["head"]["status"], &said["data"]["state"]), (&json!("0"), &json!("in-force")), "{said}");
    assert!(!said.to_string().contains(number), "masked: nobody asked by the number");
    let said = call("holder", json!({ "certTypeCode": kind, "holderCode": number, "holderTypeCode": "111", "useCause": "办理" }), "").await;
    assert_eq!(said["data"]["certificates"][0]["certIdentifier"], json!(issued.identifier));
    assert_eq!(call("qr", json!({ "qrCode": issued.address }), "").await["data"]["certIdentifier"], json!(issued.identifier));
    let serial = issued.identifier.split('.').nth(7).unwrap().to_owned();
    let verify = |holder: &str, number: &str, no: &str| json!({ "certTypeCode": kind, "certData": { "certNo": no, "holder": holder, "holderCode": number }, "useCause": "办理" });
    for (data, result) in [
        (verify("张示例", number, &serial), "0"),
        (verify("李示例", number, &serial), "6"),
        (verify("张示例", "350899199001010021", &serial), "5"),
        (verify("张示例", number, ""), "4"),
    ] {
        assert_eq!(call("verify-info", data, "").await["data"]["verifyResult"], result);
    }
    let forged = call("verify-info", verify("张示例", number, &serial), "body").await;
    assert_eq!(forged["head"]["status"], "11", "the signature is over the exact body");
    let file = STANDARD.encode(office.file(&issued.identifier, "ofd").await);
    let asked = |content: &str| json!({ "certTypeCode": kind, "contentType": "base64", "content": content, "useCause": "办理" });
    assert_eq!(call("verify-file", asked(&file), "").await["data"]["verifyResult"], "0");
    assert_eq!(call("verify-file", asked(&STANDARD.encode(b"nothing")), "").await["data"]["verifyResult"], "1");
    let said = call("download", json!({ "certIdentifier": issued.identifier, "useCause": "办理示例事项" }), "").await;
    let path = said["data"]["url"].as_str().unwrap().strip_prefix(&office.world.config.issuer).unwrap().to_owned();
    let get = async || office.app.clone().oneshot(Request::get(&path).body(Body::empty()).unwrap()).await.unwrap();
    let octets = get().await.into_body().collect().await.unwrap().to_bytes();
    let verdict = office.checked("copy.ofd", &octets).await;
    assert_eq!(verdict["licence"]["annotated_copy"]["value"], "办理示例事项");
    assert_eq!(get().await.status(), StatusCode::NOT_FOUND, "once");
    let wrong = json!({ "certificateIdentifier": issued.identifier, "problemRemark": "地址有误", "telephone": "0597-0000000" });
    assert!(call("wrong", wrong, "").await["data"]["receiptNumber"].as_str().unwrap().len() == 32);
    assert_eq!(call("missing", json!({}), "").await["head"]["status"], "12");
    assert_eq!(call("nothing", json!({}), "").await["head"]["status"], "2");
    licences::act(&office.world, &office.asker(), &issued.identifier, Act::Suspended, "核查", None).await.unwrap();
    assert_eq!(call("verify-info", verify("张示例", number, &serial), "").await["data"]["verifyResult"], "2");
    assert_eq!(call("download", json!({ "certIdentifier": issued.identifier, "useCause": "x" }), "").await["head"]["status"], "21");
    office.house.pass(7200);
    assert_eq!(call("info", json!({ "certIdentifier": issued.identifier }), "").await["head"]["status"], "11", "the token has lapsed");
}
