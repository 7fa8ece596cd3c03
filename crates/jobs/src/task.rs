//! The computation of a route, at once or as a job.

use std::cell::RefCell;
use std::rc::Rc;

use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_api::Problem;
use http_api::problem::{JOB_OUTDATED, WORKER_LOST};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::{Input, Outcome};

/// A computation that a client waits for, or that runs as a job. It is either [`Whole`] or [`Parted`](crate::Parted).
///
/// If the client waits, the computation follows [`check`](Task::check). As a job, the store keeps the input in between, and a
/// runner computes.
#[allow(async_fn_in_trait)] // Guests have one thread: no future need be `Send`.
pub trait Task {
    /// Its name in the store. A job of another name, or whose input cannot be read, fails with `job-outdated`.
    const NAME: &'static str;

    /// Everything that the computation needs from the request. Stored as MessagePack, with field names.
    type Input: Serialize + DeserializeOwned;

    /// Checks the request for all errors of the client.
    ///
    /// # Errors
    /// The problem that the request is refused with.
    async fn check(request: Request, mode: Mode) -> Result<Self::Input, Problem>;

    /// The answer to a failed request, for protocols with their own errors.
    #[must_use]
    fn refuse(problem: Problem) -> Response {
        problem.into_response()
    }
}

/// A task that one instance computes.
#[allow(async_fn_in_trait)] // Guests have one thread: no future need be `Send`.
pub trait Whole: Task {
    /// The answer to a checked input.
    ///
    /// # Errors
    /// The problem that the request, or the job, ends with.
    async fn compute(input: Self::Input, progress: &Progress) -> Result<Response, Problem>;
}

/// Whether a client waits for the answer; limits depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A client waits.
    Now,
    /// It is or will be a job.
    Job,
}

/// Where a computation reports its progress.
#[derive(Clone, Debug, Default)]
pub struct Progress(Option<Rc<Report>>);

#[derive(Debug)]
struct Report {
    job: String,
    latest: RefCell<Option<Value>>,
}

impl Progress {
    /// For a computation that a client waits for: reports are discarded.
    #[must_use]
    pub fn waited() -> Self {
        Self(None)
    }

    /// For the job with this id.
    #[must_use]
    pub fn job(id: &str) -> Self {
        Self(Some(Rc::new(Report {
            job: id.to_owned(),
            latest: RefCell::default(),
        })))
    }

    /// Whether the computation is a job.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self.0 {
            Some(_) => Mode::Job,
            None => Mode::Now,
        }
    }

    /// Reports the progress of a job, as JSON in a form of the task.
    pub fn report(&self, progress: impl FnOnce() -> Value) {
        if let Some(report) = &self.0 {
            report.latest.replace(Some(progress()));
        }
    }

    /// The last report.
    #[must_use]
    pub fn latest(&self) -> Option<Value> {
        self.0.as_ref()?.latest.borrow().clone()
    }
}

impl Input {
    /// The input of a task, for the store.
    ///
    /// # Errors
    /// `internal-error` if the input cannot be serialised as MessagePack.
    pub fn of<T: Task>(input: &T::Input) -> Result<Self, Problem> {
        let bytes = rmp_serde::to_vec_named(input);
        Ok(Self {
            task: T::NAME.to_owned(),
            bytes: bytes.map_err(Problem::internal)?,
        })
    }
}

/// The outcome of a job of `T` that ends with a problem.
pub(crate) async fn refused<T: Task>(problem: Problem, progress: &Progress) -> Outcome {
    let job = progress.0.as_ref().map(|report| &*report.job);
    problem.log(format_args!("job {}: {}", job.unwrap_or_default(), T::NAME));
    outcome_of(T::refuse(problem)).await
}

/// The outcome of a job when the worker of its last attempt is lost.
#[must_use]
pub fn worker_lost() -> Outcome {
    failure(&Problem::new(
        WORKER_LOST,
        "the job was begun three times, and each time its worker stopped before the end; it may take more memory \
         or time than a worker has",
    ))
}

/// The outcome of a job whose input another version of the program has stored.
#[must_use]
pub fn outdated() -> Outcome {
    failure(&Problem::new(
        JOB_OUTDATED,
        "the service was updated while the job was waiting, and can no longer read it; send the request again",
    ))
}

fn failure(problem: &Problem) -> Outcome {
    Outcome {
        status: problem.status().as_u16(),
        content_type: Some(http_api::problem::MEDIA_TYPE.to_owned()),
        headers: Vec::new(),
        // Strings and numbers: serialising does not fail.
        body: serde_json::to_vec(problem).unwrap_or_default(),
    }
}

/// An answer, for the store.
pub(crate) async fn outcome_of(response: Response) -> Outcome {
    let (parts, body) = response.into_parts();
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let body = match to_bytes(body, usize::MAX).await {
        Ok(body) => body.into(),
        Err(error) => return failure(&Problem::internal(error)),
    };
    let headers = parts.headers.iter();
    Outcome {
        status: parts.status.as_u16(),
        content_type: parts.headers.get(header::CONTENT_TYPE).and_then(text),
        headers: headers
            .filter(|(name, _)| ![header::CONTENT_TYPE, header::CONTENT_LENGTH].contains(name))
            .filter_map(|(name, value)| Some((name.to_string(), text(value)?)))
            .collect(),
        body,
    }
}

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.body).into_response();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        let content_type = self.content_type.map(|value| (header::CONTENT_TYPE, value));
        let others = self.headers.into_iter().filter_map(|(name, value)| {
            let name = HeaderName::try_from(name).ok()?;
            Some((name, value))
        });
        for (name, value) in content_type.into_iter().chain(others) {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.append(name, value);
            }
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::{Done, Stage, Work, run};
    use http_api::problem::INVALID_NUMBER;
    use pollster::block_on;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Serialize, Deserialize)]
    struct Upload {
        name: Option<String>,
        bytes: bytes::Bytes,
    }

    struct Length;

    impl Task for Length {
        const NAME: &'static str = "length";
        type Input = Upload;

        async fn check(_: Request, _: Mode) -> Result<Upload, Problem> {
            Err(Problem::internal("not asked for"))
        }
    }

    impl Whole for Length {
        async fn compute(input: Upload, progress: &Progress) -> Result<Response, Problem> {
            progress.report(|| json!({"read": input.bytes.len()}));
            if input.bytes.is_empty() {
                return Err(Problem::new(INVALID_NUMBER, "nothing")
                    .header(header::RETRY_AFTER, HeaderValue::from_static("5")));
            }
            let headers = [
                ("audio-warnings", "truncated"),
                ("content-type", "text/plain"),
            ];
            Ok((headers, format!("{:?} {}", input.name, input.bytes.len())).into_response())
        }
    }

    fn computed(input: Input, progress: &Progress) -> Outcome {
        let work = Work {
            task: input.task,
            stage: Stage::Begin(input.bytes),
        };
        match block_on(run::<Length>(&work, progress)) {
            Done::Outcome(outcome) => outcome,
            _ => panic!("it has no parts"),
        }
    }

    fn length(bytes: &'static [u8]) -> (Outcome, Progress) {
        let name = Some("ü".to_owned());
        let bytes = bytes::Bytes::from_static(bytes);
        let input = Input::of::<Length>(&Upload { name, bytes }).expect("an input");
        let progress = Progress::job("a");
        (computed(input, &progress), progress)
    }

    #[test]
    fn an_input_comes_back_from_the_store_and_the_answer_keeps_its_headers() {
        let (outcome, progress) = length(b"abc\xFF");
        assert_eq!(outcome.body, "Some(\"ü\") 4".as_bytes());
        assert_eq!(outcome.content_type.as_deref(), Some("text/plain"));
        let expected = ("audio-warnings".to_owned(), "truncated".to_owned());
        assert_eq!(outcome.headers, [expected]);
        assert_eq!(progress.latest(), Some(json!({"read": 4})));

        let response = outcome.into_response();
        assert_eq!(response.headers()["audio-warnings"], "truncated");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/plain");
    }

    #[test]
    fn bytes_are_kept_as_bytes() {
        let upload = Upload {
            name: None,
            bytes: vec![0xFF; 100_000].into(),
        };
        let input = Input::of::<Length>(&upload).expect("an input");
        assert!(input.bytes.len() < 100_100, "{}", input.bytes.len());
    }

    #[test]
    fn a_problem_is_the_outcome_of_a_job_that_fails() {
        let (outcome, _) = length(b"");
        let problem: Value = serde_json::from_slice(&outcome.body).expect("JSON");
        assert_eq!(
            (outcome.status, &problem["code"]),
            (422, &"invalid-number".into())
        );
        assert_eq!(
            outcome.headers,
            [("retry-after".to_owned(), "5".to_owned())]
        );
    }

    #[test]
    fn an_input_of_another_version_is_outdated() {
        for bytes in [&b"{}"[..], b"", b"\x81\xA4name\xC0"] {
            let input = Input {
                task: "length".to_owned(),
                bytes: bytes.to_vec(),
            };
            let outcome = computed(input, &Progress::job("a"));
            assert_eq!(outcome, outdated(), "{bytes:?}");
        }
    }

    #[test]
    fn where_somebody_waits_nothing_is_reported() {
        let progress = Progress::waited();
        progress.report(|| json!(1));
        assert_eq!((progress.mode(), progress.latest()), (Mode::Now, None));
        assert_eq!(Progress::job("a").mode(), Mode::Job);
    }
}
