//! Answers the requests that were deferred.
//!
//! Private: the routes wake it after each job they keep, and whenever somebody asks after one. It answers
//! at once and goes on working. `worker` does the same where jobs are kept in Redis.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use deferral::{Settings, drain};
use guest::{Busy, Request, Response};
use job_routes::Routes;

/// Wakes the runner.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(_: Request) -> Response {
    // Held until the jobs are done: the next call gets an instance, and a core, of its own.
    let busy = Busy::new();
    spin_sdk::wasip3::spawn(async move {
        if let Err(error) = drain(&Settings::load().await, &Routes).await {
            eprintln!("a runner ends: {error}");
        }
        drop(busy);
    });
    StatusCode::ACCEPTED.into_response()
}
