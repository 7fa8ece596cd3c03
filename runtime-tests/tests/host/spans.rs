//! Spans that the components of the application report, as a collector of the test's own receives them.

use opentelemetry_proto::tonic::trace::v1::Span;
use runtime_tests::audio::example;
use runtime_tests::{Launch, Request, application};

use crate::collector::{Collector, exporting, hex, text};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The request as a part of a trace.
fn in_trace(request: Request) -> Request {
    request.header("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01"))
}

/// The span of this name that is under another one.
fn under(collector: &mut Collector, name: &str, parent: &str) -> Span {
    let what = format!("'{name}' under '{parent}'");
    let span = collector.wait_for(&what, |received| {
        let mut spans = received.spans.iter();
        let is_under = |span: &Span| {
            let mut parents = received.spans.iter();
            parents.any(|it| it.name == parent && it.span_id == span.parent_span_id)
        };
        let span = spans.find(|span| span.name == name && is_under(span))?;
        Some(span.clone())
    });
    assert_eq!(hex(&span.trace_id), TRACE, "{span:#?}");
    assert!(span.end_time_unix_nano > span.start_time_unix_nano);
    span
}

#[test]
#[cfg_attr(spin, ignore = "on Spin it is Spin that exports traces")]
fn components_report_what_they_compute() {
    let mut collector = Collector::start();
    let app = exporting(Launch::new(&application()), &collector.endpoint()).start();
    let request = in_trace(Request::get("/factorize/408216"));
    assert_eq!(app.send(&request).status, 200);
    let span = under(
        &mut collector,
        "factorization",
        "execute_wasm_component factorize",
    );
    for (name, value) in [
        ("factorization.step", "begin"),
        ("factorization.digits", "6"),
        ("component_id", "factorize"),
    ] {
        assert_eq!(text(&span.attributes, name), value, "{name}");
    }
    // At once, and while the answer is sent.
    for (path, fields) in [
        ("/asr", &[][..]),
        ("/v1/audio/transcriptions", &[("stream", "true")]),
    ] {
        let collector = &mut Collector::start();
        let app = exporting(Launch::new(&application()), &collector.endpoint()).start();
        let request = Request::upload(path, &example("letter.mp3"), fields);
        assert_eq!(app.send(&in_trace(request)).status, 200, "{path}");
        let span = under(collector, "recognition", "execute_wasm_component asr");
        assert_eq!(text(&span.attributes, "speech.language"), "en");
    }
}

#[test]
#[cfg_attr(spin, ignore = "on Spin it is Spin that exports traces")]
fn a_job_is_in_the_trace_of_its_submission() {
    let mut collector = Collector::start();
    let app = exporting(Launch::new(&application()), &collector.endpoint()).start();
    let request =
        Request::post_json("/factorize", r#"{"number": 408216}"#).header("prefer", "respond-async");
    let answer = app.send(&in_trace(request));
    assert_eq!(answer.status, 202, "{answer:?}");
    let job = under(&mut collector, "job", "execute_wasm_component factorize");
    for (name, value) in [
        ("job.id", answer.json()["id"].as_str().unwrap()),
        ("job.route", "POST /factorize"),
        ("job.stage", "begin"),
        ("job.attempt", "1"),
        ("job.end", "succeeded"),
        ("component_id", "worker"),
    ] {
        assert_eq!(text(&job.attributes, name), value, "{name}");
    }
    let computed = under(&mut collector, "factorization", "job");
    assert_eq!(computed.parent_span_id, job.span_id);
}
