//! Back-pressure for routes that compute.

use spin_sdk::wit_bindgen::{backpressure_dec, backpressure_inc, yield_async};

/// While a value exists, the host gives this instance no further requests.
///
/// A route that computes holds one from the first line of its handler to the end, so that the next request gets its own
/// instance, and with it a core. If it were taken later, after an await, requests that this instance already has would wait.
#[derive(Debug)]
pub struct Busy(());

impl Busy {
    /// Tells the host that this instance is busy until the value is dropped.
    #[must_use]
    #[allow(clippy::new_without_default)] // It has an effect.
    pub fn new() -> Self {
        backpressure_inc();
        Self(())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        backpressure_dec();
    }
}

/// Lets the host do something else. Awaited after each `pacer::QUANTUM` of work.
pub async fn pause() {
    yield_async().await;
}
