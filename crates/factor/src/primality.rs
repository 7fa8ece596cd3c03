//! Primality: deterministic below 2^64; Baillie–PSW above, without a known counterexample.

use num_bigint::BigUint;
use pacer::Pacer;

use crate::{
    modulus::{Modulus, Residue, with_modulus},
    perfect_power,
};

/// Together they decide every number below 3.1 · 10^23 (J. Sorenson and J. Webster, "Strong
/// pseudoprimes to twelve prime bases", Math. Comp. 86 (2017)).
const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];

/// The most bits of a number that is tested with all [`BASES`].
pub(crate) const DETERMINISTIC_BITS: u64 = 64;

/// Whether `n`, an odd number above [`BASES`], is prime.
pub(crate) async fn is_prime(n: &BigUint, pacer: &mut Pacer<'_>) -> bool {
    with_modulus!(n, |modulus| {
        if n.bits() > DETERMINISTIC_BITS {
            return is_strong_probable_prime(n, &modulus, 2, pacer).await
                && is_strong_lucas_probable_prime(n, &modulus, pacer).await;
        }
        for base in BASES {
            if !is_strong_probable_prime(n, &modulus, base, pacer).await {
                return false;
            }
        }
        true
    })
}

/// One round of the Miller–Rabin test.
async fn is_strong_probable_prime<const N: usize>(
    n: &BigUint,
    modulus: &Modulus<N>,
    base: u64,
    pacer: &mut Pacer<'_>,
) -> bool {
    let one = modulus.one();
    let minus_one = modulus.neg(&one);
    let base = modulus.residue(base);
    let twos = (n - 1u32).trailing_zeros().unwrap_or(0);
    let mut power = one;
    for bit in (twos..n.bits()).rev() {
        pacer.tick(2 * Modulus::<N>::MUL).await;
        power = modulus.square(&power);
        if n.bit(bit) {
            power = modulus.mul(&power, &base);
        }
    }
    if power == one {
        return true;
    }
    for _ in 1..twos {
        if power == minus_one {
            return true;
        }
        pacer.tick(Modulus::<N>::MUL).await;
        power = modulus.square(&power);
    }
    power == minus_one
}

/// The strong Lucas test with Selfridge's parameters: R. Baillie and S. S. Wagstaff, "Lucas
/// pseudoprimes", Math. Comp. 35 (1980), method A.
async fn is_strong_lucas_probable_prime<const N: usize>(
    n: &BigUint,
    modulus: &Modulus<N>,
    pacer: &mut Pacer<'_>,
) -> bool {
    pacer.tick(perfect_power::ROOT).await;
    let Some(discriminant) = selfridge_discriminant(n) else {
        return false;
    };
    let signed = |value: i64| {
        let residue = modulus.residue(value.unsigned_abs());
        if value < 0 {
            modulus.neg(&residue)
        } else {
            residue
        }
    };
    let d = signed(discriminant);
    let q = signed((1 - discriminant) / 4);
    let double_step = |v: &Residue<N>, q_power: &Residue<N>| {
        modulus.sub(&modulus.square(v), &modulus.add(q_power, q_power))
    };
    let index = n + 1u32;
    let twos = index.trailing_zeros().unwrap_or(0);
    // U and V of the bits read so far, with P = 1, and the power of Q.
    let (mut u, mut v, mut q_power) = (modulus.one(), modulus.one(), q);
    for bit in (twos..index.bits() - 1).rev() {
        pacer.tick(5 * Modulus::<N>::MUL).await;
        u = modulus.mul(&u, &v);
        v = double_step(&v, &q_power);
        q_power = modulus.square(&q_power);
        if index.bit(bit) {
            (u, v) = (
                modulus.half(&modulus.add(&u, &v)),
                modulus.half(&modulus.add(&modulus.mul(&d, &u), &v)),
            );
            q_power = modulus.mul(&q_power, &q);
        }
    }
    if u == [0; N] {
        return true;
    }
    for _ in 1..twos {
        if v == [0; N] {
            return true;
        }
        pacer.tick(2 * Modulus::<N>::MUL).await;
        v = double_step(&v, &q_power);
        q_power = modulus.square(&q_power);
    }
    v == [0; N]
}

/// The first of 5, -7, 9, -11, … whose Jacobi symbol over `n` is -1. None when `n` is composite for
/// a reason met on the way: a square has no such number.
fn selfridge_discriminant(n: &BigUint) -> Option<i64> {
    let mut magnitude = 5;
    loop {
        // Among the first few numbers nearly every non-square has found its own.
        if magnitude == 41 && n.sqrt().pow(2) == *n {
            return None;
        }
        let candidate = if magnitude % 4 == 1 {
            magnitude
        } else {
            -magnitude
        };
        match jacobi_of_big(candidate, n) {
            -1 => return Some(candidate),
            0 => return None,
            _ => magnitude += 2,
        }
    }
}

/// The Jacobi symbol (a/n) for odd `a` and odd `n`.
fn jacobi_of_big(a: i64, n: &BigUint) -> i32 {
    let n_mod_4 = low_bits(n) % 4;
    let magnitude = a.unsigned_abs();
    let mut sign = if a < 0 && n_mod_4 == 3 { -1 } else { 1 };
    if magnitude % 4 == 3 && n_mod_4 == 3 {
        sign = -sign;
    }
    sign * jacobi(low_bits(&(n % magnitude)), magnitude)
}

fn low_bits(n: &BigUint) -> u64 {
    n.iter_u64_digits().next().unwrap_or(0)
}

/// The Jacobi symbol (a/n) for odd `n`.
pub(crate) fn jacobi(mut a: u64, mut n: u64) -> i32 {
    let mut sign = 1;
    a %= n;
    while a != 0 {
        let twos = a.trailing_zeros();
        a >>= twos;
        if twos % 2 == 1 && matches!(n % 8, 3 | 5) {
            sign = -sign;
        }
        if a % 4 == 3 && n % 4 == 3 {
            sign = -sign;
        }
        (a, n) = (n % a, a);
    }
    if n == 1 { sign } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use num_prime::nt_funcs;
    use proptest::prelude::*;

    use super::*;

    fn prime(n: &BigUint) -> bool {
        pollster::block_on(is_prime(n, &mut crate::unpaced()))
    }

    fn lucas(n: u64) -> bool {
        let n = BigUint::from(n);
        let modulus = Modulus::<1>::new(&n);
        pollster::block_on(is_strong_lucas_probable_prime(
            &n,
            &modulus,
            &mut crate::unpaced(),
        ))
    }

    fn strong(n: u64, base: u64) -> bool {
        let n = BigUint::from(n);
        let modulus = Modulus::<1>::new(&n);
        pollster::block_on(is_strong_probable_prime(
            &n,
            &modulus,
            base,
            &mut crate::unpaced(),
        ))
    }

    #[test]
    fn decides_all_small_numbers() {
        for n in (39..100_000u64).step_by(2) {
            assert_eq!(prime(&BigUint::from(n)), nt_funcs::is_prime64(n), "{n}");
        }
    }

    /// OEIS A001262 and A217255: each test alone is fooled exactly where the literature says.
    #[test]
    fn single_tests_have_the_known_pseudoprimes() {
        let fooled = |test: &dyn Fn(u64) -> bool, end: u64| -> Vec<u64> {
            (39..end)
                .step_by(2)
                .filter(|&n| !nt_funcs::is_prime64(n) && test(n))
                .collect()
        };
        assert_eq!(
            fooled(&|n| strong(n, 2), 30_000),
            [2047, 3277, 4033, 4681, 8321, 15841, 29341]
        );
        assert_eq!(
            fooled(&lucas, 60_000),
            [
                5459, 5777, 10877, 16109, 18971, 22499, 24569, 25199, 40309, 58519
            ]
        );
        for n in (39..60_000).step_by(2).filter(|&n| nt_funcs::is_prime64(n)) {
            assert!(lucas(n) && strong(n, 2), "{n}");
        }
    }

    /// The least strong pseudoprimes to the first k prime bases, then a larger one by F. Arnault.
    #[test]
    fn strong_pseudoprimes_to_many_bases_are_composite() {
        for n in [
            "25326001",
            "3215031751",
            "2152302898747",
            "3474749660383",
            "341550071728321",
            "3825123056546413051",
            "318665857834031151167461",
            "3317044064679887385961981",
            "360681321802296925566181",
            "1195068768795265792518361315725116351898245581",
        ] {
            let n = BigUint::from_str(n).unwrap();
            assert!(!prime(&n), "{n}");
        }
    }

    #[test]
    fn mersenne_numbers_are_prime_for_the_known_exponents() {
        let exponents: Vec<u32> = (7..664)
            .filter(|&k| prime(&((BigUint::from(1u32) << k) - 1u32)))
            .collect();
        assert_eq!(exponents, [7, 13, 17, 19, 31, 61, 89, 107, 127, 521, 607]);
    }

    #[test]
    fn squares_are_composite_for_every_size() {
        for k in [20u32, 31, 33, 64, 89, 107, 300] {
            let root = (BigUint::from(1u32) << k) - 1u32;
            assert!(!prime(&(&root * &root)));
        }
    }

    proptest! {
        #[test]
        fn agrees_with_num_prime(digits in proptest::collection::vec(any::<u32>(), 1..20)) {
            let n = (BigUint::new(digits) + 64u32) | BigUint::from(1u32);
            prop_assert_eq!(prime(&n), nt_funcs::is_prime(&n, None).probably());
        }

        #[test]
        fn jacobi_is_eulers_criterion(a in 1..1_000i64, index in 0..5_000u64) {
            let a = 2 * a + 1;
            let p = nt_funcs::nth_prime(index + 2);
            let euler = |a: i64| {
                let base = BigUint::from(a.rem_euclid(p as i64) as u64);
                let power = base.modpow(&BigUint::from((p - 1) / 2), &BigUint::from(p));
                if power == BigUint::from(1u32) { 1 } else if power == BigUint::ZERO { 0 } else { -1 }
            };
            prop_assert_eq!(jacobi_of_big(a, &BigUint::from(p)), euler(a));
            prop_assert_eq!(jacobi_of_big(-a, &BigUint::from(p)), euler(-a));
        }
    }
}
