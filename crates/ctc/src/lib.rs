//! Decoding of connectionist temporal classification (CTC) outputs.
//!
//! A CTC model says for each frame how likely each letter, the word boundary and the *blank* are. A
//! path takes one of them for each frame; it reads as the text that is left when repeated letters
//! are written once and blanks are dropped (Graves et al., "Connectionist temporal classification",
//! ICML 2006). [`greedy()`] reads the most probable path.
//!
//! A boundary at the beginning or end of a text, or after another boundary, does not change how it reads.

mod emissions;
mod greedy;
mod vocabulary;
mod word;

#[cfg(test)]
mod tests;

pub use emissions::{Emissions, EmissionsError};
pub use greedy::greedy;
pub use vocabulary::{Vocabulary, VocabularyError};
pub use word::{Letter, Timing, Word};
