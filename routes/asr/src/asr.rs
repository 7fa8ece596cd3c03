//! `POST /asr`: the transcript of a recording, or of several.

use axum::Json;
use axum::RequestExt;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_api::problem::{AUDIO, BODY, CONFLICTING_FILES, DEFERRAL, FORM};
use http_api::{AUDIO_WARNINGS, Problem, Query, problem_responses};
use jobs::{Mode, Progress, Step, Task};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use speech_api::asr::{AsrAnswer, AsrOptions, FileResult, Output, Transcription, Transcriptions};
use speech_api::{
    AsrForm, AudioWarning, File, RecognitionOptions, RecordingBytes, TextFormat, Upload,
    warning_header,
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::audio::Allowance;
use crate::hearing::{self, Question, Transcribed, parted};

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
    guest::jobs::answer_parted::<Asr>(request).await
}

/// The recognition of a recording or several.
pub struct Asr;

/// The recordings, and the format of the answer.
#[derive(Debug, Serialize, Deserialize)]
pub struct AsrInput {
    options: AsrOptions,
    upload: Upload,
}

/// What is asked about recordings.
#[derive(Debug, Serialize, Deserialize)]
pub struct AsrQuestion {
    options: AsrOptions,
    /// The names of several files.
    names: Option<Vec<Option<String>>>,
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
}

parted!(Asr, AsrQuestion, begin);

async fn begin(input: AsrInput, progress: &Progress) -> Result<Step<Asr>, Problem> {
    let AsrInput { options, upload } = input;
    let channels = options.channels.into();
    let (names, files) = match upload {
        Upload::One(RecordingBytes(file)) => (None, vec![file]),
        Upload::Many(files) => {
            let files = files.into_iter().map(|File { name, bytes }| (name, bytes));
            let (names, files) = files.unzip();
            (Some(names), files)
        }
    };
    hearing::begin(AsrQuestion { options, names }, files, channels, progress).await
}

impl Question for AsrQuestion {
    fn options(&self) -> RecognitionOptions {
        RecognitionOptions::default()
    }

    fn is_list(&self) -> bool {
        self.names.is_some()
    }

    async fn respond(
        self,
        mut transcribed: Vec<Result<Transcribed, Value>>,
    ) -> Result<Response, Problem> {
        if let Some(names) = self.names {
            return Ok(many(self.options, names, transcribed));
        }
        match transcribed.pop() {
            Some(Ok(transcribed)) => Ok(one(self.options, transcribed)),
            _ => Err(Problem::internal("the recording is lost")),
        }
    }
}

fn one(options: AsrOptions, transcribed: Transcribed) -> Response {
    let Transcribed {
        transcript,
        warnings,
    } = transcribed;
    let warnings = AudioWarning::all(&warnings);
    let header = header_of(&warnings);
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
    with_warnings(response, header)
}

fn many(
    options: AsrOptions,
    names: Vec<Option<String>>,
    transcribed: Vec<Result<Transcribed, Value>>,
) -> Response {
    let results = names.into_iter().zip(transcribed);
    let results: Vec<_> = results
        .map(|(name, transcribed)| match transcribed {
            Ok(Transcribed {
                transcript,
                warnings,
            }) => FileResult::Recognised {
                name,
                transcription: Transcription::new(
                    options,
                    &transcript,
                    AudioWarning::all(&warnings),
                ),
            },
            Err(problem) => FileResult::Refused { name, problem },
        })
        .collect();
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

/// The header `Audio-Warnings` of one recording, if there are warnings.
pub(crate) fn header_of(warnings: &[AudioWarning]) -> Option<HeaderValue> {
    warning_header(warnings.iter().map(|warning| (None, warning)))
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
