//! One polynomial `a x² + b x + c` with `b² - 4 a c = k n`, and how to get to the others with the same `a`.
//!
//! Each prime of `a` has a part `B` of `b`, of which only the sign changes from one polynomial to the
//! next, in the order of a Gray code.
use num_bigint::{BigInt, BigUint};

use super::{
    arithmetic::{inverse, mul},
    wide::Wide,
};

pub(super) struct Coefficients {
    kn: BigInt,
    a: Wide,
    b: Wide,
    c: Option<Wide>,
    /// Indices of the primes of `a`.
    pub(super) factors: Vec<usize>,
    parts: Vec<Wide>,
    negative: Vec<bool>,
    index: u32,
}

impl Coefficients {
    pub(super) fn new(kn: &BigUint) -> Self {
        Self {
            kn: kn.clone().into(),
            a: Wide::default(),
            b: Wide::default(),
            c: None,
            factors: Vec::new(),
            parts: Vec::new(),
            negative: Vec::new(),
            index: 0,
        }
    }

    /// Begins with the `a` of these primes of the base, whose roots of `k n` are given. Returns what each part
    /// of `b` is of `a / q`, and whether `a` was added to their sum.
    pub(super) fn begin(
        &mut self,
        factors: Vec<usize>,
        primes: &[u32],
        square_roots: &[u32],
    ) -> (Vec<u32>, bool) {
        self.factors = factors;
        let primes: Vec<u32> = self.factors.iter().map(|&i| primes[i]).collect();
        let product = |start: u32, primes: &[u32]| {
            let start = Wide::new(&BigInt::from(start));
            primes
                .iter()
                .fold(start, |product, &q| product.times(q as i32))
        };
        self.a = product(1, &primes);
        let mut multipliers = Vec::with_capacity(primes.len());
        self.parts.clear();
        self.b = Wide::default();
        for (&index, &q) in self.factors.iter().zip(&primes) {
            let others: Vec<u32> = primes.iter().copied().filter(|&other| other != q).collect();
            let cofactor = others
                .iter()
                .fold(1, |product, other| mul(product, other % q, q));
            let multiplier = mul(square_roots[index], inverse(cofactor, q), q);
            let multiplier = multiplier.min(q - multiplier);
            let part = product(multiplier, &others);
            self.b = self.b.add(&part);
            self.parts.push(part);
            multipliers.push(multiplier);
        }
        self.negative = vec![false; primes.len()];
        self.index = 0;
        self.c = None;
        let shifted = self.b.low_bits().is_multiple_of(2);
        if shifted {
            self.b = self.b.add(&self.a);
        }
        (multipliers, shifted)
    }

    /// How many polynomials have this `a`, up to the sign of `b`.
    pub(super) fn count(&self) -> u32 {
        1 << (self.parts.len().max(1) - 1)
    }

    #[cfg(test)]
    pub(super) fn leading(&self) -> Wide {
        self.a
    }

    /// The number of this polynomial among those with the same `a`.
    pub(super) fn index(&self) -> u32 {
        self.index
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
