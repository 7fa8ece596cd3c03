//! The export of `routelets:recognizer/recognizer` for models that were trained with CTC, such as `Wav2Vec2ForCTC`, on the
//! crates `inference` and `ctc`. Needs no permission.
//!
//! `init` runs when the component is built: every instance starts with the loaded model in its memory.

use std::sync::OnceLock;

use bindings::Guest;
use bindings::exports::routelets::recognizer::recognizer::{
    Error, Guest as RecognizerGuest, Model as Description, Options, Recognition, Segment, Task,
    Token, Word,
};
use ctc::{Emissions, Timing, Vocabulary};
use inference::{Draft, Model};
use snapshot_heap::chain;

#[cfg(target_family = "wasm")]
#[global_allocator]
static HEAPS: snapshot_heap::Heaps<snapshot_heap::Linear> =
    snapshot_heap::Heaps::new(snapshot_heap::Linear);

/// Seconds of the longest window: the memory and time of attention grow with its square.
const LONGEST: u32 = 20;

static LOADED: OnceLock<Loaded> = OnceLock::new();

struct Loaded {
    model: Model,
    vocabulary: Vocabulary,
}

interfaces::export!("../../wit/recognizer", Provider);

struct Provider;

impl Guest for Provider {
    fn init(file: Vec<u8>) -> Result<String, String> {
        let load = || -> Result<Loaded, String> {
            let draft = Draft::parse(file).map_err(|error| chain(&error))?;
            #[cfg(target_family = "wasm")]
            HEAPS.keep();
            let pause = || {
                interfaces::yield_blocking();
            };
            let model = draft.build(pause).map_err(|error| chain(&error))?;
            let tokens = &model.metadata().vocabulary;
            let vocabulary = Vocabulary::new(tokens).map_err(|error| chain(&error))?;
            Ok(Loaded { model, vocabulary })
        };
        let loaded = load()?;
        #[cfg(target_family = "wasm")]
        HEAPS.wipe();
        let loaded = LOADED.get_or_init(|| loaded);
        Ok(loaded.model.metadata().name.clone())
    }
}

impl RecognizerGuest for Provider {
    async fn describe() -> Description {
        // The build tool runs `init`, so a component without a model is never served.
        let metadata = LOADED.get().map(|loaded| loaded.model.metadata());
        let sample_rate = metadata.map_or(0, |metadata| metadata.sample_rate);
        Description {
            name: metadata.map_or(String::new(), |metadata| metadata.name.clone()),
            created: metadata.map_or(0, |metadata| metadata.created),
            sample_rate,
            minimum_samples: metadata.map_or(0, |metadata| metadata.minimum_samples),
            maximum_samples: sample_rate.saturating_mul(LONGEST),
            languages: vec!["en".into()],
            translates: false,
            punctuates: false,
        }
    }

    async fn recognize(samples: Vec<f32>, options: Options) -> Result<Recognition, Error> {
        let Some(loaded) = LOADED.get() else {
            return Err(Error::Failed(
                "the component was built without a model".into(),
            ));
        };
        let metadata = loaded.model.metadata();
        let fits = metadata.minimum_samples as usize
            ..=metadata.sample_rate.saturating_mul(LONGEST) as usize;
        if !fits.contains(&samples.len()) {
            return Err(Error::WrongLength);
        }
        if options.task == Task::Translate {
            return Err(Error::Unsupported("the model does not translate".into()));
        }
        if let Some(language) = options.language.filter(|language| language != "en") {
            let reason = format!("the model does not know the language '{language}'");
            return Err(Error::Unsupported(reason));
        }
        loaded.words(&samples).map_err(Error::Failed)
    }
}

impl Loaded {
    fn words(&self, samples: &[f32]) -> Result<Recognition, String> {
        let scores = self.model.run(samples).map_err(|error| chain(&error))?;
        let metadata = self.model.metadata();
        let timing = Timing {
            sample_rate: metadata.sample_rate,
            stride: metadata.stride,
            samples: samples.len(),
        };
        let emissions = Emissions::new(&scores.logits, scores.frames, &self.vocabulary, timing)
            .map_err(|error| chain(&error))?;
        let words: Vec<Word> = ctc::greedy(&emissions)
            .into_iter()
            .map(|word| self.word(word))
            .collect();
        let silent = words.is_empty();
        let no_speech_probability = if silent { 1.0 } else { 0.0 };
        let segment = Segment {
            words,
            temperature: 0.0,
            no_speech_probability,
        };
        Ok(Recognition {
            language: "en".into(),
            no_speech_probability,
            segments: if silent { Vec::new() } else { vec![segment] },
        })
    }

    fn word(&self, word: ctc::Word) -> Word {
        let spelling = &self.model.metadata().vocabulary;
        let bytes = |token: usize| spelling.get(token).map(|text| text.as_bytes().to_vec());
        Word {
            text: format!(" {}", word.text),
            start: word.start as f32,
            end: word.end as f32,
            confidence: word.confidence,
            tokens: word
                .letters
                .into_iter()
                .map(|letter| Token {
                    // A vocabulary of letters is small.
                    id: letter.token as u32,
                    bytes: bytes(letter.token).unwrap_or_default(),
                    log_probability: letter.log_probability,
                })
                .collect(),
        }
    }
}
