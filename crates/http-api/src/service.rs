//! A router with the behaviour that every route shares.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use request_id::{X_REQUEST_ID, request_id};
use tower::{Layer, ServiceExt};
use tower_http::cors::{AllowOrigin, Any, Cors, CorsLayer};

use crate::problem::{self, Problem};

/// The header that lists what is missing from a recording or damaged. (`Warning` belonged to caches and is obsolete: RFC 9111,
/// section 5.5.)
pub const AUDIO_WARNINGS: HeaderName = HeaderName::from_static("audio-warnings");

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The operator's settings for every route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Origins that may read answers from a browser, comma-separated; `*` for all, empty for none.
    pub cors_allowed_origins: String,
    /// The largest request body that is read, in bytes; not for routes that set their own limit.
    pub max_body_bytes: usize,
}

impl Default for Settings {
    /// No cross-origin access, bodies up to 1 MiB.
    fn default() -> Self {
        Self {
            cors_allowed_origins: String::new(),
            max_body_bytes: 1 << 20,
        }
    }
}

/// A component's routes, ready to answer requests.
///
/// Adds to the routes: problem documents for unknown paths and methods, `Allow` on 405 and for `OPTIONS`, CORS,
/// `X-Request-Id`, the body limit, `X-Content-Type-Options`, and `X-Accel-Buffering: no` for events.
#[derive(Clone, Debug)]
pub struct Service {
    router: Router,
    cross_origin: Option<Cors<Router>>,
}

impl Service {
    /// Puts `routes` under `settings`.
    #[must_use]
    pub fn new(routes: Router, settings: &Settings) -> Self {
        let router = routes
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed)
            .layer(DefaultBodyLimit::max(settings.max_body_bytes));
        let cross_origin =
            cors(&settings.cors_allowed_origins).map(|layer| layer.layer(router.clone()));
        Self {
            router,
            cross_origin,
        }
    }

    /// Answers one request. Never fails: every error is a response.
    pub async fn respond(&self, request: Request<Body>) -> Response {
        let id = request_id(request.headers());
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let answer = match &self.cross_origin {
            Some(service) if request.headers().contains_key(header::ORIGIN) => {
                service.clone().oneshot(request).await
            }
            _ => self.router.clone().oneshot(request).await,
        };
        let mut response = answer.unwrap_or_else(|never: Infallible| match never {});
        if method == Method::OPTIONS && response.status() == StatusCode::METHOD_NOT_ALLOWED {
            let allow = response.headers_mut().remove(header::ALLOW);
            response = StatusCode::NO_CONTENT.into_response();
            response
                .headers_mut()
                .extend(allow.map(|allow| (header::ALLOW, allow)));
        }
        if let Some(problem) = response.extensions().get::<Problem>() {
            let id = id.to_str().unwrap_or_default();
            problem.log(format_args!("request {id}: {method} {}", uri.path()));
        }
        if response.status() == StatusCode::NOT_MODIFIED {
            // It would be the length of the content, which is not sent (RFC 9110, section 8.6).
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        let headers = response.headers_mut();
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        headers.insert(X_REQUEST_ID, id);
        let kind = headers.get(header::CONTENT_TYPE);
        if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
            // A proxy such as nginx would hold back events until its buffer is full.
            headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
        }
        response
    }
}

async fn not_found(uri: Uri) -> Problem {
    Problem::new(
        problem::NOT_FOUND,
        format!("nothing answers at {}", uri.path()),
    )
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        problem::METHOD_NOT_ALLOWED,
        format!(
            "{} does not support {method}; the header Allow lists the methods that it does",
            uri.path()
        ),
    )
}

/// The CORS layer for a comma-separated list of origins; `None` if none is allowed.
fn cors(origins: &str) -> Option<CorsLayer> {
    let origins: Vec<&str> = origins
        .split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
        .collect();
    let allowed = match origins.as_slice() {
        [] => return None,
        list if list.contains(&"*") => AllowOrigin::any(),
        list => AllowOrigin::list(list.iter().filter_map(|origin| origin.parse().ok())),
    };
    Some(
        CorsLayer::new()
            .allow_origin(allowed)
            .allow_methods(Any)
            .allow_headers(Any)
            .expose_headers([
                X_REQUEST_ID,
                header::LOCATION,
                header::RETRY_AFTER,
                AUDIO_WARNINGS,
            ]),
    )
}

#[cfg(test)]
mod tests;
