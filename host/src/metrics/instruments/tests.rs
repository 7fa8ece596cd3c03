use std::{collections::BTreeMap, sync::Mutex};

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{
        SdkMeterProvider, Temporality,
        data::{AggregatedMetrics, Metric, MetricData, ResourceMetrics, ScopeMetrics},
        exporter::PushMetricExporter,
    },
};

use super::*;
use crate::metrics::Metrics;

/// The points of the last export, by metric and attributes.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<BTreeMap<String, f64>>>);

impl PushMetricExporter for Kept {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut kept = self.0.lock().unwrap();
        kept.clear();
        let scopes = metrics.scope_metrics();
        for metric in scopes.flat_map(ScopeMetrics::metrics) {
            kept.extend(points(metric));
        }
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

/// The points of a metric as `name{attributes} unit`, with their values; the sums of histograms.
fn points(metric: &Metric) -> Vec<(String, f64)> {
    let point = |attributes: &mut dyn Iterator<Item = &KeyValue>, value: f64| {
        let mut attributes: Vec<_> = attributes
            .map(|it| format!("{}={}", it.key, it.value))
            .collect();
        attributes.sort();
        let attributes = attributes.join(",");
        let (name, unit) = (metric.name(), metric.unit());
        (format!("{name}{{{attributes}}} {unit}"), value)
    };
    match metric.data() {
        AggregatedMetrics::F64(MetricData::Histogram(histogram)) => histogram
            .data_points()
            .map(|it| point(&mut it.attributes(), it.sum()))
            .collect(),
        AggregatedMetrics::U64(MetricData::Histogram(histogram)) => histogram
            .data_points()
            .map(|it| point(&mut it.attributes(), it.sum() as f64))
            .collect(),
        AggregatedMetrics::I64(MetricData::Gauge(gauge)) => gauge
            .data_points()
            .map(|it| point(&mut it.attributes(), it.value() as f64))
            .collect(),
        AggregatedMetrics::U64(MetricData::Sum(sum)) => sum
            .data_points()
            .map(|it| point(&mut it.attributes(), it.value() as f64))
            .collect(),
        AggregatedMetrics::I64(MetricData::Sum(sum)) => sum
            .data_points()
            .map(|it| point(&mut it.attributes(), it.value() as f64))
            .collect(),
        other => panic!("{}: {other:?}", metric.name()),
    }
}

#[test]
fn what_is_counted_is_exported() {
    let kept = Kept::default();
    let provider = SdkMeterProvider::builder()
        .with_periodic_exporter(kept.clone())
        .build();
    let metrics = Metrics::new(["/a/..."], Some(provider.meter("test")));
    let [one, other] = ["one", "other"].map(|id| metrics.component(&Arc::from(id)));
    metrics.loaded(2, 1);
    let brew = Method::from_bytes(b"BREW").unwrap();
    for (verb, route, status, seconds) in [
        (&Method::GET, Some("/a/..."), StatusCode::OK, 1.0),
        (&Method::GET, Some("/a/..."), StatusCode::OK, 0.5),
        (&Method::POST, Some("/a/..."), StatusCode::BAD_GATEWAY, 2.0),
        (&brew, None, StatusCode::NOT_FOUND, 4.0),
    ] {
        metrics.begin(verb);
        let (route, took) = (metrics.route(route), Duration::from_secs_f64(seconds));
        metrics.end(verb, &route, status, took, 10);
    }
    metrics.begin(&Method::GET);
    metrics.unread(StatusCode::BAD_REQUEST);
    one.instances.inc_by(3);
    one.memory.inc_by(100);
    other.failures.inc();
    provider.force_flush().unwrap();
    let mut exported = kept.0.lock().unwrap().clone();

    let memory = exported.remove("process.memory.usage{} By");
    assert_eq!(memory.is_some(), cfg!(target_os = "linux"));
    let by_route = [
        (
            "http.request.method=GET,http.response.status_code=200,http.route=/a/...,url.scheme=http",
            (1.5, 20.0),
        ),
        (
            "error.type=502,http.request.method=POST,http.response.status_code=502,http.route=/a/...,url.scheme=http",
            (2.0, 10.0),
        ),
        (
            "http.request.method=_OTHER,http.response.status_code=404,url.scheme=http",
            (4.0, 10.0),
        ),
    ];
    for (attributes, (seconds, bytes)) in by_route {
        let duration = format!("http.server.request.duration{{{attributes}}} s");
        assert_eq!(exported.remove(&duration), Some(seconds), "{duration}");
        let size = format!("http.server.response.body.size{{{attributes}}} By");
        assert_eq!(exported.remove(&size), Some(bytes), "{size}");
    }
    let active = |method: &str| {
        format!(
            "http.server.active_requests{{http.request.method={method},url.scheme=http}} {{request}}"
        )
    };
    let expected = [
        (active("GET"), 1.0),
        (active("POST"), 0.0),
        (active("_OTHER"), 0.0),
        (
            "routelets.requests.unread{http.response.status_code=400} {request}".to_owned(),
            1.0,
        ),
        (
            "routelets.components{code=found} {component}".to_owned(),
            2.0,
        ),
        (
            "routelets.components{code=compiled} {component}".to_owned(),
            1.0,
        ),
        (
            "routelets.instances{component_id=one} {instance}".to_owned(),
            3.0,
        ),
        (
            "routelets.instances{component_id=other} {instance}".to_owned(),
            0.0,
        ),
        (
            "routelets.instance.memory{component_id=one} By".to_owned(),
            100.0,
        ),
        (
            "routelets.instance.memory{component_id=other} By".to_owned(),
            0.0,
        ),
        (
            "routelets.instance.failures{component_id=one} {instance}".to_owned(),
            0.0,
        ),
        (
            "routelets.instance.failures{component_id=other} {instance}".to_owned(),
            1.0,
        ),
    ];
    assert_eq!(exported, BTreeMap::from(expected));
}
