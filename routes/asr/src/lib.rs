//! Speech to text: `POST /asr`, and the API of OpenAI under `/v1`.
//!
//! Reads an upload, decodes it, and writes the words in the format asked for; the `recognizer`
//! component, which holds the model and has no access to anything, hears the words. Nothing of an
//! upload is kept.

mod asr;
mod audio;
mod model;
mod openai;
mod text;
mod upload;
mod warnings;

use utoipa_axum::router::OpenApiRouter;

interfaces::import!("../../wit/recognizer");

pub use asr::{Asr, AsrInput};
pub use openai::{Order, Transcribe, Translate, with_their_errors};

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .merge(asr::routes())
        .merge(openai::routes())
}
