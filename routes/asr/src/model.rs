//! The model, which is in another component.

use std::cell::OnceCell;
use std::ops::Range;
use std::rc::Rc;

use http_api::Problem;
use http_api::problem::UNSUPPORTED_LANGUAGE;
use serde::{Deserialize, Serialize};
use speech::audio::{Channels, Recording, SAMPLE_RATE};
use speech::pipeline::{Progress, Recognition};
use speech::transcript::Transcript;
use speech::{Heard, Token, Word};

use crate::bindings::routelets::recognizer::recognizer::{self, Error, Options, Task};

thread_local! {
    // An instance is composed with one recogniser, so what that says of itself does not change.
    static MODEL: OnceCell<Rc<Model>> = const { OnceCell::new() };
}

/// The model that is served.
pub(crate) struct Model {
    pub(crate) name: String,
    /// In seconds since 1970.
    pub(crate) created: u64,
    /// Codes of the languages that it recognises.
    pub(crate) languages: Vec<String>,
    /// Whether it translates into English.
    pub(crate) translates: bool,
    /// Samples that it takes at a time.
    window: Range<usize>,
}

/// What a client wants of the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Wish {
    /// Whether to translate into English.
    pub(crate) translate: bool,
    /// The code of the language that is spoken, if that is known.
    pub(crate) language: Option<String>,
    /// Text that the transcript is to continue.
    pub(crate) prompt: String,
    /// From 0 to 1.
    pub(crate) temperature: f32,
}

impl Model {
    /// The model of the recogniser that this component is composed with.
    pub(crate) async fn get() -> Result<Rc<Self>, Problem> {
        if let Some(model) = MODEL.with(|cell| cell.get().cloned()) {
            return Ok(model);
        }
        let model = Rc::new(Self::describe().await?);
        Ok(MODEL.with(|cell| Rc::clone(cell.get_or_init(|| model))))
    }

    async fn describe() -> Result<Self, Problem> {
        let model = recognizer::describe().await;
        if model.sample_rate != SAMPLE_RATE {
            return Err(failed(format_args!(
                "the recogniser takes {} samples a second, not {SAMPLE_RATE}",
                model.sample_rate
            )));
        }
        Ok(Self {
            window: model.minimum_samples as usize..model.maximum_samples as usize,
            name: model.name,
            created: model.created,
            languages: model.languages,
            translates: model.translates,
        })
    }

    /// Begins to recognise one channel.
    pub(crate) async fn begin(&self, samples: Vec<f32>) -> Recognition {
        Recognition::new(samples, self.window.clone(), guest::pause).await
    }

    /// Everything that is said in a recording, in the time of its player; `report` hears how far the recognition has come.
    pub(crate) async fn transcribe(
        &self,
        recording: Recording,
        channels: Channels,
        wish: &Wish,
        report: impl Fn(Progress),
    ) -> Result<Transcript, Problem> {
        let offset = recording.offset.as_secs_f64();
        let mut transcripts = Vec::new();
        for samples in recording.channels {
            let mut recognition = self.begin(samples).await;
            report(recognition.progress());
            while self.step(&mut recognition, wish).await?.is_some() {
                report(recognition.progress());
            }
            transcripts.push(recognition.finish().delayed(offset));
        }
        Ok(match channels {
            Channels::Mixed => transcripts
                .pop()
                .unwrap_or_else(|| Transcript::new(Vec::new(), 0)),
            Channels::Split => Transcript::of_channels(transcripts),
        })
    }

    /// Recognises the next window; see [`Recognition::step`].
    pub(crate) async fn step<'r>(
        &self,
        recognition: &'r mut Recognition,
        wish: &Wish,
    ) -> Result<Option<&'r [Word]>, Problem> {
        let recognise = async |samples: &[f32], language: Option<&str>| {
            let options = Options {
                task: if wish.translate {
                    Task::Translate
                } else {
                    Task::Transcribe
                },
                language: wish
                    .language
                    .clone()
                    .or_else(|| language.map(str::to_owned)),
                prompt: wish.prompt.clone(),
                temperature: wish.temperature,
            };
            let heard = recognizer::recognize(samples.to_vec(), options).await;
            heard.map(Heard::from).map_err(|error| match error {
                Error::Unsupported(reason) => Problem::new(UNSUPPORTED_LANGUAGE, reason),
                Error::WrongLength => failed(format_args!("{} samples are refused", samples.len())),
                Error::Failed(reason) => failed(reason),
            })
        };
        recognition.step(recognise).await
    }
}

impl From<recognizer::Recognition> for Heard {
    fn from(recognition: recognizer::Recognition) -> Self {
        let mut words = Vec::new();
        for segment in recognition.segments {
            let (temperature, no_speech) = (segment.temperature, segment.no_speech_probability);
            words.extend(segment.words.into_iter().map(|word| Word {
                text: word.text,
                start: word.start.into(),
                end: word.end.into(),
                confidence: word.confidence.into(),
                tokens: word.tokens.into_iter().map(Token::from).collect(),
                temperature: temperature.into(),
                no_speech_probability: no_speech.into(),
                channel: None,
            }));
        }
        Self {
            language: recognition.language,
            no_speech_probability: recognition.no_speech_probability.into(),
            words,
        }
    }
}

impl From<recognizer::Token> for Token {
    fn from(token: recognizer::Token) -> Self {
        Self {
            id: token.id,
            bytes: token.bytes,
            log_probability: token.log_probability.into(),
        }
    }
}

/// The recogniser contradicts itself: no client can cause this.
fn failed(error: impl std::fmt::Display) -> Problem {
    Problem::internal(error.to_string())
}
