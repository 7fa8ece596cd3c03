//! Request bodies that are arriving. Each is counted under a lease, so that one whose instance is lost is not counted for long.

use std::num::NonZeroU32;
use std::time::Duration;

use access_settings::Micros;
use jobs::{Redis, Sql, Value};

use crate::{Error, number, text};

/// How long an upload is counted after it has begun or has been renewed.
pub const LEASE: Duration = Duration::from_secs(60);

/// A body that is arriving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upload<'a> {
    /// Who sends it.
    pub caller: &'a str,
    /// Tells the caller's uploads apart.
    pub id: &'a str,
}

/// Counts an upload in SQLite until a lease from `now`, or renews the lease of one that is counted. False if its caller has `most` others.
///
/// # Errors
/// Those of the database.
pub async fn begin_sql<D: Sql>(
    driver: &D,
    upload: Upload<'_>,
    most: NonZeroU32,
    now: Micros,
) -> Result<bool, Error> {
    let begin = "INSERT INTO uploads (caller, id, until) SELECT ?1, ?2, ?3
        WHERE (SELECT count(*) FROM uploads WHERE caller = ?1 AND id <> ?2 AND until > ?4) < ?5
        ON CONFLICT (caller, id) DO UPDATE SET until = excluded.until
        RETURNING 1";
    let parameters = [
        Value::Text(upload.caller.to_owned()),
        Value::Text(upload.id.to_owned()),
        number(until(now)),
        number(now),
        number(most.get().into()),
    ];
    let rows = driver.execute(begin, &parameters).await?;
    Ok(!rows.is_empty())
}

/// Stops counting an upload in SQLite.
///
/// # Errors
/// Those of the database.
pub async fn end_sql<D: Sql>(driver: &D, upload: Upload<'_>) -> Result<(), Error> {
    let end = "DELETE FROM uploads WHERE caller = ?1 AND id = ?2";
    let parameters = [upload.caller, upload.id].map(|text| Value::Text(text.to_owned()));
    driver.execute(end, &parameters).await?;
    Ok(())
}

/// A sorted set for each caller: the ids of its uploads, by the ends of their leases.
const SCRIPT: &str = "
local id, now, lease, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[2])
local others = redis.call('ZCARD', KEYS[1]) - (redis.call('ZSCORE', KEYS[1], id) and 1 or 0)
if others >= most then return '0' end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + lease), id)
redis.call('PEXPIRE', KEYS[1], math.ceil(lease / 1000))
return '1'";

/// Counts an upload in Redis until a lease from `now`, or renews the lease of one that is counted. False if its caller has `most` others.
///
/// # Errors
/// Those of the server.
pub async fn begin_redis<D: Redis>(
    driver: &D,
    upload: Upload<'_>,
    most: NonZeroU32,
    now: Micros,
) -> Result<bool, Error> {
    let numbers = [now, until(0), most.get().into()].map(|number| number.to_string());
    let mut arguments = vec![SCRIPT.into(), b"1".to_vec(), key(upload.caller)];
    arguments.push(upload.id.into());
    arguments.extend(numbers.map(String::into_bytes));
    let replies = driver.execute("EVAL", &arguments).await?;
    let [begun] = replies.as_slice() else {
        return Err(Error::Corrupt);
    };
    Ok(text(begun)? == "1")
}

/// Stops counting an upload in Redis.
///
/// # Errors
/// Those of the server.
pub async fn end_redis<D: Redis>(driver: &D, upload: Upload<'_>) -> Result<(), Error> {
    let arguments = [key(upload.caller), upload.id.into()];
    driver.execute("ZREM", &arguments).await?;
    Ok(())
}

fn key(caller: &str) -> Vec<u8> {
    format!("routelets:uploads:{caller}").into_bytes()
}

fn until(now: Micros) -> Micros {
    now.saturating_add(Micros::try_from(LEASE.as_micros()).unwrap_or(Micros::MAX))
}
