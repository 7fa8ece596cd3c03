//! `GET /jobs/{id}/events`: a job as server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use deferral::Desk;
use futures_util::stream;
use guest::LocalFuture;
use http_api::problem::{INVALID_PATH, JOB_NOT_FOUND, STORE_UNAVAILABLE};
use http_api::{Path, Problem, problem_responses};
use jobs::Job;
use spin_sdk::time::sleep;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{job, open, view};

/// How often the store is asked.
const LOOK: Duration = Duration::from_millis(500);

/// After how many looks without news a comment is sent, for proxies that close what is silent.
const QUIET: u32 = 30;

problem_responses!(Problems = [INVALID_PATH, JOB_NOT_FOUND, STORE_UNAVAILABLE]);

/// A server-sent event of a job.
#[derive(ToSchema)]
#[allow(dead_code)] // Describes the answer in the OpenAPI document.
struct JobEvent {
    /// `status` when that has changed, `progress` when the job has come further.
    #[schema(example = "status")]
    event: String,
    /// The job, as JSON; with its result once it has ended, which is the last event.
    data: String,
}

/// How a job goes on, as server-sent events.
///
/// The first tells how it stands; the stream ends with the job.
#[utoipa::path(
    get,
    path = "/jobs/{id}/events",
    tag = "jobs",
    params(("id" = String, Path, description = "The id of the job")),
    responses(
        (status = 200, description = "The events", body = JobEvent, content_type = "text/event-stream"),
        Problems,
    )
)]
async fn job_events(Path(id): Path<String>) -> Result<Response, Problem> {
    LocalFuture::new(async {
        let desk = open().await?;
        let job = job(&desk, &id).await?;
        let watch = Watch {
            desk,
            id,
            next: Some(job),
            told: None,
        };
        let events = stream::unfold(Some(watch), async |watch| {
            let (event, rest) = watch?.event().await;
            Some((Ok::<_, Infallible>(event), rest))
        });
        let headers = [
            (header::CONTENT_TYPE, "text/event-stream; charset=utf-8"),
            (header::CACHE_CONTROL, "no-cache"),
        ];
        Ok((headers, Body::from_stream(LocalFuture::new(events))).into_response())
    })
    .await
}

/// A job that somebody watches. The store is asked when what was sent before has been taken, so a client
/// that goes away ends the watch.
struct Watch {
    desk: Desk,
    id: String,
    /// How the job stands, before that was told.
    next: Option<Job>,
    told: Option<Job>,
}

impl Watch {
    /// The next event, and what remains after it.
    async fn event(mut self) -> (String, Option<Self>) {
        for _ in 0..QUIET {
            let job = match self.next.take() {
                Some(job) => Ok(job),
                None => {
                    sleep(LOOK).await;
                    job(&self.desk, &self.id).await
                }
            };
            // Not shown, so no news.
            let job = job.map(|job| Job {
                cancel_requested: false,
                ..job
            });
            match job {
                Ok(job) if self.told.as_ref() == Some(&job) => {}
                Ok(job) => return self.tell(job).await,
                Err(problem) => return (event("problem", &problem), None),
            }
        }
        (": still here\n\n".to_owned(), Some(self))
    }

    async fn tell(mut self, job: Job) -> (String, Option<Self>) {
        let same_status = self
            .told
            .as_ref()
            .is_some_and(|told| told.status == job.status);
        let name = if same_status { "progress" } else { "status" };
        self.told = Some(job.clone());
        let ended = job.status.is_ended();
        match view(&self.desk, job).await {
            Ok(view) => (event(name, &view), (!ended).then_some(self)),
            Err(problem) => (event("problem", &problem), None),
        }
    }
}

fn event(name: &str, data: &impl serde::Serialize) -> String {
    // Strings and numbers: serialising does not fail.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {name}\ndata: {data}\n\n")
}

pub(crate) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(job_events))
}

#[cfg(test)]
mod tests {
    use super::*;
    use deferral::JobView;

    #[test]
    fn an_event_is_one_line_of_data() {
        let view = JobView::new(
            Job {
                id: "a".to_owned(),
                route: "POST /asr\n".to_owned(),
                status: jobs::Status::Queued,
                cancel_requested: false,
                progress: None,
                attempts: 0,
                created_at: 0,
                started_at: None,
                finished_at: None,
                expires_at: None,
                webhook: None,
            },
            None,
        );
        let text = event("status", &view);
        assert!(text.starts_with("event: status\ndata: {\"id\":\"a\",") && text.ends_with("}\n\n"));
        assert_eq!(text.lines().count(), 3);
    }
}
