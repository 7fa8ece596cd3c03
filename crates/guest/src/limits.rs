//! Rate limits. The private component `limiter` counts requests, and is the only one with access to their store.
//!
//! A limit applies to all instances, so it is counted in the store of the jobs: with SQLite for this process, with Redis for
//! all replicas. Counting takes a request within the runtime and one statement, and happens only where there is a limit.

use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use access_settings::{Micros, Proxies, Rate, Verdict, peer, subscriber};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use axum::response::IntoResponse;
use http_api::problem::{RATE_LIMITED, STORE_UNAVAILABLE};
use http_api::{Problem, RATE_LIMIT, RATE_LIMIT_POLICY};
use jobs::StoreKind;
use limits::Error;

use crate::jobs::drivers::{SpinRedis, SpinSqlite};
use crate::{Response, variable};

const LIMITER: &str = "http://limiter.spin.internal/";
const BUCKET: HeaderName = HeaderName::from_static("x-bucket");
const RATE: HeaderName = HeaderName::from_static("x-rate");
/// Present if one request is returned to the bucket.
const PUT_BACK: HeaderName = HeaderName::from_static("x-put-back");
const VERDICT: HeaderName = HeaderName::from_static("x-verdict");

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
    let verdict = question(bucket, rate, false).await.map_err(unavailable)?;
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
    if let Err(error) = question(bucket, rate, true).await {
        eprintln!("a limit cannot be put back: {error}");
    }
}

async fn question(bucket: &str, rate: Rate, put_back: bool) -> Result<Option<Verdict>, String> {
    let mut request = Request::post(LIMITER).header(BUCKET, bucket).header(
        RATE,
        format!("{} {}", rate.count(), rate.window().as_micros()),
    );
    if put_back {
        request = request.header(PUT_BACK, "1");
    }
    let request = request
        .body(Bytes::new())
        .map_err(|error| error.to_string())?;
    let response = crate::send(request).await;
    let response = response.map_err(|error| error.to_string())?;
    if !response.status().is_success() {
        return Err(format!("the limiter answers {}", response.status()));
    }
    Ok(response.headers().get(VERDICT).and_then(read))
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

/// The limiter's response to a request with these headers.
pub async fn answer(headers: &HeaderMap) -> Response {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let rate = text(RATE).and_then(|rate| {
        let (count, window) = rate.split_once(' ')?;
        Rate::new(
            count.parse().ok()?,
            Duration::from_micros(window.parse().ok()?),
        )
    });
    let (Some(bucket), Some(rate)) = (text(BUCKET), rate) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match count(bucket, rate, headers.contains_key(PUT_BACK)).await {
        Ok(verdict) => {
            let verdict = verdict.map(|verdict| [(VERDICT, write(verdict))]);
            (verdict, StatusCode::NO_CONTENT).into_response()
        }
        Err(error) => {
            eprintln!("{error}");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

thread_local! {
    static SQLITE: RefCell<Option<Rc<SpinSqlite>>> = const { RefCell::new(None) };
}

async fn count(bucket: &str, rate: Rate, put_back: bool) -> Result<Option<Verdict>, Error> {
    let now = now();
    match StoreKind::load(variable).await {
        StoreKind::Sqlite => {
            let driver = sqlite(now).await?;
            let counted = match put_back {
                true => limits::put_back_sql(&*driver, bucket, rate)
                    .await
                    .map(|()| None),
                false => limits::take_sql(&*driver, bucket, rate, now)
                    .await
                    .map(Some),
            };
            if counted.is_err() {
                SQLITE.set(None);
            }
            counted
        }
        StoreKind::Redis { url, .. } => {
            let driver = SpinRedis::new(url);
            match put_back {
                true => limits::put_back_redis(&driver, bucket, rate)
                    .await
                    .map(|()| None),
                false => limits::take_redis(&driver, bucket, rate, now)
                    .await
                    .map(Some),
            }
        }
    }
}

async fn sqlite(now: Micros) -> Result<Rc<SpinSqlite>, Error> {
    if let Some(driver) = SQLITE.with_borrow(Clone::clone) {
        return Ok(driver);
    }
    let driver = Rc::new(SpinSqlite::open().await?);
    limits::prepare(&*driver, now).await?;
    SQLITE.set(Some(Rc::clone(&driver)));
    Ok(driver)
}

fn now() -> Micros {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Micros::try_from(since.unwrap_or_default().as_micros()).unwrap_or(Micros::MAX)
}

fn write(verdict: Verdict) -> String {
    let Verdict {
        allowed,
        remaining,
        reset,
        retry,
    } = verdict;
    let (reset, retry) = (reset.as_micros(), retry.as_micros());
    format!("{} {remaining} {reset} {retry}", u8::from(allowed))
}

fn read(text: &HeaderValue) -> Option<Verdict> {
    let mut words = text.to_str().ok()?.split(' ');
    Some(Verdict {
        allowed: words.next()? == "1",
        remaining: words.next()?.parse().ok()?,
        reset: Duration::from_micros(words.next()?.parse().ok()?),
        retry: Duration::from_micros(words.next()?.parse().ok()?),
    })
}
