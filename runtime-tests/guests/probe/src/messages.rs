//! Messages of the Redis trigger.

#![allow(unsafe_code, reason = "the export that the macro declares")]

use anyhow::Result;
use bytes::Bytes;

use crate::{Arguments, act};

/// Receives a message with instructions in the form of a query, and prints the result.
#[cfg_attr(target_family = "wasm", spin_sdk::redis_subscriber)]
pub async fn receive(message: Bytes) -> Result<()> {
    let arguments = Arguments::parse(&String::from_utf8_lossy(&message));
    println!("received: {}", act(&arguments, None).await?);
    Ok(())
}
