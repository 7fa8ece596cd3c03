//! The queue: routes submit jobs and query them here.

use axum::http::{HeaderValue, header};
use http_api::problem::{IDEMPOTENCY_KEY_REUSED, JOB_NOT_FOUND, STORE_UNAVAILABLE, TOO_MANY_JOBS};
use http_api::{Caller, Problem};

use crate::model::{Job, Metrics, Millis, NewJob, Outcome, Page, Status, Submitted};
use crate::platform::Platform;
use crate::store::{Error, Store};
use crate::view::JobView;

/// The operations of the store for routes, with its errors as problems.
pub struct Queue<P: Platform> {
    platform: P,
    store: P::Store,
    caller: Caller,
}

impl<P: Platform> Queue<P> {
    /// Opens the store for a caller, who then has and sees nobody else's jobs.
    ///
    /// # Errors
    /// `store-unavailable`, as each of the other operations.
    pub async fn open(platform: P, caller: Caller) -> Result<Self, Problem> {
        let store = platform.store().await.map_err(unavailable)?;
        Ok(Self {
            platform,
            store,
            caller,
        })
    }

    /// Whose jobs these are; empty where nobody was asked.
    pub fn owner(&self) -> &str {
        self.caller.id()
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    fn now(&self) -> Millis {
        self.platform.now()
    }

    /// Adds a job, or finds the same one; wakes a runner. The job and its key become the caller's.
    ///
    /// # Errors
    /// `too-many-jobs`; `idempotency-key-reused` when its key belongs to another request.
    pub async fn submit(&self, mut job: NewJob) -> Result<Job, Problem> {
        let settings = self.platform.settings();
        let most = settings.max_waiting;
        job.trace = self.platform.place();
        if !self.owner().is_empty() {
            self.owner().clone_into(&mut job.owner);
            job.share = Some(settings.max_waiting_per_caller);
            if let Some(key) = &mut job.key {
                // No caller has a blank in the name.
                key.name = format!("{} {}", self.owner(), key.name);
            }
        }
        let submitted = self.store.submit(job, most, self.now()).await;
        let job = match submitted.map_err(unavailable)? {
            Submitted::New(job) | Submitted::Existing(job) => job,
            Submitted::Conflict => {
                return Err(Problem::new(
                    IDEMPOTENCY_KEY_REUSED,
                    "the Idempotency-Key was sent before with another request; send a new key",
                ));
            }
            Submitted::Full { waiting } => {
                let detail = format!("{waiting} jobs are waiting; try again later");
                return Err(too_many(detail, waiting));
            }
            Submitted::ShareFull { waiting } => {
                let detail = format!("{waiting} of your jobs are waiting; try again later");
                return Err(too_many(detail, waiting));
            }
        };
        self.wake(&job).await;
        Ok(job)
    }

    /// A job. Querying one that has not ended wakes a runner, because the last one may be lost.
    ///
    /// # Errors
    /// `job-not-found`.
    pub async fn get(&self, id: &str) -> Result<Job, Problem> {
        let job = self.peek(id).await?;
        self.wake(&job).await;
        Ok(job)
    }

    /// A job, without waking a runner: for those who look several times a second.
    ///
    /// # Errors
    /// `job-not-found`.
    pub async fn peek(&self, id: &str) -> Result<Job, Problem> {
        self.own(id).await?.ok_or_else(|| not_found(id))
    }

    /// A job of the caller's.
    async fn own(&self, id: &str) -> Result<Option<Job>, Problem> {
        let job = self.store.get(id, self.now()).await.map_err(unavailable)?;
        Ok(job.filter(|job| job.owner == self.owner()))
    }

    async fn wake(&self, job: &Job) {
        if !job.status.is_ended() {
            self.resume().await;
        }
    }

    /// The outcome of a job that has succeeded or failed.
    ///
    /// # Errors
    /// `store-unavailable`.
    pub async fn outcome(&self, job: &Job) -> Result<Option<Outcome>, Problem> {
        match job.status {
            Status::Succeeded | Status::Failed => {
                let outcome = self.store.outcome(&job.id, self.now()).await;
                outcome.map_err(unavailable)
            }
            Status::Queued | Status::Running | Status::Canceled => Ok(None),
        }
    }

    /// The job as the API shows it, with its outcome.
    ///
    /// # Errors
    /// `store-unavailable`.
    pub async fn view(&self, job: Job) -> Result<JobView, Problem> {
        let outcome = self.outcome(&job).await?;
        Ok(JobView::new(job, outcome.as_ref()))
    }

    /// Cancels a job that has not ended; see [`Store::cancel`].
    ///
    /// # Errors
    /// `job-not-found`.
    pub async fn cancel(&self, id: &str) -> Result<Job, Problem> {
        if self.own(id).await?.is_none() {
            return Err(not_found(id));
        }
        let job = self
            .store
            .cancel(id, self.now())
            .await
            .map_err(unavailable)?;
        job.ok_or_else(|| not_found(id))
    }

    /// Deletes a job that has ended; false if there is none.
    ///
    /// # Errors
    /// `store-unavailable`.
    pub async fn remove(&self, id: &str) -> Result<bool, Problem> {
        if self.own(id).await?.is_none() {
            return Ok(false);
        }
        self.store.remove(id, self.now()).await.map_err(unavailable)
    }

    /// At most `limit` jobs of the caller's, the newest first, from `after` on.
    ///
    /// # Errors
    /// `invalid-parameter` when `after` is not the `next` of a page.
    pub async fn list(
        &self,
        status: Option<Status>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page, Problem> {
        let page = self
            .store
            .list(self.owner(), status, after, limit, self.now())
            .await;
        page.map_err(|error| match error {
            Error::InvalidCursor(_) => Problem::parameter(
                "after",
                "is not the 'next' of a page; leave it out for the first page",
            ),
            error => unavailable(error),
        })
    }

    /// Wakes a runner, whether or not a job is known to wait: after a restart, jobs and webhooks of clients that never ask again
    /// have nobody else to wake one.
    pub async fn resume(&self) {
        self.platform.wake().await;
    }

    /// The number of waiting jobs.
    ///
    /// # Errors
    /// `store-unavailable`.
    pub async fn load(&self) -> Result<u64, Problem> {
        self.store.load(self.now()).await.map_err(unavailable)
    }

    /// What the store counts, over the jobs of all callers.
    ///
    /// # Errors
    /// `store-unavailable`.
    pub async fn metrics(&self) -> Result<Metrics, Problem> {
        self.store.metrics(self.now()).await.map_err(unavailable)
    }
}

fn too_many(detail: String, load: u64) -> Problem {
    Problem::new(TOO_MANY_JOBS, detail)
        .with("load", load)
        .header(header::RETRY_AFTER, HeaderValue::from_static("10"))
}

fn unavailable(error: Error) -> Problem {
    Problem::new(
        STORE_UNAVAILABLE,
        "the job store does not answer; try again",
    )
    .because(error)
    .header(header::RETRY_AFTER, HeaderValue::from_static("5"))
}

fn not_found(id: &str) -> Problem {
    let detail = format!("there is no job '{id}'; results are kept only for a limited time");
    Problem::new(JOB_NOT_FOUND, detail)
}
