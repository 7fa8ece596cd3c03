//! SQLite databases.

use std::fs;
use std::path::Path;
use std::thread;

use runtime_tests::{Runtime, Server};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{encode, launch, tell};

fn start() -> Server {
    launch("storage").start()
}

/// Executes statements with their parameters on one connection to the default database.
fn sql(server: &Server, path: &str, statements: &Value) -> Result<Value, String> {
    sql_of("default", server, path, statements)
}

fn sql_of(
    database: &str,
    server: &Server,
    path: &str,
    statements: &Value,
) -> Result<Value, String> {
    let statements = encode(statements);
    tell(
        server,
        path,
        &format!("sql&database={database}&statements={statements}"),
    )
}

/// The rows of a single statement.
fn rows(server: &Server, statement: &str) -> Value {
    let result = sql(server, "/open/", &json!([[statement]])).unwrap();
    result["results"][0]["rows"].clone()
}

#[test]
fn values_come_back_as_they_went() {
    let app = start();
    let statement = "SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e";
    let parameters = [
        json!(null),
        json!(i64::MIN),
        json!(-0.5),
        json!("é'\0"),
        json!([0, 255]),
    ];
    let mut call = vec![json!(statement)];
    call.extend(parameters.iter().cloned());
    let result = sql(&app, "/open/", &json!([call])).unwrap();
    assert_eq!(
        result["results"][0]["columns"],
        json!(["a", "b", "c", "d", "e"])
    );
    assert_eq!(result["results"][0]["rows"], json!([parameters]));
}

#[test]
fn a_connection_counts_what_it_changed() {
    let app = start();
    let result = sql(
        &app,
        "/open/",
        &json!([
            ["CREATE TABLE t (id INTEGER PRIMARY KEY, n)"],
            ["INSERT INTO t (n) VALUES (?), (?), (?)", 1, 2, 3],
            ["UPDATE t SET n = n + 1 WHERE n > 1 RETURNING n"],
        ]),
    );
    let result = result.unwrap();
    assert_eq!(result["results"][2]["rows"], json!([[3], [4]]));
    assert_eq!(
        (&result["changes"], &result["last_insert_rowid"]),
        (&json!(2), &json!(3))
    );
}

#[test]
fn many_rows_are_streamed() {
    let app = start();
    let count = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5000) \
                 SELECT n FROM c";
    let expected: Vec<_> = (1..=5_000).map(|n| json!([n])).collect();
    assert_eq!(rows(&app, count), json!(expected));
    // A result that is not read to its end does not keep its connection busy.
    let first = tell(
        &app,
        "/open/",
        &format!("first&statement={}", encode(count)),
    );
    assert_eq!(first, Ok(json!([1])));
}

#[test]
fn what_goes_wrong_is_told() {
    let app = start();
    for (statements, says) in [
        (json!([["SELEC 1"]]), "syntax error"),
        (json!([["SELECT * FROM absent"]]), "no such table: absent"),
        (json!([["SELECT ?"]]), "Wrong number of parameters"),
        (
            json!([
                ["CREATE TABLE u (n UNIQUE)"],
                ["INSERT INTO u VALUES (1), (1)"]
            ]),
            "UNIQUE constraint",
        ),
        (
            json!([["ATTACH '/etc/hostname' AS other"]]),
            "not authorized",
        ),
    ] {
        let error = sql(&app, "/open/", &statements).unwrap_err();
        assert!(error.contains(says), "{statements}: {error}");
    }
    // Spin looks at names that are literals only.
    if Runtime::is_embedded() {
        let error = sql(
            &app,
            "/open/",
            &json!([["ATTACH ? AS other", "/tmp/other.db"]]),
        );
        assert!(error.unwrap_err().contains("not authorized"));
    }
}

#[test]
fn a_component_opens_what_its_manifest_names_and_nothing_else() {
    let app = start();
    let error = sql(&app, "/closed/", &json!([])).unwrap_err();
    assert!(error.contains("AccessDenied"), "{error}");
    for database in ["other", ""] {
        let error = sql_of(database, &app, "/open/", &json!([])).unwrap_err();
        assert!(error.contains("AccessDenied"), "{error}");
    }
}

#[test]
fn a_transaction_that_is_not_committed_leaves_nothing() {
    let app = start();
    sql(&app, "/open/", &json!([["CREATE TABLE t (n)"]])).unwrap();
    sql(
        &app,
        "/open/",
        &json!([["BEGIN IMMEDIATE"], ["INSERT INTO t VALUES (1)"]]),
    )
    .unwrap();
    sql(
        &app,
        "/open/",
        &json!([
            ["BEGIN IMMEDIATE"],
            ["INSERT INTO t VALUES (2)"],
            ["COMMIT"]
        ]),
    )
    .unwrap();
    assert_eq!(rows(&app, "SELECT n FROM t"), json!([[2]]));
}

#[test]
fn writers_at_once_lose_nothing() {
    // An instance for each request.
    let app = launch("storage")
        .arg("--max-instance-reuse-count=1")
        .start();
    sql(
        &app,
        "/open/",
        &json!([
            ["CREATE TABLE counter (n)"],
            ["INSERT INTO counter VALUES (0)"]
        ]),
    )
    .unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(tell(&app, "/open/", "increment&times=25"), Ok(json!(25))));
        }
    });
    assert_eq!(rows(&app, "SELECT n FROM counter"), json!([[200]]));
}

#[test]
fn what_was_committed_survives_a_crash() {
    let state = TempDir::new().unwrap();
    let mut app = launch("storage").state(state.path()).start();
    sql(
        &app,
        "/open/",
        &json!([["CREATE TABLE t (n)"], ["INSERT INTO t VALUES (1)"]]),
    )
    .unwrap();
    app.kill();
    assert!(state.path().join("sqlite_db.db").is_file());
    let app = launch("storage").state(state.path()).start();
    assert_eq!(rows(&app, "SELECT n FROM t"), json!([[1]]));
}

#[test]
fn without_a_state_folder_nothing_is_shared() {
    let app = launch("storage").state(Path::new("")).start();
    sql(&app, "/open/", &json!([["CREATE TABLE t (n)"]])).unwrap();
    assert!(sql(&app, "/open/", &json!([["SELECT n FROM t"]])).is_err());
}

#[test]
fn statements_of_the_command_line_come_first() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("more.sql");
    fs::write(&file, "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2);").unwrap();
    let app = launch("storage")
        .arg("--sqlite=CREATE TABLE t (n)")
        .arg(format!("--sqlite=@{}", file.display()))
        .start();
    assert_eq!(rows(&app, "SELECT n FROM t"), json!([[1], [2]]));
    let (status, output) = launch("storage").arg("--sqlite=SELEC").fail();
    assert!(
        !status.success() && output.contains("syntax error"),
        "{output}"
    );
}

#[test]
fn a_database_may_be_configured() {
    let (status, output) = launch("databases").fail();
    assert!(!status.success() && output.contains("notes"), "{output}");

    let folder = TempDir::new().unwrap();
    let (config, database) = (
        folder.path().join("config.toml"),
        folder.path().join("notes.db"),
    );
    let text = format!(
        "[sqlite_database.notes]\ntype = 'spin'\npath = '{}'\n",
        database.display()
    );
    fs::write(&config, text).unwrap();
    let app = launch("databases")
        .arg("--runtime-config-file")
        .arg(&config)
        .start();
    let create = json!([["CREATE TABLE t (n)"]]);
    sql_of("notes", &app, "/", &create).unwrap();
    let select = json!([["SELECT n FROM t"]]);
    assert!(
        sql(&app, "/", &select).is_err(),
        "the default one is another"
    );
    assert!(database.is_file());

    if Runtime::is_embedded() {
        fs::write(
            &config,
            "[sqlite_database.notes]\ntype = 'libsql'\nurl = 'https://h'\ntoken = 't'\n",
        )
        .unwrap();
        let (status, output) = launch("databases")
            .arg("--runtime-config-file")
            .arg(&config)
            .fail();
        assert!(!status.success() && output.contains("libSQL"), "{output}");
    }
}

#[test]
#[cfg_attr(spin, ignore = "the message is the embedded host's own")]
fn a_database_that_is_none_is_told_at_the_start() {
    let state = TempDir::new().unwrap();
    fs::write(
        state.path().join("sqlite_db.db"),
        "not a database, but a file of some length",
    )
    .unwrap();
    let (status, output) = launch("storage").state(state.path()).fail();
    assert!(
        !status.success() && output.contains("sqlite_db.db"),
        "{output}"
    );
    // What uses no database does not look.
    let app = launch("pair").state(state.path()).start();
    assert_eq!(tell(&app, "/steady/", "sleep&ms=1").unwrap(), "slept");
}
