//! A collector of OpenTelemetry's protocol, which receives what the embedded host exports.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Attribute};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use runtime_tests::Launch;
use tiny_http::Response;

use crate::launch;

/// The application `outbound`, which exports to an endpoint. `port` is that of another server.
pub(crate) fn outbound(endpoint: &str, port: &str) -> Launch {
    exporting(launch("outbound").variable("port", port), endpoint)
}

/// An application that exports to an endpoint.
pub(crate) fn exporting(application: Launch, endpoint: &str) -> Launch {
    application
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20collector",
        )
        .env("OTEL_BLRP_SCHEDULE_DELAY", "50")
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .env("OTEL_METRIC_EXPORT_INTERVAL", "100")
        .env("OTEL_SERVICE_NAME", "a test")
}

/// A request to the collector.
struct Export {
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

/// A line of the log.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) target: String,
    pub(crate) record: LogRecord,
}

/// What has arrived so far.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// Where it was sent.
    pub(crate) paths: BTreeSet<String>,
    pub(crate) spans: Vec<Span>,
    /// The last state of each metric.
    pub(crate) metrics: BTreeMap<String, Metric>,
    pub(crate) lines: Vec<Line>,
}

/// Answers at once, and keeps what arrives.
pub(crate) struct Collector {
    server: Arc<tiny_http::Server>,
    exports: Receiver<Export>,
    received: Received,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let server = Arc::new(tiny_http::Server::http("127.0.0.1:0").unwrap());
        let (sender, exports) = channel();
        let requests = Arc::clone(&server);
        thread::spawn(move || {
            while let Ok(mut request) = requests.recv() {
                let headers = request.headers().iter();
                let headers = headers.map(|header| {
                    let name = header.field.to_string().to_ascii_lowercase();
                    (name, header.value.to_string())
                });
                let mut export = Export {
                    path: request.url().to_owned(),
                    headers: headers.collect(),
                    body: Vec::new(),
                };
                let read = request.as_reader().read_to_end(&mut export.body);
                // Before the answer, so that everything is here when the application has ended.
                if read.is_err() || sender.send(export).is_err() {
                    break;
                }
                let _ = request.respond(Response::empty(200));
            }
        });
        Self {
            server,
            exports,
            received: Received::default(),
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.server.server_addr())
    }

    /// What is looked for, when it has arrived.
    pub(crate) fn wait_for<T>(&mut self, what: &str, found: impl Fn(&Received) -> Option<T>) -> T {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(found) = found(&self.received) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            let Ok(export) = self.exports.recv_timeout(left) else {
                panic!("{what} did not arrive: {:#?}", self.received);
            };
            self.take(&export);
        }
    }

    /// The spans that arrive until there are so many.
    pub(crate) fn spans(&mut self, number: usize) -> Vec<Span> {
        self.wait_for(&format!("{number} spans"), |received| {
            (received.spans.len() >= number).then(|| received.spans.clone())
        })
    }

    /// The line of the log that is looked for.
    pub(crate) fn line(&mut self, target: &str, text: &str) -> LogRecord {
        self.wait_for(&format!("'{text}' of {target}"), |received| {
            let mut lines = received.lines.iter();
            let line =
                lines.find(|line| line.target == target && body(&line.record).contains(text))?;
            Some(line.record.clone())
        })
    }

    /// Waits until a metric has this value.
    pub(crate) fn number(
        &mut self,
        metric: &str,
        attributes: &[(&str, &str)],
        value: impl Fn(f64) -> bool,
    ) {
        self.wait_for(&format!("{metric} {attributes:?}"), |received| {
            let found = number(received.metrics.get(metric)?, attributes)?;
            value(found).then_some(())
        });
    }

    /// Everything that arrived from an application that has ended.
    pub(crate) fn all(&mut self) -> &Received {
        while let Ok(export) = self.exports.try_recv() {
            self.take(&export);
        }
        &self.received
    }

    fn take(&mut self, export: &Export) {
        for (name, value) in [
            ("content-type", "application/x-protobuf"),
            ("authorization", "Bearer collector"),
            ("host", &self.server.server_addr().to_string()),
        ] {
            let header = export.headers.get(name).map(String::as_str);
            assert_eq!(header, Some(value), "{name}");
        }
        let from = |resource: Option<Resource>| {
            let resource = resource.unwrap();
            assert_eq!(text(&resource.attributes, "service.name"), "a test");
        };
        let received = &mut self.received;
        received.paths.insert(export.path.clone());
        match export.path.as_str() {
            "/v1/traces" => {
                let batch = ExportTraceServiceRequest::decode(&*export.body).unwrap();
                for of_resource in batch.resource_spans {
                    from(of_resource.resource);
                    let scopes = of_resource.scope_spans.into_iter();
                    received.spans.extend(scopes.flat_map(|scope| scope.spans));
                }
            }
            "/v1/metrics" => {
                let batch = ExportMetricsServiceRequest::decode(&*export.body).unwrap();
                for of_resource in batch.resource_metrics {
                    from(of_resource.resource);
                    let scopes = of_resource.scope_metrics.into_iter();
                    for metric in scopes.flat_map(|scope| scope.metrics) {
                        received.metrics.insert(metric.name.clone(), metric);
                    }
                }
            }
            "/v1/logs" => {
                let batch = ExportLogsServiceRequest::decode(&*export.body).unwrap();
                for of_resource in batch.resource_logs {
                    from(of_resource.resource);
                    for scope in of_resource.scope_logs {
                        let target = scope.scope.unwrap().name;
                        received
                            .lines
                            .extend(scope.log_records.into_iter().map(|record| Line {
                                target: target.clone(),
                                record,
                            }));
                    }
                }
            }
            other => panic!("nothing is sent to {other}"),
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.server.unblock();
    }
}

/// The value of an attribute, as text.
pub(crate) fn text(attributes: &[KeyValue], name: &str) -> String {
    match value(attributes, name) {
        Some(text) => text,
        None => panic!("{name} is missing or of another kind: {attributes:#?}"),
    }
}

fn value(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|it| it.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Attribute::StringValue(text) => Some(text.clone()),
        Attribute::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The text of a line of the log.
pub(crate) fn body(record: &LogRecord) -> &str {
    let body = record.body.as_ref().and_then(|body| body.value.as_ref());
    match body {
        Some(Attribute::StringValue(text)) => text,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The value of the point that has these attributes; the number of values of a histogram.
fn number(metric: &Metric, attributes: &[(&str, &str)]) -> Option<f64> {
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
    let has = |of_point: &[KeyValue]| {
        let mut wanted = attributes.iter();
        wanted.all(|(name, wanted)| value(of_point, name).as_deref() == Some(*wanted))
    };
    let points = match metric.data.as_ref()? {
        Data::Histogram(histogram) => {
            let mut points = histogram.data_points.iter();
            let point = points.find(|point| has(&point.attributes))?;
            return Some(point.count as f64);
        }
        Data::Gauge(gauge) => &gauge.data_points,
        Data::Sum(sum) => &sum.data_points,
        other => panic!("{other:?}"),
    };
    let point = points.iter().find(|point| has(&point.attributes))?;
    match point.value? {
        Value::AsInt(number) => Some(number as f64),
        Value::AsDouble(number) => Some(number),
    }
}
