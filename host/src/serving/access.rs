//! The log line of each request.

use std::{sync::Arc, time::Instant};

use http::{Method, Request, StatusCode, Uri};
use tracing::info;

use crate::{
    interfaces::requests::{Ending, Tracked},
    log::ACCESS,
};

/// A line of the access log. It is written when it is dropped: after the last byte of the response, or when the client has
/// gone.
pub(crate) struct Entry {
    start: Instant,
    method: Method,
    uri: Uri,
    tracked: Arc<Tracked>,
    /// Ends the request for the instance that had it.
    pub(super) ending: Ending,
    /// The component that answers; none when it is the host.
    pub(super) component: Option<Arc<str>>,
    /// The response's status.
    pub(super) status: StatusCode,
}

impl Entry {
    /// For a request that has just come.
    pub(super) fn new<B>(request: &Request<B>, tracked: &Arc<Tracked>) -> Self {
        Self {
            start: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            tracked: Arc::clone(tracked),
            ending: Ending::of(tracked),
            component: None,
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
        Line {
            request: self.tracked.id(),
            method: self.method.as_str(),
            path: self.uri.path(),
            status: self.status,
            ms: self.start.elapsed().as_micros() as f64 / 1e3,
            component: self.component.as_deref().unwrap_or("-"),
        }
        .write();
    }
}

/// Logs a request that could not be read.
pub(super) fn unread(request: &str, status: StatusCode) {
    Line {
        request,
        method: "-",
        path: "-",
        status,
        ms: 0.0,
        component: "-",
    }
    .write();
}

struct Line<'a> {
    request: &'a str,
    method: &'a str,
    /// Without the query, which may contain secrets.
    path: &'a str,
    status: StatusCode,
    /// From the request's head to the end of the response, in milliseconds.
    ms: f64,
    component: &'a str,
}

impl Line<'_> {
    fn write(self) {
        let Self {
            request,
            method,
            path,
            ms,
            component,
            ..
        } = self;
        let status = self.status.as_u16();
        info!(
            target: ACCESS,
            request, method, path, status, ms, component,
            "{method} {path} {status} {ms:.1}ms {component}"
        );
    }
}
