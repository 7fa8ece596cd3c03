//! The log line of each request.

use std::{sync::Arc, time::Instant};

use http::{HeaderValue, Method, Request, StatusCode, Uri};
use tracing::info;

use crate::{
    interfaces::requests::{Ending, Tracked},
    log::ACCESS,
    metrics::{Metrics, Route},
    traces::Span,
};

/// A line of the access log, and the request's share of the metrics and of its trace. It is written when it is dropped: after the
/// last byte of the response, or when the client has gone.
pub(crate) struct Entry {
    start: Instant,
    method: Method,
    uri: Uri,
    tracked: Arc<Tracked>,
    metrics: Arc<Metrics>,
    span: Span,
    /// The route that matched.
    pub(super) route: Route,
    /// Ends the request for the instance that had it.
    pub(super) ending: Ending,
    /// The component that answers; none when it is the host.
    pub(super) component: Option<Arc<str>>,
    /// Who called, as the component knows.
    pub(super) caller: Option<HeaderValue>,
    /// The response's status.
    pub(super) status: StatusCode,
}

impl Entry {
    /// For a request that has just come.
    pub(super) fn new<B>(
        request: &Request<B>,
        tracked: &Arc<Tracked>,
        metrics: &Arc<Metrics>,
        span: Span,
    ) -> Self {
        metrics.begin(request.method());
        Self {
            start: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            tracked: Arc::clone(tracked),
            metrics: Arc::clone(metrics),
            span,
            route: metrics.route(None),
            ending: Ending::of(tracked),
            component: None,
            caller: None,
            status: client_closed_request(),
        }
    }
}

/// The status in logs when the client left before the response: 499, as in nginx.
fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::REQUEST_TIMEOUT)
}

impl Drop for Entry {
    fn drop(&mut self) {
        let (took, bytes) = (self.start.elapsed(), self.tracked.bytes());
        let (route, status) = (&self.route, self.status);
        self.metrics.end(&self.method, route, status, took, bytes);
        let component = self.component.as_deref();
        self.span.routed(&self.method, self.route.name(), component);
        self.span.answered(self.status, false);
        let caller = self.caller.as_ref();
        let line = Line {
            request: self.tracked.id(),
            caller: caller.and_then(|caller| caller.to_str().ok()),
            method: self.method.as_str(),
            path: self.uri.path(),
            status: self.status,
            bytes,
            ms: took.as_micros() as f64 / 1e3,
            component: component.unwrap_or("-"),
        };
        self.span.say(|| line.write());
    }
}

/// Logs and counts a request that could not be read.
pub(super) fn unread(metrics: &Metrics, request: &str, status: StatusCode) {
    metrics.unread(status);
    Line {
        request,
        caller: None,
        method: "-",
        path: "-",
        status,
        bytes: 0,
        ms: 0.0,
        component: "-",
    }
    .write();
}

struct Line<'a> {
    request: &'a str,
    caller: Option<&'a str>,
    method: &'a str,
    /// Without the query, which may contain secrets.
    path: &'a str,
    status: StatusCode,
    /// Of the response's body.
    bytes: u64,
    /// From the request's head to the end of the response, in milliseconds.
    ms: f64,
    component: &'a str,
}

impl Line<'_> {
    fn write(self) {
        let Self {
            request,
            caller,
            method,
            path,
            bytes,
            ms,
            component,
            ..
        } = self;
        let status = self.status.as_u16();
        let name = caller.map(|caller| format!(" {caller}"));
        let name = name.as_deref().unwrap_or_default();
        info!(
            target: ACCESS,
            request, caller, method, path, status, bytes, ms, component,
            "{method} {path} {status} {bytes}B {ms:.1}ms {component}{name}"
        );
    }
}
