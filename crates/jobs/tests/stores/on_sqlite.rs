//! What only the SQLite store does.

use jobs::{
    Claim, Cut, Ending, Error, NewJob, Next, Outcome, PartResult, SqliteStore, Status, Store,
    Submitted, outdated,
};
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
            known: 7
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
    let fresh = Sqlite::start();
    fresh.open();
    assert_eq!(
        schema(&database, "type || ' ' || name"),
        schema(&fresh, "type || ' ' || name")
    );
}

#[test]
fn takes_over_a_database_of_version_6() {
    let database = Sqlite::start();
    let old = database.driver();
    old.0.execute_batch(include_str!("schema_6.sql")).unwrap();
    let store = database.open();
    let fresh = Sqlite::start();
    fresh.open();
    let triggers = "CASE type WHEN 'trigger' THEN sql ELSE name END";
    assert_eq!(schema(&database, triggers), schema(&fresh, triggers));

    // The worker goes on with the job that it was cutting.
    let cutting = Claim {
        id: "cutting".to_owned(),
        part: None,
        attempt: 1,
    };
    let third = block_on(store.add_part(&cutting, 2, b"2".to_vec(), NOW));
    assert!(third.unwrap());
    let cut = Cut {
        rest: b"rest".to_vec(),
        parts: 3,
        enough: None,
    };
    assert!(block_on(store.cut(&cutting, cut, NOW)).unwrap());
    let mut claims = Vec::new();
    while let Next::Job(claimed) = block_on(store.claim(LEASE, None, NOW)).unwrap() {
        if claimed.claim.part.is_some() {
            let result = PartResult {
                bytes: claimed.input.unwrap().bytes,
                weight: 1,
            };
            assert!(block_on(store.finish_part(&claimed.claim, result, NOW)).unwrap());
        }
        claims.push(claimed.claim.id);
    }
    claims.sort();
    // Each with its parts and its join.
    let expected = [["cutting"; 4].as_slice(), &["parted"; 3], &["waits"]].concat();
    assert_eq!(claims, expected);
}

/// An expression of all of the schema.
fn schema(database: &Sqlite, expression: &str) -> Vec<String> {
    let all = format!("SELECT {expression} FROM sqlite_schema ORDER BY 1");
    let driver = database.driver();
    let mut all = driver.0.prepare(&all).unwrap();
    let all = all.query_map((), |row| row.get(0)).unwrap();
    all.map(Result::unwrap).collect()
}
