//! Stopping: the first signal asks for it, the second enforces it.

use anyhow::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tracing::info;

/// Tells every part of the server to stop.
#[derive(Clone, Default)]
pub(crate) struct Shutdown(CancellationToken);

impl Shutdown {
    /// Waits for the stop.
    pub(crate) fn requested(&self) -> WaitForCancellationFutureOwned {
        self.0.clone().cancelled_owned()
    }

    /// Listens for SIGTERM and SIGINT from now on. The handlers also work in process 1 of a container, where signals have no
    /// default action.
    ///
    /// # Errors
    /// When the handlers cannot be installed.
    pub(crate) fn listen(&self) -> Result<()> {
        let handler = |kind| signal(kind).context("cannot listen for signals");
        let mut term = handler(SignalKind::terminate())?;
        let mut int = handler(SignalKind::interrupt())?;
        let token = self.0.clone();
        tokio::spawn(async move {
            next(&mut term, &mut int).await;
            info!("Stopping: requests in flight may finish; a second signal stops at once");
            token.cancel();
            let status = next(&mut term, &mut int).await;
            std::process::exit(status);
        });
        Ok(())
    }
}

/// Waits for a signal; returns the exit status a shell would show for a program that it killed.
async fn next(term: &mut Signal, int: &mut Signal) -> i32 {
    tokio::select! {
        _ = term.recv() => 128 + SignalKind::terminate().as_raw_value(),
        _ = int.recv() => 128 + SignalKind::interrupt().as_raw_value(),
    }
}
