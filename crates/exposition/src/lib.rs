//! Metrics in the text formats of Prometheus, whichever a scraper accepts.
//!
//! The embedded host and the component `monitor` share this crate.

use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::registry::Registry;

/// A text format for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text, version 0.0.4.
    Prometheus,
    /// OpenMetrics, version 1.0.0.
    OpenMetrics,
}

/// The media type of OpenMetrics, without its parameters.
const OPEN_METRICS: &str = "application/openmetrics-text";

/// The last line of OpenMetrics.
const END: &str = "# EOF\n";

impl Format {
    /// The format for the values of the header `Accept`: OpenMetrics where it is named and nothing else is preferred.
    ///
    /// Prometheus names both and prefers OpenMetrics. A browser or curl names neither.
    pub fn accepted<'a>(accept: impl IntoIterator<Item = &'a str>) -> Self {
        let (mut open_metrics, mut text) = (0.0, 0.0);
        for range in accept.into_iter().flat_map(|value| value.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let quality = parts
                .filter_map(|parameter| parameter.split_once('='))
                .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
                .map_or(1.0, |(_, value)| value.trim().parse().unwrap_or(0.0));
            if name.eq_ignore_ascii_case(OPEN_METRICS) {
                open_metrics = f32::max(open_metrics, quality);
            } else if name.eq_ignore_ascii_case("text/plain") {
                text = f32::max(text, quality);
            }
        }
        if open_metrics > 0.0 && open_metrics >= text {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// The header `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => prometheus_text::CONTENT_TYPE,
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The metrics of a registry.
    #[must_use]
    pub fn encode(self, registry: &Registry) -> String {
        let mut to = String::new();
        let written = match self {
            Self::Prometheus => prometheus_text::encode(&mut to, registry),
            Self::OpenMetrics => text::encode(&mut to, registry),
        };
        debug_assert!(written.is_ok(), "writing to a string does not fail");
        to
    }

    /// The metrics of two texts in this format, which have no metric in common.
    #[must_use]
    pub fn join(self, mut first: String, second: &str) -> String {
        if self == Self::OpenMetrics && first.ends_with(END) {
            first.truncate(first.len() - END.len());
        }
        first + second
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::counter::Counter;
    use prometheus_client::metrics::family::Family;

    #[test]
    fn open_metrics_is_for_those_who_name_it() {
        use Format::{OpenMetrics, Prometheus};
        // What Prometheus 3 sends.
        let prometheus = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
            application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        for (accept, format) in [
            (vec![], Prometheus),
            (vec!["*/*"], Prometheus),
            (vec!["text/html, */*;q=0.8"], Prometheus),
            (vec![prometheus], OpenMetrics),
            (vec!["Application/OpenMetrics-Text"], OpenMetrics),
            (
                vec!["text/plain", "application/openmetrics-text"],
                OpenMetrics,
            ),
            (
                vec!["text/plain, application/openmetrics-text;q=0.9"],
                Prometheus,
            ),
            (vec!["application/openmetrics-text;q=0"], Prometheus),
            (vec!["application/openmetrics-text;q=x"], Prometheus),
        ] {
            assert_eq!(Format::accepted(accept.clone()), format, "{accept:?}");
        }
    }

    #[test]
    fn two_texts_become_one() {
        let text = |format: Format, name: &str| {
            let mut registry = Registry::default();
            registry.register(name, "Help", Counter::<u64>::default());
            format.encode(&registry)
        };
        for (format, end) in [(Format::Prometheus, ""), (Format::OpenMetrics, END)] {
            let joined = format.join(text(format, "a"), &text(format, "b"));
            let samples: Vec<_> = joined
                .lines()
                .filter(|line| line.contains("_total 0"))
                .collect();
            assert_eq!(samples, ["a_total 0", "b_total 0"]);
            assert_eq!(joined.matches("# EOF").count(), end.lines().count());
            assert!(joined.ends_with(end), "{joined}");
        }
    }

    #[test]
    fn values_of_labels_are_escaped_in_both_formats() {
        let mut registry = Registry::default();
        let jobs = Family::<[(&str, String); 1], Counter>::default();
        registry.register("jobs", "Jobs", jobs.clone());
        let label = [("route", "a\"b\\c\nd".to_owned())];
        jobs.get_or_create(&label).inc_by(2);
        let sample = "jobs_total{route=\"a\\\"b\\\\c\\nd\"} 2\n";
        assert_eq!(
            Format::Prometheus.encode(&registry),
            format!("# HELP jobs_total Jobs.\n# TYPE jobs_total counter\n{sample}")
        );
        assert_eq!(
            Format::OpenMetrics.encode(&registry),
            format!("# HELP jobs Jobs.\n# TYPE jobs counter\n{sample}# EOF\n")
        );
    }
}
