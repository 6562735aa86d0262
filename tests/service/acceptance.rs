//! What the service remembers of accepted documents, the policies of operators, and the evidence it hands out.

use crate::browser::now;
use crate::peers;
use crate::running::{Demo, xinyin};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn curl(arguments: &[&str]) -> Vec<u8> {
    let output = peers::run(Command::new("curl").args(["-sS", "--noproxy", "*"]).args(arguments), 60);
    output.stdout
}

fn credentials(demo: &Demo, which: &str) -> String {
    std::fs::read_to_string(demo.text(which)).unwrap()
}

/// Posts a document of the demo's: receipt id and octets.
fn post(demo: &Demo, file: &str, more: &[&str]) -> (String, Vec<u8>) {
    post_to(demo, &demo.text("/issuer"), file, more)
}

fn post_to(demo: &Demo, service: &str, file: &str, more: &[&str]) -> (String, Vec<u8>) {
    let headers = demo.data.join("headers.txt");
    let (address, form) = (format!("{service}/api/v1/verifications"), format!("file=@{}/{file}", demo.text("/documents")));
    let pair = credentials(demo, "/portal_credentials");
    let mut arguments = vec!["-u", &pair, "-D", headers.to_str().unwrap(), "-F", &form];
    arguments.extend(more);
    arguments.push(&address);
    let body = curl(&arguments);
    let headers = std::fs::read_to_string(&headers).unwrap().to_lowercase();
    let receipt = headers.lines().find_map(|line| line.strip_prefix("xinyin-receipt: ")).unwrap_or_default().trim().to_owned();
    (receipt, body)
}

fn json_of(octets: &[u8]) -> Value {
    serde_json::from_slice(octets).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(octets)))
}

/// A second service on the demo's database, keys and province, its configuration changed; ended when dropped.
struct Second(Child, String);

impl Second {
    fn start(demo: &Demo, change: impl FnOnce(String) -> String) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let place = Path::new(&demo.text("/config")).with_file_name(format!("second-{port}.toml"));
        let text = std::fs::read_to_string(demo.text("/config")).unwrap();
        std::fs::write(&place, change(text.replace(&format!(":{}\"", demo.port), &format!(":{port}\"")))).unwrap();
        let mut command = xinyin();
        let child = command.args(["serve", "--config"]).arg(&place).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let second = Self(child, format!("http://localhost:{port}"));
        peers::wait_for("the second service", 30, || {
            let ready = curl(&["-o", "/dev/null", "-w", "%{http_code}", &format!("{}/readyz", second.1)]);
            (ready == b"200").then_some(())
        });
        second
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn by_command_line(demo: &Demo, file: &str, more: &[&str]) -> (i32, Vec<u8>) {
    let mut command = xinyin();
    command.args(["verify", "--format", "json", "--trust", &demo.text("/anchors")]).args(more);
    let output = peers::run(command.arg(format!("{}/{file}", demo.text("/documents"))), 60);
    (output.status.code().unwrap(), output.stdout.trim_ascii_end().to_vec())
}

/// Moves the province's clock, and with it the demo's.
fn move_clock(demo: &Demo, to: &str) {
    let address = format!("{}/lab/clock", demo.text("/lab").trim_end_matches('/'));
    let body = json!({ "now": to }).to_string();
    curl(&["-H", "content-type: application/json", "-d", &body, &address]);
    peers::wait_for("the service to follow the clock", 30, || {
        let (_, body) = post(demo, "plain.pdf", &[]);
        (json_of(&body)["at"].as_str()?[..10] >= to[..10]).then_some(())
    });
}

fn years_on(years: u64) -> String {
    let now: xinyin::moment::Moment = now().parse().unwrap();
    now.plus(std::time::Duration::from_secs(years * 365 * 86_400)).to_string()
}

#[test]
fn what_was_accepted_in_time_still_passes_when_its_certificates_have_ended() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(&folder.path().join("demo"));
    // Once with a time-stamp over the evidence, once with nothing but the service's own record of what it saw.
    let (stamped, first) = post(&demo, "good.pdf", &[]);
    assert_eq!(json_of(&first)["indication"], "TOTAL-PASSED");
    let evidence = |demo: &Demo, receipt: &str, which: &str| {
        let address = format!("{}/{receipt}/evidence.json", demo.text("/api"));
        curl(&["-u", &credentials(demo, which), &address])
    };
    let frozen = evidence(&demo, &stamped, "/portal_credentials");
    assert_eq!(json_of(&frozen)["records"].as_array().map(Vec::len), Some(1));
    assert!(json_of(&evidence(&demo, &stamped, "/other_portal_credentials"))["records"].is_null());
    let file = folder.path().join("frozen.json");
    std::fs::write(&file, &frozen).unwrap();
    let (status, replayed) = by_command_line(&demo, "good.pdf", &["--evidence", file.to_str().unwrap(), "--replay"]);
    assert_eq!((status, String::from_utf8(replayed).unwrap()), (0, String::from_utf8(first).unwrap()), "the octets of the API");
    let without = |text: String| {
        let lines = text.lines().map(|line| if line.starts_with("timestamp = ") { "timestamp = []" } else { line });
        lines.collect::<Vec<_>>().join("\n")
    };
    let second = Second::start(&demo, without);
    let (bare, _) = post_to(&demo, &second.1, "good-rsa.pdf", &[]);
    assert_eq!(json_of(&evidence(&demo, &bare, "/portal_credentials"))["records"], Value::Null);

    let then = years_on(4);
    move_clock(&demo, &then);
    for (file, receipt) in [("good.pdf", &stamped), ("good-rsa.pdf", &bare)] {
        let (again, body) = post(&demo, file, &[]);
        let verdict = json_of(&body);
        assert_eq!(verdict["indication"], "TOTAL-PASSED", "{file}: {verdict}");
        assert_eq!((&verdict["signatures"][0]["at_signing"], &verdict["signatures"][0]["now"]), (&json!("valid"), &json!("expired")));
        assert_ne!(&again, receipt);
        // Who does not remember it cannot say.
        let (status, _) = by_command_line(&demo, file, &["--config", &demo.text("/config"), "--at", &then]);
        assert_ne!(status, 0, "{file}");
    }
    // A document that nobody saw in time.
    let (_, body) = post(&demo, "good-sm2.pdf", &[]);
    assert_eq!(json_of(&body)["indication"], "INDETERMINATE", "{}", String::from_utf8_lossy(&body));
    // One that was seen revoked is not made good by having been seen.
    let (_, body) = post(&demo, "tampered.pdf", &[]);
    assert_eq!(json_of(&body)["indication"], "TOTAL-FAILED");
    // The stamped evidence serves anybody, with the authority's list of the day.
    let lab = demo.text("/lab");
    let ask = ["--allow", lab.trim_end_matches('/'), "--at", &then, "--evidence", file.to_str().unwrap()];
    let (status, body) = by_command_line(&demo, "good.pdf", &ask);
    assert_eq!(status, 0, "{}", String::from_utf8_lossy(&body));
}

#[test]
fn an_operator_s_policy_is_chosen_by_its_id_or_stands_for_an_agency() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(&folder.path().join("demo"));
    let unknown = json_of(&post(&demo, "good.pdf", &["-F", "policy=town"]).1);
    assert!(unknown["code"] == "XY-4000" && unknown.to_string().contains("strict, archive"), "{unknown}");
    let place = Path::new(&demo.text("/config")).to_owned();
    let town = "id = \"town\"\n[levels]\n\"XY-2025\" = \"fail\"\n";
    std::fs::write(place.with_file_name("town.toml"), town).unwrap();
    std::fs::write(place.with_file_name("mild.toml"), "id = \"mild\"\n[levels]\n\"XY-2041\" = \"ignore\"\n").unwrap();
    let policies =
        |text: String, more: &str| text.replacen("policies = []", &format!("policies = [\"town.toml\", \"mild.toml\"]\n{more}"), 1);
    let second = Second::start(&demo, |text| policies(text, ""));
    let post = |_: &Demo, file: &str, more: &[&str]| post_to(&demo, &second.1, file, more);
    let receipt_of = |_: &Demo, id: &str| {
        let address = demo.url(&format!("/api/v1/receipts/{id}"));
        String::from_utf8_lossy(&curl(&[
            "-u",
            &credentials(&demo, "/portal_credentials"),
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            &address,
        ]))
        .into_owned()
    };
    // Chosen: it applies, it is printed, and there is no receipt.
    let (id, body) = post(&demo, "good.pdf", &["-F", "policy=town"]);
    let verdict = json_of(&body);
    assert_eq!((&verdict["policy"]["id"], &verdict["policy"]["choices"]), (&json!("town"), &json!(["policy"])));
    assert!(
        verdict["indication"] == "INDETERMINATE" && verdict["defects"].to_string().contains("XY-2025"),
        "no licence is recorded: {verdict}"
    );
    assert_eq!(receipt_of(&demo, &id), "409");
    assert_eq!(receipt_of(&demo, &post(&demo, "good.pdf", &["-F", "policy=mild"]).0), "409");
    assert_eq!(receipt_of(&demo, &post(&demo, "good.pdf", &[]).0), "200");
    // Standing: nobody chose it, and its verdict has a receipt; then the built-in one is a choice.
    let agency = {
        let text = std::fs::read_to_string(&place).unwrap();
        text.lines().find_map(|line| line.strip_prefix("agency = ")).unwrap().trim_matches('"').to_owned()
    };
    let third = Second::start(&demo, |text| policies(text, &format!("standing_policies = {{ {agency} = \"mild\" }}\n")));
    let post = |_: &Demo, file: &str, more: &[&str]| post_to(&demo, &third.1, file, more);
    let (id, body) = post(&demo, "good.pdf", &[]);
    let verdict = json_of(&body);
    assert_eq!((&verdict["policy"]["id"], &verdict["policy"]["choices"]), (&json!("mild"), &json!([])));
    assert_eq!(receipt_of(&demo, &id), "200");
    assert_eq!(json_of(&post(&demo, "good.pdf", &["-F", "policy=mild"]).1)["policy"]["choices"], json!([]));
    for other in ["strict", "town"] {
        let (id, body) = post(&demo, "good.pdf", &["-F", &format!("policy={other}")]);
        assert_eq!((&json_of(&body)["policy"]["choices"], receipt_of(&demo, &id).as_str()), (&json!(["policy"]), "409"), "{other}");
    }
    // A broken file fails those that need it and nobody else; doctor tells.
    std::fs::write(place.with_file_name("town.toml"), "id = \"town\"\n[levels]\n\"XY-2021\" = \"ignore\"\n").unwrap();
    assert_eq!(json_of(&post(&demo, "good.pdf", &[]).1)["indication"], "TOTAL-PASSED");
    let refused = json_of(&post(&demo, "good.pdf", &["-F", "policy=town"]).1);
    assert!(refused["indication"].is_null() && refused["code"].is_string(), "{refused}");
    let changed = std::fs::read_dir(place.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let changed =
        changed.into_iter().find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("second-"))).unwrap();
    let doctor = peers::run(xinyin().args(["doctor", "--format", "json", "--config"]).arg(&changed), 60);
    assert!(peers::said(&doctor).contains("town.toml") && peers::said(&doctor).contains("XY-2021"), "{}", peers::said(&doctor));
}
