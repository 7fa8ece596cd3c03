//! The schema of the SQLite store, and the settings of a connection.

use super::row::Row;
use crate::driver::Sql;
use crate::store::Error;

/// The version of the schema, kept in the database as `user_version`.
///
/// 1 kept the HTTP request of a job, in a table `requests`. 2 keeps its [`Input`](crate::Input), and the headers of
/// an answer. In 3 a job has an owner. 4 has counters, 5 has parts. In 6 a job has a trace. In 7 parts are computed while
/// the job is being cut.
const VERSION: i64 = 7;

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
        owner TEXT NOT NULL DEFAULT '',
        stage TEXT,
        base INTEGER NOT NULL DEFAULT 0,
        trace TEXT)",
    INPUTS,
    COUNTERS,
    CUTS,
    PARTS,
    PART_BYTES,
];

/// The last cut of a job. The job's `stage` is 'parts' or 'join', and `base` the claims that it had before. While its beginning
/// is cut the job has no stage yet, and the total is 0.
const CUTS: &str = "CREATE TABLE IF NOT EXISTS cuts (
    job TEXT PRIMARY KEY,
    total INTEGER NOT NULL,
    done INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    weight INTEGER NOT NULL,
    enough INTEGER,
    lottery INTEGER NOT NULL)";

/// The parts of jobs. The status is 'queued', 'running', 'done'; that of a join's parts is 'added' before its cut.
const PARTS: &str = "CREATE TABLE IF NOT EXISTS parts (
    id INTEGER PRIMARY KEY,
    job TEXT NOT NULL,
    cut INTEGER NOT NULL,
    number INTEGER NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    lease_until INTEGER)";

/// What a part is computed from, then its result.
const PART_BYTES: &str = "CREATE TABLE IF NOT EXISTS part_bytes (
    id INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL)";

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

/// From version 4 to 5.
const FROM_4: &[&str] = &[
    "ALTER TABLE jobs ADD COLUMN stage TEXT",
    "ALTER TABLE jobs ADD COLUMN base INTEGER NOT NULL DEFAULT 0",
    CUTS,
    PARTS,
    PART_BYTES,
    "DROP TRIGGER IF EXISTS job_ended",
    "DROP TRIGGER IF EXISTS job_forgotten",
    "DROP TRIGGER IF EXISTS count_retried",
    "DROP TRIGGER IF EXISTS count_lost",
];

/// From version 5 to 6. The view comes back with the others.
const FROM_5: &[&str] = &[
    "ALTER TABLE jobs ADD COLUMN trace TEXT",
    "DROP VIEW IF EXISTS submissions",
];

/// From version 6 to 7. The triggers come back with the others.
const FROM_6: &[&str] = &[
    "DROP TRIGGER IF EXISTS job_lost",
    "DROP TRIGGER IF EXISTS add_part",
    "DROP TRIGGER IF EXISTS cut_job",
    "DROP TRIGGER IF EXISTS part_done",
];

/// The steps from version to version, beginning with that from 1.
const STEPS: [&[&str]; 6] = [FROM_1, FROM_2, FROM_3, FROM_4, FROM_5, FROM_6];

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
    "CREATE INDEX IF NOT EXISTS jobs_join ON jobs (id)
        WHERE status = 'running' AND stage = 'join' AND lease_until IS NULL",
    "CREATE INDEX IF NOT EXISTS cuts_waiting ON cuts (lottery) WHERE waiting > 0",
    "CREATE UNIQUE INDEX IF NOT EXISTS parts_number ON parts (job, cut, number)",
    "CREATE INDEX IF NOT EXISTS parts_waiting ON parts (job, number) WHERE status = 'queued'",
    "CREATE INDEX IF NOT EXISTS parts_lease ON parts (lease_until) WHERE status = 'running'",
    "CREATE VIEW IF NOT EXISTS submissions AS
        SELECT jobs.id, route, created_at, webhook, key, fingerprint, interest, expires_after, task, bytes, owner, trace
        FROM jobs JOIN inputs ON inputs.id = jobs.id",
    "CREATE TRIGGER IF NOT EXISTS submit INSTEAD OF INSERT ON submissions BEGIN
        INSERT INTO jobs (id, route, status, cancel_requested, attempts, created_at, webhook, deliveries,
            key, fingerprint, interest, expires_after, lottery, owner, trace)
        VALUES (NEW.id, NEW.route, 'queued', 0, 0, NEW.created_at, NEW.webhook, 0,
            NEW.key, NEW.fingerprint, NEW.interest, NEW.expires_after, random(), NEW.owner, NEW.trace);
        INSERT INTO inputs (id, task, bytes) VALUES (NEW.id, NEW.task, NEW.bytes);
    END",
    "CREATE TRIGGER IF NOT EXISTS job_ended AFTER UPDATE OF finished_at ON jobs
        WHEN NEW.finished_at IS NOT NULL BEGIN
        DELETE FROM inputs WHERE id = NEW.id;
        DELETE FROM parts WHERE job = NEW.id;
        DELETE FROM cuts WHERE job = NEW.id;
    END",
    "CREATE TRIGGER IF NOT EXISTS job_forgotten AFTER DELETE ON jobs BEGIN
        DELETE FROM inputs WHERE id = OLD.id;
        DELETE FROM parts WHERE job = OLD.id;
        DELETE FROM cuts WHERE job = OLD.id;
    END",
    "CREATE TRIGGER IF NOT EXISTS job_lost AFTER UPDATE OF status ON jobs
        WHEN OLD.lease_until IS NOT NULL AND NEW.lease_until IS NULL AND NEW.finished_at IS NULL BEGIN
        DELETE FROM parts WHERE job = NEW.id AND (status = 'added' OR NEW.stage IS NULL);
        DELETE FROM cuts WHERE job = NEW.id AND NEW.stage IS NULL;
    END",
    "CREATE VIEW IF NOT EXISTS additions AS
        SELECT job, cut, number, bytes FROM parts JOIN part_bytes ON part_bytes.id = parts.id",
    "CREATE TRIGGER IF NOT EXISTS add_part INSTEAD OF INSERT ON additions BEGIN
        INSERT OR IGNORE INTO parts (job, cut, number, status, attempts)
        SELECT id, NEW.cut, NEW.number, CASE WHEN stage IS NULL THEN 'queued' ELSE 'added' END, 0
        FROM jobs WHERE id = NEW.job;
        INSERT OR IGNORE INTO part_bytes (id, bytes)
        SELECT id, NEW.bytes FROM parts WHERE job = NEW.job AND cut = NEW.cut AND number = NEW.number;
    END",
    "CREATE TRIGGER IF NOT EXISTS part_added AFTER INSERT ON parts WHEN NEW.status = 'queued' BEGIN
        INSERT OR IGNORE INTO cuts (job, total, done, waiting, weight, lottery)
        VALUES (NEW.job, 0, 0, 0, 0, random());
        UPDATE cuts SET waiting = waiting + 1 WHERE job = NEW.job;
    END",
    "CREATE VIEW IF NOT EXISTS divisions AS
        SELECT job, 0 AS cut, total, enough, bytes AS rest FROM cuts JOIN inputs ON inputs.id = job",
    "CREATE TRIGGER IF NOT EXISTS cut_job INSTEAD OF INSERT ON divisions BEGIN
        DELETE FROM parts WHERE job = NEW.job AND cut <> NEW.cut;
        UPDATE parts SET status = 'queued' WHERE job = NEW.job AND status = 'added';
        DELETE FROM cuts WHERE job = NEW.job
            AND EXISTS (SELECT 1 FROM jobs WHERE id = NEW.job AND stage IS NOT NULL);
        INSERT OR IGNORE INTO cuts (job, total, done, waiting, weight, lottery)
        VALUES (NEW.job, 0, 0, 0, 0, random());
        UPDATE cuts SET total = NEW.total, enough = NEW.enough,
            waiting = (SELECT count(*) FROM parts WHERE job = NEW.job AND status = 'queued') WHERE job = NEW.job;
        UPDATE inputs SET bytes = NEW.rest WHERE id = NEW.job;
        UPDATE jobs SET stage = 'parts', base = attempts, lease_until = NULL WHERE id = NEW.job;
        UPDATE jobs SET stage = 'join' WHERE id = NEW.job
            AND EXISTS (SELECT 1 FROM cuts WHERE job = NEW.job AND (done = total OR weight >= enough));
    END",
    "CREATE TRIGGER IF NOT EXISTS part_claimed AFTER UPDATE OF attempts ON parts BEGIN
        UPDATE cuts SET waiting = waiting - 1, lottery = random() WHERE job = NEW.job;
    END",
    "CREATE TRIGGER IF NOT EXISTS part_lost AFTER UPDATE OF status ON parts
        WHEN OLD.status = 'running' AND NEW.status = 'queued' BEGIN
        UPDATE cuts SET waiting = waiting + 1 WHERE job = NEW.job;
    END",
    "CREATE VIEW IF NOT EXISTS part_results AS
        SELECT parts.id, job, bytes, 0 AS weight FROM parts JOIN part_bytes ON part_bytes.id = parts.id",
    "CREATE TRIGGER IF NOT EXISTS part_done INSTEAD OF INSERT ON part_results BEGIN
        UPDATE parts SET status = 'done', lease_until = NULL WHERE id = NEW.id;
        UPDATE part_bytes SET bytes = NEW.bytes WHERE id = NEW.id;
        UPDATE cuts SET done = done + 1, weight = weight + NEW.weight WHERE job = NEW.job;
        UPDATE jobs SET stage = 'join' WHERE id = NEW.job AND stage = 'parts'
            AND EXISTS (SELECT 1 FROM cuts WHERE job = NEW.job AND (done = total OR weight >= enough));
    END",
    "CREATE TRIGGER IF NOT EXISTS parts_done AFTER UPDATE OF stage ON jobs
        WHEN OLD.stage = 'parts' AND NEW.stage = 'join' BEGIN
        DELETE FROM parts WHERE job = NEW.id AND status <> 'done';
        UPDATE cuts SET waiting = 0 WHERE job = NEW.id;
    END",
    "CREATE TRIGGER IF NOT EXISTS part_forgotten AFTER DELETE ON parts BEGIN
        DELETE FROM part_bytes WHERE id = OLD.id;
    END",
    count!("count_submitted", "INSERT ON jobs", "'submitted'"),
    count!("count_claimed", "UPDATE OF attempts ON jobs", "'claimed'"),
    count!(
        "count_retried",
        "UPDATE OF attempts ON jobs WHEN NEW.attempts - NEW.base > 1",
        "'retried'"
    ),
    count!(
        "count_ended",
        "UPDATE OF finished_at ON jobs WHEN NEW.finished_at IS NOT NULL",
        "NEW.status"
    ),
    // A job that is lost and ends with that keeps its lease. A lost join does not change the status.
    count!(
        "count_lost",
        "UPDATE OF status ON jobs WHEN OLD.status = 'running' AND OLD.lease_until IS NOT NULL
        AND (NEW.finished_at IS NULL) = (NEW.lease_until IS NULL)",
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
    let found = version(driver).await?;
    // Another connection was first.
    if found == VERSION {
        return Ok(());
    }
    // A new database has version 0.
    let steps = usize::try_from(found - 1)
        .ok()
        .and_then(|first| STEPS.get(first..));
    let tables = steps.unwrap_or(&[TABLES]);
    for statement in tables.iter().copied().flatten().chain(AROUND) {
        driver.execute(statement, &[]).await?;
    }
    driver
        .execute(&format!("PRAGMA user_version = {VERSION}"), &[])
        .await?;
    Ok(())
}
