//! People's journeys in Chromium: the sample portal, a certificate and a passkey, a foreign OpenID client, the clerk's desk.
//! tests/node/journeys.mjs drives the pages; screenshots are left under target/screenshots.

use crate::peers;
use crate::running::{Demo, free_ports, xinyin};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};

/// Runs a journey against a demo, or skips where Node or Chromium is absent.
fn journey(test: &str, name: &str, more: impl FnOnce(&Demo) -> Value) {
    let (Some(node), Some(_), Some(_), Some(modules)) = (
        peers::program(test, "node"),
        peers::program(test, "chromedriver"),
        peers::program(test, "chromium"),
        peers::peer(test, "node/node_modules/openid-client"),
    ) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(&folder.path().join("demo"));
    let shots = peers::root().join("target/screenshots").join(name);
    std::fs::create_dir_all(&shots).unwrap();
    let mut about = demo.info.clone();
    about["shots"] = json!(shots);
    about["modules"] = json!(modules.ancestors().nth(2));
    about["program"] = json!(env!("CARGO_BIN_EXE_xinyin"));
    if let (Some(about), Value::Object(more)) = (about.as_object_mut(), more(&demo)) {
        about.extend(more);
    }
    let mut command = Command::new(node);
    command.arg(peers::root().join("tests/node/journeys.mjs")).arg(name);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(about.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", peers::said(&output));
    // Known numbers went through the pages, the province and the store: nothing of them stays readable.
    demo.stop_and_search();
}

#[test]
fn a_person_logs_in_to_the_sample_portal_by_phone_code_and_out_again() {
    journey("a_person_logs_in_to_the_sample_portal", "portal", |_| json!({}));
}

#[test]
fn a_certificate_through_the_connector_then_a_passkey() {
    for family in ["sm2", "p256"] {
        journey("a_certificate_through_the_connector_then_a_passkey", "passkey", |_| json!({ "family": family }));
    }
}

#[test]
fn openid_client_6_runs_the_whole_flow() {
    journey("openid_client_6_runs_the_whole_flow", "openidClient", |demo| {
        let port = free_ports();
        let description = demo.data.join("portal.json");
        let registration = json!({
            "client_name": "外部客户端", "redirect_uris": [format!("http://localhost:{port}/callback")], "release": { "name": true },
        });
        std::fs::write(&description, registration.to_string()).unwrap();
        let mut command = xinyin();
        command.args(["client", "add", "--format", "json", "--config", &demo.text("/config")]).arg(&description);
        let output = peers::run(&mut command, 30);
        let client: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}\n{}", peers::said(&output)));
        json!({ "callback_port": port, "client": client })
    });
}

/// The command line's verdict over a sample document of a demo, with the same anchors and the same hosts to be asked.
pub fn by_command_line(demo: &Demo, file: &str, at: &str) -> Vec<u8> {
    let mut command = xinyin();
    command.args(["verify", "--format", "json", "--at", at, "--config", &demo.text("/config"), "--trust", &demo.text("/anchors")]);
    let output = peers::run(command.arg(format!("{}/{file}", demo.text("/documents"))), 60);
    assert!(output.status.code().is_some_and(|status| status < 3), "{}", peers::said(&output));
    output.stdout.trim_ascii_end().to_vec()
}

/// Now, to the second.
pub fn now() -> String {
    let output = peers::run(Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%SZ"]), 10);
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_clerk_judges_documents_and_gets_the_octets_of_the_command_line() {
    journey("a_clerk_judges_documents", "desk", |demo| {
        let (at, verdicts) = (now(), demo.data.join("verdicts"));
        std::fs::create_dir_all(&verdicts).unwrap();
        let expected = [
            ("good.pdf", "核验通过", vec!["张伟", "有签名时间戳证明"]),
            ("good-sm2.pdf", "核验通过", vec!["张伟"]),
            ("tampered.pdf", "核验未通过", vec!["内容与签署时不一致"]),
            ("revoked.pdf", "待核实", vec!["已吊销"]),
            ("expired.pdf", "待核实", vec!["已过期"]),
        ];
        for (file, _, _) in &expected {
            std::fs::write(verdicts.join(format!("{file}.json")), by_command_line(demo, file, &at)).unwrap();
        }
        json!({ "at": at, "verdicts": verdicts, "expected": expected })
    });
}

#[test]
fn two_clerks_make_a_seal_and_one_suspends_it() {
    journey("two_clerks_make_a_seal", "seals", |_| json!({}));
}
