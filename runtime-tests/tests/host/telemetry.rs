//! Metrics and logs of the embedded host, as a collector of the test's own receives them.

use std::thread;

use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};
use opentelemetry_proto::tonic::trace::v1::Span;
use runtime_tests::Request;
use tiny_http::Response;

use crate::collector::{Collector, hex, outbound, text};
use crate::{encode, tell};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[test]
#[cfg_attr(spin, ignore = "on Spin it is Spin that exports metrics")]
fn metrics_are_those_of_the_host() {
    let mut collector = Collector::start();
    // Another server, which answers when the request has been counted.
    let peer = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let port = peer.server_addr().to_ip().unwrap().port();
    let app = outbound(&collector.endpoint(), &port.to_string()).start();
    let get = [("http.request.method", "GET"), ("url.scheme", "http")];
    let open = [("component_id", "open")];
    let url = encode(format!("http://127.0.0.1:{port}/"));
    let target = format!("/open/a?do=fetch&url={url}");
    thread::scope(|scope| {
        let answer = scope.spawn(|| app.get(&target));
        let request = peer.recv().unwrap();
        collector.number("http.server.active_requests", &get, |active| active == 1.0);
        collector.number("routelets.instances", &open, |alive| alive >= 1.0);
        collector.number("routelets.instance.memory", &open, |bytes| bytes > 65_536.0);
        request.respond(Response::from_string("peer")).unwrap();
        assert_eq!(answer.join().unwrap().status, 200);
    });
    collector.number("http.server.active_requests", &get, |active| active == 0.0);
    assert_eq!(app.get("/open/?do=trap").status, 500);
    assert_eq!(app.send(&Request::new("BREW", "/nowhere")).status, 404);
    for (method, route, status) in [
        ("GET", Some("/open/..."), "200"),
        ("GET", Some("/open/..."), "500"),
        ("_OTHER", None, "404"),
    ] {
        let mut attributes = vec![
            ("http.request.method", method),
            ("http.response.status_code", status),
        ];
        attributes.extend(route.map(|route| ("http.route", route)));
        let once = |count: f64| count == 1.0;
        collector.number("http.server.request.duration", &attributes, once);
        collector.number("http.server.response.body.size", &attributes, once);
    }
    collector.number("routelets.instance.failures", &open, |failed| failed == 1.0);
    collector.number("process.memory.usage", &[], |bytes| bytes > 1e6);
    let all = format!("{:?}", collector.all().metrics);
    assert!(!all.contains("BREW") && !all.contains("/open/a"), "{all}");
}

/// Whether a line names this span.
fn is_within(record: &LogRecord, span: &Span) -> bool {
    record.trace_id == span.trace_id && record.span_id == span.span_id
}

#[test]
#[cfg_attr(spin, ignore = "on Spin it is Spin that exports logs")]
fn lines_name_their_request_and_its_trace() {
    let mut collector = Collector::start();
    // The terminal shows the output of another component only.
    let app = outbound(&collector.endpoint(), "1")
        .arg("--follow")
        .arg("closed")
        .start();
    let traced = |target: &str| {
        Request::get(target)
            .header("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01"))
            .header("x-request-id", "the-id")
    };
    let answer = app.send(&traced("/open/a?do=print&text=hello&key=secret"));
    assert_eq!(answer.status, 200);
    assert_eq!(app.send(&traced("/open/b?do=trap")).status, 500);
    let access = collector.line("access", "GET /open/a 200");
    let printed = collector.line("guest", "hello");
    let failure = collector.line("host::serving::pool", "an instance failed");
    for (record, severity) in [
        (&access, SeverityNumber::Info),
        (&printed, SeverityNumber::Info),
        (&failure, SeverityNumber::Error),
    ] {
        assert_eq!(hex(&record.trace_id), TRACE, "{record:#?}");
        assert_eq!(record.severity_number(), severity);
        for (name, value) in [("request_id", "the-id"), ("component_id", "open")] {
            assert_eq!(text(&record.attributes, name), value, "{name}");
        }
    }
    for (name, value) in [("method", "GET"), ("path", "/open/a"), ("status", "200")] {
        assert_eq!(text(&access.attributes, name), value, "{name}");
    }
    assert!(
        ["stdout", "stderr"].contains(&text(&printed.attributes, "stream").as_str()),
        "{printed:#?}"
    );
    // The spans of both requests, and that of the start's health check.
    let spans = collector.spans(5);
    let span_of = |record: &LogRecord| {
        let span = spans.iter().find(|span| is_within(record, span));
        span.unwrap_or_else(|| panic!("{record:#?} in {spans:#?}"))
            .name
            .as_str()
    };
    assert_eq!(span_of(&access), "GET /open/...");
    assert_eq!(span_of(&printed), "execute_wasm_component open");
    assert_eq!(span_of(&failure), "execute_wasm_component open");
    // What programs wait for is a line like any other.
    let _ = collector.line("start", "http://");
    let output = app.output();
    assert!(!output.contains("hello"), "{output}");
    let all = format!("{:?}", collector.all().lines);
    assert!(!all.contains("secret"), "{all}");
}

#[test]
#[cfg_attr(spin, ignore = "on Spin it is Spin that exports")]
fn each_signal_can_be_switched_off() {
    for (variable, value, paths) in [
        (
            "OTEL_METRICS_EXPORTER",
            "none",
            &["/v1/logs", "/v1/traces"][..],
        ),
        ("OTEL_LOGS_EXPORTER", "none", &["/v1/metrics", "/v1/traces"]),
        ("OTEL_TRACES_EXPORTER", "none", &["/v1/logs", "/v1/metrics"]),
        ("OTEL_SDK_DISABLED", "true", &[]),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "", &[]),
    ] {
        let mut collector = Collector::start();
        let mut app = outbound(&collector.endpoint(), "1")
            .env(variable, value)
            .start();
        tell(&app, "/open/", "print&text=hello").unwrap();
        app.terminate();
        assert!(app.wait().success());
        let received: Vec<_> = collector.all().paths.iter().collect();
        assert_eq!(received, paths, "{variable}");
    }
}
