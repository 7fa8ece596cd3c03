//! Computes the jobs.
//!
//! With jobs in SQLite, an HTTP request wakes the worker: the routes send one after they store a job, and whenever a client
//! asks about a job or a probe for `/readyz`. The worker answers at once and goes on working. With jobs in Redis, a message
//! wakes the workers, in any number of processes on any number of hosts. Both only say that there is work; the job itself is
//! in the store.

// The exports are generated code, to which the lints do not apply.
#![cfg_attr(target_family = "wasm", allow(unsafe_code, clippy::expect_used))]

use axum::http::StatusCode;
use axum::response::IntoResponse;
use bytes::Bytes;
use factorize_routes::Factorize;
use function_routes::Call;
use guest::jobs::{drain, part};
use guest::{Busy, Request, Response};
use jobs::{Done, Progress, Task, Work, run, run_parted};
use model_routes::Infer;
use prediction_routes::Predict;

/// Computes a stage of a job.
async fn compute(work: &Work, progress: &Progress) -> Option<Done> {
    Some(match &*work.task {
        Factorize::NAME => run_parted::<Factorize>(work, progress).await,
        Call::NAME => run::<Call>(work, progress).await,
        Infer::NAME => run::<Infer>(work, progress).await,
        Predict::NAME => run::<Predict>(work, progress).await,
        #[cfg(feature = "speech")]
        asr_routes::Asr::NAME => run_parted::<asr_routes::Asr>(work, progress).await,
        #[cfg(feature = "speech")]
        asr_routes::Transcribe::NAME => run_parted::<asr_routes::Transcribe>(work, progress).await,
        #[cfg(feature = "speech")]
        asr_routes::Translate::NAME => run_parted::<asr_routes::Translate>(work, progress).await,
        _ => return None,
    })
}

/// Wakes a worker in this process, or computes a part for a request whose client waits.
#[cfg_attr(target_family = "wasm", spin_sdk::http_service)]
pub async fn handle(request: Request) -> Response {
    // Held until the work is done: the next call gets an instance, and a core, of its own.
    let busy = Busy::new();
    if request.uri().path() == guest::jobs::PART {
        return part(request, compute).await;
    }
    spin_sdk::wasip3::spawn(async move {
        if let Err(error) = drain(compute).await {
            eprintln!("a runner stopped: {error}");
        }
        drop(busy);
    });
    StatusCode::ACCEPTED.into_response()
}

/// Runs jobs until none is waiting.
///
/// # Errors
/// When Redis does not answer for long. Another worker gets the current job when its lease runs out.
#[cfg_attr(target_family = "wasm", spin_sdk::redis_subscriber)]
pub async fn work(_: Bytes) -> anyhow::Result<()> {
    Ok(drain(compute).await?)
}
