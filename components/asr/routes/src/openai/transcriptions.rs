//! `POST /v1/audio/transcriptions` and `POST /v1/audio/translations`.

use axum::extract::{FromRequest, Request};
use axum::response::Response;
use guest::LocalFuture;
use http_api::problem::{
    AUDIO_TOO_LONG, CONTENT_TOO_LARGE, CORRUPT_AUDIO, DUPLICATE_FIELD, EMPTY_FILE, FIELD_TOO_LARGE,
    IDEMPOTENCY_KEY_REUSED, INVALID_MULTIPART, INVALID_PARAMETER, INVALID_REQUEST_BODY,
    INVALID_TEXT, MISSING_BOUNDARY, MISSING_FILE, MODEL_NOT_FOUND, NO_TRANSLATION, NOT_AUDIO,
    ProblemType, STORE_UNAVAILABLE, TOO_MANY_JOBS, TOO_MANY_PARTS, TRUNCATED_MULTIPART,
    UNNAMED_PART, UNSUPPORTED_CODEC, UNSUPPORTED_LANGUAGE, UNSUPPORTED_MEDIA_TYPE,
    WEBHOOK_NOT_ALLOWED,
};
use http_api::{Form, Problem, Work};
use speech::audio::{Channels, Recording};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer::{self, TranscriptionAnswer, TranscriptionEvent};
use super::error::openai_errors;
use super::form::{Order, TranscriptionForm, TranslationForm};
use super::models::check_name;
use super::{language, stream};
use crate::audio::Allowance;
use crate::model::{Model, Wish};
use crate::text::progress;
use crate::warnings::{AudioWarning, tell_of_one};

/// What may be wrong with either request.
const ERRORS: &[ProblemType] = &[
    INVALID_REQUEST_BODY,
    UNSUPPORTED_MEDIA_TYPE,
    MISSING_BOUNDARY,
    TRUNCATED_MULTIPART,
    INVALID_MULTIPART,
    UNNAMED_PART,
    INVALID_TEXT,
    DUPLICATE_FIELD,
    INVALID_PARAMETER,
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
];
openai_errors!(TranscriptionErrors = ERRORS, [UNSUPPORTED_LANGUAGE]);
openai_errors!(TranslationErrors = ERRORS, [NO_TRANSLATION]);

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
        (status = 200, description = "What is said", headers(
            ("Audio-Warnings" = String, description = "What is missing in the recording, or broken, if anything is: a structured list \
                (RFC 9651) of the codes of `warnings`, with their `at` and `seconds`"),
        ), content(
            (TranscriptionAnswer = "application/json", example = json!({
                "text": "Please write a letter to my friend.",
                "usage": {"type": "duration", "seconds": 3},
            })),
            (String = "text/plain"),
            (String = "application/x-subrip"),
            (String = "text/vtt"),
            (TranscriptionEvent = "text/event-stream"),
        )),
        (status = 202, description = "With `Prefer: respond-async`: the job", body = deferral::JobView),
        TranscriptionErrors
    )
)]
async fn create_transcription(work: Work, request: Request) -> Result<Response, Problem> {
    LocalFuture::new(transcribe(&work, request)).await
}

/// The words in a recording, in English, by OpenAI's API.
///
/// Needs a model of several languages. Nothing of what is sent is kept.
#[utoipa::path(
    post,
    path = "/v1/audio/translations",
    tag = "speech",
    params(deferral::DeferralHeaders, deferral::DeferralQuery),
    request_body(content = TranslationForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "What is said, in English", headers(
            ("Audio-Warnings" = String, description = "What is missing in the recording, or broken, if anything is: a structured list \
                (RFC 9651) of the codes of `warnings`, with their `at` and `seconds`"),
        ), content(
            (TranscriptionAnswer = "application/json", example = json!({
                "text": "Please write a letter to my friend.",
                "usage": {"type": "duration", "seconds": 3},
            })),
            (String = "text/plain"),
            (String = "application/x-subrip"),
            (String = "text/vtt"),
        )),
        (status = 202, description = "With `Prefer: respond-async`: the job", body = deferral::JobView),
        TranslationErrors
    )
)]
async fn create_translation(work: Work, request: Request) -> Result<Response, Problem> {
    LocalFuture::new(translate(&work, request)).await
}

async fn transcribe(work: &Work, request: Request) -> Result<Response, Problem> {
    let busy = request.extensions().get().cloned().unwrap_or_default();
    let mut order = Order::from_form(&Form::from_request(request, &()).await?)?;
    let model = Model::get().await?;
    if let Some(name) = &order.model {
        check_name(&model, name)?;
    }
    let language = order.language.as_deref();
    let language = language.map(|wanted| language::find(&model.languages, wanted));
    let wish = Wish {
        translate: false,
        language: language.transpose()?.map(str::to_owned),
        prompt: std::mem::take(&mut order.prompt),
        temperature: order.temperature,
    };
    if order.stream && work.is_job() {
        let reason = "cannot be sent with 'Prefer: respond-async'; leave out one of the two";
        return Err(Problem::parameter("stream", reason));
    }
    if order.stream {
        let recording = decode(work, &mut order).await?;
        let warnings = AudioWarning::all(&recording.warnings);
        let response = stream::respond(model, recording, wish, order.logprobs, busy).await;
        return Ok(tell_of_one(response, &warnings));
    }
    recognise(work, &model, wish, order).await
}

async fn translate(work: &Work, request: Request) -> Result<Response, Problem> {
    let mut order = Order::common(&Form::from_request(request, &()).await?)?;
    let model = Model::get().await?;
    if let Some(name) = &order.model {
        check_name(&model, name)?;
    }
    if !model.translates {
        let known = match &*model.languages {
            [only] if only == "en" => "is English-only and cannot translate",
            _ => "does not translate",
        };
        let detail = format!(
            "the model '{}' {known}; a multilingual Whisper does: make model MODEL=openai/whisper-tiny",
            model.name
        );
        return Err(Problem::new(NO_TRANSLATION, detail).with("parameter", "model"));
    }
    let wish = Wish {
        translate: true,
        language: None,
        prompt: std::mem::take(&mut order.prompt),
        temperature: order.temperature,
    };
    recognise(work, &model, wish, order).await
}

async fn recognise(
    work: &Work,
    model: &Model,
    wish: Wish,
    mut order: Order,
) -> Result<Response, Problem> {
    let recording = decode(work, &mut order).await?;
    let warnings = AudioWarning::all(&recording.warnings);
    let report = |p| work.report(|| progress(p));
    let transcript = model
        .transcribe(recording, Channels::Mixed, &wish, report)
        .await?;
    let response = answer::respond(model, &wish, &order, &transcript, &warnings).await;
    Ok(tell_of_one(response, &warnings))
}

/// The recording of an order, whose file is then gone.
async fn decode(work: &Work, order: &mut Order) -> Result<Recording, Problem> {
    let file = std::mem::take(&mut order.file);
    let mut allowance = Allowance::new(work).await;
    let decode = async {
        allowance.start(work, &file, Channels::Mixed).await?;
        let report = |p| work.report(|| p);
        allowance.decode(file, Channels::Mixed, report).await
    };
    let recording = decode.await;
    recording.map_err(|problem| problem.with("parameter", "file"))
}

pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(create_transcription))
        .routes(routes!(create_translation))
}
