//! `POST /factorize`: the prime factorisation of an integer.

use guest::{Busy, Request, Response};
use utoipa_axum::router::OpenApiRouter;

fn routes() -> OpenApiRouter {
    deferral::deferrable(factorize_routes::routes())
}

/// Answers an HTTP request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Response {
    let _busy = Busy::new();
    guest::serve(routes, request).await
}
