//! Trial division.

use num_bigint::BigUint;
use num_traits::One;

use pacer::Pacer;

use crate::primes::Primes;

/// Trial division stops below this bound. It is worth its one or two milliseconds for a number of
/// 200 digits because it leaves at most 41 prime factors for the costlier stages.
pub(crate) const BOUND: u64 = 1 << 16;

/// Splits off the prime factors below [`BOUND`], handing each with its multiplicity to `found`, and
/// returns what is left.
pub(crate) async fn divide(
    mut n: BigUint,
    pacer: &mut Pacer<'_>,
    mut found: impl FnMut(u64, u32),
) -> BigUint {
    if let Some(twos @ 1..) = n.trailing_zeros() {
        n >>= twos;
        found(2, twos as u32);
    }
    let mut primes = Primes::odd();
    let mut limbs = n.to_u64_digits();
    while !n.is_one() {
        let prime = primes.next(pacer).await;
        if prime >= BOUND {
            break;
        }
        let mut exponent = 0;
        loop {
            pacer.tick(4 * limbs.len()).await;
            if remainder(&limbs, prime) != 0 {
                break;
            }
            n /= prime;
            limbs = n.to_u64_digits();
            exponent += 1;
        }
        if exponent > 0 {
            found(prime, exponent);
        }
        if limbs.len() == 1 && limbs[0] < prime * prime && !n.is_one() {
            // No prime up to its root divides it.
            found(limbs[0], 1);
            return BigUint::one();
        }
    }
    n
}

/// The remainder of the number with these limbs by a divisor below 2^32.
fn remainder(limbs: &[u64], divisor: u64) -> u64 {
    let Some((top, rest)) = limbs.split_last() else {
        return 0;
    };
    rest.iter().rev().fold(top % divisor, |remainder, limb| {
        let upper = ((remainder << 32) | (limb >> 32)) % divisor;
        ((upper << 32) | (limb & u64::from(u32::MAX))) % divisor
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn divide_all(n: BigUint) -> (Vec<(u64, u32)>, BigUint) {
        let mut factors = Vec::new();
        let mut pacer = crate::unpaced();
        let rest = pollster::block_on(divide(n, &mut pacer, |prime, exponent| {
            factors.push((prime, exponent));
        }));
        (factors, rest)
    }

    #[test]
    fn leaves_nothing_of_small_numbers_and_everything_of_large_primes() {
        assert_eq!(
            divide_all(BigUint::from(2u32)),
            (vec![(2, 1)], BigUint::one())
        );
        assert_eq!(
            divide_all(BigUint::from(9u32)),
            (vec![(3, 2)], BigUint::one())
        );
        assert_eq!(
            divide_all(BigUint::from(91u32)),
            (vec![(7, 1), (13, 1)], BigUint::one())
        );
        assert_eq!(
            divide_all(BigUint::from(65_521u32).pow(3)),
            (vec![(65_521, 3)], BigUint::one())
        );
        let square = BigUint::from(65_537u32).pow(2);
        assert_eq!(divide_all(&square * 12u32), (vec![(2, 2), (3, 1)], square));
    }

    proptest! {
        #[test]
        fn takes_all_small_primes(digits in proptest::collection::vec(any::<u32>(), 1..20)) {
            let n = BigUint::new(digits) + 1u32;
            let (factors, rest) = divide_all(n.clone());
            let product: BigUint = factors.iter().map(|&(p, e)| BigUint::from(p).pow(e)).product();
            prop_assert_eq!(product * &rest, n);
            prop_assert!(factors.is_sorted());
            for divisor in 2..BOUND {
                prop_assert!(rest.is_one() || &rest % divisor != BigUint::ZERO);
            }
        }

        #[test]
        fn remainder_is_the_remainder(limbs in proptest::collection::vec(any::<u64>(), 0..12), divisor in 1..1u64 << 32) {
            prop_assert_eq!(BigUint::from(remainder(&limbs, divisor)), crate::modulus::from_limbs(&limbs) % divisor);
        }
    }
}
