//! Speech to text: `POST /asr`, and the API of OpenAI under `/v1`.
//!
//! Decodes an upload, has its words recognised by the component behind `routelets:recognizer`, and answers in the format that
//! the client asked for. Uploads are not kept.

mod asr;
mod audio;
mod cutting;
mod hearing;
mod model;
mod openai;

use utoipa_axum::router::OpenApiRouter;

interfaces::import!("../../wit/recognizer");

pub use asr::{Asr, AsrInput, AsrQuestion};
pub use hearing::{Place, Recorded, Rest, Window};
pub use openai::{Transcribe, Translate};
pub use speech_api::openai::{error_responses, with_openai_errors};

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(asr::routes())
        .merge(openai::routes())
}
