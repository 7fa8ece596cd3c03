//! The encoder: from a spectrogram to the keys and values that the decoder attends to.
//!
//! Whisper is trained on windows of 30 s, and fails on shorter ones. The silence after a shorter clip differs only in its
//! position, so it is merged: groups of frames become their mean, and each group counts as a key as often as it has frames
//! ("proportional attention", Bolya et al., Token Merging, ICLR 2023).

use kernels::math::gelu;
use kernels::quantized::{Linear, Then, Weights16};
use kernels::{Pace, quantized};

use crate::attention::{self, Projections};
use crate::checkpoint::{Checkpoint, Config, LoadError};
use crate::layers::{Norm, linear, projections};
use crate::positions::Positions;

/// Frames of the encoder in a second.
pub(crate) const FRAMES: usize = 50;
/// Frames of silence after the sound that are not merged.
const MARGIN: usize = FRAMES;
/// Frames of silence that are merged into one.
const MERGED: usize = 4;
/// Rows of the feed-forward layers at a time, whose results are large.
const BLOCK: usize = 64;
/// Frames that a convolution looks at.
const KERNEL: usize = 3;
/// What numbers up to 1 may lose in a file of 16-bit floats.
const ROUNDING: f32 = 1.0 / 256.0;

/// How the silence after a clip is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// Frames of 20 ms that are encoded one by one.
    pub margin: usize,
    /// Frames that are merged into one.
    pub merged: usize,
}

impl Default for Padding {
    fn default() -> Self {
        Self {
            margin: MARGIN,
            merged: MERGED,
        }
    }
}

#[derive(Clone)]
pub(crate) struct Encoder {
    convolutions: [Convolution; 2],
    layers: Vec<Layer>,
    norm: Norm,
    heads: usize,
    /// Frames of a full window.
    positions: usize,
    width: usize,
    bands: usize,
}

#[derive(Clone)]
struct Layer {
    attention_norm: Norm,
    projections: Linear<Weights16>,
    attention_output: Linear<Weights16>,
    norm: Norm,
    expansion: Linear<Weights16>,
    contraction: Linear<Weights16>,
}

/// A convolution over frames, followed by the activation.
#[derive(Clone)]
struct Convolution {
    kernels: Linear<Weights16>,
    inputs: usize,
    stride: usize,
}

/// The output of the encoder, which the decoder attends to.
pub(crate) struct Encoded {
    /// Rows, one for each key.
    pub(crate) rows: Vec<f32>,
    /// Added to the scores of each key: the logarithm of its number of frames.
    pub(crate) bias: Vec<f32>,
}

impl Encoder {
    pub(crate) fn load(checkpoint: &Checkpoint) -> Result<Self, LoadError> {
        let config = &checkpoint.config;
        let &Config {
            width,
            bands,
            positions,
            encoder_heads: heads,
            ..
        } = config;
        check_positions(checkpoint)?;
        let convolution = |name: &str, inputs, stride| {
            Convolution::load(
                checkpoint,
                &format!("model.encoder.{name}"),
                (inputs, width),
                stride,
            )
        };
        Ok(Self {
            convolutions: [
                convolution("conv1", bands, 1)?,
                convolution("conv2", width, 2)?,
            ],
            layers: (0..config.encoder_layers)
                .map(|i| Layer::load(checkpoint, &format!("model.encoder.layers.{i}")))
                .collect::<Result<_, _>>()?,
            norm: Norm::load(checkpoint, "model.encoder.layer_norm", width)?,
            heads,
            positions,
            width,
            bands,
        })
    }

    /// Frames of a full window.
    pub(crate) fn positions(&self) -> usize {
        self.positions
    }

    /// Of a clip with so many frames of its own, those that are encoded one by one.
    pub(crate) fn exact(&self, frames: usize, padding: Padding) -> usize {
        (frames + padding.margin).min(self.positions)
    }

    /// Mel frames that are needed for so many frames: each takes two, and looks at one on each side twice.
    pub(crate) fn mel_frames(&self, exact: usize) -> usize {
        (2 * exact + 2).min(2 * self.positions)
    }

    /// Encodes a spectrogram of [`Encoder::mel_frames`] frames.
    pub(crate) fn encode(
        &self,
        spectrogram: &[f32],
        exact: usize,
        padding: Padding,
        pace: Pace,
    ) -> Encoded {
        let (mut rows, bias) = self.embed(spectrogram, exact, padding, pace);
        let mut memory = Memory::default();
        for layer in &self.layers {
            layer.apply(&mut rows, &bias, self.heads, &mut memory, pace);
        }
        let mut normal = vec![0.0; rows.len()];
        self.norm.apply(&rows, &mut normal, pace);
        Encoded { rows: normal, bias }
    }

    /// The convolutions and the positions, with what silence follows merged.
    fn embed(
        &self,
        spectrogram: &[f32],
        exact: usize,
        padding: Padding,
        pace: Pace,
    ) -> (Vec<f32>, Vec<f32>) {
        let [first, second] = &self.convolutions;
        let frames = spectrogram.len() / self.bands;
        let mut scratch = quantized::Scratch::default();
        let hidden = first.apply(spectrogram, frames, &mut scratch, pace);
        let mut rows = second.apply(&hidden, exact, &mut scratch, pace);
        let silence = rows[rows.len() - self.width..].to_vec();
        let mut positions = Positions::new(self.width);
        for row in rows.chunks_exact_mut(self.width) {
            positions.add_next(row, 1.0);
        }
        let mut bias = vec![0.0; exact];
        let merged = padding.merged.max(1);
        for first in (exact..self.positions).step_by(merged) {
            let count = merged.min(self.positions - first);
            let start = rows.len();
            rows.extend_from_slice(&silence);
            for _ in 0..count {
                positions.add_next(&mut rows[start..], 1.0 / count as f32);
            }
            bias.push((count as f32).ln());
        }
        (rows, bias)
    }
}

/// Whether a model has the positions that all Whisper models have.
fn check_positions(checkpoint: &Checkpoint) -> Result<(), LoadError> {
    let &Config {
        positions, width, ..
    } = &checkpoint.config;
    let name = "model.encoder.embed_positions.weight";
    let table = checkpoint.tensor(name, &[positions, width])?;
    let mut expected = Positions::new(width);
    let mut row = vec![0.0; width];
    for found in table.chunks_exact(width) {
        row.fill(0.0);
        expected.add_next(&mut row, 1.0);
        if row.iter().zip(found).any(|(a, b)| (a - b).abs() > ROUNDING) {
            let reason = format!("the tensor '{name}' is not OpenAI's table of sines and cosines");
            return Err(LoadError::Unsupported(reason));
        }
    }
    Ok(())
}

/// Memory that the layers use one after the other.
#[derive(Default)]
struct Memory {
    normal: Vec<f32>,
    projections: Vec<f32>,
    gathered: Vec<f32>,
    expanded: Vec<f32>,
    attention: attention::Scratch,
    quantized: quantized::Scratch,
}

impl Layer {
    fn load(checkpoint: &Checkpoint, name: &str) -> Result<Self, LoadError> {
        let &Config {
            width,
            encoder_ffn_dim: expanded,
            ..
        } = &checkpoint.config;
        let part = |part: &str| format!("{name}.{part}");
        Ok(Self {
            attention_norm: Norm::load(checkpoint, &part("self_attn_layer_norm"), width)?,
            projections: projections(checkpoint, &part("self_attn"), &["q", "k", "v"], width)?,
            attention_output: linear(checkpoint, &part("self_attn.out_proj"), width, width)?,
            norm: Norm::load(checkpoint, &part("final_layer_norm"), width)?,
            expansion: linear(checkpoint, &part("fc1"), expanded, width)?,
            contraction: linear(checkpoint, &part("fc2"), width, expanded)?,
        })
    }

    fn apply(&self, rows: &mut [f32], bias: &[f32], heads: usize, memory: &mut Memory, pace: Pace) {
        let width = rows.len() / bias.len();
        let Memory {
            normal,
            projections,
            gathered,
            expanded,
            attention,
            quantized,
        } = memory;
        normal.resize(rows.len(), 0.0);
        self.attention_norm.apply(rows, normal, pace);
        projections.resize(bias.len() * self.projections.outputs(), 0.0);
        self.projections
            .apply((normal, width), projections, Then::Store, quantized, pace);
        gathered.resize(rows.len(), 0.0);
        Projections {
            data: projections,
            heads,
        }
        .attend(bias, gathered, attention, pace);
        self.attention_output
            .apply((gathered, width), rows, Then::Add, quantized, pace);
        self.norm.apply(rows, normal, pace);
        for (normal, rows) in normal
            .chunks(BLOCK * width)
            .zip(rows.chunks_mut(BLOCK * width))
        {
            let outputs = self.expansion.outputs();
            expanded.resize(normal.len() / width * outputs, 0.0);
            self.expansion
                .apply((normal, width), expanded, Then::Store, quantized, pace);
            gelu(expanded);
            pace.multiplied(expanded.len() * 16);
            self.contraction
                .apply((expanded, outputs), rows, Then::Add, quantized, pace);
        }
    }
}

impl Convolution {
    fn load(
        checkpoint: &Checkpoint,
        name: &str,
        (inputs, outputs): (usize, usize),
        stride: usize,
    ) -> Result<Self, LoadError> {
        let weights = checkpoint.tensor(&format!("{name}.weight"), &[outputs, inputs, KERNEL])?;
        let bias = checkpoint.tensor(&format!("{name}.bias"), &[outputs])?;
        // A row of neighbouring frames is what lies side by side in memory: frame by frame.
        let kernels: Vec<f32> = weights
            .chunks_exact(inputs * KERNEL)
            .flat_map(|kernel| {
                (0..KERNEL * inputs).map(|k| kernel[k % inputs * KERNEL + k / inputs])
            })
            .collect();
        Ok(Self {
            kernels: Linear::new(outputs, &kernels, &bias),
            inputs,
            stride,
        })
    }

    /// The first `count` results for these rows, before which there are zeros.
    fn apply(
        &self,
        rows: &[f32],
        count: usize,
        scratch: &mut quantized::Scratch,
        pace: Pace,
    ) -> Vec<f32> {
        let needed = ((count - 1) * self.stride + KERNEL) * self.inputs;
        let mut padded = vec![0.0; self.inputs];
        padded.extend_from_slice(rows);
        padded.resize(needed.max(padded.len()), 0.0);
        let outputs = self.kernels.outputs();
        let mut result = vec![0.0; count * outputs];
        let rows = (padded.as_slice(), self.stride * self.inputs);
        self.kernels
            .apply(rows, &mut result, Then::Store, scratch, pace);
        for rows in result.chunks_mut(BLOCK * outputs) {
            gelu(rows);
            pace.multiplied(rows.len() * 16);
        }
        result
    }
}
