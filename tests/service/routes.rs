//! Every route, and who may use it. The table here and the routes declared in `src/web` must agree, so that a new route without
//! a row fails; nobody gets at what belongs to another agency, and cannot tell it from what does not exist.

use crate::house::{Browser, House, Reply};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{Method as Verb, StatusCode};
use std::collections::BTreeMap;
use std::path::Path;
use xinyin::login::Method;
use xinyin::store::clerks::{self, Role};
use xinyin::store::parties::PartyKind;

/// Whom a route serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum For {
    /// Everybody: it shows nothing of anybody.
    All,
    /// The browser in which a login was begun.
    Login,
    /// Whoever is logged in, about themselves.
    Person,
    /// Clerks of the agency.
    Clerk,
    /// Portals of the agency.
    Portal,
    /// A portal with what it was given: a code, a token.
    Grant,
}

const ROUTES: &[(&str, &[&str], For)] = &[
    ("/", &["get"], For::All),
    ("/.well-known/oauth-authorization-server", &["get"], For::All),
    ("/.well-known/openid-configuration", &["get"], For::All),
    ("/account", &["get"], For::Person),
    ("/account/consents/withdraw", &["post"], For::Person),
    ("/account/loss", &["post"], For::Person),
    ("/account/mandates", &["get", "post"], For::Person),
    ("/account/mandates/act", &["post"], For::Person),
    ("/account/mandates/end", &["post"], For::Person),
    ("/account/mandates/text", &["post"], For::Person),
    ("/account/passkeys/finish", &["post"], For::Person),
    ("/account/passkeys/remove", &["post"], For::Person),
    ("/account/passkeys/start", &["post"], For::Person),
    ("/account/sessions/end", &["post"], For::Person),
    ("/account/sessions/end-others", &["post"], For::Person),
    ("/api/v1/licence-types", &["get", "post"], For::Portal),
    ("/api/v1/licences", &["post"], For::Portal),
    ("/api/v1/licences/bulk", &["post"], For::Portal),
    ("/api/v1/licences/{identifier}", &["get"], For::Portal),
    ("/api/v1/licences/{identifier}/copies", &["post"], For::Portal),
    ("/api/v1/licences/{identifier}/decisions", &["post"], For::Portal),
    ("/api/v1/licences/{identifier}/files/{name}", &["get"], For::Portal),
    ("/api/v1/licences/{identifier}/replacement", &["post"], For::Portal),
    ("/api/v1/receipts/certificate", &["get"], For::All),
    ("/api/v1/receipts/{receipt}", &["get"], For::Portal),
    ("/api/v1/signatures", &["post"], For::Portal),
    ("/api/v1/signatures/{id}", &["post"], For::Portal),
    ("/api/v1/verifications", &["post"], For::Portal),
    ("/api/v1/verifications/{receipt}", &["get"], For::Portal),
    ("/api/v1/verifications/{receipt}/{report}", &["get"], For::Portal),
    ("/api/v1/seals", &["get"], For::Portal),
    ("/api/v1/seals/requests", &["get", "post"], For::Portal),
    ("/api/v1/seals/requests/{request}", &["get"], For::Portal),
    ("/api/v1/seals/requests/{request}/approve", &["post"], For::Portal),
    ("/api/v1/seals/requests/{request}/refuse", &["post"], For::Portal),
    ("/api/v1/seals/{seal}", &["get"], For::Portal),
    ("/api/v1/seals/{seal}/destroy", &["post"], For::Portal),
    ("/api/v1/seals/{seal}/in-force", &["get"], For::Portal),
    ("/api/v1/seals/{seal}/made", &["post"], For::Portal),
    ("/api/v1/seals/{seal}/order", &["get"], For::Portal),
    ("/api/v1/seals/{seal}/picture", &["get"], For::Portal),
    ("/api/v1/seals/{seal}/revoke", &["post"], For::Portal),
    ("/api/v1/seals/{seal}/suspend", &["post"], For::Portal),
    ("/authorize", &["get", "post"], For::All),
    ("/cas/login", &["get"], For::All),
    ("/cas/logout", &["get"], For::All),
    ("/cas/p3/proxyValidate", &["get"], For::All),
    ("/cas/p3/serviceValidate", &["get"], For::All),
    ("/cas/proxyValidate", &["get"], For::All),
    ("/cas/serviceValidate", &["get"], For::All),
    ("/cas/validate", &["get"], For::All),
    ("/check", &["get", "post"], For::All),
    ("/desk", &["get", "post"], For::Clerk),
    ("/desk/accounts", &["get", "post"], For::Clerk),
    ("/desk/seals", &["get", "post"], For::Clerk),
    ("/desk/seals/import", &["post"], For::Clerk),
    ("/desk/seals/{agency}/requests/{request}", &["get", "post"], For::Clerk),
    ("/desk/seals/{agency}/{seal}", &["get", "post"], For::Clerk),
    ("/desk/seals/{agency}/{seal}/made", &["post"], For::Clerk),
    ("/desk/seals/{agency}/{seal}/order", &["get"], For::Clerk),
    ("/desk/seals/{agency}/{seal}/picture", &["get"], For::Clerk),
    ("/desk/{agency}/{receipt}", &["get"], For::Clerk),
    ("/desk/{agency}/{receipt}/verdict.json", &["get"], For::Clerk),
    ("/desk/{agency}/{receipt}/{report}", &["get"], For::Clerk),
    ("/end-session", &["get", "post"], For::All),
    ("/healthz", &["get"], For::All),
    ("/jwks", &["get"], For::All),
    ("/login", &["get"], For::All),
    ("/login/cancel", &["post"], For::Login),
    ("/login/certificate", &["get", "post"], For::Login),
    ("/login/certificate/answer", &["post"], For::Login),
    ("/login/challenge.txt", &["get"], For::Login),
    ("/login/consent", &["get", "post"], For::Login),
    ("/login/continue", &["get"], For::Login),
    ("/login/organisation", &["get", "post"], For::Login),
    ("/login/organisation/answer", &["post"], For::Login),
    ("/login/passkey/finish", &["post"], For::Login),
    ("/login/passkey/start", &["post"], For::All),
    ("/login/phone", &["get", "post"], For::Login),
    ("/login/phone/code", &["post"], For::Login),
    ("/login/representative", &["get", "post"], For::Login),
    ("/login/restart", &["post"], For::Login),
    ("/logout", &["get", "post"], For::All),
    ("/metrics", &["get"], For::All),
    ("/openapi.json", &["get"], For::All),
    ("/readyz", &["get"], For::All),
    ("/sharing/v1/download/{id}", &["get"], For::Grant),
    ("/sharing/v1/token", &["post"], For::Grant),
    ("/sharing/v1/{service}", &["post"], For::Grant),
    ("/static/connector.js", &["get"], For::All),
    ("/static/icon.svg", &["get"], For::All),
    ("/static/passkey.js", &["get"], For::All),
    ("/static/xinyin.css", &["get"], For::All),
    ("/token", &["post"], For::Grant),
    ("/userinfo", &["get", "post"], For::Grant),
];

const VERBS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// What `src/web` declares: each path with its methods.
fn declared() -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web");
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap();
            assert!(
                !text.contains(".nest(") && !text.contains(".route_service("),
                "{}: this test does not read nested routes",
                path.display()
            );
            for declaration in text.split(".route(").skip(1) {
                let (path, rest) = declaration.trim_start().trim_start_matches('"').split_once('"').unwrap();
                let rest = rest.lines().next().unwrap_or_default();
                let starts = |verb: &str| {
                    let call = format!("{verb}(");
                    rest.match_indices(&call)
                        .any(|(at, _)| rest[..at].chars().next_back().is_none_or(|before| !before.is_alphanumeric() && before != '_'))
                };
                assert!(!starts("any"), "{path}: methods are named");
                let verbs: Vec<_> = VERBS.iter().filter(|verb| starts(verb)).map(|verb| (*verb).to_owned()).collect();
                assert!(!verbs.is_empty() && found.insert(path.to_owned(), verbs).is_none(), "{path}");
            }
        }
    }
    found
}

fn verb(name: &str) -> Verb {
    name.to_uppercase().parse().unwrap()
}

fn filled(path: &str, agency: &str, receipt: &str) -> String {
    path.replace("{agency}", agency)
        .replace("{receipt}", receipt)
        .replace("{report}", "report.html")
        .replace("{seal}", receipt)
        .replace("{request}", receipt)
}

const EDGE: &str = "----edge5b9d";

fn upload() -> String {
    format!("--{EDGE}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nno signature\r\n--{EDGE}--\r\n")
}

/// A request that would be good if the right one made it; forms of a login lack what only the login has.
async fn ask(browser: &mut Browser, path: &str, name: &str, basic: Option<&str>) -> Reply {
    let files = path == "/desk" || path.starts_with("/api/v1/verifications");
    let json = path.contains("/passkey");
    let (kind, body) = match name {
        "get" => (String::new(), String::new()),
        _ if files => (format!("multipart/form-data; boundary={EDGE}"), upload()),
        _ if json => ("application/json".to_owned(), "{}".to_owned()),
        _ => ("application/x-www-form-urlencoded".to_owned(), String::new()),
    };
    let mut headers = Vec::new();
    if !kind.is_empty() {
        headers.push(("content-type", kind.as_str()));
    }
    if let Some(basic) = basic {
        headers.push(("authorization", basic));
    }
    browser.send(verb(name), path, &headers, body).await
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// An answer without what differs from request to request: its case number, and the receipt in its own address.
fn same(reply: &Reply, receipt: &str) -> (StatusCode, String) {
    let mut body = reply.body.replace(receipt, "RECEIPT");
    if let Some(id) = reply.headers.get("x-request-id").and_then(|value| value.to_str().ok()) {
        body = body.replace(id, "ID").replace(&id.to_uppercase(), "ID");
    }
    let hexadecimal = |word: &str| word.len() == 12 && word.chars().all(|letter| letter.is_ascii_hexdigit());
    let words =
        body.split(|letter: char| !letter.is_alphanumeric()).filter(|word| hexadecimal(word)).map(str::to_owned).collect::<Vec<_>>();
    for word in words {
        body = body.replace(&word, "ID");
    }
    (reply.status, body)
}

#[test]
fn every_route_stands_in_the_table() {
    let table: BTreeMap<String, Vec<String>> =
        ROUTES.iter().map(|(path, verbs, _)| ((*path).to_owned(), verbs.iter().map(|verb| (*verb).to_owned()).collect())).collect();
    assert_eq!(declared(), table, "each route of src/web has its row here, with all its methods");
}

#[tokio::test]
async fn a_method_that_a_route_has_not_is_refused() {
    let house = House::sqlite("routes-methods").await;
    for (path, verbs, _) in ROUTES {
        let path = filled(path, "hall", &"0".repeat(32));
        for name in VERBS.iter().filter(|name| !verbs.contains(name)) {
            let reply = ask(&mut house.browser(), &path, name, None).await;
            assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{name} {path}");
        }
    }
}

#[tokio::test]
async fn a_form_from_another_site_is_refused() {
    let house = House::sqlite("routes-sites").await;
    for (path, verbs, whom) in ROUTES.iter().filter(|(_, verbs, _)| verbs.contains(&"post")) {
        // Portals and programs post from wherever they are; what they post carries its own proof.
        if matches!(whom, For::Portal | For::Grant) || ["/authorize", "/end-session"].contains(path) {
            continue;
        }
        let mut browser = house.browser();
        browser.site = "cross-site";
        let reply = ask(&mut browser, path, "post", None).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{verbs:?} {path}");
    }
}

#[tokio::test]
async fn who_has_no_right_gets_nothing() {
    let house = House::sqlite("routes-nobody").await;
    for (path, verbs, whom) in ROUTES {
        let path = filled(path, "hall", &"0".repeat(32));
        for name in *verbs {
            let mut browser = house.browser();
            let reply = ask(&mut browser, &path, name, None).await;
            let (status, location) = (reply.status, reply.location().to_owned());
            let what = format!("{name} {path}: {status} {location}");
            assert!(!status.is_server_error() || path == "/api/v1/receipts/certificate", "{what}");
            assert!(!browser.jar.contains_key("xy-session"), "{what}");
            match whom {
                For::All => assert!(status != StatusCode::NOT_FOUND && status != StatusCode::METHOD_NOT_ALLOWED, "{what}"),
                For::Portal => assert_eq!(status, StatusCode::UNAUTHORIZED, "{what}"),
                For::Clerk => assert_eq!((status, location.as_str()), (StatusCode::SEE_OTHER, "/login"), "{what}"),
                // The page of a method begins a login of its own where none was begun.
                For::Login if *name == "get" && status == StatusCode::OK => assert!(reply.body.contains("name=\"ask\""), "{what}"),
                For::Person | For::Login | For::Grant => {
                    assert!(status.is_client_error() || location.starts_with("/login") || location == "/account", "{what}");
                }
            }
            if *whom == For::Portal {
                let wrong = basic("portal-1", "wrong");
                assert_eq!(ask(&mut house.browser(), &path, name, Some(&wrong)).await.status, StatusCode::UNAUTHORIZED, "{what}");
            }
        }
    }
}

/// Logged in, with a role at these agencies.
async fn clerk(house: &House, name: &str, number: &str, agencies: &[&str]) -> Browser {
    let party = house.party(PartyKind::Person, name, number).await;
    let now = house.world.clock.now();
    for agency in agencies {
        let (agency, party) = (&agency.parse().unwrap(), &party);
        let enrol =
            house.world.store.write("clerk", |tx| Box::pin(async move { Ok(clerks::enrol(tx, agency, party, Role::Clerk, now).await?) }));
        enrol.await.unwrap();
    }
    let mut browser = house.browser();
    browser.get("/login").await;
    browser.prove(house, None, &party, Method::Certificate).await;
    browser
}

#[tokio::test]
async fn one_agencys_verdicts_do_not_exist_for_another() {
    let house = House::sqlite("routes-agencies").await;
    let ours = basic("ours", &house.portal_of("hall", "ours", serde_json::json!({})).await);
    let theirs = basic("theirs", &house.portal_of("county", "theirs", serde_json::json!({})).await);
    let mut our_clerk = clerk(&house, "赵敏", "350899198202141066", &["hall"]).await;
    let mut their_clerk = clerk(&house, "李娜", "350899199011240226", &["county"]).await;
    let mut no_clerk = clerk(&house, "张伟", "350899198503120111", &[]).await;

    let given = ask(&mut house.browser(), "/api/v1/verifications", "post", Some(&ours)).await;
    assert_eq!(given.status, StatusCode::OK, "{}", given.body);
    let receipt = given.headers["xinyin-receipt"].to_str().unwrap().to_owned();
    let none = if receipt.starts_with('0') { "1".repeat(32) } else { "0".repeat(32) };

    for (path, _, whom) in ROUTES.iter().filter(|(path, _, _)| path.contains("{receipt}")) {
        let (real, absent) = (filled(path, "hall", &receipt), filled(path, "hall", &none));
        match whom {
            For::Portal => {
                let mut program = house.browser();
                program.accept = "application/json";
                let right = ask(&mut program, &real, "get", Some(&ours)).await;
                // A receipt needs a time-stamping authority, and this house has none; that is said to its agency alone.
                assert!(
                    right.status == StatusCode::OK || path.contains("/receipts/") && right.status != StatusCode::NOT_FOUND,
                    "{real}: {}",
                    right.body
                );
                let (foreign, nothing) =
                    (ask(&mut program, &real, "get", Some(&theirs)).await, ask(&mut program, &absent, "get", Some(&theirs)).await);
                assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{real}");
                assert_eq!(same(&foreign, &receipt), same(&nothing, &none), "{real}");
            }
            For::Clerk => {
                assert_eq!(our_clerk.get(&real).await.status, StatusCode::OK, "{real}");
                for stranger in [&mut their_clerk, &mut no_clerk] {
                    let (foreign, nothing) = (stranger.get(&real).await, stranger.get(&absent).await);
                    assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{real}");
                    assert_eq!(same(&foreign, &receipt), same(&nothing, &none), "{real}");
                    // Under their own agency's address it does not exist either.
                    assert_eq!(stranger.get(&filled(path, "county", &receipt)).await.status, StatusCode::NOT_FOUND, "{real}");
                }
            }
            other => panic!("{path}: {other:?} reads a receipt"),
        }
    }

    // A document handed in at the desk belongs to the clerk's own agency, whatever the address says.
    let kept = ask(&mut their_clerk, "/desk", "post", None).await;
    assert!(kept.location().starts_with("/desk/county/"), "{} {}", kept.status, kept.location());
    let forged = ask(&mut their_clerk, "/desk?agency=hall", "post", None).await;
    assert!(forged.status.is_client_error() && forged.location().is_empty(), "{} {}", forged.status, forged.location());
    assert_eq!(ask(&mut no_clerk, "/desk", "get", None).await.status, StatusCode::FORBIDDEN);
    assert!(ask(&mut no_clerk, "/desk", "post", None).await.status.is_client_error());
}
