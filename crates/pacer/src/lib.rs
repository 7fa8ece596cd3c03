//! Bounded portions of work between two pauses, so that a long computation holds up nobody.
//!
//! A guest has the thread of its host until it yields. Whoever computes for long counts the work, in units of its own
//! whose cost it knows, and pauses after each [`QUANTUM`]: [`Pacer`] where it can await, [`Pace`] where it cannot.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The most work between two pauses: 200 µs in WebAssembly under Wasmtime on a server core of 2023, in picoseconds.
///
/// A yield costs some microseconds. With less than 100 µs between two of them, they are felt; with more than 250 µs,
/// who waits for the core feels it: an event loop looks at its sockets after some dozens of polls.
pub const QUANTUM: usize = 200_000_000;

/// How many units of this cost, in picoseconds, make a [`QUANTUM`].
#[must_use]
pub const fn portion(unit: usize) -> usize {
    QUANTUM / unit
}

/// Counts units of work, and awaits `pause` whenever a portion is done.
#[derive(Debug)]
pub struct Pacer<P> {
    pause: P,
    portion: usize,
    spent: usize,
}

impl<P: AsyncFnMut()> Pacer<P> {
    /// For units that cost so many picoseconds.
    pub const fn new(unit: usize, pause: P) -> Self {
        Self {
            pause,
            portion: portion(unit),
            spent: 0,
        }
    }

    /// Makes room for `cost` units of work that is about to be done.
    #[inline]
    pub async fn spend(&mut self, cost: usize) {
        self.spent = self.spent.saturating_add(cost);
        if self.spent > self.portion {
            self.spent = cost;
            (self.pause)().await;
        }
    }
}

/// What a multiplication of a matrix product costs, in picoseconds.
const MULTIPLICATION: usize = 60;

/// What a value costs that passes through another operator of a graph, in multiplications.
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

/// All are alike where the operators that hold them are compared.
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
    fn pauses_before_the_quantum_is_exceeded() {
        let mut pauses = 0;
        let mut pacer = Pacer::new(5000, async || pauses += 1);
        pollster::block_on(async {
            for _ in 0..5 {
                pacer.spend(portion(5000) / 2).await;
            }
        });
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
