//! From the request to the answer, without a runtime.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_api::problem::{INVALID_NUMBER, TIME_LIMIT_EXCEEDED};
use http_api::{Caller, Problem};
use jobs::{
    Done, Error, Mode, PartResult, Parted, Parts, Platform, Progress, Queue, Settings, SqliteStore,
    Stage, StageEnd, StageOfJob, Status, Step, Task, Whole, Work, answer, answer_parted, drain,
    outdated, run, run_parted,
};
use pollster::block_on;
use serde_json::Value;

use crate::backend::{Backend, SqlDriver, Sqlite};

const PLACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Twice a number; 13 takes too long.
struct Double;

impl Task for Double {
    const NAME: &'static str = "double";
    type Input = u64;

    async fn check(request: Request, _: Mode) -> Result<u64, Problem> {
        let http_api::Body(body) = http_api::Body::from_request(request, &()).await?;
        let text = std::str::from_utf8(&body).unwrap();
        text.parse()
            .map_err(|_| Problem::new(INVALID_NUMBER, "not a number"))
    }
}

impl Whole for Double {
    async fn compute(number: u64, progress: &Progress) -> Result<Response, Problem> {
        let mode = format!("{:?}", progress.mode());
        match number {
            13 => Err(Problem::new(TIME_LIMIT_EXCEEDED, "too long")),
            _ => Ok(([("x-mode", mode)], (2 * number).to_string()).into_response()),
        }
    }
}

/// The sum of the squares up to a number, of which 13 fails, in parts from 4 on; then twice the sum, in a part of its own.
struct Squares;

impl Task for Squares {
    const NAME: &'static str = "squares";
    type Input = u64;

    async fn check(request: Request, mode: Mode) -> Result<u64, Problem> {
        Double::check(request, mode).await
    }
}

impl Parted for Squares {
    type Rest = bool;
    type Part = u64;
    type Found = u64;

    async fn begin(number: u64, _: &Progress) -> Result<Step<Self>, Problem> {
        match number {
            0..4 => {
                let sum: u64 = (1..=number).map(|number| number * number).sum();
                Ok(Step::Answer((2 * sum).to_string().into_response()))
            }
            _ => {
                let parts = Parts::new(false, 1..=number);
                let is_endless = number == 1000;
                Ok(Step::Parts(if is_endless { parts.until(3) } else { parts }))
            }
        }
    }

    async fn part(number: u64, _: &Progress) -> Result<(u64, u64), Problem> {
        match number {
            13 => Err(Problem::new(TIME_LIMIT_EXCEEDED, "too long")),
            _ => Ok((number * number, 1)),
        }
    }

    async fn join(last: bool, found: Vec<u64>, _: &Progress) -> Result<Step<Self>, Problem> {
        let sum: u64 = found.iter().sum();
        if last {
            // The last part has squared the sum.
            return Ok(Step::Answer((2 * sum.isqrt()).to_string().into_response()));
        }
        Ok(Step::Parts(Parts::new(true, [sum])))
    }
}

struct Here {
    database: Sqlite,
    settings: Settings,
    wakes: Cell<u32>,
    sent: RefCell<Vec<axum::http::Request<Bytes>>>,
    /// The stages of jobs and how they ended.
    traced: RefCell<Vec<(StageOfJob, StageEnd)>>,
    idle_cores: usize,
    /// Whether the other instances fail.
    alone: bool,
    /// How many parts other instances were given.
    shared: Cell<u32>,
}

impl Here {
    fn start() -> Self {
        let variable = async |name| match name {
            "webhook_origin" => Some("https://hooks.example".to_owned()),
            "max_waiting_jobs" => Some("3".to_owned()),
            _ => None,
        };
        Self {
            database: Sqlite::start(),
            settings: block_on(Settings::load(variable)),
            wakes: Cell::new(0),
            sent: RefCell::default(),
            traced: RefCell::default(),
            idle_cores: 1,
            alone: false,
            shared: Cell::new(0),
        }
    }

    fn ask(&self, request: Request) -> Response {
        block_on(answer::<Double, _>(async || self, request))
    }

    /// The id of the job that `request` becomes.
    fn defer(&self, request: Request) -> String {
        let response = self.ask(request);
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let location = response.headers()[header::LOCATION].to_str().unwrap();
        location.strip_prefix("/jobs/").unwrap().to_owned()
    }

    fn drain(&self) {
        let compute = async |work: &Work, progress: &Progress| match &*work.task {
            Double::NAME => Some(run::<Double>(work, progress).await),
            Squares::NAME => Some(run_parted::<Squares>(work, progress).await),
            _ => None,
        };
        block_on(drain(&self, compute)).unwrap();
    }

    /// The status and the answer of a job.
    fn ended(&self, id: &str) -> (Status, Response) {
        block_on(async {
            let queue = Queue::open(self, Caller::default()).await.unwrap();
            let job = queue.get(id).await.unwrap();
            let outcome = queue.outcome(&job).await.unwrap();
            (job.status, outcome.unwrap().into_response())
        })
    }
}

impl Platform for &Here {
    type Store = SqliteStore<SqlDriver>;

    fn settings(&self) -> &Settings {
        &self.settings
    }

    async fn store(&self) -> Result<Self::Store, Error> {
        Ok(self.database.open())
    }

    async fn wake(&self) {
        self.wakes.set(self.wakes.get() + 1);
    }

    async fn sleep(&self, _: Duration) {
        std::thread::sleep(Duration::from_millis(1));
    }

    async fn send(&self, request: axum::http::Request<Bytes>) -> Result<StatusCode, String> {
        self.sent.borrow_mut().push(request);
        Ok(StatusCode::NO_CONTENT)
    }

    fn place(&self) -> Option<String> {
        Some(PLACE.to_owned())
    }

    async fn traced(
        &self,
        stage: &StageOfJob,
        work: impl Future<Output = Result<StageEnd, Error>>,
    ) -> Result<StageEnd, Error> {
        let ended = work.await?;
        self.traced.borrow_mut().push((stage.clone(), ended));
        Ok(ended)
    }

    async fn idle_cores(&self) -> usize {
        self.idle_cores
    }

    async fn part(&self, task: &str, part: Vec<u8>) -> Result<PartResult, String> {
        assert_eq!(task, Squares::NAME);
        self.shared.set(self.shared.get() + 1);
        if self.alone {
            return Err("lost".to_owned());
        }
        let task = task.to_owned();
        let stage = Stage::Part(part);
        match run_parted::<Squares>(&Work { task, stage }, &Progress::waited()).await {
            Done::Part(result) => Ok(result),
            Done::Outcome(outcome) => Err(outcome.status.to_string()),
            Done::Cut { .. } => panic!("a part is not cut"),
        }
    }
}

fn request(body: &'static str) -> Request {
    Request::post("/double").body(Body::from(body)).unwrap()
}

fn deferred(target: &str, key: &str, body: &'static str) -> Request {
    Request::post(target)
        .header("prefer", "respond-async")
        .header("idempotency-key", key)
        .body(Body::from(body))
        .unwrap()
}

fn text(response: Response) -> String {
    let body = block_on(to_bytes(response.into_body(), 10_000)).unwrap();
    String::from_utf8(body.into()).unwrap()
}

#[test]
fn a_job_in_parts_is_answered_as_the_request_would_be() {
    // The sum of 1 + 4 + 9 is enough of 1000 squares. Another runner is woken by the first part, and by the cut.
    for (body, wakes, expected) in [
        ("3", 0, "28"),
        ("12", 2, "1300"),
        ("1000", 2, "28"),
        ("20", 2, "too long"),
    ] {
        let here = &Here::start();
        let deferred = deferred("/squares", "a", body);
        let response = block_on(answer_parted::<Squares, _>(async || here, deferred));
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        let location = response.headers()[header::LOCATION].to_str().unwrap();
        let id = location.strip_prefix("/jobs/").unwrap();
        here.wakes.set(0);
        here.drain();
        assert_eq!(here.wakes.get(), wakes);
        let (status, answer) = here.ended(id);
        let is_answer = expected.parse::<u64>().is_ok();
        let expected_status = match is_answer {
            true => Status::Succeeded,
            false => Status::Failed,
        };
        assert_eq!(status, expected_status);
        let text = text(answer);
        assert!(
            text == expected || !is_answer && text.contains(expected),
            "{text}"
        );
        assert_eq!(here.database.parts(), 0);
    }
}

#[test]
fn each_stage_of_a_job_is_in_the_trace_of_its_submission() {
    let here = &Here::start();
    let deferred = deferred("/squares", "a", "4");
    let response = block_on(answer_parted::<Squares, _>(async || here, deferred));
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    here.drain();
    let traced = here.traced.take();
    let mut seen: Vec<_> = traced
        .iter()
        .map(|(stage, end)| (stage.name, stage.part, end.as_str()))
        .collect();
    // Claims of parts are random.
    seen[1..5].sort();
    let expected = [
        ("begin", None, "cut"),
        ("part", Some(0), "done"),
        ("part", Some(1), "done"),
        ("part", Some(2), "done"),
        ("part", Some(3), "done"),
        ("join", None, "cut"),
        ("part", Some(0), "done"),
        ("join", None, "succeeded"),
    ];
    assert_eq!(seen, expected);
    for (stage, _) in traced {
        assert_eq!(stage.trace.as_deref(), Some(PLACE));
        assert_eq!(stage.route, "POST /squares");
    }
}

#[test]
fn a_client_that_waits_gets_the_same_answer_from_any_number_of_cores() {
    for (idle_cores, alone) in [(0, false), (1, false), (2, false), (5, false), (5, true)] {
        // The numbers whose parts other instances compute: of the last, those up to 13, which fails, or more.
        for (body, parts, expected) in [
            ("3", 0..=0, "28"),
            ("12", 13..=13, "1300"),
            ("1000", 3..=8, "28"),
            ("20", 13..=20, "too long"),
        ] {
            let here = Here {
                idle_cores,
                alone,
                ..Here::start()
            };
            let response = block_on(answer_parted::<Squares, _>(async || &here, request(body)));
            let is_answer = expected.parse::<u64>().is_ok();
            assert_eq!(response.status().is_success(), is_answer);
            let text = text(response);
            assert!(
                text == expected || !is_answer && text.contains(expected),
                "{body}: {text}"
            );
            let shared = here.shared.get();
            let as_expected = match idle_cores {
                0 | 1 => shared == 0,
                _ => parts.contains(&shared),
            };
            assert!(as_expected, "{body}: {shared} parts");
        }
    }
}

#[test]
fn a_job_is_answered_as_the_request_would_be() {
    let here = Here::start();
    let at_once = here.ask(request("21"));
    assert_eq!(at_once.headers()["x-mode"], "Now");
    assert_eq!(text(at_once), "42");
    assert_eq!(here.wakes.get(), 0);

    let id = here.defer(deferred(
        "/double?webhook=https://hooks.example/x",
        "a",
        "21",
    ));
    assert_eq!(here.wakes.get(), 1);
    here.drain();
    let (status, answer) = here.ended(&id);
    assert_eq!(status, Status::Succeeded);
    assert_eq!(answer.headers()["x-mode"], "Job");
    assert_eq!(text(answer), "42");
    let sent = here.sent.take();
    assert_eq!((sent.len(), sent[0].uri().path()), (1, "/x"));
    let job: Value = serde_json::from_slice(sent[0].body()).unwrap();
    assert_eq!((&job["id"], &job["result"]), (&id.into(), &"42".into()));
}

#[test]
fn what_is_wrong_is_refused_before_there_is_a_job() {
    let here = Here::start();
    for (request, status) in [
        (deferred("/double", "a", "x"), 422),
        (
            deferred("/double?webhook=https://other.example/", "a", "1"),
            403,
        ),
        (deferred("/double", "", "1"), 422),
    ] {
        assert_eq!(here.ask(request).status().as_u16(), status);
    }
    assert_eq!(
        block_on(async {
            Queue::open(&here, Caller::default())
                .await
                .unwrap()
                .load()
                .await
        })
        .unwrap(),
        0
    );

    let id = here.defer(deferred("/double", "a", "1"));
    assert_eq!(here.defer(deferred("/double", "a", "1")), id);
    let other = here.ask(deferred("/double", "a", "2"));
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    here.defer(deferred("/double", "b", "1"));
    here.defer(deferred("/double", "c", "1"));
    let full = here.ask(deferred("/double", "d", "1"));
    assert_eq!(full.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[test]
fn a_job_that_cannot_be_computed_fails() {
    let here = Here::start();
    let late = here.defer(deferred("/double", "a", "13"));
    let unknown = here.defer(deferred("/double", "b", "1"));
    let connection = here.database.driver();
    let rename = "UPDATE inputs SET task = 'treble' WHERE id = ?";
    connection.0.execute(rename, [&unknown]).unwrap();
    here.drain();
    let (status, answer) = here.ended(&late);
    assert_eq!((status, answer.status().as_u16()), (Status::Failed, 503));
    let (status, answer) = here.ended(&unknown);
    assert_eq!(status, Status::Failed);
    assert_eq!(text(answer).into_bytes(), outdated().body);
}

#[test]
fn nobody_has_to_do_with_the_jobs_of_others() {
    let here = Here::start();
    let of = |caller: &Caller, mut request: Request| {
        request.extensions_mut().insert(caller.clone());
        request
    };
    let callers = [Caller::key("one"), Caller::key("two"), Caller::default()];
    // The same key three times.
    let ids = callers.each_ref().map(|caller| {
        let id = here.defer(of(caller, deferred("/double", "k", "21")));
        let again = here.defer(of(caller, deferred("/double", "k", "21")));
        assert_eq!(again, id);
        id
    });
    block_on(async {
        for (caller, own) in callers.iter().zip(&ids) {
            let queue = Queue::open(&here, caller.clone()).await.unwrap();
            let page = queue.list(None, None, 10).await.unwrap();
            let listed: Vec<_> = page.jobs.iter().map(|job| &job.id).collect();
            assert_eq!(listed, [own]);
            for other in ids.iter().filter(|id| *id != own) {
                let missing = queue.get(other).await.unwrap_err();
                let unknown = queue.get("nothing").await.unwrap_err();
                assert_eq!(missing.code(), unknown.code());
                let same = missing.detail().replace(other, "nothing");
                assert_eq!(same, unknown.detail());
                assert!(queue.cancel(other).await.is_err());
                assert!(!queue.remove(other).await.unwrap());
            }
        }
    });
    here.drain();
    block_on(async {
        let queue = Queue::open(&here, callers[0].clone()).await.unwrap();
        assert!(!queue.remove(&ids[1]).await.unwrap());
        assert!(queue.remove(&ids[0]).await.unwrap());
    });
}
