//! The house keeps its rules: who imports whom, how long files are, what faces and pure rooms do not hold.
//!
//! The table is that of src/lib.rs. [`EXCEPTIONS`] may only shrink.

#![allow(clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Rooms without I/O, clock, dice or async.
const PURE: &[&str] = &["id", "crypto", "pki", "doc", "login", "sign", "verify", "report", "preview", "licence"];
/// One kind of I/O each.
const DOORS: &[&str] = &["store", "net", "files", "keys", "province"];
/// What every room may use.
const BASE: &[&str] = &["fault", "ids", "moment"];

/// What a room may import besides [`BASE`] and itself; `None`: no such room.
fn allowed(room: &str) -> Option<Vec<&'static str>> {
    let rooms: Vec<&str> = match room {
        "fault" | "ids" | "moment" | "id" | "crypto" => vec![],
        "pki" => vec!["id", "crypto"],
        "doc" => vec!["id", "crypto", "pki"],
        "verify" => vec!["id", "crypto", "pki", "doc"],
        "sign" => vec!["id", "crypto", "pki", "doc", "verify"],
        "report" => vec!["verify"],
        "preview" => vec!["doc", "sign", "pki", "crypto"],
        "licence" => vec!["id", "crypto", "doc"],
        "login" => vec!["id", "crypto", "pki", "verify"],
        // Doors: pure types, the traits of clock and dice, files and outbound calls; otherwise never one another.
        "net" | "files" => PURE.to_vec(),
        "store" | "keys" | "province" => [PURE, &["world", "net", "files"]].concat(),
        "config" => vec!["files", "net", "province"],
        "world" => [DOORS, &["config"]].concat(),
        "service" => [PURE, DOORS, &["world", "config"]].concat(),
        "jobs" => vec!["service", "world"],
        // Faces. The web spools what is uploaded; the command line reads what it is given and builds the World.
        "web" => [PURE, &["service", "world", "config", "files"]].concat(),
        "cli" => [PURE, DOORS, &["service", "world", "config", "jobs", "web"]].concat(),
        // A program of its own that happens to live here.
        "lab" => [PURE, &["world", "files", "keys", "province"]].concat(),
        "lib" | "main" => vec!["cli"],
        _ => return None,
    };
    Some(rooms)
}

/// File and room, with the reason. This list may only shrink.
const EXCEPTIONS: &[(&str, &str, &str)] =
    &[("cli/lab.rs", "lab", "the one command that starts it"), ("web/api.rs", "store", "names the row type of an authenticated client")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files below a folder of the project with one of these endings, sorted.
fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join(folder)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != "target" && name != "node_modules" && !name.starts_with(".git") {
                    open.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The path below `src/` or the project, with slashes.
fn shown(path: &Path) -> String {
    let below = path.strip_prefix(root().join("src")).or_else(|_| path.strip_prefix(root())).unwrap_or(path);
    below.display().to_string()
}

/// A source file without comments, string contents and unit tests.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a source file");
    let mut code = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(first) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("r#\"") {
            rest.get(3..).and_then(|inside| inside.find("\"#")).map_or(rest.len(), |end| end + 5)
        } else if rest.starts_with("'\"'") {
            3
        } else if first == '"' {
            let mut escaped = false;
            let end = rest.char_indices().skip(1).find(|&(_, letter)| {
                let ends = letter == '"' && !escaped;
                escaped = letter == '\\' && !escaped;
                ends
            });
            code.push('"');
            end.map_or(rest.len(), |(at, _)| at + 1)
        } else {
            code.push(first);
            first.len_utf8()
        };
        rest = rest.get(skip..).unwrap_or_default();
    }
    // Unit tests stand last in a file, or in a file of their own.
    let end = code.find("#[cfg(test)]\nmod tests").or_else(|| code.find("#[cfg(test)]\npub(crate) mod test")).unwrap_or(code.len());
    code.truncate(end);
    code
}

fn is_test_file(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.file_stem().is_some_and(|stem| stem == "tests")
}

/// Rooms that a file's code names: `crate::room`, `crate::{room, …}`, and `super::` that climbs to the top.
fn imports(code: &str, depth: usize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let climb = "super::".repeat(depth);
    for start in ["crate::", climb.as_str()] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if start.is_empty() || before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_' || letter == ':' || letter == '$')
            {
                continue;
            }
            let rest = &code[at + start.len()..];
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group_heads(group)),
                None => found.extend(word(rest)),
            }
        }
    }
    found.retain(|name| name != "super" && name.chars().next().is_some_and(char::is_lowercase));
    found
}

fn word(text: &str) -> Option<String> {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// The first words of the members of `{a::b, c::{d, e}, f}`.
fn group_heads(group: &str) -> Vec<String> {
    let (mut heads, mut level, mut head) = (Vec::new(), 0, true);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => level += 1,
            '}' if level == 0 => break,
            '}' => level -= 1,
            ',' if level == 0 => head = true,
            _ if head && level == 0 && !letter.is_whitespace() => {
                heads.extend(word(&group[at..]));
                head = false;
            }
            _ => {}
        }
    }
    heads
}

fn room_and_depth(path: &Path) -> (String, usize) {
    let below = shown(path);
    let parts: Vec<_> = below.trim_end_matches(".rs").split('/').collect();
    let depth = if parts.last() == Some(&"mod") { parts.len() - 1 } else { parts.len() };
    (parts[0].to_owned(), depth)
}

#[test]
fn rooms_import_only_whom_they_may() {
    let mut wrong = Vec::new();
    let mut excused = BTreeSet::new();
    for path in files("src", &[".rs"]).into_iter().filter(|path| !is_test_file(path)) {
        let (room, depth) = room_and_depth(&path);
        let Some(mut may) = allowed(&room) else {
            wrong.push(format!("{}: the table knows no room {room}", shown(&path)));
            continue;
        };
        may.extend(BASE);
        for import in imports(&code(&path), depth) {
            let is_room = allowed(&import).is_some();
            if import == room || may.contains(&import.as_str()) || !is_room {
                continue;
            }
            match EXCEPTIONS.iter().find(|(file, other, _)| *file == shown(&path) && *other == import) {
                Some(exception) => drop(excused.insert(exception)),
                None => wrong.push(format!("{} imports {import}, which {room} may not", shown(&path))),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(excused.len(), EXCEPTIONS.len(), "an exception is needed no more: take it off the list");
}

#[test]
fn the_reader_of_imports_sees_them() {
    let code = "use crate::{fault::{Fault, code}, store::Store,\n net};\nuse super::super::keys::X; let y = crate::web::router(); $crate::lab!(); my_crate::jobs()";
    let found: Vec<_> = imports(code, 2).into_iter().collect();
    assert_eq!(found, ["fault", "keys", "net", "store", "web"]);
    assert!(imports("use super::keys::X;", 2).is_empty());
    assert_eq!(imports("use super::keys::X;", 1).into_iter().collect::<Vec<_>>(), ["keys"]);
}

#[test]
fn every_room_is_in_the_table_and_in_the_map() {
    let map = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for line in map.lines().filter_map(|line| line.strip_prefix("pub mod ")) {
        let room = line.trim_end_matches(';');
        assert!(allowed(room).is_some(), "the table knows no room {room}");
    }
    for room in PURE.iter().chain(DOORS).chain(BASE) {
        assert!(map.contains(&format!("pub mod {room};")), "the map has no room {room}");
    }
}

#[test]
fn pure_rooms_do_no_io_and_ask_no_clock() {
    let banned = [
        "async fn",
        "async move",
        ".await",
        "tokio::",
        "reqwest::",
        "axum::",
        "sqlx::",
        "std::fs",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "ToSocketAddrs",
        "std::env",
        "std::process",
        "std::thread",
        "SystemTime",
        "Instant::now",
        "now_utc",
        "getrandom::",
        "OsRng",
        "SysRng",
        "rand::rng",
        "println!",
        "eprintln!",
    ];
    find_none(PURE, &banned);
}

#[test]
fn faces_hold_no_sql_and_no_cryptography() {
    let banned = [
        "sqlx::",
        "sm2::",
        "sm3::",
        "sm4::",
        "sha1::",
        "sha2::",
        "sha3::",
        "md5::",
        "hmac::",
        "ring::",
        "p256::",
        "p384::",
        "p521::",
        "rsa::",
        "aes::",
        "aes_gcm::",
        "cryptoki::",
    ];
    find_none(&["web", "cli"], &banned);
    for path in ["src/web", "src/cli", "src/service"].iter().flat_map(|folder| files(folder, &[".rs"])) {
        let text = std::fs::read_to_string(&path).unwrap();
        for sql in ["SELECT ", "INSERT INTO", "DELETE FROM", "UPDATE "] {
            assert!(!text.contains(&format!("\"{sql}")), "{} holds SQL", shown(&path));
        }
    }
}

#[test]
fn each_kind_of_io_has_one_door() {
    let all: Vec<&str> = [PURE, DOORS, &["config", "world", "service", "jobs", "web", "cli", "lab", "main"]].concat();
    let except = |door: &str| all.iter().copied().filter(|room| *room != door).collect::<Vec<_>>();
    find_none(&except("store"), &["sqlx::"]);
    // The lab locks its folder against a second lab.
    let not_the_lab: Vec<_> = except("files").into_iter().filter(|room| *room != "lab").collect();
    find_none(&not_the_lab, &["std::fs", "fs::File", "OpenOptions::new"]);
    // The client that is asked with; its types for methods and addresses are no I/O.
    find_none(&except("net"), &["reqwest::Client", "reqwest::get", "ClientBuilder"]);
}

fn find_none(rooms: &[&str], banned: &[&str]) {
    let mut wrong = Vec::new();
    for path in files("src", &[".rs"]).into_iter().filter(|path| !is_test_file(path)) {
        if !rooms.contains(&room_and_depth(&path).0.as_str()) {
            continue;
        }
        let code = code(&path);
        for &word in banned {
            let stands_alone = |at: usize| !code[..at].chars().next_back().is_some_and(|before| before.is_alphanumeric() || before == '_');
            if code.match_indices(word).any(|(at, _)| stands_alone(at)) {
                wrong.push(format!("{} holds {word}", shown(&path)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for path in ["src", "tests", "benches", "fuzz/fuzz_targets", "templates", "static"]
        .iter()
        .flat_map(|folder| files(folder, &[".rs", ".py", ".mjs", ".java", ".html", ".js", ".css"]))
    {
        let lines = std::fs::read_to_string(&path).unwrap_or_default().lines().count();
        if lines > 800 {
            long.push(format!("{}: {lines} lines", shown(&path)));
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn the_project_speaks_of_itself_alone() {
    // Written in two halves, so that this file does not find itself.
    let banned = [
        concat!("/wo", "rk/"),
        concat!("/root", "/"),
        concat!("/home", "/u"),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
    ];
    let mut wrong = Vec::new();
    for path in
        files(".", &[".rs", ".md", ".toml", ".sql", ".html", ".css", ".js", ".mjs", ".py", ".java", ".json", "Makefile", ".yml", ".txt"])
    {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        wrong.extend(banned.iter().filter(|word| text.contains(**word)).map(|word| format!("{} holds {word}", shown(&path))));
    }
    for path in files("scripts", &[""]).into_iter().chain(files(".ci", &[""])) {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        wrong.extend(banned.iter().filter(|word| text.contains(**word)).map(|word| format!("{} holds {word}", shown(&path))));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn columns_are_of_types_that_both_databases_read_back() {
    for path in files("migrations", &[".sql"]) {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut columns = 0;
        for line in text.lines().map(str::trim).filter(|line| !line.starts_with("--")) {
            let mut words = line.split_whitespace();
            let (Some(name), Some(kind)) = (words.next(), words.next()) else { continue };
            if name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_') {
                let kind = kind.trim_end_matches(',');
                assert!(["TEXT", "BIGINT", "BYTEA"].contains(&kind), "{}: {line}", shown(&path));
                columns += 1;
            }
        }
        assert!(columns > 0, "{}: no column was read", shown(&path));
    }
}
