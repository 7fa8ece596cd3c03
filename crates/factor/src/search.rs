//! From a number to its primes.
use std::{collections::BTreeMap, ops::ControlFlow};

use num_bigint::BigUint;
use num_traits::One;

use crate::{
    factorization::{Factorization, Partial},
    number::Number,
    pacer::Pacer,
    perfect_power::perfect_power,
    primality::is_prime,
    split::split,
    trial,
};

/// The prime factorisation of `n`.
///
/// `pause` is awaited after every 100 to 250 µs of work in WebAssembly, a third of that natively.
/// It may yield to other tasks, and says whether to go on. When it breaks, the search for factors
/// stops; the primality tests of what is known are still finished, a few milliseconds at most with
/// further pauses, so that every number in the answer is known to be prime or composite.
///
/// The time depends on the second largest prime factor: up to 10 digits milliseconds, 15 digits
/// below a second, and about ten times as much for every 4 digits more.
///
/// # Errors
///
/// The [`Partial`] result if `pause` broke before all primes were found.
pub async fn factorize(
    n: &Number,
    pause: impl AsyncFnMut() -> ControlFlow<()>,
) -> Result<Factorization, Partial> {
    let mut pacer = Pacer::new(pause);
    let mut search = Search::default();
    let rest = trial::divide(n.as_biguint().clone(), &mut pacer, |prime, exponent| {
        search.primes.insert(prime.into(), exponent);
    })
    .await;
    search.classify(rest, 1, &mut pacer).await;
    while let Some((n, exponent)) = search.composites.pop() {
        let Ok(factor) = split(&n, &mut pacer).await else {
            search.composites.push((n, exponent));
            return Err(search.into_partial());
        };
        let cofactor = n / &factor;
        search.classify(factor, exponent, &mut pacer).await;
        search.classify(cofactor, exponent, &mut pacer).await;
    }
    Ok(search.primes.into())
}

/// The parts that the number has been split into so far, with their multiplicities.
#[derive(Default)]
struct Search {
    primes: BTreeMap<BigUint, u32>,
    /// Odd composites without small factors that are no perfect powers.
    composites: Vec<(BigUint, u32)>,
}

impl Search {
    /// Takes in a part without small factors.
    async fn classify<P: AsyncFnMut() -> ControlFlow<()>>(
        &mut self,
        part: BigUint,
        exponent: u32,
        pacer: &mut Pacer<P>,
    ) {
        if part.is_one() {
            return;
        }
        let (root, power) = perfect_power(&part, pacer).await.unwrap_or((part, 1));
        let exponent = exponent * power;
        if is_prime(&root, pacer).await {
            *self.primes.entry(root).or_default() += exponent;
        } else {
            self.composites.push((root, exponent));
        }
    }

    fn into_partial(self) -> Partial {
        let mut remaining: Vec<BigUint> = self
            .composites
            .into_iter()
            .flat_map(|(composite, exponent)| std::iter::repeat_n(composite, exponent as usize))
            .collect();
        remaining.sort();
        Partial {
            found: self.primes.into(),
            remaining,
        }
    }
}
