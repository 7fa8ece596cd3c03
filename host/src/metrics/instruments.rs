//! The same numbers as instruments of OpenTelemetry, for a collector: names and attributes are those of its semantic conventions
//! where they have them.

use std::{sync::Arc, time::Duration};

use http::{Method, StatusCode};
use opentelemetry::{
    KeyValue,
    metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter},
};

use super::{Component, Route, SECONDS, resident_bytes};
use crate::otlp::method;

/// Upper bounds of the buckets of sizes, in bytes.
const BYTES: [f64; 6] = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7];

/// What is exported as it happens. The rest is read when it is exported.
pub(super) struct Instruments {
    meter: Meter,
    duration: Histogram<f64>,
    size: Histogram<u64>,
    active: UpDownCounter<i64>,
    unread: Counter<u64>,
    code: Gauge<i64>,
}

impl Instruments {
    /// Of this meter.
    pub(super) fn new(meter: Meter) -> Self {
        let memory = meter
            .i64_observable_up_down_counter("process.memory.usage")
            .with_unit("By")
            .with_description("Resident memory of the process")
            .with_callback(|observer| {
                if let Some(bytes) = resident_bytes() {
                    observer.observe(bytes, &[]);
                }
            });
        // The meter keeps it.
        _ = memory.build();
        Self {
            duration: meter
                .f64_histogram("http.server.request.duration")
                .with_unit("s")
                .with_description("Time from the head of a request to the end of its response")
                .with_boundaries(SECONDS.to_vec())
                .build(),
            size: meter
                .u64_histogram("http.server.response.body.size")
                .with_unit("By")
                .with_description("Bytes of the bodies of responses")
                .with_boundaries(BYTES.to_vec())
                .build(),
            active: meter
                .i64_up_down_counter("http.server.active_requests")
                .with_unit("{request}")
                .with_description("Requests that are being answered")
                .build(),
            unread: meter
                .u64_counter("routelets.requests.unread")
                .with_unit("{request}")
                .with_description("Requests that could not be read, by the status of the refusal")
                .build(),
            code: meter
                .i64_gauge("routelets.components")
                .with_unit("{component}")
                .with_description(
                    "Components by whether their machine code was found at the start, or had to be compiled",
                )
                .build(),
            meter,
        }
    }

    /// Exports what is counted of a component.
    pub(super) fn component(&self, id: &Arc<str>, component: &Component) {
        let attributes = || [KeyValue::new("component_id", Arc::clone(id))];
        for (name, unit, description, gauge) in [
            (
                "routelets.instances",
                "{instance}",
                "Instances that are alive",
                &component.instances,
            ),
            (
                "routelets.instance.memory",
                "By",
                "Linear memory of the instances that are alive",
                &component.memory,
            ),
        ] {
            let (attributes, gauge) = (attributes(), gauge.clone());
            let counter = self
                .meter
                .i64_observable_up_down_counter(name)
                .with_unit(unit)
                .with_description(description)
                .with_callback(move |observer| observer.observe(gauge.get(), &attributes));
            _ = counter.build();
        }
        let (attributes, failures) = (attributes(), component.failures.clone());
        let counter = self
            .meter
            .u64_observable_counter("routelets.instance.failures")
            .with_unit("{instance}")
            .with_description(
                "Instances that ended with a trap, a panic of the host or a time limit",
            )
            .with_callback(move |observer| observer.observe(failures.get(), &attributes));
        _ = counter.build();
    }

    /// A request begins.
    pub(super) fn begin(&self, verb: &Method) {
        self.active.add(1, &request(verb));
    }

    /// A request that began has ended.
    pub(super) fn end(
        &self,
        verb: &Method,
        route: &Route,
        status: StatusCode,
        took: Duration,
        bytes: u64,
    ) {
        let request = request(verb);
        self.active.add(-1, &request);
        let mut attributes = Vec::from(request);
        attributes.push(code(status));
        if route.name().is_some() {
            attributes.push(KeyValue::new("http.route", Arc::clone(&route.name)));
        }
        if status.is_server_error() {
            attributes.push(KeyValue::new("error.type", status.as_str().to_owned()));
        }
        self.duration.record(took.as_secs_f64(), &attributes);
        self.size.record(bytes, &attributes);
    }

    /// A request that could not be read was refused.
    pub(super) fn unread(&self, status: StatusCode) {
        self.unread.add(1, &[code(status)]);
    }

    /// So many components got their machine code in this way.
    pub(super) fn loaded(&self, way: &'static str, number: i64) {
        self.code.record(number, &[KeyValue::new("code", way)]);
    }
}

fn request(verb: &Method) -> [KeyValue; 2] {
    [
        KeyValue::new("http.request.method", method(verb)),
        KeyValue::new("url.scheme", "http"),
    ]
}

fn code(status: StatusCode) -> KeyValue {
    let code = i64::from(status.as_u16());
    KeyValue::new("http.response.status_code", code)
}

#[cfg(test)]
mod tests;
