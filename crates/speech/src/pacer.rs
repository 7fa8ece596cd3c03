//! Bounded portions of work between two calls of the caller's `pause`.

/// The most units between two pauses: about 200 µs in WebAssembly, a third of that natively, where a
/// unit is one step of an inner loop, about 5 ns.
const QUANTUM: usize = 40_000;

/// Counts units of work and awaits `pause` whenever a portion is done.
pub(crate) struct Pacer<P> {
    pause: P,
    spent: usize,
}

impl<P: AsyncFnMut()> Pacer<P> {
    pub(crate) fn new(pause: P) -> Self {
        Self { pause, spent: 0 }
    }

    /// Makes room for `cost` units of work that is about to be done.
    #[inline]
    pub(crate) async fn spend(&mut self, cost: usize) {
        self.spent = self.spent.saturating_add(cost);
        if self.spent > QUANTUM {
            self.spent = cost;
            (self.pause)().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_before_the_quantum_is_exceeded() {
        let mut pauses = 0;
        let mut pacer = Pacer::new(async || pauses += 1);
        pollster::block_on(async {
            for _ in 0..5 {
                pacer.spend(QUANTUM / 2).await;
            }
        });
        assert_eq!(pauses, 2);
    }
}
