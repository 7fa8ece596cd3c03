//! The model of a job.

use std::collections::BTreeMap;
use std::str::FromStr;

/// A time in milliseconds since the Unix epoch, or a duration in milliseconds.
pub type Millis = u64;

/// The most attempts of a job, of each of its parts, and of each join: when the lease of the last one runs out, the job fails
/// with [`worker_lost`](crate::worker_lost).
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
    /// It was canceled and has no answer.
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

    /// Whether this state is final.
    #[must_use]
    pub fn is_ended(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}

/// A text that is not the name of a [`Status`].
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

/// The input of a job.
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

/// The current state of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id, unique in the store.
    pub id: String,
    /// Method and path of its route, such as `POST /asr`.
    pub route: String,
    /// Who submitted it; empty where nobody was asked.
    pub owner: String,
    /// The place of its submission in a trace: a header `traceparent` (W3C Trace Context). A queue sets it.
    pub trace: Option<String>,
    /// Its state.
    pub status: Status,
    /// Whether it was asked to stop.
    pub cancel_requested: bool,
    /// The progress of the current or last attempt, as JSON text.
    pub progress: Option<String>,
    /// How many of its parts are done, while it runs in parts.
    pub parts: Option<PartsDone>,
    /// The number of attempts so far; once it is cut into parts, those of the join, but at least 1.
    pub attempts: u32,
    /// When it was submitted.
    pub created_at: Millis,
    /// When the last attempt began.
    pub started_at: Option<Millis>,
    /// When it ended.
    pub finished_at: Option<Millis>,
    /// When it is deleted; known once it has ended.
    pub expires_at: Option<Millis>,
    /// The webhook to call at its end.
    pub webhook: Option<String>,
}

/// An idempotency key. It is valid as long as its job exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The key itself.
    pub name: String,
    /// A digest of its request.
    pub fingerprint: String,
}

/// A job to submit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its id, unique in the store. An id may be used again after its job is deleted, but only for the same request: a lost
    /// worker of the former job could end the new one.
    pub id: String,
    /// Method and path of its route, such as `POST /asr`.
    pub route: String,
    /// Who submits it; empty where nobody was asked.
    pub owner: String,
    /// The place of its submission in a trace: a header `traceparent` (W3C Trace Context). A queue sets it.
    pub trace: Option<String>,
    /// How many jobs of its owner may wait, if that is limited.
    pub share: Option<u64>,
    /// What it computes from.
    pub input: Input,
    /// Idempotency key.
    pub key: Option<Key>,
    /// When it is dropped if it is still waiting and was not submitted again; without it, never.
    pub interest: Option<Millis>,
    /// The webhook to call at its end.
    pub webhook: Option<String>,
    /// How long it is kept after its end.
    pub expires_after: Millis,
}

impl NewJob {
    /// The job right after its submission.
    pub(crate) fn queued(&self, now: Millis) -> Job {
        Job {
            id: self.id.clone(),
            route: self.route.clone(),
            owner: self.owner.clone(),
            trace: self.trace.clone(),
            status: Status::Queued,
            cancel_requested: false,
            progress: None,
            parts: None,
            attempts: 0,
            created_at: now,
            started_at: None,
            finished_at: None,
            expires_at: None,
            webhook: self.webhook.clone(),
        }
    }
}

/// The result of a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// It is a new job.
    New(Job),
    /// There is already this job with the same id, or with the same key and fingerprint. If it has not ended, it keeps the
    /// later of the two times of interest; nothing else changed.
    Existing(Job),
    /// The key belongs to a job of another fingerprint.
    Conflict,
    /// Too many jobs are waiting.
    Full {
        /// The number of waiting jobs.
        waiting: u64,
    },
    /// As many jobs of its owner wait as may.
    ShareFull {
        /// How many of them wait.
        waiting: u64,
    },
}

/// The right to work on a job, or on a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub id: String,
    /// The part, if it is not the job itself.
    pub part: Option<PartId>,
    /// The number of the claim, from 1. The next claim of the same job or part makes it outdated.
    pub attempt: u32,
}

/// The name of a part in its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId {
    /// The number of the claim that has cut the job.
    pub cut: u32,
    /// The number of the part in this cut, from 0.
    pub number: u32,
}

/// A claimed job, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The right to work on it.
    pub claim: Claim,
    /// The job.
    pub job: Job,
    /// Whether the results of its parts are to be joined.
    pub join: bool,
    /// Its input, that of the part, or the rest for the join; `None` if a version of the store without [`Input`] stored the
    /// job.
    pub input: Option<Input>,
}

/// How a job is cut into parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// What the join needs beside the results.
    pub rest: Vec<u8>,
    /// The number of parts that were added under the claim.
    pub parts: u32,
    /// The sum of weights at which the remaining parts are dropped.
    pub enough: Option<u64>,
}

/// The result of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartResult {
    /// The result, serialised.
    pub bytes: Vec<u8>,
    /// What it counts towards [`Cut::enough`].
    pub weight: u64,
}

/// How far a job in parts is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartsDone {
    /// Parts that are done.
    pub done: u32,
    /// Parts of the last cut.
    pub of: u32,
}

/// The next task of a runner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// This job, or part of a job.
    Job(Box<Claimed>),
    /// No job is waiting. A lease runs out, or a webhook is due, at this time, which may be past.
    Later(Millis),
    /// Jobs are waiting, but the limit of running jobs is reached; the first of their leases runs out at this time.
    Busy(Millis),
    /// Nothing, until another job is submitted.
    Idle,
}

/// The state of a claim's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// The claim holds, for the duration of a lease from now.
    Held,
    /// As `Held`, and the job is to be canceled.
    CancelRequested,
    /// The claim is outdated, the job has ended, or the part is no longer needed.
    Lost,
}

/// How a job ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With an answer.
    Outcome(Outcome),
    /// Without one, because it was canceled.
    Canceled,
}

/// A page of the list of jobs.
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
    /// The number of this attempt, from 1. The next attempt makes it outdated.
    pub attempt: u32,
}

/// What a store counts for operators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// When the oldest waiting job was submitted.
    pub oldest_waiting: Option<Millis>,
    /// By the route of the jobs, such as `POST /asr`.
    pub routes: BTreeMap<String, RouteMetrics>,
    /// Since the store was made.
    pub speech: Speech,
}

/// Speech that was recognised, as jobs and for clients that waited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Speech {
    /// How long the sound is.
    pub sound: Millis,
    /// How long its recognition took.
    pub recognition: Millis,
}

/// The jobs of a route; their parts are not counted. All but the first two fields count since the store was made, and never fall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteMetrics {
    /// Jobs that wait now.
    pub waiting: u64,
    /// Jobs that run now.
    pub running: u64,
    /// Jobs that were submitted.
    pub submitted: u64,
    /// Claims: attempts, joins included, that began.
    pub claimed: u64,
    /// Claims after the first of a job.
    pub retried: u64,
    /// Leases that ran out before their job ended.
    pub lost: u64,
    /// Jobs that succeeded.
    pub succeeded: u64,
    /// Jobs that failed.
    pub failed: u64,
    /// Jobs that were canceled.
    pub canceled: u64,
}

impl Metrics {
    /// Sets a value of a route, by the name of its field, in which the stores keep it; those of speech have no route. Names of
    /// later versions are ignored.
    pub(crate) fn set(&mut self, route: String, name: &str, value: u64) {
        match name {
            "sound" => return self.speech.sound = value,
            "recognition" => return self.speech.recognition = value,
            _ => {}
        }
        let route = self.routes.entry(route).or_default();
        let field = match name {
            "waiting" => &mut route.waiting,
            "running" => &mut route.running,
            "submitted" => &mut route.submitted,
            "claimed" => &mut route.claimed,
            "retried" => &mut route.retried,
            "lost" => &mut route.lost,
            "succeeded" => &mut route.succeeded,
            "failed" => &mut route.failed,
            "canceled" => &mut route.canceled,
            _ => return,
        };
        *field = value;
    }
}
