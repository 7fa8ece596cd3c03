//! The polynomials in their order, and their roots modulo the primes of the base: S. Contini,
//! "Factoring integers with the self-initializing quadratic sieve" (1997).
//!
//! From one polynomial to the next with the same `a` the roots change by `B / a`, which is known for
//! every prime.

use num_bigint::BigUint;

use super::{
    arithmetic::{add, inverse, mul, sub},
    base::Base,
    coefficients::Coefficients,
    leading::{Leading, POOL},
    montgomery,
};
use pacer::{Interrupted, Pacer};

/// Primes between two calls of the pacer.
pub(super) const CHUNK: usize = 2048;

pub(super) struct Polynomials {
    /// The polynomial.
    pub(super) coefficients: Coefficients,
    leading: Leading,
    pub(super) primes: Vec<u32>,
    /// Of each prime, for [`montgomery::mul`].
    negated_inverses: Vec<u32>,
    /// The square roots of `k n`, and the numbers themselves in Montgomery's form.
    square_roots: Vec<u32>,
    entered_square_roots: Vec<u32>,
    /// Half the length of the interval of `x`.
    half: u32,
    /// The inverses of the primes for `a` modulo all primes in Montgomery's form, one row for each.
    inverses: Vec<u32>,
    /// `B / a` modulo all primes, one row for each part.
    steps: Vec<u32>,
    /// The roots of the polynomial, counted from the start of the interval. Meaningless for the
    /// primes of `a`.
    pub(super) roots: [Vec<u32>; 2],
}

impl Polynomials {
    /// Polynomials for the interval of `-half` to `half`, with the leading coefficients that follow.
    pub(super) async fn new(
        kn: &BigUint,
        base: Base,
        leading: Leading,
        half: u32,
        pacer: &mut Pacer<'_>,
    ) -> Result<Self, Interrupted> {
        let size = base.primes.len();
        let mut polynomials = Self {
            coefficients: Coefficients::new(kn),
            negated_inverses: Vec::with_capacity(size),
            entered_square_roots: Vec::with_capacity(size),
            square_roots: base.roots,
            primes: base.primes,
            half,
            inverses: vec![0; leading.pool().len() * size],
            steps: vec![0; leading.factor_count() * size],
            leading,
            roots: [vec![0; size], vec![0; size]],
        };
        for index in 0..size {
            pacer.spend(12 * POOL / 4 + 20).await?;
            polynomials.add_prime(index);
        }
        Ok(polynomials)
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
        for (&factor, before) in self.leading.pool().iter().zip(&mut products) {
            *before = product;
            if factor != index {
                product = mul(product, self.primes[factor] % p, p);
            }
        }
        let mut rest = inverse(product, p);
        for (row, (&factor, before)) in self.leading.pool().iter().zip(products).enumerate().rev() {
            if factor != index {
                self.inverses[row * size + index] = montgomery::enter(mul(rest, before, p), p);
                rest = mul(rest, self.primes[factor] % p, p);
            }
        }
    }

    /// Begins with another `a`. False when there is none left.
    pub(super) async fn next_leading(
        &mut self,
        pacer: &mut Pacer<'_>,
    ) -> Result<bool, Interrupted> {
        let Some(rows) = self.leading.choose(pacer).await? else {
            return Ok(false);
        };
        let factors = self.leading.factors(&rows);
        let (multipliers, shifted) =
            self.coefficients
                .begin(factors, &self.primes, &self.square_roots);
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

    /// Indices of the primes of `a`.
    pub(super) fn factors(&self) -> &[usize] {
        &self.coefficients.factors
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
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{super::base::Found, *};

    #[test]
    fn discriminants_and_roots_are_right() {
        let n = BigUint::from(1_000_000_000_039u64) * 3_000_000_000_013u64;
        let mut pacer = crate::unpaced();
        pollster::block_on(async {
            let Ok(Found::Base(base)) = Base::choose(&n, 120, &mut pacer).await else {
                panic!("a base")
            };
            let kn = &n * base.multiplier;
            let leading = Leading::new(&kn, &base, 10_000).unwrap();
            let new = Polynomials::new(&kn, base, leading, 10_000, &mut pacer).await;
            let mut polynomials = new.unwrap();
            let mut seen = HashSet::new();
            for _ in 0..5 {
                assert!(polynomials.next_leading(&mut pacer).await.unwrap());
                loop {
                    assert!(seen.insert(polynomials.coefficients.square_root(0).to_biguint()));
                    check(&mut polynomials, &kn);
                    let Some((part, grows)) = polynomials.coefficients.next_part() else {
                        break;
                    };
                    polynomials.step(part, grows, 0..polynomials.primes.len());
                }
            }
        });
    }

    fn check(polynomials: &mut Polynomials, kn: &BigUint) {
        let a = polynomials.coefficients.leading().to_biguint();
        for x in [-10_000, -77, 0, 5, 9_999] {
            let root = polynomials.coefficients.square_root(x).to_biguint();
            let value = polynomials.coefficients.value(x);
            let product = &a * 4u32 * value.to_biguint();
            let square = if value.is_negative() {
                kn - product
            } else {
                kn + product
            };
            assert_eq!(&root * &root, square);
        }
        for index in 0..polynomials.primes.len() {
            if polynomials.factors().contains(&index) {
                continue;
            }
            for side in 0..2 {
                let x = polynomials.roots[side][index] as i32 - 10_000;
                let value = polynomials.coefficients.value(x).to_biguint();
                assert_eq!(value % polynomials.primes[index], BigUint::ZERO);
            }
        }
    }
}
