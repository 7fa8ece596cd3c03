//! What the host says: requests and the start on standard output, everything else on standard error, as text or as one
//! JSON object a line.
//!
//! Modules say it by the macros of `tracing`. A line about a request has the field `request`, its id; one about a
//! component the field `component`.

mod lines;

use std::{
    env,
    io::{self, IsTerminal, Write as _},
    sync::OnceLock,
};

use tracing::{Level, Metadata, info, level_filters::LevelFilter, warn};
use tracing_subscriber::{
    filter::{ParseError, Targets},
    fmt::{MakeWriter, layer},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

pub(crate) use self::lines::{ACCESS, Format, Printable, START};
use self::lines::{GUEST, HOST, Lines};

/// The environment variable that sets levels: `warn`, or `host=debug,access=off`.
const LEVELS: &str = "RUST_LOG";

static FORMAT: OnceLock<Format> = OnceLock::new();

/// Begins to write what is said, once. With `quiet` only trouble is, unless `RUST_LOG` asks for more.
pub(crate) fn init(format: Format, quiet: bool) {
    if FORMAT.set(format).is_err() {
        return;
    }
    let (levels, error) = levels(env::var(LEVELS).ok().as_deref(), quiet);
    let lines = layer()
        .event_format(Lines(format))
        .with_writer(Outputs)
        // A closed output must not take the server down.
        .log_internal_errors(false);
    let subscriber = tracing_subscriber::registry().with(levels).with(lines);
    // Only a subscriber that is set already is an error.
    _ = subscriber.try_init();
    if let Some(error) = error {
        warn!("{LEVELS} is not followed: {error}");
    }
}

/// Whether a line of the terminal may be written over: it is one that people look at.
pub(crate) fn is_live() -> bool {
    FORMAT.get() == Some(&Format::Text)
        && tracing::enabled!(Level::INFO)
        && io::stderr().is_terminal()
}

/// What is said. Guests' lines always are: `--follow` chooses among them.
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

/// Passes on what a component wrote: whole lines, or a long line's part. As text it goes out byte by byte. `requests`
/// are the ids of those that the instance had at work: with several, which of them it was is not known.
pub(crate) fn guest(component: &str, stream: &str, requests: Option<&str>, text: &[u8]) {
    match FORMAT.get().copied().unwrap_or_default() {
        Format::Text => _ = io::stderr().lock().write_all(text),
        Format::Json => {
            for line in String::from_utf8_lossy(text).lines() {
                info!(target: GUEST, component, stream, request = requests, "{line}");
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
