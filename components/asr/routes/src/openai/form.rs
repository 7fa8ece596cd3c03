//! The form of a transcription request.

use axum::body::Bytes;
use http_api::problem::{MISSING_FILE, UNSUPPORTED_LANGUAGE};
use http_api::{Form, Problem};
use utoipa::ToSchema;

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
    /// The language that is spoken: English is the only one that the model knows.
    #[schema(example = "en", required = false)]
    language: String,
    /// Taken and not used: the model does not continue texts.
    #[schema(required = false)]
    prompt: String,
    #[schema(required = false)]
    response_format: ResponseFormat,
    /// Taken and not used: the model always gives the likeliest words.
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
    /// Taken and not used: confidences of words come from POST /asr.
    #[schema(rename = "include[]", required = false)]
    include: Vec<String>,
}

/// The format of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
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

/// What is asked for.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) file: Bytes,
    pub(super) model: Option<String>,
    pub(super) format: ResponseFormat,
    pub(super) temperature: f64,
    pub(super) words: bool,
    pub(super) segments: bool,
    pub(super) stream: bool,
}

impl Order {
    pub(super) fn from_form(form: &Form) -> Result<Self, Problem> {
        let file = form.one("file")?.ok_or_else(|| {
            Problem::new(
                MISSING_FILE,
                "the form has no 'file'; send the recording in a field of this name",
            )
            .with("parameter", "file")
        })?;
        let file = file.bytes.clone();
        if let Some(language) = filled(form, "language")? {
            check_language(language)?;
        }
        let format = filled(form, "response_format")?.map_or(Ok(ResponseFormat::Json), format)?;
        let granularities = form.texts("timestamp_granularities")?;
        if !granularities.is_empty() && format != ResponseFormat::VerboseJson {
            return Err(Problem::parameter(
                "timestamp_granularities",
                "needs response_format=verbose_json",
            ));
        }
        let granularities = granularities
            .into_iter()
            .map(granularity)
            .collect::<Result<Vec<_>, _>>()?;
        let stream = filled(form, "stream")?.map_or(Ok(false), boolean)?;
        if stream && format != ResponseFormat::Json {
            return Err(Problem::parameter("stream", "needs response_format=json"));
        }
        // Read for its mistakes alone.
        form.text("prompt")?;
        Ok(Self {
            file,
            model: filled(form, "model")?.map(str::to_owned),
            format,
            temperature: filled(form, "temperature")?.map_or(Ok(0.0), temperature)?,
            words: granularities.contains(&Granularity::Word),
            segments: granularities.is_empty() || granularities.contains(&Granularity::Segment),
            stream,
        })
    }
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
            let expected = "must be json, text, srt, verbose_json or vtt";
            return Err(Problem::parameter("response_format", expected));
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

fn boolean(text: &str) -> Result<bool, Problem> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Problem::parameter("stream", "must be true or false")),
    }
}

fn temperature(text: &str) -> Result<f64, Problem> {
    text.parse()
        .ok()
        .filter(|value| (0.0..=1.0).contains(value))
        .ok_or_else(|| Problem::parameter("temperature", "must be a number from 0 to 1"))
}

/// English by its name, or by a tag of it (RFC 5646).
fn check_language(language: &str) -> Result<(), Problem> {
    let language = language.to_ascii_lowercase();
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    if matches!(primary, "en" | "eng" | "english") {
        return Ok(());
    }
    Err(Problem::new(
        UNSUPPORTED_LANGUAGE,
        "the model knows English alone; send 'en' as 'language', or leave it out",
    )
    .with("parameter", "language"))
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
        assert!(!order.words && order.segments && !order.stream);
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
            ("include[]", "logprobs"),
        ])
        .expect("fine");
        assert_eq!(order.model.as_deref(), Some("whisper-1"));
        assert_eq!(order.format, ResponseFormat::VerboseJson);
        assert!(order.words && !order.segments && !order.stream);
        assert!((order.temperature - 0.2).abs() < 1e-9);
    }

    #[test]
    fn each_mistake_names_its_field() {
        let file = ("file", "RIFF");
        for (fields, code, parameter) in [
            (vec![], "missing-file", "file"),
            (vec![file, file], "duplicate-field", "file"),
            (
                vec![file, ("language", "de")],
                "unsupported-language",
                "language",
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
