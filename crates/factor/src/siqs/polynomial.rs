//! The polynomials `a x² + b x + c` with `b² - 4 a c = k n`, and their roots modulo the primes of
//! the base: S. Contini, "Factoring integers with the self-initializing quadratic sieve" (1997).
//!
//! `a` is a product of primes of the base. Each of them has a part `B` of `b`, of which only the
//! sign changes from one polynomial to the next, in the order of a Gray code; the roots change by
//! `B / a`, which is known for every prime.
use std::{collections::HashSet, ops::ControlFlow};

use num_bigint::{BigInt, BigUint};

use super::{
    arithmetic::{add, inverse, mul, sub},
    base::Base,
    montgomery,
    wide::Wide,
};
use pacer::{Interrupted, Pacer};

/// The primes that the factors of `a` are taken from.
const POOL: usize = 30;
/// Smaller primes are not used as factors of `a`, because they would divide values less often.
const LEAST_FACTOR: u32 = 11;
/// Primes between two calls of the pacer.
pub(super) const CHUNK: usize = 2048;
/// How many leading coefficients are tried until one that was not used is found.
const TRIES: u32 = 400;

pub(super) struct Polynomials {
    kn: BigInt,
    pub(super) primes: Vec<u32>,
    /// Of each prime, for [`montgomery::mul`].
    negated_inverses: Vec<u32>,
    /// The square roots of `k n`, and the numbers themselves in Montgomery's form.
    square_roots: Vec<u32>,
    entered_square_roots: Vec<u32>,
    /// Half the length of the interval of `x`.
    half: u32,
    /// The indices of the primes for `a`, and their inverses modulo all primes in Montgomery's
    /// form, one row for each.
    pool: Vec<usize>,
    /// Their binary logarithms.
    logs: Vec<f64>,
    inverses: Vec<u32>,
    /// The binary logarithm of the best `a`, and how many factors it has.
    target: f64,
    factor_count: usize,
    used: HashSet<Vec<usize>>,
    random: u64,

    a: Wide,
    b: Wide,
    c: Option<Wide>,
    /// Indices of the primes of `a`.
    pub(super) factors: Vec<usize>,
    parts: Vec<Wide>,
    negative: Vec<bool>,
    /// `B / a` modulo all primes, one row for each part.
    steps: Vec<u32>,
    index: u32,
    /// The roots of the polynomial, counted from the start of the interval. Meaningless for the
    /// primes of `a`.
    pub(super) roots: [Vec<u32>; 2],
}

impl Polynomials {
    /// Polynomials for the interval of `-half` to `half`. None when the base has too few primes.
    pub(super) async fn new<P: AsyncFnMut() -> ControlFlow<()>>(
        kn: &BigUint,
        base: Base,
        half: u32,
        pacer: &mut Pacer<P>,
    ) -> Result<Option<Self>, Interrupted> {
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
            return Ok(None);
        }
        let mut polynomials = Self {
            kn: kn.clone().into(),
            negated_inverses: Vec::with_capacity(size),
            entered_square_roots: Vec::with_capacity(size),
            square_roots: base.roots,
            primes: base.primes,
            half,
            inverses: vec![0; pool.len() * size],
            logs: Vec::new(),
            pool,
            target,
            factor_count,
            used: HashSet::new(),
            random: kn.iter_u64_digits().fold(1, |seed, digit| seed ^ digit) | 1,
            a: Wide::default(),
            b: Wide::default(),
            c: None,
            factors: Vec::new(),
            parts: Vec::new(),
            negative: Vec::new(),
            steps: vec![0; factor_count * size],
            index: 0,
            roots: [vec![0; size], vec![0; size]],
        };
        let log = |&index: &usize| f64::from(polynomials.primes[index]).log2();
        polynomials.logs = polynomials.pool.iter().map(log).collect();
        for index in 0..size {
            pacer.spend(12 * POOL / 4 + 20).await?;
            polynomials.add_prime(index);
        }
        Ok(Some(polynomials))
    }

    /// Computes what is known of a prime for all polynomials. The inverses come from that of the
    /// product of all.
    fn add_prime(&mut self, index: usize) {
        let p = self.primes[index];
        self.negated_inverses.push(montgomery::negated_inverse(p));
        self.entered_square_roots
            .push(montgomery::enter(self.square_roots[index], p));
        let size = self.primes.len();
        let mut products = [1; POOL];
        let mut product = 1;
        for (&factor, before) in self.pool.iter().zip(&mut products) {
            *before = product;
            if factor != index {
                product = mul(product, self.primes[factor] % p, p);
            }
        }
        let mut rest = inverse(product, p);
        for (row, (&factor, before)) in self.pool.iter().zip(products).enumerate().rev() {
            if factor != index {
                self.inverses[row * size + index] = montgomery::enter(mul(rest, before, p), p);
                rest = mul(rest, self.primes[factor] % p, p);
            }
        }
    }

    fn random(&mut self, end: usize) -> usize {
        // G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (2003).
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((self.random >> 32) as usize) % end
    }

    /// Rows of the pool whose primes have a product near the best `a` and were not used before.
    fn choose(&mut self) -> Option<Vec<usize>> {
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

    /// Begins with another `a`. False when there is none left.
    pub(super) async fn next_leading<P: AsyncFnMut() -> ControlFlow<()>>(
        &mut self,
        pacer: &mut Pacer<P>,
    ) -> Result<bool, Interrupted> {
        pacer.spend(2_000).await?;
        let Some(rows) = self.choose() else {
            return Ok(false);
        };
        let multipliers = self.set_coefficients(&rows);
        let shifted = self.b.low_bits().is_multiple_of(2);
        if shifted {
            self.b = self.b.add(&self.a);
        }
        let size = self.primes.len();
        // A prime costs as much as there are parts.
        let chunk = CHUNK / 2;
        for start in (0..size).step_by(chunk) {
            let end = (start + chunk).min(size);
            pacer.spend((end - start) * (rows.len() + 2)).await?;
            self.set_roots(&rows, &multipliers, shifted, start..end);
        }
        Ok(true)
    }

    /// Sets `a` and `b`, and returns what each part of `b` is of `a / q`.
    fn set_coefficients(&mut self, rows: &[usize]) -> Vec<u32> {
        self.factors = rows.iter().map(|&row| self.pool[row]).collect();
        let primes: Vec<u32> = self.factors.iter().map(|&i| self.primes[i]).collect();
        let product = |start: u32, primes: &[u32]| {
            let start = Wide::new(&BigInt::from(start));
            primes
                .iter()
                .fold(start, |product, &q| product.times(q as i32))
        };
        self.a = product(1, &primes);
        let mut multipliers = Vec::with_capacity(rows.len());
        self.parts.clear();
        self.b = Wide::default();
        for (&index, &q) in self.factors.iter().zip(&primes) {
            let others: Vec<u32> = primes.iter().copied().filter(|&other| other != q).collect();
            let cofactor = others
                .iter()
                .fold(1, |product, other| mul(product, other % q, q));
            let multiplier = mul(self.square_roots[index], inverse(cofactor, q), q);
            let multiplier = multiplier.min(q - multiplier);
            let part = product(multiplier, &others);
            self.b = self.b.add(&part);
            self.parts.push(part);
            multipliers.push(multiplier);
        }
        self.negative = vec![false; rows.len()];
        self.index = 0;
        self.c = None;
        multipliers
    }

    fn set_roots(
        &mut self,
        rows: &[usize],
        multipliers: &[u32],
        shifted: bool,
        range: std::ops::Range<usize>,
    ) {
        let size = self.primes.len();
        let primes = &self.primes[range.clone()];
        let negated_inverses = &self.negated_inverses[range.clone()];
        let [distances, centres] = &mut self.roots;
        let (distances, centres) = (&mut distances[range.clone()], &mut centres[range.clone()]);
        // First 1 / (2 a), and b / a.
        for (inverse, &p) in distances.iter_mut().zip(primes) {
            *inverse = p / 2 + 1;
        }
        centres.fill(u32::from(shifted));
        for (part, (&row, &multiplier)) in rows.iter().zip(multipliers).enumerate() {
            let factors = &self.inverses[row * size..][range.clone()];
            let steps = &mut self.steps[part * size..][range.clone()];
            let moduli = primes.iter().zip(negated_inverses).zip(factors);
            let state = distances.iter_mut().zip(&mut *centres).zip(steps);
            for (((&p, &negated), &factor), ((inverse, shift), step)) in moduli.zip(state) {
                *inverse = montgomery::mul(*inverse, factor, p, negated);
                *step = montgomery::mul(multiplier, factor, p, negated);
                *shift = add(*shift, *step, p);
            }
        }
        let square_roots = &self.entered_square_roots[range];
        let moduli = primes.iter().zip(negated_inverses).zip(square_roots);
        for (((&p, &negated), &root), (first, second)) in
            moduli.zip(distances.iter_mut().zip(centres))
        {
            let half_shift = (*second + (*second & 1) * p) / 2;
            let centre = sub(self.half % p, half_shift, p);
            let distance = montgomery::mul(*first, root, p, negated);
            *first = add(centre, distance, p);
            *second = sub(centre, distance, p);
        }
    }

    /// Turns to the next polynomial with the same `a`: returns which of the parts changes its sign,
    /// and whether the roots grow by its step or shrink. None after the last.
    pub(super) fn next_part(&mut self) -> Option<(usize, bool)> {
        self.index += 1;
        let part = self.index.trailing_zeros() as usize;
        // The polynomials of b and -b have the same values.
        if part + 1 >= self.parts.len() {
            return None;
        }
        let change = self.parts[part].doubled();
        let grows = !self.negative[part];
        self.negative[part] = grows;
        self.b = self.b.add(&if grows { change.negated() } else { change });
        self.c = None;
        Some((part, grows))
    }

    /// Moves the roots of some primes.
    pub(super) fn step(&mut self, part: usize, grows: bool, range: std::ops::Range<usize>) {
        let size = self.primes.len();
        let steps = &self.steps[part * size..][range.clone()];
        let primes = &self.primes[range.clone()];
        for roots in &mut self.roots {
            let roots = &mut roots[range.clone()];
            if grows {
                for ((root, &step), &p) in roots.iter_mut().zip(steps).zip(primes) {
                    *root = add(*root, step, p);
                }
            } else {
                for ((root, &step), &p) in roots.iter_mut().zip(steps).zip(primes) {
                    *root = sub(*root, step, p);
                }
            }
        }
    }

    /// The value at `x`.
    pub(super) fn value(&mut self, x: i32) -> Wide {
        let (a, b) = (self.a, self.b);
        let c = *self.c.get_or_insert_with(|| {
            let signed = |value: &Wide| {
                let magnitude = BigInt::from(value.to_biguint());
                if value.is_negative() {
                    -magnitude
                } else {
                    magnitude
                }
            };
            let b = signed(&b);
            Wide::new(&((&b * &b - &self.kn) / (signed(&a) * 4)))
        });
        a.times(x).add(&b).times(x).add(&c)
    }

    /// `2 a x + b`, whose square is `4 a` times the value modulo `k n`.
    pub(super) fn square_root(&self, x: i32) -> Wide {
        self.a.doubled().times(x).add(&self.b)
    }
}

/// The part of the binary logarithm behind the point, of a number that is not zero.
fn top_fraction(n: &BigUint) -> f64 {
    let shift = n.bits().saturating_sub(53);
    let top = (n >> shift).iter_u64_digits().next().unwrap_or(1) as f64;
    top.log2().fract()
}

#[cfg(test)]
mod tests {
    use super::{super::base::Found, *};

    #[test]
    fn discriminants_and_roots_are_right() {
        let n = BigUint::from(1_000_000_000_039u64) * 3_000_000_000_013u64;
        let mut pacer = Pacer::new(crate::STEP, async || ControlFlow::Continue(()));
        pollster::block_on(async {
            let Ok(Found::Base(base)) = Base::choose(&n, 120, &mut pacer).await else {
                panic!("a base")
            };
            let kn = &n * base.multiplier;
            let new = Polynomials::new(&kn, base, 10_000, &mut pacer).await;
            let mut polynomials = new.unwrap().unwrap();
            let mut seen = HashSet::new();
            for _ in 0..5 {
                assert!(polynomials.next_leading(&mut pacer).await.unwrap());
                loop {
                    assert!(seen.insert(polynomials.b.to_biguint()));
                    check(&mut polynomials, &kn);
                    let Some((part, grows)) = polynomials.next_part() else {
                        break;
                    };
                    polynomials.step(part, grows, 0..polynomials.primes.len());
                }
            }
        });
    }

    fn check(polynomials: &mut Polynomials, kn: &BigUint) {
        let a = polynomials.a.to_biguint();
        for x in [-10_000, -77, 0, 5, 9_999] {
            let root = polynomials.square_root(x).to_biguint();
            let value = polynomials.value(x);
            let product = &a * 4u32 * value.to_biguint();
            let square = if value.is_negative() {
                kn - product
            } else {
                kn + product
            };
            assert_eq!(&root * &root, square);
        }
        for index in 0..polynomials.primes.len() {
            if polynomials.factors.contains(&index) {
                continue;
            }
            for side in 0..2 {
                let x = polynomials.roots[side][index] as i32 - 10_000;
                let value = polynomials.value(x).to_biguint();
                assert_eq!(value % polynomials.primes[index], BigUint::ZERO);
            }
        }
    }
}
