//! Shows the output of a recogniser: `GET` describes its model; `POST` takes samples, 32-bit floats, little-endian, and answers
//! with the words. A refusal is 422.

use anyhow::Result;
use bindings::routelets::recognizer::recognizer::{self, Error, Options, Task, Word};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::wit_bindgen::{backpressure_dec, backpressure_inc};

interfaces::import!("../../../wit/recognizer");

/// Answers an HTTP request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Result<Response<FullBody<Bytes>>> {
    backpressure_inc();
    let answer = answer(request).await;
    backpressure_dec();
    answer
}

async fn answer(request: Request) -> Result<Response<FullBody<Bytes>>> {
    if request.method() == "GET" {
        let model = recognizer::describe().await;
        let description = json!({
            "name": model.name,
            "created": model.created,
            "sample_rate": model.sample_rate,
            "minimum_samples": model.minimum_samples,
            "maximum_samples": model.maximum_samples,
            "languages": model.languages,
            "translates": model.translates,
            "punctuates": model.punctuates,
        });
        return respond(200, &description);
    }
    let query = request.uri().query().unwrap_or_default().to_owned();
    let option = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find_map(|(key, value)| (key == name).then(|| value.to_owned()))
    };
    let options = Options {
        task: if option("task").as_deref() == Some("translate") {
            Task::Translate
        } else {
            Task::Transcribe
        },
        language: option("language"),
        prompt: option("prompt").unwrap_or_default(),
        temperature: 0.0,
    };
    let body = request.into_body().collect().await?.to_bytes();
    let samples = body
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    match recognizer::recognize(samples, options).await {
        Ok(heard) => {
            let words = heard.segments.iter().flat_map(|segment| &segment.words);
            let answer = json!({
                "language": heard.language,
                "no_speech_probability": heard.no_speech_probability,
                "words": words.map(word).collect::<Vec<_>>(),
            });
            respond(200, &answer)
        }
        Err(Error::WrongLength) => respond(422, &json!("wrong length")),
        Err(Error::Unsupported(reason)) => respond(422, &json!(reason)),
        Err(Error::Failed(reason)) => respond(500, &json!(reason)),
    }
}

fn word(word: &Word) -> Value {
    json!({
        "text": word.text,
        "start": word.start,
        "end": word.end,
        "confidence": word.confidence,
        "tokens": word.tokens.iter().map(|token| token.id).collect::<Vec<_>>(),
    })
}

fn respond(status: u16, answer: &Value) -> Result<Response<FullBody<Bytes>>> {
    Ok(Response::builder()
        .status(status)
        .body(FullBody::new(answer.to_string().into()))?)
}
