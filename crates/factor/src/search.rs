//! From a number to its primes.
use std::{collections::BTreeMap, ops::ControlFlow};

use num_bigint::BigUint;
use num_traits::One;
use pacer::{Interrupted, Pacer};

use crate::{
    Boxed,
    factorization::{Factorization, Partial},
    number::Number,
    perfect_power::perfect_power,
    primality::is_prime,
    split::{Split, split},
    trial,
};

/// What a search tells while it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// A prime, as soon as it is known, with the exponent that it was found with: when it turns up
    /// again, the exponents add up.
    Found {
        /// The prime.
        prime: &'a BigUint,
        /// At least 1.
        exponent: u32,
    },
    /// The quadratic sieve has found so many of the relations that it needs, to split one of the
    /// composite parts. Their number grows ever faster until `found` reaches `needed`.
    Relations {
        /// From 0 to `needed`.
        found: u32,
        /// Positive.
        needed: u32,
    },
}

/// The prime factorisation of `n`.
///
/// `pause` is awaited after each [`pacer::QUANTUM`] of work.
/// It may yield to other tasks, and says whether to go on. When it breaks, the search for factors
/// stops; the primality tests of what is known are still finished, a few milliseconds at most with
/// further pauses, so that every number in the answer is known to be prime or composite.
///
/// `observe` gets the search's [`Progress`].
///
/// Where the product of all but the small factors has up to 86 digits, the time depends on its size: in
/// WebAssembly about 4 ms for 30 digits, 25 ms for 40, 0.3 s for 50, 2 s for 60 and half a minute for
/// 70. Above, it depends mostly on the second largest prime factor: in numbers of 100 digits about 6 s
/// for 20 digits of that factor.
///
/// # Errors
///
/// The [`Partial`] result if `pause` broke before all primes were found.
pub async fn factorize(
    n: &Number,
    pause: impl AsyncFnMut() -> ControlFlow<()>,
    mut observe: impl FnMut(Progress<'_>),
) -> Result<Factorization, Partial> {
    let mut pacer = Pacer::new(crate::STEP, pause);
    factorize_with(n, &mut pacer, &mut observe).await
}

fn factorize_with<'a>(
    n: &'a Number,
    pacer: &'a mut Pacer<'_>,
    observe: Observe<'a>,
) -> Boxed<'a, Result<Factorization, Partial>> {
    Box::pin(async move {
        let mut search = Search::of(n, pacer, observe).await;
        match search.run(u64::MAX, pacer).await {
            Ok(_) => Ok(search.primes.into()),
            Err(_) => Err(search.into_partial()),
        }
    })
}

/// What is called with the progress of a search.
pub(crate) type Observe<'a> = &'a mut dyn FnMut(Progress<'_>);

/// The parts that the number has been split into so far, with their multiplicities.
pub(crate) struct Search<'a> {
    pub(crate) primes: BTreeMap<BigUint, u32>,
    /// Odd composites without small factors that are not perfect powers.
    composites: Vec<(BigUint, u32)>,
    observe: Observe<'a>,
}

impl<'a> Search<'a> {
    /// The primes of a number that trial division finds, and what is left.
    pub(crate) async fn of(n: &Number, pacer: &mut Pacer<'_>, observe: Observe<'a>) -> Self {
        let mut search = Self {
            primes: BTreeMap::new(),
            composites: Vec::new(),
            observe,
        };
        let rest = trial::divide(n.as_biguint().clone(), pacer, |prime, exponent| {
            search.add(prime.into(), exponent);
        })
        .await;
        search.classify(rest, 1, pacer).await;
        search
    }

    /// Goes on from where another search stopped.
    pub(crate) fn resume(known: Partial, observe: Observe<'a>) -> Self {
        let primes: BTreeMap<_, _> = known
            .found
            .into_iter()
            .map(|power| (power.prime, power.exponent))
            .collect();
        for (prime, &exponent) in &primes {
            observe(Progress::Found { prime, exponent });
        }
        let composites = known
            .remaining
            .chunk_by(|a, b| a == b)
            .map(|equal| (equal[0].clone(), equal.len() as u32))
            .collect();
        Self {
            primes,
            composites,
            observe,
        }
    }

    /// Splits what is left into primes. Stops at a composite of at least `cut` bits that needs the quadratic sieve,
    /// and returns it.
    pub(crate) async fn run(
        &mut self,
        cut: u64,
        pacer: &mut Pacer<'_>,
    ) -> Result<Option<BigUint>, Interrupted> {
        while let Some((n, exponent)) = self.composites.pop() {
            let mut relations =
                |found, needed| (self.observe)(Progress::Relations { found, needed });
            match split(&n, cut, pacer, &mut relations).await {
                Ok(Split::Factor(factor)) => self.divide(&n, exponent, factor, pacer).await,
                Ok(Split::Cut) => {
                    self.composites.push((n.clone(), exponent));
                    return Ok(Some(n));
                }
                Err(interrupted) => {
                    self.composites.push((n, exponent));
                    return Err(interrupted);
                }
            }
        }
        Ok(None)
    }

    /// Takes in a proper factor of one of the composites.
    pub(crate) async fn split(
        &mut self,
        composite: &BigUint,
        factor: BigUint,
        pacer: &mut Pacer<'_>,
    ) {
        let found = self.composites.iter().position(|(n, _)| n == composite);
        if let Some(index) = found {
            let (n, exponent) = self.composites.swap_remove(index);
            self.divide(&n, exponent, factor, pacer).await;
        }
    }

    async fn divide(&mut self, n: &BigUint, exponent: u32, factor: BigUint, pacer: &mut Pacer<'_>) {
        let cofactor = n / &factor;
        self.classify(factor, exponent, pacer).await;
        self.classify(cofactor, exponent, pacer).await;
    }

    fn add(&mut self, prime: BigUint, exponent: u32) {
        (self.observe)(Progress::Found {
            prime: &prime,
            exponent,
        });
        *self.primes.entry(prime).or_default() += exponent;
    }

    /// Takes in a part without small factors.
    async fn classify(&mut self, part: BigUint, exponent: u32, pacer: &mut Pacer<'_>) {
        if part.is_one() {
            return;
        }
        let (root, power) = perfect_power(&part, pacer).await.unwrap_or((part, 1));
        let exponent = exponent * power;
        if is_prime(&root, pacer).await {
            self.add(root, exponent);
        } else {
            self.composites.push((root, exponent));
        }
    }

    pub(crate) fn into_partial(self) -> Partial {
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

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use num_prime::nt_funcs::next_prime;

    use super::*;
    use crate::modulus::work;

    /// Factorises with a pause that breaks at the given call, and returns how often it was called
    /// and the largest number of units multiplied between two calls.
    fn measure(n: &str, break_at: u32) -> (u32, u64) {
        let number = Number::from_str(n).unwrap();
        let (mut pauses, mut largest) = (0, 0);
        work::take();
        let pause = async || {
            pauses += 1;
            largest = work::take().max(largest);
            if pauses < break_at {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let _ = pollster::block_on(factorize(&number, pause, |_| {}));
        (pauses, work::take().max(largest))
    }

    #[test]
    fn work_between_pauses_is_bounded_in_every_stage() {
        // Two primes of 96 and 100 digits: every stage for the largest operands, curves without end.
        let ten = BigUint::from(10u32);
        let hard = ((ten.pow(99) + 289u32) * next_prime(&ten.pow(95), None).unwrap()).to_string();
        let portion = pacer::portion(crate::STEP) as u64;
        // Suyama's curve and Montgomery's constant are made in one go.
        let slack = portion / 4;
        for n in [
            "408216",
            "18446744073709551557",
            "340282366920938463463374607431768211457",
            "9".repeat(200).as_str(),
            hard.as_str(),
        ] {
            let (pauses, largest) = measure(n, 3_000);
            assert!(
                largest <= portion + slack,
                "{largest} units at once for {n}"
            );
            assert!(
                pauses <= 3_050,
                "{pauses} pauses, 50 of them after the break, for {n}"
            );
        }
        let (pauses, largest) = measure(&hard, 3_000);
        assert!(
            pauses >= 3_000 && largest > portion / 2,
            "{pauses} {largest}"
        );
    }
}
