//! `POST /asr`: the transcript of a recording, or of several.

use axum::Json;
use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_api::problem::{AUDIO, BODY, CONFLICTING_FILES, DEFERRAL, FORM};
use http_api::{AUDIO_WARNINGS, Problem, Query, problem_responses};
use jobs::{Mode, Progress, Task};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use speech::audio::Channels;
use speech::transcript::Transcript;
use speech_api::asr::{AsrAnswer, AsrOptions, FileResult, Output, Transcription, Transcriptions};
use speech_api::{
    AsrForm, AudioWarning, File, RecognitionOptions, RecordingBytes, TextFormat, Upload,
    warning_header,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::audio::Allowance;
use crate::model::Model;

problem_responses!(Problems = BODY, FORM, AUDIO, DEFERRAL, &[CONFLICTING_FILES]);

/// The words in a recording.
///
/// The recording is the field `file` of a form, or the body itself. Its format is recognised from its content. Several
/// `files` in a form are answered by a list, with status 207 if any of them could not be recognised. Uploads are not kept.
#[utoipa::path(
    post,
    path = "/asr",
    tag = "speech",
    params(AsrOptions, jobs::DeferralHeaders, jobs::DeferralQuery),
    request_body(content(
        (AsrForm = "multipart/form-data"),
        (RecordingBytes = "application/octet-stream"),
        (RecordingBytes = "audio/*"),
    )),
    responses(
        (status = 200, description = "The transcript", headers(
            ("Audio-Warnings" = String, description = "What is missing from the recording or damaged, if anything is: a structured list \
                (RFC 9651) of the codes of `warnings` with their `at` and `seconds` and, for several files, the number of the `file`"),
        ), content(
            (AsrAnswer = "application/json", example = json!({
                "transcription": "Please write a letter to my friend.", "duration": "2.3",
            })),
            (String = "text/plain"),
            (String = "application/x-subrip"),
            (String = "text/vtt"),
            (String = "text/tab-separated-values"),
        )),
        (status = 202, description = "With `Prefer: respond-async`: the job", body = jobs::JobView),
        (status = 207, description = "The transcripts of some of several files", body = Transcriptions, headers(
            ("Audio-Warnings" = String, description = "What is missing from these recordings or damaged, if anything is"),
        )),
        Problems
    )
)]
async fn asr(request: Request) -> Response {
    guest::jobs::answer::<Asr>(request).await
}

/// The recognition of a recording or several.
pub struct Asr;

/// The recordings, and the format of the answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct AsrInput {
    options: AsrOptions,
    upload: Upload,
}

impl Task for Asr {
    const NAME: &'static str = "asr";
    type Input = AsrInput;

    async fn check(mut request: Request, mode: Mode) -> Result<AsrInput, Problem> {
        let Query(options) = request.extract_parts::<Query<AsrOptions>>().await?;
        if options.output != Output::Json && options.timestamps.is_some() {
            return Err(Problem::parameter("timestamps", "needs output=json"));
        }
        let upload = Upload::read(request).await?;
        match &upload {
            Upload::Many(_) if options.output != Output::Json => {
                return Err(Problem::parameter(
                    "output",
                    "must be json for 'files'; send one 'file' at a time for another format",
                ));
            }
            // A client that waits gets the other problems from the decoding.
            Upload::One(file) if mode == Mode::Job => {
                let allowance = Allowance::new(mode).await;
                allowance.probe(&file.0, options.channels.into()).await?;
            }
            _ => {}
        }
        Ok(AsrInput { options, upload })
    }

    async fn compute(input: AsrInput, progress: &Progress) -> Result<Response, Problem> {
        let mut allowance = Allowance::new(progress.mode()).await;
        match input.upload {
            Upload::One(file) => one(progress, &mut allowance, input.options, file.0).await,
            Upload::Many(files) => Ok(many(progress, &mut allowance, input.options, files).await),
        }
    }
}

async fn one(
    progress: &Progress,
    allowance: &mut Allowance,
    options: AsrOptions,
    file: Bytes,
) -> Result<Response, Problem> {
    let report = |value| progress.report(|| value);
    let (transcript, warnings) =
        transcribe(allowance, file, options.channels.into(), report).await?;
    let header = warning_header(warnings.iter().map(|warning| (None, warning)));
    let response = match options.output {
        Output::Json => {
            let transcription = Transcription::new(options, &transcript, warnings);
            Json(AsrAnswer::One(transcription)).into_response()
        }
        Output::Text => TextFormat::Plain.respond(&transcript),
        Output::Srt => TextFormat::Srt.respond(&transcript),
        Output::Vtt => TextFormat::Vtt.respond(&transcript),
        Output::Tsv => TextFormat::Tsv.respond(&transcript),
    };
    Ok(with_warnings(response, header))
}

async fn many(
    progress: &Progress,
    allowance: &mut Allowance,
    options: AsrOptions,
    files: Vec<File>,
) -> Response {
    let count = files.len();
    let mut results = Vec::new();
    for (index, File { name, bytes }) in files.into_iter().enumerate() {
        let report = |mut value: Value| {
            value["file"] = (index + 1).into();
            value["files"] = count.into();
            progress.report(|| value);
        };
        results.push(
            match transcribe(allowance, bytes, options.channels.into(), report).await {
                Ok((transcript, warnings)) => FileResult::Recognised {
                    name,
                    transcription: Transcription::new(options, &transcript, warnings),
                },
                Err(problem) => FileResult::Refused { name, problem },
            },
        );
    }
    let is_complete = results
        .iter()
        .all(|result| matches!(result, FileResult::Recognised { .. }));
    let status = match is_complete {
        true => StatusCode::OK,
        false => StatusCode::MULTI_STATUS,
    };
    let warnings = results.iter().enumerate().flat_map(|(index, result)| {
        let warnings = result.warnings().iter();
        warnings.map(move |warning| (Some(index + 1), warning))
    });
    let header = warning_header(warnings);
    let answer = AsrAnswer::Many(Transcriptions { results });
    with_warnings((status, Json(answer)).into_response(), header)
}

async fn transcribe(
    allowance: &mut Allowance,
    file: Bytes,
    channels: Channels,
    report: impl Fn(Value),
) -> Result<(Transcript, Vec<AudioWarning>), Problem> {
    let recording = allowance.decode(file, channels, &report).await?;
    let warnings = AudioWarning::all(&recording.warnings);
    let model = Model::get().await?;
    let report = |progress| report(speech_api::progress(progress));
    let options = RecognitionOptions::default();
    let transcript = model
        .transcribe(recording, channels, &options, report)
        .await?;
    Ok((transcript, warnings))
}

/// Adds the header `Audio-Warnings`, if there are warnings.
pub(crate) fn with_warnings(mut response: Response, header: Option<HeaderValue>) -> Response {
    let header = header.map(|value| (AUDIO_WARNINGS, value));
    response.headers_mut().extend(header);
    response
}

pub(crate) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(asr))
}
