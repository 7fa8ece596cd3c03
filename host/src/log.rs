//! The host's log lines: requests and the start on standard output, everything else on standard error, as text or as one JSON
//! object per line; and the same as records for a collector.
//!
//! Modules log with the macros of `tracing`. A line about a request has the field `request`, its id; one about a
//! component the field `component`.

mod export;
mod lines;

use std::{
    env,
    io::{self, IsTerminal, Write as _},
    sync::OnceLock,
};

use opentelemetry_sdk::logs::SdkLogger;
use tracing::{Level, Metadata, info, level_filters::LevelFilter, warn};
use tracing_subscriber::{
    filter::{ParseError, Targets},
    fmt::{MakeWriter, layer},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

pub(crate) use self::lines::{ACCESS, Format, Printable, START};
use self::{
    export::Records,
    lines::{GUEST, HOST, Lines},
};

/// The environment variable that sets levels: `warn`, or `host=debug,access=off`.
const LEVELS: &str = "RUST_LOG";

static FORMAT: OnceLock<Format> = OnceLock::new();

/// Takes records, if they are exported.
static LOGGER: OnceLock<SdkLogger> = OnceLock::new();

/// Starts logging, once. With `quiet`, only warnings and errors are written, unless `RUST_LOG` says otherwise.
pub(crate) fn init(format: Format, quiet: bool) {
    if FORMAT.set(format).is_err() {
        return;
    }
    let (levels, error) = levels(env::var(LEVELS).ok().as_deref(), quiet);
    let lines = layer()
        .event_format(Lines(format))
        .with_writer(Outputs)
        // A closed output must not end the server.
        .log_internal_errors(false);
    let subscriber = tracing_subscriber::registry()
        .with(levels)
        .with(lines)
        .with(Records(&LOGGER));
    // The only possible error is that a subscriber is already set.
    _ = subscriber.try_init();
    if let Some(error) = error {
        warn!("cannot use {LEVELS}: {error}");
    }
}

/// Exports lines from now on.
pub(crate) fn export(logger: SdkLogger) {
    LOGGER.get_or_init(|| logger);
}

/// Whether lines are exported.
pub(crate) fn is_exported() -> bool {
    LOGGER.get().is_some()
}

/// Whether a line may be overwritten: whether the output is a terminal.
pub(crate) fn is_live() -> bool {
    FORMAT.get() == Some(&Format::Text)
        && tracing::enabled!(Level::INFO)
        && io::stderr().is_terminal()
}

/// The levels that are written. Guests' lines are always written: `--follow` filters them.
fn levels(asked: Option<&str>, quiet: bool) -> (Targets, Option<ParseError>) {
    let level = if quiet { Level::WARN } else { Level::INFO };
    let usual = Targets::new().with_targets([HOST, ACCESS, START].map(|target| (target, level)));
    let asked = asked.filter(|asked| !asked.trim().is_empty());
    let (levels, error) = match asked.map(str::parse) {
        None => (usual, None),
        Some(Ok(levels)) => (levels, None),
        Some(Err(error)) => (usual, Some(error)),
    };
    (levels.with_target(GUEST, LevelFilter::INFO), error)
}

/// The output of a component: whole lines, or parts of long ones.
pub(crate) struct Printed<'a> {
    pub(crate) component: &'a str,
    pub(crate) stream: &'static str,
    /// The ids of the requests in progress in the instance.
    pub(crate) requests: Option<&'a str>,
    pub(crate) text: &'a [u8],
}

impl Printed<'_> {
    /// Writes it; as text unchanged.
    pub(crate) fn write(&self) {
        match FORMAT.get().copied().unwrap_or_default() {
            Format::Text => _ = io::stderr().lock().write_all(self.text),
            Format::Json => {
                let (component, stream, requests) = (self.component, self.stream, self.requests);
                for line in String::from_utf8_lossy(self.text).lines() {
                    info!(target: GUEST, component, stream, request = requests, "{line}");
                }
            }
        }
    }

    /// Exports it.
    pub(crate) fn export(&self) {
        if let Some(logger) = LOGGER.get() {
            for line in String::from_utf8_lossy(self.text).lines() {
                export::guest(logger, self.component, self.stream, self.requests, line);
            }
        }
    }
}

/// Chooses the output by the target.
struct Outputs;

impl<'a> MakeWriter<'a> for Outputs {
    type Writer = Box<dyn io::Write + 'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Box::new(io::stderr())
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Self::Writer {
        match metadata.target() {
            ACCESS | START => Box::new(io::stdout()),
            _ => Box::new(io::stderr()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_set_by_target() {
        let said = |asked, quiet| {
            let levels = levels(asked, quiet).0;
            [
                levels.would_enable("host::serving::app", &Level::WARN),
                levels.would_enable("host::code::load", &Level::INFO),
                levels.would_enable(ACCESS, &Level::INFO),
                levels.would_enable("hyper", &Level::WARN),
                levels.would_enable(GUEST, &Level::INFO),
            ]
        };
        assert_eq!(said(None, false), [true, true, true, false, true]);
        assert_eq!(said(Some(" "), false), [true, true, true, false, true]);
        assert_eq!(said(None, true), [true, false, false, false, true]);
        assert_eq!(
            said(Some("warn,access=info"), true),
            [true, false, true, true, true]
        );
        assert_eq!(said(Some("off"), false), [false, false, false, false, true]);
        let (_, error) = levels(Some("host=loud"), false);
        assert!(error.is_some());
        assert_eq!(
            said(Some("host=loud"), false),
            [true, true, true, false, true]
        );
    }
}
