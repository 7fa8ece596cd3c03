//! Factorisations in parts agree with those in one piece, whatever becomes of the parts on the way.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "the lint knows test functions, not their helpers"
)]

use std::{ops::ControlFlow, str::FromStr};

use factor::{
    Cut, Factorization, JoinError, Number, PartError, Step, begin, factorize, join, part,
};
use num_bigint::BigUint;
use num_prime::nt_funcs::next_prime;
use pollster::block_on;
use proptest::prelude::*;

/// Far fewer bits than where parts are worth while.
const LEAST: u64 = 100;

async fn go_on() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

async fn stop() -> ControlFlow<()> {
    ControlFlow::Break(())
}

fn number(n: &BigUint) -> Number {
    Number::from_str(&n.to_string()).expect("from 2 to 200 digits")
}

fn prime(digits: u32, noise: u64) -> BigUint {
    let least = BigUint::from(10u32).pow(digits - 1) * 3u32;
    let noise = (BigUint::from(noise) * &least) >> 63u32;
    next_prime(&(least + noise), None).unwrap()
}

fn direct(n: &BigUint) -> Factorization {
    block_on(factorize(&number(n), go_on, |_| {})).unwrap()
}

fn cut(n: &BigUint) -> Cut {
    match block_on(begin(&number(n), LEAST, go_on, |_| {})).unwrap() {
        Step::Cut(cut) => cut,
        Step::Complete(found) => panic!("{found} without a sieve"),
    }
}

fn relations(cut: &Cut, index: usize) -> (Vec<u8>, u64) {
    let numbers = cut.parts[index].clone();
    let part = block_on(part(&cut.composite, numbers, go_on, |_| {})).unwrap();
    (part.relations, part.weight)
}

fn joined(cut: Cut, results: &[Vec<u8>]) -> Result<Step, JoinError> {
    let next = cut.parts.last().map_or(0, |last| last.end);
    block_on(join(
        cut.known,
        &cut.composite,
        next,
        results,
        LEAST,
        go_on,
        |_| {},
    ))
}

/// In parts, of which `lost` says whether one never comes back. Each result is delivered twice, the last one first.
fn in_parts(n: &BigUint, mut lost: impl FnMut() -> bool) -> Factorization {
    let mut step = block_on(begin(&number(n), LEAST, go_on, |_| {})).unwrap();
    let (mut results, mut of) = (Vec::new(), BigUint::ZERO);
    loop {
        let cut = match step {
            Step::Complete(found) => return found,
            Step::Cut(cut) => cut,
        };
        if cut.composite != of {
            results.clear();
            of = cut.composite.clone();
        }
        let mut weight = 0;
        for index in 0..cut.parts.len() {
            if weight >= cut.enough {
                break;
            }
            if !lost() {
                let (bytes, new) = relations(&cut, index);
                results.insert(0, bytes.clone());
                results.push(bytes);
                weight += new;
            }
        }
        step = joined(cut, &results).unwrap();
    }
}

#[test]
fn a_hundred_numbers_have_the_same_factors_in_parts() {
    for noise in 0..100u64 {
        // From 41 to 49 digits, most of them below 44.
        let digits = 20 + (noise.pow(3) / 240_000) as u32;
        let noise = noise.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 1;
        let n = prime(digits, noise) * prime(digits + 1, noise / 3);
        let mut count = noise;
        let found = in_parts(&n, || {
            count += 1;
            count % 5 == 0
        });
        assert_eq!(found, direct(&n), "{n}");
    }
}

/// What the sieve finds may be composite, and several composites may need one.
#[test]
fn a_number_may_need_several_sieves() {
    let primes = [18, 19, 20, 21].map(|digits| prime(digits, 7 << 55));
    let n: BigUint = primes.iter().product::<BigUint>() * &primes[0] * 12u32;
    let found = in_parts(&n, || false);
    assert_eq!(found.product(), n);
    assert_eq!(found, direct(&n));
}

#[test]
fn too_few_parts_ask_for_as_many_as_are_missing() {
    let n = prime(25, 1 << 60) * prime(26, 5 << 59);
    let cut = cut(&n);
    let (first, weight) = relations(&cut, 0);
    let enough = cut.enough;
    let (known, end) = (cut.known.clone(), cut.parts.last().unwrap().end);
    let Ok(Step::Cut(more)) = joined(cut, &[first]) else {
        panic!("one part is enough")
    };
    assert_eq!(
        (more.known.remaining, more.parts[0].start),
        (known.remaining, end)
    );
    assert!(more.enough + weight >= enough && more.enough <= enough);
}

#[test]
fn a_part_is_the_same_whoever_computes_it_and_has_a_weight() {
    let n = prime(25, 1 << 59) * prime(26, 5 << 58);
    let cut = cut(&n);
    assert!(cut.parts.is_sorted_by(|a, b| a.end == b.start));
    let first = relations(&cut, 1);
    assert_eq!(first, relations(&cut, 1));
    assert_ne!(first, relations(&cut, 2));
    assert!(first.1 > 0 && first.1 < cut.enough);
}

#[test]
fn an_interruption_is_told() {
    let n = prime(28, 1 << 59) * prime(29, 5 << 58);
    let cut = cut(&n);
    let stopped = block_on(part(&n, 0..5, stop, |_| {}));
    assert_eq!(stopped.err(), Some(PartError::Interrupted));
    let results = [relations(&cut, 0).0];
    let joined = block_on(join(cut.known, &n, 9, &results, LEAST, stop, |_| {}));
    let Err(JoinError::Interrupted(partial)) = joined else {
        panic!("{joined:?}")
    };
    assert_eq!(partial.remaining, [n]);
}

#[test]
fn what_no_sieve_is_for_has_no_parts() {
    for n in [15u32, 1_000_003, 4_294_967_291].map(BigUint::from) {
        let result = block_on(part(&n, 0..3, go_on, |_| {}));
        assert_eq!(result.err(), Some(PartError::Unknown), "{n}");
    }
    let n = prime(90, 5) * prime(90, 7);
    let result = block_on(part(&n, 0..3, go_on, |_| {}));
    assert_eq!(result.err(), Some(PartError::Unknown));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Relations cannot be made up: a changed byte is noticed, or changes nothing that matters.
    #[test]
    fn damaged_results_are_refused(changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4), end: usize) {
        let n = prime(22, 1 << 58) * prime(23, 5 << 57);
        let cut = cut(&n);
        let mut results: Vec<Vec<u8>> = (0..2).map(|index| relations(&cut, index).0).collect();
        for (place, byte) in changes {
            let length = results[1].len();
            results[1][place % length] = byte;
        }
        if end % 3 == 0 {
            let length = results[1].len();
            results[1].truncate(end % length);
        }
        match joined(cut, &results) {
            Ok(Step::Cut(more)) => prop_assert_eq!(more.composite, n),
            Ok(Step::Complete(found)) => prop_assert_eq!(found.product(), n),
            Err(JoinError::Corrupt) => {}
            Err(error) => prop_assert!(false, "{error}"),
        }
    }

    #[test]
    fn any_bytes_are_refused(bytes: Vec<u8>) {
        let n = prime(22, 1 << 58) * prime(23, 5 << 57);
        match joined(cut(&n), &[bytes]) {
            Err(JoinError::Corrupt) | Ok(Step::Cut(_)) => {}
            other => prop_assert!(false, "{other:?}"),
        }
    }
}
