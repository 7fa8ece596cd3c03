//! Bounded portions of work between two pauses, so that a long computation does not hold up others.
//!
//! A guest keeps the thread of its host until it yields. A long computation counts its work in units of its own, whose cost it
//! knows, and pauses after each [`QUANTUM`]: with [`Pacer`] where it can await, with [`Pace`] where it cannot.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The most work between two pauses, in picoseconds: 200 µs in WebAssembly under Wasmtime on a server core of 2023, a third of
/// that natively.
///
/// A yield costs some microseconds, which are noticeable if it comes more often than every 100 µs. If it comes more rarely than
/// every 250 µs, other requests notice the wait: an event loop looks at its sockets after some dozens of polls.
pub const QUANTUM: usize = 200_000_000;

/// How many units of this cost, in picoseconds, make a [`QUANTUM`].
#[must_use]
pub const fn portion(unit: usize) -> usize {
    QUANTUM / unit
}

/// The pause asked the computation to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

/// What a pause does, whatever its type.
trait Pause {
    fn pause(&mut self) -> Pin<Box<dyn Future<Output = ControlFlow<()>> + '_>>;
}

impl<P: AsyncFnMut() -> ControlFlow<()>> Pause for P {
    fn pause(&mut self) -> Pin<Box<dyn Future<Output = ControlFlow<()>> + '_>> {
        Box::pin(self())
    }
}

/// Counts units of work, and awaits a pause before a [`QUANTUM`] is exceeded. A pause that breaks interrupts the computation.
///
/// Its type is that of every pause, so that a computation is compiled once and not for each pause.
pub struct Pacer<'a> {
    pause: Box<dyn Pause + 'a>,
    /// In units.
    portion: usize,
    /// In units, since the last pause.
    spent: usize,
    is_interrupted: bool,
}

impl<'a> Pacer<'a> {
    /// For units that cost so many picoseconds.
    pub fn new(unit: usize, pause: impl AsyncFnMut() -> ControlFlow<()> + 'a) -> Self {
        Self {
            pause: Box::new(pause),
            portion: portion(unit),
            spent: 0,
            is_interrupted: false,
        }
    }

    /// Announces `cost` units of work, at most a [`portion`], that is done in any case.
    #[inline]
    pub async fn tick(&mut self, cost: usize) {
        debug_assert!(cost <= self.portion, "{cost} units are more than a portion");
        self.spent = self.spent.saturating_add(cost);
        if self.spent > self.portion {
            self.spent = cost;
            if self.pause.pause().await.is_break() {
                self.is_interrupted = true;
            }
        }
    }

    /// Announces `cost` units of work, at most a [`portion`], that can be given up.
    ///
    /// # Errors
    /// When a pause, this one or one before it, asked the computation to stop.
    #[inline]
    pub async fn spend(&mut self, cost: usize) -> Result<(), Interrupted> {
        self.tick(cost).await;
        match self.is_interrupted {
            true => Err(Interrupted),
            false => Ok(()),
        }
    }
}

/// What a multiplication of a matrix product costs, in picoseconds.
const MULTIPLICATION: usize = 60;

/// What a value costs that passes through any other operator of a graph, in multiplications.
const VALUE: usize = 24;

/// Counts multiplications in the whole process, and calls a function after each portion.
#[derive(Clone, Copy, Debug)]
pub struct Pace(pub fn());

/// Multiplications since the last pause. Threads may share it: it only spreads the pauses.
static SPENT: AtomicUsize = AtomicUsize::new(0);

impl Pace {
    /// Counts `multiplications` that were done.
    pub fn multiplied(self, multiplications: usize) {
        let before = SPENT.fetch_add(multiplications, Ordering::Relaxed);
        if before.saturating_add(multiplications) >= portion(MULTIPLICATION) {
            SPENT.store(0, Ordering::Relaxed);
            (self.0)();
        }
    }

    /// Counts `values` that an operator of the graph gave.
    pub fn passed(self, values: usize) {
        self.multiplied(values.saturating_mul(VALUE));
    }
}

/// Operators that differ only in this are equal.
impl PartialEq for Pace {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Pace {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_before_the_quantum_is_exceeded_and_remembers_a_break() {
        const UNIT: usize = 5000;
        let mut pauses = 0;
        let mut pacer = Pacer::new(UNIT, async || {
            pauses += 1;
            match pauses {
                2 => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        });
        let interrupted = pollster::block_on(async {
            let mut interrupted = Vec::new();
            for _ in 0..5 {
                interrupted.push(pacer.spend(portion(UNIT) / 2).await.is_err());
            }
            for _ in 0..2 {
                interrupted.push(pacer.spend(1).await.is_err());
            }
            interrupted
        });
        // The third and the fifth pause.
        assert_eq!(interrupted, [false, false, false, false, true, true, true]);
        drop(pacer);
        assert_eq!(pauses, 2);
    }

    #[test]
    fn pauses_after_each_quantum() {
        static PAUSES: AtomicUsize = AtomicUsize::new(0);
        let pace = Pace(|| _ = PAUSES.fetch_add(1, Ordering::Relaxed));
        for _ in 0..9 {
            pace.multiplied(portion(MULTIPLICATION) / 3 + 1);
        }
        assert_eq!(PAUSES.load(Ordering::Relaxed), 3);
        pace.multiplied(usize::MAX);
        assert_eq!(PAUSES.load(Ordering::Relaxed), 4);
    }
}
