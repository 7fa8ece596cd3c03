//! The export of `routelets:predictor/predictor`, on the crate `forest`. Needs no permission.

use bindings::exports::routelets::predictor::predictor::{Guest, Measurement, Prediction};
use forest::Vote;

interfaces::export!("../../wit/predictor", Forest);

struct Forest;

impl Guest for Forest {
    async fn predict(flowers: Vec<Measurement>) -> Result<Vec<Prediction>, String> {
        let flowers: Vec<_> = flowers.iter().map(features).collect();
        let votes = forest::predict(&flowers, interfaces::yield_async).await;
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
