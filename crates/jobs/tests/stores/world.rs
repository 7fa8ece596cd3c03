//! A job in parts, its client and its runners, in simulated time and with faults.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::http::{Request, StatusCode};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use http_api::Caller;
use jobs::{
    Done, Error, Job, Millis, NewJob, Outcome, PartResult, Piece, Platform, Progress, Queue,
    Settings, Stage, Work, drain,
};

use crate::backend::{NOW, job};
use crate::line::{Distant, Line};

/// How many runners there are.
pub(crate) const RUNNERS: usize = 4;

/// The length of the leases.
pub(crate) const LEASE: Millis = 5_000;

/// How long it takes until a runner that was killed is replaced.
const RESTART: Millis = 1_000;

/// How often the client asks about its job, which wakes runners.
const QUERY: Millis = 1_000;

/// When a history without an end is given up.
const FOREVER: Millis = 3_600_000;

/// What a runner computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Begin,
    Part(u32),
    Join,
}

/// Whom a fault hits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    /// This runner, whatever it does.
    Runner(usize),
    /// This runner, as soon as it computes a part.
    InPart(usize),
    /// The one that joins, as soon as there is one.
    Joiner,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// A runner ends, as by `kill -9`. Another takes its place.
    Kill(Who),
    /// A runner stops for some time, as by `kill -STOP`.
    Pause(Who, Millis),
    /// The database cannot be reached for some time. Its process, if it has one, is killed and started again.
    Outage(Millis),
    /// The next commands are carried out, but their replies are lost.
    LoseReplies(u32),
}

/// A job in parts. A part is a number, and its result the square; the answer is the sum. Runners wait in place of computing.
pub(crate) struct World<B> {
    pub(crate) backend: B,
    settings: Settings,
    line: Line,
    parts: u32,
    wakes: Cell<usize>,
    /// What each runner computes now.
    steps: [Cell<Option<Step>>; RUNNERS],
    /// How often each step was begun.
    pub(crate) begun: RefCell<BTreeMap<Step, u32>>,
    /// How often each step was computed to its end.
    pub(crate) computed: RefCell<BTreeMap<Step, u32>>,
    /// When a runner last stopped to compute.
    pub(crate) worked_until: Cell<Millis>,
    pub(crate) webhooks: RefCell<Vec<Bytes>>,
}

/// What the client sees at the end.
pub(crate) struct Seen {
    pub(crate) job: Job,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) canceled_at: Option<Millis>,
}

type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

/// The place of a runner.
struct Seat<'a> {
    runner: Option<Running<'a>>,
    /// Until when the runner is paused, or the place stays empty.
    until: Millis,
}

impl<B: Distant> World<B> {
    pub(crate) fn new(parts: u32) -> Self {
        let variable = async |name| match name {
            "jobs_store" => Some(B::KIND.to_owned()),
            "job_concurrency" => Some(RUNNERS.to_string()),
            "job_lease_seconds" => Some((LEASE / 1000).to_string()),
            _ => None,
        };
        let backend = B::start();
        // Prepares the database.
        backend.open();
        Self {
            backend,
            settings: pollster::block_on(Settings::load(variable)),
            line: Line::new(),
            parts,
            wakes: Cell::default(),
            steps: Default::default(),
            begun: RefCell::default(),
            computed: RefCell::default(),
            worked_until: Cell::default(),
            webhooks: RefCell::default(),
        }
    }

    /// The right answer.
    pub(crate) fn answer(&self) -> Vec<u8> {
        let sum: u64 = (0..u64::from(self.parts)).map(|n| n * n).sum();
        sum.to_string().into_bytes()
    }

    /// Submits the job, and goes on until it has ended and no runner works. The faults come at their times or later, in their
    /// order.
    pub(crate) fn run(&self, faults: &[(Millis, Fault)], cancel_after: Option<Millis>) -> Seen {
        let mut faults: VecDeque<_> = faults.iter().copied().collect();
        let mut seats: [Seat<'_>; RUNNERS] = std::array::from_fn(|_| Seat {
            runner: None,
            until: NOW,
        });
        let mut client = pin!(self.client(cancel_after));
        let mut seen = None;
        let mut up_at: Option<Millis> = None;
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let now = self.line.now();
            assert!(now < NOW + FOREVER, "it does not end");
            if up_at.take_if(|at| *at <= now).is_some() {
                self.backend.resume();
                self.line.is_down.set(false);
            }
            while let Some((at, fault)) = faults.front()
                && NOW + at <= now
                && up_at.is_none()
                && self.strike(*fault, &mut seats, &mut up_at)
            {
                faults.pop_front();
            }
            self.wake_up(&mut seats);
            for seat in seats.iter_mut().filter(|seat| seat.until <= now) {
                if let Some(runner) = &mut seat.runner
                    && let Poll::Ready(result) = runner.as_mut().poll(&mut context)
                {
                    if let Err(error) = result {
                        eprintln!("a runner stopped: {error}");
                    }
                    seat.runner = None;
                }
            }
            if seen.is_none()
                && let Poll::Ready(end) = client.as_mut().poll(&mut context)
            {
                seen = Some(end);
            }
            if self.wakes.get() > 0 {
                continue;
            }
            let is_quiet = up_at.is_none() && seats.iter().all(|seat| seat.runner.is_none());
            if is_quiet && let Some(seen) = seen {
                return seen;
            }
            let due = faults.front().map(|(at, _)| NOW + at);
            let times = seats.iter().map(|seat| seat.until).chain(up_at).chain(due);
            for at in times.filter(|at| *at > now) {
                self.line.alarm(at);
            }
            self.line.advance();
        }
    }

    /// Lets a fault come; false if it must wait for its victim.
    fn strike(&self, fault: Fault, seats: &mut [Seat<'_>], up_at: &mut Option<Millis>) -> bool {
        let now = self.line.now();
        match fault {
            Fault::Kill(who) => {
                let Some(victim) = self.victim(who) else {
                    return false;
                };
                seats[victim] = Seat {
                    runner: None,
                    until: now + RESTART,
                };
            }
            Fault::Pause(who, duration) => {
                let Some(victim) = self.victim(who) else {
                    return false;
                };
                seats[victim].until = now + duration;
            }
            Fault::Outage(duration) => {
                self.backend.stop();
                self.line.is_down.set(true);
                *up_at = Some(now + duration);
            }
            Fault::LoseReplies(number) => self.line.replies_to_lose.set(number),
        }
        true
    }

    fn victim(&self, who: Who) -> Option<usize> {
        let step = |runner: usize| self.steps[runner].get();
        match who {
            Who::Runner(runner) => Some(runner),
            Who::InPart(runner) => matches!(step(runner), Some(Step::Part(_))).then_some(runner),
            Who::Joiner => (0..RUNNERS).find(|runner| step(*runner) == Some(Step::Join)),
        }
    }

    /// Lets runners begin: with SQLite each call wakes one, with Redis a message wakes all.
    fn wake_up<'a>(&'a self, seats: &mut [Seat<'a>]) {
        let free = seats
            .iter_mut()
            .enumerate()
            .filter(|(_, seat)| seat.runner.is_none() && seat.until <= self.line.now());
        let woken = match self.wakes.take() {
            0 => 0,
            _ if self.settings.is_redis() => RUNNERS,
            calls => calls,
        };
        for (number, seat) in free.take(woken) {
            seat.runner = Some(Box::pin(async move {
                let compute =
                    async |work: &Work, _: &Progress| Some(self.compute(number, work).await);
                drain(&Machine(self), compute).await
            }));
        }
    }

    async fn compute(&self, runner: usize, work: &Work) -> Done {
        let (step, time) = match &work.stage {
            Stage::Begin(_) => (Step::Begin, 500),
            Stage::Part(bytes) => {
                let number = number(bytes);
                (Step::Part(number), 400 + u64::from(number) * 7919 % 1200)
            }
            Stage::Join { .. } => (Step::Join, 500),
        };
        *self.begun.borrow_mut().entry(step).or_default() += 1;
        let at_work = AtWork::new(self, runner, step);
        self.line.sleep(time).await;
        drop(at_work);
        *self.computed.borrow_mut().entry(step).or_default() += 1;
        match &work.stage {
            Stage::Begin(_) => {
                let parts = (0..self.parts).map(|n| Piece::Part(n.to_string().into_bytes()));
                let pieces = parts.chain([Piece::Rest(b"rest".to_vec())]);
                Done::Cut {
                    pieces: stream::iter(pieces.map(Ok)).boxed_local(),
                    enough: None,
                }
            }
            Stage::Part(bytes) => {
                let number: u64 = number(bytes);
                Done::Part(PartResult {
                    bytes: (number * number).to_string().into_bytes(),
                    weight: 1,
                })
            }
            Stage::Join { rest, results } => {
                assert_eq!(rest, b"rest");
                let sum: u64 = results.iter().map(|bytes| number::<u64>(bytes)).sum();
                Done::Outcome(Outcome {
                    status: 200,
                    content_type: None,
                    headers: Vec::new(),
                    body: sum.to_string().into_bytes(),
                })
            }
        }
    }

    async fn client(&self, cancel_after: Option<Millis>) -> Seen {
        let queue = Queue::open(Machine(self), Caller::default()).await.unwrap();
        let new = NewJob {
            webhook: Some("https://hooks.example/".to_owned()),
            ..job("a")
        };
        let id = queue.submit(new).await.unwrap().id;
        let mut canceled_at = None;
        loop {
            self.line.sleep(QUERY).await;
            let now = self.line.now();
            if canceled_at.is_none()
                && cancel_after.is_some_and(|time| NOW + time <= now)
                && queue.cancel(&id).await.is_ok()
            {
                canceled_at = Some(self.line.now());
            }
            // The store may not answer.
            if let Ok(job) = queue.get(&id).await
                && job.status.is_ended()
                && let Ok(outcome) = queue.outcome(&job).await
            {
                return Seen {
                    job,
                    outcome,
                    canceled_at,
                };
            }
        }
    }
}

fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(bytes: &[u8]) -> T {
    std::str::from_utf8(bytes).unwrap().parse().unwrap()
}

/// That a runner computes, until it is done or stopped.
struct AtWork<'a> {
    line: &'a Line,
    step: &'a Cell<Option<Step>>,
    until: &'a Cell<Millis>,
}

impl<'a> AtWork<'a> {
    fn new<B>(world: &'a World<B>, runner: usize, step: Step) -> Self {
        world.steps[runner].set(Some(step));
        Self {
            line: &world.line,
            step: &world.steps[runner],
            until: &world.worked_until,
        }
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.step.set(None);
        self.until.set(self.line.now());
    }
}

/// What a runner or a route runs on.
struct Machine<'a, B>(&'a World<B>);

impl<'a, B: Distant> Platform for Machine<'a, B> {
    type Store = B::Reached<'a>;

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    async fn store(&self) -> Result<Self::Store, Error> {
        self.0.backend.connect(&self.0.line).await
    }

    async fn wake(&self) {
        self.0.wakes.update(|wakes| wakes + 1);
    }

    fn now(&self) -> Millis {
        self.0.line.now()
    }

    async fn sleep(&self, duration: Duration) {
        let millis = duration.as_millis().try_into().unwrap();
        self.0.line.sleep(millis).await;
    }

    async fn send(&self, request: Request<Bytes>) -> Result<StatusCode, String> {
        self.0.line.sleep(5).await;
        self.0.webhooks.borrow_mut().push(request.into_body());
        Ok(StatusCode::NO_CONTENT)
    }
}
