use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::internal::bail;
use utoipa::ToSchema;

use crate::Measurement;

/// A species of iris.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Species {
    /// *Iris setosa*, class 0.
    Setosa,
    /// *Iris versicolor*, class 1.
    Versicolor,
    /// *Iris virginica*, class 2.
    Virginica,
}

impl Species {
    fn of_class(class: i64) -> Option<Self> {
        match class {
            0 => Some(Self::Setosa),
            1 => Some(Self::Versicolor),
            2 => Some(Self::Virginica),
            _ => None,
        }
    }
}

/// What the forest says of one flower.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Prediction {
    /// Number of the species with most votes: 0 setosa, 1 versicolor, 2 virginica. A tie goes to the lowest.
    #[schema(maximum = 2, example = 0)]
    pub class: u8,
    /// Name of that species.
    pub name: Species,
    /// Share of the trees that vote for each species.
    pub probabilities: Probabilities,
}

/// Share of the trees that vote for each species: multiples of 1/16 that add up to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Probabilities {
    /// *Iris setosa*.
    #[schema(minimum = 0, maximum = 1, example = 1.0)]
    pub setosa: f32,
    /// *Iris versicolor*.
    #[schema(minimum = 0, maximum = 1, example = 0.0)]
    pub versicolor: f32,
    /// *Iris virginica*.
    #[schema(minimum = 0, maximum = 1, example = 0.0)]
    pub virginica: f32,
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
        model.set_input_fact(0, f32::fact([rows.to_dim(), 4.to_dim()]).into())?;
        let plan = model.into_optimized()?.into_runnable()?;
        Ok(Self { plan })
    }

    /// Predicts the species of each flower, in the same order. Awaits `pause` after every few
    /// flowers, about a quarter of a millisecond of work in Wasm.
    ///
    /// # Errors
    /// [`ForestError::Evaluate`] when the model fails.
    pub async fn predict(
        &self,
        flowers: &[Measurement],
        mut pause: impl AsyncFnMut(),
    ) -> Result<Vec<Prediction>, ForestError> {
        let mut predictions = Vec::with_capacity(flowers.len());
        for portion in flowers.chunks(PORTION) {
            predictions.extend(self.evaluate(portion).map_err(ForestError::Evaluate)?);
            pause().await;
        }
        Ok(predictions)
    }

    fn evaluate(&self, flowers: &[Measurement]) -> TractResult<Vec<Prediction>> {
        // scikit-learn too rounds its input to float32 first.
        let features: Vec<f32> = flowers
            .iter()
            .flat_map(Measurement::centimetres)
            .map(|centimetres| centimetres as f32)
            .collect();
        let features = Tensor::from_shape(&[flowers.len(), 4], &features)?;
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
            .as_chunks::<3>();
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
            .map(|(&label, &row)| prediction(label, row))
            .collect()
    }
}

fn prediction(label: i64, [setosa, versicolor, virginica]: [f32; 3]) -> TractResult<Prediction> {
    let Some(name) = Species::of_class(label) else {
        bail!("class {label} is no species");
    };
    Ok(Prediction {
        class: name as u8,
        name,
        probabilities: Probabilities {
            setosa,
            versicolor,
            virginica,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;
    use pollster::block_on;

    fn predict(flowers: &[Measurement]) -> Vec<Prediction> {
        let forest = Forest::load().expect("loads");
        block_on(forest.predict(flowers, async || {})).expect("predicts")
    }

    /// Compares with what scikit-learn said when `train.py` exported the model.
    fn assert_equals_scikit_learn(reference: &str, rows: usize) {
        let flowers = table::parse(reference.as_bytes()).expect("the reference is valid");
        assert_eq!(flowers.len(), rows);
        let predictions = predict(&flowers);
        assert_eq!(predictions.len(), rows);
        for (
            line,
            Prediction {
                class,
                name,
                probabilities,
            },
        ) in reference.lines().skip(1).zip(predictions)
        {
            let expected: Vec<f64> = line
                .split(',')
                .skip(4)
                .map(|field| field.parse().expect("a number"))
                .collect();
            let Probabilities {
                setosa,
                versicolor,
                virginica,
            } = probabilities;
            assert_eq!(
                [
                    f64::from(class),
                    setosa.into(),
                    versicolor.into(),
                    virginica.into()
                ],
                *expected,
                "{line}"
            );
            assert_eq!(name as u8, class);
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
    fn refuses_damaged_models() {
        let model = include_bytes!("../../../models/iris/iris.onnx");
        for damaged in [&model[..0], &model[..model.len() / 2], b"not a model"] {
            assert!(Forest::from_onnx(damaged).is_err());
        }
    }

    #[test]
    fn is_written_as_json_with_names() {
        let prediction = prediction(1, [0.0, 0.9375, 0.0625]).expect("a class");
        assert_eq!(
            serde_json::to_string(&prediction).expect("serializes"),
            r#"{"class":1,"name":"versicolor","probabilities":{"setosa":0.0,"versicolor":0.9375,"virginica":0.0625}}"#
        );
        assert!(super::prediction(3, [0.0; 3]).is_err());
    }
}
