//! Drivers for real databases. The tests of the crate `limits` use them, too.

use std::cell::RefCell;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jobs::{DriverError, Redis, Reply, Sql, Value};
use tempfile::TempDir;

pub(crate) struct SqlDriver(pub(crate) rusqlite::Connection);

impl Sql for SqlDriver {
    async fn execute(
        &self,
        statement: &str,
        parameters: &[Value],
    ) -> Result<Vec<Vec<Value>>, DriverError> {
        let fail = |error: rusqlite::Error| DriverError(error.to_string());
        let mut statement = self.0.prepare_cached(statement).map_err(fail)?;
        let columns = statement.column_count();
        let parameters = parameters.iter().map(|value| match value.clone() {
            Value::Null => rusqlite::types::Value::Null,
            Value::Integer(number) => rusqlite::types::Value::Integer(number),
            Value::Real(number) => rusqlite::types::Value::Real(number),
            Value::Text(text) => rusqlite::types::Value::Text(text),
            Value::Blob(bytes) => rusqlite::types::Value::Blob(bytes),
        });
        let rows = statement
            .query_map(rusqlite::params_from_iter(parameters), |row| {
                (0..columns)
                    .map(|column| {
                        Ok(match row.get(column)? {
                            rusqlite::types::Value::Null => Value::Null,
                            rusqlite::types::Value::Integer(number) => Value::Integer(number),
                            rusqlite::types::Value::Real(number) => Value::Real(number),
                            rusqlite::types::Value::Text(text) => Value::Text(text),
                            rusqlite::types::Value::Blob(bytes) => Value::Blob(bytes),
                        })
                    })
                    .collect()
            })
            .map_err(fail)?;
        rows.collect::<Result<_, _>>().map_err(fail)
    }
}

/// Starts a Redis server that keeps what it has acknowledged in the directory.
pub(crate) fn spawn(directory: &TempDir) -> Child {
    let process = Command::new("redis-server")
        .current_dir(directory.path())
        .args(["--port", "0", "--unixsocket", "redis.sock"])
        .args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""])
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server cannot be started; these tests need it (Debian: apt-get install redis-server)");
    let deadline = Instant::now() + Duration::from_secs(20);
    let client = redis::Client::open(url(directory)).unwrap();
    loop {
        // It accepts connections before it has read its files.
        let ready = client
            .get_connection()
            .and_then(|mut connection| redis::cmd("PING").query::<String>(&mut connection));
        match ready {
            Ok(_) => return process,
            Err(error) => assert!(
                Instant::now() < deadline,
                "redis-server does not answer: {error}"
            ),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn url(directory: &TempDir) -> String {
    format!("unix://{}/redis.sock", directory.path().display())
}

pub(crate) fn connect(directory: &TempDir) -> Result<RedisDriver, DriverError> {
    redis::Client::open(url(directory))
        .and_then(|client| client.get_connection())
        .map(|connection| RedisDriver(RefCell::new(connection)))
        .map_err(|error| DriverError(error.to_string()))
}

pub(crate) struct RedisDriver(pub(crate) RefCell<redis::Connection>);

impl Redis for RedisDriver {
    async fn execute(
        &self,
        command: &str,
        arguments: &[Vec<u8>],
    ) -> Result<Vec<Reply>, DriverError> {
        let reply = redis::cmd(command)
            .arg(arguments)
            .query(&mut *self.0.borrow_mut())
            .map_err(|error| DriverError(error.to_string()))?;
        let mut replies = Vec::new();
        flatten(reply, &mut replies);
        Ok(replies)
    }
}

/// As Spin does.
fn flatten(reply: redis::Value, to: &mut Vec<Reply>) {
    match reply {
        redis::Value::Nil => to.push(Reply::Nil),
        redis::Value::Int(number) => to.push(Reply::Int64(number)),
        redis::Value::BulkString(bytes) => to.push(Reply::Binary(bytes)),
        redis::Value::SimpleString(text) => to.push(Reply::Status(text)),
        redis::Value::Okay => to.push(Reply::Status("OK".to_owned())),
        redis::Value::Array(replies) => replies.into_iter().for_each(|reply| flatten(reply, to)),
        other => panic!("Spin has no {other:?}"),
    }
}
