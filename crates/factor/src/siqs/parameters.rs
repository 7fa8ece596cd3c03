//! The parameters of the sieve by the size of the number.
//!
//! The start were the tables of PARI (`mpqs.h`), msieve (`mpqs.c`) and YAFU (`siqs_aux.c`), which agree
//! on the size of the base within a factor of two. Each value was then changed by 1.4 up and down
//! while the mean processor time of 4 to 100 numbers of 20, 30, 40, 50 and 60 digits fell; the
//! minimum is flat, 3 % for 1.4. The values for 70 digits and more go on from there and were run
//! once. Two of them differ from the peers': the intervals are a quarter of YAFU's, since changing
//! the polynomial costs little here, and `slack` is larger, because what the primes that are not
//! sieved with contribute is known only after a look at the candidate, and the look is cheap.

use std::ops::Range;

use num_bigint::BigUint;

/// How to sieve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Parameters {
    /// Primes in the base.
    pub(super) base: usize,
    /// Half the length of the interval of each polynomial.
    pub(super) half: u32,
    /// The binary logarithm of what may be left of a value after the sieved primes have been
    /// divided out.
    pub(super) slack: f64,
    /// A large prime is at most this many times the largest prime of the base.
    pub(super) large: u32,
    /// Primes below this are not sieved with.
    pub(super) least: u32,
}

/// Bits of `k n`, primes in the base, half the interval in units of 1024, slack, multiple for large
/// primes, least prime.
const TABLE: [(u32, usize, u32, f64, u32, u32); 9] = [
    (50, 30, 2, 12.0, 10, 7),
    (65, 42, 3, 15.0, 14, 10),
    (98, 130, 6, 20.0, 30, 16),
    (131, 520, 11, 24.0, 40, 30),
    (164, 1640, 16, 33.0, 60, 60),
    (198, 4200, 32, 39.0, 80, 94),
    (230, 11000, 64, 43.0, 90, 100),
    (263, 30000, 128, 47.0, 120, 130),
    (290, 60000, 128, 51.0, 140, 160),
];

/// Bits, leading coefficients that suffice for most numbers (half of them take two thirds of that), and how many make a part:
/// two seconds, but not more than a sixteenth of the whole.
const PARTS: [(u64, f64, f64); 4] = [
    (150, 135.0, 8.0),
    (218, 360.0, 14.0),
    (251, 600.0, 12.0),
    (286, 1200.0, 3.0),
];

/// How many leading coefficients the sieve for `n` takes, or fewer.
pub(crate) fn expected(n: &BigUint) -> u32 {
    interpolated(n.bits(), |row| row.1) as u32
}

/// The parts of the sieve for `n` that take so many leading coefficients from `next` on, and a third more: the yield varies
/// from number to number.
pub(crate) fn parts(n: &BigUint, next: u32, numbers: u32) -> Vec<Range<u32>> {
    let size = (interpolated(n.bits(), |row| row.2) as u32).max(1);
    let count = (numbers + numbers / 3).div_ceil(size);
    (0..count)
        .map(|part| next + part * size..next + (part + 1) * size)
        .collect()
}

/// Grows by the same factor with each bit between two rows.
fn interpolated(bits: u64, column: impl Fn(&(u64, f64, f64)) -> f64) -> f64 {
    let upper = PARTS
        .partition_point(|row| row.0 < bits)
        .clamp(1, PARTS.len() - 1);
    let (low, high) = (&PARTS[upper - 1], &PARTS[upper]);
    let part = (bits as f64 - low.0 as f64) / (high.0 - low.0) as f64;
    let (from, to) = (column(low).ln(), column(high).ln());
    (from + (to - from) * part).exp()
}

impl Parameters {
    pub(crate) fn new(bits: u32) -> Self {
        let upper = TABLE
            .partition_point(|row| row.0 < bits)
            .clamp(1, TABLE.len() - 1);
        let (low, high) = (TABLE[upper - 1], TABLE[upper]);
        let part = (f64::from(bits) - f64::from(low.0)) / f64::from(high.0 - low.0);
        let part = part.clamp(0.0, 1.0);
        let between = |a: f64, b: f64| a + (b - a) * part;
        // Sizes grow by factors.
        let scaled = |a: f64, b: f64| between(a.ln(), b.ln()).exp();
        Self {
            base: scaled(low.1 as f64, high.1 as f64) as usize,
            half: scaled(f64::from(low.2), f64::from(high.2)).round() as u32 * 1024,
            slack: between(low.3, high.3),
            large: between(f64::from(low.4), f64::from(high.4)) as u32,
            least: between(f64::from(low.5), f64::from(high.5)) as u32,
        }
    }

    /// The largest prime that a value may have besides those of the base.
    pub(super) fn largest(&self, primes: &[u32]) -> u32 {
        primes.last().map_or(1, |prime| prime * self.large)
    }
}
