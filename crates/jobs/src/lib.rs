//! Jobs: requests that are answered later.
//!
//! A job is a request that was put off. It is kept in a [`Store`], which a runner claims it from, answers it
//! and finishes it with the response. Its states are queued → running → succeeded, failed or canceled, and
//! never back, but for a job whose lease ran out: that one is queued again, [`MAX_ATTEMPTS`] times in all.
//!
//! A claim carries the number of its attempt, and a heartbeat or an end from an outdated attempt is refused:
//! so each job ends exactly once, whatever becomes of the workers.
//!
//! The stores read no clock: the caller passes the time. They know nothing of Spin: [`Sql`] and [`Redis`] are
//! what they need of a driver.

mod driver;
mod fields;
mod model;
mod redis;
mod sqlite;
mod store;

pub use driver::{DriverError, Redis, Reply, Sql, Value};
pub use model::{
    Claim, Claimed, Delivery, Ending, Job, Key, MAX_ATTEMPTS, Millis, NewJob, Next, Outcome, Page,
    Request, Standing, Status, Submitted, UnknownStatus, worker_lost,
};
pub use redis::RedisStore;
pub use sqlite::SqliteStore;
pub use store::{Error, Store};
