//! The output of a recogniser.

use serde::{Deserialize, Serialize};

/// The recognised words of a window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Heard {
    /// The code of the spoken language, given or detected.
    pub language: String,
    /// The probability that nobody speaks, from 0 to 1.
    pub no_speech_probability: f64,
    /// The words in order; times are in seconds from the window's first sample.
    pub words: Vec<Word>,
}

/// A recognised word.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// With the space before it, if its language writes one, and with punctuation.
    pub text: String,
    /// When it begins, in seconds.
    pub start: f64,
    /// When it ends, in seconds.
    pub end: f64,
    /// How sure the model is, from 0 to 1.
    pub confidence: f64,
    /// The tokens that spell it.
    pub tokens: Vec<Token>,
    /// The temperature at which it was decoded.
    pub temperature: f64,
    /// The probability that nobody speaks in its window.
    pub no_speech_probability: f64,
    /// Its channel, if channels are recognised separately.
    pub channel: Option<usize>,
}

/// A token that was decoded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// Its index in the vocabulary.
    pub id: u32,
    /// Its bytes. A character may be spread over several tokens.
    pub bytes: Vec<u8>,
    /// The logarithm of its probability.
    pub log_probability: f64,
}

impl Word {
    /// The middle of the word in seconds.
    #[must_use]
    pub fn middle(&self) -> f64 {
        f64::midpoint(self.start, self.end)
    }

    /// Only letters and digits, in lower case: they stay the same when a word is recognised twice.
    #[must_use]
    pub fn letters(&self) -> String {
        let letters = self.text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    }
}

/// The text of words, without the space before the first.
#[must_use]
pub fn text(words: &[Word]) -> String {
    let text: String = words.iter().map(|word| word.text.as_str()).collect();
    text.trim().to_owned()
}
