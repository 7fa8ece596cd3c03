//! What a job is.

use std::str::FromStr;

/// A time in milliseconds since the Unix epoch, or a duration in milliseconds.
pub type Millis = u64;

/// How often a job is begun: when the lease of its last attempt runs out, it fails with [`worker_lost`](crate::worker_lost).
pub const MAX_ATTEMPTS: u32 = 3;

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// It waits to be claimed.
    Queued,
    /// A worker has claimed it.
    Running,
    /// It ended with an answer of status 2xx.
    Succeeded,
    /// It ended with an answer of another status.
    Failed,
    /// It ended without an answer, as was asked for.
    Canceled,
}

impl Status {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Canceled,
    ];

    /// Its name, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether a job in this state stays in it until it expires.
    #[must_use]
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A text that names no [`Status`].
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("'{0}' is not one of queued, running, succeeded, failed, canceled")]
pub struct UnknownStatus(pub String);

impl FromStr for Status {
    type Err = UnknownStatus;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| UnknownStatus(text.to_owned()))
    }
}

/// What a job computes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// The name of the [`Task`](crate::Task).
    pub task: String,
    /// The task's own input, serialised.
    pub bytes: Vec<u8>,
}

/// The answer that a job ended with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// HTTP status; 2xx is a success.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: Option<String>,
    /// The other headers that the route has set, as names and values.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Outcome {
    /// The state of a job that ended with it.
    #[must_use]
    pub fn job_status(&self) -> Status {
        if (200..300).contains(&self.status) {
            Status::Succeeded
        } else {
            Status::Failed
        }
    }
}

/// A job as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its name, unique in the store.
    pub id: String,
    /// Method and path of its route, such as `POST /asr`.
    pub route: String,
    /// Who submitted it; empty where nobody was asked.
    pub owner: String,
    /// Its state.
    pub status: Status,
    /// Whether it was asked to stop.
    pub cancel_requested: bool,
    /// How far the present or last attempt came, as JSON text.
    pub progress: Option<String>,
    /// How often it was begun.
    pub attempts: u32,
    /// When it was submitted.
    pub created_at: Millis,
    /// When it was begun the last time.
    pub started_at: Option<Millis>,
    /// When it ended.
    pub finished_at: Option<Millis>,
    /// When it is forgotten; known once it ended.
    pub expires_at: Option<Millis>,
    /// The address to be told of its end.
    pub webhook: Option<String>,
}

/// An idempotency key. It lives as long as the job that it came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key itself.
    pub name: String,
    /// A digest of what it was sent with.
    pub fingerprint: String,
}

/// A job to submit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its name, unique in the store. One that is used again once its job is gone must stand for the same
    /// request: a worker that was lost with the former job could end the new one.
    pub id: String,
    /// Method and path of its route, such as `POST /asr`.
    pub route: String,
    /// Who submits it; empty where nobody was asked.
    pub owner: String,
    /// How many jobs of its owner may wait, if that is limited.
    pub share: Option<u64>,
    /// What it computes from.
    pub input: Input,
    /// Idempotency key.
    pub key: Option<Key>,
    /// When it is dropped if it still waits then and was not submitted again; never without one.
    pub interest: Option<Millis>,
    /// The address to be told of its end.
    pub webhook: Option<String>,
    /// How long it is kept after its end.
    pub expires_after: Millis,
}

impl NewJob {
    /// The job that this one is when it has just been submitted.
    pub(crate) fn queued(&self, now: Millis) -> Job {
        Job {
            id: self.id.clone(),
            route: self.route.clone(),
            owner: self.owner.clone(),
            status: Status::Queued,
            cancel_requested: false,
            progress: None,
            attempts: 0,
            created_at: now,
            started_at: None,
            finished_at: None,
            expires_at: None,
            webhook: self.webhook.clone(),
        }
    }
}

/// What became of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It is a new job.
    New(Job),
    /// There is this job of the same name, or of the same key and fingerprint, already. If it has not ended,
    /// it now keeps the longer interest of the two; nothing else changed.
    Existing(Job),
    /// The key belongs to a job of another fingerprint.
    Conflict,
    /// As many jobs wait as may.
    Full {
        /// How many wait.
        waiting: u64,
    },
    /// As many jobs of its owner wait as may.
    ShareFull {
        /// How many of them wait.
        waiting: u64,
    },
}

/// The right to work on a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub id: String,
    /// Which of the job's attempts this is, from 1. The next attempt makes it outdated.
    pub attempt: u32,
}

/// A claimed job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The right to work on it.
    pub claim: Claim,
    /// The job.
    pub job: Job,
    /// What it computes from; `None` where a version of the store kept the job that knew no [`Input`].
    pub input: Option<Input>,
}

/// What a runner is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This job.
    Job(Box<Claimed>),
    /// Nothing waits; a lease runs out, or a webhook is due, at this time. It may have come already.
    Later(Millis),
    /// Jobs wait, but as many run as may; the first of their leases runs out at this time.
    Busy(Millis),
    /// Nothing, until another job is submitted.
    Idle,
}

/// What became of a claim's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// The job is the claimant's, for the length of a lease from now.
    Held,
    /// As `Held`, and the job was asked to stop.
    CancelRequested,
    /// The claim is outdated, or the job has ended.
    Lost,
}

/// How a job ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an answer.
    Outcome(Outcome),
    /// Without one, because it was asked to stop.
    Canceled,
}

/// A part of the list of jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Jobs, the newest first.
    pub jobs: Vec<Job>,
    /// The cursor of the next page, if there is more.
    pub next: Option<String>,
}

/// A webhook to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The job that ended.
    pub id: String,
    /// The address to call.
    pub url: String,
    /// Which attempt at the call this is, from 1. The next attempt makes it outdated.
    pub attempt: u32,
}
