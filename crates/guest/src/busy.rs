//! Back-pressure for routes that compute.

use spin_sdk::wit_bindgen::{backpressure_dec, backpressure_inc, yield_async};

/// While one lives, the host gives this instance no further request.
///
/// A route that computes holds one from the first line of its handler to the end, so that the next
/// request gets an instance, and with it a core, of its own. Taken later, after an await, it leaves
/// requests stranded that were already handed to this instance.
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

/// Lets the host do something else: awaited after every quarter of a millisecond of work or so.
pub async fn pause() {
    yield_async().await;
}
