//! Replaces operators in a graph.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cnn::Conv;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::math::{Add, Max};

use super::contraction::Contraction;
use super::convolution::Convolution;
use super::depthwise::Depthwise;
use super::{Finishing, Step, floats};
use kernels::Pace;

/// Replaces the products and convolutions of a simplified graph.
///
/// # Errors
/// When the graph contradicts itself.
pub(crate) fn rewrite(model: &mut TypedModel, pace: Pace) -> TractResult<()> {
    // Patches append nodes and leave the old ones in place, unused.
    for id in 0..model.nodes().len() {
        if let Some(patch) = replacement(model, model.node(id), pace)? {
            patch.apply(model)?;
        }
    }
    loop {
        let fused = model.eval_order()?.into_iter().find_map(|id| {
            let node = model.node(id);
            fused::<Contraction>(model, node)
                .or_else(|| fused::<Convolution>(model, node))
                .or_else(|| fused::<Depthwise>(model, node))
        });
        match fused {
            Some(patch) => patch?.apply(model)?,
            None => return Ok(()),
        }
    }
}

fn replacement(
    model: &TypedModel,
    node: &TypedNode,
    pace: Pace,
) -> TractResult<Option<TypedModelPatch>> {
    let facts = model.node_input_facts(node.id)?;
    let patch = |op: Box<dyn TypedOp>, inputs: &[OutletId]| {
        TypedModelPatch::replace_single_op(model, node, inputs, op).map(Some)
    };
    if let (Some(op), &[a, b]) = (node.op_as::<EinSum>(), &*facts)
        && let Some(op) = Contraction::new(op, [a, b], pace)?
    {
        let inputs = op.remaining([node.inputs[0], node.inputs[1]]);
        return patch(Box::new(op), &inputs);
    }
    if let (Some(op), &[input, kernels, bias]) = (node.op_as::<Conv>(), &*facts) {
        let inputs = [input, kernels, bias];
        if let Some(op) = Depthwise::new(op, inputs, pace)? {
            return patch(Box::new(op), &node.inputs[..1]);
        }
        if let Some(op) = Convolution::new(op, inputs, pace)? {
            return patch(Box::new(op), &node.inputs[..1]);
        }
    }
    Ok(None)
}

/// The node merged with the operation after it, if that is possible.
fn fused<T: TypedOp + Finishing>(
    model: &TypedModel,
    node: &TypedNode,
) -> Option<TractResult<TypedModelPatch>> {
    let op = node.op_as::<T>()?;
    let [output] = &*node.outputs else {
        return None;
    };
    let &[successor] = &*output.successors else {
        return None;
    };
    if model
        .output_outlets()
        .ok()?
        .contains(&OutletId::new(node.id, 0))
    {
        return None;
    }
    let next = model.node(successor.node);
    let other = *next.inputs.get(1 - successor.slot.min(1))?;
    let constant = model.outlet_fact(other).ok()?.konst.as_ref()?;
    let step = step(next.op_as::<TypedBinOp>()?, constant)?;
    let op = op.finishing(&step)?;
    let patch = || {
        let mut patch = TypedModelPatch::new("fuse");
        let inputs = patch.taps(model, &node.inputs)?;
        let wires = patch.wire_node(&next.name, op, &inputs)?;
        patch.shunt_outside(model, OutletId::new(next.id, 0), wires[0])?;
        patch.obliterate(next.id)?;
        Ok(patch)
    };
    Some(patch())
}

fn step(op: &TypedBinOp, constant: &Arc<Tensor>) -> Option<Step> {
    let values = floats(constant).ok()?;
    if op.0.is::<Add>() {
        Some(Step::Add(Arc::clone(constant)))
    } else if op.0.is::<Max>() && values.iter().all(|value| *value == 0.0) {
        Some(Step::Relu)
    } else {
        None
    }
}
