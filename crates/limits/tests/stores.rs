//! Both stores, on real databases, against models.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../jobs/tests/stores/drivers.rs"]
mod drivers;

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::process::Child;
use std::time::Duration;

use access_settings::{Micros, Rate, Verdict};
use drivers::{RedisDriver, SqlDriver};
use jobs::{Sql, Value};
use limits::{LEASE, Upload};
use pollster::block_on;
use tempfile::TempDir;

const NOW: Micros = 1_795_824_000_000_000;

/// A database that counts.
trait Store {
    fn take(&self, bucket: &str, rate: Rate, now: Micros) -> Verdict;
    fn put_back(&self, bucket: &str, rate: Rate);
    fn begin(&self, upload: Upload<'_>, most: u32, now: Micros) -> bool;
    fn end(&self, upload: Upload<'_>);
}

impl Store for SqlDriver {
    fn take(&self, bucket: &str, rate: Rate, now: Micros) -> Verdict {
        block_on(limits::take_sql(self, bucket, rate, now)).unwrap()
    }

    fn put_back(&self, bucket: &str, rate: Rate) {
        block_on(limits::put_back_sql(self, bucket, rate)).unwrap();
    }

    fn begin(&self, upload: Upload<'_>, most: u32, now: Micros) -> bool {
        let most = NonZeroU32::new(most).unwrap();
        block_on(limits::begin_sql(self, upload, most, now)).unwrap()
    }

    fn end(&self, upload: Upload<'_>) {
        block_on(limits::end_sql(self, upload)).unwrap();
    }
}

/// A Redis server that ends with the test.
struct Server {
    process: Child,
    driver: RedisDriver,
    _directory: TempDir,
}

impl Server {
    fn start() -> Self {
        let directory = TempDir::new().unwrap();
        Self {
            process: drivers::spawn(&directory),
            driver: drivers::connect(&directory).unwrap(),
            _directory: directory,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Store for Server {
    fn take(&self, bucket: &str, rate: Rate, now: Micros) -> Verdict {
        block_on(limits::take_redis(&self.driver, bucket, rate, now)).unwrap()
    }

    fn put_back(&self, bucket: &str, rate: Rate) {
        block_on(limits::put_back_redis(&self.driver, bucket, rate)).unwrap();
    }

    fn begin(&self, upload: Upload<'_>, most: u32, now: Micros) -> bool {
        let most = NonZeroU32::new(most).unwrap();
        block_on(limits::begin_redis(&self.driver, upload, most, now)).unwrap()
    }

    fn end(&self, upload: Upload<'_>) {
        block_on(limits::end_redis(&self.driver, upload)).unwrap();
    }
}

fn sqlite() -> SqlDriver {
    let sqlite = SqlDriver(rusqlite::Connection::open_in_memory().unwrap());
    block_on(limits::prepare(&sqlite, NOW)).unwrap();
    sqlite
}

/// Numbers that look random and are the same in each run.
fn random() -> impl FnMut(u64) -> u64 {
    let mut state = 7_919_777_u64;
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

/// Stores say the same as the crate that defines rates.
fn check_buckets(store: &impl Store) {
    let rate = Rate::new(5, Duration::from_secs(10)).unwrap();
    let mut random = random();
    let (mut now, mut full, mut refused) = (NOW, 0, 0);
    for _ in 0..500 {
        now += random(3_000_000);
        let expected = match rate.take(full, now) {
            Some(next) => {
                full = next;
                rate.passed(next, now)
            }
            None => {
                refused += 1;
                rate.refused(full, now)
            }
        };
        assert_eq!(store.take("a", rate, now), expected);
    }
    assert!((50..450).contains(&refused), "{refused}");
    for _ in 0..2 {
        let other = store.take("b", rate, now);
        assert_eq!((other.allowed, other.remaining), (true, 4));
        store.put_back("b", rate);
    }
}

/// What an array of leases would say.
fn check_uploads(store: &impl Store) {
    const MOST: u32 = 3;
    let lease = Micros::try_from(LEASE.as_micros()).unwrap();
    let mut random = random();
    let mut leases: HashMap<(&str, String), Micros> = HashMap::new();
    let (mut now, mut begun, mut refused, mut lost) = (NOW, 0, 0, 0);
    for _ in 0..1_000 {
        now += random(lease / 4);
        let caller = ["key:ci", "user:ada"][usize::try_from(random(2)).unwrap()];
        let id = random(6).to_string();
        let upload = Upload { caller, id: &id };
        let held = leases.len();
        leases.retain(|_, until| *until > now);
        lost += held - leases.len();
        if random(4) == 0 {
            leases.remove(&(caller, id.clone()));
            store.end(upload);
            continue;
        }
        let others = leases
            .keys()
            .filter(|(whose, other)| *whose == caller && *other != id);
        let expected = others.count() < 3;
        assert_eq!(store.begin(upload, MOST, now), expected, "{upload:?}");
        if expected {
            begun += 1;
            leases.insert((caller, id), now + lease);
        } else {
            refused += 1;
        }
    }
    let numbers = [begun, refused, lost];
    assert!(numbers.iter().all(|number| *number > 50), "{numbers:?}");
}

/// Its caller's other uploads can begin again when a lease has run out, and not before.
fn check_a_lease(store: &impl Store) {
    let upload = |id| Upload {
        caller: "key:leases",
        id,
    };
    let lease = Micros::try_from(LEASE.as_micros()).unwrap();
    assert!(store.begin(upload("lost"), 1, NOW));
    assert!(!store.begin(upload("next"), 1, NOW + lease - 1));
    // A renewed lease counts from then.
    assert!(store.begin(upload("lost"), 1, NOW + lease - 1));
    assert!(!store.begin(upload("next"), 1, NOW + 2 * lease - 2));
    assert!(store.begin(upload("next"), 1, NOW + 2 * lease - 1));
    // Its place is taken.
    assert!(!store.begin(upload("lost"), 1, NOW + 2 * lease));
    // One that is not counted can end, as after a lost lease.
    store.end(upload("lost"));
    assert!(!store.begin(upload("lost"), 1, NOW + 2 * lease));
    store.end(upload("next"));
    assert!(store.begin(upload("lost"), 1, NOW + 2 * lease));
}

#[test]
fn sqlite_has_buckets() {
    check_buckets(&sqlite());
}

#[test]
fn redis_has_buckets() {
    check_buckets(&Server::start());
}

#[test]
fn sqlite_counts_uploads() {
    check_uploads(&sqlite());
    check_a_lease(&sqlite());
}

#[test]
fn redis_counts_uploads() {
    let server = Server::start();
    check_uploads(&server);
    check_a_lease(&server);
}

#[test]
fn what_is_past_is_not_kept() {
    let sqlite = sqlite();
    let count = |table: &str| {
        let rows = block_on(sqlite.execute(&format!("SELECT count(*) FROM {table}"), &[]));
        rows.unwrap()[0][0].clone()
    };
    let rate = Rate::new(5, Duration::from_secs(10)).unwrap();
    let (caller, id) = ("key:ci", "1");
    sqlite.take("a", rate, NOW);
    assert!(sqlite.begin(Upload { caller, id }, 1, NOW));
    for (seconds, kept) in [(1, 1), (61, 0)] {
        block_on(limits::prepare(&sqlite, NOW + seconds * 1_000_000)).unwrap();
        for table in ["buckets", "uploads"] {
            assert_eq!(
                count(table),
                Value::Integer(kept),
                "{table} after {seconds} s"
            );
        }
    }
}
