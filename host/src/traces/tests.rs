//! Spans nest as requests do, and say nothing secret.

use std::sync::Mutex;

use opentelemetry::trace::{SpanId, TracerProvider as _};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracerProvider, SpanData, SpanExporter},
};

use super::*;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// The spans that have ended.
#[derive(Clone, Debug, Default)]
struct Ended(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Ended {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

impl Ended {
    /// The span of this name, once.
    fn take(&self, name: &str) -> SpanData {
        let mut spans = self.0.lock().unwrap();
        let position = spans.iter().position(|span| span.name == name);
        let position = position.unwrap_or_else(|| panic!("{name}: {spans:#?}"));
        spans.remove(position)
    }
}

fn recording() -> (Tracer, Ended) {
    let ended = Ended::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(ended.clone())
        .build();
    (Tracer::new(Some(provider.tracer("test"))), ended)
}

fn get(uri: &str) -> Request<()> {
    Request::get(uri).body(()).unwrap()
}

fn attribute(span: &SpanData, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|it| it.key.as_str() == name);
    found.map(|found| found.value.to_string())
}

#[test]
fn a_request_continues_the_trace_of_its_client() {
    let (tracer, ended) = recording();
    let mut request = get("http://h/factorize/12?token=secret");
    let headers = request.headers_mut();
    headers.insert(
        TRACEPARENT,
        format!("00-{TRACE}-{PARENT}-01").parse().unwrap(),
    );
    headers.insert(TRACESTATE, "vendor=1".parse().unwrap());
    let server = tracer.server(&mut request, "r-1");
    let component = tracer.component(request.headers_mut(), "factorize", "r-1");
    assert_eq!(request.headers()[TRACESTATE], "vendor=1");
    let place: Vec<_> = component.place().into_iter().collect();
    let mut chained = get("http://worker.spin.internal/");
    let client = tracer.client(&mut chained, "factorize", &place);
    let called = tracer.component(chained.headers_mut(), "worker", "r-2");
    let parent = chained.headers()[TRACEPARENT].to_str().unwrap().to_owned();
    drop((called, client));
    component.answered(StatusCode::OK, false);
    drop(component);
    server.routed(&Method::GET, Some("/factorize/..."), Some("factorize"));
    server.answered(StatusCode::SERVICE_UNAVAILABLE, false);
    drop(server);

    let server = ended.take("GET /factorize/...");
    assert_eq!(server.parent_span_id, SpanId::from_hex(PARENT).unwrap());
    assert_eq!(server.span_kind, SpanKind::Server);
    assert_eq!(server.status, Status::error(""));
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/factorize/..."),
        ("http.response.status_code", "503"),
        ("url.path", "/factorize/12"),
        ("request_id", "r-1"),
        ("component_id", "factorize"),
    ] {
        assert_eq!(attribute(&server, name).as_deref(), Some(value), "{name}");
    }
    assert!(!format!("{server:?}").contains("secret"));
    let component = ended.take("execute_wasm_component factorize");
    let client = ended.take("GET");
    let called = ended.take("execute_wasm_component worker");
    assert_eq!(component.parent_span_id, server.span_context.span_id());
    assert_eq!(component.status, Status::Unset);
    assert_eq!(client.parent_span_id, component.span_context.span_id());
    assert_eq!(client.span_kind, SpanKind::Client);
    assert_eq!(called.parent_span_id, client.span_context.span_id());
    for span in [&server, &component, &client, &called] {
        assert_eq!(span.span_context.trace_id().to_string(), TRACE);
    }
    let place = called.span_context.span_id();
    assert_eq!(parent, format!("00-{TRACE}-{place}-01"));
}

#[test]
fn a_request_of_an_instance_with_several_at_work_is_linked_to_them() {
    let (tracer, ended) = recording();
    let spans = [1, 2].map(|_| tracer.component(&mut HeaderMap::new(), "c", "r"));
    let places: Vec<_> = spans.iter().filter_map(Span::place).collect();
    let mut request = get("https://user:pass@other.test:8443/hook?key=secret");
    let client = tracer.client(&mut request, "c", &places);
    client.answered(StatusCode::NOT_FOUND, true);
    drop(client);
    let client = ended.take("GET");
    assert_eq!(client.parent_span_id, SpanId::INVALID);
    let linked: Vec<_> = client.links.iter().map(|link| &link.span_context).collect();
    let at_work: Vec<_> = places
        .iter()
        .map(|Place(it)| it.span().span_context().clone())
        .collect();
    assert_eq!(linked, at_work.iter().collect::<Vec<_>>());
    assert_eq!(client.status, Status::error(""), "the client is ours");
    let url = attribute(&client, "url.full");
    assert_eq!(url.as_deref(), Some("https://other.test:8443/hook"));
    assert_eq!(attribute(&client, "server.port").as_deref(), Some("8443"));
    // A component that names one of them is right.
    let mut headers = HeaderMap::new();
    let named = tracer.component(&mut headers, "c", "r");
    let mut request = get("http://other.test/");
    *request.headers_mut() = headers;
    drop(tracer.client(&mut request, "c", &places));
    let place = named
        .place()
        .map(|Place(it)| it.span().span_context().span_id());
    assert_eq!(Some(ended.take("GET").parent_span_id), place);
}

#[test]
fn without_an_endpoint_headers_pass() {
    let tracer = Tracer::default();
    let mut request = get("http://h/");
    let headers = request.headers_mut();
    headers.insert(TRACEPARENT, "anything".parse().unwrap());
    assert!(tracer.server(&mut request, "r").is_none());
    assert!(
        tracer
            .component(request.headers_mut(), "c", "r")
            .place()
            .is_none()
    );
    assert_eq!(request.headers()[TRACEPARENT], "anything");
}

#[test]
fn what_is_said_about_a_span_names_it() {
    let current = || Context::current().span().span_context().span_id();
    let (tracer, _) = recording();
    let span = tracer.component(&mut HeaderMap::new(), "c", "r");
    let place = span.place().unwrap();
    let id = place.0.span().span_context().span_id();
    assert_eq!(span.say(current), id);
    assert_eq!(Place::say(Some(&place), current), id);
    assert_eq!(Place::say(None, current), SpanId::INVALID);
    assert_eq!(Span::default().say(current), SpanId::INVALID);
    assert_eq!(current(), SpanId::INVALID, "it is over");
}
