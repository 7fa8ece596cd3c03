//! Layers of the encoder and the decoder.

use kernels::Pace;
use kernels::integers::Columns;
use kernels::quantized::Linear;

use crate::checkpoint::{Checkpoint, LoadError};

/// Scales and shifts after a normalisation.
#[derive(Clone)]
pub(crate) struct Norm {
    scale: Vec<f32>,
    shift: Vec<f32>,
}

impl Norm {
    pub(crate) fn load(
        checkpoint: &Checkpoint,
        name: &str,
        width: usize,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            scale: checkpoint.tensor(&format!("{name}.weight"), &[width])?,
            shift: checkpoint.tensor(&format!("{name}.bias"), &[width])?,
        })
    }

    /// Normalises rows.
    pub(crate) fn apply(&self, rows: &[f32], result: &mut [f32], pace: Pace) {
        let width = self.scale.len();
        for (row, result) in rows.chunks_exact(width).zip(result.chunks_exact_mut(width)) {
            kernels::math::layer_norm(row, &self.scale, &self.shift, result);
            pace.multiplied(8 * width);
        }
    }
}

/// A linear layer.
pub(crate) fn linear<W: Columns>(
    checkpoint: &Checkpoint,
    name: &str,
    outputs: usize,
    inputs: usize,
) -> Result<Linear<W>, LoadError> {
    let weights = checkpoint.tensor(&format!("{name}.weight"), &[outputs, inputs])?;
    let bias = checkpoint.tensor(&format!("{name}.bias"), &[outputs])?;
    Ok(Linear::new(outputs, &weights, &bias))
}

/// Several projections of an attention in one layer, one result behind the other. Keys have no bias; queries are scaled, so
/// that scores need not be.
pub(crate) fn projections<W: Columns>(
    checkpoint: &Checkpoint,
    name: &str,
    parts: &[&str],
    width: usize,
) -> Result<Linear<W>, LoadError> {
    let (mut weights, mut biases) = (Vec::new(), Vec::new());
    for part in parts {
        let name = format!("{name}.{part}_proj");
        let scale = if *part == "q" {
            (crate::panels::HEAD as f32).sqrt().recip()
        } else {
            1.0
        };
        let scaled = |values: Vec<f32>| values.into_iter().map(move |value| value * scale);
        weights.extend(scaled(
            checkpoint.tensor(&format!("{name}.weight"), &[width, width])?,
        ));
        if *part == "k" {
            biases.resize(biases.len() + width, 0.0);
        } else {
            biases.extend(scaled(
                checkpoint.tensor(&format!("{name}.bias"), &[width])?,
            ));
        }
    }
    Ok(Linear::new(parts.len() * width, &weights, &biases))
}
