//! Readiness: whether requests to this instance of the application can be answered now.

use std::cell::Cell;
use std::pin::pin;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderValue, Request, header};
use axum::response::IntoResponse;
use futures_util::future::{Either, join, select};
use guest::{LocalFuture, Response};
use http_api::problem::NOT_READY;
use http_api::{Caller, Problem, problem_responses};
use serde::Serialize;
use utoipa::ToSchema;

problem_responses!(Problems = &[NOT_READY]);

/// How long a check may take.
const LIMIT: Duration = Duration::from_secs(2);

/// How often one instance resumes jobs, at most.
const RESUMED_EVERY: Duration = Duration::from_secs(5);

thread_local! {
    static RESUMED: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// What was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Part {
    /// The store of jobs answers.
    Jobs,
    /// The speech model is in memory.
    Speech,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Speech => "speech",
        }
    }
}

/// The application is ready.
#[derive(Serialize, ToSchema)]
struct Readiness {
    #[schema(example = "ready")]
    status: &'static str,
    /// What was checked.
    checked: Vec<Part>,
}

/// Whether the application is ready: the job store answers, the speech model is loaded.
///
/// For load balancers. `/livez` says whether the process is alive.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "service",
    responses(
        (status = 200, body = Readiness, example = json!({"status": "ready", "checked": ["jobs", "speech"]})),
        Problems,
    ),
    security(())
)]
pub(crate) async fn readyz() -> Response {
    let jobs = check(Part::Jobs, jobs());
    let speech = async {
        match cfg!(feature = "speech") {
            true => check(Part::Speech, speech()).await,
            false => (Part::Speech, None),
        }
    };
    let parts = LocalFuture::new(join(jobs, speech)).await;
    let mut response = answer(parts.into());
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A check of a part; `None` if the application does not have it.
type Checked = (Part, Option<Result<(), String>>);

/// The answer for the parts of the application.
fn answer(parts: [Checked; 2]) -> Response {
    let (mut checked, mut missing, mut causes) = (Vec::new(), Vec::new(), Vec::new());
    for (part, result) in parts {
        match result {
            None => {}
            Some(Ok(())) => checked.push(part),
            Some(Err(cause)) => {
                missing.push(part.name());
                causes.push(format!("{}: {cause}", part.name()));
            }
        }
    }
    if missing.is_empty() {
        let status = "ready";
        return Json(Readiness { status, checked }).into_response();
    }
    Problem::new(NOT_READY, format!("not ready: {}", missing.join(", ")))
        .with("missing", missing)
        .because(causes.join("; "))
        .header(header::RETRY_AFTER, HeaderValue::from_static("5"))
        .into_response()
}

/// A check that takes too long has failed.
async fn check(part: Part, check: impl Future<Output = Result<(), String>>) -> Checked {
    let result = match select(pin!(check), pin!(spin_sdk::time::sleep(LIMIT))).await {
        Either::Left((result, _)) => result,
        Either::Right(_) => Err(format!("no answer within {LIMIT:?}")),
    };
    (part, Some(result))
}

/// Asks the store, and wakes a runner: probes come by themselves, also after a restart.
async fn jobs() -> Result<(), String> {
    let load = async {
        let queue = guest::jobs::queue(Caller::default()).await?;
        queue.load().await.map(|_| queue)
    };
    let failed = |problem: Problem| problem.cause().unwrap_or_default().to_owned();
    let queue = load.await.map_err(failed)?;
    if RESUMED.get().is_none_or(|at| at.elapsed() >= RESUMED_EVERY) {
        RESUMED.set(Some(Instant::now()));
        queue.resume().await;
    }
    Ok(())
}

/// The model is part of the initial memory of the component that answers here, so an answer means that it is loaded. `OPTIONS`
/// needs no key and recognises nothing.
async fn speech() -> Result<(), String> {
    let request = Request::options("http://asr.spin.internal/asr")
        .body(Bytes::new())
        .map_err(|error| error.to_string())?;
    let response = guest::send(request).await;
    match response.map_err(|error| error.to_string())?.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("the component answers {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;

    fn lost() -> Option<Result<(), String>> {
        Some(Err("a secret of the inside".to_owned()))
    }

    #[test]
    fn an_application_is_ready_when_all_it_has_is() {
        let (unready, ready) = (StatusCode::SERVICE_UNAVAILABLE, StatusCode::OK);
        for (jobs, speech, status) in [
            (Some(Ok(())), Some(Ok(())), ready),
            (Some(Ok(())), None, ready),
            (Some(Ok(())), lost(), unready),
            (lost(), None, unready),
        ] {
            let response = answer([(Part::Jobs, jobs), (Part::Speech, speech)]);
            assert_eq!(response.status(), status);
            let retry = response.headers().contains_key(header::RETRY_AFTER);
            assert_eq!(retry, status == unready);
        }
    }

    #[test]
    fn what_is_missing_is_named_and_why_is_for_the_log() {
        let response = answer([(Part::Jobs, lost()), (Part::Speech, lost())]);
        let problem = response.extensions().get::<Problem>().expect("a problem");
        let cause = problem.cause().expect("a cause");
        assert!(cause.starts_with("jobs: a secret"), "{cause}");
        let problem = serde_json::to_value(problem).expect("JSON");
        assert_eq!(problem["detail"], "not ready: jobs, speech");
        assert_eq!(problem["missing"], serde_json::json!(["jobs", "speech"]));
        assert!(!problem.to_string().contains("secret"));
    }
}
