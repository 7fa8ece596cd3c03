//! From bytes to words: decodes audio, cuts it into chunks, reads a CTC model's logits, and writes transcripts.

pub mod audio;
pub mod chunk;
pub mod ctc;
pub mod language_model;
mod pacer;
pub mod pipeline;
pub mod subtitle;
pub mod transcript;
