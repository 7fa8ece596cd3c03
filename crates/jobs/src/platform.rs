//! The interface to the runtime.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{Request, StatusCode};
use bytes::Bytes;

use crate::model::{Claimed, Millis, PartResult, Status};
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

    /// The place of the request that is being answered in a trace: a header `traceparent` (W3C Trace Context).
    fn place(&self) -> Option<String> {
        None
    }

    /// Works on a stage of a job, and records that as a span of a trace where there are traces.
    async fn traced(
        &self,
        _stage: &StageOfJob,
        work: impl Future<Output = Result<StageEnd, Error>>,
    ) -> Result<StageEnd, Error> {
        work.await
    }

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

/// What a trace tells about a claim of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageOfJob {
    /// The place of the job's submission in a trace: a header `traceparent` (W3C Trace Context).
    pub trace: Option<String>,
    /// The id of the job.
    pub job: String,
    /// Method and path of its route.
    pub route: String,
    /// `begin`, `part` or `join`.
    pub name: &'static str,
    /// The number of the part, if it is one.
    pub part: Option<u32>,
    /// The number of the claim.
    pub attempt: u32,
}

impl StageOfJob {
    pub(crate) fn of(claimed: &Claimed) -> Self {
        let Claimed {
            claim, job, join, ..
        } = claimed;
        Self {
            trace: job.trace.clone(),
            job: job.id.clone(),
            route: job.route.clone(),
            name: match claim.part {
                Some(_) => "part",
                None if *join => "join",
                None => "begin",
            },
            part: claim.part.map(|part| part.number),
            attempt: claim.attempt,
        }
    }
}

/// How a stage of a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageEnd {
    /// The job is cut into parts.
    Cut,
    /// The part is done.
    Part,
    /// The job ended in this state.
    Job(Status),
    /// The claim was outdated: it is another runner's job.
    Lost,
}

impl StageEnd {
    /// Its name, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Part => "done",
            Self::Job(status) => status.as_str(),
            Self::Lost => "lost",
        }
    }
}

/// Milliseconds since the Unix epoch.
#[must_use]
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Millis::try_from(since.unwrap_or_default().as_millis()).unwrap_or(Millis::MAX)
}
