//! An operator's day: init, doctor, client, trust, serve, migrate, audit verify; as processes, on both databases.

use crate::peers::{self, wait_for};
use crate::postgres::fresh_database;
use crate::running::{free_ports, xinyin};
use serde_json::{Value, json};
use sqlx::Connection;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

/// An installation in a folder that goes away.
struct Installation {
    folder: tempfile::TempDir,
    port: u16,
    database: String,
}

impl Installation {
    fn new(database: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_ports();
        let home = folder.path().join("etc");
        let database = database.unwrap_or_else(|| "sqlite://xinyin.db".to_owned());
        let mut init = xinyin();
        init.arg("init").arg("--dir").arg(&home).args(["--agency", "lianjiang", "--agency-name", "连江县", "--database", &database]);
        init.args(["--issuer", &format!("http://localhost:{port}"), "--listen", &format!("127.0.0.1:{port}"), "--format", "json"]);
        let output = peers::run(&mut init, 60);
        assert_eq!(output.status.code(), Some(0), "{}", peers::said(&output));
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(printed["config"], home.join("xinyin.toml").display().to_string());
        let database = if database.starts_with("sqlite") { format!("sqlite://{}", home.join("xinyin.db").display()) } else { database };
        Self { folder, port, database }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("etc").join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        peers::run(xinyin().args(arguments).arg("--config").arg(self.file("xinyin.toml")), 60)
    }

    /// Runs a command that prints JSON; returns its status and what it printed.
    fn json(&self, arguments: &[&str]) -> (i32, Value) {
        let output = self.run(&[arguments, &["--format", "json"]].concat());
        let printed =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{}", peers::said(&output)));
        (output.status.code().unwrap_or(-1), printed)
    }

    fn doctor(&self) -> (i32, Vec<String>) {
        let (status, printed) = self.json(&["doctor"]);
        let lights = printed["findings"].as_array().unwrap().iter();
        (status, lights.map(|finding| format!("{} {}", finding["light"].as_str().unwrap(), finding["check"].as_str().unwrap())).collect())
    }

    fn serve(&self) -> Serving {
        let child = xinyin()
            .arg("serve")
            .arg("--config")
            .arg(self.file("xinyin.toml"))
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let serving = Serving { child, port: self.port };
        wait_for("the service", 60, || serving.get("/readyz"));
        serving
    }

    /// Runs SQL behind the program's back.
    async fn tamper(&self, statement: &'static str) {
        if self.database.starts_with("postgres") {
            let mut connection = sqlx::PgConnection::connect(&self.database).await.unwrap();
            sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        } else {
            let mut connection = sqlx::SqliteConnection::connect(&self.database).await.unwrap();
            sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        }
    }
}

/// A running service; killed when dropped.
struct Serving {
    child: Child,
    port: u16,
}

impl Serving {
    /// The body of a 200 answer.
    fn get(&self, path: &str) -> Option<String> {
        use std::io::Write;
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).ok()?;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: close\r\n\r\n", self.port).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.starts_with("HTTP/1.1 200").then(|| answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()))?
    }

    /// Sends a signal and waits for the end; returns the status and the log.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let _ = std::process::Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const PORTAL: &str =
    r#"{"client_id":"hall","client_name":"网上办事大厅","redirect_uris":["https://hall.example.cn/callback"],"release":{"name":true}}"#;

async fn a_day(place: Installation) {
    // Nothing is readable by others, and nothing is overwritten.
    for name in ["", "data", "keys.toml", "xinyin.toml"] {
        let mode = std::fs::metadata(place.file(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name} {mode:o}");
    }
    let keys = std::fs::read(place.file("keys.toml")).unwrap();
    let again = peers::run(xinyin().arg("init").arg("--dir").arg(place.file("")), 60);
    assert_eq!(again.status.code(), Some(3));
    assert!(peers::said(&again).contains("XY-9008"), "{}", peers::said(&again));
    assert_eq!(std::fs::read(place.file("keys.toml")).unwrap(), keys);

    let (status, lights) = place.doctor();
    assert_eq!(status, 0, "{lights:?}");
    for green in
        ["green configuration", "green key-file", "green database", "green agency", "green audit", "yellow anchors", "yellow clock"]
    {
        assert!(lights.iter().any(|light| light == green), "{green} in {lights:?}");
    }
    assert_eq!(place.json(&["migrate", "--dry-run"]), (0, json!({"dry_run": true, "migrations": []})));

    // A portal: its secret is shown once and stands nowhere.
    let portal = place.file("portal.json");
    std::fs::write(&portal, PORTAL).unwrap();
    let (status, first) = place.json(&["client", "add", portal.to_str().unwrap()]);
    assert_eq!((status, first["client_id"].as_str()), (0, Some("hall")));
    let secret = first["client_secret"].as_str().unwrap().to_owned();
    assert_eq!(secret.len(), 64);
    let (_, listed) = place.json(&["client", "list"]);
    assert_eq!(listed["clients"][0]["client_id"], "hall");
    assert!(!listed.to_string().contains(&secret));
    let twice = place.run(&["client", "add", portal.to_str().unwrap()]);
    assert!(twice.status.code() == Some(3) && peers::said(&twice).contains("hall is in use"), "{}", peers::said(&twice));
    let (_, second) = place.json(&["client", "rotate", "hall"]);
    assert_ne!(second["client_secret"].as_str(), Some(secret.as_str()));
    for (what, expected) in [
        (r#"{"client_name":"x","redirect_uris":["https://hall.example.cn/cb#x"]}"#, "XY-1307"),
        (r#"{"client_name":"x","redirect_urls":[]}"#, "redirect_urls"),
        ("{", "XY-1307"),
    ] {
        std::fs::write(&portal, what).unwrap();
        let refused = place.run(&["client", "add", portal.to_str().unwrap()]);
        assert!(refused.status.code() == Some(3) && peers::said(&refused).contains(expected), "{what}: {}", peers::said(&refused));
    }
    let nowhere = place.run(&["client", "list", "--agency", "no where"]);
    assert_eq!(nowhere.status.code(), Some(3));

    // The service links the log within a second or so and copies the head.
    let (status, before) = place.json(&["audit", "verify"]);
    assert_eq!((status, before["whole"].as_bool(), before["report"]["unlinked"].as_i64()), (0, Some(true), Some(3)));
    let serving = place.serve();
    assert!(serving.get("/.well-known/openid-configuration").unwrap().contains(&format!("http://localhost:{}", place.port)));
    let linked = wait_for("the log to be linked", 5, || {
        let (_, report) = place.json(&["audit", "verify"]);
        (report["report"]["unlinked"] == 0).then_some(report)
    });
    assert_eq!((linked["report"]["rows"].as_i64(), linked["report"]["checkpoints"].as_i64()), (Some(3), Some(1)));
    let occupied = place.run(&["serve"]);
    assert!(occupied.status.code() == Some(3) && peers::said(&occupied).contains("is another one running"), "{}", peers::said(&occupied));
    let (status, log) = serving.end("-TERM");
    assert_eq!(status, Some(0), "{log}");
    assert!(log.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{log}");
    assert!(!log.contains(&secret));

    // Killed without warning, it starts again, and what was committed is there.
    let serving = place.serve();
    std::fs::write(&portal, PORTAL.replace("\"hall\"", "\"permits\"")).unwrap();
    assert_eq!(place.json(&["client", "add", portal.to_str().unwrap()]).0, 0);
    assert_eq!(serving.end("-KILL").0, None);
    let serving = place.serve();
    wait_for("the log to be linked", 5, || (place.json(&["audit", "verify"]).1["report"]["unlinked"] == 0).then_some(()));
    assert_eq!(place.json(&["client", "list"]).1["clients"].as_array().unwrap().len(), 2);
    drop(serving);

    // The log after tampering: each is named.
    let said = |expected: &str| {
        let output = place.run(&["audit", "verify"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&output.stdout).contains(expected), "{expected}: {}", peers::said(&output));
        assert_eq!(place.doctor().0, 1);
    };
    place.tamper("CREATE TABLE kept AS SELECT * FROM audit_entries").await;
    for (statement, expected) in [
        ("UPDATE audit_entries SET facts = '{\"client\":\"mall\"}' WHERE seq = 2", "row 2 ("),
        ("DELETE FROM audit_entries WHERE seq = 3", "rows 3 to 3 were deleted"),
        ("DELETE FROM audit_entries WHERE seq = 4", "rows 4 to 4 at the end were deleted"),
    ] {
        place.tamper(statement).await;
        said(expected);
        place.tamper("DELETE FROM audit_entries; INSERT INTO audit_entries SELECT * FROM kept").await;
    }
    let heads = place.file("data/audit-heads.json");
    let kept = std::fs::read_to_string(&heads).unwrap();
    std::fs::write(&heads, kept.replace("\"seq\":4", "\"seq\":3")).unwrap();
    said("is not authentic");
    std::fs::write(&heads, "[").unwrap();
    said("is not authentic");
    std::fs::write(&heads, &kept).unwrap();
    assert_eq!(place.json(&["audit", "verify"]).0, 0);

    // Another installation's keys: nothing opens, the doctor is red, nothing is damaged.
    std::fs::rename(place.file("keys.toml"), place.file("kept.toml")).unwrap();
    std::fs::write(place.file("keys.toml"), xinyin::store::Sealer::new_key_file(&xinyin::world::SystemDice).as_bytes()).unwrap();
    let (status, lights) = place.doctor();
    assert!(status == 1 && lights.contains(&"red key-file".to_owned()), "readable by others: {lights:?}");
    std::fs::rename(place.file("kept.toml"), place.file("keys.toml")).unwrap();
    assert_eq!(place.doctor().0, 0);
}

#[tokio::test]
async fn a_day_on_sqlite() {
    let place = Installation::new(None);
    assert_eq!(std::fs::metadata(place.file("xinyin.db")).unwrap().permissions().mode() & 0o077, 0);
    a_day(place).await;
}

#[tokio::test]
async fn a_day_on_postgresql() {
    let Some(url) = fresh_database("a_day_on_postgresql") else { return };
    a_day(Installation::new(Some(url))).await;
}

#[tokio::test]
async fn lab_anchors_stop_a_real_service() {
    use xinyin::store::anchors::{self, StoredAnchor};
    let place = Installation::new(None);
    let store =
        xinyin::store::Store::open(&place.database, crate::postgres::sealer(&std::fs::read_to_string(place.file("keys.toml")).unwrap()));
    let anchor = &StoredAnchor {
        sha256: "ab".repeat(32),
        // The mark in the certificate counts, whatever the row says.
        certificate: format!("…O={}…", xinyin::province::anchors::LAB_MARKER).into_bytes(),
        subject: "CN=stand-in root".into(),
        purposes: vec!["person".into()],
        is_lab: false,
        added_at: xinyin::moment::Moment::from_secs(0),
        rows: Vec::new(),
    };
    store.await.unwrap().write("test", |tx| Box::pin(async move { Ok(anchors::put(tx, anchor).await?) })).await.unwrap();
    let refused = place.run(&["serve"]);
    assert!(refused.status.code() == Some(3) && peers::said(&refused).contains("XY-9007"), "{}", peers::said(&refused));
    assert!(place.doctor().1.contains(&"red anchors".to_owned()));
    let removed = place.run(&["trust", "remove", &"ab".repeat(32)]);
    assert_eq!(removed.status.code(), Some(0), "{}", peers::said(&removed));
    drop(place.serve());
}

#[test]
fn mistakes_of_the_configuration_are_told_with_line_and_remedy() {
    let place = Installation::new(None);
    let good = std::fs::read_to_string(place.file("xinyin.toml")).unwrap();
    for (from, to, expected) in [
        ("listen = \"127.", "listen = \"127.0.0.1.", "line 6: listen: an address and a port"),
        ("outbound = []", "outbuond = []", "unknown field `outbuond`"),
        ("outbound = []", "outbound = [\"ca.example.cn\"]", "outbound: \"ca.example.cn\""),
        ("demo", "demo", ""),
    ] {
        std::fs::write(place.file("xinyin.toml"), good.replace(from, to)).unwrap();
        for command in ["serve", "doctor", "migrate"] {
            if expected.is_empty() {
                continue;
            }
            let output = place.run(&[command]);
            assert!(output.status.code() == Some(3) && peers::said(&output).contains(expected), "{command}: {}", peers::said(&output));
        }
    }
    std::fs::write(place.file("xinyin.toml"), good.replace("xinyin.db", "nothing/xinyin.db")).unwrap();
    let output = place.run(&["serve"]);
    assert!(output.status.code() == Some(3) && peers::said(&output).contains("XY-9002"), "{}", peers::said(&output));
    let absent = peers::run(xinyin().args(["serve", "--config"]).arg(Path::new("/nowhere/xinyin.toml")), 30);
    assert!(absent.status.code() == Some(3) && peers::said(&absent).contains("xinyin init"), "{}", peers::said(&absent));
}

#[test]
fn init_goes_on_where_it_was_interrupted_and_refuses_mistakes_before_it_writes() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("etc");
    let init = |arguments: &[&str]| peers::run(xinyin().arg("init").arg("--dir").arg(&home).args(arguments), 60);
    let refused = init(&["--issuer", "http://id.example.cn"]);
    assert!(refused.status.code() == Some(3) && peers::said(&refused).contains("https is needed"), "{}", peers::said(&refused));
    assert!(!home.exists(), "nothing half-written");
    let refused = init(&["--database", "postgres://nobody@localhost:1/nothing"]);
    assert!(refused.status.code() == Some(3) && peers::said(&refused).contains("XY-9002"), "{}", peers::said(&refused));
    let keys = std::fs::read(home.join("keys.toml")).unwrap();
    assert!(!home.join("xinyin.toml").exists());
    assert_eq!(init(&[]).status.code(), Some(0));
    assert_eq!(std::fs::read(home.join("keys.toml")).unwrap(), keys, "keys once made stay");
}

#[test]
fn any_folder_will_do() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["数据 目录", "a%20b", "a#b", "a?b=c", "a&b'c\"d"] {
        let home = folder.path().join(name);
        let output = peers::run(xinyin().arg("init").arg("--dir").arg(&home), 60);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", peers::said(&output));
        assert!(home.join("xinyin.db").metadata().unwrap().len() > 0, "{name}");
        let output = peers::run(xinyin().args(["doctor", "--config"]).arg(home.join("xinyin.toml")), 60);
        assert_eq!(output.status.code(), Some(0), "{name}: {}", peers::said(&output));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{name}: nothing beside it");
        std::fs::remove_dir_all(home).unwrap();
    }
}
