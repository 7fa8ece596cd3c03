//! What a store costs the parts of a job, whose runners sleep in place of computing. `bench/run parts` runs it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fs;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use axum::http::{Request, StatusCode};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use jobs::{
    Done, DriverError, Error, Outcome, PartResult, Piece, Platform, Progress, Redis, RedisStore,
    Reply, Settings, Sql, SqliteStore, Stage, Status, Store, Value, Work, drain, now,
};
use pollster::block_on;
use serde_json::json;

use crate::backend::{Backend, MANY, RedisDriver, Server, SqlDriver, Sqlite, job};

/// The job to measure.
#[derive(Clone, Copy)]
struct Plan {
    runners: usize,
    parts: u32,
    /// The size of a part.
    bytes: usize,
}

#[test]
#[ignore = "it measures"]
fn of_parts_by_runners() {
    // The output of the test begins in the middle of a line.
    println!();
    for runners in [1, 2, 4, 8, 16, 32, 64] {
        let plan = Plan {
            runners,
            parts: 640,
            bytes: 100,
        };
        measure::<Sqlite>(plan);
        measure::<Server>(plan);
    }
    // A window of speech has 30 s of 16,000 samples of 16 bits.
    for runners in [1, 4, 16] {
        let plan = Plan {
            runners,
            parts: 128,
            bytes: 960_000,
        };
        measure::<Sqlite>(plan);
        measure::<Server>(plan);
    }
}

fn measure<B: Measured>(plan: Plan) {
    let crew = &Crew::<B>::new(plan);
    let store = crew.backend.open();
    let cpu_before = crew.cpu();
    block_on(store.submit(job("a"), MANY, now())).unwrap();
    thread::scope(|scope| crew.call(scope));
    let cpu = crew.cpu() - cpu_before;
    let job = block_on(store.get("a", now())).unwrap().unwrap();
    assert_eq!(job.status, Status::Succeeded);
    let outcome = block_on(store.outcome("a", now())).unwrap().unwrap();
    assert_eq!(outcome.body, plan.parts.to_string().into_bytes());
    let Plan {
        runners,
        parts,
        bytes,
    } = plan;
    let sleep: Duration = (0..parts).map(length).sum();
    println!(
        "{}",
        json!({
            "store": B::KIND,
            "runners": runners,
            "parts": parts,
            "bytes": bytes,
            "sleep": sleep.as_secs_f64(),
            "cut": crew.cut.lock().unwrap().as_secs_f64(),
            "wall": Duration::from_millis(job.finished_at.unwrap() - job.created_at).as_secs_f64(),
            "in_store": crew.in_store.lock().unwrap().as_secs_f64(),
            "cpu": cpu.as_secs_f64(),
        })
    );
}

/// How long a part takes: 50 to 100 ms.
fn length(part: u32) -> Duration {
    Duration::from_millis(50 + u64::from(part) * 7919 % 51)
}

/// The runners of a job.
struct Crew<B> {
    backend: B,
    settings: Settings,
    plan: Plan,
    at_work: AtomicUsize,
    /// How long it took to add the parts.
    cut: Arc<Mutex<Duration>>,
    /// How long all the runners together waited for the store.
    in_store: Mutex<Duration>,
}

impl<B: Measured> Crew<B> {
    fn new(plan: Plan) -> Self {
        let backend = B::start();
        // Prepares the database.
        backend.open();
        let variable = async |name| match name {
            "jobs_store" => Some(B::KIND.to_owned()),
            "job_concurrency" => Some(plan.runners.to_string()),
            _ => None,
        };
        Self {
            backend,
            settings: block_on(Settings::load(variable)),
            plan,
            at_work: AtomicUsize::new(0),
            cut: Arc::default(),
            in_store: Mutex::default(),
        }
    }

    /// Lets a runner begin, on a thread of its own, if there are not enough.
    fn call<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>) {
        if self.at_work.fetch_add(1, Ordering::Relaxed) == self.plan.runners {
            self.at_work.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        scope.spawn(move || {
            let machine = Machine {
                crew: self,
                scope,
                alarms: RefCell::default(),
                in_store: Rc::default(),
            };
            let compute =
                async |work: &Work, _: &Progress| Some(machine.compute(&work.stage).await);
            machine.run(drain(&machine, compute)).unwrap();
            *self.in_store.lock().unwrap() += machine.in_store.get();
            self.at_work.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// The processor time of the runners and of the database.
    fn cpu(&self) -> Duration {
        let of = |process: &str| {
            let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
            // The name, in parentheses, may have blanks.
            let (_, fields) = stat.rsplit_once(") ").unwrap();
            let ticks = fields.split(' ').skip(11).take(2);
            let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
            Duration::from_millis(10 * ticks)
        };
        let database = self.backend.process().map(|id| of(&id.to_string()));
        of("self") + database.unwrap_or_default()
    }
}

/// What a runner has on its thread.
struct Machine<'scope, 'env, B> {
    crew: &'env Crew<B>,
    scope: &'scope Scope<'scope, 'env>,
    alarms: RefCell<BTreeSet<Instant>>,
    in_store: Rc<Cell<Duration>>,
}

impl<B: Measured> Machine<'_, '_, B> {
    fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(result) = future.as_mut().poll(&mut context) {
                return result;
            }
            let alarm = self.alarms.borrow_mut().pop_first();
            let alarm = alarm.expect("it waits for a time");
            thread::sleep(alarm.saturating_duration_since(Instant::now()));
        }
    }

    async fn compute(&self, stage: &Stage) -> Done {
        let Plan { parts, bytes, .. } = self.crew.plan;
        match stage {
            Stage::Begin(_) => {
                let (begin, cut) = (Instant::now(), Arc::clone(&self.crew.cut));
                let made = (0..=parts).map(move |number| {
                    if number == parts {
                        *cut.lock().unwrap() = begin.elapsed();
                        return Ok(Piece::Rest(Vec::new()));
                    }
                    let mut part = vec![0; bytes];
                    part[..4].copy_from_slice(&number.to_le_bytes());
                    Ok(Piece::Part(part))
                });
                Done::Cut {
                    pieces: stream::iter(made).boxed_local(),
                    enough: None,
                }
            }
            Stage::Part(part) => {
                let number = u32::from_le_bytes(part[..4].try_into().unwrap());
                self.sleep(length(number)).await;
                Done::Part(PartResult {
                    bytes: vec![0; 100],
                    weight: 1,
                })
            }
            Stage::Join { results, .. } => Done::Outcome(Outcome {
                status: 200,
                content_type: None,
                headers: Vec::new(),
                body: results.len().to_string().into_bytes(),
            }),
        }
    }
}

impl<B: Measured> Platform for Machine<'_, '_, B> {
    type Store = B::Timed;

    fn settings(&self) -> &Settings {
        &self.crew.settings
    }

    async fn store(&self) -> Result<Self::Store, Error> {
        self.crew.backend.timed(Rc::clone(&self.in_store)).await
    }

    /// As a request wakes one runner, and a message in Redis all.
    async fn wake(&self) {
        let runners = match self.crew.settings.is_redis() {
            true => self.crew.plan.runners,
            false => 1,
        };
        for _ in 0..runners {
            self.crew.call(self.scope);
        }
    }

    async fn sleep(&self, duration: Duration) {
        let until = Instant::now() + duration;
        poll_fn(|_| {
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            self.alarms.borrow_mut().insert(until);
            Poll::Pending
        })
        .await;
    }

    async fn send(&self, _: Request<Bytes>) -> Result<StatusCode, String> {
        Err("the job has no webhook".to_owned())
    }
}

/// A database whose drivers are timed.
trait Measured: Backend {
    const KIND: &'static str;

    type Timed: Store;

    async fn timed(&self, spent: Rc<Cell<Duration>>) -> Result<Self::Timed, Error>;

    /// The process of the database, if it has one.
    fn process(&self) -> Option<u32>;
}

impl Measured for Sqlite {
    const KIND: &'static str = "sqlite";

    type Timed = SqliteStore<Timed<SqlDriver>>;

    async fn timed(&self, spent: Rc<Cell<Duration>>) -> Result<Self::Timed, Error> {
        let driver = self.driver();
        SqliteStore::open(Timed { driver, spent }).await
    }

    fn process(&self) -> Option<u32> {
        None
    }
}

impl Measured for Server {
    const KIND: &'static str = "redis";

    type Timed = RedisStore<Timed<RedisDriver>>;

    async fn timed(&self, spent: Rc<Cell<Duration>>) -> Result<Self::Timed, Error> {
        let driver = Timed {
            driver: self.driver(),
            spent,
        };
        Ok(RedisStore::new(driver, Self::INPUTS, Self::RESULTS))
    }

    fn process(&self) -> Option<u32> {
        Some(self.id())
    }
}

struct Timed<D> {
    driver: D,
    spent: Rc<Cell<Duration>>,
}

impl<D> Timed<D> {
    async fn time<T>(&self, command: impl AsyncFnOnce(&D) -> T) -> T {
        let begin = Instant::now();
        let reply = command(&self.driver).await;
        self.spent.set(self.spent.get() + begin.elapsed());
        reply
    }
}

impl<D: Sql> Sql for Timed<D> {
    async fn execute(
        &self,
        statement: &str,
        parameters: &[Value],
    ) -> Result<Vec<Vec<Value>>, DriverError> {
        self.time(async |driver| driver.execute(statement, parameters).await)
            .await
    }
}

impl<D: Redis> Redis for Timed<D> {
    async fn execute(
        &self,
        command: &str,
        arguments: &[Vec<u8>],
    ) -> Result<Vec<Reply>, DriverError> {
        self.time(async |driver| driver.execute(command, arguments).await)
            .await
    }
}
