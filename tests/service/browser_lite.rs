//! A browser without pictures or scripts, and a house to visit: a lab and a service as processes, tied together as an operator
//! would tie them.

use crate::lab::LabProcess;
use crate::postgres::{Kind, fresh_database};
use crate::running::{free_ports, xinyin};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use xinyin::config::Config;
use xinyin::verify::Purpose;
use xinyin::world::World;

/// A service with its province.
pub struct House {
    child: Child,
    pub lab: LabProcess,
    pub port: u16,
    pub config: PathBuf,
    log: Arc<Mutex<String>>,
}

impl House {
    /// A lab in `folder`/lab and a service in `folder`/service that follows the lab's clock.
    pub async fn start(folder: &Path) -> Self {
        Self::start_with(folder, "sqlite://xinyin.db").await
    }

    /// The same over a database of its own; `None` (a counted skip) where it is not installed.
    pub async fn start_on(folder: &Path, test: &str, kind: Kind) -> Option<Self> {
        match kind {
            Kind::Sqlite => Some(Self::start(folder).await),
            Kind::Postgres => Some(Self::start_with(folder, &fresh_database(test)?).await),
        }
    }

    async fn start_with(folder: &Path, database: &str) -> Self {
        let lab = LabProcess::start(&folder.join("lab"), &[]);
        let port = free_ports();
        let issuer = format!("http://localhost:{port}");
        let mut connectors = serde_json::to_value(&lab.described.connectors).unwrap();
        for (_, section) in connectors.as_object_mut().unwrap() {
            section["timeout_ms"] = 2_000.into();
        }
        let sections = toml::to_string(&serde_json::json!({ "province": connectors })).unwrap();
        let plan = xinyin::service::install::Plan {
            folder: folder.join("service"),
            issuer: issuer.clone(),
            listen: format!("127.0.0.1:{port}"),
            database: database.into(),
            agency: "main".parse().unwrap(),
            agency_name: "样例区行政服务中心".into(),
            more: format!("\ndemo = true\n{sections}"),
        };
        let config = xinyin::service::install::install(&plan, xinyin::moment::Moment::from_secs(1_700_000_000)).await.unwrap();
        let asked = std::fs::read_to_string(&config).unwrap();
        let origin = lab.url("/").origin().ascii_serialization();
        std::fs::write(&config, asked.replacen("outbound = []", &format!("outbound = [\"{origin}\"]"), 1)).unwrap();
        let world = World::open(Config::read(&config).unwrap()).await.unwrap();
        let roots: Vec<PathBuf> = lab.described.authorities.iter().map(|authority| authority.root.clone()).collect();
        xinyin::service::anchors::import(&world, &roots, &[Purpose::Person, Purpose::Organisation]).await.unwrap();
        let portal = serde_json::json!({
            "client_id": "parks", "client_name": "园林审批", "redirect_uris": ["http://localhost:9/cb"],
            "token_endpoint_auth_method": "none", "subject_kinds": ["person", "organisation"],
        });
        xinyin::service::portals::add(&world, &"main".parse().unwrap(), portal.to_string().as_bytes()).await.unwrap();
        world.store.close().await;
        let mut command = xinyin();
        command.env("RUST_LOG", "trace,hyper=info,h2=info").args(["serve", "--config"]).arg(&config);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (mut errors, sink) = (child.stderr.take().unwrap(), log.clone());
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = errors.read(&mut buffer) {
                sink.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
            }
        });
        let house = Self { child, lab, port, config, log };
        crate::peers::wait_for("the service", 60, || TcpStream::connect(("127.0.0.1", port)).ok());
        house
    }

    /// Where browsers find it.
    pub fn issuer(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Everything the service logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The same database, opened beside the service.
    pub async fn world(&self) -> World {
        World::open(Config::read(&self.config).unwrap()).await.unwrap()
    }

    /// A fresh browser.
    pub fn browser(&self) -> Browser {
        Browser { port: self.port, cookies: BTreeMap::new(), forwarded: None }
    }

    /// The newest message to a phone, and the six digits in it.
    pub async fn inbox(&self, phone: &str) -> Vec<String> {
        let url = self.lab.url(&format!("/lab/inbox.json?phone={phone}"));
        let answer = self.lab.public().get(&url, "*/*", Default::default()).await.unwrap();
        let said: Value = serde_json::from_slice(&answer.body).unwrap();
        said["messages"].as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().filter(|line| !line.contains("\"DEBUG\"") && !line.contains("\"TRACE\"")).collect();
            eprintln!("--- the service's log\n{}", tail[tail.len().saturating_sub(40)..].join("\n"));
        }
    }
}

/// One browser: its cookies.
#[derive(Clone)]
pub struct Browser {
    port: u16,
    pub cookies: BTreeMap<String, String>,
    /// An address that the gateway on this machine vouches for.
    pub forwarded: Option<String>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Seen {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Seen {
    /// The value of a form's field of this name.
    pub fn field(&self, name: &str) -> String {
        let (_, rest) = self.body.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no field {name}: {self:?}"));
        unescape(rest.split('"').next().unwrap())
    }

    /// Where a redirect leads.
    pub fn location(&self) -> String {
        let line = self.head.lines().find(|line| line.to_ascii_lowercase().starts_with("location: "));
        line.unwrap_or_else(|| panic!("no redirect: {self:?}"))[10..].trim().to_owned()
    }

    /// The text inside an element with this id.
    pub fn text(&self, id: &str) -> String {
        let (_, rest) = self.body.split_once(&format!("id=\"{id}\"")).unwrap_or_else(|| panic!("no element {id}: {self:?}"));
        let (_, rest) = rest.split_once('>').unwrap();
        unescape(rest.split('<').next().unwrap())
    }
}

fn unescape(text: &str) -> String {
    let named = text.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">");
    named
        .replace("&#39;", "'")
        .replace("&#34;", "\"")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

/// A form's body.
pub fn form(fields: &[(&str, &str)]) -> Vec<u8> {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes()
}

impl Browser {
    /// GETs a path of the service.
    pub fn get(&mut self, path: &str) -> Seen {
        self.ask("GET", path, &[("Accept", "text/html")], &[])
    }

    /// Sends a form.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Seen {
        self.ask("POST", path, &[("Accept", "text/html"), ("Content-Type", "application/x-www-form-urlencoded")], &form(fields))
    }

    /// Sends JSON.
    pub fn json(&mut self, path: &str, body: &Value) -> Seen {
        self.ask("POST", path, &[("Accept", "application/json"), ("Content-Type", "application/json")], body.to_string().as_bytes())
    }

    /// Uploads a file beside a field `ask`.
    pub fn upload(&mut self, path: &str, ask: &str, file: &[u8]) -> Seen {
        const EDGE: &str = "----edge7d1c";
        let mut body = format!("--{EDGE}\r\nContent-Disposition: form-data; name=\"ask\"\r\n\r\n{ask}\r\n--{EDGE}\r\n").into_bytes();
        body.extend(b"Content-Disposition: form-data; name=\"answer\"; filename=\"answer.json\"\r\nContent-Type: application/json\r\n\r\n");
        body.extend_from_slice(file);
        body.extend(format!("\r\n--{EDGE}--\r\n").into_bytes());
        self.ask("POST", path, &[("Accept", "text/html"), ("Content-Type", &format!("multipart/form-data; boundary={EDGE}"))], &body)
    }

    /// Uploads a file as the part of this name.
    pub fn send_file(&mut self, path: &str, part: &str, file: &[u8]) -> Seen {
        const EDGE: &str = "----edge7d1c";
        let mut body = format!("--{EDGE}\r\nContent-Disposition: form-data; name=\"{part}\"; filename=\"file\"\r\n\r\n").into_bytes();
        body.extend_from_slice(file);
        body.extend(format!("\r\n--{EDGE}--\r\n").into_bytes());
        self.ask("POST", path, &[("Accept", "text/html"), ("Content-Type", &format!("multipart/form-data; boundary={EDGE}"))], &body)
    }

    /// Any request.
    pub fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Seen {
        let port = self.port;
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let cookies = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n");
        head.push_str("Sec-Fetch-Site: same-origin\r\nAccept-Language: zh-CN\r\n");
        if !cookies.is_empty() {
            head.push_str(&format!("Cookie: {cookies}\r\n"));
        }
        if let Some(address) = &self.forwarded {
            head.push_str(&format!("X-Forwarded-For: {address}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{method} {path}: {answer}"));
        for line in head.lines().filter(|line| line.to_ascii_lowercase().starts_with("set-cookie: ")) {
            let (name, value) = line[12..].split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Seen { status, head: head.to_owned(), body: body.to_owned() }
    }
}
