//! `GET /jobs/{id}/events`: a job as server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use guest::LocalFuture;
use guest::jobs::{Spin, queue};
use http_api::problem::{INVALID_PATH, JOB_NOT_FOUND, STORE_UNAVAILABLE};
use http_api::{CalledBy, Path, Problem, problem_responses};
use jobs::{Job, JobView, Queue, Status};
use spin_sdk::time::sleep;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// How often the store is polled.
const LOOK: Duration = Duration::from_millis(500);

/// Polls without news after which a comment is sent, because proxies close silent connections.
const QUIET: u32 = 30;

problem_responses!(Problems = &[INVALID_PATH, JOB_NOT_FOUND, STORE_UNAVAILABLE]);

/// A server-sent event of a job.
#[derive(ToSchema)]
#[allow(dead_code)] // Describes the answer in the OpenAPI document.
struct JobEvent {
    /// `status` when that has changed, `progress` when only the progress has.
    #[schema(example = "status")]
    event: String,
    /// The job, as JSON; with its result once it has ended, which is the last event.
    data: String,
    /// Identifies the state of the job; sent as `Last-Event-ID`, it continues the events from there.
    #[schema(example = "running-9e3779b97f4a7c15")]
    id: String,
}

/// The state of a job that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
struct EventId(String);

impl EventId {
    /// Its status, and a hash of everything that is shown.
    fn of(job: &Job) -> Self {
        let shown = JobView::new(job.clone(), None);
        let shown = serde_json::to_vec(&shown).unwrap_or_default();
        // FNV-1a: the same on every runner and in every build.
        let hash = shown.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3)
        });
        Self(format!("{}-{hash:016x}", job.status.as_str()))
    }

    /// The last state that the client has seen, from its `Last-Event-ID`.
    fn last(headers: &HeaderMap) -> Option<Self> {
        let id = headers.get("last-event-id")?.to_str().ok()?;
        (!id.is_empty()).then(|| Self(id.to_owned()))
    }

    fn is_of(&self, status: Status) -> bool {
        let (name, _) = self.0.split_once('-').unwrap_or_default();
        name == status.as_str()
    }
}

/// The changes of a job as server-sent events.
///
/// The first event has the current state; the stream ends with the job. A client that reconnects with `Last-Event-ID`, as
/// browsers do, gets what has changed since, or 204 if the job has ended.
#[utoipa::path(
    get,
    path = "/jobs/{id}/events",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The id of the job"),
        ("Last-Event-ID" = Option<String>, Header, description = "The `id` of the last event seen"),
    ),
    responses(
        (status = 200, description = "The events", body = JobEvent, content_type = "text/event-stream"),
        (status = 204, description = "The client has the last event: it should not reconnect"),
        Problems,
    )
)]
async fn job_events(
    CalledBy(caller): CalledBy,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    LocalFuture::new(async {
        let queue = queue(caller).await?;
        let job = queue.get(&id).await?;
        let seen = EventId::last(&headers);
        if job.status.is_ended() && seen == Some(EventId::of(&job)) {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let watch = Watch {
            queue,
            id,
            next: Some(job),
            seen,
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

/// A job that a client watches. The store is polled when the client has taken the event before, so a client
/// that goes away ends the polling.
struct Watch {
    queue: Queue<Spin>,
    id: String,
    /// The job at the start, before that was sent.
    next: Option<Job>,
    /// What the client has seen.
    seen: Option<EventId>,
}

impl Watch {
    /// The next event, and what remains after it.
    async fn event(mut self) -> (String, Option<Self>) {
        for _ in 0..QUIET {
            let job = match self.next.take() {
                Some(job) => Ok(job),
                None => {
                    sleep(LOOK).await;
                    self.queue.peek(&self.id).await
                }
            };
            match job {
                Ok(job) => {
                    let id = EventId::of(&job);
                    if self.seen.as_ref() != Some(&id) {
                        return self.send(job, id).await;
                    }
                }
                Err(problem) => return (failure(&problem), None),
            }
        }
        // The last runner may be lost.
        self.queue.resume().await;
        (": still here\n\n".to_owned(), Some(self))
    }

    async fn send(mut self, job: Job, id: EventId) -> (String, Option<Self>) {
        let same_status = self.seen.is_some_and(|seen| seen.is_of(job.status));
        let name = if same_status { "progress" } else { "status" };
        self.seen = Some(id.clone());
        let ended = job.status.is_ended();
        match self.queue.view(job).await {
            Ok(view) => (event(name, &view, Some(&id)), (!ended).then_some(self)),
            Err(problem) => (failure(&problem), None),
        }
    }
}

fn failure(problem: &Problem) -> String {
    problem.log("events of a job");
    event("problem", problem, None)
}

fn event(name: &str, data: &impl serde::Serialize, id: Option<&EventId>) -> String {
    // Strings and numbers: serialising does not fail.
    let data = serde_json::to_string(data).unwrap_or_default();
    let id = id
        .map(|EventId(id)| format!("id: {id}\n"))
        .unwrap_or_default();
    format!("event: {name}\n{id}data: {data}\n\n")
}

pub(crate) fn routes() -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(job_events))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn job(status: Status) -> Job {
        Job {
            id: "a".to_owned(),
            route: "POST /asr\n".to_owned(),
            status,
            cancel_requested: false,
            progress: None,
            parts: None,
            attempts: 0,
            created_at: 0,
            started_at: None,
            finished_at: None,
            expires_at: None,
            webhook: None,
            owner: String::new(),
            trace: None,
        }
    }

    #[test]
    fn an_event_is_one_line_of_data() {
        let job = job(Status::Queued);
        let id = EventId::of(&job);
        let text = event("status", &JobView::new(job, None), Some(&id));
        let start = format!("event: status\nid: {}\ndata: {{\"id\":\"a\",", id.0);
        assert!(
            text.starts_with(&start) && text.ends_with("}\n\n"),
            "{text}"
        );
        assert_eq!(text.lines().count(), 4);
        assert_eq!(
            event("problem", &"x", None),
            "event: problem\ndata: \"x\"\n\n"
        );
    }

    #[test]
    fn an_id_tells_what_is_shown_and_nothing_else() {
        let queued = EventId::of(&job(Status::Queued));
        assert_eq!(queued, EventId::of(&job(Status::Queued)));
        let asked_to_stop = Job {
            cancel_requested: true,
            ..job(Status::Queued)
        };
        assert_eq!(queued, EventId::of(&asked_to_stop));
        let running = EventId::of(&job(Status::Running));
        let further = EventId::of(&Job {
            progress: Some("1".to_owned()),
            ..job(Status::Running)
        });
        assert!(queued != running && running != further);
        assert!(further.is_of(Status::Running) && !further.is_of(Status::Queued));
        let header = HeaderValue::try_from(&*further.0).expect("a header");
        let headers = HeaderMap::from_iter([(HeaderName::from_static("last-event-id"), header)]);
        assert_eq!(EventId::last(&headers), Some(further));
        assert_eq!(EventId::last(&HeaderMap::new()), None);
    }
}
