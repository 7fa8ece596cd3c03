//! `POST /factorize`: the prime factorisation of an integer.
//!
//! Checks the number and shapes the answer; the `factorizer` component computes, and has no access
//! to anything.

mod bindings;
mod number;

pub use number::factorization_schema;

use std::pin::pin;
use std::time::Duration;

use axum::Json;
use bindings::routelets::factorizer::factorizer::{self, PrimePower};
use factor::Number;
use futures_util::future::{Either, select};
use guest::LocalFuture;
use http_api::problem::{
    CONTENT_TOO_LARGE, IDEMPOTENCY_KEY_REUSED, INTERNAL, INVALID_BODY, INVALID_JSON,
    INVALID_NUMBER, INVALID_PARAMETER, INVALID_REQUEST_BODY, INVALID_TYPE, MISSING_FIELD,
    NOT_AN_INTEGER, NUMBER_TOO_SMALL, STORE_UNAVAILABLE, TIME_LIMIT_EXCEEDED, TOO_MANY_DIGITS,
    TOO_MANY_JOBS, UNSUPPORTED_MEDIA_TYPE, WEBHOOK_NOT_ALLOWED,
};
use http_api::{Problem, Work, problem_responses};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Seconds a factorisation may take, unless the variable `factorize_time_limit` says otherwise.
const DEFAULT_TIME_LIMIT: f64 = 30.0;
/// The same of a job, and the variable `factorize_job_time_limit`.
const DEFAULT_JOB_TIME_LIMIT: f64 = 600.0;

/// How often a job says what it has found so far.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

problem_responses!(
    Problems = [
        INVALID_REQUEST_BODY,
        INVALID_JSON,
        CONTENT_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        INVALID_BODY,
        MISSING_FIELD,
        INVALID_TYPE,
        INVALID_NUMBER,
        NOT_AN_INTEGER,
        NUMBER_TOO_SMALL,
        TOO_MANY_DIGITS,
        TIME_LIMIT_EXCEEDED,
        INVALID_PARAMETER,
        IDEMPOTENCY_KEY_REUSED,
        WEBHOOK_NOT_ALLOWED,
        TOO_MANY_JOBS,
        STORE_UNAVAILABLE,
    ]
);

/// The number to factorise.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"number": 408_216}))]
pub struct FactorizeRequest {
    /// An integer from 2 to 200 digits, as a number or, for clients whose numbers end at 2^53, as a
    /// string of decimal digits.
    #[schema(schema_with = number::schema, required = true)]
    #[serde(default, deserialize_with = "number::present")]
    number: Option<Value>,
}

impl FactorizeRequest {
    /// The number, checked.
    ///
    /// # Errors
    /// Each way in which it can be wrong is its own problem.
    pub fn number(self) -> Result<Number, Problem> {
        number::parse(self.number)
    }
}

/// A number and its prime factorisation.
#[derive(Serialize, ToSchema)]
struct FactorizeResponse {
    /// The primes, ascending, each with its exponent; with all their digits.
    #[schema(schema_with = factorization_schema)]
    factorization: Vec<(serde_json::Number, u32)>,
    /// The same as text.
    factorization_str: String,
    /// The number, with all its digits.
    #[schema(value_type = u64)]
    number: serde_json::Number,
}

/// The prime factorisation of an integer.
#[utoipa::path(
    post,
    path = "/factorize",
    tag = "factorization",
    params(deferral::DeferralHeaders, deferral::DeferralQuery),
    request_body = FactorizeRequest,
    responses(
        (status = 200, body = FactorizeResponse, example = json!({
            "factorization": [[2, 3], [3, 1], [73, 1], [233, 1]],
            "factorization_str": "2^3 3^1 73^1 233^1",
            "number": 408_216,
        })),
        (status = 202, description = "With `Prefer: respond-async`: the job", body = deferral::JobView),
        Problems
    )
)]
async fn factorize(
    work: Work,
    http_api::Json(request): http_api::Json<FactorizeRequest>,
) -> Result<Json<FactorizeResponse>, Problem> {
    let number = request.number()?;
    work.start()?;
    let found = LocalFuture::new(compute(&number, &work)).await?;
    let factorization_str = found
        .iter()
        .map(|p| format!("{}^{}", p.prime, p.exponent))
        .collect::<Vec<_>>()
        .join(" ");
    Ok(Json(FactorizeResponse {
        factorization: found.into_iter().map(pair).collect(),
        factorization_str,
        number: serde_json::Number::from_string_unchecked(number.to_string()),
    }))
}

async fn compute(number: &Number, work: &Work) -> Result<Vec<PrimePower>, Problem> {
    let seconds = time_limit(work).await;
    // A limit is finite and positive, so the cast only drops a fraction of a millisecond.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let milliseconds = (seconds * 1000.0) as u64;
    let number = number.to_string();
    let factorization = factorizer::factorize(number.clone(), milliseconds);
    let factorization = if work.is_job() {
        reporting(factorization, &number, work).await
    } else {
        factorization.await
    };
    factorization.map_err(|error| match error {
        factorizer::Error::TimeLimitExceeded(partial) => Problem::new(
            TIME_LIMIT_EXCEEDED,
            format!("{} digits took longer than {seconds} s", number.len()),
        )
        .with("found", json_pairs(partial.found))
        .with("remaining", partial.remaining),
        // The number was checked before: the two components disagree.
        factorizer::Error::InvalidNumber(reason) => Problem::new(INTERNAL, reason),
    })
}

/// Awaits a factorisation of `number`, and reports meanwhile what it has found.
async fn reporting<T>(factorization: impl Future<Output = T>, number: &str, work: &Work) -> T {
    let mut factorization = pin!(factorization);
    loop {
        let tick = pin!(spin_sdk::time::sleep(REPORT_INTERVAL));
        match select(factorization.as_mut(), tick).await {
            Either::Left((factorization, _)) => return factorization,
            Either::Right(_) => {
                work.report(|| {
                    let found = factorizer::progress(number).map(|progress| progress.found);
                    json!({"found": json_pairs(found.unwrap_or_default())})
                });
            }
        }
    }
}

/// How long the factorisation may take, in seconds.
async fn time_limit(work: &Work) -> f64 {
    let (name, default) = if work.is_job() {
        ("factorize_job_time_limit", DEFAULT_JOB_TIME_LIMIT)
    } else {
        ("factorize_time_limit", DEFAULT_TIME_LIMIT)
    };
    guest::variable(name)
        .await
        .and_then(|value| value.parse().ok())
        .filter(|seconds: &f64| seconds.is_finite() && *seconds > 0.0)
        .unwrap_or(default)
}

fn json_pairs(powers: Vec<PrimePower>) -> Vec<Value> {
    powers.into_iter().map(|power| json!(pair(power))).collect()
}

fn pair(power: PrimePower) -> (serde_json::Number, u32) {
    (
        serde_json::Number::from_string_unchecked(power.prime),
        power.exponent,
    )
}

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(factorize))
}
