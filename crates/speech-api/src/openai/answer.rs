//! The answers to transcriptions and translations.

use axum::Json;
use axum::response::{IntoResponse, Response};
use compression_ratio::compression_ratio;
use serde::Serialize;
use speech::Word;
use speech::transcript::{Segment, Transcript};
use utoipa::ToSchema;

use super::form::{AudioRequest, ResponseFormat};
use super::language;
use crate::text::rounded;
use crate::{AudioWarning, RecognitionOptions, ServedModel, TextFormat};

/// A transcript as `json`.
#[derive(Debug, Serialize, ToSchema)]
// Or a verbose one would match this schema, too.
#[serde(deny_unknown_fields)]
pub struct PlainTranscription {
    /// The words; empty where nobody speaks.
    text: String,
    /// The tokens and their probabilities, with `include[]=logprobs`.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Vec<LogProb>>,
    usage: Usage,
}

/// A transcript with times, as `verbose_json`.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerboseTranscription {
    #[schema(example = "transcribe")]
    task: &'static str,
    /// The English name of the language of the text; `unknown` where nobody speaks and the model knows several.
    #[schema(example = "english")]
    language: String,
    /// Seconds.
    duration: f64,
    /// The words; empty where nobody speaks.
    text: String,
    /// With the granularity `word`.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vec<WordObject>>,
    /// With the granularity `segment`, or without a granularity.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<Vec<SegmentObject>>,
    /// The probability that nobody speaks in the whole recording.
    #[schema(minimum = 0, maximum = 1)]
    no_speech_prob: f64,
    usage: Usage,
    /// What is missing from the recording or damaged, if anything is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<AudioWarning>,
}

/// A transcript as JSON.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum TranscriptionAnswer {
    /// With `response_format=json`.
    Plain(PlainTranscription),
    /// With `response_format=verbose_json`.
    Verbose(VerboseTranscription),
}

/// A word and its times in seconds.
#[derive(Debug, Serialize, ToSchema)]
struct WordObject {
    word: String,
    start: f64,
    end: f64,
}

/// A token that the model decoded.
#[derive(Debug, Serialize, ToSchema)]
pub struct LogProb {
    /// Its text; U+FFFD where it is a part of a character.
    #[schema(example = " letter")]
    token: String,
    /// The logarithm of its probability.
    #[schema(example = -0.02, maximum = 0)]
    logprob: f64,
    /// Its bytes.
    bytes: Vec<u8>,
}

/// A sentence, or a part of one, and its times in seconds.
#[derive(Debug, Serialize, ToSchema)]
struct SegmentObject {
    /// Its index among the segments.
    id: usize,
    /// Where it begins, in hundredths of a second.
    seek: u64,
    start: f64,
    end: f64,
    text: String,
    /// The tokens of the model that spell the text.
    tokens: Vec<u32>,
    temperature: f64,
    /// Mean of the logarithms of the tokens' probabilities.
    avg_logprob: f64,
    /// The length of the text, divided by its length when compressed by zlib.
    compression_ratio: f64,
    /// The probability that nobody speaks.
    no_speech_prob: f64,
}

/// The usage of the request.
#[derive(Debug, Serialize, ToSchema)]
struct Usage {
    #[serde(rename = "type")]
    #[schema(example = "duration")]
    kind: &'static str,
    /// The duration, rounded up.
    seconds: u64,
}

impl AudioRequest {
    /// The answer in the format of the request. `pause` is awaited between portions of the work.
    pub async fn answer(
        &self,
        model: &ServedModel,
        transcript: &Transcript,
        warnings: &[AudioWarning],
        pause: impl AsyncFn(),
    ) -> Response {
        let text = |format: TextFormat| format.respond(transcript);
        let answer = match self.format {
            ResponseFormat::Text => return text(TextFormat::Plain),
            ResponseFormat::Srt => return text(TextFormat::Srt),
            ResponseFormat::Vtt => return text(TextFormat::Vtt),
            ResponseFormat::Json => TranscriptionAnswer::Plain(PlainTranscription {
                text: transcript.text(),
                logprobs: self.logprobs.then(|| log_probs(&transcript.words)),
                usage: usage(transcript),
            }),
            ResponseFormat::VerboseJson => {
                TranscriptionAnswer::Verbose(self.verbose(model, transcript, warnings, pause).await)
            }
        };
        Json(answer).into_response()
    }

    async fn verbose(
        &self,
        model: &ServedModel,
        transcript: &Transcript,
        warnings: &[AudioWarning],
        pause: impl AsyncFn(),
    ) -> VerboseTranscription {
        let mut segments = Vec::new();
        if self.segments {
            for (id, segment) in transcript.segments.iter().enumerate() {
                segments.push(segment_object(id, segment, transcript));
                pause().await;
            }
        }
        let words = || transcript.words.iter().map(word_object).collect();
        VerboseTranscription {
            task: match self.options.translate {
                true => "translate",
                false => "transcribe",
            },
            language: language_of(model, &self.options, transcript).to_owned(),
            duration: rounded(transcript.duration, 100.0),
            text: transcript.text(),
            words: self.words.then(words),
            segments: self.segments.then_some(segments),
            no_speech_prob: rounded(transcript.no_speech_probability, 1000.0),
            usage: usage(transcript),
            warnings: warnings.to_vec(),
        }
    }
}

/// The tokens of words.
pub(super) fn log_probs(words: &[Word]) -> Vec<LogProb> {
    let tokens = words.iter().flat_map(|word| &word.tokens);
    tokens
        .map(|token| LogProb {
            token: String::from_utf8_lossy(&token.bytes).into_owned(),
            // JSON has no infinity.
            logprob: rounded(token.log_probability.max(-9999.0), 10_000.0),
            bytes: token.bytes.clone(),
        })
        .collect()
}

/// The name of the language of the text.
fn language_of<'t>(
    model: &'t ServedModel,
    options: &'t RecognitionOptions,
    transcript: &'t Transcript,
) -> &'t str {
    if options.translate {
        return language::name("en");
    }
    let only = match &*model.languages {
        [only] => Some(only),
        _ => None,
    };
    let known = transcript.language.as_ref().or(options.language.as_ref());
    known
        .or(only)
        .map_or("unknown", |code| language::name(code))
}

fn word_object(word: &Word) -> WordObject {
    WordObject {
        word: word.text.trim().to_owned(),
        start: rounded(word.start, 100.0),
        end: rounded(word.end, 100.0),
    }
}

fn segment_object(id: usize, segment: &Segment, transcript: &Transcript) -> SegmentObject {
    let words = transcript
        .words
        .get(segment.words.clone())
        .unwrap_or_default();
    SegmentObject {
        id,
        // A time is not negative, and the casts of others saturate.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        seek: (segment.start * 100.0) as u64,
        start: rounded(segment.start, 100.0),
        end: rounded(segment.end, 100.0),
        text: segment.text.clone(),
        tokens: words
            .iter()
            .flat_map(|word| &word.tokens)
            .map(|token| token.id)
            .collect(),
        temperature: rounded(segment.temperature, 100.0),
        avg_logprob: rounded(segment.average_log_probability, 10_000.0),
        compression_ratio: rounded(compression_ratio(&segment.text).into(), 1000.0),
        no_speech_prob: rounded(segment.no_speech_probability, 1000.0),
    }
}

fn usage(transcript: &Transcript) -> Usage {
    Usage {
        kind: "duration",
        // A duration is not negative and far from the largest integer.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        seconds: transcript.duration.ceil() as u64,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use speech::Token;

    use super::*;

    #[test]
    fn tokens_are_text_and_bytes() {
        let token = |bytes: &[u8], log_probability| Token {
            id: 1,
            bytes: bytes.to_vec(),
            log_probability,
        };
        let word = Word {
            tokens: vec![token(b" caf", -0.25), token(b"\xc3", f64::NEG_INFINITY)],
            ..Word::default()
        };
        assert_eq!(
            serde_json::to_value(log_probs(&[word])).expect("JSON"),
            json!([
                {"token": " caf", "logprob": -0.25, "bytes": [32, 99, 97, 102]},
                {"token": "\u{fffd}", "logprob": -9999.0, "bytes": [195]},
            ])
        );
    }
}
