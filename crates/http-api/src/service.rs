//! A router with the behaviour that every route shares.

use std::convert::Infallible;
use std::future::ready;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use request_id::{X_REQUEST_ID, request_id};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::{AllowHeaders, AllowOrigin, Any, Cors, CorsLayer};

use crate::problem::{self, Problem};

/// The header that lists what is missing from a recording or damaged. (`Warning` belonged to caches and is obsolete: RFC 9111,
/// section 5.5.)
pub const AUDIO_WARNINGS: HeaderName = HeaderName::from_static("audio-warnings");

/// How many requests the caller has left (draft-ietf-httpapi-ratelimit-headers).
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");

/// The limit on a caller's requests, and its period.
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What a page may do: run scripts of this origin, and send requests to it. Swagger UI sets styles in its elements.
const PAGES: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

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
/// `Content-Security-Policy` for pages.
#[derive(Clone, Debug)]
pub struct Service {
    router: Router,
    cors: Option<CorsLayer>,
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
        let cors = cors(&settings.cors_allowed_origins);
        let cross_origin = cors.as_ref().map(|layer| layer.layer(router.clone()));
        Self {
            router,
            cors,
            cross_origin,
        }
    }

    /// Answers one request. Never fails: every error is a response.
    pub async fn respond(&self, request: Request<Body>) -> Response {
        let head = Head::of(&request);
        let answer = match &self.cross_origin {
            Some(service) if request.headers().contains_key(header::ORIGIN) => {
                service.clone().oneshot(request).await
            }
            _ => self.router.clone().oneshot(request).await,
        };
        head.finish(answer.unwrap_or_else(|never: Infallible| match never {}))
    }

    /// Answers a request, of which no route is to know, with a problem.
    pub async fn refuse(&self, request: Request<Body>, problem: Problem) -> Response {
        let head = Head::of(&request);
        let mut refusal = problem.into_response();
        let length = refusal.body().size_hint().exact().map(HeaderValue::from);
        if let Some(length) = length {
            refusal.headers_mut().insert(header::CONTENT_LENGTH, length);
        }
        if head.method == Method::HEAD {
            *refusal.body_mut() = Body::empty();
        }
        // A page of another origin is to learn why.
        let answer = match &self.cors {
            Some(cors) if request.headers().contains_key(header::ORIGIN) => {
                let refuse = service_fn(|_: Request<Body>| {
                    ready(Ok::<_, Infallible>(std::mem::take(&mut refusal)))
                });
                cors.layer(refuse).oneshot(request).await
            }
            _ => Ok(refusal),
        };
        head.finish(answer.unwrap_or_else(|never: Infallible| match never {}))
    }
}

/// What an answer needs to know of its request.
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

    /// Gives an answer what every answer has.
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
        let is = |wanted: &[u8]| kind.is_some_and(|kind| kind.as_bytes().starts_with(wanted));
        if is(b"text/event-stream") {
            // A proxy such as nginx would hold back events until its buffer is full.
            headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
        } else if is(b"text/html") {
            headers.insert(header::CONTENT_SECURITY_POLICY, PAGES);
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
            // Of what `*` allows, `Authorization` is not a part (Fetch standard, section 4.9).
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
mod tests {
    use super::*;
    use crate::{Json, Query};
    use axum::routing::{get, post};
    use http_body_util::BodyExt;
    use pollster::block_on;
    use serde::Deserialize;
    use serde_json::Value;

    #[derive(Deserialize)]
    struct Count {
        count: u32,
    }

    async fn count(Query(query): Query<Count>) -> String {
        query.count.to_string()
    }

    async fn post_count(Json(body): Json<Count>) -> String {
        body.count.to_string()
    }

    fn service(cors_allowed_origins: &str) -> Service {
        let routes = Router::new().route("/count", get(count).merge(post(post_count)));
        let settings = Settings {
            cors_allowed_origins: cors_allowed_origins.to_owned(),
            max_body_bytes: 64,
        };
        Service::new(routes, &settings)
    }

    struct Answer {
        status: u16,
        headers: axum::http::HeaderMap,
        body: String,
    }

    impl Answer {
        fn header(&self, name: &str) -> &str {
            self.headers
                .get(name)
                .map_or("", |value| value.to_str().expect("text"))
        }

        fn problem(&self) -> Value {
            assert_eq!(self.header("content-type"), problem::MEDIA_TYPE);
            let problem: Value = serde_json::from_str(&self.body).expect("JSON");
            assert_eq!(problem["status"], self.status);
            problem
        }
    }

    fn ask(
        service: &Service,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Body::from(body.to_owned()))
            .expect("a request");
        let response = block_on(service.respond(request));
        let (parts, body) = response.into_parts();
        let bytes = block_on(body.collect()).expect("a body").to_bytes();
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(bytes.into()).expect("text"),
        }
    }

    fn send(body: &str, content_type: &str) -> Answer {
        ask(
            &service(""),
            "POST",
            "/count",
            &[("content-type", content_type)],
            body,
        )
    }

    #[test]
    fn bodies_are_json_of_the_right_shape_and_size() {
        assert_eq!(
            send(r#"{"count": 3}"#, "application/json; charset=utf-8").body,
            "3"
        );
        assert_eq!(
            send(r#"{"count": 3}"#, "application/problem+json").body,
            "3"
        );
        for content_type in [
            "application/json ; charset=utf-8",
            "Application/JSON;charset=\"utf-8\"",
            "application/json;",
            "application/json; a,b",
            "application/vnd.x+json ;profile=\u{e9}",
        ] {
            assert_eq!(send(r#"{"count": 3}"#, content_type).body, "3");
        }
        assert_eq!(send("\u{feff}{\"count\": 3}", "application/json").body, "3");
        let utf_16 = send("{\0\"\0}\0", "application/json").problem();
        assert_eq!(utf_16["code"], "invalid-json");
        assert_eq!(utf_16["detail"], "the body is in UTF-16, expected UTF-8");
        for (body, content_type, status, code) in [
            (
                r#"{"count": 3}"#,
                "text/plain",
                415,
                "unsupported-media-type",
            ),
            (r#"{"count": 3}"#, "nonsense", 415, "unsupported-media-type"),
            (r#"{"count": 3"#, "application/json", 400, "invalid-json"),
            (r#"{"count": 3} x"#, "application/json", 400, "invalid-json"),
            ("", "application/json", 400, "invalid-json"),
            (r#"{"count": -3}"#, "application/json", 422, "invalid-body"),
            ("{}", "application/json", 422, "invalid-body"),
            ("[3]", "application/json", 422, "invalid-body"),
            (
                &" ".repeat(65),
                "application/json",
                413,
                "content-too-large",
            ),
        ] {
            let answer = send(body, content_type);
            assert_eq!(
                (answer.status, &answer.problem()["code"]),
                (status, &code.into()),
                "{body}"
            );
        }
        assert_eq!(
            send(r#"{"count": "x"}"#, "application/json").problem()["pointer"],
            "/count"
        );
    }

    #[test]
    fn a_compressed_body_is_refused_by_its_coding() {
        let send = |coding: &str| {
            let headers = [
                ("content-type", "application/json"),
                ("content-encoding", coding),
            ];
            ask(&service(""), "POST", "/count", &headers, r#"{"count": 3}"#)
        };
        assert_eq!(send("identity").body, "3");
        let refused = send("gzip");
        assert_eq!(refused.header("accept-encoding"), "identity");
        let problem = refused.problem();
        assert_eq!(
            (&problem["status"], &problem["code"]),
            (&415.into(), &"unsupported-media-type".into())
        );
        assert_eq!(
            problem["detail"],
            "the body is compressed with 'gzip'; send it without Content-Encoding"
        );
    }

    #[test]
    fn queries_are_refused_by_the_name_of_the_parameter() {
        assert_eq!(
            ask(&service(""), "GET", "/count?count=3", &[], "").body,
            "3"
        );
        for query in [
            "",
            "?count=",
            "?count=x",
            "?other=1",
            "?count=1&count=2",
            "?count=%FF",
        ] {
            let answer = ask(&service(""), "GET", &format!("/count{query}"), &[], "");
            assert_eq!(answer.status, 422, "{query}");
            assert!(
                answer.problem()["detail"]
                    .as_str()
                    .expect("text")
                    .contains("count"),
                "{query}"
            );
        }
    }

    #[test]
    fn methods_and_paths_that_do_not_answer_are_problems() {
        let unknown = ask(&service(""), "GET", "/other", &[], "");
        assert_eq!(
            (unknown.status, &unknown.problem()["code"]),
            (404, &"not-found".into())
        );
        let refused = ask(&service(""), "PUT", "/count", &[], "");
        assert_eq!(
            (refused.status, &refused.problem()["code"]),
            (405, &"method-not-allowed".into())
        );
        assert_eq!(refused.header("allow"), "GET,HEAD,POST");
        let options = ask(&service(""), "OPTIONS", "/count", &[], "");
        assert_eq!(
            (options.status, options.header("allow")),
            (204, "GET,HEAD,POST")
        );
        assert_eq!(ask(&service(""), "OPTIONS", "/other", &[], "").status, 404);
        let head = ask(&service(""), "HEAD", "/count?count=3", &[], "");
        assert_eq!((head.status, head.body.as_str()), (200, ""));
    }

    #[test]
    fn what_is_not_modified_has_no_length() {
        let routes = Router::new().route("/", get(StatusCode::NOT_MODIFIED));
        let answer = ask(
            &Service::new(routes, &Settings::default()),
            "GET",
            "/",
            &[],
            "",
        );
        assert_eq!((answer.status, answer.header("content-length")), (304, ""));
    }

    #[test]
    fn request_ids_are_echoed_when_they_are_harmless() {
        let echoed = |id: &str| {
            let answer = ask(&service(""), "GET", "/other", &[("x-request-id", id)], "");
            answer.header("x-request-id") == id
        };
        assert!(echoed("abc-123"));
        assert!(echoed(&"x".repeat(128)));
        assert!(!echoed(&"x".repeat(129)));
        assert!(!echoed("with space"));
        assert!(!echoed(""));
        let made = || {
            ask(&service(""), "GET", "/other", &[], "")
                .header("x-request-id")
                .to_owned()
        };
        assert_ne!(made(), made());
    }

    #[test]
    fn only_allowed_origins_may_read() {
        let allowed = |origins: &str, origin: &str| {
            let answer = ask(
                &service(origins),
                "GET",
                "/count?count=3",
                &[("origin", origin)],
                "",
            );
            answer.header("access-control-allow-origin").to_owned()
        };
        assert_eq!(allowed("", "https://a.example"), "");
        assert_eq!(allowed("*", "https://a.example"), "*");
        let list = "https://a.example, https://b.example";
        assert_eq!(allowed(list, "https://b.example"), "https://b.example");
        assert_eq!(allowed(list, "https://c.example"), "");
        let preflight = [
            ("origin", "https://a.example"),
            ("access-control-request-method", "POST"),
        ];
        let answer = ask(&service(list), "OPTIONS", "/count", &preflight, "");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-methods"), "*");
    }
}
