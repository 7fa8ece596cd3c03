//! Products of tensors: linear layers, and attention.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::*;
use tract_onnx::tract_core::ops::einsum::EinSum;

use super::axes::{Axes, Position};
use super::{Finishing, Step, floats, offsets, output, strides, then};
use kernels::Pace;
use kernels::product::{Finish, Output, Packed, Side, Strided, multiply};

/// A product of two tensors, the second of which may be a constant.
#[derive(Clone)]
pub(crate) struct Contraction {
    original: EinSum,
    axes: Axes,
    /// Which input is packed.
    packed: usize,
    side: Side,
    constant: Option<Constant>,
    finish: Finish,
    pace: Pace,
}

/// The constant input.
#[derive(Clone)]
struct Constant {
    fact: TypedFact,
    panels: Arc<Packed>,
}

impl Contraction {
    /// Replaces `original`, if it is a product of 32-bit floats that this operator supports. `inputs` are its facts.
    pub(crate) fn new(
        original: &EinSum,
        inputs: [&TypedFact; 2],
        pace: Pace,
    ) -> TractResult<Option<Self>> {
        let float = |fact: &TypedFact| fact.datum_type == f32::datum_type() && fact.is_plain();
        if original.q_params.is_some()
            || original.operating_dt != f32::datum_type()
            || !inputs.iter().all(|fact| float(fact))
        {
            return Ok(None);
        }
        let Some(axes) = Axes::new(&original.axes, inputs) else {
            return Ok(None);
        };
        let constant = inputs.iter().position(|fact| fact.konst.is_some());
        let contiguous = axes.contiguous();
        let packed = constant.or(contiguous).unwrap_or(1);
        let side = if contiguous == Some(packed) {
            Side::Columns
        } else {
            Side::Rows
        };
        if constant.is_some() && (!axes.batch.is_empty() || inputs[packed].konst.is_none()) {
            return Ok(None);
        }
        let constant = match &inputs[packed].konst {
            Some(tensor) => {
                let panels = pack(&axes, packed, side, tensor, 0)?;
                let fact = TypedFact::dt_shape(f32::datum_type(), tensor.shape());
                Some(Constant {
                    fact,
                    panels: Arc::new(panels),
                })
            }
            None => None,
        };
        Ok(Some(Self {
            original: original.clone(),
            axes,
            packed,
            side,
            constant,
            finish: Finish::default(),
            pace,
        }))
    }

    /// The remaining inputs of the two.
    pub(crate) fn remaining(&self, inputs: [OutletId; 2]) -> TVec<OutletId> {
        match self.constant {
            Some(_) => tvec!(inputs[1 - self.packed]),
            None => TVec::from(&inputs[..]),
        }
    }
}

/// Packs one input of a product, from an offset.
fn pack(
    axes: &Axes,
    input: usize,
    side: Side,
    tensor: &Tensor,
    base: usize,
) -> TractResult<Packed> {
    let values = floats(tensor)?.get(base..).unwrap_or_default();
    let items = steps(&axes.free[input], input, tensor);
    let depth = steps(&axes.summed, input, tensor);
    Ok(Packed::new(side, items.len(), depth.len(), |i, k| {
        values[items[i] + depth[k]]
    }))
}

/// The offsets along some axes in an input.
fn steps(axes: &[Position], input: usize, tensor: &Tensor) -> Vec<usize> {
    steps_of(axes, |axis| axis.inputs[input], tensor.shape())
}

fn steps_of(
    axes: &[Position],
    at: impl Fn(&Position) -> Option<usize>,
    shape: &[usize],
) -> Vec<usize> {
    let strides = strides(shape);
    offsets(
        axes.iter()
            .filter_map(&at)
            .map(|at| (shape[at], strides[at])),
    )
}

impl Finishing for Contraction {
    fn finishing(&self, step: &Step) -> Option<Self> {
        let constant = self.constant.as_ref()?;
        let bias = match step {
            Step::Relu => None,
            Step::Add(values) => Some(bias(&self.axes, self.packed, constant, values)?),
        };
        Some(Self {
            finish: then(&self.finish, bias)?,
            ..self.clone()
        })
    }
}

/// `values`, which are added to the output, as one for each packed item; `None` if they vary along other axes.
fn bias(axes: &Axes, packed: usize, constant: &Constant, values: &Tensor) -> Option<Vec<f32>> {
    let free = &axes.free[packed];
    for (at, length) in values.shape().iter().enumerate() {
        if *length != 1 && !free.iter().any(|axis| axis.output == Some(at)) {
            return None;
        }
    }
    let strides = strides(values.shape());
    let steps = offsets(free.iter().map(|axis| {
        let length = axis.inputs[packed].and_then(|at| constant.fact.shape[at].to_usize().ok());
        let at = axis.output.unwrap_or_default();
        let varies = values.shape().get(at).is_some_and(|length| *length != 1);
        let stride = if varies { strides[at] } else { 0 };
        (length.unwrap_or(1), stride)
    }));
    let values = floats(values).ok()?;
    steps.iter().map(|at| values.get(*at).copied()).collect()
}

impl std::fmt::Debug for Contraction {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "Contraction {:?}", self.original)
    }
}

impl PartialEq for Contraction {
    fn eq(&self, other: &Self) -> bool {
        let same = match (&self.constant, &other.constant) {
            (Some(a), Some(b)) => Arc::ptr_eq(&a.panels, &b.panels),
            (None, None) => true,
            _ => false,
        };
        same && self.original == other.original && self.finish == other.finish
    }
}

impl Eq for Contraction {}

impl Op for Contraction {
    fn name(&self) -> StaticName {
        "Contraction".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Contraction {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let facts: TVec<TypedFact> = inputs
            .iter()
            .map(|input| TypedFact::shape_and_dt_of(input))
            .collect();
        let facts: TVec<&TypedFact> = facts.iter().collect();
        let fact = &self.output_facts(&facts)?[0];
        let shape: TVec<usize> = fact
            .shape
            .eval_to_usize(&SymbolValues::default())?
            .into_owned();
        let other = 1 - self.packed;
        let matrix = &inputs[if self.constant.is_some() { 0 } else { other }];
        let values = floats(matrix)?;
        let items = steps(&self.axes.free[other], other, matrix);
        let depth = steps(&self.axes.summed, other, matrix);
        let to = |input: usize| steps_of(&self.axes.free[input], |axis| axis.output, &shape);
        let (to_packed, to_items) = (to(self.packed), to(other));
        let batch = steps(&self.axes.batch, other, matrix);
        let to_batch = steps_of(&self.axes.batch, |axis| axis.output, &shape);
        let from_batch = match self.constant {
            Some(_) => vec![0],
            None => steps(&self.axes.batch, self.packed, &inputs[self.packed]),
        };
        output(&shape, |results| {
            for ((from, base), to) in from_batch.iter().zip(&batch).zip(&to_batch) {
                let packed = match &self.constant {
                    Some(constant) => Arc::clone(&constant.panels),
                    None => {
                        let tensor = &inputs[self.packed];
                        Arc::new(pack(&self.axes, self.packed, self.side, tensor, *from)?)
                    }
                };
                multiply(
                    &packed,
                    &Strided {
                        data: &values[*base..],
                        items: &items,
                        depth: &depth,
                    },
                    &mut Output {
                        data: &mut results[*to..],
                        packed: &to_packed,
                        items: &to_items,
                    },
                    &self.finish,
                    self.pace,
                );
            }
            Ok(())
        })
    }
}

impl TypedOp for Contraction {
    as_op!();

    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        match (&self.constant, inputs) {
            (Some(constant), [input]) if self.packed == 0 => {
                self.original.output_facts(&[&constant.fact, input])
            }
            (Some(constant), [input]) => self.original.output_facts(&[input, &constant.fact]),
            _ => self.original.output_facts(inputs),
        }
    }
}
