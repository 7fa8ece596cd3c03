//! The format of an event: a line of text for people, or a JSON object for log collectors.

use std::{
    fmt::{self, Debug, Write},
    time::SystemTime,
};

use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::Value;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

/// The target of the log line of each request.
pub(crate) const ACCESS: &str = "access";

/// The target of lines that programs wait for at the start.
pub(crate) const START: &str = "start";

/// The target of what components print.
pub(super) const GUEST: &str = "guest";

/// The target of the host's own modules.
pub(super) const HOST: &str = "host";

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One object a line, for log collectors.
    Json,
}

/// The prefix of continuation lines, so that they do not look like other messages.
const CONTINUED: &str = "    ";

/// Writes events in a format.
pub(super) struct Lines(pub(super) Format);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let now = SystemTime::now();
        match self.0 {
            Format::Text => text(&mut writer, event, now),
            Format::Json => json(&mut writer, event, now),
        }
    }
}

/// The time in UTC, as RFC 3339 has it, to the millisecond.
fn rfc3339(time: SystemTime) -> humantime::Rfc3339Timestamp {
    humantime::format_rfc3339_millis(time)
}

fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warning",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

fn text(writer: &mut impl Write, event: &Event<'_>, now: SystemTime) -> fmt::Result {
    let metadata = event.metadata();
    let target = metadata.target();
    let mut words = Words {
        foreign: !target.starts_with(HOST) && ![ACCESS, START, GUEST].contains(&target),
        ..Words::default()
    };
    event.record(&mut words);
    match (target, *metadata.level()) {
        (ACCESS, _) => {
            write!(writer, "{} ", rfc3339(now))?;
            writeln!(
                writer,
                "{} {}",
                Printable(&words.request),
                Printable(&words.message)
            )
        }
        // Its lines need no target.
        (START, _) => writeln!(writer, "{}", words.message),
        (_, Level::INFO) if !words.foreign => lines(writer, &words.message),
        (_, level) => {
            write!(writer, "{}: ", name(level))?;
            if words.foreign {
                write!(writer, "{target}: ")?;
            }
            match (words.component.as_str(), words.request.as_str()) {
                ("", "") => {}
                ("", request) => write!(writer, "request {}: ", Printable(request))?,
                (component, "") => write!(writer, "component '{component}': ")?,
                (component, request) => {
                    let request = Printable(request);
                    write!(writer, "component '{component}', request {request}: ")?;
                }
            }
            lines(writer, &words.message)
        }
    }
}

/// Writes a message that may have several lines.
fn lines(writer: &mut impl Write, message: &str) -> fmt::Result {
    for (number, line) in message.lines().enumerate() {
        let indent = if number == 0 { "" } else { CONTINUED };
        writeln!(writer, "{indent}{}", Printable(line))?;
    }
    Ok(())
}

/// The parts of an event in a line of text.
#[derive(Default)]
struct Words {
    /// Whether the event comes from another crate, so that its fields are not in the message.
    foreign: bool,
    message: String,
    component: String,
    request: String,
}

impl Visit for Words {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        // Writing to a string cannot fail.
        _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            "component" => write!(self.component, "{value:?}"),
            "request" => write!(self.request, "{value:?}"),
            other if self.foreign => write!(self.message, " {other}={value:?}"),
            _ => Ok(()),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        if self.foreign {
            self.record_debug(field, &value);
        }
    }
}

/// Text with its control characters escaped, so that a request cannot forge a line or steer a
/// terminal.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains(char::is_control) {
            return f.write_str(self.0);
        }
        self.0.chars().try_for_each(|c| {
            if c.is_control() {
                write!(f, "{}", c.escape_default())
            } else {
                f.write_char(c)
            }
        })
    }
}

fn json(writer: &mut impl Write, event: &Event<'_>, now: SystemTime) -> fmt::Result {
    let metadata = event.metadata();
    let target = metadata.target();
    let mut fields = Fields::default();
    event.record(&mut fields);
    let record = Record {
        time: rfc3339(now).to_string(),
        level: (![ACCESS, START, GUEST].contains(&target)).then(|| name(*metadata.level())),
        fields: &fields.named,
        // In other events the fields have it all.
        message: (![ACCESS, START].contains(&target)).then_some(&fields.message),
    };
    // The keys are strings, so that serialising does not fail.
    writeln!(
        writer,
        "{}",
        serde_json::to_string(&record).unwrap_or_default()
    )
}

/// An object: the time, the level, the fields in their order, the message.
struct Record<'a> {
    time: String,
    level: Option<&'static str>,
    fields: &'a [(&'static str, Value)],
    message: Option<&'a String>,
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &self.time)?;
        if let Some(level) = self.level {
            map.serialize_entry("level", level)?;
        }
        for (name, value) in self.fields {
            map.serialize_entry(name, value)?;
        }
        if let Some(message) = self.message {
            map.serialize_entry("message", message)?;
        }
        map.end()
    }
}

/// The fields of an event as JSON values.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) message: String,
    pub(super) named: Vec<(&'static str, Value)>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        self.record_str(field, &text);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.named.push((field.name(), value.into()));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.named.push((field.name(), value.into()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.named.push((field.name(), value.into()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.named.push((field.name(), value.into()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.named.push((field.name(), value.into()));
    }

    /// Bytes are already JSON: events cannot carry a list in another way.
    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        let value = serde_json::from_slice(value).unwrap_or_default();
        self.named.push((field.name(), value));
    }
}

#[cfg(test)]
mod tests;
