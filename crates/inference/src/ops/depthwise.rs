//! Convolutions along one axis in which each channel has its own kernel.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::cnn::{Conv, PoolSpec};

use super::convolution::{Geometry, Line, along_one_axis, padded};
use super::{Finishing, Step, floats, output};
use kernels::Pace;

/// A depthwise convolution.
#[derive(Clone)]
pub(crate) struct Depthwise {
    spec: PoolSpec,
    axis: usize,
    /// channels × kernel.
    kernels: Arc<Vec<f32>>,
    bias: Arc<Vec<f32>>,
    relu: bool,
    pace: Pace,
}

impl Depthwise {
    /// Replaces `original`, if it is a depthwise convolution.
    pub(crate) fn new(
        original: &Conv,
        inputs: [&TypedFact; 3],
        pace: Pace,
    ) -> TractResult<Option<Self>> {
        let channels = original.group;
        if original.input_channels() != channels || original.output_channels() != channels {
            return Ok(None);
        }
        let Some(Line {
            axis,
            kernels,
            bias,
        }) = along_one_axis(original, inputs)?
        else {
            return Ok(None);
        };
        Ok(Some(Self {
            spec: original.pool_spec.clone(),
            axis,
            kernels: Arc::new(kernels),
            bias: Arc::new(bias),
            relu: false,
            pace,
        }))
    }
}

impl Finishing for Depthwise {
    fn finishing(&self, step: &Step) -> Option<Self> {
        match step {
            Step::Relu if !self.relu => Some(Self {
                relu: true,
                ..self.clone()
            }),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Depthwise {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Depthwise {:?}", self.spec)
    }
}

impl PartialEq for Depthwise {
    fn eq(&self, other: &Self) -> bool {
        self.spec == other.spec
            && Arc::ptr_eq(&self.kernels, &other.kernels)
            && Arc::ptr_eq(&self.bias, &other.bias)
            && self.relu == other.relu
    }
}

impl Eq for Depthwise {}

impl Op for Depthwise {
    fn name(&self) -> StaticName {
        "Depthwise".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Depthwise {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let values = floats(&input)?;
        let spec = &self.spec;
        let Geometry {
            from,
            to,
            shape,
            padding,
        } = Geometry::new(spec, self.axis, input.shape())?;
        let taps = spec.kernel_shape[self.axis];
        let (stride, dilation) = (spec.stride(self.axis), spec.dilation(self.axis));
        let mut room = Vec::new();
        let mut row = vec![0.0; to.length];
        output(&shape, |results| {
            for batch in 0..from.batches {
                for (channel, (kernel, bias)) in self
                    .kernels
                    .chunks_exact(taps)
                    .zip(self.bias.iter())
                    .enumerate()
                {
                    let values = &values[batch * from.batch + channel * from.channel..];
                    let (values, from) = padded(values, from, 1, padding, &mut room);
                    let steps = (stride * from.time, dilation * from.time);
                    convolve(&mut row, values, kernel, *bias, steps);
                    let results = &mut results[batch * to.batch + channel * to.channel..];
                    for (t, sum) in row.iter().enumerate() {
                        results[t * to.time] = if self.relu { sum.max(0.0) } else { *sum };
                    }
                    // Each value is loaded again: about a quarter as fast as a product.
                    self.pace.multiplied(4 * taps * to.length);
                }
            }
            Ok(())
        })
    }
}

/// Sums that are kept in registers.
const BLOCK: usize = 16;

/// Convolves a row: result t is `bias` and the sum of `kernel[k] · values[t · stride + k · dilation]`.
fn convolve(
    results: &mut [f32],
    values: &[f32],
    kernel: &[f32],
    bias: f32,
    (stride, dilation): (usize, usize),
) {
    for (index, results) in results.chunks_mut(BLOCK).enumerate() {
        let values = &values[index * BLOCK * stride..];
        let mut sums = [bias; BLOCK];
        for (tap, weight) in kernel.iter().enumerate() {
            let values = &values[tap * dilation..];
            match values.first_chunk::<BLOCK>() {
                Some(values) if stride == 1 => {
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum += weight * value;
                    }
                }
                _ => {
                    for (sum, value) in sums.iter_mut().zip(values.iter().step_by(stride)) {
                        *sum += weight * value;
                    }
                }
            }
        }
        results.copy_from_slice(&sums[..results.len()]);
    }
}

impl TypedOp for Depthwise {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        self.spec.output_facts(inputs)
    }
}
