use std::{collections::BTreeMap, fs, sync::Arc};

use tempfile::TempDir;
use tokio::sync::Semaphore;

use super::{
    database::{Connection, Database, Location, open_all},
    rows::collect,
};
use crate::interfaces::bindings::sqlite::{QueryResult, Value};

struct Client {
    connection: Connection,
    alive: Arc<()>,
}

impl Client {
    fn new(database: &Database) -> Self {
        let permits = Arc::new(Semaphore::new(1));
        let permit = permits.try_acquire_owned().unwrap();
        let alive = Arc::default();
        Self {
            connection: database.connect(Arc::downgrade(&alive), permit).unwrap(),
            alive,
        }
    }

    fn execute(&self, statement: &str, parameters: Vec<Value>) -> Result<QueryResult, String> {
        let result = collect(&self.connection.inner, statement, parameters);
        result.map_err(|error| error.to_string())
    }

    fn number(&self, statement: &str) -> i64 {
        let result = self.execute(statement, vec![]).unwrap();
        match result.rows[0].values[0] {
            Value::Integer(number) => number,
            ref other => panic!("{other:?}"),
        }
    }
}

fn file(folder: &TempDir) -> Database {
    Database::open(Location {
        path: Some(folder.path().join("deep/er/data.db")),
        allow_attach_file: false,
    })
    .unwrap()
}

fn memory() -> Database {
    Database::open(Location {
        path: None,
        allow_attach_file: false,
    })
    .unwrap()
}

#[test]
fn values_come_back_as_they_went() {
    let client = Client::new(&memory());
    let parameters = vec![
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(-0.5),
        Value::Text("é\0".into()),
        Value::Blob(vec![0, 255]),
    ];
    let result = client
        .execute("SELECT ? AS a, ?, ?, ?, ? AS e", parameters)
        .unwrap();
    assert_eq!((&*result.columns[0], &*result.columns[4]), ("a", "e"));
    let row = &result.rows[0].values;
    assert!(
        matches!(row.as_slice(), [
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Real(real),
            Value::Text(text),
            Value::Blob(blob),
        ] if *real == -0.5 && text == "é\0" && blob == &[0, 255]),
        "{row:?}"
    );
}

#[test]
fn every_connection_to_memory_has_a_database_of_its_own() {
    let database = memory();
    let (one, other) = (Client::new(&database), Client::new(&database));
    one.execute("CREATE TABLE t (n)", vec![]).unwrap();
    assert!(other.execute("SELECT * FROM t", vec![]).is_err());
}

#[test]
fn connections_to_a_file_share_what_is_committed() {
    let folder = TempDir::new().unwrap();
    let database = file(&folder);
    database
        .execute("CREATE TABLE t (n); INSERT INTO t VALUES (1)")
        .unwrap();
    let (writer, reader) = (Client::new(&database), Client::new(&database));
    assert!(writer.execute("PRAGMA journal_mode", vec![]).is_ok());
    writer.execute("BEGIN IMMEDIATE", vec![]).unwrap();
    writer.execute("UPDATE t SET n = 2", vec![]).unwrap();
    // Nobody waits for a writer to read.
    assert_eq!(reader.number("SELECT n FROM t"), 1);
    writer.execute("COMMIT", vec![]).unwrap();
    assert_eq!(reader.number("SELECT n FROM t"), 2);
}

#[test]
fn what_a_connection_did_not_commit_goes_with_it() {
    let folder = TempDir::new().unwrap();
    let database = file(&folder);
    database.execute("CREATE TABLE t (n)").unwrap();
    let client = Client::new(&database);
    client.execute("BEGIN IMMEDIATE", vec![]).unwrap();
    client.execute("INSERT INTO t VALUES (1)", vec![]).unwrap();
    drop(client);
    let client = Client::new(&database);
    assert_eq!(client.number("SELECT count(*) FROM t"), 0);
    client.execute("BEGIN IMMEDIATE", vec![]).unwrap();
}

#[test]
fn no_statement_reaches_another_file() {
    let folder = TempDir::new().unwrap();
    let database = file(&folder);
    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (n)")
        .unwrap();
    let other = other.to_str().unwrap();
    let client = Client::new(&database);
    for statement in [
        format!("ATTACH '{other}' AS o"),
        format!("ATTACH 'file:{other}' AS o"),
        format!("ATTACH '{other}' || '' AS o"),
        format!("VACUUM INTO '{other}.copy'"),
        format!(
            "PRAGMA temp_store_directory = '{}'",
            folder.path().display()
        ),
        "SELECT load_extension('x')".to_owned(),
    ] {
        let refused = client.execute(&statement, vec![]).unwrap_err();
        assert!(refused.contains("authoriz"), "{statement}: {refused}");
    }
    let parameter = vec![Value::Text(other.to_owned())];
    assert!(client.execute("ATTACH ? AS o", parameter).is_err());
    for statement in ["ATTACH '' AS a", "ATTACH ':memory:' AS b", "VACUUM"] {
        client.execute(statement, vec![]).unwrap();
    }
}

#[test]
fn other_files_are_attached_where_that_is_configured() {
    let folder = TempDir::new().unwrap();
    let database = Database::open(Location {
        path: None,
        allow_attach_file: true,
    })
    .unwrap();
    let other = folder.path().join("other.db");
    let parameter = vec![Value::Text(other.to_str().unwrap().to_owned())];
    Client::new(&database)
        .execute("ATTACH ? AS o", parameter)
        .unwrap();
}

#[test]
fn a_wrong_statement_is_an_error() {
    let client = Client::new(&memory());
    for (statement, parameters, says) in [
        ("SELEC 1", vec![], "syntax error"),
        ("SELECT * FROM absent", vec![], "no such table"),
        ("SELECT ?", vec![], "parameter"),
        ("SELECT 1", vec![Value::Null], "parameter"),
        ("SELECT 1; SELECT 2", vec![], "Multiple statements"),
        ("SELECT CAST(x'ff' AS TEXT)", vec![], "UTF-8"),
        ("SELECT zeroblob(200000000)", vec![], "exceeds limit"),
    ] {
        let error = client.execute(statement, parameters).unwrap_err();
        assert!(error.contains(says), "{statement}: {error}");
    }
}

#[test]
fn a_statement_nobody_waits_for_ends() {
    let Client { connection, alive } = Client::new(&memory());
    drop(alive);
    let endless = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) \
                   SELECT count(*) FROM c";
    let error = collect(&connection.inner, endless, vec![]).unwrap_err();
    assert!(error.to_string().contains("interrupted"), "{error}");
}

#[test]
fn a_database_that_cannot_be_opened_is_named() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("text.db");
    fs::write(
        &path,
        "This is no database at all, but a text of some length.",
    )
    .unwrap();
    let location = Location {
        path: Some(path),
        allow_attach_file: false,
    };
    let locations = BTreeMap::from([("notes".to_owned(), location)]);
    let error = |label| match open_all(&locations, [("reader", label)]) {
        Ok(_) => panic!("opened"),
        Err(error) => format!("{error:#}"),
    };
    let refused = error("notes");
    assert!(
        refused.contains("'notes'") && refused.contains("text.db"),
        "{refused}"
    );
    assert!(refused.contains("not a database"), "{refused}");
    let refused = error("absent");
    assert!(refused.contains("[sqlite_database.absent]"), "{refused}");
}
