//! Computes the jobs.
//!
//! Where jobs are kept in the application's own database, an HTTP request wakes it: the routes call it after each
//! job they keep, and whenever somebody asks after one. It answers at once and goes on working. Where they are kept
//! in Redis, a message wakes it, in any number of processes on any number of hosts. Either is a word that there is
//! work, and no more: all that is known of it is in the store.

// The exports are generated code, which keeps its own rules.
#![cfg_attr(target_family = "wasm", allow(unsafe_code, clippy::expect_used))]

use axum::http::StatusCode;
use axum::response::IntoResponse;
use bytes::Bytes;
use factorize_routes::Factorize;
use guest::jobs::drain;
use guest::{Busy, Request, Response};
use jobs::{Input, Outcome, Progress, Task, run};
use prediction_routes::Predict;

/// What each task makes of its input.
async fn compute(input: &Input, progress: &Progress) -> Option<Outcome> {
    Some(match &*input.task {
        Factorize::NAME => run::<Factorize>(input, progress).await,
        Predict::NAME => run::<Predict>(input, progress).await,
        #[cfg(feature = "speech")]
        asr_routes::Asr::NAME => run::<asr_routes::Asr>(input, progress).await,
        #[cfg(feature = "speech")]
        asr_routes::Transcribe::NAME => run::<asr_routes::Transcribe>(input, progress).await,
        #[cfg(feature = "speech")]
        asr_routes::Translate::NAME => run::<asr_routes::Translate>(input, progress).await,
        _ => return None,
    })
}

/// Wakes a worker in this process.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(_: Request) -> Response {
    // Held until the jobs are done: the next call gets an instance, and a core, of its own.
    let busy = Busy::new();
    spin_sdk::wasip3::spawn(async move {
        if let Err(error) = drain(compute).await {
            eprintln!("a runner ends: {error}");
        }
        drop(busy);
    });
    StatusCode::ACCEPTED.into_response()
}

/// Works until none waits.
///
/// # Errors
/// When Redis does not answer for long; the lease gives the job at hand to another worker.
#[cfg_attr(target_family = "wasm", spin_sdk::redis_subscriber)]
pub async fn work(_: Bytes) -> anyhow::Result<()> {
    Ok(drain(compute).await?)
}
