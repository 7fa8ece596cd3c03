//! The databases of Spin, for the crates `jobs` and `limits`.

use std::cell::RefCell;
use std::rc::Rc;

use jobs::{DriverError, Redis, Reply, Sql, Value};
use spin_sdk::{redis, sqlite};

/// A connection to the default SQLite database.
pub struct SpinSqlite(sqlite::Connection);

impl SpinSqlite {
    pub(crate) async fn open() -> Result<Self, DriverError> {
        let connection = sqlite::Connection::open_default().await;
        connection
            .map(Self)
            .map_err(|error| DriverError(error.to_string()))
    }
}

impl Sql for SpinSqlite {
    async fn execute(
        &self,
        statement: &str,
        parameters: &[Value],
    ) -> Result<Vec<Vec<Value>>, DriverError> {
        let parameters = parameters.iter().map(|value| match value {
            Value::Null => sqlite::Value::Null,
            Value::Integer(number) => sqlite::Value::Integer(*number),
            Value::Real(number) => sqlite::Value::Real(*number),
            Value::Text(text) => sqlite::Value::Text(text.clone()),
            Value::Blob(bytes) => sqlite::Value::Blob(bytes.clone()),
        });
        let failed = |error: sqlite::Error| DriverError(error.to_string());
        let result = self
            .0
            .execute(statement, parameters)
            .await
            .map_err(failed)?;
        // The error of a statement comes after its rows.
        let rows = result.collect().await.map_err(failed)?;
        let value = |value| match value {
            sqlite::Value::Null => Value::Null,
            sqlite::Value::Integer(number) => Value::Integer(number),
            sqlite::Value::Real(number) => Value::Real(number),
            sqlite::Value::Text(text) => Value::Text(text),
            sqlite::Value::Blob(bytes) => Value::Blob(bytes),
        };
        Ok(rows
            .into_iter()
            .map(|row| row.values.into_iter().map(value).collect())
            .collect())
    }
}

thread_local! {
    // Opening is a TCP connection; one carries all the commands of an instance.
    static CONNECTION: RefCell<Option<(String, Rc<redis::Connection>)>> = const { RefCell::new(None) };
}

/// The connection of this instance to a Redis server.
pub struct SpinRedis {
    url: String,
}

impl SpinRedis {
    pub(crate) fn new(url: String) -> Self {
        Self { url }
    }

    async fn connection(&self) -> Result<Rc<redis::Connection>, DriverError> {
        let open = CONNECTION.with_borrow(|kept| match kept {
            Some((url, connection)) if *url == self.url => Some(Rc::clone(connection)),
            _ => None,
        });
        if let Some(connection) = open {
            return Ok(connection);
        }
        let connection = redis::Connection::open(&self.url).await;
        let connection = Rc::new(connection.map_err(|error| DriverError(error.to_string()))?);
        CONNECTION.set(Some((self.url.clone(), Rc::clone(&connection))));
        Ok(connection)
    }

    /// Tells who listens to `channel`.
    pub(super) async fn publish(&self, channel: &str, payload: &str) -> Result<(), DriverError> {
        self.execute("PUBLISH", &[channel.into(), payload.into()])
            .await
            .map(drop)
    }
}

impl Redis for SpinRedis {
    async fn execute(
        &self,
        command: &str,
        arguments: &[Vec<u8>],
    ) -> Result<Vec<Reply>, DriverError> {
        let arguments = || arguments.iter().cloned().map(redis::RedisParameter::Binary);
        let mut result = self.connection().await?.execute(command, arguments()).await;
        // An error of the server leaves the connection whole, one of the connection does not.
        if matches!(&result, Err(error) if is_broken(error)) {
            CONNECTION.set(None);
            result = self.connection().await?.execute(command, arguments()).await;
        }
        let replies = result.map_err(|error| DriverError(message(error)))?;
        let reply = |reply| match reply {
            redis::RedisResult::Nil => Reply::Nil,
            redis::RedisResult::Status(text) => Reply::Status(text),
            redis::RedisResult::Int64(number) => Reply::Int64(number),
            redis::RedisResult::Binary(bytes) => Reply::Binary(bytes),
        };
        Ok(replies.into_iter().map(reply).collect())
    }
}

fn message(error: redis::Error) -> String {
    match error {
        redis::Error::Other(message) => message,
        other => other.to_string(),
    }
}

/// Errors of the server begin with a word in capitals, such as `NOSCRIPT` or `ERR`.
fn is_broken(error: &redis::Error) -> bool {
    let redis::Error::Other(message) = error else {
        return false;
    };
    !["NOSCRIPT", "ERR", "WRONGTYPE", "OOM"]
        .iter()
        .any(|code| message.contains(code))
}
