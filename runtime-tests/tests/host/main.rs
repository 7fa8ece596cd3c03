//! What the runtime does for components, shown by `guests/probe`, which follows instructions.

#![allow(clippy::unwrap_used, clippy::panic)]

mod collector;
mod compiled;
mod faults;
mod files;
mod functions;
mod logs;
mod metrics;
mod models;
mod outbound;
mod recognizer;
mod redis;
mod routing;
mod slow;
mod spans;
mod sqlite;
mod startup;
mod telemetry;
mod traces;
mod variables;

use std::collections::BTreeMap;

use runtime_tests::{Launch, Response, Server, test_application};
use serde_json::Value;

/// A test application of `apps/`.
fn launch(name: &str) -> Launch {
    Launch::new(&test_application(name))
}

/// The probe's result or error.
fn outcome(answer: &Response) -> Result<Value, String> {
    match answer.status {
        200 => Ok(answer.json()),
        502 => Err(answer.json()["error"].as_str().unwrap().to_owned()),
        other => panic!("status {other}: {answer:?}"),
    }
}

/// The result of the probe at `path` for a query.
fn tell(server: &Server, path: &str, query: &str) -> Result<Value, String> {
    outcome(&server.get(&format!("{path}?do={query}")))
}

/// A text as a value of a query.
#[allow(clippy::needless_pass_by_value)] // It is made for this call alone.
fn encode(text: impl ToString) -> String {
    let text = text.to_string();
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// The headers that a probe saw, of an echo.
fn headers(echo: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let pairs = echo["headers"].as_array().unwrap();
    pairs
        .iter()
        .map(|pair| (text(&pair[0]), text(&pair[1])))
        .collect()
}
