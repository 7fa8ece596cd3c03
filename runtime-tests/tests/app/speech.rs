//! Speech: the words of the examples, long recordings, many at once, streams, broken uploads.

use runtime_tests::audio::{example, examples, repeated, repeated_after, words};
use runtime_tests::http::chunk;
use runtime_tests::{Connection, Form, Launch, Request, Response, app, application};
use serde_json::Value;

/// The default of `max_upload_bytes`.
const LIMIT: usize = 26_214_400;

fn upload(target: &str, recording: impl Into<Vec<u8>>) -> Request {
    Request::new("POST", target)
        .header("content-type", "application/octet-stream")
        .body(recording)
}

fn text(answer: &Response) -> String {
    let json = answer.json();
    let text = json["transcription"].as_str();
    text.unwrap_or_else(|| panic!("{answer:?}")).to_owned()
}

#[test]
fn every_example_is_understood_word_for_word() {
    let app = app();
    let examples = examples();
    assert!(examples.len() >= 8);
    let wrong: Vec<String> = examples
        .into_iter()
        .filter_map(|it| {
            let said = text(&app.send(&upload("/asr", example(&it.file))));
            (words(&said) != words(&it.text))
                .then(|| format!("{}: {said:?}, expected {:?}", it.file, it.text))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_minute_is_the_words_of_its_parts() {
    let app = app();
    let part = examples().into_iter().find(|it| it.file == "numbers.wav");
    let (minute, times) = repeated(60.0);
    let answer = app.send(&upload("/asr?timestamps=word", minute));
    let expected = words(&vec![part.unwrap().text; times].join(" "));
    assert_eq!(words(&text(&answer)), expected);
    let json = answer.json();
    let seconds: f64 = json["duration"].as_str().unwrap().parse().unwrap();
    assert!((55.0..65.0).contains(&seconds), "{seconds}");
    let mut end = 0.0;
    for word in json["words"].as_array().unwrap() {
        let (start, until) = (word["start"].as_f64(), word["end"].as_f64());
        assert!(
            start.unwrap() >= end,
            "{word} begins before the one before it"
        );
        assert!(until > start && until.unwrap() <= seconds + 0.1, "{word}");
        assert!((0.0..=1.0).contains(&word["confidence"].as_f64().unwrap()));
        end = start.unwrap();
    }
}

#[test]
fn four_recordings_at_once_stop_nobody() {
    let app = app();
    let (minute, _) = repeated(60.0);
    let answers = crate::under_load(&app, &vec![upload("/asr", minute); 4]);
    for answer in &answers {
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.json(), answers[0].json());
    }
}

/// The `data` of server-sent events.
fn events(body: &str) -> Vec<Value> {
    let data = body.split_terminator("\n\n").map(|event| {
        let data = event.strip_prefix("data: ").unwrap();
        serde_json::from_str(data).unwrap()
    });
    data.collect()
}

#[test]
fn a_stream_tells_the_words_of_a_piece_before_the_last_is_recognised() {
    let app = app();
    let (minute, _) = repeated(60.0);
    let path = "/v1/audio/transcriptions";
    let whole = app.send(&Request::upload(path, &minute, &[]));
    let mut connection = app.connect();
    let request = Request::upload(path, &minute, &[("stream", "true")]);
    connection.send_only(&request).unwrap();
    let head = connection.read_head().unwrap();
    assert_eq!(head.status, 200);
    let mut body = Vec::new();
    // After which chunks the next was still to come.
    let mut waits = Vec::new();
    while let Some(chunk) = connection.read_chunk().unwrap() {
        body.extend(chunk);
        waits.push(connection.is_waiting().unwrap());
    }
    // The end of the body follows the last by itself.
    waits.pop();
    let events = events(std::str::from_utf8(&body).unwrap());
    let (done, deltas) = events.split_last().unwrap();
    let kind = |event: &Value| event["type"].as_str().unwrap_or_default().to_owned();
    assert_eq!(kind(done), "transcript.text.done");
    assert!(deltas.iter().all(|it| kind(it) == "transcript.text.delta"));
    let told: String = deltas
        .iter()
        .filter_map(|it| it["delta"].as_str())
        .collect();
    assert_eq!(Some(told.as_str()), done["text"].as_str());
    assert_eq!(done["text"], whole.json()["text"]);
    assert!(waits.contains(&true), "everything came at once: {waits:?}");
}

#[test]
fn a_client_that_leaves_a_stream_disturbs_nobody() {
    let app = app();
    let (minute, _) = repeated(60.0);
    for _ in 0..3 {
        let mut connection = app.connect();
        let stream = [("stream", "true")];
        let request = Request::upload("/v1/audio/transcriptions", &minute, &stream);
        connection.send_only(&request).unwrap();
        connection.read_head().unwrap();
        drop(connection);
    }
    let answer = app.send(&upload("/asr", example("silence.wav")));
    assert_eq!(text(&answer), "");
}

fn begin(target: &str, content_type: &str) -> Connection {
    let mut connection = app().connect();
    connection
        .write(format!(
            "POST {target} HTTP/1.1\r\nhost: h\r\ncontent-type: {content_type}\r\n\
             transfer-encoding: chunked\r\n\r\n"
        ))
        .unwrap();
    connection
}

const FORM: &str = "multipart/form-data; boundary=X";

/// The code of a problem or of an error as OpenAI writes them.
fn code(answer: &Response) -> String {
    let json = answer.json();
    let code = json["code"].as_str().or(json["error"]["code"].as_str());
    code.unwrap_or_else(|| panic!("{answer:?}"))
        .replace('_', "-")
}

#[test]
fn an_endless_upload_is_refused_when_it_passes_the_limit() {
    for (target, content_type) in [
        ("/asr", "audio/wav"),
        ("/asr", FORM),
        ("/v1/audio/transcriptions", FORM),
    ] {
        let mut connection = begin(target, content_type);
        let head = b"--X\r\ncontent-disposition: form-data; name=file\r\n\r\n";
        connection.write(chunk(head)).unwrap();
        let piece = chunk(&[b'x'; 64 << 10]);
        let mut sent = 0;
        // What the buffers of both sides hold is taken before the server's refusal arrives.
        while connection.write(&piece).is_ok() {
            sent += piece.len();
            assert!(sent < 256 << 20, "{target}: the server reads without end");
        }
        assert!(sent > LIMIT, "{target}: refused after {sent} bytes");
        let answer = connection.read("POST").unwrap();
        assert_eq!((answer.status, &*code(&answer)), (413, "content-too-large"));
    }
    assert_eq!(app().get("/ping").status, 200);
}

#[test]
fn an_upload_that_ends_early_is_no_upload() {
    for (target, content_type) in [
        ("/asr", "audio/wav"),
        ("/asr", FORM),
        ("/v1/audio/transcriptions", FORM),
    ] {
        let mut connection = begin(target, content_type);
        connection.write(chunk(b"--X\r\ncontent-dispo")).unwrap();
        connection.finish_writing().unwrap();
        // Nobody may be left to tell.
        if let Ok(answer) = connection.read("POST") {
            assert_eq!(
                (answer.status, &*code(&answer)),
                (400, "invalid-request-body")
            );
        }
        assert_eq!(app().get("/ping").status, 200);
    }
}

#[test]
fn an_upload_at_the_limit_is_read() {
    let head = example("silence.wav");
    let mut recording = head;
    recording.resize(LIMIT, 0);
    let answer = app().send(&upload("/asr", recording.clone()));
    assert_ne!(answer.status, 413);
    recording.push(0);
    let answer = app().send(&upload("/asr", recording));
    assert_eq!(answer.problem(), "content-too-large");
}

#[test]
fn the_limits_are_settings() {
    let app = Launch::new(&application())
        .variable("max_upload_bytes", "40000")
        .variable("asr_max_audio_seconds", "1.5")
        .start();
    let ask = |file: &str| app.send(&upload("/asr", example(file)));
    assert_eq!(ask("silence.wav").status, 200);
    let long = ask("light.opus");
    assert_eq!(long.problem(), "audio-too-long");
    assert_eq!(long.json()["limit"], 1.5);
    assert_eq!(ask("numbers.wav").problem(), "content-too-large");
}

#[test]
fn the_files_of_a_request_share_its_limit_of_time() {
    let app = Launch::new(&application())
        .variable("asr_max_audio_seconds", "2.5")
        .start();
    let recording = example("silence.wav");
    let add = |form: Form, name| form.file("files", name, &recording);
    let form = ["a.wav", "b.wav", "c.wav"]
        .into_iter()
        .fold(Form::new("X"), add);
    let answer = app.send(&Request::form("/asr", form));
    assert_eq!(answer.status, 207);
    let results = answer.json();
    assert_eq!(results["results"][1]["transcription"], "");
    assert_eq!(results["results"][2]["problem"]["code"], "audio-too-long");
}

/// Of a long file the first windows are recognised before its length is known.
#[test]
fn a_file_that_is_refused_late_counts_for_the_limit() {
    let app = Launch::new(&application())
        .variable("asr_max_audio_seconds", "660")
        .start();
    // A turn of the recording is three and a half minutes.
    let ask = |seconds: f64| {
        let (recording, times) = repeated_after(207.0, seconds);
        let form = Form::new("X").file("files", "long.wav", &recording).file(
            "files",
            "short.wav",
            &example("silence.wav"),
        );
        (app.send(&Request::form("/asr", form)).json(), times)
    };
    let (refused, _) = ask(840.0);
    for result in refused["results"].as_array().unwrap() {
        assert_eq!(result["problem"]["code"], "audio-too-long", "{result}");
    }
    let (answer, times) = ask(630.0);
    let [long, short] = [0, 1].map(|at| &answer["results"][at]["transcription"]);
    let said = examples().into_iter().find(|it| it.file == "numbers.wav");
    let said = format!("{} ", said.unwrap().text).repeat(times);
    assert_eq!(words(long.as_str().unwrap()), words(&said));
    assert_eq!(short, "");
}
