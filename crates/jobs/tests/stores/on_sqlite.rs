//! What only the SQLite store does.

use jobs::{Ending, Error, NewJob, Next, Outcome, SqliteStore, Status, Store, Submitted, outdated};
use pollster::block_on;

use crate::backend::{Backend, LEASE, MANY, NOW, Sqlite, job, key};

#[test]
fn refuses_a_database_of_a_newer_version() {
    let database = Sqlite::start();
    database.open();
    let driver = database.driver();
    driver.0.pragma_update(None, "user_version", 99).unwrap();
    let refused = block_on(SqliteStore::open(driver)).err();
    assert_eq!(
        refused,
        Some(Error::NewerSchema {
            found: 99,
            known: 6
        })
    );
}

#[test]
fn many_connections_may_be_the_first() {
    for _ in 0..10 {
        let database = Sqlite::start();
        std::thread::scope(|scope| {
            for number in 0..6 {
                let database = &database;
                scope.spawn(move || {
                    let store = database.open();
                    let submitted = block_on(store.submit(job(&number.to_string()), MANY, NOW));
                    assert!(matches!(submitted, Ok(Submitted::New(_))), "{submitted:?}");
                });
            }
        });
        assert_eq!(block_on(database.open().load(NOW)), Ok(6));
    }
}

#[test]
fn opens_what_is_open_and_what_was_closed() {
    let database = Sqlite::start();
    let first = database.open();
    block_on(first.submit(job("a"), MANY, NOW)).unwrap();
    let second = database.open();
    assert!(block_on(second.get("a", NOW)).unwrap().is_some());
    drop((first, second));
    assert!(block_on(database.open().get("a", NOW)).unwrap().is_some());
}

#[test]
fn takes_over_a_database_of_version_1() {
    let database = Sqlite::start();
    let old = database.driver();
    old.0.execute_batch(include_str!("schema_1.sql")).unwrap();

    let store = database.open();
    let succeeded = block_on(store.outcome("succeeded", NOW)).unwrap();
    let expected = Outcome {
        status: 200,
        content_type: Some("text/plain".to_owned()),
        headers: Vec::new(),
        body: b"a text".to_vec(),
    };
    assert_eq!(succeeded, Some(expected));
    let canceled = block_on(store.get("canceled", NOW)).unwrap().unwrap();
    assert_eq!(canceled.status, Status::Canceled);

    // A job that has not ended is claimed without its input, so that it ends and its webhook tells of that.
    let mut claimed = Vec::new();
    while let Next::Job(job) = block_on(store.claim(LEASE, None, NOW)).unwrap() {
        assert_eq!(job.input, None);
        let ending = Ending::Outcome(outdated());
        assert!(block_on(store.finish(&job.claim, ending, NOW)).unwrap());
        claimed.push(job.claim.id);
    }
    claimed.sort();
    assert_eq!(claimed, ["runs", "waits"]);
    let delivery = block_on(store.next_delivery(LEASE, NOW)).unwrap();
    assert_eq!(
        delivery.map(|delivery| delivery.id),
        Some("waits".to_owned())
    );

    // The key still names its job.
    let again = NewJob {
        key: key("POST /factorize k", "f"),
        ..job("another")
    };
    let again = block_on(store.submit(again, MANY, NOW)).unwrap();
    assert!(matches!(again, Submitted::Existing(job) if job.id == "waits"));

    // Jobs are kept as by a database of the newest version, and nothing of the old one is left.
    block_on(store.submit(job("new"), MANY, NOW)).unwrap();
    let Next::Job(new) = block_on(store.claim(LEASE, None, NOW)).unwrap() else {
        panic!("a job waits")
    };
    assert_eq!(new.input, Some(job("new").input));
    let schema = |driver: &rusqlite::Connection| -> Vec<String> {
        let names = "SELECT type || ' ' || name FROM sqlite_schema ORDER BY 1";
        let mut names = driver.prepare(names).unwrap();
        let names = names.query_map((), |row| row.get(0)).unwrap();
        names.map(Result::unwrap).collect()
    };
    let fresh = Sqlite::start();
    fresh.open();
    assert_eq!(schema(&database.driver().0), schema(&fresh.driver().0));
}
