//! Answers a request at once or, with `Prefer: respond-async`, with a job.

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, request::Parts};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_api::{Problem, caller};
use url::form_urlencoded;

use crate::fingerprint::fingerprint;
use crate::model::{Input, Job, Key, NewJob};
use crate::parts::Parted;
use crate::platform::Platform;
use crate::prefer::prefers_async;
use crate::queue::Queue;
use crate::task::{Mode, Progress, Task, Whole};
use crate::together::together;
use crate::view::JobView;
use crate::webhook;

/// The longest idempotency key, in bytes.
const MAX_KEY: usize = 255;

/// Answers a request with the result of the task or, if the client prefers that, with a job.
///
/// `platform` is called only for a job: requests that are answered at once need no settings of jobs.
pub async fn answer<T: Whole, P: Platform>(
    platform: impl AsyncFnOnce() -> P,
    request: Request,
) -> Response {
    let compute = async |input| T::compute(input, &Progress::waited()).await;
    answer_with::<T, P>(platform, request, compute).await
}

/// The same where `compute` answers a client that waits.
pub async fn answer_with<T: Task, P: Platform>(
    platform: impl AsyncFnOnce() -> P,
    request: Request,
    compute: impl AsyncFnOnce(T::Input) -> Result<Response, Problem>,
) -> Response {
    let compute = async |_, input| compute(input).await;
    respond::<T, P, _>(platform, request, compute).await
}

/// The same for a task in parts, which idle cores compute.
pub async fn answer_parted<T: Parted + 'static, P: Platform>(
    platform: impl AsyncFnOnce() -> P,
    request: Request,
) -> Response {
    let compute = async |platform, input| together::<T, P>(platform, input).await;
    respond::<T, P, _>(platform, request, compute).await
}

async fn respond<T: Task, P: Platform, F: AsyncFnOnce() -> P>(
    platform: F,
    request: Request,
    compute: impl AsyncFnOnce(F, T::Input) -> Result<Response, Problem>,
) -> Response {
    let answer = async {
        let key = key_of(request.headers())?;
        if prefers_async(request.headers()) {
            let job = defer::<T>(platform().await, key, request).await?;
            return Ok(accepted(job));
        }
        compute(platform, T::check(request, Mode::Now).await?).await
    };
    answer.await.unwrap_or_else(T::refuse)
}

/// Checks a request and stores its input as a job.
async fn defer<T: Task>(
    platform: impl Platform,
    key: Option<String>,
    request: Request,
) -> Result<Job, Problem> {
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts.clone(), body);
    // The whole body is needed to decide whether two requests are the same.
    let http_api::Body(body) = http_api::Body::from_request(request, &()).await?;
    let request = Request::from_parts(parts.clone(), Body::from(body.clone()));
    let input = T::check(request, Mode::Job).await?;
    let webhook = webhook_of(&parts.uri)
        .map(|address| webhook::check(&address, &platform.settings().webhook_origin))
        .transpose()?;
    let job = NewJob {
        id: uuid::Uuid::new_v4().to_string(),
        route: format!("{} {}", parts.method, parts.uri.path()),
        owner: String::new(),
        share: None,
        trace: None,
        input: Input::of::<T>(&input)?,
        key: key.map(|key| key_for(&key, &parts, &body)),
        interest: None,
        webhook,
        expires_after: platform.settings().keep,
    };
    let caller = caller(&parts.extensions);
    Queue::open(platform, caller).await?.submit(job).await
}

/// An idempotency key belongs to a route.
fn key_for(key: &str, parts: &Parts, body: &Bytes) -> Key {
    let target = parts.uri.path_and_query();
    let target = target.map_or("/", |target| target.as_str());
    Key {
        name: format!("{} {} {key}", parts.method, parts.uri.path()),
        fingerprint: fingerprint(target, &parts.headers, body),
    }
}

fn webhook_of(uri: &Uri) -> Option<String> {
    form_urlencoded::parse(uri.query()?.as_bytes())
        .find(|(name, _)| name == "webhook")
        .map(|(_, address)| address.into_owned())
}

/// The idempotency key. An invalid one is refused even if it is not needed.
fn key_of(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    key.to_str()
        .ok()
        .filter(|key| (1..=MAX_KEY).contains(&key.len()))
        .map(|key| Some(key.to_owned()))
        .ok_or_else(|| {
            let reason = format!("must be 1 to {MAX_KEY} printable ASCII characters");
            Problem::parameter("Idempotency-Key", reason)
        })
}

/// 202 with a job.
fn accepted(job: Job) -> Response {
    let location = format!("/jobs/{}", job.id);
    let mut response = (StatusCode::ACCEPTED, Json(JobView::new(job, None))).into_response();
    let headers = response.headers_mut();
    // An id is of characters that a header may have.
    if let Ok(location) = HeaderValue::try_from(location) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    headers.insert(
        HeaderName::from_static("preference-applied"),
        HeaderValue::from_static("respond-async"),
    );
    response
}
