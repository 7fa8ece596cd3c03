//! From samples to a transcript: cuts them into windows, has each recognised, and merges the words.
//!
//! The recogniser is a callback, so it may be another component, or a test.

use std::iter::Sum;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::chunk::{self, Chunk, SAMPLE_RATE};
use crate::transcript::{Merger, Transcript};
use crate::{Heard, Sound, Word};

/// A recording that is being recognised, window by window.
#[derive(Clone, Debug)]
pub struct Recognition {
    samples: Vec<f32>,
    windows: Windows,
}

/// The windows of a recording, and the words of those that have been recognised.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Windows {
    chunks: Vec<Chunk>,
    /// How many windows have been recognised.
    done: usize,
    /// The least samples in which there can be a word.
    minimum: usize,
    /// The samples of the recording.
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
    /// Seconds of the whole recording.
    pub seconds: f64,
    /// Windows that have been recognised.
    pub chunks_done: usize,
    /// All windows.
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
            done: 0,
            minimum: window.start,
            samples: samples.len(),
            merger: Merger::new(),
            language: None,
            no_speech_probability: 1.0,
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

    /// The windows, and the sound of those that remain to be recognised, for [`Windows::join`].
    pub fn into_parts(self) -> (Windows, impl Iterator<Item = Sound>) {
        let Self { samples, windows } = self;
        let chunks: Vec<Chunk> = windows.remaining().cloned().collect();
        let sounds = chunks.into_iter().map(move |chunk| sound(&samples, &chunk));
        (windows, sounds)
    }
}

impl Windows {
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

    /// How many windows remain to be recognised. Those that are too short for a word do not count.
    #[must_use]
    pub fn left(&self) -> usize {
        self.remaining().count()
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

    fn remaining(&self) -> impl Iterator<Item = &Chunk> {
        let remaining = self.chunks.iter().skip(self.done);
        remaining.filter(|chunk| self.has_room(chunk))
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
mod tests {
    use super::*;
    use pollster::block_on;

    const FRAME: usize = 320;
    const WINDOW: Range<usize> = FRAME..22 * 16_000;

    /// Hears a word for each run of loud frames: A where they are positive, B where they are negative.
    async fn ear(samples: &[f32], _: Option<&str>) -> Result<Heard, String> {
        let mut words: Vec<Word> = Vec::new();
        let mut before = None;
        for (i, frame) in samples.chunks_exact(FRAME).enumerate() {
            let letter = match frame.iter().sum::<f32>() / FRAME as f32 {
                mean if mean > 0.2 => Some(" A"),
                mean if mean < -0.2 => Some(" B"),
                _ => None,
            };
            let [start, end] = [i, i + 1].map(|frame| frame as f64 * 0.02);
            match (letter, words.last_mut()) {
                (Some(_), Some(word)) if before == letter => word.end = end,
                (Some(letter), _) => words.push(Word {
                    text: letter.to_owned(),
                    start,
                    end,
                    ..Word::default()
                }),
                (None, _) => {}
            }
            before = letter;
        }
        Ok(Heard {
            language: "en".to_owned(),
            no_speech_probability: if words.is_empty() { 0.9 } else { 0.1 },
            words,
        })
    }

    /// One word of one letter after the other, half a second each with half a second of silence.
    fn spoken(letters: &str) -> Vec<f32> {
        let silence = vec![0.0; 8000];
        let mut samples = silence.clone();
        for letter in letters.chars() {
            let sign = if letter == 'A' { 0.5 } else { -0.5 };
            // Alternating loudness has energy and a mean.
            samples.extend((0..8000).map(|i| sign + if i % 2 == 0 { 0.2 } else { -0.2 }));
            samples.extend(&silence);
        }
        samples
    }

    fn recognise(samples: Vec<f32>) -> (Transcript, usize) {
        block_on(async {
            let mut recognition = Recognition::new(samples, WINDOW, async || {}).await;
            let mut steps = 0;
            let mut before = recognition.windows().progress();
            assert_eq!((before.seconds_done, before.chunks_done), (0.0, 0));
            while recognition.step(ear).await.expect("recognised").is_some() {
                steps += 1;
                let progress = recognition.windows().progress();
                assert!(progress.seconds_done > before.seconds_done);
                assert_eq!(progress.chunks_done, steps);
                before = progress;
            }
            assert_eq!(before.chunks_done, before.chunks);
            assert!(steps == 0 || before.seconds_done == before.seconds);
            (recognition.into_parts().0.finish(), steps)
        })
    }

    #[test]
    fn a_recording_of_many_windows_is_the_words_of_all() {
        let letters = "ABBA".repeat(15);
        let (transcript, steps) = recognise(spoken(&letters));
        let expected: Vec<String> = letters.chars().map(String::from).collect();
        assert_eq!(transcript.text(), expected.join(" "));
        assert!((transcript.duration - 60.5).abs() < 1e-9);
        assert_eq!(transcript.language.as_deref(), Some("en"));
        assert!((transcript.no_speech_probability - 0.1).abs() < 1e-9);
        assert!(steps > 1);
        for (i, word) in transcript.words.iter().enumerate() {
            assert!((word.start - (i as f64 + 0.5)).abs() < 0.05, "{word:?}");
        }
    }

    #[test]
    fn the_words_of_all_steps_and_the_rest_are_the_transcript() {
        block_on(async {
            let samples = spoken(&"AB".repeat(20));
            let mut recognition = Recognition::new(samples, WINDOW, async || {}).await;
            let mut told = Vec::new();
            while let Some(words) = recognition.step(ear).await.expect("recognised") {
                told.extend_from_slice(words);
            }
            let transcript = recognition.into_parts().0.finish();
            assert_eq!(transcript.words.get(..told.len()), Some(told.as_slice()));
        });
    }

    #[test]
    fn silence_and_less_than_the_minimum_have_no_words() {
        for samples in [vec![0.0; 48_000], vec![0.5; FRAME - 1], vec![0.0; 1]] {
            let seconds = samples.len() as f64 / 16_000.0;
            let (transcript, _) = recognise(samples);
            assert_eq!(
                (transcript.text().as_str(), transcript.language),
                ("", None)
            );
            assert!(transcript.no_speech_probability >= 1.0);
            assert!((transcript.duration - seconds).abs() < 1e-9);
        }
    }

    #[test]
    fn later_windows_are_told_the_language_and_errors_are_passed_on() {
        block_on(async {
            let samples = spoken(&"AB".repeat(20));
            let mut recognition = Recognition::new(samples, WINDOW, async || {}).await;
            let mut known = Vec::new();
            let mut listen = async |samples: &[f32], language: Option<&str>| {
                known.push(language.map(str::to_owned));
                ear(samples, None).await
            };
            while recognition
                .step(&mut listen)
                .await
                .expect("recognised")
                .is_some()
            {}
            assert_eq!(known[..2], [None, Some("en".to_owned())]);

            let mut recognition = Recognition::new(spoken("A"), WINDOW, async || {}).await;
            let failed = recognition.step(async |_, _| Err("no memory")).await;
            assert_eq!(failed, Err("no memory"));
        });
    }

    #[test]
    fn windows_that_others_recognise_become_the_same_transcript() {
        block_on(async {
            for known in [0, 1, 3] {
                let samples = spoken(&"ABBA".repeat(15));
                let (whole, steps) = recognise(samples.clone());
                let mut recognition = Recognition::new(samples, WINDOW, async || {}).await;
                for _ in 0..known {
                    recognition.step(ear).await.expect("recognised");
                }
                let (windows, sounds) = recognition.into_parts();
                assert_eq!(windows.left(), steps - known);
                let mut heard = Vec::new();
                for sound in sounds {
                    heard.push(ear(&sound.samples(), None).await.expect("recognised"));
                }
                let stored = rmp_serde::to_vec_named(&windows).expect("MessagePack");
                let mut windows: Windows = rmp_serde::from_slice(&stored).expect("windows");
                let last = heard.pop();
                windows.join(heard);
                assert_eq!(windows.left(), 1);
                windows.join(last);
                assert_eq!(windows.left(), 0);
                assert_eq!(windows.progress().seconds_done, whole.duration);
                assert_eq!(windows.finish(), whole);
            }
        });
    }
}
