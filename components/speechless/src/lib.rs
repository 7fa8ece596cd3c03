//! The export of `routelets:recognizer/recognizer` where there is no model: what takes the recogniser's place in an
//! application that is to be small, and does not serve speech.

mod bindings;

use bindings::exports::routelets::recognizer::recognizer::{Emissions, Error, Guest, Model};

struct Speechless;

impl Guest for Speechless {
    async fn describe() -> Model {
        Model {
            name: String::new(),
            created: 0,
            sample_rate: 0,
            stride: 0,
            minimum_samples: 0,
            vocabulary: Vec::new(),
        }
    }

    async fn recognize(_: Vec<f32>) -> Result<Emissions, Error> {
        Err(Error::Failed(
            "this application was built without speech".into(),
        ))
    }
}
