//! What a transcription or a translation is answered with.

use axum::Json;
use axum::response::{IntoResponse, Response};
use compression_ratio::compression_ratio;
use serde::Serialize;
use speech::Word;
use speech::transcript::{Segment, Transcript};
use utoipa::ToSchema;

use super::form::{Order, ResponseFormat};
use super::language;
use crate::model::{Model, Wish};
use crate::text::{TextFormat, rounded};
use crate::warnings::AudioWarning;

/// What is said, as `json`.
#[derive(Debug, Serialize, ToSchema)]
// The schema of one is not that of the other.
#[serde(deny_unknown_fields)]
pub(super) struct PlainTranscription {
    /// The words; empty where nothing is said.
    text: String,
    /// The tokens and how likely they are, where asked for by `include[]=logprobs`.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Vec<LogProb>>,
    usage: Usage,
}

/// What is said, and when, as `verbose_json`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct VerboseTranscription {
    #[schema(example = "transcribe")]
    task: &'static str,
    /// The English name of the language of the text; `unknown` where nothing is said and the model knows several.
    #[schema(example = "english")]
    language: String,
    /// Seconds.
    duration: f64,
    /// The words; empty where nothing is said.
    text: String,
    /// With the granularity `word`.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vec<WordObject>>,
    /// With the granularity `segment`, and without any.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    segments: Option<Vec<SegmentObject>>,
    /// How likely nobody speaks in the whole recording.
    #[schema(minimum = 0, maximum = 1)]
    no_speech_prob: f64,
    usage: Usage,
    /// What is missing in the recording, or broken, if anything is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<AudioWarning>,
}

/// What is said, as `json` or `verbose_json`.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)] // Describes the answer in the OpenAPI document.
pub(super) enum TranscriptionAnswer {
    Plain(PlainTranscription),
    Verbose(VerboseTranscription),
}

/// A server-sent event of a transcription with `stream`.
#[derive(ToSchema)]
#[allow(dead_code)] // Describes the answer in the OpenAPI document.
pub(super) struct TranscriptionEvent {
    /// JSON: `type` is `transcript.text.delta`, with the further text in `delta`, or at the end
    /// `transcript.text.done`, with the whole of it in `text`; both with `logprobs` where asked for.
    #[schema(example = r#"{"type":"transcript.text.delta","delta":"Please write a letter"}"#)]
    data: String,
}

/// A word and when it is said, in seconds.
#[derive(Debug, Serialize, ToSchema)]
struct WordObject {
    word: String,
    start: f64,
    end: f64,
}

/// A token of the model, as it was decoded.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LogProb {
    /// Its text; where it is part of a character, U+FFFD.
    #[schema(example = " letter")]
    token: String,
    /// The logarithm of its probability.
    #[schema(example = -0.02, maximum = 0)]
    logprob: f64,
    /// Its bytes.
    bytes: Vec<u8>,
}

/// A sentence, or a part of one, and when it is said, in seconds.
#[derive(Debug, Serialize, ToSchema)]
struct SegmentObject {
    /// Its place among the segments.
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
    /// How likely nobody speaks.
    no_speech_prob: f64,
}

/// What was used up.
#[derive(Debug, Serialize, ToSchema)]
struct Usage {
    #[serde(rename = "type")]
    #[schema(example = "duration")]
    kind: &'static str,
    /// The duration, rounded up.
    seconds: u64,
}

/// The answer in the format that was asked for.
pub(super) async fn respond(
    model: &Model,
    order: &Order,
    transcript: &Transcript,
    warnings: &[AudioWarning],
) -> Response {
    match order.format {
        ResponseFormat::Json => Json(PlainTranscription {
            text: transcript.text(),
            logprobs: order.logprobs.then(|| log_probs(&transcript.words)),
            usage: usage(transcript),
        })
        .into_response(),
        ResponseFormat::VerboseJson => {
            let verbose = verbose(model, order, transcript, warnings).await;
            Json(verbose).into_response()
        }
        ResponseFormat::Text => TextFormat::Plain.respond(transcript),
        ResponseFormat::Srt => TextFormat::Srt.respond(transcript),
        ResponseFormat::Vtt => TextFormat::Vtt.respond(transcript),
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

async fn verbose(
    model: &Model,
    order: &Order,
    transcript: &Transcript,
    warnings: &[AudioWarning],
) -> VerboseTranscription {
    let mut segments = Vec::new();
    if order.segments {
        for (id, segment) in transcript.segments.iter().enumerate() {
            segments.push(segment_object(id, segment, transcript));
            guest::pause().await;
        }
    }
    VerboseTranscription {
        task: if order.wish.translate {
            "translate"
        } else {
            "transcribe"
        },
        language: spoken(model, &order.wish, transcript).to_owned(),
        duration: rounded(transcript.duration, 100.0),
        text: transcript.text(),
        words: order
            .words
            .then(|| transcript.words.iter().map(word_object).collect()),
        segments: order.segments.then_some(segments),
        no_speech_prob: rounded(transcript.no_speech_probability, 1000.0),
        usage: usage(transcript),
        warnings: warnings.to_vec(),
    }
}

/// The name of the language of the text.
fn spoken<'t>(model: &'t Model, wish: &'t Wish, transcript: &'t Transcript) -> &'t str {
    let only = match &*model.languages {
        [only] => Some(only),
        _ => None,
    };
    if wish.translate {
        return language::name("en");
    }
    transcript
        .language
        .as_ref()
        .or(wish.language.as_ref())
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
