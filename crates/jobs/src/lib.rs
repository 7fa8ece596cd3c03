//! Jobs: requests that are answered later.
//!
//! A route that may be deferred is a [`Task`]: `check` makes an input of a request, `compute` makes an answer of the
//! input. [`answer`] does one after the other or, with `Prefer: respond-async` (RFC 7240), keeps the input in a
//! [`Store`] and answers with a job. A runner ([`drain`]) claims it, computes and finishes it with the answer.
//!
//! The states of a job are queued → running → succeeded, failed or canceled, and never back, but for a job whose lease
//! ran out: that one is queued again, [`MAX_ATTEMPTS`] times in all. A claim carries the number of its attempt, and a
//! heartbeat or an end from an outdated attempt is refused: so each job ends exactly once, whatever becomes of the
//! workers.
//!
//! Nothing here knows Spin. [`Platform`] is what jobs need of a runtime, [`Sql`] and [`Redis`] what the stores need
//! of a driver; the crate `guest` has Spin's. The stores read no clock: the caller passes the time.

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
    Claim, Claimed, Delivery, Ending, Input, Job, Key, Lease, MAX_ATTEMPTS, Millis, NewJob, Next,
    Outcome, Page, Status, Submitted, UnknownStatus,
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
