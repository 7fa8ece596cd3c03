//! Connects a component's routes to Spin. Only this crate depends on Spin's HTTP types.
//!
//! A component is its routes and this one call:
//!
//! ```ignore
//! guest::component!(routes);
//! ```

mod busy;
mod gate;
pub mod jobs;
pub mod limiter;
pub mod limits;
mod outgoing;
pub mod runtime;
mod span;
mod uploads;

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use futures_util::future::{Either, select};
use http_api::{Operations, Service, Settings, X_CALLER};
use spin_sdk::variables;
use utoipa_axum::router::OpenApiRouter;

use outgoing::Placed;

pub use axum::response::Response;
pub use busy::{Busy, pause};
pub use outgoing::{exchange, exchange_within, send};
/// Makes a future `Send`, as axum requires, in this single-threaded guest.
pub use send_wrapper::SendWrapper as LocalFuture;
pub use span::Span;
pub use spin_sdk::http::Request;

thread_local! {
    // An instance serves many requests; its routes and settings do not change between them.
    static ROUTES: OnceCell<Routes> = const { OnceCell::new() };
    static VARIABLES: RefCell<HashMap<&'static str, Option<String>>> = RefCell::default();
}

/// Makes an HTTP component from a function that returns its routes.
///
/// Natively nothing is exported: there the component is a plain library, from which the OpenAPI document is made, and
/// the exported symbols are not ones that a native linker takes.
#[macro_export]
macro_rules! component {
    ($routes:path) => {
        /// Answers an HTTP request.
        #[cfg_attr(target_family = "wasm", ::spin_sdk::http_service)]
        pub async fn handle(request: $crate::Request) -> $crate::Response {
            $crate::serve($routes, request).await
        }
    };
}

/// A component's routes, and which of them are open to everybody.
#[derive(Clone)]
struct Routes {
    service: Service,
    operations: Rc<Operations>,
}

/// Answers `request` with the component's `routes`, which are built once for an instance. Requests that are sent meanwhile, with
/// [`send`], are in the trace of this one.
pub async fn serve<B>(routes: fn() -> OpenApiRouter, request: axum::http::Request<B>) -> Response
where
    B: axum::body::HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    let place = outgoing::place(request.headers());
    let response = Placed::new(place.clone(), respond(routes, request)).await;
    if place.is_empty() {
        return response;
    }
    // A body may be computed while it is sent.
    response.map(|body| Body::new(Placed::new(place, body)))
}

/// Answers a request. This is the one place where it is asked who calls: see `gate.rs`.
async fn respond<B>(routes: fn() -> OpenApiRouter, request: axum::http::Request<B>) -> Response
where
    B: axum::body::HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    let routes = match ROUTES.with(|cell| cell.get().cloned()) {
        Some(routes) => routes,
        None => {
            let (router, document) = routes().split_for_parts();
            let routes = Routes {
                service: Service::new(router, &settings().await),
                operations: Rc::new(Operations::of(&document)),
            };
            ROUTES.with(|cell| cell.get_or_init(|| routes).clone())
        }
    };
    let mut request = request.map(Body::new);
    let admitted = gate::admit(&routes.operations, &mut request).await;
    let caller = http_api::caller(request.extensions());
    let prepared = match admitted {
        Ok(limits) => uploads::limit(&mut request)
            .await
            .map(|counting| (limits, counting)),
        Err(problem) => Err(problem),
    };
    let mut response = match prepared {
        Ok((limits, counting)) => {
            let response = routes.service.respond(request);
            let mut response = match counting {
                Some(counting) => uploads::while_counting(response, counting).await,
                None => response.await,
            };
            response.headers_mut().extend(limits.into_iter().flatten());
            response
        }
        Err(problem) => routes.service.refuse(request, problem).await,
    };
    // Names of keys and subjects of tokens are printable ASCII.
    if let Ok(name) = HeaderValue::from_str(caller.id())
        && !name.is_empty()
    {
        response.headers_mut().insert(X_CALLER, name);
    }
    response
}

/// What a future comes to, or `None` if that takes longer than `limit`.
pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(future), pin!(spin_sdk::time::sleep(limit))).await {
        Either::Left((output, _)) => Some(output),
        Either::Right(_) => None,
    }
}

/// The settings from the component's variables, with defaults for missing ones.
pub async fn settings() -> Settings {
    let default = Settings::default();
    Settings {
        cors_allowed_origins: variable("cors_allowed_origins")
            .await
            .unwrap_or(default.cors_allowed_origins),
        max_body_bytes: variable("max_body_bytes")
            .await
            .and_then(|value| value.parse().ok())
            .unwrap_or(default.max_body_bytes),
    }
}

/// Reads a time limit in seconds from the variable `name`. Returns `default` if it is not set, or not between 0.001 and 1e9.
pub async fn seconds(name: &'static str, default: f64) -> f64 {
    variable(name)
        .await
        .and_then(|value| value.parse().ok())
        .filter(|seconds: &f64| (0.001..1e9).contains(seconds))
        .unwrap_or(default)
}

/// A variable of this component, if `spin.toml` declares one of this name.
///
/// An instance reads each variable once.
pub async fn variable(name: &'static str) -> Option<String> {
    if let Some(value) = VARIABLES.with_borrow(|read| read.get(name).cloned()) {
        return value;
    }
    let value = variables::get(name).await.ok();
    VARIABLES.with_borrow_mut(|read| read.insert(name, value.clone()));
    value
}
