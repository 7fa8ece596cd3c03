//! Calls a function that another component provides, for the component `function` and the worker: `GET /` describes it,
//! `POST /` calls it with arguments that were checked by its contract. Has a private route.

use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Extension;
use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::response::IntoResponse;
use bindings::routelets::function::function::{self, Failure};
use guest::{Busy, Request, Response};
use http_api::problem::INVALID_INPUT;
use http_api::{Problem, RequestId};
use utoipa_axum::{router::OpenApiRouter, routes};

interfaces::import!("../../wit/function");

// Open to every caller: only components of the application can reach it, and the one before it asks for keys.
#[utoipa::path(get, path = "/", responses((status = 200)), security(()))]
async fn describe() -> String {
    function::describe()
}

#[utoipa::path(post, path = "/", request_body = String, responses((status = 200)), security(()))]
async fn call(
    Extension(id): Extension<RequestId>,
    arguments: String,
) -> Result<impl IntoResponse, Problem> {
    // Keyed at random.
    let seed = RandomState::new().hash_one(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |now| u64::try_from(now.as_nanos()).unwrap_or_default());
    let outcome = function::call(&arguments, seed, now);
    log(&id, &outcome.printed);
    match outcome.value {
        Ok(json) => Ok(([(header::CONTENT_TYPE, "application/json")], json)),
        Err(Failure::Refused(reason)) => Err(Problem::new(INVALID_INPUT, reason)),
        Err(Failure::Failed(trace)) => Err(Problem::internal(trace)),
    }
}

/// Logs what a function wrote, each line with the request that it belongs to.
fn log(id: &RequestId, text: &str) {
    let mut lines = String::new();
    for line in text.lines() {
        // Writing to a String cannot fail.
        let _ = writeln!(lines, "[{id}] {line}");
    }
    eprint!("{lines}");
}

fn routes() -> OpenApiRouter {
    // The component before this one limits what a request may bring.
    OpenApiRouter::new()
        .routes(routes!(describe, call))
        .layer(DefaultBodyLimit::disable())
}

/// Answers an HTTP request.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Response {
    let _busy = Busy::new();
    guest::serve(routes, request).await
}
