//! How often a caller may call, and how many request bodies it may send at once, counted in a store that all instances share.

mod buckets;
mod uploads;

use access_settings::Micros;
use jobs::{DriverError, Reply, Sql, Value};

pub use buckets::{put_back_redis, put_back_sql, take_redis, take_sql};
pub use uploads::{LEASE, Upload, begin_redis, begin_sql, end_redis, end_sql};

/// The store cannot count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached or refused a command.
    #[error("the store of the limits does not answer: {0}")]
    Driver(#[from] DriverError),
    /// The database answered what this program does not expect.
    #[error("the store of the limits holds what it should not")]
    Corrupt,
}

/// Prepares a connection, and the database if it is new. Buckets that are full are forgotten, and uploads whose lease has run out.
///
/// # Errors
/// Those of the database.
pub async fn prepare<D: Sql>(driver: &D, now: Micros) -> Result<(), Error> {
    // What is lost with the power is a count.
    for statement in [
        "PRAGMA busy_timeout = 5000",
        "PRAGMA synchronous = OFF",
        "CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, full_at INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS uploads (caller TEXT, id TEXT, until INTEGER NOT NULL, PRIMARY KEY (caller, id)) WITHOUT ROWID",
    ] {
        driver.execute(statement, &[]).await?;
    }
    for past in [
        "DELETE FROM buckets WHERE full_at <= ?1",
        "DELETE FROM uploads WHERE until <= ?1",
    ] {
        driver.execute(past, &[number(now)]).await?;
    }
    Ok(())
}

fn number(number: Micros) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn text(reply: &Reply) -> Result<String, Error> {
    match reply {
        Reply::Binary(bytes) => String::from_utf8(bytes.clone()).map_err(|_| Error::Corrupt),
        Reply::Status(text) => Ok(text.clone()),
        Reply::Int64(number) => Ok(number.to_string()),
        Reply::Nil => Err(Error::Corrupt),
    }
}
