//! The export of `routelets:model/model` for a model of the user, on the crate `onnx`. Needs no permission.
//!
//! `init` runs when the component is built: every instance starts with the loaded model in its memory.

use std::sync::OnceLock;

use bindings::Guest;
use bindings::exports::routelets::model::model::{
    Elements as Sent, Guest as ModelGuest, Tensor as SentTensor,
};
use onnx::{Draft, Elements, Model, Tensor};
use snapshot_heap::chain;

#[cfg(target_family = "wasm")]
#[global_allocator]
static HEAPS: snapshot_heap::Heaps<snapshot_heap::Linear> =
    snapshot_heap::Heaps::new(snapshot_heap::Linear);

static MODEL: OnceLock<Model> = OnceLock::new();

interfaces::export!("../../wit/model", Provider);

struct Provider;

impl Guest for Provider {
    fn init(file: Vec<u8>) -> Result<String, String> {
        let pause = || {
            interfaces::yield_blocking();
        };
        let draft = Draft::parse(&file).map_err(|error| chain(&error))?;
        drop(file);
        #[cfg(target_family = "wasm")]
        HEAPS.keep();
        let model = draft.build(pause).map_err(|error| chain(&error))?;
        #[cfg(target_family = "wasm")]
        HEAPS.wipe();
        Ok(MODEL.get_or_init(|| model).contract().route.clone())
    }
}

impl ModelGuest for Provider {
    fn describe() -> String {
        // The build tool runs `init`, so a component without a model is never served.
        MODEL
            .get()
            .map_or(String::new(), |model| model.description().to_owned())
    }

    async fn infer(inputs: Vec<SentTensor>) -> Result<Vec<SentTensor>, String> {
        let model = MODEL
            .get()
            .ok_or("the component was built without a model")?;
        let inputs: Vec<_> = inputs.into_iter().map(received).collect();
        let outputs = model.run(&inputs).map_err(|error| chain(&error))?;
        Ok(outputs.into_iter().map(sent).collect())
    }
}

fn received(tensor: SentTensor) -> Tensor {
    Tensor {
        shape: tensor
            .shape
            .into_iter()
            .map(|length| length as usize)
            .collect(),
        elements: match tensor.elements {
            Sent::Floats(values) => Elements::Floats(values),
            Sent::Doubles(values) => Elements::Doubles(values),
            Sent::Integers(values) => Elements::Integers(values),
            Sent::Booleans(values) => Elements::Booleans(values),
            Sent::Texts(values) => Elements::Texts(values),
        },
    }
}

fn sent(tensor: Tensor) -> SentTensor {
    SentTensor {
        // The memory of a component has 32-bit addresses.
        shape: tensor
            .shape
            .into_iter()
            .map(|length| length as u32)
            .collect(),
        elements: match tensor.elements {
            Elements::Floats(values) => Sent::Floats(values),
            Elements::Doubles(values) => Sent::Doubles(values),
            Elements::Integers(values) => Sent::Integers(values),
            Elements::Booleans(values) => Sent::Booleans(values),
            Elements::Texts(values) => Sent::Texts(values),
        },
    }
}
