//! `GET /ping`.
use axum::{Json, Router, routing::get};
use serde::Serialize;
use spin_sdk::http::{IntoResponse, Request};
use spin_sdk::http_service;
use tower_service::Service;
#[derive(Serialize, utoipa::ToSchema)]
struct Pong { message: &'static str }
#[utoipa::path(get, path = "/ping", responses((status = 200, body = Pong)))]
async fn ping() -> Json<Pong> { Json(Pong { message: "pong" }) }
#[derive(utoipa::OpenApi)]
#[openapi(paths(ping))]
pub struct Api;
#[http_service]
async fn handle(req: Request) -> impl IntoResponse {
    Router::new().route("/ping", get(ping)).call(req).await
}
