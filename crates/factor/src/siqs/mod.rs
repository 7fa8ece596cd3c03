//! The self-initialising quadratic sieve: S. Contini, "Factoring integers with the self-initializing
//! quadratic sieve", M. A. thesis, University of Georgia (1997).
//!
//! [`base`] chooses a multiplier `k` and the primes, and [`leading`] an order of leading coefficients;
//! [`polynomial`] makes polynomials whose values are `x² - k n` up to a known factor; [`mod@sieve`] finds
//! where they have many small factors, [`search`] divides there and keeps the [`relations`];
//! [`matrix`] combines them to squares, and [`root`] takes their roots, whose difference shares a
//! factor with `n` every other time.
//!
//! All but the relations follows from `n`. So instances that share nothing can each sieve some of the
//! leading coefficients ([`part`]) and send the relations to one that combines them.
//!
//! # What was measured
//!
//! On one core of an AMD EPYC (Zen 4), processor time, products of two equal primes; in brackets the
//! same code in WebAssembly under Wasmtime with epoch interruption, through HTTP:
//!
//! - 40 digits 10 ms (22 ms), 50 digits 0.12 s (0.27 s), 60 digits 0.9 s (2.1 s), 70 digits 14 s
//!   (21 s), 80 digits 108 s (156 s).
//! - Loops turn slowly under epoch interruption. Unrolling those of [`mod@sieve`] took 15 % off the
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
use std::ops::Range;

use num_bigint::BigUint;
use pacer::{Interrupted, Pacer};

use crate::modulus::with_modulus;

mod arithmetic;
mod base;
mod coefficients;
mod estimate;
mod kernel;
mod leading;
mod matrix;
mod montgomery;
mod parameters;
mod part;
mod polynomial;
mod relations;
mod root;
mod search;
mod sieve;
mod wide;

use base::{Base, Found};
pub(crate) use estimate::ENOUGH;
use estimate::WHOLE;
use leading::Leading;
use parameters::Parameters;
pub(crate) use parameters::{expected, parts};
pub(crate) use part::{Corrupt, Yield};
use polynomial::Polynomials;
use relations::Relations;
use search::Search;

/// The most bits of `k n` that the arithmetic has room for.
pub(crate) const MAX_BITS: u64 = 320;

/// The fewest bits of a number that is sieved in parts: it exceeds every prime of its base.
const LEAST_BITS: u64 = 64;

/// How many more relations than primes are looked for.
const EXCESS: usize = 16;

/// What follows from a number alone: every instance finds the same.
struct Start {
    kn: BigUint,
    base: Base,
    leading: Leading,
    parameters: Parameters,
}

enum Beginning {
    Start(Box<Start>),
    /// A proper factor turned up.
    Factor(BigUint),
    /// The number is too small or too large.
    Unsuitable,
}

impl Start {
    async fn choose(n: &BigUint, pacer: &mut Pacer<'_>) -> Result<Beginning, Interrupted> {
        let parameters = Parameters::new(n.bits() as u32);
        let base = match Base::choose(n, parameters.base, pacer).await? {
            Found::Factor(prime) => return Ok(Beginning::Factor(prime.into())),
            Found::Base(base) => base,
        };
        let kn = n * base.multiplier;
        if kn.bits() > MAX_BITS {
            return Ok(Beginning::Unsuitable);
        }
        Ok(match Leading::new(&kn, &base, parameters.half) {
            Some(leading) => Beginning::Start(Box::new(Self {
                kn,
                base,
                leading,
                parameters,
            })),
            None => Beginning::Unsuitable,
        })
    }

    /// How many independent relations make a factor all but certain.
    fn needed(&self) -> usize {
        self.base.primes.len() + EXCESS
    }

    /// What sieves from the next leading coefficient on.
    async fn search(self, pacer: &mut Pacer<'_>) -> Result<(Polynomials, Search), Interrupted> {
        let search = Search::new(&self.kn, &self.base.primes, &self.parameters);
        let half = self.parameters.half;
        let polynomials = Polynomials::new(&self.kn, self.base, self.leading, half, pacer).await?;
        Ok((polynomials, search))
    }
}

/// A proper factor of `n`: an odd composite without small factors that is not a perfect power. None
/// where the sieve fails: `n` is too small or too large for it.
///
/// `progress` is called from time to time with the number of relations found and needed.
pub(crate) async fn split(
    n: &BigUint,
    pacer: &mut Pacer<'_>,
    progress: &mut dyn FnMut(u32, u32),
) -> Result<Option<BigUint>, Interrupted> {
    let start = match Start::choose(n, pacer).await? {
        Beginning::Start(start) => start,
        Beginning::Factor(factor) => return Ok(Some(factor)),
        Beginning::Unsuitable => return Ok(None),
    };
    let mut relations = Relations::new(start.needed());
    let (mut polynomials, mut search) = start.search(pacer).await?;
    loop {
        while !relations.are_enough() {
            progress(relations.cycles() as u32, relations.needed() as u32);
            if !polynomials.next_leading(pacer).await? {
                return Ok(None);
            }
            search
                .sieve(&mut polynomials, &mut relations, pacer)
                .await?;
        }
        progress(relations.needed() as u32, relations.needed() as u32);
        let factor = combine(n, &relations, &polynomials.primes, pacer).await?;
        if factor.is_some() {
            return Ok(factor);
        }
        relations.need(EXCESS);
    }
}

/// A proper factor of `n` from enough relations; none with a probability of 2 to the minus 16th or less.
async fn combine(
    n: &BigUint,
    relations: &Relations,
    primes: &[u32],
    pacer: &mut Pacer<'_>,
) -> Result<Option<BigUint>, Interrupted> {
    for dependency in matrix::dependencies(relations, primes.len(), pacer).await? {
        let factor = with_modulus!(n, |modulus| {
            root::factor(&modulus, relations, primes, &dependency, pacer).await?
        });
        if factor.is_some() {
            return Ok(factor);
        }
    }
    Ok(None)
}

/// Whether the number may be sieved in parts.
fn is_suitable(n: &BigUint) -> bool {
    n.bit(0) && (LEAST_BITS..=MAX_BITS).contains(&n.bits())
}

/// The relations of the leading coefficients with these numbers. None if `n` needs no sieve, is out of its
/// reach, or has fewer leading coefficients.
///
/// `progress` is called from time to time with the number of independent relations among all that are
/// needed that these count for.
pub(crate) async fn sieve(
    n: &BigUint,
    numbers: Range<u32>,
    pacer: &mut Pacer<'_>,
    progress: &mut dyn FnMut(u32, u32),
) -> Result<Option<Yield>, Interrupted> {
    if !is_suitable(n) || numbers.is_empty() || numbers.end > part::MOST_NUMBERS {
        return Ok(None);
    }
    let Beginning::Start(mut start) = Start::choose(n, pacer).await? else {
        return Ok(None);
    };
    for _ in 0..numbers.start {
        if start.leading.choose(pacer).await?.is_none() {
            return Ok(None);
        }
    }
    let needed = start.needed();
    let mut found = Yield::new(&numbers, &start);
    let (mut polynomials, mut search) = start.search(pacer).await?;
    for number in numbers {
        let part = u64::from(found.weight()) * needed as u64 / u64::from(WHOLE);
        progress(part as u32, needed as u32);
        if !polynomials.next_leading(pacer).await? {
            return Ok(None);
        }
        found.begin(number);
        search.sieve(&mut polynomials, &mut found, pacer).await?;
    }
    Ok(Some(found))
}

/// What relations lead to.
#[derive(Debug)]
pub(crate) enum Solved {
    /// A proper factor.
    Factor(BigUint),
    /// More relations are needed: about those of so many more leading coefficients, with so much weight.
    Missing { numbers: u32, weight: u64 },
    /// No number of relations will help: `n` is out of reach.
    Unsuitable,
}

/// Combines relations that [`sieve()`] has found for the same `n`. Each is checked, and counts once.
pub(crate) async fn solve(
    n: &BigUint,
    results: &[&[u8]],
    pacer: &mut Pacer<'_>,
) -> Result<Result<Solved, Corrupt>, Interrupted> {
    if !is_suitable(n) {
        return Ok(Ok(Solved::Unsuitable));
    }
    let start = match Start::choose(n, pacer).await? {
        Beginning::Start(start) => start,
        Beginning::Factor(factor) => return Ok(Ok(Solved::Factor(factor))),
        Beginning::Unsuitable => return Ok(Ok(Solved::Unsuitable)),
    };
    let mut relations = Relations::new(start.needed());
    let primes = start.base.primes.clone();
    let missing = match part::read(*start, results, &mut relations, pacer).await? {
        Ok(missing) => missing,
        Err(corrupt) => return Ok(Err(corrupt)),
    };
    if relations.are_enough()
        && let Some(factor) = combine(n, &relations, &primes, pacer).await?
    {
        return Ok(Ok(Solved::Factor(factor)));
    }
    Ok(Ok(missing))
}

#[cfg(test)]
mod tests {
    use std::{iter, ops::ControlFlow};

    use num_prime::nt_funcs::next_prime;

    use super::*;

    fn split_alone(n: &BigUint) -> Option<BigUint> {
        let mut pacer = crate::unpaced();
        let mut reported = (0, 0);
        let mut progress = |found, needed| {
            assert!(found <= needed && needed > 0);
            reported = (found, needed);
        };
        let factor = pollster::block_on(split(n, &mut pacer, &mut progress)).unwrap();
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
        let mut progress = |found, needed| reported = Some((found, needed));
        let search = split(&n, &mut pacer, &mut progress);
        assert!(pollster::block_on(search).is_err());
        drop(pacer);
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

    /// The relations of some parts as a receiver sees them.
    fn read(n: &BigUint, parts: impl IntoIterator<Item = Range<u32>>) -> Relations {
        let mut pacer = crate::unpaced();
        pollster::block_on(async {
            let mut results = Vec::new();
            for part in parts {
                let found = sieve(n, part, &mut pacer, &mut |_, _| {}).await;
                results.push(found.unwrap().expect("relations").into_bytes());
            }
            let Beginning::Start(start) = Start::choose(n, &mut pacer).await.unwrap() else {
                panic!("{n} is suitable")
            };
            let mut relations = Relations::new(start.needed());
            let results: Vec<&[u8]> = results.iter().map(Vec::as_slice).collect();
            let read = part::read(*start, &results, &mut relations, &mut pacer).await;
            assert!(read.unwrap().is_ok());
            relations
        })
    }

    #[test]
    fn parts_have_the_relations_of_the_whole_and_none_twice() {
        for bits in [70, 80, 90] {
            let n = prime(bits, 5) * prime(bits, 6);
            let whole = read(&n, iter::once(0..12));
            let parts = read(&n, [5..11, 11..12, 0..5]);
            let roots = |relations: &Relations| {
                let one = |index| relations.relation(index).root.to_biguint();
                (0..relations.len()).map(one).collect::<Vec<_>>()
            };
            assert!(whole.len() > 100, "{}", whole.len());
            assert_eq!(roots(&whole), roots(&parts));
            assert_eq!(whole.cycles(), parts.cycles());
            let alone = |part| read(&n, iter::once(part)).len();
            // Rarely two polynomials of different leading coefficients have the same value.
            let sum = alone(0..5) + alone(5..12);
            assert!(
                sum - whole.len() < whole.len() / 20,
                "{sum} {}",
                whole.len()
            );
        }
    }
}
