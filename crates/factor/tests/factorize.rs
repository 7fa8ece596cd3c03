//! The public interface on known hard cases and on random products.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "the lint knows test functions, not their helpers"
)]

use std::{collections::BTreeMap, ops::ControlFlow, str::FromStr};

use factor::{Factorization, Number, Partial, Progress, factorize};
use num_bigint::BigUint;
use num_prime::nt_funcs::{is_prime, next_prime};
use proptest::prelude::*;

fn number(n: &BigUint) -> Number {
    Number::from_str(&n.to_string()).expect("from 2 to 200 digits")
}

fn complete(n: &BigUint) -> Factorization {
    let mut reported = BTreeMap::<_, u32>::new();
    let observe = |progress: Progress<'_>| {
        if let Progress::Found { prime, exponent } = progress {
            *reported.entry(prime.clone()).or_default() += exponent;
        }
    };
    let number = number(n);
    let search = factorize(&number, async || ControlFlow::Continue(()), observe);
    let factorization = pollster::block_on(search).unwrap();
    assert_eq!(Factorization::from(reported), factorization);
    factorization
}

/// What is found when the pause breaks at its `pauses`-th call.
fn interrupted(n: &BigUint, pauses: u32) -> Result<Factorization, Partial> {
    let mut left = pauses;
    let pause = async || {
        left = left.saturating_sub(1);
        if left == 0 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let mut reported = BTreeMap::<_, u32>::new();
    let observe = |progress: Progress<'_>| {
        if let Progress::Found { prime, exponent } = progress {
            *reported.entry(prime.clone()).or_default() += exponent;
        }
    };
    let result = pollster::block_on(factorize(&number(n), pause, observe));
    let (Ok(found) | Err(Partial { found, .. })) = &result;
    assert_eq!(Factorization::from(reported), *found);
    result
}

/// By a test that shares no code with the crate.
fn assert_factorization(factorization: &Factorization) {
    let powers = factorization.prime_powers();
    assert!(powers.is_sorted_by(|a, b| a.prime < b.prime));
    for power in powers {
        assert!(
            power.exponent >= 1 && is_prime(&power.prime, None).probably(),
            "{power}"
        );
    }
}

fn assert_complete(n: &BigUint) {
    let factorization = complete(n);
    assert_eq!(factorization.product(), *n);
    assert_factorization(&factorization);
}

fn big(text: &str) -> BigUint {
    BigUint::from_str(text).unwrap()
}

fn prime_from(start: impl Into<BigUint>) -> BigUint {
    next_prime(&start.into(), None).unwrap()
}

#[test]
fn known_factorizations() {
    for (n, expected) in [
        ("2", "2^1"),
        ("3", "3^1"),
        ("4", "2^2"),
        ("5", "5^1"),
        ("6", "2^1 3^1"),
        ("7", "7^1"),
        ("8", "2^3"),
        ("9", "3^2"),
        ("408216", "2^3 3^1 73^1 233^1"),
        // Carmichael numbers.
        ("561", "3^1 11^1 17^1"),
        ("1729", "7^1 13^1 19^1"),
        (
            "1590231231043178376951698401",
            "17^1 19^1 23^1 29^1 31^1 37^1 41^1 43^1 61^1 67^1 71^1 73^1 79^1 97^1 113^1 199^1",
        ),
        // Strong pseudoprimes to many bases.
        ("2047", "23^1 89^1"),
        ("3215031751", "151^1 751^1 28351^1"),
        ("3825123056546413051", "149491^1 747451^1 34233211^1"),
        ("318665857834031151167461", "399165290221^1 798330580441^1"),
        (
            "3317044064679887385961981",
            "1287836182261^1 2575672364521^1",
        ),
        // Lucas pseudoprimes, plain and strong.
        ("323", "17^1 19^1"),
        ("5459", "53^1 103^1"),
        ("5777", "53^1 109^1"),
        // Around 2^64, and Fermat's and Mersenne's composites.
        ("18446744073709551557", "18446744073709551557^1"),
        (
            "18446744073709551615",
            "3^1 5^1 17^1 257^1 641^1 65537^1 6700417^1",
        ),
        ("18446744073709551616", "2^64"),
        ("18446744073709551617", "274177^1 67280421310721^1"),
        ("18446744073709551629", "18446744073709551629^1"),
        ("147573952589676412927", "193707721^1 761838257287^1"),
        (
            "9671406556917033397649407",
            "167^1 57912614113275649087721^1",
        ),
        (
            "340282366920938463463374607431768211457",
            "59649589127497217^1 5704689200685129054721^1",
        ),
    ] {
        assert_eq!(complete(&big(n)).to_string(), expected);
    }
}

/// By the least prime factor of each number, from a plain sieve.
#[test]
fn every_number_to_a_million() {
    const END: usize = 1_000_001;
    let mut least = vec![0; END];
    for prime in 2..END {
        if least[prime] == 0 {
            for multiple in (prime..END).step_by(prime) {
                if least[multiple] == 0 {
                    least[multiple] = prime;
                }
            }
        }
    }
    for n in 2..END {
        let mut expected = BTreeMap::new();
        let mut rest = n;
        while rest > 1 {
            *expected.entry(BigUint::from(least[rest])).or_default() += 1;
            rest /= least[rest];
        }
        assert_eq!(complete(&BigUint::from(n)), Factorization::from(expected));
    }
}

/// Numbers that other programs got wrong, or never finished.
#[test]
fn numbers_of_published_bug_reports() {
    for n in [
        "978188756923448938700236182276357436",
        "244547189230862234675059045569089359",
        "28300421052393658575",
        "9804659461513846514",
        "2007193456621",
        "2744715551581",
        "46856248255981",
        "2152302898747",
        "100025441077759",
        "2400610585866216",
        "13090697986362792343",
        "3825123056546413051",
        "3317044064679887385961981",
        "62119104158988074251",
        "164959812840562904431",
        "2555929540142715989071",
        "972686449036774052301151",
        "327490017037567",
        "1411807385341",
        "443538368977861",
    ] {
        assert_complete(&big(n));
    }
    let ten = BigUint::from(10u32);
    let (p, q) = {
        let p = prime_from(ten.pow(98));
        (p.clone(), prime_from(p + 1u32))
    };
    // Primes that nearly coincide are split by one step of Fermat's method.
    assert_eq!(complete(&(&p * &q)).to_string(), format!("{p}^1 {q}^1"));
    let carmichael: BigUint = [561u32, 1105, 1729, 2465, 2821, 6601, 8911]
        .map(BigUint::from)
        .iter()
        .product();
    assert_complete(&carmichael);
    let two = BigUint::from(2u32);
    for exponent in [101u32, 103, 109, 137] {
        assert_complete(&(two.pow(exponent) - 1u32));
    }
    assert_complete(&(two.pow(607) - 1u32));
    assert_complete(&two.pow(661));
    assert_complete(&(two.pow(128) + 1u32));
    assert_complete(&(two.pow(256) - 1u32));
    assert_complete(&(1..=100u32).map(BigUint::from).product());
    let primes = (2..460u32).filter(|&n| is_prime(&BigUint::from(n), None).probably());
    assert_complete(&primes.map(BigUint::from).product());
}

/// Two, three and four primes of equal size around every size at which another method takes over.
#[test]
fn equal_primes_of_every_size_to_130_bits() {
    for bits in 34..=130u32 {
        for count in 2..=4u32 {
            let root = (BigUint::from(1u32) << bits).nth_root(count);
            let mut prime = prime_from(root * (bits + 900) / 1000u32);
            let mut n = BigUint::from(1u32);
            for _ in 0..count {
                n *= &prime;
                prime = prime_from(prime + 1_000u32 * bits);
            }
            assert_complete(&n);
        }
    }
}

#[test]
fn numbers_next_to_powers_of_two() {
    for bits in [32u32, 63, 64, 65] {
        for k in 1..30u32 {
            assert_complete(&((BigUint::from(1u32) << bits) - k));
            assert_complete(&((BigUint::from(1u32) << bits) + k));
        }
    }
}

#[test]
fn prime_powers_of_every_size() {
    for start in [1u64 << 16, 1 << 31, 1 << 32, u64::MAX - 1_000] {
        let prime = prime_from(start);
        for exponent in 2..13 {
            let n = prime.pow(exponent);
            if n.bits() > 664 {
                break;
            }
            assert_eq!(complete(&n).to_string(), format!("{prime}^{exponent}"));
        }
        let other = prime_from(prime.clone());
        assert_complete(&(prime.pow(2) * &other));
        assert_complete(&(prime.pow(2) * other.pow(2)));
    }
    let large = prime_from(BigUint::from(10u32).pow(99));
    assert_eq!(complete(&large.pow(2)).to_string(), format!("{large}^2"));
}

#[test]
fn smooth_and_prime_numbers_of_two_hundred_digits() {
    let factorial: BigUint = (1..=120u32).map(BigUint::from).product();
    assert_complete(&factorial);
    let end = BigUint::from(10u32).pow(200);
    let (mut smooth, mut prime) = (BigUint::from(1u32), BigUint::from(60_000u32));
    while &smooth * &prime < end {
        smooth *= &prime;
        prime = prime_from(prime * 2u32 % 1_000_000u32);
    }
    assert!(smooth.to_string().len() >= 194);
    assert_complete(&smooth);
    let prime = prime_from(BigUint::from(10u32).pow(199));
    assert_eq!(complete(&prime).to_string(), format!("{prime}^1"));
}

#[test]
fn factors_out_of_the_reach_of_rho() {
    // Two primes of 17 digits; and one of 14 digits in a number of 90.
    let small = prime_from(36_028_797_018_963_968u64);
    let large = prime_from(64_028_797_018_963_968u64);
    assert_eq!(
        complete(&(&small * &large)).to_string(),
        format!("{small}^1 {large}^1")
    );
    let medium = prime_from(70_368_744_177_664u64);
    let cofactor = prime_from(BigUint::from(10u32).pow(75));
    assert_eq!(
        complete(&(&medium * &cofactor)).to_string(),
        format!("{medium}^1 {cofactor}^1")
    );
}

/// Two primes of over 90 digits, which nothing here separates, behind factors that are easy to find.
#[test]
fn an_interrupted_search_tells_what_it_found() {
    let p = prime_from(BigUint::from(10u32).pow(90));
    let q = prime_from(BigUint::from(10u32).pow(95));
    let n = &p * &q * big("408216") * 1_000_003u32;
    for pauses in [1, 2, 3, 10, 1_000] {
        let partial = interrupted(&n, pauses).unwrap_err();
        assert_factorization(&partial.found);
        let remaining: BigUint = partial.remaining.iter().product();
        assert_eq!(partial.found.product() * remaining, n);
        assert!(partial.found.to_string().starts_with("2^3 3^1 73^1 233^1"));
        for composite in &partial.remaining {
            assert!(!is_prime(composite, None).probably());
        }
    }
    let partial = interrupted(&n, 1_000).unwrap_err();
    assert_eq!(partial.found.to_string(), "2^3 3^1 73^1 233^1 1000003^1");
    assert_eq!(partial.remaining, [&p * &q]);
    // A composite comes as often as it divides, and a number that needs no search is finished.
    assert_eq!(
        interrupted(&(&p * &p), 1).unwrap().to_string(),
        format!("{p}^2")
    );
}

#[test]
fn repeated_composites_are_repeated() {
    let p = prime_from(BigUint::from(10u32).pow(40));
    let q = prime_from(BigUint::from(10u32).pow(45));
    let partial = interrupted(&(&p * &q).pow(2), 5).unwrap_err();
    assert_eq!(partial.remaining, [&p * &q, &p * &q]);
    assert_eq!(partial.found, Factorization::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn products_of_random_primes_come_back(starts in proptest::collection::vec((2..1u64 << 36, 1..4u32), 1..5)) {
        let n: BigUint =
            starts.iter().map(|(start, e)| prime_from(*start).pow(*e)).product();
        let factorization = complete(&n);
        prop_assert_eq!(factorization.product(), n);
        assert_factorization(&factorization);
        for (start, exponent) in starts {
            let prime = prime_from(start);
            prop_assert!(factorization.prime_powers().iter().any(|p| p.prime == prime && p.exponent >= exponent));
        }
    }

    #[test]
    fn all_64_bit_numbers(n in 2..u64::MAX) {
        assert_complete(&BigUint::from(n));
    }

    #[test]
    fn all_128_bit_numbers(n in 2..u128::MAX) {
        let expected: BTreeMap<BigUint, u32> = num_prime::nt_funcs::factorize128(n >> 34)
            .into_iter()
            .map(|(prime, exponent)| (prime.into(), exponent as u32))
            .collect();
        prop_assert_eq!(complete(&BigUint::from(n >> 34)), Factorization::from(expected));
        assert_complete(&BigUint::from(n));
    }

    #[test]
    fn semiprimes_of_64_bits(a in 1u64 << 31..(1 << 32) - 20, b in 1u64 << 31..(1 << 32) - 20) {
        let (p, q) = (prime_from(a), prime_from(b));
        prop_assert_eq!(complete(&(&p * &q)).product(), p * q);
    }

    #[test]
    fn any_number_at_any_interruption(text in "[1-9][0-9]{1,199}", pauses in 1..400u32) {
        let n = big(&text);
        match interrupted(&n, pauses) {
            Ok(factorization) => {
                prop_assert_eq!(factorization.product(), n);
                assert_factorization(&factorization);
            }
            Err(partial) => {
                prop_assert_eq!(partial.found.product() * partial.remaining.iter().product::<BigUint>(), n);
                assert_factorization(&partial.found);
                prop_assert!(!partial.remaining.is_empty() && partial.remaining.is_sorted());
                for composite in &partial.remaining {
                    prop_assert!(!is_prime(composite, None).probably());
                }
            }
        }
    }
}
