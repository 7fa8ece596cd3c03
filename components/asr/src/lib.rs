//! Speech to text: `POST /asr`, and the API of OpenAI under `/v1`.
//!
//! Reads an upload, decodes it, and writes the words in the format asked for; the `recognizer`
//! component, which holds the model and has no access to anything, scores the sound. Nothing of an
//! upload is kept.

mod audio;
mod bindings;
mod model;
mod openai;
mod text;
mod upload;

use std::sync::Arc;

use axum::http::Method;
use guest::{Busy, Request, Response};
use utoipa_axum::router::OpenApiRouter;

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(upload::routes())
        .merge(openai::routes())
}

/// Answers an HTTP request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(mut request: Request) -> Response {
    let busy = (request.method() == Method::POST).then(|| Arc::new(Busy::new()));
    // An answer that streams goes on after this function has returned.
    request.extensions_mut().insert(busy.clone());
    let is_openai = request.uri().path().starts_with("/v1/");
    let response = guest::serve(routes, request).await;
    if is_openai {
        openai::with_their_errors(response)
    } else {
        response
    }
}
