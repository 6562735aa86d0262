//! The verification API and the demo as a program sees them: octets, receipts, repeated requests, two agencies, bad input,
//! restarts, and no number of a person anywhere on the disk.

use crate::browser::{by_command_line, now};
use crate::peers;
use crate::running::{Demo, xinyin};
use std::process::{Command, Output};

/// curl with these arguments; status and body are told apart by the caller.
fn curl(arguments: &[&str]) -> Output {
    peers::run(Command::new("curl").args(["-sS", "--noproxy", "*"]).args(arguments), 60)
}

/// Status of an answer whose body is thrown away.
fn status(arguments: &[&str]) -> String {
    let mut all = vec!["-o", "/dev/null", "-w", "%{http_code}"];
    all.extend(arguments);
    String::from_utf8(curl(&all).stdout).unwrap()
}

fn credentials(demo: &Demo, which: &str) -> String {
    std::fs::read_to_string(demo.text(which)).unwrap()
}

/// Posts a document; headers and body.
fn post(demo: &Demo, pair: &str, file: &str, more: &[&str]) -> (String, Vec<u8>) {
    let headers = demo.data.join("headers.txt");
    let (address, form) = (demo.text("/api"), format!("file=@{}/{file}", demo.text("/documents")));
    let mut arguments = vec!["-u", pair, "-D", headers.to_str().unwrap(), "-F", &form];
    arguments.extend(more);
    arguments.push(&address);
    let output = curl(&arguments);
    (std::fs::read_to_string(&headers).unwrap().to_lowercase(), output.stdout)
}

fn receipt(headers: &str) -> String {
    let line = headers.lines().find_map(|line| line.strip_prefix("xinyin-receipt: "));
    line.unwrap_or_else(|| panic!("no receipt in {headers}")).trim().to_owned()
}

#[test]
fn the_api_gives_the_octets_of_the_command_line_and_keeps_them_for_its_agency_alone() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(&folder.path().join("demo"));
    let (ours, theirs) = (credentials(&demo, "/portal_credentials"), credentials(&demo, "/other_portal_credentials"));
    let at = now();
    let at_part = format!("at={at}");
    for file in ["good.pdf", "good-sm2.pdf", "good-rsa.pdf", "tampered.pdf", "revoked.pdf", "expired.pdf", "plain.pdf", "plain.pdf.p7s"] {
        let (headers, body) = post(&demo, &ours, file, &["-F", &at_part]);
        assert!(headers.contains(" 200 ") && headers.contains("application/json"), "{headers}");
        let expected = by_command_line(&demo, file, &at);
        assert_eq!(String::from_utf8_lossy(&body), String::from_utf8_lossy(&expected), "{file}");
        let receipt = receipt(&headers);
        let address = format!("{}/{receipt}", demo.text("/api"));
        assert_eq!(curl(&["-u", &ours, &address]).stdout, body, "the receipt brings the same octets");
        assert_eq!(status(&["-u", &theirs, &address]), "404", "another agency's receipt is not found");
        assert_eq!(status(&[&address]), "401");
    }
    // The detached signature with its content.
    let content = format!("content=@{}/plain.pdf", demo.text("/documents"));
    let (_, body) = post(&demo, &ours, "plain.pdf.p7s", &["-F", &content]);
    assert!(String::from_utf8_lossy(&body).contains("\"indication\":\"TOTAL-PASSED\""), "{}", String::from_utf8_lossy(&body));

    // Repeated requests: the same key and request, the same receipt, also when many come at once; another request is refused.
    let key = ["-H", "Idempotency-Key: k1"];
    let first = receipt(&post(&demo, &ours, "good.pdf", &key).0);
    let again: Vec<String> = std::thread::scope(|scope| {
        let (api, form) = (demo.text("/api"), format!("file=@{}/good.pdf", demo.text("/documents")));
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (api, form, ours) = (api.clone(), form.clone(), ours.clone());
                scope.spawn(move || {
                    let output = curl(&["-u", &ours, "-H", "Idempotency-Key: k2", "-D", "-", "-o", "/dev/null", "-F", &form, &api]);
                    receipt(&String::from_utf8_lossy(&output.stdout).to_lowercase())
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(receipt(&post(&demo, &ours, "good.pdf", &key).0), first);
    assert!(again.iter().all(|receipt| *receipt == again[0]) && again[0] != first, "{again:?}");
    let (headers, body) = post(&demo, &ours, "tampered.pdf", &key);
    assert!(headers.contains(" 422 "), "{headers}");
    assert!(String::from_utf8_lossy(&body).contains("XY-4022"));
    assert_ne!(receipt(&post(&demo, &theirs, "good.pdf", &key).0), first, "another caller's key is another key");

    // Bad input: a coded answer, and others keep being served.
    let api = demo.text("/api");
    let good = format!("file=@{}/good.pdf", demo.text("/documents"));
    for (arguments, expected) in [
        (vec!["-F", good.as_str()], "401"),
        (vec!["-u", "sample-portal:wrong", "-F", good.as_str()], "401"),
        (vec!["-u", ours.as_str(), "-X", "POST"], "400"),
        (vec!["-u", ours.as_str(), "-F", "other=1"], "400"),
        (vec!["-u", ours.as_str(), "-F", good.as_str(), "-F", "at=yesterday"], "400"),
        (vec!["-u", ours.as_str(), "-F", good.as_str(), "-F", "policy=none-such"], "400"),
        (vec!["-u", ours.as_str(), "-F", good.as_str(), "-F", good.as_str()], "400"),
        (vec!["-u", ours.as_str(), "-H", "content-type: multipart/form-data; boundary=x", "--data-binary", "--x\r\nrubbish"], "400"),
        (vec!["-u", ours.as_str(), "-X", "DELETE"], "405"),
    ] {
        let mut all = arguments.clone();
        all.push(&api);
        assert_eq!(status(&all), expected, "{arguments:?}");
    }
    let empty = demo.data.join("empty");
    std::fs::write(&empty, b"").unwrap();
    let form = format!("file=@{}", empty.display());
    let output = curl(&["-u", &ours, "-F", &form, &api]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("INDETERMINATE"), "{}", peers::said(&output));
}

#[test]
fn a_restart_keeps_everything_a_taken_port_is_said_and_no_number_is_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    let demo = Demo::start(&data);
    let (port, ours) = (demo.port, credentials(&demo, "/portal_credentials"));
    let (headers, body) = post(&demo, &ours, "good.pdf", &[]);
    let address = format!("{}/{}", demo.text("/api"), receipt(&headers));
    let jwks = curl(&[&demo.url("/jwks")]).stdout;

    // The port is taken: one sentence, status 3, and the running one is not disturbed.
    let mut second = xinyin();
    let output = peers::run(second.args(["demo", "--port", &port.to_string(), "--data"]).arg(folder.path().join("second")), 60);
    assert_eq!(output.status.code(), Some(3), "{}", peers::said(&output));
    assert!(peers::said(&output).contains(&format!("port {port}")), "{}", peers::said(&output));
    assert_eq!(curl(&["-u", &ours, &address]).stdout, body);

    assert!(demo.stop().success());
    let demo = Demo::start_on(&data, port);
    assert_eq!(curl(&["-u", &ours, &address]).stdout, body, "the receipt outlives the restart");
    assert_eq!(curl(&[&demo.url("/jwks")]).stdout, jwks);

    // The clerks' numbers and the signers' are known to the service; nothing of them is readable on its disk or in its log.
    demo.stop_and_search();
}
