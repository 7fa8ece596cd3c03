//! What only the SQLite store does.

use jobs::{Error, SqliteStore, Store, Submitted};
use pollster::block_on;

use crate::backend::{Backend, MANY, NOW, Sqlite, job};

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
            known: 1
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
