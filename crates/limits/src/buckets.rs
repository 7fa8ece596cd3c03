//! Token buckets. One is a number, the time at which it is full again (see [`Rate`]), and a request is one statement.

use access_settings::{Micros, Rate, Verdict};
use jobs::{Redis, Sql, Value};

use crate::{Error, number, text};

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
