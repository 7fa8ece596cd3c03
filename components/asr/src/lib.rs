//! Speech to text: `POST /asr`, and the API of OpenAI under `/v1`.

use std::sync::Arc;

use axum::http::Method;
use guest::{Busy, Request, Response};
use utoipa_axum::router::OpenApiRouter;

fn routes() -> OpenApiRouter {
    deferral::deferrable(asr_routes::routes())
}

/// Answers an HTTP request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(mut request: Request) -> Response {
    let busy = (request.method() == Method::POST).then(|| Arc::new(Busy::new()));
    // An answer that streams goes on after this function has returned.
    request.extensions_mut().insert(busy.clone());
    let path = request.uri().path();
    let is_openai = path == "/v1" || path.starts_with("/v1/");
    let response = guest::serve(routes, request).await;
    if is_openai {
        asr_routes::with_their_errors(response)
    } else {
        response
    }
}
