//! What clients of the speech routes send and get.
//!
//! Uploads ([`Upload`]), transcripts as JSON and as text ([`asr`], [`TextFormat`]), warnings about a recording
//! ([`AudioWarning`]), and the audio API of OpenAI ([`openai`]). Nothing here knows the model or Spin, so all of it runs in
//! native tests.

pub mod asr;
pub mod openai;
mod recognition;
mod text;
mod upload;
mod warning;

pub use recognition::{RecognitionOptions, ServedModel};
pub use text::{TextFormat, TimedWord, progress};
pub use upload::{AsrForm, File, RecordingBytes, Upload};
pub use warning::{AudioWarning, warning_header};
