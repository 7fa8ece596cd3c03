//! `GET /ping`, `GET /livez`: whether the service answers.

use axum::Json;
use axum::http::{HeaderName, header};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The answer of `GET /ping`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"message": "pong"}))]
struct Pong {
    message: &'static str,
}

/// Whether the service answers.
#[utoipa::path(get, path = "/ping", tag = "service", responses((status = 200, body = Pong)), security(()))]
async fn ping() -> Json<Pong> {
    Json(Pong { message: "pong" })
}

/// The answer of `GET /livez`.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "alive"}))]
struct Alive {
    status: &'static str,
}

/// Whether the process is alive. It asks nothing else: `/readyz` does.
#[utoipa::path(get, path = "/livez", tag = "service", responses((status = 200, body = Alive)), security(()))]
async fn livez() -> ([(HeaderName, &'static str); 1], Json<Alive>) {
    let alive = Alive { status: "alive" };
    ([(header::CACHE_CONTROL, "no-store")], Json(alive))
}

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(ping))
        .routes(routes!(livez))
}

guest::component!(routes);
