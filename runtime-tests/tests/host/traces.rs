//! Traces of the embedded host, as a collector of the test's own receives them.

use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use runtime_tests::{Request, Server};
use serde_json::Value;
use tiny_http::Response;

use crate::collector::{Collector, hex, outbound, text};
use crate::{encode, headers, tell};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn named<'a>(spans: &'a [Span], name: &str, kind: SpanKind) -> &'a Span {
    let found = spans
        .iter()
        .find(|span| span.name == name && span.kind() == kind);
    found.unwrap_or_else(|| panic!("{name}: {spans:#?}"))
}

fn failed(span: &Span) -> bool {
    span.status
        .as_ref()
        .is_some_and(|status| status.code() == StatusCode::Error)
}

/// A probe's answer to a request that is part of a trace.
fn in_trace(app: &Server, target: &str) -> Value {
    let request = Request::get(target)
        .header("traceparent", &format!("00-{TRACE}-{PARENT}-01"))
        .header("tracestate", "vendor=1")
        .header("x-request-id", "the-id");
    app.send(&request).json()
}

#[test]
#[cfg_attr(spin, ignore = "on Spin it is Spin that exports traces")]
fn a_trace_goes_from_the_client_through_components_to_other_servers() {
    let mut collector = Collector::start();
    // Another server, which shows what it was sent.
    let peer = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let port = peer.server_addr().to_ip().unwrap().port();
    let seen = thread::spawn(move || {
        let request = peer.recv().unwrap();
        let mut headers = request.headers().iter();
        let parent = headers.find(|header| header.field.equiv("traceparent"));
        let parent = parent.map(|parent| parent.value.to_string());
        request.respond(Response::from_string("peer")).unwrap();
        parent.unwrap_or_default()
    });
    let app = outbound(&collector.endpoint(), &port.to_string()).start();
    // Server, component, client, and the server of the start's health check.
    let url = encode(format!("http://127.0.0.1:{port}/hook?key=secret"));
    in_trace(&app, &format!("/open/a?do=fetch&url={url}"));
    let spans = collector.spans(4);
    let server = named(&spans, "GET /open/...", SpanKind::Server);
    let component = named(&spans, "execute_wasm_component open", SpanKind::Internal);
    let client = named(&spans, "GET", SpanKind::Client);
    assert_eq!(hex(&server.parent_span_id), PARENT);
    assert_eq!(server.trace_state, "vendor=1");
    assert_eq!(component.parent_span_id, server.span_id);
    assert_eq!(client.parent_span_id, component.span_id);
    for span in [server, component, client] {
        assert_eq!(hex(&span.trace_id), TRACE);
        assert!(!failed(span), "{span:#?}");
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
    }
    for (span, name, value) in [
        (server, "http.request.method", "GET"),
        (server, "http.route", "/open/..."),
        (server, "http.response.status_code", "200"),
        (server, "url.path", "/open/a"),
        (server, "request_id", "the-id"),
        (server, "component_id", "open"),
        (component, "request_id", "the-id"),
        (component, "component_id", "open"),
        (client, "http.response.status_code", "200"),
        (client, "url.full", &format!("http://127.0.0.1:{port}/hook")),
    ] {
        assert_eq!(text(&span.attributes, name), value, "{name}");
    }
    assert!(!format!("{spans:?}").contains("secret"));
    let parent = format!("00-{TRACE}-{}-01", hex(&client.span_id));
    assert_eq!(seen.join().unwrap(), parent);
}

#[test]
#[cfg_attr(spin, ignore = "on Spin it is Spin that exports traces")]
fn a_chained_component_is_in_the_same_trace() {
    let mut collector = Collector::start();
    let app = outbound(&collector.endpoint(), "1").start();
    let url = encode("http://hidden.spin.internal/x");
    let answer = in_trace(&app, &format!("/open/a?do=fetch&url={url}"));
    let spans = collector.spans(5);
    let open = named(&spans, "execute_wasm_component open", SpanKind::Internal);
    let client = named(&spans, "GET", SpanKind::Client);
    let hidden = named(&spans, "execute_wasm_component hidden", SpanKind::Internal);
    assert_eq!(client.parent_span_id, open.span_id);
    assert_eq!(hidden.parent_span_id, client.span_id);
    assert_eq!(hex(&hidden.trace_id), TRACE);
    let echo: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    let parent = format!("00-{TRACE}-{}-01", hex(&hidden.span_id));
    assert_eq!(headers(&echo)["traceparent"], parent);
    assert_eq!(headers(&echo)["tracestate"], "vendor=1");
}

#[test]
#[cfg_attr(spin, ignore = "on Spin it is Spin that exports traces")]
fn failures_are_errors_of_their_spans() {
    let mut collector = Collector::start();
    let mut app = outbound(&collector.endpoint(), "1").start();
    assert_eq!(app.get("/open/?do=trap").status, 500);
    let refused = tell(&app, "/closed/", "fetch&url=http://127.0.0.1:1/");
    assert!(refused.is_err(), "{refused:?}");
    // The last spans leave at the stop.
    app.terminate();
    let spans = collector.spans(6);
    assert!(app.wait().success());
    let server = named(&spans, "GET /open/...", SpanKind::Server);
    assert!(failed(server), "{server:#?}");
    assert_eq!(text(&server.attributes, "http.response.status_code"), "500");
    assert!(server.parent_span_id.is_empty());
    for (name, kind) in [
        ("execute_wasm_component open", SpanKind::Internal),
        ("GET", SpanKind::Client),
    ] {
        let span = named(&spans, name, kind);
        assert!(failed(span), "{span:#?}");
    }
}

#[test]
#[cfg_attr(spin, ignore = "on Spin it is Spin that exports traces")]
fn requests_do_not_depend_on_the_collector() {
    // One does not listen, the other accepts and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_endpoint = format!("http://{}", silent.local_addr().unwrap());
    for endpoint in ["http://127.0.0.1:1", &silent_endpoint] {
        let mut app = outbound(endpoint, "1")
            .env("OTEL_EXPORTER_OTLP_TIMEOUT", "200")
            .start();
        for _ in 0..50 {
            let answer = tell(&app, "/open/", "echo").unwrap();
            assert_eq!(answer["method"], "GET");
        }
        let _ = app.line(|line| line.contains("cannot export traces to 127.0.0.1"));
        let stop = Instant::now();
        app.terminate();
        assert!(app.wait().success());
        assert!(
            stop.elapsed() < Duration::from_secs(20),
            "{:?}",
            stop.elapsed()
        );
    }
}

#[test]
#[cfg_attr(spin, ignore = "on Spin it is Spin that exports traces")]
fn a_protocol_that_the_host_lacks_is_refused_at_the_start() {
    let launch = outbound("http://127.0.0.1:1", "1").env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let (status, output) = launch.fail();
    assert!(!status.success());
    assert!(output.contains("OTEL_EXPORTER_OTLP_PROTOCOL"), "{output}");
}
