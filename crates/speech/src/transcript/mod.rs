//! Words, segments and their times.

mod merge;
mod seam;
mod segment;

use crate::{Word, chunk::SAMPLE_RATE, text};

pub use merge::Merger;
pub use segment::{LINE, LONGEST, Segment};

/// A recognised recording. Times are in seconds from its beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    /// The words in order; none overlaps the next.
    pub words: Vec<Word>,
    /// The words in groups that are read at once, all of them in order.
    pub segments: Vec<Segment>,
    /// How long the recording is.
    pub duration: f64,
    /// The code of the language that is spoken; nothing where nobody speaks.
    pub language: Option<String>,
    /// How likely nobody speaks.
    pub no_speech_probability: f64,
}

impl Transcript {
    /// The transcript of a recording of `samples`, from its words in order.
    fn new(words: Vec<Word>, samples: usize) -> Self {
        Self {
            segments: segment::segments(&words),
            words,
            duration: samples as f64 / f64::from(SAMPLE_RATE),
            language: None,
            no_speech_probability: 1.0,
        }
    }

    /// All words.
    pub fn text(&self) -> String {
        text(&self.words)
    }

    /// The duration in seconds with one decimal, such as `20.7`.
    pub fn duration_text(&self) -> String {
        duration_text(self.duration)
    }
}

/// Seconds with one decimal, such as `20.7`.
pub fn duration_text(seconds: f64) -> String {
    format!("{seconds:.1}")
}

#[cfg(test)]
pub(crate) mod tests;
