//! Jobs: requests that are answered later.
//!
//! A route that may be deferred is a [`Task`]: `check` makes an input from a request, `compute` makes the answer from the
//! input. [`answer`] calls one after the other or, with `Prefer: respond-async` (RFC 7240), stores the input in a [`Store`] and
//! answers with a job. A runner ([`drain`]) claims the job, computes, and finishes it with the answer.
//!
//! A job goes from queued to running to succeeded, failed or canceled. The only way back is to queued, when the lease runs out;
//! a job has up to [`MAX_ATTEMPTS`] attempts. A claim carries the number of its attempt, and a heartbeat or an end from an
//! outdated attempt is refused. So each job ends exactly once, even if workers fail.
//!
//! Nothing here depends on Spin. [`Platform`] is the interface to the runtime, [`Sql`] and [`Redis`] those to database drivers;
//! the crate `guest` implements them for Spin. The stores read no clock: the caller passes the time.

mod defer;
mod driver;
mod fields;
mod fingerprint;
mod model;
mod params;
mod platform;
mod prefer;
mod queue;
mod redis;
mod runner;
mod settings;
mod sqlite;
mod store;
mod task;
mod view;
mod webhook;

pub use defer::answer;
pub use driver::{DriverError, Redis, Reply, Sql, Value};
pub use model::{
    Claim, Claimed, Delivery, Ending, Input, Job, Key, Lease, MAX_ATTEMPTS, Metrics, Millis,
    NewJob, Next, Outcome, Page, RouteMetrics, Status, Submitted, UnknownStatus,
};
pub use params::{DeferralHeaders, DeferralQuery};
pub use platform::{Platform, now};
pub use queue::Queue;
pub use redis::RedisStore;
pub use runner::drain;
pub use settings::{Settings, StoreKind};
pub use sqlite::SqliteStore;
pub use store::{Error, Store};
pub use task::{Mode, Progress, Task, outdated, run, worker_lost};
pub use view::{JobPage, JobView};
