//! Any content type, on the first line, and any bytes as a form: no panic, and nothing that was not sent.
#![no_main]

use axum::{body::Body, extract::FromRequest, http::Request};
use http_api::Form;
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;

#[derive(Deserialize)]
#[expect(dead_code, reason = "the target only reads forms into it")]
struct Fields {
    model: Option<String>,
    temperature: Option<f32>,
    stream: Option<bool>,
    #[serde(default, rename = "include[]")]
    include: Vec<String>,
}

fuzz_target!(|bytes: &[u8]| {
    let line = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(0);
    let (content_type, body) = bytes.split_at(line);
    let body = body.strip_prefix(b"\n").unwrap_or(body);
    let Ok(request) = Request::post("/")
        .header("content-type", content_type)
        .body(Body::from(body.to_vec()))
    else {
        return;
    };
    if let Ok(form) = pollster::block_on(Form::from_request(request, &())) {
        let sent = form
            .parts()
            .iter()
            .map(|part| part.bytes.len())
            .sum::<usize>();
        assert!(sent <= body.len());
        let _ = form.read::<Fields>();
    }
});
