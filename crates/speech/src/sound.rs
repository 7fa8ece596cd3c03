//! The samples of a window, small enough to be stored and sent.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

// Steps of 16 bits above and below zero.
const HIGHEST: f32 = 32_767.0;
const LOWEST: f32 = 32_768.0;

/// The samples of a window in 16 bits: whole multiples of a power of two, the smallest by which all of them fit.
///
/// Sound of 16 bits stays as it is, and faint sound keeps its detail. NaN becomes 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sound {
    step: f32,
    /// Little endian.
    samples: Bytes,
}

impl Sound {
    /// The samples, rounded.
    #[must_use]
    pub fn new(samples: &[f32]) -> Self {
        let need = samples
            .iter()
            .filter(|sample| sample.is_finite())
            .map(|&sample| (sample / HIGHEST).max(-sample / LOWEST))
            .fold(0.0, f32::max);
        let step = if need > 0.0 {
            need.log2().ceil().clamp(-60.0, 60.0).exp2()
        } else {
            1.0
        };
        let rounded = samples
            .iter()
            .flat_map(|sample| ((sample / step).round_ties_even() as i16).to_le_bytes());
        Self {
            step,
            samples: rounded.collect(),
        }
    }

    /// The samples.
    #[must_use]
    pub fn samples(&self) -> Vec<f32> {
        let pairs = self.samples.as_chunks().0.iter();
        pairs
            .map(|&pair| f32::from(i16::from_le_bytes(pair)) * self.step)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kept(samples: &[f32]) -> Vec<f32> {
        Sound::new(samples).samples()
    }

    #[test]
    fn sound_of_16_bits_stays_as_it_is() {
        let every: Vec<f32> = (i16::MIN..=i16::MAX)
            .map(|sample| f32::from(sample) / 32_768.0)
            .collect();
        assert_eq!(kept(&every), every);
        let faint = [1.0, -1.0, 3.0].map(|step: f32| step / 32_768.0);
        assert_eq!(kept(&faint), faint);
    }

    #[test]
    fn what_is_no_number_is_silence_or_as_loud_as_the_loudest() {
        assert_eq!(kept(&[]), []);
        assert_eq!(kept(&[0.0, f32::NAN]), [0.0, 0.0]);
        let found = kept(&[0.5, f32::INFINITY, f32::NEG_INFINITY]);
        assert!(found[0] == 0.5 && found[1] > 0.49 && found[2] < -0.49);
    }

    proptest! {
        #[test]
        fn no_sample_is_further_off_than_half_a_step(
            samples in prop::collection::vec(-1.5_f32..1.5, 1..50),
            quieter in 0_i32..30,
        ) {
            let samples: Vec<f32> = samples.iter().map(|sample| sample * (-quieter as f32).exp2()).collect();
            let peak = samples.iter().fold(0.0, |peak: f32, sample| peak.max(sample.abs()));
            for (kept, sample) in kept(&samples).iter().zip(&samples) {
                prop_assert!((kept - sample).abs() <= peak / 32_767.0, "{kept} {sample}");
            }
        }
    }
}
