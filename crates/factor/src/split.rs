//! From a composite to two factors.
//!
//! The order of the methods depends only on the size of `n`. Measured in WebAssembly under
//! Wasmtime on one core of an AMD EPYC (Zen 4), for products of two equal primes:
//!
//! - below [`SIEVE`], rho takes less time than the sieve with its base and polynomials;
//! - from there to [`SIEVE_END`] the sieve's time depends on `n` alone, so that the methods whose
//!   time depends on the factors get a twentieth of it before;
//! - above, the sieve would not end within the ten minutes of a job, and curves go on.

use num_bigint::BigUint;
use pacer::{Interrupted, Pacer};

use crate::{
    ecm,
    modulus::{Modulus, with_modulus},
    perfect_power, plan, rho, siqs,
};

/// Bits from which the sieve takes less time than rho.
const SIEVE: u64 = 62;
/// Bits from which the sieve takes too long: 86 digits.
const SIEVE_END: u64 = 286;

/// How long rho is tried before the sieve: enough for most factors of 6 digits, which trial division
/// has just missed.
const ITERATIONS_BEFORE_SIEVE: u64 = 1 << 11;
/// How long it is tried on what is out of the sieve's reach: enough for most factors of 9 digits.
const ITERATIONS_BEFORE_CURVES: u64 = 1 << 15;

/// What became of a composite.
pub(crate) enum Split {
    /// A proper factor was found.
    Factor(BigUint),
    /// It needs the sieve, and is large enough to be sieved in parts.
    Cut,
}

/// A proper factor of `n`: an odd composite without a factor below [`crate::trial::BOUND`] that is
/// not a perfect power. From `cut` bits on, `n` is not sieved.
///
/// `relations` is called with the number of relations that the sieve has found and needs.
pub(crate) async fn split(
    n: &BigUint,
    cut: u64,
    pacer: &mut Pacer<'_>,
    relations: &mut dyn FnMut(u32, u32),
) -> Result<Split, Interrupted> {
    with_modulus!(n, |modulus| {
        let sieved = (SIEVE..SIEVE_END).contains(&n.bits());
        if n.bits() >= SIEVE {
            if let Some(factor) = fermat(n, pacer).await? {
                return Ok(Split::Factor(factor));
            }
            let iterations = if sieved {
                ITERATIONS_BEFORE_SIEVE
            } else {
                ITERATIONS_BEFORE_CURVES
            };
            if n.bits() > 64
                && let Some(factor) = rho::split(&modulus, iterations, pacer).await?
            {
                return Ok(Split::Factor(factor));
            }
        }
        if sieved {
            let curves = plan::levels_before_sieve(n.bits());
            if let Some(factor) = ecm::split(&modulus, curves, pacer).await? {
                return Ok(Split::Factor(factor));
            }
            if n.bits() >= cut {
                return Ok(Split::Cut);
            }
            if let Some(factor) = siqs::split(n, pacer, relations).await? {
                return Ok(Split::Factor(factor));
            }
        }
        without_end(n, &modulus, pacer).await.map(Split::Factor)
    })
}

/// Goes on until a factor is found: in milliseconds below 2^64.
async fn without_end<const N: usize>(
    n: &BigUint,
    modulus: &Modulus<N>,
    pacer: &mut Pacer<'_>,
) -> Result<BigUint, Interrupted> {
    loop {
        let factor = if n.bits() <= 64 {
            rho::split(modulus, u64::MAX, pacer).await?
        } else {
            ecm::split(modulus, plan::levels(), pacer).await?
        };
        if let Some(factor) = factor {
            return Ok(factor);
        }
    }
}

/// One step of Fermat's method, which splits `p q` where `(p - q)²` is below about `8 √(p q)`.
async fn fermat(n: &BigUint, pacer: &mut Pacer<'_>) -> Result<Option<BigUint>, Interrupted> {
    // `n` is not a square, so this is its root rounded up.
    pacer.spend(perfect_power::ROOT).await?;
    let mean = n.sqrt() + 1u32;
    let square = &mean * &mean - n;
    pacer.spend(perfect_power::ROOT).await?;
    let half_difference = square.sqrt();
    Ok((&half_difference * &half_difference == square).then(|| mean - half_difference))
}
