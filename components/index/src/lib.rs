//! `GET /`, and the 404 for every path that no other component answers.

mod assets;
mod forms;
mod page;

use std::collections::BTreeMap;

use axum::http::HeaderMap;
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

/// Describes the service: as a page on which to try it for browsers, as JSON for other clients.
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
    page::protected(negotiated(&headers, &index, page::html))
}

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(index))
        .route("/assets/{version}/{name}", get(assets::asset))
        .route("/favicon.ico", get(assets::icon))
        .route("/go/{route}", get(forms::redirect))
}

guest::component!(routes);
