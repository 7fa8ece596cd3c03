//! Jobs: requests that are answered later, kept in SQLite or in Redis.
//!
//! Most tests are run on both, the latter with workers in processes of their own.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod asynchronous;
mod control;
mod counters;
mod events;
mod expiry;
mod fairness;
mod faults;
mod idempotency;
mod life;
mod list;
mod load;
mod owners;
mod recording;
mod restart;
mod sieve;
mod stack;
mod store;
mod webhooks;

/// Makes a test on SQLite and one on Redis from each function that takes a `Kind`.
macro_rules! on_both_stores {
    ($($name:ident),* $(,)?) => {
        mod on_sqlite {
            $(#[test]
            fn $name() {
                super::$name(crate::stack::Kind::Sqlite);
            })*
        }

        mod on_redis {
            $(#[test]
            fn $name() {
                super::$name(crate::stack::Kind::Redis);
            })*
        }
    };
}
use on_both_stores;

/// The product of two primes of 50 digits, which takes longer than any time limit.
const HARD: &str = "1200060004200210000000000000000000000000000000003200093004690000000000000000000000000000000000002077";

/// Products of two primes: two that take seconds, and one that takes a part of one.
const SLOW: [&str; 3] = [
    "140002550005500000000000000000529003820000000000000000000000459",
    "240004300006500000000000000006378016580000000000000000000010149",
    "21003700100000000000000492064700000000000000001071",
];
