//! The running application: which component answers a request, and what it is told about it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header,
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body::Body as _;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use manifest::{CHAINED_CLIENT, Handler, RouteMatch, Router, StaticResponse, WELL_KNOWN_PREFIX};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::PoolConcurrencyLimitError;
use wasmtime_wasi_http::{
    Error, WasiBody,
    handler::{ExpirationError, InstantiationError, ProxyHandler, TrapOrPanicError},
};

use crate::{
    body::{Held, Timed},
    log,
    pool::Pool,
    refusal::{Refusal, X_REQUEST_ID, request_id},
};

/// How long a client may pause within a request's body.
const BODY_PAUSE: Duration = Duration::from_secs(60);

const NOT_FOUND: Refusal = Refusal::new(StatusCode::NOT_FOUND, "nothing answers at this path");

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    /// Who asks.
    pub(crate) client: SocketAddr,
    /// The address that was asked.
    pub(crate) local: SocketAddr,
}

/// A loaded component.
#[derive(Clone)]
pub(crate) struct Component {
    /// Its id.
    pub(crate) id: Arc<str>,
    /// Its instances.
    pub(crate) instances: ProxyHandler<Pool>,
}

/// The application.
pub(crate) struct App {
    /// Which component answers which path.
    pub(crate) router: Router,
    /// The components, by id.
    pub(crate) components: HashMap<String, Component>,
    /// One permit for each request from outside that is being answered.
    pub(crate) requests: Arc<Semaphore>,
}

/// The body of a response to the outside. It holds the request's permit, and its line in the log.
pub(crate) type Body = Held<WasiBody, (Option<OwnedSemaphorePermit>, Entry)>;

impl App {
    /// Answers a request from outside.
    pub(crate) async fn respond(&self, request: Request<Incoming>, ends: Ends) -> Response<Body> {
        let mut entry = Entry::new(&request);
        let mut permit = None;
        let id = request_id(&request);
        let accepted = self.accept(request, ends, &mut entry, &mut permit).await;
        let response = accepted.unwrap_or_else(|refusal| refusal.response(id).map(full));
        entry.status = response.status();
        response.map(|body| Held::new(body, (permit, entry)))
    }

    async fn accept(
        &self,
        mut request: Request<Incoming>,
        ends: Ends,
        entry: &mut Entry,
        permit: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<Response<WasiBody>, Refusal> {
        let uri = request.uri().clone();
        if let Some(name) = uri.path().strip_prefix(WELL_KNOWN_PREFIX) {
            return match name {
                "health" => Ok(Response::new(full(Bytes::from_static(b"OK")))),
                _ => Err(NOT_FOUND),
            };
        }
        manifest::strip_forbidden_headers(request.headers_mut());
        // Asks for the server itself (RFC 9110, section 9.3.7).
        if uri.path() == "*" {
            host(request.headers())?;
            if request.method() != Method::OPTIONS {
                return Err(bad_request("the target '*' is for OPTIONS alone"));
            }
            let mut response = Response::new(full(Bytes::new()));
            *response.status_mut() = StatusCode::NO_CONTENT;
            let id = request_id(&request);
            response.headers_mut().insert(X_REQUEST_ID, id);
            return Ok(response);
        }
        set_target(&mut request, ends.local)?;
        let matched = self.router.route(uri.path()).ok_or(NOT_FOUND)?;
        if let Handler::Component(id) = matched.handler() {
            entry.component = self
                .components
                .get(id)
                .map(|component| Arc::clone(&component.id));
            // The semaphore is never closed.
            *permit = Arc::clone(&self.requests).acquire_owned().await.ok();
        }
        let request = request.map(|body| match body.is_end_stream() {
            true => Empty::new().map_err(Error::from).boxed_unsync(),
            false => Timed::new(body, BODY_PAUSE).boxed_unsync(),
        });
        self.answer(&matched, request, ends.client).await
    }

    /// Answers a request that a component makes to its own application.
    pub(crate) async fn internal(&self, request: Request<WasiBody>) -> Response<WasiBody> {
        let uri = request.uri().clone();
        let id = request_id(&request);
        let answer = match self.router.route(uri.path()) {
            Some(matched) => self.answer(&matched, request, CHAINED_CLIENT).await,
            None => Err(NOT_FOUND),
        };
        answer.unwrap_or_else(|refusal| refusal.response(id).map(full))
    }

    /// Answers a request that a component makes to another one; `None` if there is none.
    pub(crate) async fn chained(
        &self,
        component: &str,
        request: Request<WasiBody>,
    ) -> Option<Response<WasiBody>> {
        let uri = request.uri().clone();
        let id = request_id(&request);
        let matched = self.router.chained(component, uri.path())?;
        let answer = self.answer(&matched, request, CHAINED_CLIENT).await;
        Some(answer.unwrap_or_else(|refusal| refusal.response(id).map(full)))
    }

    /// Hands a request to what its path matched and waits for the head of the response.
    ///
    /// # Errors
    /// With the status that stands for the failure: 504 when the time was up, 503 when there was no
    /// room for another instance, else 500.
    async fn answer(
        &self,
        matched: &RouteMatch<'_>,
        mut request: Request<WasiBody>,
        client: SocketAddr,
    ) -> Result<Response<WasiBody>, Refusal> {
        let component = match matched.handler() {
            Handler::Static(response) => return Ok(fixed(response)),
            Handler::Component(id) => self.components.get(id).ok_or(NOT_FOUND)?,
        };
        let uri = request.uri().clone();
        let scheme = uri.scheme_str().unwrap_or("http");
        let authority = uri.authority().map_or("", Authority::as_str);
        let target = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        matched.set_headers(request.headers_mut(), scheme, authority, target, client);
        let start = Instant::now();
        let response = component.instances.handle((), request).await;
        response.map_err(|error| component.refusal(&error, start.elapsed()))
    }
}

impl Component {
    /// What stands for a failure of an instance.
    fn refusal(&self, error: &wasmtime::Error, elapsed: Duration) -> Refusal {
        // An instance that ended does not say why, but it has logged it.
        let ended = error.is::<TrapOrPanicError>();
        if !ended {
            log::component_error(&self.id, format_args!("{error:#}"));
        }
        let limit = self.instances.state().reuse.timeout;
        let timed_out = ended && limit.is_some_and(|limit| elapsed >= limit.low);
        if timed_out || error.is::<ExpirationError>() {
            return Refusal::new(
                StatusCode::GATEWAY_TIMEOUT,
                "the request took longer than requests may take",
            );
        }
        match error.downcast_ref::<InstantiationError<()>>() {
            Some(failure) if failure.error.is::<PoolConcurrencyLimitError>() => Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many requests are being answered; try again",
            ),
            _ => Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the component that answers this path failed; the server's log says how",
            ),
        }
    }
}

/// Makes the request's target absolute, as a component expects it (RFC 9112, section 3.2): from the
/// target itself, whatever the `Host` header says, or from that. HTTP/1.0 may lack both; then it is
/// `local`, the address that was asked.
fn set_target(request: &mut Request<Incoming>, local: SocketAddr) -> Result<(), Refusal> {
    let host = host(request.headers())?;
    let mut parts = request.uri().clone().into_parts();
    let by_address = || (request.version() < Version::HTTP_11).then(|| local.to_string());
    let authority = match (parts.authority, host) {
        (Some(authority), _) | (None, Some(authority)) => authority,
        (None, None) => by_address()
            .and_then(|address| Authority::try_from(address).ok())
            .ok_or(bad_request("the request has no header 'Host'"))?,
    };
    if request.headers().contains_key(header::HOST) {
        // The characters of an authority are ones that a header may have.
        if let Ok(host) = HeaderValue::try_from(authority.as_str()) {
            request.headers_mut().insert(header::HOST, host);
        }
    }
    parts.scheme = Some(Scheme::HTTP);
    parts.authority = Some(authority);
    // `CONNECT host:port` has no path.
    *request.uri_mut() = Uri::from_parts(parts)
        .map_err(|_| bad_request("the request's target is not a path or an address"))?;
    Ok(())
}

fn host(headers: &HeaderMap) -> Result<Option<Authority>, Refusal> {
    let mut values = headers.get_all(header::HOST).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    match Authority::try_from(value.as_bytes()) {
        Ok(_) if values.next().is_some() => Err(bad_request("the request has two headers 'Host'")),
        Ok(authority) => Ok(Some(authority)),
        Err(_) => Err(bad_request("the header 'Host' is not a host and a port")),
    }
}

const fn bad_request(detail: &'static str) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, detail)
}

fn full(bytes: Bytes) -> WasiBody {
    Full::new(bytes).map_err(Error::from).boxed_unsync()
}

fn fixed(fixed: &StaticResponse) -> Response<WasiBody> {
    let mut response = Response::new(full(fixed.body.clone().into()));
    *response.status_mut() = fixed.status;
    *response.headers_mut() = fixed.headers.clone();
    response
}

/// A line of the access log, written when it is dropped: after the last byte of the response, or
/// when the client has gone.
pub(crate) struct Entry {
    start: Instant,
    method: Method,
    uri: Uri,
    component: Option<Arc<str>>,
    status: StatusCode,
}

impl Entry {
    fn new<B>(request: &Request<B>) -> Self {
        Self {
            start: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            component: None,
            status: client_closed_request(),
        }
    }
}

/// What logs show, since nginx, where the client left before there was a status: 499.
fn client_closed_request() -> StatusCode {
    StatusCode::from_u16(499).unwrap_or(StatusCode::REQUEST_TIMEOUT)
}

impl Drop for Entry {
    fn drop(&mut self) {
        log::access(&log::Access {
            method: self.method.as_str(),
            path: self.uri.path(),
            status: self.status.as_u16(),
            ms: self.start.elapsed().as_micros() as f64 / 1e3,
            component: self.component.as_deref().unwrap_or("-"),
        });
    }
}
