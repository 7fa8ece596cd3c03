//! `wasi:http`: the requests that a component makes, to hosts that its manifest allows, and to its own
//! application without a socket.

mod destination;

use std::sync::{Arc, OnceLock, Weak};

use futures::future::BoxFuture;
use http::{Request, Response, Uri, uri::Authority};
use http_body_util::BodyExt;
use manifest::{AllowedHosts, chaining_target};
use tokio::sync::Semaphore;
use tracing::error;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use self::destination::Unreachable;
use crate::{
    interfaces::{body::Held, requests::AtWork},
    traces::Tracer,
};

/// Requests that the components of an application may have open at once. Also ends components that call each other in a
/// circle.
const OPEN_REQUESTS: usize = 1_000;

/// The host name of the application itself, for clients that cannot send a request without a host.
const SELF: &str = "self.alt";

/// What this host tells its components, each under a name of its own, so that a component may be allowed one alone.
#[derive(Clone, Copy)]
pub(crate) enum Told {
    /// The metrics.
    Metrics,
    /// How many cores are idle.
    IdleCores,
    /// Nothing: a component reports a span.
    Spans,
}

impl Told {
    /// What the host name stands for. The names are below `.invalid`, so that no server can have them (RFC 6761), and not below
    /// `.spin.internal`, because Spin ends an instance that asks for a component that is not there.
    fn by_name(host: &str) -> Option<Self> {
        match host {
            "runtime.invalid" => Some(Self::Metrics),
            "cores.runtime.invalid" => Some(Self::IdleCores),
            "spans.runtime.invalid" => Some(Self::Spans),
            _ => None,
        }
    }
}

/// An application, as its own components reach it.
pub(crate) trait Application: Send + Sync {
    /// Answers a request of a component to the host itself; `None` if it answers none.
    fn tell<'a>(
        &'a self,
        component: &'a str,
        what: Told,
        request: Request<WasiBody>,
    ) -> BoxFuture<'a, Option<Response<WasiBody>>>;

    /// Answers a request by its public route.
    fn internal(&self, request: Request<WasiBody>) -> BoxFuture<'_, Response<WasiBody>>;

    /// Answers a request to this component; `None` if there is none.
    fn chained<'a>(
        &'a self,
        component: &'a str,
        request: Request<WasiBody>,
    ) -> BoxFuture<'a, Option<Response<WasiBody>>>;
}

/// The network that all components of an application share for their requests.
pub(crate) struct Network {
    application: OnceLock<Weak<dyn Application>>,
    open: Arc<Semaphore>,
    tracer: Tracer,
}

impl Network {
    /// A network without an application yet.
    pub(crate) fn new(tracer: Tracer) -> Arc<Self> {
        Arc::new(Self {
            application: OnceLock::new(),
            open: Arc::new(Semaphore::new(OPEN_REQUESTS)),
            tracer,
        })
    }

    /// Connects the application, which is made after its components.
    pub(crate) fn connect(&self, application: Weak<dyn Application>) {
        self.application.get_or_init(|| application);
    }
}

/// The network access of one component.
pub(crate) struct Outbound {
    /// The component's id.
    pub(crate) component: Arc<str>,
    /// The hosts it may call.
    pub(crate) allowed: AllowedHosts,
    /// The way there.
    pub(crate) network: Arc<Network>,
}

impl Outbound {
    /// Sends a request of an instance with these requests at work, as a span of its trace.
    async fn send(
        &self,
        from: &AtWork,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> Result<(Response<WasiBody>, Completion), Error> {
        let tracer = &self.network.tracer;
        // Reporting a span must not create another span.
        if !tracer.is_on()
            || matches!(
                request.uri().host().and_then(Told::by_name),
                Some(Told::Spans)
            )
        {
            return self.exchange(from, request, options, ()).await;
        }
        let span = tracer.client(&mut request, &self.component, &from.places());
        let held = Arc::new(span);
        let exchanged = self.exchange(from, request, options, Arc::clone(&held));
        let exchanged = exchanged.await;
        match &exchanged {
            Ok((response, _)) => held.answered(response.status(), true),
            Err(error) => held.failed(error.to_string()),
        }
        exchanged
    }

    /// Sends a request, and holds `held` until the response has ended.
    async fn exchange<H: Send + Unpin + 'static>(
        &self,
        from: &AtWork,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        held: H,
    ) -> Result<(Response<WasiBody>, Completion), Error> {
        // A URL without a host reaches us as `https://:443/path`.
        let host = request.uri().host().unwrap_or_default();
        let to_self = host.is_empty() || host == SELF;
        let allowed = if to_self {
            self.allowed.allows_self()
        } else {
            self.allowed.allows_url(&request.uri().to_string())
        };
        if !allowed {
            let host = if to_self { "self" } else { host };
            let component = &*self.component;
            from.say(|request| {
                error!(
                    component,
                    request, "it may not call '{host}': allowed_outbound_hosts does not name it"
                );
            });
            return Err(Error::HttpRequestDenied);
        }
        let permit = Arc::clone(&self.network.open)
            .try_acquire_owned()
            .map_err(|_| Error::ConnectionLimitReached)?;
        let held = (permit, held);
        let target = chaining_target(host).map(str::to_owned);
        let told = Told::by_name(host);
        if !to_self && told.is_none() && target.is_none() {
            let found = destination::find(request.uri(), options).await;
            let found = found.map_err(|error| self.unreachable(from, host, error))?;
            let (response, completion) = destination::send(request, options, found).await?;
            let response = response.map(|body| Held::new(body, held).boxed_unsync());
            return Ok((response, completion));
        }
        let app = self
            .network
            .application
            .get()
            .and_then(Weak::upgrade)
            .ok_or(Error::ConnectionTerminated)?;
        *request.uri_mut() = as_http(request.uri())?;
        let response = match (target, told) {
            (Some(component), _) => app.chained(&component, request).await,
            (None, Some(what)) => app.tell(&self.component, what, request).await,
            (None, None) => Some(app.internal(request).await),
        };
        let response = response.ok_or(Error::DestinationNotFound)?;
        Ok((
            response.map(|body| Held::new(body, held).boxed_unsync()),
            Box::new(async { Ok(()) }),
        ))
    }

    /// The error of a request that goes nowhere.
    fn unreachable(&self, from: &AtWork, host: &str, error: Unreachable) -> Error {
        match error {
            Unreachable::Inside(address) => {
                let component = &*self.component;
                from.say(|request| {
                    error!(
                        component,
                        request,
                        "it may not call '{host}': the name has the address {address}, which is inside this machine or its cloud"
                    );
                });
                Error::DestinationIpProhibited
            }
            Unreachable::Unknown(error) => error,
        }
    }
}

/// The target in the form that a server receives.
fn as_http(uri: &Uri) -> Result<Uri, Error> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let authority = uri.authority().map_or(SELF, Authority::as_str);
    let authority = if authority.starts_with(':') {
        SELF
    } else {
        authority
    };
    Uri::builder()
        .scheme("http")
        .authority(authority)
        .path_and_query(path)
        .build()
        .map_err(|_| Error::HttpRequestUriInvalid)
}

/// The rest of a request after its response has begun.
type Completion = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// Wasmtime's hooks for the requests of one instance.
pub(crate) struct Hooks {
    outbound: Arc<Outbound>,
    requests: AtWork,
}

impl Hooks {
    /// For an instance with these requests in progress.
    pub(crate) fn new(outbound: &Arc<Outbound>, requests: &AtWork) -> Self {
        Self {
            outbound: Arc::clone(outbound),
            requests: requests.clone(),
        }
    }
}

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Completion,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Completion), Error>> + Send> {
        let outbound = Arc::clone(&self.outbound);
        let requests = self.requests.clone();
        Box::new(async move { outbound.send(&requests, request, options).await })
    }
}
