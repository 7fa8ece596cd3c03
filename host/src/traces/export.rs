//! The way of spans to a collector: in batches, from a thread of their own, with OTLP over HTTP.
//!
//! A full queue drops spans and never delays a request.

use std::{
    env,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header, uri::Authority};
use http_body_util::{BodyExt, Full, Limited};
use opentelemetry::KeyValue;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    resource::{EnvResourceDetector, TelemetryResourceDetector},
    trace::SdkTracerProvider,
};
use tokio::{runtime::Handle, time::timeout};
use tracing::{info, warn};
use wasmtime_wasi_http::default_send_request;

use super::{ids::Ids, settings::Settings};

/// Bytes of a collector's answer that are read.
const ANSWER: usize = 64 * 1024;

/// What makes spans and exports them; `None` if the environment names no endpoint.
///
/// # Errors
/// When a variable is invalid.
pub(super) fn provider() -> Result<Option<SdkTracerProvider>> {
    let settings = Settings(|name: &str| env::var(name).ok());
    if !settings.is_on() {
        return Ok(None);
    }
    settings.check()?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client {
            runtime: Handle::current(),
            timeout: settings.timeout(),
            failing: AtomicBool::new(false),
        })
        .build()
        .context("cannot export traces")?;
    let mut resource = Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "routelets"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .with_detectors(&[
            Box::new(TelemetryResourceDetector),
            Box::new(EnvResourceDetector::new()),
        ]);
    if let Some(name) = settings.get("OTEL_SERVICE_NAME") {
        resource = resource.with_service_name(name);
    }
    Ok(Some(
        SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_id_generator(Ids::default())
            .with_batch_exporter(exporter)
            .build(),
    ))
}

/// Sends batches with the client that components use, so that there is one TLS.
#[derive(Debug)]
struct Client {
    /// The exporter's thread has no runtime of its own.
    runtime: Handle,
    timeout: Duration,
    /// Whether the last batch was lost, so that the log says it once.
    failing: AtomicBool,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let to = request.uri().clone();
        // The clock is the runtime's, too.
        let limit = self.timeout;
        let sent = async move { timeout(limit, send(request)).await };
        let sent = self.runtime.spawn(sent);
        let sent = match sent.await {
            Ok(Ok(sent)) => sent,
            Ok(Err(_)) => Err("it does not answer in time".into()),
            Err(stopped) => Err(stopped.into()),
        };
        self.report(&to, &sent);
        sent
    }
}

impl Client {
    fn report(&self, to: &Uri, sent: &Result<Response<Bytes>, HttpError>) {
        let problem = match sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("it answers {}", response.status())),
            Err(error) => Some(error.to_string()),
        };
        let failed = self.failing.swap(problem.is_some(), Ordering::Relaxed);
        let host = to.host().unwrap_or_default();
        match problem {
            Some(problem) if !failed => warn!("cannot export traces to {host}: {problem}"),
            None if failed => info!("Traces are exported to {host} again"),
            _ => {}
        }
    }
}

async fn send(mut request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    // The client does not send it by itself.
    let authority = request.uri().authority().map(Authority::as_str);
    let host = HeaderValue::try_from(authority.unwrap_or_default())?;
    request.headers_mut().insert(header::HOST, host);
    let request = request.map(|bytes| Full::new(bytes).map_err(|never| match never {}));
    let (response, completion) = default_send_request(request, None).await?;
    // The connection, which ends with the response.
    let connection = tokio::spawn(completion);
    let (head, body) = response.into_parts();
    let body = Limited::new(Box::pin(body), ANSWER).collect().await?;
    connection.abort();
    Ok(Response::from_parts(head, body.to_bytes()))
}
