//! `POST /async/factorize`: a factorisation for clients that poll.
//!
//! The number itself identifies the job, so a caller who sends the same number again waits for the same job. Each
//! request says that a client is still waiting; a job without waiting clients is not started.

use axum::Json;
use axum::response::{IntoResponse, Response};
use factorize_routes::{
    Factorize, FactorizeBody, FactorizeInput, FactorizeRequest, factorization_schema,
};
use guest::LocalFuture;
use guest::jobs::{Spin, queue};
use http_api::problem::{
    BODY, JOB_OUTDATED, JSON, NUMBER, STORE_UNAVAILABLE, TIME_LIMIT_EXCEEDED, TOO_MANY_JOBS,
    WORKER_LOST,
};
use http_api::{CalledBy, Problem, problem_responses};
use jobs::{Input, Job, Millis, NewJob, Outcome, Platform, Queue, Status, Task, now};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa_axum::{router::OpenApiRouter, routes};

/// How long a client counts as waiting after its last request, in milliseconds.
const INTEREST: Millis = 60_000;

problem_responses!(
    Problems = BODY,
    JSON,
    NUMBER,
    &[TOO_MANY_JOBS, STORE_UNAVAILABLE],
    &[WORKER_LOST, JOB_OUTDATED, TIME_LIMIT_EXCEEDED]
);

/// A factorisation, which is complete when `done` is true.
#[derive(Debug, Serialize, ToSchema)]
struct AsyncFactorizeResponse {
    /// Whether it is known. If not, repeat the request within 60 seconds.
    done: bool,
    /// The primes, ascending, each with its exponent; null until it is done.
    #[schema(schema_with = nullable_factorization)]
    factorization: Value,
    /// The same as text; null until it is done.
    #[schema(value_type = Option<String>)]
    factorization_str: Value,
    /// The number of waiting jobs.
    load: u64,
    /// The number, with all its digits.
    #[schema(value_type = u64)]
    number: serde_json::Number,
}

fn nullable_factorization() -> Schema {
    let null = ObjectBuilder::new().schema_type(Type::Null).build();
    OneOfBuilder::new()
        .item(factorization_schema())
        .item(null)
        .build()
        .into()
}

/// The prime factorisation of an integer, by polling until it is done.
///
/// Each request keeps the job alive for another 60 seconds; after that it is dropped if it has not started. The answer to a
/// factorisation that failed is its problem.
#[utoipa::path(
    post,
    path = "/async/factorize",
    tag = "factorization",
    request_body = FactorizeBody,
    responses(
        (status = 200, body = AsyncFactorizeResponse, example = json!({
            "done": false,
            "factorization": null,
            "factorization_str": null,
            "load": 3,
            "number": 408_216,
        })),
        Problems
    )
)]
async fn async_factorize(
    CalledBy(caller): CalledBy,
    http_api::Json(request): http_api::Json<FactorizeRequest>,
) -> Result<Response, Problem> {
    let input = FactorizeInput::of(&request.number()?);
    LocalFuture::new(async {
        let queue = queue(caller).await?;
        let job = ask(&queue, &input).await?;
        let outcome = queue.outcome(&job).await?;
        let load = queue.load().await?;
        let (factorization, text) = match outcome {
            Some(outcome) if job.status == Status::Failed => return Ok(outcome.into_response()),
            Some(outcome) => found(&outcome)?,
            None => (Value::Null, Value::Null),
        };
        Ok(Json(AsyncFactorizeResponse {
            done: !factorization.is_null(),
            factorization,
            factorization_str: text,
            load,
            number: serde_json::Number::from_string_unchecked(input.number().to_owned()),
        })
        .into_response())
    })
    .await
}

/// The job of the number; submits one if there is none.
async fn ask(queue: &Queue<Spin>, input: &FactorizeInput) -> Result<Job, Problem> {
    let id = id_of(input.number(), queue.owner());
    loop {
        let job = queue
            .submit(NewJob {
                id: id.clone(),
                route: "POST /async/factorize".to_owned(),
                owner: String::new(),
                share: None,
                trace: None,
                input: Input::of::<Factorize>(input)?,
                key: None,
                interest: Some(now() + INTEREST),
                webhook: None,
                expires_after: queue.platform().settings().keep,
            })
            .await?;
        if job.status != Status::Canceled {
            return Ok(job);
        }
        // Canceled through `/jobs`, and now requested again.
        queue.remove(&id).await?;
    }
}

/// A short name for the number; each owner has one. Jobs of other tasks, which earlier versions have stored, have other
/// names.
fn id_of(number: &str, owner: &str) -> String {
    let text = format!("{} {number} {owner}", Factorize::NAME);
    let hash = Sha256::digest(text.trim_end());
    let digits: String = hash
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("factorize-{digits}")
}

/// The answer of `POST /factorize`: the factorisation and its text.
fn found(outcome: &Outcome) -> Result<(Value, Value), Problem> {
    let answer: Map<String, Value> =
        serde_json::from_slice(&outcome.body).map_err(Problem::internal)?;
    let member = |name| answer.get(name).cloned().unwrap_or_default();
    Ok((member("factorization"), member("factorization_str")))
}

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(async_factorize))
}

guest::component!(routes);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_has_a_name_of_its_own() {
        assert_eq!(id_of("408216", ""), id_of("408216", ""));
        assert_ne!(id_of("408216", ""), id_of("4082160", ""));
        assert_ne!(id_of("408216", ""), id_of("408216", "key:a"));
        assert_ne!(id_of("408216", "key:a"), id_of("408216", "key:b"));
        let long = id_of(&"9".repeat(200), "");
        assert_eq!(long.len(), "factorize-".len() + 32);
    }

    #[test]
    fn results_keep_all_their_digits() {
        let body = r#"{"factorization":[[170141183460469231731687303715884105727,1]],"factorization_str":"170141183460469231731687303715884105727^1","number":170141183460469231731687303715884105727}"#;
        let outcome = Outcome {
            status: 200,
            content_type: None,
            headers: Vec::new(),
            body: body.into(),
        };
        let (factorization, text) = found(&outcome).expect("JSON");
        assert_eq!(
            factorization.to_string(),
            "[[170141183460469231731687303715884105727,1]]"
        );
        assert_eq!(text, "170141183460469231731687303715884105727^1");
    }
}
