//! `GET /docs` (Swagger UI) and `GET /openapi.json`.
//!
//! Swagger UI's files come with a crate; the page loads nothing from any other host.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use contract::OPENAPI;
use guest::Response;
use http_api::problem::NOT_FOUND;
use http_api::{Path, Problem};
use utoipa_axum::{router::OpenApiRouter, routes};

/// How long a browser keeps Swagger UI's files, which change with a release only.
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=3600");

/// The documentation of this API, to try out in a browser.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "service",
    responses((status = 200, description = "Swagger UI", body = String, content_type = "text/html")),
    security(())
)]
async fn docs() -> Html<&'static str> {
    Html(include_str!("docs.html"))
}

/// The description of this API as OpenAPI 3.1.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "service",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)),
    security(())
)]
async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}

/// A file of Swagger UI.
async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let unknown = || Problem::new(NOT_FOUND, format!("Swagger UI has no file '{name}'"));
    // Swagger UI's own page would load its example document.
    if matches!(name.as_str(), "" | "index.html" | "swagger-initializer.js") {
        return Err(unknown());
    }
    let own = match name.as_str() {
        "docs.js" => Some(("text/javascript", include_str!("docs.js"))),
        "docs.css" => Some(("text/css", include_str!("docs.css"))),
        _ => None,
    };
    if let Some((content_type, text)) = own {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (header::CACHE_CONTROL, CACHE_CONTROL),
        ];
        return Ok((headers, text).into_response());
    }
    let file = utoipa_swagger_ui::serve(&name, Arc::default())
        .map_err(|error| Problem::internal(error.to_string()))?
        .ok_or_else(unknown)?;
    let content_type =
        HeaderValue::try_from(file.content_type).unwrap_or(HeaderValue::from_static("text/plain"));
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, CACHE_CONTROL),
    ];
    // Kept compressed: every browser takes gzip, and the component is a third of the size.
    let encoding = file
        .gzpipped
        .then_some([(header::CONTENT_ENCODING, "gzip")]);
    Ok((headers, encoding, Bytes::from(file.bytes.into_owned())).into_response())
}

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(docs))
        .routes(routes!(openapi))
        .route("/docs/", get(docs))
        .route("/docs/{file}", get(asset))
}

guest::component!(routes);
