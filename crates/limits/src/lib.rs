//! How often a caller may call: token buckets in a store that all instances share.
//!
//! A bucket is one number, the time at which it is full again (see [`Rate`]), and a request is one statement.

use access_settings::{Micros, Rate, Verdict};
use jobs::{DriverError, Redis, Reply, Sql, Value};

/// A bucket could not be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached or refused a command.
    #[error("the store of the limits does not answer: {0}")]
    Driver(#[from] DriverError),
    /// The database answered what this program does not expect.
    #[error("the store of the limits holds what it should not")]
    Corrupt,
}

/// Prepares a connection, and the database if it is new. Buckets that are full are forgotten.
///
/// # Errors
/// Those of the database.
pub async fn prepare<D: Sql>(driver: &D, now: Micros) -> Result<(), Error> {
    // What is lost with the power is a count.
    for statement in ["PRAGMA busy_timeout = 5000", "PRAGMA synchronous = OFF"] {
        driver.execute(statement, &[]).await?;
    }
    let table = "CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, full_at INTEGER NOT NULL) WITHOUT ROWID";
    driver.execute(table, &[]).await?;
    let full = "DELETE FROM buckets WHERE full_at <= ?1";
    driver.execute(full, &[number(now)]).await?;
    Ok(())
}

/// Takes one request's worth out of a bucket in SQLite.
///
/// # Errors
/// Those of the database.
pub async fn take_sql<D: Sql>(
    driver: &D,
    bucket: &str,
    rate: Rate,
    now: Micros,
) -> Result<Verdict, Error> {
    let name = Value::Text(bucket.to_owned());
    let take = "INSERT INTO buckets (name, full_at) VALUES (?1, ?2 + ?3)
        ON CONFLICT (name) DO UPDATE SET full_at = max(full_at, ?2) + ?3
        WHERE max(full_at, ?2) + ?3 - ?2 <= ?4
        RETURNING full_at";
    let parameters = [
        name.clone(),
        number(now),
        number(rate.interval()),
        number(rate.capacity()),
    ];
    if let Some(full) = first(driver.execute(take, &parameters).await?) {
        return Ok(rate.passed(full?, now));
    }
    let look = "SELECT full_at FROM buckets WHERE name = ?1";
    let full = first(driver.execute(look, &[name]).await?);
    Ok(rate.refused(full.ok_or(Error::Corrupt)??, now))
}

/// Puts one request's worth back into a bucket in SQLite.
///
/// # Errors
/// Those of the database.
pub async fn put_back_sql<D: Sql>(driver: &D, bucket: &str, rate: Rate) -> Result<(), Error> {
    let put_back = "UPDATE buckets SET full_at = full_at - ?2 WHERE name = ?1";
    let parameters = [Value::Text(bucket.to_owned()), number(rate.interval())];
    driver.execute(put_back, &parameters).await?;
    Ok(())
}

fn number(number: Micros) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn first(rows: Vec<Vec<Value>>) -> Option<Result<Micros, Error>> {
    let value = rows.into_iter().next()?.into_iter().next();
    Some(match value {
        Some(Value::Integer(number)) => Micros::try_from(number).map_err(|_| Error::Corrupt),
        _ => Err(Error::Corrupt),
    })
}

/// Name, present time, interval, capacity. Numbers of Lua are exact up to 2^53, which these do not reach before 2255.
const SCRIPT: &str = "
local now, interval, capacity = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full = tonumber(redis.call('GET', KEYS[1]) or '0')
local next = math.max(full, now) + interval
if next - now > capacity then return {'0', string.format('%.0f', full)} end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000))
return {'1', string.format('%.0f', next)}";

/// Takes one request's worth out of a bucket in Redis.
///
/// # Errors
/// Those of the server.
pub async fn take_redis<D: Redis>(
    driver: &D,
    bucket: &str,
    rate: Rate,
    now: Micros,
) -> Result<Verdict, Error> {
    let key = key(bucket);
    let numbers = [now, rate.interval(), rate.capacity()].map(|number| number.to_string());
    let mut arguments = vec![SCRIPT.into(), b"1".to_vec(), key];
    arguments.extend(numbers.map(String::into_bytes));
    let replies = driver.execute("EVAL", &arguments).await?;
    let [passed, full] = replies.as_slice() else {
        return Err(Error::Corrupt);
    };
    let full = text(full)?.parse().map_err(|_| Error::Corrupt)?;
    Ok(match text(passed)?.as_str() {
        "1" => rate.passed(full, now),
        _ => rate.refused(full, now),
    })
}

/// Puts one request's worth back into a bucket in Redis.
///
/// # Errors
/// Those of the server.
pub async fn put_back_redis<D: Redis>(driver: &D, bucket: &str, rate: Rate) -> Result<(), Error> {
    let script = "if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('DECRBY', KEYS[1], ARGV[1]) end return {}";
    let interval = rate.interval().to_string();
    let arguments = [
        script.into(),
        b"1".to_vec(),
        key(bucket),
        interval.into_bytes(),
    ];
    driver.execute("EVAL", &arguments).await?;
    Ok(())
}

fn key(bucket: &str) -> Vec<u8> {
    format!("routelets:bucket:{bucket}").into_bytes()
}

fn text(reply: &Reply) -> Result<String, Error> {
    match reply {
        Reply::Binary(bytes) => String::from_utf8(bytes.clone()).map_err(|_| Error::Corrupt),
        Reply::Status(text) => Ok(text.clone()),
        Reply::Int64(number) => Ok(number.to_string()),
        Reply::Nil => Err(Error::Corrupt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollster::block_on;
    use std::time::Duration;

    struct Memory(rusqlite::Connection);

    impl Sql for Memory {
        async fn execute(
            &self,
            statement: &str,
            parameters: &[Value],
        ) -> Result<Vec<Vec<Value>>, DriverError> {
            let told = |error: rusqlite::Error| DriverError(error.to_string());
            let mut statement = self.0.prepare(statement).map_err(told)?;
            let columns = statement.column_count();
            let parameters = parameters.iter().map(|value| match value {
                Value::Integer(number) => rusqlite::types::Value::Integer(*number),
                Value::Text(text) => rusqlite::types::Value::Text(text.clone()),
                _ => rusqlite::types::Value::Null,
            });
            let rows = statement.query_map(rusqlite::params_from_iter(parameters), |row| {
                (0..columns)
                    .map(|column| {
                        Ok(row
                            .get::<_, i64>(column)
                            .map_or(Value::Null, Value::Integer))
                    })
                    .collect()
            });
            rows.map_err(told)?.collect::<Result<_, _>>().map_err(told)
        }
    }

    /// The statement says the same as the crate that defines rates.
    #[test]
    fn a_bucket_in_sqlite_is_a_bucket() {
        let database = Memory(rusqlite::Connection::open_in_memory().expect("a database"));
        let rate = Rate::new(5, Duration::from_secs(10)).expect("a rate");
        let (mut now, mut full) = (1_795_824_000_000_000, 0);
        block_on(prepare(&database, now)).expect("a table");
        let mut refused = 0;
        for step in 0..500_u64 {
            now += step * 7_919_777 % 3_000_000;
            let expected = match rate.take(full, now) {
                Some(next) => {
                    full = next;
                    rate.passed(next, now)
                }
                None => {
                    refused += 1;
                    rate.refused(full, now)
                }
            };
            let verdict = block_on(take_sql(&database, "a", rate, now)).expect("a verdict");
            assert_eq!(verdict, expected);
        }
        assert!((50..450).contains(&refused), "{refused}");
        let other = block_on(take_sql(&database, "b", rate, now)).expect("a verdict");
        assert_eq!((other.allowed, other.remaining), (true, 4));
        block_on(put_back_sql(&database, "b", rate)).expect("room");
        let other = block_on(take_sql(&database, "b", rate, now)).expect("a verdict");
        assert_eq!((other.allowed, other.remaining), (true, 4));
        // What is full need not be kept.
        block_on(prepare(&database, now + 100_000_000)).expect("a table");
        let count = "SELECT count(*) FROM buckets";
        let count = block_on(database.execute(count, &[])).expect("a count");
        assert!(matches!(count[0][0], Value::Integer(0)));
    }
}
