//! Jobs: requests that are answered later.
//!
//! A route that may be deferred is a [`Task`]: `check` makes an input from a request, and the computation makes the answer from
//! the input. [`answer`] calls one after the other or, with `Prefer: respond-async` (RFC 7240), stores the input in a [`Store`] and
//! answers with a job. A runner ([`drain`]) claims the job, computes, and finishes it with the answer.
//!
//! A job goes from queued to running to succeeded, failed or canceled. The only way back is to queued, when the lease runs out;
//! a job has up to [`MAX_ATTEMPTS`] attempts. A claim carries the number of its attempt, and a heartbeat or an end from an
//! outdated attempt is refused. So each job ends exactly once, even if workers fail.
//!
//! A [`Parted`] task may cut a large job into parts, which are claimed, leased and attempted as jobs are. The last part that is
//! done puts the job back among those that can be claimed, for the join of the results. To a client, the job runs all the while.
//! For a client that waits, [`answer_parted`] has the parts computed by instances of the same process, without a store.
//!
//! Nothing here depends on Spin. [`Platform`] is the interface to the runtime, [`Sql`] and [`Redis`] those to database drivers;
//! the crate `guest` implements them for Spin. The stores read no clock: the caller passes the time.

mod defer;
mod driver;
mod fields;
mod fingerprint;
mod model;
mod params;
mod parts;
mod platform;
mod prefer;
mod queue;
mod redis;
mod runner;
mod settings;
mod sqlite;
mod store;
mod task;
mod together;
mod view;
mod webhook;

pub use defer::{answer, answer_parted, answer_with};
pub use driver::{DriverError, Redis, Reply, Sql, Value};
pub use model::{
    Claim, Claimed, Cut, Delivery, Ending, Input, Job, Key, Lease, MAX_ATTEMPTS, Metrics, Millis,
    NewJob, Next, Outcome, Page, PartId, PartResult, PartsDone, RouteMetrics, Speech, Status,
    Submitted, UnknownStatus,
};
pub use params::{DeferralHeaders, DeferralQuery};
pub use parts::{Done, Parted, Parts, Piece, Pieces, Stage, Step, Work, run, run_parted};
pub use platform::{Platform, StageEnd, StageOfJob, now};
pub use queue::Queue;
pub use redis::RedisStore;
pub use runner::drain;
pub use settings::{Settings, StoreKind};
pub use sqlite::SqliteStore;
pub use store::{Error, Store};
pub use task::{Mode, Progress, Task, Whole, outdated, worker_lost};
pub use together::together;
pub use view::{JobPage, JobView};
