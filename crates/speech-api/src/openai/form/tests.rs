use super::*;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderValue, header};
use http_api::Form;

fn model(languages: &[&str], translates: bool) -> ServedModel {
    ServedModel {
        name: "openai/whisper-tiny.en".to_owned(),
        languages: languages.iter().map(|code| (*code).to_owned()).collect(),
        translates,
        ..ServedModel::default()
    }
}

fn form(fields: &[(&str, &str)]) -> Form {
    let mut body = String::new();
    for (name, value) in fields {
        let head = format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body += &(head + value + "\r\n");
    }
    let mut request = Request::new((body + "--X--").into());
    let kind = HeaderValue::from_static("multipart/form-data; boundary=X");
    request.headers_mut().insert(header::CONTENT_TYPE, kind);
    let form = pollster::block_on(Form::from_request(request, &()));
    form.expect("a form")
}

fn request(fields: &[(&str, &str)]) -> Result<AudioRequest, Problem> {
    let form: TranscriptionForm = form(fields).read()?;
    form.into_request(&model(&["en"], false))
}

#[test]
fn what_is_left_out_has_a_default() {
    let request = request(&[("file", "RIFF"), ("language", ""), ("unknown", "x")]).expect("fine");
    assert_eq!(&*request.file, b"RIFF");
    assert_eq!(request.format, ResponseFormat::Json);
    assert!(!request.words && request.segments && !request.stream && !request.logprobs);
    assert_eq!(
        (request.options.language, &*request.options.prompt),
        (None, "")
    );
}

#[test]
fn everything_can_be_said() {
    let request = request(&[
        ("file", "RIFF"),
        ("model", "whisper-1"),
        ("language", "en-GB"),
        ("prompt", "Numbers."),
        ("response_format", "verbose_json"),
        ("temperature", "0.2"),
        ("timestamp_granularities[]", "word"),
        ("stream", "false"),
        ("chunking_strategy", "auto"),
        ("chunking_strategy[type]", "server_vad"),
    ])
    .expect("fine");
    assert_eq!(request.options.language.as_deref(), Some("en"));
    assert_eq!(request.options.prompt, "Numbers.");
    assert_eq!(request.format, ResponseFormat::VerboseJson);
    assert!(request.words && !request.segments && !request.stream);
    assert!((request.options.temperature - 0.2).abs() < 1e-6);
}

#[test]
fn a_stream_may_bring_log_probabilities() {
    let request = request(&[
        ("file", "RIFF"),
        ("include[]", "logprobs"),
        ("stream", "true"),
    ])
    .expect("fine");
    assert!(request.logprobs && request.stream);
}

#[test]
fn a_stream_may_bring_words() {
    let request = request(&[
        ("file", "RIFF"),
        ("timestamp_granularities[]", "word"),
        ("stream", "true"),
    ])
    .expect("fine");
    assert!(request.words && request.stream);
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
        let problem = request(&fields).expect_err("refused");
        assert_eq!(problem.code(), "invalid-parameter", "{name}");
        assert_eq!(problem.member("parameter"), Some(&name.into()));
    }
    for name in ["included", "timestamps", "models", "format", "é"] {
        assert!(
            request(&[("file", "RIFF"), (name, "word")]).is_ok(),
            "{name}"
        );
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
        (
            vec![
                file,
                ("stream", "true"),
                ("timestamp_granularities[]", "segment"),
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
        let problem = request(&fields).expect_err("refused");
        assert_eq!(problem.code(), code, "{fields:?}");
        assert_eq!(
            problem.member("parameter"),
            Some(&parameter.into()),
            "{fields:?}"
        );
    }
}

#[test]
fn what_the_model_cannot_do_is_refused() {
    let file = ("file", "RIFF");
    for (fields, code) in [
        ([file, ("model", "gpt-4o-transcribe")], "model-not-found"),
        ([file, ("language", "de")], "unsupported-language"),
    ] {
        assert_eq!(request(&fields).expect_err("refused").code(), code);
    }
    assert!(request(&[file, ("model", "openai/whisper-tiny.en")]).is_ok());
}

#[test]
fn a_translation_needs_a_model_that_translates() {
    let translate = |fields: &[(&str, &str)], model: &ServedModel| {
        let form: TranslationForm = form(fields).read()?;
        form.into_request(model)
    };
    let fields = [
        ("file", "RIFF"),
        ("prompt", "Numbers."),
        ("language", "de"),
        ("chunking_strategy[type]", "auto"),
    ];
    let request = translate(&fields, &model(&["en", "de"], true)).expect("fine");
    assert!(request.options.translate && request.segments && !request.words);
    assert_eq!(
        (&*request.options.prompt, request.options.language),
        ("Numbers.", None)
    );
    for (languages, reason) in [
        (&["en"][..], "English-only"),
        (&["en", "de"], "does not translate"),
    ] {
        let problem = translate(&fields, &model(languages, false)).expect_err("refused");
        assert_eq!(problem.code(), "no-translation");
        assert!(problem.detail().contains(reason), "{}", problem.detail());
    }
    let problem = translate(
        &[("file", "RIFF"), ("temperature", "2")],
        &model(&["en"], true),
    );
    assert_eq!(problem.expect_err("refused").code(), "invalid-parameter");
}
