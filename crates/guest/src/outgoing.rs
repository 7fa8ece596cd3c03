//! Requests that a component makes. They are in the trace of the request that it answers (W3C Trace Context).
//!
//! An instance answers several requests at once, so that the runtime cannot know for which of them another one is made.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, header};
use http_api::Problem;
use http_api::problem::TIME_LIMIT_EXCEEDED;
use http_body::{Body, Frame, SizeHint};
use send_wrapper::SendWrapper;
use spin_sdk::http::body::IncomingBodyExt;
use spin_sdk::http::{FullBody, Response};
use spin_sdk::wasip3::http::types::ErrorCode;

/// The header that names a place in a trace.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The headers that tell about a place.
const PLACE: [HeaderName; 2] = [TRACEPARENT, HeaderName::from_static("tracestate")];

/// Those headers of a request.
pub(crate) type Place = Rc<Vec<(HeaderName, HeaderValue)>>;

/// Where a request with these headers is.
pub(crate) fn place(headers: &HeaderMap) -> Place {
    let named = PLACE.into_iter().filter_map(|name| {
        let value = headers.get(&name)?.clone();
        Some((name, value))
    });
    Rc::new(named.collect())
}

thread_local! {
    /// The place of what is being polled.
    static CURRENT: RefCell<Place> = RefCell::default();
}

/// Where what is being polled is.
pub(crate) fn current() -> Place {
    CURRENT.with_borrow(Rc::clone)
}

/// The header `traceparent` of a place.
pub(crate) fn traceparent(place: &Place) -> Option<&str> {
    let (_, value) = place.iter().find(|(name, _)| *name == TRACEPARENT)?;
    value.to_str().ok()
}

/// Sends a request, in the trace of the one that is being answered.
///
/// # Errors
/// If no response arrives.
pub async fn send(mut request: Request<Bytes>) -> Result<Response, ErrorCode> {
    let place = current();
    for (name, value) in place.iter() {
        request.headers_mut().insert(name, value.clone());
    }
    spin_sdk::http::send(request.map(FullBody::new)).await
}

/// The answer of another component of the application, without its headers other than its media type.
///
/// # Errors
/// `internal-error` if no answer arrives.
pub async fn exchange(request: Request<Bytes>) -> Result<axum::http::Response<Bytes>, Problem> {
    let failed = |error: ErrorCode| Problem::internal(error.to_string());
    let (mut head, body) = send(request).await.map_err(failed)?.into_parts();
    let media_type = head.headers.remove(header::CONTENT_TYPE);
    let body = body.bytes().await.map_err(failed)?;
    let mut answer = axum::http::Response::new(body);
    *answer.status_mut() = head.status;
    let media_type = media_type.map(|value| (header::CONTENT_TYPE, value));
    answer.headers_mut().extend(media_type);
    Ok(answer)
}

/// The same within a number of seconds. `what` is named where it takes longer.
///
/// # Errors
/// `time-limit-exceeded`, or `internal-error` if no answer arrives.
pub async fn exchange_within(
    seconds: f64,
    what: &str,
    request: Request<Bytes>,
) -> Result<crate::Response, Problem> {
    let limit = Duration::from_secs_f64(seconds);
    match crate::within(limit, exchange(request)).await {
        Some(answer) => Ok(answer?.map(axum::body::Body::from)),
        None => Err(Problem::new(
            TIME_LIMIT_EXCEEDED,
            format!("the {what} took longer than {seconds} s"),
        )),
    }
}

/// Makes its place in a trace the current one while a future or a body is polled.
pub(crate) struct Placed<T> {
    place: SendWrapper<Place>,
    inner: Pin<Box<T>>,
}

impl<T> Placed<T> {
    pub(crate) fn new(place: Place, inner: T) -> Self {
        Self {
            place: SendWrapper::new(place),
            inner: Box::pin(inner),
        }
    }

    fn poll<O>(&mut self, poll: impl FnOnce(Pin<&mut T>) -> O) -> O {
        let before = CURRENT.replace(Rc::clone(&self.place));
        let polled = poll(self.inner.as_mut());
        CURRENT.set(before);
        polled
    }
}

impl<F: Future> Future for Placed<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        Placed::poll(&mut self, |inner| inner.poll(context))
    }
}

impl<B: Body> Body for Placed<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Placed::poll(&mut self, |inner| inner.poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_future_knows_its_own_place() {
        let headers = |parent| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", HeaderValue::from_static(parent));
            headers.insert("x-other", HeaderValue::from_static("1"));
            headers
        };
        let seen = || async {
            let mut seen = Vec::new();
            for _ in 0..2 {
                let place = current();
                seen.extend(
                    place
                        .iter()
                        .map(|(name, value)| format!("{name}: {value:?}")),
                );
                let mut yielded = false;
                std::future::poll_fn(|_| match std::mem::replace(&mut yielded, true) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                })
                .await;
            }
            seen
        };
        let mut one = Placed::new(place(&headers("a")), seen());
        let mut other = Placed::new(place(&headers("b")), seen());
        let mut context = Context::from_waker(std::task::Waker::noop());
        // In turns, as a runtime polls them.
        for _ in 0..2 {
            assert!(Pin::new(&mut one).poll(&mut context).is_pending());
            assert!(Pin::new(&mut other).poll(&mut context).is_pending());
        }
        for (future, parent) in [(&mut one, "a"), (&mut other, "b")] {
            let line = format!("traceparent: \"{parent}\"");
            let both = Poll::Ready(vec![line.clone(), line]);
            assert_eq!(Pin::new(future).poll(&mut context), both);
        }
        assert!(CURRENT.with_borrow(|place| place.is_empty()));
    }
}
