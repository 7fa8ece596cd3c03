//! The leading coefficients: products of primes of the base, in an order that depends on `k n` alone.
//!
//! Whoever sieves some of them finds the same ones under the same numbers, so that two instances
//! that sieve different numbers never sieve the same polynomial.
use std::collections::HashSet;

use num_bigint::BigUint;
use pacer::{Interrupted, Pacer};

use super::base::Base;

/// The primes that the factors of `a` are taken from.
pub(super) const POOL: usize = 30;
/// Smaller primes are not used as factors of `a`, because they would divide values less often.
const LEAST_FACTOR: u32 = 11;
/// How many leading coefficients are tried until one that was not used is found.
const TRIES: u32 = 400;
/// What a choice costs, in the units of the pacer.
const CHOICE: usize = 2_000;

pub(super) struct Leading {
    /// The indices of the primes for `a`.
    pool: Vec<usize>,
    /// Their binary logarithms.
    logs: Vec<f64>,
    /// The binary logarithm of the best `a`, and how many factors it has.
    target: f64,
    factor_count: usize,
    used: HashSet<Vec<usize>>,
    random: u64,
}

impl Leading {
    /// For the interval of `-half` to `half`. None when the base has too few primes.
    pub(super) fn new(kn: &BigUint, base: &Base, half: u32) -> Option<Self> {
        let size = base.primes.len();
        let target =
            (kn.bits() as f64 - 1.0 + top_fraction(kn)) / 2.0 - 0.5 - f64::from(half).log2();
        let largest = base.primes.last().copied().unwrap_or(3);
        let size_of_factor = (f64::from(largest).log2() - 1.2).min(11.2);
        let factor_count = ((target / size_of_factor).round() as usize).max(2);
        let ideal = (target / factor_count as f64).exp2();
        let start = base.primes.partition_point(|&p| p < LEAST_FACTOR);
        let centre = base.primes.partition_point(|&p| f64::from(p) < ideal);
        let first = centre
            .saturating_sub(POOL / 2)
            .clamp(start, size.saturating_sub(POOL).max(start));
        let pool: Vec<usize> = (first..size)
            .filter(|&i| base.roots[i] != 0)
            .take(POOL)
            .collect();
        if pool.len() < factor_count + 2 {
            return None;
        }
        Some(Self {
            logs: pool
                .iter()
                .map(|&index| f64::from(base.primes[index]).log2())
                .collect(),
            pool,
            target,
            factor_count,
            used: HashSet::new(),
            random: kn.iter_u64_digits().fold(1, |seed, digit| seed ^ digit) | 1,
        })
    }

    /// The indices of the primes that the factors are taken from.
    pub(super) fn pool(&self) -> &[usize] {
        &self.pool
    }

    pub(super) fn factor_count(&self) -> usize {
        self.factor_count
    }

    /// The indices of the primes in these rows of the pool.
    pub(super) fn factors(&self, rows: &[usize]) -> Vec<usize> {
        rows.iter().map(|&row| self.pool[row]).collect()
    }

    fn random(&mut self, end: usize) -> usize {
        // G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (2003).
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((self.random >> 32) as usize) % end
    }

    /// Rows of the pool whose primes have a product near the best `a` and were not used before. None when
    /// there are none left.
    pub(super) async fn choose(
        &mut self,
        pacer: &mut Pacer<'_>,
    ) -> Result<Option<Vec<usize>>, Interrupted> {
        pacer.spend(CHOICE).await?;
        Ok(self.next())
    }

    fn next(&mut self) -> Option<Vec<usize>> {
        for attempt in 0..TRIES {
            let mut rows = Vec::with_capacity(self.factor_count);
            let mut missing = self.target;
            while rows.len() + 1 < self.factor_count {
                let row = self.random(self.pool.len());
                if !rows.contains(&row) {
                    rows.push(row);
                    missing -= self.logs[row];
                }
            }
            let distance = |&row: &usize| (self.logs[row] - missing).abs();
            let last = (0..self.pool.len())
                .filter(|row| !rows.contains(row))
                .min_by(|a, b| distance(a).total_cmp(&distance(b)))?;
            if distance(&last) > 0.05 + f64::from(attempt) / 100.0 {
                continue;
            }
            rows.push(last);
            rows.sort_unstable();
            if self.used.insert(rows.clone()) {
                return Some(rows);
            }
        }
        None
    }
}

/// The part of the binary logarithm behind the point, of a number that is not zero.
fn top_fraction(n: &BigUint) -> f64 {
    let shift = n.bits().saturating_sub(53);
    let top = (n >> shift).iter_u64_digits().next().unwrap_or(1) as f64;
    top.log2().fract()
}
