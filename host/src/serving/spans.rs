//! Spans that components report of their own work.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use opentelemetry::{KeyValue, Value, trace::SpanId};
use serde::Deserialize;
use serde_json::Map;
use wasmtime_wasi_http::WasiBody;

use crate::traces::{Reported, Tracer};

/// The most bytes of a report.
const MOST: usize = 16 * 1024;

/// A span as a component reports it. Its parent is in the request's headers.
#[derive(Deserialize)]
struct Report {
    name: String,
    /// 16 hexadecimal digits.
    id: String,
    /// Nanoseconds since 1970.
    start: u64,
    end: u64,
    attributes: Map<String, serde_json::Value>,
    error: Option<String>,
}

/// Records a span: 204, or 404 where nothing is recorded.
pub(crate) async fn answer(
    tracer: &Tracer,
    component: &str,
    request: Request<WasiBody>,
) -> Response<Full<Bytes>> {
    let status = match tracer.is_on() {
        true => record(tracer, component, request).await,
        false => StatusCode::NOT_FOUND,
    };
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

async fn record(tracer: &Tracer, component: &str, request: Request<WasiBody>) -> StatusCode {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MOST).collect().await else {
        return StatusCode::PAYLOAD_TOO_LARGE;
    };
    let Some(reported) = read(&body.to_bytes()) else {
        return StatusCode::BAD_REQUEST;
    };
    tracer.reported(&head.headers, component, reported);
    StatusCode::NO_CONTENT
}

fn read(body: &[u8]) -> Option<Reported> {
    let report: Report = serde_json::from_slice(body).ok()?;
    let id = SpanId::from_hex(&report.id).ok()?;
    let (start, end) = (time(report.start)?, time(report.end)?);
    let attributes = report.attributes.into_iter();
    let attributes = attributes.map(|(name, value)| Some(KeyValue::new(name, scalar(value)?)));
    let is_valid = id != SpanId::INVALID && start <= end && !report.name.is_empty();
    is_valid.then_some(Reported {
        name: report.name,
        id,
        start,
        end,
        attributes: attributes.collect::<Option<_>>()?,
        error: report.error,
    })
}

fn time(nanoseconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_nanos(nanoseconds))
}

fn scalar(value: serde_json::Value) -> Option<Value> {
    Some(match value {
        serde_json::Value::Bool(truth) => truth.into(),
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64()?.into(),
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_if_all_of_it_is_valid() {
        let body = serde_json::json!({
            "name": "recognition",
            "id": "1122334455667788",
            "start": 1_700_000_000_000_000_000_u64,
            "end": 1_700_000_000_500_000_000_u64,
            "attributes": {"a": "b", "seconds": 1.5, "digits": 80, "is": true},
        });
        let read = |body: &serde_json::Value| read(body.to_string().as_bytes());
        let reported = read(&body).unwrap();
        assert_eq!(reported.id.to_string(), "1122334455667788");
        let took = reported.end.duration_since(reported.start).unwrap();
        assert_eq!(took, Duration::from_millis(500));
        assert_eq!(reported.error, None);
        let attributes = reported.attributes.iter();
        let attributes: Vec<_> = attributes
            .map(|it| format!("{}={}", it.key, it.value.as_str()))
            .collect();
        assert_eq!(attributes, ["a=b", "digits=80", "is=true", "seconds=1.5"]);
        for (name, value) in [
            ("name", "".into()),
            ("id", "1".repeat(17).into()),
            ("id", "0".repeat(16).into()),
            ("start", u64::MAX.into()),
            ("end", (-1).into()),
            ("attributes", serde_json::json!({"a": [1]})),
        ] {
            let mut invalid = body.clone();
            invalid[name] = value;
            assert!(read(&invalid).is_none(), "{invalid}");
        }
        assert!(super::read(b"{").is_none());
    }
}
