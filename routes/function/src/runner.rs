//! The way to the component that calls the function.

use axum::body::Bytes;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use http_api::{Problem, X_REQUEST_ID};
use jobs::Mode;

use crate::CallInput;

/// Seconds a call may take, unless the variable `function_time_limit` says otherwise.
const DEFAULT_TIME_LIMIT: f64 = 30.0;
/// The same of a job, and the variable `function_job_time_limit`.
const DEFAULT_JOB_TIME_LIMIT: f64 = 600.0;

/// The contract of a function, as JSON.
pub(crate) async fn describe(route: &str) -> Result<String, Problem> {
    let request = Request::get(address(route)).body(Bytes::new());
    let answer = guest::exchange(request.map_err(Problem::internal)?).await?;
    if answer.status() != StatusCode::OK {
        return Err(Problem::internal(format!(
            "the component that calls '{route}' answered {}",
            answer.status()
        )));
    }
    String::from_utf8(answer.into_body().into()).map_err(Problem::internal)
}

/// What a call of a function led to: its value, or a problem.
pub(crate) async fn call(input: CallInput, mode: Mode) -> Result<Response, Problem> {
    let seconds = time_limit(mode).await;
    let request = Request::post(address(&input.route))
        .header(X_REQUEST_ID, input.request)
        .body(input.arguments.into())
        .map_err(Problem::internal)?;
    guest::exchange_within(seconds, "function", request).await
}

/// Only other components of the application reach this host.
fn address(route: &str) -> String {
    format!("http://{route}-function.spin.internal/")
}

/// How long a call may take, in seconds.
async fn time_limit(mode: Mode) -> f64 {
    match mode {
        Mode::Job => guest::seconds("function_job_time_limit", DEFAULT_JOB_TIME_LIMIT).await,
        Mode::Now => guest::seconds("function_time_limit", DEFAULT_TIME_LIMIT).await,
    }
}
