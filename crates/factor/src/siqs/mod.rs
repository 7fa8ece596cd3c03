//! The self-initialising quadratic sieve.
use std::ops::ControlFlow;

use num_bigint::BigUint;

use crate::{
    modulus::with_modulus,
    pacer::{Interrupted, Pacer},
};

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

/// A proper factor of `n`: an odd composite without small factors that is no perfect power. None
/// where the sieve fails: `n` is too small or too large for it.
///
/// `progress` hears from time to time how many relations were found, and how many are needed.
pub(crate) async fn split<P: AsyncFnMut() -> ControlFlow<()>>(
    n: &BigUint,
    parameters: &Parameters,
    pacer: &mut Pacer<P>,
    mut progress: impl FnMut(u32, u32),
) -> Result<Option<BigUint>, Interrupted> {
    let base = match Base::new(n, parameters.base, pacer).await? {
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
    let debug = std::env::var("SIQS_DEBUG").is_ok();
    let clock = std::time::Instant::now();
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
        if debug { eprintln!("k {} sieved {:?}: {} relations, {:?}", polynomials.kn() / n, clock.elapsed(), relations.len(), search.stats); }
        let primes = &polynomials.primes;
        let dd = matrix::dependencies(&relations, primes.len(), pacer).await?;
        if debug { eprintln!("matrix {:?} {}", clock.elapsed(), dd.len()); }
        for dependency in dd {
            let factor = with_modulus!(n, |modulus| {
                root::factor(&modulus, &relations, primes, &dependency, pacer).await?
            });
            if factor.is_some() {
                if debug { eprintln!("done {:?}", clock.elapsed()); }
                return Ok(factor);
            }
        }
        needed += EXCESS;
    }
}
