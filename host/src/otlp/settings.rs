//! The variables of OpenTelemetry that the host reads itself; the libraries read the others.

use std::time::Duration;

use anyhow::{Result, bail};

use super::Signal;

/// How long an export may take, unless a variable says otherwise.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The settings of a signal, from variables. An empty one counts as missing.
pub(super) struct Settings<F> {
    /// In capitals.
    signal: String,
    /// The value of the variable of this name.
    variable: F,
}

impl<F: Fn(&str) -> Option<String>> Settings<F> {
    /// Of this signal.
    pub(super) fn new(signal: Signal, variable: F) -> Self {
        Self {
            signal: signal.name().to_ascii_uppercase(),
            variable,
        }
    }

    fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.trim().is_empty())
    }

    fn is(&self, name: &str, value: &str) -> bool {
        self.get(name)
            .is_some_and(|set| set.eq_ignore_ascii_case(value))
    }

    /// The signal's own variable, or else the one for all signals, with its name.
    fn exporter(&self, name: &str) -> Option<(String, String)> {
        [
            format!("OTEL_EXPORTER_OTLP_{}_{name}", self.signal),
            format!("OTEL_EXPORTER_OTLP_{name}"),
        ]
        .into_iter()
        .find_map(|name| Some((name.clone(), self.get(&name)?)))
    }

    /// Whether the signal is exported: to an endpoint, unless that is switched off.
    pub(super) fn is_on(&self) -> bool {
        self.exporter("ENDPOINT").is_some()
            && !self.is("OTEL_SDK_DISABLED", "true")
            && !self.is(&format!("OTEL_{}_EXPORTER", self.signal), "none")
    }

    /// Checks what this host does not have.
    ///
    /// # Errors
    /// When another protocol or a compression is asked for.
    pub(super) fn check(&self) -> Result<()> {
        match self.exporter("PROTOCOL") {
            Some((name, value)) if value != "http/protobuf" => {
                bail!("{name}: this host exports with http/protobuf, not with '{value}'")
            }
            _ => {}
        }
        match self.exporter("COMPRESSION") {
            Some((name, value)) if value != "none" => {
                bail!("{name}: this host exports without compression, not with '{value}'")
            }
            _ => Ok(()),
        }
    }

    /// How long an export may take.
    pub(super) fn timeout(&self) -> Duration {
        let set = self.exporter("TIMEOUT");
        let milliseconds = set.and_then(|(_, value)| value.trim().parse().ok());
        milliseconds.map_or(TIMEOUT, Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(
        signal: Signal,
        set: &[(&str, &str)],
    ) -> Settings<impl Fn(&str) -> Option<String> + use<>> {
        let set: Vec<_> = set
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Settings::new(signal, move |name: &str| {
            let found = set.iter().find(|(set, _)| set == name);
            found.map(|(_, value)| value.clone())
        })
    }

    /// The signals that are on.
    fn on(set: &[(&str, &str)]) -> Vec<Signal> {
        let signals = [Signal::Traces, Signal::Metrics, Signal::Logs];
        let signals = signals.into_iter();
        signals
            .filter(|signal| settings(*signal, set).is_on())
            .collect()
    }

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");

    #[test]
    fn an_endpoint_switches_signals_on() {
        use Signal::{Logs, Metrics, Traces};
        assert_eq!(on(&[]), []);
        assert_eq!(on(&[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), []);
        assert_eq!(on(&[ENDPOINT]), [Traces, Metrics, Logs]);
        for (name, signal) in [
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", Traces),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", Metrics),
            ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", Logs),
        ] {
            assert_eq!(on(&[(name, "http://c/v1")]), [signal]);
        }
        for (name, others) in [
            ("OTEL_TRACES_EXPORTER", [Metrics, Logs]),
            ("OTEL_METRICS_EXPORTER", [Traces, Logs]),
            ("OTEL_LOGS_EXPORTER", [Traces, Metrics]),
        ] {
            assert_eq!(on(&[ENDPOINT, (name, "none")]), others);
        }
        assert_eq!(on(&[ENDPOINT, ("OTEL_SDK_DISABLED", "false")]).len(), 3);
        assert_eq!(on(&[ENDPOINT, ("OTEL_SDK_DISABLED", "True")]), []);
    }

    #[test]
    fn what_is_missing_is_named() {
        let protocol = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        let metrics = settings(Signal::Metrics, &[ENDPOINT, protocol]);
        let error = metrics.check().unwrap_err().to_string();
        assert!(error.contains("OTEL_EXPORTER_OTLP_PROTOCOL"), "{error}");
        let of_logs = ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "http/protobuf");
        let set = [ENDPOINT, protocol, of_logs];
        settings(Signal::Logs, &set).check().unwrap();
        settings(Signal::Traces, &set).check().unwrap_err();
        let compression = [("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip")];
        let error = settings(Signal::Traces, &compression).check().unwrap_err();
        assert!(error.to_string().contains("'gzip'"), "{error}");
        settings(Signal::Logs, &compression).check().unwrap();
    }

    #[test]
    fn the_timeout_is_in_milliseconds() {
        let timeout = |set: &[_]| settings(Signal::Logs, set).timeout();
        assert_eq!(timeout(&[]), TIMEOUT);
        let general = ("OTEL_EXPORTER_OTLP_TIMEOUT", "250");
        assert_eq!(timeout(&[general]), Duration::from_millis(250));
        let of_logs = ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "70");
        assert_eq!(timeout(&[general, of_logs]), Duration::from_millis(70));
        let of_traces = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "70");
        assert_eq!(timeout(&[general, of_traces]), Duration::from_millis(250));
    }
}
