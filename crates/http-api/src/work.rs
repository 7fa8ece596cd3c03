//! What is asked of a route that computes: to do it, to check alone whether it could be done, or to do it as a job.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::Value;

use crate::problem::{Problem, ProblemType};

/// Takes the place of a result where nothing was wanted but the checks. No client ever sees it.
const CHECKED: ProblemType = ProblemType {
    code: "checked",
    status: StatusCode::INTERNAL_SERVER_ERROR,
    title: "The request was checked and not answered",
};

/// What a handler is to do with a request.
///
/// A handler that can be deferred checks everything a client could have done wrong, then calls [`Work::start`],
/// then computes. Taken from the extensions of the request; without one there, [`Work::now`].
#[derive(Clone, Debug, Default)]
pub struct Work(Purpose);

#[derive(Clone, Debug, Default)]
enum Purpose {
    #[default]
    Now,
    Check,
    Job(Progress),
}

impl Work {
    /// The client waits for the result.
    #[must_use]
    pub fn now() -> Self {
        Self(Purpose::Now)
    }

    /// Nothing but the checks: [`passed_checks`] tells from the response whether all were passed.
    ///
    /// For what keeps such a response from the client.
    #[must_use]
    pub fn check() -> Self {
        Self(Purpose::Check)
    }

    /// The result is stored; meanwhile `progress` holds what was last reported.
    #[must_use]
    pub fn job(progress: Progress) -> Self {
        Self(Purpose::Job(progress))
    }

    /// To be passed on by `?` between the last check and the computation.
    ///
    /// # Errors
    /// Where nothing but the checks was wanted: not a fault, but the end of the handler.
    pub fn start(&self) -> Result<(), Problem> {
        if self.is_check() {
            Err(Problem::new(CHECKED, CHECKED.title))
        } else {
            Ok(())
        }
    }

    /// Whether nothing but the checks is wanted: for those that the computation makes otherwise.
    #[must_use]
    pub fn is_check(&self) -> bool {
        matches!(self.0, Purpose::Check)
    }

    /// Whether the limits are those of a job: in one, and where it is checked whether to make one.
    #[must_use]
    pub fn is_job(&self) -> bool {
        matches!(self.0, Purpose::Check | Purpose::Job(_))
    }

    /// Says how far the computation of a job has come; does nothing where there is none.
    pub fn report(&self, progress: impl FnOnce() -> Value) {
        if let Purpose::Job(told) = &self.0 {
            told.tell(progress());
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Work {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_default())
    }
}

/// How far a job has come, shared between the handler that computes and what stores it.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Mutex<Option<Value>>>);

impl Progress {
    /// What was last reported, as JSON of the route's own shape.
    #[must_use]
    pub fn latest(&self) -> Option<Value> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn tell(&self, progress: Value) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress);
    }
}

/// Whether the response to a request with [`Work::check`] says that nothing is wrong with it.
#[must_use]
pub fn passed_checks(response: &Response) -> bool {
    response
        .extensions()
        .get::<Problem>()
        .is_some_and(|problem| problem.code() == CHECKED.code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::post;
    use serde::Deserialize;
    use serde_json::json;
    use tower::ServiceExt;

    #[derive(Deserialize)]
    struct Count {
        count: u32,
    }

    async fn count(
        work: Work,
        crate::Json(Count { count }): crate::Json<Count>,
    ) -> Result<String, Problem> {
        work.start()?;
        work.report(|| json!({"counted": count}));
        Ok(format!("{count} {}", work.is_job()))
    }

    fn ask(work: Option<Work>, body: &'static str) -> Response {
        let mut request = Request::post("/")
            .header("content-type", "application/json")
            .body(Body::from(body))
            .expect("a request");
        if let Some(work) = work {
            request.extensions_mut().insert(work);
        }
        let routes = Router::new().route("/", post(count));
        let Ok(response) = pollster::block_on(routes.oneshot(request));
        response
    }

    fn text(response: Response) -> String {
        let body = axum::body::to_bytes(response.into_body(), 1000);
        let body = pollster::block_on(body).expect("a body");
        String::from_utf8(body.into()).expect("text")
    }

    #[test]
    fn a_request_is_answered_unless_said_otherwise() {
        assert_eq!(text(ask(None, r#"{"count": 3}"#)), "3 false");
        assert_eq!(text(ask(Some(Work::now()), r#"{"count": 3}"#)), "3 false");
    }

    #[test]
    fn checking_tells_the_good_from_the_bad_and_computes_neither() {
        let good = ask(Some(Work::check()), r#"{"count": 3}"#);
        assert!(passed_checks(&good));
        let bad = ask(Some(Work::check()), r#"{"count": -3}"#);
        assert!(!passed_checks(&bad) && bad.status() == 422);
        assert!(!passed_checks(&ask(None, r#"{"count": 3}"#)));
        assert!(crate::problem::by_code(CHECKED.code).is_none());
    }

    #[test]
    fn a_job_tells_how_far_it_has_come() {
        let progress = Progress::default();
        assert_eq!(progress.latest(), None);
        let response = ask(Some(Work::job(progress.clone())), r#"{"count": 3}"#);
        assert_eq!(text(response), "3 true");
        assert_eq!(progress.latest(), Some(json!({"counted": 3})));
    }
}
