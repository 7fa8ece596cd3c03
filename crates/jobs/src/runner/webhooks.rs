//! The webhooks of jobs that have ended.

use std::pin::pin;
use std::time::Duration;

use axum::http::{Request, header};
use bytes::Bytes;
use futures_util::future::{Either, select};

use super::{BEAT, Runner, millis};
use crate::model::{Delivery, Millis};
use crate::platform::Platform;
use crate::store::{Error, Store};
use crate::view::JobView;
use crate::webhook;

/// How long a webhook may take to answer.
const WEBHOOK_LIMIT: Duration = Duration::from_secs(10);

impl<P: Platform> Runner<'_, P> {
    /// Sends the webhooks that are due, and retries failed ones within the back-off.
    pub(super) async fn webhooks(&self) -> Result<(), Error> {
        let lease = 2 * millis(WEBHOOK_LIMIT);
        let mut again: Option<Millis> = None;
        loop {
            let due = self
                .persist(async || self.store.next_delivery(lease, self.now()).await)
                .await?;
            if let Some(delivery) = due {
                let retry_at = match self.deliver(&delivery).await {
                    Ok(()) => None,
                    Err(reason) => {
                        eprintln!("webhook of job {}: {reason}", delivery.id);
                        webhook::retry_at(delivery.attempt, self.now())
                    }
                };
                again = again.max(retry_at);
                self.persist(async || self.store.delivered(&delivery, retry_at, self.now()).await)
                    .await?;
                continue;
            }
            if self.ended.get() && again.is_none_or(|at| at < self.now()) {
                return Ok(());
            }
            self.platform.sleep(BEAT).await;
        }
    }

    async fn deliver(&self, delivery: &Delivery) -> Result<(), String> {
        let text = |error: Error| error.to_string();
        let Some(job) = self
            .store
            .get(&delivery.id, self.now())
            .await
            .map_err(text)?
        else {
            return Ok(());
        };
        let outcome = self
            .store
            .outcome(&delivery.id, self.now())
            .await
            .map_err(text)?;
        let view = JobView::new(job, outcome.as_ref());
        let body = serde_json::to_string(&view).map_err(|error| error.to_string())?;
        let mut request =
            Request::post(&delivery.url).header(header::CONTENT_TYPE, "application/json");
        let secret = &self.platform.settings().webhook_secret;
        for (name, value) in webhook::headers(&delivery.id, self.now() / 1000, &body, secret) {
            request = request.header(name, value);
        }
        let request = request
            .body(Bytes::from(body))
            .map_err(|error| error.to_string())?;
        match select(
            pin!(self.platform.send(request)),
            pin!(self.platform.sleep(WEBHOOK_LIMIT)),
        )
        .await
        {
            Either::Left((Ok(status), _)) if status.is_success() => Ok(()),
            Either::Left((Ok(status), _)) => Err(format!("answered {status}")),
            Either::Left((Err(error), _)) => Err(error),
            Either::Right(_) => Err(format!("no answer within {} s", WEBHOOK_LIMIT.as_secs())),
        }
    }
}
