//! What the runtime tells its components. The embedded host answers to these names; on Spin nothing does.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Request, StatusCode, header};
use spin_sdk::http::body::IncomingBodyExt;

/// The metrics of the runtime.
pub const METRICS: &str = "http://runtime.invalid/metrics";
/// How many cores are idle.
pub(crate) const IDLE_CORES: &str = "http://cores.runtime.invalid/";

/// Where spans are reported.
pub(crate) const SPANS: &str = "http://spans.runtime.invalid/";

/// How long the runtime may take. On Spin the name is looked up, which may take as long as the network likes.
pub(crate) const LIMIT: Duration = Duration::from_secs(1);

/// What the runtime has at this address, in the media type `kind`; `None` if there is nothing.
pub async fn ask(address: &str, kind: &str) -> Option<Bytes> {
    crate::within(LIMIT, get(address, kind)).await.flatten()
}

async fn get(address: &str, kind: &str) -> Option<Bytes> {
    let request = Request::get(address)
        .header(header::ACCEPT, kind)
        .body(Bytes::new())
        .ok()?;
    let (head, body) = crate::send(request).await.ok()?.into_parts();
    if !is_of(head.status, &head.headers, kind) {
        return None;
    }
    body.bytes().await.ok()
}

/// A network that answers for every name answers with something else.
fn is_of(status: StatusCode, headers: &HeaderMap, kind: &str) -> bool {
    let found = headers.get(header::CONTENT_TYPE);
    status == StatusCode::OK && found.is_some_and(|found| found.as_bytes() == kind.as_bytes())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_an_answer_of_the_media_type_that_was_asked_for_is_taken() {
        let of =
            |kind| HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(kind))]);
        let kind = "text/plain; version=1";
        assert!(is_of(StatusCode::OK, &of(kind), kind));
        for (status, headers) in [
            (StatusCode::NOT_FOUND, of(kind)),
            (StatusCode::OK, of("text/html")),
            (StatusCode::OK, of("text/plain; version=2")),
            (StatusCode::OK, HeaderMap::new()),
        ] {
            assert!(!is_of(status, &headers, kind), "{status} {headers:?}");
        }
    }
}
