//! A router with the behaviour that every route shares.

use std::convert::Infallible;
use std::fmt;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use request_id::{X_REQUEST_ID, request_id};
use tower::{Layer, ServiceExt};
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, CorsLayer};

use crate::problem::{self, Problem};

/// The header that lists what is missing from a recording or damaged. (`Warning` belonged to caches and is obsolete: RFC 9111,
/// section 5.5.)
pub const AUDIO_WARNINGS: HeaderName = HeaderName::from_static("audio-warnings");

/// How many requests the caller has left (draft-ietf-httpapi-ratelimit-headers).
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The limit on a caller's requests, and its period.
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What a page may do if its route does not say: run scripts of this origin, and send requests to it. Swagger UI sets styles in its elements.
const PAGES: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

/// The id of the exchange, for handlers that log: an extension of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.to_str().unwrap_or_default())
    }
}

/// What the operator decides for every route.
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
/// `X-Request-Id`, the body limit, `X-Content-Type-Options`, `X-Accel-Buffering: no` for events, and a
/// `Content-Security-Policy` for pages that have none.
#[derive(Clone, Debug)]
pub struct Service {
    router: Router,
    cors: Option<CorsLayer>,
}

impl Service {
    /// Puts `routes` under `settings`.
    #[must_use]
    pub fn new(routes: Router, settings: &Settings) -> Self {
        let router = routes
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed)
            .layer(DefaultBodyLimit::max(settings.max_body_bytes));
        Self {
            router,
            cors: cors(&settings.cors_allowed_origins),
        }
    }

    /// Answers one request. Never fails: every error is a response.
    pub async fn respond(&self, request: Request<Body>) -> Response {
        self.answer(self.router.clone(), request).await
    }

    /// Answers a request with a problem, without asking the routes. Pages of other origins can read it if they may read answers.
    pub async fn refuse(&self, request: Request<Body>, problem: Problem) -> Response {
        let refusal = Router::new().fallback(async || problem);
        self.answer(refusal, request).await
    }

    async fn answer(&self, router: Router, mut request: Request<Body>) -> Response {
        let head = Head::of(&request);
        request.extensions_mut().insert(RequestId(head.id.clone()));
        let answer = match &self.cors {
            Some(cors) if request.headers().contains_key(header::ORIGIN) => {
                cors.layer(router).oneshot(request).await
            }
            _ => router.oneshot(request).await,
        };
        head.finish(answer.unwrap_or_else(|never: Infallible| match never {}))
    }
}

/// The parts of a request that its response depends on.
struct Head {
    id: HeaderValue,
    method: Method,
    uri: Uri,
}

impl Head {
    fn of(request: &Request<Body>) -> Self {
        Self {
            id: request_id(request.headers()),
            method: request.method().clone(),
            uri: request.uri().clone(),
        }
    }

    /// Adds what every response has.
    fn finish(self, mut response: Response) -> Response {
        let Self { id, method, uri } = self;
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
        if let StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED = response.status() {
            // A 204 must not have it, and in a 304 it would be the length of the content that is not sent (RFC 9110, section 8.6).
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        let headers = response.headers_mut();
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        headers.insert(X_REQUEST_ID, id);
        let kind = headers.get(header::CONTENT_TYPE);
        let is = |wanted: &[u8]| kind.is_some_and(|kind| kind.as_bytes().starts_with(wanted));
        if is(b"text/event-stream") {
            // A proxy such as nginx would hold back events until its buffer is full.
            headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
        } else if is(b"text/html") {
            headers
                .entry(header::CONTENT_SECURITY_POLICY)
                .or_insert(PAGES);
            headers.insert(
                header::REFERRER_POLICY,
                HeaderValue::from_static("no-referrer"),
            );
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
            // `*` does not include `Authorization` (Fetch standard, CORS protocol).
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers([
                X_REQUEST_ID,
                header::LOCATION,
                header::RETRY_AFTER,
                RATE_LIMIT,
                RATE_LIMIT_POLICY,
                AUDIO_WARNINGS,
            ]),
    )
}

#[cfg(test)]
mod tests;
