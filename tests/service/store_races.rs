//! Many at once: nothing lost, nothing twice; and what stands in the raw files.

use crate::postgres::{Database, data_folder, sealer};
use crate::store::{at, on_both, scene, write};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use xinyin::fault::Fault;
use xinyin::ids::AgencyId;
use xinyin::store::grants::{NewGrant, Spend, TokenKind};
use xinyin::store::parties::AttributeKind;
use xinyin::store::*;

on_both! {
    two_hundred_read_modify_writes_are_all_right
    a_thousand_redeem_one_code_and_one_succeeds
    numbers_stand_nowhere_in_the_files
}

async fn two_hundred_read_modify_writes_are_all_right(db: Database) {
    let id: Arc<AgencyId> = Arc::new("counter".parse().unwrap());
    let first = &*id;
    write!(db.store, |tx| agencies::add(tx, first, "0", at(0))).unwrap();
    // A second process: the command line beside the service, or another machine.
    let other = Store::open(&db.url, sealer(&db.keys)).await.unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let (store, id) = (if n % 2 == 0 { db.store.clone() } else { other.clone() }, id.clone());
            tokio::spawn(async move {
                let id = &*id;
                let step = store.write("count", |tx| {
                    Box::pin(async move {
                        // Read in one statement, write in another: what plain transactions lose.
                        let seen = agencies::find(tx, id).await?.and_then(|agency| agency.closed_at).map_or(0, |at| at.millis());
                        if n % 7 == 0 {
                            tokio::task::yield_now().await;
                        }
                        agencies::close(tx, id, Some(xinyin::moment::Moment::from_millis(seen + 1))).await?;
                        Ok::<_, Fault>(())
                    })
                });
                step.await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let counted = write!(db.store, |tx| agencies::find(tx, first)).unwrap().unwrap().closed_at.unwrap().millis();
    assert_eq!(counted, 200);
}

async fn a_thousand_redeem_one_code_and_one_succeeds(db: Database) {
    let store = &db.store;
    let s = &scene(store).await;
    let new = NewGrant { agency: &s.a, client: &s.portal, party: &s.person, session: None, subject: "x", body: b"", created_at: at(0) };
    let grant = &write!(store, |tx| grants::add(tx, new)).unwrap();
    let code = Arc::new(write!(store, |tx| grants::issue(tx, grant, TokenKind::Code, &json!({}), at(0), at(60))).unwrap());
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let (store, client, code) = (store.clone(), s.portal.clone(), code.clone());
            tokio::spawn(async move {
                let (client, code) = (&client, code.as_str());
                write!(store, |tx| grants::spend(tx, client, TokenKind::Code, code, at(1)))
            })
        })
        .collect();
    let (mut fresh, mut reused) = (0, 0);
    for task in tasks {
        match task.await.unwrap().unwrap() {
            Spend::Fresh(_) => fresh += 1,
            Spend::Reused(_) => reused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((fresh, reused), (1, 999));
    assert!(write!(store, |tx| grants::find(tx, &s.a, grant)).unwrap().unwrap().revoked_at.is_some());
}

async fn numbers_stand_nowhere_in_the_files(db: Database) {
    use xinyin::store::audit::Entry;
    use xinyin::store::evidence::{NewEvidence, Privacy};
    let (number, name, phone) = ("350899198807150037", "欧阳夏丹测试名", "13912345678");
    let store = &db.store;
    let s = &scene(store).await;
    write!(store, |tx| parties::set(tx, &s.person, AttributeKind::CitizenNumber, number, None, at(0))).unwrap();
    write!(store, |tx| parties::set(tx, &s.person, AttributeKind::Name, name, None, at(0))).unwrap();
    write!(store, |tx| parties::set(tx, &s.person, AttributeKind::Phone, phone, None, at(0))).unwrap();
    let said = format!("{{\"name\":\"{name}\",\"number\":\"{number}\",\"phone\":\"{phone}\"}}");
    let said = said.as_str();
    let login = logins::NewLogin {
        agency: &s.a,
        client: &s.portal,
        session: None,
        browser: "c",
        state: "asked",
        body: said.as_bytes(),
        created_at: at(0),
        expires_at: at(600),
    };
    write!(store, |tx| logins::add(tx, login)).unwrap();
    write!(store, |tx| challenges::add(tx, "certificate", "login", said.as_bytes(), at(0), at(60))).unwrap();
    write!(store, |tx| phone_codes::add(tx, "login", phone, "835501", 3, at(0), at(300))).unwrap();
    write!(store, |tx| phone_codes::attempt(tx, "number", number, 3, std::time::Duration::from_secs(60), at(0))).unwrap();
    for privacy in [Privacy::Sealed, Privacy::Of(&s.person)] {
        let answer = NewEvidence {
            agency: None,
            kind: "registry-answer",
            source: "population",
            privacy,
            body: said.as_bytes(),
            seen_at: at(1),
            this_update: None,
            next_update: None,
        };
        write!(store, |tx| evidence::add(tx, answer)).unwrap();
    }
    let (facts, personal) = (&json!({"result": "match"}), &json!({"number": number, "name": name}));
    for party in [Some(&s.person), None] {
        let entry = Entry { agency: Some(&s.a), party, at: at(1), event: "proof.registry", facts, personal: Some(personal) };
        write!(store, |tx| audit::append(tx, entry)).unwrap();
    }
    if store.is_postgres() {
        use sqlx::Connection;
        let mut connection = sqlx::PgConnection::connect(&db.url).await.unwrap();
        sqlx::query("CHECKPOINT").execute(&mut connection).await.unwrap();
    }
    let folder = if store.is_postgres() { data_folder(&db.url) } else { db.folder.path().to_owned() };
    let mut files = 0;
    search(&folder, &mut |path, bytes| {
        files += 1;
        for secret in [number, name, phone, &number[6..], "835501"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} stands in {}", path.display());
        }
        // What is not secret is found: the search itself works.
    });
    assert!(files > 0);
    let mut seen = false;
    search(&folder, &mut |_, bytes| seen |= bytes.windows(14).any(|window| window == b"proof.registry"));
    assert!(seen, "the search sees the rows");
}

fn search(folder: &Path, look: &mut dyn FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, look);
        } else if let Ok(bytes) = std::fs::read(&path) {
            look(&path, &bytes);
        }
    }
}
