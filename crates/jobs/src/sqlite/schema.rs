//! The schema of the SQLite store, and the settings of a connection.

use super::row::Row;
use crate::driver::Sql;
use crate::store::Error;

/// The version of the schema, kept in the database as `user_version`.
///
/// 1 kept the HTTP request of a job, in a table `requests`. 2 keeps its [`Input`](crate::Input), and the headers of
/// an answer. In 3 a job has an owner. 4 has counters.
const VERSION: i64 = 4;

/// The tables.
const TABLES: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS jobs (
        id TEXT PRIMARY KEY,
        route TEXT NOT NULL,
        status TEXT NOT NULL,
        cancel_requested INTEGER NOT NULL,
        progress TEXT,
        attempts INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        started_at INTEGER,
        finished_at INTEGER,
        expires_at INTEGER,
        webhook TEXT,
        webhook_due INTEGER,
        deliveries INTEGER NOT NULL,
        key TEXT,
        fingerprint TEXT,
        interest INTEGER,
        expires_after INTEGER NOT NULL,
        lease_until INTEGER,
        lottery INTEGER NOT NULL,
        outcome_status INTEGER,
        outcome_type TEXT,
        outcome_body BLOB,
        outcome_headers TEXT,
        owner TEXT NOT NULL DEFAULT '')",
    INPUTS,
    COUNTERS,
];

/// What has happened so far to the jobs of a route, deleted ones included.
const COUNTERS: &str = "CREATE TABLE IF NOT EXISTS counters (
    route TEXT NOT NULL,
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (route, name)) WITHOUT ROWID";

/// A separate table, because an update of a row writes the whole row.
const INPUTS: &str = "CREATE TABLE IF NOT EXISTS inputs (
    id TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    bytes BLOB NOT NULL)";

/// From version 1 to 2. Waiting jobs lose their input: a runner ends them as failed.
const FROM_1: &[&str] = &[
    "ALTER TABLE jobs ADD COLUMN outcome_headers TEXT",
    INPUTS,
    "DROP VIEW submissions",
    "DROP TRIGGER job_ended",
    "DROP TRIGGER job_forgotten",
    "DROP TABLE requests",
];

/// From version 2 to 3. The jobs that are there belong to nobody.
const FROM_2: &[&str] = &[
    "ALTER TABLE jobs ADD COLUMN owner TEXT NOT NULL DEFAULT ''",
    "DROP VIEW IF EXISTS submissions",
    "DROP INDEX jobs_created",
    "DROP INDEX jobs_status",
];

/// From version 3 to 4. The triggers that count come with the others.
const FROM_3: &[&str] = &[COUNTERS];

/// A trigger that adds 1 to a counter of the job's route.
macro_rules! count {
    ($trigger:literal, $when:literal, $name:literal) => {
        concat!(
            "CREATE TRIGGER IF NOT EXISTS ",
            $trigger,
            " AFTER ",
            $when,
            " BEGIN
        INSERT INTO counters (route, name, value) VALUES (NEW.route, ",
            $name,
            ", 1)
            ON CONFLICT (route, name) DO UPDATE SET value = value + 1;
    END"
        )
    };
}

/// Indexes, and triggers that make every change of a job one statement. So changes are atomic, and a dropped future does not
/// leave a transaction open.
const AROUND: &[&str] = &[
    "CREATE UNIQUE INDEX IF NOT EXISTS jobs_key ON jobs (key) WHERE key IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS jobs_waiting ON jobs (lottery) WHERE status = 'queued'",
    "CREATE INDEX IF NOT EXISTS jobs_interest ON jobs (interest)
        WHERE status = 'queued' AND interest IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS jobs_lease ON jobs (lease_until) WHERE status = 'running'",
    "CREATE INDEX IF NOT EXISTS jobs_expiry ON jobs (expires_at) WHERE expires_at IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS jobs_webhook ON jobs (webhook_due, created_at, id)
        WHERE webhook_due IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS jobs_owner ON jobs (owner, created_at, id)",
    "CREATE INDEX IF NOT EXISTS jobs_owner_status ON jobs (owner, status, created_at, id)",
    "CREATE VIEW IF NOT EXISTS submissions AS
        SELECT jobs.id, route, created_at, webhook, key, fingerprint, interest, expires_after, task, bytes, owner
        FROM jobs JOIN inputs ON inputs.id = jobs.id",
    "CREATE TRIGGER IF NOT EXISTS submit INSTEAD OF INSERT ON submissions BEGIN
        INSERT INTO jobs (id, route, status, cancel_requested, attempts, created_at, webhook, deliveries,
            key, fingerprint, interest, expires_after, lottery, owner)
        VALUES (NEW.id, NEW.route, 'queued', 0, 0, NEW.created_at, NEW.webhook, 0,
            NEW.key, NEW.fingerprint, NEW.interest, NEW.expires_after, random(), NEW.owner);
        INSERT INTO inputs (id, task, bytes) VALUES (NEW.id, NEW.task, NEW.bytes);
    END",
    "CREATE TRIGGER IF NOT EXISTS job_ended AFTER UPDATE OF finished_at ON jobs
        WHEN NEW.finished_at IS NOT NULL BEGIN
        DELETE FROM inputs WHERE id = NEW.id;
    END",
    "CREATE TRIGGER IF NOT EXISTS job_forgotten AFTER DELETE ON jobs BEGIN
        DELETE FROM inputs WHERE id = OLD.id;
    END",
    count!("count_submitted", "INSERT ON jobs", "'submitted'"),
    count!("count_claimed", "UPDATE OF attempts ON jobs", "'claimed'"),
    count!(
        "count_retried",
        "UPDATE OF attempts ON jobs WHEN NEW.attempts > 1",
        "'retried'"
    ),
    count!(
        "count_ended",
        "UPDATE OF finished_at ON jobs WHEN NEW.finished_at IS NOT NULL",
        "NEW.status"
    ),
    // A job that is lost and ends with that keeps its lease.
    count!(
        "count_lost",
        "UPDATE OF status ON jobs WHEN OLD.status = 'running'
        AND (NEW.status = 'queued' OR NEW.finished_at IS NOT NULL AND NEW.lease_until IS NOT NULL)",
        "'lost'"
    ),
];

/// How often to try to switch a new database to write-ahead logging.
const SWITCHES: u32 = 20;

/// Prepares a connection, and the database if it is new.
pub(super) async fn prepare<D: Sql>(driver: &D) -> Result<(), Error> {
    driver.execute("PRAGMA busy_timeout = 5000", &[]).await?;
    log_ahead(driver).await?;
    // With this setting, a crash of the application loses nothing. For a crash of the machine see `SqliteStore::submit`.
    driver.execute("PRAGMA synchronous = NORMAL", &[]).await?;
    if version(driver).await? == VERSION {
        return Ok(());
    }
    driver.execute("BEGIN IMMEDIATE", &[]).await?;
    let migrated = migrate(driver).await;
    let end = if migrated.is_ok() {
        "COMMIT"
    } else {
        "ROLLBACK"
    };
    driver.execute(end, &[]).await?;
    migrated
}

/// With it, readers do not wait for a writer. The switch needs exclusive access, for which SQLite does not wait; a transaction
/// waits instead.
async fn log_ahead<D: Sql>(driver: &D) -> Result<(), Error> {
    let mut tries = 0;
    loop {
        match driver.execute("PRAGMA journal_mode = WAL", &[]).await {
            Ok(_) => return Ok(()),
            Err(error) if tries == SWITCHES => return Err(error.into()),
            Err(_) => tries += 1,
        }
        driver.execute("BEGIN IMMEDIATE", &[]).await?;
        driver.execute("COMMIT", &[]).await?;
    }
}

async fn version<D: Sql>(driver: &D) -> Result<i64, Error> {
    let rows = driver.execute("PRAGMA user_version", &[]).await?;
    let found = Row::first(rows)
        .ok_or(Error::Corrupt("no schema version"))?
        .integer()?;
    if found > VERSION {
        return Err(Error::NewerSchema {
            found,
            known: VERSION,
        });
    }
    Ok(found)
}

async fn migrate<D: Sql>(driver: &D) -> Result<(), Error> {
    let tables: [&[&str]; 3] = match version(driver).await? {
        // Another connection was first.
        VERSION => return Ok(()),
        3 => [FROM_3, &[], &[]],
        2 => [FROM_2, FROM_3, &[]],
        1 => [FROM_1, FROM_2, FROM_3],
        _ => [TABLES, &[], &[]],
    };
    for statement in tables.into_iter().flatten().chain(AROUND) {
        driver.execute(statement, &[]).await?;
    }
    driver
        .execute(&format!("PRAGMA user_version = {VERSION}"), &[])
        .await?;
    Ok(())
}
