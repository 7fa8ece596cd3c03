//! The form of a transcription request.

use axum::body::Bytes;
use http_api::problem::MISSING_FILE;
use http_api::{Form, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::Wish;

/// A recording to transcribe.
#[derive(ToSchema)]
#[allow(dead_code)] // Describes the body in the OpenAPI document.
pub(super) struct TranscriptionForm {
    /// The recording: WAV, FLAC, MP3, OGG Vorbis, Opus in OGG or WebM, M4A/AAC. Its content tells the
    /// format.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// The model served here by its name, or as `whisper-1`.
    #[schema(example = "whisper-1", required = false)]
    model: String,
    /// The language that is spoken, by its ISO 639-1 code or its English name. Without it a model of several languages
    /// detects it.
    #[schema(example = "en", required = false)]
    language: String,
    /// Text that the transcript is to continue: names, spellings, a style.
    #[schema(required = false)]
    prompt: String,
    #[schema(required = false)]
    response_format: ResponseFormat,
    /// 0 takes the likeliest words, and others only where these lead into a loop.
    #[schema(minimum = 0, maximum = 1, example = 0, required = false)]
    temperature: f64,
    /// What has times, with `verbose_json`.
    #[schema(rename = "timestamp_granularities[]", required = false)]
    timestamp_granularities: Vec<Granularity>,
    /// Whether to send the words while the rest is still being recognised, as server-sent events.
    /// With `json` alone, and not in a job.
    #[schema(required = false)]
    stream: bool,
    /// Taken and not used: recordings are always cut at their pauses.
    #[schema(required = false)]
    chunking_strategy: String,
    /// What the answer has beside the text, with `json`.
    #[schema(rename = "include[]", required = false)]
    include: Vec<Include>,
}

/// A recording to translate.
#[derive(ToSchema)]
#[allow(dead_code)] // Describes the body in the OpenAPI document.
pub(super) struct TranslationForm {
    /// The recording: WAV, FLAC, MP3, OGG Vorbis, Opus in OGG or WebM, M4A/AAC. Its content tells the
    /// format.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// The model served here by its name, or as `whisper-1`.
    #[schema(example = "whisper-1", required = false)]
    model: String,
    /// English text that the translation is to continue: names, spellings, a style.
    #[schema(required = false)]
    prompt: String,
    #[schema(required = false)]
    response_format: ResponseFormat,
    /// 0 takes the likeliest words, and others only where these lead into a loop.
    #[schema(minimum = 0, maximum = 1, example = 0, required = false)]
    temperature: f64,
}

/// The format of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(rename_all = "snake_case", default = "json")]
pub(super) enum ResponseFormat {
    Json,
    Text,
    Srt,
    VerboseJson,
    Vtt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum Granularity {
    Word,
    Segment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(rename_all = "snake_case")]
pub(super) enum Include {
    Logprobs,
}

/// What is asked for.
#[derive(Debug, Serialize, Deserialize)]
pub struct Order {
    pub(super) file: Bytes,
    pub(super) model: Option<String>,
    /// As the client wrote it.
    pub(super) language: Option<String>,
    pub(super) wish: Wish,
    pub(super) format: ResponseFormat,
    pub(super) logprobs: bool,
    pub(super) words: bool,
    pub(super) segments: bool,
    pub(super) stream: bool,
}

impl Order {
    /// What a form for a transcription asks for.
    pub(super) fn from_form(form: &Form) -> Result<Self, Problem> {
        let order = Self::common(form)?;
        let granularities = listed(form, "timestamp_granularities", granularity)?;
        if !granularities.is_empty() && order.format != ResponseFormat::VerboseJson {
            return Err(Problem::parameter(
                "timestamp_granularities",
                "needs response_format=verbose_json",
            ));
        }
        let logprobs = !listed(form, "include", include)?.is_empty();
        let stream = filled(form, "stream")?.map_or(Ok(false), boolean)?;
        for (name, asked) in [("include", logprobs), ("stream", stream)] {
            if asked && order.format != ResponseFormat::Json {
                return Err(Problem::parameter(name, "needs response_format=json"));
            }
        }
        Ok(Self {
            language: filled(form, "language")?.map(str::to_owned),
            logprobs,
            words: granularities.contains(&Granularity::Word),
            segments: granularities.is_empty() || granularities.contains(&Granularity::Segment),
            stream,
            ..order
        })
    }

    /// What a form for a translation asks for, and what one for a transcription has in common with it.
    pub(super) fn common(form: &Form) -> Result<Self, Problem> {
        for name in form.names() {
            check_spelling(name)?;
        }
        let file = form.one("file")?.ok_or_else(|| {
            Problem::new(
                MISSING_FILE,
                "the form has no 'file'; send the recording in a field of this name",
            )
            .with("parameter", "file")
        })?;
        Ok(Self {
            file: file.bytes.clone(),
            model: filled(form, "model")?.map(str::to_owned),
            language: None,
            wish: Wish {
                prompt: form.text("prompt")?.unwrap_or_default().to_owned(),
                temperature: filled(form, "temperature")?.map_or(Ok(0.0), temperature)?,
                ..Wish::default()
            },
            format: filled(form, "response_format")?.map_or(Ok(ResponseFormat::Json), format)?,
            logprobs: false,
            words: false,
            segments: true,
            stream: false,
        })
    }
}

/// The fields that are read, and whether they are lists.
const FIELDS: [(&str, bool); 9] = [
    ("file", false),
    ("model", false),
    ("language", false),
    ("prompt", false),
    ("response_format", false),
    ("temperature", false),
    ("stream", false),
    ("timestamp_granularities", true),
    ("include", true),
];

/// Refuses other spellings of the fields: a client that is not understood would wonder what became of them.
fn check_spelling(name: &str) -> Result<(), Problem> {
    let letters = |name: &str| -> String {
        name.chars()
            .take_while(|letter| *letter != '[')
            .filter(|letter| letter.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    let meant = match &*letters(name) {
        "timestampgranularity" => "timestampgranularities".to_owned(),
        "includes" => "include".to_owned(),
        other => other.to_owned(),
    };
    let field = FIELDS.iter().find(|(field, _)| letters(field) == meant);
    let Some((field, is_list)) = field else {
        return Ok(());
    };
    let stem = name.strip_suffix("[]").filter(|_| *is_list).unwrap_or(name);
    if stem == *field {
        return Ok(());
    }
    let reason = match is_list {
        true => format!("is not understood; send '{field}[]', once for each value"),
        false => format!("is not understood; send '{field}'"),
    };
    Err(Problem::parameter(name, reason))
}

/// The values of a field that is a list.
fn listed<T>(
    form: &Form,
    name: &str,
    parse: fn(&str) -> Result<T, Problem>,
) -> Result<Vec<T>, Problem> {
    form.texts(name)?.into_iter().map(parse).collect()
}

/// A field that is there and not empty.
fn filled<'f>(form: &'f Form, name: &str) -> Result<Option<&'f str>, Problem> {
    Ok(form.text(name)?.filter(|text| !text.is_empty()))
}

fn format(text: &str) -> Result<ResponseFormat, Problem> {
    Ok(match text {
        "json" => ResponseFormat::Json,
        "text" => ResponseFormat::Text,
        "srt" => ResponseFormat::Srt,
        "verbose_json" => ResponseFormat::VerboseJson,
        "vtt" => ResponseFormat::Vtt,
        _ => {
            let reason =
                format!("cannot be '{text:.100}', but json, text, srt, verbose_json or vtt");
            return Err(Problem::parameter("response_format", reason));
        }
    })
}

fn granularity(text: &str) -> Result<Granularity, Problem> {
    match text {
        "word" => Ok(Granularity::Word),
        "segment" => Ok(Granularity::Segment),
        _ => Err(Problem::parameter(
            "timestamp_granularities",
            "must be word or segment",
        )),
    }
}

fn include(text: &str) -> Result<Include, Problem> {
    match text {
        "logprobs" => Ok(Include::Logprobs),
        _ => Err(Problem::parameter(
            "include",
            format!("cannot be '{text:.100}'; there is logprobs alone"),
        )),
    }
}

fn boolean(text: &str) -> Result<bool, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Problem::parameter("stream", "must be true or false")),
    }
}

fn temperature(text: &str) -> Result<f32, Problem> {
    text.parse()
        .ok()
        .filter(|value| (0.0..=1.0).contains(value))
        .ok_or_else(|| Problem::parameter("temperature", "must be a number from 0 to 1"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::{FromRequest, Request};
    use axum::http::{HeaderValue, header};

    fn order(fields: &[(&str, &str)]) -> Result<Order, Problem> {
        let mut body = String::new();
        for (name, value) in fields {
            let head = format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
            body += &(head + value + "\r\n");
        }
        let mut request = Request::new((body + "--X--").into());
        let kind = HeaderValue::from_static("multipart/form-data; boundary=X");
        request.headers_mut().insert(header::CONTENT_TYPE, kind);
        let form = pollster::block_on(Form::from_request(request, &()));
        Order::from_form(&form.expect("a form"))
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let order = order(&[("file", "RIFF"), ("language", ""), ("unknown", "x")]).expect("fine");
        assert_eq!((&*order.file, order.model), (&b"RIFF"[..], None));
        assert_eq!(order.format, ResponseFormat::Json);
        assert!(!order.words && order.segments && !order.stream && !order.logprobs);
        assert_eq!((order.language, &*order.wish.prompt), (None, ""));
    }

    #[test]
    fn everything_can_be_said() {
        let order = order(&[
            ("file", "RIFF"),
            ("model", "whisper-1"),
            ("language", "en-GB"),
            ("prompt", "Numbers."),
            ("response_format", "verbose_json"),
            ("temperature", "0.2"),
            ("timestamp_granularities[]", "word"),
            ("stream", "false"),
            ("chunking_strategy", "auto"),
        ])
        .expect("fine");
        assert_eq!(order.language.as_deref(), Some("en-GB"));
        assert_eq!(order.wish.prompt, "Numbers.");
        assert_eq!(order.model.as_deref(), Some("whisper-1"));
        assert_eq!(order.format, ResponseFormat::VerboseJson);
        assert!(order.words && !order.segments && !order.stream);
        assert!((order.wish.temperature - 0.2).abs() < 1e-6);
    }

    #[test]
    fn a_stream_may_bring_log_probabilities() {
        let order = order(&[
            ("file", "RIFF"),
            ("include[]", "logprobs"),
            ("stream", "true"),
        ])
        .expect("fine");
        assert!(order.logprobs && order.stream);
    }

    #[test]
    fn fields_that_are_spelt_otherwise_are_refused_by_name() {
        for name in [
            "timestamp_granularities[0]",
            "timestamp_granularities[word]",
            "timestamp_granularities[][]",
            "timestamp_granularity",
            "timestamp-granularities[]",
            "timestampGranularities",
            "include[0]",
            "Include[]",
            "responseFormat",
            "response-format",
            "response_format[]",
            "Model",
            "Temperature",
            "STREAM",
            "prompt[0]",
        ] {
            let fields = [
                ("file", "RIFF"),
                ("response_format", "verbose_json"),
                (name, "word"),
            ];
            let problem = order(&fields).expect_err("refused");
            assert_eq!(problem.code(), "invalid-parameter", "{name}");
            assert_eq!(problem.member("parameter"), Some(&name.into()));
        }
        for name in ["included", "timestamps", "models", "format", "é"] {
            assert!(order(&[("file", "RIFF"), (name, "word")]).is_ok(), "{name}");
        }
    }

    #[test]
    fn each_mistake_names_its_field() {
        let file = ("file", "RIFF");
        for (fields, code, parameter) in [
            (vec![], "missing-file", "file"),
            (vec![file, file], "duplicate-field", "file"),
            (
                vec![file, ("include[]", "usage")],
                "invalid-parameter",
                "include",
            ),
            (
                vec![
                    file,
                    ("include[]", "logprobs"),
                    ("response_format", "verbose_json"),
                ],
                "invalid-parameter",
                "include",
            ),
            (
                vec![file, ("response_format", "diarized_json")],
                "invalid-parameter",
                "response_format",
            ),
            (
                vec![file, ("response_format", "xml")],
                "invalid-parameter",
                "response_format",
            ),
            (
                vec![file, ("temperature", "1.5")],
                "invalid-parameter",
                "temperature",
            ),
            (
                vec![file, ("temperature", "NaN")],
                "invalid-parameter",
                "temperature",
            ),
            (
                vec![file, ("timestamp_granularities[]", "word")],
                "invalid-parameter",
                "timestamp_granularities",
            ),
            (
                vec![
                    file,
                    ("response_format", "verbose_json"),
                    ("timestamp_granularities[]", "letter"),
                ],
                "invalid-parameter",
                "timestamp_granularities",
            ),
            (vec![file, ("stream", "yes")], "invalid-parameter", "stream"),
            (
                vec![file, ("stream", "true"), ("response_format", "srt")],
                "invalid-parameter",
                "stream",
            ),
        ] {
            let problem = order(&fields).expect_err("refused");
            assert_eq!(problem.code(), code, "{fields:?}");
            assert_eq!(
                problem.member("parameter"),
                Some(&parameter.into()),
                "{fields:?}"
            );
        }
    }
}
