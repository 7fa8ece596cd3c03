//! `GET /ping`: whether the service answers.

use axum::Json;
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

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(ping))
}

guest::component!(routes);
