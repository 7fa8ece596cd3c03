//! Makes tract's elementwise and row operators process large tensors in slices, between which the computation can pause.

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::{EvalContext, Op, TypedOp, bail};
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::nn::Softmax;

use crate::ops::{floats, output};
use kernels::Pace;

/// Values in a slice: the slowest of these operators take about half a millisecond for it in Wasm.
const SLICE: usize = 1 << 15;

/// `op` applied in slices; `None` if it needs its input as a whole, or the input is small.
pub(crate) fn eval(
    context: &EvalContext<'_>,
    op: &dyn Op,
    inputs: &[TValue],
    pace: Pace,
) -> TractResult<Option<TVec<TValue>>> {
    let [input] = inputs else {
        return Ok(None);
    };
    if input.len() <= SLICE || input.datum_type() != f32::datum_type() {
        return Ok(None);
    }
    let Some((op, row)) = by_rows(op, input.shape()) else {
        return Ok(None);
    };
    let values = floats(input)?;
    let portion = row * (SLICE / row).max(1);
    let results = output(input.shape(), |results| {
        for (values, results) in values.chunks(portion).zip(results.chunks_mut(portion)) {
            let slice = Tensor::from_shape(&[values.len() / row, row], values)?;
            let [slice] = &*op.eval(context, tvec!(slice.into_tvalue()))? else {
                bail!("more than one output");
            };
            results.copy_from_slice(floats(slice)?);
            pace.passed(values.len());
        }
        Ok(())
    })?;
    Ok(Some(results))
}

/// The operator for a tensor of rows, and the length of a row, if it treats each row independently.
fn by_rows(op: &dyn Op, shape: &[usize]) -> Option<(Box<dyn TypedOp>, usize)> {
    if let Some(op) = op.downcast_ref::<ElementWiseOp>() {
        let same = op.1.is_none_or(|to| to == f32::datum_type());
        return same.then(|| (Box::new(op.clone()) as _, 1));
    }
    let softmax = op.downcast_ref::<Softmax>()?;
    let (last, row) = (shape.len().checked_sub(1)?, *shape.last()?);
    if softmax.axes.as_slice() != [last] || softmax.quant_output_dt.is_some() {
        return None;
    }
    let rows = Softmax {
        axes: tvec!(1),
        ..softmax.clone()
    };
    Some((Box::new(rows), row))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tract_onnx::tract_core::ops::nn::{SoftmaxKind, gelu_exact::gelu_exact};

    use super::*;

    static PAUSES: AtomicUsize = AtomicUsize::new(0);

    fn input(shape: &[usize]) -> TValue {
        let values: Vec<f32> = (0..shape.iter().product())
            .map(|i| (i * 7919 % 2003) as f32 / 200.0 - 5.0)
            .collect();
        Tensor::from_shape(shape, &values).unwrap().into_tvalue()
    }

    fn softmax(axis: usize) -> Softmax {
        Softmax {
            axes: tvec!(axis),
            quant_output_dt: None,
            kind: SoftmaxKind::Softmax,
        }
    }

    fn in_slices(op: &dyn Op, input: &TValue) -> Option<TValue> {
        let pace = Pace(|| _ = PAUSES.fetch_add(1, Ordering::Relaxed));
        let context = EvalContext::out_of_plan();
        let outputs = eval(&context, op, std::slice::from_ref(input), pace).unwrap();
        outputs.map(|mut outputs| outputs.remove(0))
    }

    fn whole(op: &dyn Op, input: &TValue) -> TValue {
        let context = EvalContext::out_of_plan();
        op.eval(&context, tvec!(input.clone())).unwrap().remove(0)
    }

    #[test]
    fn slices_make_the_same_and_pause() {
        let ops: [Box<dyn Op>; 2] = [Box::new(gelu_exact()), Box::new(softmax(2))];
        for op in &ops {
            let input = input(&[3, 301, 1009]);
            let sliced = in_slices(op.as_ref(), &input).unwrap();
            assert_eq!(sliced, whole(op.as_ref(), &input));
        }
        assert!(PAUSES.load(Ordering::Relaxed) > 5);
    }

    #[test]
    fn small_tensors_and_other_axes_stay_whole() {
        assert!(in_slices(&gelu_exact(), &input(&[1, 1000])).is_none());
        assert!(in_slices(&softmax(1), &input(&[3, 301, 1009])).is_none());
    }
}
