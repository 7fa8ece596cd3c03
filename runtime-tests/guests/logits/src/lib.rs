//! Shows what the model in a recogniser answers: `GET` describes it; `POST` takes samples and answers with logits, both as
//! 32-bit floats, little-endian; a refusal is 422.

mod bindings;

use anyhow::Result;
use bindings::routelets::recognizer::recognizer::{self, Error};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::json;
use spin_sdk::http::{FullBody, Request, Response};
use spin_sdk::wit_bindgen::{backpressure_dec, backpressure_inc};

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
            "stride": model.stride,
            "minimum_samples": model.minimum_samples,
            "vocabulary": model.vocabulary,
        });
        return respond(200, description.to_string().into());
    }
    let body = request.into_body().collect().await?.to_bytes();
    let samples = body
        .as_chunks()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes))
        .collect();
    match recognizer::recognize(samples).await {
        Ok(emissions) => {
            let logits = emissions
                .logits
                .iter()
                .flat_map(|logit| logit.to_le_bytes());
            respond(200, logits.collect())
        }
        Err(Error::TooShort(minimum)) => respond(422, format!("at least {minimum} samples").into()),
        Err(Error::Failed(reason)) => respond(500, reason.into()),
    }
}

fn respond(status: u16, body: Bytes) -> Result<Response<FullBody<Bytes>>> {
    Ok(Response::builder()
        .status(status)
        .body(FullBody::new(body))?)
}
