//! Traces: a span for each request, each call of a component and each request that a component makes.
//!
//! A span's place in its trace travels in the headers `traceparent` and `tracestate` (W3C Trace Context), from outside, between
//! components and to other servers. Where traces are not exported, nothing is recorded.
//! Names and attributes are those of OpenTelemetry's semantic conventions; `execute_wasm_component` is Spin's name.

use std::{borrow::Cow, sync::Arc, time::SystemTime};

use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header::HeaderName, uri::Authority,
};
use opentelemetry::{
    Context, KeyValue,
    propagation::TextMapPropagator,
    trace::{Link, Span as _, SpanBuilder, SpanId, SpanKind, Status, TraceContextExt, Tracer as _},
};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracer};

use crate::otlp::{method, with_span_id};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Makes the spans of this process.
#[derive(Clone, Default)]
pub(crate) struct Tracer(Option<Arc<Recorder>>);

struct Recorder {
    tracer: SdkTracer,
    propagator: TraceContextPropagator,
}

/// A place in a trace, under which others begin.
#[derive(Clone, Debug)]
pub(crate) struct Place(Context);

/// A span that has ended.
pub(crate) struct Reported {
    pub(crate) name: String,
    pub(crate) id: SpanId,
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
    pub(crate) attributes: Vec<KeyValue>,
    /// Why what it is about failed, if it did.
    pub(crate) error: Option<String>,
}

/// A span, which ends when it is dropped. It is empty if nothing is recorded.
#[derive(Default)]
pub(crate) struct Span(Option<Context>);

impl Tracer {
    /// Records with this tracer, or nothing.
    pub(crate) fn new(tracer: Option<SdkTracer>) -> Self {
        Self(tracer.map(Recorder::new).map(Arc::new))
    }

    /// Whether spans are recorded.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// A request from outside, with its id. It continues the trace of its headers, which then name its own place.
    pub(crate) fn server<B>(&self, request: &mut Request<B>, id: &str) -> Span {
        let Some(recorder) = &self.0 else {
            return Span::default();
        };
        let (method, uri) = (method(request.method()), request.uri());
        let attributes = vec![
            KeyValue::new("http.request.method", method.clone()),
            KeyValue::new("url.path", uri.path().to_owned()),
            KeyValue::new("url.scheme", "http"),
            KeyValue::new("request_id", id.to_owned()),
        ];
        let parent = recorder.place(request.headers());
        let builder = span(method, SpanKind::Server, attributes);
        recorder.begin(builder, &parent, request.headers_mut())
    }

    /// A component begins with a request that has these headers, which then name the span's place.
    pub(crate) fn component(&self, headers: &mut HeaderMap, component: &str, id: &str) -> Span {
        let Some(recorder) = &self.0 else {
            return Span::default();
        };
        let attributes = vec![
            KeyValue::new("component_id", component.to_owned()),
            KeyValue::new("request_id", id.to_owned()),
        ];
        let name = format!("execute_wasm_component {component}");
        let parent = recorder.place(headers);
        let builder = span(name, SpanKind::Internal, attributes);
        recorder.begin(builder, &parent, headers)
    }

    /// A component makes a request. Its place is under the one that the component names in the headers. If it names none, it is
    /// under the one request that the component has at work; with several, it is linked to all of them.
    pub(crate) fn client<B>(
        &self,
        request: &mut Request<B>,
        component: &str,
        at_work: &[Place],
    ) -> Span {
        let Some(recorder) = &self.0 else {
            return Span::default();
        };
        let (method, uri) = (method(request.method()), request.uri());
        let mut attributes = vec![
            KeyValue::new("http.request.method", method.clone()),
            KeyValue::new("url.full", without_secrets(uri)),
            KeyValue::new("component_id", component.to_owned()),
        ];
        if let Some(host) = uri.host() {
            attributes.push(KeyValue::new("server.address", host.to_owned()));
        }
        if let Some(port) = uri.port_u16() {
            attributes.push(KeyValue::new("server.port", i64::from(port)));
        }
        let named = recorder.place(request.headers());
        let mut builder = span(method, SpanKind::Client, attributes);
        let parent = match at_work {
            _ if named.span().span_context().is_valid() => named,
            [Place(only)] => only.clone(),
            several => {
                let links = several.iter();
                let links =
                    links.map(|Place(it)| Link::with_context(it.span().span_context().clone()));
                builder = builder.with_links(links.collect());
                named
            }
        };
        recorder.begin(builder, &parent, request.headers_mut())
    }

    /// A component receives a message from a channel.
    pub(crate) fn message(&self, channel: &str, component: &str) -> Span {
        let Some(recorder) = &self.0 else {
            return Span::default();
        };
        let attributes = vec![
            KeyValue::new("messaging.system", "redis"),
            KeyValue::new("messaging.operation.type", "receive"),
            KeyValue::new("messaging.destination.name", channel.to_owned()),
            KeyValue::new("component_id", component.to_owned()),
        ];
        let builder = span(format!("{channel} receive"), SpanKind::Consumer, attributes);
        recorder.begin(builder, &Context::new(), &mut HeaderMap::new())
    }

    /// A component reports a span of its own, which began at the place of these headers.
    pub(crate) fn reported(&self, parent: &HeaderMap, component: &str, reported: Reported) {
        let Some(recorder) = &self.0 else {
            return;
        };
        let mut attributes = reported.attributes;
        attributes.push(KeyValue::new("component_id", component.to_owned()));
        let builder =
            span(reported.name, SpanKind::Internal, attributes).with_start_time(reported.start);
        let parent = recorder.place(parent);
        // What began under it has named this id already.
        let mut span = with_span_id(reported.id, || {
            recorder.tracer.build_with_context(builder, &parent)
        });
        if let Some(error) = reported.error {
            span.set_status(Status::error(error));
        }
        span.end_with_timestamp(reported.end);
    }
}

impl Recorder {
    fn new(tracer: SdkTracer) -> Self {
        Self {
            tracer,
            propagator: TraceContextPropagator::new(),
        }
    }

    /// The place that headers name; outside of all traces if they name none.
    fn place(&self, headers: &HeaderMap) -> Context {
        self.propagator
            .extract_with_context(&Context::new(), &HeaderExtractor(headers))
    }

    /// Begins a span, and names its place in the headers.
    fn begin(&self, builder: SpanBuilder, parent: &Context, headers: &mut HeaderMap) -> Span {
        let span = self.tracer.build_with_context(builder, parent);
        let context = parent.with_span(span);
        headers.remove(TRACEPARENT);
        headers.remove(TRACESTATE);
        self.propagator
            .inject_context(&context, &mut HeaderInjector(headers));
        if headers.get(TRACESTATE).is_some_and(HeaderValue::is_empty) {
            headers.remove(TRACESTATE);
        }
        Span(Some(context))
    }
}

impl Place {
    /// Says something about what happens there, so that exported log lines name the trace and the span.
    pub(crate) fn say<T>(place: Option<&Self>, say: impl FnOnce() -> T) -> T {
        let _current = place.map(|Self(context)| context.clone().attach());
        say()
    }
}

impl Span {
    /// Says something about what the span is about, as [`Place::say`].
    pub(crate) fn say<T>(&self, say: impl FnOnce() -> T) -> T {
        Place::say(self.place().as_ref(), say)
    }

    /// Where it is, for what begins under it.
    pub(crate) fn place(&self) -> Option<Place> {
        self.0.clone().map(Place)
    }

    /// Whether it is empty.
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// The request got a response with this status. An error of the server is the span's, and so is an error of the client where
    /// the client is ours.
    pub(crate) fn answered(&self, status: StatusCode, as_client: bool) {
        let Some(context) = &self.0 else {
            return;
        };
        let span = context.span();
        let code = i64::from(status.as_u16());
        span.set_attribute(KeyValue::new("http.response.status_code", code));
        if status.is_server_error() || as_client && status.is_client_error() {
            span.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
            span.set_status(Status::error(""));
        }
    }

    /// The request came to a route and a component.
    pub(crate) fn routed(&self, verb: &Method, route: Option<&str>, component: Option<&str>) {
        let Some(context) = &self.0 else {
            return;
        };
        let span = context.span();
        if let Some(route) = route {
            span.update_name(format!("{} {route}", method(verb)));
            span.set_attribute(KeyValue::new("http.route", route.to_owned()));
        }
        if let Some(component) = component {
            span.set_attribute(KeyValue::new("component_id", component.to_owned()));
        }
    }

    /// What the span is about failed.
    pub(crate) fn failed(&self, error: impl Into<Cow<'static, str>>) {
        if let Some(context) = &self.0 {
            context.span().set_status(Status::error(error));
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        // Places under which other spans begin keep the context.
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

fn span(
    name: impl Into<Cow<'static, str>>,
    kind: SpanKind,
    attributes: Vec<KeyValue>,
) -> SpanBuilder {
    SpanBuilder::from_name(name)
        .with_kind(kind)
        .with_attributes(attributes)
}

/// A target without user information and query, which may be secrets.
fn without_secrets(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("http");
    let authority = uri.authority().map_or("", Authority::as_str);
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}", uri.path())
}

#[cfg(test)]
mod tests;
