//! Log records for a collector: each line that the host writes, and each that a component prints, with the fields of its JSON form.
//!
//! Within a request, a record names the trace and the span of the caller's context.

use std::{sync::OnceLock, time::SystemTime};

use opentelemetry::{
    Key,
    logs::{AnyValue, LogRecord, Logger, Severity},
};
use opentelemetry_sdk::logs::SdkLogger;
use serde_json::Value;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{Layer, layer::Context};

use super::lines::{ACCESS, Fields, GUEST, HOST, START};

/// The exporter, whose own lines must not make it export more.
const EXPORTER: &str = "host::otlp";

/// Makes records of events, as soon as there is a logger.
pub(super) struct Records(pub(super) &'static OnceLock<SdkLogger>);

impl<S: Subscriber> Layer<S> for Records {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(logger) = self.0.get() else {
            return;
        };
        let metadata = event.metadata();
        if !is_exported(metadata.target()) {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let named = fields.named.into_iter();
        let attributes = named.filter_map(|(name, value)| Some((key(name), any(value)?)));
        let level = *metadata.level();
        emit(logger, metadata.target(), level, fields.message, attributes);
    }
}

/// Makes a record of a line of a component.
pub(super) fn guest(
    logger: &SdkLogger,
    component: &str,
    stream: &'static str,
    requests: Option<&str>,
    line: &str,
) {
    let requests = requests.map(|ids| (key("request"), AnyValue::from(ids.to_owned())));
    let attributes = [
        (key("component"), AnyValue::from(component.to_owned())),
        (key("stream"), AnyValue::from(stream)),
    ];
    let attributes = attributes.into_iter().chain(requests);
    emit(logger, GUEST, Level::INFO, line.to_owned(), attributes);
}

fn emit(
    logger: &SdkLogger,
    target: &'static str,
    level: Level,
    message: String,
    attributes: impl Iterator<Item = (Key, AnyValue)>,
) {
    let severity = severity(level);
    let mut record = logger.create_log_record();
    record.set_timestamp(SystemTime::now());
    record.set_target(target);
    record.set_severity_number(severity);
    record.set_severity_text(severity.name());
    record.set_body(message.into());
    record.add_attributes(attributes);
    logger.emit(record);
}

/// Whether events of this target are exported: those of the host. Guests have [`guest`].
fn is_exported(target: &str) -> bool {
    let is_in = |module: &str| {
        let rest = target.strip_prefix(module);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    matches!(target, ACCESS | START) || is_in(HOST) && !is_in(EXPORTER)
}

/// The name of a field. Spans have the same names for a request and a component.
fn key(field: &'static str) -> Key {
    Key::from_static_str(match field {
        "request" => "request_id",
        "component" => "component_id",
        other => other,
    })
}

fn severity(level: Level) -> Severity {
    match level {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warn,
        Level::INFO => Severity::Info,
        Level::DEBUG => Severity::Debug,
        Level::TRACE => Severity::Trace,
    }
}

/// A value of JSON; `None` for null.
fn any(value: Value) -> Option<AnyValue> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => value.into(),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => integer.into(),
            None => number.as_f64()?.into(),
        },
        Value::String(text) => text.into(),
        Value::Array(values) => values.into_iter().filter_map(any).collect(),
        Value::Object(members) => members
            .into_iter()
            .filter_map(|(name, value)| Some((name, any(value)?)))
            .collect(),
    })
}

#[cfg(test)]
mod tests;
