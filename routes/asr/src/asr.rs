//! `POST /asr`: the words in a recording, or in several.

use axum::Json;
use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_api::problem::{AUDIO, BODY, CONFLICTING_FILES, DEFERRAL, FORM};
use http_api::{Problem, Query, problem_responses};
use jobs::{Mode, Progress, Task};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use speech::audio::Channels;
use speech::transcript::Transcript;
use utoipa::ToSchema;
use utoipa::openapi::Ref;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::audio::Allowance;
use crate::model::{Model, Wish};
use crate::text::{TextFormat, TimedWord, seconds_done};
use crate::upload::{File, Upload};
use crate::warnings::{AudioWarning, tell, tell_of_one};

problem_responses!(Problems = BODY, FORM, AUDIO, DEFERRAL, &[CONFLICTING_FILES]);

/// What the answer is to be.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Options {
    /// With `word`, JSON has the words with their times and confidences.
    #[param(inline, nullable = false)]
    timestamps: Option<Timestamps>,
    /// With `split`, each channel is recognised on its own, as for the recording of a call: `channels` tells what is said in
    /// each, and words and cues are labelled.
    #[serde(default)]
    #[param(inline)]
    channels: ChannelOption,
    /// The format of the answer. Several `files` are answered in JSON alone.
    #[serde(default)]
    #[param(inline)]
    output: Output,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Timestamps {
    Word,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ChannelOption {
    #[default]
    Mixed,
    Split,
}

impl From<ChannelOption> for Channels {
    fn from(option: ChannelOption) -> Self {
        match option {
            ChannelOption::Mixed => Self::Mixed,
            ChannelOption::Split => Self::Split,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Output {
    #[default]
    Json,
    Text,
    Srt,
    Vtt,
    Tsv,
}

/// A recording in a form: either `file` or, for an answer to each of several, `files`.
#[derive(ToSchema)]
#[allow(dead_code)] // Describes the body in the OpenAPI document.
struct AsrForm {
    /// A recording: WAV, FLAC, MP3, OGG Vorbis, Opus in OGG or WebM, M4A/AAC.
    #[schema(value_type = String, format = Binary, required = false)]
    file: Vec<u8>,
    /// Recordings, to be answered one by one.
    #[schema(schema_with = recordings, required = false)]
    files: Vec<Vec<u8>>,
}

/// A recording: WAV, FLAC, MP3, OGG Vorbis, Opus in OGG or WebM, M4A/AAC.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code)] // Describes the body in the OpenAPI document.
struct RecordingBytes(Vec<u8>);

fn recordings() -> utoipa::openapi::schema::Schema {
    use utoipa::openapi::schema::{
        ArrayBuilder, KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type,
    };
    let file = ObjectBuilder::new()
        .schema_type(Type::String)
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
        .build();
    let files = ArrayBuilder::new().items(utoipa::openapi::RefOr::T(Schema::Object(file)));
    files.build().into()
}

fn problem_schema() -> Ref {
    Ref::from_schema_name("Problem")
}

/// What is said in a recording.
#[derive(Debug, Serialize, ToSchema)]
struct Transcription {
    /// The words; empty where nothing is said.
    #[schema(example = "Please write a letter to my friend.")]
    transcription: String,
    /// Seconds with one decimal.
    #[schema(example = "20.7", pattern = r"^[0-9]+\.[0-9]$")]
    duration: String,
    /// The words with their times, where asked for by `timestamps=word`.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    words: Option<Vec<TimedWord>>,
    /// What is said in each channel, with `channels=split`.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    channels: Option<Vec<ChannelTranscription>>,
    /// What is missing in the recording, or broken, if anything is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    warnings: Vec<AudioWarning>,
}

/// What is said in a channel.
#[derive(Debug, Serialize, ToSchema)]
struct ChannelTranscription {
    /// 0 is the left one.
    channel: usize,
    /// The words; empty where nothing is said.
    transcription: String,
}

/// What is said in each of several recordings.
#[derive(Debug, Serialize, ToSchema)]
struct Transcriptions {
    /// One for each of `files`, in their order.
    results: Vec<FileResult>,
}

/// What is said in the recording, or in each of several.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code)] // Describes the answer in the OpenAPI document.
enum AsrAnswer {
    One(Transcription),
    Many(Transcriptions),
}

/// What is said in one of several recordings, or why that cannot be told.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum FileResult {
    Recognised {
        /// Name of the file, as it was sent.
        #[serde(rename = "file")]
        name: Option<String>,
        #[serde(flatten)]
        transcription: Transcription,
    },
    Refused {
        /// Name of the file, as it was sent.
        #[serde(rename = "file")]
        name: Option<String>,
        #[schema(schema_with = problem_schema)]
        problem: Problem,
    },
}

/// The words in a recording.
///
/// The recording is a field `file` of a form or the body itself; its format is told by its content.
/// Several `files` in a form are answered by a list, with status 207 when one or more could not be
/// recognised. Nothing of what is sent is kept.
#[utoipa::path(
    post,
    path = "/asr",
    tag = "speech",
    params(Options, jobs::DeferralHeaders, jobs::DeferralQuery),
    request_body(content(
        (AsrForm = "multipart/form-data"),
        (RecordingBytes = "application/octet-stream"),
        (RecordingBytes = "audio/*"),
    )),
    responses(
        (status = 200, description = "What is said", headers(
            ("Audio-Warnings" = String, description = "What is missing in the recording, or broken, if anything is: a structured list \
                (RFC 9651) of the codes of `warnings`, with their `at` and `seconds`, and of several files the number of the `file`"),
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
        (status = 207, description = "What is said in some of several files", body = Transcriptions, headers(
            ("Audio-Warnings" = String, description = "What is missing in those recordings, or broken, if anything is"),
        )),
        Problems
    )
)]
async fn asr(request: Request) -> Response {
    guest::jobs::answer::<Asr>(request).await
}

/// The recognition of a recording or several.
pub struct Asr;

/// What is to be recognised, and how it is answered.
#[derive(Debug, Serialize, Deserialize)]
pub struct AsrInput {
    options: Options,
    upload: Upload,
}

impl Task for Asr {
    const NAME: &'static str = "asr";
    type Input = AsrInput;

    async fn check(mut request: Request, mode: Mode) -> Result<AsrInput, Problem> {
        let Query(options) = request.extract_parts::<Query<Options>>().await?;
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
            // Who waits learns the rest from the decoding.
            Upload::One(file) if mode == Mode::Job => {
                let allowance = Allowance::new(mode).await;
                allowance.probe(file, options.channels.into()).await?;
            }
            _ => {}
        }
        Ok(AsrInput { options, upload })
    }

    async fn compute(input: AsrInput, progress: &Progress) -> Result<Response, Problem> {
        let mut allowance = Allowance::new(progress.mode()).await;
        match input.upload {
            Upload::One(file) => one(progress, &mut allowance, input.options, file).await,
            Upload::Many(files) => many(progress, &mut allowance, input.options, files).await,
        }
    }
}

async fn one(
    progress: &Progress,
    allowance: &mut Allowance,
    options: Options,
    file: Bytes,
) -> Result<Response, Problem> {
    let report = |value| progress.report(|| value);
    let (transcript, warnings) =
        transcribe(allowance, file, options.channels.into(), report).await?;
    let format = match options.output {
        Output::Json => {
            let transcription = options.transcription(&transcript, warnings.clone());
            return Ok(tell_of_one(Json(transcription).into_response(), &warnings));
        }
        Output::Text => TextFormat::Plain,
        Output::Srt => TextFormat::Srt,
        Output::Vtt => TextFormat::Vtt,
        Output::Tsv => TextFormat::Tsv,
    };
    Ok(tell_of_one(format.respond(&transcript), &warnings))
}

async fn many(
    progress: &Progress,
    allowance: &mut Allowance,
    options: Options,
    files: Vec<File>,
) -> Result<Response, Problem> {
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
                    transcription: options.transcription(&transcript, warnings),
                },
                Err(problem) => FileResult::Refused { name, problem },
            },
        );
    }
    let whole = results
        .iter()
        .all(|result| matches!(result, FileResult::Recognised { .. }));
    let status = if whole {
        StatusCode::OK
    } else {
        StatusCode::MULTI_STATUS
    };
    let warnings: Vec<_> = results
        .iter()
        .enumerate()
        .flat_map(|(index, result)| {
            let warnings = match result {
                FileResult::Recognised { transcription, .. } => transcription.warnings.clone(),
                FileResult::Refused { .. } => Vec::new(),
            };
            warnings
                .into_iter()
                .map(move |warning| (Some(index + 1), warning))
        })
        .collect();
    let response = (status, Json(Transcriptions { results })).into_response();
    let warnings = warnings.iter().map(|(file, warning)| (*file, warning));
    Ok(tell(response, warnings))
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
    let wish = Wish::default();
    let transcript = model
        .transcribe(recording, channels, &wish, |p| report(seconds_done(p)))
        .await?;
    Ok((transcript, warnings))
}

impl Options {
    fn transcription(self, transcript: &Transcript, warnings: Vec<AudioWarning>) -> Transcription {
        let words = || transcript.words.iter().map(TimedWord::from).collect();
        Transcription {
            transcription: transcript.text(),
            duration: transcript.duration_text(),
            words: self.timestamps.map(|Timestamps::Word| words()),
            channels: (self.channels == ChannelOption::Split).then(|| channels(transcript)),
            warnings,
        }
    }
}

/// What is said in each channel.
fn channels(transcript: &Transcript) -> Vec<ChannelTranscription> {
    let channel = |number: usize| {
        let words = transcript.words.iter();
        let words = words.filter(|word| word.channel == Some(number));
        ChannelTranscription {
            channel: number,
            transcription: speech::text(&words.cloned().collect::<Vec<_>>()),
        }
    };
    (0..transcript.channels).map(channel).collect()
}

pub(crate) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(asr))
}
