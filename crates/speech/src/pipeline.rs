//! From samples to a transcript: cuts them into windows, has each recognised, and merges the words.
//!
//! The recogniser is a callback, so it may be another component, or a test.

use std::iter::Sum;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::chunk::{self, Chunk, Cutter, SAMPLE_RATE};
use crate::transcript::{Merger, Transcript};
use crate::{Heard, Sound, Word};

/// A recording that is being recognised, window by window.
#[derive(Clone, Debug)]
pub struct Recognition {
    samples: Vec<f32>,
    windows: Windows,
}

/// A recording that is being cut into windows while its samples come in. The windows may be recognised elsewhere.
#[derive(Clone, Debug)]
pub struct Cutting {
    cutter: Cutter,
    windows: Windows,
}

/// The windows of a recording, as far as they are known, and the words of those that have been recognised.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Windows {
    chunks: Vec<Chunk>,
    /// How many windows have been recognised.
    done: usize,
    /// The least samples in which there can be a word.
    minimum: usize,
    /// The samples of the recording, as far as they are known.
    samples: usize,
    merger: Merger,
    /// The language of the first window with speech.
    language: Option<String>,
    /// The least of all windows.
    no_speech_probability: f64,
}

/// The progress of a recognition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Seconds of the recording that have been recognised.
    pub seconds_done: f64,
    /// Seconds of the whole recording, or of what is known of it.
    pub seconds: f64,
    /// Windows that have been recognised.
    pub chunks_done: usize,
    /// All windows that are known.
    pub chunks: usize,
}

/// The progress of several recognitions together.
impl Sum for Progress {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let none = Self {
            seconds_done: 0.0,
            seconds: 0.0,
            chunks_done: 0,
            chunks: 0,
        };
        all.fold(none, |sum, one| Self {
            seconds_done: sum.seconds_done + one.seconds_done,
            seconds: sum.seconds + one.seconds,
            chunks_done: sum.chunks_done + one.chunks_done,
            chunks: sum.chunks + one.chunks,
        })
    }
}

impl Recognition {
    /// Cuts `samples`, mono at [`SAMPLE_RATE`], into windows whose length in samples is within `window`. `pause` is awaited
    /// between portions of the work.
    pub async fn new(samples: Vec<f32>, window: Range<usize>, pause: impl AsyncFnMut()) -> Self {
        let windows = Windows {
            chunks: chunk::chunks(&samples, window.end, pause).await,
            samples: samples.len(),
            ..Windows::new(window.start)
        };
        Self { samples, windows }
    }

    /// What is known so far.
    #[must_use]
    pub fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Recognises the next window with `recognise`, which gets the language of the windows before it. Returns the words that
    /// have become certain; `None` when no window is left.
    ///
    /// # Errors
    /// Those of `recognise`. The window stays the next one.
    pub async fn step<E>(
        &mut self,
        mut recognise: impl AsyncFnMut(&[f32], Option<&str>) -> Result<Heard, E>,
    ) -> Result<Option<&[Word]>, E> {
        let Some(chunk) = self.windows.next() else {
            return Ok(None);
        };
        let heard = if self.windows.has_room(chunk) {
            // As another worker would get it.
            let samples = sound(&self.samples, chunk).samples();
            recognise(&samples, self.windows.language()).await?
        } else {
            silence()
        };
        Ok(Some(self.windows.push(heard)))
    }

    /// The transcript of the windows that have been recognised.
    #[must_use]
    pub fn finish(self) -> Transcript {
        self.windows.finish()
    }
}

impl Cutting {
    /// For windows whose length in samples is within `window`.
    #[must_use]
    pub fn new(window: Range<usize>) -> Self {
        Self {
            cutter: Cutter::new(window.end),
            windows: Windows::new(window.start),
        }
    }

    /// Takes the next samples of the recording, mono at [`SAMPLE_RATE`].
    pub fn push(&mut self, samples: &[f32]) {
        self.windows.samples += samples.len();
        self.cutter.push(samples);
    }

    /// No more samples come.
    pub fn end(&mut self) {
        self.cutter.end();
    }

    /// Gives the sound of the next window in which there can be a word; `None` when more samples are needed, or the
    /// recording has ended and no window is left. `pause` is awaited between portions of the work.
    pub async fn next(&mut self, mut pause: impl AsyncFnMut()) -> Option<Sound> {
        while let Some((chunk, sound)) = self.cutter.next(&mut pause).await {
            let has_room = self.windows.has_room(&chunk);
            self.windows.chunks.push(chunk);
            if has_room {
                return Some(sound);
            }
            self.windows.join([]);
        }
        None
    }

    /// Takes what was heard in the first window that remains to be recognised.
    pub fn heard(&mut self, heard: Heard) {
        self.windows.join([heard]);
    }

    /// What is known so far.
    #[must_use]
    pub fn windows(&self) -> &Windows {
        &self.windows
    }

    /// The windows, for [`Windows::join`] with what is heard in the sounds of those that remain.
    #[must_use]
    pub fn into_windows(self) -> Windows {
        self.windows
    }
}

impl Windows {
    /// Without a window yet.
    fn new(minimum: usize) -> Self {
        Self {
            chunks: Vec::new(),
            done: 0,
            minimum,
            samples: 0,
            merger: Merger::new(),
            language: None,
            no_speech_probability: 1.0,
        }
    }

    /// The progress so far.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let last = self.done.checked_sub(1);
        let last = last.and_then(|last| self.chunks.get(last));
        Progress {
            seconds_done: last.map_or(0.0, |chunk| seconds(chunk.keep.end)),
            seconds: seconds(self.samples),
            chunks_done: self.done,
            chunks: self.chunks.len(),
        }
    }

    /// The language of the first window with speech, once that has been recognised.
    #[must_use]
    pub fn language(&self) -> Option<&str> {
        self.language.as_deref()
    }

    /// Takes what was heard in the windows that remained, in their order, as far as it is given.
    pub fn join(&mut self, heard: impl IntoIterator<Item = Heard>) {
        let mut heard = heard.into_iter();
        while let Some(chunk) = self.next() {
            let next = if self.has_room(chunk) {
                heard.next()
            } else {
                Some(silence())
            };
            let Some(next) = next else { return };
            self.push(next);
        }
    }

    /// The transcript of the windows that have been recognised.
    #[must_use]
    pub fn finish(self) -> Transcript {
        let mut transcript = self.merger.finish(self.samples);
        transcript.language = self.language;
        transcript.no_speech_probability = self.no_speech_probability;
        transcript
    }

    fn next(&self) -> Option<&Chunk> {
        self.chunks.get(self.done)
    }

    /// Whether there can be a word in a window.
    fn has_room(&self, chunk: &Chunk) -> bool {
        chunk.range.len() >= self.minimum
    }

    /// Takes what was heard in the next window.
    fn push(&mut self, heard: Heard) -> &[Word] {
        let Some(chunk) = self.chunks.get(self.done) else {
            return &[];
        };
        self.done += 1;
        self.no_speech_probability = self.no_speech_probability.min(heard.no_speech_probability);
        if self.language.is_none() && !heard.words.is_empty() {
            self.language = Some(heard.language);
        }
        self.merger.push(chunk, heard.words)
    }
}

fn sound(samples: &[f32], chunk: &Chunk) -> Sound {
    Sound::new(samples.get(chunk.range.clone()).unwrap_or_default())
}

fn silence() -> Heard {
    Heard {
        no_speech_probability: 1.0,
        ..Heard::default()
    }
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE)
}

#[cfg(test)]
mod tests;
