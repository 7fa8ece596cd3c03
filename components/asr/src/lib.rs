//! Speech to text: `POST /asr`, and the API of OpenAI under `/v1`.

use axum::http::Method;
use guest::{Busy, Request, Response};

/// Answers an HTTP request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Response {
    let _busy = (request.method() == Method::POST).then(Busy::new);
    let path = request.uri().path();
    let is_openai = path == "/v1" || path.starts_with("/v1/");
    let response = guest::serve(asr_routes::routes, request).await;
    if is_openai {
        asr_routes::with_openai_errors(response)
    } else {
        response
    }
}
