//! The database drivers that the stores need.

/// A driver could not run a command: no connection, or the database refused it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct DriverError(pub String);

/// A connection to an SQLite database.
#[allow(async_fn_in_trait)] // Guests have one thread: no future need be `Send`.
pub trait Sql {
    /// Runs one statement and returns its rows; `parameters` are bound to `?1`, `?2` and so on.
    ///
    /// # Errors
    /// The database's message.
    async fn execute(
        &self,
        statement: &str,
        parameters: &[Value],
    ) -> Result<Vec<Vec<Value>>, DriverError>;
}

/// A value in SQLite.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// A connection to a Redis server, of version 6.2 or newer.
#[allow(async_fn_in_trait)]
pub trait Redis {
    /// Runs one command and returns its reply; nested arrays are flattened.
    ///
    /// # Errors
    /// The server's message, with its code (such as `NOSCRIPT`) or its text as it came.
    async fn execute(
        &self,
        command: &str,
        arguments: &[Vec<u8>],
    ) -> Result<Vec<Reply>, DriverError>;
}

/// A part of a reply of Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// No value.
    Nil,
    /// A simple string.
    Status(String),
    /// An integer.
    Int64(i64),
    /// A bulk string.
    Binary(Vec<u8>),
}
