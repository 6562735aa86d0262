//! Chromium through chromedriver, spoken to directly (W3C WebDriver): what a person does with pages, links and buttons.

use crate::peers;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A browser; ended when dropped.
pub struct Chromium {
    driver: Child,
    port: u16,
    session: String,
}

impl Chromium {
    /// Starts one without a window; `None` (counted as a skip) where Chromium or its driver is absent.
    pub fn start(test: &str) -> Option<Self> {
        let program = peers::program(test, "chromedriver")?;
        peers::program(test, "chromium")?;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
        let driver = command.spawn().unwrap();
        let mut browser = Self { driver, port, session: String::new() };
        peers::wait_for("chromedriver", 30, || TcpStream::connect(("127.0.0.1", port)).ok());
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--lang=zh-CN"];
        let wishes =
            json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}}});
        let started = browser.ask("POST", "/session", &wishes);
        browser.session = started["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {started}")).to_owned();
        Some(browser)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let (port, length) = (self.port, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        // The driver may keep the connection open: its length says where the answer ends.
        let mut buffer = [0; 4096];
        loop {
            let complete = answer.split_once("\r\n\r\n").is_some_and(|(head, body)| {
                let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
                length.is_some_and(|length: usize| body.len() >= length)
            });
            if complete {
                break;
            }
            match stream.read(&mut buffer) {
                Ok(count @ 1..) => answer.push_str(&String::from_utf8_lossy(&buffer[..count])),
                other => {
                    assert!(other.is_ok(), "{method} {path}: {other:?} after {answer:?}");
                    break;
                }
            }
        }
        let body = answer.split_once("\r\n\r\n").map_or("null", |(_, body)| body);
        serde_json::from_str::<Value>(body).unwrap_or(Value::Null)["value"].clone()
    }

    fn of(&self, path: &str) -> String {
        format!("/session/{}{path}", self.session)
    }

    fn command(&self, method: &str, path: &str, body: Value) -> Value {
        let said = self.ask(method, &self.of(path), &body);
        assert!(said.get("error").is_none(), "{method} {path}: {said}");
        said
    }

    /// Opens an address.
    pub fn open(&self, address: &str) {
        self.command("POST", "/url", json!({"url": address}));
    }

    /// Where the browser is.
    pub fn address(&self) -> String {
        self.command("GET", "/url", Value::Null).as_str().unwrap_or_default().to_owned()
    }

    /// Runs a function's body in the page.
    pub fn script(&self, body: &str) -> Value {
        self.command("POST", "/execute/sync", json!({"script": body, "args": []}))
    }

    /// Clicks what a CSS selector finds, as a mouse would.
    pub fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.command("POST", &format!("/element/{element}/click"), json!({}));
    }

    /// Empties a field and types into it.
    pub fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.command("POST", &format!("/element/{element}/clear"), json!({}));
        self.command("POST", &format!("/element/{element}/value"), json!({"text": text}));
    }

    fn element(&self, selector: &str) -> String {
        let found = peers::wait_for(&format!("{selector} in the page"), 20, || {
            let found = self.ask("POST", &self.of("/element"), &json!({"using": "css selector", "value": selector}));
            found.as_object().filter(|found| !found.contains_key("error")).and_then(|found| found.values().next().cloned())
        });
        found.as_str().unwrap().to_owned()
    }

    /// The handle of this window.
    pub fn window(&self) -> String {
        self.command("GET", "/window", Value::Null).as_str().unwrap().to_owned()
    }

    /// Opens another window and goes there.
    pub fn new_window(&self) -> String {
        let handle = self.command("POST", "/window/new", json!({"type": "tab"}))["handle"].as_str().unwrap().to_owned();
        self.to_window(&handle);
        handle
    }

    /// Goes to a window.
    pub fn to_window(&self, handle: &str) {
        self.command("POST", "/window", json!({"handle": handle}));
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            self.ask("DELETE", &self.of(""), &Value::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
