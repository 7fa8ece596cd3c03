//! `POST /v1/audio/transcriptions`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use guest::LocalFuture;
use http_api::problem::{
    AUDIO_TOO_LONG, CONTENT_TOO_LARGE, CORRUPT_AUDIO, DUPLICATE_FIELD, EMPTY_FILE, FIELD_TOO_LARGE,
    IDEMPOTENCY_KEY_REUSED, INVALID_MULTIPART, INVALID_PARAMETER, INVALID_REQUEST_BODY,
    INVALID_TEXT, MISSING_BOUNDARY, MISSING_FILE, MODEL_NOT_FOUND, NOT_AUDIO, STORE_UNAVAILABLE,
    TOO_MANY_JOBS, TOO_MANY_PARTS, TRUNCATED_MULTIPART, UNNAMED_PART, UNSUPPORTED_CODEC,
    UNSUPPORTED_LANGUAGE, UNSUPPORTED_MEDIA_TYPE, WEBHOOK_NOT_ALLOWED,
};
use http_api::{Form, Problem, Work};
use serde::Serialize;
use speech::Word;
use speech::audio::{Channels, Recording};
use speech::transcript::{Segment, Transcript};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::error::openai_errors;
use super::form::{Order, ResponseFormat, TranscriptionForm};
use super::models::check_name;
use super::stream;
use crate::audio::Allowance;
use crate::model::{Model, Wish};
use crate::text::{TextFormat, progress, rounded};

openai_errors!(
    Errors = [
        INVALID_REQUEST_BODY,
        UNSUPPORTED_MEDIA_TYPE,
        MISSING_BOUNDARY,
        TRUNCATED_MULTIPART,
        INVALID_MULTIPART,
        UNNAMED_PART,
        INVALID_TEXT,
        DUPLICATE_FIELD,
        INVALID_PARAMETER,
        UNSUPPORTED_LANGUAGE,
        MISSING_FILE,
        EMPTY_FILE,
        NOT_AUDIO,
        UNSUPPORTED_CODEC,
        CORRUPT_AUDIO,
        MODEL_NOT_FOUND,
        CONTENT_TOO_LARGE,
        TOO_MANY_PARTS,
        FIELD_TOO_LARGE,
        AUDIO_TOO_LONG,
        IDEMPOTENCY_KEY_REUSED,
        WEBHOOK_NOT_ALLOWED,
        TOO_MANY_JOBS,
        STORE_UNAVAILABLE,
    ]
);

/// What is said, as `json`.
#[derive(Debug, Serialize, ToSchema)]
// The schema of one is not that of the other.
#[serde(deny_unknown_fields)]
struct PlainTranscription {
    /// The words; empty where nothing is said.
    text: String,
    usage: Usage,
}

/// What is said, and when, as `verbose_json`.
#[derive(Debug, Serialize, ToSchema)]
struct VerboseTranscription {
    #[schema(example = "transcribe")]
    task: &'static str,
    #[schema(example = "english")]
    language: &'static str,
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
    usage: Usage,
}

/// What is said, as `json` or `verbose_json`.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)] // Describes the answer in the OpenAPI document.
enum TranscriptionAnswer {
    Plain(PlainTranscription),
    Verbose(VerboseTranscription),
}

/// A server-sent event of a transcription with `stream`.
#[derive(ToSchema)]
#[allow(dead_code)] // Describes the answer in the OpenAPI document.
struct TranscriptionEvent {
    /// JSON: `type` is `transcript.text.delta`, with the further text in `delta`, or at the end
    /// `transcript.text.done`, with the whole of it in `text`.
    #[schema(example = r#"{"type":"transcript.text.delta","delta":"SEVEN TIMES NINE"}"#)]
    data: String,
}

/// A word and when it is said, in seconds.
#[derive(Debug, Serialize, ToSchema)]
struct WordObject {
    word: String,
    start: f64,
    end: f64,
}

/// Words between two pauses, and when they are said, in seconds.
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

/// The words in a recording, by OpenAI's API.
///
/// With `stream` the answer is a stream of server-sent events: `transcript.text.delta` for each piece,
/// as soon as it is recognised, then `transcript.text.done`. Nothing of what is sent is kept.
#[utoipa::path(
    post,
    path = "/v1/audio/transcriptions",
    tag = "speech",
    params(deferral::DeferralHeaders, deferral::DeferralQuery),
    request_body(content = TranscriptionForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "What is said", content(
            (TranscriptionAnswer = "application/json", example = json!({
                "text": "SEVEN TIMES NINE IS SIXTY THREE",
                "usage": {"type": "duration", "seconds": 3},
            })),
            (String = "text/plain"),
            (String = "application/x-subrip"),
            (String = "text/vtt"),
            (TranscriptionEvent = "text/event-stream"),
        )),
        (status = 202, description = "With `Prefer: respond-async`: the job", body = deferral::JobView),
        Errors
    )
)]
async fn create_transcription(work: Work, request: Request) -> Result<Response, Problem> {
    LocalFuture::new(answer(&work, request)).await
}

async fn answer(work: &Work, request: Request) -> Result<Response, Problem> {
    let busy = request.extensions().get().cloned().unwrap_or_default();
    let mut order = Order::from_form(&Form::from_request(request, &()).await?)?;
    let model = Model::get().await?;
    if let Some(name) = &order.model {
        check_name(&model, name)?;
    }
    if order.stream && work.is_job() {
        let reason = "cannot be sent with 'Prefer: respond-async'; leave out one of the two";
        return Err(Problem::parameter("stream", reason));
    }
    let file = std::mem::take(&mut order.file);
    let recording = decode(work, file).await;
    let recording = recording.map_err(|problem| problem.with("parameter", "file"))?;
    let wish = Wish {
        temperature: order.temperature as f32,
        ..Wish::default()
    };
    if order.stream {
        return Ok(stream::respond(model, recording, wish, busy).await);
    }
    let report = |p| work.report(|| progress(p));
    let transcript = model
        .transcribe(recording.into_samples(), &wish, report)
        .await?;
    Ok(match order.format {
        ResponseFormat::Json => Json(PlainTranscription {
            text: transcript.text(),
            usage: usage(&transcript),
        })
        .into_response(),
        ResponseFormat::VerboseJson => Json(verbose(&order, &transcript).await).into_response(),
        ResponseFormat::Text => TextFormat::Plain.respond(&transcript),
        ResponseFormat::Srt => TextFormat::Srt.respond(&transcript),
        ResponseFormat::Vtt => TextFormat::Vtt.respond(&transcript),
    })
}

async fn decode(work: &Work, file: Bytes) -> Result<Recording, Problem> {
    let mut allowance = Allowance::new(work).await;
    allowance.start(work, &file, Channels::Mixed).await?;
    allowance
        .decode(file, Channels::Mixed, |p| work.report(|| p))
        .await
}

async fn verbose(order: &Order, transcript: &Transcript) -> VerboseTranscription {
    let mut segments = Vec::new();
    if order.segments {
        for (id, segment) in transcript.segments.iter().enumerate() {
            segments.push(segment_object(id, segment, transcript));
            guest::pause().await;
        }
    }
    VerboseTranscription {
        task: "transcribe",
        language: "english",
        duration: rounded(transcript.duration, 100.0),
        text: transcript.text(),
        words: order
            .words
            .then(|| transcript.words.iter().map(word_object).collect()),
        segments: order.segments.then_some(segments),
        usage: usage(transcript),
    }
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
    let first = words.first();
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
        temperature: first.map_or(0.0, |word| word.temperature),
        avg_logprob: rounded(segment.average_log_probability, 10_000.0),
        compression_ratio: rounded(compression_ratio(&segment.text), 1000.0),
        no_speech_prob: rounded(first.map_or(0.0, |word| word.no_speech_probability), 1000.0),
    }
}

/// As Whisper computes it, to notice text that repeats itself.
fn compression_ratio(text: &str) -> f64 {
    let compressed = miniz_oxide::deflate::compress_to_vec_zlib(text.as_bytes(), 6);
    text.len() as f64 / compressed.len().max(1) as f64
}

fn usage(transcript: &Transcript) -> Usage {
    Usage {
        kind: "duration",
        // A duration is not negative and far from the largest integer.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        seconds: transcript.duration.ceil() as u64,
    }
}

pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(create_transcription))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetition_shows_in_the_compression_ratio() {
        assert!(compression_ratio("SEVEN TIMES NINE IS SIXTY THREE") < 1.2);
        assert!(compression_ratio(&"SEVEN ".repeat(50)) > 2.4);
        assert!(compression_ratio("").abs() < 1e-9);
    }
}
