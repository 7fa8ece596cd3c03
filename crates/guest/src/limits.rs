//! Rate limits. They are counted by the component `limiter`, only where there is a limit.

use std::net::IpAddr;
use std::time::Duration;

use access_settings::{Proxies, Rate, Verdict, peer, subscriber};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use http_api::problem::{RATE_LIMITED, STORE_UNAVAILABLE};
use http_api::{Caller, Problem, RATE_LIMIT, RATE_LIMIT_POLICY};

use crate::limiter::{self, Question};
use crate::variable;

/// The headers that describe a client's limit.
pub(crate) type Headers = [(HeaderName, HeaderValue); 2];

/// Takes one request out of a bucket.
///
/// # Errors
/// `too-many-requests` when it is empty; `store-unavailable`.
pub async fn take(bucket: &str, rate: Rate) -> Result<(), Problem> {
    ask(bucket, rate).await?.map(drop)
}

/// Takes one request out of a bucket. The inner result is the verdict; the outer error means that there is none.
pub(crate) async fn ask(bucket: &str, rate: Rate) -> Result<Result<Headers, Problem>, Problem> {
    let question = Question::Take { bucket, rate };
    let verdict = limiter::ask(question).await.map_err(unavailable)?;
    let verdict = verdict.ok_or_else(|| unavailable("an answer without a verdict".to_owned()))?;
    let headers = headers(rate, verdict);
    if verdict.allowed {
        return Ok(Ok(headers));
    }
    let seconds = ceil(verdict.retry).max(1);
    let detail = format!(
        "{} requests in {} s are allowed; try again in {seconds} s",
        rate.count(),
        rate.window().as_secs()
    );
    let mut problem =
        Problem::new(RATE_LIMITED, detail).header(header::RETRY_AFTER, HeaderValue::from(seconds));
    for (name, value) in headers {
        problem = problem.header(name, value);
    }
    Ok(Err(problem))
}

/// Returns one request to a bucket. A failure is only logged: it costs the caller one request.
pub async fn put_back(bucket: &str, rate: Rate) {
    if let Err(error) = limiter::ask::<Verdict>(Question::PutBack { bucket, rate }).await {
        eprintln!("a limit cannot be put back: {error}");
    }
}

fn unavailable(error: String) -> Problem {
    Problem::new(
        STORE_UNAVAILABLE,
        "the store of the limits does not answer; try again",
    )
    .because(error)
    .header(header::RETRY_AFTER, HeaderValue::from_static("5"))
}

fn headers(rate: Rate, verdict: Verdict) -> Headers {
    let policy = format!(
        r#""default";q={};w={}"#,
        rate.count(),
        rate.window().as_secs()
    );
    let limit = format!(
        r#""default";r={};t={}"#,
        verdict.remaining,
        ceil(verdict.reset)
    );
    // Printable ASCII, which a header value may contain.
    let value = |text: String| HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("0"));
    [
        (RATE_LIMIT_POLICY, value(policy)),
        (RATE_LIMIT, value(limit)),
    ]
}

fn ceil(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// The client of an anonymous request, as text; the same for all clients if the runtime does not tell.
pub async fn client(headers: &HeaderMap) -> String {
    let Some(peer) = peer(headers) else {
        return "unknown".to_owned();
    };
    let proxies = variable("trusted_proxies").await.unwrap_or_default();
    let proxies: Proxies = proxies.parse().unwrap_or_default();
    let client: IpAddr = proxies.client(headers, peer);
    subscriber(client).to_string()
}

/// What the limits of a caller are counted under: its name, or where it has none the address of its client.
pub(crate) async fn counted_as(caller: &Caller, headers: &HeaderMap) -> String {
    match caller.id() {
        "" => format!("from:{}", client(headers).await),
        id => id.to_owned(),
    }
}
