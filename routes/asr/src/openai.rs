//! The audio API of OpenAI: `POST /v1/audio/transcriptions` and `/v1/audio/translations`, `GET /v1/models`.

use std::convert::Infallible;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::StreamExt;
use guest::{Busy, LocalFuture};
use http_api::problem::{
    AUDIO, BODY, DEFERRAL, FIELD_TOO_LARGE, FORM, INVALID_PATH, INVALID_TEXT, MODEL_NOT_FOUND,
    NO_TRANSLATION, ProblemType, UNSUPPORTED_LANGUAGE,
};
use http_api::{Form, Path, Problem};
use jobs::{Mode, Parted, Progress, Step, Task};
use serde_json::Value;
use speech::audio::Channels;
use speech_api::openai::{
    self, AudioRequest, ModelList, ModelObject, OpenAiError, Parts, TranscriptionAnswer,
    TranscriptionEvent, TranscriptionForm, TranslationForm, with_openai_errors,
};
use speech_api::{AudioWarning, RecognitionOptions, openai_errors};
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::asr::{header_of, with_warnings};
use crate::audio::Allowance;
use crate::hearing::{self, Question, Rest, Transcribed, Window, parted};
use crate::model::Model;

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

openai_errors!(ModelErrors = &[INVALID_PATH, MODEL_NOT_FOUND]);

/// A route of `/v1/audio`: its handler, task, path, form and errors, and what it answers beside JSON and text.
macro_rules! audio_route {
    (
        $(#[$doc:meta])*
        $handler:ident, $task:ident, $path:literal, $form:ident, $errors:ident $(, $event:ident)?
    ) => {
        $(#[$doc])*
        #[utoipa::path(
            post,
            path = $path,
            tag = "speech",
            params(jobs::DeferralHeaders, jobs::DeferralQuery),
            request_body(content = $form, content_type = "multipart/form-data"),
            responses(
                (status = 200, description = "The transcript", headers(
                    ("Audio-Warnings" = String, description = "What is missing from the recording or damaged, if anything is: a \
                        structured list (RFC 9651) of the codes of `warnings` with their `at` and `seconds`"),
                ), content(
                    (TranscriptionAnswer = "application/json", example = json!({
                        "text": "Please write a letter to my friend.",
                        "usage": {"type": "duration", "seconds": 3},
                    })),
                    (String = "text/plain"),
                    (String = "application/x-subrip"),
                    (String = "text/vtt"),
                    $(($event = "text/event-stream"),)?
                )),
                (status = 202, description = "With `Prefer: respond-async`: the job", body = jobs::JobView),
                $errors
            )
        )]
        async fn $handler(request: Request) -> Response {
            guest::jobs::answer_parted::<$task>(request).await
        }
    };
}

audio_route!(
    /// The words in a recording, by OpenAI's API.
    ///
    /// With `stream` the answer is a stream of server-sent events: `transcript.text.delta` for each piece as soon as it is
    /// recognised, then `transcript.text.done`. Uploads are not kept.
    create_transcription,
    Transcribe,
    "/v1/audio/transcriptions",
    TranscriptionForm,
    TranscriptionErrors,
    TranscriptionEvent
);

audio_route!(
    /// The words in a recording, translated into English, by OpenAI's API.
    ///
    /// Needs a multilingual model. Uploads are not kept.
    create_translation,
    Translate,
    "/v1/audio/translations",
    TranslationForm,
    TranslationErrors
);

/// A transcription.
pub struct Transcribe;

impl Task for Transcribe {
    const NAME: &'static str = "transcription";
    type Input = AudioRequest;

    async fn check(request: Request, mode: Mode) -> Result<AudioRequest, Problem> {
        let form: TranscriptionForm = Form::from_request(request, &()).await?.read()?;
        let request = form.into_request(&Model::get().await?.served)?;
        if request.stream && mode == Mode::Job {
            let reason = "cannot be sent with 'Prefer: respond-async'; leave out one of the two";
            return Err(Problem::parameter("stream", reason));
        }
        probe(&request.file, mode).await?;
        Ok(request)
    }

    fn refuse(problem: Problem) -> Response {
        with_openai_errors(problem.into_response())
    }
}

/// A translation into English.
pub struct Translate;

impl Task for Translate {
    const NAME: &'static str = "translation";
    type Input = AudioRequest;

    async fn check(request: Request, mode: Mode) -> Result<AudioRequest, Problem> {
        let form: TranslationForm = Form::from_request(request, &()).await?.read()?;
        let request = form.into_request(&Model::get().await?.served)?;
        probe(&request.file, mode).await?;
        Ok(request)
    }

    fn refuse(problem: Problem) -> Response {
        with_openai_errors(problem.into_response())
    }
}

parted!(Transcribe, AudioRequest, begin);
parted!(Translate, AudioRequest, begin);

async fn begin<T>(mut request: AudioRequest, progress: &Progress) -> Result<Step<T>, Problem>
where
    T: Parted<Rest = Rest<AudioRequest>, Part = Window>,
{
    let file = std::mem::take(&mut request.file);
    if request.stream {
        return Ok(Step::Answer(stream(request, file).await?));
    }
    hearing::begin(request, vec![file], Channels::Mixed, progress).await
}

/// Checks the beginning of the file of a job. A client that waits gets the other problems from the decoding.
async fn probe(file: &Bytes, mode: Mode) -> Result<(), Problem> {
    if mode == Mode::Now {
        return Ok(());
    }
    let allowance = Allowance::new(mode).await;
    let probe = allowance.probe(file, Channels::Mixed).await;
    probe.map_err(of_file)
}

/// The problem of the field `file`.
fn of_file(problem: Problem) -> Problem {
    problem.with("parameter", "file")
}

impl Question for AudioRequest {
    fn options(&self) -> RecognitionOptions {
        self.options.clone()
    }

    fn is_list(&self) -> bool {
        false
    }

    fn refused(&self, problem: Problem) -> Problem {
        of_file(problem)
    }

    async fn respond(
        self,
        mut transcribed: Vec<Result<Transcribed, Value>>,
    ) -> Result<Response, Problem> {
        let Some(Ok(Transcribed {
            transcript,
            warnings,
        })) = transcribed.pop()
        else {
            return Err(Problem::internal("the recording is lost"));
        };
        let warnings = AudioWarning::all(&warnings);
        let header = header_of(&warnings);
        let model = Model::get().await?;
        let response = self.answer(&model.served, &transcript, &warnings, guest::pause);
        Ok(with_warnings(response.await, header))
    }
}

/// Answers with the words of a recording as they are recognised.
async fn stream(request: AudioRequest, file: Bytes) -> Result<Response, Problem> {
    let allowance = Allowance::new(Mode::Now).await;
    let recording = allowance.decode(file).await.map_err(of_file)?;
    let warnings = AudioWarning::all(&recording.warnings);
    let header = header_of(&warnings);
    let parts = Parts {
        logprobs: request.logprobs,
        words: request.words,
    };
    // The work goes on after the handler has returned.
    let busy = Busy::new();
    let recognise = async move |samples: &[f32], language: Option<&str>| {
        let _busy = &busy;
        Model::recognise(samples, language, &request.options).await
    };
    let model = Model::get().await?;
    let recognition = model.begin(recording.into_samples()).await;
    let events = openai::events(recognition, recognise, parts);
    let body = Body::from_stream(LocalFuture::new(events.map(Ok::<_, Infallible>)));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    Ok(with_warnings((headers, body).into_response(), header))
}

/// The models that are served.
#[utoipa::path(
    get,
    path = "/v1/models",
    tag = "speech",
    responses((status = 200, body = ModelList))
)]
async fn list_models() -> Result<Json<ModelList>, Problem> {
    let model = LocalFuture::new(Model::get()).await?;
    Ok(Json(ModelList::from(&model.served)))
}

/// A model that is served.
#[utoipa::path(
    get,
    path = "/v1/models/{model}",
    tag = "speech",
    params(("model" = String, Path, description = "Name of the model", example = "whisper-1")),
    responses((status = 200, body = ModelObject), ModelErrors)
)]
async fn retrieve_model(Path(name): Path<String>) -> Result<Json<ModelObject>, Problem> {
    let model = LocalFuture::new(Model::get()).await?;
    openai::check_name(&model.served, &name)?;
    Ok(Json(ModelObject::from(&model.served)))
}

/// A model whose name begins with that of its publisher, such as `facebook/wav2vec2-base-960h`.
async fn retrieve_published(
    Path((publisher, model)): Path<(String, String)>,
) -> Result<Json<ModelObject>, Problem> {
    retrieve_model(Path(format!("{publisher}/{model}"))).await
}

/// The schema that the responses of errors refer to.
#[derive(OpenApi)]
#[openapi(components(schemas(OpenAiError)))]
struct Schemas;

pub(crate) fn routes() -> OpenApiRouter {
    OpenApiRouter::with_openapi(Schemas::openapi())
        .routes(routes!(create_transcription))
        .routes(routes!(create_translation))
        .routes(routes!(list_models))
        .routes(routes!(retrieve_model))
        .route("/v1/models/{publisher}/{model}", get(retrieve_published))
        .layer(map_response(async |response: Response| {
            with_openai_errors(response)
        }))
}
