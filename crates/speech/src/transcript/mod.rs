//! Words, segments and their times.

mod merge;
mod seam;

use std::ops::Range;

use crate::{Word, chunk::SAMPLE_RATE, text};

pub use merge::Merger;

/// A recognised recording. Times are in seconds from its beginning.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    /// The words in order; none overlaps the next.
    pub words: Vec<Word>,
    /// The words in sentence-like groups, all of them in order.
    pub segments: Vec<Segment>,
    /// How long the recording is.
    pub duration: f64,
    /// The code of the language that is spoken; nothing where nobody speaks.
    pub language: Option<String>,
    /// How likely nobody speaks.
    pub no_speech_probability: f64,
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
    /// The text of the words.
    pub text: String,
    /// Mean log-probability of the tokens.
    pub average_log_probability: f64,
}

/// Seconds between two words that end a segment.
const PAUSE: f64 = 0.6;
/// Seconds that a segment takes at most, if it has more than one word.
const LONGEST: f64 = 7.0;
/// Words of a segment at most.
const MOST_WORDS: usize = 12;

impl Transcript {
    /// The transcript of a recording of `samples`, from its words in order.
    fn new(words: Vec<Word>, samples: usize) -> Self {
        Self {
            segments: segments(&words),
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

fn segments(words: &[Word]) -> Vec<Segment> {
    let mut segments: Vec<Segment> = Vec::new();
    let mut begin = 0;
    for (i, word) in words.iter().enumerate() {
        let next = words.get(i + 1);
        let ends = next.is_none_or(|next| {
            let start = words.get(begin).map_or(word.start, |first| first.start);
            next.start - word.end >= PAUSE
                || next.end - start > LONGEST
                || i + 1 - begin >= MOST_WORDS
        });
        if ends {
            segments.extend(segment(words, begin..i + 1));
            begin = i + 1;
        }
    }
    segments
}

fn segment(words: &[Word], range: Range<usize>) -> Option<Segment> {
    let group = words.get(range.clone())?;
    let tokens = || group.iter().flat_map(|word| &word.tokens);
    let sum: f64 = tokens().map(|token| token.log_probability).sum();
    Some(Segment {
        words: range,
        start: group.first()?.start,
        end: group.last()?.end,
        text: text(group),
        average_log_probability: sum / tokens().count().max(1) as f64,
    })
}

#[cfg(test)]
pub(crate) mod tests;
