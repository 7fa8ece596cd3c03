//! How many request bodies a caller may send at once.
//!
//! A body is counted while it arrives, by the component `limiter`, under a lease that is renewed: a body whose instance is lost is
//! not counted for longer than [`LEASE`]. One that is small and arrives soon is not counted at all.

use std::convert::Infallible;
use std::num::NonZeroU32;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, Method, Request, header};
use futures_channel::oneshot::{Receiver, Sender, channel};
use futures_util::FutureExt;
use futures_util::future::{Either, select};
use http_api::extract::content_length;
use http_api::problem::RATE_LIMITED;
use http_api::{BodyRefused, Problem};
use http_body::{Frame, SizeHint};
use limits::{LEASE, Upload};
use request_id::new_id;

use crate::limiter::{self, Question};
use crate::{limits::counted_as, variable};

/// The longest body that is not counted as long as it arrives within [`PATIENCE`].
const SMALL: u64 = 64 << 10;

/// How long a small body may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a lease is renewed.
const RENEWAL: Duration = Duration::from_secs(LEASE.as_secs() / 3);

/// The value of `Retry-After`, in seconds. Nobody knows when another upload ends.
const RETRY: HeaderValue = HeaderValue::from_static("5");

/// Counts a body while it arrives.
pub(crate) type Counting = Pin<Box<dyn Future<Output = ()>>>;

/// Prepares a request's body to be counted, if uploads are limited; [`while_counting`] does it. The body ends with [`BodyRefused`] when the
/// caller sends too many.
///
/// # Errors
/// When the setting is invalid.
pub(crate) async fn limit(request: &mut Request<Body>) -> Result<Option<Counting>, Problem> {
    // No route reads a body of these.
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(None);
    }
    let most = variable("max_uploads_per_caller").await.unwrap_or_default();
    let most: NonZeroU32 = match most.trim() {
        "" => return Ok(None),
        most => most.parse().map_err(Problem::internal)?,
    };
    let caller = http_api::caller(request.extensions());
    let caller = counted_as(&caller, request.headers()).await;
    let patience = match content_length(request.headers()) {
        Some(length) if length <= SMALL => Some(PATIENCE),
        _ => None,
    };
    let (body, arrival) = watched(std::mem::take(request.body_mut()));
    *request.body_mut() = Body::new(body);
    let limiter = Limiter { caller, most };
    Ok(Some(Box::pin(count(limiter, arrival, patience))))
}

/// Waits for a response, and counts the request's body meanwhile.
pub(crate) async fn while_counting<T>(response: impl Future<Output = T>, counting: Counting) -> T {
    match select(pin!(response), counting).await {
        Either::Left((response, counting)) => {
            // The client need not wait until the limiter knows.
            spin_sdk::wasip3::spawn(counting);
            response
        }
        Either::Right(((), response)) => response.await,
    }
}

/// A body that says when it begins to be waited for, and when it has arrived.
struct Watched {
    body: Body,
    /// Used when the body is waited for.
    awaited: Option<Sender<()>>,
    /// Dropped when it has arrived or nobody reads it.
    arriving: Option<Sender<Infallible>>,
    refusal: Receiver<Problem>,
}

/// What is known about a [`Watched`] body.
struct Arrival {
    awaited: Receiver<()>,
    /// Ends when the body has arrived.
    arriving: Receiver<Infallible>,
    /// Refuses the rest.
    refuse: Sender<Problem>,
}

fn watched(body: Body) -> (Watched, Arrival) {
    let (is_awaited, awaited) = channel();
    let (is_arriving, arriving) = channel();
    let (refuse, refusal) = channel();
    let watched = Watched {
        body,
        awaited: Some(is_awaited),
        arriving: Some(is_arriving),
        refusal,
    };
    let arrival = Arrival {
        awaited,
        arriving,
        refuse,
    };
    (watched, arrival)
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(Ok(problem)) = self.refusal.poll_unpin(cx) {
            self.arriving = None;
            return Poll::Ready(Some(Err(BodyRefused(problem).into())));
        }
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        match &frame {
            Poll::Pending => {
                if let Some(awaited) = self.awaited.take() {
                    // Where nobody counts, nobody listens.
                    let _ = awaited.send(());
                }
            }
            Poll::Ready(Some(Ok(_))) => {}
            Poll::Ready(None | Some(Err(_))) => {
                self.awaited = None;
                self.arriving = None;
            }
        }
        frame.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Counts uploads; and time, for the tests.
trait Counter {
    /// Whether an upload may begin or go on.
    async fn begin(&self, id: &str) -> Result<bool, String>;
    async fn end(&self, id: &str) -> Result<(), String>;
    /// The problem for a caller with too many uploads.
    fn too_many(&self) -> Problem;
    async fn sleep(&self, duration: Duration);
}

/// Counts the uploads of a caller.
struct Limiter {
    caller: String,
    most: NonZeroU32,
}

impl Counter for Limiter {
    async fn begin(&self, id: &str) -> Result<bool, String> {
        let (caller, most) = (&*self.caller, self.most);
        let upload = Upload { caller, id };
        let begun = limiter::ask(Question::Begin { upload, most }).await?;
        begun.ok_or_else(|| "an answer without a verdict".to_owned())
    }

    async fn end(&self, id: &str) -> Result<(), String> {
        let caller = &*self.caller;
        let upload = Upload { caller, id };
        let ended = limiter::ask::<bool>(Question::End { upload }).await;
        ended.map(drop)
    }

    fn too_many(&self) -> Problem {
        let detail = format!(
            "at most {} uploads at once are allowed; try again when another one has ended",
            self.most
        );
        Problem::new(RATE_LIMITED, detail).header(header::RETRY_AFTER, RETRY)
    }

    async fn sleep(&self, duration: Duration) {
        spin_sdk::time::sleep(duration).await;
    }
}

/// Counts a body from when it is waited for, or only if it does not arrive within `patience`. A body that cannot be counted passes: limits
/// exist to keep the service up.
async fn count(counter: impl Counter, mut arrival: Arrival, patience: Option<Duration>) {
    if arrival.awaited.await.is_err() {
        return;
    }
    let arriving = &mut arrival.arriving;
    if let Some(patience) = patience
        && ends_within(&counter, arriving, patience).await
    {
        return;
    }
    // Not the id of the request, which clients choose.
    let id = new_id();
    let id = id.to_str().unwrap_or_default();
    loop {
        match counter.begin(id).await {
            Ok(true) => {}
            Ok(false) => {
                // Nobody listens if it has arrived meanwhile.
                let _ = arrival.refuse.send(counter.too_many());
                return;
            }
            Err(error) => eprintln!("an upload is not counted: {error}"),
        }
        if ends_within(&counter, arriving, RENEWAL).await {
            break;
        }
    }
    if let Err(error) = counter.end(id).await {
        eprintln!("the end of an upload is not counted: {error}");
    }
}

async fn ends_within(
    counter: &impl Counter,
    arriving: &mut Receiver<Infallible>,
    time: Duration,
) -> bool {
    let sleep = pin!(counter.sleep(time));
    matches!(select(arriving, sleep).await, Either::Left(_))
}

#[cfg(test)]
mod tests;
