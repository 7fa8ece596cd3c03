//! One large number that several workers factorise.

use serde_json::json;

use crate::on_both_stores;
use crate::stack::{Kind, Setup, factorize, id, wait_for};

on_both_stores!(
    a_sieve_in_parts_finds_the_factors,
    the_time_limit_of_a_sieve_in_parts_is_that_of_the_job,
);

/// With the small factor 12: 70 digits.
const NUMBER: &str = "129377746800000000000000000000487270783080000000000000000000007694484";
/// A product of two primes of 43 digits, which takes minutes.
const LARGE: &str =
    "10781478900000000000000000000000000000041276519130000000000000000000000000000003861031";

fn a_sieve_in_parts_finds_the_factors(kind: Kind) {
    let stack = Setup::new(kind).runners(2).start();
    let job = id(&stack.defer(&factorize(NUMBER)));
    let parts = wait_for("parts that are done", || {
        let parts = stack.job(&job)["progress"]["parts"].clone();
        (parts["done"].as_u64()? > 0).then_some(parts)
    });
    assert!(parts["of"].as_u64() >= Some(8), "{parts}");
    let ended = stack.wait(&job, "succeeded");
    let factors = [
        json!([2, 2]),
        json!([3, 1]),
        "[1230000000000000000000000000004613,1]".parse().unwrap(),
        "[8765430000000000000000000000000139,1]".parse().unwrap(),
    ];
    assert_eq!(ended["result"]["factorization"], json!(factors));
    assert_eq!(ended["attempts"], 1, "{ended}");
}

fn the_time_limit_of_a_sieve_in_parts_is_that_of_the_job(kind: Kind) {
    let setup = Setup::new(kind).runners(2);
    let stack = setup.variable("factorize_job_time_limit", "8").start();
    let job = id(&stack.defer(&factorize(LARGE)));
    let ended = stack.wait(&job, "failed");
    assert_eq!(ended["problem"]["code"], "time-limit-exceeded", "{ended}");
    assert_eq!(ended["problem"]["remaining"], json!([LARGE]));
}
