//! `GET /`, and the 404 for every path that no other component answers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use axum::routing::get;
use guest::Response;
use http_api::negotiated;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A description of the service, with links.
#[derive(Serialize, ToSchema)]
struct Index {
    message: &'static str,
    /// Name of the service.
    name: &'static str,
    /// Version of the service.
    version: &'static str,
    /// Links, relative to this address.
    links: BTreeMap<&'static str, &'static str>,
}

/// Describes the service: as a page for browsers, as JSON for other clients.
#[utoipa::path(
    get,
    path = "/",
    tag = "service",
    responses((
        status = 200,
        description = "The description of the service",
        content(
            (Index = "application/json", example = json!({
                "message": "It's working!",
                "name": "routelets",
                "version": "0.1.0",
                "links": {"docs": "/docs", "openapi": "/openapi.json", "about": "/about", "ping": "/ping"},
            })),
            (String = "text/html"),
        )
    )),
    security(())
)]
async fn index(headers: HeaderMap) -> Response {
    let index = Index {
        message: "It's working!",
        name: "routelets",
        version: env!("CARGO_PKG_VERSION"),
        links: BTreeMap::from([
            ("docs", "/docs"),
            ("openapi", "/openapi.json"),
            ("about", "/about"),
            ("ping", "/ping"),
        ]),
    };
    negotiated(&headers, &index, page)
}

/// The routes on the page: a path of the OpenAPI document, and the two cells of the row in HTML.
const ROUTES: [(&str, &str, &str); 8] = [
    (
        "/docs",
        r#"<a href="/docs">/docs</a>"#,
        "Every endpoint, to try out in the browser",
    ),
    (
        "/openapi.json",
        r#"<a href="/openapi.json">/openapi.json</a>"#,
        "The same for programs: OpenAPI 3.1",
    ),
    (
        "/about",
        r#"<a href="/about">/about</a>"#,
        "What this is, what it runs on, its ports and endpoints",
    ),
    (
        "/hello/{name}",
        r#"<a href="/hello/you">/hello/{name}</a>"#,
        "A greeting",
    ),
    (
        "/sum/{a}/{b}",
        r#"<a href="/sum/0.1/0.2">/sum/{a}/{b}</a>, <a href="/mult/0.1/0.2">/mult/{a}/{b}</a>"#,
        "Exact arithmetic",
    ),
    (
        "/prediction",
        r#"<a href="/prediction?sepal_length=5.1&amp;sepal_width=3.5&amp;petal_length=1.4&amp;petal_width=0.2">/prediction</a>"#,
        "An iris, classified by a random forest",
    ),
    (
        "/asr",
        r#"<code>POST /asr</code>, <code>POST /v1/audio/transcriptions</code>"#,
        "Speech to text",
    ),
    (
        "/factorize",
        r#"<code>POST /factorize</code>, <a href="/factorize/408216">/factorize/{n}</a>"#,
        "The prime factors of an integer",
    ),
];

/// The page, with the routes that the application has.
fn page() -> Cow<'static, str> {
    let routes = ROUTES.into_iter().filter(|(path, ..)| contract::has(path));
    let rows =
        routes.map(|(_, route, text)| format!("  <tr><td>{route}</td><td>{text}</td></tr>\n"));
    let page = include_str!("index.html");
    page.replace("{{routes}}", &rows.collect::<String>()).into()
}

/// What the page does.
async fn script() -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript"),
        (header::CACHE_CONTROL, "public, max-age=3600"),
    ];
    (headers, include_str!("index.js"))
}

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(index))
        .route("/index.js", get(script))
}

guest::component!(routes);
