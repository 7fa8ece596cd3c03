//! `GET /`, and the 404 for every path that no other component answers.

use std::borrow::Cow;
use std::collections::BTreeMap;

use axum::http::HeaderMap;
use guest::Response;
use http_api::negotiated;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What the service is and where to go from here.
#[derive(Serialize, ToSchema)]
struct Index {
    message: &'static str,
    /// Name of the service.
    name: &'static str,
    /// Version of the service.
    version: &'static str,
    /// Where to go from here, relative to this address.
    links: BTreeMap<&'static str, &'static str>,
}

/// What the service is: a page for browsers, JSON for everyone else.
#[utoipa::path(
    get,
    path = "/",
    tag = "service",
    responses((
        status = 200,
        description = "What the service is",
        content(
            (Index = "application/json", example = json!({
                "message": "It's working!",
                "name": "routelets",
                "version": "0.1.0",
                "links": {"docs": "/docs", "openapi": "/openapi.json", "about": "/about", "ping": "/ping"},
            })),
            (String = "text/html"),
        )
    ))
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

/// The page, without the routes that are not served.
fn page() -> Cow<'static, str> {
    let page = include_str!("index.html");
    if cfg!(feature = "speech") {
        return page.into();
    }
    let lines = page.split_inclusive('\n');
    lines.filter(|line| !line.contains("/asr")).collect()
}

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(index))
}

guest::component!(routes);
