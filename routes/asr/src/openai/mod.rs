//! The API of OpenAI: `POST /v1/audio/transcriptions` and `/v1/audio/translations`, `GET /v1/models`.
//!
//! Written from its reference (<https://platform.openai.com/docs/api-reference/audio>) and held to the
//! client library of its makers. Errors have its shape, too.

mod answer;
mod error;
mod form;
mod language;
mod models;
mod stream;
mod transcriptions;

use axum::middleware::map_response;
use axum::response::Response;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

pub use error::with_their_errors;
pub use form::Order;
pub use transcriptions::{Transcribe, Translate};

/// The schema that the responses of errors refer to.
#[derive(OpenApi)]
#[openapi(components(schemas(error::OpenAiError)))]
struct Schemas;

pub(crate) fn routes() -> OpenApiRouter {
    OpenApiRouter::with_openapi(Schemas::openapi())
        .merge(transcriptions::routes())
        .merge(models::routes())
        .layer(map_response(async |response: Response| {
            with_their_errors(response)
        }))
}
