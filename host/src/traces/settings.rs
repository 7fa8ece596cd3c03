//! The variables of OpenTelemetry that the host reads itself; the libraries read the others.

use std::time::Duration;

use anyhow::{Result, bail};

/// How long an export may take, unless a variable says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Variables, by name. An empty one counts as missing.
pub(super) struct Settings<F>(pub(super) F);

impl<F: Fn(&str) -> Option<String>> Settings<F> {
    /// The variable.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        (self.0)(name).filter(|value| !value.trim().is_empty())
    }

    /// The variable for traces, or else the one for all kinds of data.
    fn of_traces(&self, name: &str) -> Option<(String, String)> {
        [
            format!("OTEL_EXPORTER_OTLP_TRACES_{name}"),
            format!("OTEL_EXPORTER_OTLP_{name}"),
        ]
        .into_iter()
        .find_map(|name| Some((name.clone(), self.get(&name)?)))
    }

    /// Whether traces are exported: to an endpoint, unless that is switched off.
    pub(super) fn is_on(&self) -> bool {
        let is = |name, value| {
            self.get(name)
                .is_some_and(|set| set.eq_ignore_ascii_case(value))
        };
        self.of_traces("ENDPOINT").is_some()
            && !is("OTEL_SDK_DISABLED", "true")
            && !is("OTEL_TRACES_EXPORTER", "none")
    }

    /// Checks what this host does not have.
    ///
    /// # Errors
    /// When another protocol or a compression is asked for.
    pub(super) fn check(&self) -> Result<()> {
        match self.of_traces("PROTOCOL") {
            Some((name, value)) if value != "http/protobuf" => {
                bail!("{name}: this host exports with http/protobuf, not with '{value}'")
            }
            _ => {}
        }
        match self.of_traces("COMPRESSION") {
            Some((name, value)) if value != "none" => {
                bail!("{name}: this host exports without compression, not with '{value}'")
            }
            _ => Ok(()),
        }
    }

    /// How long an export may take.
    pub(super) fn timeout(&self) -> Duration {
        let set = self.of_traces("TIMEOUT");
        let milliseconds = set.and_then(|(_, value)| value.trim().parse().ok());
        milliseconds.map_or(TIMEOUT, Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(set: &[(&str, &str)]) -> Settings<impl Fn(&str) -> Option<String>> {
        let set: Vec<_> = set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Settings(move |name: &str| {
            let found = set.iter().find(|(set, _)| set == name);
            found.map(|(_, value)| value.clone())
        })
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");

    #[test]
    fn an_endpoint_switches_traces_on() {
        assert!(!settings(&[]).is_on());
        assert!(!settings(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]).is_on());
        assert!(settings(&[ENDPOINT]).is_on());
        assert!(settings(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://c/v1/traces")]).is_on());
        assert!(settings(&[ENDPOINT, ("OTEL_SDK_DISABLED", "false")]).is_on());
        assert!(!settings(&[ENDPOINT, ("OTEL_SDK_DISABLED", "True")]).is_on());
        assert!(!settings(&[ENDPOINT, ("OTEL_TRACES_EXPORTER", "none")]).is_on());
    }

    #[test]
    fn what_is_missing_is_named() {
        let protocol = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        let error = settings(&[ENDPOINT, protocol]).check().unwrap_err();
        assert!(
            error.to_string().contains("OTEL_EXPORTER_OTLP_PROTOCOL"),
            "{error}"
        );
        let of_traces = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf");
        settings(&[ENDPOINT, protocol, of_traces]).check().unwrap();
        let error = settings(&[("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip")])
            .check()
            .unwrap_err();
        assert!(error.to_string().contains("'gzip'"), "{error}");
    }

    #[test]
    fn the_timeout_is_in_milliseconds() {
        assert_eq!(settings(&[]).timeout(), TIMEOUT);
        let general = ("OTEL_EXPORTER_OTLP_TIMEOUT", "250");
        assert_eq!(settings(&[general]).timeout(), Duration::from_millis(250));
        let of_traces = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "70");
        assert_eq!(
            settings(&[general, of_traces]).timeout(),
            Duration::from_millis(70)
        );
    }
}
