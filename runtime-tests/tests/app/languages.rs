//! What the options of OpenAI's API become, before a recogniser of several languages that says what it was asked for.

use std::fs;

use runtime_tests::audio::{example, repeated};
use runtime_tests::{Launch, Request, Response, Server, root, test_application};
use serde_json::{Value, json};

fn start() -> Server {
    Launch::new(&test_application("interpreter")).start()
}

fn ask(app: &Server, target: &str, recording: &[u8], fields: &[(&str, &str)]) -> Response {
    app.send(&Request::upload(target, recording, fields))
}

const TRANSCRIPTIONS: &str = "/v1/audio/transcriptions";
const TRANSLATIONS: &str = "/v1/audio/translations";

#[test]
fn a_client_s_wishes_reach_the_recogniser() {
    let app = start();
    let speech = example("light.opus");
    let said = |target: &str, fields: &[(&str, &str)]| {
        let answer = ask(&app, target, &speech, fields);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["text"].as_str().unwrap().to_owned()
    };
    assert_eq!(said(TRANSCRIPTIONS, &[]), "transcribe none 0 .");
    let wishes = [("prompt", "Ada"), ("temperature", "0.5")];
    assert_eq!(said(TRANSCRIPTIONS, &wishes), "transcribe none 0.5 Ada.");
    assert_eq!(said(TRANSLATIONS, &wishes), "translate none 0.5 Ada.");
    for language in ["fr", "FR-ca", "french"] {
        let wish = [("language", language)];
        assert_eq!(said(TRANSCRIPTIONS, &wish), "transcribe fr 0 .");
        // Whatever is spoken, the translation finds out.
        assert_eq!(said(TRANSLATIONS, &wish), "translate none 0 .");
    }
    let refused = ask(&app, TRANSCRIPTIONS, &speech, &[("language", "it")]);
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["error"]["code"], "unsupported_language");
}

#[test]
fn verbose_json_has_the_values_of_the_decoder() {
    let app = start();
    let verbose = |target: &str, recording: &str, fields: &[(&str, &str)]| -> Value {
        let fields = [&[("response_format", "verbose_json")], fields].concat();
        ask(&app, target, &example(recording), &fields).json()
    };
    let heard = verbose(TRANSCRIPTIONS, "light.opus", &[]);
    assert_eq!(
        (&heard["task"], &heard["language"]),
        (&json!("transcribe"), &json!("german"))
    );
    assert_eq!(heard["no_speech_prob"], 0.25);
    let segment = &heard["segments"][0];
    assert_eq!(segment["tokens"], json!([0, 1, 2, 3]));
    assert_eq!(segment["temperature"], 0.4);
    assert_eq!(segment["avg_logprob"], -0.5);
    assert_eq!(segment["no_speech_prob"], 0.125);
    assert_eq!(segment["end"], 0.7);
    let translated = verbose(TRANSLATIONS, "light.opus", &[]);
    assert_eq!(
        (&translated["task"], &translated["language"]),
        (&json!("translate"), &json!("english"))
    );
    // Where nobody speaks, no language is heard.
    let silence = verbose(TRANSCRIPTIONS, "silence.wav", &[]);
    assert_eq!(
        (&silence["language"], &silence["no_speech_prob"]),
        (&json!("unknown"), &json!(1.0))
    );
    let silence = verbose(TRANSCRIPTIONS, "silence.wav", &[("language", "fr")]);
    assert_eq!(
        (&silence["language"], &silence["segments"]),
        (&json!("french"), &json!([]))
    );
}

#[test]
fn a_language_is_detected_once_and_tokens_make_the_text() {
    let app = start();
    let (minute, _) = repeated(60.0);
    let answer = ask(&app, TRANSCRIPTIONS, &minute, &[("include[]", "logprobs")]).json();
    let text = answer["text"].as_str().unwrap();
    let (first, rest) = text.split_once(". ").unwrap();
    assert_eq!(first, "transcribe none 0 ");
    assert!(
        rest.split(". ")
            .all(|said| said.starts_with("transcribe de 0")),
        "{text}"
    );
    let tokens = answer["logprobs"].as_array().unwrap();
    let told: String = tokens
        .iter()
        .filter_map(|token| token["token"].as_str())
        .collect();
    assert_eq!(told.trim(), text);
}

#[test]
fn recordings_to_translate_are_refused_as_those_to_transcribe() {
    let app = start();
    let flac = example("weather.flac");
    let file = |name: &str| fs::read(root().join("runtime-tests/files").join(name)).unwrap();
    for (recording, status, code) in [
        (Vec::new(), 400, "empty_file"),
        (b"These are words. ".repeat(50), 400, "not_audio"),
        (flac[..9_000].to_vec(), 400, "corrupt_audio"),
        (file("adpcm.wav"), 400, "unsupported_codec"),
        (file("eleven-minutes.flac"), 413, "audio_too_long"),
    ] {
        for target in [TRANSCRIPTIONS, TRANSLATIONS] {
            let answer = ask(&app, target, &recording, &[]);
            assert_eq!(answer.status, status, "{answer:?}");
            assert_eq!(answer.json()["error"]["code"], code);
        }
    }
    let webhook = format!("{TRANSLATIONS}?webhook=https://example.com/");
    let later =
        Request::upload(&webhook, &example("silence.wav"), &[]).header("prefer", "respond-async");
    let refused = app.send(&later);
    assert_eq!(
        (refused.status, &refused.json()["error"]["code"]),
        (403, &json!("webhook_not_allowed"))
    );
}
