//! The export of `routelets:predictor/predictor`, on the crate `forest`. Needs no permission.

mod bindings;

use std::sync::LazyLock;

use bindings::exports::routelets::predictor::predictor::{Guest, Measurement, Prediction};
use forest::{Forest, ForestError, Vote};

struct Predictor;

impl Guest for Predictor {
    async fn predict(flowers: Vec<Measurement>) -> Result<Vec<Prediction>, String> {
        /// Loaded once for an instance.
        static FOREST: LazyLock<Result<Forest, ForestError>> = LazyLock::new(Forest::load);
        let forest = FOREST.as_ref().map_err(ToString::to_string)?;
        let flowers: Vec<_> = flowers.iter().map(features).collect();
        let votes = forest.predict(&flowers, wit_bindgen::yield_async).await;
        let votes = votes.map_err(|error| error.to_string())?;
        Ok(votes.into_iter().map(prediction).collect())
    }
}

fn features(flower: &Measurement) -> [f64; forest::FEATURES] {
    [
        flower.sepal_length,
        flower.sepal_width,
        flower.petal_length,
        flower.petal_width,
    ]
}

fn prediction(vote: Vote) -> Prediction {
    let [setosa, versicolor, virginica] = vote.shares;
    Prediction {
        class: vote.class,
        setosa,
        versicolor,
        virginica,
    }
}
