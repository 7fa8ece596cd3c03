//! Jobs: the requests that are answered later.

mod events;

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use guest::LocalFuture;
use guest::jobs::queue;
use http_api::problem::{
    INVALID_PARAMETER, INVALID_PATH, JOB_CANCELED, JOB_NOT_ENDED, JOB_NOT_FOUND, MEDIA_TYPE,
    STORE_UNAVAILABLE,
};
use http_api::{CalledBy, Path, Problem, Query, problem_responses};
use jobs::{JobPage, JobView, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response as Documented, ResponseBuilder};
use utoipa_axum::{router::OpenApiRouter, routes};

/// Jobs on a page: the default, and the maximum.
const PAGE: u32 = 20;
const MAX_PAGE: u32 = 100;

problem_responses!(ListProblems = &[INVALID_PARAMETER, STORE_UNAVAILABLE]);
problem_responses!(JobProblems = &[INVALID_PATH, JOB_NOT_FOUND, STORE_UNAVAILABLE]);
problem_responses!(
    ResultProblems = &[
        INVALID_PATH,
        JOB_NOT_FOUND,
        JOB_NOT_ENDED,
        JOB_CANCELED,
        STORE_UNAVAILABLE
    ]
);

/// A failed job has the answer that its route would have given.
struct OtherAnswers;

impl utoipa::IntoResponses for OtherAnswers {
    fn responses() -> BTreeMap<String, RefOr<Documented>> {
        let problem = Ref::from_schema_name("Problem");
        let content = ContentBuilder::new().schema(Some(problem)).build();
        let response = ResponseBuilder::new()
            .description(
                "Any other answer of the route, with the route's status: of a failed job, the problem document \
                 that the route documents",
            )
            .content(MEDIA_TYPE, content)
            .build();
        BTreeMap::from([("default".to_owned(), RefOr::T(response))])
    }
}

/// Which jobs are listed.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
struct Selection {
    /// Only jobs with this status.
    #[param(inline, nullable = false)]
    status: Option<StatusName>,
    /// The `next` of the previous page.
    #[param(nullable = false, pattern = "^[0-9]{16}:")]
    after: Option<String>,
    /// The most jobs of the page.
    #[param(nullable = false, minimum = 1, maximum = 100, example = 20)]
    limit: Option<u32>,
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum StatusName {
    Queued,
    Running,
    Succeeded,
    Failed,
    Canceled,
}

impl From<StatusName> for Status {
    fn from(name: StatusName) -> Self {
        match name {
            StatusName::Queued => Self::Queued,
            StatusName::Running => Self::Running,
            StatusName::Succeeded => Self::Succeeded,
            StatusName::Failed => Self::Failed,
            StatusName::Canceled => Self::Canceled,
        }
    }
}

/// The caller's jobs that are waiting, running or ended recently, the newest first.
#[utoipa::path(
    get,
    path = "/jobs",
    tag = "jobs",
    params(Selection),
    responses((status = 200, body = JobPage), ListProblems)
)]
async fn list_jobs(
    CalledBy(caller): CalledBy,
    Query(selection): Query<Selection>,
) -> Result<Json<JobPage>, Problem> {
    let limit = selection.limit.unwrap_or(PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::parameter(
            "limit",
            format_args!("must be 1 to {MAX_PAGE}"),
        ));
    }
    LocalFuture::new(async {
        let queue = queue(caller).await?;
        let status = selection.status.map(Status::from);
        let page = queue
            .list(status, selection.after.as_deref(), limit)
            .await?;
        let jobs = page
            .jobs
            .into_iter()
            .map(|job| JobView::new(job, None))
            .collect();
        Ok(Json(JobPage {
            jobs,
            next: page.next,
        }))
    })
    .await
}

/// A job, with its result once it has ended.
#[utoipa::path(
    get,
    path = "/jobs/{id}",
    tag = "jobs",
    params(("id" = String, Path, description = "The id of the job")),
    responses((status = 200, body = JobView), JobProblems)
)]
async fn get_job(CalledBy(caller): CalledBy, Path(id): Path<String>) -> Result<Response, Problem> {
    LocalFuture::new(async {
        let queue = queue(caller).await?;
        let job = queue.get(&id).await?;
        let ended = job.status.is_ended();
        let mut response = Json(queue.view(job).await?).into_response();
        if !ended {
            let soon = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        Ok(response)
    })
    .await
}

/// Cancels a job, or deletes one that has ended.
///
/// A waiting job is canceled at once, a running one within about a second; see its `status`.
#[utoipa::path(
    delete,
    path = "/jobs/{id}",
    tag = "jobs",
    params(("id" = String, Path, description = "The id of the job")),
    responses(
        (status = 200, description = "It is canceled", body = JobView),
        (status = 202, description = "It is running, and will be canceled", body = JobView),
        (status = 204, description = "It had ended, and its result is deleted"),
        JobProblems,
    )
)]
async fn delete_job(
    CalledBy(caller): CalledBy,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    LocalFuture::new(async {
        let queue = queue(caller).await?;
        if queue.remove(&id).await? {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let job = queue.cancel(&id).await?;
        let status = match job.status.is_ended() {
            true => StatusCode::OK,
            false => StatusCode::ACCEPTED,
        };
        Ok((status, Json(JobView::new(job, None))).into_response())
    })
    .await
}

/// The answer of the route: its status, its headers, its body.
#[utoipa::path(
    get,
    path = "/jobs/{id}/result",
    tag = "jobs",
    params(("id" = String, Path, description = "The id of the job")),
    responses(
        (status = 200, description = "The answer of the route", content(
            (serde_json::Value = "application/json"),
            (String = "text/plain"),
            (String = "application/x-subrip"),
            (String = "text/vtt"),
            (String = "text/tab-separated-values"),
        )),
        OtherAnswers,
        ResultProblems,
    )
)]
async fn job_result(
    CalledBy(caller): CalledBy,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    LocalFuture::new(async {
        let queue = queue(caller).await?;
        let job = queue.get(&id).await?;
        let Some(outcome) = queue.outcome(&job).await? else {
            let kind = match job.status {
                Status::Canceled => JOB_CANCELED,
                _ => JOB_NOT_ENDED,
            };
            let detail = format!("the job is {}, so there is no result", job.status.as_str());
            return Err(Problem::new(kind, detail));
        };
        Ok(outcome.into_response())
    })
    .await
}

/// The routes of this component, with their part of the OpenAPI document.
#[must_use]
pub fn routes() -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_jobs))
        .routes(routes!(get_job, delete_job))
        .routes(routes!(job_result))
        .merge(events::routes())
}

guest::component!(routes);
