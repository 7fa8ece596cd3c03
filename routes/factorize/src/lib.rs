//! `POST /factorize`, `GET /factorize/{n}`: the prime factorisation of an integer.
//!
//! Checks the number and writes the answer. The component `factorizer` computes; it has no access to
//! anything.

mod answer;
mod cached;
mod number;
mod parts;
mod progress;
mod request;

pub use number::factorization_schema;
pub use parts::{SievePart, Sieving};
pub use request::{FactorizeBody, FactorizeInput, FactorizeRequest};

use std::pin::pin;
use std::time::{Duration, Instant};

use answer::{FactorizeResponse, json_pairs};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::response::Response;
use bindings::routelets::factorizer::factorizer;
use cached::EntityTag;
use futures_util::future::{Either, select};
use http_api::problem::{
    BODY, DEFERRAL, INVALID_EXPRESSION, INVALID_PARAMETER, INVALID_PATH, JSON, NUMBER,
    NUMBER_TOO_SMALL, TIME_LIMIT_EXCEEDED, TOO_MANY_DIGITS,
};
use http_api::{Path, Problem, Query, problem_responses};
use jobs::{Mode, Progress, Task};
use progress::Watch;
use request::Options;
use utoipa_axum::{router::OpenApiRouter, routes};

interfaces::import!("../../wit/factorizer");

/// Seconds a factorisation may take, unless the variable `factorize_time_limit` says otherwise.
const DEFAULT_TIME_LIMIT: f64 = 30.0;
/// The same for a job, and the variable `factorize_job_time_limit`.
const DEFAULT_JOB_TIME_LIMIT: f64 = 600.0;

/// How often a job reports its progress.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

problem_responses!(
    Problems = BODY,
    JSON,
    NUMBER,
    DEFERRAL,
    &[TIME_LIMIT_EXCEEDED]
);

problem_responses!(
    GetProblems = &[
        INVALID_PATH,
        INVALID_EXPRESSION,
        NUMBER_TOO_SMALL,
        TOO_MANY_DIGITS,
        INVALID_PARAMETER,
        TIME_LIMIT_EXCEEDED,
    ]
);

/// The prime factorisation of an integer.
#[utoipa::path(
    post,
    path = "/factorize",
    tag = "factorization",
    params(Options, jobs::DeferralHeaders, jobs::DeferralQuery),
    request_body = FactorizeBody,
    responses(
        (status = 200, body = FactorizeResponse, example = json!({
            "factorization": [[2, 3], [3, 1], [73, 1], [233, 1]],
            "factorization_str": "2^3 3^1 73^1 233^1",
            "number": 408_216,
        })),
        (
            status = 202,
            description = "With `Prefer: respond-async`: the job. Its `progress` has `found`, the primes found so far, as in \
                           `factorization`; while the quadratic sieve runs also `sieve`, with the numbers `relations`, \
                           `needed`, `percent` and, as soon as there is an estimate, `seconds_left`",
            body = jobs::JobView
        ),
        Problems
    )
)]
async fn factorize(request: Request) -> Response {
    guest::jobs::answer_parted::<Factorize>(request).await
}

/// The prime factorisation of an integer, for browsers and caches.
///
/// The answer never changes. A client that has it gets 304 for its `ETag`, without a computation.
#[utoipa::path(
    get,
    path = "/factorize/{n}",
    tag = "factorization",
    params(
        (
            "n" = String,
            Path,
            description = "The number, or a percent-encoded expression as in the body of `POST /factorize`: \
                           `2%5E128+1`, with `%2F` for `/`, `%25` for `%`, `%23` for `#`",
            min_length = 1,
            max_length = 1000,
            example = "408216"
        ),
        Options,
        (
            "If-None-Match" = Option<String>,
            Header,
            description = "The `ETag` of an answer that the client has",
            nullable = false
        )
    ),
    responses(
        (
            status = 200,
            body = FactorizeResponse,
            headers(
                ("Cache-Control" = String, description = "`public, max-age=31536000, immutable`"),
                ("ETag" = String, description = "Identifies the answer")
            ),
            example = json!({
                "factorization": [[2, 3], [3, 1], [73, 1], [233, 1]],
                "factorization_str": "2^3 3^1 73^1 233^1",
                "number": 408_216,
            })
        ),
        (status = 304, description = "The client has the answer"),
        GetProblems
    )
)]
async fn factorize_number(
    Path(n): Path<String>,
    Query(options): Query<Options>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let number = request::evaluate(&n, "n")?;
    let tag = EntityTag::new(&number, options);
    if tag.is_known(&headers) {
        return tag.not_modified();
    }
    let input = FactorizeInput {
        number: number.to_string(),
        options,
    };
    tag.on(guest::jobs::together::<Factorize>(input).await?)
}

/// A factorisation.
pub struct Factorize;

impl Task for Factorize {
    const NAME: &'static str = "factorize";
    type Input = FactorizeInput;

    async fn check(request: Request, _: Mode) -> Result<FactorizeInput, Problem> {
        let (mut parts, body) = request.into_parts();
        let Query(options) = Query::from_request_parts(&mut parts, &()).await?;
        let request = Request::from_parts(parts, body);
        let http_api::Json(request) =
            http_api::Json::<FactorizeRequest>::from_request(request, &()).await?;
        let number = request.number()?.to_string();
        Ok(FactorizeInput { number, options })
    }
}

/// The problem of a number that was not factorised in time.
fn limit_problem(number: &str, seconds: f64, error: factorizer::Error) -> Problem {
    match error {
        factorizer::Error::TimeLimitExceeded(partial) => Problem::new(
            TIME_LIMIT_EXCEEDED,
            format!("{} digits took longer than {seconds} s", number.len()),
        )
        .with("found", json_pairs(partial.found))
        .with("remaining", partial.remaining),
        // The number was checked before: the two components disagree.
        factorizer::Error::InvalidNumber(reason) | factorizer::Error::InvalidPart(reason) => {
            Problem::internal(reason)
        }
    }
}

/// Awaits a factorisation of `number`, and reports the progress of a job.
async fn reporting<T>(
    factorization: impl Future<Output = T>,
    number: &str,
    progress: &Progress,
) -> T {
    if progress.mode() == Mode::Now {
        return factorization.await;
    }
    let mut factorization = pin!(factorization);
    let mut watch = Watch::default();
    loop {
        let tick = pin!(spin_sdk::time::sleep(REPORT_INTERVAL));
        match select(factorization.as_mut(), tick).await {
            Either::Left((factorization, _)) => return factorization,
            Either::Right(_) => {
                if let Some(findings) = factorizer::progress(number) {
                    progress.report(|| watch.report(findings, Instant::now()));
                }
            }
        }
    }
}

/// How long the factorisation may take, in seconds.
async fn time_limit(mode: Mode) -> f64 {
    let (name, default) = match mode {
        Mode::Job => ("factorize_job_time_limit", DEFAULT_JOB_TIME_LIMIT),
        Mode::Now => ("factorize_time_limit", DEFAULT_TIME_LIMIT),
    };
    guest::seconds(name, default).await
}

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(factorize))
        .routes(routes!(factorize_number))
}
