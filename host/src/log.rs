//! What the host itself says: requests and the start on standard output, trouble on standard error,
//! as text or as one JSON object a line.

use std::{
    fmt::{self, Write as _},
    io::Write as _,
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::Serialize;

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One object a line, for log collectors.
    Json,
}

#[derive(Clone, Copy, Default)]
struct Settings {
    format: Format,
    quiet: bool,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

/// Sets how lines are written, once, before anything is logged. With `quiet` only trouble is.
pub(crate) fn init(format: Format, quiet: bool) {
    SETTINGS.get_or_init(|| Settings { format, quiet });
}

fn settings() -> Settings {
    SETTINGS.get().copied().unwrap_or_default()
}

/// One request, when its response is through.
#[derive(Serialize)]
pub(crate) struct Access<'a> {
    /// The method.
    pub(crate) method: &'a str,
    /// The path; the query stays out, as it may carry secrets.
    pub(crate) path: &'a str,
    /// The response's status.
    pub(crate) status: u16,
    /// From the request's head to the end of the response, in milliseconds.
    pub(crate) ms: f64,
    /// The component that answered; `-` when it was the host.
    pub(crate) component: &'a str,
}

/// Logs a request.
pub(crate) fn access(access: &Access<'_>) {
    let Settings { format, quiet } = settings();
    if quiet {
        return;
    }
    let mut line = String::with_capacity(160);
    match format {
        Format::Text => {
            let Access {
                method,
                path,
                status,
                ms,
                component,
            } = access;
            // Writing to a string cannot fail.
            let _ = write!(
                line,
                "{} {method} {} {status} {ms:.1}ms {component}",
                Now,
                Printable(path)
            );
        }
        Format::Json => {
            line = json(&Stamped {
                time: Now.to_string(),
                record: access,
            });
        }
    }
    out(&mut line);
}

/// A public route, as the list at the start shows it.
pub(crate) struct Listed {
    /// The component or the trigger that answers.
    pub(crate) id: String,
    /// The path without a trailing `/...`.
    pub(crate) path: String,
    /// Whether it stands for everything below, too.
    pub(crate) wildcard: bool,
}

/// Logs where the application listens and what it answers there. Programs wait for this line: as
/// text it begins with `Serving http://`, as JSON it has the key `serving`.
pub(crate) fn serving(url: &str, routes: &[Listed]) {
    #[derive(Serialize)]
    struct Serving<'a> {
        serving: &'a str,
        routes: Vec<Route>,
    }
    #[derive(Serialize)]
    struct Route {
        id: String,
        url: String,
        wildcard: bool,
    }

    let Settings { format, quiet } = settings();
    if quiet {
        return;
    }
    let mut text = String::new();
    match format {
        Format::Text => {
            let _ = write!(text, "Serving {url}\nAvailable Routes:");
            for Listed { id, path, wildcard } in routes {
                let wildcard = if *wildcard { " (wildcard)" } else { "" };
                let _ = write!(text, "\n  {id}: {url}{path}{wildcard}");
            }
        }
        Format::Json => {
            let route = |route: &Listed| Route {
                id: route.id.clone(),
                url: format!("{url}{}", route.path),
                wildcard: route.wildcard,
            };
            text = json(&Stamped {
                time: Now.to_string(),
                record: &Serving {
                    serving: url,
                    routes: routes.iter().map(route).collect(),
                },
            });
        }
    }
    out(&mut text);
}

/// Logs that messages of a channel arrive from now on. Programs wait for this line: as text it begins
/// with `Subscribed to`, as JSON it has the key `subscribed`.
pub(crate) fn subscribed(channel: &str, address: &str) {
    #[derive(Serialize)]
    struct Subscribed<'a> {
        subscribed: &'a str,
        address: &'a str,
    }

    let Settings { format, quiet } = settings();
    if quiet {
        return;
    }
    out(&mut match format {
        Format::Text => format!("Subscribed to {} at {address}", Printable(channel)),
        Format::Json => json(&Stamped {
            time: Now.to_string(),
            record: &Subscribed {
                subscribed: channel,
                address,
            },
        }),
    });
}

/// Logs progress; not when quiet.
pub(crate) fn info(message: fmt::Arguments<'_>) {
    if !settings().quiet {
        trouble("info", None, message);
    }
}

/// Logs something that the host can live with.
pub(crate) fn warn(message: fmt::Arguments<'_>) {
    trouble("warning", None, message);
}

/// Logs a failure.
pub(crate) fn error(message: fmt::Arguments<'_>) {
    trouble("error", None, message);
}

/// Logs a failure of a component.
pub(crate) fn component_error(component: &str, message: fmt::Arguments<'_>) {
    trouble("error", Some(component), message);
}

fn trouble(level: &str, component: Option<&str>, message: fmt::Arguments<'_>) {
    #[derive(Serialize)]
    struct Trouble<'a> {
        level: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        component: Option<&'a str>,
        message: String,
    }

    let mut line = match (settings().format, component) {
        (Format::Text, _) if level == "info" => message.to_string(),
        (Format::Text, None) => format!("{level}: {message}"),
        (Format::Text, Some(component)) => format!("{level}: component '{component}': {message}"),
        (Format::Json, _) => {
            let record = Trouble {
                level,
                component,
                message: message.to_string(),
            };
            json(&Stamped {
                time: Now.to_string(),
                record: &record,
            })
        }
    };
    line.push('\n');
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// Passes on what a component wrote: whole lines, or a long line's part.
pub(crate) fn guest(component: &str, stream: &str, text: &[u8]) {
    #[derive(Serialize)]
    struct Guest<'a> {
        component: &'a str,
        stream: &'a str,
        message: &'a str,
    }

    let mut stderr = std::io::stderr().lock();
    match settings().format {
        Format::Text => {
            let _ = stderr.write_all(text);
        }
        Format::Json => {
            for line in String::from_utf8_lossy(text).lines() {
                let record = Guest {
                    component,
                    stream,
                    message: line,
                };
                let mut line = json(&Stamped {
                    time: Now.to_string(),
                    record: &record,
                });
                line.push('\n');
                let _ = stderr.write_all(line.as_bytes());
            }
        }
    }
}

#[derive(Serialize)]
struct Stamped<'a, T> {
    time: String,
    #[serde(flatten)]
    record: &'a T,
}

fn json(record: &impl Serialize) -> String {
    // Only maps with keys other than strings fail, and there are none.
    serde_json::to_string(record).unwrap_or_default()
}

/// Writes a line. A closed standard output must not take the server down.
fn out(line: &mut String) {
    line.push('\n');
    let _ = std::io::stdout().lock().write_all(line.as_bytes());
}

/// Text with its control characters escaped, so that a request cannot forge a line or steer a
/// terminal.
struct Printable<'a>(&'a str);

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

/// The time in UTC, as RFC 3339 has it, to the millisecond.
struct Now;

impl fmt::Display for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        timestamp(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            f,
        )
    }
}

/// Days to year, month and day by Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>), for times since 1970.
fn timestamp(since_epoch: Duration, f: &mut impl fmt::Write) -> fmt::Result {
    let seconds = since_epoch.as_secs();
    let day = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    let millisecond = since_epoch.subsec_millis();
    write!(
        f,
        "{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_as_date_prints_them() {
        // date -u -d @… +%FT%T.%3NZ
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_735_689_599_001, "2024-12-31T23:59:59.001Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            let mut text = String::new();
            timestamp(Duration::from_millis(millis), &mut text).unwrap();
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            Printable("/a\u{1b}[2J\u{7f}\u{85}é\n").to_string(),
            "/a\\u{1b}[2J\\u{7f}\\u{85}é\\n"
        );
        assert_eq!(Printable("/plain").to_string(), "/plain");
    }
}
