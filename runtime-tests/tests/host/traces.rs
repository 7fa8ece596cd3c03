//! Traces of the embedded host, as a collector of the test's own receives them.

use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value as Attribute};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use prost::Message;
use runtime_tests::{Launch, Request, Server};
use serde_json::Value;
use tiny_http::Response;

use crate::{encode, headers, launch, tell};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A collector and its endpoint.
fn collector() -> (tiny_http::Server, String) {
    let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", server.server_addr());
    (server, endpoint)
}

fn traced(endpoint: &str, port: &str) -> Launch {
    launch("outbound")
        .variable("port", port)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .env(
            "OTEL_EXPORTER_OTLP_HEADERS",
            "authorization=Bearer%20collector",
        )
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .env("OTEL_SERVICE_NAME", "a test")
}

fn text(attributes: &[KeyValue], name: &str) -> String {
    let found = attributes.iter().find(|it| it.key == name);
    let value = found.and_then(|found| found.value.as_ref()?.value.clone());
    match value {
        Some(Attribute::StringValue(text)) => text,
        Some(Attribute::IntValue(number)) => number.to_string(),
        other => panic!("{name}: {other:?} in {attributes:#?}"),
    }
}

/// The spans that arrive until there are so many.
fn receive(collector: &tiny_http::Server, number: usize) -> Vec<Span> {
    let until = Instant::now() + Duration::from_secs(30);
    let mut spans = Vec::new();
    while spans.len() < number {
        let left = until.saturating_duration_since(Instant::now());
        let mut request = collector
            .recv_timeout(left)
            .unwrap()
            .unwrap_or_else(|| panic!("{number} spans did not arrive: {spans:#?}"));
        assert_eq!(request.url(), "/v1/traces");
        let header = |name: &'static str| {
            let mut headers = request.headers().iter();
            let found = headers.find(|header| header.field.equiv(name));
            found
                .map(|header| header.value.to_string())
                .unwrap_or_default()
        };
        assert_eq!(header("content-type"), "application/x-protobuf");
        assert_eq!(header("authorization"), "Bearer collector");
        assert_eq!(header("host"), collector.server_addr().to_string());
        let mut body = Vec::new();
        request.as_reader().read_to_end(&mut body).unwrap();
        let batch = ExportTraceServiceRequest::decode(&*body).unwrap();
        for of_resource in batch.resource_spans {
            let resource = of_resource.resource.unwrap();
            assert_eq!(text(&resource.attributes, "service.name"), "a test");
            let scopes = of_resource.scope_spans.into_iter();
            spans.extend(scopes.flat_map(|scope| scope.spans));
        }
        request.respond(Response::empty(200)).unwrap();
    }
    spans
}

fn named<'a>(spans: &'a [Span], name: &str, kind: SpanKind) -> &'a Span {
    let found = spans
        .iter()
        .find(|span| span.name == name && span.kind() == kind);
    found.unwrap_or_else(|| panic!("{name}: {spans:#?}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
    let (collector, endpoint) = collector();
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
    let app = traced(&endpoint, &port.to_string()).start();
    // Server, component, client, and the server of the start's health check.
    let url = encode(format!("http://127.0.0.1:{port}/hook?key=secret"));
    in_trace(&app, &format!("/open/a?do=fetch&url={url}"));
    let spans = receive(&collector, 4);
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
    let (collector, endpoint) = collector();
    let app = traced(&endpoint, "1").start();
    let url = encode("http://hidden.spin.internal/x");
    let answer = in_trace(&app, &format!("/open/a?do=fetch&url={url}"));
    let spans = receive(&collector, 5);
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
    let (collector, endpoint) = collector();
    let mut app = traced(&endpoint, "1").start();
    assert_eq!(app.get("/open/?do=trap").status, 500);
    let refused = tell(&app, "/closed/", "fetch&url=http://127.0.0.1:1/");
    assert!(refused.is_err(), "{refused:?}");
    // The last spans leave at the stop.
    app.terminate();
    let spans = receive(&collector, 6);
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
        let mut app = traced(endpoint, "1")
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
    let launch = traced("http://127.0.0.1:1", "1").env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let (status, output) = launch.fail();
    assert!(!status.success());
    assert!(output.contains("OTEL_EXPORTER_OTLP_PROTOCOL"), "{output}");
}
