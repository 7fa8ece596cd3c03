//! Jobs on Spin: its databases, its clock, its outbound HTTP.

pub(crate) mod drivers;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use axum::response::IntoResponse;
use http_api::{Caller, Problem};
use jobs::{
    Claim, Cut, Delivery, Done, Ending, Error, Job, Lease, Metrics, Millis, NewJob, Next, Outcome,
    Page, PartResult, Parted, Platform, Progress, Queue, RedisStore, Settings, Speech, SqliteStore,
    Stage, StageEnd, StageOfJob, Status, Store, StoreKind, Submitted, Task, Whole, Work,
};
use spin_sdk::http::body::IncomingBodyExt;

use crate::outgoing::{self, Placed};
use crate::runtime::IDLE_CORES;
use crate::{LocalFuture, Response, Span};
use drivers::{SpinRedis, SpinSqlite};

/// The channel that tells workers about new jobs.
const CHANNEL: &str = "routelets:jobs";

/// The worker of this process.
const WORKER: &str = "http://worker.spin.internal";

/// The path at which it computes parts.
pub const PART: &str = "/part";
/// The task of a part.
const TASK: HeaderName = HeaderName::from_static("x-task");
/// The weight of its result.
const WEIGHT: HeaderName = HeaderName::from_static("x-weight");

/// The longest `traceparent` that is stored. One of version 00 has 55 characters.
const MAX_TRACE: usize = 128;

/// Answers a request with the result of a task or, if the client prefers that, with a job.
pub async fn answer<T: Whole>(request: axum::extract::Request) -> Response {
    LocalFuture::new(jobs::answer::<T, _>(Spin::load, request)).await
}

/// As [`answer`], for a task that only this application can compute; `compute` answers a client that waits.
///
/// With jobs in Redis each request is answered at once, because its workers do not reach this component. A preference need not be
/// honoured (RFC 7240, section 2).
pub async fn answer_here<T: Task>(
    mut request: axum::extract::Request,
    compute: impl AsyncFnOnce(T::Input) -> Result<Response, Problem>,
) -> Response {
    LocalFuture::new(async {
        if crate::variable("jobs_store").await.as_deref() == Some("redis") {
            request.headers_mut().remove("prefer");
        }
        jobs::answer_with::<T, _>(Spin::load, request, compute).await
    })
    .await
}

/// The same for a task in parts, which idle cores compute.
pub async fn answer_parted<T: Parted + 'static>(request: axum::extract::Request) -> Response {
    LocalFuture::new(jobs::answer_parted::<T, _>(Spin::load, request)).await
}

/// The answer to the input of a task in parts; see [`jobs::together`].
///
/// # Errors
/// The problem that the request ends with.
pub async fn together<T: Parted + 'static>(input: T::Input) -> Result<Response, Problem> {
    LocalFuture::new(jobs::together::<T, _>(Spin::load, input)).await
}

/// The queue of a caller, for routes that show jobs.
///
/// # Errors
/// `store-unavailable`.
pub async fn queue(caller: Caller) -> Result<Queue<Spin>, Problem> {
    Queue::open(Spin::load().await, caller).await
}

/// How long counting may take.
const COUNTING: Duration = Duration::from_secs(1);

/// Counts speech that was recognised. A failure is only logged: recognition needs no store.
pub async fn recognised(sound: Duration, recognition: Duration) {
    let millis = |duration: Duration| Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX);
    let speech = Speech {
        sound: millis(sound),
        recognition: millis(recognition),
    };
    let spin = Spin::load().await;
    let count = async { spin.store().await?.recognised(speech, jobs::now()).await };
    match crate::within(COUNTING, count).await {
        Some(Ok(())) => {}
        Some(Err(error)) => eprintln!("recognised speech is not counted: {error}"),
        None => eprintln!("recognised speech is not counted: no answer within {COUNTING:?}"),
    }
}

/// Runs jobs until none is waiting; see [`jobs::drain`].
///
/// # Errors
/// When the store fails for good.
pub async fn drain(compute: impl AsyncFn(&Work, &Progress) -> Option<Done>) -> Result<(), Error> {
    jobs::drain(&Spin::load().await, compute).await
}

/// Answers another instance of this process with the result of a part; see [`Platform::part`].
pub async fn part(
    request: crate::Request,
    compute: impl AsyncFn(&Work, &Progress) -> Option<Done>,
) -> Response {
    let place = outgoing::place(request.headers());
    let task = request
        .headers()
        .get(TASK)
        .and_then(|name| name.to_str().ok());
    let task = task.unwrap_or_default().to_owned();
    let Ok(bytes) = request.into_body().bytes().await else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let work = Work {
        task,
        stage: Stage::Part(bytes.into()),
    };
    match Placed::new(place, compute(&work, &Progress::waited())).await {
        Some(Done::Part(PartResult { bytes, weight })) => {
            ([(WEIGHT, HeaderValue::from(weight))], bytes).into_response()
        }
        Some(Done::Outcome(outcome)) => outcome.into_response(),
        Some(Done::Cut { .. }) | None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Spin, or the embedded host.
pub struct Spin(Settings);

impl Spin {
    async fn load() -> Self {
        Self(Settings::load(crate::variable).await)
    }
}

impl Platform for Spin {
    type Store = SpinStore;

    fn settings(&self) -> &Settings {
        &self.0
    }

    async fn store(&self) -> Result<SpinStore, Error> {
        match &self.0.store {
            StoreKind::Sqlite => sqlite().await.map(SpinStore::Sqlite),
            StoreKind::Redis {
                url,
                database,
                results_database,
            } => {
                let driver = SpinRedis::new(url.clone());
                let store = RedisStore::new(driver, *database, *results_database);
                Ok(SpinStore::Redis(store))
            }
        }
    }

    async fn wake(&self) {
        let failed = match &self.0.store {
            StoreKind::Sqlite => match Request::post(format!("{WORKER}/")).body(Bytes::new()) {
                Ok(request) => self.send(request).await.err(),
                Err(error) => Some(error.to_string()),
            },
            StoreKind::Redis { url, .. } => SpinRedis::new(url.clone())
                .publish(CHANNEL, "")
                .await
                .err()
                .map(|error| error.to_string()),
        };
        if let Some(error) = failed {
            eprintln!("cannot wake a runner: {error}");
        }
    }

    async fn sleep(&self, duration: Duration) {
        spin_sdk::time::sleep(duration).await;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<StatusCode, String> {
        let response = crate::send(request).await;
        response
            .map(|response| response.status())
            .map_err(|error| error.to_string())
    }

    fn place(&self) -> Option<String> {
        let place = outgoing::current();
        let traceparent = outgoing::traceparent(&place)?;
        (traceparent.len() <= MAX_TRACE).then(|| traceparent.to_owned())
    }

    async fn traced(
        &self,
        stage: &StageOfJob,
        work: impl Future<Output = Result<StageEnd, Error>>,
    ) -> Result<StageEnd, Error> {
        let mut span = Span::under_header(stage.trace.as_deref(), "job");
        span.set("job.id", stage.job.as_str());
        span.set("job.route", stage.route.as_str());
        span.set("job.stage", stage.name);
        span.set("job.attempt", stage.attempt);
        if let Some(part) = stage.part {
            span.set("job.part", part);
        }
        let ended = span.run(work).await;
        match &ended {
            Ok(end) => {
                span.set("job.end", end.as_str());
                if *end == StageEnd::Job(Status::Failed) {
                    span.failed("the job failed");
                }
            }
            Err(error) => span.failed(error.to_string()),
        }
        ended
    }

    async fn idle_cores(&self) -> usize {
        let answer = crate::runtime::ask(IDLE_CORES, "text/plain").await;
        let cores = answer.and_then(|answer| str::from_utf8(&answer).ok()?.trim().parse().ok());
        cores.unwrap_or(1)
    }

    async fn part(&self, task: &str, part: Vec<u8>) -> Result<PartResult, String> {
        let request = Request::post(format!("{WORKER}{PART}"))
            .header(TASK, task)
            .body(part.into());
        let response = crate::send(request.map_err(|error| error.to_string())?).await;
        let (head, body) = response.map_err(|error| error.to_string())?.into_parts();
        let weight = head
            .headers
            .get(WEIGHT)
            .and_then(|weight| weight.to_str().ok());
        let weight = weight.and_then(|weight| weight.parse().ok());
        let weight = weight.ok_or_else(|| format!("the worker answers {}", head.status))?;
        let bytes = body.bytes().await.map_err(|error| error.to_string())?;
        Ok(PartResult {
            bytes: bytes.into(),
            weight,
        })
    }
}

thread_local! {
    static SQLITE: RefCell<Option<Rc<SqliteStore<SpinSqlite>>>> = const { RefCell::new(None) };
}

/// The store of this instance, prepared once. Each change is one statement, so requests can share the connection.
async fn sqlite() -> Result<Rc<SqliteStore<SpinSqlite>>, Error> {
    if let Some(store) = SQLITE.with_borrow(Clone::clone) {
        return Ok(store);
    }
    let store = Rc::new(SqliteStore::open(SpinSqlite::open().await?).await?);
    SQLITE.set(Some(Rc::clone(&store)));
    Ok(store)
}

/// One of the stores.
pub enum SpinStore {
    /// In the default SQLite database.
    Sqlite(Rc<SqliteStore<SpinSqlite>>),
    /// On a Redis server.
    Redis(RedisStore<SpinRedis>),
}

/// Passes each call to the open store.
macro_rules! either {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        impl Store for SpinStore {
            $(async fn $name(&self, $($argument: $type),*) -> Result<$result, Error> {
                match self {
                    Self::Sqlite(store) => kept(store.$name($($argument),*).await),
                    Self::Redis(store) => store.$name($($argument),*).await,
                }
            })*
        }
    };
}

either! {
    submit(job: NewJob, max_waiting: u64, now: Millis) -> Submitted;
    claim(lease: Millis, max_running: Option<u64>, now: Millis) -> Next;
    heartbeat(claim: &Claim, progress: Option<&str>, lease: Millis, now: Millis) -> Lease;
    add_part(claim: &Claim, number: u32, bytes: Vec<u8>, now: Millis) -> bool;
    cut(claim: &Claim, cut: Cut, now: Millis) -> bool;
    finish_part(claim: &Claim, result: PartResult, now: Millis) -> bool;
    results(claim: &Claim, now: Millis) -> Vec<Vec<u8>>;
    finish(claim: &Claim, ending: Ending, now: Millis) -> bool;
    get(id: &str, now: Millis) -> Option<Job>;
    outcome(id: &str, now: Millis) -> Option<Outcome>;
    cancel(id: &str, now: Millis) -> Option<Job>;
    remove(id: &str, now: Millis) -> bool;
    list(owner: &str, status: Option<Status>, after: Option<&str>, limit: u32, now: Millis) -> Page;
    load(now: Millis) -> u64;
    metrics(now: Millis) -> Metrics;
    recognised(speech: Speech, now: Millis) -> ();
    next_delivery(lease: Millis, now: Millis) -> Option<Delivery>;
    delivered(delivery: &Delivery, retry_at: Option<Millis>, now: Millis) -> ();
}

/// Opens the database again after a failure.
fn kept<T>(result: Result<T, Error>) -> Result<T, Error> {
    if matches!(result, Err(Error::Driver(_))) {
        SQLITE.set(None);
    }
    result
}
