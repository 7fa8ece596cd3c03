//! The export of `routelets:recognizer/recognizer`, on the crate `whisper`. Needs no permission.
//!
//! `init` runs when the component is built: every instance starts with the loaded model in its memory.

use std::sync::OnceLock;

use bindings::Guest;
use bindings::exports::routelets::recognizer::recognizer::{
    Error, Guest as RecognizerGuest, Model as Description, Options, Recognition, Segment, Task,
    Token, Word,
};
use snapshot_heap::chain;
use whisper::{MINIMUM_SAMPLES, Model, Padding, RecognizeError, SAMPLE_RATE};

#[cfg(target_family = "wasm")]
#[global_allocator]
static HEAPS: snapshot_heap::Heaps<snapshot_heap::Linear> =
    snapshot_heap::Heaps::new(snapshot_heap::Linear);

static MODEL: OnceLock<Model> = OnceLock::new();

interfaces::export!("../../wit/recognizer", Provider);

struct Provider;

impl Guest for Provider {
    fn init(file: Vec<u8>) -> Result<String, String> {
        let pause = || {
            interfaces::yield_blocking();
        };
        let model = Model::load(&file, pause).map_err(|error| chain(&error))?;
        drop(file);
        // A copy leaves no gaps from loading.
        #[cfg(target_family = "wasm")]
        let model = {
            HEAPS.keep();
            let copy = model.clone();
            drop(model);
            HEAPS.wipe();
            copy
        };
        Ok(MODEL.get_or_init(|| model).name().to_owned())
    }
}

impl RecognizerGuest for Provider {
    async fn describe() -> Description {
        // The build tool runs `init`, so a component without a model is never served.
        let model = MODEL.get();
        Description {
            name: model.map(Model::name).unwrap_or_default().to_owned(),
            created: model.map(Model::created).unwrap_or_default(),
            sample_rate: SAMPLE_RATE as u32,
            minimum_samples: MINIMUM_SAMPLES as u32,
            maximum_samples: model.map_or(0, Model::maximum_samples) as u32,
            languages: model.map_or(Vec::new(), |model| {
                model.languages().map(str::to_owned).collect()
            }),
            translates: model.is_some_and(Model::translates),
            punctuates: true,
        }
    }

    async fn recognize(samples: Vec<f32>, options: Options) -> Result<Recognition, Error> {
        let Some(model) = MODEL.get() else {
            return Err(Error::Failed(
                "the component was built without a model".into(),
            ));
        };
        let options = whisper::Options {
            translate: options.task == Task::Translate,
            language: options.language,
            prompt: options.prompt,
            temperature: options.temperature,
            padding: Padding::default(),
        };
        match model.recognize(&samples, &options) {
            Ok(recognition) => Ok(answer(recognition)),
            Err(RecognizeError::Length { .. }) => Err(Error::WrongLength),
            Err(error) => Err(Error::Unsupported(error.to_string())),
        }
    }
}

fn answer(recognition: whisper::Recognition) -> Recognition {
    let token = |token: whisper::Token| Token {
        id: token.id,
        bytes: token.bytes,
        log_probability: token.log_probability,
    };
    let word = |word: whisper::Word| Word {
        text: word.text,
        start: word.start,
        end: word.end,
        confidence: word.confidence,
        tokens: word.tokens.into_iter().map(token).collect(),
    };
    let segment = Segment {
        words: recognition.words.into_iter().map(word).collect(),
        temperature: recognition.temperature,
        no_speech_probability: recognition.no_speech,
    };
    Recognition {
        language: recognition.language,
        no_speech_probability: recognition.no_speech,
        segments: if segment.words.is_empty() {
            Vec::new()
        } else {
            vec![segment]
        },
    }
}
