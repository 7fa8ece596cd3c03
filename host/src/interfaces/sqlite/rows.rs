//! Statements and their rows, between SQLite and components.

use std::sync::{Mutex, PoisonError};

use rusqlite::types::ValueRef;
use tokio::sync::{mpsc, oneshot};

use crate::interfaces::bindings::sqlite::{Error, QueryResult, RowResult, Value};

/// The most bytes of a row, or of a result that is returned as a whole.
const MAX_RESULT: usize = 128 << 20;

fn too_large() -> Error {
    Error::Io(format!("query result exceeds limit of {MAX_RESULT} bytes"))
}

/// The whole result.
///
/// # Errors
/// When the statement fails, or its result is too large.
pub(super) fn collect(
    connection: &Mutex<rusqlite::Connection>,
    statement: &str,
    parameters: Vec<Value>,
) -> Result<QueryResult, Error> {
    let mut result = QueryResult {
        columns: Vec::new(),
        rows: Vec::new(),
    };
    let mut total = 0;
    execute(
        connection,
        statement,
        parameters,
        |columns| result.columns = columns,
        |row| {
            total += size(&row);
            if total > MAX_RESULT {
                return Err(too_large());
            }
            result.rows.push(row);
            Ok(())
        },
    )?;
    Ok(result)
}

/// Sends the rows as the component takes them.
///
/// # Errors
/// When the statement fails, a row is too large, or the component has gone.
pub(super) fn stream(
    connection: &Mutex<rusqlite::Connection>,
    statement: &str,
    parameters: Vec<Value>,
    columns_to: oneshot::Sender<Vec<String>>,
    rows_to: &mpsc::Sender<RowResult>,
) -> Result<(), Error> {
    execute(
        connection,
        statement,
        parameters,
        // Nobody waits for them when the instance has gone.
        |columns| _ = columns_to.send(columns),
        |row| {
            if size(&row) > MAX_RESULT {
                return Err(too_large());
            }
            rows_to
                .blocking_send(row)
                .map_err(|_| Error::Io("not all rows were read".to_owned()))
        },
    )
}

/// Executes a statement: first its columns, then each of its rows.
fn execute(
    connection: &Mutex<rusqlite::Connection>,
    statement: &str,
    parameters: Vec<Value>,
    columns: impl FnOnce(Vec<String>),
    mut row: impl FnMut(RowResult) -> Result<(), Error>,
) -> Result<(), Error> {
    let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
    let mut statement = connection.prepare_cached(statement)?;
    columns(statement.column_names().map(str::to_owned).collect());
    let parameters = parameters.into_iter().map(|value| match value {
        Value::Null => rusqlite::types::Value::Null,
        Value::Integer(integer) => rusqlite::types::Value::Integer(integer),
        Value::Real(real) => rusqlite::types::Value::Real(real),
        Value::Text(text) => rusqlite::types::Value::Text(text),
        Value::Blob(blob) => rusqlite::types::Value::Blob(blob),
    });
    let width = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
    while let Some(found) = rows.next()? {
        let values = (0..width)
            .map(|column| value(found.get_ref(column)?))
            .collect::<Result<_, Error>>()?;
        row(RowResult { values })?;
    }
    Ok(())
}

fn value(value: ValueRef<'_>) -> Result<Value, Error> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => match str::from_utf8(text) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(error) => return Err(Error::Io(format!("a text is not UTF-8: {error}"))),
        },
        ValueRef::Blob(blob) => Value::Blob(blob.to_owned()),
    })
}

/// Bytes that a row takes.
fn size(row: &RowResult) -> usize {
    let content = row.values.iter().map(|value| match value {
        Value::Text(text) => text.len(),
        Value::Blob(blob) => blob.len(),
        Value::Null | Value::Integer(_) | Value::Real(_) => 0,
    });
    size_of_val(row.values.as_slice()) + content.sum::<usize>()
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Io(error.to_string())
    }
}
