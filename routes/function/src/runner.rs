//! The way to the component that calls the function.

use std::pin::pin;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::{Either, select};
use http_api::problem::TIME_LIMIT_EXCEEDED;
use http_api::{Problem, X_REQUEST_ID};
use http_body_util::BodyExt;
use jobs::Mode;

use crate::CallInput;

/// Seconds a call may take, unless the variable `function_time_limit` says otherwise.
const DEFAULT_TIME_LIMIT: f64 = 30.0;
/// The same of a job, and the variable `function_job_time_limit`.
const DEFAULT_JOB_TIME_LIMIT: f64 = 600.0;

/// The contract of a function, as JSON.
pub(crate) async fn describe(route: &str) -> Result<String, Problem> {
    let request = Request::builder().uri(address(route));
    let response = exchange(request, Bytes::new()).await?;
    if response.status != StatusCode::OK {
        return Err(Problem::internal(format!(
            "the component that calls '{route}' answered {}",
            response.status
        )));
    }
    String::from_utf8(response.body.into()).map_err(Problem::internal)
}

/// What a call of a function led to: its value, or a problem.
pub(crate) async fn call(input: CallInput, mode: Mode) -> Result<Response, Problem> {
    let seconds = time_limit(mode).await;
    let request = Request::builder()
        .method(Method::POST)
        .uri(address(&input.route))
        .header(X_REQUEST_ID, input.request);
    let exchange = pin!(exchange(request, input.arguments.into()));
    let limit = pin!(spin_sdk::time::sleep(Duration::from_secs_f64(seconds)));
    match select(exchange, limit).await {
        Either::Left((answer, _)) => answer.map(Answer::into_response),
        Either::Right(_) => Err(Problem::new(
            TIME_LIMIT_EXCEEDED,
            format!("the function took longer than {seconds} s"),
        )),
    }
}

/// Only other components of the application reach this host.
fn address(route: &str) -> String {
    format!("http://{route}-function.spin.internal/")
}

struct Answer {
    status: StatusCode,
    media_type: Option<header::HeaderValue>,
    body: Bytes,
}

impl Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body).into_response();
        if let Some(media_type) = self.media_type {
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, media_type);
        }
        response
    }
}

async fn exchange(request: axum::http::request::Builder, body: Bytes) -> Result<Answer, Problem> {
    let request = request.body(body).map_err(Problem::internal)?;
    let response = guest::send(request)
        .await
        .map_err(|error| Problem::internal(error.to_string()))?;
    let (parts, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map_err(|error| Problem::internal(error.to_string()))?;
    Ok(Answer {
        status: parts.status,
        media_type: parts.headers.get(header::CONTENT_TYPE).cloned(),
        body: body.to_bytes(),
    })
}

/// How long a call may take, in seconds.
async fn time_limit(mode: Mode) -> f64 {
    let (name, default) = match mode {
        Mode::Job => ("function_job_time_limit", DEFAULT_JOB_TIME_LIMIT),
        Mode::Now => ("function_time_limit", DEFAULT_TIME_LIMIT),
    };
    guest::variable(name)
        .await
        .and_then(|value| value.parse().ok())
        .filter(|seconds: &f64| (0.001..1e9).contains(seconds))
        .unwrap_or(default)
}
