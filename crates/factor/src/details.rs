//! Functions of a number that follow from its factorisation.
use num_bigint::BigUint;
use num_traits::One;

use crate::factorization::{Factorization, PrimePower};
use crate::{primality, trial};

/// Whether a number is prime, and functions of it that its prime factorisation gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Details {
    /// Whether the number is prime.
    pub prime: bool,
    /// The test that shows that its largest prime is prime. The smaller ones are shown by the same
    /// test or one earlier in [`PrimalityTest`].
    pub primality_test: PrimalityTest,
    /// The number of its divisors.
    pub divisor_count: BigUint,
    /// The sum of its divisors.
    pub divisor_sum: BigUint,
    /// Euler's totient: how many of the integers from 1 to the number are coprime to it.
    pub totient: BigUint,
    /// The Möbius function: 0 if a square divides the number, else 1 or -1 for an even or odd
    /// number of primes.
    pub moebius: i8,
}

/// The test that shows that a number is prime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PrimalityTest {
    /// No prime up to its root divides it: for numbers below 2^32.
    TrialDivision,
    /// The Miller–Rabin test with the first twelve primes as bases, a proof for numbers below 2^64.
    MillerRabin,
    /// The Baillie–PSW test: Miller–Rabin with base 2, and strong Lucas. No composite number that
    /// passes it is known, but there is no proof.
    BailliePsw,
}

impl PrimalityTest {
    /// The test that decided whether `prime` is prime.
    fn of(prime: &BigUint) -> Self {
        if *prime < BigUint::from(trial::BOUND).pow(2) {
            Self::TrialDivision
        } else if prime.bits() <= primality::DETERMINISTIC_BITS {
            Self::MillerRabin
        } else {
            Self::BailliePsw
        }
    }
}

impl Details {
    /// The details of the number with this factorisation.
    #[must_use]
    pub fn of(factorization: &Factorization) -> Self {
        let powers = factorization.prime_powers();
        let tests = powers.iter().map(|power| PrimalityTest::of(&power.prime));
        let product = |factor: fn(&PrimePower) -> BigUint| powers.iter().map(factor).product();
        let is_square_free = powers.iter().all(|power| power.exponent == 1);
        Self {
            prime: is_square_free && powers.len() == 1,
            primality_test: tests.max().unwrap_or(PrimalityTest::TrialDivision),
            divisor_count: product(|power| BigUint::from(power.exponent) + 1u32),
            divisor_sum: product(|PrimePower { prime, exponent }| {
                (prime.pow(exponent + 1) - 1u32) / (prime - 1u32)
            }),
            totient: product(|PrimePower { prime, exponent }| {
                prime.pow(exponent.saturating_sub(1)) * (prime - BigUint::one())
            }),
            moebius: match (is_square_free, powers.len() % 2) {
                (false, _) => 0,
                (true, 0) => 1,
                (true, _) => -1,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::{evaluate, factorize};

    fn details(expression: &str) -> Details {
        let number = evaluate(expression).unwrap();
        let pause = async || ControlFlow::Continue(());
        let factorization = pollster::block_on(factorize(&number, pause, |_| {})).unwrap();
        Details::of(&factorization)
    }

    fn gcd(a: u32, b: u32) -> u32 {
        if b == 0 { a } else { gcd(b, a % b) }
    }

    #[test]
    fn small_numbers_are_as_counting_says() {
        let mut moebius = vec![0, 1];
        for n in 2..1_000u32 {
            let divisors: Vec<u32> = (1..=n).filter(|d| n % d == 0).collect();
            // The sum of the Möbius function over all divisors is 0.
            let of_smaller = divisors.iter().filter(|&&d| d < n);
            moebius.push(-of_smaller.map(|&d| moebius[d as usize]).sum::<i8>());
            let expected = Details {
                prime: divisors.len() == 2,
                primality_test: PrimalityTest::TrialDivision,
                divisor_count: divisors.len().into(),
                divisor_sum: divisors.iter().sum::<u32>().into(),
                totient: (1..=n).filter(|&k| gcd(n, k) == 1).count().into(),
                moebius: moebius[n as usize],
            };
            assert_eq!(details(&n.to_string()), expected, "{n}");
        }
    }

    /// The values are those of PARI/GP's numdiv, sigma, eulerphi and moebius.
    #[test]
    fn large_numbers_are_as_another_program_says() {
        for (expression, count, sum, totient, moebius) in [
            (
                "2^128+1",
                "4",
                "340282366920938469168123457706024763396",
                "340282366920938457758625757157511659520",
                1,
            ),
            (
                "30!",
                "2332800",
                "1661684017916976317002970027596800",
                "41895952627187002197934080000000",
                0,
            ),
        ] {
            let details = details(expression);
            assert_eq!(details.divisor_count.to_string(), count);
            assert_eq!(details.divisor_sum.to_string(), sum);
            assert_eq!(details.totient.to_string(), totient);
            assert_eq!(details.moebius, moebius);
        }
        assert_eq!(details("10^199").divisor_count, 40_000u32.into());
    }

    #[test]
    fn the_test_is_that_of_the_largest_prime() {
        use PrimalityTest::{BailliePsw, MillerRabin, TrialDivision};
        for (expression, prime, test) in [
            ("2", true, TrialDivision),
            ("2^32-5", true, TrialDivision),
            ("2^32+15", true, MillerRabin),
            ("2^64-59", true, MillerRabin),
            ("2^64+13", true, BailliePsw),
            ("2*(2^64-59)", false, MillerRabin),
            ("(2^64-59)^2", false, MillerRabin),
            ("6*(2^64+13)", false, BailliePsw),
            ("2^199", false, TrialDivision),
        ] {
            let details = details(expression);
            assert_eq!(
                (details.prime, details.primality_test),
                (prime, test),
                "{expression}"
            );
        }
    }
}
