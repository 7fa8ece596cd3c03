//! The HTTP side of a model that another component provides: `POST /NAME` with a row or many, `GET /NAME` with a row, and the
//! Open Inference Protocol under `/v2/models/NAME`.

mod kserve;
mod rows;

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::Request as HttpRequest;
use axum::http::{Method, Uri};
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use axum::{Extension, Json};
use bindings::routelets::model::model::{self, Tensor};
use guest::{Busy, LocalFuture, Request, Response};
use http_api::extract::content_length;
use http_api::problem::{BODY, DEFERRAL, INVALID_CSV, INVALID_PARAMETER, JSON, extended};
use http_api::{Problem, problem_responses};
use jobs::{Mode, Task};
use model_routes::{Checked, Contract, Infer, InferInput, Rows};
use serde_json::{Map, Value};
use utoipa_axum::{router::OpenApiRouter, routes};

interfaces::import!("../../wit/model");

problem_responses!(QueryProblems = &[INVALID_PARAMETER]);
problem_responses!(BodyProblems = BODY, JSON, DEFERRAL, &[INVALID_CSV]);

/// The longest inference that other requests of the same instance may wait for. The next instance, with memory that is not in the
/// cache, costs a short one more than the wait does.
const SHORT: Duration = Duration::from_millis(1);

/// The longest body that is expected to take no longer than the one before it, in bytes.
const SMALL: u64 = 4 << 10;

thread_local! {
    /// How long the last inference of this instance took.
    static LAST: Cell<Duration> = const { Cell::new(Duration::MAX) };
}

/// What the model makes of the row in the query.
#[utoipa::path(get, path = "/{model}", tag = "models", responses((status = 200, body = Value), QueryProblems))]
async fn predict_one(
    Extension(contract): Extension<Arc<Contract>>,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let query = uri.query().unwrap_or_default();
    let row = signature::read_query(&contract.row, query).map_err(|refusal| {
        match refusal.argument() {
            Some(name) => Problem::parameter(name, refusal.reason()),
            None => Problem::new(INVALID_PARAMETER, refusal.to_string()),
        }
    })?;
    let mut answers = predict(&contract, &[row]).await?;
    Ok(Json(answers.pop().unwrap_or_default()))
}

/// What the model makes of a row, which is an object, of an array of rows, or of a table.
///
/// An array and a table are answered with an array in the same order. At most 10,000 rows.
#[utoipa::path(
    post,
    path = "/{model}",
    tag = "models",
    params(jobs::DeferralHeaders, jobs::DeferralQuery),
    request_body(content((Value = "application/json"), (String = "text/csv"))),
    responses(
        (status = 200, body = Value),
        (status = 202, description = "With `Prefer: respond-async`: the job", body = jobs::JobView),
        BodyProblems
    )
)]
async fn predict_many(
    Extension(contract): Extension<Arc<Contract>>,
    request: HttpRequest,
) -> Response {
    let compute = async |input| compute(&contract, input).await;
    guest::jobs::answer_here::<Infer>(request, compute).await
}

/// Computes a job for the worker, which only other components of the application can call.
#[utoipa::path(post, path = "/", request_body = Value, responses((status = 200)), security(()))]
async fn compute_job(
    Extension(contract): Extension<Arc<Contract>>,
    request: HttpRequest,
) -> Result<Response, Problem> {
    let input = Infer::check(request, Mode::Now).await?;
    LocalFuture::new(compute(&contract, input)).await
}

async fn compute(contract: &Contract, input: InferInput) -> Result<Response, Problem> {
    let Checked { rows, are_listed } = input.rows(contract)?;
    let mut answers = match rows {
        Rows::Numbers(rows) => {
            let count = rows.count;
            answers(contract, rows::numeric(contract, rows), count).await?
        }
        Rows::Objects(rows) => predict(contract, &rows).await?,
    };
    let answer = match are_listed {
        true => Value::Array(answers),
        false => answers.pop().unwrap_or_default(),
    };
    Ok(Json(answer).into_response())
}

/// An answer for each row, in the same order.
async fn predict(contract: &Contract, rows: &[Map<String, Value>]) -> Result<Vec<Value>, Problem> {
    let at_once = match contract.is_single() {
        true => 1,
        false => rows.len().max(1),
    };
    let mut found = Vec::with_capacity(rows.len());
    for rows in rows.chunks(at_once) {
        found.extend(answers(contract, rows::tensors(contract, rows)?, rows.len()).await?);
    }
    Ok(found)
}

/// An answer for each row of the tensors.
async fn answers(
    contract: &Contract,
    inputs: Vec<Tensor>,
    rows: usize,
) -> Result<Vec<Value>, Problem> {
    let outputs = infer(inputs).await?;
    let found = rows::answers(contract, &outputs, rows);
    found.ok_or_else(|| Problem::internal("the model gave other rows"))
}

async fn infer(inputs: Vec<Tensor>) -> Result<Vec<Tensor>, Problem> {
    let begin = Instant::now();
    let outputs = LocalFuture::new(async { model::infer(inputs).await }).await;
    LAST.set(begin.elapsed());
    outputs.map_err(Problem::internal)
}

/// The operations that each model has, as the OpenAPI document shows them before its contract is filled in.
#[must_use]
pub fn operations() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(predict_one, predict_many))
        .merge(kserve::operations())
}

fn model_routes() -> OpenApiRouter {
    let contract = match Contract::parse(&model::describe()) {
        Ok(contract) => Arc::new(contract),
        Err(error) => {
            let reason = error.to_string();
            let broken = any(|| async { Problem::internal(reason) });
            return OpenApiRouter::new().fallback_service(broken);
        }
    };
    let methods = if contract.row.fits_a_query() {
        get(predict_one).post(predict_many)
    } else {
        post(predict_many)
    };
    // What is declared is protected by keys.
    let (_, declared) = operations().split_for_parts();
    OpenApiRouter::with_openapi(declared)
        .merge(OpenApiRouter::new().routes(routes!(compute_job)))
        .route(&format!("/{}", contract.route), methods)
        .merge(kserve::routes(&contract.route))
        .layer(Extension(contract))
}

/// Whether a request is likely to take so little that its instance can have others meanwhile.
fn is_short(request: &Request) -> bool {
    let is_small = match *request.method() {
        Method::GET | Method::HEAD => true,
        _ => content_length(request.headers()).is_some_and(|length| length <= SMALL),
    };
    is_small && LAST.get() <= SHORT
}

/// Answers an HTTP request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Response {
    let _busy = (!is_short(&request)).then(Busy::new);
    let is_inference = request.uri().path().starts_with("/v2/");
    let response = guest::serve(model_routes, request).await;
    if !is_inference {
        return response.into_response();
    }
    // The protocol has an error as a text of its own.
    extended(response, |problem| {
        let message = problem.detail().to_owned();
        problem.with("error", message)
    })
}
