//! What a function of the user answers: `GET /NAME` with a query, `POST /NAME` with JSON.
//!
//! The component `call` calls the function. It has a private route and an instance of its own, so that a call that takes
//! too long can be ended from here.

mod runner;

use std::cell::OnceCell;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{FromRequest, Request};
use axum::http::Uri;
use axum::response::Response;
use axum::routing::{get, post};
use guest::LocalFuture;
use http_api::extract::{is_json, parse_json, unsupported_media_type};
use http_api::problem::{
    BODY, DEFERRAL, INVALID_BODY, INVALID_INPUT, INVALID_PARAMETER, JSON, TIME_LIMIT_EXCEEDED,
};
use http_api::{Body, Problem, RequestId, problem_responses};
use jobs::{Mode, Progress, Task, Whole};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use signature::Contract;
use utoipa_axum::{router::OpenApiRouter, routes};

problem_responses!(QueryProblems = &[INVALID_PARAMETER, INVALID_INPUT, TIME_LIMIT_EXCEEDED]);
problem_responses!(
    BodyProblems = BODY,
    JSON,
    DEFERRAL,
    &[INVALID_INPUT, TIME_LIMIT_EXCEEDED]
);

thread_local! {
    // A component has one function, whose contract does not change.
    static CONTRACT: OnceCell<Arc<Contract>> = const { OnceCell::new() };
}

/// Calls the function with the arguments in the query.
#[utoipa::path(get, path = "/{function}", tag = "functions", responses((status = 200, body = Value), QueryProblems))]
async fn ask(
    Extension(contract): Extension<Arc<Contract>>,
    Extension(id): Extension<RequestId>,
    uri: Uri,
) -> Result<Response, Problem> {
    let arguments = contract
        .read_query(uri.query().unwrap_or_default())
        .map_err(|refusal| match refusal.argument() {
            Some(name) => Problem::parameter(name, refusal.reason()),
            None => Problem::new(INVALID_PARAMETER, refusal.to_string()),
        })?;
    let input = CallInput::new(&contract, &id, &Value::Object(arguments));
    LocalFuture::new(async { Call::compute(input, &Progress::waited()).await }).await
}

/// Calls the function with the arguments in the JSON object that is the body.
#[utoipa::path(
    post,
    path = "/{function}",
    tag = "functions",
    params(jobs::DeferralHeaders, jobs::DeferralQuery),
    request_body = Value,
    responses(
        (status = 200, body = Value),
        (status = 202, description = "With `Prefer: respond-async`: the job", body = jobs::JobView),
        BodyProblems
    )
)]
async fn send(request: Request) -> Response {
    let compute = async |input| Call::compute(input, &Progress::waited()).await;
    guest::jobs::answer_here::<Call>(request, compute).await
}

/// A call of a function.
pub struct Call;

/// Which function is called, and with what.
#[derive(Debug, Serialize, Deserialize)]
pub struct CallInput {
    /// The route of the function.
    route: String,
    /// The id of the request, which the function's lines in the log begin with.
    request: String,
    /// The arguments, a JSON object that is valid by the contract.
    arguments: String,
}

impl CallInput {
    fn new(contract: &Contract, id: &RequestId, arguments: &Value) -> Self {
        Self {
            route: contract.route().to_owned(),
            request: id.to_string(),
            arguments: arguments.to_string(),
        }
    }
}

impl Task for Call {
    const NAME: &'static str = "function";
    type Input = CallInput;

    async fn check(request: Request, _: Mode) -> Result<CallInput, Problem> {
        let contract = request.extensions().get::<Arc<Contract>>().cloned();
        let id = request.extensions().get::<RequestId>().cloned();
        let (Some(contract), Some(id)) = (contract, id) else {
            return Err(Problem::internal("a request without a contract"));
        };
        if !is_json(request.headers()) {
            let expected = "application/json";
            return Err(unsupported_media_type(request.headers(), expected));
        }
        let Body(bytes) = Body::from_request(request, &()).await?;
        let arguments: Value = parse_json(&bytes)?;
        contract.check(&arguments).map_err(|refusal| {
            Problem::new(INVALID_BODY, refusal.to_string()).with("pointer", refusal.pointer())
        })?;
        Ok(CallInput::new(&contract, &id, &arguments))
    }
}

impl Whole for Call {
    async fn compute(input: CallInput, progress: &Progress) -> Result<Response, Problem> {
        runner::call(input, progress.mode()).await
    }
}

/// Fetches the contract of the function, which [`routes()`] depend on.
///
/// # Errors
/// `internal-error`, when the function or its contract cannot be had.
pub async fn prepare() -> Result<(), Problem> {
    if CONTRACT.with(|contract| contract.get().is_none()) {
        let name = guest::variable("function").await.unwrap_or_default();
        let text = runner::describe(&name).await?;
        let contract = Contract::parse(&text).map_err(Problem::internal)?;
        CONTRACT.with(|known| known.get_or_init(|| Arc::new(contract)).route().len());
    }
    Ok(())
}

/// The operations that each function has, as the OpenAPI document shows them before its contract is filled in.
#[must_use]
pub fn operations() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(ask, send))
}

/// The routes of the function. There are none before [`prepare`].
#[must_use]
pub fn routes() -> OpenApiRouter {
    let Some(contract) = CONTRACT.with(|contract| contract.get().cloned()) else {
        return OpenApiRouter::new();
    };
    let path = format!("/{}", contract.route());
    let methods = if contract.fits_a_query() {
        get(ask).post(send)
    } else {
        post(send)
    };
    // What is declared is protected by keys.
    let (_, declared) = operations().split_for_parts();
    OpenApiRouter::with_openapi(declared)
        .route(&path, methods)
        .layer(Extension(contract))
}
