//! `xinyin connector` as a process: who may ask, what is signed, what is refused; keys in files and in a SoftHSM token.

use crate::keys::{ALGORITHMS, key_and_certificate, openssl};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use xinyin::crypto::{self, SignatureAlgorithm};
use xinyin::ids::ChallengeId;
use xinyin::login::challenge::{Answer, Answered, Challenge, LIFE, Purpose};
use xinyin::pki::Certificate;
use xinyin::world::{Clock, SystemClock};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const ORIGIN: &str = "https://id.example.gov.cn";

/// A connector that is stopped at the end of the test.
struct Running {
    child: Child,
    port: u16,
    certificates: Vec<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(arguments: &[&str]) -> Running {
    let mut child = Command::new(env!("CARGO_BIN_EXE_xinyin"))
        .args(["connector", "--port", "0", "--format", "json", "--origin", ORIGIN])
        .args(arguments)
        .env_remove("XINYIN_PASSWORD")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let said: serde_json::Value = serde_json::from_str(&line).expect("the connector says where it listens");
    let port = said["url"].as_str().unwrap().rsplit(':').next().unwrap().parse().unwrap();
    let certificates = said["certificates"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    Running { child, port, certificates }
}

/// One request; status, head and body of the answer.
fn ask(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let own_host = headers.iter().any(|(name, _)| *name == "Host");
    let host = if own_host { String::new() } else { format!("Host: 127.0.0.1:{port}\r\n") };
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.1\r\n{host}{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_ascii_lowercase(), body.to_owned())
}

fn challenge(origin: &str) -> Challenge {
    // One moment for the whole run: the same challenge every time it is asked for.
    static NOW: std::sync::LazyLock<xinyin::moment::Moment> = std::sync::LazyLock::new(|| SystemClock.now());
    let now = *NOW;
    Challenge::new(origin, Purpose::Login, "parks 园林审批", ChallengeId::from_random([7; 16]), now, now.plus(LIFE)).unwrap()
}

fn request(certificate: &str, challenge: &Challenge) -> String {
    serde_json::json!({"certificate": certificate, "challenge": challenge}).to_string()
}

/// The signature stands over exactly the challenge's text, under the certificate's key.
fn verifies(answered: &Answered, challenge: &Challenge) {
    assert_eq!(answered.text, challenge.text());
    let certificate = Certificate::from_der(&answered.certificate).unwrap();
    let key = certificate.public_key().unwrap();
    let scheme = match key.kind() {
        crypto::KeyKind::Sm2 => crypto::Scheme::Sm2,
        crypto::KeyKind::P256 => crypto::Scheme::Ecdsa(crypto::Hash::Sha256),
        _ => crypto::Scheme::RsaPkcs1(crypto::Hash::Sha256),
    };
    crypto::verify(key, &SignatureAlgorithm::new(scheme), answered.text.as_bytes(), &answered.signature).unwrap();
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

#[test]
fn only_allowed_sites_get_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = key_and_certificate(folder.path(), "p256", ALGORITHMS[0].1);
    let running = start(&["--yes", "--key", key.to_str().unwrap(), "--cert", certificate.to_str().unwrap()]);
    let (port, id) = (running.port, running.certificates[0].as_str());
    let body = request(id, &challenge(ORIGIN));
    let own = ("Origin", ORIGIN);

    let (status, head, said) = ask(port, "POST", "/sign-challenge", &[own, JSON], &body);
    assert_eq!(status, 200, "{said}");
    assert!(head.contains(&format!("access-control-allow-origin: {ORIGIN}")));
    verifies(&Answer::unpack(said.as_bytes()).unwrap(), &challenge(ORIGIN));

    // The preflight of a page on the public web (private network access).
    let preflight = [own, ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Private-Network", "true")];
    let (status, head, _) = ask(port, "OPTIONS", "/sign-challenge", &preflight, "");
    assert_eq!(status, 204);
    assert!(head.contains("access-control-allow-private-network: true"));

    for origin in [
        "https://evil.example",
        "https://id.example.gov.cn.evil.example",
        "null",
        "https://id.example.gov.cn:444",
        "http://id.example.gov.cn",
    ] {
        let (status, head, said) = ask(port, "POST", "/sign-challenge", &[("Origin", origin), JSON], &body);
        assert!(status == 403 && said.contains("XY-1205") && !head.contains("access-control-allow"), "{origin}: {status} {said}");
        assert_eq!(ask(port, "GET", "/certificates", &[("Origin", origin)], "").0, 403);
        assert_eq!(ask(port, "OPTIONS", "/sign-challenge", &[("Origin", origin)], "").0, 403);
    }
    assert_eq!(ask(port, "GET", "/certificates", &[], "").0, 403, "no origin at all");
    assert_eq!(ask(port, "GET", "/certificates", &[own, ("Host", "evil.example")], "").0, 403, "a rebound name");
    assert_eq!(ask(port, "GET", "/certificates", &[own], "").0, 200);
}

#[test]
fn only_challenges_are_signed() {
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = key_and_certificate(folder.path(), "rsa", ALGORITHMS[1].1);
    let running = start(&["--yes", "--key", key.to_str().unwrap(), "--cert", certificate.to_str().unwrap()]);
    let (port, id) = (running.port, running.certificates[0].as_str());
    let own = ("Origin", ORIGIN);
    let good = serde_json::to_value(challenge(ORIGIN)).unwrap();
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut fields = good.clone();
        change(&mut fields);
        serde_json::json!({"certificate": id, "challenge": fields}).to_string()
    };
    let digest = "d2a84f4b8b650937ec8f73cd8be2c74add5a911ba64df27458ed8229da804a26";
    for (what, body, code) in [
        ("another site's challenge", with(&|fields| fields["origin"] = "https://bank.example".into()), "XY-1202"),
        (
            "expired",
            with(&|fields| {
                fields["issued-at"] = "2020-01-01T00:00:00Z".into();
                fields["expires"] = "2020-01-01T00:05:00Z".into();
            }),
            "XY-1203",
        ),
        ("too long a life", with(&|fields| fields["expires"] = "2090-01-01T00:00:00Z".into()), "XY-1201"),
        ("a digest beside it", with(&|fields| fields["digest"] = digest.into()), "XY-1201"),
        ("lines in a name", with(&|fields| fields["portal"] = "a\nnonce: 00".into()), "XY-1201"),
        ("a bare digest", serde_json::json!({"certificate": id, "digest": digest}).to_string(), "XY-1201"),
        ("ready-made text", serde_json::json!({"certificate": id, "challenge": challenge(ORIGIN).text()}).to_string(), "XY-1201"),
        ("ready-made octets", serde_json::json!({"certificate": id, "data": "MIIB"}).to_string(), "XY-1201"),
        ("no JSON", "0\u{1}".to_owned(), "XY-1201"),
    ] {
        let (status, _, said) = ask(port, "POST", "/sign-challenge", &[own, JSON], &body);
        assert!(status >= 400 && said.contains(code), "{what}: {status} {said}");
    }
    let plain = ("Content-Type", "text/plain");
    let body = request(id, &challenge(ORIGIN));
    assert_eq!(ask(port, "POST", "/sign-challenge", &[own, plain], &body).0, 400, "a form without preflight");
    let (status, _, said) = ask(port, "POST", "/sign-challenge", &[own, JSON], &request("00", &challenge(ORIGIN)));
    assert!(status == 404 && said.contains("XY-4004"));
    assert!(ask(port, "POST", "/sign-challenge", &[own, JSON], &" ".repeat(20_000)).0 >= 400);
}

#[test]
fn the_holder_sees_the_text_and_decides() {
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = key_and_certificate(folder.path(), "sm2", ALGORITHMS[2].1);
    let mut running = start(&["--key", key.to_str().unwrap(), "--cert", certificate.to_str().unwrap()]);
    let (port, id) = (running.port, running.certificates[0].clone());
    let own_page = format!("http://127.0.0.1:{port}");
    let waiting = |id: String| {
        std::thread::spawn(move || ask(port, "POST", "/sign-challenge", &[("Origin", ORIGIN), JSON], &request(&id, &challenge(ORIGIN))))
    };
    let token = || {
        for _ in 0..200 {
            let (_, head, page) = ask(port, "GET", "/", &[], "");
            assert!(head.contains("frame-ancestors 'none'") && head.contains("x-frame-options: deny"));
            if let Some((_, rest)) = page.split_once("name=\"token\" value=\"") {
                assert!(page.contains("nonce: 07070707") && page.contains("portal: parks 园林审批"), "the exact text is shown");
                return rest.split('"').next().unwrap().to_owned();
            }
            std::thread::sleep(std::time::Duration::from_millis(25));
        }
        panic!("no request is shown");
    };
    let form = ("Content-Type", "application/x-www-form-urlencoded");

    let answer = waiting(id.clone());
    let shown = token();
    let confirm = format!("token={shown}&decision=confirm");
    for origin in [ORIGIN, "null", "https://evil.example"] {
        assert_eq!(ask(port, "POST", "/decide", &[("Origin", origin), form], &confirm).0, 403, "no site decides for the holder");
    }
    assert!(!answer.is_finished());
    assert_eq!(ask(port, "POST", "/decide", &[("Origin", &own_page), form], &confirm).0, 303);
    let (status, _, said) = answer.join().unwrap();
    assert_eq!(status, 200, "{said}");
    verifies(&Answer::unpack(said.as_bytes()).unwrap(), &challenge(ORIGIN));

    let answer = waiting(id.clone());
    let decline = format!("token={}&decision=decline", token());
    ask(port, "POST", "/decide", &[("Origin", &own_page), form], &decline);
    let (status, _, said) = answer.join().unwrap();
    assert!(status == 403 && said.contains("XY-1204"), "{said}");

    // The same on the terminal.
    let answer = waiting(id);
    token();
    writeln!(running.child.stdin.as_mut().unwrap(), "y").unwrap();
    assert_eq!(answer.join().unwrap().0, 200);
}

fn sign_file(text: &[u8], folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> std::process::Output {
    let file = folder.join("challenge.txt");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_xinyin"));
    command
        .args(["connector", "sign", file.to_str().unwrap()])
        .args(arguments)
        .env_remove("XINYIN_PASSWORD")
        .envs(environment.iter().copied());
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_downloaded_challenge_is_signed_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("pin"), "secret\n").unwrap();
    let pin = folder.join("pin");
    for (name, algorithm, _) in ALGORITHMS {
        key_and_certificate(folder, name, algorithm);
        let (key, cert, out) = (format!("{name}.key"), format!("{name}.crt"), format!("{name}.p12"));
        openssl(folder, &["pkcs12", "-export", "-inkey", &key, "-in", &cert, "-passout", "pass:secret", "-out", &out]);
        let p12 = folder.join(out);
        let text = challenge(ORIGIN).text();
        let common = ["--key", p12.to_str().unwrap(), "--password-file", pin.to_str().unwrap(), "--yes"];
        let done = sign_file(text.as_bytes(), folder, &common, &[]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        verifies(&Answer::unpack(&done.stdout).unwrap(), &challenge(ORIGIN));
        assert!(String::from_utf8_lossy(&done.stderr).contains(&text), "the text is shown");
        // Nobody at the terminal, nothing signed.
        let unasked = sign_file(text.as_bytes(), folder, &common[..4], &[]);
        assert!(unasked.status.code() == Some(1) && unasked.stdout.is_empty());
        for wrong in [
            b"sign me".to_vec(),
            text.replace("login", "logon").into_bytes(),
            std::fs::read(folder.join(&cert)).unwrap(),
            vec![0x31, 0x80],
            vec![7; 32],
        ] {
            let refused = sign_file(&wrong, folder, &common, &[]);
            assert!(refused.status.code() == Some(3) && refused.stdout.is_empty());
            assert!(String::from_utf8_lossy(&refused.stderr).contains("XY-1201"));
        }
        let other = [&common[..], &["--origin", "https://other.example"]].concat();
        assert!(String::from_utf8_lossy(&sign_file(text.as_bytes(), folder, &other, &[]).stderr).contains("XY-1202"));
    }
}

/// Keys in a SoftHSM token of its own: P-256 and RSA, PIN from a file, from the environment and from the URI's source.
#[test]
fn keys_in_a_device() {
    if !Path::new(MODULE).exists() {
        return crate::peers::skip("keys_in_a_device", "softhsm2 is not installed");
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let configuration = folder.join("softhsm2.conf");
    std::fs::create_dir(folder.join("tokens")).unwrap();
    std::fs::write(&configuration, format!("directories.tokendir = {}/tokens\nobjectstore.backend = file\n", folder.display())).unwrap();
    let configuration = configuration.to_str().unwrap();
    let util = |arguments: &[&str]| {
        let output = Command::new("softhsm2-util").args(arguments).env("SOFTHSM2_CONF", configuration).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    util(&["--init-token", "--free", "--label", "xinyin test", "--pin", "123456", "--so-pin", "12345678"]);
    let (pin, wrong) = (folder.join("pin"), folder.join("wrong"));
    std::fs::write(&pin, "123456\n").unwrap();
    std::fs::write(&wrong, "654321\n").unwrap();
    let text = challenge(ORIGIN).text();
    for ((name, algorithm, _), id) in ALGORITHMS.iter().take(2).zip(["01", "02"]) {
        let (key, certificate) = key_and_certificate(folder, name, algorithm);
        util(&["--import", key.to_str().unwrap(), "--token", "xinyin test", "--label", name, "--id", id, "--pin", "123456"]);
        let certificate = certificate.to_str().unwrap();
        let uri = format!("pkcs11:token=xinyin%20test;object={name}");
        let environment = [("SOFTHSM2_CONF", configuration), ("XINYIN_PKCS11_MODULE", MODULE)];
        let sign = |uri: &str, more: &[&str], environment: &[(&str, &str)]| {
            let arguments = [&["--key", uri, "--cert", certificate, "--yes"], more].concat();
            sign_file(text.as_bytes(), folder, &arguments, environment)
        };
        let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
        let done = sign(&uri, &["--password-file", pin.to_str().unwrap()], &environment);
        assert!(done.status.success(), "{}", said(&done));
        verifies(&Answer::unpack(&done.stdout).unwrap(), &challenge(ORIGIN));
        let from_environment = [environment[0], environment[1], ("XINYIN_PASSWORD", "123456")];
        assert!(sign(&uri, &[], &from_environment).status.success());
        let full = format!("pkcs11:token=xinyin%20test;id=%{id}?module-path={MODULE}&pin-source=file:{}", pin.display());
        assert!(sign(&full, &[], &environment[..1]).status.success());
        let refused = sign(&uri, &["--password-file", wrong.to_str().unwrap()], &environment);
        assert!(refused.status.code() == Some(3) && said(&refused).contains("XY-3102"), "{}", said(&refused));
        assert!(said(&sign(&uri, &[], &environment)).contains("XY-3102"), "no PIN at all");
        assert!(said(&sign("pkcs11:object=none", &["--password-file", pin.to_str().unwrap()], &environment)).contains("XY-3101"));
        assert!(said(&sign(&format!("{uri}?pin-value=123456"), &[], &environment)).contains("XY-3101"));
    }
}
