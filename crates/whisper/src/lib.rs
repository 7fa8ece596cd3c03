//! Whisper (Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision, 2022): sound to words.
//!
//! A [`Model`] is any `WhisperForConditionalGeneration` that fits into memory, in one safetensors file. Its weights are
//! 8-bit integers once it is loaded. It recognises a window of up to 30 s at a time, at a cost that is nearly proportional
//! to the window's length.

mod align;
mod attention;
mod checkpoint;
mod decoder;
mod decoding;
mod encoder;
mod layers;
mod loops;
mod mel;
mod model;
mod panels;
mod positions;
mod rules;
mod times;
mod vocabulary;
mod words;

pub use checkpoint::LoadError;
pub use decoding::Evidence;
pub use encoder::Padding;
pub use mel::SAMPLE_RATE;
pub use model::{MINIMUM_SAMPLES, Model, Options, Recognition, RecognizeError, Token, Word};
