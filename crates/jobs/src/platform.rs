//! The interface to the runtime.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{Request, StatusCode};
use bytes::Bytes;

use crate::model::{Millis, PartResult};
use crate::settings::Settings;
use crate::store::{Error, Store};

/// A runtime.
#[allow(async_fn_in_trait)] // Guests have one thread: no future need be `Send`.
pub trait Platform {
    /// Its store of jobs.
    type Store: Store;

    /// The operator's settings.
    fn settings(&self) -> &Settings;

    /// The store that the settings choose.
    ///
    /// # Errors
    /// When it cannot be reached.
    async fn store(&self) -> Result<Self::Store, Error>;

    /// Wakes a runner. A lost wake-up is not an error: the job is in the store, and each query for a job wakes runners again.
    async fn wake(&self);

    /// The present time.
    fn now(&self) -> Millis {
        now()
    }

    /// Waits.
    async fn sleep(&self, duration: Duration);

    /// Sends a request and returns the status of the response.
    ///
    /// # Errors
    /// The reason, if no response arrives.
    async fn send(&self, request: Request<Bytes>) -> Result<StatusCode, String>;

    /// How many cores are idle, including that of the caller; 1 if the runtime does not tell.
    async fn idle_cores(&self) -> usize {
        1
    }

    /// Has another instance of this process compute a part of a [`Task`](crate::Task) with this name.
    ///
    /// # Errors
    /// The reason why no result arrived.
    async fn part(&self, _task: &str, _part: Vec<u8>) -> Result<PartResult, String> {
        Err("other instances cannot be reached".to_owned())
    }
}

/// Milliseconds since the Unix epoch.
#[must_use]
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Millis::try_from(since.unwrap_or_default().as_millis()).unwrap_or(Millis::MAX)
}
