use std::{
    iter,
    sync::{Arc, Mutex},
};

use opentelemetry::logs::LoggerProvider as _;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    logs::{LogBatch, LogExporter, SdkLogRecord, SdkLoggerProvider},
};
use tracing::{error, info, warn};
use tracing_subscriber::layer::SubscriberExt;

use super::*;

#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SdkLogRecord>>>);

impl LogExporter for Kept {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let records = batch.iter().map(|(record, _)| record.clone());
        self.0.lock().unwrap().extend(records);
        Ok(())
    }
}

/// The records of what `say` says.
fn records(say: impl FnOnce(&SdkLogger)) -> Vec<SdkLogRecord> {
    let kept = Kept::default();
    let provider = SdkLoggerProvider::builder()
        .with_simple_exporter(kept.clone())
        .build();
    let logger: &OnceLock<_> = Box::leak(Box::default());
    let subscriber = tracing_subscriber::registry().with(Records(logger));
    tracing::subscriber::with_default(subscriber, || {
        info!(target: ACCESS, "there is no logger yet");
        say(logger.get_or_init(|| provider.logger("test")));
    });
    kept.0.lock().unwrap().clone()
}

fn attributes(record: &SdkLogRecord) -> Vec<(&str, AnyValue)> {
    let attributes = record.attributes_iter();
    attributes
        .map(|(key, value)| (key.as_str(), value.clone()))
        .collect()
}

#[test]
fn a_line_is_a_record_with_its_fields() {
    let records = records(|_| {
        let (caller, status) = (None::<&str>, 200_u16);
        info!(
            target: ACCESS,
            request = "r-1", caller, method = "GET", status, ms = 1.5, component = "a",
            "GET /a 200"
        );
        let routes = br#"[{"id":"a","private":true,"nothing":null}]"#;
        info!(target: START, routes = routes.as_slice(), "Serving");
    });
    let [access, start] = &records[..] else {
        panic!("{records:#?}");
    };
    assert_eq!(access.body(), Some(&AnyValue::from("GET /a 200")));
    assert_eq!(access.target().map(|target| &**target), Some(ACCESS));
    assert_eq!(access.severity_number(), Some(Severity::Info));
    assert_eq!(access.severity_text(), Some("INFO"));
    let expected = [
        ("request_id", "r-1".into()),
        ("method", "GET".into()),
        ("status", 200.into()),
        ("ms", 1.5.into()),
        ("component_id", "a".into()),
    ];
    assert_eq!(attributes(access), expected);
    let route = [("id", AnyValue::from("a")), ("private", true.into())];
    let routes = iter::once(AnyValue::from_iter(route)).collect();
    assert_eq!(attributes(start), [("routes", routes)]);
}

#[test]
fn a_line_of_a_component_is_a_record() {
    let records = records(|logger| {
        guest(logger, "asr", "stderr", Some("r-1, r-2"), "heard");
        guest(logger, "asr", "stdout", None, "");
    });
    assert_eq!(records.len(), 2);
    assert_eq!(records[0].body(), Some(&AnyValue::from("heard")));
    assert_eq!(records[0].target().map(|target| &**target), Some(GUEST));
    let expected = [
        ("component_id", "asr".into()),
        ("stream", "stderr".into()),
        ("request_id", "r-1, r-2".into()),
    ];
    assert_eq!(attributes(&records[0]), expected);
    assert_eq!(attributes(&records[1]).len(), 2);
}

#[test]
fn only_the_host_is_exported_and_not_its_exporter() {
    let records = records(|_| {
        error!(target: "host::serving::pool", "1");
        warn!(target: "host", "2");
        warn!(target: "host::otlp::client", "the collector fails");
        warn!(target: "host::otlp", "so does its end");
        warn!(target: "hostile", "another crate");
        warn!(target: "hyper::client", "another crate");
        info!(target: GUEST, "it has a record already");
        warn!(target: "host::otlpish", "3");
    });
    let bodies: Vec<_> = records.iter().filter_map(SdkLogRecord::body).collect();
    let expected: [AnyValue; 3] = ["1".into(), "2".into(), "3".into()];
    assert_eq!(bodies, expected.iter().collect::<Vec<_>>());
}
