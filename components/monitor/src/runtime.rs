//! The numbers of the runtime. The embedded host answers to the name `runtime.invalid`; on Spin nothing does.

use std::pin::pin;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, StatusCode, header};
use exposition::Format;
use futures_util::future::{Either, select};
use spin_sdk::http::FullBody;
use spin_sdk::http::body::IncomingBodyExt;

const METRICS: &str = "http://runtime.invalid/metrics";

/// How long the runtime may take. On Spin the name is looked up, which may take as long as the network likes.
const LIMIT: Duration = Duration::from_secs(1);

/// The metrics of the runtime in a format; `None` if it has none for its components.
pub(crate) async fn metrics(format: Format) -> Option<String> {
    match select(pin!(ask(format)), pin!(spin_sdk::time::sleep(LIMIT))).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => None,
    }
}

async fn ask(format: Format) -> Option<String> {
    let request = Request::get(METRICS)
        .header(header::ACCEPT, format.content_type())
        .body(FullBody::new(Bytes::new()))
        .ok()?;
    let (head, body) = spin_sdk::http::send(request).await.ok()?.into_parts();
    if !is_metrics(head.status, &head.headers, format) {
        return None;
    }
    let body = body.bytes().await.ok()?;
    String::from_utf8(body.into()).ok()
}

/// A network that answers for every name does not answer with metrics.
fn is_metrics(status: StatusCode, headers: &HeaderMap, format: Format) -> bool {
    let kind = headers.get(header::CONTENT_TYPE);
    status == StatusCode::OK
        && kind.is_some_and(|kind| kind.as_bytes() == format.content_type().as_bytes())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_metrics_in_the_format_that_was_asked_for_are_taken() {
        let of = |kind: &'static str| {
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))])
        };
        let format = Format::OpenMetrics;
        assert!(is_metrics(
            StatusCode::OK,
            &of(format.content_type()),
            format
        ));
        for (status, headers) in [
            (StatusCode::NOT_FOUND, of(format.content_type())),
            (StatusCode::OK, of("text/html")),
            (StatusCode::OK, of(Format::Prometheus.content_type())),
            (StatusCode::OK, HeaderMap::new()),
        ] {
            assert!(
                !is_metrics(status, &headers, format),
                "{status} {headers:?}"
            );
        }
    }
}
