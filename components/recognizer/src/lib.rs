//! The export of `routelets:recognizer/recognizer`, on the crate `inference`. Needs no permission.
//!
//! `init` runs when the component is built: every instance starts with the loaded model in its memory.

#[cfg(target_family = "wasm")]
mod allocator;
mod bindings;

use std::error::Error as StdError;
use std::sync::OnceLock;

use bindings::Guest;
use bindings::exports::routelets::recognizer::recognizer::{
    Emissions, Error, Guest as RecognizerGuest, Model as Description,
};
use inference::{Draft, LoadError, Model, RunError};

#[cfg(target_family = "wasm")]
#[global_allocator]
static HEAPS: allocator::Heaps = allocator::Heaps::new();

static MODEL: OnceLock<Model> = OnceLock::new();

struct Recognizer;

impl Guest for Recognizer {
    fn init(onnx: Vec<u8>) -> Result<String, String> {
        let load = || -> Result<Model, LoadError> {
            let draft = Draft::parse(onnx)?;
            #[cfg(target_family = "wasm")]
            HEAPS.keep();
            draft.build(|| {
                wit_bindgen::yield_blocking();
            })
        };
        let model = load().map_err(|error| chain(&error))?;
        #[cfg(target_family = "wasm")]
        HEAPS.wipe();
        Ok(MODEL.get_or_init(|| model).metadata().name.clone())
    }
}

impl RecognizerGuest for Recognizer {
    async fn describe() -> Description {
        // Before `init` there is no model to describe; the build tool makes no such component.
        let Some(model) = MODEL.get() else {
            return Description {
                name: String::new(),
                created: 0,
                sample_rate: 0,
                stride: 0,
                minimum_samples: 0,
                vocabulary: Vec::new(),
            };
        };
        let metadata = model.metadata();
        Description {
            name: metadata.name.clone(),
            created: metadata.created,
            sample_rate: metadata.sample_rate,
            stride: metadata.stride,
            minimum_samples: metadata.minimum_samples,
            vocabulary: metadata.vocabulary.clone(),
        }
    }

    async fn recognize(samples: Vec<f32>) -> Result<Emissions, Error> {
        let Some(model) = MODEL.get() else {
            return Err(Error::Failed(
                "the component was built without a model".into(),
            ));
        };
        match model.run(&samples) {
            Ok(emissions) => Ok(Emissions {
                // A frame has more than one sample, and 2^32 samples do not fit into the memory.
                frames: emissions.frames as u32,
                logits: emissions.logits,
            }),
            Err(RunError::TooShort { minimum, .. }) => Err(Error::TooShort(minimum)),
            Err(error) => Err(Error::Failed(chain(&error))),
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
