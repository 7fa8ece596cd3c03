//! The model, which is another component.

use http_api::Problem;
use iris::{Measurement, Prediction};

use crate::bindings::routelets::predictor::predictor;

/// The prediction for each flower, in the same order.
pub(crate) async fn predict(flowers: &[Measurement]) -> Result<Vec<Prediction>, Problem> {
    let flowers = flowers.iter().map(|flower| {
        let [sepal_length, sepal_width, petal_length, petal_width] = flower.centimetres();
        predictor::Measurement {
            sepal_length,
            sepal_width,
            petal_length,
            petal_width,
        }
    });
    let predictions = predictor::predict(flowers.collect())
        .await
        .map_err(failed)?;
    predictions
        .into_iter()
        .map(|p| Prediction::new(p.class, [p.setosa, p.versicolor, p.virginica]))
        .collect::<Option<_>>()
        .ok_or_else(|| failed("the model gave a class that does not exist"))
}

/// No client can cause this: the model was tested with its component.
fn failed(reason: impl Into<String>) -> Problem {
    Problem::internal(reason.into())
}
