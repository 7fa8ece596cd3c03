//! Perfect powers, which the splitters cannot split.

use num_bigint::BigUint;

use pacer::Pacer;

use crate::trial;

/// The prime exponents that a number of at most [`crate::MAX_DIGITS`] digits without a factor below
/// [`trial::BOUND`] can have.
const EXPONENTS: [u32; 13] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41];

/// The cost of taking one root.
pub(crate) const ROOT: usize = 15_000;

/// The root and exponent of `n = root^exponent` with the largest exponent above 1, for `n` without
/// a prime factor below [`trial::BOUND`].
pub(crate) async fn perfect_power(n: &BigUint, pacer: &mut Pacer<'_>) -> Option<(BigUint, u32)> {
    let mut root = n.clone();
    let mut exponent = 1;
    for prime in EXPONENTS {
        while root.bits() > u64::from(prime) * u64::from(trial::BOUND.ilog2()) {
            pacer.tick(ROOT).await;
            let candidate = root.nth_root(prime);
            if candidate.pow(prime) != root {
                break;
            }
            root = candidate;
            exponent *= prime;
        }
    }
    (exponent > 1).then_some((root, exponent))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn power_of(n: &BigUint) -> Option<(BigUint, u32)> {
        let mut pacer = crate::unpaced();
        pollster::block_on(perfect_power(n, &mut pacer))
    }

    proptest! {
        #[test]
        fn powers_are_recognised(root in 65_537..u64::MAX, exponent in 2..41u32) {
            let root = BigUint::from(root);
            let n = root.pow(exponent);
            prop_assume!(n.bits() <= 665);
            let (base, found) = power_of(&n).unwrap();
            prop_assert_eq!(base.pow(found), n.clone());
            prop_assert_eq!(found % exponent, 0);
            prop_assert_eq!(power_of(&base), None);
            prop_assert_eq!(power_of(&(n + 1u32)), None);
        }
    }

    #[test]
    fn the_largest_exponent_is_recognised() {
        let prime = BigUint::from(65_537u32);
        for exponent in 2..=41 {
            assert_eq!(
                power_of(&prime.pow(exponent)),
                Some((prime.clone(), exponent))
            );
        }
        assert_eq!(power_of(&prime), None);
        assert_eq!(power_of(&(prime.pow(40) * 65_539u32)), None);
    }
}
