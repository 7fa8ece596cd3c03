//! The clock that makes busy guests yield.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, Thread},
    time::Duration,
};

use wasmtime::{Engine, Store, UpdateDeadline};

/// How long a guest computes before other tasks of its thread get a turn. A yield costs about 2 µs.
const TICK: Duration = Duration::from_millis(1);

/// Advances the epoch of an engine while any instance is alive; sleeps otherwise, so that an idle server uses no CPU.
pub(crate) struct EpochClock {
    live: AtomicUsize,
    thread: OnceLock<Thread>,
}

/// Keeps the clock running; held by every instance.
pub(crate) struct Running(Arc<EpochClock>);

impl EpochClock {
    /// Starts the clock's thread. It lives as long as the process.
    pub(crate) fn start(engine: Engine) -> Arc<Self> {
        let clock = Arc::new(Self {
            live: AtomicUsize::new(0),
            thread: OnceLock::new(),
        });
        let handle = thread::spawn({
            let clock = Arc::clone(&clock);
            move || {
                loop {
                    // An unpark between the load and the park makes the park return at once.
                    if clock.live() == 0 {
                        thread::park();
                    } else {
                        thread::sleep(TICK);
                        engine.increment_epoch();
                    }
                }
            }
        });
        clock.thread.get_or_init(|| handle.thread().clone());
        clock
    }

    /// Registers an instance.
    pub(crate) fn run(self: &Arc<Self>) -> Running {
        if self.live.fetch_add(1, Ordering::SeqCst) == 0
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
        Running(Arc::clone(self))
    }

    /// Instances alive now.
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.live.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Makes guests in `store` yield to the scheduler at every tick.
pub(crate) fn yield_at_ticks<T>(store: &mut Store<T>) {
    store.set_epoch_deadline(1);
    // Tokio's yield, unlike a plain wake-up, lets the worker look at its sockets before the guest
    // goes on.
    store.epoch_deadline_callback(|_| {
        Ok(UpdateDeadline::YieldCustom(
            1,
            Box::pin(tokio::task::yield_now()),
        ))
    });
}
