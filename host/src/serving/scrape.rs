//! The metrics as an HTTP resource, and the listener for them: a separate address that does not serve the application.

use std::{convert::Infallible, sync::Arc, time::Duration};

use bytes::Bytes;
use exposition::Format;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::Semaphore};
use tracing::warn;

use crate::metrics::Metrics;

/// Connections at once; more wait.
const CONNECTIONS: usize = 16;

/// How long a client may take for a request's head, or leave a connection idle.
const PATIENCE: Duration = Duration::from_secs(60);

/// Answers `GET /metrics` until it is dropped.
pub(crate) async fn serve(metrics: Arc<Metrics>, listener: TcpListener) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let permit = Arc::clone(&connections).acquire_owned().await.ok();
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!("cannot accept a connection for metrics: {error}");
                tokio::time::sleep(PATIENCE / 60).await;
                continue;
            }
        };
        let metrics = Arc::clone(&metrics);
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let answer = answer(&metrics, &request);
                async move { Ok::<_, Infallible>(answer) }
            });
            // What goes wrong here is the client's doing.
            _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(PATIENCE)
                .serve_connection(TokioIo::new(stream), answer)
                .await;
            drop(permit);
        });
    }
}

/// Answers `GET /metrics` with the metrics, and nothing else.
pub(crate) fn answer<B>(metrics: &Metrics, request: &Request<B>) -> Response<Full<Bytes>> {
    let refused = match (request.uri().path(), request.method()) {
        ("/metrics", &Method::GET | &Method::HEAD) => None,
        ("/metrics", _) => Some((StatusCode::METHOD_NOT_ALLOWED, "use GET\n")),
        _ => Some((StatusCode::NOT_FOUND, "the metrics are at /metrics\n")),
    };
    let (status, kind, text) = match refused {
        Some((status, text)) => (status, "text/plain; charset=utf-8", text.to_owned()),
        None => {
            let accept = request.headers().get_all(header::ACCEPT).iter();
            let format = Format::accepted(accept.filter_map(|value| value.to_str().ok()));
            let text = format.encode(metrics.registry());
            (StatusCode::OK, format.content_type(), text)
        }
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    let never = HeaderValue::from_static("no-store");
    headers.insert(header::CACHE_CONTROL, never);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let methods = HeaderValue::from_static("GET,HEAD");
        headers.insert(header::ALLOW, methods);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_all_there_is() {
        let metrics = Metrics::new([], None);
        for (method, path, status) in [
            ("GET", "/metrics", 200),
            ("HEAD", "/metrics", 200),
            ("GET", "/metrics?x=1", 200),
            ("POST", "/metrics", 405),
            ("GET", "/", 404),
            ("GET", "/ping", 404),
        ] {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .body(())
                .unwrap();
            let answer = answer(&metrics, &request);
            assert_eq!(answer.status(), status, "{method} {path}");
        }
    }
}
