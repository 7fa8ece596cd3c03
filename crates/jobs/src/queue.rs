//! Where the routes submit jobs and ask after them.

use axum::http::{HeaderValue, header};
use http_api::Problem;
use http_api::problem::{IDEMPOTENCY_KEY_REUSED, JOB_NOT_FOUND, STORE_UNAVAILABLE, TOO_MANY_JOBS};

use crate::model::{Job, NewJob, Outcome, Page, Status, Submitted};
use crate::platform::{Platform, now};
use crate::store::{Error, Store};
use crate::view::JobView;

/// The jobs, for the routes: what the store does, with its failures as problems.
pub struct Queue<P: Platform> {
    platform: P,
    store: P::Store,
}

impl<P: Platform> Queue<P> {
    /// Opens the store.
    ///
    /// # Errors
    /// `store-unavailable`, as each of the other operations.
    pub async fn open(platform: P) -> Result<Self, Problem> {
        let store = platform.store().await.map_err(unavailable)?;
        Ok(Self { platform, store })
    }

    /// The platform.
    pub fn platform(&self) -> &P {
        &self.platform
    }

    /// Adds a job, or finds the one that is the same; wakes a runner.
    ///
    /// # Errors
    /// `too-many-jobs`; `idempotency-key-reused` when its key belongs to another request.
    pub async fn submit(&self, job: NewJob) -> Result<Job, Problem> {
        let most = self.platform.settings().max_waiting;
        let submitted = self.store.submit(job, most, now()).await;
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
                return Err(Problem::new(TOO_MANY_JOBS, detail)
                    .with("load", waiting)
                    .header(header::RETRY_AFTER, HeaderValue::from_static("10")));
            }
        };
        self.wake(&job).await;
        Ok(job)
    }

    /// A job. Asking after one that has not ended wakes a runner, too: the last one may be lost.
    ///
    /// # Errors
    /// `job-not-found`.
    pub async fn get(&self, id: &str) -> Result<Job, Problem> {
        let job = self.store.get(id, now()).await.map_err(unavailable)?;
        let job = job.ok_or_else(|| not_found(id))?;
        self.wake(&job).await;
        Ok(job)
    }

    async fn wake(&self, job: &Job) {
        if !job.status.is_ended() {
            self.platform.wake().await;
        }
    }

    /// What the job has ended with, if it has and was not canceled.
    ///
    /// # Errors
    /// `store-unavailable`.
    pub async fn outcome(&self, job: &Job) -> Result<Option<Outcome>, Problem> {
        match job.status {
            Status::Succeeded | Status::Failed => {
                let outcome = self.store.outcome(&job.id, now()).await;
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
        let job = self.store.cancel(id, now()).await.map_err(unavailable)?;
        job.ok_or_else(|| not_found(id))
    }

    /// Forgets a job that has ended; false if there is none.
    ///
    /// # Errors
    /// `store-unavailable`.
    pub async fn remove(&self, id: &str) -> Result<bool, Problem> {
        self.store.remove(id, now()).await.map_err(unavailable)
    }

    /// At most `limit` jobs, the newest first, from `after` on.
    ///
    /// # Errors
    /// `invalid-parameter` when `after` is not the `next` of a page.
    pub async fn list(
        &self,
        status: Option<Status>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page, Problem> {
        let page = self.store.list(status, after, limit, now()).await;
        page.map_err(|error| match error {
            Error::InvalidCursor(_) => Problem::parameter(
                "after",
                "is not the 'next' of a page; leave it out for the first page",
            ),
            error => unavailable(error),
        })
    }

    /// How many jobs wait.
    ///
    /// # Errors
    /// `store-unavailable`.
    pub async fn load(&self) -> Result<u64, Problem> {
        self.store.load(now()).await.map_err(unavailable)
    }
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
