//! The stand-in province as a process of its own: its protocols judged by OpenSSL, its keys kept, its doors shut to strangers.

use crate::peers;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use xinyin::lab::Description;
use xinyin::net::{Answer, Budget, Identity, Net, NetError, NetOptions, Origin, certificates};

pub type Url = url::Url;

/// A running lab; ended when dropped.
pub struct LabProcess {
    child: Child,
    pub described: Description,
    pub data: PathBuf,
    log: Arc<Mutex<String>>,
}

impl LabProcess {
    /// Starts one in `data` and waits until it answers.
    pub fn start(data: &Path, more: &[&str]) -> Self {
        let mut command = crate::running::xinyin();
        command.env("RUST_LOG", "trace").args(["lab", "--port", "0", "--format", "json", "--data"]).arg(data).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let (mut errors, sink) = (child.stderr.take().unwrap(), log.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = errors.read(&mut buffer) {
                sink.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let started: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no JSON line: {line:?} {}", log.lock().unwrap()));
        let file = PathBuf::from(started["province"].as_str().unwrap());
        let described = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        Self { child, described, data: data.to_owned(), log }
    }

    /// Everything it wrote to stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Asks it to stop as a service manager does, and waits.
    pub fn stop(mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        peers::wait_for("the lab stops", 10, || self.child.try_wait().unwrap())
    }

    pub fn url(&self, path: &str) -> Url {
        Url::parse(&self.described.public).unwrap().join(path).unwrap()
    }

    pub fn secure(&self, path: &str) -> Url {
        Url::parse(&self.described.secure).unwrap().join(path).unwrap()
    }

    /// A client for the public addresses.
    pub fn public(&self) -> Net {
        Net::new(NetOptions { allow: vec![Origin::named(&self.url("/")).unwrap()], ..NetOptions::default() }).unwrap()
    }

    /// A client for mutual TLS with this identity file.
    pub fn mutual(&self, identity: Option<&Path>) -> Net {
        Net::new(NetOptions {
            allow: vec![Origin::named(&self.secure("/")).unwrap()],
            roots: certificates(&std::fs::read(&self.described.tls.ca).unwrap()).unwrap(),
            identity: identity.map(|file| Identity::from_pem(&std::fs::read(file).unwrap()).unwrap()),
        })
        .unwrap()
    }

    /// POSTs JSON to one of its switches.
    pub async fn switch(&self, path: &str, body: Value) -> Result<Value, NetError> {
        let (net, url, json) = (self.public(), self.url(path), "application/json");
        let answer = net.post(&url, json, json, body.to_string().into(), Budget::default()).await;
        answer.map(|answer| serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    pub async fn chaos(&self, rules: Value) {
        self.switch("/lab/chaos", json!({ "rules": rules })).await.unwrap();
    }

    /// The certificate file `certs/NAME.pem`.
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.data.join(format!("certs/{name}.pem"))
    }

    /// The certificate `certs/NAME.pem`, read.
    pub fn read(&self, name: &str) -> xinyin::pki::Certificate {
        xinyin::pki::Certificate::from_pem_or_der(&std::fs::read(self.certificate(name)).unwrap()).unwrap()
    }

    pub async fn question(&self, path: &str, body: Value) -> Result<(Answer, Value), NetError> {
        let net = self.mutual(Some(&self.described.tls.identity));
        let json = "application/json";
        let answer = net.post(&self.secure(path), json, json, body.to_string().into(), Budget::default()).await?;
        let said = serde_json::from_slice(&answer.body).unwrap();
        Ok((answer, said))
    }
}

impl Drop for LabProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub const NONCE: &str = "00112233445566778899aabbccddeeff";

fn openssl(test: &str, arguments: &[&str]) -> Option<String> {
    let program = peers::program(test, "openssl")?;
    let output = peers::run(Command::new(program).args(arguments), 20);
    let said = peers::said(&output);
    assert!(output.status.success(), "openssl {arguments:?}: {said}");
    Some(said)
}

#[tokio::test]
async fn openssl_accepts_certificates_lists_answers_timestamps_and_key_files() {
    let test = "openssl_accepts_certificates_lists_answers_timestamps_and_key_files";
    let folder = tempfile::tempdir().unwrap();
    let lab = LabProcess::start(folder.path(), &[]);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let scratch = |name: &str| text(&folder.path().join(name));
    let get = async |path: &str| lab.public().get(&lab.url(path), "*/*", Budget::default()).await.unwrap().body;
    for family in ["p256", "rsa"] {
        let (root, issuing) = (text(&lab.certificate(&format!("{family}-root"))), text(&lab.certificate(family)));
        let (good, revoked) = (format!("zhang-wei-{family}"), format!("zhang-wei-{family}-revoked"));
        let (good, revoked) = (text(&lab.certificate(&good)), text(&lab.certificate(&revoked)));
        let Some(_) = openssl(test, &["verify", "-CAfile", &root, "-untrusted", &issuing, &good, &revoked]) else { return };

        for (ca, list) in [(&issuing, format!("/crl/{family}.crl")), (&root, format!("/crl/{family}-root.crl"))] {
            std::fs::write(folder.path().join("list.crl"), get(&list).await).unwrap();
            let said = openssl(test, &["crl", "-inform", "DER", "-in", &scratch("list.crl"), "-CAfile", ca, "-noout", "-text"]).unwrap();
            assert!(said.contains("verify OK"), "{said}");
            assert_eq!(said.contains("Key Compromise"), list == format!("/crl/{family}.crl"), "{said}");
        }

        let places = lab.described.authorities.iter().find(|authority| authority.ocsp.ends_with(family)).unwrap();
        for digest in ["-sha1", "-sha256"] {
            let asked = [&["ocsp", "-issuer", &issuing, digest][..], &["-cert", &good, "-cert", &revoked]].concat();
            let judged = [&asked[..], &["-url", &places.ocsp, "-CAfile", &root, "-verify_other", &issuing]].concat();
            let said = openssl(test, &judged).unwrap();
            assert!(said.contains("Response verify OK") && !said.contains("WARNING"), "{said}");
            assert!(said.contains(": good") && said.contains(": revoked") && said.contains("Reason: keyCompromise"), "{said}");
        }
        // The same over GET (RFC 6960 appendix A.1).
        openssl(test, &["ocsp", "-issuer", &issuing, "-cert", &good, "-no_nonce", "-reqout", &scratch("q.der")]);
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(std::fs::read(scratch("q.der")).unwrap());
        let escaped: String = url::form_urlencoded::byte_serialize(encoded.as_bytes()).collect();
        std::fs::write(scratch("r.der"), get(&format!("/ocsp/{family}/{escaped}")).await).unwrap();
        let said = openssl(test, &["ocsp", "-respin", &scratch("r.der"), "-issuer", &issuing, "-cert", &good, "-CAfile", &root]).unwrap();
        assert!(said.contains(": good"), "{said}");

        std::fs::write(scratch("data"), b"stamped").unwrap();
        for digest in ["-sha256", "-sha512"] {
            openssl(test, &["ts", "-query", "-data", &scratch("data"), digest, "-cert", "-out", &scratch("q.tsq")]);
            let query = std::fs::read(scratch("q.tsq")).unwrap();
            let url = lab.url(&format!("/tsa/{family}"));
            let reply = lab.public().post(&url, "application/timestamp-query", "*/*", query, Budget::default()).await.unwrap();
            std::fs::write(scratch("r.tsr"), reply.body).unwrap();
            let verify =
                ["ts", "-verify", "-in", &scratch("r.tsr"), "-queryfile", &scratch("q.tsq"), "-CAfile", &root, "-untrusted", &issuing];
            let said = openssl(test, &verify).unwrap();
            assert!(said.contains("Verification: OK"), "{said}");
        }
    }
    // A lying authority is not believed.
    let root = text(&lab.certificate("p256-root"));
    let (query, issuing) = (std::fs::read(scratch("q.tsq")).unwrap(), text(&lab.certificate("p256")));
    for wrong in ["nonce", "subject", "signature"] {
        lab.chaos(json!([{"endpoint": "tsa", "wrong": wrong}])).await;
        let url = lab.url("/tsa/p256");
        let reply = lab.public().post(&url, "application/timestamp-query", "*/*", query.clone(), Budget::default()).await.unwrap();
        std::fs::write(scratch("lie.tsr"), reply.body).unwrap();
        let verify =
            ["ts", "-verify", "-in", &scratch("lie.tsr"), "-queryfile", &scratch("q.tsq"), "-CAfile", &root, "-untrusted", &issuing];
        let output = peers::run(Command::new("openssl").args(verify), 20);
        assert!(!output.status.success() && peers::said(&output).contains("FAILED"), "{wrong}: {}", peers::said(&output));
    }
    lab.chaos(json!([{"endpoint": "tsa", "wrong": "stale"}])).await;
    let reply = lab.public().post(&lab.url("/tsa/p256"), "application/timestamp-query", "*/*", query, Budget::default()).await.unwrap();
    let response = xinyin::pki::timestamp::response(&reply.body).unwrap();
    let token = xinyin::pki::signed_data::SignedData::parse(response.token.unwrap()).unwrap();
    let stamped = xinyin::pki::timestamp::of_signed_data(&token).unwrap().time;
    assert!(stamped < lab.described.made.minus(Duration::from_secs(80_000)), "{stamped}");

    for family in ["sm2", "p256", "rsa"] {
        let file = text(&lab.data.join(format!("p12/xinyin-sample-{family}.p12")));
        let password = format!("pass:{}", lab.described.p12_password);
        let said = openssl(test, &["pkcs12", "-in", &file, "-passin", &password, "-nodes"]).unwrap();
        assert_eq!((said.matches("BEGIN CERT").count(), said.matches("BEGIN PRIVATE").count()), (3, 1), "{said}");
    }
}

#[test]
fn one_lab_in_a_folder_and_none_without_its_master() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = crate::running::xinyin();
    command.args(["lab", "--port", "0", "--stop-with-stdin", "--data"]).arg(folder.path());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut first = String::new();
    // Kept open: the lab goes on announcing its addresses.
    let mut announced = BufReader::new(child.stdout.take().unwrap());
    announced.read_line(&mut first).unwrap();
    assert!(first.contains("The stand-in province answers"), "{first}");
    let mut second = crate::running::xinyin();
    let output = peers::run(second.args(["lab", "--port", "0", "--data"]).arg(folder.path()), 20);
    assert!(output.status.code() == Some(3) && peers::said(&output).contains("another lab runs in"), "{}", peers::said(&output));
    drop(child.stdin.take());
    assert!(peers::wait_for("the lab stops", 10, || child.try_wait().unwrap()).success());
}

#[test]
fn a_first_start_cut_short_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = crate::running::xinyin();
    let mut child = command.args(["lab", "--port", "0", "--data"]).arg(folder.path()).stdout(Stdio::null()).spawn().unwrap();
    peers::wait_for("the lab begins", 10, || folder.path().join("registry.json").exists().then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    if folder.path().join("lab.json").exists() {
        return peers::skip("a_first_start_cut_short_begins_anew", "this machine made all keys before it could be stopped");
    }
    let lab = LabProcess::start(folder.path(), &[]);
    assert!(lab.described.persons.len() >= 8 && lab.described.organisations.len() >= 4);
}

#[tokio::test]
async fn strangers_have_no_access() {
    let folder = tempfile::tempdir().unwrap();
    let lab = LabProcess::start(folder.path(), &[]);
    let question = json!({"nonce": NONCE}).to_string();
    let ask = async |identity: Option<&Path>| {
        let (url, json) = (lab.secure("/time"), "application/json");
        lab.mutual(identity).post(&url, json, json, question.clone().into(), Budget::default()).await.map(|answer| answer.status)
    };
    assert_eq!(ask(Some(&lab.described.tls.identity)).await, Ok(200));
    assert!(matches!(ask(None).await, Err(NetError::Transport(_))), "without a client certificate");
    assert!(matches!(ask(Some(&lab.described.tls.stranger_identity)).await, Err(NetError::Transport(_))), "a CA of the same name");
    // The registers are not on the plain port, and the switches are not for the pages of other sites.
    let plain = lab.public().post(&lab.url("/population/match"), "application/json", "*/*", question.into(), Budget::default()).await;
    assert_eq!(plain.unwrap_err(), NetError::Status(404));
    let url = lab.url("/lab/inbox");
    for header in [("origin", "http://evil.example"), ("host", "evil.example")] {
        let request = xinyin::net::Outbound {
            method: reqwest::Method::GET,
            url: &url,
            headers: &[header],
            body: Vec::new(),
            budget: Budget::default(),
        };
        assert_eq!(lab.public().send(request).await.unwrap_err(), NetError::Status(403), "{header:?}");
    }
    // On this machine only.
    let listening = std::fs::read_to_string("/proc/net/tcp").unwrap() + &std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    for port in [lab.url("/").port().unwrap(), lab.secure("/").port().unwrap()] {
        let ours: Vec<_> = listening.lines().filter(|line| line.contains(&format!(":{port:04X} ")) && line.contains(" 0A ")).collect();
        assert!(ours.len() == 1 && ours[0].contains("0100007F:"), "{ours:?}");
    }
    use std::os::unix::fs::PermissionsExt as _;
    for file in ["province.json", "registry.json", "keys/sm2-root.pem", "p12/zhang-wei-sm2.p12"] {
        assert_eq!(std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
}

#[tokio::test]
async fn a_restart_keeps_keys_registers_messages_revocations_and_the_clock() {
    let folder = tempfile::tempdir().unwrap();
    let lab = LabProcess::start(folder.path(), &[]);
    let address = lab.described.public.clone();
    let keys = |path: &str| std::fs::read(folder.path().join(path)).unwrap();
    let before = (keys("keys/sm2-root.pem"), keys("certs/zhang-wei-sm2.pem"), keys("certs/tls-server.pem"));
    lab.question("/phone/deliver", json!({"nonce": NONCE, "phone": "14000000001", "text": "验证码 <123456>"})).await.unwrap();
    lab.switch("/lab/status", json!({"person": "li-na", "state": "deceased"})).await.unwrap();
    let serial = lab.read("li-na-p256").serial_hex();
    lab.switch("/lab/revoke", json!({"ca": "p256", "serial": serial, "reason": "cessationOfOperation"})).await.unwrap();
    lab.switch("/lab/clock", json!({"now": "2027-05-01T00:00:00Z", "stop": true})).await.unwrap();
    assert!(lab.stop().success());

    let lab = LabProcess::start(folder.path(), &[]);
    assert_eq!(lab.described.public, address, "port 0 takes the same port again");
    assert_eq!(before, (keys("keys/sm2-root.pem"), keys("certs/zhang-wei-sm2.pem"), keys("certs/tls-server.pem")));
    let get = async |path: &str| lab.public().get(&lab.url(path), "application/json", Budget::default()).await.unwrap().body;
    let inbox: Value = serde_json::from_slice(&get("/lab/inbox.json?phone=14000000001").await).unwrap();
    assert_eq!(inbox["messages"][0]["text"], "验证码 <123456>");
    assert!(String::from_utf8(get("/lab/inbox").await).unwrap().contains("验证码 &lt;123456&gt;"));
    let clock: Value = serde_json::from_slice(&get("/lab/clock").await).unwrap();
    assert_eq!((&clock["now"], &clock["stopped"]), (&json!("2027-05-01T00:00:00Z"), &json!(true)));
    let asked = json!({"nonce": NONCE, "name": "李娜", "number": "350899199011240226"});
    let (_, said) = lab.question("/population/match", asked).await.unwrap();
    assert_eq!((&said["state"], &said["time"]), (&json!("deceased"), &json!("2027-05-01T00:00:00Z")));
    let list = xinyin::pki::Crl::from_der(&get("/crl/p256.crl").await).unwrap();
    assert!(list.find(&lab.read("li-na-p256")).is_some());
    // Back to the machine's time by the page's form.
    let form = "application/x-www-form-urlencoded";
    let answer = lab.public().post(&lab.url("/lab/clock"), form, "text/html", Vec::new(), Budget::default()).await;
    assert_eq!(answer.unwrap_err(), NetError::Status(303));
    let clock: Value = serde_json::from_slice(&get("/lab/clock").await).unwrap();
    assert_eq!((&clock["offset_ms"], &clock["stopped"]), (&json!(0), &json!(false)));
}

#[tokio::test]
async fn bad_input_is_refused_and_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let lab = LabProcess::start(folder.path(), &[]);
    let nested = "[".repeat(50_000);
    let long = format!("{{\"nonce\":\"{NONCE}\",\"name\":\"{}\"}}", "长".repeat(40_000));
    for (body, status) in [("", 422), ("{", 422), ("{\"nonce\":\"x\"}", 422), (&nested, 422), (&long, 413)] {
        for path in ["/population/match", "/organisation/match", "/phone/deliver", "/ca/issue", "/time"] {
            let net = lab.mutual(Some(&lab.described.tls.identity));
            let answer = net.post(&lab.secure(path), "application/json", "*/*", body.into(), Budget::default()).await;
            assert_eq!(answer.unwrap_err(), NetError::Status(status), "{path} {}", &body[..body.len().min(20)]);
        }
    }
    let public = lab.public();
    let post = async |path: &str, kind: &str, body: &[u8]| public.post(&lab.url(path), kind, "*/*", body.to_vec(), Budget::default()).await;
    for garbage in [&b""[..], b"\x30\x80", b"\x30\x03\x30\x01\x30", &[0x30; 4000]] {
        let answer = post("/ocsp/p256", "application/ocsp-request", garbage).await.unwrap();
        assert_eq!(answer.body, [0x30, 3, 0x0a, 1, 1], "malformedRequest");
        let answer = post("/tsa/p256", "application/timestamp-query", garbage).await.unwrap();
        assert!(!xinyin::pki::timestamp::response(&answer.body).unwrap().granted());
    }
    assert_eq!(post("/tsa/p256", "text/plain", b"").await.unwrap_err(), NetError::Status(415));
    for path in ["/tsa/none", "/ocsp/none"] {
        assert_eq!(post(path, "application/timestamp-query", b"").await.unwrap_err(), NetError::Status(404), "{path}");
    }
    for (path, status) in
        [("/ocsp/p256/%ff%fe", 400), ("/ocsp/p256/!!", 400), ("/crl/none.crl", 404), ("/ca/../lab.json", 404), ("/ca/sm2.key", 404)]
    {
        let answer = public.get(&lab.url(path), "*/*", Budget::default()).await;
        assert_eq!(answer.unwrap_err(), NetError::Status(status), "{path}");
    }
    for (path, body, status) in [
        ("/lab/clock", json!({"now": "yesterday"}), 400),
        ("/lab/chaos", json!({"rules": [{"endpoint": "moon"}]}), 400),
        ("/lab/revoke", json!({"ca": "p256", "serial": "00"}), 404),
        ("/lab/revoke", json!({"ca": "p256", "serial": "1", "reason": "whim"}), 400),
        ("/lab/revoke", json!({"ca": "p256", "serial": lab.read("zhang-wei-p256").serial_hex(), "reason": "removeFromCRL"}), 409),
        ("/lab/status", json!({"person": "nobody", "state": "alive"}), 404),
        ("/lab/status", json!({"person": "li-na", "state": "asleep"}), 400),
    ] {
        assert_eq!(lab.switch(path, body.clone()).await.unwrap_err(), NetError::Status(status), "{path} {body}");
    }
    assert!(lab.question("/time", json!({"nonce": NONCE})).await.is_ok());
}

#[test]
fn a_lab_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let chaos = folder.path().join("chaos.json");
    std::fs::write(&chaos, r#"{"rules":[{"endpoint":"ocsp","slow":1}]}"#).unwrap();
    let chaos = chaos.to_str().unwrap();
    for (arguments, why) in [
        (&["--port", &port][..], "is taken"),
        (&["--port", "0", "--chaos", chaos][..], "no chaos file"),
        (&["--port", "0", "--chaos", "/nowhere"][..], "cannot read /nowhere"),
        (&["--port", "65535"][..], "below 65535"),
    ] {
        let mut command = crate::running::xinyin();
        command.arg("lab").arg("--data").arg(folder.path().join("data")).args(arguments);
        let output = peers::run(&mut command, 20);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0), "{arguments:?}");
        let said = peers::said(&output);
        assert!(said.contains(why) && said.lines().count() == 1, "{said}");
    }
    assert!(!folder.path().join("data/lab.json").exists(), "nothing was made");
}

#[tokio::test]
async fn the_clock_moves_everything() {
    let folder = tempfile::tempdir().unwrap();
    let lab = LabProcess::start(folder.path(), &[]);
    lab.switch("/lab/clock", json!({"advance_seconds": 5 * 365 * 86_400})).await.unwrap();
    let now: xinyin::moment::Moment = {
        let (_, said) = lab.question("/time", json!({"nonce": NONCE})).await.unwrap();
        said["time"].as_str().unwrap().parse().unwrap()
    };
    let apart = |at: xinyin::moment::Moment| now.since(at).max(at.since(now));
    assert!(now > lab.described.made.plus(Duration::from_secs(4 * 365 * 86_400)));
    let body = async |path: &str| lab.public().get(&lab.url(path), "*/*", Budget::default()).await.unwrap().body;
    let list = xinyin::pki::Crl::from_der(&body("/crl/sm2.crl").await).unwrap();
    assert!(apart(list.this_update()) < Duration::from_secs(120));
    let query = xinyin::pki::build::timestamp::request(xinyin::crypto::Hash::Sm3, &[7; 32], Some(&[5]), None);
    let reply = lab.public().post(&lab.url("/tsa/sm2"), "application/timestamp-query", "*/*", query, Budget::default()).await.unwrap();
    let response = xinyin::pki::timestamp::response(&reply.body).unwrap();
    let token = xinyin::pki::signed_data::SignedData::parse(response.token.unwrap()).unwrap();
    let stamped = xinyin::pki::timestamp::of_signed_data(&token).unwrap();
    assert!(apart(stamped.time) < Duration::from_secs(60) && stamped.nonce.as_deref() == Some(&[5]));
    // A revocation that begins later is not on the list of an earlier day.
    let serial = lab.read("li-na-sm2").serial_hex();
    lab.switch("/lab/revoke", json!({"ca": "sm2", "serial": serial, "reason": "keyCompromise"})).await.unwrap();
    let listed = async || xinyin::pki::Crl::from_der(&body("/crl/sm2.crl").await).unwrap().find(&lab.read("li-na-sm2")).is_some();
    assert!(listed().await);
    lab.switch("/lab/clock", json!({"advance_seconds": -86_400})).await.unwrap();
    assert!(!listed().await);
    // SM2 stamps SM3 digests alone (GM/T 0033).
    let query = xinyin::pki::build::timestamp::request(xinyin::crypto::Hash::Sha256, &[7; 32], None, None);
    let reply = lab.public().post(&lab.url("/tsa/sm2"), "application/timestamp-query", "*/*", query, Budget::default()).await.unwrap();
    let response = xinyin::pki::timestamp::response(&reply.body).unwrap();
    assert_eq!((response.granted(), response.failure >> 31), (false, 1), "badAlg is bit 0");
}
