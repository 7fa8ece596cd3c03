//! Answers the requests that were deferred, where they are kept in Redis.
//!
//! A message of the channel is a word that there is work, and no more: all that is known of it is in the
//! store. Any number of processes on any number of hosts may listen.

// The export is generated code, which keeps its own rules.
#![cfg_attr(target_family = "wasm", allow(unsafe_code, clippy::expect_used))]

use bytes::Bytes;
use deferral::{Settings, drain};
use job_routes::Routes;

/// Works until none waits.
///
/// # Errors
/// When Redis does not answer for long; the lease gives the job at hand to another worker.
#[cfg_attr(target_family = "wasm", spin_sdk::redis_subscriber)]
pub async fn work(_: Bytes) -> anyhow::Result<()> {
    Ok(drain(&Settings::load().await, &Routes).await?)
}
