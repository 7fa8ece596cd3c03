//! Classifies the axes of a product of two tensors.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;

/// Positions of an axis in both inputs and the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Position {
    pub(crate) inputs: [Option<usize>; 2],
    pub(crate) output: Option<usize>,
}

/// The axes of a product.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Axes {
    /// In both inputs and the output: one product for each index.
    pub(crate) batch: Vec<Position>,
    /// In one input and the output, for each input.
    pub(crate) free: [Vec<Position>; 2],
    /// In both inputs, summed over.
    pub(crate) summed: Vec<Position>,
}

impl Axes {
    /// Classifies the axes of an operator with these inputs; `None` if it is not such a product.
    pub(crate) fn new(mapping: &AxesMapping, inputs: [&TypedFact; 2]) -> Option<Self> {
        let mut axes = Self {
            batch: Vec::new(),
            free: [Vec::new(), Vec::new()],
            summed: Vec::new(),
        };
        for axis in mapping.iter_all_axes() {
            let position = Position {
                inputs: [single(&axis.inputs[0])?, single(&axis.inputs[1])?],
                output: single(&axis.outputs[0])?,
            };
            let length = |input: usize| position.inputs[input].map(|at| &inputs[input].shape[at]);
            match (length(0), length(1), position.output) {
                // Broadcasting is left to tract.
                (Some(a), Some(b), _) if a != b => return None,
                (Some(_), Some(_), Some(_)) => axes.batch.push(position),
                (Some(_), Some(_), None) => axes.summed.push(position),
                (Some(_), None, Some(_)) => axes.free[0].push(position),
                (None, Some(_), Some(_)) => axes.free[1].push(position),
                // An axis of only one input, or only of the output: without effect if its length is 1.
                (Some(length), None, None) | (None, Some(length), None) if length.is_one() => {}
                (None, None, _) => {}
                _ => return None,
            }
        }
        axes.batch.sort_by_key(|position| position.output);
        for free in &mut axes.free {
            free.sort_by_key(|position| position.output);
        }
        axes.summed.sort_by_key(|position| position.inputs[0]);
        Some(axes)
    }

    /// The input whose values are contiguous in the output, if the last axis comes from one of them.
    pub(crate) fn contiguous(&self) -> Option<usize> {
        let last = |input: usize| self.free[input].iter().filter_map(|axis| axis.output).max();
        match (last(0), last(1)) {
            (None, None) => None,
            (a, b) => Some(usize::from(b > a)),
        }
    }
}

/// The position of an axis that occurs at most once; `None` if it occurs more often.
#[allow(clippy::option_option, reason = "the two mean different things")]
fn single(positions: &[usize]) -> Option<Option<usize>> {
    match positions {
        [] => Some(None),
        [position] => Some(Some(*position)),
        _ => None,
    }
}
