//! Convolutions along one axis.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::cnn::{Conv, KernelFormat, PoolSpec};

use super::{Finishing, Step, floats, output, then};
use kernels::Pace;
use kernels::product::{Finish, Output, Packed, Side, Strided, multiply};

/// A convolution along one axis; there may be further axes of length 1.
#[derive(Clone)]
pub(crate) struct Convolution {
    spec: PoolSpec,
    /// Of the axes that a kernel has, the one along which this one has any length.
    axis: usize,
    /// The kernels of each group.
    groups: Vec<Group>,
    pace: Pace,
}

#[derive(Clone)]
struct Group {
    kernels: Arc<Packed>,
    finish: Finish,
}

impl Convolution {
    /// Replaces `original`, if this operator supports it. `inputs` are its facts: the input, the kernels and the bias.
    pub(crate) fn new(
        original: &Conv,
        inputs: [&TypedFact; 3],
        pace: Pace,
    ) -> TractResult<Option<Self>> {
        let Some(Line {
            axis,
            kernels,
            bias,
        }) = along_one_axis(original, inputs)?
        else {
            return Ok(None);
        };
        let spec = original.pool_spec.clone();
        let outputs = spec.output_channels / original.group;
        let depth = kernels.len() / spec.output_channels.max(1);
        let side = if spec.data_format.c_is_last() {
            Side::Columns
        } else {
            Side::Rows
        };
        let groups = (0..original.group).map(|group| {
            let first = group * outputs;
            Group {
                kernels: Arc::new(Packed::new(side, outputs, depth, |item, k| {
                    kernels[(first + item) * depth + k]
                })),
                finish: Finish {
                    bias: bias[first..first + outputs].to_vec(),
                    relu: false,
                },
            }
        });
        Ok(Some(Self {
            axis,
            groups: groups.collect(),
            spec,
            pace,
        }))
    }
}

/// The parts of a convolution along one axis.
pub(crate) struct Line {
    /// Of the axes that a kernel has, the one along which this one has any length.
    pub(crate) axis: usize,
    /// outputs × inputs of a group × length.
    pub(crate) kernels: Vec<f32>,
    /// One for each output.
    pub(crate) bias: Vec<f32>,
}

/// The parts of a convolution with constant kernels along one axis; `None` for other operators.
pub(crate) fn along_one_axis(
    original: &Conv,
    [input, kernels, bias]: [&TypedFact; 3],
) -> TractResult<Option<Line>> {
    let spec = &original.pool_spec;
    let (Some(kernels), Some(bias)) = (&kernels.konst, &bias.konst) else {
        return Ok(None);
    };
    if original.q_params.is_some()
        || original.kernel_fmt != KernelFormat::OIHW
        || input.datum_type != f32::datum_type()
        || kernels.datum_type() != f32::datum_type()
        || bias.datum_type() != f32::datum_type()
    {
        return Ok(None);
    }
    let shape = spec.data_format.shape(&*input.shape)?;
    let long = |axis: &usize| !shape.hw_dims()[*axis].is_one();
    let axis = (0..spec.rank()).find(long).unwrap_or(0);
    let trivial = |other: usize| {
        other == axis
            || (!long(&other)
                && spec.kernel_shape[other] == 1
                && spec.stride(other) == 1
                && spec.padding.valid_dim(other, true))
    };
    if !(0..spec.rank()).all(trivial) {
        return Ok(None);
    }
    let bias = match floats(bias)? {
        [all] => vec![*all; spec.output_channels],
        each => each.to_vec(),
    };
    Ok(Some(Line {
        axis,
        kernels: floats(kernels)?.to_vec(),
        bias,
    }))
}

/// Where the samples of a convolution are, in an input or output: strides of batch, channel and time, and the length of
/// time.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) batches: usize,
    pub(crate) batch: usize,
    pub(crate) channel: usize,
    pub(crate) time: usize,
    pub(crate) length: usize,
}

impl Layout {
    fn new(spec: &PoolSpec, axis: usize, shape: &[usize]) -> TractResult<Self> {
        let shape = spec.data_format.shape(shape)?;
        let channels = *shape.c();
        let length = shape.hw_dims()[axis];
        let (channel, time) = if spec.data_format.c_is_last() {
            (1, channels)
        } else {
            (length, 1)
        };
        Ok(Self {
            batches: shape.n().copied().unwrap_or(1),
            batch: channels * length,
            channel,
            time,
            length,
        })
    }
}

/// The values of one batch with zeros before and after them in time, and how they lie there.
pub(crate) fn padded<'a>(
    values: &'a [f32],
    layout: Layout,
    channels: usize,
    (before, after): (usize, usize),
    room: &'a mut Vec<f32>,
) -> (&'a [f32], Layout) {
    if before + after == 0 {
        return (values, layout);
    }
    let length = before + layout.length + after;
    room.clear();
    room.resize(channels * length, 0.0);
    for (channel, row) in room.chunks_exact_mut(length).enumerate() {
        let from = &values[channel * layout.channel..];
        let row = &mut row[before..before + layout.length];
        if layout.time == 1 {
            row.copy_from_slice(&from[..layout.length]);
        } else {
            for (value, sample) in row.iter_mut().zip(from.iter().step_by(layout.time)) {
                *value = *sample;
            }
        }
    }
    let layout = Layout {
        channel: length,
        time: 1,
        length,
        ..layout
    };
    (room, layout)
}

/// Where the samples of a convolution's input and output are.
pub(crate) struct Geometry {
    pub(crate) from: Layout,
    pub(crate) to: Layout,
    /// The shape of the output.
    pub(crate) shape: TVec<usize>,
    /// Zeros before and after the input in time.
    pub(crate) padding: (usize, usize),
}

impl Geometry {
    /// For an input of `shape`, convolved along `axis`.
    pub(crate) fn new(spec: &PoolSpec, axis: usize, shape: &[usize]) -> TractResult<Self> {
        let padding = spec.computed_padding(spec.data_format.shape(shape)?.hw_dims());
        let along = &padding[axis];
        let output = spec.output_shape(shape)?.shape;
        Ok(Self {
            from: Layout::new(spec, axis, shape)?,
            to: Layout::new(spec, axis, &output)?,
            shape: output,
            padding: (along.pad_before, along.pad_after),
        })
    }
}

impl Finishing for Convolution {
    fn finishing(&self, step: &Step) -> Option<Self> {
        let Step::Relu = step else {
            return None;
        };
        let mut new = self.clone();
        for group in &mut new.groups {
            group.finish = then(&group.finish, None)?;
        }
        Some(new)
    }
}

impl std::fmt::Debug for Convolution {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Convolution {:?} × {}", self.spec, self.groups.len())
    }
}

impl PartialEq for Convolution {
    fn eq(&self, other: &Self) -> bool {
        self.spec == other.spec
            && self.groups.len() == other.groups.len()
            && self
                .groups
                .iter()
                .zip(&other.groups)
                .all(|(a, b)| Arc::ptr_eq(&a.kernels, &b.kernels) && a.finish == b.finish)
    }
}

impl Eq for Convolution {}

impl Op for Convolution {
    fn name(&self) -> StaticName {
        "Convolution".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Convolution {
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
        let channels = spec.input_channels / self.groups.len();
        let outputs = spec.output_channels / self.groups.len();
        let to_packed: Vec<usize> = (0..outputs).map(|o| o * to.channel).collect();
        let to_items: Vec<usize> = (0..to.length).map(|t| t * to.time).collect();
        let mut room = Vec::new();
        output(&shape, |results| {
            for batch in 0..from.batches {
                let values = &values[batch * from.batch..];
                let (values, from) = padded(values, from, spec.input_channels, padding, &mut room);
                let stride = spec.stride(self.axis) * from.time;
                let items: Vec<usize> = (0..to.length).map(|t| t * stride).collect();
                let step = spec.dilation(self.axis) * from.time;
                let depth: Vec<usize> = (0..channels)
                    .flat_map(|c| {
                        (0..spec.kernel_shape[self.axis]).map(move |k| c * from.channel + k * step)
                    })
                    .collect();
                for (index, group) in self.groups.iter().enumerate() {
                    let first = index * outputs * to.channel;
                    multiply(
                        &group.kernels,
                        &Strided {
                            data: &values[index * channels * from.channel..],
                            items: &items,
                            depth: &depth,
                        },
                        &mut Output {
                            data: &mut results[batch * to.batch + first..],
                            packed: &to_packed,
                            items: &to_items,
                        },
                        &group.finish,
                        self.pace,
                    );
                }
            }
            Ok(())
        })
    }
}

impl TypedOp for Convolution {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        self.spec.output_facts(inputs)
    }
}
