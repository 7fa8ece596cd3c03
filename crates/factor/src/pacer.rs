//! Bounded portions of work between two calls of the caller's `pause`.
//!
//! Work is counted in units of one 64-bit multiply-accumulate step of a modular multiplication,
//! about 6.5 ns in WebAssembly under Wasmtime on a 2023 server core. Whoever is about to work
//! announces the cost first.
use std::ops::ControlFlow;

/// The most units between two pauses: about 150 µs in WebAssembly, a third of that natively.
pub(crate) const QUANTUM: u32 = 20_000;

/// The caller asked to stop.
#[derive(Debug)]
pub(crate) struct Interrupted;

pub(crate) struct Pacer<P> {
    pause: P,
    spent: u32,
    interrupted: bool,
}

impl<P: AsyncFnMut() -> ControlFlow<()>> Pacer<P> {
    pub(crate) fn new(pause: P) -> Self {
        Self {
            pause,
            spent: 0,
            interrupted: false,
        }
    }

    /// Makes room for `cost` units (at most [`QUANTUM`]) of work that is done in any case.
    #[inline]
    pub(crate) async fn tick(&mut self, cost: u32) {
        debug_assert!(cost <= QUANTUM, "a portion of {cost} units is too large");
        self.spent += cost;
        if self.spent > QUANTUM {
            self.spent = cost;
            if (self.pause)().await.is_break() {
                self.interrupted = true;
            }
        }
    }

    /// Makes room for `cost` units (at most [`QUANTUM`]) of work that can be given up.
    #[inline]
    pub(crate) async fn spend(&mut self, cost: u32) -> Result<(), Interrupted> {
        self.tick(cost).await;
        if self.interrupted {
            Err(Interrupted)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_before_the_quantum_is_exceeded_and_remembers_a_break() {
        let mut pauses = 0;
        let mut pacer = Pacer::new(async || {
            pauses += 1;
            if pauses == 2 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        pollster::block_on(async {
            for _ in 0..5 {
                assert!(pacer.spend(QUANTUM / 2).await.is_err() == pacer.interrupted);
            }
            assert!(pacer.spend(1).await.is_err());
            assert!(pacer.spend(1).await.is_err());
        });
        assert_eq!(pauses, 2);
    }
}
