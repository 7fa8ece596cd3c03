//! Merges the words of a recording's chunks.
use serde::{Deserialize, Serialize};

use super::{Transcript, seam};
use crate::{
    Word,
    chunk::{Chunk, SAMPLE_RATE},
};

/// Merges the words of consecutive chunks as they are recognised.
///
/// A word belongs to the chunk whose `keep` range contains its middle. In an overlap, words that both chunks recognised are
/// paired first, because their times differ a little.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Merger {
    /// Words that no later chunk can change.
    words: Vec<Word>,
    /// Words of the last chunk in the overlap with the next.
    held: Vec<Word>,
    /// The cut in the middle of that overlap.
    seam: Option<Seam>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Seam {
    cut: f64,
    /// Where the earlier chunk ends.
    end: f64,
}

impl Merger {
    /// For a recording without recognised chunks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the words of the next chunk, their times from the first sample of [`Chunk::range`], and gives those
    /// words of the recording that no later chunk can change, from where the last call ended.
    pub fn push(&mut self, chunk: &Chunk, mut words: Vec<Word>) -> &[Word] {
        let settled = self.words.len();
        let begin = seconds(chunk.range.start);
        for word in &mut words {
            word.start += begin;
            word.end += begin;
        }
        let mut words = match self.seam.take() {
            Some(Seam { cut, end }) => {
                let later = words.partition_point(|word| word.middle() <= end);
                let rest = words.split_off(later);
                let held = std::mem::take(&mut self.held);
                let mut words = seam::join(held, words, cut);
                words.extend(rest);
                words
            }
            None => words,
        };
        if chunk.range.end > chunk.keep.end {
            let (cut, end) = (seconds(chunk.keep.end), seconds(chunk.range.end));
            self.seam = Some(Seam { cut, end });
            // The next chunk extends as far back as this one forward.
            let begin = cut - (end - cut);
            self.held = words.split_off(words.partition_point(|word| word.middle() < begin));
        }
        self.settle(words);
        self.words.get(settled..).unwrap_or_default()
    }

    /// The transcript of a recording of `samples` when all chunks are in.
    pub fn finish(mut self, samples: usize) -> Transcript {
        let held = std::mem::take(&mut self.held);
        self.settle(held);
        let duration = seconds(samples);
        for word in &mut self.words {
            word.start = word.start.min(duration);
            word.end = word.end.min(duration);
        }
        Transcript::new(self.words, samples)
    }

    /// Appends words, each after the one before it: at a seam two may overlap.
    fn settle(&mut self, words: Vec<Word>) {
        for mut word in words {
            if let Some(before) = self.words.last() {
                word.start = word.start.max(before.end);
                word.end = word.end.max(word.start);
            }
            self.words.push(word);
        }
    }
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE)
}
