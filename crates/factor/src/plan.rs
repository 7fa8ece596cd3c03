//! The steps of the elliptic-curve method for every curve of one bound, computed once.

use pacer::{Interrupted, Pacer};

use crate::primes::Primes;

/// Curves with one bound of the first stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) bound: u64,
    pub(crate) curves: u32,
}

/// P. Zimmermann's table for factors of 15, 20, … 40 digits and a second bound of 100 times the
/// first, which needs as many curves to find a factor of that size with probability 1 - 1/e; before
/// it a level for what trial division and rho have just missed.
const LEVELS: [(u64, u32); 7] = [
    (1_200, 10),
    (2_000, 25),
    (11_000, 90),
    (50_000, 300),
    (250_000, 700),
    (1_000_000, 1_800),
    (3_000_000, 5_100),
];

/// Ever larger curves; those of the last level without end.
pub(crate) fn levels() -> impl Iterator<Item = Level> {
    let (bound, curves) = LEVELS[LEVELS.len() - 1];
    let level = |(bound, curves)| Level { bound, curves };
    LEVELS
        .into_iter()
        .map(level)
        .chain(std::iter::repeat(Level { bound, curves }))
}

/// The curves to try before a sieve for `n` of this many bits: they take about a twentieth of the sieve's time.
pub(crate) fn levels_before_sieve(bits: u64) -> impl Iterator<Item = Level> {
    const CURVES: [(u64, u64, u32); 5] = [
        (160, 1_200, 8),
        (190, 2_000, 12),
        (215, 2_000, 20),
        (230, 11_000, 30),
        (260, 50_000, 20),
    ];
    CURVES
        .into_iter()
        .filter(move |&(from, ..)| bits >= from)
        .map(|(_, bound, curves)| Level { bound, curves })
}

/// The second stage's bound in units of the first's.
const SECOND_BOUND: u64 = 100;

/// The giant steps of the second stage.
pub(crate) const GIANT: u64 = 2 * 3 * 5 * 7 * 11;

/// The cost of entering a prime into the plan.
const ENTRY: usize = 4;

/// The baby steps: the numbers below half a giant step and prime to it.
pub(crate) fn babies() -> impl Iterator<Item = u64> {
    (1..GIANT / 2)
        .step_by(2)
        .filter(|j| [3, 5, 7, 11].iter().all(|prime| j % prime != 0))
}

/// For each giant step, which baby steps lead to a prime.
type BabySet = [u64; 4];

pub(crate) struct Plan {
    multipliers: Vec<u64>,
    first_giant: u64,
    giants: Vec<BabySet>,
}

impl Plan {
    /// `bound` is at least `GIANT / 2`, so that no prime past it is next to zero.
    pub(crate) async fn new(bound: u64, pacer: &mut Pacer<'_>) -> Result<Self, Interrupted> {
        let mut primes = Primes::odd();
        let mut multipliers = vec![largest_power(2, bound)];
        let mut prime = primes.next(pacer).await;
        while prime <= bound {
            pacer.spend(ENTRY).await?;
            let power = largest_power(prime, bound);
            match multipliers
                .last_mut()
                .and_then(|last| Some((last.checked_mul(power)?, last)))
            {
                Some((product, last)) => *last = product,
                None => multipliers.push(power),
            }
            prime = primes.next(pacer).await;
        }

        let mut bit_of_baby = [0; GIANT as usize / 2];
        for (bit, baby) in babies().enumerate() {
            bit_of_baby[baby as usize] = bit;
        }
        let nearest_giant = |prime: u64| (prime + GIANT / 2) / GIANT;
        let first_giant = nearest_giant(prime);
        let last_giant = nearest_giant(SECOND_BOUND * bound);
        let mut giants = vec![BabySet::default(); (last_giant - first_giant + 1) as usize];
        while prime <= SECOND_BOUND * bound {
            pacer.spend(ENTRY).await?;
            let giant = nearest_giant(prime);
            let bit = bit_of_baby[prime.abs_diff(giant * GIANT) as usize];
            giants[(giant - first_giant) as usize][bit / 64] |= 1 << (bit % 64);
            prime = primes.next(pacer).await;
        }
        Ok(Self {
            multipliers,
            first_giant,
            giants,
        })
    }

    /// The first stage: numbers whose product is divisible by every prime power up to the bound.
    pub(crate) fn multipliers(&self) -> &[u64] {
        &self.multipliers
    }

    /// What the first entry of [`Self::giants`] is the multiple of [`GIANT`] by; the others follow
    /// one by one.
    pub(crate) fn first_giant(&self) -> u64 {
        self.first_giant
    }

    pub(crate) fn giants(&self) -> &[BabySet] {
        &self.giants
    }
}

/// The largest power of the prime up to the bound.
fn largest_power(prime: u64, bound: u64) -> u64 {
    prime.pow(bound.ilog(prime))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use num_prime::nt_funcs;

    use super::*;

    #[test]
    fn plans_hold_every_prime_of_both_stages() {
        let mut pacer = crate::unpaced();
        for (bound, _) in LEVELS.into_iter().take(3) {
            let plan = pollster::block_on(Plan::new(bound, &mut pacer)).unwrap();
            for prime in nt_funcs::primes(bound) {
                let power = largest_power(prime, bound);
                assert!(power <= bound && power * prime > bound);
                assert!(
                    plan.multipliers()
                        .iter()
                        .any(|multiplier| multiplier % power == 0)
                );
            }
            let babies: Vec<u64> = babies().collect();
            let mut reached = HashSet::new();
            for (set, giant) in plan.giants().iter().zip(plan.first_giant()..) {
                for (bit, baby) in babies.iter().enumerate() {
                    if set[bit / 64] >> (bit % 64) & 1 == 1 {
                        reached.extend([giant * GIANT - baby, giant * GIANT + baby]);
                    }
                }
            }
            for prime in nt_funcs::primes(SECOND_BOUND * bound)
                .into_iter()
                .filter(|p| *p > bound)
            {
                assert!(reached.contains(&prime), "{prime} with bound {bound}");
            }
        }
    }

    #[test]
    fn a_set_has_a_bit_for_each_baby() {
        assert!(babies().count() <= 64 * BabySet::default().len());
        assert!(LEVELS.iter().all(|(bound, _)| *bound >= GIANT / 2));
        // The sieve's limit.
        assert!(
            LEVELS
                .iter()
                .all(|(bound, _)| SECOND_BOUND * bound < 1_000_000_000)
        );
    }
}
