//! From samples to a transcript: cuts them, has each piece recognised, reads the scores, merges the words.
//!
//! The acoustic model is a callback, so that it may be in another component, or a test.

use std::vec::IntoIter;

use crate::chunk::{self, Chunk, SAMPLE_RATE};
use crate::ctc::{self, BeamSettings, Emissions, EmissionsError, Timing, Vocabulary, Word};
use crate::language_model::LanguageModel;
use crate::transcript::{Merger, Transcript};

/// What an acoustic model makes of a piece of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// How many frames there are.
    pub frames: usize,
    /// Frames × tokens, frame by frame; not normalised.
    pub logits: Vec<f32>,
}

/// Reads the scores of one acoustic model.
#[derive(Clone, Debug)]
pub struct Reader {
    /// What the columns of the scores stand for.
    pub vocabulary: Vocabulary,
    /// Samples from one frame to the next.
    pub stride: u32,
    /// The fewest samples that the model takes; nothing can be said in less.
    pub minimum_samples: usize,
    /// What the language makes likely; without it the likeliest letters count.
    pub language_model: Option<LanguageModel<'static>>,
}

/// The recognition of a recording failed: a fault of the model, never of the recording.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError<E> {
    /// The callback's error.
    #[error("the model failed: {0}")]
    Model(E),
    /// Scores that cannot be read.
    #[error(transparent)]
    Scores(#[from] EmissionsError),
}

impl Reader {
    async fn read(
        &self,
        scores: &Scores,
        samples: usize,
        mut pause: impl AsyncFnMut(),
    ) -> Result<Vec<Word>, EmissionsError> {
        let timing = Timing {
            sample_rate: SAMPLE_RATE,
            stride: self.stride,
            samples,
        };
        let (logits, vocabulary) = (&scores.logits, &self.vocabulary);
        let emissions =
            Emissions::new(logits, scores.frames, vocabulary, timing, &mut pause).await?;
        Ok(match &self.language_model {
            Some(model) => {
                let settings = BeamSettings::default();
                ctc::beam_search(&emissions, Some(model), &settings, &mut pause).await
            }
            None => ctc::greedy(&emissions, &mut pause).await,
        })
    }
}

/// A recording that is being recognised, piece by piece.
#[derive(Clone, Debug)]
pub struct Recognition {
    samples: Vec<f32>,
    chunks: IntoIter<Chunk>,
    merger: Merger,
    progress: Progress,
}

/// How far a recognition has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Seconds of the recording that have been recognised.
    pub seconds_done: f64,
    /// Seconds of the whole recording.
    pub seconds: f64,
    /// Pieces that have been recognised.
    pub chunks_done: usize,
    /// All pieces.
    pub chunks: usize,
}

impl Recognition {
    /// Cuts `samples`, mono and [`SAMPLE_RATE`] a second. `pause` is awaited between portions of the work.
    pub async fn new(samples: Vec<f32>, pause: impl AsyncFnMut()) -> Self {
        let chunks = chunk::chunks(&samples, pause).await;
        let progress = Progress {
            seconds_done: 0.0,
            seconds: seconds(samples.len()),
            chunks_done: 0,
            chunks: chunks.len(),
        };
        Self {
            samples,
            chunks: chunks.into_iter(),
            merger: Merger::new(),
            progress,
        }
    }

    /// How far it has come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Has `model` recognise the next piece, and gives the words that are certain by now and were not
    /// before; nothing when no piece is left.
    ///
    /// # Errors
    /// [`PipelineError`]. The piece counts as done.
    pub async fn step<E>(
        &mut self,
        reader: &Reader,
        mut model: impl AsyncFnMut(&[f32]) -> Result<Scores, E>,
        pause: impl AsyncFnMut(),
    ) -> Result<Option<&[Word]>, PipelineError<E>> {
        let Some(chunk) = self.chunks.next() else {
            return Ok(None);
        };
        let samples = self.samples.get(chunk.range.clone()).unwrap_or_default();
        let words = if samples.len() < reader.minimum_samples {
            Vec::new()
        } else {
            let scores = model(samples).await.map_err(PipelineError::Model)?;
            reader.read(&scores, samples.len(), pause).await?
        };
        self.progress.chunks_done += 1;
        self.progress.seconds_done = seconds(chunk.keep.end);
        Ok(Some(self.merger.push(&chunk, words)))
    }

    /// The transcript, once no piece is left.
    #[must_use]
    pub fn finish(self) -> Transcript {
        self.merger.finish(self.samples.len())
    }
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollster::block_on;

    const STRIDE: usize = 320;

    fn reader() -> Reader {
        Reader {
            vocabulary: Vocabulary::new(&["<pad>", "|", "A", "B"]).expect("a vocabulary"),
            stride: STRIDE as u32,
            minimum_samples: STRIDE,
            language_model: None,
        }
    }

    /// Hears a letter in loud samples: A in positive ones, B in negative ones.
    async fn ear(samples: &[f32]) -> Result<Scores, String> {
        let columns: Vec<usize> = samples
            .chunks_exact(STRIDE)
            .map(|frame| match frame.iter().sum::<f32>() / STRIDE as f32 {
                mean if mean > 0.2 => 2,
                mean if mean < -0.2 => 3,
                _ => 1,
            })
            .collect();
        Ok(Scores {
            frames: columns.len(),
            logits: columns
                .iter()
                .flat_map(|column| (0..4).map(move |i| if i == *column { 9.0 } else { 0.0 }))
                .collect(),
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
            let mut recognition = Recognition::new(samples, async || {}).await;
            let mut steps = 0;
            let reader = reader();
            let mut before = recognition.progress();
            assert_eq!((before.seconds_done, before.chunks_done), (0.0, 0));
            while recognition
                .step(&reader, ear, async || {})
                .await
                .expect("recognised")
                .is_some()
            {
                steps += 1;
                let progress = recognition.progress();
                assert!(progress.seconds_done > before.seconds_done);
                assert_eq!(progress.chunks_done, steps);
                before = progress;
            }
            assert_eq!(before.chunks_done, before.chunks);
            assert!(steps == 0 || before.seconds_done == before.seconds);
            (recognition.finish(), steps)
        })
    }

    #[test]
    fn a_recording_of_many_pieces_is_the_words_of_all() {
        let letters = "ABBA".repeat(15);
        let (transcript, steps) = recognise(spoken(&letters));
        let expected: Vec<String> = letters.chars().map(String::from).collect();
        assert_eq!(transcript.text(), expected.join(" "));
        assert!((transcript.duration - 60.5).abs() < 1e-9);
        assert!(steps >= 1);
        for (i, word) in transcript.words.iter().enumerate() {
            assert!((word.start - (i as f64 + 0.5)).abs() < 0.05, "{word:?}");
        }
    }

    #[test]
    fn the_words_of_all_steps_and_the_rest_are_the_transcript() {
        block_on(async {
            let mut recognition = Recognition::new(spoken(&"AB".repeat(20)), async || {}).await;
            let reader = reader();
            let mut told = Vec::new();
            while let Some(words) = recognition
                .step(&reader, ear, async || {})
                .await
                .expect("recognised")
            {
                told.extend_from_slice(words);
            }
            let transcript = recognition.finish();
            assert_eq!(transcript.words.get(..told.len()), Some(told.as_slice()));
        });
    }

    #[test]
    fn silence_and_less_than_a_frame_have_no_words() {
        for samples in [vec![0.0; 48_000], vec![0.5; STRIDE - 1], vec![0.0; 1]] {
            let seconds = samples.len() as f64 / 16_000.0;
            let (transcript, _) = recognise(samples);
            assert_eq!(transcript.text(), "");
            assert!((transcript.duration - seconds).abs() < 1e-9);
        }
    }

    #[test]
    fn a_failing_model_and_scores_of_another_shape_are_errors() {
        let failed = |model: fn() -> Result<Scores, String>| {
            block_on(async {
                let mut recognition = Recognition::new(spoken("A"), async || {}).await;
                let reader = reader();
                let step = recognition.step(&reader, async |_| model(), async || {});
                step.await.map(|_| ()).expect_err("fails")
            })
        };
        let model = failed(|| Err("no memory".to_owned()));
        assert_eq!(model.to_string(), "the model failed: no memory");
        let scores = failed(|| {
            Ok(Scores {
                frames: 2,
                logits: vec![0.0; 7],
            })
        });
        assert!(matches!(scores, PipelineError::Scores(_)), "{scores}");
    }
}
