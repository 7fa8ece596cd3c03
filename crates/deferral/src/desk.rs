//! Where the routes hand jobs in and ask after them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_api::Problem;
use http_api::problem::{IDEMPOTENCY_KEY_REUSED, STORE_UNAVAILABLE, TOO_MANY_JOBS};
use jobs::{Error, Job, NewJob, Outcome, Status, Store, Submitted};

use crate::settings::Settings;
use crate::store::{AnyStore, now, wake};

/// The store of the jobs, with the settings that chose it; its failures are problems.
pub struct Desk {
    /// The settings.
    pub settings: Settings,
    /// The store.
    pub store: AnyStore,
}

impl Desk {
    /// Opens the store of these settings.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn open(settings: Settings) -> Result<Self, Problem> {
        let store = AnyStore::open(&settings).await.map_err(unavailable)?;
        Ok(Self { settings, store })
    }

    /// Adds a job, or finds the one that is the same.
    ///
    /// # Errors
    /// When too many wait, when its key belongs to another request, when the store does not answer.
    pub async fn submit(&self, job: NewJob) -> Result<Job, Problem> {
        let submitted = self
            .store
            .submit(job, self.settings.max_waiting, now())
            .await;
        match submitted.map_err(unavailable)? {
            Submitted::New(job) | Submitted::Existing(job) => Ok(job),
            Submitted::Conflict => Err(Problem::new(
                IDEMPOTENCY_KEY_REUSED,
                "the Idempotency-Key was sent before with another request; take a new one",
            )),
            Submitted::Full { waiting } => {
                let detail = format!("{waiting} jobs are waiting; try again later");
                Err(Problem::new(TOO_MANY_JOBS, detail)
                    .with("load", waiting)
                    .header(header::RETRY_AFTER, HeaderValue::from_static("10")))
            }
        }
    }

    /// What the job has ended with, if it has and was not canceled.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn outcome(&self, job: &Job) -> Result<Option<Outcome>, Problem> {
        match job.status {
            Status::Succeeded | Status::Failed => {
                let outcome = self.store.outcome(&job.id, now()).await;
                outcome.map_err(unavailable)
            }
            Status::Queued | Status::Running | Status::Canceled => Ok(None),
        }
    }

    /// Wakes a runner.
    pub async fn wake(&self) {
        wake(&self.settings).await;
    }
}

/// The store does not answer.
#[must_use]
#[allow(clippy::needless_pass_by_value)] // For `map_err`.
pub fn unavailable(error: Error) -> Problem {
    eprintln!("the job store failed: {error}");
    Problem::new(
        STORE_UNAVAILABLE,
        "the job store does not answer; try again",
    )
    .header(header::RETRY_AFTER, HeaderValue::from_static("5"))
}

/// What the route has answered: its status, its media type, its body.
#[must_use]
pub fn respond(outcome: Outcome) -> Response {
    let status = StatusCode::from_u16(outcome.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, outcome.body).into_response();
    let content_type = outcome
        .content_type
        .and_then(|text| HeaderValue::try_from(text).ok());
    if let Some(content_type) = content_type {
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
    }
    response
}
