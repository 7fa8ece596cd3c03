//! The self-initialising quadratic sieve: S. Contini, "Factoring integers with the self-initializing
//! quadratic sieve", M. A. thesis, University of Georgia (1997).
//!
//! [`base`] chooses a multiplier `k` and the primes; [`polynomial`] makes polynomials whose values
//! are `x² - k n` up to a known factor; [`sieve`] finds where they have many small factors, [`search`]
//! divides there and keeps the [`relations`]; [`matrix`] combines them to squares, and [`root`]
//! takes their roots, whose difference shares a factor with `n` every other time.
//!
//! # What was measured
//!
//! On one core of an AMD EPYC (Zen 4), processor time, products of two equal primes; in brackets the
//! same code in WebAssembly under Wasmtime with epoch interruption, through HTTP:
//!
//! - 40 digits 10 ms (22 ms), 50 digits 0.12 s (0.27 s), 60 digits 0.9 s (2.1 s), 70 digits 14 s
//!   (21 s), 80 digits 108 s (156 s).
//! - Loops turn slowly under epoch interruption. Unrolling those of [`sieve`] took 15 % off the
//!   whole, scanning for candidates by words another 15 %.
//! - Hits of primes above a block are sorted by blocks when the polynomial changes. Without a branch
//!   on whether the root lies within the interval that takes half the time.
//! - The roots of all primes move by additions and minima, which the compiler turns into SIMD: 2 %
//!   of the time. So does the search for the divisors of a candidate, by multiplication with
//!   reciprocals of 16 bits.
//! - The matrix takes 4 % of the time at 60 digits and 6 % at 80, where structured elimination
//!   leaves a quarter of the columns to the elimination in bits: block Lanczos has nothing to win.
//! - Two large primes in a relation are not searched for: other programs do from 82 digits (YAFU) or
//!   85 (msieve).
//!
//! Existing crates are not suitable: `rusqsieve` offers nothing to call on `wasm32-wasip2`,
//! `num-prime` ends with rho, `yamaquasi` computes in threads and never yields, and takes five to ten
//! times as long by its own figures.
use std::ops::ControlFlow;

use num_bigint::BigUint;
use pacer::{Interrupted, Pacer};

use crate::modulus::with_modulus;

mod arithmetic;
mod base;
mod matrix;
mod montgomery;
mod parameters;
mod polynomial;
mod relations;
mod root;
mod search;
mod sieve;
mod wide;

use base::{Base, Found};
pub(crate) use parameters::Parameters;
use polynomial::Polynomials;
use relations::Relations;
use search::Search;

/// The most bits of `k n` that the arithmetic has room for.
pub(crate) const MAX_BITS: u64 = 320;

/// How many more relations than primes are looked for.
const EXCESS: usize = 16;

/// A proper factor of `n`: an odd composite without small factors that is not a perfect power. None
/// where the sieve fails: `n` is too small or too large for it.
///
/// `progress` is called from time to time with the number of relations found and needed.
pub(crate) async fn split<P: AsyncFnMut() -> ControlFlow<()>>(
    n: &BigUint,
    parameters: &Parameters,
    pacer: &mut Pacer<P>,
    mut progress: impl FnMut(u32, u32),
) -> Result<Option<BigUint>, Interrupted> {
    let base = match Base::choose(n, parameters.base, pacer).await? {
        Found::Factor(prime) => return Ok(Some(prime.into())),
        Found::Base(base) => base,
    };
    let kn = n * base.multiplier;
    if kn.bits() > MAX_BITS {
        return Ok(None);
    }
    let Some(mut polynomials) = Polynomials::new(&kn, base, parameters.half, pacer).await? else {
        return Ok(None);
    };
    let mut relations = Relations::new();
    let mut search = Search::new(&kn, &polynomials.primes, parameters);
    let mut needed = polynomials.primes.len() + EXCESS;
    loop {
        while relations.cycles() < needed {
            progress(relations.cycles() as u32, needed as u32);
            if !polynomials.next_leading(pacer).await? {
                return Ok(None);
            }
            search
                .sieve(&mut polynomials, &mut relations, needed, pacer)
                .await?;
        }
        progress(needed as u32, needed as u32);
        let primes = &polynomials.primes;
        for dependency in matrix::dependencies(&relations, primes.len(), pacer).await? {
            let factor = with_modulus!(n, |modulus| {
                root::factor(&modulus, &relations, primes, &dependency, pacer).await?
            });
            if factor.is_some() {
                return Ok(factor);
            }
        }
        needed += EXCESS;
    }
}

#[cfg(test)]
mod tests {
    use num_prime::nt_funcs::next_prime;

    use super::*;

    fn split_alone(n: &BigUint) -> Option<BigUint> {
        let mut pacer = Pacer::new(crate::STEP, async || ControlFlow::Continue(()));
        let mut reported = (0, 0);
        let parameters = Parameters::new(n.bits() as u32);
        let progress = |found, needed| {
            assert!(found <= needed && needed > 0);
            reported = (found, needed);
        };
        let factor = pollster::block_on(split(n, &parameters, &mut pacer, progress)).unwrap();
        assert!(factor.is_none() || reported.0 == reported.1);
        factor
    }

    fn prime(bits: u64, seed: u64) -> BigUint {
        let noise = seed.wrapping_mul(6_364_136_223_846_793_005) | (1 << 63);
        next_prime(&(BigUint::from(noise) << bits >> 64u32), None).unwrap()
    }

    fn assert_split(n: &BigUint) {
        let factor = split_alone(n).unwrap_or_else(|| panic!("{n} was not split"));
        assert!(factor > BigUint::from(1u32) && factor < *n, "{n}");
        assert_eq!(n % factor, BigUint::ZERO);
    }

    #[test]
    fn products_of_two_primes_of_every_size_are_split() {
        for bits in 29..66 {
            for seed in 1..4 {
                assert_split(&(prime(bits, seed) * prime(bits, seed + 17)));
            }
        }
    }

    #[test]
    fn unequal_and_repeated_and_many_primes_are_split() {
        for seed in 1..8 {
            let (p, q, r) = (prime(20, seed), prime(24, seed + 9), prime(60, seed));
            for n in [&p * &q * &r, &p * &p * &q * &q * &q, &p * &r, &p * &p * &r] {
                assert_split(&n);
            }
        }
    }

    /// The pacer panics in tests if a portion is too large: check this for the largest numbers that are sieved.
    #[test]
    fn a_search_in_the_largest_numbers_is_interrupted() {
        let ten = BigUint::from(10u32);
        let p = next_prime(&ten.pow(42), None).unwrap();
        let n = &p * next_prime(&(&p + 1_000_000u32), None).unwrap();
        let (mut pauses, mut reported) = (0, None);
        let pause = async || {
            pauses += 1;
            if pauses < 3_000 {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        };
        let mut pacer = Pacer::new(crate::STEP, pause);
        let parameters = Parameters::new(n.bits() as u32);
        let search = split(&n, &parameters, &mut pacer, |found, needed| {
            reported = Some((found, needed));
        });
        assert!(pollster::block_on(search).is_err());
        assert!(reported.is_some_and(|(found, needed)| found < needed && needed > 30_000));
        assert_eq!(pauses, 3_000);
    }

    /// The sieve must also be right for numbers outside its range.
    #[test]
    fn numbers_too_small_are_split_or_given_up() {
        for bits in 17..29 {
            for seed in 1..10 {
                let n = prime(bits, seed) * prime(bits, seed + 5);
                if let Some(factor) = split_alone(&n) {
                    assert!(factor > BigUint::from(1u32) && factor < n);
                    assert_eq!(n % factor, BigUint::ZERO);
                }
            }
        }
    }
}
