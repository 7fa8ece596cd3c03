//! A router with the behaviour every route shares around it.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use tower::{Layer, ServiceExt};
use tower_http::cors::{AllowOrigin, Any, Cors, CorsLayer};

use crate::problem::{self, Problem};

/// Names one exchange in logs and reports; echoed when the client sends a usable one.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is echoed, in bytes.
const MAX_REQUEST_ID: usize = 128;

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
/// Around the routes stand: problem documents for unknown paths and methods, `Allow` on 405 and
/// for `OPTIONS`, CORS, `X-Request-Id`, the body limit, `X-Content-Type-Options`.
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
        let id = request_id(request.headers().get(X_REQUEST_ID));
        let method = request.method().clone();
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
        let headers = response.headers_mut();
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        headers.insert(X_REQUEST_ID, id);
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
            "{} does not answer {method}; the header Allow lists what it answers",
            uri.path()
        ),
    )
}

/// The client's id when it is printable and short, else a new UUID.
fn request_id(sent: Option<&HeaderValue>) -> HeaderValue {
    let usable = |value: &&HeaderValue| {
        (1..=MAX_REQUEST_ID).contains(&value.len())
            && value.as_bytes().iter().all(u8::is_ascii_graphic)
    };
    sent.filter(usable).cloned().unwrap_or_else(|| {
        let id = uuid::Uuid::new_v4().hyphenated().to_string();
        HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("unknown"))
    })
}

/// The CORS layer for a comma-separated list of origins; nothing when none is allowed.
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
            .expose_headers([X_REQUEST_ID, header::LOCATION, header::RETRY_AFTER]),
    )
}
