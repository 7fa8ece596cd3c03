//! Words and their times.
use std::ops::Range;

use super::{
    emissions::Emissions,
    vocabulary::{BOUNDARY, Vocabulary},
};

/// A recognised word.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// The word in the letters of the model, never empty.
    pub text: String,
    /// Seconds from the first sample to the first frame of the first letter.
    pub start: f64,
    /// Seconds from the first sample to the end of the last frame of the last letter. Models place
    /// letters in few frames, so a word seems a little shorter than it sounds.
    pub end: f64,
    /// How sure the model is, from 0 to 1: the geometric mean over the letters of the probability
    /// that the letter has in its best frame.
    pub confidence: f32,
    /// The letters that spell it.
    pub letters: Vec<Letter>,
}

/// A letter of a word.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Letter {
    /// Its token in the vocabulary.
    pub token: usize,
    /// The logarithm of the probability that it has in its best frame.
    pub log_probability: f32,
}

/// How frames relate to time: frame `i` begins at sample `i × stride`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Samples in a second.
    pub sample_rate: u32,
    /// Samples from one frame to the next.
    pub stride: u32,
    /// Samples that the model was given: no word ends after them.
    pub samples: usize,
}

impl Timing {
    fn seconds(self, frame: usize) -> f64 {
        let sample = (frame as f64 * f64::from(self.stride)).min(self.samples as f64);
        sample / f64::from(self.sample_rate.max(1))
    }
}

/// A label other than the blank and the frames that a path spends on it, never none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) label: usize,
    pub(super) frames: Range<usize>,
}

/// The words that boundaries separate.
pub(super) fn words(spans: &[Span], emissions: &Emissions) -> Vec<Word> {
    spans
        .split(|span| span.label == BOUNDARY)
        .filter_map(|letters| word(letters, emissions))
        .collect()
}

fn word(letters: &[Span], emissions: &Emissions) -> Option<Word> {
    let (first, last) = (letters.first()?, letters.last()?);
    let vocabulary: &Vocabulary = emissions.vocabulary();
    let best = |span: &Span| {
        let frames = span.frames.clone();
        frames
            .map(|frame| emissions.log_probability(frame, span.label))
            .fold(f32::NEG_INFINITY, f32::max)
    };
    let spelled: Vec<Letter> = letters
        .iter()
        .map(|span| Letter {
            token: vocabulary.token(span.label),
            log_probability: best(span),
        })
        .collect();
    let sum: f32 = spelled.iter().map(|letter| letter.log_probability).sum();
    let timing = emissions.timing();
    Some(Word {
        text: letters
            .iter()
            .map(|letter| vocabulary.text(letter.label))
            .collect(),
        start: timing.seconds(first.frames.start),
        end: timing.seconds(last.frames.end),
        // Rounding can bring the mean of certain letters past 1.
        confidence: (sum / letters.len() as f32).exp().clamp(0.0, 1.0),
        letters: spelled,
    })
}
