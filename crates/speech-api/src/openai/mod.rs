//! The audio API of OpenAI: forms, answers, events, errors.
//!
//! Written from its reference (<https://platform.openai.com/docs/api-reference/audio>) and tested with OpenAI's own client
//! library.

mod answer;
mod error;
mod event;
mod form;
mod language;
mod model;

pub use answer::TranscriptionAnswer;
pub use error::{OpenAiError, error_responses, with_openai_errors};
pub use event::{Parts, TranscriptionEvent, events};
pub use form::{AudioRequest, ResponseFormat, TranscriptionForm, TranslationForm};
pub use model::{ModelList, ModelObject, check_name};
