//! The model, which is another component.

use std::cell::OnceCell;
use std::ops::Range;
use std::rc::Rc;
use std::time::{Duration, Instant};

use guest::Span;
use http_api::Problem;
use http_api::problem::UNSUPPORTED_LANGUAGE;
use speech::audio::SAMPLE_RATE;
use speech::pipeline::{Cutting, Recognition};
use speech::{Heard, Token, Word};
use speech_api::{RecognitionOptions, ServedModel};

use crate::bindings::routelets::recognizer::recognizer::{self, Error, Options, Task};

thread_local! {
    // An instance is composed with one recogniser, whose description does not change.
    static MODEL: OnceCell<Rc<Model>> = const { OnceCell::new() };
}

/// The model of the recogniser that this component is composed with.
pub(crate) struct Model {
    pub(crate) served: ServedModel,
    /// Samples that it takes at a time.
    window: Range<usize>,
}

impl Model {
    /// The model; asked for once in an instance.
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
            served: ServedModel {
                name: model.name,
                created: model.created,
                languages: model.languages,
                translates: model.translates,
            },
        })
    }

    /// Begins to cut one channel.
    pub(crate) fn cut(&self) -> Cutting {
        Cutting::new(self.window.clone())
    }

    /// Begins to recognise one channel.
    pub(crate) async fn begin(&self, samples: Vec<f32>) -> Recognition {
        Recognition::new(samples, self.window.clone(), guest::pause).await
    }

    /// Recognises a window. `language` is that of the windows before it.
    pub(crate) async fn recognise(
        samples: &[f32],
        language: Option<&str>,
        options: &RecognitionOptions,
    ) -> Result<Heard, Problem> {
        let language = options.language.as_deref().or(language);
        let options = Options {
            task: match options.translate {
                true => Task::Translate,
                false => Task::Transcribe,
            },
            language: language.map(str::to_owned),
            prompt: options.prompt.clone(),
            temperature: options.temperature,
        };
        let sound = Duration::from_secs_f64(samples.len() as f64 / f64::from(SAMPLE_RATE));
        let mut span = Span::begin("recognition");
        span.set("speech.seconds", sound.as_secs_f64());
        let start = Instant::now();
        let heard = recognizer::recognize(samples.to_vec(), options).await;
        match &heard {
            Ok(heard) => span.set("speech.language", heard.language.as_str()),
            Err(error) => span.failed(format!("{error:?}")),
        }
        drop(span);
        guest::jobs::recognised(sound, start.elapsed()).await;
        heard.map(Heard::from).map_err(|error| match error {
            Error::Unsupported(reason) => Problem::new(UNSUPPORTED_LANGUAGE, reason),
            Error::WrongLength => failed(format_args!("{} samples are refused", samples.len())),
            Error::Failed(reason) => failed(reason),
        })
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

/// The recogniser contradicts its own description: no client can cause this.
fn failed(error: impl std::fmt::Display) -> Problem {
    Problem::internal(error.to_string())
}
