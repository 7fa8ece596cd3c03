//! Databases that end with their test.

use std::cell::RefCell;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use jobs::{DriverError, Redis, Reply, Sql, Value};
use tempfile::TempDir;

/// A database in memory.
pub(crate) struct Sqlite(rusqlite::Connection);

impl Sqlite {
    pub(crate) fn open() -> Self {
        Self(rusqlite::Connection::open_in_memory().unwrap())
    }
}

impl Sql for Sqlite {
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
            other => panic!("{other:?} is no parameter of a limit"),
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

/// A Redis server, and a connection to it.
pub(crate) struct Server {
    process: Child,
    connection: RefCell<redis::Connection>,
    _directory: TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let process = Command::new("redis-server")
            .current_dir(directory.path())
            .args(["--port", "0", "--unixsocket", "redis.sock", "--save", ""])
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server cannot be started; these tests need it (Debian: apt-get install redis-server)");
        let url = format!("unix://{}/redis.sock", directory.path().display());
        let client = redis::Client::open(url).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let connection = loop {
            match client.get_connection() {
                Ok(connection) => break connection,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Self {
            process,
            connection: RefCell::new(connection),
            _directory: directory,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Redis for Server {
    async fn execute(
        &self,
        command: &str,
        arguments: &[Vec<u8>],
    ) -> Result<Vec<Reply>, DriverError> {
        let reply = redis::cmd(command)
            .arg(arguments)
            .query(&mut *self.connection.borrow_mut())
            .map_err(|error| DriverError(error.to_string()))?;
        let replies = match reply {
            redis::Value::Array(replies) => replies,
            reply => vec![reply],
        };
        Ok(replies
            .into_iter()
            .map(|reply| match reply {
                redis::Value::Int(number) => Reply::Int64(number),
                redis::Value::BulkString(bytes) => Reply::Binary(bytes),
                other => panic!("{other:?} is no reply of a limit"),
            })
            .collect())
    }
}
