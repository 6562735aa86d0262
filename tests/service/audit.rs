//! The audit log: linked within a second, and every kind of tampering named.

use crate::postgres::{Database, Kind};
use crate::store::{at, on_both, scene, write};
use serde_json::json;
use sqlx::Connection;
use xinyin::fault::Fault;
use xinyin::store::audit::{Entry, Head};
use xinyin::store::audit_check::{Problem, Report, check};
use xinyin::store::*;

on_both! {
    rows_are_linked_in_batches_by_one_sequencer
    tampering_is_named
    erasure_breaks_no_chain
}

/// Runs SQL behind the program's back.
async fn tamper(db: &Database, statement: &'static str) {
    if db.store.is_postgres() {
        let mut connection = sqlx::PgConnection::connect(&db.url).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    } else {
        let mut connection = sqlx::SqliteConnection::connect(&db.url).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    }
}

async fn append_many(db: &Database, many: i64) {
    let s = &scene(&db.store).await;
    let all = db.store.write("append", |tx| {
        Box::pin(async move {
            for n in 0..many {
                let personal = json!({"name": format!("甲{n}")});
                let entry = Entry {
                    agency: Some(&s.a),
                    party: Some(&s.person),
                    at: at(n),
                    event: "login.granted",
                    facts: &json!({"n": n}),
                    personal: (n % 3 == 0).then_some(&personal),
                };
                audit::append(tx, entry).await?;
            }
            Ok::<_, Fault>(())
        })
    });
    all.await.unwrap();
}

async fn rows_are_linked_in_batches_by_one_sequencer(db: Database) {
    append_many(&db, 1203).await;
    let before = check(&db.store, &[]).await.unwrap();
    assert_eq!((before.rows, before.unlinked, before.oldest_unlinked, before.is_whole()), (0, 1203, Some(at(0)), true));
    let (one, two) = tokio::join!(audit::link(&db.store, "one", at(1)), audit::link(&db.store, "two", at(1)));
    let heads = [one.unwrap(), two.unwrap()];
    assert_eq!(heads.iter().flatten().count(), 1, "one holds the lease: {heads:?}");
    let head = heads.into_iter().flatten().next().unwrap();
    assert_eq!(head.seq, 1203);
    let report = check(&db.store, std::slice::from_ref(&head)).await.unwrap();
    assert_eq!((report.rows, report.unlinked, report.checkpoints, report.head.as_ref()), (1203, 0, 1, Some(&head)));
    assert!(report.is_whole(), "{report:?}");
    assert_eq!(audit::link(&db.store, "one", at(2)).await.unwrap(), None, "nothing to do");
    let listed = db.store.read("list", |tx| Box::pin(async move { Ok(audit::of_agency(tx, &"lianjiang".parse().unwrap(), 10).await?) }));
    assert_eq!(listed.await.unwrap()[0].facts, json!({"n": 1202}));
    let none = db.store.read("list", |tx| Box::pin(async move { Ok(audit::of_agency(tx, &"cangshan".parse().unwrap(), 10).await?) }));
    assert!(none.await.unwrap().is_empty(), "another agency sees nothing");
}

async fn tampering_is_named(db: Database) {
    append_many(&db, 12).await;
    let head = audit::link(&db.store, "one", at(1)).await.unwrap().unwrap();
    let heads: &[Head] = std::slice::from_ref(&head);
    let problems = async |db: &Database, heads: &[Head]| {
        let report: Report = check(&db.store, heads).await.unwrap();
        report.problems.iter().map(Problem::to_string).collect::<Vec<_>>()
    };
    assert_eq!(problems(&db, heads).await, [""; 0]);
    // Each row: what is done, how it is undone, what must be said.
    tamper(&db, "CREATE TABLE kept AS SELECT * FROM audit_entries").await;
    const RESTORE: &str = "DELETE FROM audit_entries; INSERT INTO audit_entries SELECT * FROM kept";
    for (statement, expected) in [
        ("UPDATE audit_entries SET facts = '{\"n\":99}' WHERE seq = 5", vec!["row 5 ("]),
        ("UPDATE audit_entries SET facts = '{\"n\": 4}' WHERE seq = 5", vec!["row 5 ("]),
        ("UPDATE audit_entries SET happened_at = happened_at + 1 WHERE seq = 7", vec!["row 7 ("]),
        ("UPDATE audit_entries SET party_id = NULL WHERE seq = 3", vec!["row 3 ("]),
        ("UPDATE audit_entries SET agency_id = 'cangshan' WHERE seq = 1", vec!["row 1 ("]),
        ("UPDATE audit_entries SET commitment = '' WHERE seq = 4", vec!["row 4 ("]),
        ("UPDATE audit_entries SET hash = prev WHERE seq = 6", vec!["row 6 ("]),
        ("UPDATE audit_entries SET sealed = NULL WHERE seq = 4", vec!["personal part of row 4"]),
        ("UPDATE audit_entries SET sealed = (SELECT sealed FROM kept WHERE seq = 7) WHERE seq = 4", vec!["personal part of row 4"]),
        ("DELETE FROM audit_entries WHERE seq IN (6, 7)", vec!["rows 6 to 7 were deleted"]),
        ("DELETE FROM audit_entries WHERE seq = 1", vec!["rows 1 to 1 were deleted"]),
        ("DELETE FROM audit_entries WHERE seq = 12", vec!["rows 12 to 12 at the end were deleted"]),
        ("DELETE FROM audit_entries WHERE seq >= 2", vec!["rows 2 to 12 at the end were deleted"]),
        ("DELETE FROM audit_entries", vec!["rows 1 to 12 at the end were deleted"]),
        ("UPDATE audit_entries SET seq = NULL, prev = NULL, hash = NULL WHERE seq = 12", vec!["rows 12 to 12 at the end"]),
        (
            "UPDATE audit_entries SET facts = '{}' WHERE seq = 2; DELETE FROM audit_entries WHERE seq = 9",
            vec!["row 2 (", "rows 9 to 9 were deleted"],
        ),
    ] {
        tamper(&db, statement).await;
        let said = problems(&db, heads).await;
        assert_eq!(said.len(), expected.len(), "{statement}: {said:?}");
        assert!(said.iter().zip(&expected).all(|(said, expected)| said.contains(expected)), "{statement}: {said:?}");
        tamper(&db, RESTORE).await;
        assert_eq!(problems(&db, heads).await, [""; 0], "after {statement}");
    }
    // An insider who relinks everything from row 5 on with good hashes meets the copy of the head.
    tamper(&db, "UPDATE audit_entries SET facts = '{}' WHERE seq = 5; UPDATE audit_entries SET seq = NULL WHERE seq >= 5").await;
    audit::link(&db.store, "insider", at(99)).await.unwrap();
    let said = problems(&db, heads).await;
    assert!(said.len() == 1 && said[0].contains("up to row 12 was written anew"), "{said:?}");
}

async fn erasure_breaks_no_chain(db: Database) {
    append_many(&db, 9).await;
    let head = audit::link(&db.store, "one", at(1)).await.unwrap().unwrap();
    let person = db.store.read("who", |tx| {
        Box::pin(async move { Ok(audit::of_agency(tx, &"lianjiang".parse().unwrap(), 1).await?[0].party.clone().unwrap()) })
    });
    let person = &person.await.unwrap();
    assert!(write!(db.store, |tx| parties::erase(tx, person, at(50))).unwrap());
    let report = check(&db.store, std::slice::from_ref(&head)).await.unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.rows, report.erased), (9, 3));
    // A key that vanished without a lawful erasure is told.
    tamper(&db, "UPDATE parties SET erased_at = NULL").await;
    let report = check(&db.store, &[head]).await.unwrap();
    assert_eq!(report.problems.len(), 3, "{report:?}");
}

/// The watcher of the test cluster needs what this test checks: nothing else runs in the background of SQLite.
#[tokio::test]
async fn a_database_of_a_test_is_empty() {
    let db = Database::new("empty", Kind::Sqlite).await.expect("SQLite is built in");
    assert_eq!(check(&db.store, &[]).await.unwrap(), Report::default());
}
