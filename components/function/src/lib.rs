//! The HTTP side of a function: `GET /NAME` with a query, `POST /NAME` with JSON. The component `call` calls it.

use axum::response::IntoResponse;
use guest::{Request, Response};

/// Answers an HTTP request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Response {
    if let Err(problem) = function_routes::prepare().await {
        problem.log(request.uri().path());
        return problem.into_response();
    }
    guest::serve(function_routes::routes, request).await
}
