//! Ids of spans: random ones, or those that components have chosen.

use std::cell::Cell;

use opentelemetry::trace::{SpanId, TraceId};
use opentelemetry_sdk::trace::{IdGenerator, RandomIdGenerator};

thread_local! {
    /// The id of the next span of this thread. A span is built in one call.
    static NEXT: Cell<Option<SpanId>> = const { Cell::new(None) };
}

/// Builds a span with this id.
pub(crate) fn with_span_id<T>(id: SpanId, build: impl FnOnce() -> T) -> T {
    NEXT.set(Some(id));
    let built = build();
    NEXT.set(None);
    built
}

/// Makes the ids.
#[derive(Debug, Default)]
pub(super) struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        self.0.new_trace_id()
    }

    fn new_span_id(&self) -> SpanId {
        NEXT.take().unwrap_or_else(|| self.0.new_span_id())
    }
}
