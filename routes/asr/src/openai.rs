//! `POST /v1/audio/transcriptions` and `POST /v1/audio/translations`.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http_api::problem::{
    AUDIO, BODY, DEFERRAL, FIELD_TOO_LARGE, FORM, INVALID_TEXT, MODEL_NOT_FOUND, NO_TRANSLATION,
    ProblemType, UNSUPPORTED_LANGUAGE,
};
use http_api::{Form, Problem};
use jobs::{Mode, Progress, Task};
use speech::audio::Channels;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::answer::{self, TranscriptionAnswer, TranscriptionEvent};
use super::error::{openai_errors, with_their_errors};
use super::form::{Order, TranscriptionForm, TranslationForm};
use super::models::check_name;
use super::{language, stream};
use crate::audio::Allowance;
use crate::model::Model;
use crate::text::seconds_done;
use crate::warnings::{AudioWarning, tell_of_one};

/// Problems of the fields, beside those of any form.
const FIELDS: &[ProblemType] = &[INVALID_TEXT, FIELD_TOO_LARGE, MODEL_NOT_FOUND];

openai_errors!(
    TranscriptionErrors = BODY,
    FORM,
    AUDIO,
    FIELDS,
    DEFERRAL,
    &[UNSUPPORTED_LANGUAGE]
);
openai_errors!(
    TranslationErrors = BODY,
    FORM,
    AUDIO,
    FIELDS,
    DEFERRAL,
    &[NO_TRANSLATION]
);

/// The words in a recording, by OpenAI's API.
///
/// With `stream` the answer is a stream of server-sent events: `transcript.text.delta` for each piece,
/// as soon as it is recognised, then `transcript.text.done`. Nothing of what is sent is kept.
#[utoipa::path(
    post,
    path = "/v1/audio/transcriptions",
    tag = "speech",
    params(jobs::DeferralHeaders, jobs::DeferralQuery),
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
        (status = 202, description = "With `Prefer: respond-async`: the job", body = jobs::JobView),
        TranscriptionErrors
    )
)]
async fn create_transcription(request: Request) -> Response {
    guest::jobs::answer::<Transcribe>(request).await
}

/// The words in a recording, in English, by OpenAI's API.
///
/// Needs a model of several languages. Nothing of what is sent is kept.
#[utoipa::path(
    post,
    path = "/v1/audio/translations",
    tag = "speech",
    params(jobs::DeferralHeaders, jobs::DeferralQuery),
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
        (status = 202, description = "With `Prefer: respond-async`: the job", body = jobs::JobView),
        TranslationErrors
    )
)]
async fn create_translation(request: Request) -> Response {
    guest::jobs::answer::<Translate>(request).await
}

/// A transcription.
pub struct Transcribe;

impl Task for Transcribe {
    const NAME: &'static str = "transcription";
    type Input = Order;

    async fn check(request: Request, mode: Mode) -> Result<Order, Problem> {
        let mut order = Order::from_form(&Form::from_request(request, &()).await?)?;
        let model = Model::get().await?;
        if let Some(name) = &order.model {
            check_name(&model, name)?;
        }
        let language = order.language.as_deref();
        let language = language.map(|wanted| language::find(&model.languages, wanted));
        order.wish.language = language.transpose()?.map(str::to_owned);
        if order.stream && mode == Mode::Job {
            let reason = "cannot be sent with 'Prefer: respond-async'; leave out one of the two";
            return Err(Problem::parameter("stream", reason));
        }
        probe(&order.file, mode).await?;
        Ok(order)
    }

    async fn compute(order: Order, progress: &Progress) -> Result<Response, Problem> {
        recognise(order, progress).await
    }

    fn refuse(problem: Problem) -> Response {
        with_their_errors(problem.into_response())
    }
}

/// A translation into English.
pub struct Translate;

impl Task for Translate {
    const NAME: &'static str = "translation";
    type Input = Order;

    async fn check(request: Request, mode: Mode) -> Result<Order, Problem> {
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
        order.wish.translate = true;
        probe(&order.file, mode).await?;
        Ok(order)
    }

    async fn compute(order: Order, progress: &Progress) -> Result<Response, Problem> {
        recognise(order, progress).await
    }

    fn refuse(problem: Problem) -> Response {
        with_their_errors(problem.into_response())
    }
}

/// Checks the beginning of the file of a job. Who waits learns the rest from the decoding.
async fn probe(file: &Bytes, mode: Mode) -> Result<(), Problem> {
    if mode == Mode::Now {
        return Ok(());
    }
    let allowance = Allowance::new(mode).await;
    let probe = allowance.probe(file, Channels::Mixed).await;
    probe.map_err(|problem| problem.with("parameter", "file"))
}

async fn recognise(mut order: Order, progress: &Progress) -> Result<Response, Problem> {
    let file = std::mem::take(&mut order.file);
    let mut allowance = Allowance::new(progress.mode()).await;
    let report = |value| progress.report(|| value);
    let recording = allowance.decode(file, Channels::Mixed, report).await;
    let recording = recording.map_err(|problem| problem.with("parameter", "file"))?;
    let warnings = AudioWarning::all(&recording.warnings);
    let model = Model::get().await?;
    if order.stream {
        let response = stream::respond(model, recording, order.wish, order.logprobs).await;
        return Ok(tell_of_one(response, &warnings));
    }
    let report = |p| progress.report(|| seconds_done(p));
    let transcript = model
        .transcribe(recording, Channels::Mixed, &order.wish, report)
        .await?;
    let response = answer::respond(&model, &order, &transcript, &warnings).await;
    Ok(tell_of_one(response, &warnings))
}

pub(super) fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(create_transcription))
        .routes(routes!(create_translation))
}
