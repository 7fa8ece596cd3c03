//! The instances of one component, reused from request to request by Wasmtime's own pool.

use std::{
    future,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use tokio::time::Sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::{error, info};
use wasmtime::{Engine, Result, Store, StoreContextMut, component::GuestTaskId};
use wasmtime_wasi_http::{
    WasiHttpView,
    handler::{
        HandlerState, Instance, ProxyPre, ShouldAccept, WorkerExpiration, WorkerState, WorkerStatus,
    },
};

use crate::{
    interfaces::{
        requests::{AtWork, Tracked},
        state::{InstanceState, Sandbox},
    },
    serving::shutdown::Shutdown,
};

/// A setting: one value, or a range `a..b` (without `b`) from which each instance gets a random value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range<T> {
    /// The least value.
    pub(crate) low: T,
    /// The bound above it; equal to `low` for a single value.
    pub(crate) high: T,
}

impl Range<usize> {
    fn pick(self) -> usize {
        self.low + random_below(self.high.saturating_sub(self.low) as u64) as usize
    }
}

impl Range<Duration> {
    /// One of the values.
    pub(crate) fn pick(self) -> Duration {
        let span = self.high.saturating_sub(self.low).as_nanos();
        self.low + Duration::from_nanos(random_below(u64::try_from(span).unwrap_or(u64::MAX)))
    }
}

/// A number below `bound`, or 0. Spreads lifetimes; nothing depends on its quality.
fn random_below(bound: u64) -> u64 {
    RandomState::new()
        .hash_one(())
        .checked_rem(bound)
        .unwrap_or(0)
}

/// How long instances live. The defaults are Spin's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reuse {
    /// Requests for one instance.
    pub(crate) requests: Range<usize>,
    /// Requests that one instance serves at once.
    pub(crate) concurrent: Range<usize>,
    /// How long an instance without work is kept.
    pub(crate) idle: Range<Duration>,
    /// How long a request, and its work after the response, may take; unlimited when `None`.
    pub(crate) timeout: Option<Range<Duration>>,
}

/// Makes the instances of one component.
pub(crate) struct Pool {
    pub(crate) engine: Engine,
    pub(crate) pre: ProxyPre<InstanceState>,
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) reuse: Reuse,
    pub(crate) shutdown: Shutdown,
}

impl HandlerState for Pool {
    type StoreData = InstanceState;
    type WorkerExpiration = Expiration;
    type WorkerState = Worker;

    async fn instantiate(&self) -> Result<Instance<InstanceState, Expiration, Worker>> {
        let mut store = self.sandbox.store(&self.engine)?;
        let at_work = store.data().requests().clone();
        let abandoned = Arc::new(AtomicBool::new(false));
        let proxy = self.pre.instantiate_async(&mut store).await?;
        let timeout = self.reuse.timeout.map(Range::<Duration>::pick);
        // A component of WASI 0.2 expects to end after one request.
        let (requests, concurrent) = match self.pre {
            ProxyPre::P2(_) => (1, 1),
            ProxyPre::P3(_) => (self.reuse.requests.pick(), self.reuse.concurrent.pick()),
        };
        Ok(Instance {
            store,
            proxy,
            view: WasiHttpView::http,
            expiration: Expiration {
                at_work: at_work.clone(),
                abandoned: Arc::clone(&abandoned),
                idle: self.reuse.idle.pick(),
                timeout,
                deadline: None,
                shutdown: Box::pin(self.shutdown.requested()),
            },
            state: Worker {
                sandbox: Arc::clone(&self.sandbox),
                at_work,
                abandoned,
                requests,
                concurrent,
                timeout,
            },
        })
    }
}

/// Decides when an instance ends.
pub(crate) struct Expiration {
    at_work: AtWork,
    abandoned: Arc<AtomicBool>,
    idle: Duration,
    timeout: Option<Duration>,
    deadline: Option<Pin<Box<Sleep>>>,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl WorkerExpiration for Expiration {
    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        status: WorkerStatus,
        start: Instant,
    ) -> Poll<()> {
        let limit = match status {
            WorkerStatus::Idle if self.shutdown.as_mut().poll(cx).is_ready() => {
                return Poll::Ready(());
            }
            // Nobody waits for an answer any more, and the instance computes on.
            WorkerStatus::Requests if self.at_work.is_over() => {
                self.abandoned.store(true, Ordering::Release);
                return Poll::Ready(());
            }
            WorkerStatus::Idle => Some(self.idle),
            WorkerStatus::Requests | WorkerStatus::PostReturn => self.timeout,
        };
        let Some(deadline) = limit.and_then(|limit| start.checked_add(limit)) else {
            return Poll::Pending;
        };
        let deadline = deadline.into();
        let sleep = self
            .deadline
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        ready!(sleep.as_mut().poll(cx));
        Poll::Ready(())
    }
}

/// Decides which requests an instance takes.
pub(crate) struct Worker {
    sandbox: Arc<Sandbox>,
    at_work: AtWork,
    abandoned: Arc<AtomicBool>,
    requests: usize,
    concurrent: usize,
    timeout: Option<Duration>,
}

impl WorkerState for Worker {
    type StoreData = InstanceState;
    type RequestData = Arc<Tracked>;

    fn should_accept_request(&self, concurrent: usize, total: usize) -> ShouldAccept {
        if total >= self.requests {
            ShouldAccept::Never
        } else if concurrent >= self.concurrent {
            ShouldAccept::No
        } else {
            ShouldAccept::Yes
        }
    }

    fn on_request_start(
        &self,
        _: StoreContextMut<'_, InstanceState>,
        request: Arc<Tracked>,
        _: GuestTaskId,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + Sync>> {
        self.at_work.begin(request);
        match self.timeout {
            Some(timeout) => Box::pin(tokio::time::sleep(timeout)),
            None => Box::pin(future::pending()),
        }
    }

    fn drop(&self, store: Store<InstanceState>, result: Result<()>) {
        let component = &*self.sandbox.id;
        if self.abandoned.load(Ordering::Acquire) {
            self.at_work
                .say(|_| info!(component, "an instance ends: nobody waits for its answer"));
        } else if let Err(error) = result {
            self.sandbox.metrics.failures.inc();
            self.at_work
                .say(|request| error!(component, request, "an instance failed: {error:?}"));
        }
        drop(store);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_in_their_range() {
        assert_eq!(Range { low: 7, high: 7 }.pick(), 7);
        let picks: Vec<usize> = (0..1_000)
            .map(|_| Range { low: 1, high: 4 }.pick())
            .collect();
        assert!(picks.iter().all(|pick| (1..4).contains(pick)));
        assert!((1..4).all(|value| picks.contains(&value)));
        let (low, high) = (Duration::from_millis(1), Duration::from_secs(8));
        assert!((0..1_000).all(|_| (low..high).contains(&Range { low, high }.pick())));
    }
}
