//! The trait that the stores implement.

use std::fmt;
use std::str::FromStr;

use crate::driver::DriverError;
use crate::model::{
    Claim, Cut, Delivery, Ending, Job, Lease, Metrics, Millis, NewJob, Next, Outcome, Page,
    PartResult, Speech, Status, Submitted,
};

/// A store operation failed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The database cannot be reached or refused a command. Whether a change was made is unknown; every
    /// operation can be repeated.
    #[error("the job store does not answer: {0}")]
    Driver(#[from] DriverError),
    /// The database contains something that no version of this store writes.
    #[error("the job store holds what it should not: {0}")]
    Corrupt(&'static str),
    /// The database was written by a newer version of this store.
    #[error("the job store has schema {found}, this program knows those up to {known}")]
    NewerSchema {
        /// The version in the database.
        found: i64,
        /// The newest one that this program knows.
        known: i64,
    },
    /// The cursor is not the `next` of a page.
    #[error("'{0}' is not a cursor of a page")]
    InvalidCursor(String),
}

/// A store of jobs.
///
/// The caller passes the time; `lease` is a duration. Each operation is atomic, also between processes, and a dropped future does
/// not leave partial changes.
///
/// A waiting job in which no client is interested any more, and a job that has expired, do not exist for any operation.
#[allow(async_fn_in_trait)] // Guests have one thread: no future need be `Send`.
pub trait Store {
    /// Adds a job, or finds the same one.
    ///
    /// # Errors
    /// Those of the database.
    async fn submit(&self, job: NewJob, max_waiting: u64, now: Millis) -> Result<Submitted, Error>;

    /// Claims a job that waits for its join; or else a random one of the waiting jobs and of the jobs with waiting parts, and of
    /// the latter a part; for the duration of a lease.
    ///
    /// Before that, jobs and parts whose lease has run out are queued again, or canceled if that was requested, or failed with
    /// [`worker_lost`](crate::worker_lost) after the last attempt. `max_running` limits how many leases there are at once, in
    /// all processes together.
    ///
    /// # Errors
    /// Those of the database.
    async fn claim(
        &self,
        lease: Millis,
        max_running: Option<u64>,
        now: Millis,
    ) -> Result<Next, Error>;

    /// Renews the lease of a claim, and stores the job's progress, as JSON text. The progress of a part is not stored, and its
    /// claim is lost when the job is to be canceled.
    ///
    /// A lease that has run out can be renewed until another operation notices.
    ///
    /// # Errors
    /// Those of the database.
    async fn heartbeat(
        &self,
        claim: &Claim,
        progress: Option<&str>,
        lease: Millis,
        now: Millis,
    ) -> Result<Lease, Error>;

    /// Adds a part to a job that is being cut; false if the claim is outdated or one of a part, and nothing changed. Adding a
    /// number again changes nothing.
    ///
    /// What the beginning of a job adds is computed from now on. What a join adds is computed from the [`cut`](Store::cut) on,
    /// since until then the results are those of the earlier cut. If the claim is lost before the cut, what was added under
    /// it is deleted, with its results.
    ///
    /// # Errors
    /// Those of the database.
    async fn add_part(
        &self,
        claim: &Claim,
        number: u32,
        bytes: Vec<u8>,
        now: Millis,
    ) -> Result<bool, Error>;

    /// Ends the cutting of a job into the parts that were added under this claim, and the claim; false if the claim is outdated
    /// or one of a part, or the job is to be canceled, and nothing changed. The rest takes the place of the job's input, and
    /// results of an earlier cut are deleted.
    ///
    /// When all parts are done, or those that are weigh enough, the job waits for its join. A claim of a part is lost
    /// when the job ends or the part is not needed any more.
    ///
    /// # Errors
    /// Those of the database.
    async fn cut(&self, claim: &Claim, cut: Cut, now: Millis) -> Result<bool, Error>;

    /// Keeps the result of a part; false if the claim is outdated, and nothing changed.
    ///
    /// # Errors
    /// Those of the database.
    async fn finish_part(
        &self,
        claim: &Claim,
        result: PartResult,
        now: Millis,
    ) -> Result<bool, Error>;

    /// The results of the parts of a job, in the order of the parts.
    ///
    /// # Errors
    /// Those of the database.
    async fn results(&self, claim: &Claim, now: Millis) -> Result<Vec<Vec<u8>>, Error>;

    /// Ends a job, under a claim of it or of one of its parts; false if the claim is outdated, and nothing changed.
    ///
    /// # Errors
    /// Those of the database.
    async fn finish(&self, claim: &Claim, ending: Ending, now: Millis) -> Result<bool, Error>;

    /// A job.
    ///
    /// # Errors
    /// Those of the database.
    async fn get(&self, id: &str, now: Millis) -> Result<Option<Job>, Error>;

    /// The answer of a job that succeeded or failed.
    ///
    /// # Errors
    /// Those of the database.
    async fn outcome(&self, id: &str, now: Millis) -> Result<Option<Outcome>, Error>;

    /// Cancels a waiting job, or one in parts, at once, asks a running one to stop, and leaves an ended one as it is.
    ///
    /// # Errors
    /// Those of the database.
    async fn cancel(&self, id: &str, now: Millis) -> Result<Option<Job>, Error>;

    /// Deletes an ended job; false if there is none with this id.
    ///
    /// # Errors
    /// Those of the database.
    async fn remove(&self, id: &str, now: Millis) -> Result<bool, Error>;

    /// At most `limit` jobs of an owner, the newest first, from `after` on, which is the `next` of another page.
    ///
    /// # Errors
    /// A cursor that no page carried; those of the database.
    async fn list(
        &self,
        owner: &str,
        status: Option<Status>,
        after: Option<&str>,
        limit: u32,
        now: Millis,
    ) -> Result<Page, Error>;

    /// The number of waiting jobs.
    ///
    /// # Errors
    /// Those of the database.
    async fn load(&self, now: Millis) -> Result<u64, Error>;

    /// What waits, what runs, and what has happened to jobs so far.
    ///
    /// # Errors
    /// Those of the database.
    async fn metrics(&self, now: Millis) -> Result<Metrics, Error>;

    /// Counts speech that was recognised.
    ///
    /// # Errors
    /// Those of the database.
    async fn recognised(&self, speech: Speech, now: Millis) -> Result<(), Error>;

    /// A webhook that is due. No other runner gets it for the duration of a lease.
    ///
    /// # Errors
    /// Those of the database.
    async fn next_delivery(&self, lease: Millis, now: Millis) -> Result<Option<Delivery>, Error>;

    /// Ends a delivery: it is done, or due again at `retry_at`. Nothing changes if another attempt has begun meanwhile.
    ///
    /// # Errors
    /// Those of the database.
    async fn delivered(
        &self,
        delivery: &Delivery,
        retry_at: Option<Millis>,
        now: Millis,
    ) -> Result<(), Error>;
}

/// The latest time: the greatest integer that Redis compares exactly.
pub(crate) const MAX_MILLIS: Millis = (1 << 53) - 1;

/// The greatest weight of a part, so that both stores add those of a million parts exactly.
pub(crate) const MAX_WEIGHT: u64 = 1 << 33;

/// The end of a time that begins now.
pub(crate) fn after(now: Millis, duration: Millis) -> Millis {
    now.saturating_add(duration).min(MAX_MILLIS)
}

/// The place of a job in a list. Its text sorts as the list does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) created_at: Millis,
    pub(crate) id: String,
}

/// The decimal digits of a cursor's time.
const DIGITS: usize = 16;

impl Cursor {
    pub(crate) fn of(job: &Job) -> Self {
        Self {
            created_at: job.created_at,
            id: job.id.clone(),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0DIGITS$}:{}", self.created_at, self.id)
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let invalid = || Error::InvalidCursor(text.to_owned());
        let (digits, id) = text.split_once(':').ok_or_else(invalid)?;
        if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        Ok(Self {
            created_at: digits.parse().map_err(|_| invalid())?,
            id: id.to_owned(),
        })
    }
}
