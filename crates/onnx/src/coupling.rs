//! `PairwiseCoupling`: the probabilities of classes from those of pairs.
//!
//! T.-F. Wu, C.-J. Lin and R. C. Weng, *Probability Estimates for Multi-class Classification by Pairwise Coupling*, JMLR 5
//! (2004), the second method, as LIBSVM and ONNX Runtime iterate it: with the same limits, for the iteration ends before it
//! has converged.

use tract_onnx::model::{OnnxOpRegister, ParsingContext};
use tract_onnx::pb::NodeProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::*;

pub(crate) fn register(operators: &mut OnnxOpRegister) {
    operators.insert("PairwiseCoupling", parse);
}

fn parse(_: &ParsingContext, node: &NodeProto) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let classes = node.get_attr("classes")?;
    Ok((expand(Coupling { classes }), vec![]))
}

/// The least and the greatest probability of a pair.
const BOUNDS: [f64; 2] = [1e-7, 1.0 - 1e-7];

/// Takes `[rows, pairs]` in double precision, where the first of a pair has the probability 1 / (1 + exp(x)); gives
/// `[rows, classes]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Coupling {
    classes: usize,
}

impl Expansion for Coupling {
    fn name(&self) -> StaticName {
        "PairwiseCoupling".into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        s: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, 1)?;
        s.equals(&inputs[0].datum_type, f64::datum_type())?;
        s.equals(&outputs[0].datum_type, f64::datum_type())?;
        s.equals(&inputs[0].rank, 2)?;
        s.equals(&outputs[0].rank, 2)?;
        s.equals(&outputs[0].shape[0], &inputs[0].shape[0])?;
        s.equals(&outputs[0].shape[1], self.classes.to_dim())
    }

    fn wire(
        &self,
        prefix: &str,
        model: &mut TypedModel,
        inputs: &[OutletId],
    ) -> TractResult<TVec<OutletId>> {
        model.wire_node(prefix, self.clone(), inputs)
    }
}

impl Op for Coupling {
    fn name(&self) -> StaticName {
        "PairwiseCoupling".into()
    }

    op_as_typed_op!();
}

impl EvalOp for Coupling {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let pairs = input.to_plain_array_view::<f64>()?;
        let &[rows, width] = pairs.shape() else {
            bail!("{} axes instead of two", pairs.ndim());
        };
        ensure!(width == self.classes * self.classes.saturating_sub(1) / 2);
        let pairs: Vec<f64> = pairs.iter().copied().collect();
        let shares: Vec<f64> = pairs
            .chunks(width.max(1))
            .flat_map(|pairs| {
                let pairs: Vec<_> = pairs.iter().map(|value| likely(*value)).collect();
                coupled(&pairs, self.classes)
            })
            .collect();
        Ok(tvec!(
            Tensor::from_shape(&[rows, self.classes], &shares)?.into_tvalue()
        ))
    }
}

impl TypedOp for Coupling {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let rows = inputs[0].shape[0].clone();
        Ok(tvec!(f64::fact([rows, self.classes.to_dim()])))
    }

    as_op!();
}

fn likely(value: f64) -> f64 {
    let [low, high] = BOUNDS;
    (1.0 / (1.0 + value.exp())).clamp(low, high)
}

/// The probability of each class. `pairs` are those of the first of (0, 1), (0, 2), …, (1, 2), …
fn coupled(pairs: &[f64], classes: usize) -> Vec<f64> {
    let first = |one: usize, other: usize| {
        let before = one * (2 * classes - one - 1) / 2;
        pairs.get(before + other - one - 1).copied().unwrap_or(0.5)
    };
    // How likely `one` is, of the two.
    let likely = |one: usize, other: usize| match one < other {
        true => first(one, other),
        false => 1.0 - first(other, one),
    };
    let entry = |row: usize, column: usize| match row == column {
        true => (0..classes)
            .filter(|other| *other != row)
            .map(|other| likely(other, row) * likely(other, row))
            .sum(),
        false => -likely(column, row) * likely(row, column),
    };
    let matrix: Vec<Vec<f64>> = (0..classes)
        .map(|row| (0..classes).map(|column| entry(row, column)).collect())
        .collect();
    let mut shares = vec![1.0 / classes as f64; classes];
    let tolerance = 0.005 / classes as f64;
    for _ in 0..classes.max(100) {
        let mut products: Vec<f64> = matrix
            .iter()
            .map(|row| row.iter().zip(&shares).map(|(a, b)| a * b).sum())
            .collect();
        let mut total: f64 = shares.iter().zip(&products).map(|(a, b)| a * b).sum();
        let worst = products
            .iter()
            .map(|product| (product - total).abs())
            .fold(0.0, f64::max);
        if worst < tolerance {
            break;
        }
        for class in 0..classes {
            let own = matrix[class][class];
            let step = (total - products[class]) / own;
            shares[class] += step;
            let scale = 1.0 + step;
            total = (total + step * (step * own + 2.0 * products[class])) / (scale * scale);
            for (other, product) in products.iter_mut().enumerate() {
                *product = (*product + step * matrix[class][other]) / scale;
            }
            for share in &mut shares {
                *share /= scale;
            }
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_that_agree_give_their_shares() {
        let shares = [0.5, 0.3, 0.2];
        let pair = |one: usize, other: usize| shares[one] / (shares[one] + shares[other]);
        let found = coupled(&[pair(0, 1), pair(0, 2), pair(1, 2)], 3);
        for (found, expected) in found.iter().zip(shares) {
            assert!((found - expected).abs() < 0.005, "{found} {expected}");
        }
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }
}
