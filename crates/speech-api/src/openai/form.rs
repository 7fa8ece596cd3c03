//! The forms of requests.

use axum::body::Bytes;
use http_api::Problem;
use http_api::problem::NO_TRANSLATION;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{check_name, language};
use crate::{RecognitionOptions, ServedModel};

/// A recording to transcribe.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TranscriptionForm {
    /// The recording: WAV, FLAC, MP3, OGG Vorbis, Opus in OGG or WebM, M4A/AAC. The format is recognised from the content.
    #[schema(value_type = String, format = Binary)]
    file: Bytes,
    /// The name of the model that this service has, or `whisper-1`.
    #[schema(example = "whisper-1", nullable = false)]
    model: Option<String>,
    /// The spoken language: its ISO 639-1 code or its English name. Without it, a multilingual model detects the language.
    #[schema(example = "en", nullable = false)]
    language: Option<String>,
    /// Text that the transcript continues: names, spellings, a style.
    #[schema(nullable = false)]
    prompt: Option<String>,
    #[schema(nullable = false)]
    response_format: Option<ResponseFormat>,
    /// 0 takes the likeliest words, and others only where these lead into a loop.
    #[schema(value_type = Option<f64>, nullable = false, minimum = 0, maximum = 1, example = 0)]
    temperature: Option<Temperature>,
    /// The parts of the transcript that have times, with `verbose_json`; with `stream`, `word` gives each piece its words.
    #[serde(default, rename = "timestamp_granularities[]")]
    timestamp_granularities: Vec<Granularity>,
    /// Whether to send the words as server-sent events while the rest is still being recognised. Only with `json`, and not
    /// in a job.
    #[schema(nullable = false)]
    stream: Option<bool>,
    /// Accepted and ignored: recordings are always cut at pauses.
    #[schema(value_type = Option<String>, nullable = false)]
    #[expect(dead_code)]
    chunking_strategy: Option<IgnoredAny>,
    /// Additional parts of the answer, with `json`.
    #[serde(default, rename = "include[]")]
    include: Vec<Include>,
}

/// A recording to translate.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TranslationForm {
    /// The recording: WAV, FLAC, MP3, OGG Vorbis, Opus in OGG or WebM, M4A/AAC. The format is recognised from the content.
    #[schema(value_type = String, format = Binary)]
    file: Bytes,
    /// The name of the model that this service has, or `whisper-1`.
    #[schema(example = "whisper-1", nullable = false)]
    model: Option<String>,
    /// English text that the translation continues: names, spellings, a style.
    #[schema(nullable = false)]
    prompt: Option<String>,
    #[schema(nullable = false)]
    response_format: Option<ResponseFormat>,
    /// 0 takes the likeliest words, and others only where these lead into a loop.
    #[schema(value_type = Option<f64>, nullable = false, minimum = 0, maximum = 1, example = 0)]
    temperature: Option<Temperature>,
}

/// The format of the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(default = "json")]
pub enum ResponseFormat {
    /// JSON with the text.
    #[default]
    Json,
    /// The text.
    Text,
    /// SubRip subtitles.
    Srt,
    /// JSON with the text, its times and more.
    VerboseJson,
    /// WebVTT subtitles.
    Vtt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Granularity {
    Word,
    Segment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Include {
    Logprobs,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "f32")]
struct Temperature(f32);

impl TryFrom<f32> for Temperature {
    type Error = &'static str;

    fn try_from(value: f32) -> Result<Self, &'static str> {
        let is_valid = (0.0..=1.0).contains(&value);
        is_valid
            .then_some(Self(value))
            .ok_or("must be a number from 0 to 1")
    }
}

/// A request that fits the model. Kept as the input of a job.
#[derive(Debug, Serialize, Deserialize)]
pub struct AudioRequest {
    /// The recording.
    pub file: Bytes,
    /// How it is recognised.
    pub options: RecognitionOptions,
    /// The format of the answer.
    pub format: ResponseFormat,
    /// Whether the answer has the tokens and their probabilities.
    pub logprobs: bool,
    /// Whether a verbose answer, or each piece of a stream, has the words.
    pub words: bool,
    /// Whether a verbose answer has the segments.
    pub segments: bool,
    /// Whether the words are sent as they are recognised.
    pub stream: bool,
}

impl TranscriptionForm {
    /// The request, for `model`.
    ///
    /// # Errors
    /// `invalid-parameter` for fields that exclude one another, `model-not-found`, `unsupported-language`.
    pub fn into_request(self, model: &ServedModel) -> Result<AudioRequest, Problem> {
        let format = self.response_format.unwrap_or_default();
        let granularities = self.timestamp_granularities;
        let logprobs = self.include.contains(&Include::Logprobs);
        let stream = self.stream.unwrap_or_default();
        let only_words = granularities.iter().all(|part| *part == Granularity::Word);
        let has_times = format == ResponseFormat::VerboseJson || (stream && only_words);
        if !granularities.is_empty() && !has_times {
            return Err(Problem::parameter(
                "timestamp_granularities",
                "needs response_format=verbose_json, or 'word' with stream",
            ));
        }
        for (name, is_asked) in [("include", logprobs), ("stream", stream)] {
            if is_asked && format != ResponseFormat::Json {
                return Err(Problem::parameter(name, "needs response_format=json"));
            }
        }
        if let Some(name) = &self.model {
            check_name(model, name)?;
        }
        let language = self.language.as_deref();
        let language = language.map(|name| language::find(&model.languages, name));
        Ok(AudioRequest {
            file: self.file,
            options: RecognitionOptions {
                translate: false,
                language: language.transpose()?.map(str::to_owned),
                prompt: self.prompt.unwrap_or_default(),
                temperature: self.temperature.map_or(0.0, |temperature| temperature.0),
            },
            format,
            logprobs,
            words: granularities.contains(&Granularity::Word),
            segments: granularities.is_empty() || granularities.contains(&Granularity::Segment),
            stream,
        })
    }
}

impl TranslationForm {
    /// The request, for `model`.
    ///
    /// # Errors
    /// `model-not-found`, `no-translation`.
    pub fn into_request(self, model: &ServedModel) -> Result<AudioRequest, Problem> {
        if let Some(name) = &self.model {
            check_name(model, name)?;
        }
        if !model.translates {
            let reason = match &*model.languages {
                [only] if only == "en" => "is English-only and cannot translate",
                _ => "does not translate",
            };
            let detail = format!(
                "the model '{}' {reason}; a multilingual Whisper does: make model MODEL=openai/whisper-tiny",
                model.name
            );
            return Err(Problem::new(NO_TRANSLATION, detail).with("parameter", "model"));
        }
        Ok(AudioRequest {
            file: self.file,
            options: RecognitionOptions {
                translate: true,
                language: None,
                prompt: self.prompt.unwrap_or_default(),
                temperature: self.temperature.map_or(0.0, |temperature| temperature.0),
            },
            format: self.response_format.unwrap_or_default(),
            logprobs: false,
            words: false,
            segments: true,
            stream: false,
        })
    }
}

#[cfg(test)]
mod tests;
