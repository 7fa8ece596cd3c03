//! The acoustic model, which is another component.

use std::cell::OnceCell;
use std::rc::Rc;

use http_api::Problem;
use http_api::problem::INTERNAL;
use speech::audio::{Recording, SAMPLE_RATE};
use speech::ctc::{Vocabulary, Word};
use speech::language_model::LanguageModel;
use speech::pipeline::{Progress, Reader, Recognition, Scores};
use speech::transcript::Transcript;

use crate::bindings::routelets::recognizer::recognizer::{self, Error};

/// Words and what follows them, made by `models/speech/language_model.py`.
static LANGUAGE_MODEL: &[u8] = include_bytes!("../../../../models/speech/language_model.bin");

thread_local! {
    // An instance is composed with one recogniser, so what that says of itself does not change.
    static MODEL: OnceCell<Rc<Model>> = const { OnceCell::new() };
}

/// The model that is served.
pub(crate) struct Model {
    pub(crate) name: String,
    /// In seconds since 1970.
    pub(crate) created: u64,
    tokens: Vec<String>,
    reader: Reader,
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
            reader: Reader {
                vocabulary: Vocabulary::new(&model.vocabulary).map_err(failed)?,
                stride: model.stride,
                minimum_samples: model.minimum_samples as usize,
                language_model: Some(LanguageModel::from_bytes(LANGUAGE_MODEL).map_err(failed)?),
            },
            name: model.name,
            created: model.created,
            tokens: model.vocabulary,
        })
    }

    /// The tokens that spell `text`.
    pub(crate) fn tokens(&self, text: &str) -> Vec<usize> {
        let token = |letter: char| {
            let mut buffer = [0; 4];
            let wanted: &str = match letter {
                ' ' => "|",
                letter => letter.encode_utf8(&mut buffer),
            };
            self.tokens.iter().position(|token| token == wanted)
        };
        text.chars().filter_map(token).collect()
    }

    /// Everything that is said in a recording; `report` hears how far the recognition has come.
    pub(crate) async fn transcribe(
        &self,
        recording: Recording,
        report: impl Fn(Progress),
    ) -> Result<Transcript, Problem> {
        let mut recognition = Recognition::new(recording.samples, guest::pause).await;
        report(recognition.progress());
        while self.step(&mut recognition).await?.is_some() {
            report(recognition.progress());
        }
        Ok(recognition.finish())
    }

    /// Recognises the next piece; see [`Recognition::step`].
    pub(crate) async fn step<'r>(
        &self,
        recognition: &'r mut Recognition,
    ) -> Result<Option<&'r [Word]>, Problem> {
        let step = recognition.step(&self.reader, score, guest::pause).await;
        step.map_err(failed)
    }
}

async fn score(samples: &[f32]) -> Result<Scores, String> {
    match recognizer::recognize(samples.to_vec()).await {
        Ok(emissions) => Ok(Scores {
            frames: emissions.frames as usize,
            logits: emissions.logits,
        }),
        Err(Error::TooShort(minimum)) => Err(format!(
            "{} samples are fewer than {minimum}",
            samples.len()
        )),
        Err(Error::Failed(reason)) => Err(reason),
    }
}

/// The recogniser contradicts itself: no client can cause this.
fn failed(error: impl std::fmt::Display) -> Problem {
    Problem::new(INTERNAL, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_model_is_one() {
        assert!(LanguageModel::from_bytes(LANGUAGE_MODEL).is_ok());
    }
}
