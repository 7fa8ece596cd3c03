//! The input of Whisper: logarithms of the energies in mel bands.

use std::f64::consts::PI;
use std::sync::Arc;

use fourier::{Complex, RealToComplex};
use kernels::Pace;

/// Samples in a second.
pub const SAMPLE_RATE: usize = 16_000;
/// Samples in a window of the Fourier transform.
const WINDOW: usize = 400;
/// Samples from one frame to the next.
pub(crate) const HOP: usize = 160;
/// Frequencies of a transform.
const BINS: usize = WINDOW / 2 + 1;
/// The least energy in a band.
const LEAST: f32 = 1e-10;

/// Computes mel spectrograms as OpenAI's `log_mel_spectrogram` does.
#[derive(Clone)]
pub(crate) struct Mel {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    /// For each band the first frequency that it weighs, and the weights from there.
    bands: Vec<(usize, Vec<f32>)>,
}

impl Mel {
    pub(crate) fn new(bands: usize) -> Self {
        let phase = |i: usize| 2.0 * PI * i as f64 / WINDOW as f64;
        Self {
            fft: fourier::forward(WINDOW),
            window: (0..WINDOW)
                .map(|i| (0.5 - 0.5 * phase(i).cos()) as f32)
                .collect(),
            bands: filters(bands),
        }
    }

    /// The first `frames` frames of `samples` and the silence behind them, frame by frame. The samples are one window of
    /// 30 s or less.
    pub(crate) fn spectrogram(&self, samples: &[f32], frames: usize, pace: Pace) -> Vec<f32> {
        let bands = self.bands.len();
        let mut result = vec![LEAST.log10(); frames * bands];
        let mut input = self.fft.make_input_vec();
        let mut output = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        let mut power = [0.0; BINS];
        let mut most = LEAST.log10();
        for (frame, result) in result.chunks_mut(bands).enumerate() {
            // The window is centred on the frame; the beginning is mirrored.
            let start = frame * HOP;
            if start >= samples.len() + WINDOW / 2 {
                break;
            }
            for (i, (input, weight)) in input.iter_mut().zip(&self.window).enumerate() {
                let at = (start + i).abs_diff(WINDOW / 2);
                *input = samples.get(at).copied().unwrap_or_default() * weight;
            }
            // The buffers are those that it asks for: it cannot fail.
            let _ = self
                .fft
                .process_with_scratch(&mut input, &mut output, &mut scratch);
            for (power, Complex { re, im }) in power.iter_mut().zip(&output) {
                *power = re * re + im * im;
            }
            for (result, (first, weights)) in result.iter_mut().zip(&self.bands) {
                *result = kernels::math::dot(weights, &power[*first..])
                    .max(LEAST)
                    .log10();
                most = most.max(*result);
            }
            pace.multiplied(WINDOW * 40);
        }
        for value in &mut result {
            *value = (value.max(most - 8.0) + 4.0) / 4.0;
        }
        result
    }
}

/// Triangles on the mel scale of Slaney's Auditory Toolbox, of equal area, as librosa makes them.
fn filters(bands: usize) -> Vec<(usize, Vec<f32>)> {
    let bin = |i: usize| i as f64 * SAMPLE_RATE as f64 / WINDOW as f64;
    let top = mel(SAMPLE_RATE as f64 / 2.0);
    let edge = |i: usize| hertz(top * i as f64 / (bands + 1) as f64);
    (0..bands)
        .map(|band| {
            let [low, peak, high] = [edge(band), edge(band + 1), edge(band + 2)];
            let weight = |i: usize| {
                let slope = ((bin(i) - low) / (peak - low)).min((high - bin(i)) / (high - peak));
                (slope.max(0.0) * 2.0 / (high - low)) as f32
            };
            let first = (0..BINS).find(|i| weight(*i) > 0.0).unwrap_or(0);
            (
                first,
                (first..BINS).map(weight).take_while(|w| *w > 0.0).collect(),
            )
        })
        .collect()
}

/// Where the scale turns from linear to logarithmic.
const KNEE: (f64, f64) = (1000.0, 15.0);

fn mel(hertz: f64) -> f64 {
    if hertz < KNEE.0 {
        hertz * 3.0 / 200.0
    } else {
        KNEE.1 + (hertz / KNEE.0).ln() * 27.0 / 6.4_f64.ln()
    }
}

fn hertz(mel: f64) -> f64 {
    if mel < KNEE.1 {
        mel * 200.0 / 3.0
    } else {
        KNEE.0 * ((mel - KNEE.1) * 6.4_f64.ln() / 27.0).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_has_one_value_everywhere() {
        let spectrogram = Mel::new(80).spectrogram(&[0.0; 1600], 20, Pace(|| ()));
        assert_eq!(spectrogram.len(), 20 * 80);
        assert!(spectrogram.iter().all(|value| (value + 1.5).abs() < 1e-6));
    }

    #[test]
    fn a_tone_is_in_its_band_and_ends_with_the_samples() {
        let tone: Vec<f32> = (0..16_000)
            .map(|i| (2.0 * PI * 440.0 * f64::from(i) / SAMPLE_RATE as f64).sin() as f32)
            .collect();
        let spectrogram = Mel::new(80).spectrogram(&tone, 200, Pace(|| ()));
        let loudest = |frame: usize| {
            let row = &spectrogram[frame * 80..][..80];
            (0..80).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap()
        };
        // 440 Hz are 6.6 of 45.245 mel, of which 81 make the edges of the bands.
        assert_eq!(loudest(50), 11);
        assert!(spectrogram[150 * 80..].iter().all(|value| *value < 0.0));
    }

    #[test]
    fn triangles_have_equal_areas() {
        // Of the bands that are wide enough to be sampled well.
        for (_, weights) in &filters(80)[60..] {
            let area: f32 = weights.iter().sum::<f32>() * 40.0;
            assert!((area - 1.0).abs() < 0.05, "{area}");
        }
    }
}
