//! The random forest that `models/iris/train.py` exported, run by tract.

use std::sync::Arc;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::bail;

/// Measurements of a flower.
pub const FEATURES: usize = 4;
/// Species of iris.
pub const CLASSES: usize = 3;

/// What the forest says of one flower.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vote {
    /// The class with most votes, from 0 to 2. A tie goes to the lowest.
    pub class: u8,
    /// Share of the trees that vote for each class: multiples of 1/16 that add up to 1.
    pub shares: [f32; CLASSES],
}

/// The forest could not be loaded or run: a fault of the build, never of the caller.
#[derive(Debug, thiserror::Error)]
pub enum ForestError {
    /// The ONNX model is damaged or not one of four features.
    #[error("the forest could not be loaded")]
    Load(#[source] TractError),
    /// The model failed, or answered in another form than the forest's.
    #[error("the forest could not be evaluated")]
    Evaluate(#[source] TractError),
}

/// Flowers that are predicted between two pauses.
const PORTION: usize = 8;

/// A loaded random forest. Loading takes far longer than predicting: keep one.
pub struct Forest {
    plan: Arc<TypedRunnableModel>,
}

impl Forest {
    /// Loads the forest that `models/iris/train.py` exported, which is part of the program.
    ///
    /// # Errors
    /// [`ForestError::Load`] when the program was built with an unusable model.
    pub fn load() -> Result<Self, ForestError> {
        Self::from_onnx(include_bytes!("../../../models/iris/iris.onnx")).map_err(ForestError::Load)
    }

    fn from_onnx(mut onnx: &[u8]) -> TractResult<Self> {
        let mut model = tract_onnx::onnx().model_for_read(&mut onnx)?;
        let rows = model.symbols.sym("rows");
        model.set_input_fact(0, f32::fact([rows.to_dim(), FEATURES.to_dim()]).into())?;
        let plan = model.into_optimized()?.into_runnable()?;
        Ok(Self { plan })
    }

    /// Has the trees vote on each flower, in the same order: length and width of its sepals, then of its petals, in
    /// centimetres. Awaits `pause` after every few flowers, about a quarter of a millisecond of work in Wasm.
    ///
    /// # Errors
    /// [`ForestError::Evaluate`] when the model fails.
    pub async fn predict(
        &self,
        flowers: &[[f64; FEATURES]],
        mut pause: impl AsyncFnMut(),
    ) -> Result<Vec<Vote>, ForestError> {
        let mut votes = Vec::with_capacity(flowers.len());
        for portion in flowers.chunks(PORTION) {
            votes.extend(self.evaluate(portion).map_err(ForestError::Evaluate)?);
            pause().await;
        }
        Ok(votes)
    }

    fn evaluate(&self, flowers: &[[f64; FEATURES]]) -> TractResult<Vec<Vote>> {
        // scikit-learn too rounds its input to float32 first.
        let features: Vec<f32> = flowers
            .as_flattened()
            .iter()
            .map(|centimetres| *centimetres as f32)
            .collect();
        let features = Tensor::from_shape(&[flowers.len(), FEATURES], &features)?;
        let outputs = self.plan.run(tvec!(features.into()))?;
        let [labels, probabilities] = outputs.as_slice() else {
            bail!(
                "{} outputs instead of label and probabilities",
                outputs.len()
            );
        };
        let labels = labels.try_as_plain_ram()?.as_slice::<i64>()?;
        let (probabilities, rest) = probabilities
            .try_as_plain_ram()?
            .as_slice::<f32>()?
            .as_chunks::<CLASSES>();
        if labels.len() != flowers.len() || probabilities.len() != flowers.len() || !rest.is_empty()
        {
            bail!(
                "an output's shape is not that of {} predictions",
                flowers.len()
            );
        }
        labels
            .iter()
            .zip(probabilities)
            .map(|(&label, &shares)| vote(label, shares))
            .collect()
    }
}

fn vote(label: i64, shares: [f32; CLASSES]) -> TractResult<Vote> {
    match u8::try_from(label) {
        Ok(class) if usize::from(class) < CLASSES => Ok(Vote { class, shares }),
        _ => bail!("class {label} is no species"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollster::block_on;

    fn predict(flowers: &[[f64; FEATURES]]) -> Vec<Vote> {
        let forest = Forest::load().expect("loads");
        block_on(forest.predict(flowers, async || {})).expect("predicts")
    }

    /// Compares with what scikit-learn said when `train.py` exported the model.
    fn assert_equals_scikit_learn(reference: &str, rows: usize) {
        let (mut flowers, mut expected) = (Vec::new(), Vec::new());
        for line in reference.lines().skip(1) {
            let numbers: Vec<f64> = line
                .split(',')
                .map(|field| field.parse().expect("a number"))
                .collect();
            let (flower, vote) = numbers.split_at(FEATURES);
            flowers.push(flower.try_into().expect("four measurements"));
            expected.push(vote.to_vec());
        }
        assert_eq!(flowers.len(), rows);
        let votes = predict(&flowers);
        assert_eq!(votes.len(), rows);
        for ((Vote { class, shares }, expected), flower) in votes.iter().zip(expected).zip(flowers)
        {
            let [setosa, versicolor, virginica] = *shares;
            assert_eq!(
                [
                    f64::from(*class),
                    setosa.into(),
                    versicolor.into(),
                    virginica.into()
                ],
                *expected,
                "{flower:?}"
            );
        }
    }

    #[test]
    fn equals_scikit_learn_on_the_data_set() {
        assert_equals_scikit_learn(include_str!("../../../models/iris/reference.csv"), 150);
    }

    #[test]
    fn equals_scikit_learn_on_mixed_votes_and_ties() {
        assert_equals_scikit_learn(include_str!("../../../models/iris/reference-grid.csv"), 625);
    }

    #[test]
    fn predicts_nothing_of_nothing() {
        assert_eq!(predict(&[]), []);
    }

    #[test]
    fn refuses_damaged_models_and_classes_that_there_are_not() {
        let model = include_bytes!("../../../models/iris/iris.onnx");
        for damaged in [&model[..0], &model[..model.len() / 2], b"not a model"] {
            assert!(Forest::from_onnx(damaged).is_err());
        }
        for class in [-1, 3, 256] {
            assert!(vote(class, [0.0; CLASSES]).is_err());
        }
    }
}
