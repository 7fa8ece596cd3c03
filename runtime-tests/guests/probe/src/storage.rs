//! What a component may do with databases.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use spin_sdk::redis::{RedisParameter, RedisResult};
use spin_sdk::sqlite::{self, RowResult};
use spin_sdk::{redis, time};

use crate::Arguments;

/// Executes `statements`, a list of `[statement, parameter, …]`, on one connection to `database`;
/// the result of each is the names of its columns and its rows. A list stands for a blob.
pub(crate) async fn sql(arguments: &Arguments) -> Result<Value> {
    let database = arguments.text("database").unwrap_or("default");
    let connection = sqlite::Connection::open(database).await?;
    let mut results = Vec::new();
    for statement in list(&arguments.json("statements")?)? {
        let parts = list(statement)?;
        let statement = parts.first().and_then(Value::as_str);
        let parameters = parts.iter().skip(1).map(parameter);
        let parameters: Vec<_> = parameters.collect::<Result<_>>()?;
        let statement = statement.context("a statement is not text")?;
        let result = connection.execute(statement, parameters).await?;
        let columns = result.columns().to_vec();
        let rows: Vec<Value> = result.collect().await?.iter().map(row).collect();
        results.push(json!({"columns": columns, "rows": rows}));
    }
    Ok(json!({
        "results": results,
        "changes": connection.changes().await,
        "last_insert_rowid": connection.last_insert_rowid().await,
    }))
}

/// Adds to the number in `counter`, each time on a new connection.
pub(crate) async fn increment(times: u64) -> Result<Value> {
    for _ in 0..times {
        let connection = sqlite::Connection::open_default().await?;
        let execute = async |statement: &str, parameters: Vec<sqlite::Value>| {
            let result = connection.execute(statement, parameters).await?;
            anyhow::Ok(result.collect().await?)
        };
        execute("BEGIN IMMEDIATE", vec![]).await?;
        let rows = execute("SELECT n FROM counter", vec![]).await?;
        let number: i64 = rows.first().and_then(|row| row.get(0)).context("no row")?;
        execute("UPDATE counter SET n = ?", vec![(number + 1).into()]).await?;
        execute("COMMIT", vec![]).await?;
    }
    Ok(json!(times))
}

/// Reads the first row of a result and leaves the others; then executes another statement.
pub(crate) async fn first(statement: &str) -> Result<Value> {
    let connection = sqlite::Connection::open_default().await?;
    let mut result = connection.execute(statement, []).await?;
    let first = result.next().await.context("no row")?;
    drop(result);
    connection.execute("SELECT 1", []).await?.collect().await?;
    Ok(row(&first))
}

/// Executes `commands`, a list of `[command, argument, …]`, on one connection to `url`, after each a
/// `pause` in milliseconds. A reply of the kind status is an object.
pub(crate) async fn redis(arguments: &Arguments) -> Result<Value> {
    let connection = redis::Connection::open(arguments.text("url")?).await?;
    let mut replies = Vec::new();
    for command in list(&arguments.json("commands")?)? {
        let parts = list(command)?;
        let command = parts.first().and_then(Value::as_str);
        let parameters = parts.iter().skip(1).map(|value| match value {
            Value::String(text) => Ok(RedisParameter::Binary(text.clone().into())),
            other => other
                .as_i64()
                .map(RedisParameter::Int64)
                .context("an argument is neither text nor an integer"),
        });
        let parameters: Vec<_> = parameters.collect::<Result<_>>()?;
        let command = command.context("a command is not text")?;
        let results = connection.execute(command, parameters).await?;
        replies.push(results.into_iter().map(reply).collect::<Value>());
        if let Ok(pause) = arguments.number("pause") {
            println!("paused");
            time::sleep(Duration::from_millis(pause)).await;
        }
    }
    Ok(replies.into())
}

/// The results of all functions except `execute`.
pub(crate) async fn redis_functions(url: &str) -> Result<Value> {
    let redis = redis::Connection::open(url).await?;
    let members = ["a".to_owned(), "b".to_owned()];
    redis.set("text", b"value").await?;
    redis.publish("nobody", b"listens").await?;
    let mut sorted = Vec::new();
    let added = redis.sadd("set", &members).await?;
    sorted.extend(redis.smembers("set").await?);
    sorted.sort();
    Ok(json!({
        "get": redis.get("text").await?.map(|value| String::from_utf8_lossy(&value).into_owned()),
        "get_absent": redis.get("absent").await?,
        "incr": [redis.incr("number").await?, redis.incr("number").await?],
        "incr_text": redis.incr("text").await.err().map(|error| error.to_string()),
        "sadd": added,
        "smembers": sorted,
        "srem": redis.srem("set", &members[..1]).await?,
        "del": redis.del(["text".to_owned(), "absent".to_owned()]).await?,
    }))
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().context("not a list")
}

fn parameter(value: &Value) -> Result<sqlite::Value> {
    Ok(match value {
        Value::Null => sqlite::Value::Null,
        Value::String(text) => text.as_str().into(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => sqlite::Value::Integer(integer),
            None => sqlite::Value::Real(number.as_f64().context("no number")?),
        },
        Value::Array(bytes) => {
            let bytes = bytes
                .iter()
                .map(|byte| Ok(u8::try_from(byte.as_u64().context("no byte")?)?));
            sqlite::Value::Blob(bytes.collect::<Result<_>>()?)
        }
        other => bail!("no parameter: {other}"),
    })
}

fn row(row: &RowResult) -> Value {
    let value = |value: &sqlite::Value| match value {
        sqlite::Value::Null => Value::Null,
        sqlite::Value::Integer(integer) => json!(integer),
        sqlite::Value::Real(real) => json!(real),
        sqlite::Value::Text(text) => json!(text),
        sqlite::Value::Blob(blob) => json!(blob),
    };
    row.values.iter().map(value).collect()
}

fn reply(result: RedisResult) -> Value {
    match result {
        RedisResult::Nil => Value::Null,
        RedisResult::Status(text) => json!({"status": text}),
        RedisResult::Int64(integer) => json!(integer),
        RedisResult::Binary(bytes) => json!(String::from_utf8_lossy(&bytes)),
    }
}
