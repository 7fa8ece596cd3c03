//! Log-probabilities of the labels in each frame.
use super::{
    vocabulary::{BLANK, Vocabulary},
    word::Timing,
};

/// The output of a model for each frame of a recording: log-probabilities of the blank, the word boundary
/// and the letters. Special tokens print nothing, like the blank, so their probability is added to it.
#[derive(Clone, Debug)]
pub struct Emissions<'v> {
    vocabulary: &'v Vocabulary,
    timing: Timing,
    /// Frames × labels, row by row.
    log_probabilities: Vec<f32>,
}

/// The output of a model cannot be decoded. This is an error of the model, not of the audio.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmissionsError {
    /// The number of logits is not frames × tokens.
    #[error("{logits} logits are not {frames} frames of {tokens} tokens")]
    Shape {
        /// How many logits there are.
        logits: usize,
        /// How many frames were announced.
        frames: usize,
        /// How many tokens the vocabulary has.
        tokens: usize,
    },
    /// The logits of a frame have no softmax: one is NaN or +∞, or all are −∞.
    #[error("the logits of frame {frame} are no finite numbers")]
    NotFinite {
        /// The first such frame.
        frame: usize,
    },
}

impl<'v> Emissions<'v> {
    /// Takes the logarithm of the softmax of `logits` (`frames` × tokens, row by row).
    ///
    /// # Errors
    /// [`EmissionsError`] when the logits do not have that shape or are not numbers.
    pub fn new(
        logits: &[f32],
        frames: usize,
        vocabulary: &'v Vocabulary,
        timing: Timing,
    ) -> Result<Self, EmissionsError> {
        let tokens = vocabulary.size();
        if frames.checked_mul(tokens) != Some(logits.len()) {
            return Err(EmissionsError::Shape {
                logits: logits.len(),
                frames,
                tokens,
            });
        }
        let width = vocabulary.label_count();
        let mut log_probabilities = Vec::with_capacity(frames * width);
        // A vocabulary has at least two tokens and two labels.
        let mut row = vec![0.0; width];
        for (frame, logits) in logits.chunks_exact(tokens).enumerate() {
            let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            row.fill(f32::NEG_INFINITY);
            let (mut sum, mut blank) = (0.0, 0.0);
            for (&logit, &label) in logits.iter().zip(vocabulary.labels()) {
                let power = (logit - highest).exp();
                sum += power;
                if label == BLANK {
                    blank += power;
                } else if let Some(cell) = row.get_mut(label) {
                    *cell = logit - highest;
                }
            }
            // The highest logit alone gives a sum of 1 where all are numbers.
            if !f32::is_finite(sum) {
                return Err(EmissionsError::NotFinite { frame });
            }
            let log_sum = sum.ln();
            if let Some(cell) = row.get_mut(BLANK) {
                *cell = blank.ln();
            }
            log_probabilities.extend(row.iter().map(|cell| cell - log_sum));
        }
        Ok(Self {
            vocabulary,
            timing,
            log_probabilities,
        })
    }

    pub(super) fn vocabulary(&self) -> &'v Vocabulary {
        self.vocabulary
    }

    pub(super) fn timing(&self) -> Timing {
        self.timing
    }

    /// The log-probabilities of the labels, frame by frame.
    pub(super) fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.log_probabilities
            .chunks_exact(self.vocabulary.label_count())
    }

    /// The log-probability of `label` in `frame`, −∞ outside.
    pub(super) fn log_probability(&self, frame: usize, label: usize) -> f32 {
        self.rows()
            .nth(frame)
            .and_then(|row| row.get(label))
            .copied()
            .unwrap_or(f32::NEG_INFINITY)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Times of a model with 20 ms from frame to frame.
    pub(in super::super) fn timing(frames: usize) -> Timing {
        Timing {
            sample_rate: 16_000,
            stride: 320,
            samples: 320 * frames,
        }
    }

    fn emissions<'v>(
        vocabulary: &'v Vocabulary,
        logits: &[f32],
    ) -> Result<Emissions<'v>, EmissionsError> {
        let frames = logits.len().div_ceil(vocabulary.size());
        Emissions::new(logits, frames, vocabulary, timing(frames))
    }

    #[test]
    fn special_tokens_count_as_blank() {
        let vocabulary = Vocabulary::new(&["A", "<s>", "|", "<pad>"]).expect("is whole");
        let logits = [0.2_f32, 0.3, 0.1, 0.4].map(|p| p.ln() + 7.0);
        let emissions = emissions(&vocabulary, &logits).expect("are numbers");
        let row: Vec<f32> = emissions.rows().flatten().map(|x| x.exp()).collect();
        for (p, expected) in row.iter().zip([0.7, 0.1, 0.2]) {
            assert!((p - expected).abs() < 1e-6, "{row:?}");
        }
        assert_eq!(emissions.log_probability(1, 0), f32::NEG_INFINITY);
        assert_eq!(emissions.log_probability(0, 3), f32::NEG_INFINITY);
    }

    #[test]
    fn refuses_wrong_shapes_and_what_is_no_number() {
        let vocabulary = Vocabulary::new(&["<pad>", "|", "A"]).expect("is whole");
        let refused = |logits: &[f32]| emissions(&vocabulary, logits).map(|_| ()).unwrap_err();
        assert_eq!(
            refused(&[0.0; 4]),
            EmissionsError::Shape {
                logits: 4,
                frames: 2,
                tokens: 3
            }
        );
        for wrong in [f32::NAN, f32::INFINITY] {
            assert_eq!(
                refused(&[0.0, 0.0, 0.0, 0.0, wrong, 0.0]),
                EmissionsError::NotFinite { frame: 1 }
            );
        }
        assert_eq!(
            refused(&[f32::NEG_INFINITY; 3]),
            EmissionsError::NotFinite { frame: 0 }
        );
        let impossible = [f32::NEG_INFINITY, 0.0, f32::MIN];
        assert!(emissions(&vocabulary, &impossible).is_ok());
        assert!(emissions(&vocabulary, &[]).is_ok());
    }
}
