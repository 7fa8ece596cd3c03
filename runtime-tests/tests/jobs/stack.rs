//! The application with its store, and helpers for tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use runtime_tests::{Launch, Redis, Request, Response, Server, application, worker_application};
use serde_json::{Value, json};

/// How long something may take that is to happen.
const PATIENCE: Duration = Duration::from_secs(240);

/// Where the jobs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// In the process that serves.
    Sqlite,
    /// In a Redis server, worked on by other processes.
    Redis,
}

/// An application that is about to start.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    kind: Kind,
    variables: Vec<(String, String)>,
    runners: usize,
    persistent: bool,
    state: Option<PathBuf>,
}

impl Setup {
    /// With one job at a time.
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            variables: Vec::new(),
            runners: 1,
            persistent: false,
            state: None,
        }
    }

    /// Sets a variable, of the workers too where they have it.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Does so many jobs at a time, on Redis each in a process of its own.
    pub(crate) fn runners(mut self, count: usize) -> Self {
        self.runners = count;
        self
    }

    /// Has Redis keep on disk what it has acknowledged.
    pub(crate) fn persistent(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// Keeps SQLite in this folder.
    pub(crate) fn state(mut self, folder: &Path) -> Self {
        self.state = Some(folder.to_owned());
        self
    }

    pub(crate) fn start(self) -> Stack {
        let redis = (self.kind == Kind::Redis).then(|| match self.persistent {
            true => Redis::persistent(),
            false => Redis::start(),
        });
        let mut stack = Stack {
            app: self.app(redis.as_ref()),
            workers: Vec::new(),
            redis,
            setup: self,
        };
        if stack.redis.is_some() {
            for _ in 0..stack.setup.runners {
                stack.add_worker();
            }
        }
        stack
    }

    fn app(&self, redis: Option<&Redis>) -> Server {
        let mut app = self.launch(&application(), redis);
        if let Some(folder) = &self.state {
            app = app.state(folder);
        }
        app = match redis {
            Some(_) => app.variable("jobs_store", "redis"),
            None => app.variable("job_concurrency", &self.runners.to_string()),
        };
        app.start()
    }

    fn launch(&self, manifest: &Path, redis: Option<&Redis>) -> Launch {
        let mut launch = Launch::new(manifest);
        let text = std::fs::read_to_string(manifest).unwrap();
        for (name, value) in &self.variables {
            if text.contains(&format!("\n{name} = {{")) {
                launch = launch.variable(name, value);
            }
        }
        match redis {
            Some(redis) => launch.variable("redis_url", &redis.url()),
            None => launch,
        }
    }
}

/// An application, its store, its workers.
#[derive(Debug)]
pub(crate) struct Stack {
    pub(crate) app: Server,
    pub(crate) workers: Vec<Server>,
    pub(crate) redis: Option<Redis>,
    setup: Setup,
}

impl Stack {
    /// The Redis server.
    pub(crate) fn redis(&mut self) -> &mut Redis {
        self.redis.as_mut().unwrap()
    }

    /// Stops the application, and starts it again.
    pub(crate) fn restart_app(&mut self) {
        self.app.terminate();
        let _ = self.app.wait();
        self.app = self.setup.app(self.redis.as_ref());
    }

    /// Kills the application, and starts it again.
    pub(crate) fn kill_app(&mut self) {
        self.app.kill();
        self.app = self.setup.app(self.redis.as_ref());
    }

    /// What starts a worker, which does not listen at once.
    pub(crate) fn worker_launch(&self, redis: &Redis) -> impl Fn() -> Server + Sync + use<> {
        let (setup, url) = (self.setup.clone(), redis.url());
        move || {
            let launch = setup.launch(&worker_application(), None);
            launch.variable("redis_url", &url).start_unserved()
        }
    }

    /// Starts a worker and waits until it listens.
    pub(crate) fn add_worker(&mut self) {
        // The first start compiles: once is enough.
        static STARTING: Mutex<()> = Mutex::new(());
        let starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        // One that was killed may be counted among them for a while.
        let before = self.listeners();
        let mut worker = self.worker_launch(self.redis.as_ref().unwrap())();
        wait_for("a worker that listens", || {
            assert!(!worker.has_ended(), "a worker ends:\n{}", worker.output());
            (!self.listeners().is_subset(&before)).then_some(())
        });
        drop(starting);
        self.workers.push(worker);
    }

    /// The connections of the workers that listen.
    fn listeners(&self) -> BTreeSet<String> {
        let redis = self.redis.as_ref().unwrap();
        let clients = redis.command(&["CLIENT", "LIST", "TYPE", "PUBSUB"]);
        let ids = clients
            .lines()
            .filter_map(|client| client.split(' ').next());
        ids.map(str::to_owned).collect()
    }

    /// The answer to `request`, if that is a job.
    pub(crate) fn try_defer(&self, request: &Request) -> Response {
        let request = request.clone().header("prefer", "respond-async");
        self.app.send(&request)
    }

    /// Has `request` answered later: its job.
    pub(crate) fn defer(&self, request: &Request) -> Value {
        let answer = self.try_defer(request);
        assert_eq!(answer.status, 202, "{answer:?}");
        let job = answer.json();
        let location = format!("/jobs/{}", id(&job));
        assert_eq!(answer.header("location"), Some(&*location));
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert_eq!(answer.header("preference-applied"), Some("respond-async"));
        job
    }

    /// The job as it is now.
    pub(crate) fn job(&self, id: &str) -> Value {
        let answer = self.app.get(&format!("/jobs/{id}"));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// The job, as soon as its status is `status`, which it must come to.
    pub(crate) fn wait(&self, id: &str, status: &str) -> Value {
        wait_for(&format!("{status}: {id}"), || {
            let job = self.job(id);
            let found = job["status"] == status;
            assert!(found || !has_ended(&job), "{status} was expected: {job}");
            found.then_some(job)
        })
    }

    /// The answer to `POST /async/factorize`.
    pub(crate) fn ask(&self, number: &str) -> Response {
        self.app.send(&factorize_at("/async/factorize", number))
    }

    /// The first answer of `POST /async/factorize` that says that it is done.
    pub(crate) fn ask_until_done(&self, number: &str) -> Value {
        wait_for(number, || {
            let answer = self.ask(number);
            assert_eq!(answer.status, 200, "{answer:?}");
            let json = answer.json();
            (json["done"] == true).then_some(json)
        })
    }

    pub(crate) fn delete(&self, id: &str) -> Response {
        self.app
            .send(&Request::new("DELETE", &format!("/jobs/{id}")))
    }

    /// Every job, from the newest to the oldest.
    pub(crate) fn all(&self) -> Vec<Value> {
        let mut jobs = Vec::new();
        let mut target = "/jobs?limit=100".to_owned();
        loop {
            let mut page = self.app.get(&target).json();
            jobs.append(page["jobs"].as_array_mut().unwrap());
            let Some(next) = page["next"].as_str() else {
                return jobs;
            };
            target = format!("/jobs?limit=100&after={}", next.replace(':', "%3A"));
        }
    }
}

/// The first thing that `look` finds.
pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(40));
    }
}

pub(crate) fn id(job: &Value) -> String {
    job["id"].as_str().unwrap().to_owned()
}

pub(crate) fn has_ended(job: &Value) -> bool {
    !["queued", "running"].contains(&job["status"].as_str().unwrap())
}

/// `POST /factorize`.
pub(crate) fn factorize(number: &str) -> Request {
    factorize_at("/factorize", number)
}

pub(crate) fn factorize_at(target: &str, number: &str) -> Request {
    Request::post_json(target, json!({"number": number}).to_string())
}

/// Whether the answer of `POST /factorize` is right: primes, ascending, whose product is the number.
pub(crate) fn check_factorization(number: &str, answer: &Value) {
    use num_bigint::BigUint;
    assert_eq!(answer["number"].to_string(), number);
    let mut product = BigUint::from(1_u32);
    let mut last = BigUint::from(1_u32);
    let mut text = Vec::new();
    for pair in answer["factorization"].as_array().unwrap() {
        let (prime, exponent) = (pair[0].to_string(), pair[1].to_string());
        text.push(format!("{prime}^{exponent}"));
        let prime: BigUint = prime.parse().unwrap();
        assert!(prime > last, "{answer}");
        assert!(is_probable_prime(&prime), "{prime}");
        product *= prime.pow(exponent.parse().unwrap());
        last = prime;
    }
    assert_eq!(product.to_string(), number);
    assert_eq!(answer["factorization_str"], text.join(" "));
}

/// Fermat's test to base 2 and 3: wrong answers of a factoriser are products of primes, for which both
/// hold by accident hardly ever.
fn is_probable_prime(number: &num_bigint::BigUint) -> bool {
    use num_bigint::BigUint;
    let one = BigUint::from(1_u32);
    [2_u32, 3].into_iter().all(|base| {
        let base = BigUint::from(base);
        *number == base || base.modpow(&(number - &one), number) == one
    })
}
