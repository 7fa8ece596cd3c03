//! The way to a collector: batches, with OTLP over HTTP.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header, uri::Authority};
use http_body_util::{BodyExt, Full, Limited};
use opentelemetry_http::{HttpClient, HttpError};
use tokio::{runtime::Handle, time::timeout};
use tracing::{info, warn};
use wasmtime_wasi_http::default_send_request;

use super::Signal;

/// Bytes of a collector's answer that are read.
const ANSWER: usize = 64 * 1024;

/// Sends batches with the client that components use, so that there is one TLS.
#[derive(Debug)]
pub(super) struct Client {
    signal: Signal,
    /// The exporter's thread has no runtime of its own.
    runtime: Handle,
    timeout: Duration,
    /// Whether the last batch was lost, so that the log says it once.
    failing: AtomicBool,
}

impl Client {
    /// For this signal, on the runtime of the caller.
    pub(super) fn new(signal: Signal, timeout: Duration) -> Self {
        Self {
            signal,
            runtime: Handle::current(),
            timeout,
            failing: AtomicBool::new(false),
        }
    }

    fn report(&self, to: &Uri, sent: &Result<Response<Bytes>, HttpError>) {
        let problem = match sent {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("it answers {}", response.status())),
            Err(error) => Some(error.to_string()),
        };
        let failed = self.failing.swap(problem.is_some(), Ordering::Relaxed);
        let host = to.host().unwrap_or_default();
        let signal = self.signal.name();
        match problem {
            Some(problem) if !failed => warn!("cannot export {signal} to {host}: {problem}"),
            None if failed => info!("The {signal} are exported to {host} again"),
            _ => {}
        }
    }
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
