//! The running application: routes requests to components.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use http::{
    Method, Request, Response, StatusCode,
    uri::{Authority, PathAndQuery},
};
use http_body::Body as _;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use manifest::{CHAINED_CLIENT, Handler, RouteMatch, Router, StaticResponse, WELL_KNOWN_PREFIX};
use request_id::{X_CALLER, X_REQUEST_ID, request_id};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::error;
use wasmtime::PoolConcurrencyLimitError;
use wasmtime_wasi_http::{
    Error, WasiBody,
    handler::{ExpirationError, InstantiationError, ProxyHandler, TrapOrPanicError},
};

use crate::{
    interfaces::{
        body::{Counted, Held, Timed},
        http::{Application, Told},
        requests::{Ending, Tracked},
    },
    metrics::Metrics,
    serving::{
        access::Entry,
        cores,
        pool::Pool,
        refusal::Refusal,
        scrape, spans,
        target::{bad_request, host, set_target},
    },
    traces::Tracer,
};

const NOT_FOUND: Refusal = Refusal::new(StatusCode::NOT_FOUND, "nothing answers at this path");

/// The two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ends {
    /// The client's address.
    pub(crate) client: SocketAddr,
    /// The address that the client connected to.
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
    /// How long a client may pause within a request's body.
    pub(crate) body_pause: Duration,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether components may read it. Where it has an address of its own they may not, or it would be collected twice.
    pub(crate) shares_metrics: bool,
    /// Makes the spans of requests.
    pub(crate) tracer: Tracer,
}

/// The body of a response to the outside. It keeps the request's permit and its log line.
pub(crate) type Body = Held<Counted<WasiBody>, (Option<OwnedSemaphorePermit>, Entry)>;

impl App {
    /// Answers a request from the outside.
    pub(crate) async fn respond(
        &self,
        mut request: Request<Incoming>,
        ends: Ends,
    ) -> Response<Body> {
        let id = request_id(request.headers());
        let tracked = Tracked::new(id.clone());
        let span = self.tracer.server(&mut request, tracked.id());
        let mut entry = Entry::new(&request, &tracked, &self.metrics, span);
        let mut permit = None;
        let accepted = self
            .accept(request, ends, &tracked, &mut entry, &mut permit)
            .await;
        let mut response = accepted.unwrap_or_else(|refusal| {
            entry.ending.failed();
            refusal.response(id.clone()).map(full)
        });
        response.headers_mut().entry(X_REQUEST_ID).or_insert(id);
        entry.caller = response.headers_mut().remove(X_CALLER);
        entry.status = response.status();
        response.map(|body| Held::new(Counted::new(body, tracked), (permit, entry)))
    }

    async fn accept(
        &self,
        mut request: Request<Incoming>,
        ends: Ends,
        tracked: &Arc<Tracked>,
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
                return Err(bad_request("the target '*' is only for OPTIONS"));
            }
            let mut response = Response::new(full(Bytes::new()));
            *response.status_mut() = StatusCode::NO_CONTENT;
            return Ok(response);
        }
        set_target(&mut request, ends.local)?;
        let matched = self.router.route(uri.path()).ok_or(NOT_FOUND)?;
        entry.route = self.metrics.route(Some(matched.raw_route()));
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
            false => Timed::new(body, self.body_pause).boxed_unsync(),
        });
        self.answer(&matched, request, ends.client, tracked).await
    }

    /// Answers a request that a component makes to its own application.
    async fn call(
        &self,
        matched: Option<RouteMatch<'_>>,
        request: Request<WasiBody>,
    ) -> Response<WasiBody> {
        let id = request_id(request.headers());
        let tracked = Tracked::new(id.clone());
        let mut ending = Ending::of(&tracked);
        let answer = match matched {
            Some(matched) => {
                self.answer(&matched, request, CHAINED_CLIENT, &tracked)
                    .await
            }
            None => Err(NOT_FOUND),
        };
        match answer {
            Ok(mut response) => {
                // Who called whom within the application is nobody's business outside of it.
                response.headers_mut().remove(X_CALLER);
                response.map(|body| Held::new(body, ending).boxed_unsync())
            }
            Err(refusal) => {
                ending.failed();
                refusal.response(id).map(full)
            }
        }
    }

    /// Passes a request to the match of its path, and waits for the head of the response.
    ///
    /// # Errors
    /// 504 at the time limit, 503 when there are too many instances, else 500.
    async fn answer(
        &self,
        matched: &RouteMatch<'_>,
        mut request: Request<WasiBody>,
        client: SocketAddr,
        tracked: &Arc<Tracked>,
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
        // The component logs the request under the same id.
        request
            .headers_mut()
            .insert(X_REQUEST_ID, tracked.header().clone());
        let headers = request.headers_mut();
        let span = self.tracer.component(headers, &component.id, tracked.id());
        tracked.place(span.place());
        let start = Instant::now();
        let handled = component.instances.handle(Arc::clone(tracked), request);
        match handled.await {
            Ok(response) if span.is_none() => Ok(response),
            Ok(response) => {
                span.answered(response.status(), false);
                Ok(response.map(|body| Held::new(body, span).boxed_unsync()))
            }
            Err(error) => {
                let elapsed = start.elapsed();
                let refusal = tracked.say(|| component.refusal(tracked, &error, elapsed));
                span.failed(refusal.detail());
                Err(refusal)
            }
        }
    }
}

impl Application for App {
    fn tell<'a>(
        &'a self,
        component: &'a str,
        what: Told,
        request: Request<WasiBody>,
    ) -> BoxFuture<'a, Option<Response<WasiBody>>> {
        async move {
            let answer = match what {
                Told::IdleCores => cores::answer().await,
                Told::Metrics if self.shares_metrics => scrape::answer(&self.metrics, &request),
                Told::Metrics => return None,
                Told::Spans => spans::answer(&self.tracer, component, request).await,
            };
            Some(answer.map(|body| body.map_err(Error::from).boxed_unsync()))
        }
        .boxed()
    }

    fn internal(&self, request: Request<WasiBody>) -> BoxFuture<'_, Response<WasiBody>> {
        async move {
            let uri = request.uri().clone();
            self.call(self.router.route(uri.path()), request).await
        }
        .boxed()
    }

    fn chained<'a>(
        &'a self,
        component: &'a str,
        request: Request<WasiBody>,
    ) -> BoxFuture<'a, Option<Response<WasiBody>>> {
        async move {
            let uri = request.uri().clone();
            let matched = self.router.chained(component, uri.path())?;
            Some(self.call(Some(matched), request).await)
        }
        .boxed()
    }
}

impl Component {
    /// Reports a failure of an instance: one sentence for the client, all causes for the log.
    fn refusal(&self, request: &Tracked, error: &wasmtime::Error, elapsed: Duration) -> Refusal {
        // An instance that ended does not say why, but the pool has logged it.
        let ended = error.is::<TrapOrPanicError>();
        let instantiation = error.downcast_ref::<InstantiationError<Arc<Tracked>>>();
        let (component, request) = (&*self.id, request.id());
        if let Some(failure) = instantiation {
            // Its own error does not include the causes.
            let error = &failure.error;
            error!(component, request, "instantiation error: {error:#}");
        } else if !ended {
            error!(component, request, "{error:#}");
        }
        let limit = self.instances.state().reuse.timeout;
        let timed_out = ended && limit.is_some_and(|limit| elapsed >= limit.low);
        if timed_out || error.is::<ExpirationError>() {
            return Refusal::new(
                StatusCode::GATEWAY_TIMEOUT,
                "the request took longer than the time limit",
            );
        }
        match instantiation {
            Some(failure) if failure.error.is::<PoolConcurrencyLimitError>() => Refusal::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many requests are being answered; try again",
            ),
            _ => Refusal::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the component that answers this path failed; the server's log says why",
            ),
        }
    }
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
