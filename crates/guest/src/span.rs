//! Spans of what a component does, in the trace of the request that it answers (W3C Trace Context).
//!
//! The embedded host exports them, beside its own. On Spin nothing takes them, and what Spin traces remains.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::outgoing::{self, Place, Placed, TRACEPARENT};
use crate::runtime::{LIMIT, SPANS};

thread_local! {
    /// Whether the runtime has refused a span of this instance: it will not take others.
    static REFUSED: Cell<bool> = const { Cell::new(false) };
}

/// A span, which ends when it is dropped. Outside a trace it does nothing.
#[derive(Default)]
pub struct Span(Option<Open>);

struct Open {
    /// The place under which it began.
    parent: Place,
    /// Its own place.
    place: Place,
    report: Report,
}

/// What the runtime is told.
#[derive(Debug, PartialEq, Serialize)]
struct Report {
    name: &'static str,
    /// 16 hexadecimal digits.
    id: String,
    /// Nanoseconds since 1970.
    start: u64,
    end: u64,
    attributes: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Span {
    /// Begins a span of the request that is being answered.
    #[must_use]
    pub fn begin(name: &'static str) -> Self {
        Self::under(outgoing::current(), name)
    }

    /// Begins a span under the place that a header `traceparent` names.
    pub(crate) fn under_header(traceparent: Option<&str>, name: &'static str) -> Self {
        let value = traceparent.and_then(|text| HeaderValue::from_str(text).ok());
        let headers = HeaderMap::from_iter(value.map(|value| (TRACEPARENT, value)));
        Self::under(outgoing::place(&headers), name)
    }

    fn under(parent: Place, name: &'static str) -> Self {
        if parent.is_empty() || REFUSED.get() {
            return Self::default();
        }
        // Random, and not 0, which would be invalid: its highest bit is set.
        let id = format!("{:016x}", Uuid::new_v4().as_u64_pair().1);
        let traceparent = outgoing::traceparent(&parent)
            .and_then(|parent| child(parent, &id))
            .and_then(|traceparent| HeaderValue::try_from(traceparent).ok());
        let Some(traceparent) = traceparent else {
            return Self::default();
        };
        let mut headers = HeaderMap::from_iter(parent.iter().cloned());
        headers.insert(TRACEPARENT, traceparent);
        Self(Some(Open {
            parent,
            place: outgoing::place(&headers),
            report: Report {
                name,
                id,
                start: now(),
                end: 0,
                attributes: Map::new(),
                error: None,
            },
        }))
    }

    /// Sets an attribute: text, a number or a truth value.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        if let Some(open) = &mut self.0 {
            open.report.attributes.insert(name.to_owned(), value.into());
        }
    }

    /// What the span is about failed.
    pub fn failed(&mut self, reason: impl Into<String>) {
        if let Some(open) = &mut self.0 {
            open.report.error = Some(reason.into());
        }
    }

    /// Awaits a future. Requests that it sends, and spans that it begins, are under this span.
    pub async fn run<F: Future>(&self, future: F) -> F::Output {
        match &self.0 {
            Some(open) => Placed::new(open.place.clone(), future).await,
            None => future.await,
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(open) = self.0.take() {
            let Open {
                parent, mut report, ..
            } = open;
            report.end = now();
            // Nobody need wait for it.
            spin_sdk::wasip3::spawn(tell(parent, report));
        }
    }
}

async fn tell(parent: Place, report: Report) {
    // A report consists of what JSON can hold.
    let body = serde_json::to_vec(&report).unwrap_or_default();
    let request = Request::post(SPANS)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(body));
    let Ok(request) = request else { return };
    let sent = Placed::new(parent, crate::send(request));
    let sent = crate::within(LIMIT, sent).await;
    let status = sent.and_then(Result::ok).map(|response| response.status());
    if status != Some(StatusCode::NO_CONTENT) {
        REFUSED.set(true);
    }
}

/// A `traceparent` of the same trace with another id; `None` if it cannot be read, or the trace is not recorded.
fn child(traceparent: &str, id: &str) -> Option<String> {
    let mut fields = traceparent.split('-');
    let [version, trace, parent, flags] = [(); 4].map(|()| fields.next().unwrap_or_default());
    let is_hexadecimal = |field: &str, digits| {
        field.len() == digits && field.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let is_valid = is_hexadecimal(version, 2)
        && is_hexadecimal(trace, 32)
        && is_hexadecimal(parent, 16)
        && is_hexadecimal(flags, 2);
    let is_recorded = u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1);
    (is_valid && is_recorded).then(|| format!("00-{trace}-{id}-{flags}"))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_place_is_under_one_that_is_recorded() {
        let id = "1122334455667788";
        let of = |flags| format!("00-{TRACE}-00f067aa0ba902b7-{flags}");
        assert_eq!(child(&of("01"), id), Some(format!("00-{TRACE}-{id}-01")));
        assert_eq!(child(&of("03"), id), Some(format!("00-{TRACE}-{id}-03")));
        // A later version may have more fields.
        let later = format!("cc-{TRACE}-00f067aa0ba902b7-01-what");
        assert_eq!(child(&later, id), Some(format!("00-{TRACE}-{id}-01")));
        for invalid in [
            of("00"),
            of("1"),
            of("xx"),
            format!("00-{TRACE}-00f067aa-01"),
            TRACE.to_owned(),
            String::new(),
        ] {
            assert_eq!(child(&invalid, id), None, "{invalid}");
        }
    }

    #[test]
    fn without_a_trace_a_span_is_empty() {
        assert!(Span::begin("a").0.is_none());
        assert!(Span::under_header(Some("\n"), "a").0.is_none());
        let mut span = Span::under_header(None, "a");
        span.set("b", 1);
        span.failed("c");
        let output = pollster::block_on(span.run(std::future::ready(3)));
        assert_eq!(output, 3);
        assert!(span.0.is_none());
    }

    #[test]
    fn what_runs_in_a_span_is_under_it() {
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let mut span = Span::under_header(Some(&parent), "a");
        span.set("seconds", 1.5);
        span.failed("too long");
        let inner = pollster::block_on(span.run(async { outgoing::current() }));
        // Taken apart, because nothing takes its report here.
        let open = span.0.take().unwrap();
        let traceparent = format!("00-{TRACE}-{}-01", open.report.id);
        let expected = HeaderValue::try_from(traceparent).unwrap();
        assert_eq!(*inner, [(TRACEPARENT, expected)]);
        let report = serde_json::to_value(&open.report).unwrap();
        let attributes = serde_json::json!({"seconds": 1.5});
        assert_eq!(report["attributes"], attributes);
        assert_eq!(report["error"], "too long");
        assert_eq!(open.parent[0].1, parent);
    }
}
