//! `GET /about` and its pages: what the service is, what it runs on, its ports, its problem types.

mod page;
mod pages;
mod ports;

use axum::http::{HeaderMap, Uri};
use guest::Response;
use http_api::problem::{self, INVALID_PATH, NOT_FOUND};
use http_api::{Path, Problem, problem_responses};
use page::Page;
use utoipa_axum::{router::OpenApiRouter, routes};

problem_responses!(Unknown = &[INVALID_PATH, NOT_FOUND]);

/// About this service.
#[utoipa::path(get, path = "/about", tag = "about", responses((
        status = 200,
        description = "The page",
        content((Page = "application/json"), (String = "text/html"))
    )), security(()))]
async fn about(headers: HeaderMap) -> Response {
    pages::service().respond(&headers)
}

/// Spin, the runtime of the components.
#[utoipa::path(
    get,
    path = "/about/spin",
    tag = "about",
    responses((
        status = 200,
        description = "The page",
        content((Page = "application/json"), (String = "text/html"))
    )),
    security(())
)]
async fn spin(headers: HeaderMap) -> Response {
    pages::spin().respond(&headers)
}

/// The container image.
#[utoipa::path(
    get,
    path = "/about/container",
    tag = "about",
    responses((
        status = 200,
        description = "The page",
        content((Page = "application/json"), (String = "text/html"))
    )),
    security(())
)]
async fn container(headers: HeaderMap) -> Response {
    pages::container().respond(&headers)
}

/// The port of this service, and the method and path of each endpoint.
#[utoipa::path(
    get,
    path = "/about/ports",
    tag = "about",
    responses((
        status = 200,
        description = "Ports and endpoints",
        content((ports::Ports = "application/json"), (String = "text/html"))
    )),
    security(())
)]
async fn about_ports(uri: Uri, headers: HeaderMap) -> Response {
    ports::Ports::new(&uri, &headers).respond(&headers)
}

/// Every type of problem that this service can report.
#[utoipa::path(
    get,
    path = "/about/problems",
    tag = "about",
    responses((
        status = 200,
        description = "The page",
        content((Page = "application/json"), (String = "text/html"))
    )),
    security(())
)]
async fn problems(headers: HeaderMap) -> Response {
    pages::problems().respond(&headers)
}

/// One type of problem. The `type` of a problem document links here.
#[utoipa::path(
    get,
    path = "/about/problems/{code}",
    tag = "about",
    params(("code" = String, Path, description = "Code of the problem", example = "not-found")),
    responses((
        status = 200,
        description = "The page",
        content((Page = "application/json"), (String = "text/html"))
    ), Unknown),
    security(())
)]
async fn problem_type(Path(code): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let kind = problem::by_code(&code).ok_or_else(|| {
        Problem::new(
            NOT_FOUND,
            "there is no problem with this code; /about/problems lists all of them",
        )
    })?;
    Ok(pages::problem(kind).respond(&headers))
}

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(about))
        .routes(routes!(spin))
        .routes(routes!(container))
        .routes(routes!(about_ports))
        .routes(routes!(problems))
        .routes(routes!(problem_type))
}

guest::component!(routes);
