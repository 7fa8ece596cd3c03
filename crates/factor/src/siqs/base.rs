//! The multiplier and the factor base.

use num_bigint::BigUint;
use pacer::{Interrupted, Pacer};

use super::arithmetic::square_root;
use crate::{primality::jacobi, primes::Primes};

/// Square-free and odd.
const MULTIPLIERS: [u32; 32] = [
    1, 3, 5, 7, 11, 13, 15, 17, 19, 21, 23, 29, 31, 33, 35, 37, 39, 41, 43, 47, 51, 53, 55, 57, 59,
    61, 65, 67, 69, 71, 73, 79,
];
/// How many primes the choice looks at.
const SAMPLE: usize = 150;

/// What one prime costs here, in the units of the pacer.
const ENTRY: usize = 60;

/// The odd primes modulo which `k n` is a square.
pub(super) struct Base {
    pub(super) multiplier: u32,
    /// Ascending.
    pub(super) primes: Vec<u32>,
    /// A square root of `k n` for each.
    pub(super) roots: Vec<u32>,
}

pub(super) enum Found {
    Base(Base),
    /// A prime factor of `n`, which is larger than what trial division reaches.
    Factor(u32),
}

impl Base {
    /// A base of `size` primes for `n`.
    pub(super) async fn choose(
        n: &BigUint,
        size: usize,
        pacer: &mut Pacer<'_>,
    ) -> Result<Found, Interrupted> {
        let digits = n.to_u32_digits();
        let mut source = Primes::odd();
        let mut sample = Vec::with_capacity(SAMPLE);
        for _ in 0..SAMPLE {
            pacer.spend(ENTRY).await?;
            let prime = source.next(pacer).await as u32;
            sample.push((prime, remainder(&digits, prime)));
        }
        let multiplier = multiplier(digits[0], &sample, pacer).await?;
        let mut base = Self {
            multiplier,
            primes: Vec::with_capacity(size),
            roots: Vec::with_capacity(size),
        };
        let mut sample = sample.into_iter();
        while base.primes.len() < size {
            pacer.spend(ENTRY).await?;
            let (prime, residue) = match sample.next() {
                Some(known) => known,
                None => {
                    let prime = source.next(pacer).await as u32;
                    (prime, remainder(&digits, prime))
                }
            };
            if residue == 0 {
                return Ok(Found::Factor(prime));
            }
            let residue = super::arithmetic::mul(residue, multiplier % prime, prime);
            if residue == 0 {
                base.primes.push(prime);
                base.roots.push(0);
            } else if jacobi(residue.into(), prime.into()) == 1 {
                base.primes.push(prime);
                base.roots.push(square_root(residue, prime));
            }
        }
        Ok(Found::Base(base))
    }
}

/// The multiplier `k` that makes the values of the polynomials smoothest, by the function of Knuth
/// and Schroeppel: R. D. Silverman, "The multiple polynomial quadratic sieve", Math. Comp. 48
/// (1987). `k n` is 1 modulo 4; where it is 1 modulo 8, every value is even.
async fn multiplier(
    n: u32,
    sample: &[(u32, u32)],
    pacer: &mut Pacer<'_>,
) -> Result<u32, Interrupted> {
    let mut best = (f32::NEG_INFINITY, 1);
    for k in MULTIPLIERS {
        let twos = match n.wrapping_mul(k) % 8 {
            1 => 2.0,
            5 => 0.0,
            _ => continue,
        };
        pacer.spend(ENTRY * SAMPLE / 3).await?;
        let mut score = twos * 2f32.ln() - (k as f32).ln() / 2.0;
        for &(prime, residue) in sample {
            let log = (prime as f32).ln();
            if k % prime == 0 {
                score += log / prime as f32;
            } else if jacobi(residue.into(), prime.into()) * jacobi(k.into(), prime.into()) == 1 {
                score += 2.0 * log / (prime - 1) as f32;
            }
        }
        if score > best.0 {
            best = (score, k);
        }
    }
    Ok(best.1)
}

/// The remainder of a number by a prime.
fn remainder(digits: &[u32], prime: u32) -> u32 {
    digits.iter().rev().fold(0u64, |remainder, &digit| {
        ((remainder << 32) | u64::from(digit)) % u64::from(prime)
    }) as u32
}
