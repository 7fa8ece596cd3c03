//! Integer factorisation for cooperative schedulers.
//!
//! [`factorize`] finds the prime factors of any [`Number`]: an integer of at least 2 with at most
//! [`MAX_DIGITS`] decimal digits. It computes in small portions and awaits its caller's `pause`
//! between them, so the same code runs under a trivial executor in tests and yields to other tasks
//! inside a WebAssembly component. It reads no clock: when to stop is the caller's decision.
//!
//! The stages, cheapest first: trial division by the primes below 2^16; a primality test
//! (deterministic below 2^64, Baillie–PSW above); perfect powers; then a *splitter*, which turns a
//! composite into two factors, until only primes are left. The splitters are Pollard's rho method, a
//! step of Fermat's, Lenstra's elliptic-curve method and, up to 86 digits, the self-initialising
//! quadratic sieve.
//!
//! A sieve can be spread over instances that share nothing: [`begin`] says which [`part`]s there are, and [`join`]
//! goes on with their results.

use std::pin::Pin;

mod cut;
mod details;
mod ecm;
pub mod expression;
mod factorization;
mod modulus;
mod number;
mod perfect_power;
mod plan;
mod primality;
mod primes;
mod rho;
mod search;
mod siqs;
mod split;
mod trial;

/// What a step of a modular multiplication costs, in picoseconds: a 64-bit multiplication and addition. See [`pacer`].
const STEP: usize = 6_500;

pub use cut::{CUT, Cut, JoinError, Part, PartError, Step, begin, join, part};
pub use details::{Details, PrimalityTest};
pub use expression::{ExpressionError, evaluate};
pub use factorization::{Factorization, Partial, PrimePower};
pub use number::{MAX_DIGITS, Number, ParseNumberError};
pub use search::{Progress, factorize};

/// A computation that is compiled in this crate. The future of an `async fn` would be compiled in each crate that awaits it, which
/// takes half a minute.
type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A pacer that does not pause.
#[cfg(test)]
fn unpaced() -> pacer::Pacer<'static> {
    use std::ops::ControlFlow::Continue;
    pacer::Pacer::new(STEP, async || Continue(()))
}
