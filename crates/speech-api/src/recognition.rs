//! The model and its options.

use serde::{Deserialize, Serialize};

/// The model that is served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServedModel {
    /// Its name, such as `openai/whisper-tiny.en`.
    pub name: String,
    /// When it was made, in seconds since 1970.
    pub created: u64,
    /// Codes of the languages that it recognises.
    pub languages: Vec<String>,
    /// Whether it translates into English.
    pub translates: bool,
}

/// How a recording is recognised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecognitionOptions {
    /// Whether to translate into English.
    pub translate: bool,
    /// The code of the language that is spoken, if that is known.
    pub language: Option<String>,
    /// Text that the transcript continues.
    pub prompt: String,
    /// From 0 to 1: 0 takes the likeliest words.
    pub temperature: f32,
}
