//! From bytes to transcripts: decodes audio, cuts it into windows, merges their words, and writes subtitles.

pub mod audio;
pub mod chunk;
pub mod pipeline;
mod sound;
pub mod subtitle;
pub mod transcript;
mod word;

pub use sound::Sound;
pub use word::{Heard, Token, Word, text};
