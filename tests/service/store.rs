//! Families of rows on both databases.

use crate::postgres::{Database, sealer};
use secrecy::ExposeSecret;
use serde_json::json;
use std::time::Duration;
use xinyin::fault::{Fault, code};
use xinyin::ids::{AgencyId, ClientId, PartyId};
use xinyin::moment::Moment;
use xinyin::store::grants::{NewGrant, Spend, TokenKind};
use xinyin::store::parties::{AttributeKind, PartyKind};
use xinyin::store::phone_codes::Tried;
use xinyin::store::verdicts::{NewVerdict, Repeated};
use xinyin::store::*;
use xinyin::verify::{AnchorRow, RowKind};

/// Runs a test on both databases; the one where PostgreSQL is absent is a counted skip.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                let database = crate::postgres::Database::new(concat!("sqlite ", stringify!($name)), crate::postgres::Kind::Sqlite).await;
                super::$name(database.expect("SQLite is built in")).await;
            }
        )*}
        mod postgres {$(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                let database = crate::postgres::Database::new(concat!("postgres ", stringify!($name)), crate::postgres::Kind::Postgres).await;
                if let Some(database) = database {
                    super::$name(database).await;
                }
            }
        )*}
    };
}
pub(crate) use on_both;

on_both! {
    agencies_keep_apart
    numbers_are_attributes_with_dates
    two_first_logins_end_with_one_party
    logins_move_by_compare_and_set
    codes_are_spent_once_and_reuse_kills_the_family
    client_secrets_rotate_with_overlap
    phone_codes_count_every_try
    attempts_are_counted_in_windows
    challenges_answer_once_and_only_for_whom_they_are
    sessions_end_and_rotate
    passkeys_belong_to_one_party
    evidence_is_kept_as_it_came
    requests_may_be_repeated
    intentions_are_settled_once
    consents_anchors_keys_and_leases
    erasure_leaves_nothing_readable
    dropped_writes_leave_nothing
    schema_is_checked
}

pub(crate) fn at(seconds: i64) -> Moment {
    Moment::from_secs(1_790_000_000 + seconds)
}

/// Two agencies with a portal each, and a person.
pub(crate) struct Scene {
    pub a: AgencyId,
    pub b: AgencyId,
    pub portal: ClientId,
    pub other: ClientId,
    pub person: PartyId,
}

pub(crate) async fn scene(store: &Store) -> Scene {
    let (a, b): (AgencyId, AgencyId) = ("lianjiang".parse().unwrap(), "cangshan".parse().unwrap());
    let (portal, other): (ClientId, ClientId) = ("hall".parse().unwrap(), "permits".parse().unwrap());
    let (x, y, p, q) = (&a, &b, &portal, &other);
    let person = store.write("scene", |tx| {
        Box::pin(async move {
            agencies::add(tx, x, "连江县", at(0)).await?;
            agencies::add(tx, y, "仓山区", at(0)).await?;
            clients::add(tx, x, p, "网上办事大厅", &json!({"redirect_uris": ["https://hall.example/cb"]}), at(0)).await?;
            clients::add(tx, y, q, "审批系统", &json!({}), at(0)).await?;
            Ok(parties::add(tx, PartyKind::Person, at(0)).await?.id)
        })
    });
    let person = person.await.unwrap();
    Scene { a, b, portal, other, person }
}

/// One write with one store call in it.
macro_rules! write {
    ($store:expr, |$tx:ident| $call:expr) => {
        $store.write("test", |$tx| Box::pin(async move { Ok::<_, Fault>($call.await?) })).await
    };
}
pub(crate) use write;

async fn agencies_keep_apart(db: Database) {
    let store = &db.store;
    let s = &scene(store).await;
    let verdict = |agency| NewVerdict {
        agency,
        actor: "desk",
        document_sha256: "00",
        policy_id: "default",
        policy_digest: "11",
        judged_at: at(5),
        indication: "TOTAL-PASSED",
        sub_indication: None,
        body: b"{\"verdict\":\"valid\"}",
        evidence: None,
        created_at: at(6),
    };
    let id = &write!(store, |tx| verdicts::add(tx, verdict(&s.a))).unwrap();
    let own = write!(store, |tx| verdicts::find(tx, &s.a, id)).unwrap().unwrap();
    assert_eq!((&own.body[..], own.judged_at), (&b"{\"verdict\":\"valid\"}"[..], at(5)));
    assert!(write!(store, |tx| verdicts::find(tx, &s.b, id)).unwrap().is_none());
    assert!(write!(store, |tx| verdicts::of_document(tx, &s.b, "00")).unwrap().is_empty());
    assert_eq!(write!(store, |tx| verdicts::of_document(tx, &s.a, "00")).unwrap().len(), 1);
    let listed = write!(store, |tx| clients::list(tx, &s.b)).unwrap();
    assert_eq!(listed.iter().map(|client| client.id.as_str()).collect::<Vec<_>>(), ["permits"]);
    assert!(!write!(store, |tx| clients::disable(tx, &s.a, &s.other, Some(at(9)))).unwrap());
    assert!(!write!(store, |tx| clients::change(tx, &s.a, &s.other, "x", &json!({}), at(9))).unwrap());
    assert!(write!(store, |tx| clients::new_secret(tx, &s.a, &s.other, at(9), at(9))).unwrap().is_none());
    // A row cannot belong to an agency that there is not.
    let nowhere: &AgencyId = &"nowhere".parse().unwrap();
    let fresh: &ClientId = &"fresh".parse().unwrap();
    let fault = write!(store, |tx| clients::add(tx, nowhere, fresh, "x", &json!({}), at(0))).unwrap_err();
    assert_eq!(fault.code, code::CONFLICT);
}

async fn numbers_are_attributes_with_dates(db: Database) {
    let store = &db.store;
    let s = &scene(store).await;
    let (kind, old, new) = (AttributeKind::CitizenNumber, "350899199001010018", "350899199001010026");
    write!(store, |tx| parties::set(tx, &s.person, kind, old, None, at(0))).unwrap();
    write!(store, |tx| parties::set(tx, &s.person, kind, old, None, at(5))).unwrap();
    write!(store, |tx| parties::set(tx, &s.person, AttributeKind::Name, "𬭎·买买提", None, at(0))).unwrap();
    write!(store, |tx| parties::set(tx, &s.person, AttributeKind::Phone, "13900000000", None, at(0))).unwrap();
    assert_eq!(write!(store, |tx| parties::by_number(tx, kind, old)).unwrap().unwrap().id, s.person);
    assert!(write!(store, |tx| parties::by_number(tx, AttributeKind::Passport, old)).unwrap().is_none());
    assert!(write!(store, |tx| parties::by_number(tx, AttributeKind::Phone, "13900000000")).unwrap().is_none());
    write!(store, |tx| parties::set(tx, &s.person, kind, new, None, at(10))).unwrap();
    assert!(write!(store, |tx| parties::by_number(tx, kind, old)).unwrap().is_none());
    assert_eq!(write!(store, |tx| parties::by_former_number(tx, kind, old)).unwrap()[0].id, s.person);
    let shown = |attributes: Vec<parties::Attribute>| {
        attributes.iter().map(|a| format!("{} {}", a.kind.as_str(), a.value.expose_secret())).collect::<Vec<_>>().join("; ")
    };
    let then = write!(store, |tx| parties::attributes(tx, &s.person, Some(at(9)))).unwrap();
    assert!(!format!("{then:?}").contains(old), "Debug shows a number");
    assert_eq!(shown(then), format!("citizen-number {old}; name 𬭎·买买提; phone 13900000000"));
    let now = write!(store, |tx| parties::attributes(tx, &s.person, None)).unwrap();
    assert_eq!(shown(now), format!("citizen-number {new}; name 𬭎·买买提; phone 13900000000"));
    // Nobody else can take a number that is held; a phone may be shared.
    let other = &write!(store, |tx| parties::add(tx, PartyKind::Person, at(0))).unwrap().id;
    assert_eq!(write!(store, |tx| parties::set(tx, other, kind, new, None, at(11))).unwrap_err().code, code::CONFLICT);
    write!(store, |tx| parties::set(tx, other, AttributeKind::Phone, "13900000000", None, at(11))).unwrap();
    write!(store, |tx| parties::set(tx, other, kind, old, None, at(12))).unwrap();
}

async fn two_first_logins_end_with_one_party(db: Database) {
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let store = db.store.clone();
            tokio::spawn(async move {
                write!(store, |tx| parties::find_or_add(tx, PartyKind::Person, AttributeKind::CitizenNumber, "350899199001010018", at(0)))
            })
        })
        .collect();
    let mut found = std::collections::BTreeSet::new();
    let mut fresh = 0;
    for task in tasks {
        let (party, is_new) = task.await.unwrap().unwrap();
        found.insert(party.id);
        fresh += usize::from(is_new);
    }
    assert_eq!((found.len(), fresh), (1, 1));
}

async fn logins_move_by_compare_and_set(db: Database) {
    let store = &db.store;
    let s = &scene(store).await;
    let new = logins::NewLogin {
        agency: &s.a,
        client: &s.portal,
        session: None,
        browser: "cookie-1",
        state: "asked",
        body: b"{\"name\":\"350899199001010018\"}",
        created_at: at(0),
        expires_at: at(600),
    };
    let id = &write!(store, |tx| logins::add(tx, new)).unwrap();
    assert!(write!(store, |tx| logins::find(tx, id, "cookie-2")).unwrap().is_none(), "bound to the browser");
    let login = write!(store, |tx| logins::find(tx, id, "cookie-1")).unwrap().unwrap();
    assert_eq!((login.state.as_str(), login.version, &login.body[..]), ("asked", 1, new.body));
    assert!(!format!("{login:?}").contains("3508"));
    let moved: Vec<_> = (0..8)
        .map(|_| {
            let (store, id) = (store.clone(), id.clone());
            tokio::spawn(async move {
                let id = &id;
                write!(store, |tx| logins::advance(tx, id, 1, "proved", b"{}", None, at(5))).unwrap()
            })
        })
        .collect();
    let mut winners = 0;
    for task in moved {
        winners += usize::from(task.await.unwrap());
    }
    assert_eq!(winners, 1);
    assert!(!write!(store, |tx| logins::advance(tx, id, 2, "granted", b"{}", None, at(601))).unwrap(), "lapsed");
    assert!(write!(store, |tx| logins::advance(tx, id, 2, "granted", b"{}", None, at(6))).unwrap());
    assert_eq!(write!(store, |tx| logins::sweep(tx, at(700))).unwrap(), 1);
}

async fn codes_are_spent_once_and_reuse_kills_the_family(db: Database) {
    let store = &db.store;
    let s = &scene(store).await;
    let new =
        NewGrant { agency: &s.a, client: &s.portal, party: &s.person, session: None, subject: "x", body: b"scope", created_at: at(0) };
    let grant = &write!(store, |tx| grants::add(tx, new)).unwrap();
    let code = &write!(store, |tx| grants::issue(tx, grant, TokenKind::Code, &json!({"challenge": "c"}), at(0), at(60))).unwrap();
    let access = &write!(store, |tx| grants::issue(tx, grant, TokenKind::Access, &json!({}), at(0), at(600))).unwrap();
    let spend = |client| async move { write!(store, |tx| grants::spend(tx, client, TokenKind::Code, code, at(5))).unwrap() };
    assert!(matches!(spend(&s.other).await, Spend::Unknown), "another portal's code");
    match spend(&s.portal).await {
        Spend::Fresh(token) => assert_eq!((token.detail["challenge"].as_str(), &token.grant.body[..]), (Some("c"), &b"scope"[..])),
        other => panic!("{other:?}"),
    }
    assert!(write!(store, |tx| grants::by_token(tx, TokenKind::Access, access, at(6))).unwrap().is_some());
    assert!(write!(store, |tx| grants::by_token(tx, TokenKind::Refresh, access, at(6))).unwrap().is_none(), "one kind for another");
    assert!(write!(store, |tx| grants::by_token(tx, TokenKind::Access, access, at(600))).unwrap().is_none(), "lapsed");
    assert!(matches!(spend(&s.portal).await, Spend::Reused(_)));
    assert!(write!(store, |tx| grants::by_token(tx, TokenKind::Access, access, at(6))).unwrap().is_none(), "the family is dead");
    assert_eq!(
        write!(store, |tx| grants::issue(tx, grant, TokenKind::Access, &json!({}), at(7), at(9))).unwrap_err().code,
        code::CONFLICT,
        "a dead family issues nothing"
    );
    // A lapsed code is not a reuse.
    let second = &write!(store, |tx| grants::add(tx, new)).unwrap();
    let late = &write!(store, |tx| grants::issue(tx, second, TokenKind::Code, &json!({}), at(0), at(60))).unwrap();
    let spent = write!(store, |tx| grants::spend(tx, &s.portal, TokenKind::Code, late, at(60))).unwrap();
    assert!(matches!(spent, Spend::Dead));
    assert!(write!(store, |tx| grants::find(tx, &s.a, second)).unwrap().unwrap().revoked_at.is_none());
    assert!(write!(store, |tx| grants::find(tx, &s.b, second)).unwrap().is_none());
    // Pairwise names: stable in a sector, different between sectors.
    let name = |sector| async move { write!(store, |tx| grants::subject(tx, sector, &s.person, at(0))).unwrap() };
    assert_eq!(name("hall.example").await, name("hall.example").await);
    assert_ne!(name("hall.example").await, name("permits.example").await);
}

async fn client_secrets_rotate_with_overlap(db: Database) {
    let store = &db.store;
    let s = &scene(store).await;
    let secret =
        |old_until| async move { write!(store, |tx| clients::new_secret(tx, &s.a, &s.portal, at(0), old_until)).unwrap().unwrap() };
    let first = &secret(at(0)).await;
    let second = &secret(at(100)).await;
    let knows = |secret: &str, now| {
        let secret = secret.to_owned();
        async move {
            let secret = &secret;
            write!(store, |tx| clients::authenticate(tx, &s.portal, secret, now)).unwrap().is_some()
        }
    };
    assert!(knows(first.expose_secret(), at(99)).await && knows(second.expose_secret(), at(99)).await);
    assert!(!knows(first.expose_secret(), at(100)).await && knows(second.expose_secret(), at(100)).await);
    assert!(!knows("", at(1)).await && !knows("guess", at(1)).await);
    let wrong = second.expose_secret();
    assert!(write!(store, |tx| clients::authenticate(tx, &s.other, wrong, at(1))).unwrap().is_none(), "bound to the client");
    assert!(write!(store, |tx| clients::disable(tx, &s.a, &s.portal, Some(at(2)))).unwrap());
    assert!(!knows(second.expose_secret(), at(3)).await);
}

async fn phone_codes_count_every_try(db: Database) {
    let store = &db.store;
    let add = |bound: &'static str| async move {
        write!(store, |tx| phone_codes::add(tx, bound, "13900000000", "123456", 3, at(0), at(300))).unwrap()
    };
    let id = &add("login-1").await;
    let tried = |code: &'static str, now| async move { write!(store, |tx| phone_codes::try_code(tx, id, "login-1", code, now)).unwrap() };
    assert_eq!(tried("000000", at(1)).await, Tried::Wrong { left: 2 });
    assert_eq!(write!(store, |tx| phone_codes::try_code(tx, id, "login-2", "123456", at(1))).unwrap(), Tried::Dead);
    assert_eq!(tried("123456", at(300)).await, Tried::Dead, "lapsed");
    assert_eq!(tried("123456", at(2)).await, Tried::Right);
    assert_eq!(tried("123456", at(3)).await, Tried::Dead, "once");
    // A hundred guesses at once: three count.
    let id = &add("login-1").await;
    let guesses: Vec<_> = (0..100)
        .map(|n| {
            let (store, id) = (store.clone(), id.clone());
            tokio::spawn(async move {
                let (id, code) = (&id, &format!("{n:06}"));
                write!(store, |tx| phone_codes::try_code(tx, id, "login-1", code, at(4))).unwrap()
            })
        })
        .collect();
    let mut counted = 0;
    for guess in guesses {
        counted += usize::from(matches!(guess.await.unwrap(), Tried::Wrong { .. }));
    }
    assert_eq!(counted, 3);
    // A new code kills the former one of the same login.
    let (one, two) = (&add("login-3").await, &add("login-3").await);
    assert_eq!(write!(store, |tx| phone_codes::try_code(tx, one, "login-3", "123456", at(5))).unwrap(), Tried::Dead);
    assert_eq!(write!(store, |tx| phone_codes::try_code(tx, two, "login-3", "123456", at(5))).unwrap(), Tried::Right);
    assert_eq!(write!(store, |tx| phone_codes::sent_since(tx, "13900000000", at(0))).unwrap(), 4);
    assert_eq!(write!(store, |tx| phone_codes::sent_since(tx, "13900000001", at(0))).unwrap(), 0);
}

async fn attempts_are_counted_in_windows(db: Database) {
    let store = &db.store;
    let hit = |now| async move {
        write!(store, |tx| phone_codes::attempt(tx, "number", "350899199001010018", 2, Duration::from_secs(60), now)).unwrap()
    };
    assert!(hit(at(0)).await && hit(at(1)).await && !hit(at(2)).await && !hit(at(59)).await);
    assert!(hit(at(60)).await, "a new window");
    assert!(write!(store, |tx| phone_codes::attempt(tx, "source", "350899199001010018", 2, Duration::from_secs(60), at(2))).unwrap());
}

async fn challenges_answer_once_and_only_for_whom_they_are(db: Database) {
    let store = &db.store;
    let id = &write!(store, |tx| challenges::add(tx, "certificate", "login-1", b"text", at(0), at(60))).unwrap();
    let spend =
        |kind: &'static str, to: &'static str, now| async move { write!(store, |tx| challenges::spend(tx, id, kind, to, now)).unwrap() };
    assert!(spend("passkey", "login-1", at(1)).await.is_none());
    assert!(spend("certificate", "login-2", at(1)).await.is_none());
    assert!(spend("certificate", "login-1", at(60)).await.is_none());
    assert_eq!(&write!(store, |tx| challenges::peek(tx, id, "certificate", "login-1", at(1))).unwrap().unwrap()[..], b"text");
    assert_eq!(&spend("certificate", "login-1", at(1)).await.unwrap()[..], b"text");
    assert!(spend("certificate", "login-1", at(2)).await.is_none());
}

async fn sessions_end_and_rotate(db: Database) {
    let store = &db.store;
    let s = &scene(store).await;
    let session = &write!(store, |tx| sessions::add(tx, &s.person, "c1", &json!({}), at(0), at(1000))).unwrap();
    let find = |cookie: &'static str, now| async move {
        write!(store, |tx| sessions::by_cookie(tx, cookie, now)).unwrap().map(|found| found.version)
    };
    assert_eq!((find("c1", at(1)).await, find("c2", at(1)).await, find("c1", at(1000)).await), (Some(1), None, None));
    let proof = proofs::NewProof {
        party: &s.person,
        by: None,
        agency: Some(&s.a),
        method: "registry-phone",
        level: 2,
        proved_at: at(1),
        evidence: None,
        detail: &json!({"registry": "alive"}),
    };
    let proof = &write!(store, |tx| proofs::add(tx, proof)).unwrap();
    write!(store, |tx| sessions::add_proof(tx, &session.id, proof, at(1))).unwrap();
    assert_eq!(write!(store, |tx| proofs::of_session(tx, &session.id)).unwrap()[0].method, "registry-phone");
    assert!(write!(store, |tx| sessions::change(tx, &session.id, 1, "c2", None, at(2000), at(5))).unwrap());
    assert!(!write!(store, |tx| sessions::change(tx, &session.id, 1, "c3", None, at(2000), at(5))).unwrap(), "another change came first");
    assert_eq!((find("c1", at(6)).await, find("c2", at(6)).await), (None, Some(2)));
    write!(store, |tx| sessions::seen(tx, &session.id, at(200))).unwrap();
    assert_eq!(write!(store, |tx| sessions::find(tx, &session.id)).unwrap().unwrap().seen_at, at(200));
    assert!(write!(store, |tx| sessions::end(tx, &session.id, "logout", at(7))).unwrap());
    assert!(!write!(store, |tx| sessions::end(tx, &session.id, "logout", at(8))).unwrap());
    assert_eq!(find("c2", at(9)).await, None);
    assert!(write!(store, |tx| sessions::of_party(tx, &s.person, at(9))).unwrap().is_empty());
    assert!(write!(store, |tx| proofs::revoke(tx, proof, at(9))).unwrap());
    assert_eq!(write!(store, |tx| proofs::of_party(tx, &s.person)).unwrap()[0].revoked_at, Some(at(9)));
}

async fn passkeys_belong_to_one_party(db: Database) {
    let store = &db.store;
    let s = &scene(store).await;
    let other = &write!(store, |tx| parties::add(tx, PartyKind::Person, at(0))).unwrap().id;
    write!(store, |tx| passkeys::add(tx, b"cred", &s.person, None, "手机", b"{\"counter\":0}", at(1))).unwrap();
    assert_eq!(write!(store, |tx| passkeys::add(tx, b"cred", other, None, "x", b"{}", at(1))).unwrap_err().code, code::CONFLICT);
    let key = &write!(store, |tx| passkeys::by_credential(tx, b"cred")).unwrap().unwrap();
    assert_eq!((&key.party, &key.body[..]), (&s.person, &b"{\"counter\":0}"[..]));
    assert!(write!(store, |tx| passkeys::used(tx, &key.hash, b"{\"counter\":1}", at(2))).unwrap());
    assert_eq!(&write!(store, |tx| passkeys::of_party(tx, &s.person)).unwrap()[0].body[..], b"{\"counter\":1}");
    assert!(!write!(store, |tx| passkeys::remove(tx, other, &key.hash, at(3))).unwrap(), "not theirs");
    assert!(write!(store, |tx| passkeys::remove(tx, &s.person, &key.hash, at(3))).unwrap());
    assert!(write!(store, |tx| passkeys::by_credential(tx, b"cred")).unwrap().is_none());
}

async fn evidence_is_kept_as_it_came(db: Database) {
    use xinyin::store::evidence::{NewEvidence, Privacy};
    let store = &db.store;
    let s = &scene(store).await;
    let new = |privacy, body, this_update: i64| NewEvidence {
        agency: None,
        kind: "crl",
        source: "http://crl.example/1",
        privacy,
        body,
        seen_at: at(10),
        this_update: Some(at(this_update)),
        next_update: Some(at(this_update + 100)),
    };
    let first = &write!(store, |tx| evidence::add(tx, new(Privacy::Public, b"list 1", 1))).unwrap();
    let again = NewEvidence { seen_at: at(20), ..new(Privacy::Public, b"list 1", 1) };
    assert_eq!(&write!(store, |tx| evidence::add(tx, again)).unwrap(), first, "the same bytes keep their first sight");
    let second = write!(store, |tx| evidence::add(tx, new(Privacy::Public, b"list 2", 2))).unwrap();
    assert_eq!(write!(store, |tx| evidence::newest(tx, "crl", "http://crl.example/1")).unwrap().unwrap().id, second);
    let found = write!(store, |tx| evidence::find(tx, first)).unwrap().unwrap();
    assert_eq!((found.body.as_slice(), found.first_seen, found.next_update), (&b"list 1"[..], at(10), Some(at(101))));
    for privacy in [Privacy::Sealed, Privacy::Of(&s.person)] {
        let id = &write!(store, |tx| evidence::add(tx, new(privacy, "赵小明 350899199001010018".as_bytes(), 3))).unwrap();
        assert_eq!(write!(store, |tx| evidence::find(tx, id)).unwrap().unwrap().body, "赵小明 350899199001010018".as_bytes());
    }
    assert_eq!(write!(store, |tx| evidence::newest(tx, "crl", "http://crl.example/1")).unwrap().unwrap().id, second, "sealed is no cache");
}

async fn requests_may_be_repeated(db: Database) {
    let store = &db.store;
    let s = &scene(store).await;
    let ask = |agency, digest| async move { write!(store, |tx| verdicts::repeated(tx, agency, "hall", "key-1", digest, at(5))).unwrap() };
    assert_eq!(ask(&s.a, "d1").await, Repeated::New);
    // Twenty at once: one does the work, all get its answer.
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let (store, agency) = (store.clone(), s.a.clone());
            tokio::spawn(async move {
                let (agency, answer) = (&agency, &format!("receipt-{n}"));
                let once = store.write("verify", |tx| {
                    Box::pin(async move {
                        match verdicts::repeated(tx, agency, "hall", "key-1", "d1", at(5)).await? {
                            Repeated::Same(answer) => Ok(answer),
                            Repeated::Different => Err(code::CONFLICT.into()),
                            Repeated::New => {
                                verdicts::remember(tx, agency, "hall", "key-1", "d1", answer, at(5), Duration::from_secs(60)).await?;
                                Ok(answer.clone())
                            }
                        }
                    })
                });
                once.await.unwrap()
            })
        })
        .collect();
    let mut answers = std::collections::BTreeSet::new();
    for task in tasks {
        answers.insert(task.await.unwrap());
    }
    assert_eq!(answers.len(), 1);
    assert_eq!(ask(&s.a, "d1").await, Repeated::Same(answers.pop_first().unwrap()));
    assert_eq!(ask(&s.a, "d2").await, Repeated::Different);
    assert_eq!(ask(&s.b, "d1").await, Repeated::New, "another agency's key is another key");
    assert_eq!(write!(store, |tx| verdicts::sweep(tx, at(100))).unwrap(), 1);
}

async fn intentions_are_settled_once(db: Database) {
    use xinyin::store::intentions::{IntentionState, NewIntention};
    let store = &db.store;
    let s = &scene(store).await;
    let new = NewIntention {
        agency: &s.a,
        party: Some(&s.person),
        actor: "cli",
        key_id: "ab",
        format: "pades",
        digest: "sm3:00",
        detail: &json!({}),
        created_at: at(0),
    };
    let id = &write!(store, |tx| intentions::add(tx, new)).unwrap();
    assert!(write!(store, |tx| intentions::left_open(tx, at(0))).unwrap().is_empty());
    assert_eq!(&write!(store, |tx| intentions::left_open(tx, at(60))).unwrap()[0].id, id);
    let settle = |agency, state| async move {
        write!(store, |tx| intentions::settle(tx, agency, id, state, &json!({"sha256": "x"}), at(9))).unwrap()
    };
    assert!(!settle(&s.b, IntentionState::Abandoned).await);
    assert!(settle(&s.a, IntentionState::Released).await);
    assert!(!settle(&s.a, IntentionState::Abandoned).await);
    let found = write!(store, |tx| intentions::find(tx, &s.a, id)).unwrap().unwrap();
    assert_eq!((found.state, found.settled_at, found.party), (IntentionState::Released, Some(at(9)), Some(s.person.clone())));
    assert!(write!(store, |tx| intentions::find(tx, &s.b, id)).unwrap().is_none());
}

async fn consents_anchors_keys_and_leases(db: Database) {
    use xinyin::store::anchors::StoredAnchor;
    use xinyin::store::signing_keys::{KeyState, StoredKey};
    let store = &db.store;
    let s = &scene(store).await;
    write!(store, |tx| consents::add(tx, &s.a, &s.portal, &s.person, &json!(["name"]), at(1))).unwrap();
    assert!(write!(store, |tx| consents::standing(tx, &s.other, &s.person)).unwrap().is_none(), "another portal needs its own");
    assert_eq!(write!(store, |tx| consents::standing(tx, &s.portal, &s.person)).unwrap().unwrap().released, json!(["name"]));
    assert_eq!(write!(store, |tx| consents::withdraw(tx, &s.portal, &s.person, at(2))).unwrap(), 1);
    assert!(write!(store, |tx| consents::standing(tx, &s.portal, &s.person)).unwrap().is_none());
    assert_eq!(write!(store, |tx| consents::of_party(tx, &s.person)).unwrap()[0].withdrawn_at, Some(at(2)));

    let mut anchor = StoredAnchor {
        sha256: "ab".into(),
        certificate: vec![0, 255],
        subject: "CN=根".into(),
        purposes: vec!["person".into(), "organisation".into()],
        is_lab: false,
        added_at: at(0),
        rows: vec![AnchorRow { kind: RowKind::Licence, what: Some("ECP1".into()), from: Some(at(1)), until: None }],
    };
    let given = &anchor.clone();
    write!(store, |tx| anchors::put(tx, given)).unwrap();
    anchor.purposes = vec!["timestamp".into()];
    anchor.is_lab = true;
    let given = &anchor.clone();
    write!(store, |tx| anchors::put(tx, given)).unwrap();
    assert_eq!(write!(store, |tx| anchors::list(tx)).unwrap(), [anchor]);
    assert!(write!(store, |tx| anchors::remove(tx, "ab", at(1))).unwrap());
    assert!(write!(store, |tx| anchors::list(tx)).unwrap().is_empty());

    let key = &StoredKey {
        id: "k1".into(),
        agency: s.a.clone(),
        algorithm: "ES256".into(),
        state: KeyState::Current,
        public_jwk: json!({"kty": "EC"}),
        private: b"private".to_vec().into(),
        created_at: at(0),
        retires_at: None,
    };
    write!(store, |tx| signing_keys::add(tx, key)).unwrap();
    assert_eq!(&write!(store, |tx| signing_keys::published(tx, at(1))).unwrap()[0].private[..], b"private");
    assert!(write!(store, |tx| signing_keys::set_state(tx, "k1", KeyState::Retired, Some(at(10)))).unwrap());
    assert_eq!(write!(store, |tx| signing_keys::published(tx, at(9))).unwrap()[0].state, KeyState::Retired);
    assert!(write!(store, |tx| signing_keys::published(tx, at(10))).unwrap().is_empty());

    let take = |holder: &'static str, now| async move {
        write!(store, |tx| leases::take(tx, "job", holder, now, Duration::from_secs(10))).unwrap()
    };
    assert!(take("one", at(0)).await && !take("two", at(9)).await && take("one", at(9)).await && !take("two", at(18)).await);
    assert!(take("two", at(19)).await);
    write!(store, |tx| leases::release(tx, "job", "two")).unwrap();
    assert!(take("one", at(20)).await);
    assert!(take("two", at(-100)).await, "given before the clock was set back");
}

async fn erasure_leaves_nothing_readable(db: Database) {
    use xinyin::store::evidence::{NewEvidence, Privacy};
    let store = &db.store;
    let s = &scene(store).await;
    write!(store, |tx| parties::set(tx, &s.person, AttributeKind::CitizenNumber, "350899199001010018", None, at(0))).unwrap();
    let answer = NewEvidence {
        agency: None,
        kind: "registry-answer",
        source: "population",
        privacy: Privacy::Of(&s.person),
        body: b"350899199001010018",
        seen_at: at(1),
        this_update: None,
        next_update: None,
    };
    let answer = &write!(store, |tx| evidence::add(tx, answer)).unwrap();
    let session = &write!(store, |tx| sessions::add(tx, &s.person, "c", &json!({}), at(0), at(1000))).unwrap().id;
    assert!(write!(store, |tx| parties::erase(tx, &s.person, at(5))).unwrap());
    assert!(!write!(store, |tx| parties::erase(tx, &s.person, at(6))).unwrap());
    assert_eq!(write!(store, |tx| evidence::find(tx, answer)).unwrap_err().code, code::ERASED);
    assert_eq!(write!(store, |tx| parties::attributes(tx, &s.person, None)).unwrap_err().code, code::ERASED);
    assert!(write!(store, |tx| parties::by_number(tx, AttributeKind::CitizenNumber, "350899199001010018")).unwrap().is_none());
    assert!(write!(store, |tx| sessions::find(tx, session)).unwrap().unwrap().ended_at.is_some());
    // The number may prove a new Party later.
    let again = write!(store, |tx| parties::find_or_add(tx, PartyKind::Person, AttributeKind::CitizenNumber, "350899199001010018", at(9)));
    assert!(again.unwrap().1);
}

async fn dropped_writes_leave_nothing(db: Database) {
    let store = &db.store;
    let id: &AgencyId = &"half".parse().unwrap();
    for _ in 0..20 {
        let half_way = store.write("half", |tx| {
            Box::pin(async move {
                agencies::add(tx, id, "x", at(0)).await?;
                std::future::pending::<()>().await;
                Ok(())
            })
        });
        assert!(tokio::time::timeout(Duration::from_millis(30), half_way).await.is_err());
    }
    let failed: Result<(), _> = store
        .write("failed", |tx| {
            Box::pin(async move {
                agencies::add(tx, id, "x", at(0)).await?;
                Err(code::BAD_REQUEST.into())
            })
        })
        .await;
    assert_eq!(failed.unwrap_err().code, code::BAD_REQUEST);
    assert!(write!(store, |tx| agencies::find(tx, id)).unwrap().is_none());
    let written = store.read("a read writes nothing", |tx| Box::pin(async move { Ok(agencies::add(tx, id, "x", at(0)).await?) })).await;
    assert!(written.is_err() || write!(store, |tx| agencies::find(tx, id)).unwrap().is_none());
    write!(store, |tx| agencies::add(tx, id, "x", at(0))).unwrap();
}

async fn schema_is_checked(db: Database) {
    assert!(db.store.pending().await.unwrap().is_empty());
    assert!(db.store.migrate().await.unwrap().is_empty(), "twice is once");
    let other = Store::open(&db.url, sealer(&db.keys)).await.unwrap();
    other.ping().await.unwrap();
    // Other keys open nothing, and say so.
    let s = &scene(&db.store).await;
    write!(db.store, |tx| parties::set(tx, &s.person, AttributeKind::Name, "x", None, at(0))).unwrap();
    let stranger = Store::open(&db.url, sealer(&Sealer::new_key_file(&xinyin::world::SystemDice))).await.unwrap();
    assert_eq!(write!(stranger, |tx| parties::attributes(tx, &s.person, None)).unwrap_err().code, code::SYSTEM);
    other.close().await;
    assert_eq!(other.ping().await.unwrap_err().code, code::STORE_DOWN);
    let missing = db.folder.path().join("nothing.db");
    let fault = Store::open(&format!("sqlite://{}", missing.display()), sealer(&db.keys)).await.map(drop).unwrap_err();
    assert_eq!(fault.code, code::STORE_DOWN);
    assert!(!missing.exists(), "open makes nothing");
}
