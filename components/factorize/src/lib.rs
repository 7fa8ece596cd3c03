//! `POST /factorize`: the prime factorisation of an integer.

use guest::{Busy, Request, Response};

/// Answers an HTTP request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Response {
    let _busy = Busy::new();
    guest::serve(factorize_routes::routes, request).await
}
