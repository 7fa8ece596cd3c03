//! When long work pauses.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Multiplications between two pauses: about a quarter of a millisecond in Wasm.
const PORTION: usize = 4 << 20;

/// What a value costs that passes through one of the graph's other operators, in multiplications.
const VALUE: usize = 24;

/// Calls a function after every portion of work.
#[derive(Clone, Copy, Debug)]
pub struct Pace(pub fn());

/// Work since the last pause. Threads may share it: it only spreads the pauses.
static SPENT: AtomicUsize = AtomicUsize::new(0);

impl Pace {
    /// Counts `multiplications` that were done.
    pub fn multiplied(self, multiplications: usize) {
        if SPENT.fetch_add(multiplications, Ordering::Relaxed) + multiplications >= PORTION {
            SPENT.store(0, Ordering::Relaxed);
            (self.0)();
        }
    }

    /// Counts `values` that an operator of the graph gave.
    pub fn passed(self, values: usize) {
        self.multiplied(values.saturating_mul(VALUE));
    }
}

/// All are alike where operators are compared.
impl PartialEq for Pace {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Pace {}
