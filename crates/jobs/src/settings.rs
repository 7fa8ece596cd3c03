//! The operator's settings for jobs.

use crate::model::Millis;

/// The variables of components that use jobs; `spin.toml` explains them.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where jobs are stored.
    pub store: StoreKind,
    /// Jobs that may wait at once.
    pub max_waiting: u64,
    /// Jobs of one caller that may wait at once, where callers have names.
    pub max_waiting_per_caller: u64,
    /// Jobs that may run at once on the embedded store.
    pub concurrency: u64,
    /// Silence of a runner after which it loses its job.
    pub lease: Millis,
    /// How long results are kept.
    pub keep: Millis,
    /// The allowed origin of webhooks; its host may begin with `*.`.
    pub webhook_origin: String,
    /// The key that signs webhooks; without one they are not signed.
    pub webhook_secret: String,
}

/// The kind of store.
#[derive(Clone, Debug)]
pub enum StoreKind {
    /// The default SQLite database.
    Sqlite,
    /// A Redis server.
    Redis {
        /// `redis://host:port`, with the number of the database as its path.
        url: String,
        /// The number of the database for waiting and running jobs.
        database: u32,
        /// The number of the database for ended jobs.
        results_database: u32,
    },
}

impl StoreKind {
    /// Reads the variables; missing and invalid ones have their defaults.
    pub async fn load(variable: impl AsyncFn(&'static str) -> Option<String>) -> Self {
        let text = async |name| variable(name).await.unwrap_or_default();
        let database = async |name, default| text(name).await.parse::<u32>().unwrap_or(default);
        match text("jobs_store").await.as_str() {
            "redis" => {
                let inputs = database("redis_database", 0).await;
                let url = text("redis_url").await;
                Self::Redis {
                    url: format!("{}/{inputs}", url.trim_end_matches('/')),
                    database: inputs,
                    results_database: database("redis_results_database", 1).await,
                }
            }
            _ => Self::Sqlite,
        }
    }
}

impl Settings {
    /// Reads the variables; missing and invalid ones have their defaults.
    pub async fn load(variable: impl AsyncFn(&'static str) -> Option<String>) -> Self {
        let text = async |name| variable(name).await.unwrap_or_default();
        let number = async |name, default| text(name).await.parse::<u64>().unwrap_or(default);
        Self {
            store: StoreKind::load(&variable).await,
            max_waiting: number("max_waiting_jobs", 1000).await,
            max_waiting_per_caller: number("max_waiting_jobs_per_caller", 500).await,
            concurrency: number("job_concurrency", 2).await.max(1),
            lease: number("job_lease_seconds", 30).await.max(2) * 1000,
            keep: number("job_result_seconds", 3600).await.max(1) * 1000,
            webhook_origin: text("webhook_origin").await,
            webhook_secret: text("webhook_secret").await,
        }
    }

    /// Whether a message in the store, and not a request, wakes the runners.
    #[must_use]
    pub fn is_redis(&self) -> bool {
        matches!(self.store, StoreKind::Redis { .. })
    }
}
