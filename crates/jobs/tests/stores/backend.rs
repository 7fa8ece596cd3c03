//! Databases to test on, and drivers for them.

use std::path::PathBuf;
use std::process::Child;
use std::sync::Mutex;

use jobs::{
    DriverError, Input, Key, Millis, NewJob, Redis, RedisStore, Reply, Sql, SqliteStore, Store,
    Value,
};
use pollster::block_on;
use tempfile::TempDir;

use crate::drivers::{self, spawn};
pub(crate) use crate::drivers::{RedisDriver, SqlDriver};

/// A fresh database.
pub(crate) trait Backend: Sync {
    type Store: Store;

    fn start() -> Self;

    /// A store on a connection of its own.
    fn open(&self) -> Self::Store;

    /// How many jobs, inputs and whatever else the database holds.
    fn records(&self) -> usize;

    /// How many inputs the database holds.
    fn inputs(&self) -> usize;

    /// How many records of parts the database holds.
    fn parts(&self) -> usize;
}

pub(crate) struct Sqlite(TempDir);

impl Sqlite {
    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("jobs.db")
    }

    pub(crate) fn driver(&self) -> SqlDriver {
        SqlDriver(rusqlite::Connection::open(self.path()).unwrap())
    }

    fn count(&self, table: &str) -> usize {
        let rows = block_on(
            self.driver()
                .execute(&format!("SELECT count(*) FROM {table}"), &[]),
        );
        let [Value::Integer(count)] = rows.unwrap()[0][..] else {
            panic!("no count")
        };
        count.try_into().unwrap()
    }
}

impl Backend for Sqlite {
    type Store = SqliteStore<SqlDriver>;

    fn start() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn open(&self) -> Self::Store {
        block_on(SqliteStore::open(self.driver())).unwrap()
    }

    fn records(&self) -> usize {
        self.count("jobs") + self.count("inputs") + self.parts()
    }

    fn inputs(&self) -> usize {
        self.count("inputs")
    }

    fn parts(&self) -> usize {
        self.count("parts") + self.count("part_bytes") + self.count("cuts")
    }
}

/// A Redis server that ends with the test.
pub(crate) struct Server {
    process: Mutex<Child>,
    directory: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Server {
    pub(crate) const INPUTS: u32 = 3;
    pub(crate) const RESULTS: u32 = 4;

    pub(crate) fn driver(&self) -> RedisDriver {
        self.connect().unwrap()
    }

    pub(crate) fn connect(&self) -> Result<RedisDriver, DriverError> {
        drivers::connect(&self.directory)
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.lock().unwrap().id()
    }

    /// Ends the server as a loss of power would.
    pub(crate) fn stop(&self) {
        let mut process = self.process.lock().unwrap();
        let _ = process.kill();
        let _ = process.wait();
    }

    /// Starts it again.
    pub(crate) fn resume(&self) {
        *self.process.lock().unwrap() = spawn(&self.directory);
    }

    /// All keys but the one of the counters, which outlive their jobs.
    pub(crate) fn keys(&self) -> Vec<String> {
        let driver = self.driver();
        [Self::INPUTS, Self::RESULTS]
            .into_iter()
            .flat_map(|database| {
                driver.run("SELECT", &[&database.to_string()]);
                driver.run("KEYS", &["*"])
            })
            .map(|reply| match reply {
                Reply::Binary(key) => String::from_utf8(key).unwrap(),
                other => panic!("{other:?} is not a key"),
            })
            .filter(|key| key != "routelets:counters")
            .collect()
    }
}

impl RedisDriver {
    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> Vec<Reply> {
        let arguments: Vec<_> = arguments
            .iter()
            .map(|argument| argument.as_bytes().to_vec())
            .collect();
        block_on(self.execute(command, &arguments)).unwrap()
    }
}

impl Backend for Server {
    type Store = RedisStore<RedisDriver>;

    fn start() -> Self {
        let directory = TempDir::new().unwrap();
        Self {
            process: Mutex::new(spawn(&directory)),
            directory,
        }
    }

    fn open(&self) -> Self::Store {
        RedisStore::new(self.driver(), Self::INPUTS, Self::RESULTS)
    }

    fn records(&self) -> usize {
        self.keys().len()
    }

    fn inputs(&self) -> usize {
        let is_input = |key: &&String| key.starts_with("routelets:input:");
        self.keys().iter().filter(is_input).count()
    }

    fn parts(&self) -> usize {
        let kinds = [
            "cut:",
            "parts:",
            "queue:",
            "tries:",
            "found:",
            "parted",
            "joins",
            "partleases",
        ];
        let is_of_parts = |key: &&String| {
            let kind = key.strip_prefix("routelets:").unwrap_or_default();
            kinds.iter().any(|prefix| kind.starts_with(prefix))
        };
        self.keys().iter().filter(is_of_parts).count()
    }
}

/// The present time of most tests.
pub(crate) const NOW: Millis = 1_763_734_000_000;

/// How long their jobs are kept.
pub(crate) const KEPT: Millis = 3_600_000;

/// The length of their leases.
pub(crate) const LEASE: Millis = 30_000;

/// More jobs than they submit.
pub(crate) const MANY: u64 = 1_000_000;

pub(crate) fn input(bytes: &[u8]) -> Input {
    Input {
        task: "factorize".to_owned(),
        bytes: bytes.to_vec(),
    }
}

pub(crate) fn job(id: &str) -> NewJob {
    NewJob {
        id: id.to_owned(),
        route: "POST /factorize".to_owned(),
        owner: String::new(),
        trace: Some(format!("trace of {id}")),
        share: None,
        input: input(id.as_bytes()),
        key: None,
        interest: None,
        webhook: None,
        expires_after: KEPT,
    }
}

pub(crate) fn key(name: &str, fingerprint: &str) -> Option<Key> {
    Some(Key {
        name: name.to_owned(),
        fingerprint: fingerprint.to_owned(),
    })
}
