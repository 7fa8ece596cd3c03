//! Words, segments and their times.
use std::ops::Range;

use crate::{chunk::Chunk, ctc::Word};

/// A recognised recording. Times are in seconds from its beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    /// The words in order; none overlaps the next.
    pub words: Vec<Word>,
    /// The words in sentence-like groups, all of them in order.
    pub segments: Vec<Segment>,
    /// How long the recording is.
    pub duration: f64,
}

/// Words that belong together: between two pauses, or as many as are read at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Which words of [`Transcript::words`], never none.
    pub words: Range<usize>,
    /// When the first begins.
    pub start: f64,
    /// When the last ends.
    pub end: f64,
    /// The words, joined by spaces.
    pub text: String,
    /// Mean over the letters of the logarithm of [`Word::confidence`], finite.
    pub average_log_probability: f64,
}

impl Transcript {
    /// All words, joined by spaces.
    pub fn text(&self) -> String {
        join(&self.words)
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

/// Puts together the words of consecutive chunks as they are recognised.
#[derive(Clone, Debug, Default)]
pub struct Merger {
    words: Vec<Word>,
}

impl Merger {
    /// For a recording of which nothing is recognised yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the words of the next chunk, their times from the first sample of [`Chunk::range`], and gives those
    /// words of the recording that no later chunk can change, from where the last call ended.
    pub fn push(&mut self, chunk: &Chunk, words: Vec<Word>) -> &[Word] {
        let _ = chunk;
        let settled = self.words.len();
        self.words.extend(words);
        self.words.get(settled..).unwrap_or_default()
    }

    /// The transcript of a recording of `samples` when all chunks are in.
    pub fn finish(self, samples: usize) -> Transcript {
        Transcript {
            words: self.words,
            segments: Vec::new(),
            duration: samples as f64 / f64::from(crate::chunk::SAMPLE_RATE),
        }
    }
}

fn join(words: &[Word]) -> String {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    texts.join(" ")
}
