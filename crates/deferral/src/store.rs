//! The store that the operator chose.

use std::time::{SystemTime, UNIX_EPOCH};

use jobs::{
    Claim, Delivery, Ending, Error, Job, Millis, NewJob, Next, Outcome, Page, RedisStore,
    SqliteStore, Standing, Status, Store, Submitted,
};

use crate::drivers::{SpinRedis, SpinSqlite};
use crate::settings::{Settings, StoreKind};

/// The channel on which workers hear that there is work.
const CHANNEL: &str = "routelets:jobs";

/// One of the stores. For one request or runner: they do not share a connection to SQLite.
pub enum AnyStore {
    /// In the default SQLite database.
    Sqlite(SqliteStore<SpinSqlite>),
    /// On a Redis server.
    Redis(RedisStore<SpinRedis>),
}

impl AnyStore {
    /// Opens the store.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn open(settings: &Settings) -> Result<Self, Error> {
        Ok(match &settings.store {
            StoreKind::Sqlite => Self::Sqlite(SqliteStore::open(SpinSqlite::open().await?).await?),
            StoreKind::Redis {
                url,
                database,
                results_database,
            } => Self::Redis(RedisStore::new(
                SpinRedis::new(url.clone()),
                *database,
                *results_database,
            )),
        })
    }
}

/// Wakes a runner. That none heard is no error: the job is in the store, and each look at a job
/// wakes again.
pub(crate) async fn wake(settings: &Settings) {
    let failed = match &settings.store {
        StoreKind::Sqlite => spin_sdk::http::post("http://worker.spin.internal/", "")
            .await
            .err()
            .map(|error| error.to_string()),
        StoreKind::Redis { url, .. } => SpinRedis::new(url.clone())
            .publish(CHANNEL, "")
            .await
            .err()
            .map(|error| error.to_string()),
    };
    if let Some(error) = failed {
        eprintln!("cannot wake a runner: {error}");
    }
}

/// Milliseconds since the Unix epoch.
#[must_use]
pub fn now() -> Millis {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

/// Hands each call to the store that is open.
macro_rules! either {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        impl Store for AnyStore {
            $(async fn $name(&self, $($argument: $type),*) -> Result<$result, Error> {
                match self {
                    Self::Sqlite(store) => store.$name($($argument),*).await,
                    Self::Redis(store) => store.$name($($argument),*).await,
                }
            })*
        }
    };
}

either! {
    submit(job: NewJob, max_waiting: u64, now: Millis) -> Submitted;
    claim(lease: Millis, max_running: Option<u64>, now: Millis) -> Next;
    heartbeat(claim: &Claim, progress: Option<&str>, lease: Millis, now: Millis) -> Standing;
    finish(claim: &Claim, ending: Ending, now: Millis) -> bool;
    get(id: &str, now: Millis) -> Option<Job>;
    outcome(id: &str, now: Millis) -> Option<Outcome>;
    cancel(id: &str, now: Millis) -> Option<Job>;
    remove(id: &str, now: Millis) -> bool;
    list(status: Option<Status>, after: Option<&str>, limit: u32, now: Millis) -> Page;
    load(now: Millis) -> u64;
    next_delivery(lease: Millis, now: Millis) -> Option<Delivery>;
    delivered(delivery: &Delivery, retry_at: Option<Millis>, now: Millis) -> ();
}
