//! Export with OpenTelemetry's protocol: the traces, metrics and logs of this process, to the collector that the environment
//! names. Each leaves from a thread of its own, so that no request waits for the collector.
//!
//! The settings are the variables of OpenTelemetry. A signal without an endpoint is not exported.

mod client;
mod ids;
mod settings;

use std::{borrow::Cow, env, time::Duration};

use anyhow::{Context as _, Result};
use http::Method;
use opentelemetry::{
    KeyValue,
    logs::LoggerProvider as _,
    metrics::{Meter, MeterProvider as _},
    trace::TracerProvider as _,
};
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{SdkLogger, SdkLoggerProvider},
    metrics::SdkMeterProvider,
    resource::{EnvResourceDetector, TelemetryResourceDetector},
    trace::{SdkTracer, SdkTracerProvider},
};
use tokio::task;
use tracing::warn;

pub(crate) use self::ids::with_span_id;
use self::{client::Client, ids::Ids, settings::Settings};

/// The scope of spans and instruments. That of a log record is its target.
const SCOPE: &str = "routelets";

/// How long the last data may take to leave at the end.
const FLUSH: Duration = Duration::from_secs(5);

/// A kind of data, which may have an endpoint of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    /// Its name in log lines and, in capitals, in variables.
    fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

/// What exports; `None` for each signal that is off.
pub(crate) struct Exporters {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    logs: Option<SdkLoggerProvider>,
}

impl Exporters {
    /// Exports where the environment says, on the runtime of the caller.
    ///
    /// # Errors
    /// When a variable is invalid.
    pub(crate) fn from_environment() -> Result<Self> {
        Ok(Self {
            traces: traces()?,
            metrics: metrics()?,
            logs: logs()?,
        })
    }

    /// What makes spans.
    pub(crate) fn tracer(&self) -> Option<SdkTracer> {
        let provider = self.traces.as_ref()?;
        Some(provider.tracer(SCOPE))
    }

    /// What makes instruments.
    pub(crate) fn meter(&self) -> Option<Meter> {
        let provider = self.metrics.as_ref()?;
        Some(provider.meter(SCOPE))
    }

    /// What takes log records.
    pub(crate) fn logger(&self) -> Option<SdkLogger> {
        let provider = self.logs.as_ref()?;
        Some(provider.logger(SCOPE))
    }

    /// Exports what has been recorded, for a limited time, and ends.
    pub(crate) async fn flush(self) {
        tokio::join!(
            last(Signal::Traces, self.traces, |traces| {
                traces.shutdown_with_timeout(FLUSH)
            }),
            last(Signal::Metrics, self.metrics, |metrics| {
                metrics.shutdown_with_timeout(FLUSH)
            }),
            last(Signal::Logs, self.logs, |logs| {
                logs.shutdown_with_timeout(FLUSH)
            }),
        );
    }
}

/// Ends a signal with `shutdown`, which blocks.
async fn last<P: Send + 'static>(
    signal: Signal,
    provider: Option<P>,
    shutdown: fn(&P) -> OTelSdkResult,
) {
    let Some(provider) = provider else {
        return;
    };
    let ended = task::spawn_blocking(move || shutdown(&provider));
    if let Ok(Err(error)) = ended.await {
        warn!("the last {} are lost: {error}", signal.name());
    }
}

fn traces() -> Result<Option<SdkTracerProvider>> {
    let Some(client) = client(Signal::Traces)? else {
        return Ok(None);
    };
    let exporter = SpanExporter::builder().with_http().with_http_client(client);
    let exporter = exporter.build().context("cannot export traces")?;
    let provider = SdkTracerProvider::builder().with_resource(resource());
    let provider = provider.with_id_generator(Ids::default());
    Ok(Some(provider.with_batch_exporter(exporter).build()))
}

fn metrics() -> Result<Option<SdkMeterProvider>> {
    let Some(client) = client(Signal::Metrics)? else {
        return Ok(None);
    };
    let exporter = MetricExporter::builder()
        .with_http()
        .with_http_client(client);
    let exporter = exporter.build().context("cannot export metrics")?;
    let provider = SdkMeterProvider::builder().with_resource(resource());
    Ok(Some(provider.with_periodic_exporter(exporter).build()))
}

fn logs() -> Result<Option<SdkLoggerProvider>> {
    let Some(client) = client(Signal::Logs)? else {
        return Ok(None);
    };
    let exporter = LogExporter::builder().with_http().with_http_client(client);
    let exporter = exporter.build().context("cannot export logs")?;
    let provider = SdkLoggerProvider::builder().with_resource(resource());
    Ok(Some(provider.with_batch_exporter(exporter).build()))
}

/// The way of a signal to the collector; `None` if the signal is off.
///
/// # Errors
/// When a variable is invalid.
fn client(signal: Signal) -> Result<Option<Client>> {
    let settings = Settings::new(signal, |name: &str| env::var(name).ok());
    if !settings.is_on() {
        return Ok(None);
    }
    settings.check()?;
    Ok(Some(Client::new(signal, settings.timeout())))
}

/// Who exports.
fn resource() -> Resource {
    let resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "routelets"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .with_detectors(&[
            Box::new(TelemetryResourceDetector),
            Box::new(EnvResourceDetector::new()),
        ]);
    let name = env::var("OTEL_SERVICE_NAME").unwrap_or_default();
    match name.trim() {
        "" => resource.build(),
        _ => resource.with_service_name(name).build(),
    }
}

/// A method as an attribute: `_OTHER` for one that a client has made up.
pub(crate) fn method(method: &Method) -> Cow<'static, str> {
    let known = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    let known = known.into_iter().find(|known| *known == method.as_str());
    known.unwrap_or("_OTHER").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_clients_make_up_are_not_names() {
        assert_eq!(method(&Method::PATCH), "PATCH");
        assert_eq!(method(&Method::from_bytes(b"BREW").unwrap()), "_OTHER");
    }
}
